//! Hyperion L1T deliveries, made up after the EO-1 user guide and the USGS's archive: file names, the metadata's groups and
//! keys, one int16 GeoTIFF for each of 242 bands of which 44 hold zeros, radiance times 40 (VNIR) and 80 (SWIR), fill zero.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alunite::pipeline::{Request, plan};
use alunite::scene::{Product, Quantity, Scene, SceneOptions};
use alunite::tile::{Samples, Window};

use crate::deliveries::{
    Place, assert_sorted, classes, dropped, library, map, open, planned, refusal, report, said, write_tiff,
};

const STEM: &str = "EO1H0420342002070110KZ_";
const BANDS: usize = 242;

fn calibrated(band: usize) -> bool {
    (7..57).contains(&band) || (76..224).contains(&band)
}

/// Centres to about 0.1 nm, which is enough to make spectra with.
fn centre(band: usize) -> f64 {
    if band < 70 { 355.59 + 10.1752 * band as f64 } else { 851.92 + 10.0891 * (band - 70) as f64 }
}

fn value(band: usize, pixel: usize) -> i16 {
    if pixel == 0 || !calibrated(band) {
        return 0;
    }
    let factor = if band < 70 { 40.0 } else { 80.0 };
    let mineral = if pixel.is_multiple_of(2) { 30.0 } else { 10.0 + 0.02 * (centre(band) - 300.0) };
    (factor * mineral * (1.0 + 0.05 * (pixel % 5) as f64)).round() as i16
}

fn metadata(change: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::from(
        "GROUP = L1_METADATA_FILE\n  GROUP = METADATA_FILE_INFO\n    STATION_ID = \"EDC\"\n  END_GROUP = METADATA_FILE_INFO\n  \
         GROUP = PRODUCT_METADATA\n    PRODUCT_TYPE = \"L1T\"\n    SPACECRAFT_ID = \"EO1\"\n    SENSOR_ID = \"HYPERION\"\n    \
         ACQUISITION_DATE = 2002-03-11\n",
    );
    for band in 1..=BANDS {
        writeln!(text, "    BAND{band}_FILE_NAME = \"{STEM}B{band:03}_L1T.TIF\"").unwrap();
    }
    text += "  END_GROUP = PRODUCT_METADATA\n  GROUP = RADIANCE_SCALING\n    SCALING_FACTOR_VNIR = 40.000000\n    \
             SCALING_FACTOR_SWIR = 80.000000\n  END_GROUP = RADIANCE_SCALING\nEND_GROUP = L1_METADATA_FILE\nEND\n";
    text.lines().filter_map(change).map(|line| line + "\n").collect()
}

fn as_it_is(line: &str) -> Option<String> {
    Some(line.to_owned())
}

fn band_file(folder: &Path, band: usize) -> PathBuf {
    folder.join(format!("{STEM}B{:03}_L1T.TIF", band + 1))
}

fn deliver(folder: &Path, place: &Place) -> PathBuf {
    let index = folder.join(format!("{STEM}MTL_L1T.TXT"));
    std::fs::write(&index, metadata(as_it_is)).unwrap();
    for band in 0..BANDS {
        let values: Vec<i16> = (0..place.pixels()).map(|pixel| value(band, pixel)).collect();
        write_tiff(&band_file(folder, band), place, &[values], &[], None);
    }
    index
}

#[test]
fn bands_values_and_grid_are_the_deliverys() {
    for place in Place::of("hyperion") {
        let dir = tempfile::tempdir().unwrap();
        let index = deliver(dir.path(), &place);
        for path in [dir.path(), &index] {
            let scene = open(path);
            let d = &scene.description;
            assert_eq!((d.product, d.quantity), (Product::Hyperion, Quantity::Radiance));
            assert_eq!((d.lines, d.samples, d.bands), (place.lines, place.samples, BANDS));
            assert_eq!((d.nodata, d.companions.len()), (None, BANDS));
            assert_eq!((d.scaling.gain[69], d.scaling.gain[70]), (1.0 / 40.0, 1.0 / 80.0));
            assert_eq!(d.good.iter().filter(|g| **g).count(), 198);
            assert!((0..BANDS).all(|b| d.good[b] == calibrated(b)));
            let bands = d.spectral.as_ref().unwrap();
            for (band, nm, fwhm) in
                [(8, 426.82, 11.3871), (57, 925.41, 11.2754), (77, 912.45, 11.0457), (224, 2395.50, 10.4077)]
            {
                assert!((bands.centres[band - 1].0 - nm).abs() < 0.01);
                assert!((bands.fwhm.as_ref().unwrap()[band - 1].0 - fwhm).abs() < 0.01);
            }
            place.assert_grid(d);
        }
        let scene = open(&index);
        let bands = [223, 7, 100, 0];
        let part = Window { x: 1, y: 2, width: place.samples - 2, height: place.lines - 3 };
        for window in [Window { x: 0, y: 0, width: place.samples, height: place.lines }, part] {
            let tile = scene.reader(&bands).unwrap().read(window).unwrap();
            let Samples::I16(values) = &tile.samples else { panic!("int16 expected") };
            for pixel in 0..window.pixels() {
                let at = (window.y + pixel / window.width) * place.samples + window.x + pixel % window.width;
                for (k, &band) in bands.iter().enumerate() {
                    assert_eq!(values[tile.index(k, pixel)], value(band, at), "band {band}, pixel {at}");
                }
            }
        }
    }
}

#[test]
fn calibrated_bands_are_used_each_wavelength_once() {
    let dir = tempfile::tempdir().unwrap();
    let plan = planned(&deliver(dir.path(), &Place::of("hyperion")[0]), |_| {});
    assert_eq!(plan.bands.len(), 196);
    assert_eq!(dropped(&plan, "two detectors overlap from 912.45 to 925.41 nm"), [57, 77]);
    assert_eq!(dropped(&plan, "flagged bad").len(), 44);
    assert_sorted(&plan);
    assert!(plan.notes.iter().any(|n| n.contains("at-sensor radiance")), "{:?}", plan.notes);
}

#[test]
fn radiance_is_compared_with_a_library_only_when_the_user_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let place = &Place::of("hyperion")[1];
    deliver(dir.path(), place);
    let csv = dir.path().join("library.csv");
    std::fs::write(&csv, library()).unwrap();
    let request = Request {
        scene: dir.path().to_path_buf(),
        libraries: vec![csv],
        methods: vec!["sam".into()],
        ..Request::default()
    };
    let refused = said(&plan(&request).err().unwrap());
    assert!(refused.contains("at-sensor radiance") && refused.contains("--accept-radiance"), "{refused}");
    let maps = map(dir.path(), &library(), &dir.path().join("maps"), &["--accept-radiance"]);
    let expected: Vec<u8> = (0..place.pixels())
        .map(|p| {
            if p == 0 {
                255
            } else if p % 2 == 0 {
                1
            } else {
                2
            }
        })
        .collect();
    assert_eq!(classes(&maps), expected);
    assert_eq!(report(&maps)["product"], "hyperion");
    assert!(report(&maps)["notes"].to_string().contains("at-sensor radiance"));
}

#[test]
fn what_the_metadata_leaves_open_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let index = deliver(dir.path(), &Place::of("hyperion")[0]);
    // Without names and factors; the 44 bands of zeros are often left out.
    let bare = metadata(|l| (!l.contains("_FILE_NAME") && !l.contains("SCALING_FACTOR")).then(|| l.to_owned()));
    std::fs::write(&index, bare).unwrap();
    (0..BANDS).filter(|b| !calibrated(*b)).for_each(|b| std::fs::remove_file(band_file(dir.path(), b)).unwrap());
    let scene = open(&index);
    let d = &scene.description;
    assert_eq!((d.companions.len(), d.scaling.gain[0], d.scaling.gain[241]), (198, 1.0 / 40.0, 1.0 / 80.0));
    assert!(d.notes.iter().filter(|n| n.contains("assumed")).count() == 2, "{:?}", d.notes);
    let tile = scene.reader(&[0, 7]).unwrap().read(Window { x: 1, y: 0, width: 2, height: 1 }).unwrap();
    let Samples::I16(values) = &tile.samples else { panic!("int16 expected") };
    assert_eq!((values[tile.index(0, 1)], values[tile.index(1, 1)]), (0, value(7, 2)));

    let level2 = metadata(|l| Some(l.replace("\"L1T\"", "\"L2\"")));
    std::fs::write(&index, level2).unwrap();
    let d = open(&index).description;
    assert_eq!((d.quantity, d.scaling.gain[0]), (Quantity::Reflectance, 1.0));
    assert!(d.notes.iter().any(|n| n.contains("taken as surface reflectance")), "{:?}", d.notes);
}

#[test]
fn a_delivery_that_contradicts_itself_is_refused() {
    let place = &Place::of("hyperion")[0];
    let dir = tempfile::tempdir().unwrap();
    let index = deliver(dir.path(), place);
    let none = SceneOptions::default();
    let replaced = |from: &'static str, to: &'static str| metadata(move |l| Some(l.replace(from, to)));
    for (text, words) in [
        (replaced("40.000000", "forty"), ["SCALING_FACTOR_VNIR", "'forty' is not a number"]),
        (replaced("80.000000", "0"), ["SCALING_FACTOR_SWIR", "0 is not a number above zero"]),
        (replaced("HYPERION", "ALI"), ["folder", "holds no product"]),
    ] {
        std::fs::write(&index, text).unwrap();
        let said = refusal(dir.path(), &none);
        assert!(words.iter().all(|w| said.contains(w)), "{said}");
    }
    std::fs::write(&index, metadata(as_it_is)).unwrap();
    let layers = SceneOptions { quality: Some("cloud".parse().unwrap()), ..SceneOptions::default() };
    assert!(refusal(&index, &layers).contains("no quality layers"));
    let forced = SceneOptions { product: Some(Product::Hyperion), ..SceneOptions::default() };
    assert!(refusal(&band_file(dir.path(), 9), &forced).contains("holds no metadata of EO-1 Hyperion"));
    let other = dir.path().join("notes_MTL.TXT");
    std::fs::write(&other, "a list of files\n").unwrap();
    assert!(refusal(&other, &forced).contains("does not begin with GROUP"));
    assert_eq!(open(dir.path()).description.product, Product::Hyperion);

    let band = band_file(dir.path(), 99);
    std::fs::remove_file(&band).unwrap();
    let said = refusal(&index, &none);
    assert!(said.contains("band 100") && said.contains("B100_L1T.TIF") && said.contains("missing"), "{said}");
    std::fs::write(&band, "no TIFF").unwrap();
    assert!(refusal(&index, &none).contains("B100_L1T.TIF: is not a TIFF"));
    let smaller = Place { samples: place.samples - 1, ..place.clone() };
    write_tiff(&band, &smaller, &[vec![1_i16; smaller.pixels()]], &[], None);
    let said = refusal(&index, &none);
    assert!(said.contains("B100_L1T.TIF: 4 samples, 7 lines") && said.contains("has 5, 7"), "{said}");
    write_tiff(&band, place, &[vec![1_u8; place.pixels()]], &[], None);
    assert!(refusal(&index, &none).contains("uint8"));
    let moved = Place { y: place.y - 30.0, ..place.clone() };
    write_tiff(&band, &moved, &[vec![1_i16; place.pixels()]], &[], None);
    assert!(refusal(&index, &none).contains("B100_L1T.TIF: lies on another grid"));
    assert!(Scene::open(&band, &none).is_ok(), "one band by itself is a GeoTIFF");
}

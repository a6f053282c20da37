//! DESIS L2A deliveries, made up after the product specification PAV-DLR-ICD-003 and what open tools read of real ones: file
//! names, the XML's elements (`band` stands below `interiorOrientation` too), 235 bands from 401 to 1000 nm stored as int16
//! of gain 0.0001, pixel-interleaved, fill -32768, and `QL_QUALITY-2` with ten planes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alunite::scene::{Product, Quality, Scene, SceneOptions};
use alunite::tile::{Interleave, Samples, Window};

use crate::deliveries::{Place, assert_sorted, classes, library, map, open, planned, refusal, report, write_tiff};

const STEM: &str = "DESIS-HSI-L2A-DT0483531728_001-20200804T234520-V0210-";
const BANDS: usize = 235;
const FILL: i16 = -32768;

fn centre(band: usize) -> f64 {
    401.275 + 2.553 * band as f64
}

fn value(band: usize, pixel: usize) -> i16 {
    if pixel == 0 {
        return FILL;
    }
    let mineral = if pixel.is_multiple_of(2) { 0.3 } else { 0.1 + 0.0002 * (centre(band) - 300.0) };
    ((1.0 + 0.05 * (pixel % 5) as f64) * mineral * 1e4).round() as i16
}

fn metadata(gain: &str) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<hsi_doc xmlns=\"http://www.dlr.de/desis\"><metadata/><product/>\
         <base><altitudeCoverage>400000</altitudeCoverage></base>\n<specific><interiorOrientation>\
         <band><bandNumber>1</bandNumber><vectorX>0</vectorX></band></interiorOrientation><bandCharacterisation>\n",
    );
    for band in 0..BANDS {
        writeln!(
            xml,
            "<band><bandNumber>{}</bandNumber><wavelengthCenterOfBand>{:.3}</wavelengthCenterOfBand>\
             <wavelengthWidthOfBand>3.5</wavelengthWidthOfBand><response>0.1,1.0,0.1</response>\
             <gainOfBand>{gain}</gainOfBand><offsetOfBand>0</offsetOfBand></band>",
            band + 1,
            centre(band)
        )
        .unwrap();
    }
    xml + "</bandCharacterisation></specific></hsi_doc>\n"
}

/// The pixel that each of the ten planes flags: the last two hold retrievals and flag nothing.
const PLANES: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn deliver(at: &Path, place: &Place) -> PathBuf {
    let file = |name: &str| at.join(format!("{STEM}{name}"));
    std::fs::write(file("METADATA.xml"), metadata("0.0001")).unwrap();
    let cube: Vec<Vec<i16>> = (0..BANDS).map(|b| (0..place.pixels()).map(|p| value(b, p)).collect()).collect();
    write_tiff(&file("SPECTRAL_IMAGE.tif"), place, &cube, &["INTERLEAVE=PIXEL", "COMPRESS=LZW"], None);
    let mut planes = vec![vec![0_u8; place.pixels()]; 10];
    PLANES.iter().enumerate().for_each(|(plane, &pixel)| planes[plane][pixel] = 1);
    (planes[8], planes[9]) = (vec![20; place.pixels()], vec![40; place.pixels()]);
    write_tiff(&file("QL_QUALITY-2.tif"), place, &planes, &[], None);
    at.to_path_buf()
}

#[test]
fn bands_values_and_grid_are_the_deliverys() {
    for place in Place::of("desis") {
        let dir = tempfile::tempdir().unwrap();
        let folder = deliver(dir.path(), &place);
        let scene = open(&folder);
        let d = &scene.description;
        assert_eq!((d.product, d.interleave), (Product::DesisL2a, Interleave::Bip));
        assert_eq!((d.lines, d.samples, d.bands), (place.lines, place.samples, BANDS));
        assert_eq!((d.nodata, d.scaling.gain[7], &d.quality[..]), (Some(-32768.0), 1e-4, &Quality::DEFAULT[..]));
        assert!(d.notes.iter().any(|n| n.contains("no-data value -32768 assumed")), "{:?}", d.notes);
        let bands = d.spectral.as_ref().unwrap();
        assert!((0..BANDS).all(|b| (bands.centres[b].0 - centre(b)).abs() < 0.01));
        assert!(bands.fwhm.as_ref().unwrap().iter().all(|w| w.0 == 3.5));
        place.assert_grid(d);

        let window = Window { x: 0, y: 0, width: place.samples, height: place.lines };
        let tile = scene.reader(&[234, 0, 100]).unwrap().read(window).unwrap();
        let Samples::I16(values) = &tile.samples else { panic!("int16 expected") };
        for pixel in 0..place.pixels() {
            for (k, band) in [234, 0, 100].into_iter().enumerate() {
                // Shadow, snow, and cloud over land or water are left out.
                let expected = if [1, 3, 6, 7].contains(&pixel) { FILL } else { value(band, pixel) };
                assert_eq!(values[tile.index(k, pixel)], expected, "band {band}, pixel {pixel}");
            }
        }
        let plan = planned(&folder, |_| {});
        assert_eq!((plan.bands.len(), plan.dropped.len()), (BANDS, 0));
        assert_sorted(&plan);
    }
}

#[test]
fn a_map_of_a_delivery() {
    let dir = tempfile::tempdir().unwrap();
    let place = &Place::of("desis")[1];
    let folder = deliver(dir.path(), place);
    let xml = folder.join(format!("{STEM}METADATA.xml"));
    let maps = map(&xml, &library(), &dir.path().join("maps"), &["--quality", "haze,water"]);
    let expected: Vec<u8> = (0..place.pixels())
        .map(|p| match p {
            0 | 4 | 5 | 8 => 255,
            p if p % 2 == 0 => 1,
            _ => 2,
        })
        .collect();
    assert_eq!(classes(&maps), expected);
    assert_eq!((&report(&maps)["product"], &report(&maps)["quality"][1]), (&"desis-l2a".into(), &"water".into()));
}

#[test]
fn what_is_not_a_sound_l2a_delivery_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = deliver(dir.path(), &Place::of("desis")[0]);
    let xml = folder.join(format!("{STEM}METADATA.xml"));
    std::fs::write(&xml, metadata("x1")).unwrap();
    let said = refusal(&folder, &SceneOptions::default());
    assert!(said.contains("METADATA.xml, band 1, gainOfBand") && said.contains("'x1'"), "{said}");
    std::fs::write(&xml, metadata("0.0001")).unwrap();
    let cirrus = SceneOptions { quality: Some("cirrus".parse().unwrap()), ..SceneOptions::default() };
    let said = refusal(&folder, &cirrus);
    assert!(
        said.contains("no quality layer 'cirrus'") && said.contains("cloud, cloudshadow, haze, snow, water"),
        "{said}"
    );

    // The level stands in the file's name only.
    for (level, words) in
        [("L1B", "level is L1B"), ("L1C", "level is L1C"), ("XXX", "nothing tells the processing level")]
    {
        let other = folder.join(format!("{}METADATA.xml", STEM.replace("L2A", level)));
        std::fs::copy(&xml, &other).unwrap();
        let said = refusal(&other, &SceneOptions::default());
        assert!(said.contains(words) && said.contains("DESIS L2A"), "{said}");
    }
    let image = folder.join(format!("{STEM}SPECTRAL_IMAGE.tif"));
    let place = &Place::of("desis")[0];
    write_tiff(&image, place, &vec![vec![1_i16; place.pixels()]; 60], &[], None);
    assert!(refusal(&xml, &SceneOptions::default()).contains("describes 235 bands"));
    assert!(Scene::open(&image, &SceneOptions { product: Some(Product::Geotiff), ..SceneOptions::default() }).is_ok());
}

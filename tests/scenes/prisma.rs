//! PRISMA L2D products, written by h5py after the products specification: see `tests/golden/prisma_products.py`.

use std::path::{Path, PathBuf};

use alunite::scene::{Product, SceneOptions};
use alunite::tile::{Samples, Window};

use crate::deliveries::{
    Place, assert_closed, assert_sorted, classes, dropped, keep_all, library, map, open, planned, refusal, report,
};

/// Bands of the file's cubes; of VNIR the first three are absent, of SWIR the last two.
const VNIR: usize = 66;
const SWIR: usize = 173;
/// Bands of the scene.
const BANDS: usize = VNIR - 3 + SWIR - 2;

fn product(size: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/prisma_{size}.he5"))
}

/// Detector (0 VNIR, 1 SWIR) and index in its cube of a band of the scene: files fall, scenes rise.
fn place(band: usize) -> (usize, usize) {
    if band < VNIR - 3 { (0, VNIR - 1 - band) } else { (1, SWIR - 3 - (band - (VNIR - 3))) }
}

fn centre(band: usize) -> f64 {
    match place(band) {
        (0, index) => 977.3 - 9.29 * (index as f64 - 3.0),
        (_, index) => 2497.1 - 9.1424 * index as f64,
    }
}

fn value(band: usize, line: usize, sample: usize) -> u16 {
    let (detector, index) = place(band);
    if line + sample == 0 { 0 } else { (1000 + 3 * line + 5 * sample + 7 * (index + detector * VNIR)) as u16 }
}

#[test]
fn bands_values_and_grid_are_the_products() {
    for (size, ground) in ["small", "large"].into_iter().zip(Place::of("prisma")) {
        let scene = open(&product(size));
        let d = &scene.description;
        assert_eq!((d.product, d.format, d.nodata), (Product::PrismaL2d, "HDF5", None));
        assert_eq!((d.lines, d.samples, d.bands), (ground.lines, ground.samples, BANDS));
        // Whole rows of chunks, where GDAL tells them: its HDF5 driver does not in 3.6.
        assert!([(ground.samples, 4), (ground.samples, 1)].contains(&d.block), "{:?}", d.block);
        let bands = d.spectral.as_ref().unwrap();
        for band in 0..BANDS {
            assert!((bands.centres[band].0 - centre(band)).abs() < 0.01, "band {band}: {}", bands.centres[band]);
            assert_eq!(bands.fwhm.as_ref().unwrap()[band].0, 10.5);
            let scale = if place(band).0 == 0 { (1.25 / 65535.0, 0.0) } else { (1.0 / 65535.0, -0.125) };
            assert_eq!((d.scaling.gain[band], d.scaling.offset[band]), scale);
        }
        ground.assert_grid(d);
        assert!(d.notes.iter().any(|n| n.contains("agrees with the geolocation fields at 4 of 4")), "{:?}", d.notes);
        assert!(d.notes.iter().any(|n| n.contains("5 bands of the file have no wavelength")), "{:?}", d.notes);

        let part = Window { x: 2, y: 3, width: ground.samples - 3, height: ground.lines - 4 };
        for window in [Window { x: 0, y: 0, width: ground.samples, height: ground.lines }, part] {
            for bands in [vec![0, 62, 63, 233], vec![100, 5, 200, 5], vec![70]] {
                let tile = scene.reader(&bands).unwrap().read(window).unwrap();
                let Samples::U16(values) = &tile.samples else { panic!("uint16 expected") };
                for pixel in 0..window.pixels() {
                    let (line, sample) = (window.y + pixel / window.width, window.x + pixel % window.width);
                    for (k, &band) in bands.iter().enumerate() {
                        assert_eq!(values[tile.index(k, pixel)], value(band, line, sample), "band {band}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_cubes_are_joined_and_cut_in_the_middle_of_their_overlap() {
    let plan = planned(&product("small"), keep_all);
    // Both see 942.89 to 977.30 nm: cut at 960.10 nm.
    assert_eq!(dropped(&plan, "two detectors overlap from 942.89 to 977.30 nm"), [62, 63, 64, 65]);
    assert_eq!(plan.bands.len(), BANDS - 4);
    assert_sorted(&plan);
    let open = planned(&product("small"), |_| {});
    assert_eq!(open.bands.len(), BANDS - 4 - assert_closed(&open));
}

#[test]
fn a_map_of_a_product() {
    let dir = tempfile::tempdir().unwrap();
    let maps = map(&product("large"), &library(), &dir.path().join("maps"), &["--threshold", "3"]);
    let found = classes(&maps);
    assert_eq!(found.iter().position(|c| *c == 255), Some(0), "the pixel of zeros is no data");
    assert_eq!(found.iter().filter(|c| **c == 255).count(), 1);
    let report = report(&maps);
    assert_eq!(report["product"], "prisma-l2d");
    assert_eq!(report["geotransform"], serde_json::json!([412330.0, 30.0, 0.0, 7412360.0, 0.0, -30.0]));
    // The folder of one product will do.
    let folder = dir.path().join("delivery");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(product("small"), folder.join("PRS_L2D_STD_1.he5")).unwrap();
    assert_eq!(open(&folder).description.product, Product::PrismaL2d);
    std::fs::copy(product("small"), folder.join("PRS_L2D_STD_2.he5")).unwrap();
    assert!(refusal(&folder, &SceneOptions::default()).contains("several products"));
}

/// The small product with bytes replaced: the first `from` behind the first `name`.
fn damaged(folder: &Path, changes: &[(&str, &[u8], &[u8])]) -> PathBuf {
    let mut bytes = std::fs::read(product("small")).unwrap();
    let find = |bytes: &[u8], what: &[u8], after: usize| {
        let at = bytes[after..].windows(what.len()).position(|w| w == what);
        after + at.unwrap_or_else(|| panic!("{what:?} is not in the file"))
    };
    for (name, from, to) in changes {
        let at = find(&bytes, from, find(&bytes, name.as_bytes(), 0));
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    let path = folder.join("damaged.he5");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_product_that_contradicts_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let none = SceneOptions::default();
    let renamed = |name: &'static str, to: &'static str| damaged(dir.path(), &[(name, name.as_bytes(), to.as_bytes())]);
    for (name, to, words) in [
        ("L2ScaleVnirMin", "L2ScaleVnirMix", vec!["L2ScaleVnirMin", "missing"]),
        ("List_Cw_Swir", "List_Cx_Swir", vec!["List_Cw_Swir", "missing"]),
        ("List_Fwhm_Vnir", "List_Fwhm_Vnix", vec!["List_Fwhm_Vnir", "missing"]),
        ("Epsg_Code", "Epsg_Kode", vec!["Epsg_Code", "missing"]),
        ("Product_LRcorner_northing", "Product_LRcorner_northinx", vec!["Product_LRcorner_northing", "missing"]),
        ("SWIR_Cube", "SWIR_Cubx", vec!["SWIR_Cube", "is missing"]),
        ("PRS_L2D_HCO", "PRS_L2C_HCO", vec!["level of this PRISMA product is L2C", "PRISMA L2D"]),
        ("PRS_L2D_HCO", "ANOTHER_ONE", vec!["netCDF-4 or HDF5 file"]),
    ] {
        let said = refusal(&renamed(name, to), &none);
        assert!(words.iter().all(|w| said.contains(w)) && said.contains("damaged.he5"), "{name}: {said}");
    }
    let forced = SceneOptions { product: Some(Product::PrismaL2d), ..SceneOptions::default() };
    assert!(refusal(&renamed("PRS_L2D_HCO", "ANOTHER_ONE"), &forced).contains("VNIR_Cube: is missing"));

    let f32s = |v: f32| v.to_le_bytes();
    let f64s = |v: f64| v.to_le_bytes();
    let east = |v: f64| f64s(500_000.0 + v);
    /// Name, and the bytes behind it that are replaced.
    type Change = (&'static str, Vec<u8>, Vec<u8>);
    let cases: Vec<(Vec<Change>, Vec<&str>)> = vec![
        (
            vec![("L2ScaleVnirMax", f32s(1.25).to_vec(), f32s(-1.0).to_vec())],
            vec!["L2ScaleVnirMin 0 is not below L2ScaleVnirMax -1", "--scale"],
        ),
        (vec![("L2ScaleSwirMax", f32s(0.875).to_vec(), f32s(f32::NAN).to_vec())], vec!["L2ScaleSwirMax", "NaN"]),
        (
            vec![("Product_ULcorner_easting", east(0.0).to_vec(), east(15.0).to_vec())],
            vec!["easting spans 195 m", "8 pixels", "span 210 m"],
        ),
        (
            vec![
                ("Product_ULcorner_easting", east(0.0).to_vec(), east(3000.0).to_vec()),
                ("Product_LRcorner_easting", east(210.0).to_vec(), east(3210.0).to_vec()),
            ],
            vec!["Geolocation Fields", "line 1, sample 1", "3000 m from its place"],
        ),
        (
            vec![("Epsg_Code", 32633_i32.to_le_bytes().to_vec(), 32634_i32.to_le_bytes().to_vec())],
            vec!["Geolocation Fields", "from its place"],
        ),
        (
            vec![("Epsg_Code", 32633_i32.to_le_bytes().to_vec(), 99999_i32.to_le_bytes().to_vec())],
            vec!["Epsg_Code", "99999 is not a projection"],
        ),
    ];
    for (changes, words) in cases {
        let changes: Vec<(&str, &[u8], &[u8])> = changes.iter().map(|(n, f, t)| (*n, &f[..], &t[..])).collect();
        let said = refusal(&damaged(dir.path(), &changes), &none);
        assert!(words.iter().all(|w| said.contains(w)) && said.contains("damaged.he5"), "{words:?}: {said}");
    }
    // Wrong wavelengths leave a scene that says why.
    let path = damaged(dir.path(), &[("List_Cw_Vnir", &f32s(977.3), &f32s(0.977))]);
    assert!(open(&path).description.spectral.unwrap_err().to_string().contains("cannot be wavelengths in nm"));

    let whole = std::fs::read(product("small")).unwrap();
    for keep in [9, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        let outcome = alunite::scene::Scene::open(&path, &none)
            .and_then(|s| s.reader(&[0])?.read(Window { x: 0, y: 0, width: 8, height: 6 }));
        assert!(outcome.is_err(), "cut off at {keep}");
    }
}

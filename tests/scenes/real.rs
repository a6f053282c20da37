//! The measured scenes, each described right.

use std::path::{Path, PathBuf};

use alunite::scene::{Scene, SceneOptions};
use alunite::spectrum::WavelengthUnit;
use alunite::tile::{Interleave, SampleType, Samples, Window};

use crate::common::data;

fn open(folder: &Path, name: &str) -> Scene {
    Scene::open(&folder.join(name), &SceneOptions::default()).unwrap()
}

/// Asserts lines, samples, bands, type and interleave.
fn assert_shape(scene: &Scene, shape: (usize, usize, usize), sample_type: SampleType, interleave: Interleave) {
    let d = &scene.description;
    assert_eq!((d.lines, d.samples, d.bands), shape);
    assert_eq!((d.sample_type, d.interleave, d.big_endian), (sample_type, interleave, false));
}

fn centres(scene: &Scene) -> Vec<f64> {
    scene.description.spectral.as_ref().unwrap().centres.iter().map(|c| c.0).collect()
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
}

#[test]
fn cuprite_1995_is_in_micrometres_with_declared_fill() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "cuprite95_swir_rois.hdr");
    assert_shape(&scene, (138, 272, 50), SampleType::I16, Interleave::Bil);
    let d = &scene.description;
    assert_eq!((d.nodata, d.scaling.gain[0], d.good.len()), (Some(-9999.0), 0.001, 0));
    assert_eq!(d.grid.geotransform, None);
    assert_near(centres(&scene)[0], 1990.8);
    assert_near(centres(&scene)[49], 2479.0);
    assert_near(d.spectral.as_ref().unwrap().fwhm.as_ref().unwrap()[0].0, 9.73);
    let bands: Vec<usize> = (0..50).collect();
    let tile = scene.reader(&bands).unwrap().read(Window { x: 0, y: 0, width: 272, height: 138 }).unwrap();
    assert_eq!(tile.valid(d.nodata).iter().filter(|v| **v).count(), 557);
    assert!(scene.dead_bands(&bands).unwrap().is_empty());
    assert!(scene.undeclared_fill().unwrap().is_empty());
    let regions = Scene::open(&folder.join("cuprite95_swir_rois_regions.img"), &SceneOptions::default());
    assert!(regions.err().unwrap().to_string().contains("'ENVI Classification'"));
}

#[test]
fn cuprite_1997_is_not_monotonic() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "cuprite97_pixels.img");
    assert_shape(&scene, (1, 526, 224), SampleType::I16, Interleave::Bsq);
    assert_near(centres(&scene)[0], 369.85);
    assert_eq!(scene.description.scaling.gain[0], 1e-4);
    assert_eq!(scene.description.good.iter().filter(|g| !**g).count() + good(&scene), 224);
    assert!(scene.description.notes.iter().any(|n| n.contains("at band 33 and 2 more")));
}

fn good(scene: &Scene) -> usize {
    scene.description.good.iter().filter(|g| **g).count()
}

#[test]
fn jasper_ridge_has_no_wavelengths_until_they_are_given() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "jasper_ridge_f224.img");
    assert_shape(&scene, (100, 100, 224), SampleType::U16, Interleave::Bip);
    assert_eq!(good(&scene), 198);
    let problem = scene.description.spectral.as_ref().unwrap_err();
    assert!(problem.next_step().unwrap().contains("--bands-from"));
    assert!(scene.description.notes.iter().any(|n| n.contains("pass --scale")));
    let options = SceneOptions { bands_from: Some(folder.join("sensors/aviris_1995.csv")), ..Default::default() };
    let scene = Scene::open(&folder.join("jasper_ridge_f224.img"), &options).unwrap();
    assert_near(centres(&scene)[0], 383.15);
    let emit = SceneOptions { bands_from: Some(folder.join("sensors/emit.csv")), ..Default::default() };
    let error = Scene::open(&folder.join("jasper_ridge_f224.img"), &emit).err().unwrap();
    assert!(error.to_string().contains("285 channels for a scene of 224 bands"), "{error}");
}

#[test]
fn emit_declares_no_unit() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "emit20250324t221005_jpl_unmix_ex.hdr");
    assert_shape(&scene, (10, 10, 285), SampleType::F32, Interleave::Bil);
    assert_eq!(scene.description.path, folder.join("emit20250324t221005_jpl_unmix_ex"));
    let problem = scene.description.spectral.as_ref().unwrap_err();
    assert!(problem.to_string().contains("381.0055927"), "{problem}");
    assert_eq!(problem.next_step(), Some("pass --wavelength-unit nm or um"));
    // The water-vapour channels hold -0.01, but they are flagged bad.
    assert!(scene.undeclared_fill().unwrap().is_empty());
    let options = SceneOptions { wavelength_unit: Some(WavelengthUnit::Nanometers), ..Default::default() };
    let scene = Scene::open(&folder.join("emit20250324t221005_jpl_unmix_ex"), &options).unwrap();
    assert_near(centres(&scene)[0], 381.0055927);
    let wrong = SceneOptions { wavelength_unit: Some(WavelengthUnit::Micrometers), ..Default::default() };
    let scene = Scene::open(&folder.join("emit20250324t221005_jpl_unmix_ex"), &wrong).unwrap();
    assert!(scene.description.spectral.is_err());
}

#[test]
fn aviris_ng_keeps_its_rotated_grid() {
    let Some(folder) = data() else { return };
    let name = "ang20140912t192359_corr_v1c_img_2580-2590_540-550.img";
    let scene = open(&folder, name);
    assert_shape(&scene, (10, 10, 432), SampleType::F32, Interleave::Bip);
    assert_near(centres(&scene)[0], 346.2995778);
    let grid = &scene.description.grid;
    let found = grid.geotransform.unwrap();
    assert_eq!(found, gdal::Dataset::open(folder.join(name)).unwrap().geo_transform().unwrap());
    // Pixels of 3.1 m, turned by 53 degrees about the first pixel's corner.
    let (sin, cos) = 53_f64.to_radians().sin_cos();
    assert_eq!((found[0], found[3]), (277_811.628, 4_483_607.425));
    for (i, expected) in [(1, cos), (2, sin), (4, sin), (5, -cos)] {
        assert!((found[i] - 3.1 * expected).abs() < 1e-9, "{found:?}");
    }
    // Zone 13 north.
    assert!(grid.crs_wkt.as_ref().unwrap().contains("\"central_meridian\",-105"), "{grid:?}");
}

#[test]
fn fenix_has_vendor_keys_and_a_scale() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "fenix_outcrop.dat");
    assert_shape(&scene, (38, 23, 450), SampleType::U16, Interleave::Bsq);
    assert_eq!((scene.description.nodata, scene.description.scaling.gain[0]), (Some(0.0), 1.0 / 65535.0));
    assert!(centres(&scene).iter().all(|c| (350.0..2600.0).contains(c)));
    assert_eq!(scene.description.spectral.as_ref().unwrap().fwhm.as_ref().unwrap()[0].0, 3.36);
}

#[test]
fn enmap_tiles_have_dead_bands_tags_and_a_grid() {
    let Some(folder) = data() else { return };
    let tiles = ["enmap_l2a_potsdam_128_128.tif", "enmap_l2a_potsdam_160_128.tif"];
    let grids = tiles.map(|name| {
        let scene = open(&folder, name);
        assert_shape(&scene, (32, 32, 224), SampleType::F32, Interleave::Bsq);
        let d = &scene.description;
        assert_eq!((d.nodata, d.scaling.gain[0], d.scaling.offset[0]), (Some(-32768.0), 1e-4, 0.0));
        assert_near(centres(&scene)[0], 418.24);
        assert_near(d.spectral.as_ref().unwrap().fwhm.as_ref().unwrap()[0].0, 6.99561);
        assert!(d.notes.iter().any(|n| n.contains("rising order")));
        let all: Vec<usize> = (0..224).collect();
        let dead = scene.dead_bands(&all).unwrap();
        assert_eq!(dead, (129..135).collect::<Vec<_>>());
        assert!(dead.iter().all(|&b| !d.good[b]));
        assert!(d.grid.crs_wkt.as_ref().unwrap().contains("32633"));
        d.grid.geotransform.unwrap()
    });
    assert_near(grids[1][0] - grids[0][0], 32.0 * 30.0);
}

#[test]
fn a_plain_tiff_has_neither_grid_nor_wavelengths() {
    let Some(folder) = data() else { return };
    let scene = open(&folder, "cuprite95_tm_bands.tif");
    let d = &scene.description;
    assert_eq!((d.lines, d.samples, d.bands, d.sample_type), (750, 614, 6, SampleType::I16));
    assert_eq!((d.nodata, d.grid.geotransform, d.grid.crs_wkt.clone()), (None, None, None));
    assert!(d.spectral.is_err() && d.block.0 < 614);
    let tile = scene.reader(&[5, 0]).unwrap().read(Window { x: 100, y: 300, width: 300, height: 70 }).unwrap();
    let dataset = gdal::Dataset::open(folder.join("cuprite95_tm_bands.tif")).unwrap();
    let by_gdal = |band| {
        dataset
            .rasterband(band)
            .unwrap()
            .read_as::<i16>((100, 300), (300, 70), (300, 70), None)
            .unwrap()
            .data()
            .to_vec()
    };
    let Samples::I16(values) = &tile.samples else { panic!("int16 expected") };
    assert!(tile.band(values, 0).eq(&by_gdal(6)));
    assert!(tile.band(values, 1).eq(&by_gdal(1)));
}

#[test]
fn libraries_are_pointed_to_their_flag() {
    let Some(folder) = data() else { return };
    let names = ["usgs_splib07a_alteration_asd.sli", "usgs_splib07a_alteration_beckman.hdr"].map(PathBuf::from);
    for name in names {
        let error = Scene::open(&folder.join(name), &SceneOptions::default()).err().unwrap();
        assert!(error.next_step().unwrap().contains("--library"), "{error}");
    }
}

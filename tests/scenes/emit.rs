//! EMIT L2A deliveries: every chunking reads to the same tiles, and what is not sound is refused by field.

use std::path::Path;

use alunite::error::{Error, ErrorKind};
use alunite::scene::{NOWHERE, Product, Quality, QualityList, Scene, SceneOptions};
use alunite::spectrum::{Nanometers, WavelengthUnit};
use alunite::tile::{Interleave, SampleType, Samples, Tile, Window};

use crate::emit::{Emit, FILL, MASK_BANDS};

fn open(path: &Path) -> Scene {
    Scene::open(path, &SceneOptions::default()).unwrap()
}

/// Message and hint of what must be refused at once.
fn refusal<T>(result: Result<T, Error>) -> String {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    format!("{error} -> {}", error.next_step().unwrap_or_default())
}

fn tile(made: &Emit, window: Window, bands: &[usize]) -> Tile {
    let mut tile = Tile::zeros(window, bands.len(), SampleType::F32);
    for pixel in 0..window.pixels() {
        let (line, sample) = (window.y + pixel / window.width, window.x + pixel % window.width);
        for (k, band) in bands.iter().enumerate() {
            let at = tile.index(k, pixel);
            let Samples::F32(values) = &mut tile.samples else { panic!("f32") };
            values[at] = made.reflectance[(line * made.samples + sample) * made.bands + band];
        }
    }
    tile
}

fn same(found: &Tile, expected: &Tile) -> bool {
    (found.window, found.bands) == (expected.window, expected.bands)
        && found.samples.as_bytes() == expected.samples.as_bytes()
}

#[test]
fn every_chunking_reads_to_the_same_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let chunks = [None, Some([4, 3, 5]), Some([1, 1, 12]), Some([32, 32, 12]), Some([9, 40, 1]), Some([37, 41, 12])];
    for (i, chunk) in chunks.into_iter().enumerate() {
        let made = Emit { chunk, ..Emit::new(37, 41, 12) };
        let scene = open(&made.write(&folder.path().join(format!("{i}.nc"))));
        let (width, height) = scene.description.block;
        match chunk {
            Some([y, x, _]) => assert_eq!((height, width), (y.min(37), x.min(41)), "whole chunks"),
            None => assert_eq!((height, width), (1, 41)),
        }
        let windows = [(0, 0, 41, 37), (0, 4, 41, 8), (3, 8, 11, 9), (40, 36, 1, 1), (0, 0, 41, 1)];
        for bands in [(0..12).collect::<Vec<_>>(), (0..12).rev().collect(), vec![11, 2, 3], vec![5], vec![7, 7, 0]] {
            let mut reader = scene.reader(&bands).unwrap();
            let mut spent = None;
            for (x, y, width, height) in windows {
                let window = Window { x, y, width, height };
                let read = reader.read_over(spent.take(), window).unwrap();
                assert!(same(&read, &tile(&made, window, &bands)), "{chunk:?} {window:?} {bands:?}");
                spent = Some(read);
            }
            assert!(reader.read(Window { x: 0, y: 37, width: 1, height: 1 }).is_err());
        }
    }
}

#[test]
fn a_delivery_is_described_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (lines, samples, bands) in [(7, 5, 12), (40, 33, 31)] {
        let made = Emit::new(lines, samples, bands);
        let scene = open(&made.write(&folder.path().join("scene.nc")));
        let d = &scene.description;
        assert_eq!((d.lines, d.samples, d.bands), (lines, samples, bands));
        assert_eq!((d.format, d.product), ("netCDF-4", Product::EmitL2a));
        assert_eq!((d.sample_type, d.interleave), (SampleType::F32, Interleave::Bip));
        assert_eq!((d.nodata, d.scaling.gain[0], d.scaling.offset[0]), (Some(f64::from(FILL)), 1.0, 0.0));
        let spectral = d.spectral.as_ref().unwrap();
        for band in 0..bands {
            assert!((spectral.centres[band].0 - crate::emit::wavelength(band)).abs() < 0.01);
            assert_eq!(spectral.fwhm.as_ref().unwrap()[band], Nanometers(8.5));
        }
        assert_eq!(d.good.iter().filter(|g| !**g).count(), 1);
        assert!(!d.good[1] && d.grid.geotransform.is_none() && d.masked.is_none());
        let map = d.lookup.as_ref().unwrap().as_ref().unwrap();
        assert_eq!((map.lines, map.samples), made.ortho);
        assert_eq!(map.grid.geotransform.unwrap().to_vec(), made.geotransform);
        assert!(map.grid.crs_wkt.as_ref().unwrap().contains("WGS 84"));
        assert!(d.notes.is_empty(), "{:?}", d.notes);
        // What a file is follows from its content.
        let renamed = folder.path().join(format!("renamed: {bands}"));
        std::fs::copy(folder.path().join("scene.nc"), &renamed).unwrap();
        assert_eq!(open(&renamed).description.product, d.product);
        drop(scene);
        std::fs::remove_file(folder.path().join("scene.nc")).unwrap();
    }
}

#[test]
fn the_product_can_be_forced_and_has_no_layers() {
    let folder = tempfile::tempdir().unwrap();
    let path = Emit::new(7, 5, 12).write(&folder.path().join("scene.nc"));
    let forced = |product| Scene::open(&path, &SceneOptions { product: Some(product), ..SceneOptions::default() });
    assert_eq!(forced(Product::EmitL2a).unwrap().description.product, Product::EmitL2a);
    assert!(refusal(forced(Product::Envi)).contains("is a netCDF-4 or HDF5 file, not the ENVI cube"));
    assert!(refusal(forced(Product::Geotiff)).contains("is not a GeoTIFF"));
    assert!(refusal(forced(Product::PrismaL2d)).contains("scene.nc"));
    assert!(refusal(forced(Product::EnmapL2a)).contains("holds no metadata of EnMAP L2A"));
    let layers = |layers| SceneOptions { quality: Some(QualityList(layers)), ..SceneOptions::default() };
    let refused = refusal(Scene::open(&path, &layers(vec![Quality::Cloud])));
    assert!(refused.contains("EMIT L2A has no quality layers") && refused.contains("--mask"), "{refused}");
    assert!(Scene::open(&path, &layers(Vec::new())).is_ok());
}

#[test]
fn the_lookup_table_is_read_piecewise() {
    let folder = tempfile::tempdir().unwrap();
    let made = Emit::new(20, 9, 12);
    let scene = open(&made.write(&folder.path().join("scene.nc")));
    let (mut reader, mut places) = (scene.lookup().unwrap(), Vec::new());
    for range in [0..23, 0..1, 5..12, 22..23] {
        reader.read(range.clone(), &mut places).unwrap();
        let expected = |i: usize| match (made.glt_x[i] as u32, made.glt_y[i] as u32) {
            (0, _) | (_, 0) => NOWHERE,
            (x, y) => (y - 1) * 9 + x - 1,
        };
        let all: Vec<u32> = (range.start * made.ortho.1..range.end * made.ortho.1).map(expected).collect();
        assert_eq!(places, all);
    }
    assert_eq!(scene.check_lookup().unwrap(), Some(23 * 14 - 6));
}

/// What is wrong with a delivery, and what its refusal must say.
#[test]
fn deliveries_that_are_not_sound_are_refused_by_field() {
    type Change = fn(&mut Emit);
    let cases: [(&str, Change, &[&str]); 17] = [
        ("no cube", |e| e.omitted = vec!["reflectance"], &["reflectance", "no such variable"]),
        ("no centres", |e| e.omitted = vec!["wavelengths"], &["/wavelengths", "no such variable"]),
        ("no widths", |e| e.omitted = vec!["fwhm"], &["/fwhm", "no such variable"]),
        ("no flags", |e| e.omitted = vec!["good_wavelengths"], &["/good_wavelengths", "no such variable"]),
        ("short centres", |e| e.wavelengths.truncate(11), &["/wavelengths", "holds 11 values, expected 12"]),
        ("long widths", |e| e.fwhm.push(8.5), &["/fwhm", "holds 13 values, expected 12"]),
        ("short flags", |e| e.good.truncate(3), &["/good_wavelengths", "holds 3 values, expected 12"]),
        ("odd flag", |e| e.good[4] = 2, &["/good_wavelengths", "band 5 is 2, not 0 or 1"]),
        ("no table of lines", |e| e.omitted = vec!["glt_y"], &["glt_y", "no such variable", "--geometry swath"]),
        ("no table of samples", |e| e.omitted = vec!["glt_x"], &["glt_x", "no such variable"]),
        ("short table", |e| e.glt_y.truncate(9 * 10), &["glt_y", "[9, 10], expected [10, 10]"]),
        ("no place", |e| e.omitted = vec!["geotransform"], &["geotransform", "expected the six numbers"]),
        ("short place", |e| e.geotransform.truncate(5), &["geotransform", "expected six numbers"]),
        ("no size", |e| e.geotransform[1] = 0.0, &["geotransform", "cover some ground"]),
        ("no number", |e| e.geotransform[3] = f64::NAN, &["geotransform", "expected six numbers"]),
        ("no CRS", |e| e.omitted = vec!["spatial_ref"], &["spatial_ref", "expected the map's CRS"]),
        ("odd CRS", |e| e.spatial_ref = "somewhere".into(), &["spatial_ref", "'somewhere', expected"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, change, expected) in cases {
        let mut made = Emit::new(7, 5, 12);
        change(&mut made);
        let path = made.write(&folder.path().join("bad.nc"));
        let opened = Scene::open(&path, &SceneOptions::default());
        // A table that cannot be used leaves a scene that can be mapped in its own geometry.
        let refused = refusal(opened.and_then(|scene| scene.description.lookup.map(|_| ())));
        for part in expected.iter().chain(&["bad.nc"]) {
            assert!(refused.contains(part), "{what}: {refused}");
        }
    }
}

#[test]
fn places_out_of_the_swath_are_refused_by_pixel() {
    type Change = fn(&mut Emit);
    let cases: [(Change, &str); 6] = [
        (|e| e.glt_x[57] = 6, "glt_x: is 6 at line 5, sample 7, expected 1 to 5"),
        (|e| e.glt_y[99] = 8, "glt_y: is 8 at line 9, sample 9, expected 1 to 7"),
        (|e| e.glt_x[57] = -1, "glt_x: is -1 at line 5, sample 7"),
        (|e| e.glt_y[57] = i32::MIN, "glt_y: is -2147483648"),
        (|e| e.glt_x.fill(0), "all 10 x 10 pixels are fill"),
        (|e| e.glt_y.fill(0), "all 10 x 10 pixels are fill"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (change, expected) in cases {
        let mut made = Emit::new(7, 5, 12);
        change(&mut made);
        let refused = refusal(open(&made.write(&folder.path().join("bad.nc"))).check_lookup());
        assert!(refused.contains(expected) && refused.contains("bad.nc"), "{refused}");
        assert!(refused.contains("--geometry swath"), "{refused}");
    }
}

#[test]
fn a_missing_or_wrong_unit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.nc");
    let scene = open(&Emit { unit: None, ..Emit::new(7, 5, 12) }.write(&path));
    let refused = refusal(scene.description.spectral);
    assert!(refused.contains("wavelengths: no unit is declared") && refused.contains("--wavelength-unit"), "{refused}");
    let nm = SceneOptions { wavelength_unit: Some(WavelengthUnit::Nanometers), ..SceneOptions::default() };
    assert!(Scene::open(&path, &nm).unwrap().description.spectral.is_ok());
    let micrometres = folder.path().join("um.nc");
    let scene = open(&Emit { unit: Some("um"), ..Emit::new(7, 5, 12) }.write(&micrometres));
    assert!(refusal(scene.description.spectral).contains("cannot be wavelengths in um"));
}

#[test]
fn other_and_damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Emit::new(37, 41, 12).write(&folder.path().join("whole.nc"));
    let bytes = std::fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.nc");
    for length in [9, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let refused = refusal(Scene::open(&cut, &SceneOptions::default()));
        assert!(refused.contains("cut.nc") && refused.contains("cut off or damaged"), "{length}: {refused}");
    }
    let mask = Emit::new(7, 5, 12).write_mask(&folder.path().join("mask.nc"), |_, _, _| 0.0);
    let refused = refusal(Scene::open(&mask, &SceneOptions::default()));
    assert!(refused.contains("EMIT L2A mask") && refused.contains("--mask"), "{refused}");
}

fn masked(mask: &Path, scene: &Path, bands: Option<&[&str]>) -> Result<Scene, Error> {
    let mask_bands = bands.map(|names| names.iter().map(|&n| n.to_owned()).collect());
    Scene::open(scene, &SceneOptions { masks: vec![mask.to_owned()], mask_bands, ..SceneOptions::default() })
}

#[test]
fn flags_of_the_mask_are_no_data_each_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let made = Emit::new(20, 9, 12);
    let scene = made.write(&folder.path().join("scene.nc"));
    // Every band flags lines of its own; the measurements hold what no flag may.
    let flag = |line: usize, sample: usize, band: usize| match band {
        5 | 6 => 0.25,
        _ => f32::from(u8::from(line == band + 2 && sample > 3)),
    };
    let mask = made.write_mask(&folder.path().join("mask.nc"), flag);
    let all: Vec<usize> = (0..12).collect();
    let window = Window { x: 1, y: 0, width: 8, height: 20 };
    let names = ["cloud", "cirrus", "water", "spacecraft", "dilated-cloud", "", "", "aggregate"];
    let mut selections: Vec<Vec<usize>> = [0, 1, 2, 3, 4, 7].map(|b| vec![b]).to_vec();
    selections.push(vec![0, 4, 7]);
    selections.push(Vec::new());
    for bands in selections {
        let asked: Vec<&str> = bands.iter().map(|&b| names[b]).collect();
        let (asked, bands) = match bands.is_empty() {
            true => (None, vec![0, 1, 2, 3, 4]),
            false => (Some(&asked[..]), bands),
        };
        let opened = masked(&mask, &scene, asked).unwrap();
        assert_eq!(opened.readers(), 2, "as many as without a mask");
        let d = &opened.description;
        let facts = d.masked.as_ref().unwrap();
        assert_eq!((facts.pixels, facts.bands_given), (5 * bands.len() as u64, asked.is_some()));
        let used: Vec<&str> = bands.iter().map(|&b| names[b]).collect();
        assert_eq!(facts.bands, used);
        assert!(d.companions.contains(&mask) && d.notes.iter().any(|n| n.contains(&used.join(","))), "{:?}", d.notes);
        let valid = opened.reader(&all).unwrap().read(window).unwrap().valid(d.nodata);
        for (pixel, valid) in valid.iter().enumerate() {
            let (line, sample) = (pixel / 8, pixel % 8 + 1);
            assert_eq!(*valid, !(sample > 3 && bands.contains(&line.wrapping_sub(2))), "{line} {sample} {asked:?}");
        }
    }
}

#[test]
fn masks_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let made = Emit::new(7, 5, 12);
    let scene = made.write(&folder.path().join("scene.nc"));
    let mask = made.write_mask(&folder.path().join("mask.nc"), |_, _, band| if band == 2 { 0.5 } else { 0.0 });
    let cases: [(&[&str], &[&str]); 5] = [
        (&["clouds"], &["--mask-bands", "no flag 'clouds'", "cloud, cirrus, water", "dilated-cloud"]),
        (&["AOD550"], &["'aod550' is a measurement, expected a flag"]),
        (&["h2o"], &["'h2o' is a measurement"]),
        (&["water"], &["mask.nc, mask", "'Water flag' is 0.5 at line 0, sample 0, expected 0 or 1"]),
        (&[], &["no flag was named"]),
    ];
    for (bands, expected) in cases {
        let refused = refusal(masked(&mask, &scene, Some(bands)));
        expected.iter().for_each(|part| assert!(refused.contains(part), "{bands:?}: {refused}"));
    }
    let other = Emit::new(8, 5, 12).write_mask(&folder.path().join("other.nc"), |_, _, _| 0.0);
    let refused = refusal(masked(&other, &scene, None));
    assert!(refused.contains("has 8 lines x 5 samples, expected 7 x 5"), "{refused}");
    assert!(refusal(masked(&scene, &scene, None)).contains("scene.nc, mask: there is no such variable"));
    let text = folder.path().join("mask.txt");
    std::fs::write(&text, "cloud").unwrap();
    assert!(refusal(masked(&text, &scene, None)).contains("no netCDF-4 file"));
    let only_bands = SceneOptions { mask_bands: Some(vec!["cloud".into()]), ..SceneOptions::default() };
    assert!(refusal(Scene::open(&scene, &only_bands)).contains("there is no mask"));
    assert_eq!(MASK_BANDS.len(), 8);
}

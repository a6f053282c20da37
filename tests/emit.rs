//! EMIT L2A from the delivered file to the map, against what Python makes of the same files (`tests/golden/emit.py`).
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Samples, Window};
use assert_cmd::Command;
use gdal::Dataset;
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
use predicates::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

#[path = "common/emit.rs"]
mod emit;
#[path = "common/netcdf.rs"]
mod netcdf;

use emit::Emit;

const SCENES: [&str; 2] = ["emit_small", "emit_large"];
/// Resampling a library of 1 nm to the scene's bands moves its angles a little; classes are far enough apart.
const RESAMPLED: f64 = 0.02;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn expected(scene: &str) -> Value {
    let all: Value = serde_json::from_slice(&std::fs::read(golden("emit.json")).unwrap()).unwrap();
    all["scenes"][scene].clone()
}

/// The program in a folder. A child that another test starts while this one writes a fixture inherits HDF5's lock on it.
fn alunite(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.current_dir(folder).env("XDG_RUNTIME_DIR", folder).env("HDF5_USE_FILE_LOCKING", "FALSE");
    command
}

fn map(folder: &Path, scene: &Path, library: &Path, more: &[&str]) -> Command {
    let mut command = alunite(folder);
    command.arg("map").arg(scene).arg("--library").arg(library);
    command.args(["--out", "maps", "--overwrite", "--backend", "cpu", "--threshold", "sam:3.14"]).args(more);
    command
}

fn mapped(scene: &str, more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // HDF5 tells its own troubles on stderr, past GDAL, unless each thread asks it to be silent.
    let quiet = predicate::str::contains("HDF5").not();
    let library = golden("emit_library.csv");
    map(folder.path(), &golden(&format!("{scene}.nc")), &library, more).assert().code(0).stderr(quiet);
    folder
}

fn report(folder: &TempDir) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path().join("maps/run.json")).unwrap()).unwrap()
}

/// The class map as lines of digits, `-` where there is no data.
fn classes(folder: &TempDir) -> Vec<String> {
    let dataset = Dataset::open(folder.path().join("maps/sam_classes.tif")).unwrap();
    let (width, _) = dataset.raster_size();
    let values = dataset.rasterband(1).unwrap().read_band_as::<u8>().unwrap().data().to_vec();
    let digit = |v: &u8| if *v == 255 { '-' } else { char::from(b'0' + v) };
    values.chunks_exact(width).map(|row| row.iter().map(digit).collect()).collect()
}

fn lines(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|l| l.as_str().unwrap().to_owned()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn bands_units_and_values_are_those_of_the_file() {
    for name in SCENES {
        let expected = expected(name);
        let scene = Scene::open(&golden(&format!("{name}.nc")), &SceneOptions::default()).unwrap();
        let d = &scene.description;
        assert_eq!([d.lines, d.samples, d.bands].map(|n| n as f64).to_vec(), numbers(&expected["shape"]));
        let spectral = d.spectral.as_ref().unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.01, "{a} nm instead of {b}");
        spectral.centres.iter().zip(numbers(&expected["wavelengths"])).for_each(|(a, b)| near(a.0, b));
        let widths = spectral.fwhm.as_ref().unwrap();
        widths.iter().zip(numbers(&expected["fwhm"])).for_each(|(a, b)| near(a.0, b));
        for spot in expected["bits"].as_array().unwrap() {
            let [line, sample, band, bits] = numbers(spot).try_into().unwrap();
            let window = Window { x: sample as usize, y: line as usize, width: 1, height: 1 };
            let tile = scene.reader(&[band as usize]).unwrap().read(window).unwrap();
            let Samples::F32(values) = &tile.samples else { panic!("f32") };
            assert_eq!(f64::from(values[0].to_bits()), bits, "{name} {spot}");
        }
    }
}

#[test]
fn the_map_is_a_naive_gather_of_the_swath() {
    for name in SCENES {
        let expected = expected(name);
        let folder = mapped(name, &[]);
        assert_eq!(classes(&folder), lines(&expected["map"]), "{name}");
        let dataset = Dataset::open(folder.path().join("maps/sam_scores.tif")).unwrap();
        let angles = dataset.rasterband(1).unwrap().read_band_as::<f32>().unwrap().data().to_vec();
        let rows = expected["angles"].as_array().unwrap();
        let wanted = rows.iter().flat_map(|row| row.as_array().unwrap());
        for (found, wanted) in angles.iter().zip(wanted) {
            match wanted.as_f64() {
                None => assert_eq!(*found, -9999.0),
                Some(angle) => assert!((f64::from(*found) - angle).abs() < RESAMPLED, "{found} instead of {angle}"),
            }
        }
        let report = report(&folder);
        let used: Vec<f64> =
            report["bands_in_use"].as_array().unwrap().iter().map(|b| b["band"].as_f64().unwrap()).collect();
        assert_eq!(used, numbers(&expected["bands_in_use"]));
        assert_eq!(report["product"], "emit-l2a");
        assert_eq!(report["geometry"], "map");
        let digits: String = lines(&expected["map"]).concat();
        for (class, digit) in report["maps"][0]["classes"].as_array().unwrap().iter().zip(['1', '2', '3']) {
            let pixels = digits.matches(digit).count() as f64;
            assert_eq!(class["pixels"].as_f64().unwrap(), pixels);
            // A cell of 0.000542 degrees at 40.5 degrees north: 60.2 m by 46.0 m.
            let km2 = class["km2"].as_f64().unwrap();
            assert!((km2 / pixels - 0.002768).abs() < 0.00001, "{km2} km2 of {pixels} pixels");
        }
        let size = Dataset::open(folder.path().join("maps/sam_classes.tif")).unwrap().raster_size();
        assert_eq!(report["map_samples"], size.0);
        assert_eq!(report["map_lines"], size.1);
        assert!(report["notes"].to_string().contains("geometry map (the default; --geometry swath keeps the swath)"));
        assert!(folder.path().join("maps/quicklook.png").exists());
    }
}

/// Whatever a method leaves goes through the table, in any cut.
#[test]
fn every_raster_is_gathered_whatever_the_tiles() {
    let name = "emit_large";
    let more = ["--method", "sam,scm", "--rules"];
    let whole = mapped(name, &more);
    let cut = mapped(name, &[&more[..], &["--tile-lines", "7", "--threads", "1"]].concat());
    let swath = mapped(name, &[&more[..], &["--geometry", "swath"]].concat());
    let made = Scene::open(&golden("emit_large.nc"), &SceneOptions::default()).unwrap();
    let (mut places, mut lookup) = (Vec::new(), made.lookup().unwrap());
    lookup.read(0..56, &mut places).unwrap();
    for file in ["sam_classes", "sam_scores", "sam_runner_up", "sam_rules", "scm_classes", "scm_scores", "scm_rules"] {
        let path = |folder: &TempDir| folder.path().join(format!("maps/{file}.tif"));
        assert!(std::fs::read(path(&whole)).unwrap() == std::fs::read(path(&cut)).unwrap(), "{file}");
        let [map, swath] = [path(&whole), path(&swath)].map(|p| Dataset::open(p).unwrap());
        assert_eq!(swath.raster_size(), (33, 40));
        assert!(swath.geo_transform().is_err() && swath.projection().is_empty());
        for band in 1..=map.raster_count() {
            let [of_map, of_swath] = [&map, &swath].map(|d| {
                let band = d.rasterband(band).unwrap();
                (band.read_band_as::<f32>().unwrap().data().to_vec(), band.no_data_value().unwrap())
            });
            for (found, place) in of_map.0.iter().zip(&places) {
                let wanted = of_swath.0.get(*place as usize).copied().unwrap_or(of_swath.1 as f32);
                assert_eq!(found.to_bits(), wanted.to_bits(), "{file} band {band}");
            }
        }
    }
    let pictures = [&whole, &cut].map(|f| std::fs::read(f.path().join("maps/quicklook.png")).unwrap());
    assert!(pictures[0] == pictures[1]);
}

#[test]
fn the_swath_is_mapped_as_it_lies() {
    for name in SCENES {
        let folder = mapped(name, &["--geometry", "swath"]);
        assert_eq!(classes(&folder), lines(&expected(name)["swath"]), "{name}");
        let report = report(&folder);
        assert_eq!((&report["geometry"], &report["geotransform"]), (&Value::from("swath"), &Value::Null));
        assert!(report["maps"][0]["classes"][0]["km2"].is_null());
    }
}

#[test]
fn corners_and_centre_lie_where_pyproj_puts_them() {
    let all: Value = serde_json::from_slice(&std::fs::read(golden("emit.json")).unwrap()).unwrap();
    let mut utm = SpatialRef::from_epsg(all["utm"].as_u64().unwrap() as u32).unwrap();
    utm.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    for name in SCENES {
        let folder = mapped(name, &[]);
        let dataset = Dataset::open(folder.path().join("maps/sam_classes.tif")).unwrap();
        let mut crs = dataset.spatial_ref().unwrap();
        crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        let to_utm = CoordTransform::new(&crs, &utm).unwrap();
        let g = dataset.geo_transform().unwrap();
        let (width, height) = dataset.raster_size();
        let spots = all["scenes"][name]["places"].as_array().unwrap();
        for (spot, share) in spots.iter().zip([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)]) {
            let [column, row, lon, lat, east, north] = numbers(spot).try_into().unwrap();
            assert_eq!((column, row), (share.0 * width as f64, share.1 * height as f64));
            let (x, y) = (g[0] + column * g[1] + row * g[2], g[3] + column * g[4] + row * g[5]);
            let degrees = ((x - lon) / g[1]).abs().max(((y - lat) / g[5]).abs());
            let (mut xs, mut ys) = ([x], [y]);
            to_utm.transform_coords(&mut xs, &mut ys, &mut []).unwrap();
            // The smaller side of a pixel is 46 m.
            let metres = (xs[0] - east).abs().max((ys[0] - north).abs()) / 46.0;
            assert!(degrees < 0.1 && metres < 0.1, "{name} {spot}: off by {degrees} and {metres} pixels");
        }
    }
}

#[test]
fn clouds_and_water_of_the_mask_are_no_data() {
    for name in SCENES {
        let mask = golden(&format!("{name}_mask.nc"));
        let folder = mapped(name, &["--mask", mask.to_str().unwrap(), "--mask-bands", "cloud,water"]);
        assert_eq!(classes(&folder), lines(&expected(name)["map_without_cloud_and_water"]), "{name}");
        let report = report(&folder);
        assert_eq!(report["mask"]["bands"], serde_json::json!(["cloud", "water"]));
        let inputs: Vec<&str> =
            report["inputs"].as_array().unwrap().iter().map(|i| i["path"].as_str().unwrap()).collect();
        assert!(inputs.iter().any(|i| i.ends_with("_mask.nc")), "{inputs:?}");
    }
}

#[test]
fn the_default_flags_are_printed_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mask = golden("emit_small_mask.nc");
    let told = "cloud,cirrus,water,spacecraft,dilated-cloud, the default of --mask-bands";
    map(folder.path(), &golden("emit_small.nc"), &golden("emit_library.csv"), &["--mask", mask.to_str().unwrap()])
        .assert()
        .code(0)
        .stderr(predicate::str::contains(told));
    assert!(report(&folder)["notes"].to_string().contains(told));
    assert_eq!(report(&folder)["mask"]["bands_given"], false);
}

/// Statistics are of the swath, and leave out what the mask does.
#[test]
fn filters_and_statistics_take_the_swath() {
    let scene = golden("emit_large.nc");
    let mask = golden("emit_large_mask.nc");
    let folder = tempfile::tempdir().unwrap();
    let mut stats = alunite(folder.path());
    stats.arg("stats").arg(&scene);
    stats.args(["--out", "scene.stats", "--backend", "cpu", "--mask"]).arg(&mask).args(["--mask-bands", "cloud"]);
    let out = stats.assert().code(0).get_output().stdout.clone();
    assert!(String::from_utf8(out).unwrap().contains("without the mask's cloud"));
    let mf = ["--method", "mf", "--mask", mask.to_str().unwrap(), "--mask-bands", "cloud"];
    let library = golden("emit_library.csv");
    let with = |more: &[&str]| {
        let mut command = alunite(folder.path());
        command.arg("map").arg(&scene).arg("--library").arg(&library).args([
            "--out",
            "maps",
            "--overwrite",
            "--backend",
            "cpu",
        ]);
        command.args(mf).args(more).assert().code(0);
    };
    with(&[]);
    let own = std::fs::read(folder.path().join("maps/mf_scores.tif")).unwrap();
    with(&["--stats", "scene.stats"]);
    assert!(own == std::fs::read(folder.path().join("maps/mf_scores.tif")).unwrap());
}

#[test]
fn info_shows_product_map_and_problems() {
    let folder = tempfile::tempdir().unwrap();
    let info = |path: &Path| {
        let output = alunite(folder.path()).arg("info").arg(path).assert().code(0).get_output().clone();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = info(&golden("emit_large.nc"));
    for part in ["EMIT L2A", "40 lines x 33 samples x 20 bands", "56 lines x 52 samples", "WGS 84", "3-4"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("PROBLEM"), "{text}");
    let mut made = Emit::new(7, 5, 12);
    made.glt_x[57] = 6;
    let text = info(&made.write(&folder.path().join("bad.nc")));
    assert!(text.contains("PROBLEM") && text.contains("glt_x: is 6 at line 5, sample 7, expected 1 to 5"), "{text}");
}

#[test]
fn bad_deliveries_are_refused_before_the_work_and_soon() {
    type Change = fn(&mut Emit);
    let cases: [(&str, Change, &str); 5] = [
        ("glt.nc", |e| e.glt_y[99] = 8, "glt_y: is 8 at line 9, sample 9, expected 1 to 7"),
        ("fill.nc", |e| e.glt_y.fill(0), "all 10 x 10 pixels are fill"),
        ("good.nc", |e| e.omitted = vec!["good_wavelengths"], "good_wavelengths: there is no such variable"),
        ("unit.nc", |e| e.unit = None, "no unit is declared"),
        ("crs.nc", |e| e.omitted = vec!["spatial_ref"], "expected the map's CRS"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("library.csv");
    std::fs::write(&library, Emit::new(7, 5, 12).library()).unwrap();
    for (name, change, told) in cases {
        let mut made = Emit::new(7, 5, 12);
        change(&mut made);
        let path = made.write(&folder.path().join(name));
        let begun = Instant::now();
        let stderr = predicate::str::contains(told).and(predicate::str::contains(name));
        map(folder.path(), &path, &library, &[]).assert().code(2).stderr(stderr);
        assert!(begun.elapsed() < Duration::from_secs(2), "{name}");
        assert!(!folder.path().join("maps/run.json").exists());
    }
    // What is wrong with the table does not matter to the swath.
    map(folder.path(), &folder.path().join("glt.nc"), &library, &["--geometry", "swath"]).assert().code(0);
}

#[test]
fn a_scene_without_a_table_has_no_map_to_go_to() {
    let folder = tempfile::tempdir().unwrap();
    let made = Emit { omitted: vec!["glt_x", "glt_y"], ..Emit::new(7, 5, 12) };
    let (path, library) = (made.write(&folder.path().join("scene.nc")), folder.path().join("library.csv"));
    std::fs::write(&library, made.library()).unwrap();
    let told = predicate::str::contains("maps lie in the swath");
    map(folder.path(), &path, &library, &[]).assert().code(0).stderr(told);
    let told = predicate::str::contains("--geometry: map needs a lookup table");
    map(folder.path(), &path, &library, &["--geometry", "map"]).assert().code(2).stderr(told);
}

/// As it is fetched: the reflectance beside its mask, in a folder.
#[test]
fn the_folder_of_a_granule_is_its_reflectance() {
    let folder = tempfile::tempdir().unwrap();
    let granule = folder.path().join("granule");
    std::fs::create_dir(&granule).unwrap();
    std::fs::copy(golden("emit_small.nc"), granule.join("EMIT_L2A_RFL_001.nc")).unwrap();
    std::fs::copy(golden("emit_small_mask.nc"), granule.join("EMIT_L2A_MASK_001.nc")).unwrap();
    let mask = granule.join("EMIT_L2A_MASK_001.nc");
    map(folder.path(), &granule, &golden("emit_library.csv"), &["--mask", mask.to_str().unwrap()]).assert().code(0);
    let classes = std::fs::read(folder.path().join("maps/sam_classes.tif")).unwrap();
    std::fs::remove_dir_all(folder.path().join("maps")).unwrap();
    map(folder.path(), &golden("emit_small.nc"), &golden("emit_library.csv"), &["--mask", mask.to_str().unwrap()])
        .assert()
        .code(0);
    assert!(classes == std::fs::read(folder.path().join("maps/sam_classes.tif")).unwrap());
    // Two granules are no scene.
    std::fs::copy(golden("emit_large.nc"), granule.join("EMIT_L2A_RFL_002.nc")).unwrap();
    let told = predicate::str::contains("holds several products");
    map(folder.path(), &granule, &golden("emit_library.csv"), &[]).assert().code(2).stderr(told);
}

//! AVIRIS L2A from the delivered netCDF to the map, against what Python makes of the same files
//! (`tests/golden/aviris.py`).
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::path::{Path, PathBuf};

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Samples, Window};
use gdal::Dataset;
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
use serde_json::Value;

/// The first is band by band, in the northern hemisphere; the second line by line, in the southern.
const SCENES: [&str; 2] = ["aviris_small", "aviris_large"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn expected(scene: &str) -> Value {
    let all: Value = serde_json::from_slice(&std::fs::read(golden("aviris.json")).unwrap()).unwrap();
    all["scenes"][scene].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Maps a scene with the library of the EMIT tests, which has the same three spectra; the folder of maps.
fn map(scene: &str, more: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.arg("map").arg(golden(&format!("{scene}.nc"))).arg("--library").arg(golden("emit_library.csv"));
    command.arg("--out").arg(folder.path()).args(["--backend", "cpu", "--threshold", "3.14"]).args(more);
    command.assert().code(0);
    folder
}

#[test]
fn bands_and_values_are_those_of_the_file_to_the_bit() {
    for name in SCENES {
        let expected = expected(name);
        let scene = Scene::open(&golden(&format!("{name}.nc")), &SceneOptions::default()).unwrap();
        let d = &scene.description;
        assert_eq!([d.lines, d.samples, d.bands].map(|n| n as f64).to_vec(), numbers(&expected["shape"]));
        let spectral = d.spectral.as_ref().unwrap();
        assert_eq!(spectral.centres.iter().map(|c| c.0).collect::<Vec<_>>(), numbers(&expected["wavelengths"]));
        let widths = spectral.fwhm.as_ref().unwrap();
        assert_eq!(widths.iter().map(|w| w.0).collect::<Vec<_>>(), numbers(&expected["fwhm"]));
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
fn the_map_has_the_classes_of_the_formula_written_out() {
    for name in SCENES {
        let expected = expected(name);
        let maps = map(name, &[]);
        let dataset = Dataset::open(maps.path().join("sam_classes.tif")).unwrap();
        let values = dataset.rasterband(1).unwrap().read_band_as::<u8>().unwrap().data().to_vec();
        let digit = |v: &u8| if *v == 255 { '-' } else { char::from(b'0' + v) };
        let found: Vec<String> =
            values.chunks_exact(dataset.raster_size().0).map(|row| row.iter().map(digit).collect()).collect();
        let wanted: Vec<&str> = expected["map"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        assert_eq!(found, wanted, "{name}");
        let report = std::fs::read(maps.path().join("run.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["product"], "aviris-l2a");
        let area = expected["metres"].as_f64().unwrap().powi(2) * 1e-6;
        for class in report["maps"][0]["classes"].as_array().unwrap() {
            let (km2, pixels) = (class["km2"].as_f64().unwrap(), class["pixels"].as_f64().unwrap());
            // The area of the plane; UTM's scale at these places is within 0.2 % of 1.
            assert!((km2 / pixels / area - 1.0).abs() < 4e-3, "{class}");
        }
        let cut = map(name, &["--tile-lines", "3", "--threads", "2"]);
        for file in ["sam_classes.tif", "sam_scores.tif", "sam_runner_up.tif"] {
            let [a, b] = [&maps, &cut].map(|folder| std::fs::read(folder.path().join(file)).unwrap());
            assert!(a == b, "{file} of {name} depends on how it is cut");
        }
    }
}

#[test]
fn corners_and_centres_lie_where_pyproj_has_them() {
    const METRES_A_DEGREE: f64 = 111_320.0;
    for name in SCENES {
        let expected = expected(name);
        let pixel = expected["metres"].as_f64().unwrap();
        let maps = map(name, &[]);
        let dataset = Dataset::open(maps.path().join("sam_scores.tif")).unwrap();
        let g = dataset.geo_transform().unwrap();
        let (mut utm, mut degrees) = (dataset.spatial_ref().unwrap(), SpatialRef::from_epsg(4326).unwrap());
        assert_eq!(f64::from(utm.auth_code().unwrap()), expected["epsg"].as_f64().unwrap());
        for crs in [&mut utm, &mut degrees] {
            crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        }
        let to_degrees = CoordTransform::new(&utm, &degrees).unwrap();
        for place in expected["places"].as_array().unwrap() {
            let [column, line, x, y, longitude, latitude] = numbers(place).try_into().unwrap();
            let found = (g[0] + column * g[1] + line * g[2], g[3] + column * g[4] + line * g[5]);
            let (mut lon, mut lat) = ([found.0], [found.1]);
            to_degrees.transform_coords(&mut lon, &mut lat, &mut [0.0]).unwrap();
            let east = (lon[0] - longitude) * METRES_A_DEGREE * latitude.to_radians().cos();
            let north = (lat[0] - latitude) * METRES_A_DEGREE;
            let off = [found.0 - x, found.1 - y, east, north].map(f64::abs);
            assert!(off.iter().all(|d| *d < 0.1 * pixel), "{name} ({column}, {line}): off by {off:?} m");
        }
    }
}

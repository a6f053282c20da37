//! Whole runs over measured scenes, and what they leave: shared by the tests that need them.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Output;

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Sample as _, Window};
use alunite::with_samples;
use serde_json::Value;

/// The thirteen minerals that the Cuprite regions are tested with.
pub(crate) const CUPRITE_TARGETS: [&str; 13] = [
    "Alunite GDS84 Na03",
    "Alunite GDS82 Na82",
    "Kaolinite KGa-1 (wxl)",
    "Kaolinite CM9",
    "Dickite NMNH106242",
    "Muscovite GDS107",
    "Montmorillonite SWy-1",
    "Montmorillonite CM20",
    "Chalcedony CU91-6A",
    "Opal WS732",
    "Calcite WS272",
    "Buddingtonite GDS85 D-206",
    "Pyrophyllite PYS1A fine gr",
];

/// The library of the Cuprite tests.
pub(crate) const BECKMAN: &str = "usgs_splib07a_alteration_beckman.sli";

/// Where the minerals of altered rock differ.
pub(crate) const SWIR: &str = "2.08um-2.40um";

/// Runs `alunite map SCENE --out OUT` with further arguments, on the CPU unless they name an adapter.
pub(crate) fn map(scene: &Path, out: &Path, arguments: &[&str]) -> Output {
    let backend = if arguments.contains(&"--adapter") { "gpu" } else { "cpu" };
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.arg("map").arg(scene).arg("--out").arg(out).args(["--backend", backend, "--quiet"]).args(arguments);
    command.output().unwrap()
}

/// The same, which must succeed; gives what it said on stderr.
pub(crate) fn mapped(scene: &Path, out: &Path, arguments: &[&str]) -> String {
    let output = map(scene, out, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?} on {}: {}: {said}", scene.display(), output.status);
    said
}

/// All stored values of some bands (from 0). Wavelengths do not matter here, nor whether they have a unit.
pub(crate) fn bands(path: &Path, bands: &[usize]) -> Vec<Vec<f64>> {
    let scene = Scene::open(path, &SceneOptions::default()).unwrap();
    let (width, height) = (scene.description.samples, scene.description.lines);
    let tile = scene.reader(bands).unwrap().read(Window { x: 0, y: 0, width, height }).unwrap();
    with_samples!(&tile.samples, values => {
        (0..bands.len()).map(|band| tile.band(values, band).map(|v| v.to_f64()).collect()).collect()
    })
}

/// All stored values of one band (from 0).
pub(crate) fn band(path: &Path, band: usize) -> Vec<f64> {
    bands(path, &[band]).remove(0)
}

/// Runs `alunite map` in a folder that is gone afterwards.
pub(crate) struct Run {
    out: tempfile::TempDir,
    pub(crate) said: String,
    pub(crate) report: Value,
}

impl Run {
    /// A run that must succeed.
    pub(crate) fn of(scene: &Path, arguments: &[&str]) -> Self {
        let out = tempfile::tempdir().unwrap();
        let said = mapped(scene, out.path(), arguments);
        let report = std::fs::read(out.path().join("run.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let counted: u64 =
            report["maps"][0]["classes"].as_array().unwrap().iter().map(|c| c["pixels"].as_u64().unwrap()).sum();
        let rest = |key: &str| report["maps"][0][key].as_u64().unwrap();
        let pixels = report["lines"].as_u64().unwrap() * report["samples"].as_u64().unwrap();
        assert_eq!(counted + rest("unclassified_pixels") + rest("nodata_pixels"), pixels, "{}", scene.display());
        Self { out, said, report }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub(crate) fn classes(&self) -> Vec<f64> {
        band(&self.file("sam_classes.tif"), 0)
    }

    pub(crate) fn angles(&self) -> Vec<f64> {
        band(&self.file("sam_scores.tif"), 0)
    }

    /// The centres of the bands in use, in nanometres.
    pub(crate) fn centres(&self) -> Vec<f64> {
        let bands = self.report["bands_in_use"].as_array().unwrap();
        bands.iter().map(|b| b["wavelength_nm"].as_f64().unwrap()).collect()
    }

    /// Numbers from 1 of the bands that were dropped for this reason.
    pub(crate) fn dropped(&self, reason: &str) -> Vec<u64> {
        let bands = self.report["bands_dropped"].as_array().unwrap();
        let dropped = bands.iter().filter(|b| b["reason"].as_str().unwrap().contains(reason));
        dropped.map(|b| b["band"].as_u64().unwrap()).collect()
    }

    pub(crate) fn nodata_pixels(&self) -> u64 {
        self.report["maps"][0]["nodata_pixels"].as_u64().unwrap()
    }

    /// Pixels of a scene that are no data in one band in use, or zero in all: the definition, spelled out.
    pub(crate) fn pixels_without_data(&self, scene: &Path, nodata: f64) -> u64 {
        let bands = self.report["bands_in_use"].as_array().unwrap();
        let bands: Vec<usize> = bands.iter().map(|b| b["band"].as_u64().unwrap() as usize - 1).collect();
        let bands = self::bands(scene, &bands);
        let values = |pixel: usize| bands.iter().map(move |band| band[pixel]);
        let empty = |p: &usize| values(*p).any(|v| v == nodata) || values(*p).all(|v| v == 0.0);
        (0..bands[0].len()).filter(empty).count() as u64
    }

    /// A map of the short-wave infrared was made: bands lie where they were asked for, angles are angles.
    pub(crate) fn is_a_swir_map(&self, bands: usize) {
        let centres = self.centres();
        assert_eq!(centres.len(), bands);
        assert!(centres.iter().all(|c| (2080.0..=2400.0).contains(c)), "{centres:?}");
        let (classes, angles) = (self.classes(), self.angles());
        for (class, angle) in classes.iter().zip(angles) {
            assert_eq!(*class == 255.0, angle == -9999.0);
            assert!(*class == 255.0 || (0.0..=std::f64::consts::PI).contains(&angle), "{angle}");
            assert!(*class == 255.0 || (*class > 0.0) == (angle as f32 <= 0.1), "class {class} at {angle}");
        }
    }
}

/// A run that must be refused, writing nothing; gives what it said.
pub(crate) fn refused(scene: &Path, arguments: &[&str]) -> String {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("out");
    let output = map(scene, &out, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{}: {said}", scene.display());
    let left = std::fs::read_dir(&out).map_or(0, Iterator::count);
    assert_eq!(left, 0, "{} leaves something behind", scene.display());
    said
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn scene(path: &Path) -> Scene {
    Scene::open(path, &SceneOptions::default()).unwrap()
}

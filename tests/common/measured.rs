//! Whole runs over measured scenes, and what they leave: shared by the tests that need them.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::Path;
use std::process::Output;

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Sample as _, Window};
use alunite::with_samples;

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

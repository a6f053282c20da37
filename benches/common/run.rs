//! alunite as a user runs it, and the proof that what it wrote is right.

use std::path::Path;
use std::process::Command;

use alunite::methods::{Naive, find};
use alunite::pipeline::{self, Geometry, Planned, Request};
use alunite::scene::NOWHERE;
use alunite::spectrum::WavelengthRange;
use alunite::tile::{Sample as _, Window};
use alunite::with_samples;
use gdal::Dataset;
use ndarray::Array2;

/// Places of a map that are compared with the formula, spread over it by a step that is no part of its width.
const SPOTS: usize = 50;
/// Angles closer than this are equal for f32 pixels: either class is right.
const TIE: f64 = 1e-6;

/// `alunite map` on the CPU, with a threshold for `sam` that every pixel passes.
pub(crate) fn map(scene: &Path, library: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.args([
        "map",
        "--quiet",
        "--no-targets",
        "--no-report",
        "--overwrite",
        "--backend",
        "cpu",
        "--threshold",
        "sam:3.14",
        // Rivals leave out none, and a case is named by its number of bands.
        "--keep-bands",
        "all",
        "--keep-overlap",
    ]);
    command.arg("--library").arg(library).arg("--out").arg(out).args(more).arg(scene);
    command
}

/// What `map` plans for `sam` with all targets of a library.
pub(crate) fn plan(scene: &Path, library: &Path) -> Planned {
    let request = Request {
        scene: scene.to_owned(),
        libraries: vec![library.to_owned()],
        methods: vec!["sam".to_owned()],
        keep_bands: vec![WavelengthRange::ALL],
        keep_overlap: true,
        ..Request::default()
    };
    pipeline::plan(&request).expect("a plan")
}

/// A class map, line by line: 0 unclassified, then the targets; 255 no data.
pub(crate) fn classes(map: &Path) -> Vec<u8> {
    let dataset = Dataset::open(map).unwrap_or_else(|e| panic!("{}: {e}", map.display()));
    let band = dataset.rasterband(1).expect("a band");
    band.read_band_as::<u8>().expect("classes").data().to_vec()
}

/// The pixel of the scene that each of so many pixels of its map shows.
fn places(planned: &Planned, pixels: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..).take(pixels).collect();
    if planned.draft().geometry == Some(Geometry::Map) {
        let mut lookup = planned.scene.lookup().expect("a lookup table");
        lookup.read(0..planned.draft().map.lines, &mut places).expect("places");
    }
    places
}

/// Classes of `sam` are those of the formula in f64, and no data is where the scene has none.
pub(crate) fn check(planned: &Planned, out: &Path) {
    let classes = classes(&out.join("sam_classes.tif"));
    let described = &planned.scene.description;
    let scaling = described.scaling.select(&planned.draft().bands);
    let mut reader = planned.scene.reader(&planned.draft().bands).expect("a reader");
    let none = Array2::zeros((0, 0));
    let naive = Naive { mean: &[], inverse_covariance: &none, inverse_correlation: &none };
    let sam = find("sam").expect("a method");
    let places = places(planned, classes.len());
    for at in (0..classes.len()).step_by((classes.len() / SPOTS).max(1) | 1) {
        if places[at] == NOWHERE {
            assert_eq!(classes[at], u8::MAX, "pixel {at} shows nothing");
            continue;
        }
        let place = places[at] as usize;
        let window = Window { x: place % described.samples, y: place / described.samples, width: 1, height: 1 };
        let tile = reader.read(window).expect("a pixel");
        if !tile.valid(described.nodata)[0] {
            assert_eq!(classes[at], u8::MAX, "{window:?} has no data");
            continue;
        }
        let stored = |b: usize| with_samples!(&tile.samples, v => v[tile.index(b, 0)].to_f64());
        let x: Vec<f64> = (0..tile.bands).map(|b| stored(b) * scaling.gain[b] + scaling.offset[b]).collect();
        let angle = |t: usize| sam.reference(&x, &planned.spectra().row(t).to_vec(), &naive);
        let least = (0..planned.spectra().nrows()).map(angle).fold(f64::INFINITY, f64::min);
        let given = angle(usize::from(classes[at]) - 1);
        assert!(given - least < TIE, "{window:?}: class {} has the angle {given}, not {least}", classes[at]);
    }
}

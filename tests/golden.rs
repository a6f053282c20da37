//! Against the answers of peers: Spectral Python's angles, filters, anomalies and resampling, pysptools' CEM and SID,
//! made by the scripts in tests/golden.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;
use std::sync::Mutex;

use alunite::background::{Background, Shrinkage, Summands, Units};
use alunite::compute::cpu::{Cpu, CpuSums};
use alunite::compute::gpu::{Gpu, GpuSums};
use alunite::compute::{Backend, Scores, Summing, Task};
use alunite::library::resample::Resampler;
use alunite::library::{Axis, Library};
use alunite::methods::{self, Model};
use alunite::scene::{Scene, SceneOptions};
use alunite::spectrum::{Bands, Nanometers, WavelengthRange};
use alunite::tile::{SampleType, Samples, Scaling, Tile, Window};
use ndarray::Array2;

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/measured.rs"]
mod measured;

/// Radians: f32 scores of f64 angles, against arc cosines that SPy takes in f64 (good to 2e-8 near zero).
const TOLERANCE: f64 = 1e-5;

#[derive(serde::Deserialize)]
struct Golden {
    targets: Vec<Vec<f64>>,
    pixels: Vec<Vec<f64>>,
    angles: Vec<Vec<f64>>,
}

impl Golden {
    fn read() -> Self {
        serde_json::from_str(include_str!("golden/spectral_angles.json")).unwrap()
    }

    fn task(&self) -> Task {
        let (count, bands) = (self.targets.len(), self.targets[0].len());
        let targets = Array2::from_shape_vec((count, bands), self.targets.concat()).unwrap();
        let sam = [methods::find("sam").unwrap()];
        let task = Task::new(&sam, targets.view(), None, SampleType::F32, Scaling::identity(bands)).unwrap();
        task.with_rules(true)
    }

    fn tile(&self) -> Tile {
        let window = Window { x: 0, y: 0, width: self.pixels.len(), height: 1 };
        let mut tile = Tile::zeros(window, self.pixels[0].len(), SampleType::F32);
        for (p, pixel) in self.pixels.iter().enumerate() {
            for (b, &v) in pixel.iter().enumerate() {
                let at = tile.index(b, p);
                let Samples::F32(values) = &mut tile.samples else { unreachable!() };
                values[at] = v as f32;
            }
        }
        tile
    }

    /// The largest difference of `scores` from SPy's angles, in radians. Targets must be SPy's, or tied with them.
    fn largest_difference(&self, scores: &Scores) -> f64 {
        let scores = &scores.maps[0];
        let mut largest = 0.0_f64;
        for (p, angles) in self.angles.iter().enumerate() {
            let mut sorted = angles.clone();
            sorted.sort_by(f64::total_cmp);
            let (best, runner_up) = (usize::from(scores.best[p]), usize::from(scores.runner_up[p]));
            assert_ne!(best, runner_up, "pixel {p}");
            let score = f64::from(scores.score[p]);
            let second = score + f64::from(scores.margin[p]);
            // What is called best has the best angle, in alunite's figures and in SPy's own.
            for (given, expected) in
                [(score, sorted[0]), (angles[best], sorted[0]), (second, sorted[1]), (angles[runner_up], sorted[1])]
            {
                largest = largest.max((given - expected).abs());
            }
            for (t, &angle) in angles.iter().enumerate() {
                largest = largest.max((f64::from(scores.rules[t * self.pixels.len() + p]) - angle).abs());
            }
        }
        largest
    }
}

#[test]
fn cpu_angles_are_those_of_spectral_python() {
    let golden = Golden::read();
    let scores = Cpu::new(golden.task(), 1).unwrap().map(&golden.tile()).unwrap();
    let largest = golden.largest_difference(&scores);
    eprintln!("CPU: largest difference {largest:.2e} rad");
    assert!(largest <= TOLERANCE, "{largest}");
}

#[test]
fn gpu_angles_are_those_of_spectral_python() {
    let golden = Golden::read();
    let Some(device) = gpu::device() else { return };
    let scores = Gpu::new(device, golden.task(), 1).unwrap().map(&golden.tile()).unwrap();
    let largest = golden.largest_difference(&scores);
    eprintln!("GPU: largest difference {largest:.2e} rad");
    assert!(largest <= TOLERANCE, "{largest}");
}

#[test]
fn a_wrong_angle_would_be_found() {
    let golden = Golden::read();
    let mut scores = Cpu::new(golden.task(), 1).unwrap().map(&golden.tile()).unwrap();
    scores.maps[0].score[17] += 3e-5;
    assert!(golden.largest_difference(&scores) > TOLERANCE);
}

/// The answers of tests/golden/background_methods.py.
#[derive(serde::Deserialize)]
struct Filters {
    targets: Vec<Vec<f64>>,
    pixels: Vec<Vec<f64>>,
    matched_filter: Vec<Vec<f64>>,
    ace: Vec<Vec<f64>>,
    rx: Vec<f64>,
    msam: Vec<Vec<f64>>,
    cem: Vec<Vec<f64>>,
    sid: Vec<Vec<f64>>,
}

/// A peer's scores may be off by this much of their range; matched filters, in abundance, by this much.
const FILTER: f64 = 1e-4;

impl Filters {
    fn read() -> Self {
        serde_json::from_str(include_str!("golden/background_methods.json")).unwrap()
    }

    fn tile(&self) -> Tile {
        Golden { targets: vec![], pixels: self.pixels.clone(), angles: vec![] }.tile()
    }

    /// The methods with the statistics of exactly these pixels, made on a device.
    fn task(&self, device: &mut dyn Summing) -> Task {
        let (tile, bands) = (self.tile(), self.pixels[0].len());
        let units = Units::new(1, self.pixels.len(), None).within(tile.window).unwrap();
        let (scaling, about) = (Scaling::identity(bands), vec![0.3; bands]);
        let (counts, differences) = (vec![true; self.pixels.len()], scaling.less(&about));
        let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &differences };
        let sums = Mutex::default();
        device.sum(&summands, &units, &|_, moments| Vec::push(&mut sums.lock().unwrap(), moments)).unwrap();
        let sums = sums.into_inner().unwrap();
        let background = Background::new(&about, &sums[0]).unwrap();
        let model = Model {
            mean: background.mean.clone(),
            covariance: Some(background.factor_covariance(Shrinkage::None).unwrap()),
            correlation: Some(background.factor_correlation(Shrinkage::None).unwrap()),
        };
        let targets = Array2::from_shape_vec((self.targets.len(), bands), self.targets.concat()).unwrap();
        let find = |word| methods::find(word).unwrap();
        let methods = [find("mf"), &methods::ace::SQUARED, find("rx"), find("scm"), find("cem"), find("sid")];
        let task = Task::new(&methods, targets.view(), Some(&model), SampleType::F32, scaling).unwrap();
        task.with_rules(true)
    }

    /// Largest difference of each method from its peer, and the range of the peer's scores.
    fn differences(&self, scores: &Scores) -> Vec<(&'static str, f64, f64)> {
        // Oshigami's modified angle of Spectral Python is 1 − arccos(r)/(π/2).
        let correlation = |msam: f64| ((1.0 - msam) * std::f64::consts::FRAC_PI_2).cos();
        let of = |rows: &[Vec<f64>], f: &dyn Fn(f64) -> f64| {
            rows.iter().map(|r| r.iter().map(|&v| f(v)).collect()).collect()
        };
        let same = |v: f64| v;
        let peers: [(&str, Vec<Vec<f64>>); 6] = [
            ("mf", of(&self.matched_filter, &same)),
            ("ace", of(&self.ace, &same)),
            ("rx", self.rx.iter().map(|&v| vec![v]).collect()),
            ("scm", of(&self.msam, &correlation)),
            ("cem", of(&self.cem, &same)),
            ("sid", of(&self.sid, &same)),
        ];
        let one = |((word, peer), map): ((&'static str, Vec<Vec<f64>>), &alunite::compute::MapScores)| {
            let rows = if map.rules.is_empty() { &map.score } else { &map.rules };
            let given = |p: usize, t: usize| f64::from(rows[t * self.pixels.len() + p]);
            let (mut worst, mut low, mut high) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
            for (p, row) in peer.iter().enumerate() {
                for (t, &score) in row.iter().enumerate() {
                    worst = worst.max((given(p, t) - score).abs());
                    (low, high) = (low.min(score), high.max(score));
                }
            }
            (word, worst, high - low)
        };
        peers.into_iter().zip(&scores.maps).map(one).collect()
    }
}

fn are_the_peers(golden: &Filters, scores: &Scores, device: &str) {
    assert_eq!(golden.pixels.len(), golden.rx.len());
    for (word, worst, range) in golden.differences(scores) {
        eprintln!("{device}: {word} differs by {worst:.1e} at most, range {range:.3}");
        let bound = if word == "mf" { FILTER } else { FILTER * range };
        assert!(worst <= bound, "{device}: {word} differs by {worst} of {range}");
    }
}

#[test]
fn filters_and_divergences_are_those_of_spectral_python_and_pysptools() {
    let golden = Filters::read();
    let task = golden.task(&mut CpuSums::new(1).unwrap());
    let mut scores = Cpu::new(task, 1).unwrap().map(&golden.tile()).unwrap();
    are_the_peers(&golden, &scores, "CPU");
    // Each comparison can fail.
    for map in &mut scores.maps {
        let values = if map.rules.is_empty() { &mut map.score } else { &mut map.rules };
        let most = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        values[17] += most * 0.01;
    }
    for (word, worst, range) in golden.differences(&scores) {
        assert!(worst > FILTER * range, "{word}: a wrong score passes");
    }
    let Some(device) = gpu::device() else { return };
    let task = golden.task(&mut GpuSums::new(device.clone(), 1).unwrap());
    let scores = Gpu::new(device, task, 1).unwrap().map(&golden.tile()).unwrap();
    are_the_peers(&golden, &scores, "GPU");
}

/// Writes the Cuprite targets on the scene's bands: a row of band numbers from 1, then a row for each target.
fn dump_targets(folder: &Path, to: &Path) {
    let scene = Scene::open(&folder.join("cuprite95_swir_rois.hdr"), &SceneOptions::default()).unwrap();
    let scene_bands = scene.description.spectral.as_ref().unwrap();
    let range: WavelengthRange = measured::SWIR.parse().unwrap();
    let used: Vec<usize> = (0..scene_bands.len()).filter(|&b| range.contains(scene_bands.centres[b])).collect();
    let library = Library::open(&folder.join(measured::BECKMAN), None).unwrap();
    let Ok(Axis::Wavelengths(channels)) = &library.axis else { panic!("the library has wavelengths") };
    let resampler = Resampler::new(channels, scene_bands);
    let mut table = csv::Writer::from_path(to).unwrap();
    let numbers = used.iter().map(|b| (b + 1).to_string());
    table.write_record(["band".to_owned()].into_iter().chain(numbers)).unwrap();
    for name in measured::CUPRITE_TARGETS {
        let spectrum = library.spectra.iter().find(|s| s.name == name).unwrap();
        let values = resampler.apply(&spectrum.values).values;
        table.write_record([name.to_owned()].into_iter().chain(used.iter().map(|&b| values[b].to_string()))).unwrap();
    }
    table.flush().unwrap();
}

/// Spectra on the bands of AVIRIS 1995 by Spectral Python.
#[derive(serde::Deserialize)]
struct BandResampler {
    names: Vec<String>,
    values: Vec<Vec<Option<f64>>>,
}

/// Median of the differences, in reflectance. The peer smears each channel over its width and leaves the library's
/// resolution in, so single bands at steep edges differ by more.
const RESAMPLED: f64 = 2e-3;

#[test]
fn minerals_on_aviris_bands_are_those_of_spectral_python() {
    let Some(folder) = common::data() else { return };
    let golden: BandResampler = serde_json::from_str(include_str!("golden/band_resampler.json")).unwrap();
    let library = Library::open(&folder.join(measured::BECKMAN), None).unwrap();
    let Ok(Axis::Wavelengths(channels)) = &library.axis else { panic!("the library has wavelengths") };
    let mut sensor = csv::Reader::from_path(folder.join("sensors/aviris_1995.csv")).unwrap();
    let rows: Vec<(u32, f64, f64)> = sensor.deserialize().map(Result::unwrap).collect();
    let bands = Bands {
        centres: rows.iter().map(|r| Nanometers(r.1)).collect(),
        fwhm: Some(rows.iter().map(|r| Nanometers(r.2)).collect()),
    };
    let resampler = Resampler::new(channels, &bands);
    assert_eq!((golden.names.len(), golden.values[0].len()), (38, 224));
    let differences = |shift: f64| {
        let mut found: Vec<f64> = Vec::new();
        for (spectrum, (name, peer)) in library.spectra.iter().zip(golden.names.iter().zip(&golden.values)) {
            assert_eq!(spectrum.name, *name);
            let ours = resampler.apply(&spectrum.values).values;
            let both = ours.iter().zip(peer).filter(|(v, _)| !v.is_nan());
            found.extend(both.filter_map(|(v, p)| Some((v + shift - (*p)?).abs())));
        }
        found.sort_by(f64::total_cmp);
        found
    };
    let found = differences(0.0);
    let at = |share: f64| found[(share * (found.len() - 1) as f64) as usize];
    eprintln!("{} values: median {:.1e}, 95 % {:.1e}, largest {:.1e}", found.len(), at(0.5), at(0.95), at(1.0));
    assert!(found.len() > 38 * 200 && at(0.5) <= RESAMPLED, "median {}", at(0.5));
    let wrong = differences(0.005);
    assert!(wrong[wrong.len() / 2] > RESAMPLED, "a wrong value passes");
}

#[test]
fn cuprite_is_mapped_as_spectral_python_maps_it() {
    let Some(folder) = common::data() else { return };
    if let Some(path) = std::env::var_os("ALUNITE_DUMP") {
        dump_targets(&folder, Path::new(&path));
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cuprite_angles.csv");
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(golden).unwrap();
    let golden: Vec<(usize, usize, u8, f64, f64)> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(golden.len(), 557);

    let out = tempfile::tempdir().unwrap();
    let library = folder.join(measured::BECKMAN);
    measured::mapped(
        &folder.join("cuprite95_swir_rois.img"),
        out.path(),
        &[
            "--library",
            library.to_str().unwrap(),
            "--targets",
            &measured::CUPRITE_TARGETS.join(","),
            "--wavelengths",
            measured::SWIR,
            "--threshold",
            "3",
        ],
    );
    let classes = measured::band(&out.path().join("sam_classes.tif"), 0);
    let angles = measured::band(&out.path().join("sam_scores.tif"), 0);
    let mut largest = 0.0_f64;
    for (line, sample, _region, best, angle) in golden {
        let at = line * 272 + sample;
        largest = largest.max((angles[at] - angle).abs());
        assert_eq!(classes[at], best + 1.0, "line {line}, sample {sample}: angle {} for {angle}", angles[at]);
    }
    eprintln!("Cuprite: largest difference {largest:.2e} rad");
    assert!(largest <= TOLERANCE, "{largest}");
}

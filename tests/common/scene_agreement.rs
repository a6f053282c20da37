//! Whole scenes: plan, statistics and mapping of both backends against the naive f64 formula on the values that were read.

use alunite::compute::Backend;
use alunite::compute::cpu::Cpu;
use alunite::compute::gpu::Gpu;
use alunite::library::select::Choice;
use alunite::methods::{ALL, Needs};
use alunite::pipeline::{self, BackendChoice, Limits, Pass, Processor, Request, Settings, Silent};
use alunite::tile::{Sample as _, Window};

use crate::{common, gpu, naive};

/// Largest error, as a share of the range of a method's scores over the scene.
const LARGEST: f64 = 1e-4;
/// Error that all but one in a thousand scores stay below, as a share of the range.
const USUAL: f64 = 1e-5;
/// Pixels that are compared; the naive formulas take long.
const COMPARED: usize = 1000;

/// Every method on a scene, on the processor given; returns the lines that were printed.
fn agree(request: &Request, processor: &Processor, on_gpu: bool, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let methods = ALL.iter().map(|m| m.word().to_owned()).collect();
    let planned = pipeline::plan(&Request { methods, rules: true, ..request.clone() }).unwrap();
    let limits = Limits { max_memory: 2 << 30, device_tile: usize::MAX, threads: 2, tile_lines: None, under_way: 1 };
    let parts = folder.path().join("parts");
    let (task, grounds) =
        pipeline::prepare(&planned, &Pass { processor, limits: &limits, folder: &parts, observer: &Silent }).unwrap();
    let grounds = grounds.unwrap();

    let described = &planned.scene.description;
    let window = Window { x: 0, y: 0, width: described.samples, height: described.lines };
    let tile = planned.scene.reader(&planned.draft().bands).unwrap().read(window).unwrap();
    let stored = |p: usize, b: usize| alunite::with_samples!(&tile.samples, v => v[tile.index(b, p)].to_f64());
    let valid = tile.valid(task.nodata);
    let valid: Vec<usize> = (0..window.pixels()).filter(|&p| valid[p]).collect();
    assert!(valid.len() > 500, "too few valid pixels to mean anything");
    assert_eq!(grounds.pixels, valid.len() as u64);
    let scale = |p: usize, b: usize| stored(p, b) * task.scaling().gain[b] + task.scaling().offset[b];
    let pixels: Vec<Vec<f64>> = valid.iter().map(|&p| (0..tile.bands).map(|b| scale(p, b)).collect()).collect();
    let shrinkage = |matrix: &str| grounds.factors.iter().find(|f| f.matrix == matrix).unwrap().shrinkage;
    let statistics = naive::Statistics::of(&pixels, ["covariance", "correlation matrix"].map(shrinkage));
    let targets: Vec<Vec<f64>> = planned.spectra().rows().into_iter().map(|r| r.to_vec()).collect();

    let scores = if on_gpu {
        Gpu::new(gpu::device().unwrap(), task.clone(), 2).unwrap().map(&tile).unwrap()
    } else {
        Cpu::new(task.clone(), 2).unwrap().map(&tile).unwrap()
    };
    let condition = grounds.factors[0].condition.map_or("infinite".into(), |c| format!("{c:.1e}"));
    eprintln!(
        "{what}: {} pixels, {} bands, condition {condition}, shrinkage {:.1e}",
        valid.len(),
        tile.bands,
        shrinkage("covariance")
    );
    for (method, scores) in task.methods.iter().zip(&scores.maps) {
        let (mut errors, mut low, mut high) = (Vec::new(), f64::INFINITY, f64::NEG_INFINITY);
        let step = valid.len().div_ceil(COMPARED);
        for (&p, x) in valid.iter().zip(&pixels).step_by(step) {
            if method.word() == "sid" && x.iter().any(|v| *v <= 0.0) {
                assert!(scores.score[p].is_nan());
                continue;
            }
            let one = [Vec::new()];
            for (t, target) in if method.has_targets() { &targets[..] } else { &one }.iter().enumerate() {
                let exact = method.reference(x, target, &statistics.naive());
                let given = if method.has_targets() { scores.rules[t * window.pixels() + p] } else { scores.score[p] };
                (low, high) = (low.min(exact), high.max(exact));
                errors.push((f64::from(given) - exact).abs());
            }
        }
        errors.sort_by(f64::total_cmp);
        assert!(errors.len() > 100 && errors.iter().all(|e| e.is_finite()), "{what}, {}", method.word());
        let (largest, usual) = (errors[errors.len() - 1], errors[(errors.len() - 1) * 999 / 1000]);
        let range = high - low;
        let word = method.word();
        eprintln!(
            "  {word:<4} largest error {:.1e}, 99.9 % {:.1e} of the range {range:.3}",
            largest / range,
            usual / range
        );
        assert!(largest <= LARGEST * range, "{what}, {word}: {largest} of {range}");
        assert!(usual <= USUAL * range, "{what}, {word}: {usual} of {range}");
        assert!(method.needs() == Needs::Nothing || scores.score.iter().any(|s| !s.is_nan()));
    }
}

/// On both backends.
fn agree_on(request: &Request, what: &str) {
    agree(request, &Processor::cpu(2), false, &format!("{what}, CPU"));
    let Some(device) = gpu::device() else { return };
    let adapter = Some(device.facts().name.clone());
    let settings = Settings { backend: BackendChoice::Gpu, adapter, threads: 2 };
    agree(request, &Processor::open(&settings, &Silent).unwrap(), true, &format!("{what}, GPU"));
}

#[test]
fn all_agree_on_the_synthetic_scene() {
    use alunite::synthetic::{self, RANGES, Settings};
    let folder = tempfile::tempdir().unwrap();
    let made = synthetic::write(folder.path(), &Settings { lines: 60, samples: 50, seed: 5 }).unwrap();
    let request = Request {
        scene: made.scene,
        libraries: vec![made.library],
        targets: Choice::of(vec!["Alunite".into(), "Calcite".into(), "Hematite".into()]),
        wavelengths: RANGES.iter().map(|r| r.parse().unwrap()).collect(),
        ..Default::default()
    };
    agree_on(&request, "synthetic scene");
}

fn library(data: &std::path::Path) -> Request {
    Request {
        libraries: vec![data.join("usgs_splib07a_alteration_beckman.sli")],
        targets: Choice::of(vec!["Alunite GDS84 Na03".into(), "Kaolinite CM9".into(), "Calcite WS272".into()]),
        ..Default::default()
    }
}

#[test]
fn all_agree_on_cuprite() {
    let Some(data) = common::data() else { return };
    let request = Request {
        scene: data.join("cuprite95_swir_rois.img"),
        wavelengths: vec!["2.08um-2.40um".parse().unwrap()],
        ..library(&data)
    };
    agree_on(&request, "Cuprite");
}

#[test]
fn all_agree_on_jasper_ridge() {
    let Some(data) = common::data() else { return };
    let mut request = Request {
        scene: data.join("jasper_ridge_f224.img"),
        wavelengths: vec![
            "0.45um-1.3um".parse().unwrap(),
            "1.5um-1.75um".parse().unwrap(),
            "2.0um-2.4um".parse().unwrap(),
        ],
        ..library(&data)
    };
    request.scene_options.bands_from = Some(data.join("sensors/aviris_1995.csv"));
    request.scene_options.scale = Some(10_000.0);
    agree_on(&request, "Jasper Ridge");
}

#[test]
fn all_agree_on_enmap() {
    let Some(data) = common::data() else { return };
    for tile in ["enmap_l2a_potsdam_128_128.tif", "enmap_l2a_potsdam_160_128.tif"] {
        let wavelengths = vec!["0.45um-1.3um".parse().unwrap(), "2.0um-2.4um".parse().unwrap()];
        agree_on(&Request { scene: data.join(tile), wavelengths, ..library(&data) }, tile);
    }
}

/// A scene whose covariance has the condition number 1e7: deviations fall from 0.2 to 6e-5 over smooth directions.
#[test]
fn all_agree_where_the_condition_number_is_1e7() {
    let (lines, samples, bands) = (60, 70, 64);
    let mut random = crate::Random(21);
    let direction = |k: usize, b: usize| {
        let scale = (if k == 0 { 1.0 } else { 2.0_f64 } / bands as f64).sqrt();
        scale * (std::f64::consts::PI * (b as f64 + 0.5) * k as f64 / bands as f64).cos()
    };
    let deviation = |k: usize| 0.2 * 1e7_f64.powf(-0.5 * k as f64 / (bands - 1) as f64);
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for _ in 0..lines {
        let pixels: Vec<Vec<f64>> = (0..samples)
            .map(|_| {
                let normal: Vec<f64> = (0..bands).map(|_| (0..12).map(|_| random.unit()).sum::<f64>() - 6.0).collect();
                let value =
                    |b: usize| 0.5 + (0..bands).map(|k| normal[k] * deviation(k) * direction(k, b)).sum::<f64>();
                (0..bands).map(value).collect()
            })
            .collect();
        for b in 0..bands {
            pixels.iter().for_each(|x| bytes.extend((x[b] as f32).to_le_bytes()));
        }
    }
    std::fs::write(folder.path().join("scene.img"), bytes).unwrap();
    let list = |f: &dyn Fn(usize) -> f64| (0..bands).map(|b| f(b).to_string()).collect::<Vec<_>>().join(", ");
    let header = format!(
        "ENVI\nsamples = {samples}\nlines = {lines}\nbands = {bands}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = 4\ninterleave = bil\nbyte order = 0\nwavelength units = Nanometers\nwavelength = {{{}}}\n\
         fwhm = {{{}}}\n",
        list(&|b| 2000.0 + 6.0 * b as f64),
        list(&|_| 6.0)
    );
    std::fs::write(folder.path().join("scene.hdr"), header).unwrap();
    let mut text = "wavelength_nm,fwhm_nm,one,two,three\n".to_owned();
    for b in 0..bands {
        let at = b as f64 / bands as f64;
        let dip = |centre: f64, width: f64| 0.6 - 0.3 * (-((at - centre) / width).powi(2)).exp();
        text += &format!("{},6,{},{},{}\n", 2000.0 + 6.0 * b as f64, dip(0.3, 0.08), dip(0.5, 0.04), dip(0.7, 0.15));
    }
    std::fs::write(folder.path().join("library.csv"), text).unwrap();
    let request = Request {
        scene: folder.path().join("scene.img"),
        libraries: vec![folder.path().join("library.csv")],
        ..Default::default()
    };
    agree_on(&request, "condition 1e7");
}

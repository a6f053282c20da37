//! Both backends against the naive f64 formula, on ordinary and on hostile spectra, and proof that a wrong kernel fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use alunite::compute::cpu::Cpu;
use alunite::compute::gpu::{Gpu, shader_text};
use alunite::compute::{Backend, Scores, Task};
use alunite::methods::{ALL, Method};
use alunite::tile::{Sample as _, SampleType, Samples, Scaling, Tile, Window};
use ndarray::Array2;
use proptest::prelude::*;

mod common;
#[path = "common/gpu.rs"]
mod gpu;

/// Reported scores may differ from the f64 formula by this much, in radians: they are f32 of a f64 computation.
const SCORE: f64 = 1e-5;
/// The same for angles below [`SMALL`].
const SMALL_SCORE: f64 = 1e-6;
const SMALL: f64 = 0.01;
/// Below this difference of two scores, in radians, either order of the two targets is right.
const TIE: f64 = 1e-5;

/// Smooth positive spectra, reproducible.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn spectrum(&mut self, bands: usize) -> Vec<f64> {
        let (level, slope) = (0.2 + 0.5 * self.unit(), 0.4 * self.unit() - 0.2);
        let dips: Vec<_> = (0..3).map(|_| (self.unit(), 0.02 + 0.1 * self.unit(), 0.3 * self.unit())).collect();
        (0..bands)
            .map(|b| {
                let at = b as f64 / bands as f64;
                let dip: f64 = dips.iter().map(|(c, w, d)| d * (-((at - c) / w).powi(2)).exp()).sum();
                ((level + slope * at) * (1.0 - dip)).max(0.01)
            })
            .collect()
    }
}

fn targets(count: usize, bands: usize) -> Array2<f64> {
    let mut random = Random(count as u64);
    let mut rows: Vec<Vec<f64>> = (0..count).map(|_| random.spectrum(bands)).collect();
    // Twins, nearly twins and an exact multiple: rankings that f32 cannot tell.
    for (i, factor) in [(1, 1.0 + 1e-7), (2, 1.0 + 1e-5), (3, 1.0 + 1e-4)] {
        if count > 4 {
            let mut twin = rows[0].clone();
            twin[bands / 2] *= factor;
            rows[i] = twin;
        }
    }
    if count > 8 {
        rows[count - 1] = rows[5].iter().map(|v| 3.0 * v).collect();
    }
    Array2::from_shape_vec((count, bands), rows.concat()).unwrap()
}

/// Ordinary mixtures with every kind of trouble between them.
fn pixels(count: usize, targets: &Array2<f64>) -> Vec<Vec<f32>> {
    let (bands, mut random) = (targets.ncols(), Random(7));
    let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    (0..count)
        .map(|i| {
            let near = targets.row(i % targets.nrows()).to_vec();
            let mut pixel = match i % 13 {
                0 => single(&near),
                1 => single(&near.iter().map(|v| v * (1.0 + 1e-4 * (random.unit() - 0.5))).collect::<Vec<_>>()),
                2 => single(&near.iter().map(|v| v * (1.0 + 1e-6 * (random.unit() - 0.5))).collect::<Vec<_>>()),
                3 => vec![0.0; bands],
                4 => vec![0.25; bands],
                5 => single(&near.iter().map(|v| -v).collect::<Vec<_>>()),
                6 => vec![f32::MAX; bands],
                7 => single(&near.iter().map(|v| v * 1e-30).collect::<Vec<_>>()),
                8 => {
                    // Orthogonal to the target: a band's sign and size chosen to cancel the rest.
                    let mut x = near.clone();
                    let rest: f64 = near[1..].iter().map(|v| v * v).sum();
                    x[0] = -rest / near[0];
                    single(&x)
                }
                _ => single(&random.spectrum(bands)),
            };
            match i % 29 {
                11 => pixel[bands / 2] = f32::NAN,
                12 => pixel[0] = f32::INFINITY,
                13 => pixel[bands - 1] = -9999.0,
                _ => {}
            }
            pixel
        })
        .collect()
}

fn tile(pixels: &[Vec<f32>]) -> Tile {
    let window = Window { x: 0, y: 0, width: pixels.len(), height: 1 };
    let mut tile = Tile::zeros(window, pixels[0].len(), SampleType::F32);
    let stride = tile.stride;
    let Samples::F32(values) = &mut tile.samples else { unreachable!() };
    for (p, pixel) in pixels.iter().enumerate() {
        for (b, &v) in pixel.iter().enumerate() {
            values[b * stride + p] = v;
        }
    }
    tile
}

fn task(method: &'static dyn Method, targets: &Array2<f64>) -> Task {
    Task {
        method,
        prepared: method.prepare(targets.view()).unwrap(),
        sample_type: SampleType::F32,
        scaling: Scaling::identity(targets.ncols()),
        nodata: Some(-9999.0),
        rules: true,
    }
}

/// The first disagreement of `scores` with the naive formula, if there is one.
fn disagreement(scores: &Scores, pixels: &[Vec<f64>], targets: &Array2<f64>, method: &dyn Method) -> Option<String> {
    for (p, x) in pixels.iter().enumerate() {
        let invalid = x.iter().any(|v| !v.is_finite() || *v == -9999.0) || x.iter().all(|v| *v == 0.0);
        if invalid {
            let given = (scores.best[p], scores.runner_up[p], scores.score[p].is_nan(), scores.margin[p].is_nan());
            if given != (Scores::NODATA, Scores::NODATA, true, true) {
                return Some(format!("pixel {p} is no data but has {given:?}"));
            }
            continue;
        }
        let exact: Vec<f64> = targets.rows().into_iter().map(|t| method.reference(x, t.as_slice().unwrap())).collect();
        let mut order: Vec<usize> = (0..exact.len()).collect();
        order.sort_by(|&a, &b| exact[a].total_cmp(&exact[b]));
        let bound = |score: f64| if score < SMALL { SMALL_SCORE } else { SCORE };
        let best = exact[order[0]];
        if (f64::from(scores.score[p]) - best).abs() > bound(best) {
            return Some(format!("pixel {p}: score {} for {best}", scores.score[p]));
        }
        if exact[usize::from(scores.best[p])] - best > TIE {
            return Some(format!("pixel {p}: target {} for {}", scores.best[p], order[0]));
        }
        if let Some(&second) = order.get(1) {
            let (margin, runner_up) = (exact[second] - best, exact[usize::from(scores.runner_up[p])]);
            if (f64::from(scores.margin[p]) - margin).abs() > 2.0 * bound(exact[second]) {
                return Some(format!("pixel {p}: margin {} for {margin}", scores.margin[p]));
            }
            if (runner_up - exact[second]).abs() > TIE || scores.runner_up[p] == scores.best[p] {
                return Some(format!("pixel {p}: runner-up {} for {second}", scores.runner_up[p]));
            }
        }
        for (t, &rule) in exact.iter().enumerate() {
            let given = f64::from(scores.rules[t * pixels.len() + p]);
            if (given - rule).abs() > bound(rule) {
                return Some(format!("pixel {p}: rule {given} of target {t} for {rule}"));
            }
        }
    }
    None
}

fn wide(pixels: &[Vec<f32>]) -> Vec<Vec<f64>> {
    pixels.iter().map(|p| p.iter().map(|&v| f64::from(v)).collect()).collect()
}

/// Bands, targets, pixels: one of each, multiples of nothing, and 500 targets (a software device's loop limit).
const SHAPES: [(usize, usize, usize); 9] = [
    (285, 40, 1),
    (285, 9, 1003),
    (43, 13, 513),
    (3, 2, 65),
    (1, 1, 7),
    (224, 8, 64),
    (17, 4, 100),
    (432, 5, 59),
    (285, 500, 203),
];

#[test]
fn cpu_agrees_with_the_formula() {
    for method in ALL {
        for (bands, count, pixel_count) in SHAPES {
            let targets = targets(count, bands);
            let pixels = pixels(pixel_count, &targets);
            let scores = Cpu::new(task(*method, &targets), 2).unwrap().map(&tile(&pixels)).unwrap();
            let wrong = disagreement(&scores, &wide(&pixels), &targets, *method);
            assert_eq!(wrong, None, "{} at {bands} bands, {count} targets", method.word());
        }
    }
}

#[test]
fn gpu_agrees_with_the_formula_and_with_the_cpu() {
    for method in ALL {
        for (bands, count, pixel_count) in SHAPES {
            let Some(device) = gpu::device() else { return };
            let targets = targets(count, bands);
            let pixels = pixels(pixel_count, &targets);
            let task = task(*method, &targets);
            let scores = Gpu::new(device, task.clone(), 2).unwrap().map(&tile(&pixels)).unwrap();
            let wrong = disagreement(&scores, &wide(&pixels), &targets, *method);
            assert_eq!(wrong, None, "{} at {bands} bands, {count} targets", method.word());
            let cpu = Cpu::new(task, 1).unwrap().map(&tile(&pixels)).unwrap();
            assert_eq!((&scores.best, &scores.runner_up), (&cpu.best, &cpu.runner_up));
            assert!(
                scores.score.iter().zip(&cpu.score).all(|(a, b)| a.to_bits() == b.to_bits()),
                "scores are the same bits"
            );
        }
    }
}

/// Largest error of a backend's keys against f64, as a share of the method's own bound.
fn key_error(backend: &mut dyn Backend, pixels: &[Vec<f32>], task: &Task) -> f64 {
    let keys = backend.keys(&tile(pixels)).unwrap();
    let mut worst = 0.0_f64;
    for (p, x) in wide(pixels).iter().enumerate() {
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        if !(1e-15..1e15).contains(&norm) {
            continue;
        }
        for (t, weights) in task.prepared.exact.rows().into_iter().enumerate() {
            let exact: f64 = x.iter().zip(weights).map(|(a, b)| a * b).sum();
            let error = (f64::from(keys[t * pixels.len() + p]) - exact).abs();
            worst = worst.max(error / task.method.key_error(&task.prepared, norm));
        }
    }
    worst
}

#[test]
fn keys_stay_within_the_bound_that_the_decision_relies_on() {
    for method in ALL {
        let targets = targets(40, 285);
        let pixels = pixels(700, &targets);
        let task = task(*method, &targets);
        let cpu = key_error(&mut Cpu::new(task.clone(), 1).unwrap(), &pixels, &task);
        assert!(cpu <= 1.0, "{}: CPU keys are off by {cpu} of the bound", method.word());
        let Some(device) = gpu::device() else { return };
        let gpu = key_error(&mut Gpu::new(device, task.clone(), 1).unwrap(), &pixels, &task);
        assert!(gpu <= 1.0, "{}: GPU keys are off by {gpu} of the bound", method.word());
    }
}

#[test]
fn a_kernel_perturbed_by_one_percent_is_found_out() {
    for method in ALL {
        let targets = targets(40, 285);
        let pixels = pixels(700, &targets);
        let good = task(*method, &targets);
        let wrong_somewhere = |scores: &Scores| disagreement(scores, &wide(&pixels), &targets, *method).is_some();

        // CPU: one target's weights off by 1 % in what is multiplied, not in the formula.
        let mut bad = good.clone();
        bad.prepared.weights.row_mut(7).mapv_inplace(|w| w * 1.01);
        let mut cpu = Cpu::new(bad, 1).unwrap();
        assert!(key_error(&mut cpu, &pixels, &good) > 1.0, "{}: the keys of a wrong CPU kernel pass", method.word());
        assert!(wrong_somewhere(&cpu.map(&tile(&pixels)).unwrap()), "{}: a wrong CPU kernel passes", method.word());

        // GPU: the ending off by 1 % for all targets, then the product for half of them.
        for (from, to) in
            [("return product;", "return product * 1.01;"), ("sums[3] += w.w * x;", "sums[3] += 1.01 * w.w * x;")]
        {
            let Some(device) = gpu::device() else { return };
            let text = shader_text(method.shader());
            assert!(text.contains(from), "{}: '{from}' is no longer in the shader", method.word());
            let mut gpu = Gpu::with_shader(device, good.clone(), 1, &text.replace(from, to)).unwrap();
            assert!(key_error(&mut gpu, &pixels, &good) > 1.0, "{}: the keys of '{to}' pass", method.word());
            if to.contains("sums") {
                assert!(wrong_somewhere(&gpu.map(&tile(&pixels)).unwrap()), "{}: '{to}' passes", method.word());
            }
        }
    }
}

#[test]
fn a_shader_that_stops_early_is_found_out() {
    let Some(device) = gpu::device() else { return };
    let targets = targets(40, 285);
    let text = shader_text(ALL[0].shader())
        .replace("target_index += 8u;", "target_index += 8u; if target_index > 16u { break; }");
    let mut gpu = Gpu::with_shader(device, task(ALL[0], &targets), 1, &text).unwrap();
    let error = gpu.map(&tile(&pixels(100, &targets))).unwrap_err();
    assert!(error.to_string().contains("did not come to its end"), "{error}");
}

#[test]
fn a_lost_device_is_an_error_and_not_a_result() {
    let Some(device) = gpu::device() else { return };
    let targets = targets(5, 43);
    let mut gpu = Gpu::new(device, task(ALL[0], &targets), 1).unwrap();
    let tile = tile(&pixels(100, &targets));
    gpu.map(&tile).unwrap();
    gpu.lose_device();
    let error = gpu.map(&tile).unwrap_err();
    assert!(error.next_step().is_some_and(|hint| hint.contains("--backend cpu")), "{error}");
}

/// The same numbers in every type a scene can have, with a gain and an offset: both backends, against the formula.
#[test]
fn every_sample_type_is_scaled_right() {
    let bands = 21;
    let targets = targets(11, bands);
    let mut random = Random(3);
    let values: Vec<Vec<f64>> =
        (0..130).map(|_| random.spectrum(bands).iter().map(|v| (v * 120.0).round() + 1.0).collect()).collect();
    for sample_type in SampleType::ALL {
        let window = Window { x: 0, y: 0, width: 13, height: 10 };
        let mut tile = Tile::zeros(window, bands, sample_type);
        let stride = tile.stride;
        for (p, x) in values.iter().enumerate() {
            for (b, &v) in x.iter().enumerate() {
                let at = b * stride + p;
                match &mut tile.samples {
                    Samples::U8(s) => s[at] = v as u8,
                    Samples::I8(s) => s[at] = v as i8,
                    Samples::U16(s) => s[at] = v as u16,
                    Samples::I16(s) => s[at] = v as i16,
                    Samples::U32(s) => s[at] = v as u32,
                    Samples::I32(s) => s[at] = v as i32,
                    Samples::U64(s) => s[at] = v as u64,
                    Samples::I64(s) => s[at] = v as i64,
                    Samples::F32(s) => s[at] = v as f32,
                    Samples::F64(s) => s[at] = v,
                }
            }
        }
        let mut task = task(ALL[0], &targets);
        task.sample_type = sample_type;
        task.scaling = Scaling { gain: vec![1.0 / 128.0; bands], offset: vec![-0.005; bands] };
        let physical: Vec<Vec<f64>> = values.iter().map(|x| x.iter().map(|v| v / 128.0 - 0.005).collect()).collect();
        let cpu = Cpu::new(task.clone(), 2).unwrap().map(&tile).unwrap();
        assert_eq!(disagreement(&cpu, &physical, &targets, ALL[0]), None, "CPU, {}", sample_type.name());
        let Some(device) = gpu::device() else { continue };
        let gpu = Gpu::new(device, task, 2).unwrap().map(&tile).unwrap();
        assert_eq!(disagreement(&gpu, &physical, &targets, ALL[0]), None, "GPU, {}", sample_type.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any finite values at all, in any shape.
    #[test]
    fn cpu_agrees_on_anything_finite(
        (rows, x) in (1usize..40, 1usize..30).prop_flat_map(|(bands, count)| (
            prop::collection::vec(prop::collection::vec(-1.0f64..1.0, bands), count),
            prop::collection::vec(prop::collection::vec(prop_oneof![-1.0f32..1.0, -1e4f32..1e4, Just(0.0)], bands), 1..70),
        ))
    ) {
        let targets = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
        prop_assume!(ALL[0].prepare(targets.view()).is_ok());
        let scores = Cpu::new(task(ALL[0], &targets), 1).unwrap().map(&tile(&x)).unwrap();
        prop_assert_eq!(disagreement(&scores, &wide(&x), &targets, ALL[0]), None);
    }
}

/// A whole scene through plan, reader and both backends, against the formula on the values that were read.
fn agree_on_scene(request: &alunite::pipeline::Request) {
    let planned = alunite::pipeline::plan(request).unwrap();
    let described = &planned.scene.description;
    let window = Window { x: 0, y: 0, width: described.samples, height: described.lines };
    let tile = planned.scene.reader(&planned.draft().bands).unwrap().read(window).unwrap();
    let mut task = planned.task.clone();
    task.rules = true;
    let stored = |p: usize, b: usize| alunite::with_samples!(&tile.samples, v => v[b * tile.stride + p].to_f64());
    let valid = tile.valid(task.nodata);
    let pixels: Vec<Vec<f64>> = (0..window.pixels())
        .map(|p| {
            let scale = |b: usize| stored(p, b) * task.scaling.gain[b] + task.scaling.offset[b];
            (0..tile.bands).map(|b| if valid[p] { scale(b) } else { f64::NAN }).collect()
        })
        .collect();
    assert!(valid.iter().filter(|v| **v).count() > 500, "too few valid pixels to mean anything");
    let cpu = Cpu::new(task.clone(), 2).unwrap().map(&tile).unwrap();
    assert_eq!(disagreement(&cpu, &pixels, &task.prepared.exact, task.method), None, "CPU");
    let Some(device) = gpu::device() else { return };
    let gpu = Gpu::new(device, task.clone(), 2).unwrap().map(&tile).unwrap();
    assert_eq!(disagreement(&gpu, &pixels, &task.prepared.exact, task.method), None, "GPU");
    assert_eq!((&gpu.best, &gpu.runner_up), (&cpu.best, &cpu.runner_up));
    assert!(gpu.score.iter().zip(&cpu.score).all(|(a, b)| a.to_bits() == b.to_bits()), "scores are the same bits");
}

#[test]
fn all_agree_on_the_synthetic_scene() {
    use alunite::synthetic::{self, RANGES, Settings};
    let folder = tempfile::tempdir().unwrap();
    let made = synthetic::write(folder.path(), &Settings { lines: 60, samples: 50, seed: 5 }).unwrap();
    agree_on_scene(&alunite::pipeline::Request {
        scene: made.scene,
        libraries: vec![made.library],
        wavelengths: RANGES.iter().map(|r| r.parse().unwrap()).collect(),
        method: "sam".into(),
        ..Default::default()
    });
}

#[test]
fn all_agree_on_cuprite() {
    let Some(data) = common::data() else { return };
    agree_on_scene(&alunite::pipeline::Request {
        scene: data.join("cuprite95_swir_rois.img"),
        libraries: vec![data.join("usgs_splib07a_alteration_beckman.sli")],
        wavelengths: vec!["2.08um-2.40um".parse().unwrap()],
        method: "sam".into(),
        ..Default::default()
    });
}

//! Both backends against the naive f64 formula, on ordinary and on hostile spectra, and proof that a wrong kernel fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use alunite::background::{Background, Moments, Shrinkage, packed};
use alunite::compute::cpu::Cpu;
use alunite::compute::gpu::{Gpu, shader_text};
use alunite::compute::{Backend, MapScores, Scores, Task};
use alunite::methods::{ALL, Method, Model, Naive, Needs, find};
use alunite::tile::{SampleType, Samples, Scaling, Tile, Window};
use cube::Random;
use ndarray::Array2;
use proptest::prelude::*;

mod common;
#[path = "common/cube.rs"]
mod cube;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/naive.rs"]
mod naive;
#[path = "common/scene_agreement.rs"]
mod scene_agreement;

/// Reported scores may differ from the f64 formula by this share of themselves, and by this much: they are f32 of a f64
/// computation on f32 features (of `ace` and `rx`, on a f32 energy).
const SCORE: f64 = 1e-5;
/// The same for scores below [`SMALL`] (angles, divergences of near twins).
const SMALL_SCORE: f64 = 1e-6;
const SMALL: f64 = 0.01;
/// A sum errs by this share of the sum of its magnitudes when its terms are f32.
const TERMS: f64 = 2e-7;

/// Smooth positive spectra, reproducible.
impl Random {
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
    for (p, pixel) in pixels.iter().enumerate() {
        for (b, &v) in pixel.iter().enumerate() {
            let at = tile.index(b, p);
            let Samples::F32(values) = &mut tile.samples else { unreachable!() };
            values[at] = v;
        }
    }
    tile
}

/// A background that natural spectra could have, and its naive inverse.
struct Ground {
    model: Model,
    statistics: naive::Statistics,
}

impl Ground {
    fn new(bands: usize) -> Self {
        let mut random = Random(11);
        let mut noise = Random(12);
        let pixels: Vec<Vec<f64>> = (0..4 * bands + 20)
            .map(|_| random.spectrum(bands).iter().map(|v| v + 0.02 * (noise.unit() - 0.5)).collect())
            .collect();
        let statistics = naive::Statistics::of(&pixels, [0.0, 0.0]);
        // The same sums, put in by hand, about zero.
        let mut moments = Moments {
            count: pixels.len() as u64,
            sum: vec![0.0; bands],
            quantised: vec![0.0; bands],
            products: vec![0.0; packed(bands, 0)],
        };
        for x in &pixels {
            for i in 0..bands {
                moments.sum[i] += x[i];
                moments.quantised[i] += x[i];
                (0..=i).for_each(|j| moments.products[packed(i, j)] += x[i] * x[j]);
            }
        }
        let background = Background::new(&vec![0.0; bands], &moments).unwrap();
        let model = Model {
            mean: background.mean.clone(),
            covariance: Some(background.factor_covariance(Shrinkage::None).unwrap()),
            correlation: Some(background.factor_correlation(Shrinkage::None).unwrap()),
        };
        Self { model, statistics }
    }
}

fn task(methods: &[&'static dyn Method], targets: &Array2<f64>, ground: &Ground) -> Task {
    let scaling = Scaling::identity(targets.ncols());
    let task = Task::new(methods, targets.view(), Some(&ground.model), SampleType::F32, scaling).unwrap();
    task.with_nodata(Some(-9999.0))
}

/// Methods that have scores for so many bands: a correlation needs two.
fn methods(bands: usize) -> Vec<&'static dyn Method> {
    ALL.iter().copied().filter(|m| bands > 1 || m.word() != "scm").collect()
}

/// Whether a pixel is no data for a method: the definitions, spelled out.
fn invalid(x: &[f64], method: &dyn Method, naive: &Naive) -> bool {
    let energy = || find("rx").unwrap().reference(x, &[], naive);
    x.iter().any(|v| !v.is_finite() || *v == -9999.0)
        || x.iter().all(|v| *v == 0.0)
        || match method.word() {
            "scm" => x.iter().all(|v| *v == x[0]),
            "sid" => x.iter().any(|v| *v <= 0.0),
            "ace" | "rx" => energy() > f64::from(f32::MAX),
            _ => false,
        }
}

/// How far a score may be from the formula's.
fn bound(exact: f64, x: &[f64], target: &[f64], method: &dyn Method, naive: &Naive) -> f64 {
    let own = if exact.abs() < SMALL { SMALL_SCORE } else { SCORE * exact.abs().max(1.0) };
    // Filters add terms that are much larger than the score and cancel.
    let terms = |matrix: &Array2<f64>, mean: &[f64]| {
        let t: Vec<f64> = target.iter().zip(mean).map(|(t, m)| t - m).collect();
        let w = matrix.dot(&ndarray::arr1(&t));
        let scale = w.dot(&ndarray::arr1(&t));
        w.iter().zip(x).zip(mean).map(|((w, x), m)| (w * (x - m)).abs()).sum::<f64>() / scale
    };
    own + match method.needs() {
        Needs::Nothing => 0.0,
        Needs::Covariance if method.word() == "mf" => TERMS * terms(naive.inverse_covariance, naive.mean),
        Needs::Covariance => 0.0,
        Needs::Correlation => TERMS * terms(naive.inverse_correlation, &vec![0.0; x.len()]),
    }
}

/// The first disagreement of `scores` with the naive formula, if there is one.
fn disagreement(
    scores: &MapScores,
    pixels: &[Vec<f64>],
    targets: &Array2<f64>,
    method: &dyn Method,
    naive: &Naive,
) -> Option<String> {
    for (p, x) in pixels.iter().enumerate() {
        if invalid(x, method, naive) {
            let ranked = scores.best.get(p).is_none_or(|b| *b == Scores::NODATA && scores.margin[p].is_nan());
            if !scores.score[p].is_nan() || !ranked {
                return Some(format!("pixel {p} is no data but has {}", scores.score[p]));
            }
            continue;
        }
        let row = |t: usize| targets.row(t).to_vec();
        if !method.has_targets() {
            let exact = method.reference(x, &[], naive);
            if (f64::from(scores.score[p]) - exact).abs() > bound(exact, x, &[], method, naive) {
                return Some(format!("pixel {p}: score {} for {exact}", scores.score[p]));
            }
            continue;
        }
        let limit = |score: f64| score.clamp(f64::from(f32::MIN), f64::from(f32::MAX));
        let unlimited: Vec<f64> = (0..targets.nrows()).map(|t| method.reference(x, &row(t), naive)).collect();
        let exact: Vec<f64> = unlimited.iter().copied().map(limit).collect();
        let bounds: Vec<f64> = exact.iter().enumerate().map(|(t, &e)| bound(e, x, &row(t), method, naive)).collect();
        let mut order: Vec<usize> = (0..exact.len()).collect();
        let better = |a: usize, b: usize| {
            if method.better(1.0, 0.0) {
                unlimited[b].total_cmp(&unlimited[a])
            } else {
                unlimited[a].total_cmp(&unlimited[b])
            }
        };
        order.sort_by(|&a, &b| better(a, b));
        let (best, first) = (order[0], usize::from(scores.best[p]));
        let close = |given: f64, wanted: f64, t: usize, u: usize| (given - wanted).abs() <= bounds[t] + bounds[u];
        if !close(f64::from(scores.score[p]), exact[best], best, best) {
            return Some(format!("pixel {p}: score {} for {}", scores.score[p], exact[best]));
        }
        if !close(exact[first], exact[best], first, best) {
            return Some(format!("pixel {p}: target {first} for {best}"));
        }
        if let Some(&second) = order.get(1) {
            let margin = limit((unlimited[second] - unlimited[best]).abs());
            let runner_up = usize::from(scores.runner_up[p]);
            if !close(f64::from(scores.margin[p]), margin, best, second) {
                return Some(format!("pixel {p}: margin {} for {margin}", scores.margin[p]));
            }
            if !close(exact[runner_up], exact[second], runner_up, second) || runner_up == first {
                return Some(format!("pixel {p}: runner-up {runner_up} for {second}"));
            }
        }
        for (t, rule) in scores.rules.chunks(pixels.len()).map(|r| r[p]).enumerate() {
            if !close(f64::from(rule), exact[t], t, t) {
                return Some(format!("pixel {p}: rule {rule} of target {t} for {}", exact[t]));
            }
        }
    }
    None
}

fn wide(pixels: &[Vec<f32>]) -> Vec<Vec<f64>> {
    pixels.iter().map(|p| p.iter().map(|&v| f64::from(v)).collect()).collect()
}

/// Bands, targets, pixels: one of each, multiples of nothing, 500 targets (a software device's loop limit), and enough targets
/// that pixels meet only those within reach of their bounds.
const SHAPES: [(usize, usize, usize); 9] = [
    (285, 40, 1),
    (285, 9, 203),
    (43, 13, 513),
    (3, 2, 65),
    (1, 1, 7),
    (61, 8, 64),
    (17, 4, 100),
    (61, 500, 59),
    (120, 300, 330),
];

/// Every method, all in one task, against the formula; with and without rule images.
fn agrees(mut map: impl FnMut(Task, &Tile) -> Option<Scores>) -> usize {
    let mut compared = 0;
    for (bands, count, pixel_count) in SHAPES {
        let (targets, ground) = (targets(count, bands), Ground::new(bands));
        let pixels = pixels(pixel_count, &targets);
        let methods = methods(bands);
        for rules in [false, true] {
            let task = task(&methods, &targets, &ground).with_rules(rules);
            if count == 300 {
                let narrowed = task.groups[0].iter().filter(|a| a.is_narrowed(&task)).count();
                assert_eq!(narrowed, if rules { 0 } else { 2 }, "angle and correlation");
            }
            let Some(scores) = map(task, &tile(&pixels)) else { return 0 };
            for (method, scores) in methods.iter().zip(&scores.maps) {
                let naive = ground.statistics.naive();
                let wrong = disagreement(scores, &wide(&pixels), &targets, *method, &naive);
                assert_eq!(wrong, None, "{} at {bands} bands, {count} targets, rules {rules}", method.word());
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn cpu_agrees_with_the_formula() {
    let compared = agrees(|task, tile| Some(Cpu::new(task, 2).unwrap().map(tile).unwrap()));
    assert_eq!(compared, 2 * (SHAPES.len() * ALL.len() - 1));
}

#[test]
fn gpu_agrees_with_the_formula_and_with_the_cpu() {
    agrees(|task, tile| {
        let scores = Gpu::new(gpu::device()?, task.clone(), 2).unwrap().map(tile).unwrap();
        let cpu = Cpu::new(task.clone(), 1).unwrap().map(tile).unwrap();
        for ((method, gpu), cpu) in task.methods.iter().zip(&scores.maps).zip(&cpu.maps) {
            if method.whitens() {
                continue; // The energy is the device's.
            }
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
            assert_eq!((&gpu.best, &gpu.runner_up), (&cpu.best, &cpu.runner_up), "{}", method.word());
            assert_eq!(bits(&gpu.score), bits(&cpu.score), "{}: scores are the same bits", method.word());
            assert_eq!(bits(&gpu.rules), bits(&cpu.rules), "{}: rules are the same bits", method.word());
        }
        Some(scores)
    });
}

/// Methods in one pass give what each gives alone.
#[test]
fn methods_do_not_disturb_each_other() {
    let (targets, ground) = (targets(13, 61), Ground::new(61));
    let tile = tile(&pixels(300, &targets));
    let together = Cpu::new(task(ALL, &targets, &ground), 2).unwrap().map(&tile).unwrap();
    for (method, together) in ALL.iter().zip(&together.maps) {
        let alone = Cpu::new(task(&[*method], &targets, &ground), 2).unwrap().map(&tile).unwrap();
        let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        assert_eq!((&together.best, &together.runner_up), (&alone.maps[0].best, &alone.maps[0].runner_up));
        if !method.whitens() {
            assert_eq!(bits(&together.score), bits(&alone.maps[0].score), "{}", method.word());
        }
    }
}

/// The options of mf and ace change what they say.
#[test]
fn sigma_and_squared_agree_with_their_formulas() {
    let (targets, ground) = (targets(9, 43), Ground::new(43));
    let pixels = pixels(200, &targets);
    let options: [&'static dyn Method; 2] = [&alunite::methods::mf::SIGMA, &alunite::methods::ace::SQUARED];
    let naive = ground.statistics.naive();
    let check = |scores: Scores, what: &str| {
        for (method, scores) in options.iter().zip(&scores.maps) {
            let wrong = disagreement(scores, &wide(&pixels), &targets, *method, &naive);
            assert_eq!(wrong, None, "{what}: {}", method.convention());
        }
    };
    check(Cpu::new(task(&options, &targets, &ground), 1).unwrap().map(&tile(&pixels)).unwrap(), "CPU");
    let Some(device) = gpu::device() else { return };
    check(Gpu::new(device, task(&options, &targets, &ground), 1).unwrap().map(&tile(&pixels)).unwrap(), "GPU");
}

/// Largest error of a backend's keys against f64, as a share of the method's own bound.
fn key_error(backend: &mut dyn Backend, pixels: &[Vec<f32>], good: &Task) -> f64 {
    let keys = backend.keys(&tile(pixels), 0).unwrap();
    let (assignment, method) = (&good.groups[0][0], good.methods[0]);
    let (product, prepared) = (&assignment.product, &assignment.endings[0].prepared);
    let constants = method.constants(product);
    let mean_length = product.shift.iter().map(|m| m * m).sum::<f64>().sqrt();
    let mut worst = 0.0_f64;
    for (p, x) in pixels.iter().enumerate() {
        let mut row: Vec<f64> = x.iter().zip(&product.shift).map(|(x, m)| f64::from(*x) - m).collect();
        row.resize(product.features(), 0.0);
        let Some(pixel) = product.space.of(&mut row, x.len(), mean_length) else { continue };
        if !pixel.tame || !x.iter().all(|v| v.is_finite()) {
            continue;
        }
        for (t, weights) in product.exact.rows().into_iter().enumerate() {
            let base: f64 = row.iter().zip(&product.centre).map(|(a, &c)| a * f64::from(c)).sum();
            let sum: f64 = row.iter().zip(weights).map(|(a, b)| a * b).sum::<f64>() - base;
            let exact = if method.word() == "sid" { sum + constants[t][1] } else { sum * constants[t][0] };
            let error = (f64::from(keys[t * pixels.len() + p]) - exact).abs();
            worst = worst.max(error / method.key_error(prepared, &pixel));
        }
    }
    worst
}

#[test]
fn keys_stay_within_the_bound_that_the_decision_relies_on() {
    let (targets, ground) = (targets(40, 285), Ground::new(285));
    let pixels = pixels(400, &targets);
    for method in ALL.iter().filter(|m| m.has_targets()) {
        let task = task(&[*method], &targets, &ground);
        let cpu = key_error(&mut Cpu::new(task.clone(), 1).unwrap(), &pixels, &task);
        assert!(cpu <= 1.0, "{}: CPU keys are off by {cpu} of the bound", method.word());
        let Some(device) = gpu::device() else { continue };
        let gpu = key_error(&mut Gpu::new(device, task.clone(), 1).unwrap(), &pixels, &task);
        assert!(gpu <= 1.0, "{}: GPU keys are off by {gpu} of the bound", method.word());
        eprintln!("{}: keys err by {cpu:.3} (CPU) and {gpu:.3} (GPU) of their bound", method.word());
    }
}

/// Weights, endings and products that are off by 1 %, for every method.
#[test]
fn a_kernel_perturbed_by_one_percent_is_found_out() {
    let (targets, ground) = (targets(13, 61), Ground::new(61));
    let pixels = pixels(400, &targets);
    let naive = ground.statistics.naive();
    for method in ALL {
        let good = task(&[*method], &targets, &ground);
        let wrong =
            |scores: &Scores| disagreement(&scores.maps[0], &wide(&pixels), &targets, *method, &naive).is_some();
        let word = method.word();

        // CPU: what is multiplied is off by 1 %, not the formula.
        let mut bad = good.clone();
        let mut product = (*bad.groups[0][0].product).clone();
        product.weights.mapv_inplace(|w| w * 1.01);
        product.whitening.iter_mut().for_each(|w| w.mapv_inplace(|w| w * 1.01));
        bad.groups[0][0].product = std::sync::Arc::new(product);
        let mut cpu = Cpu::new(bad, 1).unwrap();
        if method.has_targets() {
            assert!(key_error(&mut cpu, &pixels, &good) > 1.0, "{word}: the keys of a wrong CPU kernel pass");
        }
        if method.whitens() {
            assert!(wrong(&cpu.map(&tile(&pixels)).unwrap()), "{word}: a wrong CPU energy passes");
        }

        // GPU: an ending off by 1 %, one product of eight, the energy.
        let ending = format!("fn {word}(");
        let after_ending = |text: &str| {
            let at = text.find(&ending).unwrap();
            let from = at + text[at..].find("return ").unwrap() + "return ".len();
            let end = from + text[from..].find(';').unwrap();
            format!("{}1.01 * ({}){}", &text[..from], &text[from..end], &text[end..])
        };
        let products = |text: &str| text.replace("fma(vec4(w.w), x, sums[3])", "fma(vec4(1.01 * w.w), x, sums[3])");
        for what in ["ending", "product"] {
            let change = |text: &str| if what == "ending" { after_ending(text) } else { products(text) };
            let Some(device) = gpu::device() else { return };
            let mut gpu = Gpu::with_shader(device, good.clone(), 1, change).unwrap();
            if method.has_targets() {
                assert!(key_error(&mut gpu, &pixels, &good) > 1.0, "{word}: keys of a wrong {what} pass");
            } else {
                assert!(wrong(&gpu.map(&tile(&pixels)).unwrap()), "{word}: a wrong {what} passes");
            }
        }
        assert_ne!(
            products(&shader_text(&[*method])),
            shader_text(&[*method]),
            "the product is no longer in the shader"
        );
    }
}

/// A target that the device does not see ends in wrong classes, for every method that ranks. Of fewer targets, those with
/// exact weights are scored without ranks.
#[test]
fn a_ranking_that_misses_a_target_is_found_out() {
    let (targets, ground) = (targets(60, 61), Ground::new(61));
    let pixels = pixels(400, &targets);
    for method in ALL.iter().filter(|m| m.has_targets()) {
        let mut bad = task(&[*method], &targets, &ground);
        let mut product = (*bad.groups[0][0].product).clone();
        product.weights.row_mut(7).fill(-9.0);
        bad.groups[0][0].product = std::sync::Arc::new(product);
        let scores = Cpu::new(bad, 1).unwrap().map(&tile(&pixels)).unwrap();
        let naive = ground.statistics.naive();
        let wrong = disagreement(&scores.maps[0], &wide(&pixels), &targets, *method, &naive);
        assert!(wrong.is_some(), "{}: a target that is not seen is not missed", method.word());
    }
}

#[test]
fn a_shader_that_stops_early_is_found_out() {
    let Some(device) = gpu::device() else { return };
    let (targets, ground) = (targets(40, 61), Ground::new(61));
    let stop = |text: &str| text.replace("row += 8u;\n    }", "row += 8u; if row > 16u { break; }\n    }");
    assert_ne!(stop(&shader_text(&ALL[..1])), shader_text(&ALL[..1]));
    for method in ALL {
        let mut gpu = Gpu::with_shader(device.clone(), task(&[*method], &targets, &ground), 1, stop).unwrap();
        let error = gpu.map(&tile(&pixels(100, &targets))).unwrap_err();
        assert!(error.to_string().contains("did not come to its end"), "{}: {error}", method.word());
    }
}

#[test]
fn a_lost_device_is_an_error_and_not_a_result() {
    let Some(device) = gpu::device() else { return };
    let (targets, ground) = (targets(5, 43), Ground::new(43));
    let mut gpu = Gpu::new(device, task(ALL, &targets, &ground), 1).unwrap();
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
    let (targets, ground) = (targets(11, bands), Ground::new(bands));
    let mut random = Random(3);
    let values: Vec<Vec<f64>> =
        (0..130).map(|_| random.spectrum(bands).iter().map(|v| (v * 120.0).round() + 1.0).collect()).collect();
    for sample_type in SampleType::ALL {
        let window = Window { x: 0, y: 0, width: 13, height: 10 };
        let mut tile = Tile::zeros(window, bands, sample_type);
        for (p, x) in values.iter().enumerate() {
            for (b, &v) in x.iter().enumerate() {
                let at = tile.index(b, p);
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
        let scaling = Scaling { gain: vec![1.0 / 128.0; bands], offset: vec![-0.005; bands] };
        let task = Task::new(ALL, targets.view(), Some(&ground.model), sample_type, scaling).unwrap();
        let physical: Vec<Vec<f64>> = values.iter().map(|x| x.iter().map(|v| v / 128.0 - 0.005).collect()).collect();
        let check = |scores: Scores, what: &str| {
            for (method, scores) in ALL.iter().zip(&scores.maps) {
                let wrong = disagreement(scores, &physical, &targets, *method, &ground.statistics.naive());
                assert_eq!(wrong, None, "{what}, {}, {}", sample_type.name(), method.word());
            }
        };
        check(Cpu::new(task.clone(), 2).unwrap().map(&tile).unwrap(), "CPU");
        let Some(device) = gpu::device() else { continue };
        check(Gpu::new(device, task, 2).unwrap().map(&tile).unwrap(), "GPU");
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
        let ground = Ground::new(targets.ncols());
        for word in ["sam", "mf", "cem"] {
            let method = find(word).unwrap();
            prop_assume!(method.product(targets.view(), Some(&ground.model)).is_ok());
            let scores = Cpu::new(task(&[method], &targets, &ground), 1).unwrap().map(&tile(&x)).unwrap();
            let naive = ground.statistics.naive();
            prop_assert_eq!(disagreement(&scores.maps[0], &wide(&x), &targets, method, &naive), None);
        }
    }
}

//! The kernels of the CPU on arrays in memory, as shares of what the machine can do at most.
//!
//! `cargo bench --bench kernels` prints a row a case: its time and its share of the ceiling that binds it. The answer of
//! every case is checked against the f64 formula before it is timed. Cases are interleaved, ceilings among them, and the
//! medians are taken, because machines are noisy.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

mod ceilings;

use std::time::Instant;

use alunite::background::Units;
use alunite::compute::cpu::{Cpu, CpuSums};
use alunite::compute::{Backend, Task, moments};
use alunite::methods::{Naive, find};
use alunite::tile::{SampleType, Samples, Scaling, Tile, Window};
use ndarray::Array2;

const BANDS: usize = 285;
/// A tile of f32 takes 14 MB, as in a run.
const TILE: (usize, usize) = (12, 1040);
const TILES: usize = 8;
const THREADS: usize = 2;

/// Reproducible numbers from 0 to 1.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn spectrum(&mut self) -> Vec<f64> {
        let (level, slope) = (0.2 + 0.5 * self.unit(), 0.4 * self.unit() - 0.2);
        let dips: Vec<_> = (0..4).map(|_| (self.unit(), 0.02 + 0.1 * self.unit(), 0.4 * self.unit())).collect();
        let value = |b: usize| {
            let at = b as f64 / BANDS as f64;
            let dip: f64 = dips.iter().map(|(c, w, d)| d * (-((at - c) / w).powi(2)).exp()).sum();
            ((level + slope * at) * (1.0 - dip)).max(0.01)
        };
        (0..BANDS).map(value).collect()
    }
}

/// Mixtures of three spectra, shaded, with noise.
fn tiles(random: &mut Random) -> Vec<Tile> {
    let ground: Vec<Vec<f64>> = (0..40).map(|_| random.spectrum()).collect();
    let one = |i: usize| {
        let window = Window { x: 0, y: i * TILE.0, width: TILE.1, height: TILE.0 };
        let mut tile = Tile::zeros(window, BANDS, SampleType::F32);
        for p in 0..window.pixels() {
            let mix: Vec<&Vec<f64>> = (0..3).map(|_| &ground[(random.unit() * 40.0) as usize]).collect();
            let (a, b, light) = (random.unit(), random.unit(), 0.3 + 0.8 * random.unit());
            for band in 0..BANDS {
                let signal = light * (a * mix[0][band] + (1.0 - a) * (b * mix[1][band] + (1.0 - b) * mix[2][band]));
                let at = tile.index(band, p);
                let Samples::F32(values) = &mut tile.samples else { unreachable!() };
                values[at] = (signal + 0.004 * (random.unit() - 0.5)) as f32;
            }
        }
        tile
    };
    (0..TILES).map(one).collect()
}

fn values(tile: &Tile) -> &[f32] {
    let Samples::F32(values) = &tile.samples else { unreachable!() };
    values
}

fn pixel(tile: &Tile, p: usize) -> Vec<f64> {
    (0..BANDS).map(|b| f64::from(values(tile)[tile.index(b, p)])).collect()
}

/// Best target and angle of every 997th pixel are those of the formula.
fn check_angles(cpu: &mut Cpu, tiles: &[Tile], targets: &Array2<f64>) {
    let none = Array2::zeros((0, 0));
    let naive = Naive { mean: &[], inverse_covariance: &none, inverse_correlation: &none };
    let sam = find("sam").expect("sam");
    let scores = cpu.map(&tiles[1]).expect("scores");
    for p in (0..tiles[1].window.pixels()).step_by(997) {
        let x = pixel(&tiles[1], p);
        let angles = targets.rows().into_iter().map(|t| sam.reference(&x, &t.to_vec(), &naive));
        let best = angles.fold(f64::INFINITY, f64::min);
        assert!((f64::from(scores.maps[0].score[p]) - best).abs() < 1e-6, "pixel {p}: {best}");
    }
}

/// A case: its name, and what one pass does, in operations or bytes.
struct Case<'a> {
    name: String,
    ceiling: &'static str,
    work: f64,
    run: Box<dyn FnMut() + 'a>,
    seconds: Vec<f64>,
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test --benches` only wants to know that it runs: cargo passes --bench only to time.
    let timing = std::env::args().any(|a| a == "--bench");
    let repeats = if timing { 7 } else { 1 };
    let mut random = Random(7);
    let tiles = tiles(&mut random);
    let pixels = (TILES * TILE.0 * TILE.1) as f64;
    let mut cases = Vec::new();
    for count in [1, 10, 40, 500] {
        let rows: Vec<f64> = (0..count).flat_map(|_| random.spectrum()).collect();
        let targets = Array2::from_shape_vec((count, BANDS), rows).expect("targets");
        let sam = [find("sam").expect("sam")];
        let task = Task::new(&sam, targets.view(), None, SampleType::F32, Scaling::identity(BANDS)).expect("task");
        let mut cpu = Cpu::new(task, THREADS).expect("threads");
        check_angles(&mut cpu, &tiles, &targets);
        let (ceiling, work) = match count {
            1 => ("read", pixels * BANDS as f64 * 4.0),
            _ => ("f32", pixels * (2 * BANDS * count) as f64),
        };
        let tiles = &tiles;
        let run = move || tiles.iter().for_each(|t| drop(cpu.map(t).expect("scores")));
        cases.push(Case { name: format!("sam, {count} targets"), ceiling, work, run: Box::new(run), seconds: vec![] });
    }
    let tiles = &tiles;
    let (lines, samples) = (TILES * TILE.0, TILE.1);
    let units = Units::new(lines, samples, None);
    let about: Vec<f64> = pixel(&tiles[0], 5);
    let mut sums = CpuSums::new(THREADS).expect("threads");
    let of_tile = about.clone();
    let mut sum = move |tile: &Tile| {
        let units = units.within(tile.window).expect("whole units");
        let counts = vec![true; tile.window.pixels()];
        moments(&mut sums, tile, &units, &counts, &Scaling::identity(BANDS), &of_tile).expect("sums")
    };
    let of_unit = &sum(&tiles[1])[0];
    let exact: f64 =
        (0..TILE.1).map(|p| pixel(&tiles[1], p)).map(|x| (x[200] - about[200]) * (x[100] - about[100])).sum();
    assert!((of_unit.products[alunite::background::packed(200, 100)] - exact).abs() < 1e-9 * exact.abs().max(1.0));
    // Of the triangle, a multiplication and an addition a pair of bands.
    let work = pixels * (BANDS * (BANDS + 1)) as f64;
    let run = Box::new(move || tiles.iter().for_each(|t| drop(sum(t))));
    cases.push(Case { name: "covariance".into(), ceiling: "f64", work, run, seconds: vec![] });

    let memory: Vec<Vec<f32>> = tiles.iter().map(|t| values(t).to_vec()).collect();
    let mut peaks = [("f32", vec![]), ("f64", vec![]), ("read", vec![])];
    for _ in 0..repeats {
        for case in &mut cases {
            let begun = Instant::now();
            (case.run)();
            case.seconds.push(begun.elapsed().as_secs_f64());
        }
        peaks[0].1.push(ceilings::single(THREADS));
        peaks[1].1.push(ceilings::double(THREADS));
        peaks[2].1.push(ceilings::reading(THREADS, &memory));
    }
    let peak = |name: &str| peaks.iter().find(|p| p.0 == name).map_or(0.0, |p| median(&mut p.1.clone()));
    println!(
        "f32 {:.0} GFLOP/s, f64 {:.0} GFLOP/s, read {:.1} GB/s, {THREADS} threads",
        peak("f32") / 1e9,
        peak("f64") / 1e9,
        peak("read") / 1e9
    );
    for case in &mut cases {
        let seconds = median(&mut case.seconds);
        let share = case.work / seconds / peak(case.ceiling);
        let per_pixel = seconds / pixels * 1e9;
        println!(
            "{:<20} {:>8.1} ms  {per_pixel:>6.0} ns/pixel  {:>5.1} % of {}",
            case.name,
            seconds * 1e3,
            share * 100.0,
            case.ceiling
        );
    }
}

//! Narrowing on the CPU: the bounds of all targets for the pixels of a block, and the keys of those few targets that can be
//! among a pixel's best two. See [`crate::methods::Narrow`].

use ndarray::{Array2, ArrayView1};
use pulp::{Simd, WithSimd};

use super::project::{Row, Take, WIDTH, Weights};
use super::rank::Ranked;
use super::transpose;
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, Task};
use crate::methods::lanes::{self, LANES};
use crate::methods::{CANDIDATES, Candidates, Prepared};
use crate::simd::{Aligned, run, wide};
use crate::tile::Tile;

/// Targets within reach of one pixel that are met one by one. Where there are more, all targets are ranked instead.
const FEW: usize = 32;
/// Pixels that become rows at once: a cache line of a panel.
const TOGETHER: usize = 16;
/// Blocks that are ranked at once after one that was in vain: neighbours are alike.
const PAUSE: usize = 15;

/// What is kept of it from block to block.
pub(super) struct Narrowing {
    basis: Weights,
    bounds: Weights,
    /// Minus twice how far a target's products may lie from what directions tell, in parts of ρ and of ‖x‖.
    open: Vec<[f32; 2]>,
    slack: f32,
    /// Of a group of pixels their coordinates, ρ and ‖x‖, `[direction + 2][WIDTH]`, group after group.
    coordinates: Aligned<f32>,
    /// The largest that the products of a group with each target can be.
    upper: Vec<Row>,
    /// For each pixel, targets within reach; how many they are.
    within: Vec<[u16; FEW]>,
    found: Vec<usize>,
    /// The weights of all targets, and [`TOGETHER`] pixels, in rows of so many places.
    row: usize,
    weights: Aligned<f32>,
    rows: Aligned<f32>,
    /// Blocks that are ranked at once.
    pause: usize,
}

impl Narrowing {
    /// `None` where pixels meet all targets.
    pub(super) fn new(assignment: &Assignment, task: &Task) -> Option<Self> {
        let product = &assignment.product;
        let narrow = product.narrow.as_ref().filter(|_| assignment.is_narrowed(task))?;
        let (directions, row) = (narrow.directions(), product.features().next_multiple_of(LANES));
        let twice = |bounds: ArrayView1<f32>| [directions, directions + 1].map(|i| -2.0 * bounds[i]);
        Some(Self {
            basis: Weights::of(&narrow.basis),
            bounds: Weights::of(&narrow.bounds),
            open: narrow.bounds.rows().into_iter().map(twice).collect(),
            slack: narrow.slack as f32,
            coordinates: Aligned::zeros((directions + 2) * BLOCK),
            upper: vec![[0.0; WIDTH]; product.targets()],
            within: vec![[0; FEW]; BLOCK],
            found: vec![0; BLOCK],
            row,
            weights: in_rows(&product.weights, row),
            rows: Aligned::zeros(TOGETHER * row),
            pause: 0,
        })
    }

    /// Ranks the targets within reach of each pixel of a block. False where these are too many, and nothing is ranked.
    pub(super) fn rank(&mut self, prepared: &Prepared, work: &mut Work, tile: &Tile, nodata: Option<f64>) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        let directions = self.basis.rows();
        let keep = Keep { stride: (directions + 2) * WIDTH, to: &mut self.coordinates };
        self.basis.project(work.panels(tile), work.ahead(tile), keep);
        work.measure(tile, nodata);
        self.found.fill(0);
        for group in 0..work.groups() {
            self.bound(prepared, work, group);
        }
        if self.found.iter().any(|&found| found > FEW) {
            self.pause = PAUSE;
            return false;
        }
        let somebody = |first: &usize| self.found[*first..][..TOGETHER] != [0; TOGETHER];
        for first in (0..BLOCK).step_by(TOGETHER).filter(somebody) {
            let rows = &mut *self.rows;
            let (group, features) = (first / WIDTH, prepared.product.features());
            let panel = &work.panels(tile)[group * features * WIDTH..][..features * WIDTH];
            transpose::to_rows(panel, first % WIDTH, self.row, rows);
            for (pixel, row) in (first..).zip(rows.chunks_exact(self.row)) {
                let within = &self.within[pixel][..self.found[pixel]];
                meet(row, within, &self.weights, pixel, &mut work.ranked[0]);
            }
        }
        true
    }

    /// Finds the targets within reach of the pixels of a group.
    fn bound(&mut self, prepared: &Prepared, work: &Work, group: usize) {
        let first = group * WIDTH;
        // Of pixels that are no data, or beyond what f32 can bound, nothing is in reach: they are NaN.
        let (mut length, mut error) = ([f32::NAN; WIDTH], [f32::NAN; WIDTH]);
        for lane in 0..WIDTH {
            if let Some(pixel) = work.measured(first + lane).filter(|p| p.tame) {
                length[lane] = pixel.norm as f32;
                error[lane] = 2.0 * prepared.product_error(&pixel) as f32;
            }
        }
        let directions = self.basis.rows();
        let size = (directions + 2) * WIDTH;
        let coordinates = &mut self.coordinates[group * size..][..size];
        let mut rho = length.map(|length| length * length * (1.0 + self.slack));
        wide(
            &mut rho,
            #[inline(always)]
            |rho| {
                for y in coordinates.as_chunks::<WIDTH>().0.iter().take(directions) {
                    for lane in 0..WIDTH {
                        rho[lane] -= y[lane] * y[lane];
                    }
                }
                for rho in rho {
                    // What rounding made of nothing is nothing, and NaN stays.
                    *rho = if *rho < 0.0 { 0.0 } else { rho.sqrt() };
                }
            },
        );
        coordinates[directions * WIDTH..][..WIDTH].copy_from_slice(&rho);
        coordinates[(directions + 1) * WIDTH..].copy_from_slice(&length);
        self.bounds.project(coordinates, &[], Keep { stride: 0, to: self.upper.as_flattened_mut() });
        run(Reach {
            upper: &self.upper,
            open: &self.open,
            of: [&rho, &length, &error],
            found: &mut self.found[first..][..WIDTH],
            within: &mut self.within[first..][..WIDTH],
        });
    }
}

/// Rows of a matrix, padded with zeros.
fn in_rows(matrix: &Array2<f32>, length: usize) -> Aligned<f32> {
    let mut rows = Aligned::zeros(matrix.nrows() * length);
    for (to, row) in rows.chunks_exact_mut(length).zip(matrix.rows()) {
        to.iter_mut().zip(row).for_each(|(to, w)| *to = *w);
    }
    rows
}

/// Ranks targets by their keys for one pixel.
fn meet(row: &[f32], within: &[u16], weights: &[f32], pixel: usize, ranked: &mut Ranked) {
    let mut best = [0; CANDIDATES];
    let of = |target: u16| &weights[usize::from(target) * row.len()..][..row.len()];
    // Which of two is larger is anyone's guess, so nothing branches.
    let mut insert = |target: u16, key: f32| {
        let mut next = ordered(key, target);
        for best in &mut best {
            (*best, next) = (next.max(*best), next.min(*best));
        }
    };
    match *within {
        [] => return ranked.put(pixel, &NOBODY),
        [a, b] => {
            let keys = lanes::sums(row, [of(a), of(b)]);
            insert(a, keys[0]);
            insert(b, keys[1]);
        }
        _ => {
            for few in within.chunks(4) {
                let four = std::array::from_fn(|i| of(few[i.min(few.len() - 1)]));
                few.iter().zip(lanes::sums::<4>(row, four)).for_each(|(&target, key)| insert(target, key));
            }
        }
    }
    let mut candidates = Candidates { target: best.map(target_of), key: best.map(key_of) };
    // The others are known to be further away than rounding reaches: their places are taken, but not by a rival.
    for place in within.len().min(CANDIDATES)..CANDIDATES {
        (candidates.target[place], candidates.key[place]) = (candidates.target[0], f32::NEG_INFINITY);
    }
    ranked.put(pixel, &candidates);
}

const NOBODY: Candidates = Candidates { target: [Candidates::NONE; CANDIDATES], key: [f32::MIN; CANDIDATES] };

/// A number that is larger for a larger key, and of equal keys for the lower target.
fn ordered(key: f32, target: u16) -> u64 {
    let bits = key.to_bits();
    let rising = if bits >> 31 == 0 { bits | SIGN } else { !bits };
    u64::from(rising) << 32 | u64::from(!target)
}

fn key_of(ordered: u64) -> f32 {
    let rising = (ordered >> 32) as u32;
    f32::from_bits(if rising & SIGN == 0 { !rising } else { rising ^ SIGN })
}

fn target_of(ordered: u64) -> u32 {
    u32::from(!(ordered as u16))
}

const SIGN: u32 = 1 << 31;

/// Keeps products, group by group.
struct Keep<'a> {
    stride: usize,
    to: &'a mut [f32],
}

impl Take for Keep<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: S, group: usize, first: usize, products: &[Row]) {
        let products = products.as_flattened();
        self.to[group * self.stride + first * WIDTH..][..products.len()].copy_from_slice(products);
    }
}

/// Lists the targets whose upper bounds reach the second largest lower bound of a pixel.
struct Reach<'a> {
    upper: &'a [Row],
    open: &'a [[f32; 2]],
    /// ρ, ‖x‖, and how far keys may lie from the truth.
    of: [&'a Row; 3],
    found: &'a mut [usize],
    within: &'a mut [[u16; FEW]],
}

impl WithSimd for Reach<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [rho, length, error] = self.of.map(|of| S::as_simd_f32s(of).0);
        for v in 0..WIDTH / S::F32_LANES {
            let (mut first, mut second) = (simd.splat_f32s(f32::MIN), simd.splat_f32s(f32::MIN));
            for (upper, open) in self.upper.iter().zip(self.open) {
                let [of_rho, of_length] = open.map(|open| simd.splat_f32s(open));
                let lower = simd.mul_add_e_f32s(of_length, length[v], S::as_simd_f32s(upper).0[v]);
                let lower = simd.mul_add_e_f32s(of_rho, rho[v], lower);
                second = simd.max_f32s(second, simd.min_f32s(first, lower));
                first = simd.max_f32s(first, lower);
            }
            let floor = simd.sub_f32s(second, error[v]);
            for (target, upper) in self.upper.iter().enumerate() {
                let mut reaching = bits::<S>(simd.greater_than_or_equal_f32s(S::as_simd_f32s(upper).0[v], floor));
                while reaching != 0 {
                    let pixel = v * S::F32_LANES + reaching.trailing_zeros() as usize;
                    reaching &= reaching - 1;
                    if let Some(place) = self.within[pixel].get_mut(self.found[pixel]) {
                        *place = target as u16;
                    }
                    self.found[pixel] += 1;
                }
            }
        }
    }
}

/// A bit a lane.
#[inline(always)]
fn bits<S: Simd>(mask: S::m32s) -> u32 {
    match size_of::<S::m32s>() {
        1 => bytemuck::cast::<_, u8>(mask).into(),
        2 => bytemuck::cast::<_, u16>(mask).into(),
        _ => {
            let lanes = S::F32_LANES;
            let words: S::u32s = bytemuck::cast(mask);
            let words: &[u32] = bytemuck::cast_slice(std::slice::from_ref(&words));
            (0..lanes).fold(0, |bits, lane| bits | (words[lane] & 1) << lane)
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::compute::cpu::Cpu;
    use crate::compute::{Backend as _, MapScores};
    use crate::methods::find;
    use crate::tile::{SampleType, Samples, Scaling, Window};

    const BANDS: usize = 97;
    const NODATA: f32 = -9999.0;

    /// Smooth spectra.
    fn spectra(count: usize) -> Array2<f64> {
        Array2::from_shape_fn((count, BANDS), |(t, b)| {
            let (at, t) = (b as f64 / BANDS as f64, t as f64);
            let dip = |c: f64, w: f64| (-((at - c.fract()) / w).powi(2)).exp();
            0.5 + 0.2 * at * (t * 0.7).sin() - 0.2 * dip(t * 0.37, 0.08) - 0.1 * dip(t * 0.61, 0.15)
        })
    }

    fn noise(seed: usize, b: usize) -> f64 {
        ((b * 7919 + seed * 104_729) % 1009) as f64 / 1009.0 - 0.5
    }

    /// Mixtures of targets, targets themselves, and what is like none of them: noise that keeps all within reach, zeros, no
    /// data, NaN, negative, tiny and huge values.
    fn tile(targets: &Array2<f64>, noisy: bool) -> Tile {
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width: 50, height: 5 }, BANDS, SampleType::F32);
        for p in 0..tile.window.pixels() {
            let [first, second] = [p * 7, p * 13 + 1].map(|t| targets.row(t % targets.nrows()));
            for b in 0..BANDS {
                let mixed = 0.7 * first[b] + 0.3 * second[b] + 0.002 * noise(p, b);
                let value = match p % 25 {
                    _ if noisy => noise(p, b) + if p % 3 == 0 { 0.1 } else { 0.0 },
                    0 => first[b],
                    1 => 0.0,
                    2 if b == 40 => f64::from(NODATA),
                    3 if b == 40 => f64::NAN,
                    4 => -mixed,
                    5 => mixed * 1e-20,
                    6 => mixed * 1e20,
                    7 => noise(p, b),
                    8 => 0.3,
                    9 => (first[b] + second[b]) / 2.0,
                    _ => mixed,
                };
                let at = tile.index(b, p);
                let Samples::F32(values) = &mut tile.samples else { panic!("f32") };
                values[at] = value as f32;
            }
        }
        tile
    }

    /// With rule images, all targets are met.
    fn mapped(word: &str, targets: &Array2<f64>, tile: &Tile, rules: bool) -> MapScores {
        let methods = [find(word).unwrap()];
        let task = Task::new(&methods, targets.view(), None, SampleType::F32, Scaling::identity(BANDS)).unwrap();
        let task = task.with_nodata(Some(NODATA.into())).with_rules(rules);
        assert_eq!(task.groups[0][0].is_narrowed(&task), !rules, "{word}");
        Cpu::new(task, 1).unwrap().map(tile).unwrap().maps.remove(0)
    }

    #[test]
    fn decisions_are_those_of_meeting_all_targets_whatever_the_pixel() {
        for count in [120, 500] {
            let targets = spectra(count);
            for (word, noisy) in [("sam", false), ("sam", true), ("scm", false), ("scm", true)] {
                let tile = tile(&targets, noisy);
                let (narrowed, all) = (mapped(word, &targets, &tile, false), mapped(word, &targets, &tile, true));
                assert_eq!(narrowed.best, all.best, "{word}");
                assert_eq!(narrowed.runner_up, all.runner_up, "{word}");
                let close = |a: &f32, b: &f32| (a.is_nan() && b.is_nan()) || (a - b).abs() < 2e-6;
                assert!(narrowed.score.iter().zip(&all.score).all(|(a, b)| close(a, b)), "{word}");
                assert!(narrowed.margin.iter().zip(&all.margin).all(|(a, b)| close(a, b)), "{word}");
                let classes = all.best.iter().collect::<std::collections::HashSet<_>>().len();
                assert!(classes > 20, "the ground is too plain to tell: {classes} classes");
            }
        }
    }

    /// That the bounds matter: without what residuals leave open, targets are missed.
    #[test]
    fn bounds_that_are_too_narrow_are_found_out() {
        let targets = spectra(500);
        let tile = tile(&targets, false);
        let all = mapped("sam", &targets, &tile, true);
        let methods = [find("sam").unwrap()];
        let mut task = Task::new(&methods, targets.view(), None, SampleType::F32, Scaling::identity(BANDS)).unwrap();
        let product = std::sync::Arc::make_mut(&mut task.groups[0][0].product);
        let narrow = product.narrow.as_mut().unwrap();
        let directions = narrow.directions();
        narrow.bounds.slice_mut(ndarray::s![.., directions..]).fill(0.0);
        let found = Cpu::new(task.with_nodata(Some(NODATA.into())), 1).unwrap().map(&tile).unwrap().maps.remove(0);
        assert_ne!((found.best, found.runner_up), (all.best, all.runner_up));
    }

    #[test]
    fn keys_and_targets_are_ordered_together() {
        let keys = [f32::MIN, -1.5, -1e-30, 0.0, 1e-30, 2.0, f32::MAX];
        let all: Vec<u64> = keys.iter().flat_map(|&key| [9, 2].map(|target| ordered(key, target))).collect();
        assert!(all.is_sorted_by(|a, b| a < b));
        for (i, &ordered) in all.iter().enumerate() {
            assert_eq!((key_of(ordered), target_of(ordered)), (keys[i / 2], [9, 2][i % 2]));
        }
    }
}

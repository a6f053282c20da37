//! Exact scores of all targets: a block's stored values times weights in f64, where there are so few targets that ranking
//! them in f32, and meeting the best of each pixel again in f64, would take longer.
//!
//! Products have the bits of [`Product::meet`]: sixteen interleaved partial sums of fused multiply-adds, added in pairs. Sums
//! are made in such an order that each pair is added as soon as both are there: what waits for its partner stays in the
//! first-level cache. Values stay there too, as the f32 that they are: one that became f64 for every target would fill it
//! twice. A register tile is six targets by four vectors of pixels (by two where there are sixteen registers), with as many sums
//! as there are registers beside what is multiplied.

use pulp::{Simd, WithSimd};

use super::block::Block;
use super::project::{Row, WIDTH};
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, Task};
use crate::methods::{Leaders, PARTIAL_SUMS, Product};
use crate::simd::{Ahead, run, widened};
use crate::tile::Tile;

/// The most targets of which this is faster than ranking, as measured: with 10 it takes half of the time, with 40 a twentieth
/// less.
pub(super) const MOST: usize = 40;

/// Targets that are packed together.
const TARGETS: usize = 6;

/// The order of the partial sums: those whose numbers differ in their highest bit follow each other, and so do their pairs.
const ORDER: [usize; PARTIAL_SUMS] = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
/// Pairs of pairs: so many sums wait at once, and one is left.
const LEVELS: usize = 1 + PARTIAL_SUMS.ilog2() as usize;

/// One value a pixel of a group, for each of the targets that are packed together.
type Group = [[f64; WIDTH]; TARGETS];

/// Sums that wait for their partners, level by level; those of the last are the products. They are kept from tile to tile: new
/// ones would be filled with zeros that nobody reads.
type Sums = [Group; LEVELS];

/// What is kept from block to block.
pub(super) struct Direct {
    packed: Packed,
    /// For each ending, the best two targets of the block's pixels.
    leaders: Vec<Leaders>,
}

impl Direct {
    pub(super) fn new(assignment: &Assignment) -> Self {
        Self {
            packed: Packed::new(&assignment.product),
            leaders: assignment.endings.iter().map(|ending| Leaders::new(BLOCK, ending.method)).collect(),
        }
    }

    pub(super) fn decide(&mut self, block: &mut Block, task: &Task, assignment: &Assignment, work: &Work, tile: &Tile) {
        let (stored, valid) = work.as_stored(tile);
        let (product, bands) = (&assignment.product, tile.bands);
        let passes = product.targets().div_ceil(TARGETS);
        let mut ahead = Ahead::<2>::of(work.ahead(tile), passes * work.groups() * bands);
        let (mut sums, mut scores) = (Sums::default(), Group::default());
        let groups = stored.as_chunks::<WIDTH>().0.chunks_exact(bands).take(work.groups());
        for (group, values) in groups.enumerate() {
            let pixels = group * WIDTH..(group + 1) * WIDTH;
            for first in (0..product.targets()).step_by(TARGETS) {
                run(self.packed.multiply(values, first, &mut sums, &mut ahead));
                let products = &sums[LEVELS - 1];
                let wanted = TARGETS.min(product.targets() - first);
                for (ending, leaders) in assignment.endings.iter().zip(&mut self.leaders) {
                    for (target, (scores, products)) in (first..).zip(scores.iter_mut().zip(&products[..wanted])) {
                        ending.method.scores_of_products(&ending.prepared, target, products, scores);
                        if task.rules {
                            block.maps[ending.index].write_rule(target, pixels.start, scores, valid);
                        }
                    }
                    leaders.enter(first, &scores[..wanted], pixels.clone());
                }
            }
        }
        for (ending, leaders) in assignment.endings.iter().zip(&self.leaders) {
            let of = |who: &[u64]| -> [u32; BLOCK] { std::array::from_fn(|pixel| who[pixel] as u32) };
            let [best, runner_up] = [of(&leaders.best), of(&leaders.runner_up)];
            let scores = [&leaders.score[..], &leaders.runner_up_score];
            block.maps[ending.index].write_told(valid, [&best, &runner_up], scores);
        }
    }
}

/// Weights in the order of the sums.
struct Packed {
    targets: usize,
    features: usize,
    /// `[target / TARGETS][value in order][TARGETS]`.
    weights: Vec<f64>,
    /// What is added to the products with each target.
    bias: Vec<f64>,
}

impl Packed {
    fn new(product: &Product) -> Self {
        let (targets, features) = (product.targets(), product.features());
        let mut weights = vec![0.0; targets.div_ceil(TARGETS) * features * TARGETS];
        for target in 0..targets {
            let of_target = product.target(target);
            let order = ORDER.into_iter().flat_map(|first| (first..features).step_by(PARTIAL_SUMS));
            let places = &mut weights[target / TARGETS * features * TARGETS + target % TARGETS..];
            places.iter_mut().step_by(TARGETS).zip(order).for_each(|(to, value)| *to = of_target[value]);
        }
        let mut bias: Vec<f64> = (0..targets).map(|target| product.bias(target)).collect();
        bias.resize(targets.next_multiple_of(TARGETS), 0.0);
        Self { targets, features, weights, bias }
    }

    /// Makes products of the stored values of a group, `[value][WIDTH]`, with the targets that are packed together from `first`
    /// on.
    fn multiply<'a>(
        &'a self,
        values: &'a [Row],
        first: usize,
        sums: &'a mut Sums,
        ahead: &'a mut Ahead<2>,
    ) -> Multiply<'a> {
        let weights = &self.weights[first * self.features..][..TARGETS * self.features];
        let (bias, wanted) = (&self.bias[first..], TARGETS.min(self.targets - first));
        Multiply { values, weights, bias, wanted, sums, ahead }
    }
}

struct Multiply<'a> {
    values: &'a [Row],
    weights: &'a [f64],
    bias: &'a [f64],
    wanted: usize,
    sums: &'a mut Sums,
    ahead: &'a mut Ahead<2>,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F64_LANES, self.wanted) {
            (2 | 8, 5..) => self.in_tiles::<S, 6, 4>(simd),
            (2 | 8, 3..) => self.in_tiles::<S, 4, 4>(simd),
            (4, 5..) => self.in_tiles::<S, 6, 2>(simd),
            (4, 3..) => self.in_tiles::<S, 4, 2>(simd),
            (_, 2..) => self.in_tiles::<S, 2, 4>(simd),
            _ => self.in_tiles::<S, 1, 4>(simd),
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn in_tiles<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let width = WIDTH / S::F64_LANES;
        for row in (0..self.wanted).step_by(R) {
            for column in (0..width).step_by(V) {
                let mut lines = self.ahead.lines(self.values.len(), self.weights);
                let mut weights = self.weights.as_chunks::<TARGETS>().0.iter();
                for (turn, first) in ORDER.into_iter().enumerate() {
                    let mut sums = [[simd.splat_f64s(0.0); V]; R];
                    let of_sum = self.values.get(first..).unwrap_or_default().iter().step_by(PARTIAL_SUMS);
                    for (values, weights) in of_sum.zip(weights.by_ref()) {
                        lines.fetch();
                        let x: [S::f64s; V] = std::array::from_fn(|v| widened::<S>(values, column + v));
                        for r in 0..R {
                            let weight = simd.splat_f64s(weights[row + r]);
                            for v in 0..V {
                                // Fused on every processor, also where that is slow.
                                sums[r][v] = simd.mul_add_f64s(x[v], weight, sums[r][v]);
                            }
                        }
                    }
                    let level = turn.trailing_ones() as usize;
                    for waiting in &self.sums[..level] {
                        let waiting = &waiting[row..][..R];
                        for r in 0..R {
                            let waiting = &S::as_simd_f64s(&waiting[r]).0[column..][..V];
                            for v in 0..V {
                                sums[r][v] = simd.add_f64s(waiting[v], sums[r][v]);
                            }
                        }
                    }
                    let waiting = &mut self.sums[level][row..][..R];
                    for r in 0..R {
                        S::as_mut_simd_f64s(&mut waiting[r]).0[column..][..V].copy_from_slice(&sums[r]);
                    }
                }
                for (products, &bias) in self.sums[LEVELS - 1][row..][..R].iter_mut().zip(&self.bias[row..]) {
                    let bias = simd.splat_f64s(bias);
                    let products = &mut S::as_mut_simd_f64s(products).0[column..][..V];
                    products.iter_mut().for_each(|product| *product = simd.add_f64s(*product, bias));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::background::{Background, Shrinkage};
    use crate::methods::{Model, Pixel, find, padded};
    use crate::tile::Scaling;

    /// Also where the number of values is no multiple of anything, with registers of half the width, and with the plain ones that
    /// every processor has.
    #[test]
    fn products_have_the_bits_of_a_pixel_alone() {
        for (targets, bands) in [(1, 1), (2, 15), (3, 16), (5, 17), (6, 40), (13, 285)] {
            let group: Vec<Row> =
                (0..bands).map(|v| std::array::from_fn(|p| ((v * 37 + p * 91) % 101) as f32 / 7.0 - 5.0)).collect();
            let spectra = Array2::from_shape_fn((targets, bands), |(t, b)| ((t + 2) as f64 * (b + 1) as f64).sin());
            let background = Background { count: 1000, mean: vec![0.1; bands], covariance: Array2::eye(bands) };
            let factor = background.factor_covariance(Shrinkage::None).unwrap();
            let model = Model { mean: background.mean, covariance: Some(factor), correlation: None };
            let mut product = find("mf").unwrap().product(spectra.view(), Some(&model)).unwrap();
            product.adapt(&Scaling::uniform(bands, 1e-4));
            let packed = Packed::new(&product);
            for first in (0..targets).step_by(TARGETS) {
                let wanted = TARGETS.min(targets - first);
                let mut found: Vec<Group> = Vec::new();
                let mut by = |run: &dyn Fn(Multiply)| {
                    let (mut sums, mut ahead) = (Sums::default(), Ahead::<2>::of(&[], 0));
                    run(packed.multiply(&group, first, &mut sums, &mut ahead));
                    found.push(sums[LEVELS - 1]);
                };
                by(&|multiply| run(multiply));
                by(&|multiply| multiply.with_simd(pulp::Scalar::new()));
                #[cfg(target_arch = "x86_64")]
                if let Some(simd) = pulp::x86::V3::try_new() {
                    by(&|multiply| Simd::vectorize(simd, multiply));
                }
                // What is off by 1 % is found out.
                let (mut wrong, mut ahead) = (Sums::default(), Ahead::<2>::of(&[], 0));
                let multiply = packed.multiply(&group, first, &mut wrong, &mut ahead);
                let off: Vec<f64> = multiply.weights.iter().map(|w| w * 1.01).collect();
                run(Multiply { weights: &off, ..multiply });
                assert!((0..wanted).all(|place| wrong[LEVELS - 1][place] != found[0][place]));
                for pixel in 0..WIDTH {
                    let mut x = vec![0.0; padded(bands)];
                    x.iter_mut().zip(&group).for_each(|(x, values)| *x = values[pixel].into());
                    for (target, place) in (first..first + wanted).zip(0..) {
                        let pixel_alone = Pixel { values: &x, ..Pixel::UNSEEN };
                        let [met] = product.meet(&pixel_alone, [target as u32]);
                        for found in &found {
                            assert_eq!(
                                found[place][pixel].to_bits(),
                                met.product.to_bits(),
                                "{bands} bands, target {target}"
                            );
                        }
                    }
                }
            }
        }
    }
}

//! Exact scores of all targets: a block's stored values times weights in f64, where there are so few targets that ranking
//! them in f32, and meeting the best of each pixel again in f64, would take longer.
//!
//! Products have the bits of [`Product::meet`]: sixteen interleaved partial sums of fused multiply-adds, added in pairs. So
//! values are taken sum by sum, `[partial sum][value]`, as f64, and sums in such an order that each pair is added as soon as
//! both are there: what waits for its partner stays in the first-level cache. A register tile is six targets by four vectors
//! of eight pixels (two by four with narrower registers), with as many sums as there are registers beside what is multiplied.

use pulp::{Simd, WithSimd};

use super::block::Block;
use super::project::{Row, WIDTH};
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, Task};
use crate::methods::{Leaders, PARTIAL_SUMS, Product, dots_of_group};
use crate::simd::{Ahead, Aligned, run, wide};
use crate::tile::Tile;

/// The most targets of which this is faster, as measured: with 10 it takes six tenths of the time, with 40 a tenth more.
pub(super) const MOST: usize = 24;

/// Fewer targets take values as they lie, in f32: putting them in order would take longer than multiplying them.
const FEW: usize = 3;

/// Targets that are packed together.
const TARGETS: usize = 6;

/// The order of the partial sums: those whose numbers differ in their highest bit follow each other, and so do their pairs.
const ORDER: [usize; PARTIAL_SUMS] = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
/// Pairs of pairs: so many sums wait at once, and one is left.
const LEVELS: usize = 1 + PARTIAL_SUMS.ilog2() as usize;

/// Products of a group with the targets that are packed together.
type Products = [[f64; WIDTH]; TARGETS];

/// What is kept from block to block.
pub(super) struct Direct {
    /// Nothing for few targets.
    packed: Option<Packed>,
    /// For each ending, the best two targets of the block's pixels.
    leaders: Vec<Leaders>,
}

impl Direct {
    pub(super) fn new(assignment: &Assignment) -> Self {
        let product = &assignment.product;
        Self {
            packed: (product.targets() >= FEW).then(|| Packed::new(product)),
            leaders: assignment.endings.iter().map(|_| Leaders::new(BLOCK)).collect(),
        }
    }

    pub(super) fn decide(&mut self, block: &mut Block, task: &Task, assignment: &Assignment, work: &Work, tile: &Tile) {
        let (stored, valid) = work.as_stored(tile);
        let (product, bands) = (&assignment.product, tile.bands);
        self.leaders.iter_mut().for_each(Leaders::clear);
        let passes = product.targets().div_ceil(TARGETS);
        let mut ahead = Ahead::of(work.ahead(tile), passes * work.groups() * bands);
        let (mut products, mut scores) = (Products::default(), [f64::NAN; WIDTH]);
        let groups = stored.as_chunks::<WIDTH>().0.chunks_exact(bands).take(work.groups());
        for (group, values) in groups.enumerate() {
            let pixels = group * WIDTH..(group + 1) * WIDTH;
            if let Some(packed) = &mut self.packed {
                packed.put_in_order(values);
            }
            for first in (0..product.targets()).step_by(TARGETS) {
                match &self.packed {
                    Some(packed) => run(packed.multiply(first, &mut products, &mut ahead)),
                    None => {
                        let targets = products.iter_mut().zip(first..product.targets());
                        targets.for_each(|(products, at)| *products = dots_of_group(values, product.target(at)));
                    }
                }
                for (target, products) in (first..product.targets()).zip(&mut products) {
                    let bias = product.bias(target);
                    products.iter_mut().for_each(|p| *p += bias);
                    for (ending, leaders) in assignment.endings.iter().zip(&mut self.leaders) {
                        ending.method.scores_of_products(&ending.prepared, target, products, &mut scores);
                        ending.method.lead(target as u32, &scores, leaders, pixels.clone());
                        if task.rules {
                            block.maps[ending.index].write_rule(target, pixels.start, &scores, valid);
                        }
                    }
                }
            }
        }
        for (ending, leaders) in assignment.endings.iter().zip(&self.leaders) {
            let Leaders { best, runner_up, score, runner_up_score } = leaders;
            block.maps[ending.index].write_told(valid, [best, runner_up], [score, runner_up_score]);
        }
    }
}

/// Weights and values in the order of the sums.
struct Packed {
    targets: usize,
    /// Where each value of a pixel lies.
    order: Vec<usize>,
    /// `[target / TARGETS][value in order][TARGETS]`.
    weights: Vec<f64>,
    /// The stored values of a group, `[value in order][WIDTH]`.
    values: Aligned<f64>,
}

impl Packed {
    fn new(product: &Product) -> Self {
        let (targets, features) = (product.targets(), product.features());
        let of_sum = |first| (first..features).step_by(PARTIAL_SUMS);
        let order: Vec<usize> = ORDER.into_iter().flat_map(of_sum).collect();
        let mut weights = vec![0.0; targets.div_ceil(TARGETS) * features * TARGETS];
        for target in 0..targets {
            let of_target = product.target(target);
            let places = &mut weights[target / TARGETS * features * TARGETS + target % TARGETS..];
            places.iter_mut().step_by(TARGETS).zip(&order).for_each(|(to, &value)| *to = of_target[value]);
        }
        Self { targets, order, weights, values: Aligned::zeros(features * WIDTH) }
    }

    /// Takes over the values of a group, `[value][WIDTH]`.
    fn put_in_order(&mut self, group: &[Row]) {
        wide(
            (&self.order, group, &mut *self.values),
            #[inline(always)]
            |(order, group, values)| {
                for (to, &value) in values.as_chunks_mut::<WIDTH>().0.iter_mut().zip(order) {
                    // By way of registers, as the compiler cannot tell that they are not the same memory.
                    let mut row = [0.0; WIDTH];
                    for (to, from) in row.iter_mut().zip(&group[value]) {
                        *to = f64::from(*from);
                    }
                    *to = row;
                }
            },
        );
    }

    /// Multiplies them by the weights of the targets that are packed together from `first` on.
    fn multiply<'a>(&'a self, first: usize, products: &'a mut Products, ahead: &'a mut Ahead) -> Multiply<'a> {
        let weights = &self.weights[first * self.order.len()..][..TARGETS * self.order.len()];
        let wanted = TARGETS.min(self.targets - first);
        Multiply { values: &self.values, weights, wanted, products, ahead }
    }
}

struct Multiply<'a> {
    values: &'a [f64],
    weights: &'a [f64],
    wanted: usize,
    products: &'a mut Products,
    ahead: &'a mut Ahead,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F64_LANES, self.wanted) {
            (8, 5..) => self.in_tiles::<S, 6, 4>(simd),
            (8, 3..) => self.in_tiles::<S, 4, 4>(simd),
            (_, 2..) => self.in_tiles::<S, 2, 4>(simd),
            _ => self.in_tiles::<S, 1, 4>(simd),
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn in_tiles<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let width = WIDTH / S::F64_LANES;
        let values = S::as_simd_f64s(self.values).0;
        let features = values.len() / width;
        for row in (0..self.wanted).step_by(R) {
            for column in (0..width).step_by(V) {
                let mut lines = self.ahead.lines(features, self.weights);
                let mut waiting = [[[simd.splat_f64s(0.0); V]; R]; LEVELS];
                let mut steps = values.chunks_exact(width).zip(self.weights.as_chunks::<TARGETS>().0);
                for (turn, first) in ORDER.into_iter().enumerate() {
                    let of_sum = (features + PARTIAL_SUMS - 1 - first) / PARTIAL_SUMS;
                    let mut sums = [[simd.splat_f64s(0.0); V]; R];
                    for (x, weights) in steps.by_ref().take(of_sum) {
                        lines.fetch();
                        let x: [S::f64s; V] = std::array::from_fn(|v| x[column + v]);
                        for r in 0..R {
                            let weight = simd.splat_f64s(weights[row + r]);
                            for v in 0..V {
                                // Fused on every processor, also where that is slow.
                                sums[r][v] = simd.mul_add_f64s(x[v], weight, sums[r][v]);
                            }
                        }
                    }
                    let level = turn.trailing_ones() as usize;
                    for waiting in &waiting[..level] {
                        for r in 0..R {
                            for v in 0..V {
                                sums[r][v] = simd.add_f64s(waiting[r][v], sums[r][v]);
                            }
                        }
                    }
                    waiting[level] = sums;
                }
                for (r, totals) in waiting[LEVELS - 1].iter().enumerate() {
                    S::as_mut_simd_f64s(&mut self.products[row + r]).0[column..][..V].copy_from_slice(totals);
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

    /// Also where the number of values is no multiple of anything, and with the plain registers that every processor has.
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
            let mut packed = Packed::new(&product);
            packed.put_in_order(&group);
            for first in (0..targets).step_by(TARGETS) {
                let wanted = TARGETS.min(targets - first);
                let mut found: [Products; 2] = Default::default();
                for (plain, products) in found.iter_mut().enumerate() {
                    let mut ahead = Ahead::of(&[], 0);
                    let multiply = packed.multiply(first, products, &mut ahead);
                    if plain == 1 { multiply.with_simd(pulp::Scalar::new()) } else { run(multiply) }
                }
                // What is off by 1 % is found out.
                let (mut wrong, mut ahead): (Products, _) = (Default::default(), Ahead::of(&[], 0));
                let multiply = packed.multiply(first, &mut wrong, &mut ahead);
                let off: Vec<f64> = multiply.weights.iter().map(|w| w * 1.01).collect();
                run(Multiply { weights: &off, ..multiply });
                assert!((0..wanted).all(|place| wrong[place] != found[0][place]));
                for pixel in 0..WIDTH {
                    let mut x = vec![0.0; padded(bands)];
                    x.iter_mut().zip(&group).for_each(|(x, values)| *x = values[pixel].into());
                    for (target, place) in (first..first + wanted).zip(0..) {
                        let pixel_alone = Pixel { values: &x, ..Pixel::UNSEEN };
                        let [met] = product.meet(&pixel_alone, [target as u32]);
                        for found in &found {
                            let product = found[place][pixel] + product.bias(target);
                            assert_eq!(product.to_bits(), met.product.to_bits(), "{bands} bands, target {target}");
                        }
                    }
                }
            }
        }
    }
}

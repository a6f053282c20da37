//! The projection core on the CPU: the features of a group of pixels times rows of weights, in registers.
//!
//! Weights are packed by twelves, `[row / 12][feature][12]`, and pixels by thirty-twos, `[feature][32]`, so that both are
//! read as they lie. A register tile is six rows by the four vectors of sixteen pixels that two groups have (by two vectors
//! with narrower registers): as many sums as there are registers beside what is multiplied. The nearer it is to a square, the
//! fewer values are loaded for a product; where a core's other thread loads too, twelve rows by two vectors take 5 to 9
//! hundredths longer. Rows that are fewer take a smaller tile.
//!
//! A dozen rows meets all groups in one segment of their features before the next: its weights and the pixels that pass by
//! fit the first-level cache together, which the 285 features of a dozen rows and a group (50 KB) do not. Where all of a
//! dozen's weights are zero from some feature on, as those of a triangular matrix are, it meets no more of them.

use ndarray::{Array2, ArrayView1};
use pulp::{Simd, WithSimd};

use super::work::BLOCK;
use crate::methods::SEGMENT;
use crate::simd::{Ahead, run};
use crate::tile::Tile;

/// Pixels of a group.
pub(super) const WIDTH: usize = Tile::GROUP;
/// Rows that are packed together.
pub(super) const ROWS: usize = 12;

/// One value a pixel of a group.
pub(super) type Row = [f32; WIDTH];

/// Groups that pass by before the next segment, those of a block: their products stay in the first-level cache too.
const TOGETHER: usize = 2;
const _: () = assert!(TOGETHER * WIDTH == BLOCK);

/// Fewer rows meet a group at a time: they take as many steps as the lines of memory ahead need, which two groups at a time
/// would halve.
const FEW: usize = 7;

/// The products of a group with a dozen rows, each register of them in one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Products([Row; ROWS]);

/// What features are multiplied by.
pub(super) struct Weights {
    rows: usize,
    features: usize,
    packed: Vec<f32>,
    /// Of each dozen, the features up to the last that any of its rows has a weight for; at least one.
    met: Vec<usize>,
}

impl Weights {
    /// Packs rows of equal length.
    pub(super) fn new<'a>(features: usize, rows: impl IntoIterator<Item = ArrayView1<'a, f32>>) -> Self {
        let (mut count, mut packed) = (0, Vec::new());
        for row in rows {
            if count % ROWS == 0 {
                packed.resize(packed.len() + features * ROWS, 0.0);
            }
            let start = count / ROWS * features * ROWS + count % ROWS;
            row.iter().enumerate().for_each(|(feature, &weight)| packed[start + feature * ROWS] = weight);
            count += 1;
        }
        let met = |dozen: &[f32]| dozen.iter().rposition(|&weight| weight != 0.0).unwrap_or(0) / ROWS + 1;
        let met = packed.chunks(features * ROWS).map(met).collect();
        Self { rows: count, features, packed, met }
    }

    /// The rows of a matrix.
    pub(super) fn of(matrix: &Array2<f32>) -> Self {
        Self::new(matrix.ncols(), matrix.rows())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Multiplies groups of pixels, `[group][feature][WIDTH]`, and hands out the products of every group and row; rows come
    /// in turn. What lies `ahead` in memory comes to the cache meanwhile.
    pub(super) fn project(&self, panels: &[f32], ahead: &[u8], take: impl Take) {
        run(Project { weights: self, panels, ahead, take });
    }
}

/// What is done with products while they are in the cache.
pub(super) trait Take {
    /// Takes the products of a group of pixels and up to [`ROWS`] rows of weights, from the first of them on.
    fn take<S: Simd>(&mut self, simd: S, group: usize, first: usize, products: &[Row]);
}

impl<T: Take> Take for &mut T {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, group: usize, first: usize, products: &[Row]) {
        (**self).take(simd, group, first, products);
    }
}

struct Project<'a, F> {
    weights: &'a Weights,
    panels: &'a [f32],
    ahead: &'a [u8],
    take: F,
}

impl<F: Take> WithSimd for Project<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, features) = (self.weights.rows, self.weights.features);
        let mut products = [Products([[0.0; WIDTH]; ROWS]); TOGETHER];
        let groups = self.panels.len() / (features * WIDTH);
        let passes = |rows: usize| rows.div_ceil(tile_rows(rows));
        let of_dozen = |(dozen, met): (usize, &usize)| met * passes(ROWS.min(rows - dozen * ROWS));
        // At least: fewer groups at a time, and narrower registers, take more.
        let steps = self.weights.met.iter().enumerate().map(of_dozen).sum::<usize>() * groups / TOGETHER;
        let mut ahead = Ahead::<2>::of(self.ahead, steps);
        for (some, panels) in self.panels.chunks(TOGETHER * features * WIDTH).enumerate() {
            let groups = panels.len() / (features * WIDTH);
            let dozens = self.weights.packed.chunks_exact(features * ROWS).zip(&self.weights.met);
            for (first, (weights, met)) in (0..rows).step_by(ROWS).zip(dozens) {
                let wanted = ROWS.min(rows - first);
                for (segment, weights) in weights[..met * ROWS].chunks(SEGMENT * ROWS).enumerate() {
                    let of_segment = segment * SEGMENT * WIDTH..(segment * SEGMENT + weights.len() / ROWS) * WIDTH;
                    let of_group = |group: usize| &panels[group * features * WIDTH..][of_segment.clone()];
                    let is_first = segment == 0;
                    if S::F32_LANES == 16 && groups == TOGETHER && rows >= FEW {
                        let part = Part { weights, panels: [0, 1].map(of_group), is_first, wanted };
                        part.multiply_two(simd, &mut products, &mut ahead);
                    } else {
                        for (group, products) in products.chunks_exact_mut(1).enumerate().take(groups) {
                            let part = Part { weights, panels: [of_group(group); 2], is_first, wanted };
                            part.multiply_one(simd, products, &mut ahead);
                        }
                    }
                }
                for (group, products) in products.iter().enumerate().take(groups) {
                    self.take.take(simd, some * TOGETHER + group, first, &products.0[..wanted]);
                }
            }
        }
    }
}

/// Rows of a register tile over two groups, of which so many wanted ones take one or two.
const fn tile_rows(wanted: usize) -> usize {
    match wanted {
        11.. | 6 => 6,
        9.. | 5 => 5,
        _ => 4,
    }
}

/// A segment of the features of one or two groups and of a dozen rows, of which at least the first `wanted` are multiplied.
struct Part<'a> {
    weights: &'a [f32],
    /// The same twice where there is one.
    panels: [&'a [f32]; TOGETHER],
    is_first: bool,
    wanted: usize,
}

impl Part<'_> {
    /// Of two groups, in registers of sixteen.
    #[inline(always)]
    fn multiply_two<S: Simd>(self, simd: S, products: &mut [Products], ahead: &mut Ahead<2>) {
        match tile_rows(self.wanted) {
            6 => self.multiply::<S, 6, 2, 2>(simd, products, ahead),
            5 => self.multiply::<S, 5, 2, 2>(simd, products, ahead),
            _ => self.multiply::<S, 4, 2, 2>(simd, products, ahead),
        }
    }

    /// Of a single group.
    #[inline(always)]
    fn multiply_one<S: Simd>(self, simd: S, products: &mut [Products], ahead: &mut Ahead<2>) {
        match (S::F32_LANES, self.wanted) {
            (16, 11..) => self.multiply::<S, 12, 1, 2>(simd, products, ahead),
            (16, 5..) => self.multiply::<S, 10, 1, 2>(simd, products, ahead),
            (8, 5..) => self.multiply::<S, 6, 1, 2>(simd, products, ahead),
            (8 | 16, _) => self.multiply::<S, 4, 1, 2>(simd, products, ahead),
            _ => self.multiply::<S, 4, 1, 4>(simd, products, ahead),
        }
    }

    /// Adds the segment's sums to the products, in register tiles of `R` rows × `V` vectors of each of `G` groups.
    #[inline(always)]
    fn multiply<S: Simd, const R: usize, const G: usize, const V: usize>(
        self,
        simd: S,
        products: &mut [Products],
        ahead: &mut Ahead<2>,
    ) {
        let width = WIDTH / S::F32_LANES;
        let panels = self.panels.map(|panel| S::as_simd_f32s(panel).0);
        for row in (0..self.wanted).step_by(R) {
            for column in (0..width).step_by(V) {
                let mut lines = ahead.lines(panels[0].len() / width, self.weights);
                let mut sums = [[[simd.splat_f32s(0.0); V]; G]; R];
                let features = panels[0].chunks_exact(width).zip(panels[1].chunks_exact(width));
                for (weights, (one, other)) in self.weights.chunks_exact(ROWS).zip(features) {
                    lines.fetch();
                    let x: [[S::f32s; V]; G] = std::array::from_fn(|g| {
                        let of_group = if g == 0 { one } else { other };
                        std::array::from_fn(|v| of_group[column + v])
                    });
                    for (sums, &weight) in sums.iter_mut().zip(&weights[row..][..R]) {
                        let weight = simd.splat_f32s(weight);
                        for g in 0..G {
                            for v in 0..V {
                                sums[g][v] = simd.mul_add_e_f32s(weight, x[g][v], sums[g][v]);
                            }
                        }
                    }
                }
                // Counted, so that it is unrolled: of sums that are looked up, the loop above would keep none in registers.
                for (r, sums) in sums.iter().enumerate() {
                    for g in 0..G {
                        let totals = &mut S::as_mut_simd_f32s(&mut products[g].0[row + r]).0[column..][..V];
                        for v in 0..V {
                            totals[v] = if self.is_first { sums[g][v] } else { simd.add_f32s(totals[v], sums[g][v]) };
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds every product to the textbook.
    struct Check<'a> {
        matrix: &'a Array2<f32>,
        panels: &'a [f32],
        seen: [usize; 2],
    }

    impl Take for Check<'_> {
        fn take<S: Simd>(&mut self, _: S, group: usize, first: usize, products: &[Row]) {
            let (rows, features) = self.matrix.dim();
            assert_eq!(first, self.seen[group]);
            self.seen[group] += products.len();
            let panel = &self.panels[group * features * WIDTH..];
            for (row, products) in (first..).zip(products) {
                for (p, &product) in products.iter().enumerate() {
                    let exact: f32 = (0..features).map(|f| self.matrix[(row, f)] * panel[f * WIDTH + p]).sum();
                    assert_eq!(product, exact, "row {row} of {rows}, pixel {p}");
                }
            }
        }
    }

    #[test]
    fn products_are_those_of_the_textbook_for_any_number_of_rows() {
        let shapes = [(1, 1), (4, 7), (5, 20), (9, 3), (10, 8), (12, 50), (13, 50), (17, 9), (18, 100), (31, 285)];
        for (rows, features) in shapes {
            let weight = |r: usize, f: usize| ((r * 7 + f * 3) % 11) as f32 - 5.0;
            let whole = Array2::from_shape_fn((rows, features), |(r, f)| weight(r, f));
            let triangular = Array2::from_shape_fn((rows, features), |(r, f)| if f < r { weight(r, f) } else { 0.0 });
            let panels: Vec<f32> = (0..2 * features * WIDTH).map(|i| (i % 13) as f32 - 6.0).collect();
            for matrix in [whole, triangular] {
                let mut check = Check { matrix: &matrix, panels: &panels, seen: [0; 2] };
                let weights = Weights::of(&matrix);
                run(Project { weights: &weights, panels: &panels, ahead: &[], take: &mut check });
                assert_eq!(check.seen, [rows; 2]);
            }
        }
    }

    #[test]
    fn a_dozen_rows_meets_no_feature_after_its_last_weight() {
        let triangle = Array2::from_shape_fn((30, 40), |(r, f)| if f <= r { 0.5 } else { 0.0 });
        assert_eq!(Weights::of(&triangle).met, [12, 24, 30]);
        assert_eq!(Weights::of(&Array2::zeros((13, 40))).met, [1, 1]);
    }
}

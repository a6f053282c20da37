//! Products: what pixels are multiplied by, and in which space.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};

use super::narrow::Narrow;
use super::numeric::{LANES, divergences, divide, dots, largest, logarithms_of, norm, total_and_least};
use super::{Pixel, lanes};
use crate::error::{Error, Result};
use crate::simd::Aligned;
use crate::tile::Scaling;

/// Magnitudes that neither overflow nor lose digits to underflow when f32 multiplies and sums them.
const TAME: std::ops::Range<f64> = 1e-15..1e15;

/// The length that comes of a sum of squares may be smaller than the true one by this factor, and is by much less.
const SQUARE_ERROR: f64 = 1.001;

/// Kernels cut sums of products into segments of so many features, and add these: their rounding is a fifth of that of one
/// long sum. The shader's `SEGMENT`.
pub const SEGMENT: usize = 96;

/// What is made of a pixel's reflectances before they are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Nothing.
    Reflectance,
    /// The background's mean is subtracted.
    Deviation,
    /// The mean over the pixel's own bands is subtracted.
    Contrast,
    /// Shares of the pixel's mean x/x̄, then their logarithms: two features a band. A value at or below zero has none.
    Distribution,
}

impl Space {
    /// Number of features of a pixel of so many bands.
    #[must_use]
    pub fn features(self, bands: usize) -> usize {
        if self == Self::Distribution { 2 * bands } else { bands }
    }

    /// Whether features are the values of the bands, less a constant: nothing is left to do to a pixel.
    #[must_use]
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Reflectance | Self::Deviation)
    }

    /// A pixel of plain features whose squares, summed in f32, have this root; `None` when that does not tell enough of it,
    /// and [`Space::of`] must be asked.
    #[inline]
    #[must_use]
    pub fn of_length(self, length: f64, mean_length: f64) -> Option<Pixel<'static>> {
        let removed = if self == Self::Deviation { mean_length } else { 0.0 };
        let pixel = || Pixel::new(length, length * SQUARE_ERROR, removed, true);
        (self.is_plain() && TAME.contains(&length)).then(pixel)
    }

    /// A pixel of [`Space::Contrast`], given the mean of its values, what the squares of the others sum up to without it, and
    /// whether it has one value in all bands: then rounding is all that is left of it.
    #[must_use]
    pub(crate) fn of_contrast(mean: f64, square: f64, is_constant: bool, bands: usize) -> Option<Pixel<'static>> {
        let (length, removed) = (square.sqrt(), mean.abs() * (bands as f64).sqrt());
        let tame = TAME.contains(&length) && TAME.contains(&(length + removed));
        (!is_constant && length > 0.0 && length.is_finite()).then(|| Pixel::new(length, length, removed, tame))
    }

    /// Turns the values of a pixel, which lie in the first places of `row`, into its features, in place. `None` when the
    /// pixel has none in this space: it is no data there. Of [`Space::Deviation`] the mean is subtracted already.
    #[must_use]
    pub fn of(self, row: &mut [f64], bands: usize, mean_length: f64) -> Option<Pixel<'static>> {
        let (length, removed, tame) = match self {
            Self::Reflectance => {
                let length = norm(row);
                // 64-bit values that f32 cannot hold come here as zeros or infinities: no data.
                if length == 0.0 {
                    return None;
                }
                (length, 0.0, TAME.contains(&length))
            }
            Self::Deviation => {
                let length = norm(row);
                (length, mean_length, TAME.contains(&length))
            }
            Self::Contrast => {
                let mean = row.iter().sum::<f64>() / bands as f64;
                let is_constant = row.iter().all(|&v| v == row[0]);
                row.iter_mut().for_each(|v| *v -= mean);
                return Self::of_contrast(mean, dots(row, []).1, is_constant, bands);
            }
            Self::Distribution => {
                let (values, logarithms) = row.split_at_mut(bands);
                let (sum, least) = total_and_least(values);
                let (mean, tame) = (sum / bands as f64, TAME.contains(&sum) && least > TAME.start);
                // A share that is too small for f64 has no logarithm.
                if !(sum.is_finite() && least > 0.0 && least / mean > 0.0) {
                    return None;
                }
                divide(values, mean);
                logarithms_of(values, logarithms);
                return Some(Pixel::new(norm(values), largest(logarithms), 0.0, tame));
            }
        };
        length.is_finite().then(|| Pixel::new(length, length, removed, tame))
    }
}

/// What comes of a pixel and a target, in f64.
#[derive(Debug, Clone, Copy)]
pub struct Met {
    /// Features times exact weights; of [`Space::Distribution`] the divergence times the number of bands.
    pub product: f64,
    /// Length of the pixel's values.
    pub norm: f64,
}

impl Met {
    /// Of a method without targets.
    pub const NONE: Self = Self { product: f64::NAN, norm: f64::NAN };
}

/// Exact weights for the values that pixels come with.
#[derive(Debug, Clone, PartialEq)]
struct Adapted {
    /// A row a target, each padded with zeros to [`padded`] features.
    weights: Aligned<f64>,
    /// What offsets and shift amount to where the values are stored ones.
    bias: Vec<f64>,
}

/// Places of a row of features in f64: whole steps of [`dots`].
pub(crate) fn padded(features: usize) -> usize {
    features.next_multiple_of(LANES)
}

/// What a backend multiplies pixels by: plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The basis that it was made for.
    pub basis: &'static str,
    /// What pixels become first.
    pub space: Space,
    /// What features are multiplied by, of shape (targets, features): [`Product::exact`] rounded to f32.
    pub weights: Array2<f32>,
    /// The same in f64, for the scores that are reported.
    pub exact: Array2<f64>,
    /// What was subtracted from the weights of every target, one value a feature; empty for nothing. Products are smaller by
    /// the same amount for all targets, so it does not change their order, and they round by less.
    pub centre: Vec<f32>,
    /// What is subtracted in [`Space::Deviation`], one value a band; zeros otherwise.
    pub shift: Vec<f64>,
    /// From stored values to what [`Product::space`] begins with, less [`Product::shift`]. The scene's own, or none where
    /// brightness does not matter.
    pub scaling: Scaling,
    /// A number of each target that endings need.
    pub strength: Vec<f64>,
    /// Of [`Space::Distribution`], the largest of all targets: length of the weights of shares, sum of the magnitudes of
    /// those of logarithms, magnitude of the strength. Zeros otherwise.
    pub magnitudes: [f64; 3],
    /// Whether scores are computed from the stored values, as features that were rounded to f32 would not do: inverse
    /// covariances magnify rounding by the root of the condition number.
    pub precise: bool,
    /// The weights that pixels meet, made in [`Product::adapt`].
    adapted: Option<Adapted>,
    /// What bounds the products with many targets, where that is less work than they are.
    pub narrow: Option<Narrow>,
    /// Lower triangular, shape (bands, bands): the energy of a pixel is the squared length of this times its features.
    pub whitening: Option<Array2<f32>>,
}

impl Product {
    /// Of exact weights of shape (targets, features), in a space that subtracts nothing.
    pub(super) fn new(basis: &'static str, space: Space, exact: Array2<f64>, strength: Vec<f64>) -> Self {
        let exact = exact.as_standard_layout().into_owned();
        let bands = if space == Space::Distribution { exact.ncols() / 2 } else { exact.ncols() };
        let weights = exact.mapv(|w| w as f32);
        Self {
            basis,
            space,
            weights,
            exact,
            centre: Vec::new(),
            shift: vec![0.0; bands],
            scaling: Scaling::identity(bands),
            strength,
            magnitudes: [0.0; 3],
            precise: false,
            adapted: None,
            narrow: None,
            whitening: None,
        }
    }

    /// The same with the targets' mean subtracted from their weights.
    pub(super) fn centred(mut self) -> Self {
        let count = self.targets() as f64;
        self.centre = self.exact.columns().into_iter().map(|c| (c.sum() / count) as f32).collect();
        if self.targets() == 1 {
            // Nothing is left but what rounding took from the centre, 2e-9 of a cosine.
            self.weights.fill(0.0);
            return self;
        }
        for (mut weights, exact) in self.weights.rows_mut().into_iter().zip(self.exact.rows()) {
            let difference = exact.iter().zip(&self.centre).map(|(w, c)| (w - f64::from(*c)) as f32);
            weights.iter_mut().zip(difference).for_each(|(to, w)| *to = w);
        }
        self
    }

    /// The same with bounds, where there are enough targets.
    pub(super) fn narrowed(self) -> Self {
        Self { narrow: Narrow::new(&self.exact, &self.centre), ..self }
    }

    /// Number of targets.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.exact.nrows()
    }

    /// Number of features of a pixel.
    #[must_use]
    pub fn features(&self) -> usize {
        self.exact.ncols()
    }

    /// Number of bands in use.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.shift.len()
    }

    /// Rows that features are multiplied by: targets, then the whitening's.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.targets() + self.whitening.as_ref().map_or(0, Array2::nrows)
    }

    /// Makes ready for scenes of this scaling: a precise product gets weights for stored values.
    pub(crate) fn adapt(&mut self, scaling: &Scaling) {
        self.scaling = scaling.less(&self.shift);
        let (targets, row) = (self.targets(), padded(self.features()));
        let mut weights = Aligned::zeros(targets * row);
        let mut bias = vec![0.0; targets];
        let rows = weights.chunks_exact_mut(row.max(1));
        for ((exact, row), bias) in self.exact.rows().into_iter().zip(rows).zip(&mut bias) {
            row.iter_mut().zip(exact).for_each(|(to, w)| *to = *w);
            if self.precise {
                *bias = exact.iter().zip(&self.scaling.offset).map(|(w, offset)| w * offset).sum();
                row.iter_mut().zip(&scaling.gain).for_each(|(w, gain)| *w *= gain);
            }
        }
        self.adapted = Some(Adapted { weights, bias });
    }

    /// The f64 weights that a target has for a pixel's values; padded when the product was adapted.
    pub(crate) fn target(&self, target: usize) -> &[f64] {
        let features = self.features();
        match &self.adapted {
            Some(Adapted { weights, .. }) => &weights[target * padded(features)..][..padded(features)],
            None => &self.exact.as_slice().unwrap_or(&[])[target * features..][..features],
        }
    }

    /// Features of a pixel times a target's weights in f32, fused, one after the other in segments: what the CPU's kernel
    /// sums in its lanes, for those who have not the kernel's products. The same bits everywhere.
    #[inline(always)]
    pub(crate) fn chain<'a>(&self, mut features: impl Iterator<Item = &'a f32>, target: u32) -> f32 {
        let weights = self.weights.as_slice().unwrap_or(&[]);
        let weights = &weights[target as usize * self.features()..][..self.features()];
        let mut segment =
            |weights: &[f32]| weights.iter().zip(&mut features).fold(0.0, |sum: f32, (w, x)| w.mul_add(*x, sum));
        weights.chunks(SEGMENT).fold(0.0, |total, weights| total + segment(weights))
    }

    /// The same products as [`Product::chain`], in the order of sums in which a pixel meets few targets in f32.
    #[inline(always)]
    pub(crate) fn in_lanes<'a>(&self, features: impl Iterator<Item = &'a f32>, target: u32) -> f32 {
        let weights = self.weights.as_slice().unwrap_or(&[]);
        lanes::sum(features, &weights[target as usize * self.features()..][..self.features()])
    }

    /// What is added to the values times [`Product::target`].
    pub(crate) fn bias(&self, target: usize) -> f64 {
        self.adapted.as_ref().map_or(0.0, |a| a.bias[target])
    }

    /// What comes of a pixel and each of some targets.
    pub(crate) fn meet<const N: usize>(&self, pixel: &Pixel, targets: [u32; N]) -> [Met; N] {
        let weights = targets.map(|t| self.target(t as usize));
        let (products, square) = match self.space {
            Space::Distribution => {
                let values = &pixel.values[..self.features()];
                (divergences(values, weights), f64::NAN)
            }
            _ => dots(pixel.values, weights),
        };
        let norm = square.sqrt();
        std::array::from_fn(|i| {
            let bias = self.bias(targets[i] as usize);
            Met { product: products[i] + bias, norm }
        })
    }
}

/// Spectra of length 1; refuses those that have no length, for the reason given.
pub(super) fn unit(spectra: ArrayView2<f64>, reason: &str) -> Result<Array2<f64>> {
    let mut unit = spectra.to_owned();
    for (i, mut spectrum) in unit.rows_mut().into_iter().enumerate() {
        // Scaled first, so that no square overflows or vanishes.
        let largest = spectrum.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let length = largest * spectrum.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt();
        if !(length > 0.0 && length.is_finite()) {
            let what = format!("its spectrum has length {length} over the bands in use; {reason}");
            return Err(Error::refused(format!("target {}", i + 1), what));
        }
        spectrum /= length;
    }
    Ok(unit)
}

/// A product with the ending of a method.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The product.
    pub product: Arc<Product>,
    /// Two constants a target, for the ending.
    pub constants: Vec<[f32; 2]>,
    /// Largest first constant times length of a target's weights.
    reach: f64,
}

impl Prepared {
    /// A product with a method's constants.
    #[must_use]
    pub fn new(product: Arc<Product>, constants: &[[f64; 2]]) -> Self {
        let length = |row: ndarray::ArrayView1<f32>| row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
        let rows = product.weights.axis_iter(Axis(0)).zip(constants);
        let reach = rows.map(|(row, c)| c[0].abs() * length(row)).fold(0.0, f64::max);
        let constants = constants.iter().map(|c| c.map(|v| v as f32)).collect();
        Self { product, constants, reach }
    }

    /// Number of targets.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.product.targets()
    }

    /// Bound on the error of a product, times its constant, that is computed in f32 in segments, in any order.
    ///
    /// Every product errs by half a unit in the last place, so does every sum, and so do weights and features; by
    /// Cauchy-Schwarz Σ|x·w| is at most the product of the lengths (Higham 2002, Accuracy and Stability, section 3.1).
    /// What was subtracted to come to the features leaves errors of its own length.
    #[inline]
    #[must_use]
    pub fn product_error(&self, pixel: &Pixel) -> f64 {
        let sums = roundings(self.product.features()) * pixel.length;
        (sums + 8.0 * pixel.removed) * f64::from(f32::EPSILON / 2.0) * self.reach
    }
}

/// Half units in the last place by which a product of so many features errs, as [`Prepared::product_error`] counts them.
pub(super) fn roundings(features: usize) -> f64 {
    (features.min(SEGMENT) + features.div_ceil(SEGMENT) + 12) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shares_that_have_a_logarithm_are_a_distribution() {
        let of = |a: f64, b: f64| Space::Distribution.of(&mut [a, b, 0.0, 0.0], 2, 0.0);
        assert!(of(0.2, 0.6).is_some_and(|pixel| pixel.tame && (pixel.length - 2_f64.ln()).abs() < 1e-15));
        assert!(of(1e-300, 1.0).is_some_and(|pixel| !pixel.tame && pixel.length.is_finite()));
        for (a, b) in [(0.0, 1.0), (-0.1, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (5e-324, 1e300)] {
            assert!(of(a, b).is_none(), "{a} and {b}");
        }
    }
}

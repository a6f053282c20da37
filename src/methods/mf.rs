//! Matched filter (MF)
//!
//! Formula
//!   MF = (t − μ)ᵀ·Σ⁻¹·(x − μ) / (t − μ)ᵀ·Σ⁻¹·(t − μ), with the mean μ and the covariance Σ of the background (the whole
//!   scene unless --background says otherwise) in the bands in use.
//!
//! Range
//!   Any number; larger is more. 1 is the target itself, 0 the background's mean; in between it estimates the share of
//!   the pixel that the target fills.
//!
//! Conventions
//!   Abundance by default. --mf-scale sigma divides by √((t − μ)ᵀ·Σ⁻¹·(t − μ)) instead: the score then counts standard
//!   deviations of the background, and the same threshold means the same rarity for every target.
//!   Σ has the divisor n − 1 and is factorised in f64 (Cholesky). Where it is singular or nearly so, part of its diagonal
//!   is mixed in; how much is printed and recorded (--shrinkage).
//!   A pixel with no data, NaN or an infinite value in any band in use, or with zero in all, is no data.
//!   A pixel is given the target with the largest score when that is at least the target's threshold (default 0.1; 4
//!   with --mf-scale sigma). Margin = score of the best − score of the runner-up.
//!
//! Source
//!   Manolakis, D. & Shaw, G. (2002): Detection algorithms for hyperspectral imaging applications. IEEE Signal
//!   Processing Magazine 19 (1), 29-43. doi:10.1109/79.974724

use ndarray::ArrayView2;

use super::{Met, Method, Model, Naive, Needs, Pixel, Prepared, Product, filter, module_doc};
use crate::error::Result;
use crate::simd::wide;

/// The matched filter.
#[derive(Debug, Clone, Copy)]
pub struct MatchedFilter {
    /// Scores in standard deviations of the background instead of abundance.
    sigma: bool,
}

/// Target = 1, background mean = 0.
pub static ABUNDANCE: MatchedFilter = MatchedFilter { sigma: false };
/// Background standard deviation = 1, background mean = 0.
pub static SIGMA: MatchedFilter = MatchedFilter { sigma: true };

impl MatchedFilter {
    /// The product that is a score of 1.
    fn unit_of(&self, prepared: &Prepared, target: usize) -> f64 {
        if self.sigma { 1.0 } else { prepared.product.strength[target] }
    }
}

impl Method for MatchedFilter {
    fn word(&self) -> &'static str {
        "mf"
    }

    fn title(&self) -> &'static str {
        "matched filter"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("mf.rs"))
    }

    fn convention(&self) -> &'static str {
        if self.sigma {
            "matched filter, (t-mu)'S^-1(x-mu)/sqrt((t-mu)'S^-1(t-mu)), background deviations, mean = 0, larger is more \
             (Manolakis & Shaw 2002, --mf-scale sigma)"
        } else {
            "matched filter, (t-mu)'S^-1(x-mu)/((t-mu)'S^-1(t-mu)), target = 1, background mean = 0, larger is more \
             (Manolakis & Shaw 2002)"
        }
    }

    fn unit(&self) -> &'static str {
        if self.sigma { "sigma" } else { "" }
    }

    fn default_threshold(&self) -> f64 {
        if self.sigma { 4.0 } else { 0.1 }
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        -1e6..=1e6
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/mf.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], naive: &Naive) -> f64 {
        let (x, t) = (naive.centred(pixel), naive.centred(target));
        let scale = Naive::form(&t, naive.inverse_covariance, &t);
        Naive::form(&t, naive.inverse_covariance, &x) / if self.sigma { scale.sqrt() } else { scale }
    }

    fn needs(&self) -> Needs {
        Needs::Covariance
    }

    fn basis(&self) -> &'static str {
        filter::BASIS
    }

    fn product(&self, spectra: ArrayView2<f64>, model: Option<&Model>) -> Result<Product> {
        filter::product(spectra, model, false)
    }

    fn constants(&self, product: &Product) -> Vec<[f64; 2]> {
        product.strength.iter().map(|s| [if self.sigma { 1.0 } else { 1.0 / s }, 0.0]).collect()
    }

    fn key(&self, products: &mut [f32], constant: [f32; 2]) {
        products.iter_mut().for_each(|p| *p *= constant[0]);
    }

    fn scores_of_products(&self, prepared: &Prepared, target: usize, products: &[f64], scores: &mut [f64]) {
        let unit = self.unit_of(prepared, target);
        wide(
            (scores, products),
            #[inline(always)]
            |(scores, products)| scores.iter_mut().zip(products).for_each(|(score, product)| *score = product / unit),
        );
    }

    fn score(&self, prepared: &Prepared, _pixel: &Pixel, target: usize, met: Met) -> f64 {
        met.product / self.unit_of(prepared, target)
    }
}

//! Adaptive coherence/cosine estimator (ACE)
//!
//! Formula
//!   s = (t − μ)ᵀ·Σ⁻¹·(x − μ) / √((t − μ)ᵀ·Σ⁻¹·(t − μ) · (x − μ)ᵀ·Σ⁻¹·(x − μ)): the cosine of the angle between target and
//!   pixel in the space where the background is white. ACE = sign(s)·s².
//!
//! Range
//!   −1 to 1; larger is more alike.
//!
//! Conventions
//!   Signed: the plain square, which other tools give, also fires on pixels that are the target's opposite. --ace
//!   squared gives the plain square, 0 to 1.
//!   μ and Σ as for mf (alunite explain mf). A pixel equal to μ has score 0.
//!   A pixel with no data, NaN or an infinite value in any band in use, or with zero in all, is no data; so is one so far
//!   from the background that its distance leaves the range of f32.
//!   (x − μ)ᵀ·Σ⁻¹·(x − μ) is computed in f32 from whitened differences, so ACE may differ between devices in its sixth
//!   digit; ranks of targets do not.
//!   A pixel is given the target with the largest score when that is at least the target's threshold (default 0.1).
//!   Margin = score of the best − score of the runner-up.
//!
//! Source
//!   Kraut, S. & Scharf, L.L. (1999): The CFAR adaptive subspace detector is a scale-invariant GLRT. IEEE Trans. Signal
//!   Processing 47, 2538-2541. doi:10.1109/78.782198

use ndarray::ArrayView2;

use super::{Met, Method, Model, Naive, Needs, Pixel, Prepared, Product, filter, module_doc};
use crate::background::Best;
use crate::error::Result;

/// Adaptive coherence.
#[derive(Debug, Clone, Copy)]
pub struct Coherence {
    /// The plain square instead of the signed one.
    squared: bool,
}

/// sign(s)·s².
pub static SIGNED: Coherence = Coherence { squared: false };
/// s².
pub static SQUARED: Coherence = Coherence { squared: true };

impl Coherence {
    fn of(self, s: f64, square: f64) -> f64 {
        if self.squared { square } else { square.copysign(s) }
    }
}

impl Method for Coherence {
    fn word(&self) -> &'static str {
        "ace"
    }

    fn title(&self) -> &'static str {
        "adaptive coherence"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("ace.rs"))
    }

    fn convention(&self) -> &'static str {
        if self.squared {
            "adaptive coherence, s^2 with s = (t-mu)'S^-1(x-mu)/sqrt((t-mu)'S^-1(t-mu) (x-mu)'S^-1(x-mu)), 0 to 1, larger \
             is more alike (Kraut & Scharf 1999, --ace squared)"
        } else {
            "adaptive coherence, sign(s) s^2 with s = (t-mu)'S^-1(x-mu)/sqrt((t-mu)'S^-1(t-mu) (x-mu)'S^-1(x-mu)), -1 to \
             1, larger is more alike (Kraut & Scharf 1999, signed)"
        }
    }

    fn unit(&self) -> &'static str {
        ""
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        -1.0..=1.0
    }

    fn best(&self) -> Best {
        Best::Largest(1.0)
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/ace.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], naive: &Naive) -> f64 {
        let (x, t) = (naive.centred(pixel), naive.centred(target));
        let form = |a: &[f64], b: &[f64]| Naive::form(a, naive.inverse_covariance, b);
        let s = form(&t, &x) / (form(&t, &t) * form(&x, &x)).sqrt();
        if s.is_nan() { 0.0 } else { self.of(s, s * s) }
    }

    fn needs(&self) -> Needs {
        Needs::Covariance
    }

    fn whitens(&self) -> bool {
        true
    }

    fn basis(&self) -> &'static str {
        filter::BASIS
    }

    fn product(&self, spectra: ArrayView2<f64>, model: Option<&Model>) -> Result<Product> {
        filter::product(spectra, model, true)
    }

    /// The second constant tells the ending to rank on the magnitude.
    fn constants(&self, product: &Product) -> Vec<[f64; 2]> {
        vec![[1.0, f64::from(u8::from(self.squared))]; product.targets()]
    }

    fn key(&self, products: &mut [f32], _constant: [f32; 2]) {
        if self.squared {
            products.iter_mut().for_each(|p| *p = p.abs());
        }
    }

    fn score(&self, _prepared: &Prepared, pixel: &Pixel, _target: usize, met: Met) -> f64 {
        let s = met.product;
        if pixel.energy > 0.0 { self.of(s, (s * s / pixel.energy).min(1.0)) } else { 0.0 }
    }
}

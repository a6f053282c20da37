//! Anomaly after Reed and Xiaoli (RX)
//!
//! Formula
//!   RX = (x − μ)ᵀ·Σ⁻¹·(x − μ): the squared Mahalanobis distance of a pixel from the background.
//!
//! Range
//!   0 and above; larger is stranger. Its mean over the background is about the number of bands in use.
//!
//! Conventions
//!   Needs no library and gives no classes, only scores. μ and Σ as for mf (alunite explain mf).
//!   Computed in f32 from whitened differences: it may differ between devices in its sixth digit.
//!   A pixel with no data, NaN or an infinite value in any band in use, or with zero in all, is no data; so is one so far
//!   from the background that its distance leaves the range of f32.
//!
//! Source
//!   Reed, I.S. & Yu, X. (1990): Adaptive multiple-band CFAR detection of an optical pattern with unknown spectral
//!   distribution. IEEE Trans. Acoustics, Speech, and Signal Processing 38, 1760-1770. doi:10.1109/29.60107

use ndarray::ArrayView2;

use super::{Met, Method, Model, Naive, Needs, Pixel, Prepared, Product, filter, module_doc};
use crate::error::Result;

/// Anomaly.
#[derive(Debug, Clone, Copy)]
pub struct Anomaly;

impl Method for Anomaly {
    fn word(&self) -> &'static str {
        "rx"
    }

    fn title(&self) -> &'static str {
        "RX anomaly"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("rx.rs"))
    }

    fn convention(&self) -> &'static str {
        "RX anomaly, (x-mu)'S^-1(x-mu), squared Mahalanobis distance, larger is stranger (Reed & Yu 1990)"
    }

    fn unit(&self) -> &'static str {
        ""
    }

    fn default_threshold(&self) -> f64 {
        f64::INFINITY
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        0.0..=f64::INFINITY
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/rx.wgsl")
    }

    fn reference(&self, pixel: &[f64], _target: &[f64], naive: &Naive) -> f64 {
        let x = naive.centred(pixel);
        Naive::form(&x, naive.inverse_covariance, &x)
    }

    fn has_targets(&self) -> bool {
        false
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

    fn score(&self, _prepared: &Prepared, pixel: &Pixel, _target: usize, _met: Met) -> f64 {
        pixel.energy
    }
}

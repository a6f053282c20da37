//! Spectral correlation mapper (SCM)
//!
//! Formula
//!   r = Pearson's correlation of a pixel's spectrum x and a target's spectrum t over the bands in use:
//!   r = Σ (x − x̄)·(t − t̄) / √(Σ (x − x̄)² · Σ (t − t̄)²), with the means x̄ and t̄ of each spectrum over its own bands.
//!
//! Range
//!   −1 to 1; larger is more alike.
//!
//! Conventions
//!   The cosine of the spectral angle of mean-centred spectra: neither brightness nor a constant offset (haze) matters.
//!   A pixel whose spectrum is constant has no correlation and is no data, as is one with no data, NaN or an infinite
//!   value in any band in use, or with zero in all.
//!   A pixel is given the target with the largest r when that is at least the target's threshold (default 0.95).
//!   Margin = r of the best − r of the runner-up.
//!
//! Source
//!   de Carvalho, O.A. & Meneses, P.R. (2000): Spectral correlation mapper (SCM): an improvement on the spectral angle
//!   mapper (SAM). Summaries of the 9th JPL Airborne Earth Science Workshop, JPL Publication 00-18.

use ndarray::ArrayView2;

use super::{Met, Method, Model, Naive, Pixel, Prepared, Product, Space, module_doc, product};
use crate::background::Best;
use crate::error::Result;

/// The spectral correlation.
#[derive(Debug, Clone, Copy)]
pub struct Correlation;

/// A contrast below this share of a spectrum's mean is rounding.
const FLAT: f64 = 1e-12;

impl Method for Correlation {
    fn word(&self) -> &'static str {
        "scm"
    }

    fn title(&self) -> &'static str {
        "spectral correlation"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("scm.rs"))
    }

    fn convention(&self) -> &'static str {
        "spectral correlation, Pearson's r of x and t over the bands, -1 to 1, larger is more alike (de Carvalho & Meneses \
         2000)"
    }

    fn unit(&self) -> &'static str {
        ""
    }

    fn default_threshold(&self) -> f64 {
        0.95
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        -1.0..=1.0
    }

    fn ignores_brightness(&self) -> bool {
        true
    }

    fn best(&self) -> Best {
        Best::Largest(1.0)
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/scm.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], _naive: &Naive) -> f64 {
        let contrast = |v: &[f64]| {
            let mean = v.iter().sum::<f64>() / v.len() as f64;
            v.iter().map(|a| a - mean).collect::<Vec<f64>>()
        };
        let (x, t) = (contrast(pixel), contrast(target));
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        sum(&x, &t) / (sum(&x, &x) * sum(&t, &t)).sqrt()
    }

    fn product(&self, spectra: ArrayView2<f64>, _model: Option<&Model>) -> Result<Product> {
        let mut contrast = spectra.to_owned();
        for mut spectrum in contrast.rows_mut() {
            let mean = spectrum.mean().unwrap_or(0.0);
            spectrum -= mean;
            if spectrum.iter().all(|v| v.abs() <= FLAT * mean.abs()) {
                spectrum.fill(0.0);
            }
        }
        let unit = product::unit(contrast.view(), "a constant spectrum correlates with nothing")?;
        Ok(Product::new(self.basis(), Space::Contrast, unit, vec![]).narrowed())
    }

    fn is_keyed(&self) -> bool {
        true
    }

    fn scores_of_keys(&self, keys: &[f32], _bases: &[f64], norms: &[f64], scores: &mut [f64]) {
        let pixels = scores.iter_mut().zip(keys).zip(norms);
        pixels.for_each(|((score, &key), norm)| *score = (f64::from(key) / norm).clamp(-1.0, 1.0));
    }

    fn score(&self, _prepared: &Prepared, _pixel: &Pixel, _target: usize, met: Met) -> f64 {
        (met.product / met.norm).clamp(-1.0, 1.0)
    }
}

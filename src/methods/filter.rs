//! The background filter: the product that matched filter, coherence and anomaly share.
//!
//! Weights are Σ⁻¹·(t − μ) / √((t − μ)ᵀ·Σ⁻¹·(t − μ)), so a product with x − μ has unit variance over the background.

use ndarray::{Array2, ArrayView2};

use super::Model;
use super::product::{Product, Space};
use crate::error::{Error, Result};

pub(super) const BASIS: &str = "filter";

/// A target nearer to the background's mean, in its standard deviations, cannot be told from it.
const NEAREST: f64 = 1e-3;

/// The product; `strength` is √((t − μ)ᵀ·Σ⁻¹·(t − μ)), the target's distance from the background in deviations.
pub(super) fn product(spectra: ArrayView2<f64>, model: Option<&Model>, whitens: bool) -> Result<Product> {
    let (mean, factor) = match model {
        Some(Model { mean, covariance: Some(factor), .. }) => (mean, factor),
        _ => {
            return Err(Error::failed(
                "background",
                "the method needs the covariance of the scene, which was not made",
            ));
        }
    };
    let mut exact = Array2::zeros(spectra.dim());
    let mut strength = Vec::with_capacity(spectra.nrows());
    for (i, (target, mut row)) in spectra.rows().into_iter().zip(exact.rows_mut()).enumerate() {
        let deviation: Vec<f64> = target.iter().zip(mean).map(|(t, m)| t - m).collect();
        let solved = factor.solve(&deviation);
        let distance = solved.iter().zip(&deviation).map(|(a, b)| a * b).sum::<f64>().sqrt();
        if !(distance > NEAREST && distance.is_finite()) {
            let what = format!(
                "its spectrum is {distance:.1e} background deviations from the background's mean; no filter can look for \
                 what the background is"
            );
            return Err(Error::refused(format!("target {}", i + 1), what).hint("leave it out of --targets"));
        }
        row.iter_mut().zip(solved).for_each(|(w, s)| *w = s / distance);
        strength.push(distance);
    }
    let mut product = Product::new(BASIS, Space::Deviation, exact, strength);
    product.shift.clone_from(mean);
    product.precise = true;
    product.whitening = whitens.then(|| factor.whitening().mapv(|w| w as f32));
    Ok(product)
}

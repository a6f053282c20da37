//! Spectral information divergence (SID)
//!
//! Formula
//!   With p = x/Σx and q = t/Σt over the bands in use: SID = Σ p·ln(p/q) + Σ q·ln(q/p) = Σ (p − q)·(ln p − ln q).
//!
//! Range
//!   0 and above; smaller is more alike. Natural logarithm.
//!
//! Conventions
//!   Needs positive values: a pixel with a value at or below zero in a band in use is no data for SID (the report counts
//!   them with the other pixels without data); no small number is put in its place. A target with such a value is
//!   refused.
//!   A pixel with no data, NaN or an infinite value in any band in use is no data.
//!   A pixel is given the target with the smallest divergence when that is at most the target's threshold (default 0.02).
//!   Margin = divergence of the runner-up − divergence of the best.
//!
//! Source
//!   Chang, C.-I. (2000): An information-theoretic approach to spectral variability, similarity, and discrimination for
//!   hyperspectral image analysis. IEEE Trans. Information Theory 46, 1927-1932. doi:10.1109/18.857802

use ndarray::{Array2, ArrayView2, Axis};

use super::product::roundings;
use super::{Met, Method, Model, Naive, Pixel, Prepared, Product, Space, module_doc};
use crate::background::Best;
use crate::error::{Error, Result};

/// The spectral information divergence.
#[derive(Debug, Clone, Copy)]
pub struct Divergence;

impl Method for Divergence {
    fn word(&self) -> &'static str {
        "sid"
    }

    fn title(&self) -> &'static str {
        "spectral information divergence"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("sid.rs"))
    }

    fn convention(&self) -> &'static str {
        "spectral information divergence, sum p ln(p/q) + sum q ln(q/p) with p = x/sum x, q = t/sum t, natural logarithm, \
         smaller is more alike (Chang 2000)"
    }

    fn unit(&self) -> &'static str {
        ""
    }

    fn default_threshold(&self) -> f64 {
        0.02
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        0.0..=1e6
    }

    fn ignores_brightness(&self) -> bool {
        true
    }

    fn best(&self) -> Best {
        Best::Smallest(0.0)
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/sid.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], _naive: &Naive) -> f64 {
        let shares = |v: &[f64]| v.iter().map(|a| a / v.iter().sum::<f64>()).collect::<Vec<f64>>();
        shares(pixel).iter().zip(shares(target)).map(|(p, q)| p * (p / q).ln() + q * (q / p).ln()).sum()
    }

    /// With shares of the mean, n·p and n·q of n bands, whose logarithms are small: weights are ln n·q for n·p and n·q for
    /// ln n·p. The key is n·p·ln n·q + n·q·ln n·p − Σ n·q·ln n·q, which is −n·SID but for Σ n·p·ln n·p, the same for all
    /// targets. So is the mean of their weights, most of what they are, and it is left out.
    fn product(&self, spectra: ArrayView2<f64>, _model: Option<&Model>) -> Result<Product> {
        let (targets, bands) = spectra.dim();
        let mut exact = Array2::zeros((targets, 2 * bands));
        let mut strength = Vec::with_capacity(targets);
        for (i, (target, mut row)) in spectra.rows().into_iter().zip(exact.rows_mut()).enumerate() {
            if let Some(band) = target.iter().position(|v| !(*v > 0.0 && v.is_finite())) {
                let what = format!(
                    "its spectrum is {} in band {} of those in use; a divergence needs values above 0",
                    target[band],
                    band + 1
                );
                return Err(Error::refused(format!("target {}", i + 1), what).hint("leave it out of --targets"));
            }
            let mean = target.sum() / bands as f64;
            let q = target.mapv(|v| v / mean);
            strength.push(q.iter().map(|q| q * q.ln()).sum());
            for band in 0..bands {
                (row[band], row[bands + band]) = (q[band].ln(), q[band]);
            }
        }
        let mut product = Product::new(self.basis(), Space::Distribution, exact, strength).centred();
        for row in product.weights.rows() {
            let (of_shares, of_logarithms) = row.split_at(Axis(0), bands);
            let length = of_shares.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
            let sum = of_logarithms.iter().map(|&w| f64::from(w).abs()).sum::<f64>();
            let [lengths, sums, _] = product.magnitudes;
            product.magnitudes = [length.max(lengths), sum.max(sums), 0.0];
        }
        product.magnitudes[2] = product.strength.iter().fold(0.0, |most, s| s.abs().max(most));
        Ok(product)
    }

    fn constants(&self, product: &Product) -> Vec<[f64; 2]> {
        product.strength.iter().map(|entropy| [1.0, -entropy]).collect()
    }

    fn key(&self, products: &mut [f32], constant: [f32; 2]) {
        products.iter_mut().for_each(|p| *p += constant[1]);
    }

    /// Of shares p with weights v and their logarithms with weights w, Σ|p·v| is at most ‖p‖·‖v‖, and Σ|w·ln p| the largest
    /// |ln p| times Σ|w|; the product errs by its roundings of that. On a device the sum of a pixel is one long one, whose
    /// error all shares have in common, and WGSL allows a logarithm three units in the last place.
    fn key_error(&self, prepared: &Prepared, pixel: &Pixel) -> f64 {
        let product = &prepared.product;
        let [of_shares, of_logarithms, constant] = product.magnitudes;
        let of_shares = of_shares * pixel.norm;
        let products = of_shares + of_logarithms * (pixel.length + 1.0);
        let own = (roundings(product.features()) + 8.0) * products;
        (own + product.bands() as f64 * of_shares + 4.0 * constant) * f64::from(f32::EPSILON / 2.0)
    }

    fn score(&self, prepared: &Prepared, _pixel: &Pixel, _target: usize, met: Met) -> f64 {
        (met.product / prepared.product.bands() as f64).max(0.0)
    }

    fn better(&self, a: f64, b: f64) -> bool {
        a < b
    }
}

//! Spectral angle mapping (SAM)
//!
//! Formula
//!   θ = angle between a pixel's spectrum x and a target's spectrum t, over the bands in use:
//!   u = x/‖x‖, v = t/‖t‖, θ = 2·atan2(‖u − v‖, ‖u + v‖), which equals acos(u·v) and stays exact for small angles.
//!
//! Range
//!   0 to π radians; smaller is more similar. Reflectance has no negative values, or few: angles above π/2 are rare.
//!
//! Conventions
//!   The angle does not see brightness: x and 2x have the same angle, so shade and slope matter little, and a dark
//!   pixel whose spectrum is noise may have any angle.
//!   A pixel of length zero, or with no data, NaN or an infinite value in any band in use, is no data.
//!   Targets are ranked in f32 on the cosine; where rounding could confuse the best two with others, angles computed in
//!   f64 decide. Written angles come from the cosine, summed in f32 to eight digits, and below 0.032 rad from the chord in
//!   f64: within 2e-6 rad of the formula.
//!   A pixel is given its best target when the angle is at most the target's threshold (default 0.1 rad).
//!   Margin = angle of the runner-up − angle of the best. Equal angles go to the target that was named first.
//!
//! Source
//!   Kruse, F.A. et al. (1993): The spectral image processing system (SIPS) - interactive visualization and analysis of
//!   imaging spectrometer data. Remote Sensing of Environment 44, 145-163. doi:10.1016/0034-4257(93)90013-N
//!   Half-angle form: Kahan, W. (2006): How futile are mindless assessments of roundoff in floating-point computation?

use ndarray::ArrayView2;

use super::numeric::{acos, asin, chord};
use super::{Met, Method, Model, Naive, Pixel, Prepared, Product, Space, module_doc};
use crate::background::Best;
use crate::error::Result;
use crate::simd::wide;

/// The spectral angle.
#[derive(Debug, Clone, Copy)]
pub struct SpectralAngle;

/// Above this cosine (angles below 0.045 rad) `acos` loses digits that the half-angle form keeps.
const HALF_ANGLE_COSINE: f64 = 0.999;

/// Above this cosine (angles below 0.032 rad) a cosine that is good to 3e-8 tells too little of an angle.
const KEY_COSINE: f64 = 0.9995;

impl Method for SpectralAngle {
    fn word(&self) -> &'static str {
        "sam"
    }

    fn title(&self) -> &'static str {
        "spectral angle"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("sam.rs"))
    }

    fn convention(&self) -> &'static str {
        "spectral angle, 2*atan2(|x/|x|-t/|t||, |x/|x|+t/|t||), radians, smaller is better (Kruse et al. 1993)"
    }

    fn unit(&self) -> &'static str {
        "rad"
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        0.0..=std::f64::consts::PI
    }

    fn ignores_brightness(&self) -> bool {
        true
    }

    fn best(&self) -> Best {
        Best::Smallest(0.0)
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/sam.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], _naive: &Naive) -> f64 {
        let length = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
        let (x, t) = (length(pixel), length(target));
        let (minus, plus): (Vec<f64>, Vec<f64>) =
            pixel.iter().zip(target).map(|(a, b)| (a / x - b / t, a / x + b / t)).unzip();
        2.0 * length(&minus).atan2(length(&plus))
    }

    /// The product with a unit target is the cosine times the pixel's length, which is the same for all targets.
    fn product(&self, spectra: ArrayView2<f64>, _model: Option<&Model>) -> Result<Product> {
        let unit = super::product::unit(spectra, "an angle needs a finite length above 0")?;
        Ok(Product::new(self.basis(), Space::Reflectance, unit, vec![]).centred().narrowed())
    }

    fn is_keyed(&self) -> bool {
        true
    }

    fn scores_of_keys(&self, keys: &[f32], bases: &[f64], norms: &[f64], scores: &mut [f64]) {
        wide(
            scores,
            #[inline(always)]
            |scores| {
                for (((score, &key), base), norm) in scores.iter_mut().zip(keys).zip(bases).zip(norms) {
                    let cosine = (f64::from(key) + base) / norm;
                    *score = if cosine.abs() < KEY_COSINE { acos(cosine) } else { f64::NAN };
                }
            },
        );
    }

    /// By the chord, which keeps the digits of small angles; of angles near π by the chord to the opposite spectrum. That the
    /// norm is f32's changes a chord by its relative error only.
    fn score_untold(&self, prepared: &Prepared, pixel: &Pixel, target: usize) -> f64 {
        let half_chord =
            |sign: f64| chord(pixel.values, sign / pixel.norm, prepared.product.target(target)).sqrt() / 2.0;
        match half_chord(1.0) {
            sine if sine <= 0.5 => 2.0 * asin(sine),
            _ => std::f64::consts::PI - 2.0 * asin(half_chord(-1.0)),
        }
    }

    fn score(&self, prepared: &Prepared, pixel: &Pixel, target: usize, met: Met) -> f64 {
        let cosine = met.product / met.norm;
        if cosine.abs() < HALF_ANGLE_COSINE {
            return acos(cosine);
        }
        self.score_untold(prepared, &Pixel { norm: met.norm, ..*pixel }, target)
    }

    fn better(&self, a: f64, b: f64) -> bool {
        a < b
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array2, array};

    use super::*;

    fn angle(pixel: &[f64], target: &[f64]) -> f64 {
        let none = Array2::zeros((0, 0));
        SpectralAngle.reference(
            pixel,
            target,
            &Naive { mean: &[], inverse_covariance: &none, inverse_correlation: &none },
        )
    }

    #[test]
    fn the_reference_is_the_angle() {
        let right = std::f64::consts::FRAC_PI_2;
        assert!((angle(&[1.0, 0.0], &[0.0, 3.0]) - right).abs() < 1e-15);
        assert!((angle(&[1.0, 1.0], &[-2.0, -2.0]) - 2.0 * right).abs() < 1e-15);
        assert!((angle(&[1.0, 1e-9], &[5.0, 0.0]) - 1e-9).abs() < 1e-18);
    }

    #[test]
    fn score_equals_the_reference_at_every_angle() {
        for step in 0..=60 {
            let angle = if step == 0 { 0.0 } else { std::f64::consts::PI * 0.7_f64.powi(60 - step) };
            let mut row = vec![3.0 * angle.cos(), 3.0 * angle.sin()];
            let product = SpectralAngle.product(array![[0.4, 0.0]].view(), None).unwrap();
            let prepared = Prepared::new(Arc::new(product), &[[1.0, 0.0]]);
            let exact = self::angle(&row, &[0.4, 0.0]);
            let pixel = Space::Reflectance.of(&mut row, 2, 0.0).unwrap();
            let pixel = Pixel { values: &row, ..pixel };
            let [met] = prepared.product.meet(&pixel, [0]);
            let score = SpectralAngle.score(&prepared, &pixel, 0, met);
            assert!((score - exact).abs() <= 1e-14, "{score} for {exact}");
        }
    }

    #[test]
    fn a_target_without_length_is_refused() {
        for bad in [array![[0.1, 0.2], [0.0, 0.0]], array![[0.1, 0.2], [f64::NAN, 1.0]]] {
            assert!(SpectralAngle.product(bad.view(), None).is_err());
        }
    }
}

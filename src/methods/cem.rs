//! Constrained energy minimisation (CEM)
//!
//! Formula
//!   CEM = tᵀ·R⁻¹·x / tᵀ·R⁻¹·t, with the correlation matrix R = E[x·xᵀ] of the background (the whole scene unless
//!   --background says otherwise) in the bands in use.
//!
//! Range
//!   Any number; larger is more. 1 is the target itself.
//!
//! Conventions
//!   No mean is removed; the background as a whole is what the filter holds down. R is factorised in f64, and shrunk
//!   where it is singular or nearly so, as for mf (alunite explain mf).
//!   A pixel with no data, NaN or an infinite value in any band in use, or with zero in all, is no data.
//!   A pixel is given the target with the largest score when that is at least the target's threshold (default 0.1).
//!   Margin = score of the best − score of the runner-up.
//!
//! Source
//!   Farrand, W.H. & Harsanyi, J.C. (1997): Mapping the distribution of mine tailings in the Coeur d'Alene River Valley,
//!   Idaho, through the use of a constrained energy minimization technique. Remote Sensing of Environment 59, 64-76.
//!   doi:10.1016/S0034-4257(96)00080-6

use ndarray::{Array2, ArrayView2};

use super::{Met, Method, Model, Naive, Needs, Pixel, Prepared, Product, Space, module_doc};
use crate::error::{Error, Result};

/// Constrained energy minimisation.
#[derive(Debug, Clone, Copy)]
pub struct EnergyMinimisation;

impl Method for EnergyMinimisation {
    fn word(&self) -> &'static str {
        "cem"
    }

    fn title(&self) -> &'static str {
        "constrained energy minimisation"
    }

    fn doc(&self) -> String {
        module_doc(include_str!("cem.rs"))
    }

    fn convention(&self) -> &'static str {
        "constrained energy minimisation, t'R^-1 x/(t'R^-1 t) with R = E[x x'], no mean removed, target = 1, larger is more \
         (Farrand & Harsanyi 1997)"
    }

    fn unit(&self) -> &'static str {
        ""
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn threshold_range(&self) -> std::ops::RangeInclusive<f64> {
        -1e6..=1e6
    }

    fn shader(&self) -> &'static str {
        include_str!("../../shaders/cem.wgsl")
    }

    fn reference(&self, pixel: &[f64], target: &[f64], naive: &Naive) -> f64 {
        let form = |b: &[f64]| Naive::form(target, naive.inverse_correlation, b);
        form(pixel) / form(target)
    }

    fn needs(&self) -> Needs {
        Needs::Correlation
    }

    fn product(&self, spectra: ArrayView2<f64>, model: Option<&Model>) -> Result<Product> {
        let factor = model.and_then(|m| m.correlation.as_ref()).ok_or_else(|| {
            Error::failed("background", "the method needs the correlation matrix of the scene, which was not made")
        })?;
        let mut exact = Array2::zeros(spectra.dim());
        for (i, (target, mut row)) in spectra.rows().into_iter().zip(exact.rows_mut()).enumerate() {
            let solved = factor.solve(&target.to_vec());
            let energy: f64 = solved.iter().zip(target).map(|(a, b)| a * b).sum();
            if !(energy > 0.0 && energy.is_finite()) {
                let what =
                    format!("its spectrum has energy {energy} over the bands in use; a filter needs one above 0");
                return Err(Error::refused(format!("target {}", i + 1), what).hint("leave it out of --targets"));
            }
            row.iter_mut().zip(solved).for_each(|(w, s)| *w = s / energy);
        }
        let mut product = Product::new(self.basis(), Space::Reflectance, exact, vec![]);
        product.precise = true;
        Ok(product)
    }

    fn score(&self, _prepared: &Prepared, _pixel: &Pixel, _target: usize, met: Met) -> f64 {
        met.product
    }
}

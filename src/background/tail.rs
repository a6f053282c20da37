//! The generalised Pareto distribution: what the exceedances of a high threshold follow, whatever the distribution.
//!
//! Pickands, J. (1975): Statistical inference using extreme order statistics. Ann. Statist. 3, 119-131. Fitted by
//! probability-weighted moments (Hosking, J.R.M. & Wallis, J.R. (1987): Parameter and quantile estimation for the
//! generalized Pareto distribution. Technometrics 29, 339-349), which need no iteration and do well in small samples.

use serde::Serialize;

/// A generalised Pareto distribution of exceedances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pareto {
    /// In the unit of the exceedances, above 0.
    pub scale: f64,
    /// Above 0 the tail is that of a power; at 0 it is exponential; below it ends at −scale/shape.
    pub shape: f64,
}

/// Shapes that are believed. Moments exist below 0.5, and tails that end as abruptly as at −0.5 are those of bounded scores.
const SHAPES: std::ops::RangeInclusive<f64> = -0.5..=0.5;

/// A shape this close to zero is zero: the formulas of other shapes lose their digits.
const EXPONENTIAL: f64 = 1e-9;

impl Pareto {
    /// Fits exceedances, none negative, in rising order. Nothing when they are all zero.
    #[must_use]
    pub fn fit(exceedances: &[f64]) -> Option<Self> {
        let (n, largest) = (exceedances.len() as f64, *exceedances.last()?);
        let mean = exceedances.iter().sum::<f64>() / n;
        let weighted = |(i, x): (usize, &f64)| (1.0 - (i as f64 + 1.0 - 0.35) / n) * x;
        let moment = exceedances.iter().enumerate().map(weighted).sum::<f64>() / n;
        if !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        // Hosking and Wallis write k for −shape.
        let mut shape = (2.0 - mean / (mean - 2.0 * moment)).clamp(*SHAPES.start(), *SHAPES.end());
        if shape.is_nan() {
            shape = *SHAPES.end();
        }
        // The mean stays where it is, whatever the shape is limited to.
        let scale = mean * (1.0 - shape);
        // Moments may put the end below the largest exceedance, which was seen (Dupuis & Tsao 1998).
        let least = -scale / (largest * (1.0 + 1.0 / n));
        Some(Self { scale, shape: shape.max(least) })
    }

    /// The share of exceedances above `x`.
    #[must_use]
    pub fn survival(&self, x: f64) -> f64 {
        let z = x.max(0.0) / self.scale;
        match self.shape {
            shape if shape.abs() < EXPONENTIAL => libm::exp(-z),
            shape if 1.0 + shape * z <= 0.0 => 0.0,
            shape => libm::exp(-libm::log1p(shape * z) / shape),
        }
    }

    /// What this share of exceedances lies above.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let log = -libm::log(share);
        match self.shape {
            shape if shape.abs() < EXPONENTIAL => self.scale * log,
            shape => self.scale * libm::expm1(shape * log) / shape,
        }
    }

    /// Anderson and Darling's statistic of the exceedances, in rising order, against the distribution: it weighs the tail.
    #[must_use]
    pub fn anderson_darling(&self, exceedances: &[f64]) -> f64 {
        let n = exceedances.len();
        let above: Vec<f64> = exceedances.iter().map(|&x| self.survival(x).clamp(1e-15, 1.0 - 1e-15)).collect();
        let term = |i: usize| (2 * i + 1) as f64 * (libm::log1p(-above[i]) + libm::log(above[n - 1 - i]));
        -(n as f64) - (0..n).map(term).sum::<f64>() / n as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        anderson_darling: std::collections::BTreeMap<String, f64>,
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        shape: f64,
        scale: f64,
        exceedances: Vec<f64>,
        moments: [f64; 2],
        likelihood: [f64; 2],
        anderson_darling: f64,
        at: Vec<f64>,
        survival: Vec<f64>,
        shares: Vec<f64>,
        quantiles: Vec<f64>,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/tails.json")).unwrap()
    }

    fn close(a: f64, b: f64, relative: f64) -> bool {
        (a - b).abs() <= relative * b.abs()
    }

    #[test]
    fn moments_are_those_of_numpy_and_near_the_likelihood_of_scipy() {
        for case in golden().cases {
            let fit = Pareto::fit(&case.exceedances).unwrap();
            let [shape, scale] = case.moments;
            assert!((fit.shape - shape).abs() < 1e-9 && close(fit.scale, scale, 1e-9), "{fit:?} {:?}", case.moments);
            // Two estimators of 400 exceedances: their difference is a part of their deviations, 0.05 to 0.07.
            let [shape, scale] = case.likelihood;
            assert!((fit.shape - shape).abs() < 0.1 && close(fit.scale, scale, 0.1), "{fit:?} {:?}", case.likelihood);
            let statistic = fit.anderson_darling(&case.exceedances);
            assert!(close(statistic, case.anderson_darling, 1e-6), "{statistic} {}", case.anderson_darling);
        }
    }

    #[test]
    fn shares_and_quantiles_are_those_of_scipy() {
        for case in golden().cases {
            let pareto = Pareto { scale: case.scale, shape: case.shape };
            for (&x, &share) in case.at.iter().zip(&case.survival) {
                assert!(close(pareto.survival(x), share, 1e-12), "{pareto:?} at {x}");
            }
            for (&share, &quantile) in case.shares.iter().zip(&case.quantiles) {
                assert!(close(pareto.quantile(share), quantile, 1e-12), "{pareto:?} of {share}");
                assert!(close(pareto.survival(quantile), share, 1e-9), "{pareto:?} of {share}");
            }
        }
    }

    /// The limit of the curve is the 99 % point of samples that do follow the distribution, by simulation.
    #[test]
    fn the_limit_of_a_poor_fit_is_that_of_the_simulation() {
        for (shape, point) in golden().anderson_darling {
            assert!((crate::background::curve::POOR - point).abs() < 0.06, "shape {shape}: {point}");
        }
    }

    #[test]
    fn what_was_seen_is_possible_and_shapes_are_limited() {
        // Uniform exceedances: moments give shape −1.
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        let fit = Pareto::fit(&even).unwrap();
        assert!(fit.shape >= -0.5 && fit.survival(99.0) > 0.0, "{fit:?}");
        // A few far out: a shape above 0.5.
        let wild: Vec<f64> = (0..100).map(|i| f64::from(i).powi(12)).collect();
        let fit = Pareto::fit(&wild).unwrap();
        assert!(fit.shape == 0.5 && fit.scale > 0.0, "{fit:?}");
        assert!(Pareto::fit(&[0.0; 50]).is_none() && Pareto::fit(&[]).is_none());
        assert_eq!(Pareto::fit(&[f64::NAN; 3]), None);
    }
}

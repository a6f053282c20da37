//! The background: mean and covariance of a scene's spectra, which matched filters set targets against.
//!
//! Scene-wide by definition: a result that depended on tiles, threads, device or shards would be a defect. Pixels are
//! summed in [`units`] that the scene's shape alone fixes, as [`differences`] from a provisional mean; the sums of
//! units are added in f64 in a tree of fixed shape ([`moments`]); the covariance is factorised in f64 ([`factor`]). [`mod@file`] keeps the sums,
//! also of a part of a scene, so that shards can be merged to the same bits ([`merge`]).
//!
//! How a target scores on the background is a [`tally`], whose [`tail`] makes a false alarm [`curve`].

pub mod curve;
pub mod differences;
pub mod factor;
pub mod file;
pub(crate) mod fuzzed;
pub mod merge;
pub mod moments;
pub mod tail;
pub mod tally;
pub mod units;

use ndarray::Array2;

pub use curve::{Basis, Curve, LEAST_PIXELS, Point, Tail};
pub use differences::{Differences, Quantised, Summands};
pub use factor::{Factor, FactorFacts, Shrinkage};
pub use file::{Origin, Statistics};
pub use merge::same_bands;
pub use moments::{Moments, Tree, packed};
pub use tail::Pareto;
pub use tally::{Best, Tally};
pub use units::{Place, Unit, Units};

/// Mean and covariance of a group of pixels, in reflectance, one value a band.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Number of pixels.
    pub count: u64,
    /// Mean spectrum.
    pub mean: Vec<f64>,
    /// Covariance, shape (bands, bands), divisor `count` − 1; zero when there is one pixel.
    pub covariance: Array2<f64>,
}

/// A band whose standard deviation is below this share of its mean does not vary: f32 holds no finer differences.
const CONSTANT: f64 = 1e-8;

impl Background {
    /// From sums of differences from the spectrum `about`. `None` without a pixel.
    #[must_use]
    pub fn new(about: &[f64], moments: &Moments) -> Option<Self> {
        if moments.count == 0 {
            return None;
        }
        let (n, bands) = (moments.count as f64, about.len());
        let mean = about.iter().zip(&moments.sum).map(|(a, s)| a + s / n).collect();
        let divisor = (n - 1.0).max(1.0);
        let q = &moments.quantised;
        let covariance = Array2::from_shape_fn((bands, bands), |(i, j)| {
            let (i, j) = (i.max(j), i.min(j));
            (moments.products[packed(i, j)] - q[i] * q[j] / n) / divisor
        });
        Some(Self { count: moments.count, mean, covariance })
    }

    /// Number of bands.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.mean.len()
    }

    /// The background in the bands at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let n = indices.len();
        Self {
            count: self.count,
            mean: indices.iter().map(|&i| self.mean[i]).collect(),
            covariance: Array2::from_shape_fn((n, n), |(i, j)| self.covariance[(indices[i], indices[j])]),
        }
    }

    /// The correlation matrix E[x xᵀ] (no mean removed), shape (bands, bands).
    #[must_use]
    pub fn correlation(&self) -> Array2<f64> {
        let n = self.count as f64;
        let share = (n - 1.0).max(0.0) / n;
        Array2::from_shape_fn((self.bands(), self.bands()), |(i, j)| {
            self.covariance[(i, j)] * share + self.mean[i] * self.mean[j]
        })
    }

    /// Factorises the covariance.
    ///
    /// # Errors
    /// Refuses a background in which no band varies, and, with [`Shrinkage::None`], a singular one.
    pub fn factor_covariance(&self, shrinkage: Shrinkage) -> crate::error::Result<Factor> {
        let least: Vec<f64> = self.mean.iter().map(|m| (CONSTANT * m).powi(2)).collect();
        Factor::new("covariance", &self.covariance, &least, self.count, shrinkage)
    }

    /// Factorises the correlation matrix.
    ///
    /// # Errors
    /// As [`Background::factor_covariance`].
    pub fn factor_correlation(&self, shrinkage: Shrinkage) -> crate::error::Result<Factor> {
        Factor::new("correlation matrix", &self.correlation(), &vec![0.0; self.bands()], self.count, shrinkage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_covariance_are_those_of_the_textbook() {
        let pixels = [[0.1, 0.5], [0.2, 0.3], [0.6, 0.4], [0.3, 0.2]];
        let about = [0.25, 0.375];
        let mut m = Moments { count: 4, sum: vec![0.0; 2], quantised: vec![0.0; 2], products: vec![0.0; 3] };
        for x in pixels {
            let d = [x[0] - about[0], x[1] - about[1]];
            for i in 0..2 {
                m.sum[i] += d[i];
                m.quantised[i] += d[i];
                (0..=i).for_each(|j| m.products[packed(i, j)] += d[i] * d[j]);
            }
        }
        let b = Background::new(&about, &m).unwrap();
        let mean = |f: &dyn Fn([f64; 2]) -> f64| pixels.iter().map(|&x| f(x)).sum::<f64>() / 4.0;
        let (m0, m1) = (mean(&|x| x[0]), mean(&|x| x[1]));
        assert!((b.mean[0] - m0).abs() < 1e-15 && (b.mean[1] - m1).abs() < 1e-15);
        let cov = mean(&|x| (x[0] - m0) * (x[1] - m1)) * 4.0 / 3.0;
        assert!((b.covariance[(0, 1)] - cov).abs() < 1e-15 && b.covariance[(0, 1)] == b.covariance[(1, 0)]);
        assert!((b.correlation()[(1, 0)] - mean(&|x| x[0] * x[1])).abs() < 1e-15);
        assert_eq!(b.select(&[1]).covariance[(0, 0)], b.covariance[(1, 1)]);
        assert_eq!(Background::new(&about, &Moments::default()), None);
    }
}

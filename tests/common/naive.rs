//! Statistics and inverses the naive way, in f64: what the naive formulas of the methods take.

#![allow(dead_code, reason = "each test uses a part of it")]

use alunite::methods::Naive;
use ndarray::Array2;

pub(crate) struct Statistics {
    pub(crate) mean: Vec<f64>,
    pub(crate) covariance: Array2<f64>,
    pub(crate) correlation: Array2<f64>,
    inverse_covariance: Array2<f64>,
    inverse_correlation: Array2<f64>,
}

impl Statistics {
    /// Two passes over the pixels; each matrix M becomes (1 − α)·M + α·diag(M) before it is inverted.
    pub(crate) fn of(pixels: &[Vec<f64>], shrinkage: [f64; 2]) -> Self {
        let (n, bands) = (pixels.len() as f64, pixels[0].len());
        let mean: Vec<f64> = (0..bands).map(|b| pixels.iter().map(|x| x[b]).sum::<f64>() / n).collect();
        let mut covariance = Array2::zeros((bands, bands));
        let mut correlation = Array2::zeros((bands, bands));
        for x in pixels {
            for i in 0..bands {
                for j in 0..=i {
                    covariance[(i, j)] += (x[i] - mean[i]) * (x[j] - mean[j]) / (n - 1.0).max(1.0);
                    correlation[(i, j)] += x[i] * x[j] / n;
                }
            }
        }
        for i in 0..bands {
            for j in 0..i {
                covariance[(j, i)] = covariance[(i, j)];
                correlation[(j, i)] = correlation[(i, j)];
            }
        }
        let inverse_covariance = inverse(shrunk(&covariance, shrinkage[0]));
        let inverse_correlation = inverse(shrunk(&correlation, shrinkage[1]));
        Self { mean, covariance, correlation, inverse_covariance, inverse_correlation }
    }

    pub(crate) fn naive(&self) -> Naive<'_> {
        Naive {
            mean: &self.mean,
            inverse_covariance: &self.inverse_covariance,
            inverse_correlation: &self.inverse_correlation,
        }
    }
}

fn shrunk(matrix: &Array2<f64>, alpha: f64) -> Array2<f64> {
    Array2::from_shape_fn(matrix.dim(), |(i, j)| matrix[(i, j)] * if i == j { 1.0 } else { 1.0 - alpha })
}

/// Gauss and Jordan, with the largest pivot of each column. Bands that do not vary stay zero.
pub(crate) fn inverse(mut a: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let mut out = Array2::eye(n);
    for c in 0..n {
        let pivot = (c..n).max_by(|&i, &j| a[(i, c)].abs().total_cmp(&a[(j, c)].abs())).expect("a row");
        if a[(pivot, c)] == 0.0 {
            out[(c, c)] = 0.0;
            continue;
        }
        for j in 0..n {
            a.swap((c, j), (pivot, j));
            out.swap((c, j), (pivot, j));
        }
        let scale = 1.0 / a[(c, c)];
        (0..n).for_each(|j| (a[(c, j)], out[(c, j)]) = (a[(c, j)] * scale, out[(c, j)] * scale));
        for i in (0..n).filter(|&i| i != c) {
            let factor = a[(i, c)];
            for j in 0..n {
                a[(i, j)] -= factor * a[(c, j)];
                out[(i, j)] -= factor * out[(c, j)];
            }
        }
    }
    out
}

//! Factorising a covariance in f64: Cholesky, with shrinkage where the matrix is singular or nearly so.

use faer::linalg::solvers::Solve as _;
use faer::{Mat, Side};
use ndarray::Array2;
use serde::Serialize;

use crate::error::{Error, Result};

/// How much of the diagonal is mixed into a covariance S: (1 − α)·S + α·diag(S).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Shrinkage {
    /// None where there are pixels enough and the matrix is far from singular; else the α that leave-one-out chooses.
    #[default]
    Auto,
    /// None; singular matrices are refused.
    None,
    /// This α, 0 to 1.
    Alpha(f64),
}

impl std::str::FromStr for Shrinkage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            number => match number.parse() {
                Ok(alpha) if (0.0..=1.0).contains(&alpha) => Ok(Self::Alpha(alpha)),
                _ => Err(Error::refused(format!("shrinkage '{text}'"), "not auto, none, or a number from 0 to 1")
                    .hint("leave it out for auto")),
            },
        }
    }
}

/// Fewer pixels than this many times the bands, and the estimate of a covariance costs a filter more than 0.4 dB
/// (Reed, Mallett & Brennan 1974, IEEE Trans. AES 10:853): shrinkage is considered.
const PIXELS_A_BAND: u64 = 10;
/// Correlation matrices conditioned worse than this lose the digits that scores promise.
const NEARLY_SINGULAR: f64 = 1e12;
/// Shrinkage brings the condition number below this.
const SOUND: f64 = 1e10;
/// Steps of the search for α, a decade of it.
const STEPS: i32 = 20;

/// What was found and done; recorded in run.json.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactorFacts {
    /// What was factorised: `covariance` or `correlation matrix`.
    pub matrix: &'static str,
    /// Pixels that it was estimated from.
    pub pixels: u64,
    /// Bands that vary.
    pub bands: usize,
    /// Bands (from 0, among those in use) that do not vary over the background; they have no weight.
    pub constant_bands: Vec<usize>,
    /// Directions in which the background varies: eigenvalues of the correlation matrix above rounding.
    pub effective_rank: usize,
    /// Largest over smallest eigenvalue of the matrix as it was; `None` when it is singular.
    pub condition: Option<f64>,
    /// The α of the shrinkage.
    pub shrinkage: f64,
    /// Why it is that.
    pub reason: &'static str,
}

impl std::fmt::Display for FactorFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let condition = self.condition.map_or("infinite (singular)".to_owned(), |c| format!("{c:.1e}"));
        write!(
            f,
            "{} of {} pixels: effective rank {} of {} bands, condition number {condition}, shrinkage {:.3e} ({})",
            self.matrix, self.pixels, self.effective_rank, self.bands, self.shrinkage, self.reason
        )?;
        match self.constant_bands.len() {
            0 => Ok(()),
            n => write!(f, "; {n} bands do not vary and have no weight"),
        }
    }
}

/// A factorised covariance Σ, after shrinkage.
#[derive(Debug, Clone)]
pub struct Factor {
    bands: usize,
    /// The bands that vary.
    varying: Vec<usize>,
    /// Their standard deviations.
    deviation: Vec<f64>,
    /// The Cholesky factor of their correlation matrix, after shrinkage.
    cholesky: faer::linalg::solvers::Llt<f64>,
    /// What was found and done.
    pub facts: FactorFacts,
}

impl Factor {
    /// Factorises a symmetric positive semidefinite matrix of shape (bands, bands), estimated from `count` pixels.
    /// Bands whose diagonal is not above `least` are left out.
    pub(super) fn new(
        matrix_name: &'static str,
        matrix: &Array2<f64>,
        least: &[f64],
        count: u64,
        shrinkage: Shrinkage,
    ) -> Result<Self> {
        let bands = matrix.nrows();
        let varies = |b: &usize| matrix[(*b, *b)] > least[*b] && matrix[(*b, *b)].is_finite();
        let varying: Vec<usize> = (0..bands).filter(varies).collect();
        let n = varying.len();
        if n == 0 {
            let what =
                format!("no band varies over the {count} pixels of the background, so nothing stands out from it");
            return Err(Error::refused("background", what).hint("choose a larger background, or --method sam"));
        }
        let deviation: Vec<f64> = varying.iter().map(|&b| matrix[(b, b)].sqrt()).collect();
        let normalised = |i: usize, j: usize| matrix[(varying[i], varying[j])] / (deviation[i] * deviation[j]);
        let correlation = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { normalised(i, j) });
        let original = Mat::from_fn(n, n, |i, j| matrix[(varying[i], varying[j])]);
        // Side by side: with many bands each takes as long as many a pass over pixels.
        let (eigenvalues, spread) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| eigenvalues(&original));
            let here = eigenvalues(&correlation);
            (here, beside.join().unwrap_or_else(|_| Err(Error::failed("background", "a thread panicked"))))
        });
        let (eigenvalues, spread) = (eigenvalues?, spread?);
        let largest = eigenvalues[n - 1];
        let rounding = n as f64 * f64::EPSILON * largest;
        let rank = eigenvalues.iter().filter(|v| **v > rounding).count();
        let condition = (rank == n && spread[0] > 0.0).then(|| spread[n - 1] / spread[0]);

        let (alpha, reason) = match shrinkage {
            Shrinkage::Alpha(alpha) => (alpha, "given"),
            Shrinkage::None => (0.0, "none asked for"),
            Shrinkage::Auto if count < PIXELS_A_BAND * n as u64 => {
                (leave_one_out(&eigenvalues, count), "few pixels: leave-one-out likelihood, Theiler 2012")
            }
            Shrinkage::Auto if largest > NEARLY_SINGULAR * eigenvalues[0] => {
                (leave_one_out(&eigenvalues, count), "nearly singular: leave-one-out likelihood, Theiler 2012")
            }
            Shrinkage::Auto => (0.0, "none needed"),
        };
        let shrunk = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { (1.0 - alpha) * correlation[(i, j)] });
        let least_shrunk = (1.0 - alpha) * eigenvalues[0] + alpha;
        let singular = || {
            let what = format!("the {matrix_name} of {count} pixels is singular: rank {rank} of {n} bands");
            Error::refused("--shrinkage", what)
                .hint("leave --shrinkage out: auto mixes in as much of the diagonal as is needed")
        };
        if least_shrunk <= rounding {
            return Err(singular());
        }
        let cholesky = shrunk.llt(Side::Lower).map_err(|_| singular())?;
        let constant_bands = (0..bands).filter(|b| !varying.contains(b)).collect();
        let facts = FactorFacts {
            matrix: matrix_name,
            pixels: count,
            bands: n,
            constant_bands,
            effective_rank: rank,
            condition,
            shrinkage: alpha,
            reason,
        };
        Ok(Self { bands, varying, deviation, cholesky, facts })
    }

    /// Σ⁻¹ v; zero in the bands that do not vary.
    #[must_use]
    pub fn solve(&self, v: &[f64]) -> Vec<f64> {
        let n = self.varying.len();
        let scaled = Mat::from_fn(n, 1, |i, _| v[self.varying[i]] / self.deviation[i]);
        let solved = self.cholesky.solve(&scaled);
        let mut out = vec![0.0; self.bands];
        (0..n).for_each(|i| out[self.varying[i]] = solved[(i, 0)] / self.deviation[i]);
        out
    }

    /// The lower triangular W with Wᵀ·W = Σ⁻¹, shape (bands, bands): W·(x − μ) has unit variance in every direction.
    /// Rows and columns of bands that do not vary are zero.
    #[must_use]
    pub fn whitening(&self) -> Array2<f64> {
        let n = self.varying.len();
        let mut inverse = Mat::<f64>::identity(n, n);
        self.cholesky.L().solve_lower_triangular_in_place(&mut inverse);
        let mut out = Array2::zeros((self.bands, self.bands));
        for i in 0..n {
            for j in 0..=i {
                out[(self.varying[i], self.varying[j])] = inverse[(i, j)] / self.deviation[j];
            }
        }
        out
    }
}

/// Ascending.
fn eigenvalues(matrix: &Mat<f64>) -> Result<Vec<f64>> {
    matrix
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| Error::failed("background", "the eigenvalues of its covariance did not converge"))
}

/// The α that makes the left-out pixel likeliest, of those that make the matrix sound.
///
/// Leaving out pixel x from G = (1 − α)·S + α·D leaves G − β·x·xᵀ, up to a factor that all α share, with
/// β = (1 − α)/(n − 1); its negative log likelihood is log|G| + log(1 − β·r) + r/(1 − β·r) with r = xᵀ·G⁻¹·x
/// (Hoffbeck & Landgrebe 1996). Theiler (2012, Proc. SPIE 8391, "The incredible shrinking covariance estimator")
/// puts the mean of r, the trace of G⁻¹·S, in its place, which needs no second look at the pixels. With D the diagonal
/// of S, both are sums over the eigenvalues of the correlation matrix, up to a constant.
fn leave_one_out(eigenvalues: &[f64], count: u64) -> f64 {
    let n = (count as f64).max(2.0);
    let largest = eigenvalues.last().copied().unwrap_or(1.0);
    let floor = largest / SOUND;
    let loss = |alpha: f64| {
        let beta = (1.0 - alpha) / (n - 1.0);
        let g = |v: f64| n * beta * v.max(0.0) + alpha;
        let log_determinant: f64 = eigenvalues.iter().map(|&v| g(v).ln()).sum();
        let r: f64 = eigenvalues.iter().map(|&v| v.max(0.0) / g(v)).sum();
        let left = 1.0 - beta * r;
        if left > 0.0 { log_determinant + left.ln() + r / left } else { f64::INFINITY }
    };
    let lowest = (floor.log10() * f64::from(STEPS)).ceil() as i32;
    let candidates = (lowest..=0).map(|step| 10.0_f64.powf(f64::from(step) / f64::from(STEPS)));
    candidates.map(|alpha| (loss(alpha), alpha)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(matrix: &Array2<f64>, count: u64, shrinkage: Shrinkage) -> Result<Factor> {
        Factor::new("covariance", matrix, &vec![0.0; matrix.nrows()], count, shrinkage)
    }

    fn example() -> Array2<f64> {
        ndarray::array![[4.0, 1.2, 0.5], [1.2, 2.0, 0.3], [0.5, 0.3, 1e-3 + 0.1]]
    }

    #[test]
    fn solving_and_whitening_invert_the_matrix() {
        let matrix = example();
        let factor = factor(&matrix, 1000, Shrinkage::Auto).unwrap();
        assert_eq!((factor.facts.shrinkage, factor.facts.effective_rank), (0.0, 3));
        let v = [0.3, -1.0, 2.0];
        let back = matrix.dot(&ndarray::arr1(&factor.solve(&v)));
        assert!(back.iter().zip(&v).all(|(a, b)| (a - b).abs() < 1e-12), "{back}");
        let w = factor.whitening();
        assert_eq!(w[(0, 2)], 0.0);
        let identity = w.dot(&matrix).dot(&w.t());
        assert!(identity.indexed_iter().all(|((i, j), v)| (v - f64::from(u8::from(i == j))).abs() < 1e-12));
    }

    #[test]
    fn a_given_alpha_is_mixed_in() {
        let (matrix, alpha) = (example(), 0.25);
        let factor = factor(&matrix, 1000, Shrinkage::Alpha(alpha)).unwrap();
        let shrunk = Array2::from_shape_fn((3, 3), |(i, j)| matrix[(i, j)] * if i == j { 1.0 } else { 1.0 - alpha });
        let back = shrunk.dot(&ndarray::arr1(&factor.solve(&[1.0, 2.0, 3.0])));
        assert!(back.iter().zip([1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{back}");
    }

    #[test]
    fn singular_matrices_are_shrunk_or_refused() {
        // Bands 0 and 1 are the same, band 3 does not vary.
        let matrix = ndarray::array![[4.0, 4.0, 0.5, 0.0], [4.0, 4.0, 0.5, 0.0], [0.5, 0.5, 1.0, 0.0], [0.0; 4]];
        let found = factor(&matrix, 1000, Shrinkage::Auto).unwrap();
        assert!(found.facts.shrinkage > 0.0 && found.facts.condition.is_none(), "{}", found.facts);
        assert_eq!((found.facts.effective_rank, found.facts.constant_bands.as_slice()), (2, &[3][..]));
        assert!(found.solve(&[1.0; 4]).iter().all(|v| v.is_finite()) && found.solve(&[1.0; 4])[3] == 0.0);
        assert!(found.whitening().iter().all(|v| v.is_finite()));
        let error = factor(&matrix, 1000, Shrinkage::None).unwrap_err();
        assert!(error.to_string().contains("rank 2 of 3"), "{error}");
        assert!(factor(&Array2::zeros((2, 2)), 9, Shrinkage::Auto).is_err());
    }

    /// Few pixels of a known covariance: the chosen α must come close to the one that leaving out pixels really finds.
    #[test]
    fn leave_one_out_agrees_with_leaving_pixels_out() {
        let (bands, count) = (12, 18);
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let pixels: Vec<Vec<f64>> = (0..count)
            .map(|_| {
                let common = normal();
                (0..bands).map(|b| (1.0 + b as f64) * (normal() + common)).collect()
            })
            .collect();
        let covariance = |left_out: Option<usize>| {
            let kept = (0..count).filter(|i| Some(*i) != left_out);
            let mut s = Array2::<f64>::zeros((bands, bands));
            kept.for_each(|p| s.indexed_iter_mut().for_each(|((i, j), v)| *v += pixels[p][i] * pixels[p][j]));
            s / (count - usize::from(left_out.is_some())) as f64
        };
        let all = covariance(None);
        let loss = |alpha: f64| {
            (0..count)
                .map(|p| {
                    let s = covariance(Some(p));
                    // The diagonal of all pixels is the target, as in the formula.
                    let g = Mat::from_fn(bands, bands, |i, j| {
                        (1.0 - alpha) * s[(i, j)] + if i == j { alpha * all[(i, i)] } else { 0.0 }
                    });
                    let x = Mat::from_fn(bands, 1, |i, _| pixels[p][i]);
                    let log: f64 = self::eigenvalues(&g).unwrap().iter().map(|v| v.ln()).sum();
                    log + (x.transpose() * g.llt(Side::Lower).unwrap().solve(&x))[(0, 0)]
                })
                .sum::<f64>()
        };
        let normalised = Mat::from_fn(bands, bands, |i, j| all[(i, j)] / (all[(i, i)] * all[(j, j)]).sqrt());
        let alpha = leave_one_out(&eigenvalues(&normalised).unwrap(), count as u64);
        let grid: Vec<f64> = (-40..0).map(|s| 10.0_f64.powf(f64::from(s) / 20.0)).collect();
        let best = grid.iter().copied().min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap();
        assert!(loss(alpha) - loss(best) < 0.03 * loss(best).abs(), "{alpha} for {best}");
        assert!(alpha > 0.01 && alpha < 0.9, "{alpha}");
    }
}

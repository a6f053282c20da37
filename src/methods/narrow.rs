//! Narrowing: which of many targets a pixel can be nearest to, without meeting them all.
//!
//! Spectra are alike. A few directions B hold them but for small residuals, C = W·B + R, and a pixel x too. With y = B·x,
//! its product with target t is
//!
//!   Cₜ·x = Wₜ·y + Rₜ·x,   |Rₜ·x| ≤ ‖Rₜ‖·ρ + ‖B·Rₜ‖·‖x‖,   ρ² = ‖x‖² − ‖y‖²
//!
//! by Cauchy-Schwarz, as what of Rₜ lies along B is but rounding. A dozen products with B and a dozen operations a target
//! bound the products with all targets, and those whose bounds reach the second largest lower bound hold the best two. These
//! few, two or three of forty, are met in full. The bounds count in all rounding, so the decision is the same as if all had
//! been met, whatever the pixel: one unlike any target has wide bounds, and only takes longer.
//!
//! Source
//!   Principal directions and the bound on what is left, for the largest of many products: Li, H., Chan, T.N., Yiu, M.L. &
//!   Mamoulis, N. (2017): FEXIPRO: fast and exact inner product retrieval in recommender systems. SIGMOD 2017, 835-850.

use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::product::roundings;

/// Directions come in as many as are multiplied at once.
const STEP: usize = 12;
/// The most of them: more targets have more than that only where they are unlike each other.
const MOST: usize = 4 * STEP;
/// The largest residual of a target of length 1 that is of use. Pixels have residuals as large, and the square of it is about
/// what lies between their products with two targets.
const RESIDUAL: f64 = 0.06;

/// What a pixel takes, in the time of so many multiplications (measured): the bounds of a target beside its coordinates; a
/// target that is met, beside its features; a feature that changes places; and whatever else.
const A_BOUND: f64 = 8.0;
const A_MEETING: f64 = 300.0;
const A_FEATURE: f64 = 10.0;
const A_PIXEL: f64 = 3000.0;
/// Targets that are met beside the best two where residuals are 1, more or less (measured on minerals and on mixtures).
const MET: f64 = 2000.0;

/// Half a unit in the last place of f32.
const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// Directions, and what they tell of the product of any pixel with any target.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrow {
    /// B, of shape (directions, features): orthonormal, but for rounding.
    pub basis: Array2<f32>,
    /// Of shape (targets, directions + 2): a target's coordinates W, and how far its products may lie from what these tell,
    /// in parts of ρ and of ‖x‖.
    pub bounds: Array2<f32>,
    /// What rounding may hide of ρ², in parts of ‖x‖².
    pub slack: f64,
}

impl Narrow {
    /// Of the weights of targets, of shape (targets, features), from which `centre` is subtracted if it is not empty;
    /// `None` where meeting all targets takes no longer.
    pub(super) fn new(exact: &Array2<f64>, centre: &[f32]) -> Option<Self> {
        let (targets, features) = exact.dim();
        let (t, f) = (targets as f64, features as f64);
        let spent = |directions: usize, residual: f64| {
            let (k, met) = (directions as f64, 2.0 + MET * residual * residual);
            k * f + t * (k + A_BOUND) + met * (f + A_MEETING) + f * A_FEATURE + A_PIXEL
        };
        if features <= MOST || spent(STEP, 0.0) > t * f {
            return None;
        }
        let mut weights = exact.clone();
        if !centre.is_empty() {
            weights -= &Array1::from_iter(centre.iter().map(|&c| f64::from(c)));
        }
        // The mean, which the centre took away, leads to where pixels lie.
        let mean = exact.mean_axis(Axis(0))?;
        let first = &mean / norm(mean.view());
        let rest = &weights - &outer(&weights.dot(&first), &first);
        let mut all = principal(&rest, MOST - 1)?;
        all.insert(0, first);
        let steps = (STEP..=MOST.min(all.len())).step_by(STEP).map(|k| stacked(&all[..k]));
        let tried = steps.map(|basis| (lengths(&residuals(&weights, &basis)), basis));
        let useful = tried.filter(|(residual, _)| *residual <= RESIDUAL);
        let cost = |(residual, basis): &(f64, Array2<f64>)| spent(basis.nrows(), *residual);
        let best = useful.min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        (cost(&best) < t * f).then(|| Self::with(&weights, &best.1))
    }

    /// Bounds that hold for these very directions, however they were found.
    fn with(weights: &Array2<f64>, basis: &Array2<f64>) -> Self {
        let rounded = basis.mapv(|v| f64::from(v as f32));
        let coordinates = weights.dot(&rounded.t()).mapv(|v| f64::from(v as f32));
        let residuals = weights - &coordinates.dot(&rounded);
        let along = residuals.dot(&rounded.t());
        let (directions, features) = rounded.dim();
        let k = directions as f64;
        // How far the directions are from orthonormal: the norm of a matrix is at most its largest sum of a row.
        let gram = rounded.dot(&rounded.t()) - Array2::<f64>::eye(directions);
        let skew = gram.rows().into_iter().map(|row| row.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max);
        // Of y, of every direction and in all, in parts of ‖x‖; twice, as bounds in f32 are rounded too.
        let of_y = 2.0 * k.sqrt() * roundings(features) * ROUNDING;
        // Of sums over directions, twice too.
        let of_sums = 2.0 * (k + 16.0) * ROUNDING;
        let mut bounds = Array2::zeros((weights.nrows(), directions + 2));
        for (t, mut row) in bounds.rows_mut().into_iter().enumerate() {
            row.iter_mut().zip(coordinates.row(t)).for_each(|(to, &v)| *to = v as f32);
            let of_x = norm(coordinates.row(t)) * (of_y + of_sums) + 2.0 * norm(along.row(t));
            row[directions] = up(norm(residuals.row(t)) * (1.0 + of_sums));
            row[directions + 1] = up(of_x * (1.0 + of_sums));
        }
        let slack = 2.0 * of_y + skew + of_sums;
        Self { basis: basis.mapv(|v| v as f32), bounds, slack }
    }

    /// Number of directions.
    #[must_use]
    pub fn directions(&self) -> usize {
        self.basis.nrows()
    }
}

/// A larger number that f32 holds.
fn up(value: f64) -> f32 {
    (value * (1.0 + 2.0 * ROUNDING)) as f32 + f32::MIN_POSITIVE
}

fn norm(v: ArrayView1<f64>) -> f64 {
    v.dot(&v).sqrt()
}

fn outer(a: &Array1<f64>, b: &Array1<f64>) -> Array2<f64> {
    a.view().insert_axis(Axis(1)).dot(&b.view().insert_axis(Axis(0)))
}

fn stacked(rows: &[Array1<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn residuals(weights: &Array2<f64>, basis: &Array2<f64>) -> Array2<f64> {
    weights - &weights.dot(&basis.t()).dot(basis)
}

/// The largest length of a row.
fn lengths(rows: &Array2<f64>) -> f64 {
    rows.rows().into_iter().map(norm).fold(0.0, f64::max)
}

/// The leading principal directions of rows, at most so many, orthonormal: eigenvectors of the smaller of the two matrices
/// of their products. `None` where none are found.
fn principal(rows: &Array2<f64>, most: usize) -> Option<Vec<Array1<f64>>> {
    let (count, features) = rows.dim();
    let products = if count < features { rows.dot(&rows.t()) } else { rows.t().dot(rows) };
    let n = products.nrows();
    let eigen = Mat::from_fn(n, n, |i, j| products[(i, j)]).self_adjoint_eigen(Side::Lower).ok()?;
    let mut found: Vec<Array1<f64>> = Vec::new();
    // The largest comes last.
    for i in (0..n).rev().take(most) {
        let vector = Array1::from_iter(eigen.U().col(i).iter().copied());
        let mut direction = if count < features { vector.dot(rows) } else { vector };
        // Twice is enough (Giraud et al. 2005), also for directions that are nearly nothing.
        for _ in 0..2 {
            let length = norm(direction.view());
            if !(length > 0.0 && length.is_finite()) {
                return Some(found).filter(|found| !found.is_empty());
            }
            direction /= length;
            for other in &found {
                direction = &direction - &(other * direction.dot(other));
            }
        }
        direction /= norm(direction.view());
        found.push(direction);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::minerals::{ALL, native_nm};

    /// Smooth spectra, of length 1.
    fn spectra(count: usize, features: usize) -> Array2<f64> {
        let mut spectra = Array2::from_shape_fn((count, features), |(t, f)| {
            let (at, t) = (f as f64 / features as f64, t as f64);
            let dip = |c: f64, w: f64| (-((at - c.fract()) / w).powi(2)).exp();
            1.0 + 0.5 * at * (t * 0.7).sin() - 0.4 * dip(t * 0.37, 0.05) - 0.3 * dip(t * 0.61, 0.1)
        });
        for mut row in spectra.rows_mut() {
            let length = norm(row.view());
            row /= length;
        }
        spectra
    }

    /// What the bounds say of every target, in f32 as a device computes it: lower and upper.
    fn bounds(narrow: &Narrow, x: &Array1<f64>) -> Vec<[f64; 2]> {
        let y = narrow.basis.dot(&x.mapv(|v| v as f32));
        let square = x.dot(x);
        let rho = (square * (1.0 + narrow.slack) - y.iter().map(|v| f64::from(v * v)).sum::<f64>()).max(0.0).sqrt();
        let (k, length) = (narrow.directions(), square.sqrt());
        let of = |row: ArrayView1<f32>| {
            let told: f32 = row.iter().zip(&y).map(|(w, y)| w * y).sum();
            let open = f64::from(row[k]) * rho + f64::from(row[k + 1]) * length;
            [f64::from(told) - open, f64::from(told) + open]
        };
        narrow.bounds.rows().into_iter().map(of).collect()
    }

    #[test]
    fn products_lie_within_their_bounds_whatever_the_pixel() {
        for (count, features) in [(120, 285), (500, 285), (500, 64)] {
            let exact = spectra(count, features);
            let centre: Vec<f32> = exact.mean_axis(Axis(0)).unwrap().iter().map(|&c| c as f32).collect();
            for centre in [&centre[..], &[]] {
                let narrow = Narrow::new(&exact, centre).unwrap();
                let of_centre = |x: &Array1<f64>| centre.iter().zip(x).map(|(&c, x)| f64::from(c) * x).sum::<f64>();
                let row = |t: usize| exact.row(t).to_owned();
                let noise =
                    |seed: usize| Array1::from_shape_fn(features, |f| ((f * 7919 + seed * 31) % 101) as f64 - 50.0);
                let mut pixels = vec![row(3), row(7) * 0.2 + row(8) * 0.7, noise(1), noise(2) * 1e6, -row(5)];
                pixels.push(Array1::ones(features));
                pixels.push(row(1) * 0.3 + noise(5) * 1e-4);
                pixels.push(Array1::from_shape_fn(features, |f| if f == 17 { 1.0 } else { 0.0 }));
                // What lies in no direction at all.
                let basis = narrow.basis.mapv(f64::from);
                pixels.push(&noise(9) - &basis.t().dot(&basis.dot(&noise(9))));
                for (i, x) in pixels.iter().enumerate() {
                    let x = x.mapv(|v| f64::from(v as f32));
                    let products = exact.dot(&x) - of_centre(&x);
                    for (t, ([lower, upper], product)) in bounds(&narrow, &x).into_iter().zip(&products).enumerate() {
                        assert!(lower <= *product && *product <= upper, "pixel {i}, target {t} of {count}");
                    }
                }
            }
        }
    }

    #[test]
    fn few_targets_of_a_library_are_within_reach_of_a_mixture() {
        let nm = native_nm();
        let nm: Vec<_> = nm.iter().step_by(8).copied().collect();
        let depth = |t: usize| 0.5 + (t / ALL.len()) as f64 * 0.25;
        let mut exact = Array2::zeros((4 * ALL.len(), nm.len()));
        for (t, mut row) in exact.rows_mut().into_iter().enumerate() {
            let spectrum = ALL[t % ALL.len()].spectrum(&nm);
            row.iter_mut().zip(spectrum).for_each(|(to, r)| *to = r.powf(depth(t)));
            let length = norm(row.view());
            row /= length;
        }
        let narrow = Narrow::new(&exact, &[]).unwrap();
        assert!(narrow.directions() < exact.nrows() / 2, "{}", narrow.directions());
        let x = &exact.row(2) * 0.7 + &exact.row(15) * 0.3;
        let found = bounds(&narrow, &x);
        let mut lower: Vec<f64> = found.iter().map(|b| b[0]).collect();
        lower.sort_by(|a, b| b.total_cmp(a));
        let within = found.iter().filter(|b| b[1] >= lower[1]).count();
        assert!((2..=8).contains(&within), "{within}");
    }

    #[test]
    fn nothing_is_narrowed_where_it_saves_nothing() {
        assert_eq!(Narrow::new(&spectra(10, 285), &[]), None);
        assert_eq!(Narrow::new(&spectra(60, 20), &[]), None);
        // Targets that nothing is alike in.
        let unlike = Array2::from_shape_fn((60, 285), |(t, f)| if f == t { 1.0 } else { 0.0 });
        assert_eq!(Narrow::new(&unlike, &[]), None);
    }
}

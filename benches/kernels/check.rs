//! Answers are checked against the naive formulas in f64 before anything is timed.

use alunite::background::Background;
use alunite::compute::Backend;
use alunite::methods::Naive;
use ndarray::Array2;

use crate::common::arrays::Arrays;
use crate::naive;

/// Pixels of a tile that are checked are so far apart; naive formulas take long, and a prime meets all places of a line.
const STEP: usize = 3307;
/// Scores may differ by this share of themselves, and by this much: they are f32, of `ace` and `rx` on f32 energies.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-6;
/// Sums in f64 of a hundred thousand terms, or of integers of 30 bits on a GPU, give a covariance to this share of its
/// variances.
const COVARIANCE: f64 = 1e-8;

/// A background and its naive inverses.
pub(crate) struct Exact {
    mean: Vec<f64>,
    inverse_covariance: Array2<f64>,
    inverse_correlation: Array2<f64>,
}

impl Exact {
    pub(crate) fn of(background: &Background) -> Self {
        Self {
            mean: background.mean.clone(),
            inverse_covariance: naive::inverse(background.covariance.clone()),
            inverse_correlation: naive::inverse(background.correlation()),
        }
    }
}

/// The score of the best target, of pixels spread over a tile, is that of the formula.
pub(crate) fn check_scores(scene: &Arrays, backend: &mut dyn Backend, targets: &Array2<f64>, exact: Option<&Exact>) {
    let none = Array2::zeros((0, 0));
    let naive = exact.map_or(Naive { mean: &[], inverse_covariance: &none, inverse_correlation: &none }, |e| Naive {
        mean: &e.mean,
        inverse_covariance: &e.inverse_covariance,
        inverse_correlation: &e.inverse_correlation,
    });
    let tile = &scene.tiles[1];
    let scores = backend.map(tile).expect("scores");
    let (method, scores) = (backend.task().methods[0], &scores.maps[0].score);
    let valid = tile.valid(scene.nodata);
    for p in (0..valid.len()).step_by(STEP) {
        if !valid[p] {
            assert!(scores[p].is_nan(), "{method:?}: pixel {p} is no data");
            continue;
        }
        let x = scene.pixel(tile, p);
        let of_target = |t: ndarray::ArrayView1<f64>| method.reference(&x, &t.to_vec(), &naive);
        // Without targets the score is the pixel's own, whatever the target.
        let all = targets.rows().into_iter().map(of_target);
        let best = all.reduce(|a, b| if method.better(b, a) { b } else { a }).expect("a target");
        let error = (f64::from(scores[p]) - best).abs();
        assert!(error <= RELATIVE * best.abs() + ABSOLUTE, "{method:?}: pixel {p} is {}, not {best}", scores[p]);
    }
}

/// Entries of the covariance are those of two passes.
pub(crate) fn check_background(scene: &Arrays, background: &Background) {
    let bands = scene.bands();
    for (i, j) in [(0, 0), (bands / 2, bands / 3), (bands - 1, 0), (bands - 1, bands - 1)] {
        let pairs: Vec<[f64; 2]> = scene
            .tiles
            .iter()
            .flat_map(|tile| {
                let valid = tile.valid(scene.nodata).into_iter().enumerate().filter(|(_, v)| *v);
                valid.map(|(p, _)| scene.pixel(tile, p)).map(|x| [x[i], x[j]])
            })
            .collect();
        let n = pairs.len() as f64;
        let [mean_i, mean_j] = [0, 1].map(|k| pairs.iter().map(|x| x[k]).sum::<f64>() / n);
        let exact = pairs.iter().map(|x| (x[0] - mean_i) * (x[1] - mean_j)).sum::<f64>() / (n - 1.0);
        let scale = (background.covariance[(i, i)] * background.covariance[(j, j)]).sqrt();
        let error = (background.covariance[(i, j)] - exact).abs();
        assert!(error <= COVARIANCE * scale, "covariance ({i}, {j}): off by {error} of {scale}");
    }
}

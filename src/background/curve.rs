//! The false alarm curve of one target: which share of the background scores as well as a score, and the score that a share
//! asks for.
//!
//! Where many pixels score better, the curve is what was counted. Below the share of the tail's threshold it is a generalised
//! Pareto distribution of what exceeds it (peaks over threshold: Coles, S. (2001): An Introduction to Statistical Modeling of
//! Extreme Values, chapter 4), which smooths the last pixels that were seen and goes on where none was.

use serde::Serialize;

use super::tail::Pareto;
use super::tally::{Best, Tally};

/// A curve is made of at least so many pixels.
pub const LEAST_PIXELS: u64 = LEAST_TAIL * A_TAIL;

/// A tail has at least so many pixels, ...
const LEAST_TAIL: u64 = 30;

/// ... and at most the best 1 of so many.
const A_TAIL: u64 = 20;

/// Anderson and Darling's statistic above which a fit is poor: one in a hundred samples of a Pareto distribution has more
/// (simulated by tests/golden/tails.py).
pub(super) const POOR: f64 = 1.15;

/// A rate is at least one pixel in so many times the background.
const BEYOND: f64 = 100.0;

/// Rates whose scores a report lists.
const LISTED: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// The false alarm curve of one target.
#[derive(Debug, Clone)]
pub struct Curve {
    best: Best,
    pixels: u64,
    /// Coordinate and logarithm of the share at least as good, the best first; the first is where the tail begins.
    knots: Vec<(f64, f64)>,
    tail: Option<Tail>,
}

/// The tail of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tail {
    /// The share of the background that lies in it.
    pub share: f64,
    /// The score at which it begins.
    pub from_score: f64,
    /// Exceedances that it was fitted to.
    pub exceedances: usize,
    /// What they follow: of scores without a best one in their unit, else of −ln of the distance from the best score.
    #[serde(flatten)]
    pub pareto: Pareto,
    /// Anderson and Darling's statistic of the fit; above 1.15 it is poor.
    pub anderson_darling: f64,
}

impl Tail {
    /// Whether the exceedances hardly follow the distribution.
    #[must_use]
    pub fn is_poor(&self) -> bool {
        self.anderson_darling > POOR
    }
}

/// Where a point of a curve comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Pixels that were counted.
    Data,
    /// The tail's model, among pixels that were seen.
    Tail,
    /// The tail's model, where not one pixel of the background is expected.
    Beyond,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The share of the background.
    pub rate: f64,
    /// The score that it reaches.
    pub score: f64,
    /// Where that comes from.
    pub from: Basis,
}

impl Curve {
    /// Bytes of a curve, at most: every score that was kept, and every bin.
    pub const BYTES: usize = Tally::BYTES * 2;

    /// The curve of a tally; nothing when it has fewer than [`LEAST_PIXELS`].
    #[must_use]
    pub fn new(tally: &Tally) -> Option<Self> {
        let (best, pixels) = (tally.best(), tally.pixels());
        if pixels < LEAST_PIXELS {
            return None;
        }
        let top: Vec<f64> = tally.top().into_iter().map(|key| best.coordinate(key)).collect();
        let (first, tail) = tail(best, &top, pixels);
        let share = |count: u64| libm::log(count as f64 / pixels as f64);
        let mut knots = Vec::new();
        // Where several pixels have one score, all of them are as good as it.
        for (i, &at) in top.iter().enumerate().skip(first) {
            if top.get(i + 1).is_none_or(|&next| next < at) {
                knots.push((at, share(i as u64 + 1)));
            }
        }
        let mut count = 0;
        for (bin, here) in tally.bins() {
            count += here;
            let Some(edge) = best.edge(bin).map(|key| best.coordinate(key)) else { break };
            if count > top.len() as u64 && knots.last().is_none_or(|last| edge < last.0) {
                knots.push((edge, share(count)));
            }
        }
        Some(Self { best, pixels, knots, tail })
    }

    /// Pixels of the background.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// The tail; nothing when all of its scores are one.
    #[must_use]
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// The least rate that the background supports.
    #[must_use]
    pub fn least(&self) -> f64 {
        1.0 / (BEYOND * self.pixels as f64)
    }

    /// The share of the background that scores at least as well, 0 to 1; NaN for NaN.
    #[must_use]
    pub fn rate(&self, score: f32) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        let at = self.best.coordinate(self.best.key(score));
        let Some(&(begin, share)) = self.knots.first() else { return 1.0 };
        if at > begin {
            let one = 1.0 / self.pixels as f64;
            return self.tail.map_or(one, |t| libm::exp(share) * t.pareto.survival(at - begin));
        }
        // The first knot that is worse than the score.
        match self.knots.partition_point(|knot| knot.0 >= at) {
            i if i == self.knots.len() => {
                if self.knots[i - 1].0 == at {
                    libm::exp(self.knots[i - 1].1)
                } else {
                    1.0
                }
            }
            i => {
                let ((better, few), (worse, many)) = (self.knots[i - 1], self.knots[i]);
                libm::exp(few + (many - few) * (better - at) / (better - worse))
            }
        }
    }

    /// The score that this share of the background reaches; nothing when it lies in a tail of scores that are all one. Shares
    /// above the last that was counted have the score of that.
    #[must_use]
    pub fn score(&self, rate: f64) -> Option<f64> {
        let &(begin, share) = self.knots.first()?;
        let log = libm::log(rate);
        if log < share {
            let excess = self.tail?.pareto.quantile(rate / libm::exp(share));
            return Some(self.best.score(begin + excess));
        }
        let at = match self.knots.partition_point(|knot| knot.1 <= log) {
            i if i == self.knots.len() => self.knots[i - 1].0,
            i => {
                let ((better, few), (worse, many)) = (self.knots[i - 1], self.knots[i]);
                better - (better - worse) * (log - few) / (many - few)
            }
        };
        Some(self.best.score(at))
    }

    /// Where the score of a rate comes from.
    #[must_use]
    pub fn basis(&self, rate: f64) -> Basis {
        match self.knots.first() {
            Some(&(_, share)) if libm::log(rate) >= share => Basis::Data,
            _ if rate * self.pixels as f64 >= 1.0 => Basis::Tail,
            _ => Basis::Beyond,
        }
    }

    /// The points that a report lists: decades of rates that the background supports.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let point = |rate: f64| Some(Point { rate, score: self.score(rate)?, from: self.basis(rate) });
        LISTED.into_iter().filter(|&rate| rate >= self.least()).filter_map(point).collect()
    }
}

/// The place in `top` (coordinates, the best first) of the pixel where the tail begins, and the tail: the largest that fits.
/// Where none does, the smallest, so that as much as can be is counted.
fn tail(best: Best, top: &[f64], pixels: u64) -> (usize, Option<Tail>) {
    let mut wanted = (pixels / A_TAIL).min(top.len() as u64) as usize;
    let mut found = (wanted.saturating_sub(1), None);
    while wanted >= LEAST_TAIL as usize {
        // All pixels of one score are in the tail, or none.
        let begins = top[wanted - 1];
        let first = top.iter().rposition(|&at| at == begins).unwrap_or(wanted - 1);
        let exceedances: Vec<f64> = top[..first].iter().rev().map(|at| at - begins).collect();
        let Some(pareto) = Pareto::fit(&exceedances) else { break };
        let tail = Tail {
            share: (first + 1) as f64 / pixels as f64,
            from_score: best.score(begins),
            exceedances: exceedances.len(),
            pareto,
            anderson_darling: pareto.anderson_darling(&exceedances),
        };
        found = (first, Some(tail));
        if !tail.is_poor() {
            break;
        }
        wanted /= 2;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores at evenly spread shares of a distribution, by its quantile.
    fn curve(best: Best, pixels: u32, quantile: impl Fn(f64) -> f64) -> Curve {
        let mut tally = Tally::new(best);
        (0..pixels).for_each(|i| tally.add(quantile((f64::from(i) + 0.5) / f64::from(pixels)) as f32));
        Curve::new(&tally).unwrap()
    }

    #[test]
    fn rates_and_scores_are_inverse_from_one_end_to_the_other() {
        let exponential = curve(Best::Unbounded, 100_000, |share| -share.ln() * 0.01 - 0.005);
        // The share within a distance of the best grows like its square.
        let angles = curve(Best::Smallest(0.0), 100_000, |share| share.sqrt());
        let correlations = curve(Best::Largest(1.0), 100_000, |share| 1.0 - share.sqrt());
        for (curve, exact) in [
            (&exponential, &(|r: f64| -r.ln() * 0.01 - 0.005) as &dyn Fn(f64) -> f64),
            (&angles, &|r: f64| r.sqrt()),
            (&correlations, &|r: f64| 1.0 - r.sqrt()),
        ] {
            let mut last = f64::NAN;
            for rate in [0.9, 0.5, 0.1, 0.03, 0.02, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
                let score = curve.score(rate).unwrap();
                let back = curve.rate(score as f32);
                // f32 holds a score near the best to 1e-7.
                assert!((back / rate - 1.0).abs() < 2e-3, "{rate} {score} {back}");
                assert!(
                    (score - exact(rate)).abs() < 0.1 * exact(rate).abs().min(1.0),
                    "{rate} {score} {}",
                    exact(rate)
                );
                assert!(last.is_nan() || score != last);
                last = score;
            }
            assert!(curve.rate(f32::NAN).is_nan() && !curve.tail().unwrap().is_poor());
        }
        assert_eq!(angles.rate(3.2), 1.0);
        assert_eq!(exponential.rate(-1.0), 1.0);
    }

    #[test]
    fn points_say_where_they_come_from() {
        let curve = curve(Best::Unbounded, 50_000, |share| -share.ln());
        let found: Vec<(f64, Basis)> = curve.points().iter().map(|p| (p.rate, p.from)).collect();
        use Basis::{Beyond, Data, Tail};
        assert_eq!(found, [(1e-1, Data), (1e-2, Tail), (1e-3, Tail), (1e-4, Tail), (1e-5, Beyond), (1e-6, Beyond)]);
        assert_eq!(curve.least(), 2e-7);
        let small = self::curve(Best::Unbounded, 1000, |share| -share.ln());
        assert_eq!(small.points().last().map(|p| p.rate), Some(1e-5));
        assert_eq!(small.tail().unwrap().exceedances, 49);
    }

    /// Targets in the background: the tail is fitted where they are few, and what was counted stays as it was.
    #[test]
    fn a_tail_that_does_not_fit_is_made_smaller() {
        let mut tally = Tally::new(Best::Unbounded);
        (0..200_000_u32).for_each(|i| tally.add(-((f64::from(i) + 0.5) / 2e5).ln() as f32));
        (0..600_u16).for_each(|i| tally.add(60.0 + f32::from(i) * 0.001));
        let curve = Curve::new(&tally).unwrap();
        assert!(curve.tail().unwrap().share < 600.0 / 200_600.0, "{:?}", curve.tail());
        // 1 of 100 pixels, 600 of which are targets.
        let score = curve.score(0.01).unwrap();
        assert!((score + ((0.01 * 200_600.0 - 600.0) / 2e5_f64).ln()).abs() < 1e-3, "{score}");
    }

    #[test]
    fn scores_that_are_all_one_have_no_tail() {
        let one = curve(Best::Smallest(0.0), 10_000, |_| 0.25);
        assert!(one.tail().is_none() && one.score(1e-4).is_none());
        assert!(one.rate(0.25) > 0.04 && one.rate(0.3) == 1.0);
        assert_eq!(one.rate(0.1), 1e-4);
        let few = Tally::new(Best::Unbounded);
        assert!(Curve::new(&few).is_none());
    }
}

//! What an area is worth: a mean of shares from 0 to 1, each with its weight.
//!
//! | share | what | of 1 |
//! |---|---|---|
//! | `size` | A / (A + 0.25 km²), A the area | a large one; ½ at 25 ha |
//! | `strength` | mean over its pixels of 1 − score / threshold where smaller is better, else 1 − threshold / score | scores far beyond the threshold |
//! | `margin` | mean of margin / threshold, or margin / score where larger is better, at most 1 | a clear lead over the runner-up |
//! | `zone` | the weight that the rules give its alteration zone | the zones that are looked for |
//! | `agreement` | pixels for which the run's other methods say the same | all say the same |
//! | evidence | mean of a survey over the area, from its 2nd to its 98th percentile over the map; 1 − that for negative weights | the highest (lowest) values |
//!
//! A share that an area does not have (one method, no zones, no evidence there) does not count.

use serde::Serialize;

/// The area at which `size` is a half, in m².
const HALF_SIZE_M2: f64 = 250_000.0;

/// The shares that every area has, in the order of [`Weights`].
pub const SHARES: [&str; 5] = ["size", "strength", "margin", "zone", "agreement"];

/// How much each share counts, 0 or more, in the order of [`SHARES`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Weights(pub [f64; 5]);

impl Default for Weights {
    fn default() -> Self {
        Self([1.0; 5])
    }
}

/// `size` of an area; nothing where it is not known how large a pixel is.
pub(super) fn size(area_m2: Option<f64>) -> Option<f64> {
    area_m2.map(|a| a / (a + HALF_SIZE_M2))
}

/// `strength` of a pixel whose score passes.
pub(super) fn strength(score: f64, threshold: f64, smaller_is_better: bool) -> f64 {
    let (good, bad) = if smaller_is_better { (score, threshold) } else { (threshold, score) };
    if bad > 0.0 { (1.0 - good / bad).clamp(0.0, 1.0) } else { 0.0 }
}

/// `margin` of a pixel.
pub(super) fn margin(margin: f64, score: f64, threshold: f64, smaller_is_better: bool) -> f64 {
    let whole = if smaller_is_better { threshold } else { score };
    if whole > 0.0 && margin.is_finite() { (margin / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// The weighted mean of the shares that there are; 0 when none has weight.
pub(super) fn total(shares: impl Iterator<Item = (Option<f64>, f64)> + Clone) -> f64 {
    let there = shares.filter_map(|(share, weight)| share.map(|s| (s, weight.abs())));
    let weights: f64 = there.clone().map(|(_, w)| w).sum();
    if weights > 0.0 { there.map(|(s, w)| s * w).sum::<f64>() / weights } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_what_the_table_says() {
        assert_eq!(size(Some(250_000.0)), Some(0.5));
        assert!((strength(0.02, 0.1, true) - 0.8).abs() < 1e-12 && (strength(0.5, 0.1, false) - 0.8).abs() < 1e-12);
        assert!((margin(0.03, 0.02, 0.1, true) - 0.3).abs() < 1e-12 && margin(9.0, 0.5, 0.1, false) == 1.0);
        assert_eq!((strength(0.1, 0.0, true), margin(f64::NAN, 0.1, 0.1, true)), (0.0, 0.0));
        let shares = [(Some(1.0), 1.0), (None, 5.0), (Some(0.0), -3.0)];
        assert!((total(shares.into_iter()) - 0.25).abs() < 1e-12);
        assert_eq!(total([(None, 1.0)].into_iter()), 0.0);
    }
}

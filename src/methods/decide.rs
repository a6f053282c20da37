//! From keys to the decision: best target and runner-up with their exact scores.

use super::{Method, Pixel, Prepared};

/// How many targets a backend keeps for each pixel.
///
/// Two would do if keys were exact. With four, a pixel goes back to all its targets only when three others are within
/// rounding of the runner-up.
pub const CANDIDATES: usize = 4;

/// The targets of one pixel with the largest keys, best first; unused places hold [`Candidates::NONE`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidates {
    /// Target indices.
    pub target: [u32; CANDIDATES],
    /// Their keys.
    pub key: [f32; CANDIDATES],
}

impl Candidates {
    /// No target.
    pub const NONE: u32 = u32::MAX;

    /// Before any target was seen.
    pub const EMPTY: Self = Self { target: [Self::NONE; CANDIDATES], key: [f32::MIN; CANDIDATES] };
}

/// What a pixel is decided to be, before any threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Index of the best target.
    pub best: u32,
    /// Its score.
    pub score: f64,
    /// Index of the second best target; [`Candidates::NONE`] when there is only one target.
    pub runner_up: u32,
    /// Its score; NaN when there is none.
    pub runner_up_score: f64,
}

/// Decides one pixel from what a backend ranked.
///
/// Scores are computed in f64 for every target whose key is within rounding of the second largest, so equal input gives
/// equal output on every backend. Equal scores go to the lower index.
#[must_use]
pub fn decide(method: &dyn Method, prepared: &Prepared, pixel: &Pixel, ranked: &Candidates) -> Decision {
    let second = if prepared.targets() > 1 { 1 } else { 0 };
    let floor = f64::from(ranked.key[second]) - 2.0 * method.key_error(prepared, pixel);
    let last = prepared.targets().min(CANDIDATES) - 1;
    let ranking_is_sound = pixel.tame && ranked.target[last] != Candidates::NONE;
    let undecided = prepared.targets() > CANDIDATES && f64::from(ranked.key[last]) >= floor;
    let score = |target: u32| (target, method.score(prepared, pixel, target as usize));
    if !ranking_is_sound || undecided {
        return decide_scored(method, (0..prepared.targets() as u32).map(score));
    }
    let close =
        ranked.target.iter().zip(&ranked.key).filter(|(t, k)| **t != Candidates::NONE && f64::from(**k) >= floor);
    decide_scored(method, close.map(|(&target, _)| score(target)))
}

/// Decides one pixel from the scores of the targets that matter.
#[must_use]
pub fn decide_scored(method: &dyn Method, scores: impl Iterator<Item = (u32, f64)>) -> Decision {
    let mut top = Top { method, best: (Candidates::NONE, f64::NAN), second: (Candidates::NONE, f64::NAN) };
    scores.for_each(|new| top.insert(new));
    Decision { best: top.best.0, score: top.best.1, runner_up: top.second.0, runner_up_score: top.second.1 }
}

struct Top<'a> {
    method: &'a dyn Method,
    best: (u32, f64),
    second: (u32, f64),
}

impl Top<'_> {
    fn insert(&mut self, new: (u32, f64)) {
        if self.wins(new, self.best) {
            self.second = std::mem::replace(&mut self.best, new);
        } else if self.wins(new, self.second) {
            self.second = new;
        }
    }

    fn wins(&self, new: (u32, f64), old: (u32, f64)) -> bool {
        old.0 == Candidates::NONE || self.method.better(new.1, old.1) || (new.1 == old.1 && new.0 < old.0)
    }
}

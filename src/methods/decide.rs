//! From keys to the decision: best target and runner-up with their exact scores.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Method, Pixel, Prepared};
use crate::simd::run;

/// How many targets a backend keeps for each pixel.
///
/// Two would do if keys were exact. With four, a pixel goes back to all its targets only when three others are within
/// rounding of the runner-up.
pub const CANDIDATES: usize = 4;

/// Fewer targets are all scored in f64, and need not be ranked.
pub const MIN_RANKED: usize = 3;

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
    let targets = prepared.targets();
    let mut top = Top::new(method);
    if targets < MIN_RANKED {
        (0..targets as u32).for_each(|target| top.meet(prepared, pixel, [target]));
        return top.decision();
    }
    let floor = f64::from(ranked.key[1]) - 2.0 * method.key_error(prepared, pixel);
    let last = targets.min(CANDIDATES) - 1;
    let ranking_is_sound = pixel.tame && ranked.target[last] != Candidates::NONE;
    let close = ranked.key[..=last].iter().filter(|k| f64::from(**k) >= floor).count();
    if !ranking_is_sound || (close == CANDIDATES && targets > CANDIDATES) {
        return decide_all(method, prepared, pixel, |_, _| {});
    }
    match close {
        2 => top.meet(prepared, pixel, [ranked.target[0], ranked.target[1]]),
        _ => ranked.target[..close].iter().for_each(|&target| top.meet(prepared, pixel, [target])),
    }
    top.decision()
}

/// Of which pixels keys alone tell the best target and the runner-up: rounding cannot have changed the first three places.
///
/// `keys` and `ranked` are those of all pixels in the first places, `errors` bounds on the keys' errors, infinite where
/// these have none.
pub fn keys_decide(targets: usize, keys: [&[f32]; 3], ranked: [&[u32]; 2], errors: &[f64], decided: &mut [bool]) {
    let is_ranked = |place: usize, pixel: usize| place >= targets || ranked[place][pixel] != Candidates::NONE;
    for (pixel, (decided, error)) in decided.iter_mut().zip(errors).enumerate() {
        let lead = |place: usize| f64::from(keys[place][pixel]) - f64::from(keys[place + 1][pixel]);
        let leads = |place: usize| place + 1 >= targets || lead(place) > 2.0 * error;
        *decided = error.is_finite() & leads(0) & leads(1) & is_ranked(0, pixel) & is_ranked(1, pixel);
    }
}

/// Decides one pixel from the scores of all targets, and hands these out.
#[must_use]
pub fn decide_all(
    method: &dyn Method,
    prepared: &Prepared,
    pixel: &Pixel,
    mut take: impl FnMut(usize, f64),
) -> Decision {
    /// Targets that a pixel meets at once.
    const TOGETHER: u32 = 4;
    let mut top = Top::new(method);
    let targets = prepared.targets() as u32;
    for first in (0..targets).step_by(TOGETHER as usize) {
        // The last few meet the last target more than once.
        let group: [u32; TOGETHER as usize] = std::array::from_fn(|i| (first + i as u32).min(targets - 1));
        for (target, met) in (first..targets).zip(prepared.product.meet(pixel, group)) {
            let score = method.score(prepared, pixel, target as usize, met);
            take(target as usize, score);
            top.insert((target, score));
        }
    }
    top.decision()
}

/// The best two targets of each of some pixels and their scores, as [`decide`] finds them, where all targets are scored.
pub(crate) struct Leaders {
    /// [`Candidates::NONE`] where there is none yet. As wide as scores, so that registers hold as many.
    pub(crate) best: Vec<u64>,
    pub(crate) runner_up: Vec<u64>,
    pub(crate) score: Vec<f64>,
    pub(crate) runner_up_score: Vec<f64>,
    larger_is_better: bool,
}

impl Leaders {
    /// Of so many pixels, by the scores of a method.
    pub(crate) fn new(pixels: usize, method: &dyn Method) -> Self {
        let (nobody, none) = (vec![Candidates::NONE.into(); pixels], vec![f64::NAN; pixels]);
        let larger_is_better = method.better(1.0, 0.0);
        Self { best: nobody.clone(), runner_up: nobody, score: none.clone(), runner_up_score: none, larger_is_better }
    }

    /// Enters the scores of some pixels with targets from `first` on, the next in turn: the first of all begins anew.
    pub(crate) fn enter<const N: usize>(&mut self, first: usize, scores: &[[f64; N]], pixels: Range<usize>) {
        let Self { best, runner_up, score, runner_up_score, larger_is_better } = self;
        let who = [best, runner_up].map(|who| &mut who[pixels.clone()]);
        let scored = [score, runner_up_score].map(|scored| &mut scored[pixels.clone()]);
        run(Enter { who, scored, first: first as u64, scores: scores.as_flattened(), larger: *larger_is_better });
    }
}

struct Enter<'a> {
    who: [&'a mut [u64]; 2],
    scored: [&'a mut [f64]; 2],
    first: u64,
    /// `[target][pixel]`.
    scores: &'a [f64],
    larger: bool,
}

impl WithSimd for Enter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { who, scored, first, scores, larger } = self;
        let vectors = who[0].len() / S::F64_LANES;
        let scores = S::as_simd_f64s(scores).0;
        let [best, runner_up] = who.map(|who| S::as_mut_simd_u64s(who).0);
        let [score, second] = scored.map(|scored| S::as_mut_simd_f64s(scored).0);
        let better = |a, b| if larger { simd.greater_than_f64s(a, b) } else { simd.less_than_f64s(a, b) };
        for v in 0..vectors {
            let (mut leader, mut follower) = ((best[v], score[v]), (runner_up[v], second[v]));
            for (target, scores) in (first..).zip(scores.chunks_exact(vectors)) {
                let new = (simd.splat_u64s(target), scores[v]);
                let of = |mask, a: (S::u64s, S::f64s), b: (S::u64s, S::f64s)| {
                    (simd.select_u64s(mask, a.0, b.0), simd.select_f64s(mask, a.1, b.1))
                };
                (leader, follower) = match target {
                    0 => (new, (simd.splat_u64s(Candidates::NONE.into()), simd.splat_f64s(f64::NAN))),
                    1 => {
                        let leads = better(new.1, leader.1);
                        (of(leads, new, leader), of(leads, leader, new))
                    }
                    _ => {
                        let (leads, follows) = (better(new.1, leader.1), better(new.1, follower.1));
                        (of(leads, new, leader), of(leads, leader, of(follows, new, follower)))
                    }
                };
            }
            (best[v], score[v]) = leader;
            (runner_up[v], second[v]) = follower;
        }
    }
}

struct Top<'a> {
    method: &'a dyn Method,
    best: (u32, f64),
    second: (u32, f64),
}

impl<'a> Top<'a> {
    fn new(method: &'a dyn Method) -> Self {
        Self { method, best: (Candidates::NONE, f64::NAN), second: (Candidates::NONE, f64::NAN) }
    }

    fn meet<const N: usize>(&mut self, prepared: &Prepared, pixel: &Pixel, targets: [u32; N]) {
        for (target, met) in targets.into_iter().zip(prepared.product.meet(pixel, targets)) {
            self.insert((target, self.method.score(prepared, pixel, target as usize, met)));
        }
    }

    fn decision(self) -> Decision {
        Decision { best: self.best.0, score: self.best.1, runner_up: self.second.0, runner_up_score: self.second.1 }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::find;

    /// Ties, no numbers and all orders of three, by wide registers and by the plain ones that every processor has.
    #[test]
    fn leaders_are_those_that_pixels_find_one_by_one() {
        const SCORES: [f64; 6] = [0.3, 0.7, 0.7, -0.1, f64::NAN, f64::INFINITY];
        const TARGETS: usize = 7;
        for (word, larger) in [("mf", true), ("sam", false)] {
            let method = find(word).unwrap();
            let scores: [[f64; 64]; TARGETS] = std::array::from_fn(|t| {
                std::array::from_fn(|p| SCORES[(p / SCORES.len().pow(t as u32 % 3) + t / 3) % SCORES.len()])
            });
            let mut leaders = Leaders::new(64, method);
            assert_eq!(leaders.larger_is_better, larger);
            // What was there before does not matter.
            for _ in 0..2 {
                for targets in [0..1, 1..4, 4..TARGETS] {
                    leaders.enter(targets.start, &scores[targets], 0..64);
                }
            }
            let mut plain = Leaders::new(64, method);
            let who = [&mut plain.best[..], &mut plain.runner_up];
            let scored = [&mut plain.score[..], &mut plain.runner_up_score];
            Enter { who, scored, first: 0, scores: scores.as_flattened(), larger }.with_simd(pulp::Scalar::new());
            for p in 0..64 {
                let mut top = Top::new(method);
                (0..TARGETS).for_each(|t| top.insert((t as u32, scores[t][p])));
                let expected = top.decision();
                for found in [&leaders, &plain] {
                    assert_eq!([found.best[p], found.runner_up[p]], [expected.best, expected.runner_up].map(u64::from));
                    let bits = |scores: [f64; 2]| scores.map(f64::to_bits);
                    let scores = [found.score[p], found.runner_up_score[p]];
                    assert_eq!(bits(scores), bits([expected.score, expected.runner_up_score]), "{word}, pixel {p}");
                }
            }
        }
    }
}

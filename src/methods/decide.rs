//! From keys to the decision: best target and runner-up with their exact scores.

use std::ops::Range;

use super::{Method, Pixel, Prepared};
use crate::simd::wide;

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
pub struct Leaders {
    pub(crate) best: Vec<u32>,
    pub(crate) runner_up: Vec<u32>,
    pub(crate) score: Vec<f64>,
    pub(crate) runner_up_score: Vec<f64>,
}

impl Leaders {
    pub(crate) fn new(pixels: usize) -> Self {
        let (nobody, none) = (vec![Candidates::NONE; pixels], vec![f64::NAN; pixels]);
        Self { best: nobody.clone(), runner_up: nobody, score: none.clone(), runner_up_score: none }
    }

    /// No pixel has met a target.
    pub(crate) fn clear(&mut self) {
        [&mut self.best, &mut self.runner_up].into_iter().for_each(|who| who.fill(Candidates::NONE));
        [&mut self.score, &mut self.runner_up_score].into_iter().for_each(|score| score.fill(f64::NAN));
    }

    /// [`Method::lead`] of any method, compiled for each: without branches, so that the loop is one over registers.
    pub(super) fn enter<M: Method + ?Sized>(&mut self, method: &M, target: u32, scores: &[f64], pixels: Range<usize>) {
        /// A register of scores.
        const TOGETHER: usize = 8;
        let (best, runner_up) = (&mut self.best[pixels.clone()], &mut self.runner_up[pixels.clone()]);
        let (score, second) = (&mut self.score[pixels.clone()], &mut self.runner_up_score[pixels]);
        wide(
            (best, runner_up, score, second),
            #[inline(always)]
            |(best, runner_up, score, second)| {
                let places = best.as_chunks_mut::<TOGETHER>().0.iter_mut().zip(runner_up.as_chunks_mut::<TOGETHER>().0);
                let scored = score.as_chunks_mut::<TOGETHER>().0.iter_mut().zip(second.as_chunks_mut::<TOGETHER>().0);
                for ((who, scored), new) in places.zip(scored).zip(scores.as_chunks::<TOGETHER>().0) {
                    // Copies, as the compiler cannot tell that these are not the same memory.
                    let (mut best, mut runner_up) = (*who.0, *who.1);
                    let (mut score, mut second) = (*scored.0, *scored.1);
                    for i in 0..TOGETHER {
                        let leads = (best[i] == Candidates::NONE) | method.better(new[i], score[i]);
                        let follows = (runner_up[i] == Candidates::NONE) | method.better(new[i], second[i]);
                        let (behind, behind_score) = if follows { (target, new[i]) } else { (runner_up[i], second[i]) };
                        runner_up[i] = if leads { best[i] } else { behind };
                        second[i] = if leads { score[i] } else { behind_score };
                        best[i] = if leads { target } else { best[i] };
                        score[i] = if leads { new[i] } else { score[i] };
                    }
                    (*who.0, *who.1) = (best, runner_up);
                    (*scored.0, *scored.1) = (score, second);
                }
            },
        );
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

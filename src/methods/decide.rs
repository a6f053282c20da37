//! From keys to the decision: best target and runner-up with their exact scores.

use super::{Met, Method, Pixel, Prepared};

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

/// Decides one pixel that met each of its targets, and hands the scores out.
#[must_use]
pub(crate) fn decide_met(
    method: &dyn Method,
    prepared: &Prepared,
    pixel: &Pixel,
    met: impl Iterator<Item = Met>,
    mut take: impl FnMut(usize, f64),
) -> Decision {
    let mut top = Top::new(method);
    for (target, met) in met.enumerate() {
        let score = method.score(prepared, pixel, target, met);
        take(target, score);
        top.insert((target as u32, score));
    }
    top.decision()
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

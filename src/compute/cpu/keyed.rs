//! The decision over a block where keys tell scores.
//!
//! Where the first three places of a ranking lie further apart than rounding can move them, the class follows from keys
//! alone, and scores from keys too, unless these tell too little (small angles). The other pixels are turned into rows and
//! decided in f64. A score is reported from its key wherever a key tells enough, whichever way the class was found: so it
//! does not depend on how a device rounds, and neither does any other bit of a map.

use super::Keys;
use super::block::{Block, single};
use super::project::Weights;
use super::rank::Ranked;
use super::transpose::SIDE;
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, Task};
use crate::methods::{Candidates, Decision, decide, keys_decide};
use crate::simd::wide;
use crate::tile::Tile;

/// Scratch of the decisions.
pub(super) struct Keyed {
    norms: Vec<f64>,
    bases: Vec<f64>,
    /// Bounds on the errors of keys.
    errors: Vec<f64>,
    /// Where keys tell the class.
    decided: [bool; BLOCK],
    /// The keys of the targets in one place.
    keys: Vec<f32>,
    /// What the keys of the leading two tell.
    scores: [Vec<f64>; 2],
    /// Whether keys are sums in lanes.
    in_lanes: bool,
    /// With rule images: what makes the keys of all targets, and these, `[target][BLOCK]`.
    all: Option<(Weights, Vec<f32>)>,
}

impl Keyed {
    /// `None` where keys do not tell scores.
    pub(super) fn new(assignment: &Assignment, task: &Task) -> Option<Self> {
        let product = &assignment.product;
        let all = || (Weights::of(&product.weights), vec![0.0; product.targets() * BLOCK]);
        assignment.is_keyed().then(|| Self {
            norms: vec![f64::NAN; BLOCK],
            bases: vec![f64::NAN; BLOCK],
            errors: vec![f64::INFINITY; BLOCK],
            decided: [false; BLOCK],
            keys: vec![f32::NAN; BLOCK],
            scores: [vec![f64::NAN; BLOCK], vec![f64::NAN; BLOCK]],
            in_lanes: assignment.is_narrowed(task),
            all: task.rules.then(all),
        })
    }

    pub(super) fn decide(
        &mut self,
        block: &mut Block,
        task: &Task,
        assignment: &Assignment,
        work: &mut Work,
        tile: &Tile,
    ) {
        let ending = &assignment.endings[0];
        let (method, prepared) = (ending.method, &ending.prepared);
        let known = self.norms.iter_mut().zip(&mut self.bases).zip(&mut self.errors);
        for (measured, ((norm, base), error)) in work.all_measured().zip(known) {
            (*norm, *base) = measured.map_or((f64::NAN, f64::NAN), |p| (p.norm, p.base));
            *error = measured.filter(|p| p.tame).map_or(f64::INFINITY, |p| prepared.product_error(p));
        }
        for (place, scores) in self.scores.iter_mut().enumerate() {
            leading(work, tile, (assignment, self.in_lanes), place, &mut self.keys);
            method.scores_of_keys(&self.keys, &self.bases, &self.norms, scores);
        }
        let Ranked { target: [best, runner_up, ..], key: [first, second, third, _] } = &work.ranked[0];
        let (keys, ranked) = ([&first[..], second, third], [&best[..], runner_up]);
        keys_decide(prepared.targets(), keys, ranked, &self.errors, &mut self.decided);
        let scores = self.scores.each_ref().map(Vec::as_slice);
        let are_numbers = scores[0].iter().zip(scores[1]).zip(runner_up);
        let are_numbers = are_numbers.map(|((a, b), who)| !a.is_nan() & (!b.is_nan() | (*who == Candidates::NONE)));
        let mut told = self.decided;
        told.iter_mut().zip(are_numbers).for_each(|(told, are_numbers)| *told &= are_numbers);
        block.maps[ending.index].write_told(&told, ranked, scores);
        let mut rows = Rows::default();
        for pixel in (0..block.count).filter(|&pixel| !told[pixel]) {
            let [best, runner_up] = [0, 1].map(|place| work.ranked[0].target[place][pixel]);
            let [score, runner_up_score] = [0, 1].map(|place| self.scores[place][pixel]);
            let by_keys = Decision { best, score, runner_up, runner_up_score };
            let Some(measured) = work.measured(pixel) else { continue };
            let mut decision = if self.decided[pixel] {
                by_keys
            } else {
                rows.make(work, tile, pixel);
                let ranked = work.ranked[0].candidates(pixel);
                decide(method, prepared, &work.pixel(pixel).unwrap_or(measured), &ranked)
            };
            if measured.tame {
                decision.score = self.score(decision.best, pixel, assignment, work, tile, &mut rows);
                decision.runner_up_score = self.score(decision.runner_up, pixel, assignment, work, tile, &mut rows);
            }
            block.maps[ending.index].write(pixel, &decision);
        }
        if task.rules {
            self.rules(block, assignment, work, tile);
        }
    }

    /// The score that a tame pixel has for a target: what the key tells, or in f64 what that leaves open.
    fn score(
        &self,
        target: u32,
        pixel: usize,
        assignment: &Assignment,
        work: &mut Work,
        tile: &Tile,
        rows: &mut Rows,
    ) -> f64 {
        let (true, Some(measured)) = (target != Candidates::NONE, work.measured(pixel)) else { return f64::NAN };
        let ending = &assignment.endings[0];
        let told = match (0..2).find(|&place| work.ranked[0].target[place][pixel] == target) {
            Some(place) => self.scores[place][pixel],
            None => {
                let key = scored_key((assignment, self.in_lanes), work.features(tile, pixel), target);
                let mut told = [f64::NAN];
                ending.method.scores_of_keys(&[key], &[measured.base], &[measured.norm], &mut told);
                told[0]
            }
        };
        if !told.is_nan() {
            return told;
        }
        rows.make(work, tile, pixel);
        let seen = work.pixel(pixel).unwrap_or(measured);
        ending.method.score_untold(&ending.prepared, &seen, target as usize)
    }

    /// The score of every target.
    fn rules(&mut self, block: &mut Block, assignment: &Assignment, work: &mut Work, tile: &Tile) {
        let ending = &assignment.endings[0];
        let Some((weights, keys)) = &mut self.all else { return };
        weights.project(work.panels(tile), &[], Keys { ending, stride: BLOCK, start: 0, keys });
        let rules = &mut block.maps[ending.index].rules;
        let mut scores = [f64::NAN; BLOCK];
        let mut rows = Rows::default();
        let mut untold = [false; BLOCK];
        for (keys, rule) in keys.chunks_exact(BLOCK).zip(rules.iter_mut()) {
            ending.method.scores_of_keys(keys, &self.bases, &self.norms, &mut scores);
            for (pixel, value) in rule.iter_mut().enumerate() {
                let tame = work.measured(pixel).is_some_and(|p| p.tame);
                *value = if tame { single(scores[pixel]) } else { f32::NAN };
                untold[pixel] |= value.is_nan();
            }
        }
        for pixel in (0..block.count).filter(|&p| untold[p]) {
            rows.make(work, tile, pixel);
            let Some(seen) = work.pixel(pixel) else { continue };
            for (target, rule) in rules.iter_mut().enumerate().filter(|(_, rule)| rule[pixel].is_nan()) {
                rule[pixel] = single(ending.method.score_untold(&ending.prepared, &seen, target));
            }
        }
    }
}

/// The rows that were made last.
#[derive(Default)]
struct Rows(Option<usize>);

impl Rows {
    /// Makes the rows of a pixel and its neighbours, unless they are there.
    fn make(&mut self, work: &mut Work, tile: &Tile, pixel: usize) {
        let first = pixel / SIDE * SIDE;
        if self.0 != Some(first) {
            work.make_rows(tile, first);
            self.0 = Some(first);
        }
    }
}

/// The key that a score comes of: a sum in one order everywhere.
#[inline(always)]
fn scored_key<'a>((of, in_lanes): (&Assignment, bool), features: impl Iterator<Item = &'a f32>, target: u32) -> f32 {
    if in_lanes { of.product.in_lanes(features, target) } else { of.product.chain(features, target) }
}

/// Such keys of the targets in a place.
fn leading(work: &Work, tile: &Tile, of: (&Assignment, bool), place: usize, keys: &mut [f32]) {
    let ranked = &work.ranked[0];
    if work.keys_are_scored {
        keys.copy_from_slice(&ranked.key[place]);
        return;
    }
    for (pixel, (key, &target)) in keys.iter_mut().zip(&ranked.target[place]).enumerate() {
        if work.measured(pixel).is_some() && target != Candidates::NONE {
            *key = wide(
                pixel,
                #[inline(always)]
                |pixel| scored_key(of, work.features(tile, pixel), target),
            );
        }
    }
}

//! A block's part of every output, and the decision over its pixels in f64.

use super::transpose::SIDE;
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, MapScores, Task};
use crate::methods::{Candidates, Decision, Met, decide, decide_all};
use crate::simd::wide;
use crate::tile::Tile;

/// A block's stretch of every output.
pub(super) struct Block<'a> {
    pub(super) count: usize,
    pub(super) maps: Vec<Stretch<'a>>,
}

pub(super) struct Stretch<'a> {
    best: &'a mut [u16],
    runner_up: &'a mut [u16],
    score: &'a mut [f32],
    margin: &'a mut [f32],
    pub(super) rules: Vec<&'a mut [f32]>,
}

impl<'a> Block<'a> {
    /// All blocks of a tile of so many pixels.
    pub(super) fn all(maps: &'a mut [MapScores], pixels: usize) -> impl Iterator<Item = Self> {
        let stretches = |map: &'a mut MapScores| {
            let (mut best, mut runner_up) = (map.best.chunks_mut(BLOCK), map.runner_up.chunks_mut(BLOCK));
            let (mut score, mut margin) = (map.score.chunks_mut(BLOCK), map.margin.chunks_mut(BLOCK));
            // Of many targets they are many, and are not for whoever takes a block while others wait.
            let mut rules: Vec<Vec<&mut [f32]>> = (0..pixels.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
            for row in map.rules.chunks_mut(pixels.max(1)) {
                rules.iter_mut().zip(row.chunks_mut(BLOCK)).for_each(|(block, stretch)| block.push(stretch));
            }
            let mut rules = rules.into_iter();
            move || {
                Some(Stretch {
                    best: best.next().unwrap_or_default(),
                    runner_up: runner_up.next().unwrap_or_default(),
                    score: score.next()?,
                    margin: margin.next().unwrap_or_default(),
                    rules: rules.next().unwrap_or_default(),
                })
            }
        };
        let mut maps: Vec<_> = maps.iter_mut().map(stretches).collect();
        (0..pixels).step_by(BLOCK).map(move |start| Self {
            count: BLOCK.min(pixels - start),
            maps: maps.iter_mut().filter_map(|next| next()).collect(),
        })
    }

    pub(super) fn decide(&mut self, task: &Task, assignment: &Assignment, work: &mut Work, tile: &Tile) {
        // An energy needs none of a pixel's own values.
        let are_met = assignment.endings.iter().any(|e| e.method.has_targets());
        for pixel in 0..self.count {
            if are_met && pixel % SIDE == 0 {
                work.make_rows(tile, pixel);
            }
            let Some(seen) = work.pixel(pixel) else { continue };
            for (ending, ranked) in assignment.endings.iter().zip(&work.ranked) {
                let (method, prepared) = (ending.method, &ending.prepared);
                // Too far from the background for f32: no data.
                if method.whitens() && !seen.energy.is_finite() {
                    continue;
                }
                let out = &mut self.maps[ending.index];
                if !method.has_targets() {
                    out.score[pixel] = single(method.score(prepared, &seen, 0, Met::NONE));
                    continue;
                }
                let decision = if task.rules {
                    decide_all(method, prepared, &seen, |target, score| out.rules[target][pixel] = single(score))
                } else {
                    decide(method, prepared, &seen, &ranked.candidates(pixel))
                };
                out.write(pixel, &decision);
            }
        }
    }
}

/// As f32; what f32 cannot hold becomes the largest that it can, so that no output is infinite.
pub(super) fn single(score: f64) -> f32 {
    (score as f32).clamp(f32::MIN, f32::MAX)
}

#[inline(always)]
fn margin(score: f64, runner_up_score: f64) -> f32 {
    single((runner_up_score - score).abs())
}

impl Stretch<'_> {
    pub(super) fn write(&mut self, pixel: usize, decision: &Decision) {
        self.best[pixel] = decision.best as u16;
        self.score[pixel] = single(decision.score);
        if decision.runner_up != Candidates::NONE {
            self.runner_up[pixel] = decision.runner_up as u16;
            self.margin[pixel] = margin(decision.score, decision.runner_up_score);
        }
    }

    /// The same of all pixels that are `told`, given the best two targets and their scores.
    pub(super) fn write_told(&mut self, told: &[bool], targets: [&[u32]; 2], scores: [&[f64]; 2]) {
        wide(
            self,
            #[inline(always)]
            |out| {
                // Slices of one length, so that nothing is checked in the loops, and each keeps to registers of one kind.
                let count = out.score.len();
                let (told, targets, scores) =
                    (&told[..count], targets.map(|t| &t[..count]), scores.map(|s| &s[..count]));
                for (pixel, best) in out.best[..count].iter_mut().enumerate() {
                    *best = if told[pixel] { targets[0][pixel] as u16 } else { *best };
                }
                for (pixel, score) in out.score.iter_mut().enumerate() {
                    *score = if told[pixel] { single(scores[0][pixel]) } else { *score };
                }
                let has_runner_up = |pixel: usize| told[pixel] & (targets[1][pixel] != Candidates::NONE);
                for (pixel, runner_up) in out.runner_up[..count].iter_mut().enumerate() {
                    *runner_up = if has_runner_up(pixel) { targets[1][pixel] as u16 } else { *runner_up };
                }
                for (pixel, out) in out.margin[..count].iter_mut().enumerate() {
                    *out = if has_runner_up(pixel) { margin(scores[0][pixel], scores[1][pixel]) } else { *out };
                }
            },
        );
    }

    /// Writes the scores of some pixels with a target, where these are data.
    pub(super) fn write_rule(&mut self, target: usize, first: usize, scores: &[f64], valid: &[bool]) {
        let rule = self.rules[target][first..].iter_mut();
        for ((to, &score), _) in rule.zip(scores).zip(&valid[first..]).filter(|(_, valid)| **valid) {
            *to = single(score);
        }
    }
}

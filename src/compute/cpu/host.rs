//! The host's part of every backend: threads, packing, and the decision over ranked pixels in f64.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::block;
use crate::compute::{Assignment, MapScores, PIXELS_A_BLOCK, Scores, Task};
use crate::error::{Error, Result};
use crate::methods::{Candidates, Decision, Pixel, decide, decide_scored};
use crate::tile::{Scaling, Tile};

pub(super) const BLOCK: usize = PIXELS_A_BLOCK;

/// What a device knows of a block of pixels.
pub(in crate::compute) struct Work {
    /// Features, `[pixel][feature]`: what decides.
    features: Vec<f32>,
    /// The same in groups of pixels, `[group][feature][WIDTH]`: what is multiplied.
    pub(super) panel: Vec<f32>,
    /// The same before they were rounded, where the product needs them.
    precise: Vec<f64>,
    /// The pixels without their features; `None` where a pixel has none in the product's space.
    measures: Vec<Option<Pixel<'static>>>,
    /// For each ending, the leading targets of each pixel.
    pub(in crate::compute) ranked: Vec<Vec<Candidates>>,
    /// Squared lengths of the whitened features.
    pub(in crate::compute) energy: Vec<f32>,
    /// What is subtracted and by what values are multiplied first.
    scaling: Option<Scaling>,
    mean_length: f64,
}

impl Work {
    pub(super) fn new(assignment: &Assignment) -> Self {
        let features = assignment.product.features();
        let mean_length = assignment.product.shift.iter().map(|m| m * m).sum::<f64>().sqrt();
        Self {
            features: vec![0.0; BLOCK * features],
            panel: vec![0.0; BLOCK * features],
            precise: vec![0.0; if assignment.product.precise { BLOCK * features } else { 0 }],
            measures: vec![None; BLOCK],
            ranked: vec![vec![Candidates::EMPTY; BLOCK]; assignment.endings.len()],
            energy: vec![f32::NAN; BLOCK],
            scaling: None,
            mean_length,
        }
    }

    /// Packs pixels of a tile and turns them into the features of the product's space.
    pub(super) fn pack(&mut self, tile: &Tile, start: usize, count: usize, assignment: &Assignment, scaling: &Scaling) {
        let product = &assignment.product;
        let scaling = self.scaling.get_or_insert_with(|| scaling.less(&product.shift));
        let features = product.features();
        if product.precise {
            block::pack(tile, start, count, scaling, features, &mut self.precise);
            self.features.iter_mut().zip(&self.precise).for_each(|(f, p)| *f = *p as f32);
        } else {
            block::pack(tile, start, count, scaling, features, &mut self.features);
        }
        let rows = self.features.chunks_exact_mut(features.max(1)).take(count);
        for (row, measure) in rows.zip(&mut self.measures) {
            let pixel = product.space.of(row, tile.bands, self.mean_length);
            *measure = pixel.map(|p| Pixel { features: &[], precise: &[], ..p });
        }
    }

    /// Groups what was packed, for products on the CPU.
    pub(super) fn group(&mut self, count: usize, assignment: &Assignment) {
        block::group(&self.features, assignment.product.features(), count, &mut self.panel);
    }
}

/// The host's threads.
pub(in crate::compute) struct Host {
    pool: ThreadPool,
}

impl Host {
    pub(in crate::compute) fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("alunite-{i}"))
            .build()
            .map_err(|e| Error::failed("threads", e).hint("try a smaller --threads"))?;
        Ok(Self { pool })
    }

    pub(super) fn label(&self) -> String {
        format!("CPU, {} threads", self.pool.current_num_threads())
    }

    /// `make(state, i)` for i from 0 to `count`, in parallel; every thread has a state of its own.
    pub(in crate::compute) fn each<S: Default, R: Send>(
        &self,
        count: usize,
        make: impl Fn(&mut S, usize) -> R + Sync + Send,
    ) -> Vec<R> {
        self.pool.install(|| (0..count).into_par_iter().map_init(S::default, make).collect())
    }

    /// `fill(i, chunk)` for the chunks of `all`, in parallel.
    pub(in crate::compute) fn each_chunk<T: Send>(
        &self,
        all: &mut [T],
        size: usize,
        fill: impl Fn(usize, &mut [T]) + Sync,
    ) {
        self.pool.install(|| all.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| fill(i, chunk)));
    }

    /// Scratch for [`Host::decide`], empty yet.
    pub(in crate::compute) fn scratch<B>(&self) -> Scratch<B> {
        Scratch((0..self.pool.current_num_threads()).map(|_| Mutex::default()).collect())
    }

    /// Packs every block of the tile, has `rank` fill in rankings and energies, and decides its pixels.
    ///
    /// `make` makes what `rank` keeps from block to block in one thread; the pixels of a block are counted in the tile.
    pub(in crate::compute) fn decide<B: Send>(
        &self,
        scratch: &Scratch<B>,
        task: &Task,
        tile: &Tile,
        group: usize,
        make: impl Fn(&Assignment) -> B + Sync,
        rank: impl Fn(Range<usize>, &Assignment, &mut Work, &mut B) + Sync,
    ) -> Scores {
        let mut scores = Scores::nodata(task, tile.window);
        let Some(assignments) = task.groups.get(group) else { return scores };
        let blocks = Mutex::new(Blocks::of(&mut scores.maps, tile.window.pixels()).into_iter().enumerate());
        self.pool.broadcast(|thread| {
            // Nobody else takes this thread's scratch; were it poisoned, it would be made anew.
            let mut kept = scratch.0[thread.index()].lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Kept {
                group,
                valid: Vec::new(),
                products: assignments.iter().map(|a| (Work::new(a), make(a))).collect(),
            };
            if kept.as_ref().is_none_or(|kept| kept.group != group) {
                *kept = None; // Freed before the next is made.
            }
            let Kept { valid, products, .. } = kept.get_or_insert_with(fresh);
            loop {
                let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((i, mut block)) = next else { break };
                let pixels = i * BLOCK..i * BLOCK + block.count;
                tile.valid_in(pixels.clone(), task.nodata, valid);
                if !valid.contains(&true) {
                    continue;
                }
                for (assignment, (work, buffer)) in assignments.iter().zip(&mut *products) {
                    work.pack(tile, pixels.start, block.count, assignment, &task.scaling);
                    rank(pixels.clone(), assignment, work, buffer);
                    block.decide(task, assignment, work, valid);
                }
            }
        });
        scores
    }
}

/// What threads keep from tile to tile, as allocating it costs more than many a tile.
pub(in crate::compute) struct Scratch<B>(Vec<Mutex<Option<Kept<B>>>>);

struct Kept<B> {
    /// The group of columns that it is for.
    group: usize,
    valid: Vec<bool>,
    /// One for each product.
    products: Vec<(Work, B)>,
}

/// A block's stretch of every output.
struct Blocks<'a> {
    count: usize,
    maps: Vec<Stretch<'a>>,
}

struct Stretch<'a> {
    best: &'a mut [u16],
    runner_up: &'a mut [u16],
    score: &'a mut [f32],
    margin: &'a mut [f32],
    rules: Vec<&'a mut [f32]>,
}

impl<'a> Blocks<'a> {
    fn of(maps: &'a mut [MapScores], pixels: usize) -> Vec<Self> {
        let starts = || (0..pixels).step_by(BLOCK);
        let mut blocks: Vec<Self> =
            starts().map(|start| Self { count: BLOCK.min(pixels - start), maps: Vec::new() }).collect();
        for map in maps {
            let mut rules: Vec<Vec<&mut [f32]>> = blocks.iter().map(|_| Vec::new()).collect();
            for row in map.rules.chunks_mut(pixels.max(1)) {
                rules.iter_mut().zip(row.chunks_mut(BLOCK)).for_each(|(block, stretch)| block.push(stretch));
            }
            let (mut best, mut runner_up) = (map.best.chunks_mut(BLOCK), map.runner_up.chunks_mut(BLOCK));
            let mut margin = map.margin.chunks_mut(BLOCK);
            let score = map.score.chunks_mut(BLOCK);
            for ((block, score), rules) in blocks.iter_mut().zip(score).zip(rules) {
                block.maps.push(Stretch {
                    best: best.next().unwrap_or_default(),
                    runner_up: runner_up.next().unwrap_or_default(),
                    score,
                    margin: margin.next().unwrap_or_default(),
                    rules,
                });
            }
        }
        blocks
    }

    fn decide(&mut self, task: &Task, assignment: &Assignment, work: &Work, valid: &[bool]) {
        let features = assignment.product.features();
        for pixel in (0..self.count).filter(|&p| valid[p]) {
            let Some(measure) = work.measures[pixel] else { continue };
            let energy = f64::from(work.energy[pixel]);
            let at = pixel * features;
            let precise = work.precise.get(at..at + features).unwrap_or_default();
            let seen = Pixel { features: &work.features[at..][..features], precise, energy, ..measure };
            for (ending, ranked) in assignment.endings.iter().zip(&work.ranked) {
                let (method, prepared) = (ending.method, &ending.prepared);
                // Too far from the background for f32: no data.
                if method.whitens() && !energy.is_finite() {
                    continue;
                }
                let out = &mut self.maps[ending.index];
                if !method.has_targets() {
                    out.score[pixel] = single(method.score(prepared, &seen, 0));
                    continue;
                }
                let decision = if task.rules {
                    let rules = out.rules.iter_mut().enumerate();
                    let scores = rules.map(|(target, rule)| {
                        let score = method.score(prepared, &seen, target);
                        rule[pixel] = single(score);
                        (target as u32, score)
                    });
                    decide_scored(method, scores)
                } else {
                    decide(method, prepared, &seen, &ranked[pixel])
                };
                out.write(pixel, &decision);
            }
        }
    }
}

/// As f32; what f32 cannot hold becomes the largest that it can, so that no output is infinite.
fn single(score: f64) -> f32 {
    (score as f32).clamp(f32::MIN, f32::MAX)
}

impl Stretch<'_> {
    fn write(&mut self, pixel: usize, decision: &Decision) {
        self.best[pixel] = decision.best as u16;
        self.score[pixel] = single(decision.score);
        if decision.runner_up != Candidates::NONE {
            self.runner_up[pixel] = decision.runner_up as u16;
            self.margin[pixel] = single((decision.runner_up_score - decision.score).abs());
        }
    }
}

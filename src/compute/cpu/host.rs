//! The host's part of every backend: threads, and the decision over ranked pixels in f64.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::transpose::SIDE;
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, MapScores, Scores, Task};
use crate::error::{Error, Result};
use crate::methods::{Candidates, Decision, Met, decide, decide_all};
use crate::tile::Tile;

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
            let fresh =
                || Kept { group, products: assignments.iter().map(|a| (Work::new(a, task), make(a))).collect() };
            if kept.as_ref().is_none_or(|kept| kept.group != group) {
                *kept = None; // Freed before the next is made.
            }
            let Kept { products, .. } = kept.get_or_insert_with(fresh);
            loop {
                let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((i, mut block)) = next else { break };
                let pixels = i * BLOCK..i * BLOCK + block.count;
                for (assignment, (work, buffer)) in assignments.iter().zip(&mut *products) {
                    if work.load(tile, pixels.clone(), task.nodata) {
                        rank(pixels.clone(), assignment, work, buffer);
                        block.decide(task, assignment, work, tile);
                    }
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

    fn decide(&mut self, task: &Task, assignment: &Assignment, work: &mut Work, tile: &Tile) {
        for pixel in 0..self.count {
            if pixel % SIDE == 0 {
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

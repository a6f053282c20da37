//! The host's part of every backend: threads, and the decision over ranked pixels in f64.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::block::Block;
use super::direct::Direct;
use super::keyed::Keyed;
use super::work::{BLOCK, Work};
use crate::compute::{Assignment, Scores, Task};
use crate::error::{Error, Result};
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

    pub(super) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    pub(super) fn label(&self) -> String {
        format!("CPU, {} threads", self.threads())
    }

    /// `make(state, i)` for i from 0 to `count`, in parallel; every thread has a state of its own. Threads take one after the
    /// other: where there are few, halves of them end at different times.
    pub(in crate::compute) fn each<S: Default, R: Send>(
        &self,
        count: usize,
        make: impl Fn(&mut S, usize) -> R + Sync + Send,
    ) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < count);
        let some = |state: &mut S| std::iter::from_fn(take).map(|i| (i, make(state, i))).collect::<Vec<_>>();
        let mut made: Vec<(usize, R)> =
            self.pool.broadcast(|_| some(&mut S::default())).into_iter().flatten().collect();
        made.sort_unstable_by_key(|(i, _)| *i);
        made.into_iter().map(|(_, made)| made).collect()
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

    /// Scratch for [`Host::decide`], empty yet. Products that allow it and have at most `most_direct` targets are scored
    /// directly, and need no ranks.
    pub(in crate::compute) fn scratch<B>(&self, most_direct: usize) -> Scratch<B> {
        Scratch { most_direct, of_threads: (0..self.threads()).map(|_| Mutex::default()).collect() }
    }

    /// Loads every block of the tile, has `rank` fill in rankings and energies, and decides its pixels.
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
        let blocks = Mutex::new(Block::all(&mut scores.maps, tile.window.pixels()).enumerate());
        let decide = |thread: usize| {
            // Nobody else takes this thread's scratch; were it poisoned, it would be made anew.
            let mut kept = scratch.of_threads[thread].lock().unwrap_or_else(PoisonError::into_inner);
            let one = |a: &Assignment| {
                let decider = Decider::new(a, task, scratch.most_direct);
                (Work::new(a, task, matches!(decider, Decider::Direct(_))), decider, make(a))
            };
            let fresh = || Kept { group, products: assignments.iter().map(one).collect() };
            if kept.as_ref().is_none_or(|kept| kept.group != group) {
                *kept = None; // Freed before the next is made.
            }
            let Kept { products, .. } = kept.get_or_insert_with(fresh);
            let take = || {
                let (i, block) = blocks.lock().unwrap_or_else(PoisonError::into_inner).next()?;
                Some((i * BLOCK..i * BLOCK + block.count, block))
            };
            let mut next = take();
            while let Some((pixels, mut block)) = next {
                next = take();
                let ahead = next.as_ref().map_or(0..0, |(pixels, _)| pixels.clone());
                for (assignment, (work, decider, buffer)) in assignments.iter().zip(&mut *products) {
                    if work.load(tile, pixels.clone(), ahead.clone(), task.nodata) {
                        rank(pixels.clone(), assignment, work, buffer);
                        work.measure(tile, task.nodata);
                        match decider {
                            Decider::Keyed(keyed) => keyed.decide(&mut block, task, assignment, work, tile),
                            Decider::Direct(direct) => direct.decide(&mut block, task, assignment, work, tile),
                            Decider::Ranked => block.decide(task, assignment, work, tile),
                        }
                    }
                }
            }
        };
        match self.threads() {
            // The caller's own thread, in whose caches the tile may lie.
            1 => decide(0),
            // The caller is one of them, and begins while the others wake.
            threads => self.pool.in_place_scope(|scope| {
                let decide = &decide;
                (1..threads).for_each(|thread| scope.spawn(move |_| decide(thread)));
                decide(0);
            }),
        }
        drop(blocks);
        scores
    }
}

/// What threads keep from tile to tile, as allocating it costs more than many a tile.
pub(in crate::compute) struct Scratch<B> {
    most_direct: usize,
    of_threads: Vec<Mutex<Option<Kept<B>>>>,
}

struct Kept<B> {
    /// The group of columns that it is for.
    group: usize,
    /// One for each product.
    products: Vec<(Work, Decider, B)>,
}

/// What decides the pixels of a product.
enum Decider {
    /// Keys, where they tell scores.
    Keyed(Box<Keyed>),
    /// The scores of all targets.
    Direct(Direct),
    /// The scores of those that ranks leave.
    Ranked,
}

impl Decider {
    fn new(assignment: &Assignment, task: &Task, most_direct: usize) -> Self {
        match Keyed::new(assignment, task) {
            Some(keyed) => Self::Keyed(Box::new(keyed)),
            None if assignment.is_direct(task, most_direct) => Self::Direct(Direct::new(assignment)),
            None => Self::Ranked,
        }
    }
}

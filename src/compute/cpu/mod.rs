//! The CPU backend: matrix products over blocks of pixels that stay in cache, with the ending applied while they are there.

mod block;
mod rank;

use gemm::{Parallelism, gemm};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Backend, Scores, Task};
use crate::error::{Error, Result};
use crate::methods::{Candidates, decide, norm};
use crate::tile::Tile;

/// Pixels of one block. At 285 bands a block takes 0.6 MB: it fits the second-level cache of current processors.
const BLOCK: usize = 512;

/// The CPU backend. Its threads are its own.
pub struct Cpu {
    task: Task,
    host: Host,
}

impl Cpu {
    /// A backend of `threads` threads (0: one for each core).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(task: Task, threads: usize) -> Result<Self> {
        Ok(Self { task, host: Host::new(threads)? })
    }

    fn multiply(&self, block: &mut Block) {
        let weights = &self.task.prepared.weights;
        let (targets, bands) = weights.dim();
        // SAFETY: the slices hold BLOCK·targets, BLOCK·bands and targets·bands values, which are what the strides span.
        unsafe {
            gemm(
                BLOCK,
                targets,
                bands,
                block.keys.as_mut_ptr(),
                BLOCK as isize,
                1,
                false,
                block.pixels.as_ptr(),
                1,
                bands as isize,
                weights.as_ptr(),
                bands as isize,
                1,
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
        self.task.method.key(&mut block.keys);
    }
}

impl Backend for Cpu {
    fn label(&self) -> String {
        format!("CPU, {} threads", self.host.pool.current_num_threads())
    }

    fn map(&mut self, tile: &Tile) -> Result<Scores> {
        let targets = self.task.prepared.targets();
        Ok(self.host.decide_blocks(&self.task, tile, |_, block| {
            self.multiply(block);
            rank::rank(&block.keys, targets, &mut block.ranked);
        }))
    }

    fn keys(&mut self, tile: &Tile) -> Result<Vec<f32>> {
        let (pixels, targets) = (tile.window.pixels(), self.task.prepared.targets());
        let mut keys = vec![0.0; pixels * targets];
        let mut block = Block::new(&self.task);
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            block::pack(tile, start, count, &self.task.scaling, &mut block.pixels);
            self.multiply(&mut block);
            for target in 0..targets {
                keys[target * pixels + start..][..count].copy_from_slice(&block.keys[target * BLOCK..][..count]);
            }
        }
        Ok(keys)
    }
}

/// One block of pixels and what becomes of it. Reused from block to block.
struct Block {
    /// Scaled pixels, `[pixel][band]`.
    pixels: Vec<f32>,
    /// Keys, `[target][pixel]`.
    keys: Vec<f32>,
    /// The leading targets of each pixel.
    ranked: Vec<Candidates>,
}

impl Block {
    fn new(task: &Task) -> Self {
        let (targets, bands) = task.prepared.weights.dim();
        Self {
            pixels: vec![0.0; BLOCK * bands],
            keys: vec![0.0; BLOCK * targets],
            ranked: vec![Candidates::EMPTY; BLOCK],
        }
    }
}

/// The host's part of every backend: threads, and the decision over ranked pixels.
pub(super) struct Host {
    pool: ThreadPool,
}

impl Host {
    pub(super) fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("alunite-{i}"))
            .build()
            .map_err(|e| Error::failed("threads", e).hint("try a smaller --threads"))?;
        Ok(Self { pool })
    }

    /// Decides a tile whose pixels a device has ranked. `keys`, with rules, is `[target][tile.stride]`.
    pub(super) fn decide(&self, task: &Task, tile: &Tile, ranked: &[Candidates], keys: &[f32]) -> Scores {
        self.decide_blocks(task, tile, |start, block| {
            let count = BLOCK.min(ranked.len() - start);
            block.ranked[..count].copy_from_slice(&ranked[start..][..count]);
            if task.rules {
                for target in 0..task.prepared.targets() {
                    let row = &keys[target * tile.stride + start..][..count];
                    block.keys[target * BLOCK..][..count].copy_from_slice(row);
                }
            }
        })
    }

    /// Packs every block of the tile, has `rank` fill in its ranking and keys, and decides its pixels.
    fn decide_blocks(&self, task: &Task, tile: &Tile, rank: impl Fn(usize, &mut Block) + Sync) -> Scores {
        let pixels = tile.window.pixels();
        let valid = tile.valid(task.nodata);
        let mut scores = Scores {
            window: tile.window,
            best: vec![Scores::NODATA; pixels],
            runner_up: vec![Scores::NODATA; pixels],
            score: vec![f32::NAN; pixels],
            margin: vec![f32::NAN; pixels],
            rules: vec![f32::NAN; if task.rules { pixels * task.prepared.targets() } else { 0 }],
        };
        // Every block owns its stretch of each output, also of every rule row.
        let mut rules: Vec<Vec<&mut [f32]>> = (0..pixels.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
        for row in scores.rules.chunks_mut(pixels.max(1)) {
            rules.iter_mut().zip(row.chunks_mut(BLOCK)).for_each(|(block, stretch)| block.push(stretch));
        }
        self.pool.install(|| {
            scores
                .best
                .par_chunks_mut(BLOCK)
                .zip(scores.runner_up.par_chunks_mut(BLOCK))
                .zip(scores.score.par_chunks_mut(BLOCK))
                .zip(scores.margin.par_chunks_mut(BLOCK))
                .zip(rules)
                .enumerate()
                .for_each_init(
                    || Block::new(task),
                    |block, (i, ((((best, runner_up), score), margin), mut rules))| {
                        let start = i * BLOCK;
                        let valid = &valid[start..][..best.len()];
                        if !valid.contains(&true) {
                            return;
                        }
                        block::pack(tile, start, best.len(), &task.scaling, &mut block.pixels);
                        rank(start, block);
                        for pixel in (0..best.len()).filter(|&p| valid[p]) {
                            let bands = task.prepared.bands();
                            let spectrum = &block.pixels[pixel * bands..][..bands];
                            let length = norm(spectrum);
                            // 64-bit values that f32 cannot hold come here as zeros or infinities: no data.
                            if !(length > 0.0 && length.is_finite()) {
                                continue;
                            }
                            let decision = decide(task.method, &task.prepared, spectrum, length, &block.ranked[pixel]);
                            best[pixel] = decision.best as u16;
                            score[pixel] = decision.score as f32;
                            if decision.runner_up != Candidates::NONE {
                                runner_up[pixel] = decision.runner_up as u16;
                                margin[pixel] = (decision.runner_up_score - decision.score).abs() as f32;
                            }
                            for (target, rule) in rules.iter_mut().enumerate() {
                                let key = block.keys[target * BLOCK + pixel];
                                rule[pixel] = task.method.rule(&task.prepared, spectrum, length, target, key) as f32;
                            }
                        }
                    },
                );
        });
        scores
    }
}

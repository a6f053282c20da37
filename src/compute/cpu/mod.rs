//! The CPU backend: products of pixels and weights in registers, with endings and ranks applied while they are there.

mod block;
mod contrast;
mod direct;
mod host;
mod integers;
mod keyed;
mod load;
mod measure;
mod narrow;
mod pairs;
mod project;
mod rank;
mod statistics;
mod transpose;
mod work;

use std::sync::Arc;

use pulp::Simd;

pub(super) use host::{Host, Scratch};
use narrow::Narrowing;
use project::{ROWS, Row, Take, WIDTH, Weights};
use rank::Ranking;
use work::{BLOCK, Work};

use super::{Assignment, Backend, Ending, Scores, Summing, Task};
use crate::background::{Moments, Summands, Unit};
use crate::error::Result;
use crate::methods::MIN_RANKED;
use crate::simd::is_fused;
use crate::tile::Tile;

/// The CPU backend. Its threads are its own.
pub struct Cpu {
    task: Arc<Task>,
    host: Host,
    scratch: Scratch<(Kernel, Option<Narrowing>)>,
}

impl Cpu {
    /// A backend of `threads` threads (0: one for each core).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(task: impl Into<Arc<Task>>, threads: usize) -> Result<Self> {
        let host = Host::new(threads)?;
        Ok(Self { task: task.into(), scratch: host.scratch(direct::MOST), host })
    }
}

impl Backend for Cpu {
    fn label(&self) -> String {
        self.host.label()
    }

    fn task(&self) -> &Task {
        &self.task
    }

    fn split(&self) -> Result<Vec<Box<dyn Backend>>> {
        let one = |_| Self::new(Arc::clone(&self.task), 1).map(|cpu| Box::new(cpu) as Box<dyn Backend>);
        (0..self.host.threads()).map(one).collect()
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        let task = &self.task;
        let make = |assignment: &Assignment| {
            let ranks = assignment.is_keyed() || !(task.rules || assignment.is_direct(task, direct::MOST));
            let kernel = Kernel::new(assignment, ranks);
            (kernel, Narrowing::new(assignment, task))
        };
        Ok(self.host.decide(&self.scratch, task, tile, group, make, |_, assignment, work, (kernel, narrowing)| {
            let prepared = &assignment.endings[0].prepared;
            let is_ranked = narrowing.as_mut().is_some_and(|n| n.rank(prepared, work, tile, task.nodata));
            if !is_ranked {
                kernel.run(assignment, work, tile);
            }
            work.keys_are_scored = is_ranked || (narrowing.is_none() && is_fused());
        }))
    }

    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>> {
        let Some((assignment, ending)) = self.task.groups[0]
            .iter()
            .find_map(|a| a.endings.iter().position(|e| e.index == method).map(|ending| (a, ending)))
        else {
            return Ok(Vec::new());
        };
        let (pixels, product) = (tile.window.pixels(), &assignment.product);
        let ending = &assignment.endings[ending];
        let has_targets = ending.method.has_targets();
        let mut keys = vec![0.0; pixels * if has_targets { product.targets() } else { 1 }];
        let (mut work, mut kernel) = (Work::new(assignment, &self.task, false), Kernel::new(assignment, true));
        let weights = Weights::of(&product.weights);
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            // Keys are wanted of every pixel.
            work.load(tile, start..start + count, 0..0, None);
            work.measure(tile, None);
            if !has_targets {
                kernel.run(assignment, &mut work, tile);
                keys[start..start + count].copy_from_slice(&work.energy[..count]);
                continue;
            }
            weights.project(work.panels(tile), &[], Keys { ending, stride: pixels, start, keys: &mut keys });
        }
        Ok(keys)
    }
}

/// What the CPU keeps of a product while it works.
pub(super) struct Kernel {
    /// Of the targets, then of the whitening.
    weights: Weights,
    /// How many of them are targets.
    targets: usize,
    /// For each group of pixels of a block, one for each ending that ranks.
    rankings: Vec<Ranking>,
}

impl Kernel {
    /// `ranks` false leaves the targets out, where every score is computed in f64 anyway. So it is of few.
    fn new(assignment: &Assignment, ranks: bool) -> Self {
        let product = &assignment.product;
        // A single target less the mean of all is nothing.
        let is_nothing = !product.centre.is_empty() && product.targets() == 1;
        let ranks = ranks && !is_nothing && (assignment.is_keyed() || product.targets() >= MIN_RANKED);
        let targets = if ranks { product.targets() } else { 0 };
        let whitening = product.whitening.iter().flat_map(|w| w.rows());
        let rows = product.weights.rows().into_iter().take(targets).chain(whitening);
        Self {
            weights: Weights::new(product.features(), rows),
            targets,
            rankings: vec![Ranking::EMPTY; BLOCK / WIDTH * assignment.ranked()],
        }
    }

    /// Ranks the pixels of a block, and sums their energies.
    fn run(&mut self, assignment: &Assignment, work: &mut Work, tile: &Tile) {
        if self.weights.rows() == 0 {
            work.ranked.iter_mut().for_each(|ranked| ranked.put_first(0));
            return;
        }
        let (targets, endings) = (self.targets, assignment.ranked());
        self.rankings.fill(Ranking::EMPTY);
        let mut energies = std::mem::take(&mut work.energy);
        if assignment.product.whitening.is_some() {
            energies.fill(0.0);
        }
        let endings_that_rank = &assignment.endings[..endings];
        let take = Rank { endings: endings_that_rank, targets, rankings: &mut self.rankings, energies: &mut energies };
        self.weights.project(work.panels(tile), work.ahead(tile), take);
        work.energy = energies;
        for (i, ranking) in self.rankings.iter().enumerate().filter(|_| targets > 0) {
            ranking.write(i / endings, &mut work.ranked[i % endings]);
        }
    }
}

/// Ranks products with targets, and adds those with the whitening to the energies of pixels.
struct Rank<'a> {
    endings: &'a [Ending],
    targets: usize,
    rankings: &'a mut [Ranking],
    energies: &'a mut [f32],
}

impl Take for Rank<'_> {
    // Inlined, so that it is compiled for the registers that the products are in.
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, group: usize, first: usize, products: &[Row]) {
        let (of_targets, whitened) = products.split_at(products.len().min(self.targets.saturating_sub(first)));
        for products in whitened {
            let energies = self.energies[group * WIDTH..].iter_mut();
            energies.zip(products).for_each(|(energy, y)| *energy += y * y);
        }
        if of_targets.is_empty() {
            return;
        }
        let rankings = &mut self.rankings[group * self.endings.len()..];
        for (ending, ranking) in self.endings.iter().zip(rankings) {
            // Keys that tell scores are products as they are.
            if ending.method.is_keyed() {
                ranking.insert(simd, of_targets, first as u32);
                continue;
            }
            let mut keys = [[0.0; WIDTH]; ROWS];
            let keys = &mut keys[..of_targets.len()];
            keys.copy_from_slice(of_targets);
            let constants = &ending.prepared.constants[first..];
            keys.iter_mut().zip(constants).for_each(|(keys, &constant)| ending.method.key(keys, constant));
            ranking.insert(simd, keys, first as u32);
        }
    }
}

/// Keeps the keys of an ending, `[target][stride]`.
struct Keys<'a> {
    ending: &'a Ending,
    stride: usize,
    /// Place of the block's first pixel.
    start: usize,
    keys: &'a mut [f32],
}

impl Take for Keys<'_> {
    fn take<S: Simd>(&mut self, _: S, group: usize, first: usize, products: &[Row]) {
        let place = self.start + group * WIDTH;
        let width = WIDTH.min(self.stride - place);
        for (row, mut products) in (first..).zip(products.iter().copied()) {
            self.ending.method.key(&mut products, self.ending.prepared.constants[row]);
            self.keys[row * self.stride + place..][..width].copy_from_slice(&products[..width]);
        }
    }
}

/// Sums on the CPU.
pub struct CpuSums {
    host: Host,
}

impl CpuSums {
    /// With `threads` threads (0: one for each core).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(threads: usize) -> Result<Self> {
        Ok(Self { host: Host::new(threads)? })
    }
}

impl Summing for CpuSums {
    fn label(&self) -> String {
        self.host.label()
    }

    fn sum(&mut self, summands: &Summands, units: &[Unit], take: &(dyn Fn(&Unit, Moments) + Sync)) -> Result<()> {
        let one = |scratch: &mut _, i: usize| take(&units[i], statistics::moments(summands, &units[i], scratch));
        self.host.each(units.len(), one);
        Ok(())
    }
}

//! The CPU backend: products of pixels and weights in registers, with endings and ranks applied while they are there.

mod block;
mod host;
mod project;
mod rank;
mod statistics;

use host::{BLOCK, Work};
pub(super) use host::{Host, Scratch};
use project::{Row, WIDTH, Weights};
use rank::Ranking;

use super::{Assignment, Backend, Scores, Summing, Task};
use crate::background::{Differences, Moments};
use crate::error::Result;
use crate::tile::Tile;

/// The CPU backend. Its threads are its own.
pub struct Cpu {
    task: Task,
    host: Host,
    scratch: Scratch<Kernel>,
}

impl Cpu {
    /// A backend of `threads` threads (0: one for each core).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(task: Task, threads: usize) -> Result<Self> {
        let host = Host::new(threads)?;
        Ok(Self { task, scratch: host.scratch(), host })
    }
}

impl Backend for Cpu {
    fn label(&self) -> String {
        self.host.label()
    }

    fn task(&self) -> &Task {
        &self.task
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        let make = |assignment: &Assignment| Kernel::new(assignment, !self.task.rules);
        Ok(self.host.decide(&self.scratch, &self.task, tile, group, make, |block, assignment, work, kernel| {
            kernel.run(assignment, work, block.len());
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
        let (mut work, mut kernel) = (Work::new(assignment), Kernel::new(assignment, true));
        let weights = Weights::of(&product.weights);
        let size = product.features() * WIDTH;
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            work.pack(tile, start, count, assignment, &self.task.scaling);
            if !has_targets {
                kernel.run(assignment, &mut work, count);
                keys[start..start + count].copy_from_slice(&work.energy[..count]);
                continue;
            }
            work.group(count, assignment);
            weights.project(&work.panel[..count.div_ceil(WIDTH) * size], |group, row, products| {
                let mut products = *products;
                ending.method.key(&mut products, ending.prepared.constants[row]);
                let first = start + group * WIDTH;
                let width = WIDTH.min(start + count - first);
                keys[row * pixels + first..][..width].copy_from_slice(&products[..width]);
            });
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
    /// `ranks` false leaves the targets out: with rule images every score is computed in f64 anyway.
    fn new(assignment: &Assignment, ranks: bool) -> Self {
        let product = &assignment.product;
        let targets = if ranks { product.targets() } else { 0 };
        let whitening = product.whitening.iter().flat_map(|w| w.rows());
        let rows = product.weights.rows().into_iter().take(targets).chain(whitening);
        Self {
            weights: Weights::new(product.features(), rows),
            targets,
            rankings: vec![Ranking::EMPTY; BLOCK / WIDTH * assignment.ranked()],
        }
    }

    /// Ranks the first `count` pixels of a block, and sums their energies.
    fn run(&mut self, assignment: &Assignment, work: &mut Work, count: usize) {
        if self.weights.rows() == 0 {
            return;
        }
        work.group(count, assignment);
        let (targets, endings) = (self.targets, assignment.ranked());
        let rankings = &mut self.rankings;
        rankings.fill(Ranking::EMPTY);
        let energies = &mut work.energy;
        if assignment.product.whitening.is_some() {
            energies.fill(0.0);
        }
        let size = assignment.product.features() * WIDTH;
        self.weights.project(
            &work.panel[..count.div_ceil(WIDTH) * size],
            // Inlined, so that it is compiled for the registers that the products are in.
            #[inline(always)]
            |group, row, products: &Row| {
                if row >= targets {
                    let energies = energies[group * WIDTH..].iter_mut();
                    energies.zip(products).for_each(|(energy, y)| *energy += y * y);
                    return;
                }
                let rankings = &mut rankings[group * endings..][..endings];
                for (ending, ranking) in assignment.endings.iter().zip(rankings) {
                    let mut keys = *products;
                    ending.method.key(&mut keys, ending.prepared.constants[row]);
                    ranking.insert(&keys, row as u32);
                }
            },
        );
        for (i, ranking) in self.rankings.iter().enumerate() {
            ranking.write(&mut work.ranked[i % endings][i / endings * WIDTH..][..WIDTH]);
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

    fn sum(&mut self, count: usize, f: &(dyn Fn(usize) -> Differences + Sync)) -> Result<Vec<Moments>> {
        Ok(self.host.each(count, |scratch, i| {
            let unit = f(i);
            if unit.count == 0 {
                return Moments::default();
            }
            let sum = unit.sums();
            Moments { count: unit.count, quantised: sum.clone(), sum, products: statistics::products(&unit, scratch) }
        }))
    }
}

//! The CPU backend: matrix products over blocks of pixels that stay in cache, with the endings applied while they are there.

mod block;
mod host;
mod rank;
mod statistics;

use gemm::{Parallelism, gemm};
use ndarray::{Array2, s};

pub(super) use host::Host;
use host::{BLOCK, Work};

use super::{Assignment, Backend, Scores, Summing, Task};
use crate::background::{Differences, Moments};
use crate::error::Result;
use crate::tile::Tile;

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
}

impl Backend for Cpu {
    fn label(&self) -> String {
        self.host.label()
    }

    fn task(&self) -> &Task {
        &self.task
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        // With rule images every score is computed in f64 anyway, and nothing need be ranked.
        let make = |assignment: &Assignment| Buffer::new(assignment, !self.task.rules);
        Ok(self.host.decide(&self.task, tile, group, make, |_, assignment, work, buffer| {
            buffer.multiply(assignment, work);
            buffer.rank(assignment, work);
        }))
    }

    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>> {
        let Some((assignment, ending)) = self.task.groups[0]
            .iter()
            .find_map(|a| a.endings.iter().position(|e| e.index == method).map(|ending| (a, ending)))
        else {
            return Ok(Vec::new());
        };
        let (pixels, rows) = (tile.window.pixels(), assignment.product.targets().max(1));
        let mut keys = vec![0.0; pixels * rows];
        let (mut work, mut buffer) = (Work::new(assignment), Buffer::new(assignment, true));
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            work.pack(tile, start, count, assignment, &self.task.scaling);
            buffer.multiply(assignment, &mut work);
            buffer.end(assignment, ending);
            for row in 0..rows {
                let from = if assignment.endings[ending].method.has_targets() {
                    &buffer.keys[row * BLOCK..][..count]
                } else {
                    &work.energy[..count]
                };
                keys[row * pixels + start..][..count].copy_from_slice(from);
            }
        }
        Ok(keys)
    }
}

/// Products of one block of pixels. Reused from block to block.
struct Buffer {
    ranks: bool,
    /// The rows that features are multiplied by, those of the whitening last.
    weights: Array2<f32>,
    /// `[row][pixel]`.
    products: Vec<f32>,
    /// Keys of one ending, `[target][pixel]`.
    keys: Vec<f32>,
}

impl Buffer {
    fn new(assignment: &Assignment, ranks: bool) -> Self {
        let product = &assignment.product;
        let targets = if ranks { product.targets() } else { 0 };
        let whitening = product.whitening.as_ref().map_or(0, Array2::nrows);
        let mut weights = Array2::zeros((targets + whitening, product.features()));
        weights.slice_mut(s![..targets, ..]).assign(&product.weights.slice(s![..targets, ..]));
        if let Some(whitening) = &product.whitening {
            weights.slice_mut(s![targets.., ..]).assign(whitening);
        }
        let rows = weights.nrows();
        Self { ranks, weights, products: vec![0.0; BLOCK * rows], keys: vec![0.0; BLOCK * targets] }
    }

    fn multiply(&mut self, assignment: &Assignment, work: &mut Work) {
        let (rows, features) = self.weights.dim();
        if rows == 0 {
            return;
        }
        // SAFETY: the slices hold BLOCK·rows, BLOCK·features and rows·features values, which are what the strides span.
        unsafe {
            gemm(
                BLOCK,
                rows,
                features,
                self.products.as_mut_ptr(),
                BLOCK as isize,
                1,
                false,
                work.features.as_ptr(),
                1,
                features as isize,
                self.weights.as_ptr(),
                features as isize,
                1,
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
        if let Some(whitening) = &assignment.product.whitening {
            work.energy.fill(0.0);
            for row in self.products[(rows - whitening.nrows()) * BLOCK..].chunks_exact(BLOCK) {
                work.energy.iter_mut().zip(row).for_each(|(energy, y)| *energy += y * y);
            }
        }
    }

    /// The keys of one ending.
    fn end(&mut self, assignment: &Assignment, ending: usize) {
        let ending = &assignment.endings[ending];
        if !ending.method.has_targets() {
            return;
        }
        let rows = self.keys.chunks_exact_mut(BLOCK).zip(self.products.chunks_exact(BLOCK));
        for ((keys, products), &constant) in rows.zip(&ending.prepared.constants) {
            keys.copy_from_slice(products);
            ending.method.key(keys, constant);
        }
    }

    fn rank(&mut self, assignment: &Assignment, work: &mut Work) {
        if !self.ranks {
            return;
        }
        for ending in 0..assignment.endings.len() {
            if assignment.endings[ending].method.has_targets() {
                self.end(assignment, ending);
                rank::rank(&self.keys, assignment.product.targets(), &mut work.ranked[ending]);
            }
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

//! The tiles on their way through the device, and the buffers that they go round in.

use std::collections::VecDeque;

use super::buffers::{Buffers, Sizes};
use super::device::{Gpu as Device, Submitted};
use crate::error::Result;
use crate::tile::{Tile, Window};

/// Tiles under way at once: while one is computed the next is copied in, and the one before is read back and decided.
pub(super) const DEPTH: usize = 3;

/// A tile that the device was given.
pub(super) struct Job {
    /// Which tile, and of which group of columns.
    pub(super) of: (Window, usize),
    pub(super) keep_keys: bool,
    pub(super) buffers: Buffers,
    /// What the last dispatch of each product writes.
    pub(super) sequences: Vec<u32>,
    pub(super) submitted: Submitted,
}

#[derive(Default)]
pub(super) struct Ring {
    /// Earliest first.
    jobs: VecDeque<Job>,
    free: Vec<Buffers>,
}

impl Ring {
    pub(super) fn is_full(&self) -> bool {
        self.jobs.len() >= DEPTH
    }

    pub(super) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// The job of a tile, if it was begun.
    pub(super) fn take(&mut self, tile: &Tile, group: usize) -> Option<Job> {
        let at = self.jobs.iter().position(|job| job.of == (tile.window, group))?;
        self.jobs.remove(at)
    }

    /// Buffers that no tile is in: those of a tile before, or new ones in their place where they are too small.
    pub(super) fn buffers(&mut self, gpu: &Device, needed: Sizes, products: usize) -> Result<Buffers> {
        if let Some(at) = self.free.iter().position(|buffers| buffers.hold(&needed)) {
            return Ok(self.free.swap_remove(at));
        }
        drop(self.free.pop()); // Freed before the larger ones are made.
        Buffers::new(gpu, needed, products)
    }

    /// Takes the buffers of a finished job back.
    pub(super) fn free(&mut self, buffers: Buffers) {
        self.free.push(buffers);
    }
}

//! Tiles in, scores out: one trait, two backends.
//!
//! A backend multiplies pixels by the prepared targets in f32 and ranks them; the decision is made by
//! [`methods::decide`](crate::methods::decide()) in f64 on the host, so both backends give the same scores. For the
//! statistics of a scene it sums products of differences from a provisional mean.

mod busy;
pub mod cpu;
pub mod gpu;
mod task;

pub use busy::{Busy, Clock};
pub use task::{Assignment, Ending, Task};

use std::collections::VecDeque;

use crate::background::{Moments, Summands, Unit};
use crate::error::Result;
use crate::tile::{Tile, Window};

/// Pixels that a thread of the host works on at once. At 285 bands they take 73 KB in f32, and as much again where they are
/// converted or scaled: with the weights of many targets it fits the second-level cache of current processors.
pub(crate) const PIXELS_A_BLOCK: usize = 64;

/// The scores of one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Place in the scene.
    pub window: Window,
    /// One for each method of the task, in its order.
    pub maps: Vec<MapScores>,
}

/// What one method says of one tile, one value a pixel, in the tile's pixel order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MapScores {
    /// Index of the best target; [`Scores::NODATA`] where the pixel is no data. Empty for a method without targets.
    pub best: Vec<u16>,
    /// Index of the runner-up; [`Scores::NODATA`] where the pixel is no data or there is only one target. Empty for a
    /// method without targets.
    pub runner_up: Vec<u16>,
    /// Score of the best target, or of the pixel; NaN where the pixel is no data.
    pub score: Vec<f32>,
    /// Distance between the runner-up's score and the best, at least 0; NaN where there is none. Empty for a method
    /// without targets.
    pub margin: Vec<f32>,
    /// With [`Task::rules`], the score of every target, `[target][pixel]`; otherwise empty.
    pub rules: Vec<f32>,
}

impl MapScores {
    /// A tile of no data.
    pub(crate) fn nodata(pixels: usize, has_targets: bool, rules: usize) -> Self {
        let ranked = if has_targets { pixels } else { 0 };
        Self {
            best: vec![Scores::NODATA; ranked],
            runner_up: vec![Scores::NODATA; ranked],
            score: vec![f32::NAN; pixels],
            margin: vec![f32::NAN; ranked],
            rules: vec![f32::NAN; pixels * rules],
        }
    }
}

impl Scores {
    /// Stands for no target.
    pub const NODATA: u16 = u16::MAX;

    /// The largest number of targets that the indices can tell apart.
    pub const MAX_TARGETS: usize = 65_534;

    /// A tile of no data.
    #[must_use]
    pub fn nodata(task: &Task, window: Window) -> Self {
        let one = |method: &&dyn crate::methods::Method| {
            MapScores::nodata(window.pixels(), method.has_targets(), task.rules_of(*method))
        };
        Self { window, maps: task.methods.iter().map(one).collect() }
    }

    /// Puts the scores of a part of the window into their place.
    pub(crate) fn insert(&mut self, part: &Self) {
        let (all, here) = (self.window, part.window);
        for (into, from) in self.maps.iter_mut().zip(&part.maps) {
            for line in 0..here.height {
                let to = (here.y - all.y + line) * all.width + here.x - all.x;
                let (to, at) = (to..to + here.width, line * here.width..(line + 1) * here.width);
                if !from.best.is_empty() {
                    into.best[to.clone()].copy_from_slice(&from.best[at.clone()]);
                    into.runner_up[to.clone()].copy_from_slice(&from.runner_up[at.clone()]);
                    into.margin[to.clone()].copy_from_slice(&from.margin[at.clone()]);
                }
                into.score[to.clone()].copy_from_slice(&from.score[at.clone()]);
                for (into, from) in into.rules.chunks_mut(all.pixels()).zip(from.rules.chunks(here.pixels())) {
                    into[to.clone()].copy_from_slice(&from[at.clone()]);
                }
            }
        }
    }
}

/// A device that maps tiles, one after the other. One that can work on several at once may be given a head start on those
/// that come next: their owner keeps them until they are mapped, so that whatever fails, no tile is lost.
pub trait Backend: Send {
    /// What it is, for the user: `CPU, 2 threads` or the adapter's name.
    fn label(&self) -> String;

    /// What it maps.
    fn task(&self) -> &Task;

    /// Where its time went so far, for a device that tiles are moved to.
    fn busy(&self) -> Option<Busy> {
        None
    }

    /// Tiles that can be under way at once, the one that is being mapped among them.
    fn depth(&self) -> usize {
        1
    }

    /// Backends of one thread each that together map as this one does, for callers who have threads of their own; none for
    /// a device.
    ///
    /// # Errors
    /// When a thread cannot be started.
    fn split(&self) -> Result<Vec<Box<dyn Backend>>> {
        Ok(Vec::new())
    }

    /// Begins to map a tile of one group of detector columns, so that [`Backend::map_group`] of it takes less time. Only
    /// for tiles that are then mapped in the same order, unchanged.
    ///
    /// # Errors
    /// When the device fails.
    fn begin_group(&mut self, _tile: &Tile, _group: usize) -> Result<()> {
        Ok(())
    }

    /// Maps a tile whose pixels belong to one group of detector columns.
    ///
    /// # Errors
    /// When the device fails; the tile can then be given to another backend.
    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores>;

    /// Begins to map a tile, as [`Backend::begin_group`]; one of several groups is begun when it is mapped.
    ///
    /// # Errors
    /// When the device fails; it then has lost all that it had begun, and their owner gives them to another backend.
    fn begin(&mut self, tile: &Tile) -> Result<()> {
        if self.task().columns.is_some() { Ok(()) } else { self.begin_group(tile, 0) }
    }

    /// Maps a tile.
    ///
    /// # Errors
    /// As [`Backend::map_group`].
    fn map(&mut self, tile: &Tile) -> Result<Scores> {
        let Some(columns) = self.task().columns else { return self.map_group(tile, 0) };
        let window = tile.window;
        let part = |group: usize| {
            let (start, end) = ((group * columns).max(window.x), ((group + 1) * columns).min(window.x + window.width));
            (tile.columns(start - window.x..end - window.x), group)
        };
        let mut to_begin = (window.x / columns..(window.x + window.width).div_ceil(columns)).map(part);
        let mut begun = VecDeque::new();
        let mut scores = Scores::nodata(self.task(), window);
        loop {
            while begun.len() < self.depth()
                && let Some((part, group)) = to_begin.next()
            {
                self.begin_group(&part, group)?;
                begun.push_back((part, group));
            }
            let Some((part, group)) = begun.pop_front() else { return Ok(scores) };
            scores.insert(&self.map_group(&part, group)?);
        }
    }

    /// The keys of one method, `[target][pixel]`, as the device computes them in f32: what [`Backend::map`] ranks; of a
    /// method without targets, the energy of every pixel. Pixels are not checked for no data. For tests and benches.
    ///
    /// # Errors
    /// When the device fails.
    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>>;
}

/// A device that sums products of pixels for the statistics of a scene.
pub trait Summing: Send {
    /// What it is, for the user.
    fn label(&self) -> String;

    /// Makes the moments of units of a tile, whose bits follow from the summands alone. `take` gets those of each unit once,
    /// as soon as they are there: in any order, and from any of the host's threads, which so add them up while others sum.
    ///
    /// # Errors
    /// When the device fails; `take` may have got some by then.
    fn sum(&mut self, summands: &Summands, units: &[Unit], take: &(dyn Fn(&Unit, Moments) + Sync)) -> Result<()>;
}

//! Tiles in, scores out: one trait, two backends.
//!
//! A backend multiplies pixels by the prepared targets in f32 and ranks them; the decision is made by
//! [`methods::decide`](crate::methods::decide) in f64 on the host, so both backends give the same scores.

pub mod cpu;
pub mod gpu;

use crate::error::Result;
use crate::methods::{Method, Prepared};
use crate::tile::{SampleType, Scaling, Tile, Window};

/// All that a backend needs to know of a run; the same for every tile.
#[derive(Clone)]
pub struct Task {
    /// The method.
    pub method: &'static dyn Method,
    /// Its targets.
    pub prepared: Prepared,
    /// Type of the samples in the tiles.
    pub sample_type: SampleType,
    /// Stored values to reflectance, one gain and offset a band in use.
    pub scaling: Scaling,
    /// Stored value that means no data.
    pub nodata: Option<f64>,
    /// Whether every target's score is wanted.
    pub rules: bool,
}

/// The scores of one tile, one value a pixel, in the tile's pixel order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Place in the scene.
    pub window: Window,
    /// Index of the best target; [`Scores::NODATA`] where the pixel is no data.
    pub best: Vec<u16>,
    /// Index of the runner-up; [`Scores::NODATA`] where the pixel is no data or there is only one target.
    pub runner_up: Vec<u16>,
    /// Score of the best target; NaN where the pixel is no data.
    pub score: Vec<f32>,
    /// Distance between the runner-up's score and the best, at least 0; NaN where there is none.
    pub margin: Vec<f32>,
    /// With [`Task::rules`], the score of every target, `[target][pixel]`; otherwise empty.
    pub rules: Vec<f32>,
}

impl Scores {
    /// Stands for no target.
    pub const NODATA: u16 = u16::MAX;

    /// The largest number of targets that the indices can tell apart.
    pub const MAX_TARGETS: usize = 65_534;
}

/// A device that maps tiles.
pub trait Backend: Send {
    /// What it is, for the user: `CPU, 2 threads` or the adapter's name.
    fn label(&self) -> String;

    /// Maps one tile.
    ///
    /// # Errors
    /// When the device fails; the tile can then be given to another backend.
    fn map(&mut self, tile: &Tile) -> Result<Scores>;

    /// The products of pixels and weights after the ending, `[target][pixel]`, as the device computes them in f32:
    /// what [`Backend::map`] ranks. Pixels are not checked for no data. For tests and benches.
    ///
    /// # Errors
    /// When the device fails.
    fn keys(&mut self, tile: &Tile) -> Result<Vec<f32>>;
}

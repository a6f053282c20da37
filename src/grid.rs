//! Where a raster lies on the ground.

use serde::{Deserialize, Serialize};

/// The georeferencing of a raster, carried from a scene to its maps unchanged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Grid {
    /// GDAL's six numbers: x = g0 + column·g1 + line·g2, y = g3 + column·g4 + line·g5 (rotated grids have g2, g4 ≠ 0).
    /// `None` when the scene has no georeferencing.
    pub geotransform: Option<[f64; 6]>,
    /// The coordinate reference system as WKT, when the scene has one.
    pub crs_wkt: Option<String>,
}

/// A pixel that shows nothing, among places: the pixels that a table names for each pixel of a raster, as
/// line · samples + sample from 0.
pub const NOWHERE: u32 = u32::MAX;

/// A raster on the ground: its size and place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapGrid {
    /// Samples (columns).
    pub samples: usize,
    /// Lines (rows).
    pub lines: usize,
    /// Where it lies.
    pub grid: Grid,
}

impl MapGrid {
    /// Number of pixels.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.samples as u64 * self.lines as u64
    }
}

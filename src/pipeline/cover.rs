//! How much of a map each class covers, while tiles are added.

use crate::map::area::km2;
use crate::map::{ClassCount, PixelAreas};
use crate::tile::Window;

/// Pixels and area of each class; areas are whole numbers, which have the same sum in any order of tiles.
pub(super) struct Cover {
    classes: Vec<(u64, u128)>,
    nodata: u64,
}

impl Cover {
    /// Of nothing yet, in so many classes.
    pub(super) fn new(classes: usize) -> Self {
        Self { classes: vec![(0, 0); classes], nodata: 0 }
    }

    /// Adds a tile. Values that are no class are no data; `areas` is of the map's pixels.
    pub(super) fn add(&mut self, window: Window, values: &[u16], areas: Option<&PixelAreas>) {
        let mut of_row = vec![0; window.width];
        for (line, row) in (window.y..).zip(values.chunks_exact(window.width)) {
            if let Some(areas) = areas {
                areas.line(line, window.x, &mut of_row);
            }
            for (&value, &area) in row.iter().zip(&of_row) {
                match self.classes.get_mut(usize::from(value)) {
                    Some((pixels, sum)) => {
                        *pixels += 1;
                        *sum += u128::from(area);
                    }
                    None => self.nodata += 1,
                }
            }
        }
    }

    /// Adds pixels without data.
    pub(super) fn add_nodata(&mut self, pixels: u64) {
        self.nodata += pixels;
    }

    /// Pixels without data.
    pub(super) fn nodata(&self) -> u64 {
        self.nodata
    }

    /// Of each class.
    pub(super) fn counts(&self, with_area: bool) -> Vec<ClassCount> {
        self.classes.iter().map(|&(pixels, sum)| ClassCount { pixels, km2: with_area.then(|| km2(sum)) }).collect()
    }
}

//! How much of a map each class covers, while tiles are added.

use crate::map::ClassCount;
use crate::map::area::MM2_PER_KM2;
use crate::tile::Window;

/// Pixels and mm² of each class; whole numbers have the same sum in any order of tiles.
pub(super) struct Cover {
    classes: Vec<(u64, u128)>,
    nodata: u64,
}

impl Cover {
    /// Of nothing yet, in so many classes.
    pub(super) fn new(classes: usize) -> Self {
        Self { classes: vec![(0, 0); classes], nodata: 0 }
    }

    /// Adds a tile. Values that are no class are no data; `areas` is of a pixel of each line of the map, in mm².
    pub(super) fn add(&mut self, window: Window, values: &[u16], areas: Option<&[u64]>) {
        for (line, row) in values.chunks_exact(window.width).enumerate() {
            let area = areas.map_or(0, |a| a[window.y + line]);
            for &value in row {
                match self.classes.get_mut(usize::from(value)) {
                    Some((pixels, mm2)) => {
                        *pixels += 1;
                        *mm2 += u128::from(area);
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
        let km2 = |mm2: u128| with_area.then_some(mm2 as f64 / MM2_PER_KM2);
        self.classes.iter().map(|&(pixels, area)| ClassCount { pixels, km2: km2(area) }).collect()
    }
}

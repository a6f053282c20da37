//! How much of a map each class covers, while tiles are added.

use crate::map::ClassCount;
use crate::map::area::km2;

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

    /// Adds the pixels of a tile. Values that are no class are no data; `areas` are as many, zeros where nobody knows them.
    pub(super) fn add(&mut self, values: &[u16], areas: &[u64]) {
        for (&value, &area) in values.iter().zip(areas) {
            match self.classes.get_mut(usize::from(value)) {
                Some((pixels, sum)) => {
                    *pixels += 1;
                    *sum += u128::from(area);
                }
                None => self.nodata += 1,
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

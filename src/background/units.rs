//! The cut of a scene into units of accumulation, fixed by the scene's shape alone.
//!
//! A unit is a run of whole lines of one strip, about a thousand pixels. Scenes and groups of detector columns are cut
//! into strips as wide as the blocks of GeoTIFFs, or have one strip where they are not wider than two. Tiles of a
//! statistics pass are whole numbers of units, so whatever the tiles, the same pixels are summed together in the same
//! order; and a tile need be no larger than a block.
//!
//! Units are numbered by four rows at a time from the top, and in these strip by strip: whether tiles are lines or blocks, most
//! neighbours in the tree of sums come soon one after the other, and few sums wait, however large the scene.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::tile::{Tile, Window};

/// Most pixels of a unit, which takes as many lines as they make: a GPU's sums of products stay within 31 bits.
pub const MOST_PIXELS: usize = 1024;
/// Rows of units that are numbered together, strip by strip.
const ROWS: usize = 4;
/// Width of strips, which the widths of most GeoTIFFs' blocks are multiples of.
const STRIP: usize = 256;
/// Most samples of a strip that is not cut.
const UNCUT: usize = 2 * STRIP;

/// How a scene is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Lines of the scene.
    pub lines: usize,
    /// Samples of the scene.
    pub samples: usize,
    /// Columns of a group that has statistics of its own; `None` when the whole scene is one group.
    pub columns: Option<usize>,
}

/// Which unit, or which run of units: node `index` of `level` holds the units `index·2^level ..` of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The group of columns, from 0.
    pub group: usize,
    /// Height above the units, which are at level 0.
    pub level: u32,
    /// From 0 within the group and level.
    pub index: usize,
}

/// One unit: its place in the order of sums, and its rectangle in the scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its place, at level 0.
    pub place: Place,
    /// Its pixels.
    pub window: Window,
}

impl Unit {
    /// Its pixels in a tile that holds it, in order, cut where a group of the tile ends.
    pub(crate) fn runs(&self, tile: &Tile) -> impl Iterator<Item = Range<usize>> + use<> {
        let (unit, tile) = (self.window, tile.window);
        let first = (unit.y - tile.y) * tile.width + unit.x - tile.x;
        // Whole lines follow one another.
        let (length, rows) = if unit.width == tile.width { (unit.pixels(), 1) } else { (unit.width, unit.height) };
        (0..rows).flat_map(move |row| {
            let (start, end) = (first + row * tile.width, first + row * tile.width + length);
            let groups = start / Tile::GROUP..end.div_ceil(Tile::GROUP);
            groups.map(move |g| (g * Tile::GROUP).max(start)..((g + 1) * Tile::GROUP).min(end))
        })
    }
}

impl Units {
    /// The cut of a scene; `columns` is the width of a group of detector columns, at least 1.
    #[must_use]
    pub fn new(lines: usize, samples: usize, columns: Option<usize>) -> Self {
        Self { lines, samples, columns: columns.map(|c| c.clamp(1, samples.max(1))) }
    }

    /// Number of groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.columns.map_or(1, |c| self.samples.div_ceil(c))
    }

    /// The samples of a group.
    #[must_use]
    pub fn group_samples(&self, group: usize) -> Range<usize> {
        let width = self.columns.unwrap_or(self.samples);
        group * width..((group + 1) * width).min(self.samples)
    }

    /// Lines of a unit; the last unit of a strip may have fewer.
    #[must_use]
    pub fn unit_lines(&self) -> usize {
        (MOST_PIXELS / strip(self.group_samples(0).len())).max(1)
    }

    /// Width that statistics tiles must be a multiple of, unless they take whole lines.
    #[must_use]
    pub fn tile_samples(&self) -> usize {
        match self.columns {
            None => strip(self.samples),
            Some(_) => self.samples,
        }
    }

    /// The strips of a group, from left to right.
    fn strips(&self, group: usize) -> Vec<Range<usize>> {
        let all = self.group_samples(group);
        let width = strip(all.len());
        all.clone().step_by(width).map(|x| x..(x + width).min(all.end)).collect()
    }

    /// Number of units of a group.
    #[must_use]
    pub fn count(&self, group: usize) -> usize {
        let samples = self.group_samples(group).len();
        samples.div_ceil(strip(samples)) * self.lines.div_ceil(self.unit_lines())
    }

    /// The units that lie in a window. `None` when the window cuts through one.
    #[must_use]
    pub fn within(&self, window: Window) -> Option<Vec<Unit>> {
        let height = self.unit_lines();
        let (right, bottom) = (window.x + window.width, window.y + window.height);
        if !window.y.is_multiple_of(height) || !(bottom.is_multiple_of(height) || bottom == self.lines) {
            return None;
        }
        let rows = self.lines.div_ceil(height);
        let mut found = Vec::new();
        for group in 0..self.groups() {
            let strips = self.strips(group);
            let count = strips.len();
            for (strip, x) in strips.into_iter().enumerate() {
                if x.end <= window.x || x.start >= right {
                    continue;
                }
                if x.start < window.x || x.end > right {
                    return None;
                }
                for row in window.y / height..bottom.div_ceil(height) {
                    let (y, first) = (row * height, row / ROWS * ROWS);
                    let index = first * count + strip * ROWS.min(rows - first) + row - first;
                    found.push(Unit {
                        place: Place { group, level: 0, index },
                        window: Window { x: x.start, y, width: x.len(), height: height.min(self.lines - y) },
                    });
                }
            }
        }
        Some(found)
    }
}

/// Width of the strips that so many samples are cut into, but for the last.
fn strip(samples: usize) -> usize {
    if samples > UNCUT { STRIP } else { samples.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_in_one_unit_whatever_the_tiles() {
        for (lines, samples, columns) in [
            (7, 1, None),
            (37, 29, None),
            (5, 512, None),
            (5, 600, None),
            (9, 2048, None),
            (3, 5000, None),
            (9, 30, Some(7)),
            (2, 9000, Some(4000)),
        ] {
            let units = Units::new(lines, samples, columns);
            let all = units.within(Window { x: 0, y: 0, width: samples, height: lines }).unwrap();
            let mut seen = vec![0; lines * samples];
            for unit in &all {
                assert!(unit.window.pixels() <= MOST_PIXELS);
                assert!(unit.place.index < units.count(unit.place.group));
                let w = unit.window;
                (w.y..w.y + w.height).for_each(|y| (w.x..w.x + w.width).for_each(|x| seen[y * samples + x] += 1));
            }
            assert!(seen.iter().all(|&n| n == 1), "{lines} x {samples}");
            let total: usize = (0..units.groups()).map(|g| units.count(g)).sum();
            assert_eq!(all.len(), total);
            // Cut into tiles, it is the same units.
            let (height, width) = (units.unit_lines(), units.tile_samples());
            let mut cut = Vec::new();
            for y in (0..lines).step_by(height) {
                for x in (0..samples).step_by(width) {
                    let window = Window { x, y, width: width.min(samples - x), height: height.min(lines - y) };
                    cut.extend(units.within(window).unwrap());
                }
            }
            let places = |units: &[Unit]| {
                let mut places: Vec<Place> = units.iter().map(|u| u.place).collect();
                places.sort();
                places
            };
            assert_eq!(places(&cut), places(&all));
        }
        assert_eq!(Units::new(100, 10, None).within(Window { x: 0, y: 7, width: 10, height: 93 }), None);
        assert_eq!(Units::new(100, 10, None).within(Window { x: 1, y: 0, width: 9, height: 100 }), None);
    }
}

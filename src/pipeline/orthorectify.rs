//! From the swath to the map: the results of a swath are gathered through its lookup table, strip by strip.
//!
//! Only results are moved, never the cube: each pixel of the map takes what the methods found in the pixel of the swath
//! that the table names (nearest neighbour), or is no data.

use std::ops::Range;

use tracing::info_span;

use super::gather::{copy, strip_lines, visit};
use super::part::{Part, Parts};
use super::plan::Plan;
use crate::error::Result;
use crate::grid::NOWHERE;
use crate::scene::LookupReader;
use crate::tile::Window;

/// Lines of the table that are read at once for a mosaic.
const LINES: usize = 256;

/// Gives the map's strips, from the top.
///
/// # Errors
/// When a part is damaged, the table cannot be read or leads out of the swath, or nobody takes a strip.
pub(super) fn gather(
    plan: &Plan,
    parts: &Parts,
    lookup: &mut dyn LookupReader,
    give: &mut dyn FnMut(Part) -> Result<()>,
) -> Result<()> {
    let (width, lines, shape) = (plan.map.samples, plan.map.lines, plan.shape());
    let height = strip_lines(width, &shape);
    let mut places = Vec::new();
    for y in (0..lines).step_by(height) {
        let window = Window { x: 0, y, width, height: height.min(lines - y) };
        let span = info_span!("orthorectify", line = y, pixels = window.pixels()).entered();
        lookup.read(y..y + window.height, &mut places)?;
        let mut strip = Part::nodata(window, &shape);
        visit(plan, parts, &places, |part, pixel, at| {
            strip.grey[at] = part.grey[pixel];
            let pixels = part.scores.window.pixels();
            for (from, to) in part.scores.maps.iter().zip(&mut strip.scores.maps) {
                copy((from, pixels), pixel, (to, window.pixels()), at);
            }
        })?;
        drop(span);
        give(strip)?;
    }
    Ok(())
}

/// Leads places on the product's map, of so many samples, to places in the swath.
///
/// # Errors
/// When the table cannot be read or leads out of the swath.
pub(super) fn to_swath(lookup: &mut dyn LookupReader, samples: usize, places: &mut Vec<u32>) -> Result<()> {
    let mut swath = vec![NOWHERE; places.len()];
    let mut table = Vec::new();
    for lines in pieces(places, samples) {
        lookup.read(lines.clone(), &mut table)?;
        let first = lines.start * samples;
        for (to, &place) in swath.iter_mut().zip(&*places).filter(|(_, place)| **place != NOWHERE) {
            let found = (place as usize).checked_sub(first).and_then(|at| table.get(at));
            *to = found.copied().unwrap_or(*to);
        }
    }
    *places = swath;
    Ok(())
}

/// The lines of the map that places lie on, some at a time.
fn pieces(places: &[u32], samples: usize) -> impl Iterator<Item = Range<usize>> {
    let shown = || places.iter().filter(|place| **place != NOWHERE).map(|place| *place as usize / samples);
    let lines = shown().min().unwrap_or(0)..shown().max().map_or(0, |line| line + 1);
    lines.clone().step_by(LINES).map(move |y| y..(y + LINES).min(lines.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leads each pixel of a map of so many samples to the same pixel from the end, and no pixel of the first column anywhere.
    struct Turned {
        samples: usize,
        lines: usize,
        read: Vec<Range<usize>>,
    }

    impl LookupReader for Turned {
        fn read(&mut self, lines: Range<usize>, places: &mut Vec<u32>) -> Result<()> {
            self.read.push(lines.clone());
            let all = (self.samples * self.lines) as u32;
            let place = |p: usize| if p.is_multiple_of(self.samples) { NOWHERE } else { all - 1 - p as u32 };
            *places = (lines.start * self.samples..lines.end * self.samples).map(place).collect();
            Ok(())
        }
    }

    #[test]
    fn places_on_the_map_lead_through_the_table_piece_by_piece() {
        let mut table = Turned { samples: 3, lines: 900, read: Vec::new() };
        let mut places = vec![NOWHERE, 2000, 301, 303, NOWHERE, 1900, 302, 301];
        to_swath(&mut table, 3, &mut places).unwrap();
        assert_eq!(places, [NOWHERE, 699, 2398, NOWHERE, NOWHERE, 799, 2397, 2398]);
        assert_eq!(table.read, [100..356, 356..612, 612..667]);
        let mut none = vec![NOWHERE; 4];
        to_swath(&mut table, 3, &mut none).unwrap();
        assert_eq!((none, table.read.len()), (vec![NOWHERE; 4], 3));
    }
}

//! From the swath to the map: the results of a swath are gathered through its lookup table, strip by strip.
//!
//! Only results are moved, never the cube: each pixel of the map takes what the methods found in the pixel of the swath
//! that the table names (nearest neighbour), or is no data. A strip of the map shows pixels from all over the swath, so the
//! parts that it needs are read for each strip anew; a part is at most as large as a tile, and memory holds one and a strip.

use tracing::info_span;

use super::part::{Part, Parts, Shape};
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::scene::{LookupReader, NOWHERE};
use crate::tile::Window;

/// Bytes of a strip, more or less: as many as a tile may have.
const STRIP: usize = 16 << 20;

/// Lines of a strip are a multiple of this, where there are as many: the height of a raster's blocks.
const BLOCK: usize = 256;

/// Gives the map's strips, from the top, to `add`.
///
/// # Errors
/// When a part is damaged, the table cannot be read or leads out of the swath, or `add` fails.
pub(super) fn gather(
    plan: &Plan,
    parts: &Parts,
    lookup: &mut dyn LookupReader,
    mut add: impl FnMut(&Part) -> Result<()>,
) -> Result<()> {
    let (width, lines, shape) = (plan.map.samples, plan.map.lines, plan.shape());
    let height = strip_lines(width, &shape);
    let cut = Cut::of(plan);
    let mut places = Vec::new();
    for y in (0..lines).step_by(height) {
        let window = Window { x: 0, y, width, height: height.min(lines - y) };
        let _span = info_span!("orthorectify", line = y, pixels = window.pixels()).entered();
        lookup.read(y..y + window.height, &mut places)?;
        let mut strip = Part::nodata(window, &shape);
        let sorted = ByPart::sort(&places, &cut, plan.windows.len())?;
        for (index, &from) in plan.windows.iter().enumerate() {
            let pixels = sorted.of(index);
            if pixels.is_empty() {
                continue;
            }
            let part = parts.take(index, from, &shape)?;
            for pixel in pixels.iter().map(|p| *p as usize) {
                copy(&part, cut.within(places[pixel], from), &mut strip, pixel);
            }
        }
        add(&strip)?;
    }
    Ok(())
}

/// How a swath is cut into windows: all of the first's size, but for the last ones of lines and samples.
struct Cut {
    samples: usize,
    width: usize,
    height: usize,
}

impl Cut {
    fn of(plan: &Plan) -> Self {
        let first = plan.windows.first();
        let [width, height] = [first.map_or(1, |w| w.width), first.map_or(1, |w| w.height)];
        Self { samples: plan.samples, width, height }
    }

    /// The index of the window that holds a pixel of the swath.
    fn window(&self, place: u32) -> usize {
        let (line, sample) = (place as usize / self.samples, place as usize % self.samples);
        line / self.height * self.samples.div_ceil(self.width) + sample / self.width
    }

    /// The pixel of the window.
    fn within(&self, place: u32, window: Window) -> usize {
        let (line, sample) = (place as usize / self.samples, place as usize % self.samples);
        (line - window.y) * window.width + sample - window.x
    }
}

/// The pixels of a strip that show the swath, sorted by the part that holds what they show.
struct ByPart {
    /// Where the pixels of each part begin, and where those of the last end.
    starts: Vec<usize>,
    pixels: Vec<u32>,
}

impl ByPart {
    fn sort(places: &[u32], cut: &Cut, parts: usize) -> Result<Self> {
        let shown = || (0..).zip(places).filter(|(_, place)| **place != NOWHERE);
        let mut starts = vec![0; parts + 1];
        for (_, &place) in shown() {
            let after = starts.get_mut(cut.window(place) + 1);
            *after.ok_or_else(|| Error::failed("orthorectify", format!("no part holds the pixel {place}")))? += 1;
        }
        (0..parts).for_each(|part| starts[part + 1] += starts[part]);
        let (mut next, mut pixels) = (starts.clone(), vec![0; starts[parts]]);
        for (pixel, &place) in shown() {
            let at = &mut next[cut.window(place)];
            pixels[*at] = pixel;
            *at += 1;
        }
        Ok(Self { starts, pixels })
    }

    /// Of a part.
    fn of(&self, part: usize) -> &[u32] {
        &self.pixels[self.starts[part]..self.starts[part + 1]]
    }
}

fn strip_lines(width: usize, shape: &Shape) -> usize {
    let of_method = |&(has_targets, rules): &(bool, usize)| 4 + if has_targets { 8 } else { 0 } + 4 * rules;
    // The grey value, the place, its turn and those of its part.
    let bytes = 4 + 4 + 4 + 4 + shape.iter().map(of_method).sum::<usize>();
    match STRIP / (bytes * width).max(1) {
        blocks if blocks >= BLOCK => blocks / BLOCK * BLOCK,
        few => few.max(1),
    }
}

fn copy(from: &Part, pixel: usize, to: &mut Part, at: usize) {
    to.grey[at] = from.grey[pixel];
    let (from_pixels, to_pixels) = (from.scores.window.pixels(), to.scores.window.pixels());
    for (from, to) in from.scores.maps.iter().zip(&mut to.scores.maps) {
        to.score[at] = from.score[pixel];
        if !from.best.is_empty() {
            to.best[at] = from.best[pixel];
            to.runner_up[at] = from.runner_up[pixel];
            to.margin[at] = from.margin[pixel];
        }
        let rules = from.rules.chunks_exact(from_pixels).zip(to.rules.chunks_exact_mut(to_pixels));
        rules.for_each(|(from, to)| to[at] = from[pixel]);
    }
}

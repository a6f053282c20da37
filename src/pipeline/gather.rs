//! Results go to where a map shows them: a strip of the map at a time, from the parts of a scene.
//!
//! A strip shows pixels from all over a scene, so the parts that it needs are read for each strip anew; a part is at most as
//! large as a tile, and memory holds one and a strip.

use super::part::{Part, Parts, Shape};
use super::plan::Plan;
use crate::compute::MapScores;
use crate::error::{Error, Result};
use crate::grid::NOWHERE;
use crate::tile::Window;

/// Bytes of a strip, more or less: as many as a tile may have.
const STRIP: usize = 16 << 20;

/// Lines and samples of a strip are a multiple of this, where there are as many: the side of a raster's blocks.
const BLOCK: usize = 256;

/// Hands each pixel that a strip shows to `take`, part by part: the part, the pixel in it, and the pixel of the strip.
/// `places` are the scene's pixels of all pixels of the strip, or [`NOWHERE`].
///
/// # Errors
/// When a part is damaged, or a place lies outside of the scene.
pub(super) fn visit(
    plan: &Plan,
    parts: &Parts,
    places: &[u32],
    mut take: impl FnMut(&Part, usize, usize),
) -> Result<()> {
    let (shape, cut) = (plan.shape(), Cut::of(plan));
    let sorted = ByPart::sort(places, &cut, plan.windows.len())?;
    for (index, &from) in plan.windows.iter().enumerate() {
        let pixels = sorted.of(index);
        if pixels.is_empty() {
            continue;
        }
        let part = parts.take(index, from, &shape)?;
        for pixel in pixels.iter().map(|p| *p as usize) {
            take(&part, cut.within(places[pixel], from), pixel);
        }
    }
    Ok(())
}

/// Copies what a method found in a pixel of one map to a pixel of another; with the maps, their numbers of pixels.
pub(super) fn copy(from: (&MapScores, usize), pixel: usize, to: (&mut MapScores, usize), at: usize) {
    let ((from, from_pixels), (to, to_pixels)) = (from, to);
    to.score[at] = from.score[pixel];
    if !from.best.is_empty() {
        to.best[at] = from.best[pixel];
        to.runner_up[at] = from.runner_up[pixel];
        to.margin[at] = from.margin[pixel];
    }
    let rules = from.rules.chunks_exact(from_pixels).zip(to.rules.chunks_exact_mut(to_pixels));
    rules.for_each(|(from, to)| to[at] = from[pixel]);
}

/// How a scene is cut into windows: all of the first's size, but for the last ones of lines and samples.
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

    /// The index of the window that holds a pixel of the scene.
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

/// The pixels of a strip that show the scene, sorted by the part that holds what they show.
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
            *after.ok_or_else(|| Error::failed("gather", format!("no part holds the pixel {place}")))? += 1;
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

/// Lines of a strip of a map that is so wide.
pub(super) fn strip_lines(width: usize, shape: &Shape) -> usize {
    match STRIP / (pixel_bytes(shape) * width).max(1) {
        blocks if blocks >= BLOCK => blocks / BLOCK * BLOCK,
        few => few.max(1),
    }
}

/// Samples of a strip of a map that is so wide: all, unless a single line of them is too much.
pub(super) fn strip_samples(width: usize, shape: &Shape) -> usize {
    match STRIP / pixel_bytes(shape) {
        enough if enough >= width => width,
        few => (few / BLOCK).max(1) * BLOCK,
    }
}

fn pixel_bytes(shape: &Shape) -> usize {
    // Beside its results a pixel has, of each method, the scene that they came from.
    let of_method = |&(has_targets, rules): &(bool, usize)| 6 + if has_targets { 8 } else { 0 } + 4 * rules;
    // The grey value, the place (of a swath in a mosaic, that on its own map too), its turn and those of its part.
    4 + 8 + 4 + 4 + shape.iter().map(of_method).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_is_cut_in_both_ways_before_it_is_too_large() {
        let (plain, rules) = (vec![(true, 0)], vec![(true, 500); 7]);
        assert_eq!((strip_samples(30_000, &plain), strip_lines(1000, &plain)), (30_000, 256));
        let width = strip_samples(30_000, &rules);
        assert_eq!((width, strip_lines(width, &rules)), (1024, 1));
        assert!(pixel_bytes(&rules) * width <= STRIP);
        assert_eq!(strip_samples(700, &vec![(true, 60_000)]), 256, "never less than a block");
    }
}

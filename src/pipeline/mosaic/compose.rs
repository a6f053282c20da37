//! Strips of a mosaic, put together from the parts of its scenes. A strip is as wide as the mosaic, unless a single line with
//! all its rule images is too much to hold.

use tracing::info_span;

use super::layout::Overlap;
use crate::error::Result;
use crate::grid::MapGrid;
use crate::map::Warp;
use crate::methods::Method;
use crate::pipeline::gather::{copy, strip_lines, strip_samples, visit};
use crate::pipeline::geometry::Geometry;
use crate::pipeline::orthorectify::to_swath;
use crate::pipeline::part::{Part, Parts};
use crate::pipeline::plan::{Plan, Planned};
use crate::pipeline::source_map::NO_SCENE;
use crate::scene::LookupReader;
use crate::tile::Window;

/// A scene that is mapped, and the way to it.
pub(super) struct Layer<'a> {
    plan: &'a Plan,
    parts: Parts,
    warp: Warp,
    /// Of a swath.
    lookup: Option<Box<dyn LookupReader>>,
}

impl<'a> Layer<'a> {
    pub(super) fn open(planned: &Planned, plan: &'a Plan, parts: Parts, map: &MapGrid) -> Result<Self> {
        let lookup = planned.scene.lookup().filter(|_| plan.geometry == Some(Geometry::Map));
        Ok(Self { plan, parts, warp: Warp::new(&plan.map, map)?, lookup })
    }

    /// Of each pixel of some lines of the mosaic, the pixel of the scene.
    fn places(&mut self, window: Window, places: &mut Vec<u32>) -> Result<()> {
        self.warp.places(window, places);
        match &mut self.lookup {
            Some(lookup) => to_swath(&mut **lookup, self.plan.map.samples, places),
            None => Ok(()),
        }
    }
}

/// Gives the mosaic's strips, from the top, to `add`: what the methods found, and of each method the scene of each pixel.
///
/// Every method chooses by itself where scenes overlap. The grey of the picture is of the scene that `pictured` shows.
///
/// # Errors
/// When a part is damaged, a lookup table cannot be read, or `add` fails.
pub(super) fn compose(
    layers: &mut [Layer<'_>],
    map: &MapGrid,
    overlap: Overlap,
    pictured: usize,
    mut add: impl FnMut(&Part, &[Vec<u16>]) -> Result<()>,
) -> Result<()> {
    let Some(first) = layers.first() else { return Ok(()) };
    let (methods, shape) = (&first.plan.methods, first.plan.shape());
    let width = strip_samples(map.samples, &shape);
    let height = strip_lines(width, &shape);
    let columns = || (0..map.samples).step_by(width);
    let mut places = Vec::new();
    for (y, x) in (0..map.lines).step_by(height).flat_map(|y| columns().map(move |x| (y, x))) {
        let window = Window { x, y, width: width.min(map.samples - x), height: height.min(map.lines - y) };
        let pixels = window.pixels();
        let _span = info_span!("mosaic", line = y, sample = x, pixels).entered();
        let mut strip = Part::nodata(window, &shape);
        let mut sources = vec![vec![NO_SCENE; pixels]; methods.len()];
        for (layer, scene) in layers.iter_mut().zip(0..) {
            if !reaches(layer.warp.window(), window) {
                continue;
            }
            layer.places(window, &mut places)?;
            visit(layer.plan, &layer.parts, &places, |part, pixel, at| {
                let part_pixels = part.scores.window.pixels();
                let maps = part.scores.maps.iter().zip(&mut strip.scores.maps);
                for (index, ((from, to), planned)) in maps.zip(methods).enumerate() {
                    if !wins(overlap, planned.method, from.score[pixel], to.score[at]) {
                        continue;
                    }
                    copy((from, part_pixels), pixel, (to, pixels), at);
                    sources[index][at] = scene;
                    if index == pictured {
                        strip.grey[at] = part.grey[pixel];
                    }
                }
            })?;
        }
        add(&strip, &sources)?;
    }
    Ok(())
}

fn reaches(shown: Window, strip: Window) -> bool {
    let meet = |a: usize, length: usize, b: usize, other: usize| a < b + other && b < a + length;
    shown.pixels() > 0
        && meet(shown.x, shown.width, strip.x, strip.width)
        && meet(shown.y, shown.height, strip.y, strip.height)
}

/// Whether a score takes the place of that of an earlier scene; NaN is no data.
fn wins(overlap: Overlap, method: &dyn Method, new: f32, old: f32) -> bool {
    match (new.is_nan(), old.is_nan()) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => match overlap {
            Overlap::First => false,
            Overlap::Last => true,
            Overlap::Best => method.better(new.into(), old.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods;

    #[test]
    fn better_is_what_the_method_calls_so_and_no_data_never_wins() {
        let (sam, mf) = (methods::find("sam").unwrap(), methods::find("mf").unwrap());
        let best = |method, new, old| wins(Overlap::Best, method, new, old);
        assert!(best(sam, 0.1, 0.2) && !best(sam, 0.2, 0.1) && !best(sam, 0.2, 0.2));
        assert!(!best(mf, 0.1, 0.2) && best(mf, 0.2, 0.1) && !best(mf, 0.2, 0.2));
        for overlap in [Overlap::Best, Overlap::First, Overlap::Last] {
            assert!(wins(overlap, sam, 3.0, f32::NAN) && !wins(overlap, sam, f32::NAN, 3.0));
            assert!(!wins(overlap, sam, f32::NAN, f32::NAN));
        }
        assert!(wins(Overlap::Last, sam, 3.0, 0.1) && !wins(Overlap::First, sam, 0.1, 3.0));
    }
}

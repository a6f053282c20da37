//! Areas worth a walk, from `targets.gpkg`: their facts, and small maps around them.

use std::path::Path;

use super::picture::{Colors, Image};
use super::text::{digits, number, short};
use crate::error::Result;
use crate::grid::MapGrid;
use crate::map::RasterReader;
use crate::map::features::{self, Feature};
use crate::tile::Window;

/// Targets that are shown.
pub(super) const MOST: usize = 50;
/// Longest side of a small map, in its own pixels.
const SIDE: usize = 120;
/// Ground around a target: half its size on each side, and at least so many pixels.
const LEAST_MARGIN: usize = 6;

/// What the report shows of targets.
pub(super) struct Targets {
    pub rows: Vec<Target>,
    /// All of them.
    pub count: u64,
}

/// An area worth a walk.
pub(super) struct Target {
    pub rank: String,
    /// Its zone, or its mineral where it has none.
    pub title: String,
    /// Size and mineral.
    pub facts: String,
    pub scores: String,
    pub place: String,
    pub small: Option<Small>,
    /// Its middle on the map, in per cent of the map's width and height.
    pub pin: Option<(f64, f64)>,
}

/// A small map: a picture, and the target's rectangle in per cent of it.
pub(super) struct Small {
    pub image: Image,
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Targets {
    /// Of a run's folder; nothing when the run left no targets.
    ///
    /// # Errors
    /// Refuses a file that is damaged.
    pub(super) fn of(folder: &Path, map: Option<(&RasterReader, &Colors)>) -> Result<Option<Self>> {
        let path = folder.join("targets.gpkg");
        if !path.exists() {
            return Ok(None);
        }
        let crs = map.and_then(|(m, _)| m.map.grid.crs_wkt.as_deref());
        let mut found = features::read(&path, "targets", crs)?;
        found.sort_by(|a, b| number_or_last(a).total_cmp(&number_or_last(b)));
        let rows = found.iter().take(MOST).map(|feature| target(feature, map)).collect::<Result<Vec<_>>>()?;
        Ok(Some(Self { count: found.len() as u64, rows }))
    }
}

fn number_or_last(feature: &Feature) -> f64 {
    feature.number("rank").unwrap_or(f64::INFINITY)
}

fn target(feature: &Feature, map: Option<(&RasterReader, &Colors)>) -> Result<Target> {
    let fact = |name: &str, text: &dyn Fn(f64) -> String| feature.number(name).map_or("–".into(), text);
    let name = |name: &str| feature.text(name).map_or(String::new(), short);
    let area = |m2: f64| if m2 < 1e5 { format!("{} m²", number(m2)) } else { format!("{} km²", number(m2 / 1e6)) };
    let (zone, mineral) = (name("zone"), name("mineral"));
    let share = feature.number("mineral_share").map_or(String::new(), |v| format!(" ({:.0} %)", 100.0 * v));
    let size = match feature.number("area_m2") {
        Some(m2) => area(m2),
        None => format!("{} pixels", fact("pixels", &|v| format!("{v}"))),
    };
    let unit = name("unit");
    let score = |column: &str| format!("{} {unit}", fact(column, &|v| digits(v, 4))).trim_end().to_owned();
    let place = match (feature.number("lat"), feature.number("lon")) {
        (Some(lat), Some(lon)) => coordinates(lat, lon, 5),
        _ => "–".into(),
    };
    let window = map.and_then(|(m, _)| pixels(&m.map, feature.bounds?));
    let small = match (map, window) {
        (Some((map, colors)), Some(window)) => Some(small(map, window, colors)?),
        _ => None,
    };
    let pin = map.zip(window).map(|((m, _), w)| {
        let middle =
            |start: usize, length: usize, all: usize| 100.0 * (start as f64 + length as f64 / 2.0) / all as f64;
        (middle(w.x, w.width, m.map.samples), middle(w.y, w.height, m.map.lines))
    });
    Ok(Target {
        rank: fact("rank", &|v| format!("{v}")),
        facts: if mineral.is_empty() { size } else { format!("{size}, mostly {mineral}{share}") },
        title: if zone.is_empty() { mineral } else { zone },
        scores: format!(
            "Rank score {}; mean score {}, best {}",
            fact("score", &|v| digits(v, 3)),
            score("mean_score"),
            score("best_score")
        ),
        place,
        small,
        pin,
    })
}

/// `38.00123° N, 117.20000° W`.
pub(super) fn coordinates(lat: f64, lon: f64, places: usize) -> String {
    let side = |value: f64, positive: char, negative: char| {
        format!("{:.places$}° {}", value.abs(), if value < 0.0 { negative } else { positive })
    };
    format!("{}, {}", side(lat, 'N', 'S'), side(lon, 'E', 'W'))
}

/// The pixels of a map that a rectangle on the ground touches; nothing when it lies off the map.
fn pixels(map: &MapGrid, [west, south, east, north]: [f64; 4]) -> Option<Window> {
    let g = map.grid.geotransform?;
    let determinant = g[1] * g[5] - g[2] * g[4];
    let pixel = |x: f64, y: f64| {
        let (dx, dy) = (x - g[0], y - g[3]);
        ((dx * g[5] - dy * g[2]) / determinant, (dy * g[1] - dx * g[4]) / determinant)
    };
    let corners = [pixel(west, south), pixel(west, north), pixel(east, south), pixel(east, north)];
    let side = |of: fn(&(f64, f64)) -> f64, all: usize| {
        let (least, most) =
            corners.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        // Edges that lie on those of pixels do not touch the next.
        let (first, end) = ((least + 1e-6).floor().max(0.0), (most - 1e-6).ceil().min(all as f64));
        (first.is_finite() && end > first).then_some((first as usize, (end - first) as usize))
    };
    let ((x, width), (y, height)) = (side(|c| c.0, map.samples)?, side(|c| c.1, map.lines)?);
    Some(Window { x, y, width, height })
}

fn small(map: &RasterReader, target: Window, colors: &Colors) -> Result<Small> {
    let margin = (target.width.max(target.height) / 2).max(LEAST_MARGIN);
    let side = |start: usize, length: usize, all: usize| {
        let first = start.saturating_sub(margin);
        (first, (start + length + margin).min(all) - first)
    };
    let (x, width) = side(target.x, target.width, map.map.samples);
    let (y, height) = side(target.y, target.height, map.map.lines);
    let image = Image::of_window(map, Window { x, y, width, height }, SIDE, colors)?;
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    Ok(Small {
        image,
        left: percent(target.x - x, width),
        top: percent(target.y - y, height),
        width: percent(target.width, width),
        height: percent(target.height, height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    #[test]
    fn a_rectangle_on_the_ground_is_found_on_the_map() {
        let map = |geotransform| MapGrid {
            samples: 100,
            lines: 50,
            grid: Grid { geotransform: Some(geotransform), crs_wkt: None },
        };
        let north_up = map([500.0, 10.0, 0.0, 900.0, 0.0, -10.0]);
        let window = |x, y, width, height| Some(Window { x, y, width, height });
        assert_eq!(pixels(&north_up, [520.0, 860.0, 540.0, 880.0]), window(2, 2, 2, 2));
        assert_eq!(pixels(&north_up, [0.0, 0.0, 5000.0, 5000.0]), window(0, 0, 100, 50));
        assert_eq!(pixels(&north_up, [0.0, 0.0, 5.0, 5.0]), None);
        // Turned by a quarter: lines run eastwards.
        assert_eq!(pixels(&map([0.0, 0.0, 10.0, 0.0, 10.0, 0.0]), [20.0, 30.0, 40.0, 40.0]), window(3, 2, 1, 2));
        assert_eq!(pixels(&map([0.0; 6]), [0.0, 0.0, 1.0, 1.0]), None);
    }

    #[test]
    fn places_are_told_as_people_tell_them() {
        assert_eq!(coordinates(38.0, -117.25, 2), "38.00° N, 117.25° W");
    }
}

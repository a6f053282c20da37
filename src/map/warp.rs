//! From one raster's pixels to another's: which pixel of a scene's map each pixel of a mosaic shows.
//!
//! The centre of a pixel goes through GDAL's transformation, into whichever pixel it falls (nearest neighbour). Between two
//! coordinate reference systems the transformation is computed at some points of a line and interpolated between, so that a
//! place errs by an eighth of a pixel at most, as `gdalwarp` has it; within one it is exact.

use std::ops::Range;

use super::crs;
use super::ffi::recorded;
use super::transformer::{Place, Transformer};
use crate::error::{Error, Result};
use crate::grid::{MapGrid, NOWHERE};
use crate::tile::Window;

/// How much a place may err between two reference systems, in pixels of the scene.
const MAX_ERROR: f64 = 0.125;

/// A centre this near below an edge, in pixels, is on it, and belongs to the pixel right of it or below: geotransforms
/// round, and grids that fit each other must not depend on how.
const ON_THE_EDGE: f64 = 1e-6;

/// Points along each side by which a raster's outline is known, corners included.
const OUTLINE: usize = 65;

/// Samples of a line that are transformed together.
const PIECE: usize = 4096;

/// Coordinates of a CRS as pixels of a raster.
const UNITS: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// Of each pixel of a target raster, the pixel of a source that it shows.
pub struct Warp {
    transformer: Transformer,
    /// Samples and lines of the source.
    source: (usize, usize),
    window: Window,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Warp {
    /// From the pixels of `target` to those of `source`.
    ///
    /// # Errors
    /// Refuses rasters without a place, and places between which there is no way.
    pub fn new(source: &MapGrid, target: &MapGrid) -> Result<Self> {
        let (from, to) = (place(source)?, place(target)?);
        let max_error = if crs::same(from.0, to.0) { 0.0 } else { MAX_ERROR };
        let outline = bounds_in(source, to)?;
        Ok(Self {
            transformer: transformer(from, to, max_error)?,
            source: (source.samples, source.lines),
            window: around(outline, (target.samples, target.lines)),
            x: Vec::new(),
            y: Vec::new(),
        })
    }

    /// The part of the target outside of which no pixel shows the source.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Of each pixel of a window of the target, line by line: the pixel of the source, as line · samples + sample, or
    /// [`NOWHERE`]. The window does not change what a pixel shows.
    pub fn places(&mut self, window: Window, places: &mut Vec<u32>) {
        places.clear();
        places.resize(window.pixels(), NOWHERE);
        let shown = self.window;
        let lines = window.y.max(shown.y)..(window.y + window.height).min(shown.y + shown.height);
        let (end, shown_end) = (window.x + window.width, shown.x + shown.width);
        recorded(|| {
            for line in lines {
                let row = &mut places[(line - window.y) * window.width..][..window.width];
                // Pieces of a line that follow from the two rasters alone: interpolation is between their ends.
                for from in (shown.x..shown_end).step_by(PIECE) {
                    let to = (from + PIECE).min(shown_end);
                    if from < end && window.x < to {
                        self.piece(line, from..to, window.x..end, row);
                    }
                }
            }
        });
    }

    /// The places of the columns of a piece that are within `columns`, those of `row`.
    fn piece(&mut self, line: usize, piece: Range<usize>, columns: Range<usize>, row: &mut [u32]) {
        let Self { transformer, source, x, y, .. } = self;
        x.clear();
        x.extend(piece.clone().map(|column| column as f64 + 0.5));
        y.clear();
        y.resize(piece.len(), line as f64 + 0.5);
        let found = transformer.source_of(x, y);
        let inside = |v: f64, end: usize| {
            let at = (v + ON_THE_EDGE).floor();
            (at >= 0.0 && at < end as f64).then_some(at as usize)
        };
        for (((column, &found), &x), &y) in
            piece.zip(found).zip(&*x).zip(&*y).filter(|(((c, _), _), _)| columns.contains(c))
        {
            if let (true, Some(sample), Some(line)) = (found != 0, inside(x, source.0), inside(y, source.1)) {
                row[column - columns.start] = u32::try_from(line * source.0 + sample).unwrap_or(NOWHERE);
            }
        }
    }
}

/// The least rectangle of a CRS that holds a raster: least x and y, largest x and y.
///
/// # Errors
/// As [`Warp::new`].
pub fn bounds(raster: &MapGrid, wkt: &str) -> Result<[f64; 4]> {
    bounds_in(raster, (wkt, &UNITS))
}

/// The side of a square pixel in units of a CRS that keeps a raster's resolution, as `gdalwarp` takes it.
///
/// # Errors
/// As [`Warp::new`].
pub fn suggested_side(raster: &MapGrid, wkt: &str) -> Result<f64> {
    let from = place(raster)?;
    let transformer = transformer(from, (wkt, &UNITS), 0.0)?;
    let (side, said) = recorded(|| transformer.suggested_side(from, (raster.samples, raster.lines)));
    side.ok_or_else(|| no_way(from.0, wkt, said.errors))
}

/// Longitude and latitude of a raster's centre in degrees, on WGS 84.
///
/// # Errors
/// As [`Warp::new`].
pub fn centre(raster: &MapGrid) -> Result<[f64; 2]> {
    let (from, degrees) = (place(raster)?, crs::parse("WGS 84", "EPSG:4326")?);
    let mut transformer = transformer(from, (&degrees, &UNITS), 0.0)?;
    let (mut x, mut y) = ([raster.samples as f64 / 2.0], [raster.lines as f64 / 2.0]);
    let (found, said) = recorded(|| transformer.target_of(&mut x, &mut y)[0] != 0);
    if found { Ok([x[0], y[0]]) } else { Err(no_way(from.0, &degrees, said.errors)) }
}

fn place(raster: &MapGrid) -> Result<Place<'_>> {
    let hint = "give it a place (`gdal_edit.py -a_srs EPSG:… -a_ullr …`, ENVI's map info), or map it by itself";
    let refused = |what: String| Error::refused("its maps cannot be placed", what).hint(hint);
    let place = raster.grid.geotransform.as_ref();
    let place = place.ok_or_else(|| refused("it has no geotransform".into()))?;
    let wkt = raster.grid.crs_wkt.as_deref();
    let wkt = wkt.ok_or_else(|| refused("it has no coordinate reference system".into()))?;
    let area = place[1] * place[5] - place[2] * place[4];
    if place.iter().any(|v| !v.is_finite()) || area == 0.0 {
        return Err(refused(format!("the pixels of its geotransform {place:?} cover no ground")));
    }
    if raster.pixels() > u64::from(NOWHERE) {
        return Err(refused(format!("it has {} pixels, expected {NOWHERE} at most", raster.pixels())));
    }
    Ok((wkt, place))
}

fn transformer(from: Place<'_>, to: Place<'_>, max_error: f64) -> Result<Transformer> {
    let (made, said) = recorded(|| Transformer::new(from, to, max_error));
    made.ok_or_else(|| no_way(from.0, to.0, said.errors))
}

fn no_way(from: &str, to: &str, said: Vec<String>) -> Error {
    let reason = said.into_iter().next().map_or(String::new(), |said| format!(": {said}"));
    let what = format!("there is no way from {} to {}{reason}", crs::name(from), crs::name(to));
    Error::refused("coordinate transformation", what).hint("name another CRS with --crs")
}

fn bounds_in(raster: &MapGrid, to: Place<'_>) -> Result<[f64; 4]> {
    let from = place(raster)?;
    let mut transformer = transformer(from, to, 0.0)?;
    // Points within as well: the raster may hold a pole.
    let along = |i: usize, length: usize| i as f64 * length as f64 / (OUTLINE - 1) as f64;
    let all = || (0..OUTLINE * OUTLINE).map(|i| (i % OUTLINE, i / OUTLINE));
    let mut x: Vec<f64> = all().map(|(i, _)| along(i, raster.samples)).collect();
    let mut y: Vec<f64> = all().map(|(_, i)| along(i, raster.lines)).collect();
    let (whole, said) = recorded(|| transformer.target_of(&mut x, &mut y).iter().all(|found| *found != 0));
    let range =
        |values: &[f64]| values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let ((left, right), (bottom, top)) = (range(&x), range(&y));
    match whole && [left, right, bottom, top].iter().all(|v| v.is_finite()) {
        true => Ok([left, bottom, right, top]),
        false => Err(no_way(from.0, to.0, said.errors)),
    }
}

/// The pixels of a raster around a rectangle, with some to spare: the outline is known at some points only.
fn around([left, top, right, bottom]: [f64; 4], (samples, lines): (usize, usize)) -> Window {
    let side = |from: f64, to: f64, length: usize| {
        let spare = 1.0 + (to - from) / 1000.0;
        let [from, to] = [(from - spare).floor(), (to + spare).ceil()].map(|v| v.clamp(0.0, length as f64) as usize);
        (from, to - from)
    };
    let ((x, width), (y, height)) = (side(left, right, samples), side(top, bottom, lines));
    Window { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    fn raster(code: u32, geotransform: [f64; 6], samples: usize, lines: usize) -> MapGrid {
        let crs_wkt = Some(crs::parse("CRS", &format!("EPSG:{code}")).unwrap());
        MapGrid { samples, lines, grid: Grid { geotransform: Some(geotransform), crs_wkt } }
    }

    fn places(source: &MapGrid, target: &MapGrid) -> Vec<u32> {
        let mut places = Vec::new();
        let all = Window { x: 0, y: 0, width: target.samples, height: target.lines };
        Warp::new(source, target).unwrap().places(all, &mut places);
        places
    }

    #[test]
    fn in_one_crs_pixels_are_shifted_scaled_and_turned() {
        let source = raster(32638, [500_000.0, 30.0, 0.0, 4_000_000.0, 0.0, -30.0], 3, 2);
        let shifted = raster(32638, [499_970.0, 30.0, 0.0, 4_000_000.0, 0.0, -30.0], 5, 3);
        let n = NOWHERE;
        assert_eq!(places(&source, &shifted), [n, 0, 1, 2, n, n, 3, 4, 5, n, n, n, n, n, n]);
        let finer = raster(32638, [500_000.0, 15.0, 0.0, 4_000_000.0, 0.0, -30.0], 6, 1);
        assert_eq!(places(&source, &finer), [0, 0, 1, 1, 2, 2]);
        // Centres on edges belong to the right and below.
        let half = raster(32638, [500_015.0, 30.0, 0.0, 3_999_985.0, 0.0, -30.0], 2, 1);
        assert_eq!(places(&source, &half), [4, 5]);
        let turned = raster(32638, [500_000.0, 0.0, 30.0, 4_000_000.0, -30.0, 0.0], 2, 3);
        assert_eq!(places(&turned, &source), [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn windows_have_the_places_of_the_whole() {
        let source = raster(32639, [199_000.0, 31.0, 4.0, 4_001_000.0, 5.0, -29.0], 70, 90);
        let other = raster(32638, UNITS, 1, 1).grid.crs_wkt.unwrap();
        let [left, _, _, top] = bounds(&source, &other).unwrap();
        let target = raster(32638, [left - 600.0, 30.0, 0.0, top + 600.0, 0.0, -30.0], 160, 160);
        let whole = places(&source, &target);
        let shown = whole.iter().filter(|p| **p != NOWHERE).count();
        assert!((5000..8000).contains(&shown), "{shown} pixels");
        let mut warp = Warp::new(&source, &target).unwrap();
        let window = warp.window();
        let mut part = Vec::new();
        for (x, y) in (0..160).step_by(7).flat_map(|y| (0..160).step_by(50).map(move |x| (x, y))) {
            let part_window = Window { x, y, width: 50.min(160 - x), height: 7.min(160 - y) };
            warp.places(part_window, &mut part);
            for (line, row) in part.chunks_exact(part_window.width).enumerate() {
                assert_eq!(row, &whole[(y + line) * 160 + x..][..part_window.width]);
            }
        }
        let outside = |i: usize| {
            !(window.x..window.x + window.width).contains(&(i % 160))
                || !(window.y..window.y + window.height).contains(&(i / 160))
        };
        assert!(window.pixels() < 160 * 160 && whole.iter().enumerate().all(|(i, p)| !outside(i) || *p == NOWHERE));
    }

    #[test]
    fn bounds_and_sides_are_those_of_the_ground() {
        let source = raster(32638, [500_000.0, 30.0, 0.0, 4_000_000.0, 0.0, -30.0], 100, 100);
        assert_eq!(bounds(&source, source.grid.crs_wkt.as_ref().unwrap()).unwrap(), [5e5, 3_997_000.0, 503_000.0, 4e6]);
        let degrees = crs::parse("CRS", "EPSG:4326").unwrap();
        let [west, south, east, north] = bounds(&source, &degrees).unwrap();
        assert!((west - 45.0).abs() < 1e-9 && (east - 45.0333).abs() < 1e-3, "{west} {east}");
        assert!((north - 36.1444).abs() < 1e-3 && (south - 36.1174).abs() < 1e-3, "{south} {north}");
        let side = suggested_side(&source, &degrees).unwrap();
        assert!((2.7e-4..3.4e-4).contains(&side), "{side} degrees");
        let [lon, lat] = centre(&source).unwrap();
        assert!((lon - 45.0167).abs() < 1e-3 && (lat - 36.131).abs() < 1e-3, "{lon} {lat}");
    }

    #[test]
    fn rasters_without_a_place_are_refused() {
        let placed = raster(32638, [500_000.0, 30.0, 0.0, 4_000_000.0, 0.0, -30.0], 3, 2);
        for (change, word) in [(0, "no coordinate reference"), (1, "no geotransform"), (2, "cover no ground")] {
            let mut bad = placed.clone();
            match change {
                0 => bad.grid.crs_wkt = None,
                1 => bad.grid.geotransform = None,
                _ => bad.grid.geotransform = Some([0.0; 6]),
            }
            let error = Warp::new(&bad, &placed).err().unwrap();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

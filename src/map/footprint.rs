//! Where a map lies on the Earth: its outline in longitude and latitude.

use gdal::spatial_ref::SpatialRef;

use super::ffi;
use super::globe::ToGlobe;
use crate::error::{Error, Result};
use crate::grid::MapGrid;

/// Points on each side of the outline: a straight side of a projection is curved in degrees.
const POINTS_A_SIDE: usize = 16;

/// The outline of a map and the names of its coordinate reference system.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    /// Closed rings of (longitude, latitude) in degrees of WGS 84, counter-clockwise: one, or two of a map that crosses
    /// the antimeridian, the western part (up to 180°) first.
    pub rings: Vec<Vec<(f64, f64)>>,
    /// `EPSG:32638`, when the system is a registered one.
    pub code: Option<String>,
    /// What the system calls itself.
    pub name: Option<String>,
}

impl Footprint {
    /// Of a map with a geotransform and a coordinate reference system; `None` of others.
    ///
    /// # Errors
    /// Refuses a system that PROJ cannot lead to WGS 84, and a map that holds a pole: its outline has no inside in degrees.
    pub fn of(map: &MapGrid) -> Result<Option<Self>> {
        let (Some(transform), Some(wkt)) = (map.grid.geotransform, &map.grid.crs_wkt) else { return Ok(None) };
        let refused = |what: &dyn std::fmt::Display| Error::refused("coordinate reference system", what);
        let (mut crs, _) = ffi::recorded(|| SpatialRef::from_wkt(wkt));
        let (names, _) = ffi::recorded(|| {
            let crs = crs.as_mut().map_err(|e| refused(e))?;
            let named = crs.authority().ok().or_else(|| {
                crs.auto_identify_epsg().ok()?;
                crs.authority().ok()
            });
            Ok((named, crs.name()))
        });
        let (code, name) = names?;
        let globe = ToGlobe::new(wkt)?;
        let place = |(column, line): (f64, f64)| {
            let at = |i: usize| transform[i] + column * transform[i + 1] + line * transform[i + 2];
            globe.lon_lat([at(0), at(3)]).map(|[lon, lat]| (lon, lat))
        };
        let ring: Option<Vec<(f64, f64)>> = outline(map.samples, map.lines).map(place).collect();
        let ring = unwrapped(ring.ok_or_else(|| refused(&"the map's outline has no longitude and latitude"))?);
        let turn = ring.last().map_or(0.0, |l| l.0) - ring.first().map_or(0.0, |f| f.0);
        if turn.abs() > 180.0 {
            return Err(refused(&"the map holds a pole, and its outline no area in degrees"));
        }
        Ok(Some(Self { rings: within_a_turn(ring), code, name }))
    }

    /// West, south, east, north. West is larger than east when the map crosses the antimeridian (RFC 7946, 5.2).
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        let all = || self.rings.iter().flatten();
        let least = |of: fn(&(f64, f64)) -> f64, ring: &[(f64, f64)]| ring.iter().map(of).fold(f64::INFINITY, f64::min);
        let most =
            |of: fn(&(f64, f64)) -> f64, ring: &[(f64, f64)]| ring.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let everything: Vec<_> = all().copied().collect();
        let (first, last) = (self.rings.first(), self.rings.last());
        [
            first.map_or(0.0, |ring| least(|p| p.0, ring)),
            least(|p| p.1, &everything),
            last.map_or(0.0, |ring| most(|p| p.0, ring)),
            most(|p| p.1, &everything),
        ]
    }
}

/// Corners of pixels along the edge of a raster, (column, line); the first is repeated at the end.
fn outline(samples: usize, lines: usize) -> impl Iterator<Item = (f64, f64)> {
    let (w, h) = (samples as f64, lines as f64);
    let corners = [(0.0, 0.0), (0.0, h), (w, h), (w, 0.0), (0.0, 0.0)];
    let side = |pair: &[(f64, f64)]| {
        let (a, b) = (pair[0], pair[1]);
        let part = |i: usize| i as f64 / POINTS_A_SIDE as f64;
        (0..POINTS_A_SIDE).map(move |i| (a.0 + (b.0 - a.0) * part(i), a.1 + (b.1 - a.1) * part(i))).collect::<Vec<_>>()
    };
    let points: Vec<_> = corners.windows(2).flat_map(side).chain([corners[0]]).collect();
    points.into_iter()
}

/// The ring without jumps from 180° to −180°, its middle within −180° to 180° or a little beyond.
fn unwrapped(mut ring: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut turns = 0.0;
    for i in 1..ring.len() {
        let step = ring[i].0 + turns - ring[i - 1].0;
        turns -= 360.0 * (step / 360.0).round();
        ring[i].0 += turns;
    }
    let west = ring.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let shift = -360.0 * ((west + 180.0) / 360.0).floor();
    ring.iter_mut().for_each(|p| p.0 += shift);
    ring
}

/// Cut at 180°, the part beyond moved to the other end of the world; all counter-clockwise.
fn within_a_turn(ring: Vec<(f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let beyond = ring.iter().any(|p| p.0 > 180.0);
    let mut rings = if beyond {
        let west = cut(&ring, |p| 180.0 - p.0);
        let east = cut(&ring, |p| p.0 - 180.0).into_iter().map(|(lon, lat)| (lon - 360.0, lat)).collect();
        vec![west, east]
    } else {
        vec![ring]
    };
    for ring in &mut rings {
        let twice_area: f64 = ring.windows(2).map(|p| p[0].0 * p[1].1 - p[1].0 * p[0].1).sum();
        if twice_area < 0.0 {
            ring.reverse();
        }
    }
    rings
}

/// The part of a closed ring where `depth` is not negative (Sutherland & Hodgman 1974, for one edge).
fn cut(ring: &[(f64, f64)], depth: impl Fn((f64, f64)) -> f64) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    for pair in ring.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (from, to) = (depth(a), depth(b));
        if from >= 0.0 {
            kept.push(a);
        }
        if (from >= 0.0) != (to >= 0.0) {
            let part = from / (from - to);
            kept.push((a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part));
        }
    }
    kept.extend(kept.first().copied());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    fn map(epsg: u32, geotransform: [f64; 6], samples: usize, lines: usize) -> MapGrid {
        let wkt = SpatialRef::from_epsg(epsg).unwrap().to_wkt().unwrap();
        MapGrid { samples, lines, grid: Grid { geotransform: Some(geotransform), crs_wkt: Some(wkt) } }
    }

    #[test]
    fn a_utm_map_lies_where_utm_says() {
        let found = Footprint::of(&map(32638, [5e5, 30.0, 0.0, 0.0, 0.0, -30.0], 100, 100)).unwrap().unwrap();
        assert_eq!(found.code.as_deref(), Some("EPSG:32638"));
        let [west, south, east, north] = found.bounds();
        // The central meridian of zone 38 is 45° E, and the equator has no northing.
        assert!((west - 45.0).abs() < 1e-9 && north.abs() < 1e-9, "{west} {north}");
        // 3000 m on the ellipsoid at the equator, with the scale 0.9996.
        assert!((east - 45.0 - 3000.0 / 0.9996 / 111_319.49).abs() < 1e-6, "{east}");
        assert!((south + 3000.0 / 0.9996 / 110_574.3).abs() < 1e-6, "{south}");
        let ring = &found.rings[0];
        assert_eq!(ring.first(), ring.last());
        assert!(ring.windows(2).map(|p| p[0].0 * p[1].1 - p[1].0 * p[0].1).sum::<f64>() > 0.0, "counter-clockwise");
    }

    #[test]
    fn a_map_across_the_antimeridian_has_two_parts() {
        let found = Footprint::of(&map(4326, [179.0, 0.01, 0.0, 10.0, 0.0, -0.01], 200, 100)).unwrap().unwrap();
        assert_eq!(found.rings.len(), 2);
        for (got, expected) in found.bounds().into_iter().zip([179.0, 9.0, -179.0, 10.0]) {
            assert!((got - expected).abs() < 1e-9, "{:?}", found.bounds());
        }
        assert!(found.rings.iter().all(|r| r.first() == r.last() && r.iter().all(|p| p.0.abs() <= 180.0)));
    }

    #[test]
    fn poles_and_places_unknown_have_no_outline() {
        assert!(Footprint::of(&map(3413, [-1e6, 1e4, 0.0, 1e6, 0.0, -1e4], 200, 200)).is_err());
        assert_eq!(Footprint::of(&MapGrid { samples: 3, lines: 3, grid: Grid::default() }).unwrap(), None);
        let mut wrong = map(4326, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0], 3, 3);
        wrong.grid.crs_wkt = Some("nonsense".into());
        assert!(Footprint::of(&wrong).is_err());
    }
}

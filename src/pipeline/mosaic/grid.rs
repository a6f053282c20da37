//! The raster of a mosaic: its CRS, the size of its pixels and what it covers.

use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::map::{crs, warp};

use super::layout::Layout;

/// Scenes further apart than this, centre from centre in km, are no mosaic but a mistake.
const FARTHEST_KM: f64 = 10_000.0;

/// Pixels of the largest mosaic: 65 536 on each side.
const MOST_PIXELS: f64 = 4_294_967_296.0;

/// Pixels are not begun for less than this share of one: coordinates round.
const SHARE: f64 = 1e-6;

/// The Earth's mean radius in km.
const RADIUS_KM: f64 = 6371.0;

/// The raster, and why.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) map: MapGrid,
    pub(super) resolution: [f64; 2],
    pub(super) crs_from: String,
    pub(super) resolution_from: String,
    pub(super) extent_from: String,
}

/// Chooses the raster for scenes of these names and maps; what was assumed goes to the notes.
///
/// # Errors
/// Refuses scenes that cannot be placed, that lie too far apart or outside of the extent, and rasters too large.
pub(super) fn choose(scenes: &[(&str, &MapGrid)], layout: &Layout, notes: &mut Vec<String>) -> Result<Chosen> {
    let (first_name, first) = scenes[0];
    check_distances(scenes)?;
    let (wkt, crs_from) = match &layout.crs {
        Some(text) => (crs::parse("--crs", text)?, "--crs".to_owned()),
        None => (first.grid.crs_wkt.clone().unwrap_or_default(), format!("{first_name}, the first scene")),
    };
    let own = first.grid.geotransform.filter(|g| g[2] == 0.0 && g[4] == 0.0);
    let own = own.filter(|_| first.grid.crs_wkt.as_ref().is_some_and(|own| crs::same(own, &wkt)));
    let (resolution, resolution_from) = match (layout.resolution, own) {
        (Some(given), _) => (given.0, "--resolution".to_owned()),
        (None, Some(own)) => ([own[1].abs(), own[5].abs()], format!("the pixels of {first_name}")),
        (None, None) => {
            let side = warp::suggested_side(first, &wkt).map_err(|e| e.within(first_name))?;
            ([side, side], format!("GDAL's suggestion, which keeps that of {first_name}"))
        }
    };
    let bounds: Vec<[f64; 4]> =
        scenes.iter().map(|(name, map)| warp::bounds(map, &wkt).map_err(|e| e.within(name))).collect::<Result<_>>()?;
    let (map, extent_from) = match layout.extent {
        Some(extent) => {
            if let Some(((name, _), bounds)) = scenes.iter().zip(&bounds).find(|(_, b)| apart(b, &extent.0)) {
                let what = format!("{name} lies outside: it covers {bounds:?} in {}", crs::name(&wkt));
                return Err(Error::refused("--extent", what).hint("leave the scene out, or widen --extent"));
            }
            (within(extent.0, resolution, wkt)?, "--extent".to_owned())
        }
        None => {
            let all = bounds.iter().copied().reduce(union).unwrap_or_default();
            // Pixels that the first scene has already stay as they are.
            let [x, y] =
                own.filter(|own| [own[1].abs(), own[5].abs()] == resolution).map_or([0.0; 2], |own| [own[0], own[3]]);
            (within(snapped(all, resolution, [x, y]), resolution, wkt)?, "all scenes".to_owned())
        }
    };
    let name = super::crs_name(&map);
    if layout.crs.is_none() {
        notes.push(format!("the CRS is that of {crs_from}: {name} (--crs names another)"));
    }
    if layout.resolution.is_none() {
        let [x, y] = resolution;
        notes.push(format!(
            "a pixel is {x} x {y} units of the CRS: {resolution_from} (--resolution names another size)"
        ));
    }
    Ok(Chosen { map, resolution, crs_from, resolution_from, extent_from })
}

/// Refuses scenes of which two lie on different sides of the Earth.
fn check_distances(scenes: &[(&str, &MapGrid)]) -> Result<()> {
    let centre = |(name, map): &(&str, &MapGrid)| warp::centre(map).map_err(|e| e.within(name));
    let centres: Vec<[f64; 2]> = scenes.iter().map(centre).collect::<Result<_>>()?;
    for (i, a) in centres.iter().enumerate() {
        for (j, b) in centres.iter().enumerate().take(i) {
            let km = distance_km(*a, *b);
            if km.is_nan() || km > FARTHEST_KM {
                let what = format!(
                    "{} and {} lie {km:.0} km apart, expected at most {FARTHEST_KM} km",
                    scenes[j].0, scenes[i].0
                );
                return Err(Error::refused("mosaic", what).hint("map scenes so far from each other one by one"));
            }
        }
    }
    Ok(())
}

/// Along a great circle between two places of longitude and latitude in degrees.
fn distance_km(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [[east, north], [other_east, other_north]] = [a, b].map(|p| p.map(f64::to_radians));
    let half = |d: f64| (d / 2.0).sin().powi(2);
    let chord = half(other_north - north) + north.cos() * other_north.cos() * half(other_east - east);
    2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
}

fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

fn apart(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] >= b[2] || b[0] >= a[2] || a[1] >= b[3] || b[1] >= a[3]
}

/// The least rectangle around another whose sides lie whole pixels from an origin.
fn snapped([left, bottom, right, top]: [f64; 4], [dx, dy]: [f64; 2], [x, y]: [f64; 2]) -> [f64; 4] {
    let down = |v: f64, origin: f64, side: f64| origin + ((v - origin) / side + SHARE).floor() * side;
    let up = |v: f64, origin: f64, side: f64| origin + ((v - origin) / side - SHARE).ceil() * side;
    [down(left, x, dx), down(bottom, y, dy), up(right, x, dx), up(top, y, dy)]
}

/// The raster with its upper left corner in that of a rectangle, which it covers.
fn within([left, bottom, right, top]: [f64; 4], [dx, dy]: [f64; 2], wkt: String) -> Result<MapGrid> {
    let count = |length: f64, side: f64| match (length / side - SHARE).ceil() {
        none if none < 1.0 => 1.0,
        some => some,
    };
    let (samples, lines) = (count(right - left, dx), count(top - bottom, dy));
    // Not a number, either.
    if !(samples * lines <= MOST_PIXELS && samples.max(lines) <= f64::from(i32::MAX)) {
        let what = format!(
            "{lines} x {samples} pixels of {dx} x {dy} units of the CRS are too many, expected {MOST_PIXELS} at most"
        );
        return Err(Error::refused("mosaic", what)
            .hint("pass a coarser --resolution or a smaller --extent, or --crs of the scenes' own region"));
    }
    let grid = Grid { geotransform: Some([left, dx, 0.0, top, 0.0, -dy]), crs_wkt: Some(wkt) };
    Ok(MapGrid { samples: samples as usize, lines: lines as usize, grid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_grow_to_whole_pixels_from_the_origin() {
        let at = |bounds| snapped(bounds, [30.0, 20.0], [500_005.0, 4_000_003.0]);
        assert_eq!(
            at([500_005.0, 3_999_983.0, 500_035.0, 4_000_003.0]),
            [500_005.0, 3_999_983.0, 500_035.0, 4_000_003.0]
        );
        assert_eq!(
            at([499_990.0, 3_999_990.0, 500_050.0, 4_000_004.0]),
            [499_975.0, 3_999_983.0, 500_065.0, 4_000_023.0]
        );
        let map = within([0.0, 0.0, 100.0, 60.0], [30.0, 20.0], String::new()).unwrap();
        assert_eq!((map.samples, map.lines, map.grid.geotransform.unwrap()[3]), (4, 3, 60.0));
        assert!(within([0.0, 0.0, 1e9, 1e9], [30.0, 20.0], String::new()).is_err());
        assert!(within([0.0, 0.0, f64::NAN, 1e9], [30.0, 20.0], String::new()).is_err());
    }

    #[test]
    fn distances_are_those_on_the_sphere() {
        let quarter = RADIUS_KM * std::f64::consts::FRAC_PI_2;
        assert!((distance_km([0.0, 0.0], [90.0, 0.0]) - quarter).abs() < 1e-6);
        assert!((distance_km([179.0, 0.0], [-179.0, 0.0]) - quarter / 45.0).abs() < 1e-6);
        assert!((distance_km([10.0, 90.0], [150.0, 0.0]) - quarter).abs() < 1e-6);
    }
}

//! How large the pixels of a raster are on the ground.

use gdal::spatial_ref::SpatialRef;

use super::ellipsoid::Ellipsoid;
use super::ffi;
use super::ground::Ground;
use super::lattice::Lattice;
use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::tile::Window;

/// Areas are kept in whole thousandths of a mm², whose sum is the same in any order of pixels: of a pixel of 1 cm they leave
/// out 5e-6 at most.
const PER_M2: f64 = 1e9;

/// The largest pixel, in m²: what fits in the 64 bits of an area.
const LARGEST_M2: f64 = 1.8e10;

/// A radian along a meridian in metres, more or less.
const RADIAN_M: f64 = 6.37e6;

/// The area of every pixel of a raster on the ellipsoid of its coordinate reference system.
///
/// North-up geographic grids: exact. All others: computed on a lattice of places and interpolated, within 1e-7 of the area
/// at the pixel's centre, which is that of the pixel within 1e-6 for pixels up to 5 km.
pub struct PixelAreas {
    of: Of,
    note: Option<String>,
}

enum Of {
    /// The pixels of each line are equal.
    Lines(Vec<u64>),
    /// In m².
    Places(Lattice),
}

impl PixelAreas {
    /// Of a raster of `lines` and `samples`; `None` without a CRS, a geotransform or a length unit.
    ///
    /// Systems that do not say where on the Earth they are, and projections that cannot be led back to longitude and latitude
    /// everywhere on the raster, have areas of the plane, and a note that says so.
    ///
    /// # Errors
    /// Refuses a CRS that cannot be read, and pixels that are no area.
    pub fn of(grid: &Grid, lines: usize, samples: usize) -> Result<Option<Self>> {
        let (Some(transform), Some(wkt)) = (grid.geotransform, &grid.crs_wkt) else { return Ok(None) };
        if transform.iter().any(|v| !v.is_finite()) {
            return Err(Error::refused("geotransform", format!("{transform:?} holds a value that is not a number")));
        }
        let (parsed, _) = ffi::recorded(|| SpatialRef::from_wkt(wkt));
        let crs = parsed.map_err(|e| Error::refused("coordinate reference system", e))?;
        let determinant = (transform[1] * transform[5] - transform[2] * transform[4]).abs();
        // A derived CRS (a rotated pole) has latitudes that are not those of the ellipsoid.
        let geographic = crs.is_geographic() && !crs.is_derived_geographic();
        let local = crs.is_local() && crs.linear_units_name().is_some_and(|name| name != "unknown");
        if geographic && transform[2] == 0.0 && transform[4] == 0.0 {
            return Ok(Some(Self::plain(north_up(&crs, &transform, lines)?, None)?));
        }
        let (plane_m2, why) = if geographic {
            (determinant * (crs.angular_units() * RADIAN_M).powi(2), None)
        } else if crs.is_projected() {
            (determinant * crs.linear_units().powi(2), None)
        } else if local {
            let why = "the coordinate reference system does not say where on the Earth it is";
            (determinant * crs.linear_units().powi(2), Some(why))
        } else {
            return Ok(None);
        };
        let plane = |why: &str| {
            let note = format!("areas are those of the plane of the map, not of the ellipsoid: {why}");
            Self::plain(vec![plane_m2; lines], Some(note)).map(Some)
        };
        if let Some(why) = why {
            return plane(why);
        }
        let Some(mut ground) = Ground::new(&crs, wkt, &transform, plane_m2.sqrt())? else {
            return plane("there is no way from the projection to longitude and latitude");
        };
        match Lattice::of(samples, lines, |x, y| ground.m2(x, y)) {
            Some(lattice) => {
                lattice.values().try_for_each(checked)?;
                Ok(Some(Self { of: Of::Places(lattice), note: None }))
            }
            None if geographic => Ok(None),
            None => plane("somewhere on the raster the projection does not lead smoothly to longitude and latitude"),
        }
    }

    fn plain(m2: Vec<f64>, note: Option<String>) -> Result<Self> {
        m2.iter().copied().try_for_each(checked)?;
        Ok(Self { of: Of::Lines(m2.into_iter().map(whole).collect()), note })
    }

    /// What is to be known of how they were found.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The areas of a window's pixels, line by line, as of [`PixelAreas::line`].
    #[must_use]
    pub fn window(&self, window: Window) -> Vec<u64> {
        let mut areas = vec![0; window.pixels()];
        let rows = (window.y..).zip(areas.chunks_exact_mut(window.width.max(1)));
        rows.for_each(|(line, row)| self.line(line, window.x, row));
        areas
    }

    /// Gives the areas of a line's pixels from column `first` on, as many as there is room for, in thousandths of a mm².
    /// That of a pixel does not depend on which are asked for together.
    pub fn line(&self, line: usize, first: usize, row: &mut [u64]) {
        match &self.of {
            Of::Lines(lines) => row.fill(lines[line]),
            Of::Places(lattice) => lattice.line(line, first, row, whole),
        }
    }

    /// The side of a square as large as one pixel, in metres.
    #[must_use]
    pub fn side_m(&self, line: usize, column: usize) -> f64 {
        let mut area = [0];
        self.line(line, column, &mut area);
        (area[0] as f64 / PER_M2).sqrt()
    }
}

/// What is to be known of the areas of a raster's pixels.
///
/// # Errors
/// As [`PixelAreas::of`].
pub fn note(map: &MapGrid) -> Result<Option<String>> {
    Ok(PixelAreas::of(&map.grid, map.lines, map.samples)?.and_then(|areas| areas.note))
}

/// m² of a sum of areas.
#[must_use]
pub fn m2(sum: u128) -> f64 {
    sum as f64 / PER_M2
}

/// km² of a sum of areas.
#[must_use]
pub fn km2(sum: u128) -> f64 {
    sum as f64 / (PER_M2 * 1e6)
}

/// The sum of areas that a size in m² is.
#[must_use]
pub fn sum_of_m2(m2: f64) -> u128 {
    (m2 * PER_M2).round() as u128
}

/// Rounded without a call: there is one for every pixel.
fn whole(m2: f64) -> u64 {
    (m2 * PER_M2 + 0.5) as u64
}

fn checked(m2: f64) -> Result<()> {
    if m2 <= LARGEST_M2 {
        return Ok(());
    }
    let what = format!("a pixel covers {:.0} km², expected {:.0} km² at most", m2 / 1e6, LARGEST_M2 / 1e6);
    Err(Error::refused("geotransform", what).hint("give the scene its true pixel size (`gdal_edit.py -a_ullr …`)"))
}

/// m² of a pixel of each line of a north-up geographic grid.
fn north_up(crs: &SpatialRef, transform: &[f64; 6], lines: usize) -> Result<Vec<f64>> {
    let (ellipsoid, radians) = (Ellipsoid::of(crs)?, crs.angular_units());
    let latitude = |line: usize| (transform[3] + line as f64 * transform[5]) * radians;
    let width = (transform[1] * radians).abs();
    Ok((0..lines).map(|line| ellipsoid.zone(latitude(line), latitude(line + 1)) * width).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(epsg: u32, geotransform: [f64; 6]) -> Grid {
        let wkt = SpatialRef::from_epsg(epsg).unwrap().to_wkt().unwrap();
        Grid { geotransform: Some(geotransform), crs_wkt: Some(wkt) }
    }

    fn areas(epsg: u32, geotransform: [f64; 6], lines: usize, samples: usize) -> Vec<f64> {
        let areas = PixelAreas::of(&grid(epsg, geotransform), lines, samples).unwrap().unwrap();
        assert_eq!(areas.note(), None);
        (0..lines).map(|line| areas.side_m(line, samples / 2).powi(2) / 1e6).collect()
    }

    fn close(got: f64, expected: f64, relative: f64) {
        assert!((got / expected - 1.0).abs() < relative, "{got} is not {expected}");
    }

    #[test]
    fn projected_pixels_have_the_area_of_the_ellipsoid() {
        // On the central meridian of UTM, the scale is 0.9996 in both directions.
        let true_km2 = 0.0036 / (0.9996 * 0.9996);
        close(areas(32638, [5e5, 60.0, 0.0, 4e6, 0.0, -60.0], 3, 1)[2], true_km2, 1e-8);
        close(areas(32638, [5e5, 48.0, 36.0, 4e6, 36.0, -48.0], 1, 1)[0], true_km2, 1e-8);
        // EPSG:6350 is of equal area. EPSG:2227 counts in US survey feet, near its standard parallel.
        close(areas(6350, [-2e6, 30.0, 0.0, 2e6, 0.0, -30.0], 9, 9)[5], 9e-4, 1e-8);
        let foot = 1200.0 / 3937.0;
        close(areas(2227, [6e6, 10.0, 0.0, 2e6, 0.0, -10.0], 1, 1)[0], 100.0 * foot * foot / 1e6, 1e-3);
    }

    /// Of a cell of the plane around a place, the area on the ellipsoid: geodesic polygons of 2 km by pyproj 3.7.2, PROJ 9.5.1.
    #[test]
    fn projections_of_many_kinds_have_pyprojs_areas() {
        for (epsg, x, y, expected) in [
            (3035, 4_715_000.0, 3_523_200.0, 1.000_000_012),
            (2056, 2_709_300.0, 1_185_700.0, 0.999_994_974),
            (28992, 182_100.0, 470_700.0, 1.000_174_480),
            (5514, -436_000.0, -1_153_600.0, 1.000_095_089),
            (6933, 4_962_200.0, 0.0, 1.000_000_010),
            (27700, 404_700.0, 609_600.0, 1.000_797_391),
            (2193, 1_705_700.0, 5_492_100.0, 1.000_525_174),
            (3031, 2_290_600.0, -1_322_500.0, 0.967_428_395),
            (32661, 904_000.0, 2_193_300.0, 0.996_793_583),
            (31370, 195_400.0, 132_800.0, 1.000_135_028),
            (3577, 697_500.0, -2_921_500.0, 1.000_000_009),
        ] {
            let km2 = areas(epsg, [x - 2020.0, 40.0, 0.0, y + 2020.0, 0.0, -40.0], 101, 101)[50];
            let off = km2 / 0.0016 / expected - 1.0;
            assert!(off.abs() < 1e-7, "EPSG:{epsg} is {off} off");
        }
    }

    #[test]
    fn a_pole_is_ground_like_any_other() {
        // The scale at the pole, for a standard parallel of 70° (Snyder 1987, 21-34 and 21-35).
        let [first, middle] = [0, 50].map(|line| areas(3413, [-5e4, 1e3, 0.0, 5e4, 0.0, -1e3], 100, 100)[line]);
        close(middle, 1.0 / 0.969_858_190_f64.powi(2), 1e-7);
        assert!(first < middle);
    }

    #[test]
    fn what_no_projection_leads_to_has_the_area_of_the_plane() {
        // A disc of the Earth, its corners beyond it.
        let disc = SpatialRef::from_proj4("+proj=ortho +lat_0=40 +lon_0=10 +ellps=WGS84").unwrap().to_wkt().unwrap();
        let local = "LOCAL_CS[\"Mine grid\",UNIT[\"metre\",1]]";
        for (wkt, why) in [(disc.as_str(), "smoothly"), (local, "where on the Earth")] {
            let grid = Grid { geotransform: Some([-7e6, 1e5, 0.0, 7e6, 0.0, -1e5]), crs_wkt: Some(wkt.to_owned()) };
            let areas = PixelAreas::of(&grid, 140, 140).unwrap().unwrap();
            close(areas.side_m(70, 70), 1e5, 1e-12);
            assert!(areas.note().unwrap().contains(why), "{:?}", areas.note());
        }
    }

    #[test]
    fn small_pixels_lose_little_and_huge_ones_are_refused() {
        close(areas(32638, [5e5, 0.01, 0.0, 4e6, 0.0, -0.01], 1, 1)[0], 1e-10 / (0.9996 * 0.9996), 5e-6);
        let huge = grid(4326, [0.0, 5.0, 0.0, 45.0, 0.0, -5.0]);
        let refused = PixelAreas::of(&huge, 2, 2).err().unwrap();
        assert!(refused.to_string().contains("18000 km² at most"), "{refused}");
    }

    #[test]
    fn geographic_cells_have_the_area_of_the_ellipsoid() {
        let cells = areas(4326, [10.0, 1.0, 0.0, 90.0, 0.0, -1.0], 180, 1);
        // Integrates the same surface by Simpson's rule: a² (1-e²) cos φ / (1 - e² sin² φ)².
        let (a, f) = (6_378_137.0_f64, 1.0 / 298.257_223_563);
        let e2 = f * (2.0 - f);
        let density = |deg: f64| {
            let s = deg.to_radians().sin();
            a * a * (1.0 - e2) * deg.to_radians().cos() / (1.0 - e2 * s * s).powi(2)
        };
        for (line, &cell) in cells.iter().enumerate() {
            let (north, step) = (90.0 - line as f64, 0.01);
            let sum: f64 = (0..100)
                .map(|i| north - f64::from(i) * step)
                .map(|n| density(n) + 4.0 * density(n - step / 2.0) + density(n - step))
                .sum();
            close(cell, sum * (step / 6.0).to_radians() * 1_f64.to_radians() / 1e6, 1e-9);
        }
        close(cells[89], 12_308.46, 1e-6);
        close(cells.iter().sum::<f64>() * 360.0, 510_065_621.7, 1e-8);
    }

    #[test]
    fn a_rotated_geographic_grid_agrees_with_a_straight_one_where_both_are_small() {
        let straight = areas(4326, [40.0, 5e-4, 0.0, 30.0, 0.0, -5e-4], 50, 50);
        let angle = 30_f64.to_radians();
        let (c, s) = (5e-4 * angle.cos(), 5e-4 * angle.sin());
        let turned = areas(4326, [40.0, c, s, 30.0, s, -c], 50, 50);
        close(turned[0], straight[0], 1e-3);
    }

    #[test]
    fn without_a_place_there_is_no_area() {
        let some = grid(4326, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);
        for none in [
            Grid { crs_wkt: None, ..some.clone() },
            Grid { geotransform: None, ..some },
            Grid::default(),
            grid(4978, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]),
        ] {
            assert!(PixelAreas::of(&none, 2, 2).unwrap().is_none());
        }
        let wrong = Grid { geotransform: Some([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), crs_wkt: Some("nonsense".into()) };
        assert!(PixelAreas::of(&wrong, 2, 2).is_err());
    }
}

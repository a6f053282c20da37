//! How large a pixel is on the ground.

use gdal::spatial_ref::SpatialRef;

use super::ffi;
use crate::error::{Error, Result};
use crate::grid::Grid;

/// The area of a pixel in km², one value a line (`lines` of them); `None` without a CRS, a geotransform or a length unit.
///
/// Projected grids: the area in the plane of the projection, which is the true one only for equal-area projections (in
/// UTM it is within 0.2 %). Geographic grids: the area on the ellipsoid, exact for north-up grids; for rotated ones the
/// local area at the line's centre.
pub fn pixel_areas_km2(grid: &Grid, lines: usize, samples: usize) -> Result<Option<Vec<f64>>> {
    let (Some(transform), Some(wkt)) = (grid.geotransform, &grid.crs_wkt) else { return Ok(None) };
    if transform.iter().any(|v| !v.is_finite()) {
        return Err(Error::refused("geotransform", format!("{transform:?} holds a value that is not a number")));
    }
    let (parsed, _) = ffi::recorded(|| SpatialRef::from_wkt(wkt));
    let crs = parsed.map_err(|e| Error::refused("coordinate reference system", e))?;
    let determinant = (transform[1] * transform[5] - transform[2] * transform[4]).abs();
    if crs.is_projected() {
        let metres = crs.linear_units();
        return Ok(Some(vec![determinant * metres * metres / 1e6; lines]));
    }
    // A derived CRS (a rotated pole) has latitudes that are not those of the ellipsoid.
    if !crs.is_geographic() || crs.is_derived_geographic() {
        return Ok(None);
    }
    let axis = |value: gdal::errors::Result<f64>| value.map_err(|e| Error::refused("ellipsoid of the CRS", e));
    let (parts, _) = ffi::recorded(|| (crs.semi_major(), crs.semi_minor()));
    let ellipsoid = Ellipsoid { a: axis(parts.0)?, b: axis(parts.1)? };
    let radians = crs.angular_units();
    let latitude = |column: f64, line: f64| (transform[3] + column * transform[4] + line * transform[5]) * radians;
    let north_up = transform[2] == 0.0 && transform[4] == 0.0;
    let area = |line: usize| {
        let line = line as f64;
        if north_up {
            ellipsoid.zone(latitude(0.0, line), latitude(0.0, line + 1.0)) * (transform[1] * radians).abs() / 1e6
        } else {
            let centre = latitude(samples as f64 / 2.0, line + 0.5);
            ellipsoid.per_square_radian(centre) * determinant * radians * radians / 1e6
        }
    };
    Ok(Some((0..lines).map(area).collect()))
}

/// mm² of a km².
pub const MM2_PER_KM2: f64 = 1e12;

/// As [`pixel_areas_km2`] in whole mm², whose sum is the same in any order of pixels.
///
/// # Errors
/// As [`pixel_areas_km2`].
pub fn pixel_areas_mm2(grid: &Grid, lines: usize, samples: usize) -> Result<Option<Vec<u64>>> {
    let whole = |km2: &f64| (km2 * MM2_PER_KM2).round() as u64;
    Ok(pixel_areas_km2(grid, lines, samples)?.map(|lines| lines.iter().map(whole).collect()))
}

/// Semi-axes in metres.
struct Ellipsoid {
    a: f64,
    b: f64,
}

impl Ellipsoid {
    fn eccentricity_squared(&self) -> f64 {
        1.0 - (self.b / self.a).powi(2)
    }

    /// m² between two latitudes, for one radian of longitude (Snyder 1987, USGS Professional Paper 1395, 3-12).
    fn zone(&self, from: f64, to: f64) -> f64 {
        (self.up_to(from) - self.up_to(to)).abs()
    }

    /// m² from the equator to a latitude, for one radian of longitude.
    fn up_to(&self, latitude: f64) -> f64 {
        // A pixel's edge may lie beyond the pole; there is no ground there.
        let sine = latitude.clamp(-std::f64::consts::FRAC_PI_2, std::f64::consts::FRAC_PI_2).sin();
        let e = self.eccentricity_squared().max(0.0).sqrt();
        let curved = if e < 1e-9 { sine } else { (e * sine).atanh() / e };
        self.b * self.b / 2.0 * (sine / (1.0 - (e * sine).powi(2)) + curved)
    }

    /// m² for one square radian at a latitude: the product of both radii of curvature and the cosine.
    fn per_square_radian(&self, latitude: f64) -> f64 {
        let curvature = 1.0 - self.eccentricity_squared() * latitude.sin().powi(2);
        self.b * self.b / (curvature * curvature) * latitude.cos().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(epsg: u32, geotransform: [f64; 6]) -> Grid {
        let wkt = SpatialRef::from_epsg(epsg).unwrap().to_wkt().unwrap();
        Grid { geotransform: Some(geotransform), crs_wkt: Some(wkt) }
    }

    fn areas(epsg: u32, geotransform: [f64; 6], lines: usize, samples: usize) -> Vec<f64> {
        pixel_areas_km2(&grid(epsg, geotransform), lines, samples).unwrap().unwrap()
    }

    fn close(got: f64, expected: f64, relative: f64) {
        assert!((got / expected - 1.0).abs() < relative, "{got} is not {expected}");
    }

    #[test]
    fn projected_pixels_have_the_area_of_the_plane() {
        close(areas(32638, [5e5, 60.0, 0.0, 4e6, 0.0, -60.0], 3, 9)[2], 0.0036, 1e-12);
        let turned = [5e5, 48.0, 36.0, 4e6, 36.0, -48.0];
        close(areas(32638, turned, 1, 9)[0], 0.0036, 1e-12);
        // EPSG:2227 counts in US survey feet.
        let foot = 1200.0 / 3937.0;
        close(areas(2227, [6e6, 10.0, 0.0, 2e6, 0.0, -10.0], 1, 1)[0], 100.0 * foot * foot / 1e6, 1e-9);
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
            assert_eq!(pixel_areas_km2(&none, 2, 2).unwrap(), None);
        }
        let wrong = Grid { geotransform: Some([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), crs_wkt: Some("nonsense".into()) };
        assert!(pixel_areas_km2(&wrong, 2, 2).is_err());
    }
}

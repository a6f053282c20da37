//! How much ground there is under a place of a raster.

use gdal::spatial_ref::SpatialRef;

use super::ellipsoid::Ellipsoid;
use super::ffi;
use super::transformer::Transformer;
use crate::error::Result;

/// Metres between the places whose points on the ellipsoid are compared: a thousandth of the Earth's radius, where the error
/// of the differences and that of projections with an iteration in their inverse are both below 1e-8.
const REACH_M: f64 = 6400.0;

/// Coordinates of a CRS as pixels of a raster.
const UNITS: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// From the pixels of a raster to the ellipsoid of its coordinate reference system.
pub(super) struct Ground {
    to_degrees: Transformer,
    ellipsoid: Ellipsoid,
    /// Of the geographic system's unit.
    radians: f64,
    /// [`REACH_M`] in pixels.
    reach: f64,
}

impl Ground {
    /// Of a raster with a projected or geographic system and pixels about `side_m` wide; `None` when there is no way to the
    /// system's longitudes and latitudes.
    ///
    /// # Errors
    /// When the system has no ellipsoid.
    pub(super) fn new(crs: &SpatialRef, wkt: &str, geotransform: &[f64; 6], side_m: f64) -> Result<Option<Self>> {
        let ellipsoid = Ellipsoid::of(crs)?;
        let (made, _) = ffi::recorded(|| {
            let geographic = crs.geog_cs().ok()?;
            let to = geographic.to_wkt().ok()?;
            Some((Transformer::new((wkt, geotransform), (&to, &UNITS), 0.0)?, geographic.angular_units()))
        });
        let ground = |(to_degrees, radians)| Self { to_degrees, ellipsoid, radians, reach: REACH_M / side_m };
        Ok(made.map(ground))
    }

    /// At places in pixels, the m² on the ellipsoid of what is one pixel large; `None` where the projection has no inverse.
    ///
    /// The area is that of the two tangents to the ellipsoid, along the line and down the column, each by central differences
    /// of fourth order.
    pub(super) fn m2(&mut self, x: &[f64], y: &[f64]) -> Option<Vec<f64>> {
        const AROUND: [(f64, f64); 8] =
            [(1.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (-2.0, 0.0), (0.0, 1.0), (0.0, -1.0), (0.0, 2.0), (0.0, -2.0)];
        let reach = self.reach;
        let all = || x.iter().zip(y).flat_map(|(x, y)| AROUND.map(|(dx, dy)| (x + dx * reach, y + dy * reach)));
        let (mut lon, mut lat): (Vec<f64>, Vec<f64>) = all().unzip();
        let (whole, _) =
            ffi::recorded(|| self.to_degrees.target_of(&mut lon, &mut lat).iter().all(|found| *found != 0));
        if !whole {
            return None;
        }
        let point = |(lon, lat): (&f64, &f64)| self.ellipsoid.point(lon * self.radians, lat * self.radians);
        let points: Vec<[f64; 3]> = lon.iter().zip(&lat).map(point).collect();
        let area = |p: &[[f64; 3]]| {
            let tangent = |at: usize| -> [f64; 3] {
                let difference = |i: usize| 8.0 * (p[at][i] - p[at + 1][i]) - (p[at + 2][i] - p[at + 3][i]);
                std::array::from_fn(|i| difference(i) / (12.0 * reach))
            };
            let ([a, b, c], [d, e, f]) = (tangent(0), tangent(4));
            [b * f - c * e, c * d - a * f, a * e - b * d].iter().map(|v| v * v).sum::<f64>().sqrt()
        };
        let areas: Vec<f64> = points.chunks_exact(AROUND.len()).map(area).collect();
        areas.iter().all(|v| v.is_finite() && *v > 0.0).then_some(areas)
    }
}

//! The ellipsoid that a coordinate reference system measures the Earth by.

use std::f64::consts::FRAC_PI_2;

use gdal::spatial_ref::SpatialRef;

use super::ffi;
use crate::error::{Error, Result};

/// Semi-axes in metres.
pub(super) struct Ellipsoid {
    a: f64,
    b: f64,
}

impl Ellipsoid {
    /// Of a geographic or projected system.
    ///
    /// # Errors
    /// Refuses a system without one.
    pub(super) fn of(crs: &SpatialRef) -> Result<Self> {
        let axis = |value: gdal::errors::Result<f64>| value.map_err(|e| Error::refused("ellipsoid of the CRS", e));
        let (parts, _) = ffi::recorded(|| (crs.semi_major(), crs.semi_minor()));
        Ok(Self { a: axis(parts.0)?, b: axis(parts.1)? })
    }

    fn eccentricity_squared(&self) -> f64 {
        1.0 - (self.b / self.a).powi(2)
    }

    /// m² between two latitudes in radians, for one radian of longitude (Snyder 1987, USGS Professional Paper 1395, 3-12).
    pub(super) fn zone(&self, from: f64, to: f64) -> f64 {
        (self.up_to(from) - self.up_to(to)).abs()
    }

    /// m² from the equator to a latitude, for one radian of longitude.
    fn up_to(&self, latitude: f64) -> f64 {
        // A pixel's edge may lie beyond the pole; there is no ground there.
        let sine = latitude.clamp(-FRAC_PI_2, FRAC_PI_2).sin();
        let e = self.eccentricity_squared().max(0.0).sqrt();
        let curved = if e < 1e-9 { sine } else { (e * sine).atanh() / e };
        self.b * self.b / 2.0 * (sine / (1.0 - (e * sine).powi(2)) + curved)
    }

    /// The point at a longitude and latitude in radians: metres along three axes from the Earth's centre. Unlike longitude
    /// and latitude, it moves smoothly across the poles and the antimeridian.
    pub(super) fn point(&self, longitude: f64, latitude: f64) -> [f64; 3] {
        let (e2, sine) = (self.eccentricity_squared(), latitude.sin());
        let normal = self.a / (1.0 - e2 * sine * sine).sqrt();
        let from_axis = normal * latitude.cos();
        [from_axis * longitude.cos(), from_axis * longitude.sin(), normal * (1.0 - e2) * sine]
    }
}

//! Where on the globe a place of a map is.

use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};

use super::ffi;
use crate::error::{Error, Result};

/// A CRS whose first axis is x (longitude, easting), as rasters and tables have it, whatever its authority says.
pub(super) fn xy(wkt: &str) -> gdal::errors::Result<SpatialRef> {
    let mut crs = SpatialRef::from_wkt(wkt)?;
    crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(crs)
}

/// From a CRS to longitude and latitude on WGS 84.
pub struct ToGlobe(CoordTransform);

impl ToGlobe {
    /// From the CRS of this WKT.
    ///
    /// # Errors
    /// Refuses a WKT that is none, and a CRS that has no way to WGS 84.
    pub fn new(wkt: &str) -> Result<Self> {
        let (made, log) = ffi::recorded(|| {
            let (from, mut to) = (xy(wkt)?, SpatialRef::from_epsg(4326)?);
            to.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
            CoordTransform::new(&from, &to)
        });
        let why = || log.errors.first().cloned();
        made.map(Self).map_err(|e| Error::refused("map, CRS", why().unwrap_or_else(|| e.to_string())))
    }

    /// Longitude and latitude in degrees; nothing where the projection has none.
    #[must_use]
    pub fn lon_lat(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let (mut x, mut y) = ([x], [y]);
        let (done, _) = ffi::recorded(|| self.0.transform_coords(&mut x, &mut y, &mut []));
        (done.is_ok() && x[0].is_finite() && y[0].is_finite()).then_some([x[0], y[0]])
    }
}

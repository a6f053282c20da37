//! A raster of any grid, seen on the grid of a map.

use std::path::{Path, PathBuf};

use gdal::raster::Buffer;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags};

use super::ffi;
use super::globe::xy;
use super::verify::gdal_failure;
use crate::error::{Error, Result};
use crate::grid::MapGrid;

/// The first band of a raster that GDAL can open, resampled to a map (bilinear); NaN where it has no data or does not reach.
pub struct Resampled {
    path: PathBuf,
    source: Dataset,
    map: MapGrid,
    crs: SpatialRef,
    transform: [f64; 6],
}

impl Resampled {
    /// Opens a raster.
    ///
    /// # Errors
    /// Refuses what GDAL cannot open, and rasters or maps whose place is not known.
    pub fn open(path: &Path, map: &MapGrid) -> Result<Self> {
        let options = DatasetOptions { open_flags: GdalOpenFlags::GDAL_OF_RASTER, ..Default::default() };
        let (source, log) = ffi::recorded(|| Dataset::open_ex(path, options));
        let source = source.map_err(|e| {
            let said = if log.errors.is_empty() { e.to_string() } else { log.errors.join("; ") };
            Error::refused(path.display(), format!("cannot be opened as a raster: {said}"))
        })?;
        let (placed, _) = ffi::recorded(|| source.geo_transform().is_ok() && source.spatial_ref().is_ok());
        if !placed || source.raster_count() == 0 {
            return Err(Error::refused(
                path.display(),
                "has no band, no geotransform or no CRS, so it cannot be laid over the map",
            )
            .hint("give it its place with gdal_translate -a_srs -a_ullr"));
        }
        let (Some(transform), Some(wkt)) = (map.grid.geotransform, &map.grid.crs_wkt) else {
            return Err(Error::refused("map", "has no CRS or geotransform, so nothing can be laid over it")
                .hint("leave --evidence out, or georeference the scene"));
        };
        let (crs, _) = ffi::recorded(|| xy(wkt));
        let crs = crs.map_err(|e| Error::refused("map, CRS", e))?;
        Ok(Self { path: path.to_owned(), source, map: map.clone(), crs, transform })
    }

    /// Some lines of the map.
    ///
    /// # Errors
    /// When the raster cannot be read, or its CRS not be transformed.
    pub fn read(&self, y: usize, height: usize) -> Result<Vec<f32>> {
        let size = (self.map.samples, height);
        let (read, log) = ffi::recorded(|| {
            let memory = DriverManager::get_driver_by_name("MEM")?;
            let mut to = memory.create_with_band_type::<f32, _>("", size.0, size.1, 1)?;
            let [x0, a, b, y0, c, d] = self.transform;
            to.set_geo_transform(&[x0 + y as f64 * b, a, b, y0 + y as f64 * d, c, d])?;
            to.set_spatial_ref(&self.crs)?;
            let mut band = to.rasterband(1)?;
            band.set_no_data_value(Some(f64::NAN))?;
            band.write((0, 0), size, &mut Buffer::new(size, vec![f32::NAN; size.0 * size.1]))?;
            gdal::raster::reproject(&self.source, &to)?;
            Ok(to.rasterband(1)?.read_as::<f32>((0, 0), size, size, None)?.into_shape_and_vec().1)
        });
        read.map_err(|e: gdal::errors::GdalError| gdal_failure(&self.path, "resampling", &log, &e.to_string()))
    }
}

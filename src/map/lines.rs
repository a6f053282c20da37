//! Lines of a raster in, a band at a time.

use std::path::{Path, PathBuf};

use gdal::Dataset;
use gdal::raster::GdalType;

use super::ffi;
use super::verify::{gdal_failure, open};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// A GeoTIFF whose lines are read.
pub struct Lines {
    path: PathBuf,
    dataset: Dataset,
    /// Samples of a line.
    pub samples: usize,
    /// Number of lines.
    pub lines: usize,
}

impl Lines {
    /// Opens a GeoTIFF.
    ///
    /// # Errors
    /// Refuses what is none.
    pub fn open(path: &Path) -> Result<Self> {
        let (dataset, log) = ffi::recorded(|| open(path));
        let dataset = dataset.map_err(|e| {
            let said = if log.errors.is_empty() { e.to_string() } else { log.errors.join("; ") };
            Error::refused(path.display(), format!("cannot be opened as a GeoTIFF: {said}"))
        })?;
        let (samples, lines) = dataset.raster_size();
        Ok(Self { path: path.to_owned(), dataset, samples, lines })
    }

    /// Where it lies.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let identity = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let (crs, _) = ffi::recorded(|| self.dataset.spatial_ref().and_then(|s| s.to_wkt()));
        Grid {
            geotransform: self.dataset.geo_transform().ok().filter(|g| *g != identity),
            crs_wkt: crs.ok().filter(|wkt| !wkt.is_empty()),
        }
    }

    /// The value that means no data in a band, from 0.
    #[must_use]
    pub fn nodata(&self, band: usize) -> Option<f64> {
        self.dataset.rasterband(band + 1).ok().and_then(|b| b.no_data_value())
    }

    /// `height` lines of a band, from 0, line by line.
    ///
    /// # Errors
    /// When the file cannot be read, or has no such lines or band.
    pub fn read<T: GdalType + Copy>(&self, band: usize, y: usize, height: usize) -> Result<Vec<T>> {
        let (read, log) = ffi::recorded(|| {
            let size = (self.samples, height);
            self.dataset.rasterband(band + 1)?.read_as::<T>((0, y as isize), size, size, None)
        });
        let lines = || format!("reading lines {} to {}", y + 1, y + height);
        match read {
            Ok(buffer) if log.errors.is_empty() => Ok(buffer.into_shape_and_vec().1),
            Ok(_) => Err(gdal_failure(&self.path, &lines(), &log, "")),
            Err(e) => Err(gdal_failure(&self.path, &lines(), &log, &e.to_string())),
        }
    }
}

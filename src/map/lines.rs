//! Lines of a raster in, a band at a time.

use std::path::{Path, PathBuf};

use gdal::raster::{GdalDataType, GdalType};
use gdal::{Dataset, Metadata as _};

use super::ffi;
use super::verify::{gdal_failure, open_as};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Bytes of the lines that are read together; a band of 32-bit values that is wider has one line at a time.
const STRIP_BYTES: usize = 32 << 20;

/// A raster whose lines are read.
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
        Self::open_as(path, &["GTiff"], "a GeoTIFF")
    }

    /// Opens a raster of class values: a GeoTIFF, or the data file of an ENVI classification.
    ///
    /// # Errors
    /// Refuses what is neither, several bands, and values that are no whole numbers of 16 bits or fewer.
    pub fn open_classes(path: &Path) -> Result<Self> {
        let raster = Self::open_as(path, &["GTiff", "ENVI"], "a GeoTIFF or an ENVI classification")?;
        let refused = |what: String| {
            Error::refused(path.display(), what).hint("name a raster of class values, such as <method>_classes.tif")
        };
        if raster.bands() != 1 {
            return Err(refused(format!("has {} bands, expected one of class values", raster.bands())));
        }
        match raster.dataset.rasterband(1).map(|band| band.band_type()) {
            Ok(GdalDataType::UInt8 | GdalDataType::UInt16 | GdalDataType::Int16) => Ok(raster),
            Ok(other) => Err(refused(format!("has values of type {other}, expected whole numbers of 8 or 16 bits"))),
            Err(e) => Err(refused(e.to_string())),
        }
    }

    fn open_as(path: &Path, drivers: &[&str], what: &str) -> Result<Self> {
        let (dataset, log) = ffi::recorded(|| open_as(path, drivers));
        let dataset = dataset.map_err(|e| {
            let said = if log.errors.is_empty() { e.to_string() } else { log.errors.join("; ") };
            Error::refused(path.display(), format!("cannot be opened as {what}: {said}"))
        })?;
        let (samples, lines) = dataset.raster_size();
        Ok(Self { path: path.to_owned(), dataset, samples, lines })
    }

    /// Number of bands.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.dataset.raster_count()
    }

    /// The names of the values 0, 1, 2, ... of the first band; empty where it has none.
    #[must_use]
    pub fn category_names(&self) -> Vec<String> {
        let read = || {
            // GDAL reads the .aux.xml of a GeoTIFF when it is first asked for its place, and names alone do not ask.
            let _ = self.dataset.geo_transform();
            self.dataset.rasterband(1).map(|band| ffi::category_names(&band)).unwrap_or_default()
        };
        ffi::recorded(read).0
    }

    /// The colour of a value of the first band, where it has a colour table that goes so far.
    #[must_use]
    pub fn color(&self, value: u16) -> Option<[u8; 3]> {
        let band = self.dataset.rasterband(1).ok()?;
        let color = band.color_table()?.entry_as_rgb(usize::from(value))?;
        Some([color.r, color.g, color.b].map(|v| v.clamp(0, 255) as u8))
    }

    /// What the file's metadata say under a name.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<String> {
        self.dataset.metadata_item(name, "")
    }

    /// First line and number of lines of each strip from top to bottom: as many lines as 32 MiB hold, 256 at most.
    pub fn strips(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (lines, height) = (self.lines, (STRIP_BYTES / 4 / self.samples.max(1)).clamp(1, 256));
        (0..lines).step_by(height).map(move |y| (y, height.min(lines - y)))
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

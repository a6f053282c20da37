//! Outlines of numbered areas, by GDAL's polygoniser.

use std::collections::BTreeMap;
use std::path::Path;

use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::vector::{LayerAccess as _, LayerOptions, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};

use super::ffi;
use super::files::{prefix_of, remove_leftovers};
use super::globe::xy;
use super::verify::gdal_failure;
use crate::error::{Error, Result};
use crate::grid::Grid;

const NUMBERS: &str = "numbers.tif";
const OUTLINES: &str = "outlines.gpkg";

/// A raster of areas' numbers while it is written: 0 where there is none.
pub struct Numbered {
    dataset: Dataset,
    work: tempfile::TempDir,
    samples: usize,
}

impl Numbered {
    /// Begins one in a folder of its own within `folder`; it goes with this value.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path, (samples, lines): (usize, usize), grid: &Grid) -> Result<Self> {
        // What was killed left a folder of this name.
        let name = folder.join("areas");
        remove_leftovers(&name)?;
        let work = tempfile::Builder::new()
            .prefix(&prefix_of(&name)?)
            .tempdir_in(folder)
            .map_err(|e| Error::io(folder, "creating a work folder in it", &e))?;
        let path = work.path().join(NUMBERS);
        let (dataset, log) = ffi::recorded(|| {
            let options = RasterCreationOptions::from_iter(["COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER"]);
            let driver = DriverManager::get_driver_by_name("GTiff")?;
            let mut dataset =
                driver.create_with_band_type_with_options::<i32, _>(&path, samples, lines, 1, &options)?;
            if let Some(transform) = &grid.geotransform {
                dataset.set_geo_transform(transform)?;
            }
            if let Some(wkt) = &grid.crs_wkt {
                dataset.set_spatial_ref(&xy(wkt)?)?;
            }
            Ok(dataset)
        });
        let dataset =
            dataset.map_err(|e: gdal::errors::GdalError| gdal_failure(&path, "creating", &log, &e.to_string()))?;
        Ok(Self { dataset, work, samples })
    }

    /// Writes the numbers of some lines.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&mut self, y: usize, numbers: &[i32]) -> Result<()> {
        let size = (self.samples, numbers.len() / self.samples.max(1));
        let (written, log) = ffi::recorded(|| {
            let mut buffer = Buffer::new(size, numbers.to_vec());
            self.dataset.rasterband(1)?.write((0, y as isize), size, &mut buffer)
        });
        match written {
            Ok(()) if log.errors.is_empty() => Ok(()),
            Ok(()) => Err(gdal_failure(&self.work.path().join(NUMBERS), "writing", &log, "")),
            Err(e) => Err(gdal_failure(&self.work.path().join(NUMBERS), "writing", &log, &e.to_string())),
        }
    }

    /// The outlines of every area in the raster's coordinates, as WKB: one polygon, or several that touch at corners.
    ///
    /// # Errors
    /// When GDAL cannot make them.
    pub fn outlines(mut self) -> Result<BTreeMap<u32, Vec<Vec<u8>>>> {
        let path = self.work.path().join(OUTLINES);
        let (found, log) = ffi::recorded(|| {
            self.dataset.flush_cache()?;
            let mut out = DriverManager::get_driver_by_name("GPKG")?.create_vector_only(&path)?;
            let options =
                LayerOptions { name: "outlines", ty: OGRwkbGeometryType::wkbPolygon, ..LayerOptions::default() };
            let layer = out.create_layer(options)?;
            layer.create_defn_fields(&[("number", gdal::vector::OGRFieldType::OFTInteger)])?;
            ffi::polygonise(&self.dataset.rasterband(1)?, &layer, 0)?;
            out.flush_cache()?;
            let mut layer = out.layer(0)?;
            let mut found: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
            for feature in layer.features() {
                let number = feature.field_as_integer(0)?.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                if let Some(geometry) = feature.geometry().filter(|_| number > 0) {
                    found.entry(number).or_default().push(geometry.wkb()?);
                }
            }
            Ok(found)
        });
        found.map_err(|e: gdal::errors::GdalError| gdal_failure(&path, "tracing areas", &log, &e.to_string()))
    }
}

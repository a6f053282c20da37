//! What a finished file must be, and the comparison.

use std::path::Path;

use gdal::raster::GdalDataType;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};

use super::checksum::{self, Checksum};
use super::ffi::{self, Log};
use super::files::Beside;
use super::spec::BLOCK;
use crate::error::{Error, Result};

/// What the finished file must be.
pub(super) struct Expected {
    pub size: (usize, usize),
    pub kind: GdalDataType,
    pub nodata: f64,
    pub geotransform: Option<[f64; 6]>,
    pub sums: Vec<Checksum>,
}

impl Expected {
    /// Reads the file again and compares all of it.
    pub(super) fn check(&self, place: &Beside, file: &Path) -> Result<()> {
        let wrong = |what: String| {
            Error::failed(place.target().display(), format!("what was read back differs from what was written: {what}"))
                .hint("the disk or its file system loses data; write to another one")
        };
        let (sums, log) = ffi::recorded(|| -> gdal::errors::Result<Result<Vec<Checksum>, String>> {
            let dataset = open(file)?;
            let shape = (dataset.raster_size(), dataset.raster_count());
            if shape != (self.size, self.sums.len()) {
                return Ok(Err(format!("size and bands {shape:?}")));
            }
            // The identity means "not georeferenced" to GeoTIFF, and is not stored.
            let identity = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            let geotransform = dataset.geo_transform().ok().filter(|g| *g != identity);
            if geotransform != self.geotransform.filter(|g| *g != identity) {
                return Ok(Err(format!("geotransform {geotransform:?}")));
            }
            for band in dataset.rasterbands() {
                let band = band?;
                let nodata = band.no_data_value().map(f64::to_bits);
                if band.band_type() != self.kind || nodata != Some(self.nodata.to_bits()) {
                    return Ok(Err(format!("type {} or no-data value {:?}", band.band_type(), band.no_data_value())));
                }
            }
            checksum::of(&dataset, self.kind, BLOCK).map(Ok)
        });
        match sums {
            Ok(Ok(sums)) if sums == self.sums => Ok(()),
            Ok(Ok(sums)) => {
                let band = sums.iter().zip(&self.sums).position(|(a, b)| a != b).unwrap_or_default();
                Err(wrong(format!("the values of band {}", band + 1)))
            }
            Ok(Err(what)) => Err(wrong(what)),
            Err(e) => Err(gdal_failure(place.target(), "reading back", &log, &e.to_string())),
        }
    }
}

pub(super) fn open(file: &Path) -> gdal::errors::Result<Dataset> {
    open_as(file, &["GTiff"])
}

/// Opens a raster with one of these drivers of GDAL's.
pub(super) fn open_as(file: &Path, drivers: &[&str]) -> gdal::errors::Result<Dataset> {
    let open_flags = GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    Dataset::open_ex(file, DatasetOptions { open_flags, allowed_drivers: Some(drivers), ..Default::default() })
}

/// All that GDAL said, as it often says the cause first and the consequence last.
pub(super) fn gdal_failure(path: &Path, doing: &str, log: &Log, fallback: &str) -> Error {
    let said = if log.errors.is_empty() { fallback.to_owned() } else { log.errors.join("; ") };
    let error = Error::failed(path.display(), format!("{doing}: {said}"));
    let full = ["space", "File too large", "write error", "Write error", "TIFFAppendToStrip"];
    if full.iter().any(|word| said.contains(word)) {
        return error.hint("is the disk full? The work folder needs four thirds of the uncompressed size of the map");
    }
    error
}

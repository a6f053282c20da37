//! What a finished file must be, and the comparison.

use std::io;
use std::path::Path;
use std::thread::ScopedJoinHandle;

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
    pub(super) fn check(&self, place: &Beside) -> Result<()> {
        let file = place.path("");
        compared(place, || {
            let dataset = open(&file)?;
            if let Some(what) = self.strange(&dataset)? {
                return Ok(Some(what));
            }
            let sums = self.sums_of(&file, &dataset)?;
            let band = sums.iter().zip(&self.sums).position(|(a, b)| a != b);
            Ok(band.map(|band| format!("the values of band {}", band + 1)))
        })
    }

    /// The checksums of a file, by two threads: decoding the largest map is the last that a run waits for.
    fn sums_of(&self, file: &Path, dataset: &Dataset) -> gdal::errors::Result<Vec<Checksum>> {
        let height = self.size.1;
        let middle = (height / 2).next_multiple_of(BLOCK);
        if middle >= height {
            return checksum::of(dataset, self.kind, 0..height, BLOCK);
        }
        std::thread::scope(|scope| {
            let below = std::thread::Builder::new().name("read back".into()).spawn_scoped(scope, || {
                ffi::recorded(|| checksum::of(&open(file)?, self.kind, middle..height, BLOCK)).0
            });
            let mut sums = checksum::of(dataset, self.kind, 0..middle, BLOCK)?;
            // Where the system gives no thread, this one does it.
            let below = match below.map(ScopedJoinHandle::join) {
                Ok(Ok(below)) => below?,
                Ok(Err(_)) | Err(_) => checksum::of(dataset, self.kind, middle..height, BLOCK)?,
            };
            sums.iter_mut().zip(below).for_each(|(sum, below)| sum.merge(below));
            Ok(sums)
        })
    }

    /// What of a file is not as it should be, but for its values.
    fn strange(&self, dataset: &Dataset) -> gdal::errors::Result<Option<String>> {
        let shape = (dataset.raster_size(), dataset.raster_count());
        if shape != (self.size, self.sums.len()) {
            return Ok(Some(format!("size and bands {shape:?}")));
        }
        // The identity means "not georeferenced" to GeoTIFF, and is not stored.
        let identity = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let geotransform = dataset.geo_transform().ok().filter(|g| *g != identity);
        if geotransform != self.geotransform.filter(|g| *g != identity) {
            return Ok(Some(format!("geotransform {geotransform:?}")));
        }
        for band in dataset.rasterbands() {
            let band = band?;
            let nodata = band.no_data_value().map(f64::to_bits);
            if band.band_type() != self.kind || nodata != Some(self.nodata.to_bits()) {
                return Ok(Some(format!("type {} or no-data value {:?}", band.band_type(), band.no_data_value())));
            }
        }
        Ok(None)
    }
}

/// Fails with what a comparison finds wrong.
fn compared(place: &Beside, wrong: impl FnOnce() -> gdal::errors::Result<Option<String>>) -> Result<()> {
    let (found, log) = ffi::recorded(wrong);
    match found {
        Ok(None) => Ok(()),
        Ok(Some(what)) => {
            let what = format!("what was read back differs from what was written: {what}");
            Err(Error::failed(place.target().display(), what)
                .hint("the disk or its file system loses data; write to another one"))
        }
        Err(e) => Err(gdal_failure(place.target(), "reading back", &log, &e.to_string())),
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
    if full.iter().any(|word| said.contains(word)) { error.hint(FULL) } else { error }
}

/// A file that could not be written or read.
pub(super) fn disk_failure(path: &Path, doing: &str, error: &io::Error) -> Error {
    let failure = Error::io(path, doing, error);
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::FileTooLarge, io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) { failure.hint(FULL) } else { failure }
}

const FULL: &str =
    "is the disk full? A map is packed into the work folder before it is put together, and takes its space twice";

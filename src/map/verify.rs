//! What a finished file must be, and the comparison.

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
    pub(super) fn check(&self, place: &Beside, file: &Path) -> Result<()> {
        compared(place, || {
            let dataset = open(file)?;
            if let Some(what) = self.strange(&dataset)? {
                return Ok(Some(what));
            }
            let sums = self.sums_of(file, &dataset)?;
            let band = sums.iter().zip(&self.sums).position(|(a, b)| a != b);
            Ok(band.map(|band| format!("the values of band {}", band + 1)))
        })
    }

    /// Reads the finished file of numbers beside the one that it was made of: none may differ by more than `max_error` and
    /// the rounding of the type, and those without data must be the same.
    pub(super) fn check_near(&self, place: &Beside, original: &Path, max_error: f64) -> Result<()> {
        compared(place, || {
            let (written, original) = (open(&place.path(""))?, open(original)?);
            if let Some(what) = self.strange(&written)? {
                return Ok(Some(what));
            }
            let nodata = self.nodata as f32;
            let near = |(&a, &b): (&f32, &f32)| match a == nodata || b == nodata || !b.is_finite() {
                true => a.to_bits() == b.to_bits(),
                false => f64::from(a - b).abs() <= max_error * (1.0 + 1e-6) + f64::from(b.abs() * f32::EPSILON),
            };
            let (width, height) = self.size;
            // Block by block, so that a pixel-interleaved tile is decoded once.
            let blocks = (0..height).step_by(BLOCK).flat_map(|y| (0..width).step_by(BLOCK).map(move |x| (x, y)));
            for ((x, y), band) in blocks.flat_map(|block| (1..=self.sums.len()).map(move |band| (block, band))) {
                let size = (BLOCK.min(width - x), BLOCK.min(height - y));
                let read = |file: &Dataset| {
                    file.rasterband(band)?.read_as::<f32>((x.try_into()?, y.try_into()?), size, size, None)
                };
                if !read(&written)?.data().iter().zip(read(&original)?.data()).all(near) {
                    return Ok(Some(format!("the values of band {band}, by more than {max_error}")));
                }
            }
            Ok(None)
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
    if full.iter().any(|word| said.contains(word)) {
        return error.hint("is the disk full? The work folder needs four thirds of the uncompressed size of the map");
    }
    error
}

#[cfg(test)]
mod tests {
    use gdal::DriverManager;
    use gdal::raster::Buffer;

    use super::*;

    fn write(path: &Path, values: [f32; 3]) {
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let mut raster = driver.create_with_band_type::<f32, _>(path, 3, 1, 1).unwrap();
        let mut band = raster.rasterband(1).unwrap();
        band.set_no_data_value(Some(-9999.0)).unwrap();
        band.write((0, 0), (3, 1), &mut Buffer::new((3, 1), values.to_vec())).unwrap();
        raster.flush_cache().unwrap();
    }

    #[test]
    fn numbers_may_differ_by_the_error_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (place, original) =
            (Beside::new(&folder.path().join("map.tif")).unwrap(), folder.path().join("original.tif"));
        let sums = vec![Checksum::default()];
        let expected =
            Expected { size: (3, 1), kind: GdalDataType::Float32, nodata: -9999.0, geotransform: None, sums };
        write(&original, [0.5, -9999.0, 2.0]);
        for (values, fine) in [
            ([0.501, -9999.0, 1.999], true),
            ([0.502, -9999.0, 2.0], false),
            ([0.5, -9999.0, f32::NAN], false),
            ([0.5, -9998.999, 2.0], false),
            ([-9999.0, -9999.0, 2.0], false),
        ] {
            write(&place.path(""), values);
            assert_eq!(expected.check_near(&place, &original, 0.001).is_ok(), fine, "{values:?}");
        }
    }
}

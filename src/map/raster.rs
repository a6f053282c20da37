//! Class maps and rule images as cloud-optimised GeoTIFFs.
//!
//! The pixels go to an uncompressed tiled GeoTIFF in a work folder (the COG driver only copies), which gets its overviews
//! there, is closed, and copied to a COG beside the final path. What was written is summed up on the way in; the finished file
//! is opened again and must give the same sums, so nothing that GDAL lost on the way can be published.

use std::path::{Path, PathBuf};

use gdal::raster::{GdalDataType, GdalType, RasterCreationOptions};
use gdal::{Dataset, DriverManager};
use tempfile::TempDir;
use tracing::info_span;

use super::checksum::{Bits, Checksum};
use super::compression::Compression;
use super::ffi::{self, Log};
use super::files::{self, Beside};
use super::labels;
use super::legend::{ClassType, Legend};
use super::overviews;
use super::spec;
use super::verify::{Expected, gdal_failure, open};
use crate::error::{Error, Result};
use crate::tile::Window;

pub use super::ffi::set_cache_bytes;
pub use super::spec::{BandSpec, RasterKind, RasterSpec};

/// How much of a map a class covers; the attribute table shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassCount {
    /// Number of pixels.
    pub pixels: u64,
    /// Their area in km², where it is known.
    pub km2: Option<f64>,
}

/// A raster that is being written. Every pixel of every band must be written exactly once, in any order and any windows.
/// Dropping it removes its temporary files.
pub struct RasterWriter {
    // Fields drop in this order: the file is closed before its folder goes.
    dataset: Quiet,
    work: TempDir,
    place: Beside,
    expected: Expected,
    legend: Option<Legend>,
    float_nodata: f32,
    compression: Compression,
    log: Log,
}

/// A raster that is complete, checked and safe on the disk, but not yet in its place. Dropping it removes it.
#[derive(Debug)]
pub struct FinishedRaster {
    place: Beside,
    warnings: Vec<String>,
}

const INTERMEDIATE: &str = "intermediate.tif";
impl RasterWriter {
    /// Starts a raster that is to stand at `path`, with its intermediate file in `work_dir`.
    ///
    /// Temporary files lie in `work_dir` (uncompressed size, and a third for the overviews) and beside `path` (compressed size).
    pub fn create(path: &Path, work_dir: &Path, spec: &RasterSpec<'_>) -> Result<Self> {
        spec::check_spec(path, spec)?;
        let (kind, nodata) = match spec.kind {
            RasterKind::Classes(legend) if legend.class_type() == ClassType::U8 => {
                (GdalDataType::UInt8, legend.nodata.into())
            }
            RasterKind::Classes(legend) => (GdalDataType::UInt16, legend.nodata.into()),
            RasterKind::Floats { nodata } => (GdalDataType::Float32, f64::from(nodata)),
        };
        let place = Beside::new(path)?;
        let work = tempfile::Builder::new()
            .prefix(".alunite-raster-")
            .tempdir_in(work_dir)
            .map_err(|e| Error::io(work_dir, "creating a work folder in it", &e))?;
        let (dataset, log) = ffi::recorded(|| spec::intermediate(&work.path().join(INTERMEDIATE), spec, kind, nodata));
        let dataset = dataset.map_err(|e| gdal_failure(path, "creating", &log, &e.to_string()))?;
        let writer = Self {
            dataset: Quiet(Some(dataset)),
            work,
            place,
            expected: Expected {
                size: (spec.width, spec.height),
                kind,
                nodata,
                geotransform: spec.grid.geotransform,
                sums: vec![Checksum::default(); spec.bands.len()],
            },
            legend: if let RasterKind::Classes(legend) = spec.kind { Some(legend.clone()) } else { None },
            float_nodata: nodata as f32,
            compression: spec.compression,
            log: Log::default(),
        };
        writer.fail_on(&log, "creating")?;
        Ok(Self { log, ..writer })
    }

    /// Writes class values of a map of at most 254 targets. `band` counts from 0; `values` are the window's pixels, line by line.
    pub fn write_u8(&mut self, band: usize, window: Window, values: &[u8]) -> Result<()> {
        self.check_classes(values.iter().map(|&v| u16::from(v)))?;
        self.write(band, window, values)
    }

    /// Writes class values of a map of more than 254 targets; see [`Self::write_u8`].
    pub fn write_u16(&mut self, band: usize, window: Window, values: &[u16]) -> Result<()> {
        self.check_classes(values.iter().copied())?;
        self.write(band, window, values)
    }

    /// Writes class values in the type that the map's legend asks for; see [`Self::write_u8`].
    pub fn write_classes(&mut self, band: usize, window: Window, values: &[u16]) -> Result<()> {
        if self.expected.kind != GdalDataType::UInt8 {
            return self.write_u16(band, window, values);
        }
        self.check_classes(values.iter().copied())?;
        let narrow: Vec<u8> = values.iter().map(|&v| v.to_le_bytes()[0]).collect();
        self.write(band, window, &narrow)
    }

    /// Writes numbers; NaN becomes the raster's no-data value. See [`Self::write_u8`].
    pub fn write_f32(&mut self, band: usize, window: Window, values: &[f32]) -> Result<()> {
        if values.iter().any(|v| v.is_nan()) {
            let nodata = self.float_nodata;
            let filled: Vec<f32> = values.iter().map(|&v| if v.is_nan() { nodata } else { v }).collect();
            return self.write(band, window, &filled);
        }
        self.write(band, window, values)
    }

    /// Completes the file: closes, copies to a COG beside the final path, checks it, and waits until it is on the disk.
    pub fn finish(self) -> Result<FinishedRaster> {
        self.complete(None)
    }

    /// As [`Self::finish`], with the cover of each class in the attribute table; `counts[i]` belongs to entry i of the legend.
    pub fn finish_counted(self, counts: &[ClassCount]) -> Result<FinishedRaster> {
        self.complete(Some(counts))
    }

    fn write<T: GdalType + Copy + Bits>(&mut self, band: usize, window: Window, values: &[T]) -> Result<()> {
        let (width, height) = self.expected.size;
        let place = format!("{}, band {}", self.place.target().display(), band + 1);
        let ends = (window.x.checked_add(window.width), window.y.checked_add(window.height));
        let inside = matches!(ends, (Some(x), Some(y)) if x <= width && y <= height);
        let (Some(dataset), Some(sum), true) = (&self.dataset.0, self.expected.sums.get_mut(band), inside) else {
            return Err(Error::failed(place, format!("{window:?} is outside of the {width} × {height} raster")));
        };
        if window.pixels() != values.len() || T::datatype() != self.expected.kind {
            let what = format!("{} values of {} for {window:?} of {}", values.len(), T::datatype(), self.expected.kind);
            return Err(Error::failed(place, what));
        }
        if values.is_empty() {
            return Ok(());
        }
        sum.add(window, width, values);
        let (written, log) =
            ffi::recorded(|| dataset.rasterband(band + 1).map(|b| ffi::write_window(&b, window, values)));
        match written {
            Ok(true) if log.errors.is_empty() => {
                self.log.warnings.extend(log.warnings);
                Ok(())
            }
            Ok(_) => Err(gdal_failure(self.place.target(), "writing", &log, "GDAL gave no reason")),
            Err(e) => Err(gdal_failure(self.place.target(), "writing", &log, &e.to_string())),
        }
    }

    fn check_classes(&self, mut values: impl Iterator<Item = u16>) -> Result<()> {
        let Some(legend) = &self.legend else { return Ok(()) };
        let known = |v: &u16| usize::from(*v) < legend.entries.len() || *v == legend.nodata;
        values.find(|v| !known(v)).map_or(Ok(()), |stranger| {
            let what = format!("the value {stranger} is no class of the {} in the legend", legend.entries.len());
            Err(Error::failed(self.place.target().display(), what))
        })
    }

    fn complete(mut self, counts: Option<&[ClassCount]>) -> Result<FinishedRaster> {
        let _span = info_span!("raster", file = %self.place.target().display()).entered();
        let pixels = (self.expected.size.0 as u64) * (self.expected.size.1 as u64);
        for (band, sum) in self.expected.sums.iter().enumerate() {
            if sum.pixels() != pixels {
                let what = format!("{} pixels were written, not the {pixels} that it has", sum.pixels());
                return Err(Error::failed(format!("{}, band {}", self.place.target().display(), band + 1), what));
            }
        }
        info_span!("close").in_scope(|| self.close_intermediate(counts))?;
        info_span!("copy to COG").in_scope(|| self.copy())?;
        let sidecar = self.place.path(".aux.xml");
        let intermediate = self.work.path().join(INTERMEDIATE);
        info_span!("read back").in_scope(|| match self.lossy() {
            Some(max_error) => {
                self.expected.check(&self.place, &intermediate)?;
                self.expected.check_near(&self.place, &intermediate, max_error)
            }
            None => self.expected.check(&self.place, &self.place.path("")),
        })?;
        // The space may be wanted for the next map; what is left goes with the folder.
        let _ = std::fs::remove_file(intermediate);
        let _sync = info_span!("sync").entered();
        files::sync(&self.place.path(""))?;
        if sidecar.exists() {
            files::sync(&sidecar)?;
        }
        Ok(FinishedRaster { place: self.place, warnings: self.log.warnings })
    }

    fn close_intermediate(&mut self, counts: Option<&[ClassCount]>) -> Result<()> {
        let Some(mut dataset) = self.dataset.0.take() else { return Ok(()) };
        let legend = self.legend.as_ref();
        let (closed, log) = ffi::recorded(|| {
            if let Some(legend) = legend {
                for band in dataset.rasterbands() {
                    labels::describe(&band?, legend, counts)?;
                }
            }
            dataset.flush_cache()?;
            let (kind, nodata) = (self.expected.kind, self.expected.nodata);
            info_span!("overviews").in_scope(|| overviews::build(&mut dataset, kind, nodata))?;
            dataset.close()
        });
        closed.map_err(|e| gdal_failure(self.place.target(), "closing", &log, &e.to_string()))?;
        self.fail_on(&log, "closing")
    }

    fn copy(&mut self) -> Result<()> {
        let intermediate = self.work.path().join(INTERMEDIATE);
        let options = spec::cog_options(self.expected.kind, self.compression);
        let to = self.place.path("");
        let (copied, log) = ffi::recorded(|| {
            let source = open(&intermediate)?;
            let cog = DriverManager::get_driver_by_name("COG")?;
            let mut copy = source.create_copy(&cog, &to, &RasterCreationOptions::from_iter(options))?;
            copy.flush_cache()?;
            copy.close()
        });
        copied.map_err(|e| gdal_failure(self.place.target(), "writing", &log, &e.to_string()))?;
        self.fail_on(&log, "writing")?;
        self.log.warnings.extend(log.warnings);
        // Only what may differ is compared with it.
        if self.lossy().is_none() {
            let _ = std::fs::remove_file(intermediate);
        }
        Ok(())
    }

    /// How much the numbers in the file may differ from those that were written.
    fn lossy(&self) -> Option<f64> {
        self.compression.max_error().filter(|_| self.expected.kind == GdalDataType::Float32)
    }

    fn fail_on(&self, log: &Log, doing: &str) -> Result<()> {
        if log.errors.is_empty() { Ok(()) } else { Err(gdal_failure(self.place.target(), doing, log, "")) }
    }
}

/// A dataset that closes in silence: closing flushes, and what fails in an abandoned one no longer matters.
struct Quiet(Option<Dataset>);

impl Drop for Quiet {
    fn drop(&mut self) {
        let dataset = self.0.take();
        drop(ffi::recorded(|| drop(dataset)));
    }
}

impl FinishedRaster {
    /// Where it will stand.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.target()
    }

    /// The temporary path at which the finished file can be read now.
    #[must_use]
    pub fn temporary_path(&self) -> PathBuf {
        self.place.path("")
    }

    /// Names of the file and its sidecar, and where they can be read until they have them.
    #[must_use]
    pub fn files(&self) -> Vec<(String, PathBuf)> {
        self.place.files(&["", ".aux.xml"])
    }

    /// What GDAL warned of while it was written.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Puts the raster in its place, over whatever stood there; sidecars of an older file go.
    pub fn publish(self) -> Result<()> {
        // The sidecar first: a map without its names would be taken for complete.
        if self.place.path(".aux.xml").exists() {
            self.place.rename(".aux.xml")?;
        } else {
            self.place.remove_stale(".aux.xml")?;
        }
        self.place.remove_stale(".ovr")?;
        self.place.rename("")?;
        self.place.sync_folder()
    }
}

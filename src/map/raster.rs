//! Class maps and rule images as cloud-optimised GeoTIFFs.
//!
//! GDAL makes a file without pixels, of which the finished one takes its tags; tiles are packed while pixels come, and put
//! together at the end (the room `cog`). What was written is summed up on the way in; GDAL opens the finished file and
//! must find the same sums, so nothing that was lost on the way can be published.

use std::fs;
use std::path::{Path, PathBuf};

use gdal::Dataset;
use gdal::raster::GdalDataType;
use tracing::info_span;

use super::checksum::Checksum;
use super::cog::{self, Packing, Pixel, Pyramid};
use super::ffi::{self, Log};
use super::files::{self, Beside};
use super::labels;
use super::legend::{ClassType, Legend};
use super::spec;
use super::verify::{Expected, disk_failure, gdal_failure};
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
    blank: Quiet,
    tiles: Tiles,
    place: Beside,
    expected: Expected,
    legend: Option<Legend>,
    float_nodata: f32,
    log: Log,
}

/// The tiles of a raster, of the type that it has.
enum Tiles {
    U8(Pyramid<u8>),
    U16(Pyramid<u16>),
    F32(Pyramid<f32>),
}

/// A raster that is complete, checked and safe on the disk, but not yet in its place. Dropping it removes it.
#[derive(Debug)]
pub struct FinishedRaster {
    place: Beside,
    warnings: Vec<String>,
}

/// Endings of the file without pixels, and of the one that GDAL keeps names and tables in.
const BLANK: &str = ".blank";
const SIDECAR: &str = ".aux.xml";

impl RasterWriter {
    /// Starts a raster that is to stand at `path`, with its scratch file in `work_dir`.
    ///
    /// Temporary files lie in `work_dir` and beside `path`; each takes as much as the finished file.
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
        let packing = Packing {
            compression: spec.compression,
            tile: cog::tile_of(spec.width, spec.bands.len(), usize::from(kind.bytes())),
            bands: spec.bands.len(),
            numbers: matches!(spec.kind, RasterKind::Floats { .. }),
            nodata,
        };
        let size = (spec.width, spec.height);
        let tiles = match kind {
            GdalDataType::UInt8 => Pyramid::new(size, packing, nodata as u8, work_dir).map(Tiles::U8),
            GdalDataType::UInt16 => Pyramid::new(size, packing, nodata as u16, work_dir).map(Tiles::U16),
            _ => Pyramid::new(size, packing, nodata as f32, work_dir).map(Tiles::F32),
        };
        let tiles = tiles.map_err(|e| Error::io(work_dir, "creating a scratch file in it", &e))?;
        let (blank, log) = ffi::recorded(|| spec::blank(&place.path(BLANK), spec, kind, packing));
        let blank = blank.map_err(|e| gdal_failure(path, "creating", &log, &e.to_string()))?;
        let writer = Self {
            blank: Quiet(Some(blank)),
            tiles,
            place,
            expected: Expected {
                size,
                kind,
                nodata,
                geotransform: spec.grid.geotransform,
                sums: vec![Checksum::default(); spec.bands.len()],
            },
            legend: if let RasterKind::Classes(legend) = spec.kind { Some(legend.clone()) } else { None },
            float_nodata: nodata as f32,
            log: Log::default(),
        };
        writer.fail_on(&log, "creating")?;
        Ok(Self { log, ..writer })
    }

    /// Bytes that a raster of so many samples a line takes in memory while its lines are written from the first to the last.
    #[must_use]
    pub fn held_bytes(width: usize, bands: usize, value_bytes: usize) -> usize {
        cog::held_bytes(width, bands, value_bytes)
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

    /// Completes the file beside the final path, checks it, and waits until it is on the disk.
    pub fn finish(self) -> Result<FinishedRaster> {
        self.complete(None)
    }

    /// As [`Self::finish`], with the cover of each class in the attribute table; `counts[i]` belongs to entry i of the legend.
    pub fn finish_counted(self, counts: &[ClassCount]) -> Result<FinishedRaster> {
        self.complete(Some(counts))
    }

    fn write<T: Typed>(&mut self, band: usize, window: Window, values: &[T]) -> Result<()> {
        let (width, height) = self.expected.size;
        let place = || format!("{}, band {}", self.place.target().display(), band + 1);
        let ends = (window.x.checked_add(window.width), window.y.checked_add(window.height));
        let inside = matches!(ends, (Some(x), Some(y)) if x <= width && y <= height);
        let (Some(sum), true) = (self.expected.sums.get_mut(band), inside) else {
            return Err(Error::failed(place(), format!("{window:?} is outside of the {width} × {height} raster")));
        };
        let tiles = T::of(&mut self.tiles).filter(|_| window.pixels() == values.len());
        let Some(tiles) = tiles else {
            let what = format!("{} values of {} for {window:?} of {}", values.len(), T::datatype(), self.expected.kind);
            return Err(Error::failed(place(), what));
        };
        if values.is_empty() {
            return Ok(());
        }
        sum.add(window, width, values);
        tiles.add(band, window, values).map_err(|e| disk_failure(self.place.target(), "packing its tiles", &e))
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
        info_span!("close").in_scope(|| self.close_blank(counts))?;
        info_span!("copy to COG").in_scope(|| self.put_together())?;
        info_span!("read back").in_scope(|| self.expected.check(&self.place))?;
        let _sync = info_span!("sync").entered();
        let sidecar = self.place.path(SIDECAR);
        files::sync(&self.place.path(""))?;
        if sidecar.exists() {
            files::sync(&sidecar)?;
        }
        Ok(FinishedRaster { place: self.place, warnings: self.log.warnings })
    }

    /// Completes what the finished file takes from GDAL: tags, and the names of classes beside them.
    fn close_blank(&mut self, counts: Option<&[ClassCount]>) -> Result<()> {
        let Some(mut blank) = self.blank.0.take() else { return Ok(()) };
        let legend = self.legend.as_ref();
        let (closed, log) = ffi::recorded(|| {
            if let Some(legend) = legend {
                for band in blank.rasterbands() {
                    labels::describe(&band?, legend, counts)?;
                }
            }
            blank.flush_cache()?;
            blank.close()
        });
        closed.map_err(|e| gdal_failure(self.place.target(), "closing", &log, &e.to_string()))?;
        self.fail_on(&log, "closing")
    }

    fn put_together(&mut self) -> Result<()> {
        let (to, blank) = (self.place.path(""), self.place.path(BLANK));
        let names = self.place.path(&format!("{BLANK}{SIDECAR}"));
        let write = |tags: &[u8]| match &self.tiles {
            Tiles::U8(tiles) => cog::write(&to, tags, tiles),
            Tiles::U16(tiles) => cog::write(&to, tags, tiles),
            Tiles::F32(tiles) => cog::write(&to, tags, tiles),
        };
        let written = fs::read(&blank).and_then(|tags| write(&tags)).and_then(|()| match names.exists() {
            true => fs::rename(&names, self.place.path(SIDECAR)),
            false => Ok(()),
        });
        written.map_err(|e| disk_failure(self.place.target(), "writing", &e))?;
        // The sums of what loses bits are those of what is left; that all was packed, the others tell.
        if let Tiles::F32(tiles) = &self.tiles {
            for (sum, (packed, kept)) in self.expected.sums.iter_mut().zip(tiles.lossy()) {
                if sum != packed {
                    let what = "what was packed differs from what was written";
                    return Err(Error::failed(self.place.target().display(), what));
                }
                *sum = *kept;
            }
        }
        Ok(())
    }

    fn fail_on(&self, log: &Log, doing: &str) -> Result<()> {
        if log.errors.is_empty() { Ok(()) } else { Err(gdal_failure(self.place.target(), doing, log, "")) }
    }
}

/// A value of which a raster may be.
trait Typed: Pixel {
    /// The tiles, if they are of this type.
    fn of(tiles: &mut Tiles) -> Option<&mut Pyramid<Self>>;
}

impl Typed for u8 {
    fn of(tiles: &mut Tiles) -> Option<&mut Pyramid<Self>> {
        if let Tiles::U8(tiles) = tiles { Some(tiles) } else { None }
    }
}

impl Typed for u16 {
    fn of(tiles: &mut Tiles) -> Option<&mut Pyramid<Self>> {
        if let Tiles::U16(tiles) = tiles { Some(tiles) } else { None }
    }
}

impl Typed for f32 {
    fn of(tiles: &mut Tiles) -> Option<&mut Pyramid<Self>> {
        if let Tiles::F32(tiles) = tiles { Some(tiles) } else { None }
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
        self.place.files(&["", SIDECAR])
    }

    /// What GDAL warned of while it was written.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Puts the raster in its place, over whatever stood there; sidecars of an older file go.
    pub fn publish(self) -> Result<()> {
        // The sidecar first: a map without its names would be taken for complete.
        if self.place.path(SIDECAR).exists() {
            self.place.rename(SIDECAR)?;
        } else {
            self.place.remove_stale(SIDECAR)?;
        }
        self.place.remove_stale(".ovr")?;
        self.place.rename("")?;
        self.place.sync_folder()
    }
}

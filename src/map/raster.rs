//! Class maps and rule images as cloud-optimised GeoTIFFs.
//!
//! The pixels go to an uncompressed tiled GeoTIFF in a work folder (the COG driver only copies), which is closed,
//! checked, and copied to a COG beside the final path. What was written is summed up on the way in; the finished file
//! is opened again and must give the same sums, so nothing that GDAL lost on the way can be published.

use std::path::{Path, PathBuf};

use gdal::raster::{ColorEntry, ColorTable, GdalDataType, GdalType, RasterCreationOptions};
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, Metadata as _};
use tempfile::TempDir;

use super::checksum::{self, Checksum};
use super::ffi::{self, Log};
use super::files::{self, Beside};
use super::legend::{ClassType, Legend};
use super::{labels, text};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::tile::Window;

/// What a raster is to hold.
#[derive(Debug, Clone)]
pub struct RasterSpec<'a> {
    /// Samples (columns).
    pub width: usize,
    /// Lines (rows).
    pub height: usize,
    /// Place on the ground, written as it is; nothing is written for what is `None`.
    pub grid: &'a Grid,
    /// Classes or numbers.
    pub kind: RasterKind<'a>,
    /// One for each band.
    pub bands: Vec<BandSpec>,
    /// Names (letters, digits, `_`, `-`, `.`) and values. Put no dates here: the same input gives the same bytes.
    pub metadata: Vec<(String, String)>,
    /// How the overviews are made.
    pub overviews: Overviews,
}

/// What the values are.
#[derive(Debug, Clone, Copy)]
pub enum RasterKind<'a> {
    /// Values of a legend, in the legend's type.
    Classes(&'a Legend),
    /// f32 values; NaN is written as `nodata`.
    Floats {
        /// The value of pixels without data.
        nodata: f32,
    },
}

/// What a band is called.
#[derive(Debug, Clone, Default)]
pub struct BandSpec {
    /// The name that a GIS shows.
    pub description: String,
    /// The unit of the values, such as `radian`.
    pub unit: Option<String>,
}

/// How a coarser pixel follows from finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overviews {
    /// The most frequent value: for classes.
    Mode,
    /// The mean: for numbers.
    Average,
    /// One of the values.
    Nearest,
}

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
    overviews: Overviews,
    log: Log,
}

/// What the finished file must be.
struct Expected {
    size: (usize, usize),
    kind: GdalDataType,
    nodata: f64,
    geotransform: Option<[f64; 6]>,
    sums: Vec<Checksum>,
}

/// A raster that is complete, checked and safe on the disk, but not yet in its place. Dropping it removes it.
#[derive(Debug)]
pub struct FinishedRaster {
    place: Beside,
    warnings: Vec<String>,
}

const INTERMEDIATE: &str = "intermediate.tif";
/// Side of a tile in pixels. A tile of a rule image holds all bands: 40 bands of it are 10 MiB.
const BLOCK: usize = 256;

impl RasterWriter {
    /// Starts a raster that is to stand at `path`, with its intermediate file in `work_dir`.
    ///
    /// Temporary files lie in `work_dir` (uncompressed size) and beside `path` (compressed size).
    pub fn create(path: &Path, work_dir: &Path, spec: &RasterSpec<'_>) -> Result<Self> {
        check_spec(path, spec)?;
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
        let (dataset, log) = ffi::recorded(|| intermediate(&work.path().join(INTERMEDIATE), spec, kind, nodata));
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
            overviews: spec.overviews,
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

    fn write<T: GdalType + Copy + checksum::Bits>(&mut self, band: usize, window: Window, values: &[T]) -> Result<()> {
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
        let pixels = (self.expected.size.0 as u64) * (self.expected.size.1 as u64);
        for (band, sum) in self.expected.sums.iter().enumerate() {
            if sum.pixels() != pixels {
                let what = format!("{} pixels were written, not the {pixels} that it has", sum.pixels());
                return Err(Error::failed(format!("{}, band {}", self.place.target().display(), band + 1), what));
            }
        }
        self.close_intermediate(counts)?;
        self.copy()?;
        let sidecar = self.place.path(".aux.xml");
        self.expected.check(&self.place, &self.place.path(""))?;
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
            dataset.close()
        });
        closed.map_err(|e| gdal_failure(self.place.target(), "closing", &log, &e.to_string()))?;
        self.fail_on(&log, "closing")
    }

    fn copy(&mut self) -> Result<()> {
        let intermediate = self.work.path().join(INTERMEDIATE);
        let options = cog_options(self.expected.kind, self.overviews);
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
        // The space may be wanted for the next map; what is left goes with the folder.
        let _ = std::fs::remove_file(intermediate);
        Ok(())
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

impl Expected {
    /// Reads the file again and compares all of it.
    fn check(&self, place: &Beside, file: &Path) -> Result<()> {
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

fn check_spec(path: &Path, spec: &RasterSpec<'_>) -> Result<()> {
    let refused = |what: String| Err(Error::refused(path.display(), what));
    let side = 1..=i32::MAX as usize;
    if !side.contains(&spec.width) || !side.contains(&spec.height) || !(1..=65_535).contains(&spec.bands.len()) {
        return refused(format!(
            "no raster has {} × {} pixels and {} bands",
            spec.width,
            spec.height,
            spec.bands.len()
        ));
    }
    if spec.grid.geotransform.is_some_and(|g| g.iter().any(|v| !v.is_finite())) {
        return refused(format!("the geotransform {:?} holds a value that is not a number", spec.grid.geotransform));
    }
    let plain = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    match spec.metadata.iter().find(|(key, _)| key.is_empty() || !plain(key)) {
        Some((key, _)) => {
            refused(format!("the metadata name {key:?} has characters other than letters, digits, _ - ."))
        }
        None => Ok(()),
    }
}

fn intermediate(file: &Path, spec: &RasterSpec<'_>, kind: GdalDataType, nodata: f64) -> gdal::errors::Result<Dataset> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let sides = ["BLOCKXSIZE", "BLOCKYSIZE"].map(|side| format!("{side}={BLOCK}"));
    let options = ["TILED=YES", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER", &sides[0], &sides[1]];
    let options = RasterCreationOptions::from_iter(options);
    let (w, h, bands) = (spec.width, spec.height, spec.bands.len());
    let mut dataset = match kind {
        GdalDataType::UInt8 => driver.create_with_band_type_with_options::<u8, _>(file, w, h, bands, &options),
        GdalDataType::UInt16 => driver.create_with_band_type_with_options::<u16, _>(file, w, h, bands, &options),
        _ => driver.create_with_band_type_with_options::<f32, _>(file, w, h, bands, &options),
    }?;
    if let Some(geotransform) = &spec.grid.geotransform {
        dataset.set_geo_transform(geotransform)?;
    }
    if let Some(wkt) = &spec.grid.crs_wkt {
        dataset.set_projection(wkt)?;
    }
    for (key, value) in &spec.metadata {
        dataset.set_metadata_item(key, &text::several_lines(value), "")?;
    }
    for (index, named) in spec.bands.iter().enumerate() {
        let mut band = dataset.rasterband(index + 1)?;
        band.set_description(&text::one_line(&named.description))?;
        band.set_no_data_value(Some(nodata))?;
        if let Some(unit) = &named.unit {
            let unit = std::ffi::CString::new(text::one_line(unit))?;
            ffi::set_unit(&band, &unit);
        }
        // A TIFF has one colour table, that of its only band.
        if let (RasterKind::Classes(legend), 1) = (spec.kind, bands) {
            band.set_color_table(&color_table(legend));
        }
    }
    Ok(dataset)
}

fn color_table(legend: &Legend) -> ColorTable<'static> {
    let mut table = ColorTable::default();
    for entry in &legend.entries {
        let [r, g, b] = entry.color.map(i16::from);
        // Unclassified is transparent where the format keeps that (a TIFF does not; the style does).
        let alpha = if entry.value == 0 { 0 } else { 255 };
        table.set_color_entry(entry.value, &ColorEntry::rgba(r, g, b, alpha));
    }
    let [r, g, b] = super::legend::NO_DATA.map(i16::from);
    table.set_color_entry(legend.nodata, &ColorEntry::rgba(r, g, b, 0));
    table
}

fn cog_options(kind: GdalDataType, overviews: Overviews) -> Vec<String> {
    let resampling = match overviews {
        Overviews::Mode => "MODE",
        Overviews::Average => "AVERAGE",
        Overviews::Nearest => "NEAREST",
    };
    // Differences of class numbers mean nothing: only numbers get a predictor.
    let predictor = if kind == GdalDataType::Float32 { "YES" } else { "NO" };
    vec![
        "COMPRESS=DEFLATE".into(),
        format!("PREDICTOR={predictor}"),
        format!("OVERVIEW_RESAMPLING={resampling}"),
        format!("BLOCKSIZE={BLOCK}"),
        "BIGTIFF=IF_SAFER".into(),
        "NUM_THREADS=ALL_CPUS".into(),
    ]
}

fn open(file: &Path) -> gdal::errors::Result<Dataset> {
    let flags = GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    Dataset::open_ex(
        file,
        DatasetOptions { open_flags: flags, allowed_drivers: Some(&["GTiff"]), ..Default::default() },
    )
}

/// All that GDAL said, as it often says the cause first and the consequence last.
fn gdal_failure(path: &Path, doing: &str, log: &Log, fallback: &str) -> Error {
    let said = if log.errors.is_empty() { fallback.to_owned() } else { log.errors.join("; ") };
    let error = Error::failed(path.display(), format!("{doing}: {said}"));
    let full = ["space", "File too large", "write error", "Write error", "TIFFAppendToStrip"];
    if full.iter().any(|word| said.contains(word)) {
        return error.hint("is the disk full? The work folder needs the uncompressed size of the map");
    }
    error
}

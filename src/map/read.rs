//! Rasters read back by whoever shows, compares or verifies them.

use std::path::{Path, PathBuf};

use gdal::raster::{GdalDataType, GdalType};
use gdal::{Dataset, Metadata as _};

use super::ffi;
use super::spec::BLOCK;
use super::verify::{gdal_failure, open_as};
use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::tile::Window;

/// Bytes of the lines that are read together; a band of 32-bit values that is wider has one line at a time.
const STRIP_BYTES: usize = 32 << 20;

/// A raster that is open for reading.
pub struct RasterReader {
    path: PathBuf,
    dataset: Dataset,
    /// Its size and place.
    pub map: MapGrid,
    /// Its bands, in order.
    pub bands: Vec<BandFacts>,
}

/// What a file says of a band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandFacts {
    /// Its name.
    pub description: String,
    /// The unit of its values; empty for pure numbers.
    pub unit: String,
    /// `uint8`, `uint16`, `float32`, ...
    pub data_type: &'static str,
    /// The value of pixels without data.
    pub nodata: Option<f64>,
}

impl RasterReader {
    /// Opens a GeoTIFF.
    ///
    /// # Errors
    /// Refuses what is not there or is none.
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
        if raster.bands.len() != 1 {
            return Err(refused(format!("has {} bands, expected one of class values", raster.bands.len())));
        }
        match raster.dataset.rasterband(1).map(|band| band.band_type()) {
            Ok(GdalDataType::UInt8 | GdalDataType::UInt16 | GdalDataType::Int16) => Ok(raster),
            Ok(other) => Err(refused(format!("has values of type {other}, expected whole numbers of 8 or 16 bits"))),
            Err(e) => Err(refused(e.to_string())),
        }
    }

    fn open_as(path: &Path, drivers: &[&str], what: &str) -> Result<Self> {
        let (opened, log) = ffi::recorded(|| {
            let dataset = open_as(path, drivers)?;
            let (map, bands) = (place(&dataset), facts(&dataset)?);
            gdal::errors::Result::Ok((dataset, map, bands))
        });
        let (dataset, map, bands) = opened.map_err(|e| {
            let said = if log.errors.is_empty() { e.to_string() } else { log.errors.join("; ") };
            Error::refused(path.display(), format!("cannot be opened as {what}: {said}"))
                .hint("name a raster that is whole; a map of alunite can be made again")
        })?;
        Ok(Self { path: path.to_owned(), dataset, map, bands })
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

    /// The value that means no data in a band, from 0.
    #[must_use]
    pub fn nodata(&self, band: usize) -> Option<f64> {
        self.bands.get(band).and_then(|band| band.nodata)
    }

    /// The window of some whole lines.
    #[must_use]
    pub fn lines(&self, y: usize, height: usize) -> Window {
        Window { x: 0, y, width: self.map.samples, height }
    }

    /// The whole raster as windows of whole lines, from the top: as many lines as 32 MiB hold, at most a row of blocks.
    pub fn strips(&self) -> impl Iterator<Item = Window> + use<> {
        let (width, lines) = (self.map.samples, self.map.lines);
        let height = (STRIP_BYTES / 4 / width.max(1)).clamp(1, BLOCK);
        (0..lines).step_by(height).map(move |y| Window { x: 0, y, width, height: height.min(lines - y) })
    }

    /// Class values of a window of a band (from 0), line by line.
    ///
    /// # Errors
    /// When there is no such band, the window is not within the raster, or the file is damaged.
    pub fn classes(&self, band: usize, window: Window) -> Result<Vec<u16>> {
        self.read(band, window)
    }

    /// Numbers of a window of a band (from 0), line by line; NaN where there is no data.
    ///
    /// # Errors
    /// As [`Self::classes`].
    pub fn numbers(&self, band: usize, window: Window) -> Result<Vec<f32>> {
        let mut values = self.read::<f32>(band, window)?;
        if let Some(nodata) = self.bands[band].nodata {
            values.iter_mut().filter(|v| f64::from(**v) == nodata).for_each(|v| *v = f32::NAN);
        }
        Ok(values)
    }

    /// Values of a window of a band (from 0) as they are stored, line by line.
    ///
    /// # Errors
    /// As [`Self::classes`].
    pub fn read<T: Copy + GdalType>(&self, band: usize, window: Window) -> Result<Vec<T>> {
        let inside = |start: usize, length: usize, end: usize| length > 0 && start <= end && length <= end - start;
        let within =
            inside(window.x, window.width, self.map.samples) && inside(window.y, window.height, self.map.lines);
        if !within || band >= self.bands.len() {
            let what = format!("there is no band {} with {window:?}", band + 1);
            return Err(Error::refused(self.path.display(), what));
        }
        let (corner, size) = ((window.x as isize, window.y as isize), (window.width, window.height));
        let (read, log) = ffi::recorded(|| self.dataset.rasterband(band + 1)?.read_as::<T>(corner, size, size, None));
        let lines = || format!("reading lines {} to {}", window.y + 1, window.y + window.height);
        match read {
            Ok(buffer) if log.errors.is_empty() => Ok(buffer.into_shape_and_vec().1),
            Ok(_) => Err(gdal_failure(&self.path, &lines(), &log, "")),
            Err(e) => Err(gdal_failure(&self.path, &lines(), &log, &e.to_string())),
        }
    }
}

fn place(dataset: &Dataset) -> MapGrid {
    let (samples, lines) = dataset.raster_size();
    // GDAL gives the identity, or fails, where there is no place.
    let identity = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let geotransform = dataset.geo_transform().ok().filter(|g| *g != identity);
    let crs_wkt = dataset.spatial_ref().and_then(|s| s.to_wkt()).ok().filter(|wkt| !wkt.is_empty());
    MapGrid { samples, lines, grid: Grid { geotransform, crs_wkt } }
}

fn facts(dataset: &Dataset) -> gdal::errors::Result<Vec<BandFacts>> {
    let one = |index: usize| {
        let band = dataset.rasterband(index)?;
        Ok(BandFacts {
            description: band.description()?,
            unit: band.unit(),
            data_type: match band.band_type() {
                GdalDataType::UInt8 => "uint8",
                GdalDataType::UInt16 => "uint16",
                GdalDataType::Float32 => "float32",
                _ => "other",
            },
            nodata: band.no_data_value(),
        })
    };
    (1..=dataset.raster_count()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{BandSpec, Compression, Legend, RasterKind, RasterSpec, RasterWriter};

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        let legend = Legend::new(&["Alunite".to_owned()]).unwrap();
        let grid = Grid { geotransform: Some([5e5, 30.0, 0.0, 4e6, 0.0, -30.0]), crs_wkt: None };
        let spec = RasterSpec {
            width: 700,
            height: 600,
            grid: &grid,
            kind: RasterKind::Classes(&legend),
            bands: vec![BandSpec { description: "mineral".into(), unit: None }],
            metadata: Vec::new(),
            compression: Compression::Deflate,
        };
        let mut writer = RasterWriter::create(&path, folder.path(), &spec).unwrap();
        let whole = Window { x: 0, y: 0, width: 700, height: 600 };
        let values: Vec<u16> = (0..whole.pixels()).map(|p| [0, 1, 255][p % 3]).collect();
        writer.write_classes(0, whole, &values).unwrap();
        writer.finish().unwrap().publish().unwrap();

        let map = RasterReader::open(&path).unwrap();
        assert_eq!((map.map.samples, map.map.lines, &map.map.grid), (700, 600, &grid));
        assert_eq!((map.bands[0].data_type, map.bands[0].nodata), ("uint8", Some(255.0)));
        let strips: Vec<u16> = map.strips().flat_map(|strip| map.classes(0, strip).unwrap()).collect();
        assert_eq!(strips, values);
        assert!(map.numbers(0, whole).unwrap()[2].is_nan());
        assert!(map.classes(1, whole).is_err() && map.classes(0, Window { x: 1, ..whole }).is_err());
        assert!(RasterReader::open(&folder.path().join("absent.tif")).is_err());
    }
}

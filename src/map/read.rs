//! Maps read back by whoever shows or compares them.

use std::path::{Path, PathBuf};

use gdal::raster::{GdalDataType, GdalType};
use gdal::{Dataset, Metadata as _};

use super::ffi;
use super::spec::BLOCK;
use super::verify::{gdal_failure, open};
use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::tile::Window;

/// A raster of a finished run, open for reading.
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
    /// Refuses what is not there or is no GeoTIFF.
    pub fn open(path: &Path) -> Result<Self> {
        let (opened, log) = ffi::recorded(|| {
            let dataset = open(path)?;
            let (map, bands) = (place(&dataset), facts(&dataset)?);
            gdal::errors::Result::Ok((dataset, map, bands))
        });
        let (dataset, map, bands) = opened.map_err(|e| {
            let said = log.errors.first().cloned().unwrap_or_else(|| e.to_string());
            Error::refused(path.display(), said).hint("expected a map that alunite made: make it again")
        })?;
        Ok(Self { path: path.to_owned(), dataset, map, bands })
    }

    /// The whole raster as windows of rows of blocks, from the top.
    pub fn strips(&self) -> impl Iterator<Item = Window> + use<> {
        let (width, lines) = (self.map.samples, self.map.lines);
        (0..lines).step_by(BLOCK).map(move |y| Window { x: 0, y, width, height: BLOCK.min(lines - y) })
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

    fn read<T: Copy + GdalType>(&self, band: usize, window: Window) -> Result<Vec<T>> {
        let inside = |start: usize, length: usize, end: usize| length > 0 && start <= end && length <= end - start;
        let within =
            inside(window.x, window.width, self.map.samples) && inside(window.y, window.height, self.map.lines);
        if !within || band >= self.bands.len() {
            let what = format!("there is no band {} with {window:?}", band + 1);
            return Err(Error::refused(self.path.display(), what));
        }
        let (corner, size) = ((window.x as isize, window.y as isize), (window.width, window.height));
        let (read, log) = ffi::recorded(|| self.dataset.rasterband(band + 1)?.read_as::<T>(corner, size, size, None));
        let buffer = read.map_err(|e| gdal_failure(&self.path, "reading", &log, &e.to_string()))?;
        Ok(buffer.into_shape_and_vec().1)
    }
}

fn place(dataset: &Dataset) -> MapGrid {
    let (samples, lines) = dataset.raster_size();
    // GDAL gives the identity, or fails, where there is no place.
    let identity = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let geotransform = dataset.geo_transform().ok().filter(|g| *g != identity);
    let crs_wkt = Some(dataset.projection()).filter(|wkt| !wkt.is_empty());
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
    use crate::map::{BandSpec, Legend, Overviews, RasterKind, RasterSpec, RasterWriter};

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
            overviews: Overviews::Mode,
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

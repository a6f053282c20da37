//! Reading GeoTIFF windows: one call of GDAL's for all bands, straight into the tile.

use std::ffi::c_int;
use std::path::PathBuf;

use gdal::Dataset;
use gdal_sys::{CPLErr, GDALRWFlag};

use crate::error::{Error, Result};
use crate::scene::{DECODERS, Source, TileReader, check_window, gdal as quiet, scratch};
use crate::tile::{Sample, SampleType, Tile, Window, lay};
use crate::with_samples;

/// A TIFF that was opened once and described.
#[derive(Debug, Clone)]
pub(super) struct Tiff {
    pub(super) path: PathBuf,
    pub(super) lines: usize,
    pub(super) samples: usize,
    pub(super) sample_type: SampleType,
}

impl Source for Tiff {
    fn readers(&self) -> usize {
        DECODERS
    }

    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let (dataset, _) = quiet::open(&self.path, "GTiff")?;
        let (samples, lines) = dataset.raster_size();
        let band = dataset.rasterband(1).map_err(|e| Error::failed(self.path.display(), e))?;
        if (samples, lines) != (self.samples, self.lines)
            || usize::from(band.band_type().bytes()) != self.sample_type.size()
            || bands.iter().any(|&b| b >= dataset.raster_count())
        {
            return Err(Error::failed(self.path.display(), "the file changed while it was being read"));
        }
        let data_type = band.band_type() as gdal_sys::GDALDataType::Type;
        let bands = bands.iter().map(|&b| to_c(b + 1)).collect::<Result<_>>()?;
        Ok(Box::new(Reader {
            path: self.path.clone(),
            dataset,
            data_type,
            sample_type: self.sample_type,
            bands,
            scratch: Vec::new(),
        }))
    }
}

struct Reader {
    path: PathBuf,
    dataset: Dataset,
    /// The file's type in GDAL's numbering, so that nothing is converted.
    data_type: gdal_sys::GDALDataType::Type,
    sample_type: SampleType,
    /// Counted from 1.
    bands: Vec<c_int>,
    /// Rows of whole bands, as GDAL gives them.
    scratch: Vec<u64>,
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        check_window(&self.path, window, self.dataset.raster_size())?;
        let mut tile = Tile::over(spent, window, self.bands.len(), self.sample_type);
        let size = self.sample_type.size();
        let (x, y) = (to_c(window.x)?, to_c(window.y)?);
        let (width, height) = (to_c(window.width)?, to_c(window.height)?);
        let count = to_c(self.bands.len())?;
        let pixels = window.pixels();
        let [pixel, line, band] = [size, size * window.width, size * pixels].map(|space| space as i64);
        let read = scratch(&mut self.scratch, self.bands.len() * pixels * size);
        let buffer = read.as_mut_ptr();
        let (outcome, said) = quiet::recorded(|| {
            // SAFETY: the window lies within the raster (checked above) and each band number within its count. The
            // buffer holds `bands` rows of window.pixels() values of the file's type, which are written at the given
            // spacings, so every write falls inside. GDAL only reads the band list.
            unsafe {
                gdal_sys::GDALDatasetRasterIOEx(
                    self.dataset.c_dataset(),
                    GDALRWFlag::GF_Read,
                    x,
                    y,
                    width,
                    height,
                    buffer.cast(),
                    width,
                    height,
                    self.data_type,
                    count,
                    self.bands.as_mut_ptr(),
                    pixel,
                    line,
                    band,
                    std::ptr::null_mut(),
                )
            }
        });
        if outcome != CPLErr::CE_None || !said.failures.is_empty() {
            let lines = format!("lines {} to {}", window.y + 1, window.y + window.height);
            return Err(Error::failed(self.path.display(), format!("GDAL cannot read {lines}: {}", said.text()))
                .hint("the file may be cut off or damaged"));
        }
        let bands = self.bands.len();
        with_samples!(&mut tile.samples, to => lay_rows(bytemuck::cast_slice(read), to, bands, pixels));
        Ok(tile)
    }
}

/// Lays the rows of all bands, one after the other, into a tile's values.
fn lay_rows<T: Sample>(rows: &[T], to: &mut [T], bands: usize, pixels: usize) {
    // A group at a time: it stays in the cache while it is filled.
    for pixel in (0..pixels).step_by(Tile::GROUP) {
        let length = Tile::GROUP.min(pixels - pixel);
        (0..bands).for_each(|band| lay(to, bands, band, pixel, &rows[band * pixels + pixel..][..length]));
    }
}

fn to_c(number: usize) -> Result<c_int> {
    c_int::try_from(number).map_err(|_| Error::refused("raster", format!("{number} is more than GDAL counts")))
}

//! Reading GeoTIFF windows: whole blocks past GDAL, and what only GDAL reads by one call of its own for all bands.

use std::ffi::c_int;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use gdal::Dataset;
use gdal_sys::{CPLErr, GDALRWFlag};

use crate::error::{Error, Result};
use crate::scene::apart::Apart;
use crate::scene::tiff_blocks::{Blocks, Decoder};
use crate::scene::{DECODERS, Description, Source, TileReader, check_window, gdal as quiet, scratch};
use crate::tile::{Interleave, Sample, SampleType, Tile, Window, lay};
use crate::with_samples;

/// A TIFF that was opened once and described.
#[derive(Debug, Clone)]
pub(super) struct Tiff {
    pub(super) path: PathBuf,
    pub(super) lines: usize,
    pub(super) samples: usize,
    pub(super) sample_type: SampleType,
    pub(super) interleave: Interleave,
    /// Asked for by the first reader; nothing where only GDAL reads them.
    pub(super) direct: OnceLock<Option<Arc<Blocks>>>,
}

impl Tiff {
    /// What was described.
    pub(super) fn of(described: &Description) -> Self {
        let Description { lines, samples, sample_type, interleave, .. } = *described;
        Self { path: described.path.clone(), lines, samples, sample_type, interleave, direct: OnceLock::new() }
    }

    fn open(&self) -> Result<Dataset> {
        let (dataset, _) = quiet::open(&self.path, "GTiff")?;
        let band = dataset.rasterband(1).map_err(|e| Error::failed(self.path.display(), e))?;
        if dataset.raster_size() != (self.samples, self.lines)
            || usize::from(band.band_type().bytes()) != self.sample_type.size()
        {
            return Err(Error::failed(self.path.display(), "the file changed while it was being read"));
        }
        Ok(dataset)
    }

    fn direct(&self) -> Option<Arc<Blocks>> {
        let ask = || {
            let blocks = Blocks::of(&self.path, &self.open().ok()?, self.sample_type)?;
            (blocks.are_compressed() || self.says_gdal_the_same(&blocks)?).then(|| Arc::new(blocks))
        };
        self.direct.get_or_init(ask).clone()
    }

    /// Whether a block in the middle holds what GDAL finds in it. Compressed ones do not unpack if their bits lie in another
    /// order than they should, but these can be anything.
    fn says_gdal_the_same(&self, blocks: &Blocks) -> Option<bool> {
        let tile = || Tile::zeros(blocks.middle(), 1, self.sample_type);
        let (mut found, bands) = (tile(), [0]);
        blocks.read(&mut Decoder::new().ok()?, &bands, &mut found)?;
        let expected = Library::new(self, &bands).ok()?.read(tile()).ok()?;
        Some(found.samples.as_bytes() == expected.samples.as_bytes())
    }
}

impl Source for Tiff {
    fn readers(&self) -> usize {
        DECODERS
    }

    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let (mut direct, mut library) = (None, None);
        match self.direct().filter(|blocks| bands.iter().all(|&band| band < blocks.bands)) {
            Some(blocks) => direct = Some((blocks, Decoder::new().map_err(|e| Error::failed("decoder", e))?)),
            // What is wrong with the file is said now.
            None => library = Some(Library::new(self, bands)?),
        }
        Ok(Box::new(Reader { tiff: self.clone(), bands: bands.to_vec(), direct, library }))
    }

    fn sampler(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        if self.interleave == Interleave::Bsq { Ok(Box::new(Apart::new(self, bands)?)) } else { self.reader(bands) }
    }
}

struct Reader {
    tiff: Tiff,
    bands: Vec<usize>,
    direct: Option<(Arc<Blocks>, Decoder)>,
    /// Opened where it is needed.
    library: Option<Library>,
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        let Self { tiff, bands, direct, library } = self;
        check_window(&tiff.path, window, (tiff.samples, tiff.lines))?;
        let mut tile = Tile::over(spent, window, bands.len(), tiff.sample_type);
        // GDAL keeps the blocks of which a window holds a part.
        if let Some((blocks, decoder)) = direct.as_mut().filter(|(blocks, _)| blocks.are_whole_in(window))
            && blocks.read(decoder, bands, &mut tile).is_some()
        {
            return Ok(tile);
        }
        let library = match library {
            Some(open) => open,
            None => library.insert(Library::new(tiff, bands)?),
        };
        library.read(tile)
    }
}

/// Reading through GDAL, with its cache of blocks.
struct Library {
    path: PathBuf,
    dataset: Dataset,
    /// The file's type in GDAL's numbering, so that nothing is converted.
    data_type: gdal_sys::GDALDataType::Type,
    /// Counted from 1.
    bands: Vec<c_int>,
    /// Rows of whole bands, as GDAL gives them.
    scratch: Vec<u64>,
}

impl Library {
    fn new(tiff: &Tiff, bands: &[usize]) -> Result<Self> {
        let dataset = tiff.open()?;
        let band = dataset.rasterband(1).map_err(|e| Error::failed(tiff.path.display(), e))?;
        let data_type = band.band_type() as gdal_sys::GDALDataType::Type;
        if bands.iter().any(|&b| b >= dataset.raster_count()) {
            return Err(Error::failed(tiff.path.display(), "the file changed while it was being read"));
        }
        let bands = bands.iter().map(|&b| to_c(b + 1)).collect::<Result<_>>()?;
        Ok(Self { path: tiff.path.clone(), dataset, data_type, bands, scratch: Vec::new() })
    }

    /// Fills a tile, whose window lies within the raster.
    fn read(&mut self, mut tile: Tile) -> Result<Tile> {
        let window = tile.window;
        check_window(&self.path, window, self.dataset.raster_size())?;
        let size = tile.samples.sample_type().size();
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

#[cfg(test)]
mod tests {
    use gdal::DriverManager;
    use gdal::raster::RasterCreationOptions;

    use super::*;

    fn file(bands: usize) -> tempfile::TempPath {
        let path = tempfile::Builder::new().suffix(".tif").tempfile().unwrap().into_temp_path();
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let options = RasterCreationOptions::from_iter(["INTERLEAVE=BAND"]);
        let mut dataset = driver.create_with_band_type_with_options::<i16, _>(&path, 9, 7, bands, &options).unwrap();
        for (i, band) in dataset.rasterbands().enumerate() {
            band.unwrap().fill(3.0 + i as f64, None).unwrap();
        }
        dataset.flush_cache().unwrap();
        path
    }

    #[test]
    fn bands_that_are_read_side_by_side_are_those_of_one_reader() {
        let path = file(5);
        let options = crate::scene::SceneOptions::default();
        let scene = crate::scene::Scene::open(&path, &options).unwrap();
        let window = Window { x: 2, y: 3, width: 7, height: 1 };
        for bands in [&[0][..], &[4, 0], &[3, 1, 0, 2, 4]] {
            let one = scene.reader(bands).unwrap().read(window).unwrap();
            let apart = scene.sampler(bands).unwrap().read(window).unwrap();
            assert_eq!((apart.bands, apart.window, apart.padded), (bands.len(), window, one.padded));
            assert_eq!(apart.samples.as_bytes(), one.samples.as_bytes());
        }
        assert!(scene.sampler(&[]).is_err() && scene.sampler(&[5]).is_err());
    }

    #[test]
    fn a_file_that_lost_bands_after_it_was_described_is_told() {
        let path = file(2);
        let tiff = Tiff {
            path: path.to_path_buf(),
            lines: 7,
            samples: 9,
            sample_type: SampleType::I16,
            interleave: Interleave::Bsq,
            direct: OnceLock::new(),
        };
        assert!(tiff.reader(&[1, 0]).is_ok() && tiff.direct().is_some());
        let error = tiff.reader(&[2]).err().unwrap().to_string();
        assert!(error.contains("changed"), "{error}");
    }
}

//! A cube whose bands are files of their own.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::error::Result;
use crate::scene::apart::Apart;
use crate::scene::geotiff_read::Tiff;
use crate::scene::{DECODERS, Source, TileReader};
use crate::tile::{Interleave, SampleType, Tile, Window};

/// One GeoTIFF for each band; a band without a file is zero.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    pub(super) files: Vec<Option<PathBuf>>,
    pub(super) lines: usize,
    pub(super) samples: usize,
    pub(super) sample_type: SampleType,
}

impl Source for Stack {
    fn readers(&self) -> usize {
        DECODERS
    }

    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        Ok(Box::new(Reader { stack: self.clone(), bands: bands.to_vec() }))
    }

    fn sampler(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        Ok(Box::new(Apart::new(self, bands)?))
    }
}

struct Reader {
    stack: Stack,
    bands: Vec<usize>,
}

impl TileReader for Reader {
    /// Files are opened for each window: hundreds of bands times threads are more than a process may keep open.
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        let Stack { files, lines, samples, sample_type } = &self.stack;
        let mut tile = Tile::over(spent, window, self.bands.len(), *sample_type);
        let group = Tile::GROUP * sample_type.size();
        let mut before = None;
        for (k, &band) in self.bands.iter().enumerate() {
            let Some(path) = &files[band] else {
                let places = tile.samples.as_bytes_mut().chunks_exact_mut(group);
                places.skip(k).step_by(self.bands.len()).for_each(|place| place.fill(0));
                continue;
            };
            // Asking where blocks lie for each window costs more than reading past GDAL would save.
            let (path, direct) = (path.clone(), OnceLock::from(None));
            let (lines, samples, sample_type, interleave) = (*lines, *samples, *sample_type, Interleave::Bsq);
            let tiff = Tiff { path, lines, samples, sample_type, interleave, direct };
            let one = tiff.reader(&[0])?.read_over(before.take(), window)?;
            tile.put_bands(k, &one);
            before = Some(one);
        }
        Ok(tile)
    }
}

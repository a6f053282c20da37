//! Looking at a few pixels of a scene whose bands lie apart: whoever wants one line of it decodes a block of every band, so a
//! thread each takes some of the bands.

use crate::error::{Error, Result};
use crate::scene::{DECODERS, Source, TileReader};
use crate::tile::{Tile, Window};

/// Readers of some of the bands each, in the order wanted.
pub(super) struct Apart {
    readers: Vec<Box<dyn TileReader>>,
}

impl Apart {
    /// Of at least one band of a source.
    pub(super) fn new(source: &dyn Source, bands: &[usize]) -> Result<Self> {
        let some = bands.chunks(bands.len().div_ceil(DECODERS).max(1));
        Ok(Self { readers: some.map(|some| source.reader(some)).collect::<Result<_>>()? })
    }
}

impl TileReader for Apart {
    /// Tiles of few pixels are made anew.
    fn read_over(&mut self, _spent: Option<Tile>, window: Window) -> Result<Tile> {
        let parts = std::thread::scope(|scope| {
            let (here, others) = self.readers.split_last_mut()?;
            let others: Vec<_> = others.iter_mut().map(|reader| scope.spawn(move || reader.read(window))).collect();
            let here = here.read(window);
            let joined = others.into_iter().map(|other| other.join());
            let read = joined.map(|read| read.unwrap_or_else(|_| Err(Error::failed("reader", "a thread panicked"))));
            Some(read.chain([here]).collect::<Result<Vec<Tile>>>())
        });
        parts.map_or_else(
            || Err(Error::failed("reader", "no band to read")),
            |parts| Ok(Tile::of_bands(window, &parts?)),
        )
    }
}

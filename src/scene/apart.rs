//! Looking at a few pixels of a scene whose bands lie apart: whoever wants one line of it decodes a block of every band, so a
//! thread each takes some of the bands.

use std::thread::ScopedJoinHandle;

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
        let Some((here, others)) = self.readers.split_last_mut() else {
            return Err(Error::failed("reader", "no band is left to read"));
        };
        let parts = std::thread::scope(|scope| {
            let named = || std::thread::Builder::new().name("sampler".into());
            let started = others.iter_mut().map(|reader| named().spawn_scoped(scope, move || reader.read(window)));
            let started = started.collect::<std::io::Result<Vec<_>>>().map_err(|e| Error::failed("threads", e))?;
            let here = here.read(window);
            let joined = started.into_iter().map(ScopedJoinHandle::join);
            let read = joined.map(|read| read.unwrap_or_else(|_| Err(Error::failed("threads", "a thread panicked"))));
            read.chain([here]).collect::<Result<Vec<Tile>>>()
        })?;
        Ok(Tile::of_bands(window, &parts))
    }
}

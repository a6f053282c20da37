//! Screening: pixels that show no ground become no data in the tiles, so that neither maps nor statistics see them.

use crate::error::Result;
use crate::scene::{LookupReader, Scene, Source, TileReader, Told};
use crate::tile::{Sample, Tile, Window};
use crate::with_samples;

/// Knows which pixels of a scene show no ground.
pub(super) trait Screen: Send + Sync {
    /// The flags, for a reader of these bands of the scene.
    fn flags(&self, bands: &[usize]) -> Result<Box<dyn Flags>>;
}

/// Flags of pixels, window by window.
pub(super) trait Flags: Send {
    /// Sets the flags of those of a window's pixels that show no ground, line by line.
    fn set(&mut self, window: Window, flags: &mut [bool]) -> Result<()>;
}

/// The scene, in whose tiles the pixels that the screen flags are no data.
pub(super) fn screened(scene: Scene, screen: impl Screen + 'static) -> Scene {
    let nodata = scene.description.nodata;
    let source = Screened { inner: scene.source, screen: Box::new(screen), nodata };
    Scene { source: Box::new(source), ..scene }
}

struct Screened {
    inner: Box<dyn Source>,
    screen: Box<dyn Screen>,
    nodata: Option<f64>,
}

impl Screened {
    fn reader_of(&self, inner: Box<dyn TileReader>, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        Ok(Box::new(Reader { inner, flags: self.screen.flags(bands)?, nodata: self.nodata }))
    }
}

impl Source for Screened {
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.reader_of(self.inner.reader(bands)?, bands)
    }

    fn sampler(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.reader_of(self.inner.sampler(bands)?, bands)
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    fn lookup(&self) -> Option<Box<dyn LookupReader>> {
        self.inner.lookup()
    }

    fn in_file_order(&self) -> bool {
        self.inner.in_file_order()
    }

    fn few_lines(&self) -> Option<usize> {
        self.inner.few_lines()
    }
}

struct Reader {
    inner: Box<dyn TileReader>,
    flags: Box<dyn Flags>,
    nodata: Option<f64>,
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        let mut tile = self.inner.read_over(spent, window)?;
        let mut flags = vec![false; window.pixels()];
        self.flags.set(window, &mut flags)?;
        let bands = tile.bands;
        with_samples!(&mut tile.samples, values => erase(values, bands, &flags, self.nodata));
        Ok(tile)
    }

    fn tell(&mut self, told: Told) {
        self.inner.tell(told);
    }
}

/// Makes pixels no data: by the no-data value, or by zeros in all bands where there is none.
fn erase<T: Sample>(values: &mut [T], bands: usize, flags: &[bool], nodata: Option<f64>) {
    let fill = nodata.and_then(T::nodata).unwrap_or(T::zeroed());
    for (pixel, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        let group = &mut values[pixel / Tile::GROUP * bands * Tile::GROUP..];
        (0..bands).for_each(|band| group[band * Tile::GROUP + pixel % Tile::GROUP] = fill);
    }
}

//! Reading PRISMA's two cubes, `[line][band][sample]`, into tiles.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::scene::multidim::{Array, File};
use crate::scene::{Source, TileReader, check_window};
use crate::tile::{SampleType, Samples, Tile, Window, lay};

/// Where a band of the scene lies: in which cube, and at which index of it.
pub(super) type Place = (usize, usize);

/// The cubes of one file.
#[derive(Debug, Clone)]
pub(super) struct Cubes {
    pub(super) path: PathBuf,
    /// Full names of the arrays.
    pub(super) names: [String; 2],
    pub(super) lines: usize,
    pub(super) samples: usize,
    /// One place a band.
    pub(super) places: Vec<Place>,
}

impl Source for Cubes {
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let file = File::open_hdf5(&self.path)?;
        let cubes = [0, 1].map(|cube| {
            let wanted: Vec<(usize, usize)> = (0..bands.len())
                .filter(|&k| self.places[bands[k]].0 == cube)
                .map(|k| (k, self.places[bands[k]].1))
                .collect();
            let gone = || Error::failed(self.path.display(), format!("{} is no longer there", self.names[cube]));
            Ok(Part { array: file.array(&self.names[cube])?.ok_or_else(gone)?, wanted, scratch: Vec::new() })
        });
        let [vnir, swir] = cubes;
        Ok(Box::new(Reader { cubes: self.clone(), bands: bands.len(), parts: [vnir?, swir?] }))
    }
}

/// What is read of one cube.
struct Part {
    array: Array,
    /// Bands of the tile, and their indices in the cube.
    wanted: Vec<(usize, usize)>,
    scratch: Vec<u16>,
}

struct Reader {
    cubes: Cubes,
    bands: usize,
    parts: [Part; 2],
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        check_window(&self.cubes.path, window, (self.cubes.samples, self.cubes.lines))?;
        let mut tile = Tile::over(spent, window, self.bands, SampleType::U16);
        let Samples::U16(to) = &mut tile.samples else {
            return Err(Error::failed(self.cubes.path.display(), "a tile of another type was made"));
        };
        for part in &mut self.parts {
            part.read(window, self.bands, to)?;
        }
        Ok(tile)
    }
}

impl Part {
    /// The stretch from the first to the last wanted band at once: chunks hold neighbouring bands.
    fn read(&mut self, window: Window, bands: usize, to: &mut [u16]) -> Result<()> {
        let first = self.wanted.iter().map(|(_, index)| *index).min();
        let (Some(first), Some(last)) = (first, self.wanted.iter().map(|(_, index)| *index).max()) else {
            return Ok(());
        };
        let depth = last - first + 1;
        self.scratch.resize(window.pixels() * depth, 0);
        let (start, count) = ([window.y, first, window.x], [window.height, depth, window.width]);
        self.array.read(&start, &count, &mut self.scratch)?;
        for line in 0..window.height {
            for &(k, index) in &self.wanted {
                let run = &self.scratch[(line * depth + index - first) * window.width..][..window.width];
                lay(to, bands, k, line * window.width, run);
            }
        }
        Ok(())
    }
}

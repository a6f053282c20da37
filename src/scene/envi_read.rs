//! Reading ENVI cubes by positioned reads in file order, a few megabytes at a time, into tiles.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::read_exact_at;
use crate::scene::{Piece, Source, TileReader, Told, check_window};
use crate::tile::{Interleave, SampleType, Tile, Window, lay, lay_pixels};
use crate::with_samples;

/// Bytes of one read, more or less: they are still in the core's cache when they are laid into the tile.
const READ_BYTES: usize = 512 << 10;

/// Bytes between two wanted pieces that are read rather than skipped: a seek costs about as much.
const GAP_BYTES: usize = 32 << 10;

/// Bytes of a band that are read at once, at least: of fewer the calls would cost more than the reading.
const ROW_BYTES: usize = 24 << 10;

/// Where the values of a cube lie.
#[derive(Debug, Clone)]
pub(super) struct Cube {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) lines: usize,
    pub(super) samples: usize,
    pub(super) bands: usize,
    pub(super) sample_type: SampleType,
    pub(super) interleave: Interleave,
    /// The bytes of each value are in the other order than this machine's.
    pub(super) swapped: bool,
}

impl Source for Cube {
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let file = File::open(&self.path).map_err(|e| Error::io(&self.path, "cannot open", &e))?;
        Ok(Box::new(Reader { cube: self.clone(), bands: bands.to_vec(), file, told: None, buffer: Piece::default() }))
    }

    fn in_file_order(&self) -> bool {
        self.interleave != Interleave::Bsq
    }

    fn few_lines(&self) -> Option<usize> {
        let row = self.samples * self.sample_type.size();
        Some(if self.interleave == Interleave::Bsq { ROW_BYTES.div_ceil(row.max(1)) } else { 1 })
    }
}

struct Reader {
    cube: Cube,
    bands: Vec<usize>,
    file: File,
    told: Option<Told>,
    /// What was read last.
    buffer: Piece,
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        check_window(&self.cube.path, window, (self.cube.samples, self.cube.lines))?;
        let mut tile = Tile::over(spent, window, self.bands.len(), self.cube.sample_type);
        match self.cube.interleave {
            Interleave::Bsq => self.read_bsq(&mut tile)?,
            Interleave::Bil => self.read_bil(&mut tile)?,
            Interleave::Bip => self.read_bip(&mut tile)?,
        }
        if self.cube.swapped {
            tile.samples.swap_bytes();
        }
        Ok(tile)
    }

    fn tell(&mut self, told: Told) {
        self.told = Some(told);
    }
}

impl Reader {
    /// Whole lines of a band follow each other.
    fn read_bsq(&mut self, tile: &mut Tile) -> Result<()> {
        let (cube, window, size) = (&self.cube, tile.window, self.cube.sample_type.size());
        let full = window.width == cube.samples;
        let (rows, row) = if full { (1, window.pixels()) } else { (window.height, window.width) };
        for (k, &band) in self.bands.iter().enumerate() {
            for r in 0..rows {
                let value = (band * cube.lines + window.y + r) * cube.samples + window.x;
                let read = self.buffer.room(row * size);
                let at = cube.read_at(&self.file, read, value)?;
                let bands = tile.bands;
                with_samples!(&mut tile.samples, to => lay(to, bands, k, r * row, bytemuck::cast_slice(read)));
                tell(&mut self.told, at, &mut self.buffer)?;
            }
        }
        Ok(())
    }

    /// The wanted bands of a line, or of many lines when little lies between, then row by row into the tile.
    fn read_bil(&mut self, tile: &mut Tile) -> Result<()> {
        let (cube, window, size) = (&self.cube, tile.window, self.cube.sample_type.size());
        let (record, bands) = (cube.samples * cube.bands, tile.bands);
        let pieces = pieces(&self.bands, cube.samples, window, size);
        // One piece that nearly fills the line: lines are read together, gaps included.
        let together = match pieces.as_slice() {
            [one] if (record - (one.end - one.start)) * size <= GAP_BYTES => (READ_BYTES / (record * size)).max(1),
            _ => 1,
        };
        for first in (0..window.height).step_by(together) {
            let lines = together.min(window.height - first);
            for piece in &pieces {
                let values = (lines - 1) * record + piece.end - piece.start;
                let read = self.buffer.room(values * size);
                let place = cube.read_at(&self.file, read, (window.y + first) * record + piece.start)?;
                with_samples!(&mut tile.samples, to => {
                    let read = bytemuck::cast_slice(read);
                    // Line by line: all bands of a line lie together in a tile.
                    for line in 0..lines {
                        for (k, &band) in self.bands.iter().enumerate() {
                            let at = band * cube.samples + window.x;
                            if (piece.start..piece.end).contains(&at) {
                                let run = &read[line * record + at - piece.start..][..window.width];
                                lay(to, bands, k, (first + line) * window.width, run);
                            }
                        }
                    }
                });
                tell(&mut self.told, place, &mut self.buffer)?;
            }
        }
        Ok(())
    }

    /// Runs of whole pixels, transposed in blocks. Picking bands out of a pixel saves no reading.
    fn read_bip(&mut self, tile: &mut Tile) -> Result<()> {
        let (cube, window, size) = (&self.cube, tile.window, self.cube.sample_type.size());
        let full = window.width == cube.samples;
        let (runs, run) = if full { (1, window.pixels()) } else { (window.height, window.width) };
        let step = (READ_BYTES / (cube.bands * size)).max(1);
        for r in 0..runs {
            let start = (window.y + r) * cube.samples + window.x;
            for first in (0..run).step_by(step) {
                let pixels = step.min(run - first);
                let read = self.buffer.room(pixels * cube.bands * size);
                let place = cube.read_at(&self.file, read, (start + first) * cube.bands)?;
                let at = r * run + first;
                with_samples!(&mut tile.samples, to => lay_pixels(to, &self.bands, at, read, cube.bands));
                tell(&mut self.told, place, &mut self.buffer)?;
            }
        }
        Ok(())
    }
}

impl Cube {
    /// Fills `bytes` from the file, beginning with the value of the given number. Gives its place.
    fn read_at(&self, from: &File, bytes: &mut [u8], value: usize) -> Result<u64> {
        let at = self.offset + (value * self.sample_type.size()) as u64;
        read_exact_at(from, bytes, at).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => shortened(&self.path, at),
            _ => Error::io(&self.path, &format!("cannot read {} bytes at byte {at}", bytes.len()), &e),
        })?;
        Ok(at)
    }
}

/// Tells of a piece whose values were laid into the tile.
fn tell(told: &mut Option<Told>, at: u64, piece: &mut Piece) -> Result<()> {
    told.as_mut().map_or(Ok(()), |told| told(at, piece))
}

fn shortened(path: &Path, at: u64) -> Error {
    Error::failed(path.display(), format!("the file ends after byte {at}, where it went on when it was opened"))
        .hint("something changed the file during the run")
}

/// The stretches of a line of a BIL file that hold the wanted bands of the window, in values, near ones merged.
fn pieces(bands: &[usize], samples: usize, window: Window, size: usize) -> Vec<std::ops::Range<usize>> {
    let mut sorted = bands.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut pieces: Vec<std::ops::Range<usize>> = Vec::new();
    for start in sorted.into_iter().map(|band| band * samples + window.x) {
        match pieces.last_mut() {
            Some(last) if (start - last.end) * size <= GAP_BYTES && (start - last.start) * size <= READ_BYTES => {
                last.end = start + window.width;
            }
            _ => pieces.push(start..start + window.width),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_bands_are_read_together_and_far_ones_apart() {
        let window = Window { x: 10, y: 0, width: 50, height: 4 };
        assert_eq!(pieces(&[3, 1, 2, 3], 100, window, 2).as_slice(), std::slice::from_ref(&(110..360)));
        assert_eq!(pieces(&[0, 9], 10_000, window, 4), [10..60, 90_010..90_060]);
    }
}

//! Reading ENVI cubes by positioned reads in file order, a few megabytes at a time, into band-major tiles.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::scene::{Source, TileReader, check_window};
use crate::tile::{Interleave, Sample, SampleType, Tile, Window};
use crate::with_samples;

/// Bytes of one read. Measured: larger ones are no faster.
const READ_BYTES: usize = 4 << 20;

/// Bytes between two wanted pieces that are read rather than skipped: a seek costs about as much.
const GAP_BYTES: usize = 32 << 10;

/// Bytes of pixels that are transposed together: they stay in the first-level cache.
const TRANSPOSE_BYTES: usize = 32 << 10;

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
        Ok(Box::new(Reader { cube: self.clone(), bands: bands.to_vec(), file, scratch: Vec::new() }))
    }
}

struct Reader {
    cube: Cube,
    bands: Vec<usize>,
    file: File,
    /// In words of 8 bytes, so that it can be seen as any sample type.
    scratch: Vec<u64>,
}

impl TileReader for Reader {
    fn read(&mut self, window: Window) -> Result<Tile> {
        check_window(&self.cube.path, window, (self.cube.samples, self.cube.lines))?;
        let mut tile = Tile::zeros(window, self.bands.len(), self.cube.sample_type);
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
}

impl Reader {
    /// Whole lines of a band follow each other: straight into the tile.
    fn read_bsq(&mut self, tile: &mut Tile) -> Result<()> {
        let (cube, window, size) = (&self.cube, tile.window, self.cube.sample_type.size());
        let full = window.width == cube.samples;
        let (rows, row) = if full { (1, window.pixels()) } else { (window.height, window.width) };
        let stride = tile.stride;
        let bytes = tile.samples.as_bytes_mut();
        for (k, &band) in self.bands.iter().enumerate() {
            for r in 0..rows {
                let value = (band * cube.lines + window.y + r) * cube.samples + window.x;
                let start = (k * stride + r * row) * size;
                cube.read_at(&self.file, &mut bytes[start..start + row * size], value)?;
            }
        }
        Ok(())
    }

    /// The wanted bands of a line, or of many lines when little lies between, then row by row into the tile.
    fn read_bil(&mut self, tile: &mut Tile) -> Result<()> {
        let (cube, window, size) = (&self.cube, tile.window, self.cube.sample_type.size());
        let (record, stride) = (cube.samples * cube.bands, tile.stride);
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
                let read = scratch(&mut self.scratch, values * size);
                cube.read_at(&self.file, read, (window.y + first) * record + piece.start)?;
                let bytes = tile.samples.as_bytes_mut();
                for (k, &band) in self.bands.iter().enumerate() {
                    let at = band * cube.samples + window.x;
                    if !(piece.start..piece.end).contains(&at) {
                        continue;
                    }
                    for line in 0..lines {
                        let from = (line * record + at - piece.start) * size;
                        let to = (k * stride + (first + line) * window.width) * size;
                        bytes[to..to + window.width * size].copy_from_slice(&read[from..from + window.width * size]);
                    }
                }
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
        let stride = tile.stride;
        for r in 0..runs {
            let start = (window.y + r) * cube.samples + window.x;
            for first in (0..run).step_by(step) {
                let pixels = step.min(run - first);
                let read = scratch(&mut self.scratch, pixels * cube.bands * size);
                cube.read_at(&self.file, read, (start + first) * cube.bands)?;
                let at = r * run + first;
                with_samples!(&mut tile.samples, to => transpose(read, cube.bands, &self.bands, to, stride, at));
            }
        }
        Ok(())
    }
}

impl Cube {
    /// Fills `bytes` from the file, beginning with the value of the given number.
    fn read_at(&self, file: &File, bytes: &mut [u8], value: usize) -> Result<()> {
        let at = self.offset + (value * self.sample_type.size()) as u64;
        read_exact_at(file, bytes, at).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => shortened(&self.path, at),
            _ => Error::io(&self.path, &format!("cannot read {} bytes at byte {at}", bytes.len()), &e),
        })
    }
}

fn shortened(path: &Path, at: u64) -> Error {
    Error::failed(path.display(), format!("the file ends after byte {at}, where it went on when it was opened"))
        .hint("something changed the file during the run")
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => (bytes, at) = (&mut bytes[n..], at + n as u64),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// The first `bytes` bytes of the scratch buffer, which grows as needed.
fn scratch(buffer: &mut Vec<u64>, bytes: usize) -> &mut [u8] {
    let words = bytes.div_ceil(8);
    if buffer.len() < words {
        buffer.resize(words, 0);
    }
    &mut bytemuck::cast_slice_mut(buffer)[..bytes]
}

/// The stretches of a line of a BIL file that hold the wanted bands of the window, in values, near ones merged.
fn pieces(bands: &[usize], samples: usize, window: Window, size: usize) -> Vec<std::ops::Range<usize>> {
    let mut sorted = bands.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut pieces: Vec<std::ops::Range<usize>> = Vec::new();
    for start in sorted.into_iter().map(|band| band * samples + window.x) {
        match pieces.last_mut() {
            Some(last) if (start - last.end) * size <= GAP_BYTES => last.end = start + window.width,
            _ => pieces.push(start..start + window.width),
        }
    }
    pieces
}

/// Takes `bands` out of whole pixels of `depth` values and lays them band by band into `to`, from pixel `at` on.
fn transpose<T: Sample>(pixels: &[u8], depth: usize, bands: &[usize], to: &mut [T], stride: usize, at: usize) {
    let pixels: &[T] = bytemuck::cast_slice(pixels);
    let together = (TRANSPOSE_BYTES / (depth * size_of::<T>())).max(8);
    for (block, from) in pixels.chunks(together * depth).enumerate() {
        let start = at + block * together;
        for (k, &band) in bands.iter().enumerate() {
            let row = &mut to[k * stride + start..][..from.len() / depth];
            for (value, pixel) in row.iter_mut().zip(from.chunks_exact(depth)) {
                *value = pixel[band];
            }
        }
    }
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

    #[test]
    fn blocks_of_pixels_are_transposed() {
        let depth = 700;
        let pixels: Vec<u32> = (0..100 * depth).collect();
        let mut to = vec![0_u32; 2 * 128];
        transpose(bytemuck::cast_slice(&pixels), depth as usize, &[5, 0], &mut to, 128, 3);
        for p in 0..100 {
            assert_eq!((to[3 + p], to[131 + p]), (p as u32 * depth + 5, p as u32 * depth));
        }
    }
}

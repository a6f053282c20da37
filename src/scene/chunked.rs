//! Reading a cube of netCDF, its dimensions in whatever order: chunk by chunk, so that none is inflated twice, straight into
//! the tile's groups.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::scene::glt;
use crate::scene::hdf5_chunks::{Chunks, Decoder};
use crate::scene::multidim::{Array, File};
use crate::scene::{DECODERS, LookupReader, Source, TileReader, check_window};
use crate::tile::{SampleType, Samples, Tile, Window};

/// Which dimension of an array runs along lines, samples and bands.
pub(super) type Axes = [usize; 3];

/// A cube of Float32 that was opened once and described.
pub(super) struct Chunked {
    /// Opened once; readers take arrays from it.
    pub(super) file: Arc<Mutex<File>>,
    pub(super) path: PathBuf,
    /// The full name of the array, and what its dimensions are called in messages.
    pub(super) name: &'static str,
    pub(super) dimensions: [&'static str; 3],
    pub(super) axes: Axes,
    pub(super) lines: usize,
    pub(super) samples: usize,
    /// Lines, samples and bands that are stored as one piece.
    pub(super) chunk: [usize; 3],
    /// Asked for by the first reader; nothing where only the library reads them.
    pub(super) direct: OnceLock<Option<Arc<Chunks>>>,
    /// What leads from the map to the swath.
    pub(super) table: Option<Arc<Mutex<glt::Table>>>,
}

impl Chunked {
    fn direct(&self) -> Option<Arc<Chunks>> {
        let chunk = |i: usize| self.axes.iter().position(|&axis| axis == i).map(|k| self.chunk[k]);
        let told = || (0..3).filter_map(chunk);
        let ask = || Chunks::of(&self.path, self.name).filter(|c| c.shape.iter().copied().eq(told())).map(Arc::new);
        self.direct.get_or_init(ask).clone()
    }
}

impl Source for Chunked {
    fn readers(&self) -> usize {
        if self.direct().is_some() { DECODERS } else { 1 }
    }

    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(Reader {
            origin: match self.direct() {
                Some(chunks) => Origin::Chunks(chunks, Decoder::default()),
                None => Origin::Library(file.required(self.name, &self.dimensions)?, Vec::new()),
            },
            axes: self.axes,
            path: self.path.clone(),
            size: (self.samples, self.lines),
            chunk: self.chunk,
            runs: runs(bands, self.chunk[2]),
            bands: bands.len(),
        }))
    }

    fn lookup(&self) -> Option<Box<dyn LookupReader>> {
        Some(Box::new(glt::Reader(Arc::clone(self.table.as_ref()?))))
    }
}

struct Reader {
    origin: Origin,
    axes: Axes,
    path: PathBuf,
    size: (usize, usize),
    chunk: [usize; 3],
    runs: Vec<Run>,
    bands: usize,
}

/// Where a chunk's values come from.
enum Origin {
    Chunks(Arc<Chunks>, Decoder),
    /// With what of a chunk lies in the window.
    Library(Array, Vec<f32>),
}

impl Origin {
    /// The values of a box that lies in one chunk, `count` from `start` on in each dimension, and how many values there are
    /// from one to the next in each.
    fn read(&mut self, start: [usize; 3], count: [usize; 3]) -> Result<(&[f32], [usize; 3])> {
        let steps = |lengths: &[usize]| [0, 1, 2].map(|i: usize| lengths[i + 1..].iter().product());
        match self {
            Self::Chunks(chunks, decoder) => {
                let steps: [usize; 3] = steps(&chunks.shape);
                let first: usize = (0..3).map(|i| start[i] % chunks.shape[i] * steps[i]).sum();
                Ok((&chunks.read(&start, decoder)?[first..], steps))
            }
            Self::Library(cube, values) => {
                values.resize(count.iter().product(), 0.0);
                cube.read(&start, &count, values)?;
                Ok((values, steps(&count)))
            }
        }
    }
}

/// The wanted bands of a chunk.
struct Run {
    first: usize,
    length: usize,
    /// Where each lies in the run, and in the tile.
    wanted: Vec<(usize, usize)>,
}

/// One run for each chunk along the bands that holds any that is wanted, from the first of these to the last.
fn runs(bands: &[usize], chunk: usize) -> Vec<Run> {
    let mut wanted: Vec<(usize, usize)> = bands.iter().enumerate().map(|(k, &band)| (band, k)).collect();
    wanted.sort_unstable();
    let of_chunk = |in_chunk: &[(usize, usize)]| {
        let (first, last) = (in_chunk[0].0, in_chunk[in_chunk.len() - 1].0);
        let wanted = in_chunk.iter().map(|&(band, k)| (band - first, k)).collect();
        Run { first, length: last - first + 1, wanted }
    };
    wanted.chunk_by(|a, b| a.0 / chunk == b.0 / chunk).map(of_chunk).collect()
}

/// A length cut at multiples of `step` of the file: where each piece starts, and its length.
fn pieces(start: usize, length: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = start + length;
    let cuts =
        std::iter::successors(Some(start), move |&at| Some((at / step + 1) * step)).take_while(move |&at| at < end);
    cuts.map(move |at| (at, ((at / step + 1) * step).min(end) - at))
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        check_window(&self.path, window, self.size)?;
        let mut tile = Tile::over(spent, window, self.bands, SampleType::F32);
        let Samples::F32(to) = &mut tile.samples else {
            return Err(Error::failed(self.path.display(), "a tile of another type"));
        };
        for (y, height) in pieces(window.y, window.height, self.chunk[0]) {
            for (x, width) in pieces(window.x, window.width, self.chunk[1]) {
                let piece = Window { x: x - window.x, y: y - window.y, width, height };
                for run in &self.runs {
                    let (mut start, mut counts) = ([0; 3], [0; 3]);
                    for (i, &axis) in self.axes.iter().enumerate() {
                        start[axis] = [y, x, run.first][i];
                        counts[axis] = [height, width, run.length][i];
                    }
                    let (values, steps) = self.origin.read(start, counts)?;
                    lay_piece(values, self.axes.map(|axis| steps[axis]), run, piece, window.width, self.bands, to);
                }
            }
        }
        Ok(tile)
    }
}

/// Lays a piece into a tile's values; the piece's place is within the tile. From a line of the piece to the next, from a
/// sample and from a band, there are `steps` values.
fn lay_piece(
    values: &[f32],
    [to_line, to_sample, to_band]: [usize; 3],
    run: &Run,
    piece: Window,
    width: usize,
    bands: usize,
    to: &mut [f32],
) {
    const GROUP: usize = Tile::GROUP;
    for line in 0..piece.height {
        let first = (piece.y + line) * width + piece.x;
        // Of the pixels of one group all bands are laid while both stretches of memory are in the cache.
        let mut done = 0;
        while done < piece.width {
            let pixel = first + done;
            let n = (GROUP - pixel % GROUP).min(piece.width - done);
            let from = &values[line * to_line + done * to_sample..];
            let group = &mut to[pixel / GROUP * bands * GROUP..][..bands * GROUP];
            for &(at, k) in &run.wanted {
                let into = &mut group[k * GROUP + pixel % GROUP..][..n];
                into.iter_mut().zip(from[at * to_band..].iter().step_by(to_sample)).for_each(|(to, from)| *to = *from);
            }
            done += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_cut_where_chunks_are() {
        assert_eq!(pieces(5, 20, 8).collect::<Vec<_>>(), [(5, 3), (8, 8), (16, 8), (24, 1)]);
        assert_eq!(pieces(8, 8, 8).collect::<Vec<_>>(), [(8, 8)]);
        assert_eq!(pieces(3, 2, 100).collect::<Vec<_>>(), [(3, 2)]);
    }

    #[test]
    fn a_run_reaches_from_the_first_wanted_band_of_a_chunk_to_the_last() {
        let runs = runs(&[9, 1, 4, 1], 5);
        let told: Vec<_> = runs.iter().map(|r| (r.first, r.length, r.wanted.clone())).collect();
        assert_eq!(told, [(1, 4, vec![(0, 1), (0, 3), (3, 2)]), (9, 1, vec![(0, 0)])]);
    }
}

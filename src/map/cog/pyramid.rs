//! The tiles of a raster and of its overviews, which are each half as wide and high as the one before, while pixels come.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::packer::{Packer, Packing, Pixel};
use crate::cores;
use crate::map::checksum::Checksum;
use crate::map::spec::BLOCK;
use crate::tile::Window;

/// Most bytes that a row of tiles takes while it fills; the rows of all overviews together take as much again.
const ROW_BYTES: usize = 4 << 20;

/// Least lines of a tile, the least that TIFF allows.
const LEAST: usize = 16;

/// Samples and lines of a tile: fewer lines for a wide raster of many bands, as lines of all bands come together and a row of
/// tiles is held until its last line.
pub(in crate::map) fn tile_of(width: usize, bands: usize, value_bytes: usize) -> (usize, usize) {
    let line = width.saturating_mul(bands).saturating_mul(value_bytes);
    let fits = |lines: &usize| line.saturating_mul(*lines) <= ROW_BYTES;
    let lines =
        std::iter::successors(Some(BLOCK), |lines| Some(lines / 2)).take_while(|lines| *lines > LEAST).find(fits);
    (BLOCK, lines.unwrap_or(LEAST))
}

/// Bytes that the tiles of a raster and its overviews take while they fill, when pixels come line by line.
pub(in crate::map) fn held_bytes(width: usize, bands: usize, value_bytes: usize) -> usize {
    let (samples, lines) = tile_of(width, bands, value_bytes);
    2 * lines * width.next_multiple_of(samples) * bands * value_bytes
}

/// The tiles of a raster and its overviews. Those that are full lie packed in a scratch file, and only where they lie is kept.
pub(in crate::map) struct Pyramid<T> {
    packing: Packing,
    nodata: T,
    /// The raster, then its overviews, until one fits into a block.
    levels: Vec<Level<T>>,
    /// It has no name, and goes with this.
    scratch: File,
    end: u64,
    /// Memory of tiles that were packed.
    spare: Vec<Vec<T>>,
    /// Of each band of a raster that loses bits in packing: what was packed, and what a reader will find.
    lossy: Vec<(Checksum, Checksum)>,
}

struct Level<T> {
    /// Samples and lines.
    size: (usize, usize),
    open: HashMap<usize, Open<T>>,
    /// Of each tile that is packed.
    places: Vec<Option<Place>>,
}

/// A tile of which pixels are missing. It has all its values of each band, also where it reaches out of the raster.
struct Open<T> {
    values: Vec<T>,
    missing: usize,
}

/// Where a packed tile lies in the scratch file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub start: u64,
    pub bytes: u32,
}

impl<T: Pixel> Pyramid<T> {
    /// For a raster of these samples and lines, with its scratch file in `work`.
    ///
    /// # Errors
    /// When no file can be made there.
    pub(in crate::map) fn new(size: (usize, usize), packing: Packing, nodata: T, work: &Path) -> io::Result<Self> {
        let halvings = size.0.max(size.1).div_ceil(BLOCK).next_power_of_two().ilog2();
        let level = |halving: u32| {
            let size = (size.0.div_ceil(1 << halving), size.1.div_ceil(1 << halving));
            let tiles = size.0.div_ceil(packing.tile.0) * size.1.div_ceil(packing.tile.1);
            Level { size, open: HashMap::new(), places: vec![None; tiles] }
        };
        let lossy = if packing.is_lossy() { packing.bands } else { 0 };
        Ok(Self {
            levels: (0..=halvings).map(level).collect(),
            scratch: tempfile::tempfile_in(work)?,
            end: 0,
            spare: Vec::new(),
            lossy: vec![Default::default(); lossy],
            packing,
            nodata,
        })
    }

    /// Adds the pixels of a window of a band, line by line. Pixels of a tile that is full are left out: whoever counts what he
    /// adds knows that he has added too many.
    ///
    /// # Errors
    /// When a tile cannot be packed or the scratch file cannot be written.
    pub(in crate::map) fn add(&mut self, band: usize, window: Window, values: &[T]) -> io::Result<()> {
        let full = self.lay(0, band, window, values);
        self.pack(0, full)
    }

    /// Lays the pixels into the tiles of a level. Gives those that are full now.
    fn lay(&mut self, level: usize, band: usize, window: Window, values: &[T]) -> Vec<(usize, Vec<T>)> {
        let (Packing { tile: (samples, lines), bands, .. }, spare) = (self.packing, &mut self.spare);
        let Level { size, open, places } = &mut self.levels[level];
        let across = size.0.div_ceil(samples);
        let (right, bottom) = (window.x + window.width, window.y + window.height);
        let mut full = Vec::new();
        for (ty, tx) in (window.y / lines..bottom.div_ceil(lines))
            .flat_map(|ty| (window.x / samples..right.div_ceil(samples)).map(move |tx| (ty, tx)))
        {
            let index = ty * across + tx;
            if places[index].is_some() {
                continue;
            }
            let (x, y) = (tx * samples, ty * lines);
            let (width, height) = (samples.min(size.0 - x), lines.min(size.1 - y));
            let tile = open.entry(index).or_insert_with(|| {
                let mut values = spare.pop().unwrap_or_default();
                if (width, height) != (samples, lines) {
                    values.clear();
                }
                values.resize(samples * lines * bands, T::zeroed());
                Open { values, missing: width * height * bands }
            });
            let (from, to) = (window.x.max(x), right.min(x + width));
            let common = window.y.max(y)..bottom.min(y + height);
            tile.missing = tile.missing.saturating_sub(common.len() * (to - from));
            for line in common {
                let row = &values[(line - window.y) * window.width + from - window.x..][..to - from];
                tile.values[(band * lines + line - y) * samples + from - x..][..row.len()].copy_from_slice(row);
            }
            if tile.missing == 0 {
                full.extend(open.remove(&index).map(|tile| (index, tile.values)));
            }
        }
        full
    }

    /// Packs full tiles of a level, by all cores, and lays their halves into the next.
    fn pack(&mut self, level: usize, full: Vec<(usize, Vec<T>)>) -> io::Result<()> {
        if full.is_empty() {
            return Ok(());
        }
        let (packing, nodata, coarser) = (self.packing, self.nodata, level + 1 < self.levels.len());
        let windows: Vec<Window> = full.iter().map(|(index, _)| self.window(level, *index)).collect();
        let tiles = full.iter().map(|(_, values)| &values[..]).zip(windows.iter().copied()).collect();
        let pack = |packer: &mut io::Result<Packer<T>>, (values, window): (&[T], Window)| {
            let packer = packer.as_mut().map_err(|e| io::Error::new(e.kind(), e.to_string()))?;
            let (bytes, kept) = packer.pack(values)?;
            let halves = if coarser { halves(values, packing.tile, window, nodata) } else { Vec::new() };
            Ok((bytes, kept, halves))
        };
        let packed: Vec<io::Result<_>> = cores::share("packer", tiles, || Packer::new(packing), pack);
        let mut next = Vec::new();
        for (((index, values), window), packed) in full.into_iter().zip(windows).zip(packed) {
            let (bytes, kept, halves) = packed?;
            self.scratch.write_all(&bytes)?;
            let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            self.levels[level].places[index] = Some(Place { start: self.end, bytes: length });
            self.end += u64::from(length);
            if let Some(kept) = kept.filter(|_| level == 0) {
                self.sum_up(window, &values, &kept);
            }
            self.spare.push(values);
            let half = Window {
                x: window.x / 2,
                y: window.y / 2,
                width: window.width.div_ceil(2),
                height: window.height.div_ceil(2),
            };
            for (band, values) in halves.iter().enumerate() {
                next.extend(self.lay(level + 1, band, half, values));
            }
        }
        self.pack(level + 1, next)
    }

    /// The pixels of a tile that lie in its raster.
    fn window(&self, level: usize, index: usize) -> Window {
        let ((samples, lines), size) = (self.packing.tile, self.levels[level].size);
        let across = size.0.div_ceil(samples);
        let (x, y) = (index % across * samples, index / across * lines);
        Window { x, y, width: samples.min(size.0 - x), height: lines.min(size.1 - y) }
    }

    fn sum_up(&mut self, window: Window, packed: &[T], kept: &[T]) {
        let ((samples, lines), width) = (self.packing.tile, self.levels[0].size.0);
        for (band, sums) in self.lossy.iter_mut().enumerate() {
            for line in 0..window.height {
                let (window, at) =
                    (Window { y: window.y + line, height: 1, ..window }, (band * lines + line) * samples);
                sums.0.add(window, width, &packed[at..][..window.width]);
                sums.1.add(window, width, &kept[at..][..window.width]);
            }
        }
    }

    /// Of each band of a raster that loses bits in packing: the sum of what was packed, and of what a reader will find.
    pub(in crate::map) fn lossy(&self) -> &[(Checksum, Checksum)] {
        &self.lossy
    }

    /// Samples and lines of a level, and where its tiles lie; the raster first. `None` where a tile is not full.
    pub(super) fn places(&self) -> impl DoubleEndedIterator<Item = ((usize, usize), Option<Vec<Place>>)> {
        self.levels.iter().map(|level| (level.size, level.places.iter().copied().collect()))
    }

    pub(super) fn scratch(&self) -> &File {
        &self.scratch
    }
}

/// Half of a tile's pixels that lie in the raster, of each band: of two by two the one that stands for them.
fn halves<T: Pixel>(values: &[T], tile: (usize, usize), window: Window, nodata: T) -> Vec<Vec<T>> {
    let bands = values.chunks_exact(tile.0 * tile.1);
    bands.map(|band| halved(band, tile.0, (window.width, window.height), nodata)).collect()
}

/// Half the lines and samples, rounded up, of those that lie in rows of `length` values.
fn halved<T: Pixel>(values: &[T], length: usize, (width, height): (usize, usize), nodata: T) -> Vec<T> {
    let mut half = Vec::with_capacity(width.div_ceil(2) * height.div_ceil(2));
    for rows in values.chunks(2 * length).take(height.div_ceil(2)).enumerate().map(|(pair, rows)| {
        let (above, below) = rows.split_at(length);
        (&above[..width], (2 * pair + 1 < height).then(|| &below[..width]))
    }) {
        let (above, Some(below)) = rows else {
            half.extend(rows.0.chunks(2).map(|two| T::merged(two, nodata)));
            continue;
        };
        let (above, last) = above.as_chunks::<2>();
        let pairs = above.iter().zip(below.as_chunks::<2>().0);
        half.extend(pairs.map(|(a, b)| T::merged(&[a[0], a[1], b[0], b[1]], nodata)));
        half.extend(last.first().map(|&a| T::merged(&[a, below[width - 1]], nodata)));
    }
    half
}

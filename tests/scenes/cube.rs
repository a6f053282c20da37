//! A made-up cube whose every value follows from its place, written as ENVI.

use std::path::{Path, PathBuf};

use alunite::tile::{Interleave, SampleType, Tile, Window};

#[derive(Clone, Copy)]
pub(crate) struct Cube {
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    pub(crate) bands: usize,
    pub(crate) sample_type: SampleType,
}

impl Cube {
    pub(crate) const fn new(lines: usize, samples: usize, bands: usize, sample_type: SampleType) -> Self {
        Self { lines, samples, bands, sample_type }
    }

    /// The value at a place, as bytes of this machine's order. Any bit pattern may come, NaN included.
    pub(crate) fn value(&self, band: usize, line: usize, sample: usize) -> Vec<u8> {
        let place = ((band * self.lines + line) * self.samples + sample) as u64 + 1;
        let mixed = (place.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed.to_ne_bytes()[..self.sample_type.size()].to_vec()
    }

    /// The tile that a reader must give.
    pub(crate) fn tile(&self, window: Window, bands: &[usize]) -> Tile {
        let mut tile = Tile::zeros(window, bands.len(), self.sample_type);
        let size = self.sample_type.size();
        for (k, &band) in bands.iter().enumerate() {
            for pixel in 0..window.pixels() {
                let (line, sample) = (window.y + pixel / window.width, window.x + pixel % window.width);
                let at = tile.index(k, pixel) * size;
                tile.samples.as_bytes_mut()[at..at + size].copy_from_slice(&self.value(band, line, sample));
            }
        }
        tile
    }

    pub(crate) fn full(&self) -> Window {
        Window { x: 0, y: 0, width: self.samples, height: self.lines }
    }

    /// Windows of every kind: all, full-width strips, odd corners, one pixel.
    pub(crate) fn windows(&self) -> Vec<Window> {
        let strip = Window { x: 0, y: 1, width: self.samples, height: self.lines - 2 };
        let inner = Window { x: 2, y: 1, width: self.samples - 3, height: self.lines - 1 };
        let last = Window { x: self.samples - 1, y: self.lines - 1, width: 1, height: 1 };
        vec![self.full(), strip, inner, last]
    }

    /// Selections of bands: all, backwards, some, one twice.
    pub(crate) fn selections(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.bands).collect();
        vec![all.clone(), all.into_iter().rev().collect(), vec![self.bands - 1, 1, 2], vec![0], vec![1, 1]]
    }

    /// The values in a file's order, low byte first or high byte first.
    pub(crate) fn bytes(&self, interleave: Interleave, big_endian: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut push = |band, line, sample| {
            let mut value = self.value(band, line, sample);
            if big_endian != cfg!(target_endian = "big") {
                value.reverse();
            }
            bytes.extend(value);
        };
        let (l, s, b) = (self.lines, self.samples, self.bands);
        match interleave {
            Interleave::Bil => (0..l).for_each(|y| (0..b).for_each(|k| (0..s).for_each(|x| push(k, y, x)))),
            Interleave::Bip => (0..l).for_each(|y| (0..s).for_each(|x| (0..b).for_each(|k| push(k, y, x)))),
            Interleave::Bsq => (0..b).for_each(|k| (0..l).for_each(|y| (0..s).for_each(|x| push(k, y, x)))),
        }
        bytes
    }

    /// Writes `cube.img` and `cube.hdr` into a folder and gives the path of the data.
    pub(crate) fn write_envi(&self, folder: &Path, interleave: Interleave, big_endian: bool, offset: usize) -> PathBuf {
        let data = folder.join("cube.img");
        let bytes = [vec![0xEE; offset], self.bytes(interleave, big_endian)].concat();
        std::fs::write(&data, bytes).unwrap();
        let word = format!("{interleave:?}").to_lowercase();
        let header = format!(
            "ENVI\nsamples = {}\nlines = {}\nbands = {}\nheader offset = {offset}\ndata type = {}\n\
             interleave = {word}\nbyte order = {}\n",
            self.samples,
            self.lines,
            self.bands,
            self.code(),
            u8::from(big_endian)
        );
        std::fs::write(folder.join("cube.hdr"), header).unwrap();
        data
    }

    fn code(&self) -> u8 {
        match self.sample_type {
            SampleType::U8 | SampleType::I8 => 1,
            SampleType::I16 => 2,
            SampleType::I32 => 3,
            SampleType::F32 => 4,
            SampleType::F64 => 5,
            SampleType::U16 => 12,
            SampleType::U32 => 13,
            SampleType::I64 => 14,
            SampleType::U64 => 15,
        }
    }
}

/// Asserts that two tiles are the same, to the bit.
pub(crate) fn assert_same(found: &Tile, expected: &Tile, what: &str) {
    assert_eq!((found.window, found.bands, found.padded), (expected.window, expected.bands, expected.padded), "{what}");
    assert_eq!(found.samples.sample_type(), expected.samples.sample_type(), "{what}");
    assert!(found.samples.as_bytes() == expected.samples.as_bytes(), "{what}: values differ");
}

//! The tile: the only thing that travels between the stages of a run.

mod samples;
mod scaling;

pub use samples::{Sample, SampleType, Samples};
pub use scaling::Scaling;

pub use crate::simd::Aligned;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::simd::wide;
use crate::with_samples;

/// A rectangle of a scene, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First sample (column).
    pub x: usize,
    /// First line (row).
    pub y: usize,
    /// Number of samples.
    pub width: usize,
    /// Number of lines.
    pub height: usize,
}

impl Window {
    /// Number of pixels.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }
}

/// How a cube lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interleave {
    /// Band interleaved by line: `[line][band][sample]`.
    Bil,
    /// Band interleaved by pixel: `[line][sample][band]`.
    Bip,
    /// Band sequential: `[band][line][sample]`.
    Bsq,
}

/// Pixels of one window, in the bands that were asked for, as stored (unscaled, native type).
///
/// Whatever the file's interleave, pixels lie in groups of [`Tile::GROUP`], band after band within a group:
/// `[group][band][GROUP]`, `pixel = line_in_window * width + sample_in_window`. So whoever takes the bands of a few
/// neighbouring pixels reads one stretch of memory. Values from `window.pixels()` to `padded` are padding, zero.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Place in the scene.
    pub window: Window,
    /// Number of bands held.
    pub bands: usize,
    /// The number of pixels rounded up to a multiple of [`Tile::ALIGN`].
    pub padded: usize,
    /// The values.
    pub samples: Samples,
}

impl Tile {
    /// Pixels of a group.
    pub const GROUP: usize = 32;

    /// Pixels are padded to a multiple of this, so that every backend's vectors and words fit.
    pub const ALIGN: usize = 64;

    /// A tile of zeros.
    #[must_use]
    pub fn zeros(window: Window, bands: usize, sample_type: SampleType) -> Self {
        let padded = window.pixels().next_multiple_of(Self::ALIGN);
        Self { window, bands, padded, samples: Samples::zeros(sample_type, bands * padded) }
    }

    /// A tile for a reader who writes every pixel: in the memory of `spent` when that is of this type and enough. Padding is
    /// zero.
    #[must_use]
    pub(crate) fn over(spent: Option<Self>, window: Window, bands: usize, sample_type: SampleType) -> Self {
        let Some(Self { mut samples, .. }) = spent.filter(|tile| tile.samples.sample_type() == sample_type) else {
            return Self::zeros(window, bands, sample_type);
        };
        let (pixels, padded) = (window.pixels(), window.pixels().next_multiple_of(Self::ALIGN));
        samples.resize(bands * padded);
        let first = pixels / Self::GROUP * Self::GROUP * bands;
        with_samples!(&mut samples, values => values[first..].fill(Default::default()));
        Self { window, bands, padded, samples }
    }

    /// A tile of the bands of several, all of one window and type, one after the other.
    #[must_use]
    pub(crate) fn of_bands(window: Window, parts: &[Self]) -> Self {
        let bands = parts.iter().map(|part| part.bands).sum();
        let sample_type = parts.first().map_or(SampleType::U8, |part| part.samples.sample_type());
        let (mut tile, mut first) = (Self::zeros(window, bands, sample_type), 0);
        for part in parts {
            tile.put_bands(first, part);
            first += part.bands;
        }
        tile
    }

    /// Puts the bands of a tile of the same window and type into this one, as its bands from `first` on.
    pub(crate) fn put_bands(&mut self, first: usize, part: &Self) {
        let band = Self::GROUP * self.samples.sample_type().size();
        let to = self.samples.as_bytes_mut().chunks_exact_mut((self.bands * band).max(1));
        let from = part.samples.as_bytes().chunks_exact((part.bands * band).max(1));
        to.zip(from).for_each(|(to, from)| to[first * band..][..from.len()].copy_from_slice(from));
    }

    /// Where the value of a band and a pixel lies.
    #[inline]
    #[must_use]
    pub fn index(&self, band: usize, pixel: usize) -> usize {
        (pixel / Self::GROUP * self.bands + band) * Self::GROUP + pixel % Self::GROUP
    }

    /// The values of one band, pixel by pixel; `values` are those of the tile.
    pub fn band<'a, T>(&self, values: &'a [T], band: usize) -> impl Iterator<Item = &'a T> + Clone + use<'a, T> {
        let groups = values.chunks_exact((self.bands * Self::GROUP).max(1));
        groups.flat_map(move |group| &group[band * Self::GROUP..][..Self::GROUP]).take(self.window.pixels())
    }

    /// The groups that these pixels lie in, as bytes, as far as the tile reaches.
    #[must_use]
    pub(crate) fn bytes_of(&self, pixels: Range<usize>) -> &[u8] {
        let group = Self::GROUP * self.bands * self.samples.sample_type().size();
        let bytes = self.samples.as_bytes();
        let end = (pixels.end.div_ceil(Self::GROUP) * group).min(bytes.len());
        &bytes[pixels.start / Self::GROUP * group..end]
    }

    /// The tile's columns in `range`, counted from the window's first.
    #[must_use]
    pub fn columns(&self, range: Range<usize>) -> Self {
        fn copy<T: Sample>(from: &Tile, values: &[T], range: &Range<usize>, to: &mut Tile, into: &mut [T]) {
            let width = from.window.width;
            let mut line: Vec<T> = Vec::new();
            for band in 0..from.bands {
                let wanted = from.band(values, band).enumerate().filter(|(p, _)| range.contains(&(p % width)));
                line.clear();
                line.extend(wanted.map(|(_, v)| *v));
                lay(into, to.bands, band, 0, &line);
            }
        }
        let window = Window { x: self.window.x + range.start, width: range.len(), ..self.window };
        let mut part = Self::zeros(window, self.bands, self.samples.sample_type());
        let mut samples = std::mem::replace(&mut part.samples, Samples::U8(Aligned::default()));
        macro_rules! same {
            ($($kind:ident),*) => {
                match (&self.samples, &mut samples) {
                    $((Samples::$kind(from), Samples::$kind(to)) => copy(self, from, &range, &mut part, to),)*
                    _ => {}
                }
            };
        }
        same!(U8, I8, U16, I16, U32, I32, U64, I64, F32, F64);
        part.samples = samples;
        part
    }

    /// Which pixels hold data, one flag a pixel (`window.pixels()` of them).
    ///
    /// A pixel is no data when any band equals `nodata` (compared as stored, before scaling), is NaN or infinite,
    /// or when all bands are zero.
    #[must_use]
    pub fn valid(&self, nodata: Option<f64>) -> Vec<bool> {
        let mut valid = Vec::new();
        self.valid_in(0..self.window.pixels(), nodata, &mut valid);
        valid
    }

    /// The same for some of the pixels, from the first of a group on, into a list that is reused.
    pub fn valid_in(&self, pixels: Range<usize>, nodata: Option<f64>, valid: &mut Vec<bool>) {
        valid.clear();
        with_samples!(&self.samples, values => {
            let groups = values.chunks_exact((self.bands * Self::GROUP).max(1));
            for group in groups.skip(pixels.start / Self::GROUP).take(pixels.len().div_ceil(Self::GROUP)) {
                let marks = wide(
                    group,
                    #[inline(always)]
                    |group| marks(group, nodata),
                );
                valid.extend(marks.map(|m| m == NONZERO));
            }
        });
        valid.truncate(pixels.len());
    }
}

/// Lays a run of values of a band into a tile's values, from a pixel on.
pub(crate) fn lay<T: Copy>(tile: &mut [T], bands: usize, band: usize, pixel: usize, run: &[T]) {
    const GROUP: usize = Tile::GROUP;
    let (head, rest) = run.split_at((pixel.next_multiple_of(GROUP) - pixel).min(run.len()));
    let at = |pixel: usize| (pixel / GROUP * bands + band) * GROUP + pixel % GROUP;
    tile[at(pixel)..][..head.len()].copy_from_slice(head);
    let (whole, tail) = rest.as_chunks::<GROUP>();
    let mut to = at(pixel + head.len());
    for values in whole {
        tile[to..][..GROUP].copy_from_slice(values);
        to += bands * GROUP;
    }
    if !tail.is_empty() {
        tile[to..][..tail.len()].copy_from_slice(tail);
    }
}

/// Takes `bands` out of whole pixels of `depth` values, given as bytes, and lays them into a tile's values, from a pixel on.
pub(crate) fn lay_pixels<T: Sample>(tile: &mut [T], bands: &[usize], pixel: usize, pixels: &[u8], depth: usize) {
    let mut run = [T::zeroed(); Tile::GROUP];
    let (mut pixel, mut rest) = (pixel, bytemuck::cast_slice::<_, T>(pixels));
    while !rest.is_empty() {
        // To the end of a group.
        let count = (Tile::GROUP - pixel % Tile::GROUP).min(rest.len() / depth);
        let (block, after) = rest.split_at(count * depth);
        for (k, &band) in bands.iter().enumerate() {
            run.iter_mut().zip(block.chunks_exact(depth)).for_each(|(value, pixel)| *value = pixel[band]);
            lay(tile, bands.len(), k, pixel, &run[..count]);
        }
        (pixel, rest) = (pixel + count, after);
    }
}

/// Marks of a pixel: a band is no data; a band is not zero.
const BAD: u32 = 1;
const NONZERO: u32 = 2;

/// Whole words instead of flags: they are as wide as most samples, so that registers hold as many of both.
#[inline(always)]
fn marks<T: Sample>(group: &[T], nodata: Option<f64>) -> [u32; Tile::GROUP] {
    let (fill, declared) = match nodata.and_then(T::nodata) {
        Some(fill) => (fill, true),
        None => (T::zeroed(), false),
    };
    let mut marks = [0; Tile::GROUP];
    for band in group.as_chunks::<{ Tile::GROUP }>().0 {
        for (mark, &v) in marks.iter_mut().zip(band) {
            let bad = !v.is_finite() | (declared & (v == fill));
            *mark |= if bad { BAD } else { 0 } | if v != T::zeroed() { NONZERO } else { 0 };
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_is_any_fill_any_nonfinite_or_all_zero() {
        let window = Window { x: 0, y: 0, width: 6, height: 1 };
        let mut tile = Tile::zeros(window, 2, SampleType::F32);
        let pixels = [[0.1, 0.0], [-9999.0, 0.2], [0.1, f32::NAN], [0.0, 0.0], [f32::INFINITY, 1.0], [-0.1, -0.2]];
        if let Samples::F32(v) = &mut tile.samples {
            for (p, x) in pixels.iter().enumerate() {
                (v[p], v[Tile::GROUP + p]) = (x[0], x[1]);
            }
        }
        assert_eq!(tile.valid(Some(-9999.0)), [true, false, false, false, false, true]);
        assert!(tile.valid(None)[1]);
    }

    #[test]
    fn runs_of_a_band_come_back_in_order() {
        let window = Window { x: 4, y: 9, width: 47, height: 3 };
        let mut tile = Tile::zeros(window, 3, SampleType::U16);
        let value = |band: usize, pixel: usize| (1000 * band + pixel) as u16;
        let Samples::U16(mut values) = std::mem::replace(&mut tile.samples, Samples::U8(Aligned::default())) else {
            panic!()
        };
        for band in 0..3 {
            for (first, last) in [(0, 47), (47, 60), (60, 141)] {
                let run: Vec<u16> = (first..last).map(|p| value(band, p)).collect();
                lay(&mut values, 3, band, first, &run);
            }
            assert!(tile.band(&values, band).enumerate().all(|(p, v)| *v == value(band, p)));
            assert_eq!(values[tile.index(band, 100)], value(band, 100));
        }
        tile.samples = Samples::U16(values);
        let bytes = |pixels: Range<usize>| bytemuck::cast_slice::<_, u16>(tile.bytes_of(pixels)).to_vec();
        let (group, all) = (3 * Tile::GROUP, bytemuck::cast_slice::<_, u16>(tile.samples.as_bytes()));
        assert_eq!(bytes(40..70), all[group..3 * group], "whole groups");
        assert_eq!(bytes(100..999), all[3 * group..], "no further than the tile");
        assert!(bytes(0..0).is_empty());
        let part = tile.columns(5..45);
        let Samples::U16(values) = &part.samples else { panic!() };
        for (p, v) in part.band(values, 2).enumerate() {
            assert_eq!(*v, value(2, p / 40 * 47 + 5 + p % 40));
        }
    }

    #[test]
    fn the_memory_of_a_spent_tile_is_taken_whatever_its_shape() {
        let window = |width: usize, height: usize| Window { x: 0, y: 0, width, height };
        let mut tile = Tile::zeros(window(100, 3), 5, SampleType::F32);
        let place = tile.samples.as_bytes().as_ptr();
        for (width, height, bands) in [(33, 1, 4), (40, 5, 3), (64, 2, 5), (100, 3, 5)] {
            tile.samples.as_bytes_mut().fill(0xff);
            tile = Tile::over(Some(tile), window(width, height), bands, SampleType::F32);
            let Samples::F32(values) = &tile.samples else { panic!("f32") };
            assert_eq!((values.as_ptr().cast(), values.len()), (place, bands * tile.padded));
            let padding = (width * height..tile.padded).flat_map(|p| (0..bands).map(move |band| (band, p)));
            assert!(padding.clone().all(|(band, p)| values[tile.index(band, p)] == 0.0), "{width} x {height}");
        }
        let other = Tile::over(Some(tile), window(100, 3), 5, SampleType::I32);
        assert_eq!(other.samples.sample_type(), SampleType::I32);
    }

    #[test]
    fn bands_of_several_tiles_lie_one_after_the_other_in_one() {
        let window = Window { x: 1, y: 2, width: 45, height: 2 };
        let value = |band: usize, pixel: usize| (1000 * band + pixel) as i16;
        let part = |bands: Range<usize>| {
            let mut tile = Tile::zeros(window, bands.len(), SampleType::I16);
            let Samples::I16(mut values) = std::mem::replace(&mut tile.samples, Samples::U8(Aligned::default())) else {
                panic!("i16")
            };
            for (k, band) in bands.enumerate() {
                lay(&mut values, tile.bands, k, 0, &(0..90).map(|p| value(band, p)).collect::<Vec<_>>());
            }
            Tile { samples: Samples::I16(values), ..tile }
        };
        let tile = Tile::of_bands(window, &[part(0..3), part(3..4), part(4..9)]);
        let Samples::I16(values) = &tile.samples else { panic!("i16") };
        assert_eq!((tile.window, tile.bands, tile.padded), (window, 9, 128));
        for band in 0..9 {
            assert!(tile.band(values, band).enumerate().all(|(p, v)| *v == value(band, p)));
        }
    }

    #[test]
    fn bands_are_taken_out_of_whole_pixels() {
        let depth = 700;
        let pixels: Vec<u32> = (0..100 * depth).collect();
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width: 103, height: 1 }, 2, SampleType::U32);
        let Samples::U32(mut to) = std::mem::replace(&mut tile.samples, Samples::U8(Aligned::default())) else {
            panic!()
        };
        lay_pixels(&mut to, &[5, 0], 3, bytemuck::cast_slice(&pixels), depth as usize);
        for p in 0..100 {
            let found = (to[tile.index(0, 3 + p)], to[tile.index(1, 3 + p)]);
            assert_eq!(found, (p as u32 * depth + 5, p as u32 * depth));
        }
    }
}

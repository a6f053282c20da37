//! The tile: the only thing that travels between the stages of a run.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::simd::wide;

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

/// A number type that scenes store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the types")]
pub enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl SampleType {
    /// All of them.
    pub const ALL: [Self; 10] =
        [Self::U8, Self::I8, Self::U16, Self::I16, Self::U32, Self::I32, Self::U64, Self::I64, Self::F32, Self::F64];

    /// Whether f32 holds every value of this type.
    #[must_use]
    pub fn fits_f32(self) -> bool {
        matches!(self, Self::U8 | Self::I8 | Self::U16 | Self::I16 | Self::F32)
    }

    /// Bytes of one value.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The name as `info` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// A Rust type that scenes store, seen by the loops over pixels.
pub trait Sample: bytemuck::Pod + PartialEq + Send + Sync {
    /// The value as the kernels see it; 64-bit values are rounded to the nearest f32.
    fn to_f32(self) -> f32;
    /// The value in f64.
    fn to_f64(self) -> f64;
    /// Not NaN and not infinite; always true for integers.
    fn is_finite(self) -> bool;
    /// The value with the bytes reversed.
    #[must_use]
    fn swap(self) -> Self;
    /// A declared no-data value in this type; `None` when the type cannot hold it, so no sample equals it.
    fn nodata(declared: f64) -> Option<Self>;
}

macro_rules! integer_sample {
    ($($t:ty),*) => {$(
        #[expect(clippy::allow_attributes, reason = "which casts lose something depends on the type")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_lossless, clippy::cast_sign_loss, reason = "checked by the round trip, or documented as rounding")]
        impl Sample for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            fn is_finite(self) -> bool { true }
            fn swap(self) -> Self { self.swap_bytes() }
            fn nodata(declared: f64) -> Option<Self> {
                let value = declared as Self;
                (value as f64 == declared).then_some(value)
            }
        }
    )*};
}
integer_sample!(u8, i8, u16, i16, u32, i32, u64, i64);

macro_rules! float_sample {
    ($($t:ty),*) => {$(
        #[expect(clippy::allow_attributes, reason = "which casts lose something depends on the type")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "documented as rounding")]
        impl Sample for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            fn is_finite(self) -> bool { <$t>::is_finite(self) }
            fn swap(self) -> Self { Self::from_bits(self.to_bits().swap_bytes()) }
            // A header's decimal text is rounded to the type, as the writer rounded the value it stored.
            fn nodata(declared: f64) -> Option<Self> { Some(declared as Self) }
        }
    )*};
}
float_sample!(f32, f64);

/// Values of one tile in the scene's own type.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Samples {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Runs `$body` with `$values` bound to the typed vector (or slice) inside a [`Samples`].
#[macro_export]
macro_rules! with_samples {
    ($samples:expr, $values:ident => $body:expr) => {
        match $samples {
            $crate::tile::Samples::U8($values) => $body,
            $crate::tile::Samples::I8($values) => $body,
            $crate::tile::Samples::U16($values) => $body,
            $crate::tile::Samples::I16($values) => $body,
            $crate::tile::Samples::U32($values) => $body,
            $crate::tile::Samples::I32($values) => $body,
            $crate::tile::Samples::U64($values) => $body,
            $crate::tile::Samples::I64($values) => $body,
            $crate::tile::Samples::F32($values) => $body,
            $crate::tile::Samples::F64($values) => $body,
        }
    };
}

impl Samples {
    /// `len` zeros of the given type.
    #[must_use]
    pub fn zeros(sample_type: SampleType, len: usize) -> Self {
        match sample_type {
            SampleType::U8 => Self::U8(vec![0; len]),
            SampleType::I8 => Self::I8(vec![0; len]),
            SampleType::U16 => Self::U16(vec![0; len]),
            SampleType::I16 => Self::I16(vec![0; len]),
            SampleType::U32 => Self::U32(vec![0; len]),
            SampleType::I32 => Self::I32(vec![0; len]),
            SampleType::U64 => Self::U64(vec![0; len]),
            SampleType::I64 => Self::I64(vec![0; len]),
            SampleType::F32 => Self::F32(vec![0.0; len]),
            SampleType::F64 => Self::F64(vec![0.0; len]),
        }
    }

    /// The type of the values.
    #[must_use]
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I8(_) => SampleType::I8,
            Self::U16(_) => SampleType::U16,
            Self::I16(_) => SampleType::I16,
            Self::U32(_) => SampleType::U32,
            Self::I32(_) => SampleType::I32,
            Self::U64(_) => SampleType::U64,
            Self::I64(_) => SampleType::I64,
            Self::F32(_) => SampleType::F32,
            Self::F64(_) => SampleType::F64,
        }
    }

    /// The values as bytes of this machine's order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        with_samples!(self, v => bytemuck::cast_slice(v))
    }

    /// The values as writable bytes of this machine's order.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        with_samples!(self, v => bytemuck::cast_slice_mut(v))
    }

    /// Reverses the bytes of every value (for files of the other byte order).
    pub fn swap_bytes(&mut self) {
        with_samples!(self, v => v.iter_mut().for_each(|x| *x = x.swap()));
    }
}

/// Gains and offsets that turn stored values into physical ones: `value = stored · gain + offset`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One gain a band.
    pub gain: Vec<f64>,
    /// One offset a band, in physical units.
    pub offset: Vec<f64>,
}

impl Scaling {
    /// Gain 1 and offset 0 for `bands` bands.
    #[must_use]
    pub fn identity(bands: usize) -> Self {
        Self::uniform(bands, 1.0)
    }

    /// The same gain for all bands, offset 0.
    #[must_use]
    pub fn uniform(bands: usize, gain: f64) -> Self {
        Self { gain: vec![gain; bands], offset: vec![0.0; bands] }
    }

    /// Whether physical values are the stored ones.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.gain.iter().all(|&g| g == 1.0) && self.offset.iter().all(|&o| o == 0.0)
    }

    /// The same with a value subtracted in each band, in physical units.
    #[must_use]
    pub fn less(&self, shift: &[f64]) -> Self {
        let offset = self.offset.iter().zip(shift).map(|(o, s)| o - s).collect();
        Self { gain: self.gain.clone(), offset }
    }

    /// The scaling of the bands at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            gain: indices.iter().map(|&i| self.gain[i]).collect(),
            offset: indices.iter().map(|&i| self.offset[i]).collect(),
        }
    }
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
        let mut samples = std::mem::replace(&mut part.samples, Samples::U8(Vec::new()));
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
        let Samples::U16(mut values) = std::mem::replace(&mut tile.samples, Samples::U8(Vec::new())) else { panic!() };
        for band in 0..3 {
            for (first, last) in [(0, 47), (47, 60), (60, 141)] {
                let run: Vec<u16> = (first..last).map(|p| value(band, p)).collect();
                lay(&mut values, 3, band, first, &run);
            }
            assert!(tile.band(&values, band).enumerate().all(|(p, v)| *v == value(band, p)));
            assert_eq!(values[tile.index(band, 100)], value(band, 100));
        }
        tile.samples = Samples::U16(values);
        let part = tile.columns(5..45);
        let Samples::U16(values) = &part.samples else { panic!() };
        for (p, v) in part.band(values, 2).enumerate() {
            assert_eq!(*v, value(2, p / 40 * 47 + 5 + p % 40));
        }
    }

    #[test]
    fn an_integer_type_that_cannot_hold_the_fill_never_matches_it() {
        assert_eq!(<u16 as Sample>::nodata(-9999.0), None);
        assert_eq!(<i16 as Sample>::nodata(f64::NAN), None);
        assert_eq!(<i16 as Sample>::nodata(-9999.0), Some(-9999));
        assert_eq!(<f32 as Sample>::nodata(-1.23e34), Some(-1.23e34_f32));
    }
}

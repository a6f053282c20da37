//! Sums of pixels that do not depend on the order in which they come.
//!
//! GDAL's own checksum rounds numbers to integers, so that most scores between 0 and 1 look the same to it.

use std::ops::Range;

use gdal::Dataset;
use gdal::raster::{GdalDataType, GdalType};

use crate::simd::wide;
use crate::tile::Window;

/// The number of pixels of a band and a 64-bit sum over their places and bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    pixels: u64,
    sum: u64,
}

/// A value as bits.
pub(super) trait Bits: Copy {
    fn bits(self) -> u64;
}

impl Bits for u8 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.into()
    }
}

impl Bits for u16 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.into()
    }
}

impl Bits for f32 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Checksum {
    pub(super) fn pixels(self) -> u64 {
        self.pixels
    }

    /// Adds those of other pixels.
    pub(super) fn merge(&mut self, other: Self) {
        self.pixels += other.pixels;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// Adds the pixels of a window of a raster of `width` samples.
    pub(super) fn add<T: Bits>(&mut self, window: Window, width: usize, values: &[T]) {
        self.pixels += values.len() as u64;
        for (y, line) in (window.y..).zip(values.chunks_exact(window.width.max(1))) {
            let first = (y as u64) * (width as u64) + window.x as u64;
            let sum = wide(
                line,
                #[inline(always)]
                |line| {
                    let mixed = line.iter().enumerate().map(|(x, value)| mix(first + x as u64, value.bits()));
                    mixed.fold(0, u64::wrapping_add)
                },
            );
            self.sum = self.sum.wrapping_add(sum);
        }
    }
}

/// Spreads a place and a value over 64 bits (the finaliser of SplitMix64).
#[inline(always)]
fn mix(place: u64, bits: u64) -> u64 {
    let z = place.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(bits.wrapping_mul(0xD6E8_FEB8_6659_FD93));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The checksums of all bands of some lines, read block by block so that a pixel-interleaved tile is decoded once.
pub(super) fn of(
    dataset: &Dataset,
    kind: GdalDataType,
    lines: Range<usize>,
    block: usize,
) -> gdal::errors::Result<Vec<Checksum>> {
    match kind {
        GdalDataType::UInt8 => typed::<u8>(dataset, lines, block),
        GdalDataType::UInt16 => typed::<u16>(dataset, lines, block),
        _ => typed::<f32>(dataset, lines, block),
    }
}

fn typed<T: Bits + GdalType>(
    dataset: &Dataset,
    lines: Range<usize>,
    block: usize,
) -> gdal::errors::Result<Vec<Checksum>> {
    let (width, _) = dataset.raster_size();
    let mut sums = vec![Checksum::default(); dataset.raster_count()];
    let bands: Vec<_> = dataset.rasterbands().collect::<gdal::errors::Result<_>>()?;
    for y in lines.clone().step_by(block) {
        for x in (0..width).step_by(block) {
            let size = (block.min(width - x), block.min(lines.end - y));
            let window = Window { x, y, width: size.0, height: size.1 };
            for (sum, band) in sums.iter_mut().zip(&bands) {
                let values = band.read_as::<T>((x.try_into()?, y.try_into()?), size, size, None)?;
                sum.add(window, width, values.data());
            }
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_into_windows_does_not_matter_and_any_change_does() {
        let whole = Window { x: 0, y: 0, width: 4, height: 2 };
        let values = [1_u8, 2, 3, 4, 5, 6, 7, 8];
        let sum = |parts: &[(Window, &[u8])]| {
            let mut sum = Checksum::default();
            parts.iter().for_each(|(w, v)| sum.add(*w, 4, v));
            sum
        };
        let (left, right) = (Window { width: 1, ..whole }, Window { x: 1, width: 3, ..whole });
        let cut = sum(&[(right, &[2, 3, 4, 6, 7, 8]), (left, &[1, 5])]);
        assert_eq!(sum(&[(whole, &values)]), cut);
        let mut merged = sum(&[(right, &[2, 3, 4, 6, 7, 8])]);
        merged.merge(sum(&[(left, &[1, 5])]));
        assert_eq!(merged, cut);
        assert_ne!(sum(&[(whole, &[2, 1, 3, 4, 5, 6, 7, 8])]), cut);
        assert_ne!(sum(&[(whole, &[1, 2, 3, 4, 5, 6, 7, 9])]), cut);
    }
}

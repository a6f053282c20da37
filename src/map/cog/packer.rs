//! Tiles as a TIFF stores them: pixel by pixel, what is alike side by side, and compressed.

use std::io;

use bytemuck::Pod;
use gdal::raster::GdalType;
use libdeflater::{CompressionLvl, Compressor as Deflate};
use zstd::bulk::Compressor as Zstd;

use super::{lerc, runs};
use crate::map::checksum::Bits;
use crate::map::compression::Compression;
use crate::simd::wide;

/// How hard a codec tries. Scores hardly get smaller with more (a hundredth), and take half as long again.
const LEVEL: i32 = 1;

/// How the tiles of a raster are packed.
#[derive(Debug, Clone, Copy)]
pub(in crate::map) struct Packing {
    pub compression: Compression,
    /// Samples and lines of a tile.
    pub tile: (usize, usize),
    pub bands: usize,
    /// Whether values are numbers: these get a predictor, and may lose bits.
    pub numbers: bool,
    pub nodata: f64,
}

impl Packing {
    /// Whether what is read may differ from what was packed.
    pub(super) fn is_lossy(&self) -> bool {
        self.max_error().is_some()
    }

    fn max_error(&self) -> Option<f64> {
        self.compression.max_error().filter(|_| self.numbers)
    }
}

/// A value of a raster.
pub(in crate::map) trait Pixel: Pod + Bits + GdalType + PartialEq + Send + Sync {
    /// The value that stands for up to four: of classes the most frequent, of equally frequent ones the first; of numbers the
    /// mean. Those without data do not count; where all are, so is it.
    fn merged(values: &[Self], nodata: Self) -> Self;

    /// With the lowest byte first in memory.
    fn le(self) -> Self;
}

impl Pixel for u8 {
    fn merged(values: &[Self], nodata: Self) -> Self {
        most_frequent(values, nodata)
    }

    fn le(self) -> Self {
        self
    }
}

impl Pixel for u16 {
    fn merged(values: &[Self], nodata: Self) -> Self {
        most_frequent(values, nodata)
    }

    fn le(self) -> Self {
        self.to_le()
    }
}

impl Pixel for f32 {
    fn merged(values: &[Self], nodata: Self) -> Self {
        let (mut sum, mut count) = (0.0, 0);
        for &value in values.iter().filter(|v| **v != nodata) {
            sum += f64::from(value);
            count += 1;
        }
        if count == 0 { nodata } else { (sum / f64::from(count)) as f32 }
    }

    fn le(self) -> Self {
        Self::from_bits(self.to_bits().to_le())
    }
}

fn most_frequent<T: Copy + PartialEq>(values: &[T], nodata: T) -> T {
    if values.iter().all(|v| *v == values[0]) {
        return values[0];
    }
    let (mut best, mut most) = (nodata, 0);
    for (i, &value) in values.iter().enumerate().filter(|(_, v)| **v != nodata) {
        let count = values[i..].iter().filter(|v| **v == value).count();
        if count > most {
            (best, most) = (value, count);
        }
    }
    best
}

/// What packs tiles one after the other.
pub(super) struct Packer<T> {
    packing: Packing,
    codec: Codec,
    /// A row of pixels, and its bytes with all first ones before all second ones.
    row: Vec<T>,
    planes: Vec<u8>,
    /// A tile before it is compressed, and after.
    raw: Vec<u8>,
    packed: Vec<u8>,
}

enum Codec {
    Deflate(Deflate),
    /// Deflate too.
    Runs,
    Zstd(Zstd<'static>),
    Lerc(f64),
}

impl<T: Pixel> Packer<T> {
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new(packing: Packing) -> io::Result<Self> {
        let codec = match (packing.compression, packing.max_error()) {
            (Compression::Zstd, _) => Codec::Zstd(Zstd::new(LEVEL)?),
            (_, Some(max_error)) => Codec::Lerc(max_error),
            _ if packing.numbers => Codec::Runs,
            _ => Codec::Deflate(Deflate::new(CompressionLvl::new(LEVEL).unwrap_or_default())),
        };
        Ok(Self { packing, codec, row: Vec::new(), planes: Vec::new(), raw: Vec::new(), packed: Vec::new() })
    }

    /// Packs the values of all bands of a tile; of what loses bits also gives the values that a reader will find.
    ///
    /// # Errors
    /// When a library fails at it, or values err by more than they may.
    pub(super) fn pack(&mut self, values: &[T]) -> io::Result<(Vec<u8>, Option<Vec<T>>)> {
        let Packing { tile, bands, nodata, .. } = self.packing;
        if !self.packing.is_lossy() {
            self.interleave(values);
        }
        let Self { codec, raw, packed, .. } = self;
        match codec {
            Codec::Lerc(max_error) => {
                return lerc::pack(values, tile, bands, *max_error, nodata).map(|(bytes, kept)| (bytes, Some(kept)));
            }
            Codec::Zstd(zstd) => return Ok((zstd.compress(raw)?, None)),
            Codec::Deflate(deflate) => {
                packed.resize(deflate.zlib_compress_bound(raw.len()), 0);
                let length = deflate.zlib_compress(raw, packed).map_err(|e| io::Error::other(e.to_string()))?;
                packed.truncate(length);
            }
            Codec::Runs => runs::deflate(raw, packed),
        }
        Ok((packed.clone(), None))
    }

    /// Lays all bands of each pixel side by side, rows of numbers as what they differ by (predictor 3 of Adobe's Technical
    /// Note 3): their bytes, all highest ones first, less those of the pixel before.
    fn interleave(&mut self, values: &[T]) {
        let Self { packing: Packing { tile: (samples, lines), bands, numbers, .. }, row, planes, raw, .. } = self;
        let (samples, lines, bands) = (*samples, *lines, *bands);
        row.resize(samples * bands, T::zeroed());
        raw.clear();
        for line in 0..lines {
            for band in 0..bands {
                let from = &values[(band * lines + line) * samples..][..samples];
                row.iter_mut().skip(band).step_by(bands).zip(from).for_each(|(to, value)| *to = value.le());
            }
            let bytes: &[u8] = bytemuck::cast_slice(row);
            if !*numbers {
                raw.extend_from_slice(bytes);
                continue;
            }
            planes.resize(bytes.len(), 0);
            wide(
                (bytes, &mut planes[..]),
                #[inline(always)]
                |(bytes, planes)| split(bytes, planes),
            );
            raw.extend_from_slice(&planes[..bands]);
            raw.extend(planes[bands..].iter().zip(&*planes).map(|(byte, before)| byte.wrapping_sub(*before)));
        }
    }
}

/// Lays the bytes of 32-bit values, the lowest of each first, so that all highest ones come first.
#[inline(always)]
fn split(values: &[u8], planes: &mut [u8]) {
    let (values, _) = values.as_chunks::<4>();
    for (k, plane) in planes.chunks_exact_mut(values.len().max(1)).enumerate() {
        plane.iter_mut().zip(values).for_each(|(byte, value)| *byte = value[3 - k]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_counts_only_where_there_is_nothing_else() {
        assert_eq!(u8::merged(&[255, 255, 255, 3], 255), 3);
        assert_eq!(u16::merged(&[65_535; 4], 65_535), 65_535);
        assert_eq!(u8::merged(&[2, 5, 5, 2], 255), 2, "the first of equals");
        assert_eq!(u16::merged(&[7, 300, 300], 65_535), 300);
        assert_eq!(f32::merged(&[1.0, -9999.0, 2.0, -9999.0], -9999.0), 1.5);
        assert_eq!(f32::merged(&[-9999.0; 2], -9999.0), -9999.0);
    }
}

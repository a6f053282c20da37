//! A unit's pixels as differences from a provisional mean, in f64: what devices multiply and sum.
//!
//! Satellite scenes have condition numbers of 1e6 to 1e7. A covariance summed in f32 is then useless: its smallest
//! directions drown in the rounding of the largest. Differences from a mean close to the true one lose nothing to
//! cancellation; the CPU sums their products in f64, and a GPU, which has no f64, as integers of 30 bits, exactly
//! ([`Differences::quantised`]). Both are summed within a unit in one fixed order, so the bits of a backend's statistics
//! depend on nothing but the scene.

use std::ops::Range;

use super::units::Unit;
use crate::simd::wide;
use crate::tile::{Sample, Scaling, Tile};
use crate::with_samples;

/// Pixels of a band are padded to a multiple of this.
const ALIGN: usize = 16;
/// Bits of the largest magnitude of a quantised value.
const BITS: i32 = 29;
/// Differences below this are zero, in reflectance: products of smaller steps would underflow.
const SMALLEST: f64 = 1e-100;
/// 1.5·2^52: added to a number below 2^51, it leaves its rounded integer in the low bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// A unit's differences from the provisional mean.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Differences {
    /// Number of pixels that count.
    pub count: u64,
    /// Number of bands.
    pub bands: usize,
    /// Distance between bands in `values`: the pixels of the unit, rounded up.
    pub stride: usize,
    /// `[band][stride]`, in reflectance; 0 where a pixel does not count, and in the padding.
    pub values: Vec<f64>,
}

/// Differences as integers.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    /// What one step of a band is, in reflectance: a power of two.
    pub step: Vec<f64>,
    /// `[band][stride]`: of a magnitude of at most 2^29.
    pub values: Vec<i32>,
}

/// What is summed of a tile: its pixels that count and hold data, as differences from a provisional mean.
#[derive(Debug, Clone, Copy)]
pub struct Summands<'a> {
    /// The tile.
    pub tile: &'a Tile,
    /// One flag a pixel of the tile, false for pixels outside the background. Pixels of no data do not count either.
    pub counts: &'a [bool],
    /// The stored value that means no data.
    pub nodata: Option<f64>,
    /// Makes differences of what is stored: [`Scaling::less`] the provisional mean.
    pub scaling: &'a Scaling,
}

impl Summands<'_> {
    /// Writes the differences of a unit's pixels in place of others: unit after unit in memory that is there.
    pub fn write_differences(&self, unit: &Unit, to: &mut Differences) {
        let Self { tile, scaling, .. } = *self;
        let stride = unit.window.pixels().next_multiple_of(ALIGN);
        (to.bands, to.stride) = (tile.bands, stride);
        to.values.resize(tile.bands * stride, 0.0);
        to.count = with_samples!(&tile.samples, samples => wide(
            &mut to.values[..],
            #[inline(always)]
            |values| {
                let (mut at, mut count) = (0, 0);
                for run in unit.runs(tile) {
                    let counts = self.counting(&run);
                    count += counts.iter().filter(|c| **c).count() as u64;
                    for band in 0..tile.bands {
                        let column = &samples[tile.index(band, run.start)..][..run.len()];
                        let out = &mut values[band * stride + at..][..run.len()];
                        subtract(column, &counts, scaling.gain[band], scaling.offset[band], out);
                    }
                    at += run.len();
                }
                // There may be others' in the padding.
                values.chunks_exact_mut(stride).for_each(|band| band[at..].fill(0.0));
                count
            }
        ));
    }

    /// Which pixels of a run within a group count and hold data. Found out where they are summed: by then their values are
    /// in the cache.
    pub(crate) fn counting(&self, run: &Range<usize>) -> Vec<bool> {
        let (first, mut valid) = (run.start / Tile::GROUP * Tile::GROUP, Vec::new());
        self.tile.valid_in(first..run.end, self.nodata, &mut valid);
        let counts = self.counts[run.clone()].iter().zip(&valid[run.start - first..]);
        counts.map(|(counts, valid)| counts & valid).collect()
    }
}

#[inline(always)]
fn subtract<T: Sample>(values: &[T], counts: &[bool], gain: f64, shift: f64, out: &mut [f64]) {
    for ((out, value), &counts) in out.iter_mut().zip(values).zip(counts) {
        let difference = value.to_f64() * gain + shift;
        *out = if counts { difference } else { 0.0 };
    }
}

/// The largest magnitude, of a multiple of [`ALIGN`] values.
fn largest(values: &[f64]) -> f64 {
    let lanes = wide(
        values,
        #[inline(always)]
        |values| {
            // The closure's own, so that they stay in registers.
            let mut lanes = [0.0; ALIGN];
            for chunk in values.as_chunks::<ALIGN>().0 {
                for (lane, v) in lanes.iter_mut().zip(chunk) {
                    *lane = if v.abs() > *lane { v.abs() } else { *lane };
                }
            }
            lanes
        },
    );
    lanes.into_iter().fold(0.0, f64::max)
}

impl Differences {
    /// Σ d of every band, in sixteen interleaved partial sums on every processor.
    #[must_use]
    pub fn sums(&self) -> Vec<f64> {
        let sum = |values: &[f64]| {
            let mut lanes = [0.0; ALIGN];
            for chunk in values.chunks_exact(ALIGN) {
                lanes.iter_mut().zip(chunk).for_each(|(lane, v)| *lane += v);
            }
            lanes.iter().sum()
        };
        self.values.chunks_exact(self.stride).map(sum).collect()
    }

    /// Rounds every band to a grid of 2^29 steps to its largest magnitude (block floating point).
    ///
    /// Products of two such integers, and sums of 2,048 of them, are exact in the integer arithmetic of any device. The
    /// grid is finer than the f32 that reflectance is stored in; its rounding adds less than 1e-17 of a band's variance.
    #[must_use]
    pub fn quantised(&self) -> Quantised {
        let mut out = Quantised { step: vec![1.0; self.bands], values: vec![0; self.values.len()] };
        let bands = self.values.chunks_exact(self.stride).zip(out.values.chunks_exact_mut(self.stride));
        for ((values, integers), step) in bands.zip(&mut out.step) {
            let largest = largest(values);
            if largest < SMALLEST {
                continue;
            }
            // Exponent e with 2^e <= largest < 2^(e+1), from the bits: largest is normal.
            let exponent = ((largest.to_bits() >> 52) & 0x7ff) as i32 - 1023;
            *step = 2.0_f64.powi(exponent + 1 - BITS);
            let inverse = 1.0 / *step;
            wide(
                integers,
                #[inline(always)]
                |integers| {
                    let rounded = |v: f64| (v * inverse + ROUNDING).to_bits() as i32;
                    integers.iter_mut().zip(values).for_each(|(integer, &v)| *integer = rounded(v));
                },
            );
        }
        out
    }
}

impl Quantised {
    /// The integers of each band.
    pub fn bands(&self) -> std::slice::ChunksExact<'_, i32> {
        self.values.chunks_exact(self.values.len() / self.step.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::units::Units;
    use crate::tile::{SampleType, Samples, Window};

    #[test]
    fn differences_are_of_the_pixels_that_count() {
        let window = Window { x: 3, y: 0, width: 5, height: 4 };
        let mut tile = Tile::zeros(window, 2, SampleType::F32);
        let Samples::F32(v) = &mut tile.samples else { panic!("f32") };
        for p in 0..20 {
            (v[p], v[Tile::GROUP + p]) = (0.3 + 0.01 * p as f32, 7.0);
        }
        v[11] = f32::NAN;
        let mut counts = vec![true; 20];
        (counts[11], counts[12]) = (true, false);
        let place = Units::new(4, 9, None).within(Window { x: 0, y: 0, width: 9, height: 4 }).unwrap()[0].place;
        let unit = Unit { place, window: Window { x: 4, y: 1, width: 3, height: 3 } };
        let scaling = Scaling::identity(2).less(&[0.4, 7.0]);
        let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling };
        let mut found = Differences::default();
        summands.write_differences(&unit, &mut found);
        let Samples::F32(v) = &tile.samples else { panic!("f32") };
        let pixels = (1..4).flat_map(|y| (1..4).map(move |x| y * 5 + x));
        let expected: Vec<f64> =
            pixels.map(|p| if counts[p] && p != 11 { f64::from(v[p]) - 0.4 } else { 0.0 }).chain([0.0; 7]).collect();
        assert_eq!((found.count, found.stride), (7, 16));
        assert_eq!(found.values[..16], expected);
        assert!((found.sums()[0] - expected.iter().sum::<f64>()).abs() < 1e-15 && found.sums()[1] == 0.0);
        let mut others = Differences { count: 9, bands: 5, stride: 48, values: vec![7.0; 240] };
        summands.write_differences(&unit, &mut others);
        assert_eq!(others, found);
    }

    #[test]
    fn the_grid_is_the_finest_that_holds_the_largest() {
        for largest in [1e-90, 0.3, 0.5, 1.0, 1.0 - 1e-16, 3e38] {
            let mut values = vec![0.0; 32];
            (values[0], values[1], values[2]) = (-largest, largest / 3.0, largest * 1e-12);
            let found = Differences { count: 3, bands: 2, stride: 16, values: values.clone() };
            let q = found.quantised();
            let steps = i64::from(q.values[0]).abs();
            assert!((1 << (BITS - 1)..=1 << BITS).contains(&steps), "{largest}: {steps}");
            for (integer, value) in q.values.iter().zip(&values).take(16) {
                assert!((f64::from(*integer) * q.step[0] - value).abs() <= q.step[0] / 2.0);
            }
            assert_eq!((q.step[1], &q.values[16..]), (1.0, &[0; 16][..]), "a band without differences");
        }
    }
}

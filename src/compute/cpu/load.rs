//! Loading: groups of a tile's pixels become groups in f32, `[group][band][WIDTH]`.

use std::hint::black_box;

use super::project::{Row, WIDTH};
use crate::simd::wide;
use crate::tile::{Sample, Scaling, Tile};
use crate::with_samples;

/// Copies the pixels from `first` on, as they are stored. For types that f32 holds.
pub(super) fn stored(tile: &Tile, first: usize, out: &mut [f32]) {
    with_samples!(&tile.samples, values => wide(
        out,
        #[inline(always)]
        |out| {
            // A loop, as `for_each` may be compiled apart, for narrow registers.
            for (row, values) in out.as_chunks_mut().0.iter_mut().zip(values[first * tile.bands..].as_chunks().0) {
                to_f32(values, row);
            }
        }
    ));
}

#[inline(always)]
fn to_f32<T: Sample>(values: &[T; WIDTH], row: &mut Row) {
    for lane in 0..WIDTH {
        row[lane] = values[lane].to_f32();
    }
}

/// The value that means no data in the tile's type, as f32; `None` when the type cannot hold it.
pub(super) fn nodata(tile: &Tile, declared: Option<f64>) -> Option<f32> {
    fn of<T: Sample>(_: &[T], declared: f64) -> Option<f32> {
        T::nodata(declared).map(T::to_f32)
    }
    declared.and_then(|declared| with_samples!(&tile.samples, values => of(values, declared)))
}

/// Scales stored values in f64 and rounds once, as 16-bit values with a gain have one right f32.
pub(super) fn scale(stored: &[f32], scaling: &Scaling, out: &mut [f32]) {
    let bands = scaling.gain.len();
    // A compiler that knows the width unrolls a row, and gathers values of several bands into a register.
    let width = black_box(WIDTH);
    wide(
        out,
        #[inline(always)]
        |out| {
            for (stored, out) in stored.chunks_exact(width * bands).zip(out.chunks_exact_mut(width * bands)) {
                let rows = out.chunks_exact_mut(width).zip(stored.chunks_exact(width));
                for ((out, stored), (&gain, &offset)) in rows.zip(scaling.gain.iter().zip(&scaling.offset)) {
                    for (out, &stored) in out.iter_mut().zip(stored) {
                        *out = (f64::from(stored) * gain + offset) as f32;
                    }
                }
            }
        },
    );
}

/// Loads and scales in one: for stored values that f32 does not hold.
pub(super) fn scaled(tile: &Tile, first: usize, scaling: &Scaling, out: &mut [f32]) {
    with_samples!(&tile.samples, values => {
        let rows = out.chunks_exact_mut(WIDTH).zip(values[first * tile.bands..].chunks_exact(WIDTH));
        for (row, (out, values)) in rows.enumerate() {
            let (gain, offset) = (scaling.gain[row % tile.bands], scaling.offset[row % tile.bands]);
            out.iter_mut().zip(values).for_each(|(out, value)| *out = (value.to_f64() * gain + offset) as f32);
        }
    });
}

/// Loads stored values in f64, into the first places of rows of `length`.
pub(super) fn rows(tile: &Tile, first: usize, length: usize, rows: &mut [f64]) {
    with_samples!(&tile.samples, values => {
        for (pixel, row) in rows.chunks_exact_mut(length).enumerate() {
            let column = values[tile.index(0, first + pixel)..].iter().step_by(WIDTH);
            row[..tile.bands].iter_mut().zip(column).for_each(|(to, v)| *to = v.to_f64());
        }
    });
}

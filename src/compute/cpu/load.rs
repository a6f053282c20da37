//! Loading: groups of a tile's pixels become groups in f32, `[group][band][WIDTH]`.

use super::project::{Row, WIDTH};
use crate::methods::SEGMENT;
use crate::simd::wide;
use crate::tile::{Sample, Scaling, Tile};
use crate::with_samples;

/// Copies the pixels from `first` on, as they are stored. For types that f32 holds.
pub(super) fn stored(tile: &Tile, first: usize, out: &mut [f32]) {
    with_samples!(&tile.samples, values => wide(
        out,
        #[inline(always)]
        |out| {
            let rows = out.as_chunks_mut::<WIDTH>().0.iter_mut();
            rows.zip(values[first * tile.bands..].as_chunks().0).for_each(|(row, values)| to_f32(values, row));
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

/// Scales stored values in f64 and rounds once, as 16-bit values with a gain have one right f32; and sums their squares.
pub(super) fn scale(stored: &[f32], scaling: &Scaling, out: &mut [f32], squares: &mut [f32]) {
    let bands = scaling.gain.len();
    let groups = stored.chunks_exact(WIDTH * bands).zip(out.chunks_exact_mut(WIDTH * bands));
    for ((stored, out), squares) in groups.zip(squares.as_chunks_mut().0) {
        wide(
            (out, squares),
            #[inline(always)]
            |(out, squares)| scale_group(stored.as_chunks().0, scaling, out.as_chunks_mut().0, squares),
        );
    }
}

#[inline(always)]
fn scale_group(stored: &[Row], scaling: &Scaling, out: &mut [Row], squares: &mut Row) {
    let factors = scaling.gain.chunks(SEGMENT).zip(scaling.offset.chunks(SEGMENT));
    *squares = [0.0; WIDTH];
    for ((gain, offset), (out, stored)) in factors.zip(out.chunks_mut(SEGMENT).zip(stored.chunks(SEGMENT))) {
        let mut sums = [0.0; WIDTH];
        for band in 0..gain.len() {
            for lane in 0..WIDTH {
                out[band][lane] = (f64::from(stored[band][lane]) * gain[band] + offset[band]) as f32;
                sums[lane] += out[band][lane] * out[band][lane];
            }
        }
        (0..WIDTH).for_each(|lane| squares[lane] += sums[lane]);
    }
}

/// Loads and scales in one: for stored values that f32 does not hold.
pub(super) fn scaled(tile: &Tile, first: usize, scaling: &Scaling, out: &mut [f32], squares: &mut [f32]) {
    squares.fill(0.0);
    with_samples!(&tile.samples, values => {
        let rows = out.chunks_exact_mut(WIDTH).zip(values[first * tile.bands..].chunks_exact(WIDTH));
        for (row, (out, values)) in rows.enumerate() {
            let (group, band) = (row / tile.bands, row % tile.bands);
            let squares = &mut squares[group * WIDTH..][..WIDTH];
            for ((out, value), square) in out.iter_mut().zip(values).zip(squares) {
                *out = (value.to_f64() * scaling.gain[band] + scaling.offset[band]) as f32;
                *square += *out * *out;
            }
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

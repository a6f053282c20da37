//! Packing: a stretch of a band-major tile becomes scaled f32 pixels, one after the other.

use crate::tile::{Sample, Scaling, Tile};
use crate::with_samples;

/// Bands and pixels are turned in squares of this size, so that both sides stay in the first-level cache.
const SQUARE: usize = 16;

/// Writes pixels `start..start + count` of the tile to `out` as `[pixel][band]`.
///
/// The scaling is applied in f64 and rounded once: 16-bit values with a gain have one right f32.
pub(super) fn pack(tile: &Tile, start: usize, count: usize, scaling: &Scaling, out: &mut [f32]) {
    with_samples!(&tile.samples, values => pulp::Arch::new().dispatch(
        #[inline(always)]
        || transpose(values, tile.stride, tile.bands, start, count, scaling, out)
    ));
}

#[inline(always)]
fn transpose<T: Sample>(
    values: &[T],
    stride: usize,
    bands: usize,
    start: usize,
    count: usize,
    scaling: &Scaling,
    out: &mut [f32],
) {
    let plain = scaling.gain.iter().all(|&g| g == 1.0) && scaling.offset.iter().all(|&o| o == 0.0);
    for first_band in (0..bands).step_by(SQUARE) {
        let width = SQUARE.min(bands - first_band);
        for first in (0..count).step_by(SQUARE) {
            let height = SQUARE.min(count - first);
            for band in first_band..first_band + width {
                let column = &values[band * stride + start + first..][..height];
                let (gain, offset) = (scaling.gain[band], scaling.offset[band]);
                let rows = out[first * bands + band..].iter_mut().step_by(bands);
                if plain {
                    rows.zip(column).for_each(|(o, v)| *o = v.to_f32());
                } else {
                    rows.zip(column).for_each(|(o, v)| *o = (v.to_f64() * gain + offset) as f32);
                }
            }
        }
    }
}

//! Packing: a stretch of a band-major tile becomes scaled pixels, one after the other.

use super::project::WIDTH;
use crate::tile::{Sample, Scaling, Tile};
use crate::with_samples;

/// Bands and pixels are turned in squares of this size, so that both sides stay in the first-level cache.
const SQUARE: usize = 16;

/// What pixels are packed as.
pub(super) trait Value: Copy + Send {
    /// A stored value.
    fn stored(value: impl Sample) -> Self;
    /// A scaled one, rounded once.
    fn scaled(value: f64) -> Self;
}

impl Value for f32 {
    #[inline(always)]
    fn stored(value: impl Sample) -> Self {
        value.to_f32()
    }
    #[inline(always)]
    fn scaled(value: f64) -> Self {
        value as Self
    }
}

impl Value for f64 {
    #[inline(always)]
    fn stored(value: impl Sample) -> Self {
        value.to_f64()
    }
    #[inline(always)]
    fn scaled(value: f64) -> Self {
        value
    }
}

/// Writes pixels `start..start + count` of the tile to `out` as `[pixel][row]`, the bands in the first places of a row.
///
/// The scaling is applied in f64 and rounded once: 16-bit values with a gain have one right f32.
pub(super) fn pack<V: Value>(tile: &Tile, start: usize, count: usize, scaling: &Scaling, row: usize, out: &mut [V]) {
    with_samples!(&tile.samples, values => pulp::Arch::new().dispatch(
        #[inline(always)]
        || transpose(values, tile, start, count, scaling, row, out)
    ));
}

#[inline(always)]
fn transpose<T: Sample, V: Value>(
    values: &[T],
    tile: &Tile,
    start: usize,
    count: usize,
    scaling: &Scaling,
    row: usize,
    out: &mut [V],
) {
    let plain = scaling.gain.iter().all(|&g| g == 1.0) && scaling.offset.iter().all(|&o| o == 0.0);
    for first_band in (0..tile.bands).step_by(SQUARE) {
        let width = SQUARE.min(tile.bands - first_band);
        for first in (0..count).step_by(SQUARE) {
            let height = SQUARE.min(count - first);
            for band in first_band..first_band + width {
                let column = &values[band * tile.stride + start + first..][..height];
                let (gain, offset) = (scaling.gain[band], scaling.offset[band]);
                let rows = out[first * row + band..].iter_mut().step_by(row);
                if plain {
                    rows.zip(column).for_each(|(o, v)| *o = V::stored(*v));
                } else {
                    rows.zip(column).for_each(|(o, v)| *o = V::scaled(v.to_f64() * gain + offset));
                }
            }
        }
    }
}

/// Turns `[pixel][feature]` into groups of [`WIDTH`] pixels, `[group][feature][WIDTH]`; the last may be padded with whatever
/// stood there.
pub(super) fn group(rows: &[f32], features: usize, count: usize, groups: &mut [f32]) {
    for (rows, group) in
        rows[..count * features].chunks(WIDTH * features).zip(groups.chunks_exact_mut(WIDTH * features))
    {
        for first in (0..features).step_by(SQUARE) {
            let width = SQUARE.min(features - first);
            for (pixel, row) in rows.chunks_exact(features).enumerate() {
                let column = group[first * WIDTH + pixel..].iter_mut().step_by(WIDTH);
                column.zip(&row[first..][..width]).for_each(|(to, &from)| *to = from);
            }
        }
    }
}

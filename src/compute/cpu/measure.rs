//! Which pixels of a block are data, seen in the sum of their squares.

use pulp::{Simd, WithSimd};

use super::project::{Row, WIDTH};
use crate::methods::SEGMENT;
use crate::simd::run;

/// A sum of squares in this range was neither zero nor overflowed nor made of NaN.
const ORDINARY: std::ops::Range<f32> = 1e-30..1e30;

/// Sums the squares of stored values, `[group][band][WIDTH]`, and tells which pixels are data: none of the bands `nodata`,
/// NaN or infinite, and not all of them zero.
pub(super) fn measure(stored: &[f32], bands: usize, nodata: Option<f32>, squares: &mut [f32], valid: &mut [bool]) {
    let outputs = squares.as_chunks_mut::<WIDTH>().0.iter_mut().zip(valid.as_chunks_mut::<WIDTH>().0);
    for (group, (squares, valid)) in stored.chunks_exact(WIDTH * bands).zip(outputs) {
        let mut filled = [0.0; WIDTH];
        run(Measure { group, nodata, squares, filled: &mut filled });
        for lane in 0..WIDTH {
            valid[lane] = filled[lane] == 0.0 && (ORDINARY.contains(&squares[lane]) || is_data(&group[lane..]));
        }
    }
}

/// The careful look at a pixel, given its column of the group.
fn is_data(column: &[f32]) -> bool {
    let mut values = column.iter().step_by(WIDTH);
    values.clone().all(|v| v.is_finite()) && values.any(|v| *v != 0.0)
}

struct Measure<'a> {
    group: &'a [f32],
    nodata: Option<f32>,
    squares: &'a mut Row,
    /// Not 0 where a band is `nodata`.
    filled: &'a mut Row,
}

impl WithSimd for Measure<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.in_vectors::<S, 2>(simd),
            8 => self.in_vectors::<S, 4>(simd),
            4 => self.in_vectors::<S, 8>(simd),
            _ => self.in_vectors::<S, WIDTH>(simd),
        }
    }
}

impl Measure<'_> {
    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let nodata = simd.splat_f32s(self.nodata.unwrap_or_default());
        let (mut squares, mut filled) = ([zero; V], [zero; V]);
        for segment in S::as_simd_f32s(self.group).0.as_chunks::<V>().0.chunks(SEGMENT) {
            let mut sums = [zero; V];
            for x in segment {
                for v in 0..V {
                    // Fused on every processor, as scores come of it.
                    sums[v] = simd.mul_add_f32s(x[v], x[v], sums[v]);
                }
                if self.nodata.is_some() {
                    for v in 0..V {
                        filled[v] = simd.select_f32s(simd.equal_f32s(x[v], nodata), one, filled[v]);
                    }
                }
            }
            (0..V).for_each(|v| squares[v] = simd.add_f32s(squares[v], sums[v]));
        }
        S::as_mut_simd_f32s(self.squares).0.copy_from_slice(&squares);
        S::as_mut_simd_f32s(self.filled).0.copy_from_slice(&filled);
    }
}

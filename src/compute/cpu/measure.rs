//! What the sums of a pixel tell: its length, its product with the targets' centre, and whether it is data.

use pulp::{Simd, WithSimd};

use super::project::{Row, WIDTH};
use crate::simd::run;

/// A sum of squares in this range was neither zero nor overflowed nor made of NaN.
const ORDINARY: std::ops::Range<f32> = 1e-30..1e30;

/// Values that are summed before the sum is added, without error, to those before.
const SEGMENT: usize = 8;

/// Tells which pixels of groups of stored values, `[group][band][WIDTH]`, are data: none of the bands `nodata`, NaN or
/// infinite, and not all of them zero. `squares` are the sums of their squares.
pub(super) fn data(stored: &[f32], bands: usize, nodata: Option<f32>, squares: &[f64], valid: &mut [bool]) {
    let pixels = squares.chunks_exact(WIDTH).zip(valid.chunks_exact_mut(WIDTH));
    for (group, (squares, valid)) in stored.chunks_exact(WIDTH * bands).zip(pixels) {
        let mut filled = [0.0; WIDTH];
        if let Some(nodata) = nodata {
            run(Filled { group, nodata, filled: &mut filled });
        }
        let is_filled = |lane: usize| filled[lane] != 0.0;
        for lane in 0..WIDTH {
            valid[lane] = !is_filled(lane) & ORDINARY.contains(&(squares[lane] as f32));
        }
        for lane in 0..WIDTH {
            valid[lane] |= !valid[lane] && !is_filled(lane) && is_data(&group[lane..]);
        }
    }
}

/// The careful look at a pixel, given its column of the group.
fn is_data(column: &[f32]) -> bool {
    let mut values = column.iter().step_by(WIDTH);
    values.clone().all(|v| v.is_finite()) && values.any(|v| *v != 0.0)
}

/// Marks pixels with a band that is `nodata`.
struct Filled<'a> {
    group: &'a [f32],
    nodata: f32,
    filled: &'a mut Row,
}

impl WithSimd for Filled<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (nodata, one) = (simd.splat_f32s(self.nodata), simd.splat_f32s(1.0));
        let filled = S::as_mut_simd_f32s(self.filled).0;
        for row in S::as_simd_f32s(self.group).0.chunks_exact(WIDTH / S::F32_LANES) {
            for (filled, &x) in filled.iter_mut().zip(row) {
                *filled = simd.select_f32s(simd.equal_f32s(x, nodata), one, *filled);
            }
        }
    }
}

/// Sums the squares of the values of groups, `[group][band][WIDTH]`, and their products with `centre` if that is not empty,
/// good to 1e-8.
pub(super) fn sums(values: &[f32], bands: usize, centre: &[f32], squares: &mut [f64], bases: &mut [f64]) {
    let pixels = squares.chunks_exact_mut(WIDTH).zip(bases.chunks_exact_mut(WIDTH));
    for (group, (squares, bases)) in values.chunks_exact(WIDTH * bands).zip(pixels) {
        let mut sums = [[0.0; WIDTH]; 4];
        run(Sums { group, centre, sums: &mut sums });
        for lane in 0..WIDTH {
            squares[lane] = f64::from(sums[0][lane]) + f64::from(sums[1][lane]);
            bases[lane] = f64::from(sums[2][lane]) + f64::from(sums[3][lane]);
        }
    }
}

struct Sums<'a> {
    group: &'a [f32],
    centre: &'a [f32],
    /// Squares, what these lost to rounding, products with the centre, and what those lost.
    sums: &'a mut [Row; 4],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES, self.centre.is_empty()) {
            (16, true) => self.in_vectors::<S, 2, false>(simd),
            (16, false) => self.in_vectors::<S, 2, true>(simd),
            (8, true) => self.in_vectors::<S, 4, false>(simd),
            (8, false) => self.in_vectors::<S, 4, true>(simd),
            (4, true) => self.in_vectors::<S, 8, false>(simd),
            (4, false) => self.in_vectors::<S, 8, true>(simd),
            (_, true) => self.in_vectors::<S, WIDTH, false>(simd),
            (_, false) => self.in_vectors::<S, WIDTH, true>(simd),
        }
    }
}

impl Sums<'_> {
    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize, const CENTRED: bool>(self, simd: S) {
        let mut totals = [[simd.splat_f32s(0.0); V]; 4];
        let (segments, rest) = S::as_simd_f32s(self.group).0.as_chunks::<V>().0.as_chunks::<SEGMENT>();
        let centres = self.centre.as_chunks::<SEGMENT>().0;
        // Of whole segments the compiler knows the length.
        for (i, rows) in segments.iter().enumerate() {
            let centre: &[f32] = if CENTRED { &centres[i] } else { &[] };
            add_segment::<S, V, CENTRED>(simd, rows, centre, &mut totals);
        }
        let centre = if CENTRED { &self.centre[segments.len() * SEGMENT..] } else { &[] };
        add_segment::<S, V, CENTRED>(simd, rest, centre, &mut totals);
        for (out, totals) in self.sums.iter_mut().zip(&totals) {
            S::as_mut_simd_f32s(out).0.copy_from_slice(totals);
        }
    }
}

/// Adds a segment's sums of squares and of products with its part of the centre to the totals, [`Sums::sums`].
#[inline(always)]
fn add_segment<S: Simd, const V: usize, const CENTRED: bool>(
    simd: S,
    rows: &[[S::f32s; V]],
    centre: &[f32],
    totals: &mut [[S::f32s; V]; 4],
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; 2];
    for (i, x) in rows.iter().enumerate() {
        // Fused on every processor, as scores come of it.
        (0..V).for_each(|v| sums[0][v] = simd.mul_add_f32s(x[v], x[v], sums[0][v]));
        if CENTRED {
            let centre = simd.splat_f32s(centre[i]);
            (0..V).for_each(|v| sums[1][v] = simd.mul_add_f32s(x[v], centre, sums[1][v]));
        }
    }
    for (of, sums) in sums.iter().enumerate() {
        for v in 0..V {
            let (total, lost) = add(simd, totals[2 * of][v], sums[v]);
            totals[2 * of][v] = total;
            totals[2 * of + 1][v] = simd.add_f32s(totals[2 * of + 1][v], lost);
        }
    }
}

/// The sum of two numbers, and what rounding took from it (Knuth 1997, The Art of Computer Programming 2, section 4.2.2).
#[inline(always)]
fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> (S::f32s, S::f32s) {
    let sum = simd.add_f32s(a, b);
    let of_b = simd.sub_f32s(sum, a);
    let of_a = simd.sub_f32s(sum, of_b);
    (sum, simd.add_f32s(simd.sub_f32s(a, of_a), simd.sub_f32s(b, of_b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_good_to_eight_digits() {
        let bands = 285;
        let value = |i: usize| 0.1 + (i * 7919 % 1000) as f32 / 1234.5;
        let group: Vec<f32> = (0..bands * WIDTH).map(value).collect();
        let centre: Vec<f32> = (0..bands).map(|b| value(3 * b + 1) / 17.0).collect();
        let (mut squares, mut bases) = ([0.0; WIDTH], [0.0; WIDTH]);
        sums(&group, bands, &centre, &mut squares, &mut bases);
        for lane in 0..WIDTH {
            let column = || group[lane..].iter().step_by(WIDTH).map(|&v| f64::from(v));
            let square: f64 = column().map(|v| v * v).sum();
            let base: f64 = column().zip(&centre).map(|(v, &c)| v * f64::from(c)).sum();
            assert!((squares[lane] / square - 1.0).abs() < 5e-8, "{} for {square}", squares[lane]);
            assert!((bases[lane] / base - 1.0).abs() < 5e-8, "{} for {base}", bases[lane]);
        }
    }

    #[test]
    fn no_data_is_found_among_tiny_and_huge_values() {
        let mut group = vec![1e-30; 3 * WIDTH];
        let mut set = |lane: usize, values: [f32; 3]| (0..3).for_each(|b| group[b * WIDTH + lane] = values[b]);
        set(1, [0.0; 3]);
        set(2, [f32::NAN, 1.0, 1.0]);
        set(3, [1.0, f32::INFINITY, 1.0]);
        set(4, [1.0, 2.0, -9999.0]);
        set(5, [3e38, 3e38, 3e38]);
        let (mut squares, mut bases, mut valid) = ([0.0; WIDTH], [0.0; WIDTH], [false; WIDTH]);
        sums(&group, 3, &[], &mut squares, &mut bases);
        data(&group, 3, Some(-9999.0), &squares, &mut valid);
        assert_eq!(valid[..7], [true, false, false, false, false, true, true]);
    }
}

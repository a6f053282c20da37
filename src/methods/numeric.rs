//! Sums over the values of one pixel, in f64.
//!
//! Every sum runs in sixteen interleaved partial sums of fused multiply-adds, and these are added in pairs, so that it has
//! the same bits on every processor; only the width of the registers differs.

use pulp::{Simd, WithSimd};

use crate::simd::{run, wide};

/// Partial sums of a sum.
pub(super) const LANES: usize = 16;

/// A sum in so many vectors as make sixteen partial sums.
trait Sum {
    type Output;
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) -> Self::Output;
}

struct Sixteen<K>(K);

impl<K: Sum> WithSimd for Sixteen<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> K::Output {
        match S::F64_LANES {
            8 => self.0.in_vectors::<S, 2>(simd),
            4 => self.0.in_vectors::<S, 4>(simd),
            2 => self.0.in_vectors::<S, 8>(simd),
            _ => self.0.in_vectors::<S, LANES>(simd),
        }
    }
}

/// Sixteen values from `start` on; behind the last there are zeros, which add nothing.
#[inline(always)]
fn lanes<S: Simd, const V: usize>(simd: S, values: &[f64], start: usize) -> [S::f64s; V] {
    let mut lanes = [simd.splat_f64s(0.0); V];
    match values[start..].first_chunk::<LANES>() {
        Some(whole) => lanes.copy_from_slice(S::as_simd_f64s(whole).0),
        None => {
            for (v, lane) in lanes.iter_mut().enumerate() {
                let rest = values.get(start + v * S::F64_LANES..).unwrap_or_default();
                *lane = simd.partial_load_f64s(&rest[..rest.len().min(S::F64_LANES)]);
            }
        }
    }
    lanes
}

/// Adds the partial sums in pairs.
#[inline(always)]
fn total<S: Simd, const V: usize>(simd: S, sums: &[S::f64s; V]) -> f64 {
    let (mut sums, mut vectors) = (*sums, V);
    while vectors > 1 {
        vectors /= 2;
        (0..vectors).for_each(|v| sums[v] = simd.add_f64s(sums[v], sums[v + vectors]));
    }
    let mut lanes = [0.0; 8];
    let mut half = S::F64_LANES;
    S::as_mut_simd_f64s(&mut lanes[..half]).0[0] = sums[0];
    while half > 1 {
        half /= 2;
        (0..half).for_each(|lane| lanes[lane] += lanes[lane + half]);
    }
    lanes[0]
}

/// x · t for each t, and x · x: a pixel is read once for all.
pub(super) fn dots<const N: usize>(x: &[f64], targets: [&[f64]; N]) -> ([f64; N], f64) {
    run(Sixteen(Dots { x, targets }))
}

struct Dots<'a, const N: usize> {
    x: &'a [f64],
    targets: [&'a [f64]; N],
}

impl<const N: usize> Sum for Dots<'_, N> {
    type Output = ([f64; N], f64);

    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) -> Self::Output {
        let zero = simd.splat_f64s(0.0);
        let (mut sums, mut square) = ([[zero; V]; N], [zero; V]);
        for start in (0..self.x.len()).step_by(LANES) {
            let x: [S::f64s; V] = lanes::<S, V>(simd, self.x, start);
            for (sums, t) in sums.iter_mut().zip(self.targets) {
                let t: [S::f64s; V] = lanes::<S, V>(simd, t, start);
                for v in 0..V {
                    sums[v] = simd.mul_add_f64s(x[v], t[v], sums[v]);
                }
            }
            for v in 0..V {
                square[v] = simd.mul_add_f64s(x[v], x[v], square[v]);
            }
        }
        let mut products = [0.0; N];
        for (product, sums) in products.iter_mut().zip(&sums) {
            *product = total::<S, V>(simd, sums);
        }
        (products, total::<S, V>(simd, &square))
    }
}

/// x · t of every pixel x of a group, `[value][N]`: the same bits as of [`dots`], without turning pixels into rows.
pub(super) fn dots_of_group<const N: usize>(group: &[[f32; N]], t: &[f64]) -> [f64; N] {
    let t = &t[..group.len()];
    wide(
        (group, t),
        #[inline(always)]
        |(group, t)| {
            let mut sums = [[0.0; N]; LANES];
            // Loops, as closures within would be compiled for narrow registers.
            for (lane, sums) in sums.iter_mut().enumerate() {
                let mut sum = [0.0; N];
                let mut value = lane;
                while value < group.len() {
                    for pixel in 0..N {
                        sum[pixel] = f64::from(group[value][pixel]).mul_add(t[value], sum[pixel]);
                    }
                    value += LANES;
                }
                *sums = sum;
            }
            let mut lanes = LANES;
            while lanes > 1 {
                lanes /= 2;
                let (low, high) = sums.split_at_mut(lanes);
                for (low, high) in low.iter_mut().zip(high) {
                    for (low, high) in low.iter_mut().zip(high) {
                        *low += *high;
                    }
                }
            }
            sums[0]
        },
    )
}

/// asin(√z)/√z = Σ [`ARCSINE`]ᵢ·zⁱ for z from 0 to ¼, within 5e-15: interpolated at Chebyshev's points.
const ARCSINE: [f64; 11] = [
    1.000_000_000_000_003_8,
    0.166_666_666_663_415_42,
    0.075_000_000_513_120_99,
    0.044_642_825_644_114_74,
    0.030_382_932_142_014_454,
    0.022_354_191_111_546_174,
    0.017_554_905_057_861_198,
    0.012_522_685_763_848_193,
    0.018_019_654_003_487_852,
    -0.007_490_728_091_954_2,
    0.031_647_833_779_482_29,
];

/// The angle of a sine from 0 to ½, within 1e-14 of it.
#[inline]
pub(super) fn asin(sine: f64) -> f64 {
    let (c, z) = (&ARCSINE, sine * sine);
    let (z2, z4) = (z * z, (z * z) * (z * z));
    let low = (c[0] + c[1] * z) + (c[2] + c[3] * z) * z2;
    let middle = (c[4] + c[5] * z) + (c[6] + c[7] * z) * z2;
    let high = (c[8] + c[9] * z) + c[10] * z2;
    sine * (low + (middle + high * z4) * z4)
}

/// The angle of a cosine in −1..=1, within 1e-14. Without branches, as it is asked for every pixel twice.
#[inline]
pub(super) fn acos(cosine: f64) -> f64 {
    let near = cosine.abs();
    let steep = near > 0.5;
    // Of small angles half the angle's sine is taken, as their cosine tells little.
    let sine = if steep { (0.5 - 0.5 * near).sqrt() } else { near };
    let asin = asin(sine);
    let angle = if steep { 2.0 * asin } else { std::f64::consts::FRAC_PI_2 - asin };
    if cosine < 0.0 { std::f64::consts::PI - angle } else { angle }
}

/// ‖scale·x − t‖².
pub(super) fn chord(x: &[f64], scale: f64, t: &[f64]) -> f64 {
    run(Sixteen(Chord { x, scale, t }))
}

struct Chord<'a> {
    x: &'a [f64],
    scale: f64,
    t: &'a [f64],
}

impl Sum for Chord<'_> {
    type Output = f64;

    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) -> f64 {
        let scale = simd.splat_f64s(self.scale);
        let mut sums = [simd.splat_f64s(0.0); V];
        for start in (0..self.x.len()).step_by(LANES) {
            let x: [S::f64s; V] = lanes::<S, V>(simd, self.x, start);
            let t: [S::f64s; V] = lanes::<S, V>(simd, self.t, start);
            for v in 0..V {
                let difference = simd.mul_add_f64s(x[v], scale, simd.neg_f64s(t[v]));
                sums[v] = simd.mul_add_f64s(difference, difference, sums[v]);
            }
        }
        total::<S, V>(simd, &sums)
    }
}

/// Σ (p − q)·(ln p − ln q), of p and ln p one after the other in `x`, and ln q and q in `t`.
pub(super) fn divergence(x: &[f64], t: &[f64]) -> f64 {
    let bands = x.len() / 2;
    let ((p, ln_p), (ln_q, q)) = (x.split_at(bands), t.split_at(bands));
    (0..bands).map(|b| (p[b] - q[b]) * (ln_p[b] - ln_q[b])).sum()
}

/// The Euclidean length of a pixel (one value a band). Zero only for a pixel of zeros; infinite or NaN when a value is.
pub(super) fn norm(x: &[f64]) -> f64 {
    dots(x, []).1.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where the number of values is no multiple of anything.
    #[test]
    fn pixels_in_a_group_have_the_sums_of_pixels_in_rows() {
        for length in [1, 15, 16, 17, 100, 285] {
            let group: Vec<[f32; 32]> =
                (0..length).map(|v| std::array::from_fn(|p| ((v * 37 + p * 91) % 101) as f32 / 7.0 - 5.0)).collect();
            let t: Vec<f64> = (0..length).map(|v| (v as f64 * 0.7).sin() / 3.0).collect();
            let together = dots_of_group(&group, &t);
            for (pixel, sum) in together.iter().enumerate() {
                let x: Vec<f64> = group.iter().map(|values| values[pixel].into()).collect();
                let ([alone], _) = dots(&x, [&t[..]]);
                assert_eq!(sum.to_bits(), alone.to_bits(), "{length} values, pixel {pixel}");
            }
        }
    }
}

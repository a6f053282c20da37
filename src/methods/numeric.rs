//! Sums over the values of one pixel, in f64.
//!
//! Every sum runs in sixteen interleaved partial sums of fused multiply-adds, and these are added in pairs, so that it has
//! the same bits on every processor; only the width of the registers differs.

use pulp::{Simd, WithSimd};

use crate::simd::{run, wide};

/// Partial sums of a sum.
pub(crate) const LANES: usize = 16;

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

/// Σ (p − q)·(ln p − ln q) for each q, of p and ln p one after the other in `x`, and ln q and q in each target.
pub(super) fn divergences<const N: usize>(x: &[f64], targets: [&[f64]; N]) -> [f64; N] {
    run(Sixteen(Divergences { x, targets }))
}

struct Divergences<'a, const N: usize> {
    x: &'a [f64],
    targets: [&'a [f64]; N],
}

impl<const N: usize> Sum for Divergences<'_, N> {
    type Output = [f64; N];

    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) -> Self::Output {
        let bands = self.x.len() / 2;
        let (p, ln_p) = self.x.split_at(bands);
        let mut sums = [[simd.splat_f64s(0.0); V]; N];
        for start in (0..bands).step_by(LANES) {
            let p: [S::f64s; V] = lanes::<S, V>(simd, p, start);
            let ln_p: [S::f64s; V] = lanes::<S, V>(simd, ln_p, start);
            for (sums, target) in sums.iter_mut().zip(self.targets) {
                let ln_q: [S::f64s; V] = lanes::<S, V>(simd, &target[..bands], start);
                let q: [S::f64s; V] = lanes::<S, V>(simd, &target[bands..2 * bands], start);
                for v in 0..V {
                    sums[v] = simd.mul_add_f64s(simd.sub_f64s(p[v], q[v]), simd.sub_f64s(ln_p[v], ln_q[v]), sums[v]);
                }
            }
        }
        let mut divergences = [0.0; N];
        for (divergence, sums) in divergences.iter_mut().zip(&sums) {
            *divergence = total::<S, V>(simd, sums);
        }
        divergences
    }
}

/// The sum of values, and the least of them; NaN where one is.
pub(super) fn total_and_least(values: &[f64]) -> (f64, f64) {
    let mut sums = [0.0; LANES];
    let mut least = [f64::INFINITY; LANES];
    wide(
        (&mut sums, &mut least, values),
        #[inline(always)]
        |(sums, least, values)| {
            let (chunks, rest) = values.as_chunks::<LANES>();
            for chunk in chunks {
                for lane in 0..LANES {
                    sums[lane] += chunk[lane];
                    // What is not larger is taken: NaN too.
                    least[lane] = if least[lane] < chunk[lane] { least[lane] } else { chunk[lane] };
                }
            }
            for (lane, &value) in rest.iter().enumerate() {
                sums[lane] += value;
                least[lane] = if least[lane] < value { least[lane] } else { value };
            }
        },
    );
    // A NaN would be passed by, but not by the sum.
    let sum: f64 = sums.iter().sum();
    (sum, if sum.is_nan() { f64::NAN } else { least.into_iter().fold(f64::INFINITY, f64::min) })
}

/// The largest magnitude of values that are not NaN.
pub(super) fn largest(values: &[f64]) -> f64 {
    let mut largest = [0.0; LANES];
    wide(
        (&mut largest, values),
        #[inline(always)]
        |(largest, values)| {
            let (chunks, rest) = values.as_chunks::<LANES>();
            for chunk in chunks {
                for lane in 0..LANES {
                    let magnitude = chunk[lane].abs();
                    largest[lane] = if largest[lane] < magnitude { magnitude } else { largest[lane] };
                }
            }
            rest.iter().zip(largest).for_each(|(value, largest)| *largest = value.abs().max(*largest));
        },
    );
    largest.into_iter().fold(0.0, f64::max)
}

/// Divides values by a number.
pub(super) fn divide(values: &mut [f64], by: f64) {
    wide(
        values,
        #[inline(always)]
        |values| {
            for value in values {
                *value /= by;
            }
        },
    );
}

/// The natural logarithms of positive finite numbers, within two units in the last place and the same on every processor; the
/// standard library's takes one at a time.
///
/// With x = m·2ᵉ, m from √½ to √2, and s = (m − 1)/(m + 1): ln x = e·ln 2 + 2·(s + s³/3 + s⁵/5 + …), of which the terms
/// behind s¹⁹ are less than half a unit.
pub(super) fn logarithms_of(values: &[f64], logarithms: &mut [f64]) {
    wide(
        (values, logarithms),
        #[inline(always)]
        |(values, logarithms)| {
            for (value, logarithm) in values.iter().zip(logarithms) {
                *logarithm = ln(*value);
            }
        },
    );
}

#[inline(always)]
fn ln(x: f64) -> f64 {
    /// The bits of √½, and of 2⁵², whose last place is 1: a number that is added to its bits is added to it.
    const ROOT_OF_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    const ONES: u64 = 0x4330_0000_0000_0000;
    /// ln 2 in two parts, of which the first has zeros where a product with an exponent rounds.
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    // Numbers with too few digits for their exponent get more.
    let (x, more) = if x < f64::MIN_POSITIVE { (x * (1_u64 << 54) as f64, 54.0) } else { (x, 0.0) };
    let above = x.to_bits().wrapping_sub(ROOT_OF_HALF).wrapping_add(1023 << 52);
    let exponent = f64::from_bits(ONES | above >> 52) - f64::from_bits(ONES | 1023) - more;
    let mantissa = f64::from_bits((above & ((1 << 52) - 1)).wrapping_add(ROOT_OF_HALF));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let (z, z2, z4) = (s * s, (s * s) * (s * s), ((s * s) * (s * s)) * ((s * s) * (s * s)));
    let low = (1.0 / 3.0 + z * (1.0 / 5.0)) + (1.0 / 7.0 + z * (1.0 / 9.0)) * z2;
    let high = (1.0 / 11.0 + z * (1.0 / 13.0)) + (1.0 / 15.0 + z * (1.0 / 17.0)) * z2;
    let tail = low + (high + z4 * (1.0 / 19.0)) * z4;
    exponent * LN_2[0] + (2.0 * s + (2.0 * s * z * tail + exponent * LN_2[1]))
}

/// The Euclidean length of a pixel (one value a band). Zero only for a pixel of zeros; infinite or NaN when a value is.
pub(super) fn norm(x: &[f64]) -> f64 {
    dots(x, []).1.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_standard_library() {
        let values: Vec<f64> = (0..200_000)
            .map(|i| match i % 4 {
                0 => 1e-15 * 1.000_35_f64.powi(i),
                1 => 1.0 - f64::from(i) * 1e-6,
                2 => 1.0 + f64::from(i) * 1e-9,
                _ => f64::from(i) / 7.0,
            })
            .chain([5e-324, 1e-310, f64::MIN_POSITIVE, f64::MAX, 1.0, 0.5_f64.sqrt(), 2.0_f64.sqrt(), 2.0, 0.5])
            .filter(|v| *v > 0.0 && v.is_finite())
            .collect();
        let mut found = vec![0.0; values.len()];
        logarithms_of(&values, &mut found);
        for (x, found) in values.iter().zip(&found) {
            let expected = x.ln();
            let off = (found - expected).abs();
            assert!(
                expected.is_finite() && off <= 2.0 * f64::EPSILON * expected.abs(),
                "ln {x}: {expected}, not {found}"
            );
        }
    }

    #[test]
    fn sums_and_divergences_are_those_of_the_formula() {
        for length in [1, 15, 16, 17, 285] {
            let some = |seed: usize| (0..length).map(move |b| 0.01 + ((b * seed + 3) % 97) as f64 / 97.0);
            let (p, q): (Vec<f64>, Vec<f64>) = (some(37).collect(), some(53).collect());
            let (sum, least) = total_and_least(&p);
            assert!((sum / p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            assert_eq!(least, p.iter().copied().fold(f64::INFINITY, f64::min));
            let (mut shares, negative) = (p.clone(), p.iter().map(|v| -v).collect::<Vec<_>>());
            assert_eq!(largest(&negative), p.iter().copied().fold(0.0, f64::max));
            divide(&mut shares, sum);
            assert!(shares.iter().zip(&p).all(|(share, p)| *share == p / sum));
            let ln = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<f64>>();
            let (x, t) = ([p.clone(), ln(&p)].concat(), [ln(&q), q.clone(), vec![9.0; 3]].concat());
            let [found, same] = divergences(&x, [&t[..], &[ln(&p), p.clone()].concat()]);
            let expected: f64 = p.iter().zip(&q).map(|(p, q)| (p - q) * (p.ln() - q.ln())).sum();
            assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{length}: {found} for {expected}");
            assert_eq!(same, 0.0);
            for bad in [f64::NAN, 0.0, -1.0] {
                for at in [0, length / 2, length - 1] {
                    let mut values = p.clone();
                    values[at] = bad;
                    let (_, least) = total_and_least(&values);
                    assert_ne!(
                        least.partial_cmp(&0.0),
                        Some(std::cmp::Ordering::Greater),
                        "{bad} in place {at} of {length}"
                    );
                }
            }
        }
    }
}

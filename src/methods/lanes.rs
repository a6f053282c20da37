//! Sums over the values of one pixel in f32, in thirty-two interleaved partial sums of fused multiply-adds, which are added
//! in pairs: the same bits on every processor, and whether values lie in a row or one here and one there.

use pulp::{Simd, WithSimd};

use crate::simd::run;

/// Partial sums of a sum. Rows are padded with zeros to a multiple of it.
pub(crate) const LANES: usize = 32;

/// Σ x·w of values that do not lie in a row.
#[inline(always)]
pub(crate) fn sum<'a>(x: impl Iterator<Item = &'a f32>, weights: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (i, (x, weight)) in x.zip(weights).enumerate() {
        sums[i % LANES] = x.mul_add(*weight, sums[i % LANES]);
    }
    total(sums)
}

/// Σ x·w of a row with each of some rows of weights, all padded.
pub(crate) fn sums<const N: usize>(x: &[f32], weights: [&[f32]; N]) -> [f32; N] {
    run(Sums { x, weights })
}

#[inline(always)]
fn total(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES;
    while half > 1 {
        half /= 2;
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    // Padding adds zeros, which leave no negative one.
    sums[0] + 0.0
}

struct Sums<'a, const N: usize> {
    x: &'a [f32],
    weights: [&'a [f32]; N],
}

impl<const N: usize> WithSimd for Sums<'_, N> {
    type Output = [f32; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; N] {
        match S::F32_LANES {
            16 => self.in_vectors::<S, 2>(simd),
            8 => self.in_vectors::<S, 4>(simd),
            4 => self.in_vectors::<S, 8>(simd),
            _ => self.in_vectors::<S, LANES>(simd),
        }
    }
}

impl<const N: usize> Sums<'_, N> {
    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) -> [f32; N] {
        let x = S::as_simd_f32s(self.x).0.as_chunks::<V>().0;
        let weights = self.weights.map(|w| &S::as_simd_f32s(w).0.as_chunks::<V>().0[..x.len()]);
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        for (i, x) in x.iter().enumerate() {
            for n in 0..N {
                for v in 0..V {
                    sums[n][v] = simd.mul_add_f32s(x[v], weights[n][i][v], sums[n][v]);
                }
            }
        }
        let mut totals = [0.0; N];
        // A loop, as closures may be compiled apart, for narrow registers.
        for (out, sums) in totals.iter_mut().zip(&sums) {
            let mut lanes = [0.0; LANES];
            S::as_mut_simd_f32s(&mut lanes).0.copy_from_slice(sums);
            *out = total(lanes);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_scattered_values_have_the_same_sum_for_any_width_of_registers() {
        for length in [1, 31, 32, 50, 285] {
            let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
            let (x, w): (Vec<f32>, Vec<f32>) = (0..length).map(|i| (value(i), value(3 * i + 1))).unzip();
            let padded = |v: &[f32]| {
                let mut padded = v.to_vec();
                padded.resize(length.next_multiple_of(LANES), 0.0);
                padded
            };
            let (row, weights) = (padded(&x), padded(&w));
            let once = sum(x.iter(), &w);
            assert_eq!(sums(&row, [&weights, &row]).map(f32::to_bits)[0], once.to_bits());
            let plain = Sums { x: &row, weights: [&weights] }.with_simd(pulp::Scalar::new());
            assert_eq!(plain[0].to_bits(), once.to_bits());
            let exact: f64 = x.iter().zip(&w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            assert!((f64::from(once) - exact).abs() < 1e-6 * length as f64);
        }
    }
}

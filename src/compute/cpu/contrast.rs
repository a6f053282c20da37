//! [`Space::Contrast`](crate::methods::Space::Contrast) for a group of pixels: what is left of their values without the mean
//! over their own bands.

use pulp::{Simd, WithSimd};

use super::project::{Row, WIDTH};
use crate::simd::{narrowed, run, widened};

/// What is known of the pixels of a group beside their features.
pub(super) struct Contrasts {
    pub(super) mean: [f64; WIDTH],
    /// Squared length of what is left.
    pub(super) square: [f64; WIDTH],
    /// One where a value differs from the first band's, zero elsewhere.
    pub(super) varied: [f64; WIDTH],
}

/// Makes features of the values of a group, a row a band: those that [`Space::of`] makes of a pixel, to the last bit.
///
/// [`Space::of`]: crate::methods::Space::of
pub(super) fn of(values: &[Row], features: &mut [Row]) -> Contrasts {
    let mut found = Contrasts { mean: [0.0; WIDTH], square: [0.0; WIDTH], varied: [0.0; WIDTH] };
    run(Centre { values, features, found: &mut found });
    found
}

struct Centre<'a> {
    values: &'a [Row],
    features: &'a mut [Row],
    found: &'a mut Contrasts,
}

impl WithSimd for Centre<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F64_LANES {
            // Fewer registers, and all are needed.
            4 => self.in_vectors::<S, 2>(simd),
            _ => self.in_vectors::<S, 4>(simd),
        }
    }
}

impl Centre<'_> {
    #[inline(always)]
    fn in_vectors<S: Simd, const V: usize>(self, simd: S) {
        let Some(first) = self.values.first() else { return };
        let (zero, one, bands) =
            (simd.splat_f64s(0.0), simd.splat_f64s(1.0), simd.splat_f64s(self.values.len() as f64));
        for column in (0..WIDTH / S::F64_LANES).step_by(V) {
            let of = |row: &Row| -> [S::f64s; V] { std::array::from_fn(|v| widened::<S>(row, column + v)) };
            let first = of(first);
            let (mut sums, mut varied) = ([zero; V], [zero; V]);
            for values in self.values {
                let x = of(values);
                for v in 0..V {
                    sums[v] = simd.add_f64s(sums[v], x[v]);
                    varied[v] = simd.select_f64s(simd.equal_f64s(x[v], first[v]), varied[v], one);
                }
            }
            let mean: [S::f64s; V] = std::array::from_fn(|v| simd.div_f64s(sums[v], bands));
            let mut squares = [zero; V];
            for (values, features) in self.values.iter().zip(&mut *self.features) {
                let x = of(values);
                for v in 0..V {
                    let feature = simd.sub_f64s(x[v], mean[v]);
                    squares[v] = simd.mul_add_f64s(feature, feature, squares[v]);
                    narrowed::<S>(feature, features, column + v);
                }
            }
            let Contrasts { mean: means, square, varied: all_varied } = &mut *self.found;
            for (to, vectors) in [(means, mean), (square, squares), (all_varied, varied)] {
                S::as_mut_simd_f64s(to).0[column..][..V].copy_from_slice(&vectors);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::Space;

    /// With the widest registers and with plain ones.
    #[test]
    fn features_are_those_of_each_pixel_alone() {
        for bands in [1, 2, 7, 285] {
            let value = |i: usize| match i % WIDTH {
                3 => 0.3,
                4 => 0.0,
                5 => 3e38,
                6 => f32::MIN_POSITIVE * (i / WIDTH) as f32,
                7 if i / WIDTH == bands / 2 => f32::NAN,
                8 if i / WIDTH == bands / 2 => f32::INFINITY,
                _ => (i * 7919 % 1009) as f32 / 504.5 - 0.2,
            };
            let values: Vec<Row> = (0..bands).map(|b| std::array::from_fn(|p| value(b * WIDTH + p))).collect();
            let mut features = vec![[0.0; WIDTH]; bands];
            let found = of(&values, &mut features);
            let none = Contrasts { mean: [0.0; WIDTH], square: [0.0; WIDTH], varied: [0.0; WIDTH] };
            let mut again = (features.clone(), none);
            Centre { values: &values, features: &mut again.0, found: &mut again.1 }.with_simd(pulp::Scalar::new());
            for pixel in 0..WIDTH {
                let mut row: Vec<f64> = values.iter().map(|row| row[pixel].into()).collect();
                let measured = Space::Contrast.of(&mut row, bands, 0.0);
                for (band, exact) in row.iter().enumerate() {
                    let expected = (*exact as f32).to_bits();
                    let [wide, plain] = [&features, &again.0].map(|f| f[band][pixel]);
                    let same = |f: f32| f.to_bits() == expected || (f.is_nan() && exact.is_nan());
                    assert!(
                        same(wide) && same(plain),
                        "pixel {pixel}, band {band} of {bands}: {wide}, {plain}, {exact}"
                    );
                }
                let Contrasts { mean, square, varied } = &found;
                let by_sums = Space::of_contrast(mean[pixel], square[pixel], varied[pixel] == 0.0, bands);
                assert_eq!(by_sums.is_some(), measured.is_some(), "pixel {pixel} of {bands} bands");
                if let Some((by_sums, measured)) = by_sums.zip(measured) {
                    assert!((by_sums.norm / measured.norm - 1.0).abs() < 1e-14);
                    assert_eq!((by_sums.removed, by_sums.tame), (measured.removed, measured.tame));
                }
                assert_eq!(square[pixel].to_bits(), again.1.square[pixel].to_bits(), "pixel {pixel} of {bands} bands");
            }
        }
    }
}

//! Registers of f64 from values of f32 and back.

use pulp::Simd;

/// A register's worth of values as f64, the `vector`th of those from the first on.
#[inline(always)]
pub(crate) fn widened<S: Simd>(values: &[f32], vector: usize) -> S::f64s {
    #[inline(always)]
    fn of<const N: usize>(values: &[f32], vector: usize) -> [f64; N] {
        let values = &values.as_chunks::<N>().0[vector];
        std::array::from_fn(|i| values[i].into())
    }
    match S::F64_LANES {
        8 => bytemuck::cast(of::<8>(values, vector)),
        4 => bytemuck::cast(of::<4>(values, vector)),
        2 => bytemuck::cast(of::<2>(values, vector)),
        _ => bytemuck::cast(of::<1>(values, vector)),
    }
}

/// Writes a register, rounded to f32, where [`widened`] would read it.
#[inline(always)]
pub(crate) fn narrowed<S: Simd>(register: S::f64s, values: &mut [f32], vector: usize) {
    #[inline(always)]
    fn to<const N: usize>(register: [f64; N], values: &mut [f32], vector: usize) {
        values.as_chunks_mut::<N>().0[vector] = std::array::from_fn(|i| register[i] as f32);
    }
    match S::F64_LANES {
        8 => to::<8>(bytemuck::cast(register), values, vector),
        4 => to::<4>(bytemuck::cast(register), values, vector),
        2 => to::<2>(bytemuck::cast(register), values, vector),
        _ => to::<1>(bytemuck::cast(register), values, vector),
    }
}

//! Turning panels, `[feature][WIDTH]` in f32, into rows, `[pixel][feature]` in f32 or f64, in squares that fit the registers.

use super::project::WIDTH;

/// Values of a side of a square; so many pixels of a panel are turned at a time.
pub(super) const SIDE: usize = 8;

type Square = [[f32; SIDE]; SIDE];

/// Writes pixels of a panel, from its `pixel`th on, into the first places of rows of `length`: as many times [`SIDE`] pixels as
/// there are rows.
pub(super) fn to_rows<T: Value>(panel: &[f32], pixel: usize, length: usize, rows: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::to_rows_avx512(panel, pixel, length, rows) };
    } else if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the same.
        return unsafe { x86::to_rows_avx(panel, pixel, length, rows) };
    }
    squares(panel, pixel, length, rows, |square| std::array::from_fn(|i| square.map(|row| row[i])), T::of_line);
}

/// What rows hold.
pub(super) trait Value: From<f32> + Copy {
    /// One side of a square.
    #[inline(always)]
    fn of_line(line: [f32; SIDE]) -> [Self; SIDE] {
        line.map(Self::from)
    }

    /// The same in one register.
    ///
    /// # Safety
    /// The processor must have AVX-512.
    #[cfg(target_arch = "x86_64")]
    unsafe fn of_line_avx512(line: [f32; SIDE]) -> [Self; SIDE];
}

impl Value for f32 {
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn of_line_avx512(line: [f32; SIDE]) -> [Self; SIDE] {
        line
    }
}

impl Value for f64 {
    // Left to itself, the compiler makes two of it, and takes squares to pieces.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn of_line_avx512(line: [f32; SIDE]) -> [Self; SIDE] {
        // SAFETY: the caller's.
        bytemuck::cast(unsafe { std::arch::x86_64::_mm512_cvtps_pd(bytemuck::cast(line)) })
    }
}

/// Goes through all whole squares, and value by value through what is left.
#[inline(always)]
fn squares<T: Value>(
    panel: &[f32],
    pixel: usize,
    length: usize,
    rows: &mut [T],
    turned: impl Fn(Square) -> Square,
    of_line: impl Fn([f32; SIDE]) -> [T; SIDE],
) {
    let (blocks, rest) = panel.as_chunks::<WIDTH>().0.as_chunks::<SIDE>();
    let whole = blocks.len() * SIDE;
    for (block, from) in blocks.iter().enumerate() {
        for (column, rows) in (pixel / SIDE..).zip(rows.chunks_exact_mut(SIDE * length)) {
            let square = std::array::from_fn(|i| from[i].as_chunks::<SIDE>().0[column]);
            let to = &mut rows[block * SIDE..];
            for (i, line) in turned(square).into_iter().enumerate() {
                to[i * length..][..SIDE].copy_from_slice(&of_line(line));
            }
        }
    }
    for (feature, values) in rest.iter().enumerate() {
        let column = rows[whole + feature..].iter_mut().step_by(length);
        column.zip(&values[pixel..]).for_each(|(to, &v)| *to = v.into());
    }
}

/// Writes rows of `length` as a panel of their first features.
pub(super) fn to_panel(rows: &[f64], length: usize, panel: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::to_panel_avx512(rows, length, panel) };
    } else if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the same.
        return unsafe { x86::to_panel_avx(rows, length, panel) };
    }
    squares_back(rows, length, panel, |square| std::array::from_fn(|i| square.map(|row| row[i])), single);
}

fn single(line: [f64; SIDE]) -> [f32; SIDE] {
    line.map(|v| v as f32)
}

/// As [`squares`], the other way.
#[inline(always)]
fn squares_back(
    rows: &[f64],
    length: usize,
    panel: &mut [f32],
    turned: impl Fn(Square) -> Square,
    single: impl Fn([f64; SIDE]) -> [f32; SIDE],
) {
    let (blocks, rest) = panel.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<SIDE>();
    let whole = blocks.len() * SIDE;
    for (block, to) in blocks.iter_mut().enumerate() {
        for (column, rows) in rows.chunks_exact(SIDE * length).enumerate() {
            let from = &rows[block * SIDE..];
            let square = std::array::from_fn(|i| single(from[i * length..].as_chunks().0[0]));
            for (to, line) in to.iter_mut().zip(turned(square)) {
                to.as_chunks_mut().0[column] = line;
            }
        }
    }
    for (feature, values) in rest.iter_mut().enumerate() {
        let column = rows[whole + feature..].iter().step_by(length);
        values.iter_mut().zip(column).for_each(|(to, &v)| *to = v as f32);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm512_cvtpd_ps,
    };

    use super::{SIDE, Square, Value, single, squares, squares_back};

    #[target_feature(enable = "avx")]
    pub(super) fn to_rows_avx<T: Value>(panel: &[f32], pixel: usize, length: usize, rows: &mut [T]) {
        let turned = |square| turned(square);
        squares(panel, pixel, length, rows, turned, T::of_line);
    }

    /// The same, with eight values of a row of f64 in one register.
    #[target_feature(enable = "avx512f")]
    pub(super) fn to_rows_avx512<T: Value>(panel: &[f32], pixel: usize, length: usize, rows: &mut [T]) {
        let turned = |square| turned(square);
        // SAFETY: what this function is compiled for is enough.
        let of_line = |line| unsafe { T::of_line_avx512(line) };
        squares(panel, pixel, length, rows, turned, of_line);
    }

    #[target_feature(enable = "avx")]
    pub(super) fn to_panel_avx(rows: &[f64], length: usize, panel: &mut [f32]) {
        let turned = |square| turned(square);
        squares_back(rows, length, panel, turned, single);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn to_panel_avx512(rows: &[f64], length: usize, panel: &mut [f32]) {
        let turned = |square| turned(square);
        let single = |line: [f64; SIDE]| bytemuck::cast(_mm512_cvtpd_ps(bytemuck::cast(line)));
        squares_back(rows, length, panel, turned, single);
    }

    /// Interleaves four rows.
    #[inline]
    #[target_feature(enable = "avx")]
    fn quad(a: __m256, b: __m256, c: __m256, d: __m256) -> [__m256; 4] {
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (low2, high2) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(low, low2),
            _mm256_shuffle_ps::<0b11_10_11_10>(low, low2),
            _mm256_shuffle_ps::<0b01_00_01_00>(high, high2),
            _mm256_shuffle_ps::<0b11_10_11_10>(high, high2),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx")]
    fn turned(square: Square) -> Square {
        let [a, b, c, d, e, f, g, h]: [__m256; 8] = bytemuck::cast(square);
        let (top, bottom) = (quad(a, b, c, d), quad(e, f, g, h));
        bytemuck::cast([
            _mm256_permute2f128_ps::<0x20>(top[0], bottom[0]),
            _mm256_permute2f128_ps::<0x20>(top[1], bottom[1]),
            _mm256_permute2f128_ps::<0x20>(top[2], bottom[2]),
            _mm256_permute2f128_ps::<0x20>(top[3], bottom[3]),
            _mm256_permute2f128_ps::<0x31>(top[0], bottom[0]),
            _mm256_permute2f128_ps::<0x31>(top[1], bottom[1]),
            _mm256_permute2f128_ps::<0x31>(top[2], bottom[2]),
            _mm256_permute2f128_ps::<0x31>(top[3], bottom[3]),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_panels_turn_into_each_other() {
        for features in [1, 7, 8, 9, 50, 285] {
            let panel: Vec<f32> = (0..features * WIDTH).map(|i| i as f32).collect();
            let (mut rows, mut back) = (vec![0.0_f64; panel.len()], vec![0.0_f32; panel.len()]);
            for (pixel, rows) in (0..WIDTH).step_by(SIDE).zip(rows.chunks_exact_mut(SIDE * features)) {
                to_rows(&panel, pixel, features, rows);
            }
            for (i, value) in rows.iter().enumerate() {
                assert_eq!(*value, f64::from(panel[i % features * WIDTH + i / features]), "{features} features");
            }
            to_panel(&rows, features, &mut back);
            assert_eq!(back, panel);
        }
    }
}

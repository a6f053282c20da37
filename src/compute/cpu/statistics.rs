//! Sums of products of differences, in f64 fused multiply-adds, pixel after pixel within a stretch, stretch after
//! stretch: the same bits on every processor, whatever the width of its registers.
//!
//! Bands are packed in panels of 24, `[panel][pixel][24]`, a stretch of pixels at a time, so that two panels lie in the
//! first-level cache. A pair of panels is multiplied in register tiles of eight rows by three vectors (four rows with narrow
//! registers): as many sums as there are registers beside what is multiplied.

use pulp::{Simd, WithSimd};

use crate::background::{Differences, packed};
use crate::simd::run;

/// Bands of a panel.
const PANEL: usize = 24;
/// Pixels multiplied at once: a panel of them takes 12 KiB.
const STRETCH: usize = 96;

/// Kept from unit to unit.
#[derive(Default)]
pub(super) struct Scratch {
    panels: Vec<f64>,
    /// `[pair of panels, i ≥ j][24][24]`.
    sums: Vec<f64>,
}

/// Σ d·dᵀ over the pixels of a unit, the lower triangle row by row.
pub(super) fn products(unit: &Differences, scratch: &mut Scratch) -> Vec<f64> {
    let bands = unit.bands;
    let panels = bands.div_ceil(PANEL);
    scratch.sums.clear();
    scratch.sums.resize(packed(panels, 0) * PANEL * PANEL, 0.0);
    scratch.panels.resize(panels * STRETCH * PANEL, 0.0);
    for start in (0..unit.stride).step_by(STRETCH) {
        let pixels = STRETCH.min(unit.stride - start);
        pack(unit, start, pixels, &mut scratch.panels);
        run(Multiply { panels: &scratch.panels, pixels, sums: &mut scratch.sums });
    }
    let mut out = vec![0.0; packed(bands, 0)];
    for i in 0..bands {
        for j in 0..=i {
            let tile = packed(i / PANEL, j / PANEL) * PANEL * PANEL;
            out[packed(i, j)] = scratch.sums[tile + i % PANEL * PANEL + j % PANEL];
        }
    }
    out
}

fn pack(unit: &Differences, start: usize, pixels: usize, panels: &mut [f64]) {
    for (band, values) in unit.values.chunks_exact(unit.stride).enumerate() {
        let panel = &mut panels[band / PANEL * STRETCH * PANEL..][..pixels * PANEL];
        let column = panel[band % PANEL..].iter_mut().step_by(PANEL);
        column.zip(&values[start..]).for_each(|(to, &from)| *to = from);
    }
}

struct Multiply<'a> {
    panels: &'a [f64],
    pixels: usize,
    sums: &'a mut [f64],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let panel = |i: usize| &self.panels[i * STRETCH * PANEL..][..self.pixels * PANEL];
        let count = self.panels.len() / (STRETCH * PANEL);
        let mut tiles = self.sums.chunks_exact_mut(PANEL * PANEL);
        for i in 0..count {
            for j in 0..=i {
                let Some(tile) = tiles.next() else { return };
                match S::F64_LANES {
                    8 => tile_of::<S, 8, 3>(simd, panel(i), panel(j), tile, i == j),
                    4 => tile_of::<S, 4, 3>(simd, panel(i), panel(j), tile, i == j),
                    _ => tile_of::<S, 4, 4>(simd, panel(i), panel(j), tile, i == j),
                }
            }
        }
    }
}

/// Adds a panel times a panel to a tile of sums, in register tiles of `ROWS` × `VECTORS`. On the diagonal those above it
/// are left out.
#[inline(always)]
fn tile_of<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &[f64],
    b: &[f64],
    tile: &mut [f64],
    diagonal: bool,
) {
    for row in (0..PANEL).step_by(ROWS) {
        for first in (0..PANEL).step_by(VECTORS * S::F64_LANES) {
            let wanted = if diagonal { (row + ROWS).saturating_sub(first).div_ceil(S::F64_LANES) } else { VECTORS };
            match wanted {
                0 => {}
                1 => register_tile::<S, ROWS, 1>(simd, a, b, tile, row, first),
                2 => register_tile::<S, ROWS, 2>(simd, a, b, tile, row, first),
                _ => register_tile::<S, ROWS, VECTORS>(simd, a, b, tile, row, first),
            }
        }
    }
}

#[inline(always)]
fn register_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &[f64],
    b: &[f64],
    tile: &mut [f64],
    row: usize,
    first: usize,
) {
    let (column, width) = (first / S::F64_LANES, PANEL / S::F64_LANES);
    let mut sums = [[simd.splat_f64s(0.0); VECTORS]; ROWS];
    for (a, b) in a.as_chunks::<PANEL>().0.iter().zip(S::as_simd_f64s(b).0.chunks_exact(width)) {
        let b: [S::f64s; VECTORS] = std::array::from_fn(|v| b[column + v]);
        for r in 0..ROWS {
            let a = simd.splat_f64s(a[row + r]);
            for v in 0..VECTORS {
                // Fused on every processor, also where that is slow.
                sums[r][v] = simd.mul_add_f64s(a, b[v], sums[r][v]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let to = S::as_mut_simd_f64s(&mut tile[(row + r) * PANEL..][..PANEL]).0;
        for (to, sum) in to[column..].iter_mut().zip(sums) {
            *to = simd.add_f64s(*to, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(bands: usize, stride: usize) -> Differences {
        let mut state = 7_u64;
        let mut value = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let values = (0..bands * stride).map(|_| value()).collect();
        Differences { count: stride as u64, bands, stride, values }
    }

    #[test]
    fn sums_are_those_of_the_textbook() {
        for (bands, pixels) in [(1, 16), (17, 48), (33, 272), (16, 2048)] {
            let unit = unit(bands, pixels);
            let found = products(&unit, &mut Scratch::default());
            let band = |b: usize| &unit.values[b * pixels..][..pixels];
            for i in 0..bands {
                for j in 0..=i {
                    let exact: f64 = band(i).iter().zip(band(j)).map(|(a, b)| a * b).sum();
                    assert!((found[packed(i, j)] - exact).abs() < 1e-12, "{bands} bands: {i}, {j}");
                }
            }
        }
    }

    /// Wide registers and the plain ones that every processor has.
    #[test]
    fn the_width_of_registers_does_not_change_a_bit() {
        let unit = unit(37, 400);
        let mut scratch = Scratch::default();
        let wide = products(&unit, &mut scratch);
        scratch.sums.fill(0.0);
        for start in (0..unit.stride).step_by(STRETCH) {
            let pixels = STRETCH.min(unit.stride - start);
            pack(&unit, start, pixels, &mut scratch.panels);
            let multiply = Multiply { panels: &scratch.panels, pixels, sums: &mut scratch.sums };
            multiply.with_simd(pulp::Scalar::new());
        }
        for i in 0..37 {
            for j in 0..=i {
                let tile = packed(i / PANEL, j / PANEL) * PANEL * PANEL;
                let plain: f64 = scratch.sums[tile + i % PANEL * PANEL + j % PANEL];
                assert_eq!(plain.to_bits(), wide[packed(i, j)].to_bits());
            }
        }
    }
}

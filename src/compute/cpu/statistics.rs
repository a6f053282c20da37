//! Sums of products of differences, in f64 fused multiply-adds, pixel after pixel of a unit: the same bits on every
//! processor, whatever the width of its registers, and wherever in the tile a unit begins. Those of small integers are summed
//! in [`integers`] instead.
//!
//! Differences are made where they are packed, in panels of 24 bands, `[panel][pixel][24]`, of the pixels that count. A
//! stretch of pixels is packed and multiplied at a time, so that all its panels lie in the second-level cache. A pair of
//! panels is multiplied in register tiles of eight rows by three vectors (four rows with narrow registers): as many sums as
//! there are registers beside what is multiplied.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::integers;
use super::transpose::{self, SIDE};
use crate::background::{Moments, Summands, Unit, packed};
use crate::simd::{Ahead, Aligned, run, wide};
use crate::tile::{Sample, Samples, Scaling, Tile};
use crate::with_samples;

const GROUP: usize = Tile::GROUP;
/// Bands of a panel.
const PANEL: usize = 24;
/// Pixels multiplied at once: a panel of them takes 18 KiB, which stays in the first-level cache beside eight rows of another.
const STRETCH: usize = 3 * GROUP;

/// Kept from unit to unit.
#[derive(Default)]
pub(super) struct Scratch {
    /// `[panel][STRETCH][PANEL]`. What lies behind the last band is multiplied too, and never looked at.
    panels: Aligned<f64>,
    /// Stored values of a group in the bands of a panel, `[pixel][PANEL]`.
    rows: Aligned<f64>,
    /// `[pair of panels, i ≥ j][PANEL][PANEL]`.
    products: Aligned<f64>,
    integers: integers::Scratch,
}

/// Sums over the pixels of a unit.
pub(super) fn moments(summands: &Summands, unit: &Unit, scratch: &mut Scratch) -> Moments {
    if let Some(found) = integers::moments(summands, unit, &mut scratch.integers) {
        return found;
    }
    let Summands { tile, scaling, .. } = *summands;
    let (bands, panels) = (tile.bands, tile.bands.div_ceil(PANEL));
    if scratch.panels.len() != panels * STRETCH * PANEL {
        scratch.panels = Aligned::zeros(panels * STRETCH * PANEL);
        scratch.rows = Aligned::zeros(GROUP * PANEL);
        scratch.products = Aligned::zeros(packed(panels, 0) * PANEL * PANEL);
    }
    scratch.products.fill(0.0);
    let mut stretch = Stretch {
        bands,
        pixels: 0,
        panels: &mut scratch.panels,
        rows: &mut scratch.rows,
        sum: &mut vec![0.0; panels * PANEL],
        products: &mut scratch.products,
    };
    let mut count = 0;
    for run in unit.runs(tile) {
        if stretch.pixels + GROUP > STRETCH {
            // More often than not the pixels behind this run are the next.
            stretch.multiply(tile.bytes_of(run.start..run.start + STRETCH));
        }
        count += stretch.pack(tile, &run, &summands.counting(&run), scaling);
    }
    if count == 0 {
        return Moments::default();
    }
    stretch.multiply(&[]);
    let sum = stretch.sum[..bands].to_vec();
    Moments { count, quantised: sum.clone(), sum, products: triangle(bands, stretch.products) }
}

/// The lower triangle row by row.
fn triangle(bands: usize, products: &[f64]) -> Vec<f64> {
    let mut out = Vec::with_capacity(packed(bands, 0));
    for i in 0..bands {
        for j in (0..=i).step_by(PANEL) {
            let row = packed(i / PANEL, j / PANEL) * PANEL + i % PANEL;
            out.extend_from_slice(&products[row * PANEL..][..PANEL.min(i + 1 - j)]);
        }
    }
    out
}

/// The pixels that are multiplied next, and the sums so far.
struct Stretch<'a> {
    bands: usize,
    /// Number of pixels packed.
    pixels: usize,
    panels: &'a mut [f64],
    rows: &'a mut [f64],
    sum: &'a mut [f64],
    products: &'a mut [f64],
}

impl Stretch<'_> {
    /// Packs those pixels of a run within a group that count, and counts them.
    fn pack(&mut self, tile: &Tile, run: &Range<usize>, counts: &[bool], scaling: &Scaling) -> u64 {
        let first = run.start / GROUP * GROUP;
        let mut end = self.pixels;
        // A pixel that does not count goes where the next one is written over it.
        let places: [usize; GROUP] = std::array::from_fn(|p| {
            let place = end * PANEL;
            end += usize::from(run.contains(&(first + p)) && counts[first + p - run.start]);
            place
        });
        let pixels = run.start % GROUP / SIDE * SIDE..(run.end - first).next_multiple_of(SIDE);
        let rows = &mut self.rows[..pixels.len() * PANEL];
        for (i, panel) in self.panels.chunks_exact_mut(STRETCH * PANEL).enumerate() {
            let bands = i * PANEL..tile.bands.min((i + 1) * PANEL);
            turn(tile, bands.clone(), first, pixels.start, rows);
            let mut line = [[0.0; PANEL]; 2];
            line[0][..bands.len()].copy_from_slice(&scaling.gain[bands.clone()]);
            line[1][..bands.len()].copy_from_slice(&scaling.offset[bands]);
            wide(
                (panel, &*rows),
                #[inline(always)]
                |(panel, rows)| {
                    let [gain, offset] = line;
                    for (row, &place) in rows.as_chunks::<PANEL>().0.iter().zip(&places[pixels.clone()]) {
                        let mut differences = [0.0; PANEL];
                        for band in 0..PANEL {
                            differences[band] = row[band] * gain[band] + offset[band];
                        }
                        panel[place..][..PANEL].copy_from_slice(&differences);
                    }
                },
            );
        }
        let packed = end - self.pixels;
        self.pixels = end;
        packed as u64
    }

    /// Multiplies what is packed, while what lies `ahead` in memory comes to the cache.
    fn multiply(&mut self, ahead: &[u8]) {
        run(Multiply { stretch: self, ahead });
        self.pixels = 0;
    }
}

/// Makes rows, `[pixel][PANEL]`, of the stored values in some bands of pixels of the group that begins with `first`.
fn turn(tile: &Tile, bands: Range<usize>, first: usize, pixel: usize, rows: &mut [f64]) {
    let group = tile.index(bands.start, first)..tile.index(bands.start, first) + bands.len() * GROUP;
    if let Samples::F32(values) = &tile.samples {
        return transpose::to_rows(&values[group], pixel, PANEL, rows);
    }
    with_samples!(&tile.samples, values => {
        for (band, values) in values[group].chunks_exact(GROUP).enumerate() {
            let column = rows[band..].iter_mut().step_by(PANEL);
            column.zip(&values[pixel..]).for_each(|(to, value)| *to = value.to_f64());
        }
    });
}

struct Multiply<'a, 'b> {
    stretch: &'a mut Stretch<'b>,
    ahead: &'a [u8],
}

impl WithSimd for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Stretch { bands, pixels, panels, sum, products, .. } = self.stretch;
        let mut ahead = Ahead::<1>::of(self.ahead, usize::MAX);
        let panel = |i: usize| &panels[i * STRETCH * PANEL..][..*pixels * PANEL];
        let mut tiles = products.chunks_exact_mut(PANEL * PANEL);
        for (i, sum) in sum.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
            let sums = S::as_mut_simd_f64s(sum).0;
            for values in S::as_simd_f64s(panel(i)).0.chunks_exact(sums.len()) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = simd.add_f64s(*sum, *value);
                }
            }
            for j in 0..=i {
                let Some(tile) = tiles.next() else { return };
                let (a, b, rows) = (panel(i), panel(j), PANEL.min(*bands - i * PANEL));
                match S::F64_LANES {
                    8 => tile_of::<S, 8, 3>(simd, a, b, tile, rows, i == j, &mut ahead),
                    4 => tile_of::<S, 4, 3>(simd, a, b, tile, rows, i == j, &mut ahead),
                    _ => tile_of::<S, 4, 4>(simd, a, b, tile, rows, i == j, &mut ahead),
                }
            }
        }
    }
}

/// Adds the first rows of a panel times a panel to a tile of sums, in register tiles of `ROWS` × `VECTORS`. On the diagonal
/// those above it are left out.
#[inline(always)]
fn tile_of<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &[f64],
    b: &[f64],
    tile: &mut [f64],
    rows: usize,
    diagonal: bool,
    ahead: &mut Ahead<1>,
) {
    for row in (0..rows).step_by(ROWS) {
        for first in (0..PANEL).step_by(VECTORS * S::F64_LANES) {
            let wanted = if diagonal { (row + ROWS).saturating_sub(first).div_ceil(S::F64_LANES) } else { VECTORS };
            match wanted {
                0 => {}
                1 => register_tile::<S, ROWS, 1>(simd, a, b, tile, row, first, ahead),
                2 => register_tile::<S, ROWS, 2>(simd, a, b, tile, row, first, ahead),
                _ => register_tile::<S, ROWS, VECTORS>(simd, a, b, tile, row, first, ahead),
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
    ahead: &mut Ahead<1>,
) {
    let mut lines = ahead.lines(a.len() / PANEL, a);
    let (column, width) = (first / S::F64_LANES, PANEL / S::F64_LANES);
    let mut rows = tile[row * PANEL..].chunks_exact_mut(PANEL).map(|row| &mut S::as_mut_simd_f64s(row).0[column..]);
    let mut rows: [&mut [S::f64s]; ROWS] = std::array::from_fn(|_| rows.next().unwrap_or_default());
    let mut sums: [[S::f64s; VECTORS]; ROWS] = std::array::from_fn(|r| std::array::from_fn(|v| rows[r][v]));
    for (a, b) in a.as_chunks::<PANEL>().0.iter().zip(S::as_simd_f64s(b).0.chunks_exact(width)) {
        lines.fetch();
        let b: [S::f64s; VECTORS] = std::array::from_fn(|v| b[column + v]);
        for r in 0..ROWS {
            let a = simd.splat_f64s(a[row + r]);
            for v in 0..VECTORS {
                // Fused on every processor, also where that is slow.
                sums[r][v] = simd.mul_add_f64s(a, b[v], sums[r][v]);
            }
        }
    }
    for (to, sums) in rows.iter_mut().zip(&sums) {
        to[..VECTORS].copy_from_slice(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Place;
    use crate::tile::{SampleType, Samples, Window};

    /// A tile of values from −½ to ½, or NaN where a pixel does not count, and a unit that begins within a group.
    fn scene(sample_type: SampleType, bands: usize, width: usize, height: usize) -> (Tile, Unit, Vec<bool>) {
        let mut state = 7_u64;
        let mut value = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width: width + 5, height: height + 1 }, bands, sample_type);
        let counts: Vec<bool> = (0..tile.window.pixels()).map(|p| p % 7 != 3).collect();
        for (p, &counts) in counts.iter().enumerate() {
            for band in 0..bands {
                let at = tile.index(band, p);
                let value = if counts { value() } else { f64::NAN };
                match &mut tile.samples {
                    Samples::F64(values) => values[at] = value,
                    Samples::F32(values) => values[at] = value as f32,
                    _ => panic!("no floats"),
                }
            }
        }
        let place = Place { group: 0, level: 0, index: 0 };
        (tile, Unit { place, window: Window { x: 3, y: 1, width, height } }, counts)
    }

    #[test]
    fn sums_are_those_of_the_textbook() {
        let mut scratch = Scratch::default();
        let shapes = [(1, 16, 1), (17, 6, 8), (33, 272, 1), (285, 3, 1), (16, 100, 20)];
        for (sample_type, (bands, width, height)) in
            [SampleType::F64, SampleType::F32].into_iter().flat_map(|t| shapes.map(|shape| (t, shape)))
        {
            let (tile, unit, counts) = scene(sample_type, bands, width, height);
            let mut scaling = Scaling::uniform(bands, 2.0);
            scaling.offset[0] = 0.25;
            let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling };
            let found = moments(&summands, &unit, &mut scratch);
            let pixels = (1..=height).flat_map(|y| (3..3 + width).map(move |x| y * (width + 5) + x));
            let pixels: Vec<usize> = pixels.filter(|p| counts[*p]).collect();
            let stored = |at: usize| with_samples!(&tile.samples, values => values[at].to_f64());
            let value = |band: usize, p: usize| stored(tile.index(band, p)) * 2.0 + scaling.offset[band];
            assert_eq!(found.count, pixels.len() as u64);
            for i in 0..bands {
                let exact: f64 = pixels.iter().map(|&p| value(i, p)).sum();
                assert!((found.sum[i] - exact).abs() < 1e-12, "{bands} bands: {i}");
                for j in 0..=i {
                    let exact: f64 = pixels.iter().map(|&p| value(i, p) * value(j, p)).sum();
                    assert!((found.products[packed(i, j)] - exact).abs() < 1e-11, "{bands} bands: {i}, {j}");
                }
            }
        }
        let (tile, unit, counts) = scene(SampleType::F64, 5, 40, 2);
        let (counts, scaling) = (vec![false; counts.len()], Scaling::identity(5));
        let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling };
        let none = moments(&summands, &unit, &mut scratch);
        assert_eq!(none, Moments::default());
    }

    /// Wide registers and the plain ones that every processor has.
    #[test]
    fn the_width_of_registers_does_not_change_a_bit() {
        let (bands, pixels) = (37, 80);
        let (tile, _, counts) = scene(SampleType::F64, bands, 80, 1);
        let (mut panels, mut sum) = (vec![0.0; 2 * STRETCH * PANEL], vec![0.0; 2 * PANEL]);
        let mut rows = vec![0.0; GROUP * PANEL];
        let mut products = [vec![0.0; 3 * PANEL * PANEL], vec![0.0; 3 * PANEL * PANEL]];
        let [wide, plain] = &mut products;
        let mut stretch =
            Stretch { bands, pixels: 0, panels: &mut panels, rows: &mut rows, sum: &mut sum, products: wide };
        for first in (0..pixels).step_by(GROUP) {
            let run = first..(first + GROUP).min(pixels);
            stretch.pack(&tile, &run, &counts[run.clone()], &Scaling::identity(bands));
        }
        let packed = stretch.pixels;
        for _ in 0..3 {
            stretch.pixels = packed;
            stretch.multiply(&[]);
        }
        let mut stretch = Stretch { products: plain, pixels: packed, ..stretch };
        (0..3).for_each(|_| Multiply { stretch: &mut stretch, ahead: &[] }.with_simd(pulp::Scalar::new()));
        let [wide, plain] = products.map(|products| triangle(bands, &products));
        assert!(wide.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()) && wide.iter().all(|v| *v != 0.0));
    }
}

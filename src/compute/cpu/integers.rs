//! Sums of products of differences of stored integers of up to 16 bits, without any rounding: the same on every processor, in
//! any order, and twice as fast as in f64.
//!
//! A difference is taken from the integer nearest to the provisional mean, so that it fits 16 bits, and two pixels lie side by
//! side in 32: one instruction multiplies both by those of another band and adds the products. Sums of 32 bits are carried
//! over into 64 before they can overflow, which is seldom, as the bands' sums of squares show. What the provisional mean is
//! beside that integer comes in at the end.

use std::ops::Range;

use bytemuck::Pod;

use super::pairs::{Kernel, Sums, run};
use crate::background::{Moments, Summands, Unit, packed};
use crate::simd::{Aligned, wide};
use crate::tile::{Samples, Scaling, Tile};

const GROUP: usize = Tile::GROUP;
/// Bands of a panel.
const PANEL: usize = 32;
/// Largest difference of which the squares of a group fit 32 bits.
const SQUARED: i16 = 8191;
/// Fewer pairs are not worth carrying over.
const FEW: usize = 8;
/// Pairs of pixels of a group.
const PAIRS: usize = GROUP / 2;
/// Pairs that are multiplied at once: a panel of them takes 16 KiB.
const STRETCH: usize = 8 * PAIRS;
/// Bands that are laid into a panel at once.
const SIDE: usize = 4;

/// Kept from unit to unit.
#[derive(Default)]
pub(super) struct Scratch {
    /// `[panel][STRETCH][PANEL]`, of two differences each. What lies behind the last band is zero.
    panels: Aligned<u32>,
    /// `[pair of panels, i ≥ j][PANEL][PANEL]`, those that are not carried over yet, and all others.
    held: Aligned<i32>,
    products: Aligned<i64>,
}

/// A stored integer that 16 bits hold.
trait Stored: Pod {
    /// What is added to a value so that a signed integer of 16 bits holds it.
    const SHIFT: i32 = 0;
    /// The value with that added.
    fn shifted(self) -> i16;
}

impl Stored for i16 {
    #[inline(always)]
    fn shifted(self) -> i16 {
        self
    }
}

impl Stored for u16 {
    const SHIFT: i32 = -(1 << 15);
    #[inline(always)]
    fn shifted(self) -> i16 {
        (self ^ 1 << 15).cast_signed()
    }
}

impl Stored for u8 {
    #[inline(always)]
    fn shifted(self) -> i16 {
        self.into()
    }
}

impl Stored for i8 {
    #[inline(always)]
    fn shifted(self) -> i16 {
        self.into()
    }
}

/// Sums over the pixels of a unit. `None` where the scene does not store such integers, or differences need more than 16 bits.
pub(super) fn moments(summands: &Summands, unit: &Unit, scratch: &mut Scratch) -> Option<Moments> {
    match &summands.tile.samples {
        Samples::I16(samples) => of_stored(samples, summands, unit, scratch),
        Samples::U16(samples) => of_stored(samples, summands, unit, scratch),
        Samples::U8(samples) => of_stored(samples, summands, unit, scratch),
        Samples::I8(samples) => of_stored(samples, summands, unit, scratch),
        _ => None,
    }
}

fn of_stored<T: Stored>(samples: &[T], summands: &Summands, unit: &Unit, scratch: &mut Scratch) -> Option<Moments> {
    let (tile, bands) = (summands.tile, summands.tile.bands);
    let centres = centres::<T>(summands.scaling)?;
    let panels = bands.div_ceil(PANEL);
    if scratch.panels.len() != panels * STRETCH * PANEL {
        scratch.panels = Aligned::zeros(panels * STRETCH * PANEL);
        scratch.held = Aligned::zeros(packed(panels, 0) * PANEL * PANEL);
        scratch.products = Aligned::zeros(packed(panels, 0) * PANEL * PANEL);
    }
    scratch.held.fill(0);
    scratch.products.fill(0);
    let mut stretch = Stretch {
        pairs: 0,
        most: 0,
        sum: vec![0; panels * PANEL],
        squares: vec![0; panels * PANEL],
        held_squares: vec![0; panels * PANEL],
        panels: &mut scratch.panels,
        held: &mut scratch.held,
        products: &mut scratch.products,
    };
    let mut count = 0;
    for run in unit.runs(tile) {
        if stretch.pairs + PAIRS > STRETCH {
            stretch.multiply()?;
        }
        let counts = summands.counting(&run);
        count += counts.iter().filter(|counts| **counts).count() as u64;
        let first = run.start / GROUP * GROUP;
        let group = &samples[tile.index(0, first)..][..bands * GROUP];
        let mut mask = [0; GROUP];
        mask[run.start - first..].iter_mut().zip(counts).for_each(|(mask, counts)| *mask = -i16::from(counts));
        stretch.pack(group, &centres, &mask, (run.start - first) / 2..(run.end - first).div_ceil(2))?;
    }
    if count == 0 {
        return Some(Moments::default());
    }
    stretch.multiply()?;
    stretch.carry_over();
    let centres: Vec<i32> = centres.into_iter().map(|centre| i32::from(centre) - T::SHIFT).collect();
    Some(scaled(count, &stretch.sum[..bands], stretch.products, &centres, summands.scaling))
}

/// Of each band the shifted integer that lies nearest to the mean, which its gain and offset make zero of.
fn centres<T: Stored>(scaling: &Scaling) -> Option<Vec<i16>> {
    let centre = |(gain, offset): (&f64, &f64)| {
        let shifted = (-offset / gain).round() + f64::from(T::SHIFT);
        shifted.is_finite().then(|| shifted.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    };
    scaling.gain.iter().zip(&scaling.offset).map(centre).collect()
}

/// Sums of d = g·(x − c) + e, where g·x + offset is the difference and e what is left of it at the centre c.
fn scaled(count: u64, sum: &[i64], products: &[i64], centres: &[i32], scaling: &Scaling) -> Moments {
    let (count_f64, gain) = (count as f64, &scaling.gain[..]);
    let rests = scaling.offset.iter().zip(gain).zip(centres).map(|((offset, gain), c)| offset + gain * f64::from(*c));
    let rests: Vec<f64> = rests.collect();
    // Without what is left.
    let plain: Vec<f64> = sum.iter().zip(gain).map(|(sum, gain)| gain * *sum as f64).collect();
    let mut triangle = vec![0.0; packed(sum.len(), 0)];
    wide(
        &mut triangle[..],
        #[inline(always)]
        |triangle| {
            for i in 0..plain.len() {
                let (gain_i, plain_i, rest_i) = (gain[i], plain[i], rests[i]);
                let row = &mut triangle[packed(i, 0)..][..=i];
                for (block, to) in row.chunks_mut(PANEL).enumerate() {
                    let (first, count) = (block * PANEL, to.len());
                    let from = (packed(i / PANEL, block) * PANEL + i % PANEL) * PANEL;
                    let of_j =
                        gain[first..][..count].iter().zip(&plain[first..][..count]).zip(&rests[first..][..count]);
                    for ((to, product), ((gain, plain), rest)) in to.iter_mut().zip(&products[from..]).zip(of_j) {
                        let rests = rest * plain_i + rest_i * (plain + count_f64 * rest);
                        *to = gain_i * gain * *product as f64 + rests;
                    }
                }
            }
        },
    );
    let sum: Vec<f64> = plain.iter().zip(&rests).map(|(plain, rest)| plain + count_f64 * rest).collect();
    Moments { count, quantised: sum.clone(), sum, products: triangle }
}

/// The pairs of pixels that are multiplied next, and the sums so far.
struct Stretch<'a> {
    /// Number of pairs packed.
    pairs: usize,
    /// The largest difference among them.
    most: i16,
    /// Of each band, of all pixels that were multiplied.
    sum: Vec<i64>,
    /// Of each band, of the pairs packed, once they are summed up.
    squares: Vec<i64>,
    /// Of each band, of those whose products are not carried over yet.
    held_squares: Vec<i64>,
    panels: &'a mut [u32],
    held: &'a mut [i32],
    products: &'a mut [i64],
}

impl Stretch<'_> {
    /// Packs some pairs of a group, `[band][GROUP]`. What the mask leaves out becomes zero, which adds nothing. `None` where a
    /// difference needs more than 16 bits.
    fn pack<T: Stored>(
        &mut self,
        group: &[T],
        centres: &[i16],
        mask: &[i16; GROUP],
        pairs: Range<usize>,
    ) -> Option<()> {
        let first = self.pairs;
        let most = wide(
            &mut *self.panels,
            #[inline(always)]
            |panels| pack(group, centres, mask, pairs.clone(), first, panels),
        );
        self.pairs += pairs.len();
        self.most = self.most.max(most);
        (most < i16::MAX).then_some(())
    }

    /// Multiplies what is packed. `None` where so large differences would be carried over more often than multiplied.
    fn multiply(&mut self) -> Option<()> {
        let (panels, pairs) = (&*self.panels, self.pairs);
        self.squares.fill(0);
        run(SumUp { panels, pairs, sum: &mut self.sum, squares: &mut self.squares });
        // By Cauchy-Schwarz no sum of products is larger than the largest of squares.
        let fits = |squares: i64| squares <= i32::MAX.into();
        let known = self.most <= SQUARED && self.squares.iter().all(|squares| fits(*squares));
        if !known || self.squares.iter().zip(&self.held_squares).any(|(a, b)| !fits(a + b)) {
            self.carry_over();
        }
        // Else so many pairs of the largest differences fit.
        let most = i32::from(self.most);
        let at_once = if known { STRETCH } else { (i32::MAX / (2 * most * most)) as usize };
        if at_once < FEW {
            return None;
        }
        for first in (0..self.pairs).step_by(at_once) {
            let pairs = first..self.pairs.min(first + at_once);
            run(Multiply { panels: self.panels, pairs, sums: self.held });
            if !known {
                self.carry_over();
            }
        }
        // What is not known was carried over, and may have overflown.
        if known {
            self.held_squares.iter_mut().zip(&self.squares).for_each(|(held, squares)| *held += squares);
        }
        (self.pairs, self.most) = (0, 0);
        Some(())
    }

    /// Adds the sums of 32 bits to those of 64.
    fn carry_over(&mut self) {
        wide(
            (&mut *self.products, &mut *self.held),
            #[inline(always)]
            |(products, held)| {
                for (sum, held) in products.iter_mut().zip(held) {
                    *sum += i64::from(*held);
                    *held = 0;
                }
            },
        );
        self.held_squares.fill(0);
    }
}

/// Gives the largest difference; the largest number of 16 bits where one is larger.
#[inline(always)]
fn pack<T: Stored>(
    group: &[T],
    centres: &[i16],
    mask: &[i16; GROUP],
    pairs: Range<usize>,
    first: usize,
    panels: &mut [u32],
) -> i16 {
    let (mut most, mut least) = ([0_i16; GROUP], [0_i16; GROUP]);
    for (block, (rows, centres)) in group.as_chunks::<GROUP>().0.chunks(SIDE).zip(centres.chunks(SIDE)).enumerate() {
        let mut differences = [[0_i16; GROUP]; SIDE];
        for ((to, row), &centre) in differences.iter_mut().zip(rows).zip(centres) {
            for p in 0..GROUP {
                to[p] = row[p].shifted().saturating_sub(centre) & mask[p];
                most[p] = most[p].max(to[p]);
                least[p] = least[p].min(to[p]);
            }
        }
        let differences: [[u32; PAIRS]; SIDE] = bytemuck::cast(differences);
        let band = block * SIDE;
        let panel = &mut panels[band / PANEL * STRETCH * PANEL + first * PANEL + band % PANEL..];
        // Loops, as what closures do may be compiled without these registers.
        if pairs.len() < PAIRS {
            for (to, p) in panel.chunks_mut(PANEL).zip(pairs.clone()) {
                to[..SIDE].copy_from_slice(&differences.each_ref().map(|row| row[p]));
            }
            continue;
        }
        // Four by four, of which the compiler makes shuffles of registers.
        for square in 0..PAIRS / SIDE {
            let mut rows = [[0; SIDE]; SIDE];
            for (to, row) in rows.iter_mut().zip(&differences) {
                *to = row.as_chunks::<SIDE>().0[square];
            }
            for p in 0..SIDE {
                let pair = [rows[0][p], rows[1][p], rows[2][p], rows[3][p]];
                panel[(square * SIDE + p) * PANEL..][..SIDE].copy_from_slice(&pair);
            }
        }
    }
    let most = most.into_iter().max().unwrap_or(0);
    least.into_iter().min().map_or(most, |least| most.max(least.saturating_neg()))
}

/// Adds the differences of each band, and their squares, of pairs from the first on. Squares may overflow where differences
/// are larger than [`SQUARED`].
struct SumUp<'a> {
    panels: &'a [u32],
    pairs: usize,
    sum: &'a mut [i64],
    squares: &'a mut [i64],
}

impl Kernel for SumUp<'_> {
    #[inline(always)]
    fn run<S: Sums, const ROWS: usize, const REGISTERS: usize>(self) {
        let Self { panels, pairs, sum, squares } = self;
        let sums = sum.chunks_exact_mut(S::LANES).zip(squares.chunks_exact_mut(S::LANES));
        for (register, (sum, squares)) in sums.enumerate() {
            let (panel, first) = (register * S::LANES / PANEL, register * S::LANES % PANEL);
            let panel = &panels[panel * STRETCH * PANEL..][..pairs * PANEL];
            // A group at a time.
            for pairs in panel.chunks(PAIRS * PANEL) {
                let mut both = [[0; PANEL]; 2];
                let [mut of_sum, mut of_squares] = both.each_ref().map(|zeros| S::load(&zeros[..S::LANES]));
                for pair in pairs.as_chunks::<PANEL>().0 {
                    let bands = &pair[first..][..S::LANES];
                    of_sum = of_sum.add(ONES, bands);
                    of_squares = of_squares.add_squares(bands);
                }
                of_sum.store(&mut both[0][..S::LANES]);
                of_squares.store(&mut both[1][..S::LANES]);
                sum.iter_mut().zip(both[0]).for_each(|(sum, more)| *sum += i64::from(more));
                squares.iter_mut().zip(both[1]).for_each(|(sum, more)| *sum += i64::from(more));
            }
        }
    }
}

/// A pair of ones.
const ONES: u32 = 1 << 16 | 1;

/// Adds the products of some pairs of all bands.
struct Multiply<'a> {
    panels: &'a [u32],
    pairs: Range<usize>,
    sums: &'a mut [i32],
}

impl Kernel for Multiply<'_> {
    #[inline(always)]
    fn run<S: Sums, const ROWS: usize, const REGISTERS: usize>(self) {
        let Self { panels, pairs, sums } = self;
        let panel = |i: usize| &panels[i * STRETCH * PANEL..][pairs.start * PANEL..pairs.end * PANEL];
        let mut tiles = sums.chunks_exact_mut(PANEL * PANEL);
        for i in 0..panels.len() / (STRETCH * PANEL) {
            for (j, tile) in (0..=i).zip(&mut tiles) {
                for row in (0..PANEL).step_by(ROWS) {
                    for first in (0..PANEL).step_by(REGISTERS * S::LANES) {
                        // On the diagonal those above it are left out.
                        if i > j || first < row + ROWS {
                            register_tile::<S, ROWS, REGISTERS>(panel(i), panel(j), tile, row, first);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn register_tile<S: Sums, const ROWS: usize, const REGISTERS: usize>(
    a: &[u32],
    b: &[u32],
    tile: &mut [i32],
    row: usize,
    first: usize,
) {
    let place = |r: usize, v: usize| (row + r) * PANEL + first + v * S::LANES;
    let load = |r: usize, v: usize| S::load(&tile[place(r, v)..][..S::LANES]);
    let mut sums: [[S; REGISTERS]; ROWS] = std::array::from_fn(|r| std::array::from_fn(|v| load(r, v)));
    for (a, b) in a.as_chunks::<PANEL>().0.iter().zip(b.as_chunks::<PANEL>().0) {
        let (a, b) = (&a[row..][..ROWS], &b[first..][..REGISTERS * S::LANES]);
        for r in 0..ROWS {
            for v in 0..REGISTERS {
                sums[r][v] = sums[r][v].add(a[r], &b[v * S::LANES..][..S::LANES]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            sum.store(&mut tile[place(r, v)..][..S::LANES]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Place;
    use crate::compute::cpu::pairs::{self, Plain};
    use crate::tile::{SampleType, Window};

    /// A tile of integers from the least to the most, of which every seventh pixel does not count, and a unit that begins within
    /// a group.
    fn scene(
        sample_type: SampleType,
        (least, most): (i64, i64),
        bands: usize,
        (width, height): (usize, usize),
    ) -> (Tile, Vec<Vec<i64>>, Unit, Vec<bool>) {
        let mut state = 7_u64;
        let mut value = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            least + (state >> 33) as i64 % (most - least + 1)
        };
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width: width + 5, height: height + 1 }, bands, sample_type);
        let pixels = tile.window.pixels();
        let values: Vec<Vec<i64>> = (0..bands).map(|_| (0..pixels).map(|_| value()).collect()).collect();
        for (band, values) in values.iter().enumerate() {
            for (p, &value) in values.iter().enumerate() {
                let at = tile.index(band, p);
                match &mut tile.samples {
                    Samples::I16(samples) => samples[at] = value as i16,
                    Samples::U16(samples) => samples[at] = value as u16,
                    Samples::U8(samples) => samples[at] = value as u8,
                    Samples::I8(samples) => samples[at] = value as i8,
                    _ => panic!("no small integers"),
                }
            }
        }
        let place = Place { group: 0, level: 0, index: 0 };
        let unit = Unit { place, window: Window { x: 3, y: 1, width, height } };
        (tile, values, unit, (0..pixels).map(|p| p % 7 != 3).collect())
    }

    #[test]
    fn sums_are_those_of_the_textbook() {
        let mut scratch = Scratch::default();
        for (sample_type, range) in [
            (SampleType::I16, (-200, 9000)),
            (SampleType::I16, (-8000, 8000)),
            (SampleType::I16, (-20_000, 700)),
            (SampleType::U16, (0, 3000)),
            (SampleType::U16, (45_000, 65_535)),
            (SampleType::U8, (0, 255)),
            (SampleType::I8, (-128, 127)),
        ] {
            for (bands, size) in
                [(1, (16, 1)), (17, (6, 8)), (33, (272, 1)), (70, (3, 1)), (16, (100, 20)), (285, (40, 3))]
            {
                let (tile, values, unit, counts) = scene(sample_type, range, bands, size);
                let mean = 0.001 * (range.0 + range.1) as f64 / 2.0;
                let mut scaling = Scaling::uniform(bands, 0.001);
                scaling.offset.iter_mut().for_each(|offset| *offset = -mean + 1.3e-4);
                let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling };
                let found = moments(&summands, &unit, &mut scratch).unwrap();
                let window = unit.window;
                let pixels =
                    (1..=window.height).flat_map(|y| (3..3 + window.width).map(move |x| y * (window.width + 5) + x));
                let pixels: Vec<usize> = pixels.filter(|p| counts[*p]).collect();
                let value = |band: usize, p: usize| values[band][p] as f64 * 0.001 + scaling.offset[band];
                assert_eq!(found.count, pixels.len() as u64);
                let scale = pixels.len() as f64 * (0.001 * (range.1 - range.0) as f64).powi(2);
                for i in 0..bands {
                    let exact: f64 = pixels.iter().map(|&p| value(i, p)).sum();
                    assert!(
                        (found.sum[i] - exact).abs() < 1e-13 * scale.max(1.0),
                        "{sample_type:?}, {bands} bands: {i}"
                    );
                    for j in 0..=i {
                        let exact: f64 = pixels.iter().map(|&p| value(i, p) * value(j, p)).sum();
                        let error = (found.products[packed(i, j)] - exact).abs();
                        assert!(error < 1e-13 * scale, "{sample_type:?}, {bands} bands: {i}, {j}: {error}");
                    }
                }
            }
        }
    }

    /// Squares of the first stretch overflow, and those of the others together do not fit.
    #[test]
    fn sums_are_carried_over_behind_large_differences() {
        let (window, count) = (Window { x: 0, y: 0, width: 1024, height: 1 }, 1024);
        let mut tile = Tile::zeros(window, 2, SampleType::I16);
        for p in 0..count {
            let (band, other) = (tile.index(0, p), tile.index(1, p));
            let Samples::I16(samples) = &mut tile.samples else { panic!("i16") };
            let value = if p < 2 * STRETCH { 10_000 } else { 2000 };
            (samples[band], samples[other]) = (value, -value);
        }
        let unit = Unit { place: Place { group: 0, level: 0, index: 0 }, window };
        let (counts, scaling) = (vec![true; count], Scaling::identity(2));
        let summands = Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling };
        let found = moments(&summands, &unit, &mut Scratch::default()).unwrap();
        let squares = 256.0 * 1e8 + 768.0 * 4e6;
        assert_eq!(found.products, [squares, -squares, squares]);
        assert_eq!(found.sum, [256.0 * 1e4 + 768.0 * 2e3, -256.0 * 1e4 - 768.0 * 2e3]);
    }

    #[test]
    fn what_does_not_fit_is_left_to_f64() {
        let mut scratch = Scratch::default();
        let mut of = |sample_type, range, offset: f64, gain| {
            let (tile, _, unit, counts) = scene(sample_type, range, 3, (40, 2));
            let mut scaling = Scaling::uniform(3, gain);
            scaling.offset.fill(offset);
            moments(&Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling }, &unit, &mut scratch)
        };
        assert!(of(SampleType::I16, (-11_000, 11_000), 0.0, 1.0).is_some());
        assert!(of(SampleType::I16, (-20_000, 20_000), 0.0, 1.0).is_none(), "carried over all the time");
        assert!(of(SampleType::I16, (-30_000, 30_000), -10_000.0, 1.0).is_none(), "differences of more than 16 bits");
        assert!(of(SampleType::U16, (0, 65_535), 0.0, 1.0).is_none());
        assert!(of(SampleType::I16, (0, 9), 0.5, 0.0).is_none(), "no centre");
        let (tile, _, unit, counts) = scene(SampleType::I16, (0, 9), 3, (40, 2));
        let scaling = Scaling::identity(3);
        let none = vec![false; counts.len()];
        let summands = Summands { tile: &tile, counts: &none, nodata: None, scaling: &scaling };
        assert_eq!(moments(&summands, &unit, &mut scratch), Some(Moments::default()));
        let floats = Tile::zeros(tile.window, 3, SampleType::F32);
        assert!(moments(&Summands { tile: &floats, ..summands }, &unit, &mut scratch).is_none());
    }

    #[test]
    fn every_kernel_has_the_same_sums() {
        let panels: Vec<u32> =
            (0..3 * STRETCH * PANEL).map(|i| (i as u32).wrapping_mul(2_654_435_761) & 0x07ff_07ff).collect();
        for pairs in [0..STRETCH, 3..40, 7..8, 5..5] {
            let sums = |run: fn(Multiply<'_>)| {
                let mut sums = vec![3; packed(3, 0) * PANEL * PANEL];
                run(Multiply { panels: &panels, pairs: pairs.clone(), sums: &mut sums });
                // Above the diagonal anything may stand.
                let is_below = |(i, _): &(usize, &i32)| {
                    ![0, 2, 5].contains(&(i / (PANEL * PANEL))) || i / PANEL % PANEL >= i % PANEL
                };
                sums.iter().enumerate().filter(is_below).map(|(_, sum)| *sum).collect::<Vec<_>>()
            };
            let expected = sums(|kernel| kernel.run::<Plain, 4, 2>());
            assert_eq!(sums(|kernel| run(kernel)), expected);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has what the function is compiled for.
                assert_eq!(sums(|kernel| unsafe { pairs::x86::run_avx2(kernel) }), expected);
            }
            let two = |pair: u32| bytemuck::cast::<u32, [i16; 2]>(pair).map(i32::from);
            let product = |pair: usize| {
                let ([a, b], [c, d]) = (two(panels[pair * PANEL + 1]), two(panels[pair * PANEL]));
                a * c + b * d
            };
            // The second row of the first tile begins behind the only one of the first.
            assert_eq!(expected[1], 3 + pairs.clone().map(product).sum::<i32>());
            let sums = |run: fn(SumUp<'_>)| {
                let (mut sum, mut squares) = (vec![3; 3 * PANEL], vec![4; 3 * PANEL]);
                run(SumUp { panels: &panels, pairs: pairs.end, sum: &mut sum, squares: &mut squares });
                (sum, squares)
            };
            let expected = sums(|kernel| kernel.run::<Plain, 4, 2>());
            assert_eq!(sums(|kernel| run(kernel)), expected);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has what the function is compiled for.
                assert_eq!(sums(|kernel| unsafe { pairs::x86::run_avx2(kernel) }), expected);
            }
            let values = || (0..pairs.end).flat_map(|pair| two(panels[(STRETCH + pair) * PANEL + 5]));
            assert_eq!(expected.0[PANEL + 5], 3 + i64::from(values().sum::<i32>()));
            assert_eq!(expected.1[PANEL + 5], 4 + values().map(|d| i64::from(d * d)).sum::<i64>());
        }
    }
}

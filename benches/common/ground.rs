//! Made ground, quick enough for scenes of many gigabytes: the same bits for the same place, whoever computes it.
//!
//! Patches of minerals lie in a country of rock, soil, grass and green plants. The ground at a place is a mixture of the
//! materials at the four corners of its cell, lit by slopes of their own, with the noise of a sensor. Spectra are those of
//! alunite's modelled minerals ([`super::library`]); noise comes from a table, as the machine's normal numbers would take
//! longer than all else.

use alunite::library::resample::Resampler;
use alunite::spectrum::{Bands, Nanometers};
use alunite::synthetic::minerals::native_nm;

use super::library;

/// Samples and lines of a cell: patches of about a square kilometre at 30 m.
const CELL: usize = 40;
/// One corner in this many is a mineral's; the others are country.
const MINERAL_EVERY: u64 = 3;
/// Standard deviation of the noise: a floor, and a share of the signal.
const FLOOR: f32 = 0.0015;
const OF_SIGNAL: f32 = 0.004;
/// Numbers in the table of noise, a power of two.
const NOISE: usize = 1 << 16;
/// Least sunlight on a slope, and how much more the best has, as shares of that on flat ground.
const LIGHT: [f32; 2] = [0.5, 0.6];
/// How far, in cells, the border of the ground comes into the scene.
const BORDER: f32 = 2.0;

/// A scene's ground in a sensor's bands.
pub(crate) struct Ground {
    pub(crate) bands: Bands,
    /// `[material][band]`, reflectance.
    materials: Vec<Vec<f32>>,
    noise: Vec<f32>,
    /// Whether there is nothing outside an irregular border.
    pub(crate) bordered: bool,
}

/// What lies in a line of cells: for each pixel its cell, its way through it, and its light.
struct Line {
    /// Of each corner above and below: which material.
    above: Vec<usize>,
    below: Vec<usize>,
    /// Way from the corners above to those below, 0 to 1.
    down: f32,
    light: Vec<f32>,
    inside: std::ops::Range<usize>,
}

impl Ground {
    pub(crate) fn new(bands: Bands, bordered: bool) -> Self {
        let native = Bands { centres: native_nm().into_iter().map(Nanometers).collect(), fwhm: None };
        let resampler = Resampler::new(&native, &bands);
        let of_band = |v: f64| v as f32;
        let resampled = |(_, values): (String, Vec<f64>)| resampler.apply(&values).values.into_iter().map(of_band);
        let materials = library::spectra().into_iter().map(|s| resampled(s).collect()).collect();
        // The sum of twelve uniform numbers, less six, is nearly normal.
        let uniform = |i: usize| (hash(i as u64, 0xA0) >> 40) as f32 / (1_u64 << 24) as f32;
        let noise = (0..NOISE).map(|i| (0..12).map(|k| uniform(12 * i + k)).sum::<f32>() - 6.0).collect();
        Self { bands, materials, noise, bordered }
    }

    /// The reflectance of a line, `[band][sample]`; NaN outside the border.
    pub(crate) fn reflectance(&self, y: usize, samples: usize, out: &mut [f32]) {
        let line = self.line(y, samples);
        for (band, values) in out.chunks_exact_mut(samples).enumerate() {
            let at = |corners: &[usize], i: usize| self.materials[corners[i]][band];
            let corner = |i: usize| at(&line.above, i) * (1.0 - line.down) + at(&line.below, i) * line.down;
            for (cell, values) in values.chunks_mut(CELL).enumerate() {
                let (left, right) = (corner(cell), corner(cell + 1));
                let light = &line.light[cell * CELL..];
                let first = hash((y * self.bands.len() + band) as u64, cell as u64) as usize % (NOISE - CELL);
                let noise = &self.noise[first..first + CELL];
                for (x, value) in values.iter_mut().enumerate() {
                    let signal = light[x] * (left + (right - left) * WAY[x]);
                    *value = signal + (FLOOR + OF_SIGNAL * signal) * noise[x];
                }
            }
            values[..line.inside.start].fill(f32::NAN);
            values[line.inside.end..].fill(f32::NAN);
        }
    }

    /// The truth: of a pixel within the border, the material with the largest share, and the share.
    pub(crate) fn dominant(&self, y: usize, x: usize, samples: usize) -> Option<(usize, f32)> {
        let line = self.line(y, samples);
        let (cell, way) = (x / CELL, WAY[x % CELL]);
        let corners = [
            (line.above[cell], (1.0 - line.down) * (1.0 - way)),
            (line.above[cell + 1], (1.0 - line.down) * way),
            (line.below[cell], line.down * (1.0 - way)),
            (line.below[cell + 1], line.down * way),
        ];
        let share = |material: usize| corners.iter().filter(|c| c.0 == material).map(|c| c.1).sum::<f32>();
        let all = corners.iter().map(|&(material, _)| (material, share(material)));
        all.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| line.inside.contains(&x))
    }

    fn line(&self, y: usize, samples: usize) -> Line {
        let row = y / CELL;
        let corners = samples / CELL + 2;
        let materials = |row: usize| (0..corners).map(|c| self.material(row, c)).collect();
        let down = WAY[y % CELL];
        let slope = |row: usize, c: usize| (hash(row as u64, c as u64 ^ 0x51_0E) >> 40) as f32 / (1_u64 << 24) as f32;
        let light = |x: usize| {
            let (c, way) = (x / CELL, WAY[x % CELL]);
            let along = |row: usize| slope(row, c) * (1.0 - way) + slope(row, c + 1) * way;
            LIGHT[0] + LIGHT[1] * (along(row) * (1.0 - down) + along(row + 1) * down)
        };
        let edge = |side: usize| {
            let cells = slope(row, side) * (1.0 - down) + slope(row + 1, side) * down;
            if self.bordered { (BORDER * cells * CELL as f32) as usize } else { 0 }
        };
        let inside = edge(usize::MAX).min(samples)..samples.saturating_sub(edge(usize::MAX - 1));
        Line {
            above: materials(row),
            below: materials(row + 1),
            down,
            light: (0..samples.next_multiple_of(CELL)).map(light).collect(),
            inside: inside.start..inside.end.max(inside.start),
        }
    }

    /// The material at a corner.
    fn material(&self, row: usize, column: usize) -> usize {
        let drawn = hash(row as u64, column as u64);
        let minerals = library::MINERALS as u64;
        let country = self.materials.len() as u64 - minerals;
        let which = drawn / MINERAL_EVERY;
        (if drawn.is_multiple_of(MINERAL_EVERY) { which % minerals } else { minerals + which % country }) as usize
    }
}

/// The way from one corner of a cell to the next, 0 to 1, flat at both: corners have ground of their own.
const WAY: [f32; CELL] = {
    let mut way = [0.0; CELL];
    let mut i = 0;
    while i < CELL {
        let t = i as f32 / CELL as f32;
        way[i] = t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
        i += 1;
    }
    way
};

/// A number that looks random for a pair of others (`SplitMix64`'s mixing).
fn hash(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_add(1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

//! What pixels spread over a scene say of its values: whether they are reflectance, and how much noise is in them.

use serde::Serialize;

use crate::tile::{Sample as _, Scaling, Tile};
use crate::with_samples;

/// Pixels of a window that are looked at, at most.
const MOST: usize = 1024;

/// A median deviation times this is the standard deviation of normal noise.
const OF_MEDIAN: f64 = 1.482_602_218_505_602;

/// Pixels of a scene, in the bands in use.
#[derive(Debug, Clone, Serialize)]
pub struct Sampled {
    /// Pixels with data in all bands in use.
    pub pixels: usize,
    /// Those that are zero in all bands in use.
    pub zero: usize,
    /// Share of their values that are below zero.
    pub negative: f64,
    /// The lowest and the highest hundredth of their values, and the middle, after scaling.
    pub percentiles: [f64; 3],
    /// Mean of each band, after scaling.
    #[serde(skip)]
    pub(super) mean: Vec<f64>,
    /// Standard deviation of each band's noise, after scaling, from the differences of neighbours: their median is not moved
    /// by the borders of fields (Roger & Arnold 1996, Int. J. Remote Sensing 17, 1951, in its simplest form).
    #[serde(skip)]
    pub(super) noise: Vec<f64>,
}

impl Sampled {
    /// Of tiles of whole lines; `bands` are the places of the bands in use among the tiles' own, `scaling` is theirs. Nothing
    /// when no pixel holds data.
    pub(super) fn of(tiles: &[Tile], bands: &[usize], scaling: &Scaling, nodata: Option<f64>) -> Option<Self> {
        let mut columns: Vec<Column> = bands.iter().map(|_| Column::default()).collect();
        let (mut pixels, mut zero) = (0, 0);
        for tile in tiles {
            let middle = tile.window.pixels().saturating_sub(MOST) / 2;
            let looked = middle..(middle + MOST).min(tile.window.pixels());
            with_samples!(&tile.samples, values => {
                let missing = |value: f64| !value.is_finite() || Some(value) == nodata;
                let stored = |band: usize, p: usize| values[tile.index(band, p)].to_f64();
                // Band by band, as values lie.
                let (mut valid, mut is_zero) = (vec![true; looked.len()], vec![true; looked.len()]);
                for &band in bands {
                    for ((p, valid), is_zero) in looked.clone().zip(&mut valid).zip(&mut is_zero) {
                        let value = stored(band, p);
                        *valid &= !missing(value);
                        *is_zero &= value == 0.0;
                    }
                }
                pixels += valid.iter().filter(|v| **v).count();
                zero += valid.iter().zip(&is_zero).filter(|(valid, is_zero)| **valid && **is_zero).count();
                for (i, (column, &band)) in columns.iter_mut().zip(bands).enumerate() {
                    let value = |p: usize| stored(band, p) * scaling.gain[i] + scaling.offset[i];
                    column.add(looked.clone().map(value), &valid);
                }
            });
        }
        if pixels == 0 {
            return None;
        }
        let mean = columns.iter().map(|c| c.values.iter().sum::<f64>() / pixels as f64).collect();
        let noise =
            columns.iter_mut().map(|c| OF_MEDIAN * middle(&mut c.differences) / std::f64::consts::SQRT_2).collect();
        let mut values: Vec<f64> = columns.into_iter().flat_map(|c| c.values).collect();
        let negative = values.iter().filter(|v| **v < 0.0).count() as f64 / values.len() as f64;
        let percentiles = [0.01, 0.5, 0.99].map(|share| percentile(&mut values, share));
        Some(Self { pixels, zero, negative, percentiles, mean, noise })
    }
}

/// A band of the pixels that count.
#[derive(Default)]
struct Column {
    values: Vec<f64>,
    /// Of pixels that are neighbours.
    differences: Vec<f64>,
}

impl Column {
    fn add(&mut self, values: impl Iterator<Item = f64>, valid: &[bool]) {
        let mut before = None;
        for (value, &valid) in values.zip(valid) {
            let here = valid.then_some(value);
            self.values.extend(here);
            self.differences.extend(here.zip(before).map(|(a, b): (f64, f64)| (a - b).abs()));
            before = here;
        }
    }
}

fn middle(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which this share of the values lies; 0 of none. Changes their order.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::{SampleType, Samples, Window};

    /// A field border and a ramp: the noise is found beside them.
    #[test]
    fn noise_is_told_from_borders_of_fields() {
        let width = 900;
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width, height: 1 }, 2, SampleType::F64);
        let mut state = 5_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let at: Vec<[usize; 2]> = (0..width).map(|p| [tile.index(0, p), tile.index(1, p)]).collect();
        let Samples::F64(values) = &mut tile.samples else { panic!("f64") };
        for (p, at) in at.iter().enumerate() {
            // The sum of twelve is nearly normal with deviation 1.
            let normal: f64 = (0..12).map(|_| uniform()).sum();
            values[at[0]] = if p < 450 { 1000.0 } else { 4000.0 } + 20.0 * normal;
            values[at[1]] = if p == 7 { -9999.0 } else { 0.0 };
        }
        let scaling = Scaling::uniform(2, 1e-4);
        let found = Sampled::of(&[tile], &[0, 1], &scaling, Some(-9999.0)).unwrap();
        assert_eq!((found.pixels, found.zero, found.negative), (width - 1, 0, 0.0));
        assert!((found.noise[0] - 0.002).abs() < 2e-4 && found.noise[1] == 0.0, "{:?}", found.noise);
        assert!((found.mean[0] - 0.25).abs() < 1e-3, "{:?}", found.mean);
        assert!(found.percentiles[0] == 0.0 && found.percentiles[2] > 0.4, "{:?}", found.percentiles);
    }

    #[test]
    fn of_no_data_nothing_is_said() {
        let tile = Tile::zeros(Window { x: 0, y: 0, width: 5, height: 1 }, 1, SampleType::I16);
        assert!(Sampled::of(std::slice::from_ref(&tile), &[0], &Scaling::identity(1), Some(0.0)).is_none());
        let zero = Sampled::of(&[tile], &[0], &Scaling::identity(1), None).unwrap();
        assert_eq!((zero.pixels, zero.zero), (5, 5));
    }
}

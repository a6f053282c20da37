//! Looking through a scene's values: bands that hold nothing, fill that nobody declared, and lookup tables.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::scene::{NOWHERE, Product, Scene};
use crate::tile::{Sample, SampleType, Tile, Window};
use crate::with_samples;

/// Windows looked at for fill.
const FILL_WINDOWS: usize = 64;
/// The same at the start of a run.
const FEW_WINDOWS: usize = 8;
/// Spectra looked at for fill: enough for a share of 5 %, few enough to keep.
const FILL_SPECTRA: usize = 8192;
/// A value in more than this share of the spectra is suspicious (methods.md).
const FILL_SHARE: f64 = 0.05;
/// Windows looked at before a whole scene is read for bands without data.
const DEAD_WINDOWS: usize = 32;
/// Bytes of one window when a whole scene is read.
const WINDOW_BYTES: usize = 16 << 20;
/// Pixels of a lookup table that are looked at together, more or less.
const LOOKUP_PIXELS: usize = 1 << 20;

/// What a look through a scene found.
pub(crate) struct Look {
    /// Bands that hold no data in every pixel.
    pub(crate) dead: Vec<usize>,
    /// Pixels of the middle of the scene in all bands looked at; nothing where these hold no data.
    pub(crate) tile: Option<Tile>,
}

impl Scene {
    /// Those of `bands` that hold no data (the no-data value, NaN or infinity) in every pixel of the scene.
    ///
    /// Exact: a band is only given when all its pixels were read. Bands with data are soon found out.
    ///
    /// # Errors
    /// When the scene cannot be read.
    pub fn dead_bands(&self, bands: &[usize]) -> Result<Vec<usize>> {
        self.look(bands).map(|look| look.dead)
    }

    /// As [`Self::dead_bands`], with the pixels that were looked at first: whoever wants to know more need not read again.
    pub(crate) fn look(&self, bands: &[usize]) -> Result<Look> {
        let d = &self.description;
        let mut first = None;
        let keep = |tile: Tile| _ = first.get_or_insert(tile);
        let suspects = self.without_data(bands.to_vec(), d.sample(DEAD_WINDOWS).into_iter(), keep)?;
        let line = d.samples * suspects.len().max(1) * d.sample_type.size();
        let height = (WINDOW_BYTES / line.max(1)).max(1);
        // Whole rows of blocks, so that none is decoded twice.
        let height = if height > d.block.1 { height - height % d.block.1.max(1) } else { height };
        let all = (0..d.lines).step_by(height).map(|y| self.rows(y, height.min(d.lines - y)));
        let dead = self.without_data(suspects, all, drop)?;
        Ok(Look { dead, tile: first.filter(|tile| tile.bands == bands.len()) })
    }

    /// Windows spread over the scene, in the given bands.
    ///
    /// # Errors
    /// When the scene cannot be read.
    pub(crate) fn sampled(&self, bands: &[usize], most: usize) -> Result<Vec<Tile>> {
        let mut reader = self.sampler(bands)?;
        self.description.sample(most).into_iter().map(|window| reader.read(window)).collect()
    }

    /// The bands that hold no data in all of the windows; stops reading when none is left. `keep` gets each tile in which a
    /// band that was thought dead holds data.
    fn without_data(
        &self,
        mut bands: Vec<usize>,
        windows: impl Iterator<Item = Window>,
        mut keep: impl FnMut(Tile),
    ) -> Result<Vec<usize>> {
        let mut reader = None;
        for window in windows {
            if bands.is_empty() {
                break;
            }
            let open = match &mut reader {
                Some(open) => open,
                None => reader.insert(self.sampler(&bands)?),
            };
            let tile = open.read(window)?;
            let empty = with_data(&tile, self.description.nodata);
            if empty.contains(&true) {
                let mut alive = empty.into_iter();
                bands.retain(|_| !alive.next().unwrap_or(false));
                reader = None;
                keep(tile);
            }
        }
        Ok(bands)
    }

    /// Values that look like fill but are not declared: one value, at or below zero, in more than 5 % of the sampled
    /// spectra of a band in use. One sentence for each value.
    ///
    /// # Errors
    /// When the scene cannot be read.
    pub fn undeclared_fill(&self) -> Result<Vec<String>> {
        let d = &self.description;
        let good = (0..d.bands).filter(|&b| d.good.get(b).copied().unwrap_or(true)).collect();
        self.undeclared_fill_of(good, FILL_WINDOWS)
    }

    /// The same of the bands that are used, where looking costs little: of a few lines of raw cubes that declare no value for
    /// no data.
    ///
    /// # Errors
    /// When the scene cannot be read.
    pub(crate) fn suspected_fill(&self, bands: &[usize]) -> Result<Vec<String>> {
        if self.description.product != Product::Envi || self.description.nodata.is_some() {
            return Ok(Vec::new());
        }
        let mut bands = bands.to_vec();
        bands.sort_unstable();
        self.undeclared_fill_of(bands, FEW_WINDOWS)
    }

    fn undeclared_fill_of(&self, candidates: Vec<usize>, windows: usize) -> Result<Vec<String>> {
        let d = &self.description;
        let windows = d.sample(windows);
        let step = windows.iter().map(|w| w.pixels()).sum::<usize>().div_ceil(FILL_SPECTRA).max(1);
        let empty = self.without_data(candidates.clone(), windows.iter().copied(), drop)?;
        let bands: Vec<usize> = candidates.into_iter().filter(|b| !empty.contains(b)).collect();
        if bands.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = self.sampler(&bands)?;
        let mut low = vec![Vec::new(); bands.len()];
        let (mut spectra, mut passed) = (0, 0);
        for &window in &windows {
            let tile = reader.read(window)?;
            let first = (step - passed % step) % step;
            passed += window.pixels();
            let valid = tile.valid(d.nodata);
            let picked: Vec<usize> = (first..window.pixels()).step_by(step).filter(|&p| valid[p]).collect();
            spectra += picked.len();
            with_samples!(&tile.samples, values => collect_low(&tile, values, &picked, &mut low));
        }
        // As the file's own type writes it: -0.005, where a float64 of the same value has sixteen digits.
        let written = |value: f64| match d.sample_type {
            #[expect(clippy::cast_possible_truncation, reason = "the value was a float32")]
            SampleType::F32 => (value as f32).to_string(),
            _ => value.to_string(),
        };
        Ok(sentences(&bands, low, spectra, written))
    }

    /// Reads the whole lookup table of a scene that has one, and gives the number of the map's pixels that show the swath;
    /// nothing for a scene without one.
    ///
    /// # Errors
    /// Refuses a table that cannot be used, that leads out of the swath, or that leads nowhere.
    pub fn check_lookup(&self) -> Result<Option<u64>> {
        let (Some(map), Some(mut reader)) = (self.description.lookup.clone()?, self.lookup()) else { return Ok(None) };
        let (mut places, mut shown) = (Vec::new(), 0);
        let height = (LOOKUP_PIXELS / map.samples).max(1);
        for y in (0..map.lines).step_by(height) {
            reader.read(y..(y + height).min(map.lines), &mut places)?;
            shown += places.iter().filter(|p| **p != NOWHERE).count() as u64;
        }
        if shown > 0 {
            return Ok(Some(shown));
        }
        let place = format!("{}, lookup table", self.description.path.display());
        let what = format!("all {} x {} pixels are fill, expected places in the swath", map.lines, map.samples);
        Err(Error::refused(place, what).hint("pass --geometry swath, or fetch the file again"))
    }

    fn rows(&self, y: usize, height: usize) -> Window {
        Window { x: 0, y, width: self.description.samples, height }
    }
}

/// Per band of the tile: whether any pixel holds data.
fn with_data(tile: &Tile, nodata: Option<f64>) -> Vec<bool> {
    fn any<T: Sample>(tile: &Tile, values: &[T], nodata: Option<f64>) -> Vec<bool> {
        let nodata = nodata.and_then(T::nodata);
        let holds = |band| tile.band(values, band).any(|&v| v.is_finite() && Some(v) != nodata);
        (0..tile.bands).map(holds).collect()
    }
    with_samples!(&tile.samples, values => any(tile, values, nodata))
}

/// Adds the values at or below zero of the picked pixels to each band's list.
fn collect_low<T: Sample>(tile: &Tile, values: &[T], picked: &[usize], low: &mut [Vec<f64>]) {
    for (band, low) in low.iter_mut().enumerate() {
        // Adding zero turns -0 into 0.
        low.extend(picked.iter().map(|&p| values[tile.index(band, p)].to_f64() + 0.0).filter(|&v| v <= 0.0));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of at most a few thousand")]
fn sentences(bands: &[usize], low: Vec<Vec<f64>>, spectra: usize, written: impl Fn(f64) -> String) -> Vec<String> {
    let mut suspicious: BTreeMap<u64, (f64, Vec<usize>, usize)> = BTreeMap::new();
    for (&band, mut values) in bands.iter().zip(low) {
        values.sort_by(f64::total_cmp);
        for run in values.chunk_by(|a, b| a == b).filter(|run| run.len() as f64 > FILL_SHARE * spectra as f64) {
            let entry = suspicious.entry(run[0].to_bits()).or_insert((run[0], Vec::new(), 0));
            entry.1.push(band + 1);
            entry.2 = entry.2.max(run.len());
        }
    }
    let sentence = |(value, bands, most): (f64, Vec<usize>, usize)| {
        let (share, value) = (100.0 * most as f64 / spectra as f64, written(value));
        format!(
            "the value {value} stands in up to {share:.0} % of the sampled spectra, in {} (counted from 1): perhaps fill \
             that is not declared; pass --nodata {value} if so (it replaces a value that the file declares)",
            ranges(&bands)
        )
    };
    suspicious.into_values().map(sentence).collect()
}

/// `bands 3-5, 9`.
fn ranges(bands: &[usize]) -> String {
    let runs = bands.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        one => one.iter().map(usize::to_string).collect(),
    });
    let word = if bands.len() == 1 { "band" } else { "bands" };
    format!("{word} {}", runs.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_written_as_ranges() {
        assert_eq!(ranges(&[3, 4, 5, 9]), "bands 3-5, 9");
        assert_eq!(ranges(&[7]), "band 7");
    }

    #[test]
    fn a_value_in_more_than_a_twentieth_is_told() {
        let low = vec![vec![-50.0; 6], vec![-50.0, -1.0, 0.0], vec![0.0; 5]];
        let told = sentences(&[0, 1, 4], low, 100, |value| value.to_string());
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("value -50 stands in up to 6 %") && told[0].contains("band 1 "), "{told:?}");
    }
}

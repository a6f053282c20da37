//! What the classes of a map look like in the scene: mean spectra over pixels spread over it, beside the library's.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::info_span;

use super::geometry::Geometry;
use super::plan::{Plan, Planned};
use crate::error::{Error, Result};
use crate::map::RasterReader;
use crate::map::files::write_beside;
use crate::scene::Scene;
use crate::tile::{Sample as _, Scaling, Tile};
use crate::with_samples;

/// The file's name.
pub const SPECTRA: &str = "spectra.json";

/// Windows of a scene that are read.
const WINDOWS: usize = 48;
/// Of a format whose blocks are decoded whole, one block in so many.
const ONE_BLOCK_IN: usize = 16;

/// What `spectra.json` says.
#[derive(Debug, Serialize)]
struct ClassSpectra {
    /// The method whose classes they are.
    method: &'static str,
    /// How the pixels were chosen.
    sampled: String,
    /// Centres of the bands in use, when the scene has them.
    wavelengths_nm: Option<Vec<f64>>,
    classes: Vec<ClassSpectrum>,
}

/// All lists have one value for each band in use.
#[derive(Debug, Serialize)]
struct ClassSpectrum {
    value: u16,
    name: String,
    /// Pixels of the class among those sampled.
    n: u64,
    /// Their mean and standard deviation, in what the scene holds after scaling; empty without pixels.
    mean: Vec<f64>,
    deviation: Vec<f64>,
    /// The library's spectrum times `library_scale`, which gives it the mean's brightness: the same sum over the bands.
    library: Vec<f64>,
    library_scale: f64,
}

/// Reads some windows of the scene and writes the mean spectrum of each class of the first method that has classes, as it
/// stands in its finished class map in `out`. The same scene and map give the same file. Nothing is written when no method
/// has classes, or when the map has another geometry than the scene (a swath on its map).
///
/// # Errors
/// When scene or map cannot be read, or the file cannot be written.
pub fn class_spectra(planned: &Planned, plan: &Plan, out: &Path) -> Result<Option<PathBuf>> {
    let _span = info_span!("class spectra").entered();
    let Some(method) = plan.methods.iter().find(|m| m.method.has_targets()) else { return Ok(None) };
    if plan.geometry == Some(Geometry::Map) {
        return Ok(None);
    }
    let map = RasterReader::open(&out.join(format!("{}_classes.tif", method.word)))?;
    let mut sums = Sums::new(plan.targets.len(), plan.bands.len());
    let windows = windows(&planned.scene);
    let mut reader = planned.scene.reader(&plan.bands)?;
    for &window in &windows {
        let classes = map.classes(0, window)?;
        sums.add(&reader.read(window)?, &classes, &planned.scaling);
    }
    let class = |(i, name): (usize, &String)| {
        let library: Vec<f64> = planned.spectra.row(i).to_vec();
        let (n, mean, deviation) = sums.of(i);
        let scale = same_brightness(&mean, &library);
        ClassSpectrum {
            value: i as u16 + 1,
            name: name.clone(),
            n,
            mean: mean.into_iter().map(rounded).collect(),
            deviation: deviation.into_iter().map(rounded).collect(),
            library: library.iter().map(|v| rounded(v * scale)).collect(),
            library_scale: rounded(scale),
        }
    };
    let spectra = ClassSpectra {
        method: method.word,
        sampled: format!("{} windows of one line spread over the scene", windows.len()),
        wavelengths_nm: plan.band_facts.as_ref().map(|f| f.centres.iter().map(|c| c.0).collect()),
        classes: plan.targets.iter().enumerate().map(class).collect(),
    };
    let path = out.join(SPECTRA);
    let text = serde_json::to_vec(&spectra).map_err(|e| Error::failed(SPECTRA, e))?;
    write_beside(&path, &text)?.publish()?;
    Ok(Some(path))
}

fn windows(scene: &Scene) -> Vec<crate::tile::Window> {
    let described = &scene.description;
    let affordable = if described.format == "ENVI" { WINDOWS } else { described.blocks() / ONE_BLOCK_IN };
    described.sample(affordable.clamp(1, WINDOWS))
}

/// Sums of the pixels of each class, about the first of them, so that squares of nearly equal values do not cancel.
struct Sums {
    bands: usize,
    classes: Vec<Sum>,
}

#[derive(Clone, Default)]
struct Sum {
    n: u64,
    first: Vec<f64>,
    differences: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn new(classes: usize, bands: usize) -> Self {
        Self { bands, classes: vec![Sum::default(); classes] }
    }

    /// Takes the pixels of a tile; `classes` are their values in the map, from 1.
    fn add(&mut self, tile: &Tile, classes: &[u16], scaling: &Scaling) {
        with_samples!(&tile.samples, values => {
            for (pixel, &class) in classes.iter().enumerate() {
                let Some(sum) = usize::from(class).checked_sub(1).and_then(|i| self.classes.get_mut(i)) else { continue };
                let value = |band: usize| {
                    values[tile.index(band, pixel)].to_f64() * scaling.gain[band] + scaling.offset[band]
                };
                if sum.n == 0 {
                    sum.first = (0..self.bands).map(value).collect();
                    (sum.differences, sum.squares) = (vec![0.0; self.bands], vec![0.0; self.bands]);
                }
                sum.n += 1;
                for band in 0..self.bands {
                    let difference = value(band) - sum.first[band];
                    sum.differences[band] += difference;
                    sum.squares[band] += difference * difference;
                }
            }
        });
    }

    /// Pixels, mean and standard deviation (of the sample; 0 of one pixel) of a class.
    fn of(&self, class: usize) -> (u64, Vec<f64>, Vec<f64>) {
        let sum = &self.classes[class];
        let n = sum.n as f64;
        let mean = sum.first.iter().zip(&sum.differences).map(|(first, d)| first + d / n).collect();
        let variance = |(d, s): (&f64, &f64)| (s - d * d / n).max(0.0) / (n - 1.0).max(1.0);
        (sum.n, mean, sum.differences.iter().zip(&sum.squares).map(variance).map(f64::sqrt).collect())
    }
}

/// The factor that gives the library's spectrum the mean's sum; 1 where there is none.
fn same_brightness(mean: &[f64], library: &[f64]) -> f64 {
    let (wanted, has): (f64, f64) = (mean.iter().sum(), library.iter().sum());
    let scale = wanted / has;
    if scale.is_finite() && scale > 0.0 { scale } else { 1.0 }
}

/// Six digits: more than a spectrum has.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(5 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::{SampleType, Samples, Window};

    #[test]
    fn means_and_deviations_are_those_of_each_class() {
        let mut tile = Tile::zeros(Window { x: 0, y: 0, width: 5, height: 1 }, 2, SampleType::I16);
        let at: Vec<[usize; 2]> = (0..5).map(|p| [tile.index(0, p), tile.index(1, p)]).collect();
        let Samples::I16(values) = &mut tile.samples else { panic!("i16") };
        for (p, at) in at.iter().enumerate() {
            (values[at[0]], values[at[1]]) = (1000 + 100 * p as i16, 2000);
        }
        let mut sums = Sums::new(3, 2);
        // No data, unclassified and a value beyond the targets are of no class.
        sums.add(&tile, &[1, 1, 255, 0, 2], &Scaling::uniform(2, 1e-4));
        let (n, mean, deviation) = sums.of(0);
        assert_eq!((n, mean.len()), (2, 2));
        assert!((mean[0] - 0.105).abs() < 1e-12 && (mean[1] - 0.2).abs() < 1e-12, "{mean:?}");
        assert!((deviation[0] - 0.01 / 2_f64.sqrt()).abs() < 1e-12 && deviation[1] == 0.0, "{deviation:?}");
        assert_eq!((sums.of(1).0, sums.of(1).2), (1, vec![0.0, 0.0]));
        assert_eq!(sums.of(2), (0, Vec::new(), Vec::new()));
    }

    #[test]
    fn a_library_is_scaled_only_where_that_means_something() {
        assert!((same_brightness(&[0.2, 0.4], &[0.1, 0.2]) - 2.0).abs() < 1e-12);
        assert_eq!(same_brightness(&[], &[0.1, 0.2]), 1.0);
        assert_eq!(same_brightness(&[0.1], &[-0.2]), 1.0);
        assert_eq!([0.123_456_789, -12_345.678, 0.0].map(rounded), [0.123_457, -12_345.7, 0.0]);
    }
}

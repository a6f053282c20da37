//! What the classes of a map look like in the scene: mean spectra over pixels spread over it, beside the library's.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::info_span;

use super::part::Parts;
use super::plan::{Plan, Planned};
use super::run::Mapped;
use crate::compute::Scores;
use crate::error::{Error, Result};
use crate::map::files::write_beside;
use crate::scene::Scene;
use crate::tile::{Sample as _, Scaling, Tile, Window};
use crate::with_samples;

/// The file's name.
pub const SPECTRA: &str = "spectra.json";

/// Windows of a scene that are read.
const WINDOWS: usize = 48;
/// Of a format whose blocks are decoded whole, one block in so many.
const ONE_BLOCK_IN: usize = 16;

/// What `spectra.json` says: of one scene itself, of a mosaic scene by scene.
#[derive(Debug, Serialize)]
struct File<'a> {
    /// The method whose classes they are.
    method: &'static str,
    #[serde(flatten)]
    alone: Option<&'a ClassSpectra>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scenes: Vec<OfScene<'a>>,
}

/// A scene of a mosaic.
#[derive(Debug, Serialize)]
struct OfScene<'a> {
    name: &'a str,
    #[serde(flatten)]
    spectra: &'a ClassSpectra,
}

/// Mean spectra of the classes of a scene.
#[derive(Debug, Serialize)]
pub struct ClassSpectra {
    #[serde(skip)]
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

/// Reads some windows of a scene and gives the mean spectrum of each class of the first method that has classes, as the map
/// stage found it in the scene's own pixels: those of a swath before they go through the lookup table, those of a mosaic
/// before one scene is chosen where several overlap. The same scene and parts give the same spectra; nothing when no method
/// has classes. `mapped` is what the map stage left; [`super::finish()`] removes its parts.
///
/// # Errors
/// When the scene or a part cannot be read.
pub fn class_spectra(planned: &Planned, plan: &Plan, mapped: &Mapped) -> Result<Option<ClassSpectra>> {
    let _span = info_span!("class spectra").entered();
    let Some(method) = plan.methods.iter().position(|m| m.method.has_targets()) else { return Ok(None) };
    let mut sums = Sums::new(plan.targets.len(), plan.bands.len());
    let windows = windows(&planned.scene);
    let classes = classes(plan, method, &Parts::open(&mapped.parts, plan.identity())?, &windows)?;
    let mut reader = planned.scene.reader(&plan.bands)?;
    for (&window, classes) in windows.iter().zip(&classes) {
        sums.add(&reader.read(window)?, classes, &planned.scaling);
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
    Ok(Some(ClassSpectra {
        method: plan.methods[method].word,
        sampled: format!("{} windows of one line spread over the scene", windows.len()),
        wavelengths_nm: plan.band_facts.as_ref().map(|f| f.centres.iter().map(|c| c.0).collect()),
        classes: plan.targets.iter().enumerate().map(class).collect(),
    }))
}

/// Writes the spectra of a scene, or of the scenes of a mosaic with their names; nothing when there are none. A run that
/// finishes removes those of an earlier one.
///
/// # Errors
/// When the file cannot be written.
pub fn write_spectra(out: &Path, spectra: &[(Option<&str>, ClassSpectra)]) -> Result<Option<PathBuf>> {
    let Some((_, first)) = spectra.first() else { return Ok(None) };
    let file = File {
        method: first.method,
        alone: spectra.iter().find(|(name, _)| name.is_none()).map(|(_, spectra)| spectra),
        scenes: spectra.iter().filter_map(|(name, spectra)| Some(OfScene { name: (*name)?, spectra })).collect(),
    };
    let path = out.join(SPECTRA);
    let text = serde_json::to_vec(&file).map_err(|e| Error::failed(SPECTRA, e))?;
    write_beside(&path, &text)?.publish()?;
    Ok(Some(path))
}

fn windows(scene: &Scene) -> Vec<Window> {
    let described = &scene.description;
    let affordable = if described.format == "ENVI" { WINDOWS } else { described.blocks() / ONE_BLOCK_IN };
    described.sample(affordable.clamp(1, WINDOWS))
}

/// The classes of some windows of one line, as they lie in the scene's parts; each part that holds some is read once.
fn classes(plan: &Plan, method: usize, parts: &Parts, windows: &[Window]) -> Result<Vec<Vec<u16>>> {
    let (planned, shape) = (&plan.methods[method], plan.shape());
    let mut classes: Vec<Vec<u16>> = windows.iter().map(|w| vec![Scores::NODATA; w.width]).collect();
    for (index, &from) in plan.windows.iter().enumerate() {
        let meets = |w: &Window| {
            (from.y..from.y + from.height).contains(&w.y) && w.x < from.x + from.width && from.x < w.x + w.width
        };
        let mut met = windows.iter().zip(&mut classes).filter(|(w, _)| meets(w)).peekable();
        if met.peek().is_none() {
            continue;
        }
        let part = parts.take(index, from, &shape)?;
        let map = &part.scores.maps[method];
        for (window, classes) in met {
            for x in window.x.max(from.x)..(window.x + window.width).min(from.x + from.width) {
                let pixel = (window.y - from.y) * from.width + x - from.x;
                classes[x - window.x] = planned.class(map.best[pixel], map.score[pixel], Scores::NODATA);
            }
        }
    }
    Ok(classes)
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
    use crate::tile::{SampleType, Samples};

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

//! The arrays that kernels and rivals work on: mixtures of smooth spectra, shaded, with noise, in tiles as a run has them.

use std::sync::Mutex;

use alunite::background::{Background, Shrinkage, Summands, Tree, Unit, Units};
use alunite::compute::{Summing, Task};
use alunite::methods::{Method, Model, Needs};
use alunite::tile::{Sample as _, SampleType, Samples, Scaling, Tile, Window};
use alunite::with_samples;
use ndarray::Array2;

/// Spectra that the ground is mixed from.
const GROUND: usize = 40;
/// Samples of a granule of EMIT.
const SAMPLES: usize = 1242;
/// Reflectance of one step of an integer scene, as most products store it.
const STEP: f64 = 1e-4;
/// No data in integer scenes, at the left edge of every line.
const NODATA: i16 = i16::MIN;
const EDGE: usize = 40;
/// Pixels that the provisional mean of statistics is taken from, about.
const SAMPLED: usize = 1000;

/// Reproducible numbers from 0 to 1.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn spectrum(&mut self, bands: usize) -> Vec<f64> {
        let (level, slope) = (0.2 + 0.5 * self.unit(), 0.4 * self.unit() - 0.2);
        let dips: Vec<_> = (0..4).map(|_| (self.unit(), 0.02 + 0.1 * self.unit(), 0.4 * self.unit())).collect();
        let value = |b: usize| {
            let at = b as f64 / bands as f64;
            let dip: f64 = dips.iter().map(|(c, w, d)| d * (-((at - c) / w).powi(2)).exp()).sum();
            ((level + slope * at) * (1.0 - dip)).max(0.01)
        };
        (0..bands).map(value).collect()
    }
}

/// Targets of shape (count, bands).
pub(crate) fn targets(count: usize, bands: usize) -> Array2<f64> {
    let mut random = Random(count as u64);
    let rows = (0..count).flat_map(|_| random.spectrum(bands)).collect();
    Array2::from_shape_vec((count, bands), rows).expect("as many values")
}

/// A scene in memory.
pub(crate) struct Arrays {
    pub(crate) tiles: Vec<Tile>,
    pub(crate) scaling: Scaling,
    pub(crate) nodata: Option<f64>,
}

impl Arrays {
    /// `tiles` of `lines` lines and EMIT's samples, f32 or i16. Eight lines of 285 bands in f32 take 11 MB, as in a run.
    pub(crate) fn new(bands: usize, sample_type: SampleType, tiles: usize, lines: usize) -> Self {
        let mut random = Random(7);
        let ground: Vec<Vec<f64>> = (0..GROUND).map(|_| random.spectrum(bands)).collect();
        let window = |i: usize| Window { x: 0, y: i * lines, width: SAMPLES, height: lines };
        let tiles = (0..tiles).map(|i| tile(window(i), &ground, sample_type, &mut random)).collect();
        let integers = sample_type == SampleType::I16;
        let scaling = if integers { Scaling::uniform(bands, STEP) } else { Scaling::identity(bands) };
        Self { tiles, scaling, nodata: integers.then_some(f64::from(NODATA)) }
    }

    pub(crate) fn bands(&self) -> usize {
        self.scaling.gain.len()
    }

    pub(crate) fn sample_type(&self) -> SampleType {
        self.tiles[0].samples.sample_type()
    }

    pub(crate) fn pixels(&self) -> usize {
        self.tiles.iter().map(|t| t.window.pixels()).sum()
    }

    /// Bytes of samples.
    pub(crate) fn bytes(&self) -> usize {
        self.pixels() * self.bands() * self.sample_type().size()
    }

    /// The reflectance of a pixel.
    pub(crate) fn pixel(&self, tile: &Tile, p: usize) -> Vec<f64> {
        let stored = |b: usize| with_samples!(&tile.samples, values => values[tile.index(b, p)].to_f64());
        (0..self.bands()).map(|b| stored(b) * self.scaling.gain[b] + self.scaling.offset[b]).collect()
    }

    /// A task of one method.
    pub(crate) fn task(&self, method: &'static dyn Method, targets: &Array2<f64>, model: Option<&Model>) -> Task {
        let task = Task::new(&[method], targets.view(), model, self.sample_type(), self.scaling.clone());
        task.expect("targets that have scores").with_nodata(self.nodata)
    }

    /// Mean and covariance as a run makes them: a provisional mean, units, a tree.
    pub(crate) fn background(&self, sums: &mut dyn Summing) -> Background {
        let about = self.provisional_mean();
        let last = self.tiles.last().expect("a tile").window;
        let units = Units::new(last.y + last.height, last.width, None);
        let (tree, differences) = (Mutex::new(Tree::default()), self.scaling.less(&about));
        for tile in &self.tiles {
            let within = units.within(tile.window).expect("whole units");
            let all = vec![true; tile.window.pixels()];
            let summands = Summands { tile, counts: &all, nodata: self.nodata, scaling: &differences };
            let take = |unit: &Unit, sum| tree.lock().expect("a tree").insert(unit.place, sum, units.count(0));
            sums.sum(&summands, &within, &take).expect("sums");
        }
        let tree = tree.into_inner().expect("a tree");
        Background::new(&about, tree.whole(&units, 0).expect("all units")).expect("pixels")
    }

    /// From pixels spread over the scene, as a run takes it.
    fn provisional_mean(&self) -> Vec<f64> {
        let step = (self.pixels() / SAMPLED).max(1);
        let (mut sum, mut count, mut valid) = (vec![0.0; self.bands()], 0.0, Vec::new());
        for tile in &self.tiles {
            for p in (0..tile.window.pixels()).step_by(step) {
                tile.valid_in(p..p + 1, self.nodata, &mut valid);
                if valid[0] {
                    sum.iter_mut().zip(self.pixel(tile, p)).for_each(|(s, v)| *s += v);
                    count += 1.0;
                }
            }
        }
        sum.into_iter().map(|s| s / count).collect()
    }
}

/// A background factorised for a method; the arrays vary in all bands, so nothing is mixed in.
pub(crate) fn model(background: &Background, needs: Needs) -> Option<Model> {
    let none = Model { mean: background.mean.clone(), covariance: None, correlation: None };
    match needs {
        Needs::Nothing => None,
        Needs::Covariance => {
            let factor = background.factor_covariance(Shrinkage::None).expect("a sound covariance");
            Some(Model { covariance: Some(factor), ..none })
        }
        Needs::Correlation => {
            let factor = background.factor_correlation(Shrinkage::None).expect("a sound correlation matrix");
            Some(Model { correlation: Some(factor), ..none })
        }
    }
}

/// Three spectra of the ground in each pixel.
fn tile(window: Window, ground: &[Vec<f64>], sample_type: SampleType, random: &mut Random) -> Tile {
    let bands = ground[0].len();
    let mut tile = Tile::zeros(window, bands, sample_type);
    for p in 0..window.pixels() {
        let [first, second, third] = std::array::from_fn(|_| &ground[(random.unit() * GROUND as f64) as usize]);
        let (a, b, light) = (random.unit(), random.unit(), 0.3 + 0.8 * random.unit());
        for band in 0..bands {
            let mixed = a * first[band] + (1.0 - a) * (b * second[band] + (1.0 - b) * third[band]);
            let signal = light * mixed + 0.004 * (random.unit() - 0.5);
            let at = tile.index(band, p);
            match &mut tile.samples {
                Samples::F32(values) => values[at] = signal as f32,
                Samples::I16(values) if p % window.width < EDGE => values[at] = NODATA,
                Samples::I16(values) => values[at] = (signal / STEP).round() as i16,
                _ => unreachable!("arrays are f32 or i16"),
            }
        }
    }
    tile
}

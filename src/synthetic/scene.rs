//! The demo's cube, written line by line.

use std::path::Path;

use super::geology::{Ground, MATERIALS, Shares};
use super::minerals::{ALL, BACKGROUNDS, native_nm};
use super::noise::{Field, Random};
use super::write::{NODATA, scene_header, whole_file};
use super::{Settings, Truth, sensor};
use crate::error::Result;
use crate::library::resample::Resampler;
use crate::spectrum::{Bands, Nanometers};

/// Noise of a sensor like EMIT: a floor, and a part that grows with the signal (standard deviations, reflectance).
const NOISE_FLOOR: f64 = 0.002;
const NOISE_OF_SIGNAL: f64 = 0.004;

/// Writes the cube at `path` and its header; returns the truth's `dominant` and `fraction`.
pub(super) fn write(path: &Path, settings: &Settings) -> Result<(Vec<u8>, Vec<f32>)> {
    let bands = sensor::emit();
    let painter = Painter::new(settings, &bands);
    let pixels = settings.lines.saturating_mul(settings.samples);
    let (mut dominant, mut fraction) = (Vec::with_capacity(pixels), Vec::with_capacity(pixels));
    whole_file(path, |out| {
        let mut bytes = Vec::new();
        for line in 0..settings.lines {
            let ground = painter.line_of_ground(line);
            for pixel in &ground {
                let (class, share) = pixel.as_ref().map_or((Truth::NODATA, 0.0), |p| truth_of(&p.shares));
                dominant.push(class);
                fraction.push(share);
            }
            painter.paint(line, &ground, &mut bytes);
            out.write_all(&bytes)?;
        }
        Ok(())
    })?;
    scene_header(path, settings, &bands)?;
    Ok((dominant, fraction))
}

/// One pixel within the swath.
struct Pixel {
    shares: Shares,
    light: f64,
}

struct Painter {
    settings: Settings,
    ground: Ground,
    edge: Field,
    /// For each band the reflectance of every material, or nothing where water vapour hides it.
    bands: Vec<Option<[f64; MATERIALS]>>,
}

impl Painter {
    fn new(settings: &Settings, bands: &Bands) -> Self {
        let native = Bands { centres: native_nm().into_iter().map(Nanometers).collect(), fwhm: None };
        let resampler = Resampler::new(&native, bands);
        let spectra: Vec<Vec<f64>> = ALL
            .iter()
            .chain(&BACKGROUNDS)
            .map(|material| resampler.apply(&material.spectrum(&native_nm())).values)
            .collect();
        let of_band = |band: usize| std::array::from_fn(|material| spectra[material][band]);
        let good = sensor::good(bands);
        Self {
            settings: *settings,
            ground: Ground::new(settings.seed, ratio(settings.lines, settings.samples)),
            edge: Field::new(settings.seed, 11, 3.0),
            bands: good.iter().enumerate().map(|(band, &good)| good.then(|| of_band(band))).collect(),
        }
    }

    /// The pixels of one line; `None` outside the swath.
    fn line_of_ground(&self, line: usize) -> Vec<Option<Pixel>> {
        let y = (as_f64(line) + 0.5) / as_f64(self.settings.samples);
        // An orthorectified swath leans, and its edges follow the terrain a little.
        let lean = 0.08 * (as_f64(line) + 0.5) / as_f64(self.settings.lines);
        let wave = 0.012 * (self.edge.at((0.0, 4.0 * y)) - 0.5);
        let (left, right) = (0.012 + lean + wave, 0.908 + lean + wave);
        let pixel = |sample: usize| {
            let x = (as_f64(sample) + 0.5) / as_f64(self.settings.samples);
            (left..right)
                .contains(&x)
                .then(|| Pixel { shares: self.ground.shares((x, y)), light: self.ground.illumination((x, y)) })
        };
        (0..self.settings.samples).map(pixel).collect()
    }

    /// The line's values, `[band][sample]`, as little-endian bytes.
    fn paint(&self, line: usize, ground: &[Option<Pixel>], bytes: &mut Vec<u8>) {
        let mut random = Random::new(self.settings.seed, line as u64);
        bytes.clear();
        for band in &self.bands {
            for pixel in ground {
                let value = match (pixel, band) {
                    (None, _) => NODATA,
                    (Some(_), None) => sensor::WATER_FILL,
                    (Some(pixel), Some(materials)) => {
                        let mixed: f64 = pixel.shares.iter().zip(materials).map(|(share, r)| share * r).sum();
                        let signal = mixed * pixel.light;
                        let noisy = signal + (NOISE_FLOOR + NOISE_OF_SIGNAL * signal) * random.normal();
                        #[expect(clippy::cast_possible_truncation, reason = "the cube is float32")]
                        let stored = noisy as f32;
                        stored
                    }
                };
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

/// The class with the largest share and that share; backgrounds count together, as class 0.
fn truth_of(shares: &Shares) -> (u8, f32) {
    let (minerals, backgrounds) = shares.split_at(ALL.len());
    let candidates = std::iter::once(backgrounds.iter().sum::<f64>()).chain(minerals.iter().copied());
    let (class, share) = (0..).zip(candidates).fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best });
    #[expect(clippy::cast_possible_truncation, reason = "the truth is float32")]
    let share = share as f32;
    (class, share)
}

#[expect(clippy::cast_precision_loss, reason = "scene sizes are far below 2^53")]
fn as_f64(n: usize) -> f64 {
    n as f64
}

fn ratio(a: usize, b: usize) -> f64 {
    as_f64(a) / as_f64(b)
}

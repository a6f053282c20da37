//! What the sensor stores of a line of ground: the materials mixed, lit, and seen with noise.

use super::geology::{MATERIALS, Shares};
use super::minerals::{ALL, BACKGROUNDS, native_nm};
use super::noise::Random;
use super::sensor;
use super::write::NODATA;
use crate::library::resample::Resampler;
use crate::spectrum::{Bands, Nanometers};

/// Noise of a sensor like EMIT: a floor, and a part that grows with the signal (standard deviations, reflectance).
const NOISE_FLOOR: f64 = 0.002;
const NOISE_OF_SIGNAL: f64 = 0.004;

/// One pixel within the swath.
pub(super) struct Pixel {
    pub(super) shares: Shares,
    /// Sunlight on it, as a share of that on flat ground.
    pub(super) light: f64,
}

/// Makes the values of a cube.
pub(super) struct Painter {
    seed: u64,
    /// For each band the reflectance of every material, or nothing where water vapour hides it.
    bands: Vec<Option<[f64; MATERIALS]>>,
}

impl Painter {
    /// `seed`: of the noise, which is the same whatever the ground.
    pub(super) fn new(seed: u64, bands: &Bands) -> Self {
        let native = Bands { centres: native_nm().into_iter().map(Nanometers).collect(), fwhm: None };
        let resampler = Resampler::new(&native, bands);
        let spectra: Vec<Vec<f64>> = ALL
            .iter()
            .chain(&BACKGROUNDS)
            .map(|material| resampler.apply(&material.spectrum(&native_nm())).values)
            .collect();
        let of_band = |band: usize| std::array::from_fn(|material| spectra[material][band]);
        let good = sensor::good(bands);
        Self { seed, bands: good.iter().enumerate().map(|(band, &good)| good.then(|| of_band(band))).collect() }
    }

    /// The line's values, `[band][sample]`, as little-endian bytes. Pixels that are `None` have no data.
    pub(super) fn paint(&self, line: usize, ground: &[Option<Pixel>], bytes: &mut Vec<u8>) {
        let mut random = Random::new(self.seed, line as u64);
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

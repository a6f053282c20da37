//! Whether targets can be found and told apart in a scene's bands.

use libm::erfc;
use serde::Serialize;

use super::sampled::Sampled;
use crate::library::Axis;
use crate::library::features::{Feature, features};
use crate::library::select::Target;
use crate::spectrum::Bands;

/// Bands within an absorption's width at half depth that it takes to see it: two samples a width.
const BANDS_A_FEATURE: usize = 2;

/// Two targets that the noise separates by less than two of its deviations: one pixel of six gets the wrong one of them.
const SEPARATION: f64 = 2.0;

/// What becomes of a target's absorptions in the bands in use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detectability {
    /// The target.
    pub target: String,
    /// Its absorptions from 400 to 2500 nm, in the library.
    pub features: Vec<Fate>,
}

/// An absorption, and the bands that see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fate {
    /// The absorption.
    #[serde(flatten)]
    pub feature: Feature,
    /// Bands in use within its width at half depth.
    pub bands: usize,
    /// Whether these are enough to see it.
    pub kept: bool,
}

impl Detectability {
    /// Whether the target has absorptions, and no band in use sees one.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        !self.features.is_empty() && self.features.iter().all(|f| !f.kept)
    }
}

/// Of every target whose library has wavelengths.
pub(super) fn detectability(targets: &[(String, Target<'_>)], in_use: &Bands) -> Vec<Detectability> {
    let of_target = |(name, target): &(String, Target<'_>)| {
        let Ok(Axis::Wavelengths(bands)) = &target.library.axis else { return None };
        let fate = |feature: Feature| {
            let inside = |c: &&_| feature.from_nm <= **c && **c <= feature.to_nm;
            let bands = in_use.centres.iter().filter(inside).count();
            Fate { feature, bands, kept: bands >= BANDS_A_FEATURE }
        };
        let features = features(&bands.centres, &target.spectrum.values).into_iter().map(fate).collect();
        Some(Detectability { target: name.clone(), features })
    };
    targets.iter().filter_map(of_target).collect()
}

/// Two targets that the scene's noise hardly separates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Their names.
    pub targets: [String; 2],
    /// Distance of the two at the scene's mean brightness, in standard deviations of its noise.
    pub separation: f64,
    /// Share of the pixels of one that noise gives to the other: Φ(−separation / 2).
    pub mistaken: f64,
}

/// The pairs that lie closer than the noise, the closest first; `spectra` are the targets' on the bands in use, shape
/// (targets, bands).
pub(super) fn close_pairs(names: &[String], spectra: ndarray::ArrayView2<'_, f64>, sampled: &Sampled) -> Vec<Pair> {
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let bright = length(&mut sampled.mean.iter().copied());
    // A band without any noise would part all that are not equal: its noise is at least that of a tenth of a per mille.
    let noise: Vec<f64> =
        sampled.noise.iter().zip(&sampled.mean).map(|(n, m)| n.max(1e-4 * m.abs()).max(1e-9)).collect();
    let in_noise: Vec<Vec<f64>> = spectra
        .rows()
        .into_iter()
        .map(|row| {
            let scale = bright / length(&mut row.iter().copied()).max(f64::MIN_POSITIVE);
            row.iter().zip(&noise).map(|(v, n)| v * scale / n).collect()
        })
        .collect();
    let mut pairs = Vec::new();
    for (i, a) in in_noise.iter().enumerate() {
        for (j, b) in in_noise.iter().enumerate().skip(i + 1) {
            let separation = length(&mut a.iter().zip(b).map(|(a, b)| a - b));
            if separation < SEPARATION {
                // Φ(x) is erfc(−x / √2) / 2.
                let mistaken = erfc(separation / 2.0 / std::f64::consts::SQRT_2) / 2.0;
                pairs.push(Pair { targets: [names[i].clone(), names[j].clone()], separation, mistaken });
            }
        }
    }
    pairs.sort_by(|a, b| a.separation.total_cmp(&b.separation));
    pairs
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn targets_closer_than_the_noise_are_told_with_how_many_are_mistaken() {
        let names = ["a", "a, brighter", "near a", "other"].map(str::to_owned);
        let spectra = array![[0.3, 0.4], [0.6, 0.8], [0.301, 0.3993], [0.4, 0.3]];
        let mean = vec![0.3, 0.4];
        let sampled = |noise: f64| Sampled {
            pixels: 9,
            zero: 0,
            negative: 0.0,
            percentiles: [0.0; 3],
            mean: mean.clone(),
            noise: vec![noise; 2],
        };
        let found = close_pairs(&names, spectra.view(), &sampled(0.001));
        let pairs: Vec<[&str; 2]> = found.iter().map(|p| [p.targets[0].as_str(), p.targets[1].as_str()]).collect();
        assert_eq!(pairs, [["a", "a, brighter"], ["a", "near a"], ["a, brighter", "near a"]]);
        assert!(found[0].separation < 1e-9 && (found[0].mistaken - 0.5).abs() < 1e-9);
        // |(0.301, 0.3993) − (0.3, 0.4)| is 1.22 deviations; Φ(−0.61) is 0.271.
        assert!(
            (found[1].separation - 1.22).abs() < 0.01 && (found[1].mistaken - 0.271).abs() < 0.002,
            "{:?}",
            found[1]
        );
        assert_eq!(close_pairs(&names, spectra.view(), &sampled(1e-5)).len(), 1);
    }
}

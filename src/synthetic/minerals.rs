//! Modelled reflectance of minerals and of what covers them: a smooth continuum and Gaussian absorptions.
//!
//! These are **models, not measurements**: positions, widths and depths of the absorptions are round numbers after
//! the published descriptions, so that the demo carries nobody's data. Map real scenes with a measured library.

use libm::exp;

pub use super::catalogue::{ALL, BACKGROUNDS};

/// FWHM² / (8·ln 2) is σ²; this is the factor of (distance / FWHM)² in the exponent, 4·ln 2.
const FOUR_LN_2: f64 = 2.772_588_722_239_781;

/// A modelled material.
#[derive(Debug, Clone, Copy)]
pub struct Material {
    /// Its name in the library.
    pub name: &'static str,
    /// Continuum: wavelength in nm and reflectance 0-1, ascending, from 350 to 2500 nm.
    pub(super) continuum: &'static [(f64, f64)],
    /// Absorptions: centre and FWHM in nm, depth as a share of the continuum.
    pub(super) absorptions: &'static [(f64, f64, f64)],
}

/// Wavelength in nm of the first channel of the modelled library; channels are 1 nm apart.
pub const FIRST_NM: u16 = 350;

/// Wavelength in nm of the last channel of the modelled library.
pub const LAST_NM: u16 = 2500;

impl Material {
    /// Modelled reflectance, 0-1, at a wavelength in nm. Outside 350-2500 nm the continuum keeps its last value.
    #[must_use]
    pub fn reflectance(&self, nm: f64) -> f64 {
        let absorbed = |&(centre, fwhm, depth): &(f64, f64, f64)| {
            let u = (nm - centre) / fwhm;
            1.0 - depth * exp(-FOUR_LN_2 * u * u)
        };
        let kept: f64 = self.absorptions.iter().map(absorbed).product();
        (smooth(self.continuum, nm) * kept).clamp(0.0, 1.0)
    }

    /// Modelled reflectance at each wavelength in nm.
    #[must_use]
    pub fn spectrum(&self, nm: &[f64]) -> Vec<f64> {
        nm.iter().map(|&nm| self.reflectance(nm)).collect()
    }
}

/// Modelled reflectance, 0-1, of the mineral or background `name` at the wavelengths `nm`; `None` for another name.
#[must_use]
pub fn spectrum(name: &str, nm: &[f64]) -> Option<Vec<f64>> {
    ALL.iter().chain(&BACKGROUNDS).find(|m| m.name == name).map(|m| m.spectrum(nm))
}

/// The wavelengths in nm of the modelled library's channels.
#[must_use]
pub fn native_nm() -> Vec<f64> {
    (FIRST_NM..=LAST_NM).map(f64::from).collect()
}

/// A curve without kinks through `knots`: cubic pieces whose slope at a knot is the mean of the slopes beside it.
fn smooth(knots: &[(f64, f64)], x: f64) -> f64 {
    let slope = |i: usize| (knots[i + 1].1 - knots[i].1) / (knots[i + 1].0 - knots[i].0);
    let pieces = knots.len() - 1;
    let at_knot = |i: usize| 0.5 * (slope(i.saturating_sub(1)) + slope(i.min(pieces - 1)));
    let i = knots.partition_point(|k| k.0 <= x).clamp(1, pieces) - 1;
    let h = knots[i + 1].0 - knots[i].0;
    let t = ((x - knots[i].0) / h).clamp(0.0, 1.0);
    let (a, b) = (knots[i].1, knots[i + 1].1);
    let (da, db) = (h * at_knot(i), h * at_knot(i + 1));
    a + t * (da + t * ((3.0 * (b - a) - 2.0 * da - db) + t * (2.0 * (a - b) + da + db)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wavelength of the smallest reflectance over a straight line between the ends of a range.
    fn band_centre(name: &str, from: f64, to: f64) -> f64 {
        let nm: Vec<f64> = native_nm().into_iter().filter(|nm| (from..=to).contains(nm)).collect();
        let r = spectrum(name, &nm).unwrap();
        let (first, last) = (r[0], r[r.len() - 1]);
        let depth = |i: usize| r[i] / (first + (last - first) * (nm[i] - from) / (to - from));
        let deepest = (0..nm.len()).min_by(|&a, &b| depth(a).total_cmp(&depth(b))).unwrap();
        nm[deepest]
    }

    #[test]
    fn the_diagnostic_absorptions_are_where_the_literature_has_them() {
        let known = [
            ("Alunite (modelled)", 2080., 2260., 2168.),
            ("Alunite (modelled)", 1700., 1820., 1762.),
            ("Kaolinite (modelled)", 2080., 2260., 2206.),
            ("Pyrophyllite (modelled)", 2100., 2260., 2167.),
            ("Muscovite (modelled)", 2130., 2290., 2200.),
            ("Montmorillonite (modelled)", 2130., 2290., 2208.),
            ("Chlorite (modelled)", 2200., 2450., 2337.),
            ("Calcite (modelled)", 2250., 2400., 2338.),
            ("Buddingtonite (modelled)", 2070., 2200., 2118.),
            ("Jarosite (modelled)", 2150., 2330., 2265.),
            ("Goethite (modelled)", 750., 1300., 925.),
            ("Hematite (modelled)", 750., 1200., 865.),
        ];
        for (name, from, to, expected) in known {
            let found = band_centre(name, from, to);
            assert!((found - expected).abs() <= 5.0, "{name}: {found} nm is not {expected} nm");
        }
    }

    #[test]
    fn every_model_is_a_reflectance() {
        for material in ALL.iter().chain(&BACKGROUNDS) {
            let values = material.spectrum(&native_nm());
            assert!(values.iter().all(|v| (0.01..0.95).contains(v)), "{}", material.name);
            assert!(values.windows(2).all(|w| (w[1] - w[0]).abs() < 0.04), "{} jumps", material.name);
        }
        assert!(spectrum("Unobtainium", &[500.0]).is_none());
    }
}

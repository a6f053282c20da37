//! Modelled reflectance of minerals and of what covers them: a smooth continuum and Gaussian absorptions.
//!
//! These are **models, not measurements**: positions, widths and depths of the absorptions are round numbers after
//! the published descriptions, so that the demo carries nobody's data. Map real scenes with a measured library.
//!
//! Sources of the positions:
//! - Clark et al. 1990, J. Geophys. Res. 95:12653 (OH, water and carbonate absorptions at high resolution)
//! - Hunt & Ashley 1979, Econ. Geol. 74:1613 (altered rocks, visible and near infrared)
//! - Hunt & Salisbury 1971, Modern Geology 2:23 (carbonates)
//! - Krohn & Altaner 1987, Geophysics 52:924 (ammonium in buddingtonite)
//! - Crowley et al. 2003, Geochem. Explor. Env. Anal. 3:219, and Kokaly et al. 2017, USGS Data Series 1035 (iron)
//! - Elvidge 1990, Int. J. Remote Sensing 11:1775 (dry plants)

use libm::exp;

/// FWHM² / (8·ln 2) is σ²; this is the factor of (distance / FWHM)² in the exponent, 4·ln 2.
const FOUR_LN_2: f64 = 2.772_588_722_239_781;

/// A modelled material.
#[derive(Debug, Clone, Copy)]
pub struct Material {
    /// Its name in the library.
    pub name: &'static str,
    /// Continuum: wavelength in nm and reflectance 0-1, ascending, from 350 to 2500 nm.
    continuum: &'static [(f64, f64)],
    /// Absorptions: centre and FWHM in nm, depth as a share of the continuum.
    absorptions: &'static [(f64, f64, f64)],
}

/// Wavelength in nm of the first channel of the modelled library; channels are 1 nm apart.
pub const FIRST_NM: u16 = 350;

/// Wavelength in nm of the last channel of the modelled library.
pub const LAST_NM: u16 = 2500;

/// The minerals, in the order of the demo's truth classes 1, 2, 3 ...
pub const ALL: [Material; 12] = [
    Material {
        name: "Alunite (modelled)",
        continuum: &[
            (350., 0.30),
            (500., 0.58),
            (800., 0.74),
            (1650., 0.80),
            (2050., 0.64),
            (2260., 0.62),
            (2500., 0.40),
        ],
        // Al-OH combination at 2.165 with its shoulder at 2.20, the sulphate-bound OH overtone at 1.76.
        absorptions: &[
            (1428., 30., 0.25),
            (1478., 45., 0.40),
            (1762., 28., 0.32),
            (1970., 90., 0.10),
            (2165., 50., 0.42),
            (2207., 42., 0.20),
            (2320., 50., 0.30),
            (2420., 40., 0.14),
        ],
    },
    Material {
        name: "Kaolinite (modelled)",
        continuum: &[
            (350., 0.42),
            (500., 0.66),
            (800., 0.78),
            (1650., 0.84),
            (2100., 0.76),
            (2260., 0.72),
            (2500., 0.42),
        ],
        // The doublets at 1.4 and 2.2 um, and the OH bending series from 2.31 to 2.38.
        absorptions: &[
            (1395., 18., 0.28),
            (1414., 18., 0.34),
            (1915., 55., 0.10),
            (2162., 32., 0.24),
            (2206., 30., 0.44),
            (2312., 22., 0.14),
            (2352., 22., 0.15),
            (2382., 18., 0.13),
        ],
    },
    Material {
        name: "Pyrophyllite (modelled)",
        continuum: &[
            (350., 0.48),
            (500., 0.64),
            (800., 0.74),
            (1650., 0.78),
            (2100., 0.74),
            (2260., 0.72),
            (2500., 0.52),
        ],
        // One narrow, deep Al-OH absorption at 2.167.
        absorptions: &[
            (1393., 14., 0.45),
            (1910., 55., 0.05),
            (2067., 22., 0.09),
            (2167., 25., 0.52),
            (2319., 28., 0.24),
            (2390., 26., 0.20),
        ],
    },
    Material {
        name: "Muscovite (modelled)",
        continuum: &[
            (350., 0.26),
            (500., 0.44),
            (800., 0.54),
            (1300., 0.60),
            (1700., 0.64),
            (2100., 0.60),
            (2500., 0.44),
        ],
        absorptions: &[
            (865., 220., 0.05),
            (1413., 28., 0.24),
            (1910., 60., 0.12),
            (2118., 40., 0.06),
            (2200., 38., 0.42),
            (2346., 42., 0.26),
            (2437., 42., 0.24),
        ],
    },
    Material {
        name: "Montmorillonite (modelled)",
        continuum: &[
            (350., 0.26),
            (500., 0.48),
            (800., 0.62),
            (1300., 0.68),
            (1700., 0.66),
            (2150., 0.56),
            (2300., 0.50),
            (2500., 0.34),
        ],
        // Interlayer water at 1.41 and 1.91, and a single Al-OH absorption.
        absorptions: &[
            (1413., 35., 0.28),
            (1463., 60., 0.10),
            (1910., 55., 0.42),
            (1970., 70., 0.20),
            (2208., 44., 0.26),
        ],
    },
    Material {
        name: "Chlorite (modelled)",
        continuum: &[
            (350., 0.12),
            (550., 0.22),
            (800., 0.24),
            (1300., 0.28),
            (1700., 0.36),
            (2200., 0.36),
            (2500., 0.24),
        ],
        // Fe2+ crystal field and Fe2+-Fe3+ charge transfer at 0.7 to 1.1; Fe-OH at 2.25, Mg-OH at 2.335.
        absorptions: &[
            (720., 150., 0.12),
            (900., 200., 0.16),
            (1120., 280., 0.25),
            (1393., 20., 0.12),
            (2000., 60., 0.05),
            (2254., 36., 0.17),
            (2335., 52., 0.38),
            (2400., 40., 0.14),
        ],
    },
    Material {
        name: "Calcite (modelled)",
        continuum: &[
            (350., 0.62),
            (500., 0.76),
            (800., 0.82),
            (1650., 0.84),
            (2100., 0.80),
            (2260., 0.78),
            (2500., 0.62),
        ],
        // Overtones and combinations of the carbonate ion.
        absorptions: &[
            (1878., 45., 0.05),
            (1995., 70., 0.08),
            (2156., 60., 0.05),
            (2303., 50., 0.10),
            (2340., 56., 0.38),
            (2535., 100., 0.45),
        ],
    },
    Material {
        name: "Buddingtonite (modelled)",
        continuum: &[
            (350., 0.24),
            (500., 0.42),
            (800., 0.54),
            (1300., 0.60),
            (1700., 0.62),
            (2250., 0.58),
            (2500., 0.40),
        ],
        // Ammonium: 1.56, 2.02, 2.12.
        absorptions: &[
            (1413., 40., 0.08),
            (1560., 90., 0.16),
            (1910., 60., 0.14),
            (2020., 80., 0.24),
            (2118., 72., 0.30),
        ],
    },
    Material {
        name: "Chalcedony (modelled)",
        continuum: &[
            (350., 0.36),
            (500., 0.48),
            (800., 0.58),
            (1300., 0.62),
            (1700., 0.62),
            (2150., 0.54),
            (2500., 0.42),
        ],
        // Water and silanol: the broad pair at 2.21 and 2.26.
        absorptions: &[
            (1410., 40., 0.12),
            (1460., 70., 0.06),
            (1915., 60., 0.24),
            (2210., 62., 0.15),
            (2262., 76., 0.20),
        ],
    },
    Material {
        name: "Jarosite (modelled)",
        continuum: &[
            (350., 0.06),
            (430., 0.16),
            (520., 0.38),
            (720., 0.66),
            (1100., 0.74),
            (1650., 0.70),
            (2150., 0.56),
            (2500., 0.36),
        ],
        // Fe3+ at 0.437 (sharp) and 0.91; Fe-OH at 2.265.
        absorptions: &[
            (437., 26., 0.28),
            (910., 180., 0.42),
            (1475., 55., 0.20),
            (1850., 45., 0.25),
            (2215., 50., 0.12),
            (2265., 44., 0.34),
            (2400., 60., 0.14),
        ],
    },
    Material {
        name: "Goethite (modelled)",
        continuum: &[
            (350., 0.05),
            (480., 0.10),
            (570., 0.25),
            (750., 0.42),
            (1000., 0.46),
            (1300., 0.52),
            (2000., 0.48),
            (2500., 0.40),
        ],
        absorptions: &[(480., 70., 0.25), (670., 110., 0.16), (925., 190., 0.36), (1940., 100., 0.10)],
    },
    Material {
        name: "Hematite (modelled)",
        continuum: &[
            (350., 0.05),
            (530., 0.07),
            (600., 0.22),
            (750., 0.36),
            (1000., 0.40),
            (1300., 0.44),
            (2500., 0.42),
        ],
        absorptions: &[(530., 60., 0.22), (665., 60., 0.10), (865., 150., 0.38)],
    },
];

/// What lies between and over the altered rocks; in the library, but no targets.
pub const BACKGROUNDS: [Material; 4] = [
    Material {
        name: "Andesite, fresh (modelled)",
        continuum: &[(350., 0.08), (600., 0.15), (1000., 0.16), (1500., 0.18), (2500., 0.17)],
        absorptions: &[(1000., 350., 0.12), (1910., 80., 0.03), (2320., 90., 0.05)],
    },
    Material {
        name: "Soil, dry (modelled)",
        continuum: &[
            (350., 0.08),
            (500., 0.15),
            (700., 0.25),
            (1000., 0.32),
            (1700., 0.42),
            (2150., 0.41),
            (2500., 0.34),
        ],
        absorptions: &[(890., 180., 0.05), (1413., 50., 0.06), (1915., 70., 0.13), (2206., 50., 0.06)],
    },
    Material {
        name: "Dry grass (modelled)",
        continuum: &[
            (350., 0.07),
            (500., 0.14),
            (700., 0.28),
            (900., 0.42),
            (1300., 0.48),
            (1700., 0.46),
            (2200., 0.34),
            (2500., 0.22),
        ],
        // Cellulose and lignin.
        absorptions: &[
            (675., 40., 0.12),
            (1200., 90., 0.05),
            (1470., 120., 0.14),
            (1930., 110., 0.22),
            (2095., 100., 0.22),
            (2290., 60., 0.10),
            (2340., 60., 0.14),
        ],
    },
    Material {
        name: "Green vegetation (modelled)",
        continuum: &[
            (350., 0.05),
            (550., 0.11),
            (690., 0.10),
            (740., 0.42),
            (1080., 0.48),
            (1300., 0.42),
            (1650., 0.30),
            (2200., 0.16),
            (2500., 0.08),
        ],
        // Chlorophyll and leaf water.
        absorptions: &[
            (450., 90., 0.50),
            (675., 55., 0.60),
            (970., 60., 0.05),
            (1190., 90., 0.12),
            (1450., 140., 0.60),
            (1940., 150., 0.75),
        ],
    },
];

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

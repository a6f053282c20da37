//! From the wavelength list and the unit that a file declares to bands in nanometres, or why not.
//!
//! One rule for every kind of file: a unit is declared by the file or given by the user, never guessed from the numbers;
//! the numbers only serve to catch a unit that cannot be right.

use crate::error::{Error, Result};
use crate::spectrum::{Bands, Nanometers, PLAUSIBLE_NM, WavelengthUnit};

/// Widths with a median below this are in another unit than the centres: no imaging spectrometer is that fine.
const MIN_FWHM_NM: f64 = 0.05;

/// Bands in nanometres, and what was assumed for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectral {
    /// Centres and widths.
    pub bands: Bands,
    /// What was assumed: one sentence each.
    pub notes: Vec<String>,
}

/// What a file says about its wavelengths.
#[derive(Debug, Clone)]
pub struct Declared<'a> {
    /// File and field, for messages.
    pub place: &'a str,
    /// Band centres, as the file gives them.
    pub centres: Option<Vec<f64>>,
    /// Widths, as the file gives them, in the unit of the centres; as many as centres.
    pub fwhm: Option<Vec<f64>>,
    /// The file's word for the unit.
    pub unit: Option<&'a str>,
}

impl Declared<'_> {
    /// Bands in nanometres; `asked` is the unit that the user names.
    ///
    /// # Errors
    /// When there are no wavelengths, one is not above zero, or the unit is missing, contradictory or cannot be right.
    pub fn bands(&self, asked: Option<WavelengthUnit>) -> Result<Spectral> {
        let Some(centres) = self.centres.as_ref().filter(|c| !c.is_empty()) else {
            return Err(self.refused("there are no wavelengths").hint(
                "pass --bands-from CSV (channel, wavelength_nm, fwhm_nm), or --match-bands-by-index \
                 when band i is channel i of the library",
            ));
        };
        self.check_positive("wavelength", centres)?;
        if let Some(fwhm) = &self.fwhm {
            self.check_positive("width (fwhm)", fwhm)?;
        }
        let (unit, notes) = self.unit(centres, asked)?;
        let convert = |values: &Vec<f64>| values.iter().map(|&v| unit.to_nanometers(v)).collect::<Vec<Nanometers>>();
        let bands = Bands { centres: convert(centres), fwhm: self.fwhm.as_ref().map(convert) };
        self.check_widths(&bands)?;
        Ok(Spectral { bands, notes })
    }

    fn unit(&self, centres: &[f64], asked: Option<WavelengthUnit>) -> Result<(WavelengthUnit, Vec<String>)> {
        let (min, max) = range(centres);
        let plausible =
            |unit: WavelengthUnit| [min, max].iter().all(|&v| PLAUSIBLE_NM.contains(&unit.to_nanometers(v).0));
        let word = self.unit.map(str::trim).filter(|w| !w.is_empty());
        let declared = word.and_then(WavelengthUnit::parse);
        match (declared, asked) {
            (Some(unit), None) if plausible(unit) => Ok((unit, Vec::new())),
            (Some(unit), Some(asked)) if plausible(unit) && unit != asked => {
                let what = format!(
                    "the file declares {} ({min} to {max}, which is plausible), --wavelength-unit says {}",
                    unit.symbol(),
                    asked.symbol()
                );
                Err(self.refused(what).hint("leave out --wavelength-unit"))
            }
            (Some(unit), Some(asked)) if unit == asked && plausible(unit) => Ok((unit, Vec::new())),
            (_, Some(asked)) if plausible(asked) => {
                let file = word.map_or("declares no unit".to_owned(), |w| format!("declares '{w}'"));
                let note = format!("wavelength unit {} from --wavelength-unit (the file {file})", asked.symbol());
                Ok((asked, vec![note]))
            }
            (_, Some(asked)) => {
                let what = format!("{min} to {max} cannot be wavelengths in {}", asked.symbol());
                Err(self.refused(what).hint(other_unit(plausible)))
            }
            (Some(unit), None) => {
                let what = format!("{min} to {max} cannot be wavelengths in {}, the declared unit", unit.symbol());
                Err(self.refused(what).hint(other_unit(plausible)))
            }
            (None, None) => {
                let file =
                    word.map_or("no unit is declared".to_owned(), |w| format!("'{w}' is not a unit that is known"));
                let what = format!("{file} for the wavelengths {min} to {max}");
                Err(self.refused(what).hint("pass --wavelength-unit nm or um"))
            }
        }
    }

    fn check_positive(&self, name: &str, values: &[f64]) -> Result<()> {
        match values.iter().position(|&v| !(v > 0.0 && v.is_finite())) {
            Some(i) => Err(self
                .refused(format!("the {name} of band {} is {}, not a number above zero", i + 1, values[i]))
                .hint("pass --bands-from CSV with the right values")),
            None => Ok(()),
        }
    }

    fn check_widths(&self, bands: &Bands) -> Result<()> {
        let Some(fwhm) = &bands.fwhm else { return Ok(()) };
        let mut sorted: Vec<f64> = fwhm.iter().map(|w| w.0).collect();
        sorted.sort_by(f64::total_cmp);
        let too_wide = fwhm.iter().zip(&bands.centres).any(|(w, c)| w >= c);
        if too_wide || sorted.get(sorted.len() / 2).is_some_and(|&median| median < MIN_FWHM_NM) {
            let (min, max) = (Nanometers(sorted[0]), Nanometers(sorted[sorted.len() - 1]));
            let what = format!("widths (fwhm) of {min} to {max} cannot be right: another unit than the wavelengths?");
            return Err(self.refused(what).hint("pass --bands-from CSV with the right values"));
        }
        Ok(())
    }

    fn refused(&self, what: impl std::fmt::Display) -> Error {
        Error::refused(self.place, what)
    }
}

fn other_unit(plausible: impl Fn(WavelengthUnit) -> bool) -> String {
    match [WavelengthUnit::Nanometers, WavelengthUnit::Micrometers].into_iter().find(|&u| plausible(u)) {
        Some(unit) => format!("pass --wavelength-unit {}", unit.symbol()),
        None => "pass --bands-from CSV with the right wavelengths".to_owned(),
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use WavelengthUnit::{Micrometers, Nanometers as Nm};

    fn bands(
        centres: &[f64],
        fwhm: Option<&[f64]>,
        unit: Option<&str>,
        asked: Option<WavelengthUnit>,
    ) -> Result<Spectral> {
        Declared { place: "x", centres: Some(centres.to_vec()), fwhm: fwhm.map(<[f64]>::to_vec), unit }.bands(asked)
    }

    #[test]
    fn a_declared_or_given_unit_that_can_be_right_is_used() {
        let um = bands(&[0.4, 2.5], Some(&[0.01, 0.01]), Some("Micrometers"), None).unwrap();
        assert_eq!(um.bands.centres, [400.0, 2500.0].map(Nanometers));
        assert_eq!(um.bands.fwhm, Some([10.0, 10.0].map(Nanometers).to_vec()));
        assert!(um.notes.is_empty());
        assert!(bands(&[400.0], None, Some("nm"), Some(Nm)).unwrap().notes.is_empty());
        for word in [None, Some("Unknown"), Some("um")] {
            assert_eq!(bands(&[400.0], None, word, Some(Nm)).unwrap().notes.len(), 1, "{word:?}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_way_out() {
        let step = |r: Result<Spectral>| {
            let e = r.unwrap_err();
            format!("{e} -> {}", e.next_step().unwrap())
        };
        let missing = step(bands(&[400.0, 500.0], None, None, None));
        assert!(missing.contains("400 to 500") && missing.contains("--wavelength-unit nm or um"), "{missing}");
        assert!(step(bands(&[400.0], None, Some("Index"), None)).contains("'Index'"));
        assert!(step(bands(&[400.0], None, Some("um"), None)).contains("--wavelength-unit nm"));
        assert!(step(bands(&[400.0], None, Some("nm"), Some(Micrometers))).contains("leave out"));
        assert!(step(bands(&[400.0], None, None, Some(Micrometers))).contains("--wavelength-unit nm"));
        assert!(step(bands(&[4e7], None, Some("nm"), None)).contains("--bands-from"));
        for bad in [0.0, -400.0, f64::NAN, f64::INFINITY] {
            assert!(step(bands(&[400.0, bad], None, Some("nm"), None)).contains("band 2"));
            assert!(step(bands(&[400.0], Some(&[bad]), Some("nm"), None)).contains("band 1"));
        }
        assert!(step(bands(&[400.0], Some(&[0.01]), Some("nm"), None)).contains("another unit"));
        assert!(step(bands(&[0.4], Some(&[10.0]), Some("um"), None)).contains("another unit"));
        let none = Declared { place: "x", centres: None, fwhm: None, unit: Some("nm") }.bands(None);
        assert!(step(none).contains("--match-bands-by-index"));
    }
}

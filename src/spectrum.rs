//! Wavelengths and bands. A wavelength never travels without its unit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A wavelength, or a width in wavelength, in nanometres.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Nanometers(pub f64);

impl fmt::Display for Nanometers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} nm", self.0)
    }
}

/// The units in which files and flags give wavelengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum WavelengthUnit {
    /// Nanometres.
    #[value(name = "nm")]
    Nanometers,
    /// Micrometres.
    #[value(name = "um")]
    Micrometers,
}

impl WavelengthUnit {
    /// Reads the words that headers use: `Nanometers`, `nm`, `Micrometers`, `Microns`, `um`, `µm`, in any case.
    /// `None` for anything else (`Unknown`, `Index`, `Wavenumber` ...).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "nm" | "nanometer" | "nanometers" | "nanometre" | "nanometres" => Some(Self::Nanometers),
            "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre" | "micrometres" => {
                Some(Self::Micrometers)
            }
            _ => None,
        }
    }

    /// Converts a number in this unit.
    #[must_use]
    pub fn to_nanometers(self, value: f64) -> Nanometers {
        match self {
            Self::Nanometers => Nanometers(value),
            Self::Micrometers => Nanometers(value * 1000.0),
        }
    }

    /// The flag's and the files' word for it.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanometers => "nm",
            Self::Micrometers => "um",
        }
    }
}

/// The spectral bands of a scene or of a library, in the file's order (which need not be sorted).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// Band centres.
    pub centres: Vec<Nanometers>,
    /// Full widths at half maximum, where the file gives them; as long as `centres`.
    pub fwhm: Option<Vec<Nanometers>>,
}

/// Band centres outside this range, in nanometres, mean that the unit is wrong: laboratory spectra of the USGS reach
/// 216 µm, and no nanometres of a sensor taken for micrometres lie below its end.
pub const PLAUSIBLE_NM: std::ops::RangeInclusive<f64> = 100.0..=250_000.0;

impl Bands {
    /// Number of bands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.centres.len()
    }

    /// True when there is no band.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.centres.is_empty()
    }

    /// Smallest and largest centre, or `None` when there is no band.
    #[must_use]
    pub fn extent(&self) -> Option<(Nanometers, Nanometers)> {
        let min = self.centres.iter().map(|c| c.0).reduce(f64::min)?;
        let max = self.centres.iter().map(|c| c.0).reduce(f64::max)?;
        Some((Nanometers(min), Nanometers(max)))
    }

    /// The bands at `indices`, in that order. Indices must be below `len()`.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            centres: indices.iter().map(|&i| self.centres[i]).collect(),
            fwhm: self.fwhm.as_ref().map(|f| indices.iter().map(|&i| f[i]).collect()),
        }
    }

    /// The declared widths, or, where there are none, the distance to the nearest other centre
    /// (methods.md: "FWHM missing: taken from the band spacing, with a warning"; the caller warns).
    #[must_use]
    pub fn fwhm_or_spacing(&self) -> Vec<Nanometers> {
        if let Some(fwhm) = &self.fwhm {
            return fwhm.clone();
        }
        let mut sorted: Vec<f64> = self.centres.iter().map(|c| c.0).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let nearest = |c: f64| {
            let i = sorted.partition_point(|&s| s < c);
            let below = i.checked_sub(1).map(|j| c - sorted[j]);
            let above = sorted.get(i + 1).map(|&s| s - c);
            below.into_iter().chain(above).fold(f64::INFINITY, f64::min)
        };
        self.centres.iter().map(|c| Nanometers(nearest(c.0))).collect()
    }
}

/// A closed range of wavelengths, written `2.08um-2.40um` or `2080nm-2400nm`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WavelengthRange {
    /// First wavelength, included.
    pub start: Nanometers,
    /// Last wavelength, included.
    pub end: Nanometers,
}

impl WavelengthRange {
    /// Every wavelength.
    pub const ALL: Self = Self { start: Nanometers(0.0), end: Nanometers(f64::INFINITY) };

    /// Whether `wavelength` lies in the range, ends included.
    #[must_use]
    pub fn contains(&self, wavelength: Nanometers) -> bool {
        self.start <= wavelength && wavelength <= self.end
    }
}

impl fmt::Display for WavelengthRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}nm-{}nm", self.start.0, self.end.0)
    }
}

impl FromStr for WavelengthRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |what: String| {
            Error::refused(format!("wavelength range '{text}'"), what)
                .hint("write it with units, as 2.08um-2.40um or 2080nm-2400nm")
        };
        let (start, end) = text.split_once('-').ok_or_else(|| refused("no '-' between two wavelengths".into()))?;
        let end_unit = split_unit(end).1;
        let wavelength = |part: &str, fallback: &str| -> Result<Nanometers> {
            let (number, unit) = split_unit(part);
            let word = if unit.is_empty() { fallback } else { unit };
            let unit =
                WavelengthUnit::parse(word).ok_or_else(|| refused(format!("'{part}' has no unit (nm or um)")))?;
            let value: f64 = number.trim().parse().map_err(|_| refused(format!("'{number}' is not a number")))?;
            Ok(unit.to_nanometers(value))
        };
        let range = Self { start: wavelength(start, end_unit)?, end: wavelength(end, "")? };
        if range.start.0.partial_cmp(&range.end.0) != Some(std::cmp::Ordering::Less) {
            return Err(refused(format!("{} is not below {}", range.start, range.end)));
        }
        if ![range.start.0, range.end.0].iter().all(|nm| PLAUSIBLE_NM.contains(nm)) {
            return Err(refused(format!(
                "{} to {} is not a range that any imaging spectrometer sees",
                range.start, range.end
            )));
        }
        Ok(range)
    }
}

fn split_unit(part: &str) -> (&str, &str) {
    let part = part.trim();
    let at = part.find(|c: char| c.is_alphabetic() || c == 'µ').unwrap_or(part.len());
    (&part[..at], part[at..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_needs_units_and_order() {
        let range: WavelengthRange = "2.08um-2400nm".parse().unwrap();
        assert_eq!((range.start, range.end), (Nanometers(2080.0), Nanometers(2400.0)));
        assert_eq!("2.08-2.40um".parse::<WavelengthRange>().unwrap().start, Nanometers(2080.0));
        for bad in ["2.08-2.40", "2.4um-2.08um", "2.08um", "xum-2um", "2.08nm-2.40nm", "NaNum-2um"] {
            assert!(bad.parse::<WavelengthRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn missing_widths_come_from_the_nearest_neighbour() {
        let bands = Bands { centres: [500.0, 510.0, 505.0, 530.0].map(Nanometers).to_vec(), fwhm: None };
        assert_eq!(bands.fwhm_or_spacing(), [5.0, 5.0, 5.0, 20.0].map(Nanometers).to_vec());
    }
}

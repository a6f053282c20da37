//! A file that holds one spectrum, and what such files have in common.

use std::path::{Path, PathBuf};

use super::text::folder_name;
use super::{Axis, Library, Spectrum, axis_of, notes_on_values, refuse_rows_that_are_not_spectra};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::wavelengths::Declared;

/// What a file of a release turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// A library of one spectrum.
    Spectrum(Library),
    /// No reflectance, in a word: a folder leaves it out and says so; named alone it is refused.
    Other(&'static str),
    /// What belongs to spectra and is none itself.
    Companion(&'static str),
}

/// The last word of a title of the USGS: what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    Absolute,
    Relative,
    Transmittance,
    Unknown,
}

impl Measured {
    pub(super) fn of(title: &str) -> Self {
        match title.split_whitespace().next_back() {
            // RTGC: a spectrum of an imaging spectrometer, calibrated on the ground to reflectance.
            Some("AREF" | "RTGC") => Self::Absolute,
            Some("RREF") => Self::Relative,
            Some("TRAN") => Self::Transmittance,
            _ => Self::Unknown,
        }
    }

    /// What the user should know.
    pub(super) fn note(self) -> Option<&'static str> {
        (self == Self::Relative).then_some("relative reflectance (RREF): its level is not that of absolute reflectance")
    }
}

/// One spectrum before it has an axis.
pub(super) struct Single<'a> {
    pub(super) path: &'a Path,
    pub(super) format: &'static str,
    pub(super) name: String,
    /// The folder's name where the file names no group.
    pub(super) group: Option<String>,
    pub(super) values: Vec<f64>,
    pub(super) notes: Vec<String>,
}

impl Single<'_> {
    /// The library of a file that gives its own wavelengths and no widths.
    ///
    /// # Errors
    /// When there is no value, or the values are no spectrum.
    pub(super) fn on(self, centres: Vec<f64>, word: Option<&str>, unit: Option<WavelengthUnit>) -> Result<Library> {
        let place = format!("{}, wavelengths", self.path.display());
        self.with(Widths::default(), Declared { place: &place, centres: Some(centres), fwhm: None, unit: word }, unit)
    }

    /// The library of this spectrum on the axis that is declared for it.
    ///
    /// # Errors
    /// When there is no value, or the values are no spectrum.
    pub(super) fn with(self, widths: Widths, declared: Declared<'_>, unit: Option<WavelengthUnit>) -> Result<Library> {
        if self.values.is_empty() {
            return Err(Error::refused(self.path.display(), "found no values below the header")
                .hint("the file is cut off; take it out of the library"));
        }
        let group = self.group.unwrap_or_else(|| folder_name(self.path));
        let spectra = vec![Spectrum { name: self.name, group, file: self.path.into(), values: self.values }];
        refuse_rows_that_are_not_spectra(self.path, "spectrum", 0, &spectra)?;
        let mut notes = self.notes;
        notes.extend(notes_on_values(&spectra));
        let axis = axis_of(&declared, unit).map(|found| {
            notes.extend(found.notes);
            Axis::Wavelengths(found.bands)
        });
        let Widths { companions, source } = widths;
        Ok(Library {
            path: self.path.into(),
            companions,
            format: self.format,
            axis,
            fwhm_source: source,
            spectra,
            notes,
        })
    }
}

/// Where axis and widths came from.
#[derive(Default)]
pub(super) struct Widths {
    pub(super) companions: Vec<PathBuf>,
    pub(super) source: Option<String>,
}

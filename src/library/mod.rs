//! Spectral libraries in, and their spectra on a scene's bands.

pub mod resample;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::spectrum::{Bands, WavelengthUnit};

/// What the channels of a library are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Axis {
    /// Channels have wavelengths.
    Wavelengths(Bands),
    /// Channels have only their number.
    Channels(usize),
}

/// One named spectrum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spectrum {
    /// The name, unique within its library (a repeated name gets ` #2`, ` #3` ...).
    pub name: String,
    /// One value a channel, reflectance; NaN where the channel was deleted.
    pub values: Vec<f64>,
}

/// A spectral library: spectra on one axis.
#[derive(Debug, Clone, Serialize)]
pub struct Library {
    /// The file that holds the spectra.
    pub path: PathBuf,
    /// Further files that belong to it (the header).
    pub companions: Vec<PathBuf>,
    /// `ENVI spectral library` or `CSV`.
    pub format: &'static str,
    /// The channels, or why they cannot be used.
    #[serde(serialize_with = "crate::error::or_problem")]
    pub axis: Result<Axis>,
    /// The spectra.
    pub spectra: Vec<Spectrum>,
    /// Oddities found: one sentence each.
    pub notes: Vec<String>,
}

impl Library {
    /// Opens an ENVI spectral library (either of its two files may be named) or a CSV.
    ///
    /// # Errors
    /// Refuses files that are neither, sizes that do not match the header, rows that are not spectra.
    pub fn open(path: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Self> {
        let _ = wavelength_unit;
        Err(Error::refused(path.display(), "not yet"))
    }
}

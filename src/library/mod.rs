//! Spectral libraries in, and their spectra on a scene's bands.

mod csv;
pub mod resample;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::spectrum::{Bands, Nanometers, PLAUSIBLE_NM, WavelengthUnit};

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

/// A magnitude above which a value is the fill of a deleted channel. USGS writes -1.23e34, which as f32 is
/// -1.2300000156674078e34: a test for equality misses it.
const DELETED: f64 = 1e30;

/// No reflectance is beyond this, in whatever unit it is given (fractions or percent).
const PLAUSIBLE_REFLECTANCE: f64 = 1e3;

impl Library {
    /// Opens an ENVI spectral library (either of its two files may be named) or a CSV.
    ///
    /// `wavelength_unit` is for files that declare no unit or an implausible one.
    ///
    /// # Errors
    /// Refuses files that are neither, sizes that do not match the header, rows that are not spectra.
    pub fn open(path: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Self> {
        let start = beginning(path)?;
        // By content, before looking for a header: a CSV may lie beside an ENVI library of the same name.
        if looks_like_csv(&start) {
            return csv::open(path, wavelength_unit);
        }
        csv::open(path, wavelength_unit)
    }
}

fn beginning(path: &Path) -> Result<Vec<u8>> {
    let refused = |e| Error::refused(path.display(), format!("cannot be opened: {e}"));
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start)).map_err(refused)?;
    Ok(start)
}

fn looks_like_csv(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let word: Vec<u8> = start.iter().filter(|b| !b"\" ".contains(b)).take(10).map(u8::to_ascii_lowercase).collect();
    word.starts_with(b"wavelength") || word.starts_with(b"channel")
}

fn looks_like_text(start: &[u8]) -> bool {
    start.iter().all(|&b| b >= 0x20 || b"\t\r\n".contains(&b))
}

/// The first centre that no imaging spectrometer has.
fn implausible(bands: &Bands) -> Option<Nanometers> {
    bands.centres.iter().copied().find(|c| !PLAUSIBLE_NM.contains(&c.0))
}

/// Refuses what stands among the spectra and is none: deleted or zero throughout, or values that no reflectance has.
///
/// `unit` is how the file counts spectra ("row" or "column"), `before` how many of those precede the first.
fn refuse_rows_that_are_not_spectra(path: &Path, unit: &str, before: usize, spectra: &[Spectrum]) -> Result<()> {
    for (i, spectrum) in spectra.iter().enumerate() {
        let existing = || spectrum.values.iter().filter(|v| !v.is_nan());
        let what = if existing().next().is_none() {
            "every channel is deleted".to_owned()
        } else if existing().all(|&v| v == 0.0) {
            "every channel is zero".to_owned()
        } else if let Some(value) = existing().find(|v| v.abs() > PLAUSIBLE_REFLECTANCE) {
            format!("{value} is not a reflectance; USGS releases keep wavelengths and widths among the spectra")
        } else {
            continue;
        };
        let place = format!("{}, {unit} {}, '{}'", path.display(), before + i + 1, spectrum.name);
        return Err(Error::refused(place, what)
            .hint(format!("take this {unit} out of the library; keep reflectance, as fractions of 1")));
    }
    Ok(())
}

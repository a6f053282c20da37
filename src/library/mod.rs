//! Spectral libraries in, chosen from, listed, written and drawn, and their spectra on a scene's bands.
//!
//! One file a kind of library: `csv`, `envi`, `splib07`, `splib06`, `ecostress`; `folder` gathers what lies in a folder.

mod csv;
mod ecostress;
mod envi;
pub mod features;
mod folder;
pub(crate) mod fuzzed;
mod kind;
pub mod listing;
pub mod plot;
pub mod resample;
pub mod select;
mod single;
mod splib06;
mod splib07;
mod spline;
pub mod table;
mod text;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use kind::Kind;
use single::Found;
use splib07::Axes;

use crate::envi::{Header, find_pair};
use crate::error::{Error, Result};
use crate::spectrum::{Bands, WavelengthUnit};
use crate::wavelengths::{Declared, Spectral};

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
    /// What it belongs to: its chapter (the folder of a USGS release), its class (ECOSTRESS), or the stem of its library.
    pub group: String,
    /// The file that its values are in.
    pub file: PathBuf,
    /// One value a channel, reflectance; NaN where the channel was deleted.
    pub values: Vec<f64>,
}

/// A spectral library: spectra on one axis.
#[derive(Debug, Clone, Serialize)]
pub struct Library {
    /// The file that holds the spectra, or the folder that holds their files.
    pub path: PathBuf,
    /// Further files that every spectrum depends on: a header, wavelengths, widths.
    pub companions: Vec<PathBuf>,
    /// `ENVI spectral library`, `CSV`, `USGS splib07 ASCII` ...
    pub format: &'static str,
    /// The channels, or why they cannot be used.
    #[serde(serialize_with = "crate::error::or_problem")]
    pub axis: Result<Axis>,
    /// Where the widths of the channels stand; `None` where the library gives none.
    pub fwhm_source: Option<String>,
    /// The spectra.
    pub spectra: Vec<Spectrum>,
    /// Oddities found: one sentence each.
    pub notes: Vec<String>,
}

/// A magnitude above which a value is the fill of a deleted channel. USGS writes -1.23e34, which as f32 is
/// -1.2300000156674078e34: a test for equality misses it.
const DELETED: f64 = 1e30;

/// Fractions of 1 stay below this, snow and glints included.
const PERCENT_ABOVE: f64 = 2.0;

/// No reflectance is beyond this, in whatever unit it is given (fractions or percent).
const PLAUSIBLE_REFLECTANCE: f64 = 1e3;

impl Library {
    /// Whether the file, or a file in the folder, is a library by its content: a text that begins as one, or an ENVI
    /// header that says so.
    #[must_use]
    pub fn recognises(path: &Path) -> bool {
        if path.is_dir() {
            return folder::recognises(path);
        }
        if Kind::of(path).is_ok_and(|kind| kind.is_some()) {
            return true;
        }
        find_pair(path).and_then(|(_, header)| Header::read(&header)).is_ok_and(|h| envi::is_library(&h))
    }

    /// Opens a file: an ENVI spectral library (either of its two files may be named), a CSV, or one spectrum of a release.
    ///
    /// `wavelength_unit` is for files that declare no unit or an implausible one.
    ///
    /// # Errors
    /// Refuses files that are none of these, sizes that do not match the header, what is not reflectance.
    pub fn open(path: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Self> {
        let start = text::beginning(path)?;
        if start.is_empty() {
            return Err(Error::refused(path.display(), "the file is empty, expected a spectral library")
                .hint("fetch or write it again"));
        }
        // By content, before looking for a header: a CSV may lie beside an ENVI library of the same name.
        match Kind::of_beginning(&start) {
            Some(Kind::Csv) => return csv::open(path, wavelength_unit),
            Some(kind) => {
                return match kind.read(path, wavelength_unit, &mut Axes::default())? {
                    Found::Spectrum(library) => Ok(library),
                    Found::Other(what) | Found::Companion(what) => {
                        Err(Error::refused(path.display(), format!("found {what}, expected a spectrum of reflectance"))
                            .hint("name a spectrum, or the folder that holds them"))
                    }
                };
            }
            None => {}
        }
        match find_pair(path) {
            Ok((data, header)) => envi::open(&data, &header, wavelength_unit),
            Err(problem) if start.starts_with(b"ENVI") => Err(problem),
            // Its refusal says how the table should begin.
            Err(_) if looks_like_text(&start) => csv::open(path, wavelength_unit),
            Err(problem) => {
                Err(Error::refused(path.display(), format!("is not a CSV, nor an ENVI spectral library: {problem}"))
                    .hint("name a CSV, or the .sli or .hdr file of an ENVI spectral library"))
            }
        }
    }

    /// Opens files as [`Library::open`], and of folders every spectrum in and below them, as one library for each axis.
    ///
    /// # Errors
    /// As [`Library::open`]; refuses folders without spectra, and a damaged spectrum in one by its name.
    pub fn open_all(paths: &[PathBuf], wavelength_unit: Option<WavelengthUnit>) -> Result<Vec<Self>> {
        let mut libraries = Vec::new();
        for path in paths {
            match path.is_dir() {
                true => libraries.extend(folder::open(path, wavelength_unit)?),
                false => libraries.push(Self::open(path, wavelength_unit)?),
            }
        }
        Ok(libraries)
    }

    /// The name of its file or folder without the extension.
    #[must_use]
    pub fn stem(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn looks_like_text(start: &[u8]) -> bool {
    start.iter().all(|&b| b >= 0x20 || b"\t\r\n".contains(&b))
}

/// The wavelengths of a library. What the file says plausibly stands; the flag is for files that say nothing, or
/// nonsense: it may be given for the scene, whose header is silent, while the library has a unit of its own.
fn axis_of(declared: &Declared<'_>, flag: Option<WavelengthUnit>) -> Result<Spectral> {
    let found = declared.bands(None).or_else(|problem| match flag {
        Some(_) => declared.bands(flag),
        None => Err(problem),
    });
    found.map_err(|problem| match problem.next_step() {
        // Replacing the wavelengths is for scenes.
        Some(hint) if hint.contains("--bands-from") => problem.hint("correct the wavelengths of the library"),
        _ => problem,
    })
}

/// The names, with ` #2`, ` #3` ... after those that occurred before, and a note about each of them.
fn unique_names(names: Vec<String>) -> (Vec<String>, Vec<String>) {
    let (mut unique, mut notes) = (Vec::<String>::with_capacity(names.len()), Vec::new());
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    // The last number that a name was given: what lies below is taken.
    let mut given = HashMap::new();
    for name in names {
        let Some(number) = given.get_mut(&name) else {
            given.insert(name.clone(), 1);
            unique.push(name);
            continue;
        };
        *number += 1;
        while !taken.insert(format!("{name} #{number}")) {
            *number += 1;
        }
        notes.push(format!("the name '{name}' is repeated; the later spectrum is called '{name} #{number}'"));
        unique.push(format!("{name} #{number}"));
    }
    (unique, notes)
}

/// A remark when the values look like percent or counts: angles do not mind, abundances do.
fn notes_on_values(spectra: &[Spectrum]) -> Option<String> {
    let largest = spectra.iter().flat_map(|s| &s.values).copied().fold(f64::NEG_INFINITY, f64::max);
    (largest > PERCENT_ABOVE).then(|| {
        format!("values reach {largest}: percent? Reflectance as fractions of 1 is expected, and nothing was rescaled")
    })
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
        return Err(Error::refused(place, what).hint(format!(
            "take this {unit} out of the library; what is left must be reflectance, as fractions of 1"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod release_tests;
#[cfg(test)]
mod tests;

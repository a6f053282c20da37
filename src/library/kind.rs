//! What kind of library a file is, by its content.

use std::path::Path;

use super::single::Found;
use super::splib07::Axes;
use super::{ecostress, splib06, splib07, text};
use crate::error::Result;
use crate::spectrum::WavelengthUnit;

/// Kinds that are told by how a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table of spectra.
    Csv,
    /// One spectrum of USGS splib07, or what belongs to one.
    Splib07,
    /// One spectrum of USGS splib06 or splib05.
    Splib06,
    /// One spectrum of ECOSTRESS or ASTER.
    Ecostress,
}

impl Kind {
    /// The kind of a file; `None` for none of these.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of(path: &Path) -> Result<Option<Self>> {
        Ok(Self::of_beginning(&text::beginning(path)?))
    }

    /// The kind of a file that begins like this.
    pub(super) fn of_beginning(start: &[u8]) -> Option<Self> {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        if looks_like_csv(start) {
            return Some(Self::Csv);
        }
        let start = text::decoded(start.to_vec());
        let first = start.lines().find(|l| !l.trim().is_empty())?;
        match () {
            () if splib07::recognises(first) => Some(Self::Splib07),
            () if splib06::recognises(first) => Some(Self::Splib06),
            () if ecostress::recognises(first, &start) => Some(Self::Ecostress),
            () => None,
        }
    }

    /// Reads a file of one spectrum. A CSV is a whole library and has a reader of its own.
    ///
    /// # Errors
    /// As the kind's reader.
    pub(super) fn read(self, path: &Path, unit: Option<WavelengthUnit>, axes: &mut Axes) -> Result<Found> {
        match self {
            Self::Csv => super::csv::open(path, unit).map(Found::Spectrum),
            _ => self.parse(path, &text::read(path)?, unit, axes),
        }
    }

    /// As [`Kind::read`], of the text of the file.
    ///
    /// # Errors
    /// As the kind's reader.
    pub(super) fn parse(self, path: &Path, text: &str, unit: Option<WavelengthUnit>, axes: &mut Axes) -> Result<Found> {
        let text = text.trim_start_matches('\u{feff}');
        match self {
            Self::Splib07 => splib07::read(path, text.trim_start_matches(['\r', '\n']), unit, axes),
            Self::Splib06 => splib06::read(path, text, unit),
            Self::Ecostress => ecostress::read(path, text, unit),
            Self::Csv => super::csv::read(path, text.as_bytes(), unit).map(Found::Spectrum),
        }
    }
}

fn looks_like_csv(start: &[u8]) -> bool {
    let word: Vec<u8> = start.iter().filter(|b| !b"\" ".contains(b)).take(10).map(u8::to_ascii_lowercase).collect();
    word.starts_with(b"wavelength") || word.starts_with(b"channel")
}

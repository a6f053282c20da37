//! The ECOSTRESS and ASTER spectral libraries: a text file a spectrum, fields first, then two columns.
//!
//! ```text
//! Name: Alunite KAl_3(SO_4)_2(OH)_6
//! Type: mineral
//! Class: sulfate
//! Subclass: none
//! Particle Size: fine
//! Sample No.: SO-4A
//! ...
//! X Units: Wavelength (micrometers)
//! Y Units: Reflectance (percentage)
//! First X Value: 0.4000
//! Last X Value: 14.0112
//! Number of X Values: 2256
//! Additional Information: none
//!
//! 0.400   30.0780
//! ```
//!
//! Fields may run over several lines (ASTER 2.0). Wavelengths ascend or descend. Percent becomes a fraction of 1;
//! spectra of transmittance or emissivity are no reflectance. The files give no widths of the channels.
//!
//! Source: Baldridge et al. 2009, Remote Sensing of Environment 113:711; Meerdink et al. 2019, ibid. 230:111196.

use std::path::Path;

use super::single::{Found, Single};
use super::text::{clip, number, or_deleted, squeezed};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;

pub(super) const FORMAT: &str = "ECOSTRESS/ASTER text";

/// Whether the first line of a file is that of the libraries, and its beginning has their next field.
pub(super) fn recognises(first_line: &str, start: &str) -> bool {
    first_line.trim_start().starts_with("Name:") && start.lines().any(|l| l.trim_start().starts_with("Type:"))
}

/// Reads one spectrum.
///
/// # Errors
/// Names the field or line that is missing, damaged or of another unit.
pub(super) fn read(path: &Path, text: &str, unit: Option<WavelengthUnit>) -> Result<Found> {
    let (fields, columns) = Fields::parse(text);
    let y = fields.required(path, "Y Units")?;
    let percent = match Quantity::of(y) {
        Some(Quantity::Percent) => 100.0,
        Some(Quantity::Fraction) => 1.0,
        Some(Quantity::Other(what)) => return Ok(Found::Other(what)),
        None => {
            return Err(Error::refused(
                format!("{}, 'Y Units'", path.display()),
                format!("found '{}', expected Reflectance (percentage)", clip(y)),
            )
            .hint("only reflectance in percent or as a fraction is read"));
        }
    };
    let x = fields.required(path, "X Units")?;
    let Some(word) = unit_of(x) else {
        return Err(Error::refused(
            format!("{}, 'X Units'", path.display()),
            format!("found '{}', expected Wavelength (micrometers)", clip(x)),
        )
        .hint("only wavelengths in micrometres or nanometres are read, no wavenumbers"));
    };
    let (mut centres, mut values, mut without) = (Vec::new(), Vec::new(), 0);
    for (line, row) in columns {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let [centre, value] = cells[..] else {
            return Err(Error::refused(
                format!("{}, line {line}", path.display()),
                format!("found {} columns, expected 2 (wavelength, reflectance)", cells.len()),
            )
            .hint("the file is damaged; take it out of the library"));
        };
        let centre = number(path, line, "wavelength", centre)?;
        let value = number(path, line, "reflectance", value)?;
        if centre <= 0.0 {
            without += 1;
            continue;
        }
        centres.push(centre);
        values.push(or_deleted(value) / percent);
    }
    let mut notes = Vec::new();
    if without > 0 {
        notes.push(format!("rows without a wavelength above zero were left out: {without}"));
    }
    if let Some(announced) = fields.get("Number of X Values").and_then(|n| n.parse::<usize>().ok()) {
        let found = centres.len() + without;
        if announced != found {
            notes.push(format!("the header announces {announced} values, {found} are there"));
        }
    }
    let (name, group) = (fields.name(path)?, fields.group());
    Single { path, format: FORMAT, name, group, values, notes }.on(centres, Some(word), unit).map(Found::Spectrum)
}

/// What the second column is.
enum Quantity {
    Percent,
    Fraction,
    Other(&'static str),
}

impl Quantity {
    fn of(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let other = [("transmi", "transmittance"), ("emissiv", "emissivity"), ("radiance", "radiance")];
        if let Some((_, what)) = other.iter().find(|(word, _)| text.contains(word)) {
            return Some(Self::Other(what));
        }
        match text.strip_prefix("reflect")? {
            rest if rest.contains("percent") || rest.contains('%') => Some(Self::Percent),
            rest if rest.contains("fraction") || rest.contains("unitless") => Some(Self::Fraction),
            _ => None,
        }
    }
}

/// `Wavelength (micrometers)`: the unit's word.
fn unit_of(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let inner = text.strip_prefix("wavelength")?.trim().trim_start_matches('(').trim_end_matches(')').to_owned();
    WavelengthUnit::parse(&inner).map(WavelengthUnit::symbol)
}

/// The fields of the header, in order.
struct Fields(Vec<(String, String)>);

impl Fields {
    /// Splits a file into its fields and its rows (line from 1, text): the first line of two numbers after `Y Units`
    /// begins the rows.
    fn parse(text: &str) -> (Self, Vec<(usize, &str)>) {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut lines = text.lines().zip(1..).peekable();
        let mut units = false;
        while let Some(&(line, _)) = lines.peek() {
            if units && line.split_whitespace().next().is_some_and(|cell| cell.parse::<f64>().is_ok()) {
                break;
            }
            match line.split_once(':') {
                Some((key, value)) if key.trim().len() <= 30 => {
                    fields.push((squeezed(key), squeezed(value)));
                    units |= key.trim() == "Y Units";
                }
                _ => {
                    if let Some((_, value)) = fields.last_mut() {
                        let space = if value.is_empty() || line.trim().is_empty() { "" } else { " " };
                        *value += space;
                        *value += &squeezed(line);
                    }
                }
            }
            lines.next();
        }
        (Self(fields), lines.filter(|(l, _)| !l.trim().is_empty()).map(|(l, n)| (n, l)).collect())
    }

    /// The field's text, if it says something.
    fn get(&self, key: &str) -> Option<&str> {
        let says = |v: &&str| !v.is_empty() && !["none", "n/a", "na", "unknown"].contains(&v.to_lowercase().as_str());
        self.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str()).filter(says)
    }

    fn required(&self, path: &Path, key: &str) -> Result<&str> {
        self.get(key).ok_or_else(|| {
            Error::refused(format!("{}, '{key}'", path.display()), "found nothing, expected a field of the header")
                .hint("the file is damaged; take it out of the library")
        })
    }

    /// Name, sample and particle size: grain sizes of one sample are spectra of their own.
    fn name(&self, path: &Path) -> Result<String> {
        let name = self.required(path, "Name")?;
        let more = ["Sample No.", "Particle Size"].into_iter().filter_map(|key| self.get(key));
        Ok(std::iter::once(name).chain(more).collect::<Vec<_>>().join(" "))
    }

    fn group(&self) -> Option<String> {
        self.get("Class").or(self.get("Type")).map(str::to_owned)
    }
}

//! USGS Digital Spectral Library 06 (and 05) as ASCII: a file a spectrum, with wavelengths, reflectance and standard
//! deviation side by side.
//!
//! ```text
//! USGS Digital Spectral Library splib06a
//! Clark and others 2007, USGS, Data Series 231.
//!
//! For further information on spectrsocopy, see: http://speclab.cr.usgs.gov
//!
//!  ASCII Spectral Data file contents:
//!  line 15 title
//!  line 16 history
//!  line 17 to end:  3-columns of data:
//!      wavelength    reflectance    standard deviation
//!
//! (standard deviation of 0.000000 means not measured)
//! (      -1.23e34  indicates a deleted number)
//! ----------------------------------------------------
//! Lawn_Grass GDS91 (Green)     W1R1Ba AREF
//! copy of splib05a r 11208
//!        0.205100      -1.23e34        0.000000
//! ```
//!
//! The lines of title and data are those that the header names; splib05 has them two lines earlier. Wavelengths are
//! micrometres. The release gives no widths of its channels in these files.
//!
//! Source: Clark et al. 2007, USGS Data Series 231.

use std::path::Path;

use super::single::{Found, Measured, Single};
use super::text::{number, or_deleted, squeezed};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;

pub(super) const FORMAT: &str = "USGS splib06 ASCII";

/// Whether a file's first line is that of the release.
pub(super) fn recognises(first_line: &str) -> bool {
    first_line.trim_start().starts_with("USGS Digital Spectral Library")
}

/// Reads one spectrum.
///
/// # Errors
/// Names the line that is not as the header says.
pub(super) fn read(path: &Path, text: &str, unit: Option<WavelengthUnit>) -> Result<Found> {
    let lines: Vec<&str> = text.lines().collect();
    let (title, data) = (header_line(&lines, "title", 15), header_line(&lines, "to end", 17));
    let name = squeezed(lines.get(title - 1).copied().unwrap_or_default());
    if name.is_empty() || title >= data {
        return Err(Error::refused(
            format!("{}, line {title}", path.display()),
            "found no title, expected the name of the spectrum",
        )
        .hint("the header of a splib06 file has 16 lines: title in line 15, data from line 17"));
    }
    let measured = Measured::of(&name);
    if measured == Measured::Transmittance {
        return Ok(Found::Other("transmittance"));
    }
    let (mut centres, mut values, mut without) = (Vec::new(), Vec::new(), 0);
    for (i, line) in lines.iter().enumerate().skip(data - 1).filter(|(_, l)| !l.trim().is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if !(2..=3).contains(&cells.len()) {
            return Err(Error::refused(
                format!("{}, line {}", path.display(), i + 1),
                format!("found {} columns, expected 3 (wavelength, reflectance, standard deviation)", cells.len()),
            )
            .hint("the file is damaged or of another kind; take it out of the library"));
        }
        let centre = or_deleted(number(path, i + 1, "wavelength", cells[0])?);
        let value = or_deleted(number(path, i + 1, "reflectance", cells[1])?);
        if centre.is_nan() {
            without += 1;
            continue;
        }
        centres.push(centre);
        values.push(value);
    }
    let mut notes = measured.note().into_iter().map(str::to_owned).collect::<Vec<_>>();
    if without > 0 {
        notes.push(format!("channels whose wavelength is deleted were left out: {without}"));
    }
    Single { path, format: FORMAT, name, group: None, values, notes }.on(centres, Some("um"), unit).map(Found::Spectrum)
}

/// The line (from 1) that the header gives to something: `line 15 title`.
fn header_line(lines: &[&str], what: &str, usual: usize) -> usize {
    let named = lines.iter().take(14).find_map(|line| {
        let rest = line.trim().strip_prefix("line ")?;
        let (n, rest) = rest.trim_start().split_once(' ')?;
        rest.trim_start().starts_with(what).then(|| n.parse().ok()).flatten()
    });
    named.filter(|n| (1..=1000).contains(n)).unwrap_or(usual)
}

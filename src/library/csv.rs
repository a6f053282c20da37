//! Libraries as CSV: a column of wavelengths, then one column a spectrum.
//!
//! ```text
//! wavelength_um,fwhm_um,Alunite GDS84 Na03,"Illite, IMt-1"
//! 2.1650,0.0099,0.4213,0.5127
//! 2.1740,0.0099,,0.5098
//! ```
//!
//! The first column is `wavelength_um`, `wavelength_nm`, `wavelength` (when a flag gives the unit) or `channel`
//! (numbers 1, 2, 3 ...). The second may be `fwhm_um` or `fwhm_nm`. An empty cell is a deleted channel.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

use super::{Axis, DELETED, Library, Spectrum, axis_of, notes_on_values, refuse_rows_that_are_not_spectra};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::wavelengths::{Declared, Spectral};

const FORMAT: &str = "CSV";

/// Opens a library CSV.
///
/// # Errors
/// Refuses, naming row and column, whatever is not the table above.
pub(super) fn open(path: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Library> {
    let file = File::open(path).map_err(|e| Error::refused(path.display(), format!("cannot be opened: {e}")))?;
    read(path, file, wavelength_unit)
}

fn read(path: &Path, from: impl Read, wavelength_unit: Option<WavelengthUnit>) -> Result<Library> {
    // Flexible and untrimmed: a ragged row is refused here, in words that name the row.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(from);
    let headers = reader.headers().map_err(|e| broken(path, &e))?;
    let columns = Columns::parse(path, headers)?;
    let (mut first, mut widths) = (Vec::new(), Vec::new());
    let mut spectra: Vec<Spectrum> =
        columns.names.iter().map(|name| Spectrum { name: name.clone(), values: Vec::new() }).collect();
    for record in reader.records() {
        let row = Row { path, columns: &columns, record: record.map_err(|e| broken(path, &e))? };
        row.check_length()?;
        first.push(row.required(0)?);
        if columns.fwhm.is_some() {
            widths.push(row.width()?);
        }
        for (i, spectrum) in spectra.iter_mut().enumerate() {
            spectrum.values.push(row.reflectance(columns.before_spectra() + i)?);
        }
    }
    if first.is_empty() {
        return Err(Error::refused(path.display(), "holds a header and no rows")
            .hint("give one row for each channel, below the header"));
    }
    refuse_rows_that_are_not_spectra(path, "column", columns.before_spectra(), &spectra)?;
    columns.check_channels(path, &first)?;
    let mut notes: Vec<String> = notes_on_values(&spectra).into_iter().collect();
    let axis = columns.axis(path, first, &widths, wavelength_unit, &mut notes);
    Ok(Library { path: path.into(), companions: Vec::new(), format: FORMAT, axis, spectra, notes })
}

/// What the first column holds.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Wavelength(Option<WavelengthUnit>),
    Channel,
}

/// The header row.
struct Columns {
    first: First,
    fwhm: Option<WavelengthUnit>,
    names: Vec<String>,
    headers: Vec<String>,
}

impl Columns {
    fn parse(path: &Path, headers: &StringRecord) -> Result<Self> {
        let headers: Vec<String> = headers.iter().map(|h| h.trim().to_owned()).collect();
        let found = headers.first().map_or("", String::as_str);
        let first = match found.to_lowercase().as_str() {
            "wavelength_um" => First::Wavelength(Some(WavelengthUnit::Micrometers)),
            "wavelength_nm" => First::Wavelength(Some(WavelengthUnit::Nanometers)),
            "wavelength" => First::Wavelength(None),
            "channel" => First::Channel,
            _ => {
                return Err(Error::refused(
                    place(path, 1, 0, found),
                    "the first column is not wavelength_um, wavelength_nm or channel",
                )
                .hint("name the first column of the header row by what it holds, and separate columns by commas"));
            }
        };
        let fwhm = match headers.get(1).map(|h| h.to_lowercase()).as_deref() {
            Some("fwhm_um") => Some(WavelengthUnit::Micrometers),
            Some("fwhm_nm") => Some(WavelengthUnit::Nanometers),
            _ => None,
        };
        if fwhm.is_some() && first == First::Channel {
            return Err(Error::refused(place(path, 1, 1, &headers[1]), "channels without wavelengths have no width"));
        }
        let before = if fwhm.is_some() { 2 } else { 1 };
        for (column, header) in headers.iter().enumerate().skip(before) {
            let refused = |what: String| Err(Error::refused(place(path, 1, column, header), what));
            if header.is_empty() {
                return refused("the column has no name".into());
            }
            if matches!(header.to_lowercase().as_str(), "fwhm" | "fwhm_um" | "fwhm_nm") {
                return refused("widths are the second column, named fwhm_um or fwhm_nm".into());
            }
            if let Some(earlier) = headers[..column].iter().position(|h| h == header) {
                return refused(format!("the name stands in column {} already", earlier + 1));
            }
        }
        let names = headers[before..].to_vec();
        if names.is_empty() {
            return Err(Error::refused(path.display(), "holds no spectra").hint("give each spectrum a column"));
        }
        Ok(Self { first, fwhm, names, headers })
    }

    /// Number of columns before the first spectrum.
    fn before_spectra(&self) -> usize {
        self.headers.len() - self.names.len()
    }

    /// Channels count from 1 without gaps, or matching by index would mean something else.
    fn check_channels(&self, path: &Path, first: &[f64]) -> Result<()> {
        let wrong = || first.iter().zip(1_u32..).find(|&(&found, expected)| found != f64::from(expected));
        match (self.first == First::Channel).then(wrong).flatten() {
            None => Ok(()),
            Some((found, expected)) => Err(Error::refused(
                format!("{}, column 1 ('{}')", path.display(), self.headers[0]),
                format!("found channel {found}, expected {expected}"),
            )
            .hint("number the channels 1, 2, 3 ... without gaps")),
        }
    }

    fn axis(
        &self,
        path: &Path,
        first: Vec<f64>,
        widths: &[f64],
        flag: Option<WavelengthUnit>,
        notes: &mut Vec<String>,
    ) -> Result<Axis> {
        let First::Wavelength(declared) = self.first else { return Ok(Axis::Channels(first.len())) };
        let place = format!("{}, column '{}'", path.display(), self.headers[0]);
        let unit = declared.map(WavelengthUnit::symbol);
        let found = axis_of(&Declared { place: &place, centres: Some(first), fwhm: None, unit }, flag)?;
        let found = self.with_widths(path, found, widths)?;
        notes.extend(found.notes);
        Ok(Axis::Wavelengths(found.bands))
    }

    /// Adds the widths, which have a unit of their own and are checked against the centres.
    fn with_widths(&self, path: &Path, centres: Spectral, widths: &[f64]) -> Result<Spectral> {
        let Some(unit) = self.fwhm else { return Ok(centres) };
        let place = format!("{}, column '{}'", path.display(), self.headers[1]);
        let checked = Declared {
            place: &place,
            centres: Some(centres.bands.centres.iter().map(|c| c.0).collect()),
            fwhm: Some(widths.iter().map(|&w| unit.to_nanometers(w).0).collect()),
            unit: Some(WavelengthUnit::Nanometers.symbol()),
        };
        Ok(Spectral { bands: axis_of(&checked, None)?.bands, notes: centres.notes })
    }
}

/// One row below the header.
struct Row<'a> {
    path: &'a Path,
    columns: &'a Columns,
    record: StringRecord,
}

impl Row<'_> {
    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn refused(&self, column: usize, what: &str) -> Error {
        Error::refused(place(self.path, self.line(), column, &self.columns.headers[column]), what)
    }

    fn check_length(&self) -> Result<()> {
        let (found, expected) = (self.record.len(), self.columns.headers.len());
        if found == expected {
            return Ok(());
        }
        Err(Error::refused(
            format!("{}, row {}", self.path.display(), self.line()),
            format!("found {found} cells, expected {expected} as in the header"),
        )
        .hint("put names that hold commas in double quotes; leave the cells of deleted channels empty"))
    }

    fn cell(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or("").trim()
    }

    /// A cell that must hold a finite number.
    fn required(&self, column: usize) -> Result<f64> {
        let cell = self.cell(column);
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ if cell.is_empty() => Err(self.refused(column, "found an empty cell, expected a number")),
            _ => Err(self.refused(column, &format!("found '{cell}', expected a number"))),
        }
    }

    fn width(&self) -> Result<f64> {
        match self.required(1)? {
            width if width > 0.0 => Ok(width),
            width => Err(self.refused(1, &format!("found {width}, expected a width above 0"))),
        }
    }

    /// A cell of a spectrum: empty, NaN and the fill of USGS releases mean a deleted channel.
    fn reflectance(&self, column: usize) -> Result<f64> {
        let cell = self.cell(column);
        if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
            return Ok(f64::NAN);
        }
        match self.required(column) {
            Ok(value) if value.abs() > DELETED => Ok(f64::NAN),
            Err(problem) => Err(problem.hint("leave the cell of a deleted channel empty")),
            value => value,
        }
    }
}

fn place(path: &Path, line: u64, column: usize, header: &str) -> String {
    format!("{}, row {line}, column {} ('{header}')", path.display(), column + 1)
}

fn broken(path: &Path, error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(e) => Error::io(path, "reading", e),
        _ => Error::refused(path.display(), format!("is not a CSV in UTF-8: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::spectrum::{Bands, Nanometers};

    fn parse(text: &str, unit: Option<WavelengthUnit>) -> Result<Library> {
        read(Path::new("lib.csv"), text.as_bytes(), unit)
    }

    #[test]
    fn reads_names_gaps_widths_and_a_spreadsheet_s_habits() {
        let text =
            "\u{feff}wavelength_um,fwhm_nm,\"Illite, <2um\",Opal (\"\"x\"\")\r\n2.1,10,0.5,\r\n 2.2 ,11,nan,2e-1\r\n";
        let library = parse(text, Some(WavelengthUnit::Nanometers)).unwrap();
        let bands = Bands {
            centres: vec![Nanometers(2100.0), Nanometers(2200.0)],
            fwhm: Some(vec![Nanometers(10.0), Nanometers(11.0)]),
        };
        assert_eq!(library.axis.unwrap(), Axis::Wavelengths(bands));
        assert_eq!(library.spectra[0].name, "Illite, <2um");
        assert!(library.spectra[0].values[0] == 0.5 && library.spectra[0].values[1].is_nan());
        assert!(library.spectra[1].values[0].is_nan() && library.spectra[1].values[1] == 0.2);
    }

    #[test]
    fn channels_have_no_wavelengths_and_a_missing_unit_needs_the_flag() {
        assert_eq!(parse("channel,A\n1,0.1\n2,0.2\n", None).unwrap().axis.unwrap(), Axis::Channels(2));
        let unitless = "wavelength,A\n2.1,0.1\n2.2,0.2\n";
        let problem = parse(unitless, None).unwrap().axis.unwrap_err();
        assert!(problem.next_step().unwrap().contains("--wavelength-unit"), "{problem}");
        assert!(parse(unitless, Some(WavelengthUnit::Micrometers)).unwrap().axis.is_ok());
        assert!(parse(unitless, Some(WavelengthUnit::Nanometers)).unwrap().axis.is_err());
        let wrong = "wavelength_um,A\n2100,0.1\n2200,0.2\n";
        assert!(parse(wrong, None).unwrap().axis.unwrap_err().to_string().contains("cannot be wavelengths"));
        assert!(parse(wrong, Some(WavelengthUnit::Nanometers)).unwrap().axis.is_ok());
    }

    #[test]
    fn refusals_name_the_row_the_column_and_what_was_expected() {
        let cases = [
            ("wavelength_nm,A\n2100,x\n", "row 2, column 2 ('A'): found 'x', expected a number"),
            ("wavelength_nm,A\n2100,0.1\n2200,inf\n", "row 3, column 2 ('A'): found 'inf', expected a number"),
            ("wavelength_nm,A\n,0.1\n", "row 2, column 1 ('wavelength_nm'): found an empty cell"),
            ("wavelength_nm,A\nNaN,0.1\n", "found 'NaN', expected a number"),
            ("wavelength_nm,A,B\n2100,0.1\n", "row 2: found 2 cells, expected 3"),
            ("wavelength_nm,A\n2100,0.1,0.2\n", "row 2: found 3 cells, expected 2"),
            ("wavelength_nm,A,A\n2100,0.1,0.2\n", "column 3 ('A'): the name stands in column 2 already"),
            ("wavelength_nm,A,\n2100,0.1,0.2\n", "column 3 (''): the column has no name"),
            ("wavelength_nm,A,fwhm_nm\n2100,0.1,10\n", "widths are the second column"),
            ("wavelength_nm,fwhm_nm,A\n2100,0,0.2\n", "found 0, expected a width above 0"),
            ("channel,fwhm_nm,A\n1,10,0.2\n", "have no width"),
            ("wavelength_nm\n2100\n", "holds no spectra"),
            ("wavelength_nm,A\n", "no rows"),
            ("wavelength_nm,A,B\n2100,0.1,\n2200,0.2,\n", "column 3, 'B': every channel is deleted"),
            ("wavelength_nm;A\n2100;0.1\n", "the first column is not wavelength_um"),
            ("nm,A\n2100,0.1\n", "the first column is not wavelength_um"),
            ("", "the first column is not"),
            ("channel,A\n0,0.1\n1,0.1\n", "found channel 0, expected 1"),
        ];
        for (text, expected) in cases {
            let problem = parse(text, None).unwrap_err();
            assert!(problem.to_string().contains(expected), "{text:?}: {problem}");
            assert!(problem.to_string().starts_with("lib.csv") && problem.kind() == ErrorKind::Refused);
        }
        let latin1 = read(Path::new("lib.csv"), &b"wavelength_nm,\xb5\n1000,0.1\n"[..], None).unwrap_err();
        assert!(latin1.to_string().contains("UTF-8"));
    }
}

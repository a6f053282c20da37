//! Libraries as CSV, either way round: a column or a row of wavelengths, then a column or a row for each spectrum.
//!
//! ```text
//! wavelength_um,fwhm_um,Alunite GDS84 Na03,"Illite, IMt-1"      wavelength_um,2.1650,2.1740
//! 2.1650,0.0099,0.4213,0.5127                                   fwhm_um,0.0099,0.0099
//! 2.1740,0.0099,,0.5098                                         Alunite GDS84 Na03,0.4213,
//!                                                               "Illite, IMt-1",0.5127,0.5098
//! ```
//!
//! The first column (or row) is `wavelength_um`, `wavelength_nm`, `wavelength` (when a flag gives the unit) or `channel`
//! (numbers 1, 2, 3 ...). The second may be `fwhm_um` or `fwhm_nm`. An empty cell is a deleted channel. Where the rest of
//! the first row is numbers and the rest of the first column is not, spectra are rows.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

use super::text::{clip, or_deleted};
use super::{Axis, Library, Spectrum, axis_of, notes_on_values, refuse_rows_that_are_not_spectra};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::wavelengths::{Declared, Spectral};

const FORMAT: &str = "CSV";

/// All of splib07 takes a twentieth of this.
const MAX_BYTES: u64 = 1 << 30;

/// Opens a library CSV.
///
/// # Errors
/// Refuses, naming row and column, whatever is not the table above.
pub(super) fn open(path: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Library> {
    let file = File::open(path).map_err(|e| Error::unopened(path, &e))?;
    let size = file.metadata().map_err(|e| Error::io(path, "cannot look at the file", &e))?.len();
    if size > MAX_BYTES {
        return Err(Error::refused(path.display(), "too large for a library in CSV (more than 1 GiB)")
            .hint("an ENVI spectral library holds as much in a third of the room"));
    }
    read(path, file, wavelength_unit)
}

/// Reads the table in `from`, which lies at `path`.
///
/// # Errors
/// As [`open`].
pub(super) fn read(path: &Path, from: impl Read, wavelength_unit: Option<WavelengthUnit>) -> Result<Library> {
    let table = Table::read(path, from)?;
    let columns = Columns::parse(&table)?;
    let group = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut first, mut widths) = (Vec::new(), Vec::new());
    let spectrum =
        |name: &String| Spectrum { name: name.clone(), group: group.clone(), file: path.into(), values: Vec::new() };
    let mut spectra: Vec<Spectrum> = columns.names.iter().map(spectrum).collect();
    for channel in 1..table.channels() {
        first.push(table.number(channel, 0)?);
        if columns.fwhm.is_some() {
            widths.push(table.width(channel)?);
        }
        for (i, spectrum) in spectra.iter_mut().enumerate() {
            spectrum.values.push(table.reflectance(channel, columns.before_spectra() + i)?);
        }
    }
    if first.is_empty() {
        return Err(Error::refused(path.display(), "holds a header and no rows")
            .hint("give one row for each channel, below the header"));
    }
    refuse_rows_that_are_not_spectra(path, table.unit(), columns.before_spectra(), &spectra)?;
    columns.check_channels(&table, &first)?;
    let mut notes: Vec<String> = notes_on_values(&spectra).into_iter().collect();
    let fwhm_source = columns.fwhm.is_some().then(|| format!("its {} '{}'", table.unit(), columns.headers[1]));
    let axis = columns.axis(&table, first, &widths, wavelength_unit, &mut notes);
    Ok(Library { path: path.into(), companions: Vec::new(), format: FORMAT, axis, fwhm_source, spectra, notes })
}

/// Whether a heading is that of widths, wherever it stands.
fn is_of_widths(heading: &str) -> bool {
    ["fwhm", "fwhm_um", "fwhm_nm"].iter().any(|word| heading.eq_ignore_ascii_case(word))
}

/// What would be taken for something else in a table of spectra with these names, behind columns with these headings.
pub(super) fn misread(heads: &[&str], names: &[&str]) -> Option<String> {
    if let Some(name) = names.iter().find(|name| is_of_widths(name) || heads.contains(name)) {
        return Some(format!("the name '{name}' is that of a column of wavelengths, widths or channels"));
    }
    let numbers = heads.len() == 1 && names.iter().all(|name| name.parse::<f64>().is_ok());
    numbers.then(|| "the names are all numbers: they would be taken for wavelengths".to_owned())
}

/// The cells, by channel (0: the headers) and column, whichever way round they lie in the file.
struct Table<'a> {
    path: &'a Path,
    /// Line in the file, and its cells.
    rows: Vec<(u64, StringRecord)>,
    /// Spectra are rows of the file.
    turned: bool,
}

impl<'a> Table<'a> {
    fn read(path: &'a Path, from: impl Read) -> Result<Self> {
        // Flexible and untrimmed: a ragged row is refused here, in words that name the row.
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(from);
        let mut rows: Vec<(u64, StringRecord)> = Vec::new();
        for record in reader.records() {
            let mut cells = record.map_err(|e| broken(path, &e))?;
            let line = cells.position().map_or(0, csv::Position::line);
            cells.trim();
            if rows.is_empty() {
                let first = |cell: &str| cell.trim_start_matches('\u{feff}').trim_matches('"').to_owned();
                cells = cells.iter().enumerate().map(|(i, c)| if i == 0 { first(c) } else { c.into() }).collect();
            }
            if let (1, true, Some(only)) = (cells.len(), rows.is_empty(), cells.get(0))
                && only.contains([';', '\t'])
            {
                let what = format!("found the one cell '{}', expected cells separated by commas", clip(only));
                return Err(Error::refused(format!("{}, row {line}", path.display()), what)
                    .hint("save the table with commas between cells, and points in numbers"));
            }
            let expected = rows.first().map_or(cells.len(), |(_, header)| header.len());
            if cells.len() != expected {
                return Err(Error::refused(
                    format!("{}, row {line}", path.display()),
                    format!("found {} cells, expected {expected} as in the header", cells.len()),
                )
                .hint("put names that hold commas in double quotes; leave the cells of deleted channels empty"));
            }
            rows.push((line, cells));
        }
        let mut table = Self { path, rows, turned: false };
        table.turned = table.is_turned()?;
        Ok(table)
    }

    /// Whether the rest of the first row is numbers and the rest of the first column is not.
    fn is_turned(&self) -> Result<bool> {
        let number = |cell: &str| cell.parse::<f64>().is_ok();
        let Some((line, header)) = self.rows.first() else { return Ok(false) };
        if header.len() < 2 || !header.iter().skip(1).all(number) {
            return Ok(false);
        }
        let turned = self.rows.iter().skip(1).any(|(_, row)| row.get(0).is_some_and(|cell| !number(cell)));
        if turned || self.rows.len() < 2 {
            return Ok(turned);
        }
        let what = "the first row and the first column are both numbers: which of them are the wavelengths?";
        Err(Error::refused(format!("{}, row {line}", self.path.display()), what)
            .hint("give the spectra names that are no numbers"))
    }

    /// Channels, the headers' included.
    fn channels(&self) -> usize {
        if self.turned { self.rows.first().map_or(0, |(_, header)| header.len()) } else { self.rows.len() }
    }

    /// How the file counts spectra.
    fn unit(&self) -> &'static str {
        if self.turned { "row" } else { "column" }
    }

    fn cell(&self, channel: usize, column: usize) -> &str {
        let (row, column) = if self.turned { (column, channel) } else { (channel, column) };
        self.rows.get(row).and_then(|(_, cells)| cells.get(column)).unwrap_or_default()
    }

    /// The names of the columns; a row's name when spectra are rows.
    fn headers(&self) -> Vec<String> {
        let columns = if self.turned { self.rows.len() } else { self.rows.first().map_or(0, |(_, h)| h.len()) };
        (0..columns).map(|column| self.cell(0, column).to_owned()).collect()
    }

    fn place(&self, channel: usize, column: usize) -> String {
        let (row, across) = if self.turned { (column, channel) } else { (channel, column) };
        let line = self.rows.get(row).map_or(1, |(line, _)| *line);
        format!("{}, row {line}, column {} ('{}')", self.path.display(), across + 1, self.cell(0, column))
    }

    fn refused(&self, channel: usize, column: usize, what: &str) -> Error {
        Error::refused(self.place(channel, column), what).hint("correct the cell, or take the channel out of the table")
    }

    /// A cell that must hold a finite number.
    fn number(&self, channel: usize, column: usize) -> Result<f64> {
        let cell = self.cell(channel, column);
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ if cell.is_empty() => Err(self.refused(channel, column, "found an empty cell, expected a number")),
            _ => Err(self.refused(channel, column, &format!("found '{cell}', expected a number"))),
        }
    }

    fn width(&self, channel: usize) -> Result<f64> {
        match self.number(channel, 1)? {
            width if width > 0.0 => Ok(width),
            width => Err(self.refused(channel, 1, &format!("found {width}, expected a width above 0"))),
        }
    }

    /// A cell of a spectrum: empty, NaN and the fill of USGS releases mean a deleted channel.
    fn reflectance(&self, channel: usize, column: usize) -> Result<f64> {
        let cell = self.cell(channel, column);
        if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
            return Ok(f64::NAN);
        }
        match self.number(channel, column) {
            Ok(value) => Ok(or_deleted(value)),
            Err(problem) => Err(problem.hint("leave the cell of a deleted channel empty")),
        }
    }
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
    fn parse(table: &Table<'_>) -> Result<Self> {
        let path = table.path;
        let headers = table.headers();
        let found = headers.first().map_or("", String::as_str);
        let first = match found.to_lowercase().as_str() {
            "wavelength_um" => First::Wavelength(Some(WavelengthUnit::Micrometers)),
            "wavelength_nm" => First::Wavelength(Some(WavelengthUnit::Nanometers)),
            "wavelength" => First::Wavelength(None),
            "channel" => First::Channel,
            _ => {
                return Err(Error::refused(
                    table.place(0, 0),
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
            return Err(Error::refused(table.place(0, 1), "channels without wavelengths have no width")
                .hint("take the widths out, or give the channels wavelengths"));
        }
        let before = if fwhm.is_some() { 2 } else { 1 };
        let mut earlier: HashMap<&str, usize> = headers.iter().take(before).map(String::as_str).zip(0..).collect();
        for (column, header) in headers.iter().enumerate().skip(before) {
            let refused = |what: String| {
                let hint = format!("give every spectrum a {} and a name of its own", table.unit());
                Err(Error::refused(table.place(0, column), what).hint(hint))
            };
            if header.is_empty() {
                return refused(format!("the {} has no name", table.unit()));
            }
            if is_of_widths(header) {
                return refused(format!("widths are the second {}, named fwhm_um or fwhm_nm", table.unit()));
            }
            if let Some(earlier) = earlier.insert(header, column) {
                return refused(format!("the name stands in {} {} already", table.unit(), earlier + 1));
            }
        }
        let names = headers[before..].to_vec();
        if names.is_empty() {
            return Err(Error::refused(path.display(), "holds no spectra").hint("give each spectrum a column or a row"));
        }
        Ok(Self { first, fwhm, names, headers })
    }

    /// Number of columns before the first spectrum.
    fn before_spectra(&self) -> usize {
        self.headers.len() - self.names.len()
    }

    /// Channels count from 1 without gaps, or matching by index would mean something else.
    fn check_channels(&self, table: &Table<'_>, first: &[f64]) -> Result<()> {
        let wrong = || first.iter().zip(1_u32..).find(|&(&found, expected)| found != f64::from(expected));
        match (self.first == First::Channel).then(wrong).flatten() {
            None => Ok(()),
            Some((found, expected)) => Err(Error::refused(
                format!("{}, {} 1 ('{}')", table.path.display(), table.unit(), self.headers[0]),
                format!("found channel {found}, expected {expected}"),
            )
            .hint("number the channels 1, 2, 3 ... without gaps")),
        }
    }

    fn axis(
        &self,
        table: &Table<'_>,
        first: Vec<f64>,
        widths: &[f64],
        flag: Option<WavelengthUnit>,
        notes: &mut Vec<String>,
    ) -> Result<Axis> {
        let First::Wavelength(declared) = self.first else { return Ok(Axis::Channels(first.len())) };
        let place = format!("{}, {} '{}'", table.path.display(), table.unit(), self.headers[0]);
        let unit = declared.map(WavelengthUnit::symbol);
        let found = axis_of(&Declared { place: &place, centres: Some(first), fwhm: None, unit }, flag)?;
        let found = self.with_widths(table, found, widths)?;
        notes.extend(found.notes);
        Ok(Axis::Wavelengths(found.bands))
    }

    /// Adds the widths, which have a unit of their own and are checked against the centres.
    fn with_widths(&self, table: &Table<'_>, centres: Spectral, widths: &[f64]) -> Result<Spectral> {
        let Some(unit) = self.fwhm else { return Ok(centres) };
        let place = format!("{}, {} '{}'", table.path.display(), table.unit(), self.headers[1]);
        let checked = Declared {
            place: &place,
            centres: Some(centres.bands.centres.iter().map(|c| c.0).collect()),
            fwhm: Some(widths.iter().map(|&w| unit.to_nanometers(w).0).collect()),
            unit: Some(WavelengthUnit::Nanometers.symbol()),
        };
        Ok(Spectral { bands: axis_of(&checked, None)?.bands, notes: centres.notes })
    }
}

fn broken(path: &Path, error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(e) => Error::io(path, "reading", e),
        _ => Error::refused(path.display(), format!("is not a CSV in UTF-8: {error}")).hint("save it as CSV in UTF-8"),
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
    fn spectra_in_rows_are_the_table_turned() {
        let columns = "wavelength_um,fwhm_nm,\"Illite, <2um\",Opal\n2.1,10,0.5,0.1\n2.2,11,,0.2\n2.3,11,0.4,-1.23e34\n";
        let rows = "wavelength_um,2.1,2.2,2.3\nfwhm_nm,10,11,11\n\"Illite, <2um\",0.5,,0.4\nOpal,0.1,0.2,-1.23e34\n";
        let [columns, rows] = [columns, rows].map(|text| parse(text, None).unwrap());
        assert_eq!(columns.axis.unwrap(), rows.axis.unwrap());
        for (a, b) in columns.spectra.iter().zip(&rows.spectra) {
            assert_eq!((&a.name, &a.group), (&b.name, &b.group));
            assert!(a.values.iter().zip(&b.values).all(|(x, y)| x == y || x.is_nan() && y.is_nan()), "{}", a.name);
        }
        assert_eq!(rows.fwhm_source.unwrap(), "its row 'fwhm_nm'");
        assert_eq!(parse("channel,1,2\nA,0.1,0.2\n", None).unwrap().axis.unwrap(), Axis::Channels(2));
        let cases = [
            ("wavelength_nm,2100,2200\nA,0.1,x\n", "row 2, column 3 ('A'): found 'x', expected a number"),
            ("wavelength_nm,2100,2200\nA,0.1\n", "row 2: found 2 cells, expected 3"),
            ("wavelength_nm,2100,2200\nA,0.1,0.2\nA,0.1,0.2\n", "row 3, column 1 ('A'): the name stands in row 2"),
            ("wavelength_nm,2100,2200\nA,0.1,0.2\nfwhm_nm,10,10\n", "widths are the second row"),
            ("wavelength_nm,2100,2200\nA,,\n", "row 2, 'A': every channel is deleted"),
            ("wavelength_nm,1,2\n2100,0.1,0.2\n2200,0.1,0.2\n", "which of them are the wavelengths?"),
        ];
        for (text, expected) in cases {
            let problem = parse(text, None).unwrap_err();
            assert!(problem.to_string().contains(expected) && problem.kind() == ErrorKind::Refused, "{problem}");
        }
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
            ("wavelength_nm;A\n2100;0.1\n", "found the one cell 'wavelength_nm;A', expected cells separated by commas"),
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

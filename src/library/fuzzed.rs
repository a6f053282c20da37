//! What holds for libraries in any bytes.

use std::io::Cursor;
use std::path::Path;

use super::kind::Kind;
use super::single::Found;
use super::splib07::Axes;
use super::table::Table;
use super::text::decoded;
use super::{Axis, Library, PLAUSIBLE_REFLECTANCE, csv, ecostress, envi, splib06};
use crate::envi::Header;
use crate::error::Result;
use crate::spectrum::{PLAUSIBLE_NM, WavelengthUnit};

/// A table, either way round, with and without the flag that gives the unit.
pub fn csv_library(data: &[u8]) {
    units(|unit| csv::read(Path::new("x.csv"), data, unit));
}

/// One spectrum of splib06, or of splib07 with its wavelengths behind a zero.
pub fn splib(data: &[u8]) {
    let (spectrum, axis) = cut(data);
    let (spectrum, axis) = (decoded(spectrum.to_vec()), decoded(axis.to_vec()));
    let _ = splib06::read(Path::new("/x.txt"), &spectrum, None).map(check_found);
    let Ok(folder) = std::path::absolute("/") else { return };
    let Ok(mut axes) = Axes::alone(&folder, &axis) else { return };
    let Some(kind) = Kind::of_beginning(spectrum.as_bytes()).filter(|kind| *kind == Kind::Splib07) else { return };
    units(|unit| single(kind.parse(&folder.join("x.txt"), &spectrum, unit, &mut axes)?));
}

/// One spectrum with fields before it.
pub fn ecostress(data: &[u8]) {
    let text = decoded(data.to_vec());
    units(|unit| single(ecostress::read(Path::new("/x/y.txt"), &text, unit)?));
}

/// A header, and behind a zero the numbers.
pub fn envi_library(data: &[u8]) {
    let (header, numbers) = cut(data);
    let Ok(header) = Header::parse(&decoded(header.to_vec()), Path::new("x.hdr")) else { return };
    units(|unit| envi::read(Path::new("x.sli"), Cursor::new(numbers), numbers.len() as u64, &header, unit));
}

fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    (&data[..at], data.get(at + 1..).unwrap_or_default())
}

/// Where the file's own words give no axis, the flag may.
fn units(mut read: impl FnMut(Option<WavelengthUnit>) -> Result<Library>) {
    let Ok(library) = read(None) else { return };
    check(&library);
    if library.axis.is_err() {
        for unit in [WavelengthUnit::Nanometers, WavelengthUnit::Micrometers] {
            check(&read(Some(unit)).expect("the flag only touches the axis"));
        }
    }
}

fn single(found: Found) -> Result<Library> {
    match found {
        Found::Spectrum(library) => Ok(library),
        Found::Other(what) | Found::Companion(what) => Err(crate::error::Error::refused("x", what)),
    }
}

fn check_found(found: Found) {
    if let Found::Spectrum(library) = found {
        check(&library);
    }
}

/// A value for every channel of every spectrum, each a reflectance or none; and what is written is read back.
fn check(library: &Library) {
    assert!(!library.spectra.is_empty());
    for spectrum in &library.spectra {
        assert!(!spectrum.name.is_empty());
        let mut there = spectrum.values.iter().filter(|v| !v.is_nan()).peekable();
        assert!(there.peek().is_some(), "a spectrum without a value");
        assert!(there.all(|v| v.abs() <= PLAUSIBLE_REFLECTANCE), "a value that no reflectance has");
    }
    let Ok(axis) = &library.axis else { return };
    let channels = match axis {
        Axis::Channels(n) => *n,
        Axis::Wavelengths(bands) => {
            assert!(bands.centres.iter().all(|c| PLAUSIBLE_NM.contains(&c.0)));
            assert!(bands.fwhm.as_ref().is_none_or(|fwhm| fwhm.len() == bands.len()));
            bands.len()
        }
    };
    assert!(library.spectra.iter().all(|s| s.values.len() == channels));
    let spectra = library.spectra.iter().map(|s| (s.name.clone(), s.values.clone())).collect();
    let table = Table { axis: axis.clone(), spectra, notes: Vec::new() };
    written_as_csv(&table);
    written_as_envi(&table);
}

fn written_as_csv(table: &Table) {
    if table.check_csv_names().is_err() {
        return;
    }
    let mut bytes = Vec::new();
    table.write_csv(&mut bytes).expect("memory takes all bytes");
    let again = csv::read(Path::new("x.csv"), &bytes[..], None).expect("what was written is read");
    assert!(again.spectra.iter().map(|s| &s.name).eq(table.spectra.iter().map(|(name, _)| name)));
    same(&again, table);
}

fn written_as_envi(table: &Table) {
    if table.check_envi_names().is_err() {
        return;
    }
    let mut bytes = Vec::new();
    table.write_sli(&mut bytes).expect("memory takes all bytes");
    let header = Header::parse(&table.header(), Path::new("x.hdr")).expect("a header that is read");
    let size = bytes.len() as u64;
    let again = envi::read(Path::new("x.sli"), Cursor::new(bytes), size, &header, None);
    same(&again.expect("what was written is read"), table);
}

/// The same channels, and the same bits of all values.
fn same(again: &Library, table: &Table) {
    assert_eq!(again.axis.as_ref().expect("the axis is read again"), &table.axis);
    assert_eq!(again.spectra.len(), table.spectra.len());
    for (again, (_, values)) in again.spectra.iter().zip(&table.spectra) {
        let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
        assert!(again.values.iter().map(|v| bits(*v)).eq(values.iter().map(|v| bits(*v))));
    }
}

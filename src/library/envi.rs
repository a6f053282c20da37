//! ENVI spectral libraries: a header, and a file of numbers in which each line is a spectrum and each sample a channel.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{
    Axis, DELETED, Library, Spectrum, axis_of, notes_on_values, refuse_rows_that_are_not_spectra, unique_names,
};
use crate::envi::Header;
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::tile::{Sample, SampleType, Samples};
use crate::wavelengths::Declared;
use crate::with_samples;

const FORMAT: &str = "ENVI spectral library";

/// Opens the library whose numbers are in `data` and whose header is `header`.
///
/// # Errors
/// Refuses what is not a spectral library, sizes and counts that disagree, and rows that are not spectra.
pub(super) fn open(data: &Path, header: &Path, wavelength_unit: Option<WavelengthUnit>) -> Result<Library> {
    let header = Header::read(header)?;
    let failed = |e: std::io::Error| Error::io(data, "opening", &e);
    let file = File::open(data).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    read(data, file, size, &header, wavelength_unit)
}

/// Reads the library from numbers of `size` bytes.
///
/// # Errors
/// As [`open`].
pub(super) fn read(
    data: &Path,
    numbers: impl Read + Seek,
    size: u64,
    header: &Header,
    wavelength_unit: Option<WavelengthUnit>,
) -> Result<Library> {
    check_file_type(header)?;
    let (lines, samples) = (header.required_usize("lines")?, header.required_usize("samples")?);
    header.check_bytes(data, size, &[("spectra (lines)", lines), ("channels (samples)", samples)])?;
    let names = names(header, lines)?;
    let (unique, mut notes) = unique_names(names);
    let group = data.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let spectra: Vec<Spectrum> = values(data, numbers, header, lines * samples)?
        .chunks_exact(samples)
        .zip(unique)
        .map(|(values, name)| Spectrum { name, group: group.clone(), file: data.into(), values: values.to_vec() })
        .collect();
    refuse_rows_that_are_not_spectra(data, "row", 0, &spectra)?;
    notes.splice(0..0, header.notes().iter().cloned());
    notes.extend(notes_on_values(&spectra));
    let axis = axis(header, samples, wavelength_unit, &mut notes);
    let fwhm_source = header.text("fwhm").map(|_| "its header".to_owned());
    let companions = vec![header.path().into()];
    Ok(Library { path: data.into(), companions, format: FORMAT, axis, fwhm_source, spectra, notes })
}

/// Whether a header is that of a spectral library.
pub(super) fn is_library(header: &Header) -> bool {
    header.text("file type").is_some_and(|t| t.eq_ignore_ascii_case("ENVI Spectral Library"))
}

fn check_file_type(header: &Header) -> Result<()> {
    let found = header.text("file type").unwrap_or("");
    if !is_library(header) {
        return Err(Error::refused(
            header.place("file type"),
            format!("found '{found}', expected 'ENVI Spectral Library'"),
        )
        .hint("name a spectral library; a cube is a scene"));
    }
    match header.text("bands") {
        None | Some("1") => Ok(()),
        Some(bands) => Err(Error::refused(
            header.place("bands"),
            format!("found {bands}, expected 1 as in every spectral library"),
        )
        .hint("in a library samples are channels and lines are spectra")),
    }
}

fn names(header: &Header, lines: usize) -> Result<Vec<String>> {
    let place = header.place("spectra names");
    let Some(names) = header.names("spectra names") else {
        return Err(Error::refused(place, "missing in the header").hint("list one name for each spectrum"));
    };
    if names.len() != lines {
        return Err(Error::refused(place, format!("found {} names, expected {lines} (lines)", names.len()))
            .hint("give one name for each spectrum; a name must not hold a comma"));
    }
    match names.iter().position(String::is_empty) {
        Some(i) => {
            Err(Error::refused(place, format!("the name of row {} is empty", i + 1)).hint("name every spectrum"))
        }
        None => Ok(names),
    }
}

/// All values, row by row, as reflectance; NaN where deleted.
fn values(data: &Path, mut numbers: impl Read + Seek, header: &Header, count: usize) -> Result<Vec<f64>> {
    let sample_type = header.sample_type()?;
    let scale = scale(header, sample_type)?;
    let fill = header.number("data ignore value")?;
    let mut stored = Samples::zeros(sample_type, count);
    numbers
        .seek(SeekFrom::Start(header.header_offset()?))
        .and_then(|_| numbers.read_exact(stored.as_bytes_mut()))
        .map_err(|e| Error::io(data, "reading the spectra", &e))?;
    if header.big_endian()? != cfg!(target_endian = "big") {
        stored.swap_bytes();
    }
    Ok(with_samples!(&stored, v => reflectance(v, fill, scale)))
}

/// `fill` is compared in the stored type: -1.23e34 as text is not what a float32 holds of it.
fn reflectance<T: Sample>(stored: &[T], fill: Option<f64>, scale: f64) -> Vec<f64> {
    let fill = fill.and_then(T::nodata);
    let value = |&v: &T| match v.to_f64() {
        x if Some(v) == fill || x.is_nan() || x.abs() > DELETED => f64::NAN,
        x => x / scale,
    };
    stored.iter().map(value).collect()
}

/// The stored value that means reflectance 1.
fn scale(header: &Header, sample_type: SampleType) -> Result<f64> {
    let place = || header.place("reflectance scale factor");
    match header.number("reflectance scale factor")? {
        Some(scale) if scale.is_finite() && scale > 0.0 => Ok(scale),
        Some(scale) => Err(Error::refused(place(), format!("found {scale}, expected a number above 0"))
            .hint("give the stored value that means reflectance 1")),
        None if matches!(sample_type, SampleType::F32 | SampleType::F64) => Ok(1.0),
        None => Err(Error::refused(place(), format!("missing, and the values are {}", sample_type.name()))
            .hint("add to the header the stored value that means reflectance 1, such as 10000")),
    }
}

fn axis(header: &Header, samples: usize, unit: Option<WavelengthUnit>, notes: &mut Vec<String>) -> Result<Axis> {
    let Some(centres) = header.list_of("wavelength", samples)? else { return Ok(Axis::Channels(samples)) };
    let fwhm = header.list_of("fwhm", samples)?;
    let place = header.place("wavelength");
    let declared = Declared { place: &place, centres: Some(centres), fwhm, unit: header.text("wavelength units") };
    let found = axis_of(&declared, unit)?;
    notes.extend(found.notes);
    Ok(Axis::Wavelengths(found.bands))
}

//! USGS Spectral Library Version 7 as ASCII: a file a spectrum, with wavelengths and widths in files of their own.
//!
//! ```text
//! ASCIIdata_splib07a/
//!   splib07a_Wavelengths_BECK_Beckman_0.2-3.0_microns.txt
//!   splib07a_Wavelengths_ASD_0.35-2.5_microns_2151_ch.txt
//!   splib07a_Wavelengths_NIC4_Nicolet_1.12-216microns.txt
//!   splib07a_Wavelengths_AVIRIS_1996_0.37-2.5_microns.txt
//!   splib07a_Bandpass_(FWHM)_BECK_Beckman_in_microns.txt
//!   splib07a_Bandpass_(FWHM)_ASDFR_StandardResolution.txt      also ASDHR, ASDNG, AVIRIS, NIC4
//!   ChapterM_Minerals/splib07a_Alunite_GDS84_Na03_BECKa_AREF.txt
//!   errorbars/errorbars_for_splib07a_Alunite_GDS84_Na03_BECKa_AREF.txt
//! ```
//!
//! Every file is a title and one number a line:
//!
//! ```text
//!  splib07a Record=736: Alunite GDS84 Na03            BECKa AREF
//! -1.2300000e+034
//!  1.7087072e-001
//! ```
//!
//! The title ends in the spectrometer with its purity code, and in what was measured. A spectrum is paired with the
//! wavelengths of its own release and spectrometer, and only when both have as many channels; so a Nicolet spectrum (4280
//! channels, 1.12 to 216 µm) never gets the axis of another. Releases that were convolved to a sensor (`s07_...`) keep the
//! first spectrometer in their titles, and have one axis, the sensor's.
//!
//! Source: Kokaly et al. 2017, USGS Data Series 1035.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::single::{Found, Measured, Single, Widths};
use super::text::{self, number, or_deleted, squeezed};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::wavelengths::Declared;

pub(super) const FORMAT: &str = "USGS splib07 ASCII";

/// Folders above a spectrum's own in which its wavelengths are looked for.
const LEVELS: usize = 3;

/// Whether the first line of a file is a title of the release, or that of error bars.
pub(super) fn recognises(first_line: &str) -> bool {
    Title::parse(first_line).is_some() || is_error_bars(first_line)
}

fn is_error_bars(first_line: &str) -> bool {
    first_line.trim_start().to_lowercase().starts_with("error bars for ")
}

/// Reads one spectrum. `axes` keeps the axis files of folders that were seen before.
///
/// # Errors
/// When no axis, or none but another spectrometer's or one of another channel count is there; when a line is no number.
pub(super) fn read(path: &Path, text: &str, unit: Option<WavelengthUnit>, axes: &mut Axes) -> Result<Found> {
    let first = text.lines().next().unwrap_or_default();
    if is_error_bars(first) {
        return Ok(Found::Companion("error bars"));
    }
    let Some(title) = Title::parse(first) else {
        return Err(Error::refused(format!("{}, line 1", path.display()), "found no title of a splib07 release")
            .hint("the file is damaged; take it out of the library"));
    };
    if title.quantity().is_some() {
        return Ok(Found::Companion("wavelengths or widths of a spectrometer"));
    }
    let measured = Measured::of(&title.text);
    match measured {
        Measured::Transmittance => return Ok(Found::Other("transmittance")),
        Measured::Unknown => {
            return Err(Error::refused(
                format!("{}, line 1", path.display()),
                format!("found '{}', expected a title that ends in AREF, RREF or RTGC", text::clip(&title.text)),
            )
            .hint("only reflectance is read; take the file out of the library"));
        }
        Measured::Absolute | Measured::Relative => {}
    }
    let values: Vec<f64> = numbers(path, text)?.into_iter().map(or_deleted).collect();
    let (wavelengths, bandpass) = axes.of(path, &title, values.len())?;
    let mut notes: Vec<String> = measured.note().into_iter().map(str::to_owned).collect();
    if bandpass.is_none() {
        notes.push(format!("no bandpass file of {} lies beside {}", title.instrument(), wavelengths.path.display()));
    }
    let place = wavelengths.path.display().to_string();
    let declared = Declared {
        place: &place,
        centres: Some(wavelengths.values.clone()),
        fwhm: bandpass.map(|b| in_unit_of(b, wavelengths)),
        unit: wavelengths.unit.map(WavelengthUnit::symbol),
    };
    let companions = std::iter::once(wavelengths).chain(bandpass).map(|f| f.path.clone()).collect();
    let source = bandpass.and_then(|b| b.path.file_name()).map(|n| n.to_string_lossy().into_owned());
    let single = Single { path, format: FORMAT, name: title.text.clone(), group: None, values, notes };
    single.with(Widths { companions, source }, declared, unit).map(Found::Spectrum)
}

/// Widths in the unit of the wavelengths; a bandpass file that names no unit has theirs.
fn in_unit_of(bandpass: &AxisFile, wavelengths: &AxisFile) -> Vec<f64> {
    let factor = match (bandpass.unit, wavelengths.unit) {
        (Some(from), Some(to)) => from.to_nanometers(1.0).0 / to.to_nanometers(1.0).0,
        _ => 1.0,
    };
    bandpass.values.iter().map(|v| v * factor).collect()
}

/// One number a line, below the title.
fn numbers(path: &Path, text: &str) -> Result<Vec<f64>> {
    let lines = text.lines().zip(1..).skip(1).filter(|(l, _)| !l.trim().is_empty());
    lines.map(|(cell, line)| number(path, line, "one value a line", cell)).collect()
}

/// `splib07a Record=736: Alunite GDS84 Na03            BECKa AREF`
struct Title {
    release: String,
    /// What follows the record, with single spaces.
    text: String,
}

/// What an axis file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Wavelengths,
    Bandpass,
    /// Wavenumbers, resolutions, response functions: nothing that is needed.
    Other,
}

impl Title {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let release = words.next()?.to_owned();
        words.next()?.strip_prefix("Record=")?.strip_suffix(':')?.parse::<u32>().ok()?;
        Some(Self { release, text: squeezed(&words.collect::<Vec<_>>().join(" ")) })
    }

    /// What an axis file holds; `None` for a spectrum.
    fn quantity(&self) -> Option<Quantity> {
        let spectrum = Measured::of(&self.text) != Measured::Unknown;
        let lower = self.text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
        match () {
            () if spectrum => None,
            () if has(&["bandpass", "fwhm", "bandwidths"]) => Some(Quantity::Bandpass),
            () if has(&["wavelengths", "waves "]) => Some(Quantity::Wavelengths),
            () if has(&["wavenumber", "resolution", "srf"]) => Some(Quantity::Other),
            () => None,
        }
    }

    /// The spectrometer of a spectrum: `BECK` of `BECKa`, `ASDFR` of `ASDFRb`, `NIC4` of `NIC4bbb`.
    fn instrument(&self) -> &str {
        let code = self.text.split(' ').rev().nth(1).unwrap_or_default();
        code.trim_end_matches(|c: char| c.is_ascii_lowercase())
    }

    /// Whether the release holds what the spectrometers measured, not what was convolved to a sensor.
    fn is_measured(&self) -> bool {
        self.release.to_lowercase().starts_with("splib")
    }
}

/// A file of wavelengths or widths.
#[derive(Debug)]
struct AxisFile {
    path: PathBuf,
    release: String,
    quantity: Quantity,
    /// The words of its title and of its name.
    words: Vec<String>,
    unit: Option<WavelengthUnit>,
    values: Vec<f64>,
}

impl AxisFile {
    /// The axis file at `path`; `None` when it is another file.
    fn read(path: &Path) -> Result<Option<Self>> {
        let start = text::decoded(text::beginning(path)?);
        let first = start.lines().next().and_then(Title::parse);
        match first.and_then(|title| title.quantity()) {
            None | Some(Quantity::Other) => Ok(None),
            Some(_) => Self::parse(path, &text::read(path)?),
        }
    }

    /// The axis file in a text that was read from `path`; `None` when it is another file.
    fn parse(path: &Path, text: &str) -> Result<Option<Self>> {
        let Some(title) = text.lines().next().and_then(Title::parse) else { return Ok(None) };
        let Some(quantity) = title.quantity().filter(|q| *q != Quantity::Other) else { return Ok(None) };
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let words: Vec<String> =
            format!("{} {}", title.text, name.replace('_', " ")).split(' ').map(str::to_owned).collect();
        let said = |part: &str| words.iter().any(|w| w.to_lowercase().contains(part));
        let unit = match () {
            () if said("micron") || said("micromet") => Some(WavelengthUnit::Micrometers),
            () if said("nanomet") || words.iter().any(|w| w == "nm") => Some(WavelengthUnit::Nanometers),
            () => None,
        };
        let values = numbers(path, text)?;
        Ok(Some(Self { path: path.into(), release: title.release, quantity, words, unit, values }))
    }

    /// Whether the file speaks of a spectrometer: `ASD` and `ASDFR` do of `ASDFR`, `ASDHR` does not.
    fn is_of(&self, instrument: &str) -> bool {
        self.words.iter().any(|w| w.len() >= 3 && instrument.starts_with(w.as_str()))
    }
}

/// The axis files of the folders that spectra lie in or below.
#[derive(Debug, Default)]
pub(super) struct Axes(HashMap<PathBuf, Vec<AxisFile>>);

impl Axes {
    /// The axis file in a text, as it would lie in a folder with nothing else.
    pub(super) fn alone(folder: &Path, text: &str) -> Result<Self> {
        let file = AxisFile::parse(&folder.join("splib07a_Wavelengths.txt"), text)?;
        Ok(Self(HashMap::from([(folder.to_owned(), file.into_iter().collect())])))
    }

    /// Wavelengths and widths of a spectrum of `channels` channels.
    fn of(&mut self, path: &Path, title: &Title, channels: usize) -> Result<(&AxisFile, Option<&AxisFile>)> {
        let refused = |what: String| Error::refused(path.display(), what);
        let absolute = std::path::absolute(path).map_err(|e| Error::io(path, "finding the folder of the file", &e))?;
        let folders: Vec<PathBuf> = absolute.ancestors().skip(1).take(LEVELS + 1).map(Path::to_owned).collect();
        let mut found = None;
        for folder in folders {
            if !self.0.contains_key(&folder) {
                let files = axis_files(&folder)?;
                self.0.insert(folder.clone(), files);
            }
            let here = |f: &AxisFile| f.release == title.release && f.quantity == Quantity::Wavelengths;
            if self.0.get(&folder).is_some_and(|files| files.iter().any(here)) {
                found = Some(folder);
                break;
            }
        }
        let keep = "keep the release's folders as they are: its files of wavelengths lie above the chapters";
        let Some(files) = found.and_then(|folder| self.0.get(&folder)) else {
            return Err(
                refused(format!("found no file of wavelengths of {} in its folder or above", title.release)).hint(keep)
            );
        };
        let of = |quantity| files.iter().filter(move |f| f.release == title.release && f.quantity == quantity);
        let matched = |quantity| -> Vec<&AxisFile> {
            let own: Vec<&AxisFile> = of(quantity).filter(|f| f.is_of(title.instrument())).collect();
            if own.is_empty() && !title.is_measured() { of(quantity).collect() } else { own }
        };
        let name = |f: &AxisFile| f.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let list = |files: &[&AxisFile]| {
            files.iter().map(|f| format!("{} ({} channels)", name(f), f.values.len())).collect::<Vec<_>>().join(", ")
        };
        let wavelengths = matched(Quantity::Wavelengths);
        let fitting: Vec<&AxisFile> = wavelengths.iter().copied().filter(|f| f.values.len() == channels).collect();
        let [axis] = fitting[..] else {
            let what = match (wavelengths.is_empty(), fitting.is_empty()) {
                (true, _) => format!(
                    "was measured by {}, and the wavelengths there are of other spectrometers: {}",
                    title.instrument(),
                    list(&of(Quantity::Wavelengths).collect::<Vec<_>>())
                ),
                (_, true) => format!("found {channels} channels, expected as many as in {}", list(&wavelengths)),
                _ => format!("several files of wavelengths fit: {}", list(&fitting)),
            };
            return Err(refused(what).hint(keep));
        };
        match matched(Quantity::Bandpass)[..] {
            [] => Ok((axis, None)),
            [widths] if widths.values.len() == channels => Ok((axis, Some(widths))),
            [widths] => {
                Err(refused(format!("found {channels} channels, expected as many as in {}", list(&[widths])))
                    .hint(keep))
            }
            ref several => Err(refused(format!("several files of widths fit: {}", list(several))).hint(keep)),
        }
    }
}

/// The axis files that lie in a folder, in order of name.
fn axis_files(folder: &Path) -> Result<Vec<AxisFile>> {
    let failed = |e: std::io::Error| Error::io(folder, "cannot list the folder", &e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let text = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt"));
        // Titles of spectra are not worth a look: a chapter has a thousand.
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let axis = ["wave", "bandpass", "fwhm", "bandwidth"].iter().any(|w| name.contains(w));
        if text && axis && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        files.extend(AxisFile::read(&path)?);
    }
    Ok(files)
}

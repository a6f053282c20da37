//! Spectra on one axis, and that table as a CSV or an ENVI spectral library.

use std::io::{self, Write};
use std::path::Path;

use super::resample::{MIN_COVERAGE, Resampler};
use super::select::Target;
use super::{Axis, csv as csv_library};
use crate::error::{Error, Result};
use crate::files::{refuse_to_replace, whole_file};
use crate::spectrum::{Bands, Nanometers};

/// What stands for a deleted channel in an ENVI spectral library: the fill of the USGS.
const FILL: f64 = -1.23e34;

/// Spectra on one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The channels.
    pub axis: Axis,
    /// Names, and one reflectance a channel; NaN where there is none.
    pub spectra: Vec<(String, Vec<f64>)>,
    /// What the user should know: one sentence each.
    pub notes: Vec<String>,
}

impl Table {
    /// The spectra as they are.
    ///
    /// # Errors
    /// When they are not all on one axis, or it cannot be used.
    pub fn as_they_are(chosen: &[(String, Target<'_>)]) -> Result<Self> {
        let mut axis: Option<(&Axis, &str)> = None;
        for (name, target) in chosen {
            let own = target.library.axis.as_ref().map_err(Clone::clone)?;
            match axis {
                None => axis = Some((own, name)),
                Some((first, _)) if first == own => {}
                Some((first, earlier)) => {
                    let what = format!(
                        "'{earlier}' has {}, '{name}' has {}: one file has one axis",
                        described(first),
                        described(own)
                    );
                    return Err(Error::refused(target.library.path.display(), what).hint(
                        "choose spectra of one axis with --targets or --groups, or bring all to a scene's bands: \
                         alunite library resample --to SCENE",
                    ));
                }
            }
        }
        let axis = axis.map(|(axis, _)| axis.clone()).ok_or_else(nothing)?;
        let spectra = chosen.iter().map(|(name, target)| (name.clone(), target.spectrum.values.clone())).collect();
        Ok(Self { axis, spectra, notes: Vec::new() })
    }

    /// The spectra on the bands of a scene; NaN in bands that a spectrum does not cover.
    ///
    /// # Errors
    /// When a library has no usable wavelengths.
    pub fn resampled(chosen: &[(String, Target<'_>)], to: &Bands) -> Result<Self> {
        if chosen.is_empty() {
            return Err(nothing());
        }
        let mut known: Vec<(*const super::Library, Resampler)> = Vec::new();
        let (mut spectra, mut notes) = (Vec::new(), Vec::new());
        for (name, target) in chosen {
            let library = std::ptr::from_ref(target.library);
            if !known.iter().any(|(l, _)| std::ptr::eq(*l, library)) {
                known.push((library, Resampler::new(wavelengths(target)?, to)));
            }
            let resampler = known.iter().find(|(l, _)| std::ptr::eq(*l, library)).map(|(_, r)| r);
            let Some(resampled) = resampler.map(|r| r.apply(&target.spectrum.values)) else { continue };
            let uncovered = resampled.values.iter().filter(|v| v.is_nan()).count();
            if uncovered > 0 {
                let share = MIN_COVERAGE * 100.0;
                notes.push(format!("{name}: {uncovered} of {} bands covered by less than {share} %", to.len()));
            }
            spectra.push((name.clone(), resampled.values));
        }
        if to.fwhm.is_none() {
            notes.push("the scene gives no FWHM, the distance to the nearest band was taken".into());
        }
        let axis = Axis::Wavelengths(Bands { fwhm: Some(to.fwhm_or_spacing()), ..to.clone() });
        Ok(Self { axis, spectra, notes })
    }

    /// What stands before the spectra in a CSV.
    fn heads(&self) -> &'static [&'static str] {
        match &self.axis {
            Axis::Channels(_) => &["channel"],
            Axis::Wavelengths(Bands { fwhm: None, .. }) => &["wavelength_nm"],
            Axis::Wavelengths(_) => &["wavelength_nm", "fwhm_nm"],
        }
    }

    /// Checks that a CSV of these spectra would be read as what it is.
    ///
    /// # Errors
    /// Refuses names that mean something else in a CSV.
    pub fn check_csv_names(&self) -> Result<()> {
        let names: Vec<&str> = self.spectra.iter().map(|(name, _)| name.as_str()).collect();
        csv_library::misread(self.heads(), &names)
            .map_or(Ok(()), |what| Err(Error::refused("CSV", what).hint("write an ENVI spectral library: --out X.sli")))
    }

    /// Checks that every spectrum keeps a name in an ENVI spectral library.
    ///
    /// # Errors
    /// Refuses names of which nothing is left.
    pub fn check_envi_names(&self) -> Result<()> {
        match self.spectra.iter().find(|(name, _)| envi_name(name).is_empty()) {
            Some((name, _)) => {
                let what = format!("nothing is left of the name '{name}' without commas and braces");
                Err(Error::refused("ENVI spectral library", what).hint("write a CSV: --out X.csv"))
            }
            None => Ok(()),
        }
    }

    /// Writes a column a spectrum; an empty cell is a deleted channel. What is read back has the same bits.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        let before: Vec<Vec<String>> = match &self.axis {
            Axis::Channels(n) => (1..=*n).map(|i| vec![i.to_string()]).collect(),
            Axis::Wavelengths(bands) => match &bands.fwhm {
                None => bands.centres.iter().map(|c| vec![c.0.to_string()]).collect(),
                Some(fwhm) => {
                    bands.centres.iter().zip(fwhm).map(|(c, w)| vec![c.0.to_string(), w.0.to_string()]).collect()
                }
            },
        };
        table.write_record(self.heads().iter().copied().chain(self.spectra.iter().map(|(name, _)| name.as_str())))?;
        for (channel, before) in before.into_iter().enumerate() {
            let cell = |values: &Vec<f64>| match values.get(channel) {
                Some(value) if !value.is_nan() => value.to_string(),
                _ => String::new(),
            };
            table.write_record(before.into_iter().chain(self.spectra.iter().map(|(_, values)| cell(values))))?;
        }
        table.flush()
    }

    /// The numbers of an ENVI spectral library: float64, low byte first, a spectrum after the other.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_sli(&self, out: &mut impl Write) -> io::Result<()> {
        for value in self.spectra.iter().flat_map(|(_, values)| values) {
            out.write_all(&if value.is_nan() { FILL } else { *value }.to_le_bytes())?;
        }
        Ok(())
    }

    /// Its header. A comma or a brace would end a name: they become spaces.
    #[must_use]
    pub fn header(&self) -> String {
        let list = |items: Vec<String>| format!("{{{}}}", items.join(", "));
        let channels = match &self.axis {
            Axis::Channels(n) => *n,
            Axis::Wavelengths(bands) => bands.len(),
        };
        let mut text = format!(
            "ENVI\nsamples = {channels}\nlines = {}\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\n\
             data type = 5\ninterleave = bsq\nbyte order = 0\ndata ignore value = {FILL:e}\nspectra names = {}\n",
            self.spectra.len(),
            list(self.spectra.iter().map(|(name, _)| envi_name(name)).collect())
        );
        if let Axis::Wavelengths(bands) = &self.axis {
            let nm = |v: &[Nanometers]| list(v.iter().map(|v| v.0.to_string()).collect());
            text.push_str(&format!("wavelength units = Nanometers\nwavelength = {}\n", nm(&bands.centres)));
            if let Some(fwhm) = &bands.fwhm {
                text.push_str(&format!("fwhm = {}\n", nm(fwhm)));
            }
        }
        text
    }

    /// Writes `X.csv`, or `X.sli` with `X.hdr`, and gives the files. They get their names when they are complete.
    ///
    /// # Errors
    /// Refuses other extensions and, without `overwrite`, files that are there already; fails when the disk does.
    pub fn write(&self, path: &Path, overwrite: bool) -> Result<Vec<std::path::PathBuf>> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "csv" => {
                self.check_csv_names()?;
                refuse_unless_free(path, overwrite)?;
                whole_file(path, |out| self.write_csv(out))?;
                Ok(vec![path.into()])
            }
            "sli" => {
                self.check_envi_names()?;
                let header = path.with_extension("hdr");
                refuse_unless_free(path, overwrite)?;
                refuse_unless_free(&header, overwrite)?;
                whole_file(path, |out| self.write_sli(out))?;
                whole_file(&header, |out| out.write_all(self.header().as_bytes()))?;
                Ok(vec![path.into(), header])
            }
            _ => Err(Error::refused(path.display(), format!("found the extension '{extension}', expected csv or sli"))
                .hint("name the library X.csv, or X.sli for an ENVI spectral library")),
        }
    }
}

/// Refuses a file that is there already, and one in no folder.
pub(super) fn refuse_unless_free(path: &Path, overwrite: bool) -> Result<()> {
    refuse_to_replace(path, overwrite)?;
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => {
            let what = format!("cannot write here: {} is no folder", folder.display());
            Err(Error::refused(path.display(), what).hint("name another --out"))
        }
        _ => Ok(()),
    }
}

/// The wavelengths of a target's library.
pub(super) fn wavelengths<'a>(target: &Target<'a>) -> Result<&'a Bands> {
    match target.library.axis.as_ref().map_err(Clone::clone)? {
        Axis::Wavelengths(bands) => Ok(bands),
        Axis::Channels(n) => {
            Err(Error::refused(target.library.path.display(), format!("its {n} channels have no wavelengths"))
                .hint("give the library wavelengths: without them nothing can be resampled"))
        }
    }
}

/// A name as an ENVI header can hold it: in braces, between commas.
fn envi_name(name: &str) -> String {
    let spaced: String = name.chars().map(|c| if c.is_control() || ",{}".contains(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn described(axis: &Axis) -> String {
    match axis {
        Axis::Channels(n) => format!("{n} channels without wavelengths"),
        Axis::Wavelengths(bands) => {
            let extent = bands.extent().map_or(String::new(), |(from, to)| format!(" from {from} to {to}"));
            format!("{} channels{extent}", bands.len())
        }
    }
}

fn nothing() -> Error {
    Error::refused("targets", "none was asked for").hint("name spectra of the library")
}

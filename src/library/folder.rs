//! A folder of spectra as it was unpacked: every spectrum in it and below, spectra on one axis together.

use std::path::{Path, PathBuf};

use super::kind::Kind;
use super::single::Found;
use super::splib07::Axes;
use super::{Library, csv, envi, unique_names};
use crate::envi::{Header, find_pair};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;

/// Folders within folders, at most.
const DEPTH: usize = 8;

/// Whether a folder holds a file of one of the releases, or an ENVI spectral library; other text is not looked into.
pub(super) fn recognises(folder: &Path) -> bool {
    files(folder).is_ok_and(|found| found.iter().any(|f| is_envi_library(f) || Kind::of(f).is_ok_and(|k| k.is_some())))
}

/// All libraries of a folder: one for each axis.
///
/// # Errors
/// When a spectrum in it is damaged or has no axis (naming the file), or there is none.
pub(super) fn open(folder: &Path, unit: Option<WavelengthUnit>) -> Result<Vec<Library>> {
    let mut gathered = Gathered::default();
    let mut axes = Axes::default();
    for file in files(folder)? {
        if is_envi_library(&file) {
            let (data, header) = find_pair(&file)?;
            gathered.whole.push(envi::open(&data, &header, unit)?);
            continue;
        }
        match Kind::of(&file)? {
            Some(Kind::Csv) => gathered.whole.push(csv::open(&file, unit)?),
            Some(kind) => match kind.read(&file, unit, &mut axes)? {
                Found::Spectrum(library) => gathered.add(library),
                Found::Other(what) => gathered.leave_out(what, file),
                Found::Companion(_) => {}
            },
            None => gathered.leave_out("no spectra", file),
        }
    }
    gathered.libraries(folder)
}

/// All files in and below a folder, in order of path.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            if path.is_dir() && depth > 0 && !hidden {
                walk(&path, depth - 1, found)?;
            } else if path.is_file() && !hidden {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, DEPTH, &mut found).map_err(|e| Error::io(folder, "cannot list the folder", &e))?;
    found.sort();
    Ok(found)
}

fn is_envi_library(path: &Path) -> bool {
    let header = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("hdr"));
    header && Header::read(path).is_ok_and(|h| envi::is_library(&h))
}

#[derive(Default)]
struct Gathered {
    /// Files that hold a library each.
    whole: Vec<Library>,
    /// Spectra with files of their own, those on one axis together.
    spectra: Vec<Library>,
    left_out: Vec<(&'static str, Vec<PathBuf>)>,
}

impl Gathered {
    fn add(&mut self, library: Library) {
        let same = |l: &&mut Library| {
            l.format == library.format
                && l.companions == library.companions
                && matches!((&l.axis, &library.axis), (Ok(a), Ok(b)) if a == b)
        };
        match self.spectra.iter_mut().find(same) {
            Some(known) => {
                known.spectra.extend(library.spectra);
                known.notes.extend(library.notes.into_iter().filter(|n| !known.notes.contains(n)).collect::<Vec<_>>());
            }
            None => self.spectra.push(library),
        }
    }

    fn leave_out(&mut self, what: &'static str, file: PathBuf) {
        // The numbers of an ENVI library are no file of their own.
        if find_pair(&file).is_ok_and(|(_, header)| is_envi_library(&header)) {
            return;
        }
        match self.left_out.iter_mut().find(|(known, _)| *known == what) {
            Some((_, files)) => files.push(file),
            None => self.left_out.push((what, vec![file])),
        }
    }

    fn libraries(self, folder: &Path) -> Result<Vec<Library>> {
        let mut libraries = self.whole;
        for mut library in self.spectra {
            library.path = folder.into();
            let names = library.spectra.iter().map(|s| s.name.clone()).collect();
            let (unique, notes) = unique_names(names);
            library.spectra.iter_mut().zip(unique).for_each(|(spectrum, name)| spectrum.name = name);
            library.notes.extend(notes);
            libraries.push(library);
        }
        let Some(first) = libraries.first_mut() else {
            return Err(Error::refused(
                folder.display(),
                "no file in this folder holds spectra of a kind that is read",
            )
            .hint("kinds are: ENVI .sli, CSV, USGS splib07 and splib06 ASCII, ECOSTRESS and ASTER text"));
        };
        first.notes.extend(self.left_out.iter().map(|(what, files)| left_out(what, files)));
        Ok(libraries)
    }
}

/// `left out, no spectra: README.txt, LICENCE and 3 more`
fn left_out(what: &str, files: &[PathBuf]) -> String {
    let names: Vec<String> =
        files.iter().take(3).filter_map(|f| f.file_name()).map(|n| n.to_string_lossy().into_owned()).collect();
    let more = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
    format!("left out, {what}: {}{more}", names.join(", "))
}

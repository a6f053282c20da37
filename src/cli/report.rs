//! `alunite report`

use std::path::{Path, PathBuf};

use tracing::info_span;

use super::options::Resources;
use super::{Exit, print, say};
use crate::error::{Error, Result};
use crate::map::set_cache_bytes;
use crate::pipeline::{self, ClassSpectra, Mapped, Plan, Planned, class_spectra};
use crate::report;

/// Bytes of GDAL's block cache: a row of blocks of a wide map.
const CACHE: u64 = 64 << 20;

/// Make the report of a finished run again: report.html, one page that needs nothing else, and stac.json.
///
/// Both come from the files in the run's folder alone; `alunite map` makes them at its end.
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// The folder of a finished run: what --out named.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Report) -> Result<Exit> {
    // GDAL would take a share of all memory; maps are read in strips.
    set_cache_bytes(CACHE);
    let written = report::write(&args.folder)?;
    written.notes.iter().for_each(|note| say!("note: {note}"));
    let lines: String = written.files.iter().map(|path| format!("{}\n", path.display())).collect();
    print(&lines).map(|()| Exit::Done)
}

/// The spectra of a scene's classes, before its parts are put together, if a report is `wanted`. They are no more than a part
/// of it, and a failure does not spoil the maps: it is said.
pub(super) fn spectra(planned: &Planned, plan: &Plan, mapped: &Mapped, wanted: bool) -> Option<ClassSpectra> {
    let made = if wanted { class_spectra(planned, plan, mapped) } else { Ok(None) };
    made.unwrap_or_else(no_spectra)
}

/// Writes them once the maps are there; a failure is said, as with [`spectra`].
pub(super) fn write_spectra(folder: &Path, spectra: &[(Option<&str>, ClassSpectra)]) -> Option<PathBuf> {
    pipeline::write_spectra(folder, spectra).unwrap_or_else(no_spectra)
}

fn no_spectra<T>(error: Error) -> Option<T> {
    say!("warning: no spectra of classes in the report: {error}");
    None
}

/// Makes the report at the end of a run, if one is `wanted`; a failure is said, as with [`spectra`].
pub(super) fn at_the_end(folder: &Path, resources: &Resources, wanted: bool) {
    if !wanted {
        return;
    }
    let _span = info_span!("report").entered();
    match report::write(folder) {
        Ok(written) => {
            written.notes.iter().for_each(|note| say!("note: {note}"));
            if !resources.quiet() {
                written.files.iter().for_each(|path| say!("wrote {}", path.display()));
            }
        }
        Err(error) => {
            say!("warning: no report: {error}");
            say!("the maps are complete; `alunite report {}` tries again", folder.display());
        }
    }
}

//! The report of a finished run: one page that needs nothing else, and the STAC item that catalogues its files.
//!
//! ```text
//! run.json, quicklook.png, spectra.json --+
//! rasters -> pictures, histograms --------+-> Page -> report.html  (askama escapes every text)
//! targets.gpkg -> small maps -------------+
//! run.json, footprint, checksums ------------> stac.json
//! ```
//!
//! Both are made from the files of the run's folder alone, so they can be made again at any time. Names come from
//! libraries of anybody's: they are cleaned and shortened, escaped by the template, and the page forbids itself, by its own
//! policy, to load anything and to run any script but the one that sorts its tables.

mod figure;
mod histogram;
mod made;
mod maps;
mod page;
mod picture;
mod run;
mod scenes;
mod spectra;
mod stac;
mod targets;
mod text;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::map::files::write_beside;

/// The names of what [`write()`] writes.
pub const FILES: [&str; 2] = ["report.html", "stac.json"];

/// What [`write()`] wrote.
#[derive(Debug)]
pub struct Written {
    /// The files, each whole and in its place.
    pub files: Vec<PathBuf>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Makes the page and the STAC item of a finished run in its folder, over those that are there. A map without a place on
/// the Earth has no item, and a note says so.
///
/// # Errors
/// Refuses a folder that holds no finished run; fails when a map cannot be read or a file cannot be written.
pub fn write(folder: &Path) -> Result<Written> {
    let run = run::Run::open(folder)?;
    let mut written = Written { files: Vec::new(), notes: Vec::new() };
    let [page, item] = FILES.map(|name| folder.join(name));
    let html = page::Page::of(folder, &run)?.html()?;
    write_beside(&page, html.as_bytes())?.publish()?;
    written.files.push(page);
    let found = match stac::item(folder, &run) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err("the maps have no coordinate reference system".to_owned()),
        Err(e) => Err(e.to_string()),
    };
    match found {
        Ok(found) => {
            let text = serde_json::to_vec_pretty(&found).map_err(|e| Error::failed("stac.json", e))?;
            write_beside(&item, &text)?.publish()?;
            written.files.push(item);
        }
        Err(why) => {
            // One of an earlier run would tell of other files.
            match std::fs::remove_file(&item) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(&item, "cannot remove the item of an earlier run", &e));
                }
                _ => written.notes.push(format!("no stac.json: {why}")),
            }
        }
    }
    Ok(written)
}

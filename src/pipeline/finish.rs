//! The finish stage: maps are completed, with legend, picture and report; all are renamed into place as the last act.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use tracing::info_span;

use super::begin::Begun;
use super::class_spectra::SPECTRA;
use super::grounds;
use super::method_maps::Waiting;
use super::part::Parts;
use super::report::Report;
use super::run::Mapped;
use super::windows::GDAL_CACHE;
use crate::error::{Error, Result};
use crate::files::xxh3_128;
use crate::map::files::{remove_leftovers, write_beside};
use crate::map::set_cache_bytes;
use crate::memory;

/// What a finished run leaves.
#[derive(Debug)]
pub struct Finished {
    /// What `run.json` says.
    pub report: Report,
    /// The files, each whole and in its place.
    pub outputs: Vec<PathBuf>,
}

/// The table of target areas, which is made of the maps after them.
pub const TARGETS: &str = "targets.gpkg";

/// Files of all methods together; the report last.
const ALL_METHODS: [&str; 8] =
    ["alteration.tif", "alteration.qml", "quicklook.png", SPECTRA, TARGETS, "report.html", "stac.json", "run.json"];

/// The names that a run of these methods may write in its folder; `run.json` last. Spectra, report and STAC item are made
/// from the others after them.
#[must_use]
pub fn outputs<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let own = [
        "classes.tif",
        "classes.qml",
        "scores.tif",
        "runner_up.tif",
        "runner_up.qml",
        "rules.tif",
        "false_alarms.tif",
        "source.tif",
        "source.qml",
    ];
    let of = |word: &str| own.map(|n| format!("{word}_{n}"));
    words.into_iter().flat_map(of).chain(ALL_METHODS.map(str::to_owned)).collect()
}

/// Completes the maps with the parts of a complete map stage, gives them their names, and removes the parts. Results of a swath
/// go through the scene's lookup table to the map on the way, if the plan says so. `since` is when the run began.
///
/// # Errors
/// When a part is damaged or writing fails; no file then stands under a final name that was not there before, and the
/// parts stay. Refuses a scene in which no pixel held data, and removes its parts.
pub fn finish(mut begun: Begun<'_>, mapped: &Mapped, command: Vec<String>, since: Instant) -> Result<Finished> {
    let _span = info_span!("finish").entered();
    let finishing = Instant::now();
    tiles_are_done();
    let parts = Parts::open(&mapped.parts, begun.plan.identity())?;
    begun.add_parts(&parts)?;
    let Begun { plan, out, maps, .. } = begun;
    let reports = maps.reports();
    if reports.iter().all(|r| r.nodata_pixels == plan.map.pixels()) {
        // A refusal leaves nothing behind, and another try would only come here again.
        drop(maps);
        parts.remove()?;
        grounds::remove_stages(&mapped.parts)?;
        return Err(Error::refused(
            plan.inputs[0].path.display(),
            "every pixel is no data in the bands in use, or zero in all of them",
        )
        .hint(
            "`alunite info` shows no-data value, scale and bad bands; --nodata and --wavelengths change what is used",
        ));
    }
    let mut report = Report::new(plan, mapped, reports, maps.zone_counts().as_deref(), command);
    let pending = maps.complete()?;
    report.outputs = pending.iter().map(|(path, _)| path.clone()).chain([out.join("run.json")]).collect();
    report.outputs_xxh3_128 = hashes(&pending)?;
    report.timed(finishing.elapsed(), since.elapsed());
    publish(&out, &outputs(plan.methods.iter().map(|m| m.word)), pending, &report)?;
    parts.remove()?;
    grounds::remove_stages(&mapped.parts)?;
    Ok(Finished { outputs: report.outputs.clone(), report })
}

/// Gives back what only reading and mapping need: blocks of the scene and memory of tiles.
pub(super) fn tiles_are_done() {
    set_cache_bytes(GDAL_CACHE as u64);
    memory::give_back();
}

/// Removes what a run that was killed while finishing left beside its names.
pub(super) fn clear_leftovers(out: &Path, names: &[String]) -> Result<()> {
    names.iter().try_for_each(|name| remove_leftovers(&out.join(name)))
}

/// XXH3 of every file that waits for its name, sidecars too.
pub(super) fn hashes(pending: &[(PathBuf, Waiting)]) -> Result<BTreeMap<String, String>> {
    let _span = info_span!("hash outputs").entered();
    let files = pending.iter().flat_map(|(_, waiting)| waiting.files());
    files.map(|(name, path)| Ok((name, xxh3_128(&path)?))).collect()
}

/// Gives the files and the report their names; files of an earlier run that this one does not write go.
pub(super) fn publish(
    out: &Path,
    names: &[String],
    pending: Vec<(PathBuf, Waiting)>,
    report: &impl Serialize,
) -> Result<()> {
    let text = serde_json::to_vec_pretty(report).map_err(|e| Error::failed("run.json", e))?;
    let run_json = out.join("run.json");
    let json = write_beside(&run_json, &text)?;
    let _publishing = info_span!("publish").entered();
    for stale in names.iter().map(|name| out.join(name)) {
        if stale != run_json && pending.iter().all(|(path, _)| *path != stale) {
            remove_if_there(&stale)?;
            remove_if_there(&raster_sidecar(&stale))?;
        }
    }
    pending.into_iter().try_for_each(|(_, file)| file.publish())?;
    json.publish()
}

fn raster_sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".aux.xml");
    name.into()
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(path, "cannot remove the map of an earlier run", &e))
        }
        _ => Ok(()),
    }
}

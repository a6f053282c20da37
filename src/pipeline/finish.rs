//! The finish stage: parts become maps, legend, picture and report; all are renamed into place as the last act.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossbeam_channel::bounded;
use serde::Serialize;
use tracing::info_span;

use super::class_spectra::SPECTRA;
use super::geometry::Geometry;
use super::grounds;
use super::maps::Maps;
use super::method_maps::Waiting;
use super::orthorectify;
use super::part::{Part, Parts};
use super::plan::Plan;
use super::report::Report;
use super::run::Mapped;
use super::sheet::Sheet;
use crate::error::{Error, Result};
use crate::files::xxh3_128;
use crate::map::files::{remove_leftovers, write_beside};
use crate::scene::Scene;

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

/// Puts the parts of a complete map stage together in `out`, and removes them. Results of a swath go through the scene's
/// lookup table to the map on the way, if the plan says so.
///
/// # Errors
/// When a part is damaged or writing fails; no file then stands under a final name that was not there before, and the
/// parts stay. Refuses a scene in which no pixel held data, and removes its parts.
pub fn finish(
    scene: &Scene,
    plan: &Plan,
    mapped: &Mapped,
    out: &Path,
    command: Vec<String>,
    begun: Instant,
) -> Result<Finished> {
    let _span = info_span!("finish").entered();
    let finishing = Instant::now();
    let parts = Parts::open(&mapped.parts, plan.identity())?;
    let names = outputs(plan.methods.iter().map(|m| m.word));
    clear_leftovers(out, &names)?;
    let sheet = Sheet::of(plan);
    let mut maps = Maps::create(&sheet, out, parts.folder())?;
    let gather = |give: &mut dyn FnMut(Part) -> Result<()>| match (plan.geometry, scene.lookup()) {
        (Some(Geometry::Map), Some(mut lookup)) => orthorectify::gather(plan, &parts, &mut *lookup, give),
        _ => {
            let shape = plan.shape();
            plan.windows.iter().enumerate().try_for_each(|(index, &window)| {
                let span = info_span!("gather", tile = index, pixels = window.pixels());
                give(span.in_scope(|| parts.take(index, window, &shape))?)
            })
        }
    };
    one_ahead(gather, |part| maps.add(&part, &[]))?;
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
    report.timed(finishing.elapsed(), begun.elapsed());
    publish(out, &names, pending, &report)?;
    parts.remove()?;
    grounds::remove_stages(&mapped.parts)?;
    Ok(Finished { outputs: report.outputs.clone(), report })
}

/// Has `make` give parts in a thread of its own while `take` is at the one before.
fn one_ahead(
    make: impl FnOnce(&mut dyn FnMut(Part) -> Result<()>) -> Result<()> + Send,
    mut take: impl FnMut(Part) -> Result<()>,
) -> Result<()> {
    let (give, given) = bounded::<Part>(1);
    std::thread::scope(|scope| {
        let gone = || Error::failed("gather", "nobody takes what was gathered");
        let make = move || make(&mut |part| give.send(part).map_err(|_| gone()));
        let making = std::thread::Builder::new().name("gatherer".into()).spawn_scoped(scope, make);
        let making = making.map_err(|e| Error::failed("threads", e))?;
        let mut taken = Ok(());
        while let Ok(part) = info_span!("wait for a part").in_scope(|| given.recv()) {
            taken = info_span!("add to the maps").in_scope(|| take(part));
            if taken.is_err() {
                break;
            }
        }
        // What is made now finds nobody, and ends.
        drop(given);
        let made = making.join().unwrap_or_else(|_| Err(Error::failed("gather", "a thread panicked")));
        taken.and(made)
    })
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

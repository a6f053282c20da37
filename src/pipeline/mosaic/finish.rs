//! The finish stage of a mosaic: the parts of all scenes become maps on one raster.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tracing::info_span;

use super::compose::{Layer, compose};
use super::report::MosaicReport;
use super::{Mosaic, crs_name};
use crate::error::{Error, Result};
use crate::pipeline::finish::{clear_leftovers, hashes, outputs, publish, tiles_are_done};
use crate::pipeline::maps::Maps;
use crate::pipeline::part::{Parts, remove_parts};
use crate::pipeline::plan::Plan;
use crate::pipeline::run::Mapped;
use crate::pipeline::sheet::Sheet;

/// What a finished mosaic leaves.
#[derive(Debug)]
pub struct FinishedMosaic {
    /// What `run.json` says.
    pub report: MosaicReport,
    /// The files, each whole and in its place.
    pub outputs: Vec<PathBuf>,
}

/// Puts the parts of all scenes together in `out`, and removes their folder `parts`. `mapped` are the scenes' plans and map
/// stages, in their order.
///
/// # Errors
/// As [`crate::pipeline::finish()`].
pub fn finish_mosaic(
    mosaic: &Mosaic,
    mapped: &[(Plan, Mapped)],
    (out, parts): (&Path, &Path),
    command: Vec<String>,
    begun: Instant,
) -> Result<FinishedMosaic> {
    let _span = info_span!("finish a mosaic").entered();
    let finishing = Instant::now();
    tiles_are_done();
    let sheet = sheet(mosaic, mapped);
    let map = sheet.map;
    let names = outputs(sheet.methods.iter().map(|m| m.word));
    clear_leftovers(out, &names)?;
    let pictured = sheet.methods.iter().position(|m| m.method.has_targets()).unwrap_or(0);
    let mut maps = Maps::create(sheet, out, parts)?;
    let mut layers = Vec::new();
    for (scene, (plan, mapped)) in mosaic.scenes.iter().zip(mapped) {
        let parts = Parts::open(&mapped.parts, plan.identity())?;
        layers.push(Layer::open(scene, plan, parts, map)?);
    }
    compose(&mut layers, map, mosaic.overlap, pictured, |strip, sources| maps.add(strip, sources))?;
    let reports = maps.reports();
    if reports.iter().all(|r| r.nodata_pixels == map.pixels()) {
        // A refusal leaves nothing behind, and another try would only come here again.
        drop((maps, layers));
        remove_parts(parts)?;
        return Err(Error::refused("mosaic", "no pixel of any scene has data in it").hint(
            "map a scene by itself, and see `alunite info`; --extent and --nodata change what is shown and used",
        ));
    }
    let mut report =
        MosaicReport::new(mosaic, mapped, reports, (&maps.sources(), maps.zone_counts().as_deref()), command);
    let pending = maps.complete()?;
    report.outputs = pending.iter().map(|(path, _)| path.clone()).chain([out.join("run.json")]).collect();
    report.outputs_xxh3_128 = hashes(&pending)?;
    report.timed(finishing.elapsed(), begun.elapsed());
    publish(out, &names, pending, &report)?;
    drop(layers);
    remove_parts(parts)?;
    Ok(FinishedMosaic { outputs: report.outputs.clone(), report })
}

/// What the maps have in common; the scenes' own plans differ in bands and background.
fn sheet<'a>(mosaic: &'a Mosaic, mapped: &'a [(Plan, Mapped)]) -> Sheet<'a> {
    let first = &mapped[0].0;
    let mut backgrounds: Vec<&str> =
        mapped.iter().filter_map(|(plan, _)| plan.background.as_ref()).map(|g| g.background.as_str()).collect();
    backgrounds.dedup();
    let mut bands: Vec<String> = mapped.iter().map(|(plan, _)| plan.bands_in_words()).collect();
    bands.dedup();
    let scenes = match &mosaic.names[..] {
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, .., last] => format!("{} scenes, {one} to {last}", mosaic.names.len()),
        [] => String::new(),
    };
    Sheet {
        map: &mosaic.grid.map,
        by_scene: if mosaic.has_own_thresholds() { mapped.iter().map(|(plan, _)| plan).collect() } else { Vec::new() },
        background: (!backgrounds.is_empty()).then(|| backgrounds.join("; ")),
        sources: &mosaic.names,
        subtitle: format!("{scenes}, {}", crs_name(&mosaic.grid.map)),
        bands: if bands.len() == 1 { bands.remove(0) } else { "bands of each scene's own".to_owned() },
        ..Sheet::of(first)
    }
}

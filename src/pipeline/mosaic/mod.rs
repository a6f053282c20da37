//! Several scenes on one raster: planned together, mapped one after the other, put together at the end.
//!
//! A nearest-neighbour warp is a table like a swath's: which pixel of a scene each pixel of the raster shows. So scenes leave
//! their parts as they do alone, and the finish stage gathers strips of the mosaic from the parts of all of them. No raster
//! lies between, and no cube is ever moved.

mod compose;
mod false_alarms;
mod finish;
mod grid;
mod layout;
mod report;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tracing::info_span;

use super::device::Pass;
use super::grounds::{Grounds, own_statistics, prepare_with};
use super::plan::{Plan, Planned, plan_with};
use super::request::Request;
use super::{Observer, Silent};
use crate::background::{Statistics, same_bands};
use crate::compute::Task;
use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::library::Library;
use crate::map::legend::Legend;
use crate::map::{area, crs};
use crate::spectrum::Bands;

pub use finish::{FinishedMosaic, finish_mosaic};
pub use layout::{Extent, Layout, Overlap, Resolution, Sharing};
pub use report::{ClassThreshold, MosaicReport, SceneReport, SceneThresholds};

use grid::Chosen;

/// A mosaic with what is open while it is made.
pub struct Mosaic {
    /// The scenes, in the order of the command line.
    pub scenes: Vec<Planned>,
    /// Their names, each once.
    pub names: Vec<String>,
    /// What was assumed for all of them: one sentence each.
    pub notes: Vec<String>,
    overlap: Overlap,
    sharing: Sharing,
    grid: Chosen,
}

/// Plans every scene and the raster that they go to. The requests differ in their scenes alone.
///
/// # Errors
/// As [`super::plan()`]; refuses scenes that cannot be placed, the same scene twice, scenes too far apart, rasters too large, and
/// options of one scene.
pub fn plan_mosaic(requests: &[Request], layout: &Layout) -> Result<Mosaic> {
    let _span = info_span!("plan a mosaic").entered();
    let request = layout::check(requests, layout)?;
    // Large libraries take longer to open than a scene.
    let libraries = Library::open_all(&request.libraries, request.library_unit)?;
    let planned = requests.iter().map(|request| plan_with(request, Some(&libraries)));
    let scenes: Vec<Planned> = planned.collect::<Result<_>>()?;
    refuse_twice(&scenes)?;
    let names = names(&scenes);
    Legend::of_scenes(&names)?;
    let mut notes = Vec::new();
    let maps: Vec<(&str, &MapGrid)> = scenes.iter().zip(&names).map(|(s, name)| (&name[..], &s.draft.map)).collect();
    let grid = grid::choose(&maps, layout, &mut notes)?;
    notes.extend(area::note(&grid.map)?);
    let sharing = layout.sharing.unwrap_or_default();
    if sharing == Sharing::Pooled {
        check_pooled(&scenes, &names)?;
    }
    let assumed = scenes.len() > 1 && layout.sharing.is_none();
    if assumed && request.background.file.is_none() && scenes.iter().any(Planned::needs_background) {
        notes.push("each scene has statistics of its own (the default; --statistics pooled shares them)".into());
    }
    if assumed && !request.false_alarms.is_empty() {
        notes.push(
            "each scene has thresholds of its own, from its own background (the default; --statistics pooled shares them)"
                .into(),
        );
    }
    if scenes.len() > 1 && layout.overlap.is_none() {
        notes.push("where scenes overlap, the best score wins (--overlap best, the default)".into());
    }
    Ok(Mosaic { scenes, names, notes, overlap: layout.overlap.unwrap_or_default(), sharing, grid })
}

impl Mosaic {
    fn needs_background(&self) -> bool {
        self.scenes.iter().any(Planned::needs_background)
    }

    /// The raster of the maps.
    #[must_use]
    pub fn map(&self) -> &MapGrid {
        &self.grid.map
    }

    /// What to tell of each scene: its own notes behind its name, and once, without a name, what is true of all.
    #[must_use]
    pub fn notes_of_scenes(&self) -> Vec<String> {
        let of_all = |note: &String| self.scenes.iter().all(|s| s.draft.notes.contains(note));
        let shared = self.scenes[0].draft.notes.iter().filter(|n| of_all(n)).cloned();
        let own = self.scenes.iter().zip(&self.names).flat_map(|(scene, name)| {
            scene.draft.notes.iter().filter(|n| !of_all(n)).map(move |note| format!("{name}: {note}"))
        });
        shared.chain(own).collect()
    }

    /// The folder of a scene's parts, within that of the mosaic's.
    #[must_use]
    pub fn folder(parts: &Path, scene: usize) -> PathBuf {
        parts.join(scene.to_string())
    }

    /// The statistics that the scenes share, when they share some; the folder of the pass is that of the mosaic's parts.
    ///
    /// # Errors
    /// As [`super::prepare`].
    pub fn pool(&self, pass: &Pass<'_>) -> Result<Option<Statistics>> {
        if self.sharing == Sharing::PerScene || !self.needs_background() {
            return Ok(None);
        }
        let one = |(i, (scene, name)): (usize, (&Planned, &String))| {
            let folder = Self::folder(pass.folder, i);
            Ok((name.clone(), own_statistics(scene, &Pass { folder: &folder, ..*pass })?))
        };
        let made: Result<Vec<_>> = self.scenes.iter().zip(&self.names).enumerate().map(one).collect();
        Statistics::merge(made?).map(Some)
    }

    /// The task of a scene, as [`super::prepare`], with the statistics that all share, if they do.
    ///
    /// # Errors
    /// As [`super::prepare`].
    pub fn prepare(
        &self,
        scene: usize,
        pooled: Option<&Statistics>,
        pass: &Pass<'_>,
    ) -> Result<(Task, Option<Grounds>)> {
        // Where false alarms were measured it is done again, from parts that are there, and has been told.
        let observer: &dyn Observer = if self.asks_rates() { &Silent } else { pass.observer };
        self.prepare_scene(scene, pooled, &Pass { observer, ..*pass })
    }

    fn prepare_scene(
        &self,
        scene: usize,
        pooled: Option<&Statistics>,
        pass: &Pass<'_>,
    ) -> Result<(Task, Option<Grounds>)> {
        prepare_with(&self.scenes[scene], pooled, pass).map_err(|e| e.within(&self.names[scene]))
    }
}

/// What people call the CRS of a raster.
fn crs_name(map: &MapGrid) -> String {
    map.grid.crs_wkt.as_deref().map(crs::name).unwrap_or_default()
}

fn refuse_twice(scenes: &[Planned]) -> Result<()> {
    let mut seen = HashMap::new();
    for scene in scenes {
        let path = &scene.scene.description.path;
        // Links and other ways to write it are the same file.
        let real = path.canonicalize().map_err(|e| Error::io(path, "cannot look at the file", &e))?;
        if let Some(before) = seen.insert(real, path) {
            let what = format!("is named twice, before as {}", before.display());
            return Err(Error::refused(path.display(), what).hint("name every scene once"));
        }
    }
    Ok(())
}

/// The scenes' file names without their endings; the whole path where two have the same.
fn names(scenes: &[Planned]) -> Vec<String> {
    let stem = |plan: &Plan| {
        let path = &plan.inputs[0].path;
        path.file_stem().map_or_else(|| path.display().to_string(), |s| s.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = scenes.iter().map(|s| stem(&s.draft)).collect();
    let is_single = |name: &String| stems.iter().filter(|other| *other == name).count() == 1;
    let name = |(scene, stem): (&Planned, &String)| match is_single(stem) {
        true => stem.clone(),
        false => scene.draft.inputs[0].path.display().to_string(),
    };
    scenes.iter().zip(&stems).map(name).collect()
}

fn check_pooled(scenes: &[Planned], names: &[String]) -> Result<()> {
    fn bands(scene: &Planned) -> (&[usize], Option<&Bands>) {
        (&scene.draft.bands, scene.draft.band_facts.as_ref())
    }
    for (scene, name) in scenes.iter().zip(names) {
        if !same_bands(bands(&scenes[0]), bands(scene)) {
            let what = format!(
                "the bands in use of {name} ({}) are not those of {} ({}), within 0.1 nm",
                scene.draft.bands_in_words(),
                names[0],
                scenes[0].draft.bands_in_words()
            );
            return Err(Error::refused("--statistics pooled", what)
                .hint("narrow --wavelengths to bands that all scenes have, or leave --statistics pooled out"));
        }
    }
    Ok(())
}

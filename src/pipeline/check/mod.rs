//! Whether a map could be made, and be right: what a scene and its libraries say before the work starts.
//!
//! A run looks at the values of one window, and refuses or notes what it finds; [`check`] looks at more, and tells all.

mod before;
mod detect;
mod finding;
mod sampled;

use std::path::PathBuf;

use serde::Serialize;

pub(super) use before::{Before, sampled};
pub use detect::{Detectability, Fate, Pair};
pub use finding::{Finding, Level};
pub use sampled::Sampled;

use super::plan::{Planned, draft};
use super::request::Request;
use crate::library::Library;
use crate::scene::{Description, Product, Scene};

/// Windows of a scene that are looked at.
const WINDOWS: usize = 64;

/// Targets or pairs of them that a sentence names.
const NAMED: usize = 3;

/// A target that has no data at some of the scene's bands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// The target.
    pub target: String,
    /// How many bands it lacks.
    pub bands: usize,
}

/// What was found in a scene and its libraries.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The scene.
    pub scene: PathBuf,
    /// What it was delivered as; nothing when it cannot be opened.
    pub product: Option<Product>,
    /// Lines, samples and bands.
    pub size: Option<[usize; 3]>,
    /// Number of bands in use.
    pub bands_in_use: Option<usize>,
    /// What was looked at, in the order of a run.
    pub findings: Vec<Finding>,
    /// Bands that could be used if a target had data there, those that lack most first.
    pub lacking: Vec<Lacking>,
    /// The scene's values, when any pixel that was looked at holds data.
    pub sampled: Option<Sampled>,
    /// What becomes of each target's absorptions.
    pub detectability: Vec<Detectability>,
    /// Targets that the scene's noise hardly separates, the closest first.
    pub close_pairs: Vec<Pair>,
}

impl Check {
    /// Whether a run would be refused.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.findings.iter().any(|f| f.level == Level::Error)
    }

    fn find(&mut self, finding: Finding) {
        // What a library notes, the plan notes too; and what is wrong with a scene may or may not be in a run's way.
        match self.findings.iter_mut().find(|f| f.text == finding.text) {
            Some(found) => found.level = found.level.max(finding.level),
            None => self.findings.push(finding),
        }
    }
}

/// Looks at the scene and the libraries of a request, and at how they go together. What cannot be looked at because of an
/// error before it is left out.
#[must_use]
pub fn check(request: &Request) -> Check {
    let mut found = Check {
        scene: request.scene.clone(),
        product: None,
        size: None,
        bands_in_use: None,
        findings: Vec::new(),
        lacking: Vec::new(),
        sampled: None,
        detectability: Vec::new(),
        close_pairs: Vec::new(),
    };
    match Scene::open(&request.scene, &request.scene_options) {
        Ok(scene) => {
            let d = &scene.description;
            (found.product, found.size) = (Some(d.product), Some([d.lines, d.samples, d.bands]));
            described(d).into_iter().for_each(|finding| found.find(finding));
            match scene.check_lookup() {
                Ok(Some(shown)) => found.find(Finding::new(
                    "lookup table",
                    Level::Good,
                    format!("every place lies in the swath; {shown} pixels of the map show it"),
                )),
                Ok(None) => {}
                Err(error) => found.find(Finding::error("lookup table", &error)),
            }
            match scene.undeclared_fill() {
                Ok(fill) => fill.into_iter().for_each(|f| found.find(Finding::new("no data", Level::Warning, f))),
                Err(error) => found.find(Finding::error("scene", &error)),
            }
        }
        Err(error) => found.find(Finding::error("scene", &error)),
    }
    for path in &request.libraries {
        match Library::open_all(std::slice::from_ref(path), request.library_unit) {
            Ok(libraries) => libraries.iter().for_each(|l| found.find(library(l))),
            Err(error) => found.find(Finding::error("library", &error)),
        }
    }
    if found.refuses() {
        return found;
    }
    match draft(request, None, WINDOWS) {
        Ok(planned) => {
            found.bands_in_use = Some(planned.draft.bands.len());
            found.lacking = lacking(&planned);
            let uncovered = uncovered(&planned, &found.lacking);
            dropped(&planned).into_iter().chain(uncovered).for_each(|finding| found.find(finding));
            let notes = planned.draft.notes.iter().map(|note| Finding::new("note", Level::Note, note));
            notes.for_each(|finding| found.find(finding));
            let Before { findings, sampled, detectability, close_pairs } = planned.before;
            findings.into_iter().for_each(|finding| found.find(finding));
            (found.sampled, found.detectability, found.close_pairs) = (sampled, detectability, close_pairs);
        }
        Err(error) => found.find(Finding::error("run", &error)),
    }
    found
}

/// What the header says.
fn described(d: &Description) -> Vec<Finding> {
    let mut found = vec![match &d.spectral {
        Ok(bands) => {
            let extent = bands.extent().map_or(String::new(), |(from, to)| format!(", {from} to {to}"));
            Finding::new("wavelengths", Level::Good, format!("{} bands{extent}", bands.len()))
        }
        Err(error) => Finding { level: Level::Warning, ..Finding::error("wavelengths", error) },
    }];
    match d.spectral.as_ref().map(|bands| bands.fwhm.is_some()) {
        Ok(true) => found.push(Finding::new("FWHM", Level::Good, "given by the scene")),
        Ok(false) => {
            let text = "the scene gives none; the distance to the nearest band is taken";
            found.push(Finding::new("FWHM", Level::Warning, text).then("pass --bands-from with the sensor's widths"));
        }
        Err(_) => {}
    }
    let place = if d.lookup.as_ref().is_ok_and(Option::is_some) { "by its lookup table" } else { "by its grid" };
    let placed = d.grid.geotransform.is_some() || d.lookup.as_ref().is_ok_and(Option::is_some);
    found.push(match (placed, &d.grid.crs_wkt) {
        (true, Some(_)) => Finding::new("grid", Level::Good, format!("georeferenced {place}")),
        (true, None) => {
            Finding::new("grid", Level::Warning, "the scene has a geotransform, but no CRS: areas are unknown")
        }
        (false, _) => {
            Finding::new("grid", Level::Warning, "the scene is not georeferenced: maps have no place or areas")
        }
    });
    found
}

fn library(library: &Library) -> Finding {
    let name = library.path.display();
    match &library.axis {
        Ok(_) => {
            let width = library.fwhm_source.as_ref().map_or("no FWHM".into(), |source| format!("FWHM from {source}"));
            Finding::new("library", Level::Good, format!("{name}: {} spectra, {width}", library.spectra.len()))
        }
        Err(error) => Finding { level: Level::Warning, ..Finding::error("library", error) },
    }
}

/// Which bands are left out, by reason.
fn dropped(planned: &Planned) -> Vec<Finding> {
    let plan = &planned.draft;
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for band in plan.dropped.iter().filter(|band| !band.is_uncovered()) {
        match reasons.iter_mut().find(|(reason, _)| *reason == band.reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((&band.reason, 1)),
        }
    }
    let told =
        |(reason, count): (&str, usize)| Finding::new("bands", Level::Note, format!("{count} left out: {reason}"));
    reasons.into_iter().map(told).collect()
}

/// The bands that each target lacks, those that lack most first.
fn lacking(planned: &Planned) -> Vec<Lacking> {
    let targets = planned.draft.targets.iter().zip(&planned.costs).filter(|(_, bands)| **bands > 0);
    let mut lacking: Vec<Lacking> = targets.map(|(target, &bands)| Lacking { target: target.clone(), bands }).collect();
    lacking.sort_by_key(|l| std::cmp::Reverse(l.bands));
    lacking
}

/// Bands that are left out because targets have no data there.
fn uncovered(planned: &Planned, lacking: &[Lacking]) -> Option<Finding> {
    let bands = planned.draft.dropped.iter().filter(|band| band.is_uncovered()).count();
    let lack: Vec<String> = lacking.iter().map(|l| format!("{} lacks {}", l.target, l.bands)).collect();
    let text = format!("{bands} left out: not covered by all targets: {}", list(&lack));
    (bands > 0).then(|| Finding::new("bands", Level::Note, text))
}

/// The first few of them, and how many more.
fn list(words: &[impl AsRef<str>]) -> String {
    let named: Vec<&str> = words.iter().take(NAMED).map(AsRef::as_ref).collect();
    match words.len().saturating_sub(NAMED) {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    }
}

//! The plan: all that decides the result of a run, fixed before the work starts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ndarray::Array2;
use serde::Serialize;
use tracing::info_span;

use super::bands::{self, Dropped};
use super::check::{self, Before, Finding, Level};
use super::geometry::{self, Geometry};
use super::grounds::{BackgroundChoice, Grounds};
use super::maps;
use super::part::{self, Shape};
use super::request::{Request, check_background, chosen};
use super::targets;
use super::windows::{self, Limits, Load};
use super::zone_map::Zones;
use crate::background::{Curve, Shrinkage};
use crate::compute::{Scores, Task};
use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::library::Library;
use crate::library::select::{Target, select};
use crate::map::{Compression, area};
use crate::methods::{Method, Needs};
use crate::scene::{Description, Masked, Product, Quality, Quantity, Scene};
use crate::spectrum::Bands;
use crate::tile::{Scaling, Window};

/// Where the thresholds came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdSource {
    /// The user gave them.
    Given,
    /// The method's default was assumed.
    Default,
    /// They follow from rates of false alarms, at least some of them.
    FalseAlarms,
}

/// A file that the result depends on.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its time of change, in nanoseconds since 1970.
    modified_ns: u128,
}

impl Input {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let facts = std::fs::metadata(path).map_err(|e| Error::io(path, "cannot look at the file", &e))?;
        let modified = facts.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        Ok(Self { path: path.to_owned(), bytes: facts.len(), modified_ns: modified.map_or(0, |d| d.as_nanos()) })
    }
}

/// A method of a run.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedMethod {
    /// Its word.
    pub word: &'static str,
    /// Formula and convention.
    pub convention: &'static str,
    /// One threshold a target, in the method's unit; empty for a method without targets.
    pub thresholds: Vec<f64>,
    /// Whether the thresholds were given or assumed.
    pub threshold_source: ThresholdSource,
    /// The rates of false alarms that thresholds were asked for by, one a target; nothing where a threshold is fixed.
    pub rates: Vec<Option<f64>>,
    /// The false alarm curve of each target, when they were measured: [`super::false_alarms()`].
    #[serde(skip)]
    pub curves: Option<Arc<Vec<Curve>>>,
    /// The method.
    #[serde(skip)]
    pub method: &'static dyn Method,
}

/// A plain value; two runs with equal plans have equal results, so its hash is the identity of a run's parts.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The program's version.
    pub version: &'static str,
    /// The methods, in the order asked for.
    pub methods: Vec<PlannedMethod>,
    /// The scene's files, then the libraries', then what the background needs.
    pub inputs: Vec<Input>,
    /// What the scene was delivered as.
    pub product: Product,
    /// Quality layers whose pixels are no data.
    pub quality: Vec<Quality>,
    /// The mask whose pixels are no data.
    pub masked: Option<Masked>,
    /// Lines of the scene.
    pub lines: usize,
    /// Samples of the scene.
    pub samples: usize,
    /// The geometry of the maps of a swath that has a lookup table; nothing for other scenes.
    pub geometry: Option<Geometry>,
    /// The raster of the maps: the scene's own, or what the lookup table leads to.
    pub map: MapGrid,
    /// Bands in use, as indices from 0, in the order of their wavelengths.
    pub bands: Vec<usize>,
    /// Their centres and widths, when the scene has them.
    pub band_facts: Option<Bands>,
    /// Bands that are not used, and why.
    pub dropped: Vec<Dropped>,
    /// Target names, in the order of their class values.
    pub targets: Vec<String>,
    /// Stored value that means no data.
    pub nodata: Option<f64>,
    /// Whether rule images are written.
    pub rules: bool,
    /// How the maps are compressed; what is lost is lost after all else was made, and is said in the notes.
    #[serde(skip)]
    pub compression: Compression,
    /// Alteration zones, which are made of the maps and do not change them; nothing without targets.
    #[serde(skip)]
    pub zones: Option<Zones>,
    /// Whether memory holds maps that grow beside tiles: tiles can be added to them while others are mapped.
    #[serde(skip)]
    pub maps_fit: bool,
    /// The tiles, in order.
    pub windows: Vec<Window>,
    /// Target spectra on the bands in use and scaling, as a hash.
    pub numbers: String,
    /// The background that was used, when a method needs one.
    pub background: Option<Grounds>,
    /// What was assumed, overridden or found odd: one sentence each.
    pub notes: Vec<String>,
}

impl Plan {
    /// The identity of the run's parts.
    pub(super) fn identity(&self) -> [u8; 32] {
        part::identity(self)
    }

    /// Pixels of the scene.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.lines as u64 * self.samples as u64
    }

    /// `42 of 285 bands`.
    pub(super) fn bands_in_words(&self) -> String {
        format!("{} of {} bands", self.bands.len(), self.bands.len() + self.dropped.len())
    }

    /// What every method leaves of a tile.
    pub(super) fn shape(&self) -> Shape {
        let rules = |m: &PlannedMethod| if self.rules && m.method.has_targets() { self.targets.len() } else { 0 };
        self.methods.iter().map(|m| (m.method.has_targets(), rules(m))).collect()
    }
}

/// Refuses to compare radiance with libraries, which hold reflectance.
fn check_quantity(described: &Description, compares: bool) -> Result<()> {
    if described.quantity == Quantity::Reflectance || !compares {
        return Ok(());
    }
    let what = "the values are at-sensor radiance, but a library holds reflectance: their curves differ by the sun's and the air's";
    Err(Error::refused(described.path.display(), what)
        .hint("correct the scene for the atmosphere first; or pass --accept-radiance, and mistrust the map"))
}

/// A plan with what is open while it is carried out.
pub struct Planned {
    /// The scene.
    pub scene: Scene,
    /// The methods.
    pub(super) methods: Vec<&'static dyn Method>,
    /// Target spectra on the bands in use, shape (targets, bands).
    pub(super) spectra: Array2<f64>,
    /// Stored values to reflectance, in the bands in use.
    pub(super) scaling: Scaling,
    /// What the user wants of the background.
    pub(super) background: BackgroundChoice,
    pub(super) shrinkage: Shrinkage,
    /// What was looked at.
    pub(super) before: Before,
    /// Bands that each target lacks.
    pub(super) costs: Vec<usize>,
    /// All but the windows, which depend on the device, and the background, which is made of the pixels.
    pub(super) draft: Plan,
}

/// Reads headers and libraries, and fixes targets, bands in use and thresholds.
///
/// # Errors
/// Refuses whatever would make the result wrong or guessed: see the README's list of refusals.
pub fn plan(request: &Request) -> Result<Planned> {
    plan_with(request, None)
}

/// As [`fn@plan`], with the request's libraries where they are open already.
pub(super) fn plan_with(request: &Request, libraries: Option<&[Library]>) -> Result<Planned> {
    let planned = draft(request, libraries, 1)?;
    planned.before.refuse(planned.scene.description.path.display())?;
    Ok(planned)
}

/// As [`plan_with`], with pixels of so many windows looked at, and nothing refused for what they hold.
pub(super) fn draft(request: &Request, libraries: Option<&[Library]>, windows: usize) -> Result<Planned> {
    let _span = info_span!("plan").entered();
    let methods = chosen(request)?;
    let scene = info_span!("open").in_scope(|| Scene::open(&request.scene, &request.scene_options))?;
    request.compression.check()?;
    let described = &scene.description;
    let has_targets = methods.iter().any(|m| m.has_targets());
    check_background(&request.background, has_targets)?;
    check_quantity(described, has_targets && !request.scene_options.accept_radiance)?;
    if request.libraries.is_empty() && has_targets {
        return Err(Error::refused("--library", "none was given")
            .hint("name a spectral library: an ENVI .sli, a CSV, or a folder of USGS or ECOSTRESS spectra"));
    }
    let mut notes = described.notes.clone();
    let (geometry, map) =
        info_span!("lookup table").in_scope(|| geometry::choose(&scene, request.geometry, &mut notes))?;
    let opened = match libraries {
        Some(_) => Vec::new(),
        None => info_span!("libraries").in_scope(|| Library::open_all(&request.libraries, request.library_unit))?,
    };
    let libraries = libraries.unwrap_or(&opened);
    let targets = if has_targets { select(libraries, &request.targets)? } else { Vec::new() };
    if targets.len() > Scores::MAX_TARGETS {
        let what = format!("{} spectra; at most {} can be told apart", targets.len(), Scores::MAX_TARGETS);
        return Err(Error::refused("targets", what).hint("choose some with --targets"));
    }
    let names: Vec<String> = targets.iter().map(|(n, _)| n.clone()).collect();
    let thresholds = targets::thresholds(&names, &request.thresholds, &methods)?;
    let rates = targets::rates(&names, &request.thresholds, &request.false_alarms, &methods)?;
    let by_index = request.match_bands_by_index || targets.is_empty();
    let bands = info_span!("bands").in_scope(|| bands::select(&scene, &targets, request, by_index))?;
    let scaling = described.scaling.select(&bands.indices);
    let band_facts = described.spectral.as_ref().ok().map(|b| b.select(&bands.indices));
    let before = info_span!("check").in_scope(|| {
        let sampled = check::sampled(&scene, &bands, windows)?;
        Ok(Before::new(described, &methods, &targets, (band_facts.as_ref(), bands.spectra.view()), sampled))
    })?;

    notes.extend(libraries.iter().flat_map(|l| l.notes.iter().map(|n| format!("{}: {n}", l.path.display()))));
    if described.quantity == Quantity::Radiance {
        notes.push("the values are at-sensor radiance, not reflectance".to_owned());
    }
    notes.extend(bands.notes);
    notes.extend(before.findings.iter().filter(|f| f.level == Level::Warning).map(Finding::sentence));
    notes.extend(area::note(&map)?);
    notes.extend(request.compression.max_error().map(|error| {
        format!("the scores in the maps' files err by {error} at most (LERC): classes were decided before")
    }));
    notes.extend(info_span!("look for fill").in_scope(|| scene.suspected_fill(&bands.indices))?);
    // Libraries of one folder have much in common.
    let mut said = HashSet::new();
    notes.retain(|note| said.insert(note.clone()));
    let mut planned_methods = Vec::new();
    for (&method, (thresholds, rates)) in methods.iter().zip(thresholds.into_iter().zip(rates)) {
        let given = targets::given(&request.thresholds, method);
        if !given && method.has_targets() && !targets::rate_given(&request.false_alarms, method) {
            let assumed = format!("{} {}", method.default_threshold(), method.unit());
            notes.push(format!("threshold {} assumed, the default of {}", assumed.trim(), method.word()));
        }
        planned_methods.push(PlannedMethod {
            word: method.word(),
            convention: method.convention(),
            thresholds,
            threshold_source: if given { ThresholdSource::Given } else { ThresholdSource::Default },
            rates,
            curves: None,
            method,
        });
    }
    let zones = info_span!("zones").in_scope(|| Zones::new(request.zones.as_deref(), &names, &planned_methods))?;
    notes.extend(zones.note());
    let mut numbers = blake3::Hasher::new();
    for value in bands.spectra.iter().chain(&scaling.gain).chain(&scaling.offset) {
        numbers.update(&value.to_le_bytes());
    }
    let files = std::iter::once(&described.path)
        .chain(&described.companions)
        .chain(library_files(&targets))
        .chain(request.background.files());
    let draft = Plan {
        version: env!("CARGO_PKG_VERSION"),
        methods: planned_methods,
        inputs: files.map(|p| Input::of(p)).collect::<Result<_>>()?,
        product: described.product,
        quality: described.quality.clone(),
        masked: described.masked.clone(),
        lines: described.lines,
        samples: described.samples,
        geometry,
        map,
        band_facts,
        bands: bands.indices,
        dropped: bands.dropped,
        targets: names,
        nodata: described.nodata,
        rules: request.rules,
        compression: request.compression,
        zones: Some(zones),
        maps_fit: false,
        windows: Vec::new(),
        numbers: numbers.finalize().to_hex().to_string(),
        background: None,
        notes,
    };
    Ok(Planned {
        scene,
        methods,
        spectra: bands.spectra,
        scaling,
        background: request.background.clone(),
        shrinkage: request.shrinkage,
        before,
        costs: bands.costs,
        draft,
    })
}

/// The files that the targets are in, and what belongs to their libraries, each once and in the order of the targets.
fn library_files<'a>(targets: &[(String, Target<'a>)]) -> Vec<&'a PathBuf> {
    let mut seen = HashSet::new();
    let files = targets.iter().flat_map(|(_, t)| std::iter::once(&t.spectrum.file).chain(&t.library.companions));
    files.filter(|file| seen.insert(*file)).collect()
}

impl Planned {
    /// The plan with the scene cut into tiles. `grounds` is what [`super::prepare`] found, for methods that
    /// need it.
    ///
    /// # Errors
    /// When not even the smallest tile fits the limits.
    pub fn cut(&self, task: &Task, grounds: Option<&Grounds>, limits: &Limits) -> Result<Plan> {
        let described = &self.scene.description;
        let (curves, maps) = (self.rated() * Curve::BYTES, maps::held_bytes(&self.draft));
        let cut = |kept: usize| {
            let load = Load::of_map(task, limits.threads).keeping(kept);
            windows::cut(described, &load, limits, 0..described.lines)
        };
        let (windows, maps_fit) = match cut(curves + maps) {
            Ok(windows) => (windows, true),
            Err(_) => (cut(curves)?, false),
        };
        Ok(Plan { windows, maps_fit, background: grounds.cloned(), ..self.draft.clone() })
    }

    /// The plan of the first lines alone, with nothing to hash: a run that is for its time.
    pub(super) fn cut_lines(
        &self,
        task: &Task,
        grounds: Option<Grounds>,
        limits: &Limits,
        lines: usize,
    ) -> Result<Plan> {
        let load = Load::of_map(task, limits.threads);
        let windows = windows::cut(&self.scene.description, &load, limits, 0..lines)?;
        Ok(Plan { windows, lines, inputs: Vec::new(), background: grounds, ..self.draft.clone() })
    }

    /// Targets, bands and notes, before the scene is cut.
    #[must_use]
    pub fn draft(&self) -> &Plan {
        &self.draft
    }

    /// Target spectra on the bands in use, of shape (targets, bands).
    #[must_use]
    pub fn spectra(&self) -> &Array2<f64> {
        &self.spectra
    }

    /// Whether a method needs a background.
    #[must_use]
    pub fn needs_background(&self) -> bool {
        self.methods.iter().any(|m| m.needs() != Needs::Nothing)
    }

    /// Bytes of GDAL's block cache that whoever reads these windows by himself needs.
    #[must_use]
    pub fn block_cache(&self, plan: &Plan) -> usize {
        windows::block_cache(&self.scene.description, plan.windows.first().map_or(0, |w| w.width))
    }
}

/// A ceiling on memory, written `2GiB`, `512MiB` or `1.5G`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(pub usize);

impl std::str::FromStr for Ceiling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let at = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let refused =
            || Error::refused(format!("size '{text}'"), "not a number with a unit").hint("write 2GiB, 512MiB or 800MB");
        let number: f64 = trimmed[..at].trim().parse().map_err(|_| refused())?;
        let unit: f64 = match trimmed[at..].to_ascii_lowercase().as_str() {
            "k" | "kib" => 1024.0,
            "m" | "mib" => 1024.0 * 1024.0,
            "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
            "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            _ => return Err(refused()),
        };
        let bytes = number * unit;
        if !(1.0..1e18).contains(&bytes) {
            return Err(refused());
        }
        Ok(Self(bytes as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_units() {
        assert_eq!("2GiB".parse::<Ceiling>().unwrap().0, 2 << 30);
        assert_eq!("1.5 mb".parse::<Ceiling>().unwrap().0, 1_500_000);
        for bad in ["2", "GiB", "-1GiB", "2XB", "NaNGiB", ""] {
            assert!(bad.parse::<Ceiling>().is_err(), "{bad}");
        }
    }
}

//! `alunite map`

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::progress::Progress;
use super::trace::traced;
use super::{Exit, print_json, say, value};
use crate::background::Shrinkage;
use crate::error::{Error, Result};
use crate::map::set_cache_bytes;
use crate::pipeline::{
    self, BackendChoice, BackgroundChoice, Ceiling, Finished, Limits, Observer, Pass, Processor, Request, Settings,
    Threshold, finish, plan, prepare,
};
use crate::scene::SceneOptions;
use crate::spectrum::{WavelengthRange, WavelengthUnit};

/// Map minerals: a scene and spectral libraries in, a class map with names and colours out.
///
/// Every pixel gets the target it resembles most, if the score passes that target's threshold. Written to the output
/// folder: the class map, the scores and the runner-up (GeoTIFF), styles for QGIS, a picture, and run.json, which says
/// how the map was made. A run that was killed goes on where it stopped when the same command is given again.
#[derive(Debug, clap::Args)]
pub(super) struct Map {
    /// The scene: an ENVI cube (either of its two files) or a GeoTIFF.
    scene: PathBuf,

    /// Spectral library: ENVI .sli or CSV; may be given several times. Only rx needs none.
    #[arg(long, short, num_args = 1.., value_name = "LIB")]
    library: Vec<PathBuf>,

    /// Folder for the maps.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,

    /// Methods, separated by commas: all in one pass over the scene; `alunite explain` lists them.
    #[arg(long, default_value = "sam", value_delimiter = ',', value_name = "METHOD,…")]
    method: Vec<String>,

    /// Scores of mf: abundance (target = 1) or sigma (standard deviations of the background).
    #[arg(long, value_enum, default_value = "abundance", value_name = "SCALE")]
    mf_scale: MfScale,

    /// Scores of ace: signed, or the plain square that other tools give.
    #[arg(long, value_enum, default_value = "signed", value_name = "FORM")]
    ace: AceForm,

    /// Spectra to look for, separated by commas: whole names or the words they begin with; @FILE has one a line.
    /// Without it, all spectra of the libraries.
    #[arg(long, value_name = "NAME,…|@FILE")]
    targets: Vec<String>,

    /// Wavelengths to use, such as 2.08um-2.40um; may be given several times.
    #[arg(long, value_name = "FROM-TO", value_parser = value::<WavelengthRange>)]
    wavelengths: Vec<WavelengthRange>,

    /// Worst score that is still classified, such as 0.1; Alunite=0.08 for targets of one name, mf:0.2 or
    /// mf:Alunite=0.15 for one of several methods.
    #[arg(long, value_name = "[METHOD:][NAME=]SCORE", allow_hyphen_values = true, value_parser = value::<Threshold>)]
    threshold: Vec<Threshold>,

    #[command(flatten)]
    reading: Reading,

    /// Take channel i of the library for band i of the scene, whatever their wavelengths.
    #[arg(long)]
    match_bands_by_index: bool,

    /// Also write rule images: one band a target with its score everywhere.
    #[arg(long)]
    rules: bool,

    #[command(flatten)]
    ground: Ground,

    /// Statistics that `alunite stats` made, instead of a pass of its own.
    #[arg(long, value_name = "FILE", help_heading = "Background", conflicts_with_all = ["background", "background_mask"])]
    stats: Option<PathBuf>,

    /// Leave this share of the pixels, those that score highest for each target, out of the background, such as 0.01:
    /// two more passes.
    #[arg(long, value_name = "SHARE", help_heading = "Background")]
    exclude_targets: Option<f64>,

    /// How much of the diagonal is mixed into a covariance: auto, none, or a number from 0 to 1.
    #[arg(long, value_name = "ALPHA", help_heading = "Background", default_value = "auto", value_parser = value::<Shrinkage>)]
    shrinkage: Shrinkage,

    #[command(flatten)]
    machine: Machine,

    /// Replace maps that are in the output folder already.
    #[arg(long)]
    overwrite: bool,

    /// Print the run's report as JSON on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MfScale {
    Abundance,
    Sigma,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AceForm {
    Signed,
    Squared,
}

/// Which pixels are the background of mf, ace, cem and rx.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Background")]
pub(super) struct Ground {
    /// scene, or columns:N: every N detector columns of a pushbroom sensor have statistics and filters of their own.
    #[arg(long, value_name = "WHICH", default_value = "scene", value_parser = columns)]
    background: Columns,

    /// Raster on the scene's grid: only its pixels that are neither zero nor no data are the background.
    #[arg(long, value_name = "RASTER")]
    background_mask: Option<PathBuf>,
}

/// The width of a group of detector columns, if there are groups.
type Columns = Option<usize>;

fn columns(text: &str) -> Result<Columns, String> {
    let refused = || format!("'{text}' is neither scene nor columns:N with N from 1 (write columns:16)");
    match text.split_once(':') {
        None if text == "scene" => Ok(None),
        Some(("columns", n)) => n.parse().ok().filter(|n| *n > 0).map(Some).ok_or_else(refused),
        _ => Err(refused()),
    }
}

impl Ground {
    pub(super) fn choice(&self) -> BackgroundChoice {
        BackgroundChoice { mask: self.background_mask.clone(), columns: self.background, ..BackgroundChoice::default() }
    }
}

/// What the user says about a scene.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Reading {
    /// Unit of wavelengths where a file gives none.
    #[arg(long, value_name = "UNIT")]
    wavelength_unit: Option<WavelengthUnit>,

    /// CSV with channel, wavelength_nm, fwhm_nm that replaces the scene's own wavelengths.
    #[arg(long, value_name = "CSV")]
    bands_from: Option<PathBuf>,

    /// Stored value that means reflectance 1, such as 10000; replaces the scene's own scale.
    #[arg(long, value_name = "VALUE")]
    scale: Option<f64>,

    /// Stored value that means no data; replaces the scene's own.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    nodata: Option<f64>,
}

impl Reading {
    pub(super) fn options(&self) -> SceneOptions {
        SceneOptions {
            wavelength_unit: self.wavelength_unit,
            bands_from: self.bands_from.clone(),
            scale: self.scale,
            nodata: self.nodata,
        }
    }

    pub(super) fn unit(&self) -> Option<WavelengthUnit> {
        self.wavelength_unit
    }
}

/// How a run uses the machine; no option changes the maps.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Where to compute: auto takes a hardware GPU if there is one, else the CPU.
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendChoice,

    /// Take the adapter with this in its name; the only way to a software adapter.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,

    /// Ceiling on memory.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = value::<Ceiling>)]
    max_memory: Ceiling,

    /// Threads; one for each core unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Lines of a tile, instead of as many as memory and the scene's blocks suggest.
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(1..))]
    tile_lines: Option<u32>,

    /// Print nothing but the backend, notes and errors.
    #[arg(long, short)]
    quiet: bool,

    /// Record where the time goes, thread by thread, in a file that ui.perfetto.dev and chrome://tracing show.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl Machine {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            backend: self.backend,
            adapter: self.adapter.clone(),
            threads: usize::from(self.threads.unwrap_or(0)),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Limits {
            max_memory: self.max_memory.0,
            device_tile: usize::MAX,
            threads: self.threads.map_or(cores, usize::from),
            tile_lines: self.tile_lines.map(|n| n as usize),
        }
    }

    pub(super) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Does the work, and records where its time goes when the user wants to know.
    pub(super) fn traced<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        traced(self.trace.as_deref(), work)
    }

    pub(super) fn ceiling(&self) -> u64 {
        self.max_memory.0 as u64
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            backend: BackendChoice::Auto,
            adapter: None,
            max_memory: Ceiling(2 << 30),
            threads: None,
            tile_lines: None,
            quiet: false,
            trace: None,
        }
    }
}

pub(super) fn run(args: &Map) -> Result<Exit> {
    let request = Request {
        scene: args.scene.clone(),
        scene_options: args.reading.options(),
        libraries: args.library.clone(),
        library_unit: args.reading.unit(),
        targets: targets(&args.targets)?,
        wavelengths: args.wavelengths.clone(),
        match_bands_by_index: args.match_bands_by_index,
        methods: args.method.clone(),
        mf_sigma: args.mf_scale == MfScale::Sigma,
        ace_squared: args.ace == AceForm::Squared,
        thresholds: args.threshold.clone(),
        rules: args.rules,
        background: BackgroundChoice {
            exclude_targets: args.exclude_targets,
            file: args.stats.clone(),
            ..args.ground.choice()
        },
        shrinkage: args.shrinkage,
    };
    let finished = args.machine.traced(|| map(&request, &args.machine, &args.out, args.overwrite))?;
    if args.json {
        print_json(&finished.report)?;
    }
    let maps = finished.report.maps.iter().filter(|m| !m.classes.is_empty());
    let nothing = |m: &pipeline::MapReport| m.classes.iter().all(|c| c.pixels == 0);
    Ok(if maps.clone().count() > 0 && maps.clone().all(nothing) { Exit::NothingClassified } else { Exit::Done })
}

/// Plans, maps and finishes, telling the user what he should know.
pub(super) fn map(request: &Request, machine: &Machine, out: &Path, overwrite: bool) -> Result<Finished> {
    let begun = Instant::now();
    let progress = Progress::new(machine.quiet);
    prepare_folder(out, &request.methods, overwrite)?;
    // Looking for dead bands reads before the windows are known; GDAL would take a share of all memory for it.
    set_cache_bytes(machine.max_memory.0 as u64 / 2);
    let planned = plan(request)?;
    let draft = planned.draft();
    draft.notes.iter().for_each(|note| progress.note(note));
    let processor = Processor::open(&machine.settings(), &progress)?;
    let mut limits = machine.limits();
    let preparing = Instant::now();
    let parts = out.join(PARTS);
    let pass = Pass { processor: &processor, limits: &limits, folder: &parts, observer: &progress };
    let (task, grounds) = prepare(&planned, &pass)?;
    let preparing = preparing.elapsed();
    let opened = processor.backend(&task, &progress)?;
    limits.device_tile = opened.max_tile_bytes;
    let plan = planned.cut(&task, grounds.as_ref(), &limits)?;
    if !machine.quiet {
        say!(
            "{} x {} pixels, {} of {} bands, {} targets, {} tiles, at most {} MiB",
            plan.lines,
            plan.samples,
            plan.bands.len(),
            plan.bands.len() + plan.dropped.len(),
            plan.targets.len(),
            plan.windows.len(),
            machine.max_memory.0 >> 20
        );
    }
    say!("backend: {}", opened.label());
    set_cache_bytes(planned.block_cache(&plan) as u64);
    let mut mapped = pipeline::map(&planned.scene, &plan, opened, &parts, &progress)?;
    mapped.preparing = preparing;
    progress.finishing();
    let finished = finish(&plan, &mapped, out, std::env::args().collect(), begun)?;
    if !machine.quiet {
        summary(&finished);
    }
    Ok(finished)
}

/// The folder of parts within the output folder.
const PARTS: &str = ".alunite-parts";

/// Fails before the work where it would fail after it: maps that exist, a folder that cannot be written.
fn prepare_folder(out: &Path, methods: &[String], overwrite: bool) -> Result<()> {
    let names = pipeline::outputs(methods.iter().map(String::as_str));
    if !overwrite && let Some(name) = names.into_iter().find(|n| out.join(n).exists()) {
        return Err(
            Error::refused(out.join(name).display(), "is there already").hint("pass --overwrite, or another --out")
        );
    }
    let hint = "name a folder that you can write with --out";
    std::fs::create_dir_all(out)
        .map_err(|e| Error::refused(out.display(), format!("cannot make the folder: {e}")).hint(hint))?;
    tempfile::tempfile_in(out)
        .map_err(|e| Error::refused(out.display(), format!("cannot write to the folder: {e}")).hint(hint))?;
    Ok(())
}

/// The names of `--targets`; `None` when the flag was not given.
fn targets(given: &[String]) -> Result<Option<Vec<String>>> {
    let mut names = Vec::new();
    for value in given {
        let text = match value.strip_prefix('@') {
            Some(path) => {
                let path = Path::new(path);
                let text = std::fs::read_to_string(path)
                    .map_err(|e| Error::refused(path.display(), format!("cannot read the names of targets: {e}")))?;
                names.extend(text.lines().map(|l| l.trim().to_owned()));
                continue;
            }
            None => value,
        };
        names.extend(text.split(',').map(|n| n.trim().to_owned()));
    }
    names.retain(|n| !n.is_empty());
    Ok((!given.is_empty()).then_some(names))
}

fn summary(finished: &Finished) {
    let report = &finished.report;
    for map in &report.maps {
        say!("{}", map.title);
        let mut classes: Vec<_> = map.classes.iter().filter(|c| c.pixels > 0).collect();
        classes.sort_by_key(|c| std::cmp::Reverse(c.pixels));
        for class in classes {
            let area = class.km2.map_or(String::new(), |km2| {
                if km2 < 0.1 { format!("{:>12.1} m2 ", km2 * 1e6) } else { format!("{km2:>12.3} km2") }
            });
            say!("{:>12} pixels {area}  {}", class.pixels, class.name);
        }
        match map.classes.is_empty() {
            true => say!("{:>12} pixels no data", map.nodata_pixels),
            false => say!("{:>12} pixels unclassified, {} no data", map.unclassified_pixels, map.nodata_pixels),
        }
    }
    for path in &finished.outputs {
        say!("wrote {}", path.display());
    }
}

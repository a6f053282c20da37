//! Options that several commands share.

use std::path::{Path, PathBuf};

use super::trace::traced;
use super::value;
use crate::background::Shrinkage;
use crate::error::{Error, Result};
use crate::library::select::Choice;
use crate::pipeline::{BackendChoice, BackgroundChoice, Ceiling, Limits, Request, Settings};
use crate::scene::{Product, QualityList, SceneOptions};
use crate::spectrum::{WavelengthRange, WavelengthUnit};

/// What is looked for, where and how: what decides the scores.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Question {
    /// Spectral library: ENVI .sli, CSV, USGS splib07 or splib06 ASCII, ECOSTRESS or ASTER text; a file or a folder; may
    /// be given several times. Only rx needs none.
    #[arg(long, short, num_args = 1.., value_name = "LIB")]
    library: Vec<PathBuf>,

    /// Methods, separated by commas: all in one pass over the scene; `alunite explain` lists them.
    #[arg(long, default_value = "sam", value_delimiter = ',', value_name = "METHOD,…")]
    method: Vec<String>,

    /// Scores of mf: abundance (target = 1) or sigma (standard deviations of the background).
    #[arg(long, value_enum, default_value = "abundance", value_name = "SCALE")]
    mf_scale: MfScale,

    /// Scores of ace: signed, or the plain square that other tools give.
    #[arg(long, value_enum, default_value = "signed", value_name = "FORM")]
    ace: AceForm,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    bands: Bands,

    #[command(flatten)]
    reading: Reading,

    /// Take channel i of the library for band i of the scene, whatever their wavelengths.
    #[arg(long)]
    match_bands_by_index: bool,

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
}

impl Question {
    /// Of a scene, without thresholds and rule images.
    pub(super) fn request(&self, scene: &Path) -> Result<Request> {
        Ok(Request {
            scene: scene.to_owned(),
            scene_options: self.reading.options(),
            libraries: self.library.clone(),
            library_unit: self.reading.wavelength_unit,
            targets: self.filter.choice()?,
            match_bands_by_index: self.match_bands_by_index,
            methods: self.method.clone(),
            mf_sigma: self.mf_scale == MfScale::Sigma,
            ace_squared: self.ace == AceForm::Squared,
            background: BackgroundChoice {
                exclude_targets: self.exclude_targets,
                file: self.stats.clone(),
                ..self.ground.choice()
            },
            shrinkage: self.shrinkage,
            ..self.bands.request()
        })
    }
}

/// Which bands are used.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Bands {
    /// Wavelengths to use, such as 2.08um-2.40um; may be given several times.
    #[arg(long, value_name = "FROM-TO", value_parser = value::<WavelengthRange>)]
    wavelengths: Vec<WavelengthRange>,

    /// Use all bands where two detectors overlap, instead of cutting them in the middle of what both see.
    #[arg(long)]
    keep_overlap: bool,

    /// Use bands at these wavelengths, such as 1.77um-1.97um, or all: also those that the scene flags as bad, and, where it
    /// flags none, those at which water vapour closes the air; may be given several times.
    #[arg(long, value_name = "FROM-TO|all", value_parser = kept)]
    keep_bands: Vec<WavelengthRange>,
}

impl Bands {
    /// A request that says nothing else.
    pub(super) fn request(&self) -> Request {
        Request {
            wavelengths: self.wavelengths.clone(),
            keep_overlap: self.keep_overlap,
            keep_bands: self.keep_bands.clone(),
            ..Request::default()
        }
    }
}

fn kept(text: &str) -> Result<WavelengthRange, String> {
    if text == "all" { Ok(WavelengthRange::ALL) } else { value(text) }
}

/// Which spectra of the libraries.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// Spectra to look for, separated by commas: whole names, the words they begin with, or patterns such as 'Alun*';
    /// @FILE has one a line. Without it, all spectra of the libraries.
    #[arg(long, value_name = "NAME,…|@FILE")]
    targets: Vec<String>,

    /// Only spectra of these groups, separated by commas, names or patterns: a chapter's folder (USGS), a class
    /// (ECOSTRESS), or a file's name without its extension (CSV, .sli). `alunite library` lists them.
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',')]
    groups: Vec<String>,
}

impl Filter {
    pub(super) fn choice(&self) -> Result<Choice> {
        Ok(Choice { names: targets(&self.targets)?, groups: self.groups.clone() })
    }
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

    /// What the scene is, instead of what its content says.
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,

    /// Compare a scene of radiance with a library of reflectance all the same.
    #[arg(long)]
    accept_radiance: bool,

    /// Quality layers that lie in an EnMAP or DESIS delivery, whose pixels become no data: cloud, cirrus, cloudshadow, haze,
    /// snow, water, background, pixelmask, separated by commas; or none. Unless given: cloud,cloudshadow,snow.
    #[arg(long, value_name = "LAYER,…", value_parser = value::<QualityList>)]
    quality: Option<QualityList>,

    /// EMIT's mask, a file of its own (EMIT_L2A_MASK_….nc): pixels that it flags become no data. Of several scenes, once
    /// for each in their order; none for one without.
    #[arg(long, value_name = "FILE")]
    mask: Vec<PathBuf>,

    /// Flags of --mask to use, such as cloud,cirrus; cloud,cirrus,dilated-cloud,spacecraft,water unless given.
    #[arg(long, value_delimiter = ',', value_name = "FLAG,…")]
    mask_bands: Option<Vec<String>>,
}

impl Reading {
    pub(super) fn options(&self) -> SceneOptions {
        SceneOptions {
            wavelength_unit: self.wavelength_unit,
            bands_from: self.bands_from.clone(),
            scale: self.scale,
            nodata: self.nodata,
            product: self.product,
            accept_radiance: self.accept_radiance,
            quality: self.quality.clone(),
            masks: self.mask.clone(),
            mask_bands: self.mask_bands.clone(),
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

    #[command(flatten)]
    pub(super) resources: Resources,
}

impl Machine {
    pub(super) fn settings(&self) -> Settings {
        self.resources.settings(self.backend)
    }

    /// The same, without progress and without a record of where time goes.
    pub(super) fn quietly(self) -> Self {
        Self { resources: Resources { quiet: true, trace: None, ..self.resources }, ..self }
    }
}

/// What of the machine a command may use; nothing here changes the maps.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(super) struct Resources {
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

impl Resources {
    pub(super) fn settings(&self, backend: BackendChoice) -> Settings {
        Settings { backend, adapter: self.adapter.clone(), threads: usize::from(self.threads.unwrap_or(0)) }
    }

    pub(super) fn limits(&self) -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Limits {
            max_memory: self.max_memory.0,
            device_tile: usize::MAX,
            under_way: 1,
            threads: self.threads.map_or(cores, usize::from),
            tile_lines: self.tile_lines.map(|n| n as usize),
        }
    }

    pub(super) fn quiet(&self) -> bool {
        self.quiet
    }

    pub(super) fn ceiling(&self) -> u64 {
        self.max_memory.0 as u64
    }

    /// Does the work, and records where its time goes when the user wants to know.
    pub(super) fn traced<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        traced(self.trace.as_deref(), work)
    }
}

/// The names of `--targets`; `None` when the flag was not given.
fn targets(given: &[String]) -> Result<Option<Vec<String>>> {
    let mut names = Vec::new();
    for value in given {
        let text = match value.strip_prefix('@') {
            Some(path) => {
                let path = Path::new(path);
                let text = std::fs::read_to_string(path).map_err(|e| {
                    Error::refused(path.display(), format!("cannot read the names of targets: {e}"))
                        .hint("name a file that is there, of one name a line")
                })?;
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

//! What the user asks for, and what is wrong with it before anything is read.

use std::path::PathBuf;

use super::geometry::Geometry;
use super::grounds::BackgroundChoice;
use super::targets::{Rate, Threshold};
use crate::background::Shrinkage;
use crate::error::{Error, Result};
use crate::library::select::Choice;
use crate::map::Compression;
use crate::methods::{self, Method, Needs};
use crate::scene::SceneOptions;
use crate::spectrum::{WavelengthRange, WavelengthUnit};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The scene.
    pub scene: PathBuf,
    /// What the user says about it.
    pub scene_options: SceneOptions,
    /// The libraries.
    pub libraries: Vec<PathBuf>,
    /// Unit of the libraries' wavelengths where they declare none.
    pub library_unit: Option<WavelengthUnit>,
    /// Which spectra of the libraries are the targets.
    pub targets: Choice,
    /// Wavelengths to use; empty for all.
    pub wavelengths: Vec<WavelengthRange>,
    /// Channel i of the library is band i of the scene.
    pub match_bands_by_index: bool,
    /// Also use the bands that another detector of the scene covers better.
    pub keep_overlap: bool,
    /// Wavelengths at which bands are used though the scene flags them or the air is closed; [`WavelengthRange::ALL`] keeps
    /// bands without wavelengths too.
    pub keep_bands: Vec<WavelengthRange>,
    /// The methods' words.
    pub methods: Vec<String>,
    /// Scores of the matched filter in standard deviations of the background.
    pub mf_sigma: bool,
    /// Adaptive coherence without its sign.
    pub ace_squared: bool,
    /// Rules of alteration zones, instead of those shipped.
    pub zones: Option<PathBuf>,
    /// Thresholds.
    pub thresholds: Vec<Threshold>,
    /// Rates of false alarms that thresholds follow from.
    pub false_alarms: Vec<Rate>,
    /// Whether every target's score is written too.
    pub rules: bool,
    /// How the maps are compressed.
    pub compression: Compression,
    /// What the background is, for methods that need one.
    pub background: BackgroundChoice,
    /// How its covariance is shrunk.
    pub shrinkage: Shrinkage,
    /// The geometry of the maps; `None` for the map's, where the scene has a lookup table.
    pub geometry: Option<Geometry>,
}

/// The methods that were asked for, in their order.
pub(super) fn chosen(request: &Request) -> Result<Vec<&'static dyn Method>> {
    let known: Vec<&str> = methods::ALL.iter().map(|m| m.word()).collect();
    let mut chosen: Vec<&'static dyn Method> = Vec::new();
    for word in &request.methods {
        let method = methods::find(word).ok_or_else(|| {
            Error::refused("--method", format!("there is no method '{word}'"))
                .hint(format!("methods are: {}", known.join(", ")))
        })?;
        if chosen.iter().any(|m| m.word() == method.word()) {
            return Err(Error::refused("--method", format!("'{word}' is named twice")).hint("name it once"));
        }
        chosen.push(match method.word() {
            "mf" if request.mf_sigma => &methods::mf::SIGMA,
            "ace" if request.ace_squared => &methods::ace::SQUARED,
            _ => method,
        });
    }
    if chosen.is_empty() {
        return Err(Error::refused("--method", "none was named").hint(format!("methods are: {}", known.join(", "))));
    }
    for (flag, given, word) in [("--mf-scale", request.mf_sigma, "mf"), ("--ace", request.ace_squared, "ace")] {
        if given && chosen.iter().all(|m| m.word() != word) {
            return Err(Error::refused(
                flag,
                format!("says how {word} is scaled, but {word} is not among the methods"),
            )
            .hint(format!("add {word} to --method, or leave {flag} out")));
        }
    }
    let needs_none = chosen.iter().all(|m| m.needs() == Needs::Nothing);
    // A mask also says where false alarms are measured.
    let measured = BackgroundChoice { mask: request.background.mask.clone(), ..BackgroundChoice::default() };
    let fine = if request.false_alarms.is_empty() { BackgroundChoice::default() } else { measured };
    if needs_none && (request.background != fine || request.shrinkage != Shrinkage::Auto) {
        let words: Vec<&str> = chosen.iter().map(|m| m.word()).collect();
        return Err(Error::refused("background", format!("{} needs none, but options for one were given", words.join(", ")))
            .hint("leave --background, --background-mask, --exclude-targets, --shrinkage and --stats out, or add a method that needs a background: mf, ace, cem, rx"));
    }
    Ok(chosen)
}

/// Refuses what is wrong with the choice of a background before anything is read.
pub(super) fn check_background(choice: &BackgroundChoice, has_targets: bool) -> Result<()> {
    if let Some(share) = choice.exclude_targets {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::refused("--exclude-targets", format!("{share} is not a share between 0 and 1"))
                .hint("write 0.01 to leave the highest hundredth of each target's scores out"));
        }
        if !has_targets {
            return Err(Error::refused("--exclude-targets", "no method looks for targets").hint("leave it out"));
        }
    }
    for file in choice.files() {
        std::fs::File::open(file).map_err(|e| Error::unopened(file, &e))?;
    }
    Ok(())
}

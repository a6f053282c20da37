//! alunite's own demo: a scene of modelled ground, the library it was made from, and the truth.
//!
//! Everything is computed from one seed, with the same bits on every machine. Nothing in it is measured: spectra are
//! models ([`minerals`]), the place is imagined, and only the bands are a real sensor's ([`sensor`]).
//!
//! [`planted`] makes another scene in the same way: ordinary ground with a little of one mineral in known pixels.

mod background;
mod catalogue;
mod geology;
pub mod minerals;
mod noise;
mod paint;
pub mod planted;
mod scene;
pub mod sensor;
mod write;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Wavelengths to map the demo with, written as the command line takes them: the iron oxides' slopes and absorptions,
/// the sulphates' and ammonium's, and the 2 to 2.4 µm absorptions of clays, micas and carbonates.
pub const RANGES: [&str; 3] = ["0.45um-1.30um", "1.45um-1.75um", "2.05um-2.45um"];

/// Largest spectral angle, in radians over [`RANGES`], at which a pixel of the demo is given its best mineral.
pub const SAM_THRESHOLD: f64 = 0.07;

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Number of lines.
    pub lines: usize,
    /// Number of samples.
    pub samples: usize,
    /// Another seed gives another ground and other noise.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lines: 480, samples: 400, seed: 1 }
    }
}

impl Settings {
    /// Refuses a scene without pixels; `place` names the scene.
    fn hold_pixels(&self, place: &str) -> Result<()> {
        if self.lines == 0 || self.samples == 0 {
            let size = format!("{} lines x {} samples", self.lines, self.samples);
            return Err(Error::refused(place, format!("{size} hold no pixels")).hint("ask for at least one of each"));
        }
        Ok(())
    }
}

/// A written demo.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The cube (its header lies beside it).
    pub scene: PathBuf,
    /// The library CSV: the targets, then the backgrounds.
    pub library: PathBuf,
    /// The truth as an ENVI file of two bands, dominant and fraction.
    pub truth_file: PathBuf,
    /// Names of the library's spectra that are minerals to map, in the order of the truth's classes 1, 2, 3 ...
    pub targets: Vec<String>,
    /// The truth.
    pub truth: Truth,
}

/// What each pixel is made of; one value a pixel, line by line.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The mineral with the largest share: 1 is `names[0]`; 0 where backgrounds together outweigh it;
    /// [`Truth::NODATA`] outside the swath.
    pub dominant: Vec<u8>,
    /// The share, 0 to 1, of that mineral (of all backgrounds, where `dominant` is 0); 0 outside the swath.
    pub fraction: Vec<f32>,
    /// The minerals' names.
    pub names: Vec<String>,
}

impl Truth {
    /// The value of [`Truth::dominant`] where the scene has no data.
    pub const NODATA: u8 = 255;
}

/// Writes `scene.img`, `library.csv` and `truth.img` (and headers) into the folder `dir`, which is made where missing.
///
/// The cube is written line by line; files appear under their names when they are complete.
///
/// # Errors
/// Refuses a scene without pixels; fails when the folder cannot be written.
pub fn write(dir: &Path, settings: &Settings) -> Result<Demo> {
    settings.hold_pixels("demo scene")?;
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "making the folder", &e))?;
    let demo_file = |name: &str| dir.join(name);
    let targets: Vec<String> = minerals::ALL.iter().map(|m| m.name.to_owned()).collect();
    write::library(&demo_file("library.csv"))?;
    let (dominant, fraction) = scene::write(&demo_file("scene.img"), settings)?;
    let truth = Truth { dominant, fraction, names: targets.clone() };
    write::truth(&demo_file("truth.img"), settings, &truth)?;
    Ok(Demo {
        scene: demo_file("scene.img"),
        library: demo_file("library.csv"),
        truth_file: demo_file("truth.img"),
        targets,
        truth,
    })
}

#[cfg(test)]
mod tests;

//! Scenes in: open, describe, read tiles. One file for each kind of product.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::spectrum::{Bands, WavelengthUnit};
use crate::tile::{Interleave, SampleType, Scaling, Tile, Window};

/// What the user says about a scene, where its files are silent or wrong.
#[derive(Debug, Clone, Default)]
pub struct SceneOptions {
    /// Unit of the wavelength list of a file that declares none (or an implausible one).
    pub wavelength_unit: Option<WavelengthUnit>,
    /// CSV with the columns `channel, wavelength_nm, fwhm_nm` that replaces the file's own wavelengths.
    pub bands_from: Option<PathBuf>,
    /// Stored value that means reflectance 1; replaces the file's own scale.
    pub scale: Option<f64>,
    /// Stored value that means no data; replaces the file's own.
    pub nodata: Option<f64>,
}

/// What a scene is, as `alunite info` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The file that holds the pixels.
    pub path: PathBuf,
    /// Further files that belong to it (the header).
    pub companions: Vec<PathBuf>,
    /// `ENVI` or `GeoTIFF`.
    pub format: &'static str,
    /// Number of lines (rows).
    pub lines: usize,
    /// Number of samples (columns).
    pub samples: usize,
    /// Number of bands.
    pub bands: usize,
    /// Type of the stored values.
    pub sample_type: SampleType,
    /// Order of the stored values.
    pub interleave: Interleave,
    /// True when the file's byte order is big-endian.
    pub big_endian: bool,
    /// The file's natural reading unit in pixels: `(width, height)`; whole lines for raw files.
    pub block: (usize, usize),
    /// Georeferencing.
    pub grid: Grid,
    /// Band centres and widths, or why there are none that can be used.
    #[serde(serialize_with = "crate::error::or_problem")]
    pub spectral: Result<Bands>,
    /// Per band: false where the file's bad-band list flags it. Empty when the file has no list.
    pub good: Vec<bool>,
    /// Stored value that means no data.
    pub nodata: Option<f64>,
    /// Stored values to reflectance.
    pub scaling: Scaling,
    /// Where scale, nodata and wavelengths came from, defaults that were assumed, oddities found: one sentence each.
    pub notes: Vec<String>,
}

/// An opened scene.
pub struct Scene {
    /// What it is.
    pub description: Description,
    source: Box<dyn Source>,
}

/// How a kind of file hands out readers.
trait Source: Send + Sync {
    /// A reader of the given bands (indices into the scene's bands, in the order wanted). Each reader owns its handles.
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>>;
}

/// Reads tiles of a fixed set of bands. One reader belongs to one thread at a time.
pub trait TileReader: Send {
    /// Reads one window.
    ///
    /// # Errors
    /// When the file cannot be read there.
    fn read(&mut self, window: Window) -> Result<Tile>;
}

impl Scene {
    /// Opens an ENVI cube (either of its two files may be named) or a GeoTIFF, and checks it against its header.
    ///
    /// # Errors
    /// Refuses what is not one of the two, files whose size is not the header's, and types it cannot map.
    /// Unusable wavelengths are not an error here but in [`Description::spectral`].
    pub fn open(path: &Path, options: &SceneOptions) -> Result<Self> {
        let _ = options;
        Err(Error::refused(path.display(), "not yet"))
    }

    /// A reader of the given bands.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.source.reader(bands)
    }
}

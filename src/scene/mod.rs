//! Scenes in: open, describe, read tiles. One file for each kind of product.

mod apart;
mod aviris;
mod aviris_grid;
mod bands_csv;
mod chunked;
mod desis;
mod dlr;
mod emit;
mod emit_mask;
mod enmap;
mod envi;
mod envi_read;
pub(crate) mod fuzzed;
mod gdal;
mod geotiff;
mod geotiff_read;
mod glt;
mod hdf5;
mod hdf5_chunks;
mod hyperion;
mod kind;
mod mask;
mod mtl;
mod multidim;
mod prisma;
mod prisma_read;
mod product;
mod quality;
mod sample;
mod screen;
mod stack;
mod survey;
mod tiff_blocks;
mod values;
mod xml;

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::spectrum::{Bands, WavelengthUnit};
use crate::tile::{Interleave, SampleType, Scaling, Tile, Window};
use crate::wavelengths::Spectral;

pub use crate::grid::NOWHERE;
pub use mask::Masked;
pub use multidim::hold_hdf5;
pub use product::Product;
pub use quality::{Quality, QualityList};
pub(crate) use survey::Look;

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
    /// What the scene is, instead of what its content says.
    pub product: Option<Product>,
    /// Compare a scene of radiance with spectra of reflectance all the same.
    pub accept_radiance: bool,
    /// Quality layers whose pixels become no data, instead of [`Quality::DEFAULT`].
    pub quality: Option<QualityList>,
    /// Masks in files of their own, whose pixels become no data: one of a scene, and of several scenes one of each
    /// ([`SceneOptions::of_scene`]).
    pub masks: Vec<PathBuf>,
    /// The flags of the masks to use, such as `cloud`; `None` for the default.
    pub mask_bands: Option<Vec<String>>,
}

/// What scaled values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// Reflectance, a number from 0 to about 1.
    Reflectance,
    /// At-sensor radiance, in W/(m² sr µm): another curve than a library's reflectance.
    Radiance,
}

/// What a scene is, as `alunite info` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The file that holds the pixels.
    pub path: PathBuf,
    /// Further files that belong to it (the header).
    pub companions: Vec<PathBuf>,
    /// What was delivered.
    pub product: Product,
    /// Format of the pixels: `ENVI`, `GeoTIFF`, `HDF5` or `netCDF-4`.
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
    /// The map that the lookup table of a scene in swath geometry leads to; nothing for a scene without such a table;
    /// or why the table cannot be used.
    #[serde(serialize_with = "crate::error::or_problem")]
    pub lookup: Result<Option<MapGrid>>,
    /// Band centres and widths, or why there are none that can be used.
    #[serde(serialize_with = "crate::error::or_problem")]
    pub spectral: Result<Bands>,
    /// Per band: false where the file's bad-band list flags it. Empty when the file has no list.
    pub good: Vec<bool>,
    /// Stored value that means no data.
    pub nodata: Option<f64>,
    /// Quality layers whose pixels are no data.
    pub quality: Vec<Quality>,
    /// The mask whose pixels are no data.
    pub masked: Option<Masked>,
    /// What scaled values are.
    pub quantity: Quantity,
    /// Stored values to `quantity`.
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

/// Readers at once of a format whose blocks are decoded, which takes a core each; raw files need one.
const DECODERS: usize = 2;

/// How a kind of file hands out readers.
trait Source: Send + Sync {
    /// A reader of the given bands (indices into the scene's bands, in the order wanted). Each reader owns its handles.
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>>;

    /// A reader of a few windows here and there, of more than one core where that gains.
    fn sampler(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.reader(bands)
    }

    /// A reader of the table that leads from the map to the swath, of a file that has one.
    fn lookup(&self) -> Option<Box<dyn LookupReader>> {
        None
    }

    /// How many readers at once gain on one. Who decodes past a lock of its library gains from several.
    fn readers(&self) -> usize {
        1
    }

    /// Whether whole lines, one after the other, are read from the file's beginning to its end, and readers tell of it.
    fn in_file_order(&self) -> bool {
        false
    }

    /// So many whole lines at a time are read as fast as more, where blocks are not decoded again.
    fn few_lines(&self) -> Option<usize> {
        None
    }
}

/// Reads the table that says which pixel of a swath each pixel of the map shows.
pub trait LookupReader: Send {
    /// Reads some lines of the map into `places`: for each of their pixels, line by line, the pixel of the swath, as
    /// line · samples + sample from 0, or [`NOWHERE`].
    ///
    /// # Errors
    /// Refuses places outside of the swath; fails when the file cannot be read.
    fn read(&mut self, lines: Range<usize>, places: &mut Vec<u32>) -> Result<()>;
}

/// Reads tiles of a fixed set of bands. One reader belongs to one thread at a time.
pub trait TileReader: Send {
    /// Reads one window.
    ///
    /// # Errors
    /// When the file cannot be read there.
    fn read(&mut self, window: Window) -> Result<Tile> {
        self.read_over(None, window)
    }

    /// Reads one window into the memory of a tile that nobody wants any more.
    ///
    /// # Errors
    /// When the file cannot be read there.
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile>;

    /// Tells of what it reads of the scene's file from now on, if the scene is read [in the file's
    /// order](Scene::in_file_order).
    fn tell(&mut self, _told: Told) {}
}

/// Who is told of a piece that was read: its place in the file, and the piece, which he may keep for another.
pub type Told = Box<dyn FnMut(u64, &mut Piece) -> Result<()> + Send>;

/// Some bytes of a file. They lie in words of 8, so that they can be seen as any sample type.
#[derive(Debug, Default)]
pub struct Piece {
    words: Vec<u64>,
    bytes: usize,
}

impl Piece {
    /// What was read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.bytes]
    }

    /// Room for so many bytes.
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.bytes = bytes;
        scratch(&mut self.words, bytes)
    }
}

impl Scene {
    /// Opens an ENVI cube (either of its two files may be named), a GeoTIFF, or a delivery of a [`Product`] (its folder, its
    /// metadata or its image), checks it against its header, and leaves out what quality layers and the user's mask flag.
    ///
    /// # Errors
    /// Refuses what is none of these, files whose size is not the header's, and types it cannot map.
    /// Unusable wavelengths are not an error here but in [`Description::spectral`].
    pub fn open(path: &Path, options: &SceneOptions) -> Result<Self> {
        mask::apply(Self::open_unmasked(path, options)?, options)
    }

    fn open_unmasked(path: &Path, options: &SceneOptions) -> Result<Self> {
        if let Some(delivery) = product::delivery(path, options.product)? {
            return delivery.open(options);
        }
        if options.quality.as_ref().is_some_and(|list| !list.0.is_empty()) {
            return Err(Error::refused(path.display(), "there are no quality layers that --quality could name")
                .hint("leave --quality out, or name the folder or the metadata file of a delivery"));
        }
        let kind = kind::of(path)?;
        product::check_forced(path, kind, options.product)?;
        match kind {
            kind::Kind::Hdf5 => Err(hdf5::refusal(path)),
            kind::Kind::Tiff { big_endian } => geotiff::open(path, big_endian, options),
            kind::Kind::Other { name, certain: true } => Err(kind::refuse(path, name)),
            kind::Kind::Other { name, certain: false } => match crate::envi::find_pair(path) {
                Ok((data, header)) => envi::open(data, header, options),
                Err(_) => Err(kind::refuse(path, name)),
            },
            kind::Kind::Raw => {
                let (data, header) = crate::envi::find_pair(path)?;
                envi::open(data, header, options)
            }
        }
    }

    /// A reader of the given bands.
    ///
    /// # Errors
    /// When the scene has no such band, or the file cannot be opened again.
    pub fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.check_bands(bands)?;
        self.source.reader(bands)
    }

    /// As [`Scene::reader`], for a few windows here and there: it may take more than one core.
    pub(crate) fn sampler(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        self.check_bands(bands)?;
        self.source.sampler(bands)
    }

    fn check_bands(&self, bands: &[usize]) -> Result<()> {
        let Description { path, bands: count, .. } = &self.description;
        match bands.iter().find(|band| *band >= count) {
            Some(band) => Err(Error::refused(path.display(), format!("there is no band {}: it has {count}", band + 1))),
            None if bands.is_empty() => Err(Error::refused(path.display(), "no band is left to read")),
            None => Ok(()),
        }
    }

    /// How many [readers](Scene::reader) at once gain on one.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.source.readers()
    }

    /// Whether whole lines, one after the other, are read from the file's beginning to its end, and readers
    /// [tell](TileReader::tell) of it.
    #[must_use]
    pub fn in_file_order(&self) -> bool {
        self.source.in_file_order()
    }

    /// So many whole lines at a time are read as fast as more; `None` where blocks would be decoded again.
    #[must_use]
    pub fn few_lines(&self) -> Option<usize> {
        self.source.few_lines()
    }

    /// A reader of the table that leads from the map to the swath; `None` for a scene without one.
    #[must_use]
    pub fn lookup(&self) -> Option<Box<dyn LookupReader>> {
        self.source.lookup().filter(|_| matches!(self.description.lookup, Ok(Some(_))))
    }
}

/// The first `bytes` bytes of a reader's scratch, which grows as needed; its words can be seen as any sample type.
fn scratch(buffer: &mut Vec<u64>, bytes: usize) -> &mut [u8] {
    let words = bytes.div_ceil(8);
    if buffer.len() < words {
        buffer.resize(words, 0);
    }
    &mut bytemuck::cast_slice_mut(buffer)[..bytes]
}

/// Refuses windows that are empty or reach out of a scene of `(samples, lines)`.
fn check_window(path: &Path, window: Window, (samples, lines): (usize, usize)) -> Result<()> {
    let inside = |start: usize, length: usize, end: usize| length > 0 && start <= end && length <= end - start;
    if inside(window.x, window.width, samples) && inside(window.y, window.height, lines) {
        return Ok(());
    }
    let what = format!("{window:?} is not within {samples} samples and {lines} lines");
    Err(Error::refused(path.display(), what))
}

/// The bands that a file declares; what was assumed for them goes to the notes.
fn noted(spectral: Result<Spectral>, notes: &mut Vec<String>) -> Result<Bands> {
    spectral.map(|spectral| {
        notes.extend(spectral.notes);
        spectral.bands
    })
}

/// Notes wavelengths that do not rise from band to band, as where two detectors overlap, and those that are repeated.
fn note_order(spectral: &Result<Bands>, notes: &mut Vec<String>) {
    let Ok(bands) = spectral else { return };
    let falls: Vec<String> =
        (1..bands.len()).filter(|&i| bands.centres[i] < bands.centres[i - 1]).map(|i| (i + 1).to_string()).collect();
    if let Some(first) = falls.first() {
        let more = if falls.len() > 1 { format!(" and {} more", falls.len() - 1) } else { String::new() };
        notes.push(format!(
            "the wavelengths are not in rising order (at band {first}{more}), as where detectors overlap; bands are used in \
             the order of their wavelengths"
        ));
    }
    let mut order: Vec<usize> = (0..bands.len()).collect();
    order.sort_by(|&a, &b| bands.centres[a].0.total_cmp(&bands.centres[b].0));
    if let Some(pair) = order.windows(2).find(|pair| bands.centres[pair[0]] == bands.centres[pair[1]]) {
        let (first, second, nm) = (pair[0] + 1, pair[1] + 1, bands.centres[pair[0]]);
        notes.push(format!(
            "bands {first} and {second} have the same wavelength, {nm}: is the list that of this scene?"
        ));
    }
}

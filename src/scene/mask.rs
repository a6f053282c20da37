//! Masks in files of their own: pixels of which the product itself says that they show no ground. They are read as no data,
//! as those are that quality layers flag.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::scene::quality::erase;
use crate::scene::{LookupReader, Scene, SceneOptions, Source, TileReader, emit_mask};
use crate::tile::{Tile, Window};
use crate::with_samples;

/// What a mask takes from a scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Masked {
    /// The mask's file.
    pub path: PathBuf,
    /// The flags that were used, as `--mask-bands` names them.
    pub bands: Vec<String>,
    /// Whether the user named them; else they are the default.
    pub bands_given: bool,
    /// Pixels of the scene in which one of them is set.
    pub pixels: u64,
}

/// The scene without the pixels that the user's mask flags.
///
/// # Errors
/// Refuses a mask of another shape or kind, and flags that it lacks.
pub(super) fn apply(mut scene: Scene, options: &SceneOptions) -> Result<Scene> {
    let Some(path) = &options.mask else {
        return match &options.mask_bands {
            None => Ok(scene),
            Some(_) => Err(Error::refused("--mask-bands", "names flags, but there is no mask")
                .hint("pass --mask FILE, the product's mask, or leave --mask-bands out")),
        };
    };
    let described = &mut scene.description;
    let size = (described.lines, described.samples);
    let (flags, bands) = emit_mask::read(path, size, options.mask_bands.as_deref())?;
    let pixels = flags.iter().filter(|f| **f).count() as u64;
    let share = 100.0 * pixels as f64 / flags.len() as f64;
    let chosen = if options.mask_bands.is_some() { "" } else { ", the default of --mask-bands" };
    described.notes.push(format!(
        "{pixels} pixels ({share:.1} %) are no data by the mask {}: {}{chosen}",
        path.display(),
        bands.join(",")
    ));
    described.companions.push(path.clone());
    described.masked = Some(Masked { path: path.clone(), bands, bands_given: options.mask_bands.is_some(), pixels });
    let (samples, nodata) = (described.samples, described.nodata);
    let source = Unmasked { source: scene.source, flags: flags.into(), samples, nodata };
    Ok(Scene { source: Box::new(source), ..scene })
}

/// A source whose masked pixels are no data in every band.
struct Unmasked {
    source: Box<dyn Source>,
    /// One flag a pixel, line by line.
    flags: Arc<[bool]>,
    samples: usize,
    /// The scene's no-data value.
    nodata: Option<f64>,
}

impl Source for Unmasked {
    fn reader(&self, bands: &[usize]) -> Result<Box<dyn TileReader>> {
        let reader = self.source.reader(bands)?;
        Ok(Box::new(Reader { reader, flags: Arc::clone(&self.flags), samples: self.samples, nodata: self.nodata }))
    }

    fn lookup(&self) -> Option<Box<dyn LookupReader>> {
        self.source.lookup()
    }
}

struct Reader {
    reader: Box<dyn TileReader>,
    flags: Arc<[bool]>,
    samples: usize,
    nodata: Option<f64>,
}

impl TileReader for Reader {
    fn read_over(&mut self, spent: Option<Tile>, window: Window) -> Result<Tile> {
        let mut tile = self.reader.read_over(spent, window)?;
        let line = |y: usize| &self.flags[y * self.samples + window.x..][..window.width];
        let flags: Vec<bool> = (window.y..window.y + window.height).flat_map(line).copied().collect();
        let bands = tile.bands;
        with_samples!(&mut tile.samples, values => erase(values, bands, &flags, self.nodata));
        Ok(tile)
    }
}

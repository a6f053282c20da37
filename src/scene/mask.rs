//! Masks in files of their own: pixels of which the product itself says that they show no ground.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::scene::screen::{Flags, Screen, screened};
use crate::scene::{Scene, SceneOptions, emit_mask};
use crate::tile::Window;

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
    let mask = Mask { flags: flags.into(), samples: described.samples };
    Ok(screened(scene, mask))
}

/// The flags of all pixels of a scene.
#[derive(Clone)]
struct Mask {
    /// Line by line.
    flags: Arc<[bool]>,
    samples: usize,
}

impl Screen for Mask {
    fn flags(&self, _bands: &[usize]) -> Result<Box<dyn Flags>> {
        Ok(Box::new(self.clone()))
    }
}

impl Flags for Mask {
    fn set(&mut self, window: Window, flags: &mut [bool]) -> Result<()> {
        for (line, flags) in flags.chunks_exact_mut(window.width).enumerate() {
            flags.copy_from_slice(&self.flags[(window.y + line) * self.samples + window.x..][..window.width]);
        }
        Ok(())
    }
}

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
    let path = match (&options.masks[..], &options.mask_bands) {
        ([mask], _) => mask,
        ([], None) => return Ok(scene),
        ([], Some(_)) => {
            return Err(Error::refused("--mask-bands", "names flags, but there is no mask")
                .hint("pass --mask FILE, the product's mask, or leave --mask-bands out"));
        }
        (several, _) => return Err(wrong_number(several.len(), 1)),
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

/// Stands for the mask of a scene that has none, where others have.
const NONE: &str = "none";

impl SceneOptions {
    /// Of one of several scenes, counted from 0: masks belong to scenes in their order, and `none` to one without.
    ///
    /// # Errors
    /// Refuses masks that are not as many as scenes: whose they are is not guessed.
    pub fn of_scene(&self, index: usize, scenes: usize) -> Result<Self> {
        let mut own = self.clone();
        if self.masks.is_empty() {
            return Ok(own);
        }
        if self.masks.len() != scenes {
            return Err(wrong_number(self.masks.len(), scenes));
        }
        own.masks = vec![self.masks[index].clone()];
        if own.masks[0].as_os_str() == NONE {
            own.masks.clear();
            own.mask_bands = None;
        }
        Ok(own)
    }
}

fn wrong_number(masks: usize, scenes: usize) -> Error {
    let what = format!("masks given: {masks}, scenes: {scenes}; expected one mask for each scene");
    Error::refused("--mask", what).hint("pass --mask once for each scene, in their order; --mask none for one without")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_belong_to_scenes_in_their_order() {
        let of = |masks: &[&str], index, scenes| {
            let masks = masks.iter().map(PathBuf::from).collect();
            let options = SceneOptions { masks, mask_bands: Some(vec!["cloud".into()]), ..SceneOptions::default() };
            options.of_scene(index, scenes).map(|own| (own.masks, own.mask_bands.is_some()))
        };
        let two = ["a.nc", "none"];
        assert_eq!(of(&two, 0, 2).unwrap(), (vec![PathBuf::from("a.nc")], true));
        assert_eq!(of(&two, 1, 2).unwrap(), (Vec::new(), false));
        assert_eq!(of(&[], 1, 2).unwrap(), (Vec::new(), true), "flags without a mask are refused later");
        for (masks, scenes) in [(1, 2), (3, 2), (2, 1)] {
            let error = of(&["a.nc"; 3][..masks], 0, scenes).unwrap_err();
            assert!(error.to_string().contains(&format!("masks given: {masks}, scenes: {scenes};")), "{error}");
        }
    }
}

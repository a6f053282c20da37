//! Quality layers: rasters beside a scene that say where clouds, shadows and the like are.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::scene::geotiff_read::Tiff;
use crate::scene::screen::{Flags, Screen};
use crate::scene::{Description, Source, TileReader};
use crate::tile::{Sample, Tile, Window};
use crate::with_samples;

/// What a quality layer flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Opaque clouds.
    Cloud,
    /// Cirrus, thin to thick.
    Cirrus,
    /// Shadows: of clouds, and of mountains where the product does not tell them apart.
    Cloudshadow,
    /// Haze.
    Haze,
    /// Snow and ice.
    Snow,
    /// Water.
    Water,
    /// Pixels that the product classes as outside of the image.
    Background,
    /// Pixels with a defect in one of the bands in use.
    Pixelmask,
}

impl Quality {
    /// All of them, in the order in which help names them.
    pub const ALL: [Self; 8] = [
        Self::Cloud,
        Self::Cirrus,
        Self::Cloudshadow,
        Self::Haze,
        Self::Snow,
        Self::Water,
        Self::Background,
        Self::Pixelmask,
    ];

    /// What hides the ground, and is left out unless the user says otherwise. Cirrus and haze are thin, and products can
    /// be corrected for them.
    pub const DEFAULT: [Self; 3] = [Self::Cloud, Self::Cloudshadow, Self::Snow];

    /// The word for it on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Cirrus => "cirrus",
            Self::Cloudshadow => "cloudshadow",
            Self::Haze => "haze",
            Self::Snow => "snow",
            Self::Water => "water",
            Self::Background => "background",
            Self::Pixelmask => "pixelmask",
        }
    }
}

/// The words of some, separated by commas.
fn words(all: impl IntoIterator<Item = Quality>) -> String {
    all.into_iter().map(Quality::word).collect::<Vec<_>>().join(", ")
}

/// Layers that the user names: `cloud,cirrus`, or `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QualityList(pub Vec<Quality>);

impl FromStr for QualityList {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.trim() == "none" {
            return Ok(Self::default());
        }
        let layer = |word: &str| {
            Quality::ALL.into_iter().find(|q| q.word() == word.trim()).ok_or_else(|| {
                Error::refused("--quality", format!("there is no layer '{}'", word.trim()))
                    .hint(format!("layers are: {}; or none", words(Quality::ALL)))
            })
        };
        text.split(',').map(layer).collect::<Result<_>>().map(Self)
    }
}

/// Which bands of a layer's file flag a pixel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Planes {
    /// Any of these, as indices from 0.
    Any(&'static [usize]),
    /// Those of the scene's bands that are read: the file has one plane for each.
    Read,
}

/// Which values flag.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flagged {
    /// Any but zero.
    NonZero,
    /// This one.
    Value(f64),
}

/// A layer of a kind of product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) quality: Quality,
    /// The part of its file's name that names it.
    pub(super) file: &'static str,
    pub(super) planes: Planes,
    pub(super) flagged: Flagged,
}

/// A layer with its file.
#[derive(Debug)]
pub(super) struct Found {
    layer: Layer,
    tiff: Tiff,
}

impl Found {
    /// Checks that a layer lies on the scene's grid. `of` describes the layer's file.
    pub(super) fn new(layer: Layer, of: &Description, scene: &Description) -> Result<Self> {
        let refused = |what: String| {
            Error::refused(of.path.display(), what)
                .hint(format!("leave {} out of --quality to map without it", layer.quality.word()))
        };
        if (of.samples, of.lines) != (scene.samples, scene.lines) {
            return Err(refused(format!(
                "the quality layer has {} samples and {} lines, but the image has {} and {}",
                of.samples, of.lines, scene.samples, scene.lines
            )));
        }
        let needed = match layer.planes {
            Planes::Any(planes) => planes.iter().max().map_or(1, |p| p + 1),
            Planes::Read => scene.bands,
        };
        if of.bands < needed {
            return Err(refused(format!("the quality layer has {} bands where {needed} belong", of.bands)));
        }
        if let (Some(a), Some(b)) = (of.grid.geotransform, scene.grid.geotransform) {
            let pixel = b[1].hypot(b[4]).max(f64::MIN_POSITIVE);
            if a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 0.01 * pixel) {
                return Err(refused(format!("the quality layer lies on another grid: {a:?} instead of {b:?}")));
            }
        }
        Ok(Self { layer, tiff: Tiff::of(of) })
    }

    /// What it flags.
    pub(super) fn quality(&self) -> Quality {
        self.layer.quality
    }
}

/// What of the layers of a product is used, by the user's wish or by default.
///
/// `find` gives the file of a layer, if the delivery has it.
///
/// # Errors
/// Refuses layers that were asked for and that the product or the delivery has not.
pub(super) fn choose(
    place: &str,
    layers: &'static [Layer],
    asked: Option<&QualityList>,
    find: impl Fn(&Layer) -> Option<PathBuf>,
    notes: &mut Vec<String>,
) -> Result<Vec<(Layer, PathBuf)>> {
    let wanted: &[Quality] = asked.map_or(&Quality::DEFAULT, |list| &list.0);
    let mut chosen: Vec<(Layer, PathBuf)> = Vec::new();
    for quality in wanted {
        let layer = layers.iter().find(|l| l.quality == *quality);
        let file = layer.and_then(&find);
        match (layer, file, asked) {
            (Some(layer), Some(file), _) => chosen.push((*layer, file)),
            (None, ..) if asked.is_some() => {
                return Err(Error::refused(place, format!("the product has no quality layer '{}'", quality.word()))
                    .hint(format!("it has: {}; or none", words(layers.iter().map(|l| l.quality)))));
            }
            (Some(layer), None, Some(_)) => {
                return Err(Error::refused(place, format!("the file of the quality layer {} is missing", layer.file))
                    .hint(format!("leave {} out of --quality, or get the delivery again", quality.word())));
            }
            _ => notes.push(format!("no quality layer '{}' is there: such pixels are mapped", quality.word())),
        }
    }
    let used = if chosen.is_empty() { "none".to_owned() } else { words(chosen.iter().map(|(l, _)| l.quality)) };
    let why = if asked.is_some() { "from --quality" } else { "the default; --quality names others" };
    notes.push(format!("pixels flagged by the quality layers are no data: {used} ({why})"));
    Ok(chosen)
}

/// The layers that screen a scene.
pub(super) struct Layers(pub(super) Vec<Found>);

impl Screen for Layers {
    fn flags(&self, bands: &[usize]) -> Result<Box<dyn Flags>> {
        let layer = |found: &Found| {
            let reader = match found.layer.planes {
                Planes::Any(planes) => found.tiff.reader(planes),
                Planes::Read => found.tiff.reader(bands),
            };
            Ok((reader?, found.layer.flagged))
        };
        Ok(Box::new(Readers(self.0.iter().map(layer).collect::<Result<_>>()?)))
    }
}

struct Readers(Vec<(Box<dyn TileReader>, Flagged)>);

impl Flags for Readers {
    fn set(&mut self, window: Window, flags: &mut [bool]) -> Result<()> {
        for (reader, flagged) in &mut self.0 {
            let layer = reader.read(window)?;
            with_samples!(&layer.samples, values => flag(&layer, values, *flagged, flags));
        }
        Ok(())
    }
}

/// Marks the pixels that any band of a layer flags.
fn flag<T: Sample>(layer: &Tile, values: &[T], flagged: Flagged, flags: &mut [bool]) {
    for band in 0..layer.bands {
        for (mark, value) in flags.iter_mut().zip(layer.band(values, band)) {
            *mark |= match flagged {
                Flagged::NonZero => *value != T::zeroed(),
                Flagged::Value(wanted) => value.to_f64() == wanted,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_by_their_words() {
        assert_eq!("cloud, snow".parse::<QualityList>().unwrap().0, [Quality::Cloud, Quality::Snow]);
        assert_eq!("none".parse::<QualityList>().unwrap().0, []);
        for bad in ["", "clouds", "cloud,", "Cloud"] {
            let error = bad.parse::<QualityList>().unwrap_err();
            assert!(error.next_step().unwrap().contains("pixelmask; or none"), "{bad}");
        }
    }
}

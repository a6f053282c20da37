//! What a finished run's folder says of its maps.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use twox_hash::XxHash3_64;

use crate::error::{Error, Result};
use crate::methods::{self, Method};

/// The part of `run.json` that areas need.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) maps: Vec<Map>,
    #[serde(default)]
    pub(super) zones: Vec<Zone>,
    #[serde(default)]
    pub(super) scenes: Vec<Scene>,
    /// The run, in 16 hexadecimal digits: of its inputs and of what it found, whenever and wherever that was.
    #[serde(skip)]
    pub(super) id: String,
}

/// The maps of a method.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Map {
    pub(super) method: String,
    pub(super) unit: String,
    pub(super) classes: Vec<Class>,
}

/// A mineral of a class map.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Class {
    pub(super) value: u16,
    pub(super) name: String,
    /// Nothing where each scene of a mosaic has its own.
    pub(super) threshold: Option<f64>,
}

/// A scene of a mosaic.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Scene {
    #[serde(default)]
    pub(super) thresholds: Vec<SceneThresholds>,
}

/// A scene's own thresholds of a method.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SceneThresholds {
    pub(super) method: String,
    pub(super) classes: Vec<Class>,
}

/// A zone of the alteration map.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Zone {
    pub(super) value: u16,
    pub(super) name: String,
    pub(super) weight: f64,
    /// The minerals that it is known by.
    pub(super) targets: Vec<String>,
}

impl Run {
    /// # Errors
    /// Refuses a folder without the report of a finished run, or one of a version that wrote it otherwise.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("run.json");
        let next = "name the folder of a finished `alunite map`";
        let bytes = std::fs::read(&path)
            .map_err(|e| Error::refused(path.display(), format!("cannot read the run's report: {e}")).hint(next))?;
        let strange = |e| Error::refused(path.display(), format!("is not the report of a run: {e}")).hint(next);
        let run: Self = serde_json::from_slice(&bytes).map_err(strange)?;
        let all: Value = serde_json::from_slice(&bytes).map_err(strange)?;
        // A mosaic has its inputs scene by scene.
        let scenes = all["scenes"].as_array().into_iter().flatten().chain([&all]);
        let inputs = scenes.flat_map(|scene| scene["inputs"].as_array().into_iter().flatten());
        let hashes: Vec<&Value> = inputs.map(|input| &input["xxh3_128"]).collect();
        let identity = json!([hashes, all["maps"], all["zones"]]).to_string();
        Ok(Self { id: format!("{:016x}", XxHash3_64::oneshot(identity.as_bytes())), ..run })
    }

    /// The maps with classes of a method, or of the first that has any.
    ///
    /// # Errors
    /// Refuses a method that the run has no classes of.
    pub(super) fn map(&self, word: Option<&str>) -> Result<(&Map, &'static dyn Method)> {
        let has_classes = |m: &&Map| !m.classes.is_empty();
        let map = self.maps.iter().filter(has_classes).find(|m| word.is_none_or(|w| m.method == w));
        let found = map.and_then(|map| Some((map, methods::find(&map.method)?)));
        found.ok_or_else(|| {
            let there: Vec<&str> = self.maps.iter().filter(has_classes).map(|m| m.method.as_str()).collect();
            let what = match word {
                Some(word) => format!("the run has no classes of '{word}'; it has those of: {}", there.join(", ")),
                None => "the run has no class map: rx alone finds no minerals".to_owned(),
            };
            Error::refused("--method", what).hint("run `alunite map` with a library")
        })
    }
}

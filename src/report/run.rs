//! `run.json` as the report reads it. What a run of another version lacks is left out; what it adds is passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};

/// How a map was made.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    /// The version of the program that made it.
    pub alunite: String,
    pub command: Vec<String>,
    /// Of a single scene; of a mosaic each scene has its own.
    #[serde(flatten)]
    alone: Facts,
    #[serde(default)]
    map_lines: usize,
    #[serde(default)]
    map_samples: usize,
    #[serde(default)]
    crs_wkt: Option<String>,
    #[serde(default)]
    geotransform: Option<[f64; 6]>,
    pub maps: Vec<Method>,
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// Of a mosaic: those of all scenes, then each scene's behind its name.
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub timings: BTreeMap<String, f64>,
    #[serde(default)]
    mosaic: Option<Raster>,
    /// Of a mosaic: which scene shows where several have data.
    #[serde(skip)]
    pub overlap: String,
    /// The scenes of a mosaic.
    #[serde(default)]
    pub scenes: Vec<Scene>,
}

/// The raster of a mosaic.
#[derive(Debug, Deserialize)]
struct Raster {
    lines: usize,
    samples: usize,
    crs_wkt: Option<String>,
    geotransform: Option<[f64; 6]>,
    #[serde(default)]
    overlap: String,
}

/// A scene of a mosaic.
#[derive(Debug, Deserialize)]
pub(super) struct Scene {
    pub name: String,
    /// Pixels of the maps that show it, by method.
    #[serde(default)]
    pub pixels: BTreeMap<String, u64>,
    #[serde(flatten)]
    facts: Facts,
    #[serde(default)]
    thresholds: Vec<Thresholds>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Of a method in a scene that has its own.
#[derive(Debug, Deserialize)]
struct Thresholds {
    method: String,
    classes: Vec<Threshold>,
}

#[derive(Debug, Deserialize)]
struct Threshold {
    threshold: f64,
}

/// What went into the map of a scene.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub inputs: Vec<Input>,
    pub bands_in_use: Vec<Band>,
    pub bands_dropped: Vec<Dropped>,
    pub background: Option<Background>,
    pub backend: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    pub path: PathBuf,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub xxh3_128: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Band {
    pub wavelength_nm: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Dropped {
    /// Its number in the scene.
    pub band: usize,
    pub wavelength_nm: Option<f64>,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Background {
    pub background: String,
    pub pixels: u64,
    #[serde(default)]
    pub factors: Vec<Factor>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Factor {
    #[serde(default)]
    pub condition: Option<f64>,
    #[serde(default)]
    pub shrinkage: Option<f64>,
}

/// What a method found.
#[derive(Debug, Deserialize)]
pub(super) struct Method {
    pub method: String,
    pub title: String,
    #[serde(default)]
    pub convention: String,
    #[serde(default)]
    pub unit: String,
    /// `given`, `default` or `false_alarms`.
    #[serde(default)]
    pub threshold_source: Option<String>,
    #[serde(default)]
    pub classes: Vec<Class>,
    #[serde(default)]
    pub unclassified_pixels: u64,
    #[serde(default)]
    pub nodata_pixels: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Class {
    pub value: u16,
    pub name: String,
    /// Nothing where each scene of a mosaic has its own.
    pub threshold: Option<f64>,
    pub color: [u8; 3],
    pub pixels: u64,
    pub km2: Option<f64>,
}

/// A zone of alteration.
#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    pub value: u16,
    pub name: String,
    pub color: [u8; 3],
    pub pixels: u64,
    pub km2: Option<f64>,
}

impl Run {
    /// Of a finished run's folder.
    ///
    /// # Errors
    /// Refuses a folder without a `run.json`, and one that is not alunite's.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("run.json");
        let bytes = std::fs::read(&path).map_err(|e| {
            Error::refused(path.display(), format!("cannot be read: {e}"))
                .hint("name the folder of a finished run: what --out named when the map was made")
        })?;
        let mut run: Self = serde_json::from_slice(&bytes).map_err(|e| {
            Error::refused(path.display(), format!("is not what `alunite map` writes: {e}")).hint("make the map again")
        })?;
        run.gather_scenes();
        if run.map_lines == 0 || run.map_samples == 0 {
            let what = "tells no size of the map";
            return Err(Error::refused(path.display(), what).hint("make the map again"));
        }
        Ok(run)
    }

    /// Of a mosaic: its raster, and the notes of its scenes; one that all have stands once.
    fn gather_scenes(&mut self) {
        let Some(raster) = self.mosaic.take() else { return };
        (self.map_lines, self.map_samples) = (raster.lines, raster.samples);
        (self.crs_wkt, self.geotransform) = (raster.crs_wkt, raster.geotransform);
        self.overlap = raster.overlap;
        let scenes = &self.scenes;
        let of_all = |note: &String| scenes.iter().all(|scene| scene.notes.contains(note));
        let shared = scenes.iter().take(1).flat_map(|first| &first.notes).filter(|note| of_all(note)).cloned();
        let own = scenes.iter().flat_map(|scene| {
            scene.notes.iter().filter(|note| !of_all(note)).map(|note| format!("{}: {note}", scene.name))
        });
        self.notes.extend(shared.chain(own));
    }

    /// What went into the map: of a single scene, without a name, or of each scene of a mosaic.
    pub(super) fn facts(&self) -> Vec<(&str, &Facts)> {
        match &self.scenes[..] {
            [] => vec![("", &self.alone)],
            scenes => scenes.iter().map(|scene| (scene.name.as_str(), &scene.facts)).collect(),
        }
    }

    /// What is to be told of every scene: what several have in common once, behind their names; without a name what is so
    /// of all.
    pub(super) fn told<T: PartialEq>(&self, of: impl Fn(&Facts) -> T) -> Vec<(String, T)> {
        let mut told: Vec<(Vec<&str>, T)> = Vec::new();
        for (name, facts) in self.facts() {
            let said = of(facts);
            match told.iter_mut().find(|(_, known)| *known == said) {
                Some((names, _)) => names.push(name),
                None => told.push((vec![name], said)),
            }
        }
        let alone = told.len() == 1;
        told.into_iter().map(|(names, said)| (if alone { String::new() } else { names.join(", ") }, said)).collect()
    }

    /// Every file that went in, once.
    pub(super) fn inputs(&self) -> Vec<&Input> {
        let mut inputs: Vec<&Input> = Vec::new();
        for input in self.facts().into_iter().flat_map(|(_, facts)| &facts.inputs) {
            if inputs.iter().all(|known| known.path != input.path) {
                inputs.push(input);
            }
        }
        inputs
    }

    /// What was mapped: the scene's file, or the names of a mosaic's scenes.
    pub(super) fn subject(&self) -> String {
        match &self.scenes[..] {
            [] => self
                .alone
                .inputs
                .first()
                .and_then(|i| i.path.file_stem())
                .map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
            [alone] => alone.name.clone(),
            scenes => {
                const NAMED: usize = 6;
                let names: Vec<&str> = scenes.iter().take(NAMED).map(|s| s.name.as_str()).collect();
                let more =
                    if scenes.len() > NAMED { format!(" and {} more", scenes.len() - NAMED) } else { String::new() };
                format!("mosaic of {} scenes: {}{more}", scenes.len(), names.join(", "))
            }
        }
    }

    /// Size and place of the maps.
    pub(super) fn map(&self) -> MapGrid {
        let grid = Grid { geotransform: self.geotransform, crs_wkt: self.crs_wkt.clone() };
        MapGrid { samples: self.map_samples, lines: self.map_lines, grid }
    }

    /// All thresholds of a method, from the least; those of all scenes where each has its own.
    pub(super) fn thresholds(&self, method: &Method) -> Vec<f64> {
        let of_scenes = self.scenes.iter().flat_map(|s| &s.thresholds).filter(|t| t.method == method.method);
        let of_scenes = of_scenes.flat_map(|t| &t.classes).map(|class| class.threshold);
        let shared = method.classes.iter().filter_map(|class| class.threshold);
        let mut all: Vec<f64> = shared.chain(of_scenes).filter(|t| t.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// The method whose map is shown: the first that has classes.
    pub(super) fn shown(&self) -> Option<&Method> {
        self.maps.iter().find(|m| !m.classes.is_empty())
    }
}

impl Method {
    /// Whether each scene of a mosaic has thresholds of its own.
    pub(super) fn by_scene(&self) -> bool {
        !self.classes.is_empty() && self.classes.iter().all(|class| class.threshold.is_none())
    }

    /// Pixels that got a class.
    pub(super) fn classified(&self) -> u64 {
        self.classes.iter().map(|c| c.pixels).sum()
    }

    /// Pixels with data.
    pub(super) fn with_data(&self) -> u64 {
        self.classified() + self.unclassified_pixels
    }

    /// The value of pixels without data in its class map.
    pub(super) fn nodata(&self) -> u16 {
        if self.classes.len() <= 254 { 255 } else { u16::MAX }
    }
}

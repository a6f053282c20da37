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
    #[serde(default)]
    pub inputs: Vec<Input>,
    #[serde(default)]
    map_lines: usize,
    #[serde(default)]
    map_samples: usize,
    #[serde(default)]
    crs_wkt: Option<String>,
    #[serde(default)]
    geotransform: Option<[f64; 6]>,
    #[serde(default)]
    pub bands_in_use: Vec<Band>,
    #[serde(default)]
    pub bands_dropped: Vec<Dropped>,
    #[serde(default)]
    pub background: Option<Background>,
    pub maps: Vec<Method>,
    #[serde(default)]
    pub zones: Vec<Zone>,
    #[serde(default)]
    pub backend: String,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub timings: BTreeMap<String, f64>,
    #[serde(default)]
    mosaic: Option<Raster>,
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
}

/// A scene of a mosaic.
#[derive(Debug, Deserialize)]
pub(super) struct Scene {
    pub name: String,
    #[serde(default)]
    inputs: Vec<Input>,
    #[serde(default)]
    bands_in_use: Vec<Band>,
    #[serde(default)]
    bands_dropped: Vec<Dropped>,
    #[serde(default)]
    background: Option<Background>,
    #[serde(default)]
    backend: String,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    pub path: PathBuf,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub xxh3_128: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Band {
    pub wavelength_nm: Option<f64>,
}

#[derive(Debug, Deserialize)]
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
    /// `given` or `default`.
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
    pub threshold: f64,
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

    /// Of a mosaic: what all its scenes tell, and of bands and background what the first does.
    fn gather_scenes(&mut self) {
        let Some(raster) = self.mosaic.take() else { return };
        (self.map_lines, self.map_samples) = (raster.lines, raster.samples);
        (self.crs_wkt, self.geotransform) = (raster.crs_wkt, raster.geotransform);
        for scene in &mut self.scenes {
            let mut inputs = std::mem::take(&mut scene.inputs);
            inputs.retain(|input| self.inputs.iter().all(|known| known.path != input.path));
            self.inputs.append(&mut inputs);
            for note in scene.notes.drain(..) {
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
        }
        if let Some(first) = self.scenes.first_mut() {
            self.bands_in_use = std::mem::take(&mut first.bands_in_use);
            self.bands_dropped = std::mem::take(&mut first.bands_dropped);
            self.background = first.background.take();
            self.backend = std::mem::take(&mut first.backend);
        }
    }

    /// What was mapped: the scene's file, or the names of a mosaic's scenes.
    pub(super) fn subject(&self) -> String {
        match &self.scenes[..] {
            [] => self
                .inputs
                .first()
                .and_then(|i| i.path.file_stem())
                .map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
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

    /// The method whose map is shown: the first that has classes.
    pub(super) fn shown(&self) -> Option<&Method> {
        self.maps.iter().find(|m| !m.classes.is_empty())
    }
}

impl Method {
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

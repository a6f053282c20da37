//! `run.json` of a mosaic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::layout::{Overlap, Sharing};
use super::{Mosaic, crs_name};
use crate::map::{ClassCount, Compression};
use crate::pipeline::false_alarms::RateReport;
use crate::pipeline::grounds::Grounds;
use crate::pipeline::plan::{Plan, PlannedMethod};
use crate::pipeline::report::{MapReport, SceneFacts, Timings};
use crate::pipeline::run::Mapped;
use crate::pipeline::zone_map::ZonesReport;

/// All that `run.json` says of a mosaic.
#[derive(Debug, Clone, Serialize)]
pub struct MosaicReport {
    alunite: &'static str,
    /// The command line.
    pub command: Vec<String>,
    mosaic: GridFacts,
    /// The scenes, in the order of their values in the source rasters.
    pub scenes: Vec<SceneReport>,
    /// What each method found.
    pub maps: Vec<MapReport>,
    /// Alteration zones.
    #[serde(flatten)]
    pub zones: ZonesReport,
    /// Of the rasters, as `--compress` has it.
    compression: Compression,
    /// What was assumed for all scenes.
    pub notes: Vec<String>,
    /// The files that were written.
    pub outputs: Vec<PathBuf>,
    /// XXH3 (128 bits) of each but this one, and of the files of names beside rasters, in hexadecimal.
    pub outputs_xxh3_128: BTreeMap<String, String>,
    /// The only part that differs from run to run; of the passes over all scenes together.
    timings: Timings,
}

/// The raster of the maps, and how scenes came to it.
#[derive(Debug, Clone, Serialize)]
struct GridFacts {
    lines: usize,
    samples: usize,
    crs: String,
    crs_from: String,
    crs_wkt: Option<String>,
    geotransform: Option<[f64; 6]>,
    /// Sides of a pixel in units of the CRS.
    resolution: [f64; 2],
    resolution_from: String,
    extent_from: String,
    overlap: Overlap,
    /// When a method needs some, or thresholds follow from false alarms.
    statistics: Option<Sharing>,
}

/// A scene of the mosaic; the index in the list is its value in the source rasters.
#[derive(Debug, Clone, Serialize)]
pub struct SceneReport {
    /// Its file's name.
    pub name: String,
    /// Pixels of the maps that show it, by method.
    pixels: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    facts: SceneFacts,
    background: Option<Grounds>,
    /// Its thresholds, where scenes have their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<SceneThresholds>,
    backend: String,
    tiles: usize,
    notes: Vec<String>,
}

/// The thresholds of a method in a scene of a mosaic.
#[derive(Debug, Clone, Serialize)]
pub struct SceneThresholds {
    /// The method's word.
    pub method: &'static str,
    /// In the order of their values.
    pub classes: Vec<ClassThreshold>,
}

/// The threshold of a class in a scene of a mosaic.
#[derive(Debug, Clone, Serialize)]
pub struct ClassThreshold {
    /// The value in the class map.
    pub value: u16,
    /// The target's name.
    pub name: String,
    /// In the method's unit.
    pub threshold: f64,
    /// What of the scene's background passes it.
    pub false_alarms: Option<RateReport>,
}

impl SceneThresholds {
    /// Of every method that was asked for rates.
    fn of(plan: &Plan) -> Vec<Self> {
        let rated = plan.methods.iter().filter(|method| method.asks_rates());
        let class = |method: &PlannedMethod, (i, name): (usize, &String)| ClassThreshold {
            value: i as u16 + 1,
            name: name.clone(),
            threshold: method.thresholds[i],
            false_alarms: RateReport::of(method, i),
        };
        let classes = |method| plan.targets.iter().enumerate().map(|target| class(method, target)).collect();
        rated.map(|method| Self { method: method.word, classes: classes(method) }).collect()
    }
}

impl MosaicReport {
    /// `sources` are, of each method, how much of its maps came from each scene; `zones` what each zone covers.
    pub(super) fn new(
        mosaic: &Mosaic,
        mapped: &[(Plan, Mapped)],
        maps: Vec<MapReport>,
        (sources, zones): (&[Vec<ClassCount>], Option<&[ClassCount]>),
        command: Vec<String>,
    ) -> Self {
        let scene = |(i, ((plan, mapped), name)): (usize, (&(Plan, Mapped), &String))| SceneReport {
            name: name.clone(),
            pixels: plan.methods.iter().zip(sources).map(|(m, counts)| (m.word, counts[i].pixels)).collect(),
            facts: SceneFacts::of(plan, mapped),
            background: plan.background.clone(),
            thresholds: if mosaic.has_own_thresholds() { SceneThresholds::of(plan) } else { Vec::new() },
            backend: mapped.backend.clone(),
            tiles: plan.windows.len(),
            notes: plan.notes.iter().chain(&mapped.notes).cloned().collect(),
        };
        let timings = mapped.iter().map(|(_, mapped)| Timings::of(mapped)).reduce(|a, b| a.with(&b));
        let grid = &mosaic.grid;
        Self {
            alunite: env!("CARGO_PKG_VERSION"),
            command,
            mosaic: GridFacts {
                lines: grid.map.lines,
                samples: grid.map.samples,
                crs: crs_name(&grid.map),
                crs_from: grid.crs_from.clone(),
                crs_wkt: grid.map.grid.crs_wkt.clone(),
                geotransform: grid.map.grid.geotransform,
                resolution: grid.resolution,
                resolution_from: grid.resolution_from.clone(),
                extent_from: grid.extent_from.clone(),
                overlap: mosaic.overlap,
                statistics: (mosaic.needs_background() || mosaic.asks_rates()).then_some(mosaic.sharing),
            },
            scenes: mapped.iter().zip(&mosaic.names).enumerate().map(scene).collect(),
            maps,
            zones: mapped
                .first()
                .and_then(|(plan, _)| plan.zones.as_ref())
                .map(|z| z.report(zones))
                .unwrap_or_default(),
            compression: mosaic.scenes.first().map(|s| s.draft.compression).unwrap_or_default(),
            notes: mosaic.notes.clone(),
            outputs: Vec::new(),
            outputs_xxh3_128: BTreeMap::new(),
            timings: timings.unwrap_or_default(),
        }
    }

    /// Notes how long the finish stage and the whole run took.
    pub(super) fn timed(&mut self, finishing: Duration, total: Duration) {
        self.timings.finished(finishing, total);
    }
}

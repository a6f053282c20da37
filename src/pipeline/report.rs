//! `run.json`: how a map was made, so that it can be made again and doubted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::bands::Dropped;
use super::false_alarms::RateReport;
use super::geometry::Geometry;
use super::grounds::Grounds;
use super::plan::{Plan, ThresholdSource};
use super::run::Mapped;
use super::zone_map::ZonesReport;
use crate::map::Compression;
use crate::scene::{Masked, Product, Quality};
use crate::spectrum::Nanometers;

/// All that `run.json` says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    alunite: &'static str,
    /// The command line.
    pub command: Vec<String>,
    #[serde(flatten)]
    scene: SceneFacts,
    /// The background, when a method needs one.
    pub background: Option<Grounds>,
    /// What each method found.
    pub maps: Vec<MapReport>,
    /// Alteration zones.
    #[serde(flatten)]
    pub zones: ZonesReport,
    /// What computed the map.
    pub backend: String,
    tiles: usize,
    /// Of the rasters, as `--compress` has it.
    compression: Compression,
    /// What was assumed, overridden or found odd.
    pub notes: Vec<String>,
    /// The files that were written.
    pub outputs: Vec<PathBuf>,
    /// XXH3 (128 bits) of each but this one, and of the files of names beside rasters, in hexadecimal.
    pub outputs_xxh3_128: BTreeMap<String, String>,
    /// The only part that differs from run to run.
    timings: Timings,
}

/// What a scene is, and what of it was used.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SceneFacts {
    inputs: Vec<InputFacts>,
    product: Product,
    /// Quality layers whose pixels are no data.
    quality: Vec<Quality>,
    /// The mask whose pixels are no data.
    mask: Option<Masked>,
    /// Of the scene.
    lines: usize,
    samples: usize,
    /// Of the maps of a swath; nothing for other scenes, whose maps have the scene's own lines and samples.
    geometry: Option<Geometry>,
    map_lines: usize,
    map_samples: usize,
    /// The maps' place.
    crs_wkt: Option<String>,
    geotransform: Option<[f64; 6]>,
    nodata: Option<f64>,
    bands_in_use: Vec<BandFacts>,
    bands_dropped: Vec<Dropped>,
}

/// What a method found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapReport {
    /// Its word.
    pub method: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Formula and convention.
    pub convention: &'static str,
    /// Unit of its scores; empty for pure numbers.
    pub unit: &'static str,
    /// Whether thresholds were given; nothing for a method without targets.
    pub threshold_source: Option<ThresholdSource>,
    /// The classes in the order of their values; none for a method without targets.
    pub classes: Vec<ClassCount>,
    /// Pixels whose best target did not pass its threshold.
    pub unclassified_pixels: u64,
    /// Pixels without data for this method.
    pub nodata_pixels: u64,
}

#[derive(Debug, Clone, Serialize)]
struct InputFacts {
    path: PathBuf,
    bytes: u64,
    xxh3_128: String,
}

#[derive(Debug, Clone, Serialize)]
struct BandFacts {
    band: usize,
    wavelength_nm: Option<Nanometers>,
    fwhm_nm: Option<Nanometers>,
}

/// How much of the scene a class covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCount {
    /// The value in the class map.
    pub value: u16,
    /// The target's name.
    pub name: String,
    /// Its threshold, in the method's unit; nothing where each scene of a mosaic has its own.
    pub threshold: Option<f64>,
    /// What of the background passes it, when rates of false alarms were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<RateReport>,
    /// Its colour in the map.
    pub color: [u8; 3],
    /// Pixels of the class.
    pub pixels: u64,
    /// Their area, when the scene's grid says how large a pixel is.
    pub km2: Option<f64>,
}

/// Seconds. Readers and the host's threads overlap, so the parts may add up to more than the total.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Timings {
    parts_resumed: usize,
    preparing_s: f64,
    reading_s: f64,
    computing_s: f64,
    writing_s: f64,
    finishing_s: f64,
    total_s: f64,
}

impl Report {
    pub(super) fn new(
        plan: &Plan,
        mapped: &Mapped,
        maps: Vec<MapReport>,
        zones: Option<&[crate::map::ClassCount]>,
        command: Vec<String>,
    ) -> Self {
        Self {
            alunite: plan.version,
            command,
            scene: SceneFacts::of(plan, mapped),
            background: plan.background.clone(),
            maps,
            zones: plan.zones.as_ref().map(|z| z.report(zones)).unwrap_or_default(),
            backend: mapped.backend.clone(),
            tiles: plan.windows.len(),
            compression: plan.compression,
            notes: plan.notes.iter().chain(&mapped.notes).cloned().collect(),
            outputs: Vec::new(),
            outputs_xxh3_128: BTreeMap::new(),
            timings: Timings::of(mapped),
        }
    }

    /// Notes how long the finish stage and the whole run took.
    pub(super) fn timed(&mut self, finishing: Duration, total: Duration) {
        self.timings.finished(finishing, total);
    }
}

impl SceneFacts {
    pub(super) fn of(plan: &Plan, mapped: &Mapped) -> Self {
        let fact = |b: usize, i: usize| BandFacts {
            band: b + 1,
            wavelength_nm: plan.band_facts.as_ref().map(|f| f.centres[i]),
            fwhm_nm: plan.band_facts.as_ref().and_then(|f| f.fwhm.as_ref()).map(|f| f[i]),
        };
        let input = |(input, hash): (&super::plan::Input, &String)| InputFacts {
            path: input.path.clone(),
            bytes: input.bytes,
            xxh3_128: hash.clone(),
        };
        Self {
            inputs: plan.inputs.iter().zip(&mapped.hashes).map(input).collect(),
            product: plan.product,
            quality: plan.quality.clone(),
            mask: plan.masked.clone(),
            lines: plan.lines,
            samples: plan.samples,
            geometry: plan.geometry,
            map_lines: plan.map.lines,
            map_samples: plan.map.samples,
            crs_wkt: plan.map.grid.crs_wkt.clone(),
            geotransform: plan.map.grid.geotransform,
            nodata: plan.nodata,
            bands_in_use: plan.bands.iter().enumerate().map(|(i, &b)| fact(b, i)).collect(),
            bands_dropped: plan.dropped.clone(),
        }
    }
}

impl Timings {
    pub(super) fn of(mapped: &Mapped) -> Self {
        Self {
            parts_resumed: mapped.resumed,
            preparing_s: mapped.preparing.as_secs_f64(),
            reading_s: mapped.reading.as_secs_f64(),
            computing_s: mapped.computing.as_secs_f64(),
            writing_s: mapped.writing.as_secs_f64(),
            finishing_s: 0.0,
            total_s: 0.0,
        }
    }

    /// With what the passes over another scene took.
    pub(super) fn with(self, other: &Self) -> Self {
        Self {
            parts_resumed: self.parts_resumed + other.parts_resumed,
            preparing_s: self.preparing_s + other.preparing_s,
            reading_s: self.reading_s + other.reading_s,
            computing_s: self.computing_s + other.computing_s,
            writing_s: self.writing_s + other.writing_s,
            ..self
        }
    }

    /// Notes how long the finish stage and the whole run took.
    pub(super) fn finished(&mut self, finishing: Duration, total: Duration) {
        self.finishing_s = finishing.as_secs_f64();
        self.total_s = total.as_secs_f64();
    }
}

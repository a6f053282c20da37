//! Target areas: from a map's pixels to outlines worth walking to, ranked, with their evidence.
//!
//! ```text
//! class map or zones --> majority --> connected pixels --> areas large enough --+--> outlines
//! scores, other methods' classes, surveys -------------------- gathered by area +--> rank --> table (GeoPackage, PostGIS ...)
//! ```
//!
//! The maps are read twice, in strips of lines: once to connect pixels, once to gather what lies in each area. Memory grows
//! with the number of areas, not with the map; results do not depend on the height of strips.

mod clean;
mod components;
mod gather;
mod rank;
mod run;
mod thresholds;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use rank::{SHARES, Weights};

use crate::error::{Error, Result};
use crate::map::vector::{Kind, Row, Table, Value};

/// Pixels of the smallest area, unless a size is given.
const LEAST_PIXELS: u64 = 9;

/// Lines that are read together.
const STRIP: usize = 256;

/// What is joined into areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Pixels of one alteration zone.
    Zone,
    /// Pixels of one mineral.
    Mineral,
}

/// A survey that speaks for or against areas.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// A raster of any grid; its first band.
    pub path: PathBuf,
    /// How much it counts; negative where low values speak for an area, as distances do.
    pub weight: f64,
}

impl std::str::FromStr for Evidence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |what: &str| {
            Error::refused(format!("evidence '{text}'"), what)
                .hint("write RASTER=WEIGHT, such as magnetics.tif=1 or distance_to_faults.tif=-0.5")
        };
        let (path, weight) = text.rsplit_once('=').ok_or_else(|| refused("has no weight"))?;
        let weight: f64 = weight.trim().parse().map_err(|_| refused("its weight is not a number"))?;
        if !weight.is_finite() || weight == 0.0 || path.trim().is_empty() {
            return Err(refused("needs a file and a weight other than zero"));
        }
        Ok(Self { path: path.trim().into(), weight })
    }
}

/// How areas are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The method whose classes and scores are used; the run's first unless given.
    pub method: Option<String>,
    /// What is joined; zones, where the run has them, unless given.
    pub by: Option<By>,
    /// Whether each pixel first takes what most of its neighbourhood has.
    pub majority: bool,
    /// Whether pixels that touch at a corner are connected.
    pub diagonal: bool,
    /// The smallest area in m²; nine pixels unless given.
    pub min_area_m2: Option<f64>,
    /// How much each share counts.
    pub weights: Weights,
    /// Surveys.
    pub evidence: Vec<Evidence>,
    /// Ceiling on memory in bytes.
    pub max_memory: usize,
    /// Lines that are read together; for tests.
    pub strip_lines: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: None,
            by: None,
            majority: true,
            diagonal: false,
            min_area_m2: None,
            weights: Weights::default(),
            evidence: Vec::new(),
            max_memory: 2 << 30,
            strip_lines: None,
        }
    }
}

/// A target area.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Area {
    /// From 1, the best first.
    pub rank: usize,
    /// 0 to 1: the weighted mean of the shares.
    pub score: f64,
    /// Its alteration zone, when the run has zones.
    pub zone: Option<String>,
    /// The mineral that most of its pixels have.
    pub mineral: Option<String>,
    /// Share of its pixels that have it.
    pub mineral_share: f64,
    /// Number of pixels.
    pub pixels: u64,
    /// In m² on the ellipsoid of the map's CRS; nothing where the map has no unit. See [`crate::map::PixelAreas`].
    pub area_m2: Option<f64>,
    /// Mean of the scores of pixels that are of the area by themselves.
    pub mean_score: Option<f64>,
    /// The best of them.
    pub best_score: Option<f64>,
    /// Mean of the centres of its pixels, in the map's CRS; it may lie outside of a crescent.
    pub centroid: [f64; 2],
    /// The same on the globe (WGS 84), longitude and latitude.
    pub lon_lat: Option<[f64; 2]>,
    /// The shares that it was ranked by, in the order of [`SHARES`]; nothing where one does not apply.
    pub shares: [Option<f64>; 5],
    /// The same of each survey.
    pub evidence: Vec<Option<f64>>,
    /// Its outline, as WKB in the map's CRS.
    #[serde(skip)]
    pub polygons: Vec<Vec<u8>>,
}

/// The areas of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Areas {
    /// The run that they are of.
    pub run: String,
    /// The method whose classes and scores were used.
    pub method: String,
    /// Unit of the scores; empty for pure numbers.
    pub unit: String,
    /// What was joined.
    pub by: By,
    /// The best first.
    pub areas: Vec<Area>,
    /// Areas that were too small.
    pub small: u64,
    /// The smallest area in m², when one was asked for.
    pub least_m2: Option<f64>,
    /// Else in pixels.
    pub least_pixels: Option<u64>,
    /// What is to be known of their sizes.
    pub note: Option<String>,
    /// Names of the surveys, in the order of each area's.
    pub evidence: Vec<String>,
    #[serde(skip)]
    crs_wkt: Option<String>,
}

/// Finds the areas of a finished run.
///
/// # Errors
/// Refuses a folder that is none of a finished run, and surveys that cannot be laid over the map; fails when reading fails or
/// the areas do not fit in memory.
pub fn find(folder: &Path, settings: &Settings) -> Result<Areas> {
    gather::areas(folder, settings)
}

impl Areas {
    /// As a table of polygons.
    #[must_use]
    pub fn table(&self, name: &str) -> Table {
        let column = |name: &str, kind| (name.to_owned(), kind);
        let mut columns = vec![
            column("rank", Kind::Integer),
            column("score", Kind::Real),
            column("zone", Kind::Text),
            column("mineral", Kind::Text),
            column("mineral_share", Kind::Real),
            column("pixels", Kind::Integer),
            column("area_m2", Kind::Real),
            column("method", Kind::Text),
            column("unit", Kind::Text),
            column("mean_score", Kind::Real),
            column("best_score", Kind::Real),
            column("centroid_x", Kind::Real),
            column("centroid_y", Kind::Real),
            column("lon", Kind::Real),
            column("lat", Kind::Real),
            column("run_id", Kind::Text),
        ];
        columns.extend(SHARES.map(|share| column(&format!("share_{share}"), Kind::Real)));
        columns.extend(self.evidence.iter().map(|name| column(&format!("evidence_{name}"), Kind::Real)));
        let real = |value: Option<f64>| value.map_or(Value::Null, Value::Real);
        let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
        let row = |area: &Area| {
            let mut values = vec![
                Value::Integer(area.rank as i64),
                Value::Real(area.score),
                text(&area.zone),
                text(&area.mineral),
                Value::Real(area.mineral_share),
                Value::Integer(area.pixels as i64),
                real(area.area_m2),
                Value::Text(self.method.clone()),
                Value::Text(self.unit.clone()),
                real(area.mean_score),
                real(area.best_score),
                Value::Real(area.centroid[0]),
                Value::Real(area.centroid[1]),
                real(area.lon_lat.map(|l| l[0])),
                real(area.lon_lat.map(|l| l[1])),
                Value::Text(self.run.clone()),
            ];
            values.extend(area.shares.iter().chain(&area.evidence).map(|share| real(*share)));
            Row { polygons: area.polygons.clone(), values }
        };
        let rows = self.areas.iter().map(row).collect();
        Table { name: name.to_owned(), crs_wkt: self.crs_wkt.clone(), columns, rows }
    }
}

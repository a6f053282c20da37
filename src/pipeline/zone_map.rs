//! The map of alteration zones: what the minerals that all methods found at a pixel make together.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cover::Cover;
use super::method_maps::{Job, Waiting};
use super::plan::PlannedMethod;
use super::sheet::Sheet;
use crate::alteration::{Found, Named, Rules, Zoning};
use crate::compute::MapScores;
use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::map::ClassCount;
use crate::map::files::write_beside;
use crate::map::legend::Legend;
use crate::map::raster::{BandSpec, RasterKind, RasterSpec, RasterWriter};
use crate::map::style;
use crate::methods::Method;
use crate::tile::Window;

/// The rules of a run, applied to its targets.
#[derive(Debug, Clone)]
pub struct Zones {
    rules: Rules,
    /// Where the rules came from.
    from: String,
    zoning: Zoning,
}

/// What `run.json` says of zones.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ZonesReport {
    /// The zones that the run's targets could make, in the order of their values; none when there is no map of them.
    pub zones: Vec<ZoneReport>,
    /// The rules: a file, or those shipped.
    pub zones_from: Option<String>,
    /// Targets that belong to no species of the rules, or to several.
    pub targets_without_species: Vec<Found>,
}

/// A zone and how much of the map it covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneReport {
    /// The value in the map of zones.
    pub value: u16,
    /// Its name.
    pub name: String,
    /// What it means, and who says so.
    pub about: String,
    /// Its colour.
    pub color: [u8; 3],
    /// What it is worth when target areas are ranked, 0 to 1.
    pub weight: f64,
    /// The run's targets that it is known by.
    pub targets: Vec<String>,
    /// Pixels of the zone.
    pub pixels: u64,
    /// Their area, where the grid says how large a pixel is.
    pub km2: Option<f64>,
}

impl Zones {
    /// Applies the rules of a file, or those shipped, to targets and methods. Nothing when no target is of a zone's species.
    ///
    /// # Errors
    /// As [`Rules::read`].
    pub(super) fn new(file: Option<&Path>, targets: &[String], methods: &[PlannedMethod]) -> Result<Self> {
        let (rules, from) = match file {
            Some(path) => (Rules::read(path)?, path.display().to_string()),
            None => (Rules::shipped()?, format!("shipped with alunite {}", env!("CARGO_PKG_VERSION"))),
        };
        Ok(Self { zoning: zoning(&rules, targets, methods), rules, from })
    }

    /// The same rules with thresholds that became known later.
    pub(super) fn with_thresholds(self, targets: &[String], methods: &[PlannedMethod]) -> Self {
        Self { zoning: zoning(&self.rules, targets, methods), ..self }
    }

    /// Whether any pixel can be of a zone.
    pub(super) fn is_mapped(&self) -> bool {
        self.zoning.has_zones()
    }

    /// What should be known of names: which no zone takes, in one sentence.
    pub(super) fn note(&self) -> Option<String> {
        let without = self.without_species();
        let all = self.zoning.found.len();
        if all == 0 || without.is_empty() {
            return None;
        }
        let names: Vec<&str> = without.iter().take(NAMED).map(|f| f.target.as_str()).collect();
        let more = if without.len() > NAMED { " ..." } else { "" };
        Some(
            format!(
                "alteration zones: {} of {all} targets belong to no mineral of the rules ({}), or to several: {}{more}",
                without.len(),
                self.from,
                names.join("; ")
            ) + if self.is_mapped() { "" } else { "; no map of zones is made" },
        )
    }

    fn without_species(&self) -> Vec<Found> {
        self.zoning.found.iter().filter(|f| !matches!(f.named, Named::Species(_))).cloned().collect()
    }

    /// `counts`: unclassified, then the zones.
    pub(super) fn report(&self, counts: Option<&[ClassCount]>) -> ZonesReport {
        let targets = |any: &[String]| {
            let of_zone = |f: &&Found| matches!(&f.named, Named::Species(name) if any.contains(name));
            self.zoning.found.iter().filter(of_zone).map(|f| f.target.clone()).collect()
        };
        let zone = |(i, count): (usize, &ClassCount)| {
            let zone = &self.rules.zones[i];
            ZoneReport {
                value: i as u16 + 1,
                name: zone.name.clone(),
                about: zone.about.clone(),
                color: zone.color.0,
                weight: zone.weight,
                targets: targets(&zone.any),
                pixels: count.pixels,
                km2: count.km2,
            }
        };
        ZonesReport {
            zones: counts.map_or(Vec::new(), |counts| counts.iter().skip(1).enumerate().map(zone).collect()),
            zones_from: Some(self.from.clone()),
            targets_without_species: self.without_species(),
        }
    }
}

fn zoning(rules: &Rules, targets: &[String], methods: &[PlannedMethod]) -> Zoning {
    let methods: Vec<(&'static dyn Method, &[f64])> =
        methods.iter().map(|m| (m.method, m.thresholds.as_slice())).collect();
    Zoning::new(rules, targets, &methods)
}

/// Targets that a note names.
const NAMED: usize = 5;

/// `alteration.tif` while tiles are added to it.
pub(super) struct ZoneMap {
    raster: RasterWriter,
    legend: Legend,
    cover: Cover,
}

impl ZoneMap {
    pub(super) fn create(sheet: &Sheet<'_>, zones: &Zones, (out, work): (&Path, &Path)) -> Result<Self> {
        let named: Vec<(String, [u8; 3])> = zones.rules.zones.iter().map(|z| (z.name.clone(), z.color.0)).collect();
        let legend = Legend::of_zones(&named)?;
        let MapGrid { samples: width, lines: height, grid } = sheet.map;
        let spec = RasterSpec {
            width: *width,
            height: *height,
            grid,
            kind: RasterKind::Classes(&legend),
            bands: vec![BandSpec { description: "alteration zone".to_owned(), unit: None }],
            metadata: vec![
                ("ALUNITE_VERSION".to_owned(), sheet.version.to_owned()),
                ("ALUNITE_ZONES".to_owned(), zones.from.clone()),
            ],
            compression: sheet.compression,
        };
        let raster = RasterWriter::create(&out.join("alteration.tif"), work, &spec)?;
        Ok(Self { raster, cover: Cover::new(legend.entries.len()), legend })
    }

    /// Adds a tile of all methods' results, on pixels of these areas; `zones` are of each scene where these have thresholds of their own, and `sources`
    /// say which scene each pixel of each method came from.
    pub(super) fn add(
        &mut self,
        zones: &[&Zones],
        window: Window,
        (maps, sources): (&[MapScores], &[Vec<u16>]),
        areas: &[u64],
    ) -> Result<()> {
        let zonings: Vec<&Zoning> = zones.iter().map(|zones| &zones.zoning).collect();
        let values = Zoning::of_scenes(&zonings, maps, sources, self.legend.nodata);
        if values.len() != window.pixels() {
            let what = format!("{} of {} pixels have a zone", values.len(), window.pixels());
            return Err(Error::failed("alteration zones", what));
        }
        self.cover.add(&values, areas);
        self.raster.write_classes(0, window, &values)
    }

    /// How much of the map each covers: unclassified, then the zones.
    pub(super) fn counts(&self, with_area: bool) -> Vec<ClassCount> {
        self.cover.counts(with_area)
    }

    /// What is left to do for its files in `out`.
    pub(super) fn complete<'a>(self, out: &Path, with_area: bool) -> Result<Vec<(PathBuf, Job<'a>)>> {
        let (qml, style) = (style::qml(&self.legend)?, out.join("alteration.qml"));
        let counts = self.cover.counts(with_area);
        let raster = self.raster;
        Ok(vec![
            (out.join("alteration.tif"), Box::new(move || raster.finish_counted(&counts).map(Waiting::Raster))),
            (style.clone(), Box::new(move || Ok(Waiting::Text(write_beside(&style, qml.as_bytes())?)))),
        ])
    }
}

//! The maps of one method while parts are added to them.

use std::path::{Path, PathBuf};

use super::cover::Cover;
use super::false_alarms::RateReport;
use super::plan::PlannedMethod;
use super::report::{ClassCount, MapReport};
use super::scan::side_by_side;
use super::sheet::Sheet;
use super::source_map::SourceMap;
use crate::compute::{MapScores, Scores};
use crate::error::Result;
use crate::map::Compression;
use crate::map::files::{Pending, write_beside};
use crate::map::legend::Legend;
use crate::map::raster::{self, BandSpec, FinishedRaster, RasterKind, RasterWriter};
use crate::map::style;
use crate::tile::Window;

/// No data in the score rasters.
const SCORE_NODATA: f32 = -9999.0;

/// A file that waits for its name.
pub(super) enum Waiting {
    Raster(FinishedRaster),
    Text(Pending),
}

impl Waiting {
    /// Names of its files, and where they can be read until they have them.
    pub(super) fn files(&self) -> Vec<(String, PathBuf)> {
        match self {
            Self::Raster(raster) => raster.files(),
            Self::Text(text) => text.files(),
        }
    }

    pub(super) fn publish(self) -> Result<()> {
        match self {
            Self::Raster(raster) => raster.publish(),
            Self::Text(text) => text.publish(),
        }
    }
}

impl PlannedMethod {
    /// The class value of a pixel with this best target: 0 where its score does not pass.
    pub(super) fn class(&self, best: u16, score: f32, nodata: u16) -> u16 {
        match self.thresholds.get(usize::from(best)) {
            None => nodata,
            Some(&threshold) if self.method.better(threshold, f64::from(score)) => 0,
            Some(_) => best + 1,
        }
    }
}

/// The rasters of a method, and how much of the map each class covers.
pub(super) struct MethodMaps {
    /// Of a mosaic the first scene's.
    pub(super) planned: PlannedMethod,
    /// Of each scene of a mosaic, where these have thresholds of their own; else none.
    of_scenes: Vec<PlannedMethod>,
    scores: RasterWriter,
    /// Nothing for a method without targets.
    classes: Option<Classes>,
    rules: Option<RasterWriter>,
    /// The rate of false alarms of each pixel's score, where rates were asked for.
    false_alarms: Option<RasterWriter>,
    /// Of a mosaic alone.
    pub(super) sources: Option<SourceMap>,
    /// Of unclassified, then the targets.
    cover: Cover,
}

struct Classes {
    classes: RasterWriter,
    runner_up: RasterWriter,
}

impl MethodMaps {
    pub(super) fn create(sheet: &Sheet<'_>, index: usize, legend: &Legend, folders: (&Path, &Path)) -> Result<Self> {
        let planned = &sheet.methods[index];
        let method = planned.method;
        let described = |text: &str| BandSpec { description: text.to_owned(), unit: None };
        let unit = Some(method.unit().to_owned()).filter(|u| !u.is_empty());
        let scored = |text: &str| BandSpec { description: text.to_owned(), unit: unit.clone() };
        let create = |name: &str, kind, bands: Vec<BandSpec>| sheet.raster(method, name, kind, bands, folders);
        let classes = (RasterKind::Classes(legend), sheet.compression);
        let floats = (RasterKind::Floats { nodata: SCORE_NODATA }, sheet.compression);
        // Rates span many powers of ten, where an error in their unit leaves nothing of the small ones.
        let rates = match sheet.compression {
            Compression::Lerc(_) => (floats.0, Compression::Deflate),
            _ => floats,
        };
        let rules: Vec<BandSpec> = sheet.targets.iter().map(|t| scored(t)).collect();
        let score_bands = match method.has_targets() {
            true => vec![scored(&format!("best {}", method.title())), scored("margin to the runner-up")],
            false => vec![scored(method.title())],
        };
        Ok(Self {
            planned: planned.clone(),
            of_scenes: match planned.asks_rates() {
                true => sheet.by_scene.iter().map(|plan| plan.methods[index].clone()).collect(),
                false => Vec::new(),
            },
            scores: create("scores", floats, score_bands)?,
            classes: match method.has_targets() {
                true => Some(Classes {
                    classes: create("classes", classes, vec![described("mineral")])?,
                    runner_up: create("runner_up", classes, vec![described("runner-up mineral")])?,
                }),
                false => None,
            },
            rules: match sheet.rules && method.has_targets() {
                true => Some(create("rules", floats, rules)?),
                false => None,
            },
            false_alarms: match planned.asks_rates() {
                true => {
                    let share = "share of the background that scores as well for the best target";
                    Some(create("false_alarms", rates, vec![described(share)])?)
                }
                false => None,
            },
            sources: match sheet.sources.is_empty() {
                true => None,
                false => Some(SourceMap::create(sheet, method, folders)?),
            },
            cover: Cover::new(sheet.targets.len() + 1),
        })
    }

    /// Adds a tile, on pixels of these areas; gives the class values of a method that has classes. `sources` is of a mosaic
    /// the scene of each pixel, else empty. Scores are written while classes are made of them.
    pub(super) fn add(
        &mut self,
        window: Window,
        (scores, sources): (&MapScores, &[u16]),
        nodata: u16,
        areas: &[u64],
    ) -> Result<Option<Vec<u16>>> {
        if let Some(map) = &mut self.sources {
            map.add(window, sources, areas)?;
        }
        let Some(rasters) = &mut self.classes else {
            self.cover.add_nodata(scores.score.iter().filter(|s| s.is_nan()).count() as u64);
            self.scores.write_f32(0, window, &scores.score)?;
            return Ok(None);
        };
        let of_pixel = |p: usize| {
            let source = sources.get(p).and_then(|source| self.of_scenes.get(usize::from(*source)));
            source.unwrap_or(&self.planned)
        };
        let found = || scores.best.iter().zip(&scores.score).enumerate();
        let make_classes = || {
            let classes = found().map(|(p, (&best, &score))| of_pixel(p).class(best, score, nodata));
            let classes: Vec<u16> = classes.collect();
            let only_one = self.planned.thresholds.len() == 1;
            let second = |(&runner_up, &best): (&u16, &u16)| match runner_up {
                Scores::NODATA if best != Scores::NODATA && only_one => 0,
                Scores::NODATA => nodata,
                runner_up => runner_up + 1,
            };
            let runner_up: Vec<u16> = scores.runner_up.iter().zip(&scores.best).map(second).collect();
            rasters.classes.write_classes(0, window, &classes)?;
            rasters.runner_up.write_classes(0, window, &runner_up)?;
            if let Some(raster) = &mut self.false_alarms {
                let rate = |(p, (&best, &score)): (usize, (&u16, &f32))| {
                    let curve = of_pixel(p).curves.as_ref().and_then(|curves| curves.get(usize::from(best)));
                    curve.map_or(f32::NAN, |curve| curve.rate(score) as f32)
                };
                let rates: Vec<f32> = found().map(rate).collect();
                raster.write_f32(0, window, &rates)?;
            }
            self.cover.add(&classes, areas);
            Ok(classes)
        };
        let write_scores = || {
            self.scores.write_f32(0, window, &scores.score)?;
            self.scores.write_f32(1, window, &scores.margin)?;
            let Some(rules) = &mut self.rules else { return Ok(()) };
            let mut of_targets = scores.rules.chunks_exact(window.pixels()).enumerate();
            of_targets.try_for_each(|(band, rule)| rules.write_f32(band, window, rule))
        };
        side_by_side(make_classes, write_scores).map(Some)
    }

    /// Unclassified, then the targets.
    pub(super) fn class_counts(&self, with_area: bool) -> Vec<raster::ClassCount> {
        self.cover.counts(with_area)
    }

    /// All thresholds, of all scenes.
    pub(super) fn thresholds(&self) -> Vec<f64> {
        match &self.of_scenes[..] {
            [] => self.planned.thresholds.clone(),
            scenes => scenes.iter().flat_map(|planned| planned.thresholds.iter().copied()).collect(),
        }
    }

    pub(super) fn report(&self, sheet: &Sheet<'_>, legend: &Legend, with_area: bool) -> MapReport {
        let method = self.planned.method;
        let counts = self.class_counts(with_area);
        let shared = Some(&self.planned).filter(|_| self.of_scenes.is_empty());
        let class = |(i, name): (usize, &String)| ClassCount {
            value: i as u16 + 1,
            name: name.clone(),
            threshold: shared.map(|planned| planned.thresholds[i]),
            false_alarms: shared.and_then(|planned| RateReport::of(planned, i)),
            color: legend.entry(i as u16 + 1).map_or([0; 3], |e| e.color),
            pixels: counts[i + 1].pixels,
            km2: counts[i + 1].km2,
        };
        let targets = if method.has_targets() { sheet.targets } else { &[] };
        MapReport {
            method: method.word(),
            title: method.title(),
            convention: method.convention(),
            unit: method.unit(),
            threshold_source: method.has_targets().then_some(self.planned.threshold_source),
            classes: targets.iter().enumerate().map(class).collect(),
            unclassified_pixels: counts[0].pixels,
            nodata_pixels: self.cover.nodata(),
        }
    }

    /// What is left to do for every file, each under a temporary name.
    pub(super) fn complete<'a>(
        self,
        out: &Path,
        legend: &Legend,
        counts: &'a [raster::ClassCount],
        with_area: bool,
    ) -> Result<Vec<(PathBuf, Job<'a>)>> {
        let path = |name: &str| out.join(format!("{}_{name}", self.planned.word));
        let mut jobs: Vec<(PathBuf, Job<'a>)> = Vec::new();
        let mut styled = Vec::new();
        // The largest first.
        for (name, raster) in
            [("rules.tif", self.rules), ("scores.tif", Some(self.scores)), ("false_alarms.tif", self.false_alarms)]
        {
            if let Some(raster) = raster {
                jobs.push((path(name), Box::new(move || raster.finish().map(Waiting::Raster))));
            }
        }
        if let Some(rasters) = self.classes {
            let (classes, runner_up) = (rasters.classes, rasters.runner_up);
            let counted = move || classes.finish_counted(counts).map(Waiting::Raster);
            jobs.push((path("classes.tif"), Box::new(counted)));
            jobs.push((path("runner_up.tif"), Box::new(move || runner_up.finish().map(Waiting::Raster))));
            styled.extend(["classes.qml", "runner_up.qml"]);
        }
        if let Some(sources) = self.sources {
            jobs.extend(sources.complete(&path(""), with_area)?);
        }
        let qml = style::qml(legend)?;
        for name in styled {
            let (qml, path) = (qml.clone(), path(name));
            jobs.push((path.clone(), Box::new(move || Ok(Waiting::Text(write_beside(&path, qml.as_bytes())?)))));
        }
        Ok(jobs)
    }
}

/// The work that completes one file.
pub(super) type Job<'a> = Box<dyn FnOnce() -> Result<Waiting> + Send + 'a>;

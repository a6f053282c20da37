//! The maps of one method while parts are added to them.

use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedMethod};
use super::report::{ClassCount, MapReport};
use crate::compute::{MapScores, Scores};
use crate::error::Result;
use crate::map::files::{Pending, write_beside};
use crate::map::legend::Legend;
use crate::map::raster::{self, BandSpec, FinishedRaster, Overviews, RasterKind, RasterSpec, RasterWriter};
use crate::map::style;
use crate::tile::Window;

/// No data in the score rasters.
const SCORE_NODATA: f32 = -9999.0;

pub(super) const MM2_PER_KM2: f64 = 1e12;

/// A file that waits for its name.
pub(super) enum Waiting {
    Raster(FinishedRaster),
    Text(Pending),
}

impl Waiting {
    pub(super) fn publish(self) -> Result<()> {
        match self {
            Self::Raster(raster) => raster.publish(),
            Self::Text(text) => text.publish(),
        }
    }
}

/// The rasters of a method, and how much of the map each class covers.
pub(super) struct MethodMaps {
    pub(super) planned: PlannedMethod,
    scores: RasterWriter,
    /// Nothing for a method without targets.
    classes: Option<Classes>,
    rules: Option<RasterWriter>,
    /// Pixels and mm² of: unclassified, then the targets.
    counts: Vec<(u64, u128)>,
    nodata: u64,
}

struct Classes {
    classes: RasterWriter,
    runner_up: RasterWriter,
}

impl MethodMaps {
    pub(super) fn create(
        plan: &Plan,
        planned: &PlannedMethod,
        legend: &Legend,
        out: &Path,
        work: &Path,
    ) -> Result<Self> {
        let method = planned.method;
        let described = |text: &str| BandSpec { description: text.to_owned(), unit: None };
        let unit = Some(method.unit().to_owned()).filter(|u| !u.is_empty());
        let scored = |text: &str| BandSpec { description: text.to_owned(), unit: unit.clone() };
        let create = |name: &str, kind: RasterKind, bands: Vec<BandSpec>, overviews| {
            let mut metadata = vec![
                ("ALUNITE_VERSION".to_owned(), plan.version.to_owned()),
                ("ALUNITE_METHOD".to_owned(), method.word().to_owned()),
                ("ALUNITE_CONVENTION".to_owned(), method.convention().to_owned()),
            ];
            if let Some(grounds) = plan.background.as_ref().filter(|_| method.needs() != crate::methods::Needs::Nothing)
            {
                metadata.push(("ALUNITE_BACKGROUND".to_owned(), grounds.background.clone()));
            }
            let (width, height, grid) = (plan.map.samples, plan.map.lines, &plan.map.grid);
            let spec = RasterSpec { width, height, grid, kind, bands, metadata, overviews };
            RasterWriter::create(&out.join(format!("{}_{name}.tif", method.word())), work, &spec)
        };
        let classes = RasterKind::Classes(legend);
        let floats = RasterKind::Floats { nodata: SCORE_NODATA };
        let rules: Vec<BandSpec> = plan.targets.iter().map(|t| scored(t)).collect();
        let score_bands = match method.has_targets() {
            true => vec![scored(&format!("best {}", method.title())), scored("margin to the runner-up")],
            false => vec![scored(method.title())],
        };
        Ok(Self {
            planned: planned.clone(),
            scores: create("scores", floats, score_bands, Overviews::Average)?,
            classes: match method.has_targets() {
                true => Some(Classes {
                    classes: create("classes", classes, vec![described("mineral")], Overviews::Mode)?,
                    runner_up: create("runner_up", classes, vec![described("runner-up mineral")], Overviews::Mode)?,
                }),
                false => None,
            },
            rules: match plan.rules && method.has_targets() {
                true => Some(create("rules", floats, rules, Overviews::Average)?),
                false => None,
            },
            counts: vec![(0, 0); plan.targets.len() + 1],
            nodata: 0,
        })
    }

    /// Adds a tile; gives the class values of a method that has classes. `areas` is of a pixel of each line, in mm².
    pub(super) fn add(
        &mut self,
        window: Window,
        scores: &MapScores,
        nodata: u16,
        areas: Option<&[u64]>,
    ) -> Result<Option<Vec<u16>>> {
        self.scores.write_f32(0, window, &scores.score)?;
        let Some(rasters) = &mut self.classes else {
            self.nodata += scores.score.iter().filter(|s| s.is_nan()).count() as u64;
            return Ok(None);
        };
        let PlannedMethod { method, thresholds, .. } = &self.planned;
        let class = |(&best, &score): (&u16, &f32)| match best {
            Scores::NODATA => nodata,
            best if method.better(thresholds[usize::from(best)], f64::from(score)) => 0,
            best => best + 1,
        };
        let classes: Vec<u16> = scores.best.iter().zip(&scores.score).map(class).collect();
        let only_one = thresholds.len() == 1;
        let second = |(&runner_up, &best): (&u16, &u16)| match runner_up {
            Scores::NODATA if best != Scores::NODATA && only_one => 0,
            Scores::NODATA => nodata,
            runner_up => runner_up + 1,
        };
        let runner_up: Vec<u16> = scores.runner_up.iter().zip(&scores.best).map(second).collect();
        rasters.classes.write_classes(0, window, &classes)?;
        rasters.runner_up.write_classes(0, window, &runner_up)?;
        self.scores.write_f32(1, window, &scores.margin)?;
        if let Some(rules) = &mut self.rules {
            for (band, rule) in scores.rules.chunks_exact(window.pixels()).enumerate() {
                rules.write_f32(band, window, rule)?;
            }
        }
        self.count(window, &classes, areas);
        Ok(Some(classes))
    }

    fn count(&mut self, window: Window, classes: &[u16], areas: Option<&[u64]>) {
        for (line, row) in classes.chunks_exact(window.width).enumerate() {
            let area = areas.map_or(0, |a| a[window.y + line]);
            for &class in row {
                match self.counts.get_mut(usize::from(class)) {
                    Some((pixels, mm2)) => {
                        *pixels += 1;
                        *mm2 += u128::from(area);
                    }
                    None => self.nodata += 1,
                }
            }
        }
    }

    /// Unclassified, then the targets.
    pub(super) fn class_counts(&self, with_area: bool) -> Vec<raster::ClassCount> {
        let km2 = |mm2: u128| with_area.then_some(mm2 as f64 / MM2_PER_KM2);
        self.counts.iter().map(|&(pixels, area)| raster::ClassCount { pixels, km2: km2(area) }).collect()
    }

    pub(super) fn report(&self, plan: &Plan, legend: &Legend, with_area: bool) -> MapReport {
        let method = self.planned.method;
        let counts = self.class_counts(with_area);
        let class = |(i, name): (usize, &String)| ClassCount {
            value: i as u16 + 1,
            name: name.clone(),
            threshold: self.planned.thresholds[i],
            color: legend.entry(i as u16 + 1).map_or([0; 3], |e| e.color),
            pixels: counts[i + 1].pixels,
            km2: counts[i + 1].km2,
        };
        let targets = if method.has_targets() { &plan.targets[..] } else { &[] };
        MapReport {
            method: method.word(),
            title: method.title(),
            convention: method.convention(),
            unit: method.unit(),
            threshold_source: method.has_targets().then_some(self.planned.threshold_source),
            classes: targets.iter().enumerate().map(class).collect(),
            unclassified_pixels: counts[0].pixels,
            nodata_pixels: self.nodata,
        }
    }

    /// What is left to do for every file, each under a temporary name.
    pub(super) fn complete<'a>(
        self,
        out: &Path,
        legend: &Legend,
        counts: &'a [raster::ClassCount],
    ) -> Result<Vec<(PathBuf, Job<'a>)>> {
        let path = |name: &str| out.join(format!("{}_{name}", self.planned.word));
        let mut jobs: Vec<(PathBuf, Job<'a>)> = Vec::new();
        let mut styled = Vec::new();
        // The largest first.
        for (name, raster) in [("rules.tif", self.rules), ("scores.tif", Some(self.scores))] {
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

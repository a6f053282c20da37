//! The maps of all methods while parts are added to them, and the picture of the first.

use std::path::{Path, PathBuf};

use tracing::info_span;

use super::method_maps::{Job, MethodMaps, Waiting};
use super::part::Part;
use super::plan::{Plan, PlannedMethod};
use super::report::MapReport;
use super::scan::side_by_side;
use super::sheet::Sheet;
use super::zone_map::{ZoneMap, Zones};
use crate::cores;
use crate::error::Result;
use crate::grid::MapGrid;
use crate::map::files::write_beside;
use crate::map::legend::{ClassType, Legend};
use crate::map::preview::Preview;
use crate::map::quicklook::{self, Quicklook};
use crate::map::raster::RasterWriter;
use crate::map::{ClassCount, PixelAreas};
use crate::methods::Method;

/// Longest side of the picture's map, in pixels of the map that are shown.
const PICTURE_SIDE: usize = 1200;

/// Bytes that the maps of a plan take in memory at most while tiles are added to them.
pub(super) fn held_bytes(plan: &Plan) -> usize {
    let (width, targets) = (plan.map.samples, plan.targets.len());
    let floats = |bands: usize| RasterWriter::held_bytes(width, bands, size_of::<f32>());
    let classes = RasterWriter::held_bytes(width, 1, ClassType::of(targets).bytes());
    let of_method = |method: &PlannedMethod| match method.method.has_targets() {
        true => {
            let rules = if plan.rules { floats(targets) } else { 0 };
            let rates = if method.asks_rates() { floats(1) } else { 0 };
            floats(2) + 2 * classes + rules + rates
        }
        false => floats(1),
    };
    // And the map of zones.
    plan.methods.iter().map(of_method).sum::<usize>() + classes
}

/// The maps while parts are added to them.
pub(super) struct Maps<'a> {
    sheet: Sheet<'a>,
    out: PathBuf,
    legend: Legend,
    of_methods: Vec<MethodMaps>,
    /// Of each scene where these have thresholds of their own.
    zones: Option<(Vec<&'a Zones>, ZoneMap)>,
    /// Of the first method that has classes.
    preview: Preview,
    /// Of the map's pixels.
    areas: Option<PixelAreas>,
}

impl<'a> Maps<'a> {
    /// Begins the files of all methods in `out`, with their scratch files in `work`.
    pub(super) fn create(sheet: Sheet<'a>, out: &Path, work: &Path) -> Result<Self> {
        let _span = info_span!("create rasters").entered();
        let (map, legend) = (sheet.map, Legend::new(sheet.targets)?);
        let one = |index: usize| MethodMaps::create(&sheet, index, &legend, (out, work));
        let of_scenes = |zones| match &sheet.by_scene[..] {
            [] => vec![zones],
            plans => plans.iter().filter_map(|plan| plan.zones.as_ref()).collect(),
        };
        Ok(Self {
            of_methods: (0..sheet.methods.len()).map(one).collect::<Result<_>>()?,
            zones: sheet
                .zones
                .map(|zones| Ok((of_scenes(zones), ZoneMap::create(&sheet, zones, (out, work))?)))
                .transpose()?,
            preview: Preview::new(map.samples, map.lines, PICTURE_SIDE, legend.nodata)?,
            areas: PixelAreas::of(&map.grid, map.lines, map.samples)?,
            sheet,
            out: out.to_owned(),
            legend,
        })
    }

    /// Adds a tile; of a mosaic with the scene that each pixel of each method came from, else with no `sources`.
    pub(super) fn add(&mut self, part: &Part, sources: &[Vec<u16>]) -> Result<()> {
        let _span = info_span!("add to the maps").entered();
        let (window, maps) = (part.scores.window, &part.scores.maps);
        let areas = self.areas.as_ref().map_or_else(|| vec![0; window.pixels()], |areas| areas.window(window));
        let of_methods = || {
            let mut shown = false;
            for (index, (of_method, scores)) in self.of_methods.iter_mut().zip(maps).enumerate() {
                let sources = sources.get(index).map_or(&[][..], Vec::as_slice);
                let classes = of_method.add(window, (scores, sources), self.legend.nodata, &areas)?;
                if let Some(classes) = classes.filter(|_| !shown) {
                    self.preview.add(window, &classes, &part.grey)?;
                    shown = true;
                }
            }
            Ok(())
        };
        let of_zones = || match &mut self.zones {
            Some((zones, map)) => map.add(zones, window, (maps, sources), &areas),
            None => Ok(()),
        };
        side_by_side(of_methods, of_zones)
    }

    /// What the zones cover so far; nothing when there is no map of them.
    pub(super) fn zone_counts(&self) -> Option<Vec<ClassCount>> {
        self.zones.as_ref().map(|(_, map)| map.counts(self.areas.is_some()))
    }

    /// What each method found so far.
    pub(super) fn reports(&self) -> Vec<MapReport> {
        self.of_methods.iter().map(|m| m.report(&self.sheet, &self.legend, self.areas.is_some())).collect()
    }

    /// Of each method of a mosaic, how much of its maps came from each scene.
    pub(super) fn sources(&self) -> Vec<Vec<ClassCount>> {
        let counts = |m: &MethodMaps| m.sources.as_ref().map(|s| s.counts(self.areas.is_some()));
        self.of_methods.iter().filter_map(counts).collect()
    }

    /// Completes every file under a temporary name, several at a time.
    pub(super) fn complete(self) -> Result<Vec<(PathBuf, Waiting)>> {
        let Maps { sheet, out, legend, of_methods, zones, preview, areas } = self;
        let counts: Vec<Vec<ClassCount>> = of_methods.iter().map(|m| m.class_counts(areas.is_some())).collect();
        let pictured = of_methods.iter().position(|m| m.planned.method.has_targets());
        let method = pictured.map(|i| (of_methods[i].planned.method, of_methods[i].thresholds()));
        let with_area = areas.is_some();
        let picture = Picture { sheet: &sheet, path: out.join("quicklook.png"), legend: &legend, preview, areas };
        let mut jobs: Vec<(PathBuf, Job)> = Vec::new();
        // First, as it takes longest: what is left at the end is short.
        if let (Some(method), Some(i)) = (&method, pictured) {
            let (picture, counts) = (&picture, &counts[i]);
            jobs.push((picture.path.clone(), Box::new(move || picture.draw(method, counts))));
        }
        for (maps, counts) in of_methods.into_iter().zip(&counts) {
            jobs.extend(maps.complete(&out, &legend, counts, with_area)?);
        }
        if let Some((_, map)) = zones {
            jobs.extend(map.complete(&out, with_area)?);
        }
        let finish = |(): &mut (), (path, job): (PathBuf, Job)| job().map(|file| (path, file));
        cores::share("finisher", jobs, || (), finish).into_iter().collect()
    }
}

/// What the picture is made of.
struct Picture<'a> {
    sheet: &'a Sheet<'a>,
    path: PathBuf,
    legend: &'a Legend,
    preview: Preview,
    areas: Option<PixelAreas>,
}

impl Picture<'_> {
    fn draw(&self, (method, thresholds): &(&dyn Method, Vec<f64>), counts: &[ClassCount]) -> Result<Waiting> {
        let _span = info_span!("quicklook").entered();
        let step = self.preview.step();
        let MapGrid { samples, lines, .. } = self.sheet.map;
        let side_m = self.areas.as_ref().map(|areas| areas.side_m(lines / 2, samples / 2));
        let look = Quicklook {
            title: format!("Mineral map: {}", method.title()),
            subtitle: self.sheet.subtitle.clone(),
            width: self.preview.width(),
            height: self.preview.height(),
            classes: self.preview.classes(),
            grey: self.preview.grey(),
            legend: self.legend,
            counts,
            captions: vec![
                format!("{}, threshold {}", self.sheet.bands, threshold_text(*method, thresholds)),
                format!("alunite {}", self.sheet.version),
            ],
            metres_per_pixel: side_m.map(|metres| metres * step as f64),
        };
        let png = quicklook::png(&look)?;
        Ok(Waiting::Text(write_beside(&self.path, &png)?))
    }
}

/// `0.1 rad`, or `0.05 to 0.1 rad`.
fn threshold_text(method: &dyn Method, thresholds: &[f64]) -> String {
    let (least, most) = thresholds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &t| (a.min(t), b.max(t)));
    let unit = method.unit();
    let text = if least == most { format!("{least} {unit}") } else { format!("{least} to {most} {unit}") };
    text.trim_end().to_owned()
}

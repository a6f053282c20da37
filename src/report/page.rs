//! The page: what it shows, ready to be put into the template, which escapes all text.

use std::collections::HashMap;
use std::path::Path;

use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::histogram::{self, Chart, Histogram};
use super::made::{Bands, InputRow, MethodRow, backgrounds_said, command_line, times};
use super::maps::{MapView, ZonesView, colors};
use super::run::{Method, Run};
use super::scenes::ScenesView;
use super::spectra::Spectra;
use super::targets::{Targets, coordinates};
use super::text::{area, capital, counted, number, percent, short, shortened, thousands};
use crate::error::{Error, Result};
use crate::map::{Footprint, PixelAreas, RasterReader};

/// Longest text of a note that is shown.
const NOTE: usize = 600;

/// Pins on the map, at most: more hide it.
const PINS: usize = 20;

/// All that the template asks for.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    title: String,
    scene: String,
    summary: String,
    facts: Vec<(&'static str, String)>,
    sections: Vec<(&'static str, &'static str)>,
    maps: Vec<MapView>,
    scenes: Option<ScenesView>,
    pins: Vec<Pin>,
    zones: Option<ZonesView>,
    spectra: Option<Spectra>,
    scores: Vec<ScoreView>,
    targets: Option<Targets>,
    targets_said: String,
    notes: Vec<String>,
    version: String,
    backend: String,
    command: String,
    bands: Vec<Bands>,
    backgrounds: Vec<String>,
    methods: Vec<MethodRow>,
    inputs: Vec<InputRow>,
    timings: Vec<(String, String)>,
    /// The zero line of charts.
    ground: String,
    colors: HashMap<u16, String>,
    style: &'static str,
    script: &'static str,
    script_hash: String,
}

struct Pin {
    rank: String,
    left: String,
    top: String,
}

struct ScoreView {
    title: String,
    unit: String,
    chart: Option<Chart>,
    said: String,
}

impl Page {
    /// Of a finished run's folder.
    ///
    /// # Errors
    /// When a map that `run.json` tells of cannot be read.
    pub(super) fn of(folder: &Path, run: &Run) -> Result<Self> {
        let mut notes = Vec::new();
        let grid = run.map();
        let pixel_m = PixelAreas::of(&grid.grid, grid.lines, grid.samples)?
            .map(|areas| areas.side_m(grid.lines / 2, grid.samples / 2));
        let footprint = Footprint::of(&grid).unwrap_or_else(|e| {
            notes.push(e.to_string());
            None
        });
        let shown = run.shown();
        let mut maps = Vec::new();
        for method in &run.maps {
            maps.push(MapView::of(folder, method, shown.is_some_and(|s| s.method == method.method), &grid, pixel_m)?);
        }
        // The map with minerals comes first.
        maps.sort_by_key(|m| !m.shown);
        let mut order: Vec<_> = shown.iter().flat_map(|m| &m.classes).filter(|c| c.pixels > 0).collect();
        order.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.value.cmp(&b.value)));
        let spectra = Spectra::of(folder, &order.iter().map(|c| c.value).collect::<Vec<_>>())?;
        let classes = match shown {
            Some(method) => {
                Some((RasterReader::open(&folder.join(format!("{}_classes.tif", method.method)))?, colors(method)))
            }
            None => None,
        };
        let targets = Targets::of(folder, classes.as_ref().map(|(m, c)| (m, c)))?;
        let scores =
            run.maps.iter().map(|m| ScoreView::of(folder, m, run.thresholds(m))).collect::<Result<Vec<_>>>()?;
        let zones = ZonesView::of(folder, run)?;
        let scenes = ScenesView::of(folder, run)?;
        let scene = shortened(&run.subject(), NOTE);
        let mut sections = vec![("map", "Map")];
        sections.extend(scenes.as_ref().map(|_| ("scenes", "Scenes")));
        sections.extend(zones.as_ref().map(|_| ("zones", "Zones")));
        sections.extend(targets.as_ref().map(|_| ("targets", "Ground worth walking")));
        sections.extend(spectra.as_ref().map(|_| ("spectra", "Spectra")));
        sections.push(("scores", "Scores"));
        sections.extend([("warnings", "Warnings"), ("made", "How it was made")]);
        notes.extend(run.notes.iter().cloned());
        Ok(Self {
            title: if shown.is_some() { "Mineral map" } else { "Anomaly map" }.into(),
            summary: summary(run),
            facts: facts(run, footprint.as_ref(), pixel_m),
            sections,
            pins: pins(targets.as_ref()),
            targets_said: targets.as_ref().map_or_else(String::new, targets_said),
            maps,
            scenes,
            zones,
            spectra,
            scores,
            targets,
            notes: notes.iter().map(|n| shortened(n, NOTE)).collect(),
            version: short(&run.alunite),
            backend: shortened(&backends(run), 200),
            command: command_line(&run.command),
            bands: Bands::of(run),
            backgrounds: backgrounds_said(run),
            methods: run.maps.iter().map(|m| MethodRow::of(m, &run.thresholds(m))).collect(),
            inputs: run.inputs().into_iter().map(InputRow::of).collect(),
            timings: times(run),
            ground: histogram::ground(),
            colors: order.iter().map(|c| (c.value, super::maps::hex(c.color))).collect(),
            style: include_str!("style.css"),
            script: include_str!("sort.js"),
            script_hash: BASE64_STANDARD.encode(Sha256::digest(include_str!("sort.js"))),
            scene,
        })
    }

    /// The page as HTML.
    pub(super) fn html(&self) -> Result<String> {
        self.render().map_err(|e| Error::failed("report.html", e))
    }

    // What the template calls.

    fn color(&self, value: &u16) -> &str {
        self.colors.get(value).map_or("transparent", String::as_str)
    }

    fn thousands(&self, n: &u64) -> String {
        thousands(*n)
    }
}

impl ScoreView {
    fn of(folder: &Path, method: &Method, thresholds: Vec<f64>) -> Result<Self> {
        let chart = Histogram::of(folder, method, thresholds)?.map(|h| h.chart());
        Ok(Self {
            title: capital(&method.title),
            unit: if method.unit.is_empty() { "score".into() } else { format!("score, {}", short(&method.unit)) },
            said: chart.as_ref().map_or_else(|| "No pixel has a score.".into(), |c| c.said.clone()),
            chart,
        })
    }
}

/// What computed the map; of a mosaic's scenes all that did.
fn backends(run: &Run) -> String {
    let told = run.told(|facts| facts.backend.clone());
    told.into_iter().map(|(_, backend)| backend).collect::<Vec<_>>().join("; ")
}

/// The run in a sentence or two.
fn summary(run: &Run) -> String {
    let Some(method) = run.shown() else {
        return "No minerals were looked for: the map shows how far each pixel stands out from its background.".into();
    };
    let (classified, all) = (method.classified(), method.classes.len() as u64);
    let looked = counted(all, "mineral was", "minerals were");
    if method.with_data() == 0 {
        return "No pixel holds data.".into();
    }
    if classified == 0 {
        return format!("No pixel passed a threshold: {looked} looked for, and none was found.");
    }
    let found = method.classes.iter().filter(|c| c.pixels > 0).count() as u64;
    let first = method.classes.iter().max_by_key(|c| (c.pixels, std::cmp::Reverse(c.value)));
    let first = first.map_or_else(String::new, |c| {
        let extent = c.km2.map_or_else(|| counted(c.pixels, "pixel", "pixels"), |km2| format!("{} km²", area(km2)));
        format!(" The most widespread is {}, with {extent}.", short(&c.name))
    });
    let found = if found == all && all > 1 { "all".into() } else { thousands(found) };
    format!(
        "{looked} looked for and {found} found, on {} % of the ground with data.{first}",
        percent(classified, method.with_data())
    )
}

fn facts(run: &Run, footprint: Option<&Footprint>, pixel_m: Option<f64>) -> Vec<(&'static str, String)> {
    let grid = run.map();
    let mut facts = Vec::new();
    if run.scenes.len() > 1 {
        facts.push(("Scenes", thousands(run.scenes.len() as u64)));
    }
    if let Some(method) = run.shown() {
        let found = method.classes.iter().filter(|c| c.pixels > 0).count();
        facts.push(("Minerals found", format!("{found} of {}", method.classes.len())));
        facts.push(("Classified", format!("{} %", percent(method.classified(), method.with_data()))));
        if let Some(km2) = method.classes.iter().map(|c| c.km2).sum::<Option<f64>>() {
            facts.push(("Area classified", format!("{} km²", area(km2))));
        }
    }
    facts.push(("Map", format!("{} × {} pixels", thousands(grid.samples as u64), thousands(grid.lines as u64))));
    if let Some(metres) = pixel_m {
        facts.push(("Pixel", format!("{} m", number(metres))));
    }
    if let Some(footprint) = footprint {
        let [west, south, east, north] = footprint.bounds();
        let east = if east < west { east + 360.0 } else { east };
        let middle = (west + east) / 2.0;
        let middle = if middle > 180.0 { middle - 360.0 } else { middle };
        facts.push(("Centre", coordinates((south + north) / 2.0, middle, 3)));
        facts.extend(footprint.code.clone().or(footprint.name.clone()).map(|name| ("Grid", short(&name))));
    }
    facts
}

fn pins(targets: Option<&Targets>) -> Vec<Pin> {
    let rows = targets.map_or(&[][..], |t| &t.rows);
    let percent = |v: f64| format!("{v:.2}");
    rows.iter()
        .filter_map(|t| t.pin.map(|(left, top)| Pin { rank: t.rank.clone(), left: percent(left), top: percent(top) }))
        .take(PINS)
        .collect()
}

fn targets_said(targets: &Targets) -> String {
    if targets.count == 0 {
        return "No area is large and sure enough to be worth a walk.".into();
    }
    let shown = targets.rows.len() as u64;
    let more = if shown < targets.count { format!(" The first {shown} are shown;") } else { String::new() };
    let all = counted(targets.count, "area, the best first.", "areas, the best first.");
    let pins = match targets.rows.iter().filter(|t| t.pin.is_some()).count().min(PINS) {
        0 => String::new(),
        n => format!(" The numbers on the map are the first {n}."),
    };
    format!("{all}{more} targets.gpkg holds their outlines for a GIS or a GPS.{pins}")
}

//! The scenes of a mosaic: which each pixel of a map came from.

use std::path::Path;

use super::maps::{Row, Table, classes};
use super::picture::{Colors, Image};
use super::run::{Method, Run};
use super::text::{short, thousands};
use crate::error::Result;
use crate::map::Legend;

/// The scenes that went into a mosaic.
pub(super) struct ScenesView {
    pub said: String,
    pub image: Option<Image>,
    pub alt: String,
    pub table: Table,
}

impl ScenesView {
    /// Of a run of several scenes, as its first map with classes shows them; of the first map where none has any.
    pub(super) fn of(folder: &Path, run: &Run) -> Result<Option<Self>> {
        let Some(method) = run.shown().or(run.maps.first()).filter(|_| run.scenes.len() > 1) else { return Ok(None) };
        let names: Vec<String> = run.scenes.iter().map(|scene| scene.name.clone()).collect();
        let legend = Legend::of_scenes(&names)?;
        let colors = Colors(legend.entries.iter().map(|e| (e.value, e.color)).collect(), legend.nodata);
        let file = folder.join(format!("{}_source.tif", method.method));
        let shown: Vec<String> = names.iter().map(|name| short(name)).collect();
        Ok(Some(Self {
            said: said(run, method),
            image: file.exists().then(|| classes(&file, &colors)).transpose()?,
            alt: format!("Map of the scene of each pixel: {}", shown.join(", ")),
            table: table(run, method, &legend),
        }))
    }
}

fn said(run: &Run, method: &Method) -> String {
    let rule = match run.overlap.as_str() {
        "best" => " Where they overlap, the best score wins.",
        "first" => " Where they overlap, the first on the command line is shown.",
        "last" => " Where they overlap, the last on the command line is shown.",
        _ => "",
    };
    let one = match run.maps.len() {
        0 | 1 => String::new(),
        _ => format!(" Every method chooses by itself; this is where {} took its pixels from.", short(&method.method)),
    };
    let scenes = thousands(run.scenes.len() as u64);
    format!(
        "{scenes} scenes were mapped, each on its own pixels; their results went to one map, in which each place counts \
         once.{rule}{one}"
    )
}

/// In the order of the command line.
fn table(run: &Run, method: &Method, legend: &Legend) -> Table {
    let pixels = |i: usize| run.scenes[i].pixels.get(&method.method).copied().unwrap_or(0);
    let all: u64 = (0..run.scenes.len()).map(pixels).sum();
    let row =
        |(i, entry): (usize, &crate::map::LegendEntry)| Row::of((entry.color, &entry.name), (pixels(i), None), all);
    Table {
        title: "Pixels of each scene".into(),
        caption: "Per cent of the ground with data.".into(),
        of: "scene",
        with_area: false,
        with_threshold: false,
        rows: legend.entries.iter().enumerate().map(row).collect(),
        rest: vec![Row::of_rest("no data", method.nodata_pixels, all)],
        absent: Vec::new(),
        absent_said: String::new(),
    }
}

//! Maps with their tables of areas.

use std::collections::HashMap;
use std::path::Path;

use super::picture::{Colors, Image};
use super::run::{Class, Method, Run, Zone};
use super::text::{area, capital, counted, digits, number, percent, short, thousands};
use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::map::{RasterReader, map_of};

/// Longest side of maps other than the first, in pixels.
const SIDE: usize = 700;
/// Maps of fewer pixels than this are shown pixel by pixel.
const SMALL: usize = 500;

/// A map of the report.
pub(super) struct MapView {
    /// Whether it is the map over the scene.
    pub shown: bool,
    pub title: String,
    pub said: String,
    pub image: Option<Image>,
    pub alt: String,
    pub caption: String,
    pub enlarged: bool,
    pub scale: Option<Scale>,
    pub table: Option<Table>,
}

/// A length on the ground below a map.
pub(super) struct Scale {
    /// Of the map's width.
    pub percent: String,
    pub label: String,
}

/// Areas of classes or zones, the largest first.
pub(super) struct Table {
    pub title: String,
    pub caption: String,
    pub of: &'static str,
    pub with_area: bool,
    pub with_threshold: bool,
    pub rows: Vec<Row>,
    /// Unclassified and no data.
    pub rest: Vec<Row>,
    /// What was looked for and not found.
    pub absent: Vec<String>,
    pub absent_said: String,
}

/// A line of a table: numbers in full for whoever reads the page by machine, and as they are shown.
#[derive(Default)]
pub(super) struct Row {
    pub color: String,
    pub name: String,
    pub pixels: u64,
    pub pixels_text: String,
    pub km2: String,
    pub km2_text: String,
    pub share: String,
    pub threshold: String,
    pub threshold_text: String,
}

/// The zones of alteration.
pub(super) struct ZonesView {
    pub said: String,
    pub image: Option<Image>,
    pub alt: String,
    pub table: Option<Table>,
}

impl MapView {
    /// Of a method; the map over the scene comes from the run's picture, others from their rasters.
    pub(super) fn of(
        folder: &Path,
        method: &Method,
        shown: bool,
        grid: &MapGrid,
        pixel_m: Option<f64>,
    ) -> Result<Self> {
        let has_classes = !method.classes.is_empty();
        let file = |name: &str| folder.join(format!("{}_{name}.tif", method.method));
        let (image, over) = if shown {
            match over_scene(&folder.join("quicklook.png")) {
                Ok(image) => (Some(image), true),
                // Without the picture the classes lie on nothing.
                Err(_) => (Some(classes(&file("classes"), &colors(method))?), false),
            }
        } else if has_classes {
            (Some(classes(&file("classes"), &colors(method))?), false)
        } else {
            (Some(Image::of_numbers(&RasterReader::open(&file("scores"))?, SIDE)?), false)
        };
        let title = format!("{} ({})", capital(&method.title), short(&method.method));
        let north_up = grid.grid.geotransform.is_some_and(|g| g[2] == 0.0 && g[4] == 0.0 && g[5] < 0.0);
        let caption = match (has_classes, over) {
            (true, true) => "Classes in the light of the scene’s middle band in use; grey ground is unclassified.",
            (true, false) => "Classes; ground without colour is unclassified or holds no data.",
            (false, _) => "Scores, from the 2nd percentile (dark) to the 98th (light).",
        };
        Ok(Self {
            shown,
            said: said(method),
            alt: alt(method, &title),
            caption: format!("{caption}{}", if north_up { " North is up." } else { "" }),
            enlarged: over || grid.samples.max(grid.lines) < SMALL,
            scale: pixel_m.and_then(|metres| Scale::of(metres, grid.samples)),
            table: has_classes.then(|| Table::of_classes(method, &title)),
            image,
            title,
        })
    }
}

fn over_scene(picture: &Path) -> Result<Image> {
    let bytes = std::fs::read(picture).map_err(|e| Error::unopened(picture, &e))?;
    Image::of(&map_of(&bytes)?)
}

pub(super) fn classes(file: &Path, colors: &Colors) -> Result<Image> {
    let map = RasterReader::open(file)?;
    let whole = crate::tile::Window { x: 0, y: 0, width: map.map.samples, height: map.map.lines };
    Image::of_window(&map, whole, SIDE, colors)
}

/// The colours of a method's classes.
pub(super) fn colors(method: &Method) -> Colors {
    Colors(method.classes.iter().map(|c| (c.value, c.color)).collect::<HashMap<_, _>>(), method.nodata())
}

pub(super) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn said(method: &Method) -> String {
    let title = capital(&method.title);
    if method.classes.is_empty() {
        return format!("{title}: a score for every pixel, without classes.");
    }
    format!(
        "Every pixel has the mineral that it resembles most by {}, if the score passes that mineral’s threshold.",
        lower(&title)
    )
}

/// A title within a sentence.
fn lower(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.next()) {
        // Not of an acronym or of a name.
        (Some(first), Some(second)) if second.is_lowercase() => {
            format!("the {}{}", first.to_lowercase(), &title[first.len_utf8()..])
        }
        _ => title.to_owned(),
    }
}

fn alt(method: &Method, title: &str) -> String {
    let mut largest: Vec<&Class> = method.classes.iter().filter(|c| c.pixels > 0).collect();
    largest.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.value.cmp(&b.value)));
    let names: Vec<String> = largest.iter().take(4).map(|c| short(&c.name)).collect();
    match (method.classes.is_empty(), names.is_empty()) {
        (true, _) => format!("Picture of the scores of {title}"),
        (false, true) => format!("Map of {title}: no pixel is classified"),
        (false, false) => format!("Map of {title}: most of all {}", names.join(", ")),
    }
}

impl Scale {
    /// A round length of at most a third of a map so many pixels wide.
    fn of(metres: f64, samples: usize) -> Option<Self> {
        let width = metres * samples as f64;
        let longest = width / 3.0;
        if !(longest.is_finite() && longest > 0.0) {
            return None;
        }
        let power = 10_f64.powf(longest.log10().floor());
        let length = [5.0, 2.0, 1.0].into_iter().map(|n| n * power).find(|l| *l <= longest)?;
        let label =
            if length >= 1000.0 { format!("{} km", number(length / 1000.0)) } else { format!("{} m", number(length)) };
        Some(Self { percent: format!("{:.2}", 100.0 * length / width), label })
    }
}

impl Table {
    fn of_classes(method: &Method, title: &str) -> Self {
        let all = method.with_data();
        let one = method.classes.iter().all(|c| c.threshold == method.classes[0].threshold);
        let mut found: Vec<&Class> = method.classes.iter().filter(|c| c.pixels > 0).collect();
        found.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.value.cmp(&b.value)));
        let row = |c: &&Class| Row {
            threshold: c.threshold.map_or_else(String::new, |t| t.to_string()),
            threshold_text: c.threshold.map_or_else(String::new, |t| digits(t, 4)),
            ..Row::of((c.color, &c.name), (c.pixels, c.km2), all)
        };
        let absent: Vec<String> = method.classes.iter().filter(|c| c.pixels == 0).map(|c| short(&c.name)).collect();
        let threshold = match (method.classes[0].threshold, method.unit.as_str()) {
            (None, _) if one => " Each scene has thresholds of its own.".into(),
            (Some(threshold), "") if one => format!(" Threshold {}.", digits(threshold, 4)),
            (Some(threshold), unit) if one => format!(" Threshold {} {}.", digits(threshold, 4), short(unit)),
            _ => String::new(),
        };
        let rest = [("unclassified", method.unclassified_pixels), ("no data", method.nodata_pixels)];
        Self {
            title: format!("Areas by {title}"),
            caption: format!("Per cent of the ground with data.{threshold}"),
            of: "mineral",
            with_area: method.classes.iter().all(|c| c.km2.is_some()),
            with_threshold: !one,
            rows: found.iter().map(row).collect(),
            rest: rest.iter().map(|&(name, pixels)| Row::of_rest(name, pixels, all)).collect(),
            absent_said: match found.is_empty() {
                true => format!("{} looked for", counted(absent.len() as u64, "mineral", "minerals")),
                false => format!("{} more looked for and not found", thousands(absent.len() as u64)),
            },
            absent,
        }
    }

    fn of_zones(zones: &[Zone], all: u64) -> Self {
        let mut found: Vec<&Zone> = zones.iter().filter(|z| z.pixels > 0).collect();
        found.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.value.cmp(&b.value)));
        let absent: Vec<String> = zones.iter().filter(|z| z.pixels == 0).map(|z| short(&z.name)).collect();
        Self {
            title: "Areas of the zones".into(),
            caption: "Per cent of the ground with data.".into(),
            of: "zone",
            with_area: zones.iter().all(|z| z.km2.is_some()),
            with_threshold: false,
            rows: found.iter().map(|z| Row::of((z.color, &z.name), (z.pixels, z.km2), all)).collect(),
            rest: Vec::new(),
            absent_said: format!("{} not found", counted(absent.len() as u64, "zone", "zones")),
            absent,
        }
    }
}

impl Row {
    pub(super) fn of((color, name): ([u8; 3], &str), (pixels, km2): (u64, Option<f64>), all: u64) -> Self {
        Self {
            color: hex(color),
            name: short(name),
            pixels,
            pixels_text: thousands(pixels),
            km2: km2.map_or_else(String::new, |v| v.to_string()),
            km2_text: km2.map_or_else(String::new, area),
            share: percent(pixels, all),
            ..Self::default()
        }
    }

    /// A line of the foot; what holds no data is no part of the ground with data.
    pub(super) fn of_rest(name: &str, pixels: u64, all: u64) -> Self {
        let share = if name == "no data" { String::new() } else { percent(pixels, all) };
        Self { name: name.into(), pixels, pixels_text: thousands(pixels), share, ..Self::default() }
    }
}

impl ZonesView {
    /// Of a run that made zones.
    pub(super) fn of(folder: &Path, run: &Run) -> Result<Option<Self>> {
        let file = folder.join("alteration.tif");
        if run.zones.is_empty() || !file.exists() {
            return Ok(None);
        }
        let nodata = if run.zones.len() <= 254 { 255 } else { u16::MAX };
        let colors = Colors(run.zones.iter().map(|z| (z.value, z.color)).collect(), nodata);
        let names: Vec<String> = run.zones.iter().filter(|z| z.pixels > 0).map(|z| short(&z.name)).collect();
        let all = run.shown().map_or(0, Method::with_data);
        Ok(Some(Self {
            said: "Minerals grouped by the rules of the run; where several zones would fit, the first of the rules stands.".into(),
            image: Some(classes(&file, &colors)?),
            alt: format!("Map of alteration zones: {}", if names.is_empty() { "none".into() } else { names.join(", ") }),
            table: Some(Table::of_zones(&run.zones, all)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_a_round_length_of_at_most_a_third() {
        let scale = Scale::of(60.0, 400).unwrap();
        assert_eq!((scale.label.as_str(), scale.percent.as_str()), ("5 km", "20.83"));
        assert!(Scale::of(0.0, 400).is_none() && Scale::of(f64::NAN, 400).is_none());
    }

    #[test]
    fn titles_stand_within_a_sentence() {
        assert_eq!([lower("Spectral angle"), lower("RX anomaly")], ["the spectral angle", "RX anomaly"]);
    }
}

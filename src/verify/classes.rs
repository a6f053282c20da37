//! Class maps against what the report says of them.

use std::path::Path;

use serde_json::Value;

use super::Check;
use crate::error::{Error, Result};
use crate::map::Legend;
use crate::map::area::km2;
use crate::map::{PixelAreas, RasterReader};
use crate::methods;

/// Lines of a name list that an answer quotes.
const QUOTED: usize = 60;

/// Of each method and of the alteration zones: size, place, pixels, areas, names and colours.
pub(super) fn all(folder: &Path, report: &Value) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut look = |file: String, map: &Value, classes: &Value, has_rest: bool| {
        let found = Classes::of(&folder.join(&file), report, map, classes, has_rest);
        checks.extend(match found {
            Ok(wrong) if wrong.is_empty() => vec![Check::good(file, "has the pixels, names and colours of run.json")],
            Ok(wrong) => wrong.into_iter().map(|what| Check::bad(file.clone(), what)).collect(),
            Err(e) => vec![Check::bad(file, e.to_string())],
        });
    };
    let mut strange = Vec::new();
    for map in report["maps"].as_array().into_iter().flatten() {
        // Only words that methods have become parts of paths.
        match map["method"].as_str().and_then(methods::find) {
            Some(method) if method.has_targets() => {
                look(format!("{}_classes.tif", method.word()), map, &map["classes"], true);
            }
            Some(method) => {
                let file = format!("{}_scores.tif", method.word());
                look(file, map, &Value::Null, true);
            }
            None => {
                strange.push(Check::bad("maps", format!("run.json names the method {}, which is none", map["method"])))
            }
        }
    }
    if report["zones"].as_array().is_some_and(|zones| !zones.is_empty()) {
        look("alteration.tif".to_owned(), &Value::Null, &report["zones"], false);
    }
    checks.extend(strange);
    checks
}

/// Pixels and area of each value, and pixels of all others.
struct Classes {
    counts: Vec<(u64, u128)>,
    nodata: u64,
    has_areas: bool,
}

impl Classes {
    /// What is wrong with a class map, or, without classes, with a raster of numbers. `has_rest`: the report counts pixels
    /// that are unclassified and without data.
    fn of(path: &Path, report: &Value, map: &Value, classes: &Value, has_rest: bool) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let classes = classes.as_array();
        let raster = if classes.is_some() { RasterReader::open_classes(path)? } else { RasterReader::open(path)? };
        place(&raster, report, &mut wrong);
        let found = match classes {
            Some(classes) => Self::count(&raster, classes.len())?,
            None => Self::numbers(&raster)?,
        };
        let mut expect = |what: &str, found: u64, expected: &Value| {
            if Some(found) != expected.as_u64() {
                wrong.push(format!("holds {found} pixels {what}, run.json says {expected}"));
            }
        };
        for (i, class) in classes.into_iter().flatten().enumerate() {
            expect(&format!("of value {}", i + 1), found.counts[i + 1].0, &class["pixels"]);
        }
        if has_rest {
            if classes.is_some() {
                expect("unclassified", found.counts[0].0, &map["unclassified_pixels"]);
            }
            expect("without data", found.nodata, &map["nodata_pixels"]);
        }
        if let Some(classes) = classes {
            found.areas(classes, &mut wrong);
            named(&raster, classes, &mut wrong)?;
        }
        Ok(wrong)
    }

    fn count(raster: &RasterReader, classes: usize) -> Result<Self> {
        let areas = PixelAreas::of(&raster.map.grid, raster.map.lines, raster.map.samples)?;
        let mut of_row = vec![0; raster.map.samples];
        let mut found = Self { counts: vec![(0, 0); classes + 1], nodata: 0, has_areas: areas.is_some() };
        for strip in raster.strips() {
            let values = raster.read::<i32>(0, strip)?;
            for (line, row) in (strip.y..).zip(values.chunks_exact(strip.width)) {
                if let Some(areas) = &areas {
                    areas.line(line, strip.x, &mut of_row[..strip.width]);
                }
                for (&value, &area) in row.iter().zip(&of_row) {
                    match usize::try_from(value).ok().and_then(|v| found.counts.get_mut(v)) {
                        Some((pixels, sum)) => (*pixels, *sum) = (*pixels + 1, *sum + u128::from(area)),
                        None => found.nodata += 1,
                    }
                }
            }
        }
        Ok(found)
    }

    /// Pixels without a number in the first band.
    fn numbers(raster: &RasterReader) -> Result<Self> {
        let nodata = raster.nodata(0).map(|v| v as f32);
        let mut found = Self { counts: Vec::new(), nodata: 0, has_areas: false };
        for strip in raster.strips() {
            let values = raster.read::<f32>(0, strip)?;
            found.nodata += values.iter().filter(|v| v.is_nan() || Some(**v) == nodata).count() as u64;
        }
        Ok(found)
    }

    fn areas(&self, classes: &[Value], wrong: &mut Vec<String>) {
        for (class, (_, sum)) in classes.iter().zip(self.counts.iter().skip(1)) {
            let found = self.has_areas.then(|| km2(*sum));
            if class["km2"].as_f64() != found {
                let found = found.map_or("no area".to_owned(), |km2| format!("{km2} km2"));
                wrong.push(format!("holds {found} of value {}, run.json says {}", class["value"], class["km2"]));
            }
        }
    }
}

fn place(raster: &RasterReader, report: &Value, wrong: &mut Vec<String>) {
    let (of, lines, samples) = match &report["mosaic"] {
        Value::Null => (report, "map_lines", "map_samples"),
        mosaic => (mosaic, "lines", "samples"),
    };
    let (lines, samples) = (&of[lines], &of[samples]);
    if (lines.as_u64(), samples.as_u64()) != (Some(raster.map.lines as u64), Some(raster.map.samples as u64)) {
        let size = format!("{} lines and {} samples", raster.map.lines, raster.map.samples);
        wrong.push(format!("has {size}, run.json says {lines} and {samples}"));
    }
    let geotransform = serde_json::to_value(raster.map.grid.geotransform).unwrap_or_default();
    let identity = serde_json::json!([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let expected = Some(&of["geotransform"]).filter(|g| **g != identity).cloned().unwrap_or_default();
    if geotransform != expected {
        wrong.push(format!("has the geotransform {geotransform}, run.json says {expected}"));
    }
}

/// Names as they stand in rasters, on one line, and colours.
fn named(raster: &RasterReader, classes: &[Value], wrong: &mut Vec<String>) -> Result<()> {
    let names: Vec<String> = classes.iter().map(|c| c["name"].as_str().unwrap_or_default().to_owned()).collect();
    let expected = Legend::new(&names).map_err(|e| Error::refused("run.json", e))?;
    let found = raster.category_names();
    if found.is_empty() {
        wrong.push("has no class names: its .aux.xml is missing or empty".to_owned());
    }
    let short = |name: &str| name.chars().take(QUOTED).collect::<String>();
    for (entry, class) in expected.entries.iter().skip(1).zip(classes) {
        if class["value"].as_u64() != Some(entry.value.into()) {
            wrong.push(format!("run.json gives class {} the value {}", entry.value, class["value"]));
        }
        if let Some(name) = found.get(usize::from(entry.value)).filter(|name| **name != entry.name) {
            wrong.push(format!("calls value {} '{}', run.json '{}'", entry.value, short(name), short(&entry.name)));
        }
        let color = serde_json::to_value(raster.color(entry.value)).unwrap_or_default();
        if color != class["color"] {
            wrong.push(format!("draws value {} in {color}, run.json says {}", entry.value, class["color"]));
        }
    }
    if !found.is_empty() && found.len() != expected.entries.len() {
        wrong.push(format!("names {} values, expected {}", found.len(), expected.entries.len()));
    }
    Ok(())
}

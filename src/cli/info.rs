//! `alunite info`

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::options::Reading;
use super::stats::Summary;
use super::{Exit, print, print_json};
use crate::background::Statistics;
use crate::error::{Error, Result};
use crate::library::{Axis, Library};
use crate::map::set_cache_bytes;
use crate::scene::{Description, Quantity, Scene};
use crate::spectrum::Bands;

/// Describe a scene, a library or a statistics file: shape, type, grid, bands, no data, scale, problems.
#[derive(Debug, clap::Args)]
pub(super) struct Info {
    /// The scene, library or statistics; of an ENVI pair, either file.
    file: PathBuf,

    #[command(flatten)]
    reading: Reading,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the file turned out to be.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    Scene { description: Box<Description>, problems: Vec<String> },
    Library(Library),
    Libraries(Vec<Library>),
    Statistics(Summary),
}

pub(super) fn run(args: &Info) -> Result<Exit> {
    // GDAL would take a share of all memory for its blocks.
    set_cache_bytes(512 << 20);
    let found = find(&args.file, &args.reading)?;
    if args.json {
        return print_json(&found).map(|()| Exit::Done);
    }
    let text = match &found {
        Found::Scene { description, problems } => scene_text(description, problems),
        Found::Library(library) => library_text(library),
        Found::Libraries(libraries) => libraries.iter().map(library_text).collect::<Vec<_>>().join("\n"),
        Found::Statistics(summary) => summary.text(),
    };
    print(&text).map(|()| Exit::Done)
}

fn find(path: &Path, reading: &Reading) -> Result<Found> {
    if Statistics::recognises(path) {
        return Ok(Found::Statistics(Summary::of(&Statistics::read(path)?)));
    }
    // Of a CSV that begins otherwise, the library's refusal says how it should.
    if path.is_dir() && Library::recognises(path) {
        return Library::open_all(&[path.to_owned()], reading.unit()).map(Found::Libraries);
    }
    let csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    if csv || Library::recognises(path) {
        return Library::open(path, reading.unit()).map(Found::Library);
    }
    let scene = Scene::open(path, &reading.options())?;
    let mut problems: Vec<String> = scene.description.spectral.as_ref().err().map(with_hint).into_iter().collect();
    problems.extend(scene.check_lookup().as_ref().err().map(with_hint));
    problems.extend(scene.undeclared_fill()?);
    let all: Vec<usize> = (0..scene.description.bands).collect();
    let dead = scene.dead_bands(&all)?;
    if dead.len() == all.len() {
        problems.push("every pixel is no data in every band".into());
    } else if !dead.is_empty() {
        problems.push(format!("no data in every pixel: bands {}", ranges(dead.iter().map(|b| b + 1))));
    }
    Ok(Found::Scene { description: Box::new(scene.description), problems })
}

fn with_hint(error: &Error) -> String {
    error.next_step().map_or_else(|| error.to_string(), |step| format!("{error} ({step})"))
}

/// Ascending numbers as `1-3, 7`.
fn ranges(numbers: impl Iterator<Item = usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for n in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => runs.push((n, n)),
        }
    }
    let text: Vec<String> = runs.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect();
    text.join(", ")
}

fn line(text: &mut String, field: &str, value: impl std::fmt::Display) {
    text.push_str(&format!("{field:<12} {value}\n"));
}

fn bands_text(bands: &Bands) -> String {
    let extent = bands.extent().map_or("none".into(), |(from, to)| format!("{from} to {to}"));
    let sorted = if bands.centres.is_sorted_by(|a, b| a <= b) { "" } else { ", not in ascending order" };
    let width = match bands.fwhm.as_ref().map(|f| f.iter().map(|w| w.0)) {
        None => "no FWHM given".to_owned(),
        Some(widths) => {
            let (least, most) = widths.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), w| (a.min(w), b.max(w)));
            format!("FWHM {least:.2} to {most:.2} nm")
        }
    };
    format!("{} bands, {extent}{sorted}; {width}", bands.len())
}

fn scene_text(d: &Description, problems: &[String]) -> String {
    let mut text = String::new();
    line(&mut text, "scene", d.path.display());
    line(&mut text, "product", d.product.title());
    line(&mut text, "format", d.format);
    line(&mut text, "shape", format_args!("{} lines x {} samples x {} bands", d.lines, d.samples, d.bands));
    let interleave = format!("{:?}", d.interleave).to_uppercase();
    let order = if d.big_endian { "big-endian" } else { "little-endian" };
    line(
        &mut text,
        "values",
        format_args!("{}, {}, {order}, blocks of {} x {}", d.sample_type.name(), interleave, d.block.0, d.block.1),
    );
    match &d.grid.geotransform {
        Some(g) => {
            line(&mut text, "grid", format_args!("{g:?}{}", if g[2] != 0.0 || g[4] != 0.0 { ", rotated" } else { "" }))
        }
        None => line(&mut text, "grid", "no georeferencing"),
    }
    let crs = |wkt: Option<&str>| wkt.and_then(|wkt| wkt.split('"').nth(1)).unwrap_or("none").to_owned();
    line(&mut text, "CRS", crs(d.grid.crs_wkt.as_deref()));
    if let Ok(Some(map)) = &d.lookup {
        let place = map.grid.geotransform.unwrap_or_default();
        let of = crs(map.grid.crs_wkt.as_deref());
        line(&mut text, "map", format_args!("{} lines x {} samples at {place:?}, {of}", map.lines, map.samples));
    }
    match &d.spectral {
        Ok(bands) => line(&mut text, "bands", bands_text(bands)),
        Err(_) => line(&mut text, "bands", format_args!("{}, without usable wavelengths", d.bands)),
    }
    let bad: Vec<usize> = (0..d.good.len()).filter(|&b| !d.good[b]).map(|b| b + 1).collect();
    line(&mut text, "bad bands", if bad.is_empty() { "none flagged".into() } else { ranges(bad.into_iter()) });
    line(&mut text, "no data", d.nodata.map_or("none declared".into(), |v| v.to_string()));
    if !d.quality.is_empty() {
        let words: Vec<&str> = d.quality.iter().map(|q| q.word()).collect();
        line(&mut text, "quality", format_args!("no data where flagged: {}", words.join(", ")));
    }
    let (gain, offset) = (&d.scaling.gain, &d.scaling.offset);
    let quantity = match d.quantity {
        Quantity::Reflectance => "reflectance",
        Quantity::Radiance => "radiance",
    };
    let one = |v: &[f64]| v.iter().all(|x| *x == v[0]);
    match one(gain) && one(offset) {
        true => line(&mut text, "scale", format_args!("{quantity} = stored x {} + {}", gain[0], offset[0])),
        false => line(&mut text, "scale", format_args!("{quantity}; differs from band to band")),
    }
    d.notes.iter().for_each(|n| line(&mut text, "note", n));
    problems.iter().for_each(|p| line(&mut text, "PROBLEM", p));
    text
}

fn library_text(library: &Library) -> String {
    let mut text = String::new();
    line(&mut text, "library", library.path.display());
    line(&mut text, "format", library.format);
    match &library.axis {
        Ok(Axis::Wavelengths(bands)) => line(&mut text, "channels", bands_text(bands)),
        Ok(Axis::Channels(n)) => line(&mut text, "channels", format_args!("{n}, without wavelengths")),
        Err(problem) => line(&mut text, "PROBLEM", with_hint(problem)),
    }
    line(&mut text, "spectra", library.spectra.len());
    for spectrum in &library.spectra {
        let deleted = spectrum.values.iter().filter(|v| v.is_nan()).count();
        let deleted = if deleted == 0 { String::new() } else { format!("  ({deleted} channels deleted)") };
        text.push_str(&format!("  {}{deleted}\n", spectrum.name));
    }
    library.notes.iter().for_each(|n| line(&mut text, "note", n));
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_of_numbers_are_written_short() {
        assert_eq!(super::ranges([1, 2, 3, 7, 9, 10].into_iter()), "1-3, 7, 9-10");
    }
}

//! `alunite targets`

use std::path::{Path, PathBuf};

use tracing::info_span;

use super::options::Resources;
use super::{Exit, print, print_json, say, value};
use crate::areas::{Areas, By, Evidence, SHARES, Settings, Weights, find};
use crate::error::{Error, Result};
use crate::map::set_cache_bytes;
use crate::map::vector::Destination;
use crate::pipeline::TARGETS;

/// Areas that are printed.
const SHOWN: usize = 15;

/// Turn a finished map into ranked target areas: outlines with mineral, zone, size and evidence.
///
/// Pixels that pass their threshold are cleaned, joined where they touch, and left out where they are too few. The areas are
/// ranked by size, strength and lead of their scores, the worth of their zone, agreement of the run's methods, and surveys.
#[derive(Debug, clap::Args)]
pub(super) struct Targets {
    /// The folder of a finished map.
    folder: PathBuf,

    /// Where to write them: a file (.gpkg, .geojson, .fgb, .shp ...) or a database such as "PG:host=… dbname=…"; targets.gpkg
    /// in the folder unless given.
    #[arg(long, short, value_name = "FILE|CONNECTION")]
    out: Option<String>,

    /// GDAL's name of the format, instead of what the file's extension says.
    #[arg(long, value_name = "DRIVER")]
    format: Option<String>,

    /// Name of the layer or table.
    #[arg(long, value_name = "NAME", default_value = "targets")]
    layer: String,

    /// What is joined into areas; zones, where the map has them, unless given.
    #[arg(long, value_enum)]
    by: Option<By>,

    /// The method whose classes and scores are used; the first of the run unless given.
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,

    /// Cleaning before pixels are joined: majority gives each what most of its 3 x 3 neighbourhood has.
    #[arg(long, value_enum, default_value = "majority")]
    clean: Clean,

    /// The smallest area, in square metres; nine pixels unless given.
    #[arg(long, value_name = "M2", value_parser = positive)]
    min_area: Option<f64>,

    /// Join pixels that touch at a corner, too.
    #[arg(long)]
    diagonal: bool,

    /// How much each share of an area's score counts, such as size=2,zone=0.5; 1 unless given. The shares: size, strength,
    /// margin, zone, agreement.
    #[arg(long, value_name = "SHARE=WEIGHT,…", value_delimiter = ',')]
    weight: Vec<String>,

    /// Another survey that speaks for areas, as a raster of any grid, and how much it counts; a negative weight where low
    /// values speak for them, as distances do. May be given several times.
    #[arg(long, value_name = "RASTER=WEIGHT", value_parser = value::<Evidence>)]
    evidence: Vec<Evidence>,

    /// Replace a file or table that is there already.
    #[arg(long)]
    overwrite: bool,

    /// Print the areas as JSON on standard output.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    resources: Resources,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Clean {
    Majority,
    None,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err(format!("'{text}' is not a number above zero")),
    }
}

pub(super) fn run(args: &Targets) -> Result<Exit> {
    set_cache_bytes(args.resources.ceiling() / 8);
    let beside = || args.folder.join(TARGETS).to_string_lossy().into_owned();
    let to = Destination::parse(&args.out.clone().unwrap_or_else(beside), args.format.as_deref())?;
    if let Destination::File(path, _) = &to {
        crate::files::refuse_to_replace(path, args.overwrite)?;
    }
    let settings = Settings {
        method: args.method.clone(),
        by: args.by,
        majority: args.clean == Clean::Majority,
        diagonal: args.diagonal,
        min_area_m2: args.min_area,
        weights: weights(&args.weight)?,
        evidence: args.evidence.clone(),
        max_memory: args.resources.limits().max_memory,
        strip_lines: args.resources.limits().tile_lines,
    };
    let areas = args.resources.traced(|| {
        let _span = info_span!("target areas").entered();
        let areas = find(&args.folder, &settings)?;
        areas.table(&args.layer).write(&to, args.overwrite)?;
        Ok(areas)
    })?;
    match args.json {
        true => print_json(&areas)?,
        false => print(&text(&areas))?,
    }
    if let Some(note) = &areas.note {
        say!("note: {note}");
    }
    say!("wrote {}", to.label());
    Ok(Exit::Done)
}

/// Makes the areas of a map that was just made, with nothing chosen.
pub(super) fn beside_maps(folder: &Path, resources: &Resources) -> Result<()> {
    let _span = info_span!("target areas").entered();
    set_cache_bytes(resources.ceiling() / 8);
    let areas = find(folder, &Settings { max_memory: resources.limits().max_memory, ..Settings::default() })?;
    let path = folder.join(TARGETS);
    areas.table("targets").write(&Destination::parse(&path.to_string_lossy(), None)?, true)?;
    if !resources.quiet() {
        say!("wrote {}: {} target areas", path.display(), areas.areas.len());
    }
    Ok(())
}

fn weights(given: &[String]) -> Result<Weights> {
    let mut weights = Weights::default();
    for one in given {
        let refused = |what: String| {
            Error::refused(format!("--weight {one}"), what).hint(format!("the shares are {}", SHARES.join(", ")))
        };
        let (name, weight) = one.split_once('=').ok_or_else(|| refused("is not SHARE=WEIGHT".into()))?;
        let at = SHARES.iter().position(|s| *s == name.trim());
        let weight = weight.trim().parse().ok().filter(|w: &f64| *w >= 0.0 && w.is_finite());
        match (at, weight) {
            (Some(at), Some(weight)) => weights.0[at] = weight,
            (None, _) => return Err(refused(format!("there is no share '{name}'"))),
            (_, None) => return Err(refused("the weight is not a number of 0 or more".into())),
        }
    }
    Ok(weights)
}

fn text(found: &Areas) -> String {
    let least = match found.least_m2 {
        Some(m2) => format!("{m2} m2"),
        None => format!("{} pixels", found.least_pixels.unwrap_or(0)),
    };
    let by = match found.by {
        By::Zone => "zones",
        By::Mineral => "minerals",
    };
    let mut text = format!(
        "{} areas of {by} by {}; {} smaller than {least} left out\n\n{:>5} {:>6} {:>12}  {:<22} {:<30}",
        found.areas.len(),
        found.method,
        found.small,
        "rank",
        "score",
        "area",
        "zone",
        "mineral"
    );
    SHARES.iter().for_each(|share| text.push_str(&format!(" {share:>9}")));
    found.evidence.iter().for_each(|name| text.push_str(&format!(" {name:>9}")));
    text.push('\n');
    for area in found.areas.iter().take(SHOWN) {
        let size = area.area_m2.map_or(format!("{} px", area.pixels), |m2| format!("{:.2} ha", m2 / 1e4));
        let short = |name: &Option<String>, most: usize| -> String {
            name.as_deref().unwrap_or("").chars().take(most).collect()
        };
        text.push_str(&format!(
            "{:>5} {:>6.3} {size:>12}  {:<22} {:<30}",
            area.rank,
            area.score,
            short(&area.zone, 22),
            short(&area.mineral, 30)
        ));
        for share in area.shares.iter().chain(&area.evidence) {
            text.push_str(&share.map_or(format!(" {:>9}", "-"), |s| format!(" {s:>9.3}")));
        }
        text.push('\n');
    }
    if found.areas.len() > SHOWN {
        text.push_str(&format!("      and {} more\n", found.areas.len() - SHOWN));
    }
    text
}

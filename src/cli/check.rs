//! `alunite check`

use std::path::PathBuf;

use super::options::Question;
use super::{Exit, print, print_json};
use crate::error::Result;
use crate::map::set_cache_bytes;
use crate::pipeline::{Check as Found, Detectability, Level, check};

/// GDAL would take a share of all memory for its blocks.
const CACHE: u64 = 512 << 20;

/// Targets and pairs that are printed.
const SHOWN: usize = 12;

/// Look whether a map would be right, before it is made: the scene, the libraries, and how they go together.
///
/// Units, order and overlap of bands, widths, scale, fill, georeferencing, coverage; which absorptions of each mineral the
/// bands in use still see; which targets the scene's noise cannot tell apart. Takes the options of `map`. Exit code 2 when a
/// map would be refused.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The scene: an ENVI cube (either of its two files), a GeoTIFF, or a delivery (its folder, metadata or netCDF file).
    scene: PathBuf,

    #[command(flatten)]
    question: Question,

    /// Print what was found as JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Check) -> Result<Exit> {
    set_cache_bytes(CACHE);
    let found = check(&args.question.request(&args.scene)?);
    match args.json {
        true => print_json(&found)?,
        false => print(&text(&found))?,
    }
    Ok(if found.refuses() { Exit::Refused } else { Exit::Done })
}

/// One screen.
fn text(found: &Found) -> String {
    let mut text = format!("{}\n", found.scene.display());
    if let (Some(product), Some([lines, samples, bands])) = (found.product, found.size) {
        let in_use = found.bands_in_use.map_or(String::new(), |n| format!(", {n} in use"));
        text.push_str(&format!("{}, {lines} x {samples} pixels, {bands} bands{in_use}\n", product.title()));
    }
    text.push('\n');
    for finding in &found.findings {
        let level = match finding.level {
            Level::Good => "ok",
            Level::Note => "",
            Level::Warning => "warning",
            Level::Error => "ERROR",
        };
        text.push_str(&format!("{level:<8} {:<14} {}\n", finding.about, finding.text));
        if let Some(next) = &finding.next {
            text.push_str(&format!("{:23} -> {next}\n", ""));
        }
    }
    text.push_str(&absorptions(&found.detectability));
    text.push_str(&pairs(found));
    let count = |level| found.findings.iter().filter(|f| f.level == level).count();
    text.push_str(&match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => "\nnothing stands against a map\n".to_owned(),
        (0, warnings) => format!("\na map can be made; {warnings} warnings\n"),
        (errors, _) => format!("\nno map would be made: {errors} errors\n"),
    });
    text
}

/// Targets with absorptions that no band in use sees, those that keep the smallest share first.
fn absorptions(all: &[Detectability]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let kept = |d: &Detectability| d.features.iter().filter(|f| f.kept).count();
    let mut worse: Vec<&Detectability> = all.iter().filter(|d| kept(d) < d.features.len()).collect();
    worse.sort_by(|a, b| {
        let share = |d: &Detectability| kept(d) as f64 / d.features.len() as f64;
        share(a).total_cmp(&share(b))
    });
    let mut text = format!(
        "\nthe bands in use see every absorption (3 % or more) of {} of {} targets\n",
        all.len() - worse.len(),
        all.len()
    );
    for one in worse.iter().take(SHOWN) {
        let lost = one.features.iter().filter(|f| !f.kept).map(|f| format!("{:.0}", f.feature.centre_nm.0));
        let lost = lost.collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "  {:>2} of {:<2} {}; not that at {lost} nm\n",
            kept(one),
            one.features.len(),
            one.target
        ));
    }
    text + &more(worse.len())
}

fn pairs(found: &Found) -> String {
    let pairs = &found.close_pairs;
    if found.sampled.is_none() || found.detectability.len() < 2 {
        return String::new();
    }
    if pairs.is_empty() {
        return "\nthe scene's noise separates all targets\n".to_owned();
    }
    let mut text = "\ntargets closer than the scene's noise, and the share of pixels that it mistakes\n".to_owned();
    for pair in pairs.iter().take(SHOWN) {
        text.push_str(&format!("  {:>3.0} %    {} and {}\n", 100.0 * pair.mistaken, pair.targets[0], pair.targets[1]));
    }
    text + &more(pairs.len())
}

fn more(all: usize) -> String {
    if all > SHOWN { format!("  and {} more: --json has all\n", all - SHOWN) } else { String::new() }
}

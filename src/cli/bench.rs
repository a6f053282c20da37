//! `alunite bench`

use std::path::PathBuf;

use super::options::{Question, Resources};
use super::progress::Progress;
use super::{Exit, print, print_json};
use crate::compute::Clock;
use crate::error::Result;
use crate::map::set_cache_bytes;
use crate::pipeline::{BackendChoice, Bench as Found, Comparison, Observer as _, Stage, Timed, bench, plan};

/// Compare the CPU with the GPU on a scene: how fast each maps it, and on what it spends its time.
///
/// Both map the scene in turns, after it was read once, into a temporary folder (TMPDIR) that is removed; first it is
/// checked that their maps agree. A background that methods need is made before, by the CPU, and not timed. What is timed
/// is the pass over the scene, from the file to scores on the disk, without putting maps together.
#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    /// The scene: an ENVI cube (either of its two files), a GeoTIFF, or a delivery (its folder, metadata or netCDF file).
    scene: PathBuf,

    #[command(flatten)]
    question: Question,

    /// Map only so many of the scene's first lines.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    lines: Option<u32>,

    /// Runs of each, after one that is not timed.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,

    #[command(flatten)]
    resources: Resources,

    /// Print what was found as JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Bench) -> Result<Exit> {
    let found = args.resources.traced(|| compare(args))?;
    match args.json {
        true => print_json(&found)?,
        false => print(&table(&found))?,
    }
    Ok(Exit::Done)
}

fn compare(args: &Bench) -> Result<Found> {
    let progress = Progress::new(args.resources.quiet());
    set_cache_bytes(args.resources.ceiling() / 2);
    let planned = plan(&args.question.request(&args.scene)?)?;
    planned.draft().notes.iter().for_each(|note| progress.note(note));
    let comparison = Comparison { repeats: args.repeats.into(), lines: args.lines.map(|n| n as usize) };
    let settings = args.resources.settings(BackendChoice::Auto);
    let found = bench(&planned, &settings, &args.resources.limits(), comparison, &progress);
    progress.done();
    found
}

/// A row for each backend, and what the columns mean.
fn table(found: &Found) -> String {
    let Found { lines, samples, bands, targets, tiles, bytes, backends, .. } = found;
    let mut text = format!(
        "{}: {lines} x {samples} pixels, {bands} bands, {targets} targets, {}; {:.2} GB in {tiles} tiles\n\n",
        found.scene.display(),
        found.methods.join(", "),
        *bytes as f64 / 1e9
    );
    text.push_str(&format!("{:>10}  {:>9}  {:>6}", "seconds", "Mpixel/s", "GB/s"));
    STAGES.iter().for_each(|(_, name)| text.push_str(&format!("  {name:>9}")));
    text.push_str("  bound by\n");
    for Timed { backend, wall_s, pixels_per_s, bytes_per_s, shares, bound_by, .. } in backends {
        let (pixels, bytes) = (pixels_per_s / 1e6, bytes_per_s / 1e9);
        text.push_str(&format!("{backend}\n{wall_s:>10.3}  {pixels:>9.2}  {bytes:>6.2}"));
        for (stage, _) in STAGES {
            let share = shares.iter().find(|(of, _)| *of == stage);
            let share = share.map_or("-".to_owned(), |(_, share)| format!("{:.0} %", 100.0 * share));
            text.push_str(&format!("  {share:>9}"));
        }
        let bound = STAGES.iter().find(|(stage, _)| stage == bound_by).map_or("", |(_, name)| name);
        text.push_str(&format!("  {bound}\n"));
    }
    text.push_str("\nSeconds are medians. Shares are of that run's time; stages overlap.\n");
    if backends.len() > 1 {
        text.push_str("The maps agree.\n");
    }
    let clock = backends.iter().find_map(|b| b.clock);
    text.push_str(match clock {
        Some(Clock::Device) => {
            "Moving and computing on the GPU are by its own clock, and by the host's where that copies.\n"
        }
        Some(Clock::Host) => {
            "The GPU has no clock: computing is what the host waited for, copies on the device included.\n"
        }
        None => "",
    });
    text
}

/// The stages and their names, in the order of the columns.
const STAGES: [(Stage, &str); 5] = [
    (Stage::Reading, "reading"),
    (Stage::Moving, "moving"),
    (Stage::Computing, "computing"),
    (Stage::Deciding, "deciding"),
    (Stage::Writing, "writing"),
];

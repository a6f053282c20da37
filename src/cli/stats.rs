//! `alunite stats`

use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::info_span;

use super::options::{Bands, Ground, Machine, Reading};
use super::progress::Progress;
use super::{Exit, print, print_json, value};
use crate::background::{FactorFacts, Shrinkage, Statistics};
use crate::error::{Error, Result};
use crate::files::refuse_to_replace;
use crate::map::set_cache_bytes;
use crate::pipeline::{Geometry, Observer as _, Pass, Processor, Request, Shard, plan, remove_parts, statistics};

/// Make the statistics that mf, ace, cem and rx need: mean and covariance of scenes, for `alunite map --stats`.
///
/// The result has the same bits for any tile size and number of threads, also when it is made in shards on several machines
/// and merged; CPU and GPU differ in their last digits. Several scenes are pooled. A run that was killed goes on when the same command is given again.
#[derive(Debug, clap::Args)]
pub(super) struct Stats {
    /// Scenes: ENVI cubes or GeoTIFFs with the same bands.
    #[arg(required_unless_present = "merge", value_name = "SCENE")]
    scenes: Vec<PathBuf>,

    /// Where to write the statistics.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,

    /// Merge files: shards of one scene, or whole scenes.
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = ["scenes", "shard"])]
    merge: Vec<PathBuf>,

    #[command(flatten)]
    bands: Bands,

    /// Only this share of the scene, such as 2/5: the second of five.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = value::<Shard>)]
    shard: Shard,

    #[command(flatten)]
    ground: Ground,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    machine: Machine,

    /// Replace a file that is there already.
    #[arg(long)]
    overwrite: bool,

    /// Print a summary as JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Stats) -> Result<Exit> {
    refuse_to_replace(&args.out, args.overwrite)?;
    if args.scenes.len() > 1 && args.shard != Shard::default() {
        return Err(
            Error::refused("--shard", "is of one scene, and several were named").hint("name one scene a command")
        );
    }
    let whole = args.machine.resources.traced(|| make(args))?;
    let summary = Summary::of(&whole);
    if args.json {
        return print_json(&summary).map(|()| Exit::Done);
    }
    if !args.machine.resources.quiet() {
        print(&summary.text())?;
    }
    Ok(Exit::Done)
}

/// Makes or merges statistics, and writes them.
fn make(args: &Stats) -> Result<Statistics> {
    let made: Result<Vec<(String, Statistics)>> = match args.merge.is_empty() {
        true => (0..).zip(&args.scenes).map(|(i, s)| Ok((s.display().to_string(), of_scene(args, i, s)?))).collect(),
        false => args.merge.iter().map(|file| Ok((file.display().to_string(), Statistics::read(file)?))).collect(),
    };
    let _publishing = info_span!("publish").entered();
    let whole = Statistics::merge(made?)?;
    whole.write(&args.out)?;
    for scene in &args.scenes {
        remove_parts(&parts(&args.out, scene))?;
    }
    Ok(whole)
}

/// The parts of a scene's statistics lie beside the file that is made of them.
fn parts(out: &Path, scene: &Path) -> PathBuf {
    let stem = scene.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".{stem}-parts"));
    name.into()
}

fn of_scene(args: &Stats, index: usize, scene: &Path) -> Result<Statistics> {
    let progress = Progress::new(args.machine.resources.quiet());
    set_cache_bytes(args.machine.resources.ceiling() / 2);
    let request = Request {
        scene: scene.to_owned(),
        scene_options: args.reading.options().of_scene(index, args.scenes.len())?,
        // Any method that needs statistics and no library will do.
        methods: vec!["rx".into()],
        background: args.ground.choice(),
        // Sums are of the swath, whatever its maps look like.
        geometry: Some(Geometry::Swath),
        ..args.bands.request()
    };
    let planned = plan(&request)?;
    planned.draft().notes.iter().for_each(|note| progress.note(note));
    let processor = Processor::open(&args.machine.settings(), &progress)?;
    let (limits, folder) = (args.machine.resources.limits(), parts(&args.out, scene));
    let pass = Pass { processor: &processor, limits: &limits, folder: &folder, observer: &progress };
    statistics(&planned, args.shard, &pass)
}

/// What statistics are, as `stats` and `info` print it.
#[derive(Serialize)]
pub(super) struct Summary {
    scenes: Vec<PathBuf>,
    background: String,
    bands: usize,
    groups: usize,
    /// Whether no shard is missing.
    complete: bool,
    pixels: u64,
    /// Of each group, when complete.
    covariances: Vec<FactorFacts>,
}

impl Summary {
    pub(super) fn of(statistics: &Statistics) -> Self {
        let backgrounds = statistics.backgrounds("statistics").ok();
        let facts = |b: &crate::background::Background| b.factor_covariance(Shrinkage::Auto).map(|f| f.facts).ok();
        Self {
            scenes: statistics.origin.scenes.clone(),
            background: statistics.origin.background.clone(),
            bands: statistics.origin.bands.len(),
            groups: statistics.origin.units.groups(),
            complete: backgrounds.is_some(),
            pixels: statistics.tree.nodes.values().map(|m| m.count).sum(),
            covariances: backgrounds.iter().flatten().flatten().filter_map(facts).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |field: &str, value: &dyn std::fmt::Display| text.push_str(&format!("{field:<12} {value}\n"));
        self.scenes.iter().for_each(|scene| line("scene", &scene.display()));
        line("background", &self.background);
        line("pixels", &self.pixels);
        line("bands", &self.bands);
        match self.groups {
            1 => {}
            groups => line("groups", &format!("{groups} groups of detector columns")),
        }
        if !self.complete {
            line("PART", &"of a scene: merge all shards with `alunite stats --merge`");
        }
        self.covariances.iter().take(2).for_each(|facts| line("covariance", facts));
        text
    }
}

//! `alunite demo`

use std::path::{Path, PathBuf};

use super::map::map;
use super::options::Machine;
use super::{Exit, print, report, say, targets};
use crate::error::{Error, Result};
use crate::library::select::Choice;
use crate::pipeline::{Request, TARGETS, Threshold};
use crate::scene::{Scene, SceneOptions};
use crate::synthetic::{self, Demo as Made, RANGES, SAM_THRESHOLD, Settings, Truth};
use crate::tile::{Samples, Window};

/// Make a synthetic scene with known minerals, map it, and compare the map with the truth.
///
/// The scene has EMIT's 285 bands. Its spectra are modelled from published band positions, not measured.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Folder for the scene (in its subfolder scene) and the maps.
    #[arg(long, short, value_name = "DIR", default_value = "alunite-demo")]
    out: PathBuf,

    /// Lines of the scene.
    #[arg(long, default_value_t = 480, value_parser = clap::value_parser!(u16).range(16..))]
    lines: u16,

    /// Samples of the scene.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(16..))]
    samples: u16,

    /// Another seed gives another scene.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    machine: Machine,

    /// Replace maps that are in the folder already.
    #[arg(long)]
    overwrite: bool,

    /// Leave out report.html, stac.json and spectra.json.
    #[arg(long)]
    no_report: bool,
}

/// A pixel with at least this share of one mineral is pure.
const PURE: f32 = 0.9;

/// Makes scene and maps again, quietly, in another folder.
pub(super) fn remake(args: Demo, out: &Path) -> Result<()> {
    let machine = args.machine.quietly();
    make(&Demo { out: out.to_owned(), overwrite: true, machine, ..args }).map(drop)
}

/// Makes the scene and maps it.
fn make(args: &Demo) -> Result<(Made, Settings)> {
    let settings = Settings { lines: args.lines.into(), samples: args.samples.into(), seed: args.seed };
    say!("making a scene of {} x {} pixels in 285 bands", settings.lines, settings.samples);
    let made = synthetic::write(&args.out.join("scene"), &settings)?;
    let request = Request {
        scene: made.scene.clone(),
        libraries: vec![made.library.clone()],
        targets: Choice::of(made.targets.clone()),
        wavelengths: RANGES.iter().map(|r| r.parse()).collect::<Result<_>>()?,
        methods: vec!["sam".into()],
        thresholds: vec![Threshold { method: None, name: None, value: SAM_THRESHOLD }],
        ..Request::default()
    };
    args.machine.resources.traced(|| {
        map(&request, &args.machine, &args.out, args.overwrite, !args.no_report)?;
        targets::beside_maps(&args.out, &args.machine.resources)?;
        report::at_the_end(&args.out, &args.machine.resources, !args.no_report);
        Ok(())
    })?;
    Ok((made, settings))
}

pub(super) fn run(args: &Demo) -> Result<Exit> {
    let (made, settings) = make(args)?;
    let (right, pure) = agreement(&args.out.join("sam_classes.tif"), &made, &settings)?;
    let at = |name: &str| args.out.join(name).display().to_string();
    print(&format!(
        "agreement with the known truth: {:.2} % of {pure} pure pixels\nmap      {}\nzones    {}\ntargets  {}\npicture  {}\nreport   {}\n",
        100.0 * right as f64 / pure.max(1) as f64,
        at("sam_classes.tif"),
        at("alteration.tif"),
        at(TARGETS),
        at("quicklook.png"),
        at(if args.no_report { "run.json" } else { "report.html" })
    ))?;
    Ok(Exit::Done)
}

/// How many pure pixels got their mineral, and how many pure pixels there are.
fn agreement(map: &Path, made: &Made, settings: &Settings) -> Result<(usize, usize)> {
    let scene = Scene::open(map, &SceneOptions::default())?;
    let all = Window { x: 0, y: 0, width: settings.samples, height: settings.lines };
    let tile = scene.reader(&[0])?.read(all)?;
    let Samples::U8(classes) = &tile.samples else {
        return Err(Error::failed(map.display(), "the class map of the demo is not of bytes"));
    };
    let truth = &made.truth;
    let mineral =
        |&p: &usize| truth.dominant[p] != 0 && truth.dominant[p] != Truth::NODATA && truth.fraction[p] >= PURE;
    let pure: Vec<usize> = (0..all.pixels()).filter(mineral).collect();
    Ok((pure.iter().filter(|&&p| classes[p] == truth.dominant[p]).count(), pure.len()))
}

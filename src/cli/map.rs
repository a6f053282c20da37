//! `alunite map`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::mosaic::{self, Placing};
use super::options::{Machine, Question};
use super::progress::Progress;
use super::{Exit, print_json, report, say, targets, value};
use crate::background::{Basis, Point};
use crate::compute::Task;
use crate::error::{Error, Result};
use crate::files::refuse_to_replace;
use crate::map::{Compression, set_cache_bytes};
use crate::pipeline::{
    self, FalseAlarms, Finished, Geometry, Grounds, Layout, MapReport, Mapped, Observer as _, Opened, Pass, Plan,
    Planned, Processor, Rate, RateReport, Request, Threshold, begin, false_alarms, finish, plan, prepare,
};

/// Map minerals: a scene, or several, and spectral libraries in, a class map with names and colours out.
///
/// Several scenes go to one map; a raster beside each class map then says which scene a pixel came from. Every pixel gets the target it resembles most, if the score passes that target's threshold. Written to the output
/// folder: the class map, the scores and the runner-up (GeoTIFF), styles for QGIS, a picture, and run.json, which says
/// how the map was made. A run that was killed goes on where it stopped when the same command is given again.
#[derive(Debug, clap::Args)]
pub(super) struct Map {
    /// The scenes: an ENVI cube (either of its two files), a GeoTIFF, or a delivery (its folder, metadata or netCDF file).
    /// Several make a mosaic.
    #[arg(required = true, value_name = "SCENE")]
    scenes: Vec<PathBuf>,

    #[command(flatten)]
    question: Question,

    #[command(flatten)]
    placing: Placing,

    /// Folder for the maps.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,

    /// Worst score that is still classified, such as 0.1; Alunite=0.08 for targets of one name, mf:0.2 or
    /// mf:Alunite=0.15 for one of several methods.
    #[arg(long, value_name = "[METHOD:][NAME=]SCORE", allow_hyphen_values = true, value_parser = value::<Threshold>)]
    threshold: Vec<Threshold>,

    /// Thresholds that this share of the scene's own background passes by mistake, such as 1e-4; Alunite=1e-5, mf:1e-4 and
    /// mf:Alunite=1e-5 as of --threshold, which wins where it says more closely what it is of. One more pass measures how
    /// every target scores on the scene, or on the pixels of --background-mask; also writes the rate of every pixel.
    #[arg(long, value_name = "[METHOD:][NAME=]RATE", value_parser = value::<Rate>)]
    false_alarms: Vec<Rate>,

    /// Geometry of the maps of a swath that has a lookup table (EMIT): map, the product's own map, or swath, as the sensor
    /// saw it; map unless given.
    #[arg(long, value_enum, value_name = "GEOMETRY")]
    geometry: Option<Geometry>,

    /// Also write rule images: one band a target with its score everywhere.
    #[arg(long)]
    rules: bool,

    /// How the maps are compressed: deflate; zstd; or lerc=ERROR, which rounds scores and rule images, in their own unit, by
    /// ERROR at most, such as lerc=0.001, and leaves classes and rates of false alarms as they are.
    #[arg(long, value_name = "HOW", default_value = "deflate", value_parser = value::<Compression>)]
    compress: Compression,

    /// Rules of alteration zones (TOML), instead of those shipped, which `alunite zones` prints.
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,

    #[command(flatten)]
    machine: Machine,

    /// Leave out the target areas, which `alunite targets` makes of the maps.
    #[arg(long)]
    no_targets: bool,

    /// Replace maps that are in the output folder already.
    #[arg(long)]
    overwrite: bool,

    /// Leave out report.html, stac.json and spectra.json.
    #[arg(long)]
    no_report: bool,

    /// Print the run's report as JSON on standard output.
    #[arg(long)]
    json: bool,
}

impl Map {
    /// The same run into another folder, quietly and without target areas.
    pub(super) fn again(self, out: &Path) -> Self {
        let machine = self.machine.quietly();
        Self { out: out.to_owned(), overwrite: true, json: false, no_targets: true, machine, ..self }
    }
}

pub(super) fn run(args: &Map) -> Result<Exit> {
    let request = |(index, scene): (usize, &PathBuf)| {
        let request = args.question.request(scene)?;
        Ok(Request {
            scene_options: request.scene_options.of_scene(index, args.scenes.len())?,
            thresholds: args.threshold.clone(),
            false_alarms: args.false_alarms.clone(),
            rules: args.rules,
            compression: args.compress,
            zones: args.zones.clone(),
            geometry: args.geometry,
            ..request
        })
    };
    let requests: Vec<Request> = args.scenes.iter().enumerate().map(request).collect::<Result<_>>()?;
    let (machine, layout) = (&args.machine, args.placing.layout());
    machine.resources.traced(|| match &requests[..] {
        [alone] if layout == Layout::default() => {
            let finished = map(alone, machine, &args.out, args.overwrite, !args.no_report)?;
            join_targets(args, &finished.report.maps)?;
            report::at_the_end(&args.out, &machine.resources, !args.no_report);
            told(args, &finished.report, &finished.report.maps)
        }
        several => {
            let finished = mosaic::map(several, &layout, machine, (&args.out, args.overwrite), !args.no_report)?;
            join_targets(args, &finished.report.maps)?;
            report::at_the_end(&args.out, &machine.resources, !args.no_report);
            told(args, &finished.report, &finished.report.maps)
        }
    })
}

/// Makes target areas of maps that have classes.
fn join_targets(args: &Map, maps: &[MapReport]) -> Result<()> {
    if args.no_targets || maps.iter().all(|m| m.classes.is_empty()) {
        return Ok(());
    }
    targets::beside_maps(&args.out, &args.machine.resources)
}

/// Prints the report if asked to; the exit code says whether anything was found.
fn told(args: &Map, report: &impl Serialize, maps: &[MapReport]) -> Result<Exit> {
    if args.json {
        print_json(report)?;
    }
    let mut maps = maps.iter().filter(|m| !m.classes.is_empty()).peekable();
    let nothing = |m: &MapReport| m.classes.iter().all(|c| c.pixels == 0);
    Ok(if maps.peek().is_some() && maps.all(nothing) { Exit::NothingClassified } else { Exit::Done })
}

/// Plans, maps and finishes, telling the user what he should know; with the spectra of classes if there is to be a report.
pub(super) fn map(
    request: &Request,
    machine: &Machine,
    out: &Path,
    overwrite: bool,
    spectra: bool,
) -> Result<Finished> {
    let since = Instant::now();
    let progress = Progress::new(machine.resources.quiet());
    prepare_folder(out, &request.methods, overwrite)?;
    // Looking for dead bands reads before the windows are known; GDAL would take a share of all memory for it.
    set_cache_bytes(machine.resources.ceiling() / 2);
    let planned = plan(request)?;
    planned.draft().notes.iter().for_each(|note| progress.note(note));
    let processor = Processor::open(&machine.settings(), &progress)?;
    let parts = out.join(PARTS);
    let (limits, observer) = (machine.resources.limits(), &progress);
    let pass = Pass { processor: &processor, limits: &limits, folder: &parts, observer };
    let (plan, opened, preparing) = make_ready(&planned, &pass, machine, |pass| {
        let (task, grounds) = prepare(&planned, pass)?;
        let measured = false_alarms(&planned, &task, grounds.as_ref(), pass)?;
        Ok((task, grounds, measured))
    })?;
    let mut begun = begin(&planned.scene, &plan, out, &parts)?;
    let mapped = pipeline::map(&planned.scene, &plan, opened, (&parts, observer), Some(&mut begun))?;
    let mapped = Mapped { preparing, ..mapped };
    progress.finishing();
    let found = report::spectra(&planned, &plan, &mapped, spectra).map(|found| (None, found));
    let mut finished = finish(begun, &mapped, std::env::args().collect(), since)?;
    finished.outputs.extend(report::write_spectra(out, found.as_slice()));
    if !machine.resources.quiet() {
        summary(&finished.report.maps, &finished.outputs);
    }
    Ok(finished)
}

/// Prepares a scene, which gives its false alarms too; all that is left then is to map its tiles. Also tells how long it took.
pub(super) fn make_ready(
    planned: &Planned,
    pass: &Pass<'_>,
    machine: &Machine,
    prepare: impl FnOnce(&Pass<'_>) -> Result<(Task, Option<Grounds>, FalseAlarms)>,
) -> Result<(Plan, Opened, Duration)> {
    let preparing = Instant::now();
    let (task, grounds, measured) = prepare(pass)?;
    let preparing = preparing.elapsed();
    let opened = pass.processor.backend(&task, pass.observer)?;
    let plan = planned.cut(&task, grounds.as_ref(), &opened.within(pass.limits))?.with_false_alarms(measured)?;
    if !machine.resources.quiet() {
        say!(
            "{} x {} pixels, {} of {} bands, {} targets, {} tiles, at most {} MiB",
            plan.lines,
            plan.samples,
            plan.bands.len(),
            plan.bands.len() + plan.dropped.len(),
            plan.targets.len(),
            plan.windows.len(),
            machine.resources.ceiling() >> 20
        );
    }
    say!("backend: {}", opened.label());
    Ok((plan, opened, preparing))
}

/// The folder of parts within the output folder.
pub(super) const PARTS: &str = ".alunite-parts";

/// Fails before the work where it would fail after it: maps that exist, a folder that cannot be written.
pub(super) fn prepare_folder(out: &Path, methods: &[String], overwrite: bool) -> Result<()> {
    for name in pipeline::outputs(methods.iter().map(String::as_str)) {
        refuse_to_replace(&out.join(name), overwrite)?;
    }
    let hint = "name a folder that you can write with --out";
    std::fs::create_dir_all(out)
        .map_err(|e| Error::refused(out.display(), format!("cannot make the folder: {e}")).hint(hint))?;
    tempfile::tempfile_in(out)
        .map_err(|e| Error::refused(out.display(), format!("cannot write to the folder: {e}")).hint(hint))?;
    Ok(())
}

/// Targets whose false alarm curves are printed; `run.json` has all.
pub(super) const TOLD: usize = 20;

/// The threshold of a class, and the score at each rate of false alarms that was measured.
pub(super) fn tell_rates(name: &str, threshold: f64, rates: &RateReport) {
    let point = |p: &Point| {
        let how = if p.from == Basis::Beyond { " (model)" } else { "" };
        format!("{:e} at {}{how}", p.rate, digits(p.score))
    };
    let points: Vec<String> = rates.points.iter().map(point).collect();
    say!("   threshold {} of {}; false alarms {}", digits(threshold), name, points.join(", "));
}

/// A number in four digits.
fn digits(value: f64) -> String {
    let decimals = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}")
}

/// What was found, and the files that say so.
pub(super) fn summary(maps: &[MapReport], outputs: &[PathBuf]) {
    for map in maps {
        say!("{}", map.title);
        for class in map.classes.iter().take(TOLD) {
            if let (Some(threshold), Some(rates)) = (class.threshold, &class.false_alarms) {
                tell_rates(&class.name, threshold, rates);
            }
        }
        let mut classes: Vec<_> = map.classes.iter().filter(|c| c.pixels > 0).collect();
        classes.sort_by_key(|c| std::cmp::Reverse(c.pixels));
        for class in classes {
            let area = class.km2.map_or(String::new(), |km2| {
                if km2 < 0.1 { format!("{:>12.1} m2 ", km2 * 1e6) } else { format!("{km2:>12.3} km2") }
            });
            say!("{:>12} pixels {area}  {}", class.pixels, class.name);
        }
        match map.classes.is_empty() {
            true => say!("{:>12} pixels no data", map.nodata_pixels),
            false => say!("{:>12} pixels unclassified, {} no data", map.unclassified_pixels, map.nodata_pixels),
        }
    }
    for path in outputs {
        say!("wrote {}", path.display());
    }
}

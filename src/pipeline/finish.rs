//! The finish stage: parts become maps, legend, picture and report; all are renamed into place as the last act.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::info_span;

use super::geometry::Geometry;
use super::grounds;
use super::method_maps::{Job, MM2_PER_KM2, MethodMaps, Waiting};
use super::orthorectify;
use super::part::{Part, Parts};
use super::plan::{Plan, PlannedMethod};
use super::report::{MapReport, Report, Timings};
use super::run::Mapped;
use crate::error::{Error, Result};
use crate::map::ClassCount;
use crate::map::area::pixel_areas_km2;
use crate::map::files::{remove_leftovers, write_beside};
use crate::map::legend::Legend;
use crate::map::preview::Preview;
use crate::map::quicklook::{self, Quicklook};
use crate::scene::Scene;

/// Longest side of the picture's map, in pixels of the map that are shown.
const PICTURE_SIDE: usize = 1200;

/// What a finished run leaves.
#[derive(Debug)]
pub struct Finished {
    /// What `run.json` says.
    pub report: Report,
    /// The files, each whole and in its place.
    pub outputs: Vec<PathBuf>,
}

/// The names that a run of these methods may write in its folder; `run.json` last.
#[must_use]
pub fn outputs<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let own = ["classes.tif", "classes.qml", "scores.tif", "runner_up.tif", "runner_up.qml", "rules.tif"];
    let of = |word: &str| own.map(|n| format!("{word}_{n}"));
    words.into_iter().flat_map(of).chain(["quicklook.png".into(), "run.json".into()]).collect()
}

/// Puts the parts of a complete map stage together in `out`, and removes them. Results of a swath go through the scene's
/// lookup table to the map on the way, if the plan says so.
///
/// # Errors
/// When a part is damaged or writing fails; no file then stands under a final name that was not there before, and the
/// parts stay. Refuses a scene in which no pixel held data, and removes its parts.
pub fn finish(
    scene: &Scene,
    plan: &Plan,
    mapped: &Mapped,
    out: &Path,
    command: Vec<String>,
    begun: Instant,
) -> Result<Finished> {
    let _span = info_span!("finish").entered();
    let finishing = Instant::now();
    let parts = Parts::open(&mapped.parts, plan.identity())?;
    let names = outputs(plan.methods.iter().map(|m| m.word));
    for name in &names {
        // What a run that was killed while finishing left beside its names.
        remove_leftovers(&out.join(name))?;
    }
    let mut maps = info_span!("create rasters").in_scope(|| Maps::create(plan, out, parts.folder()))?;
    match (plan.geometry, scene.lookup()) {
        (Some(Geometry::Map), Some(mut lookup)) => {
            orthorectify::gather(plan, &parts, &mut *lookup, |strip| maps.add(strip))?;
        }
        _ => {
            let shape = plan.shape();
            for (index, &window) in plan.windows.iter().enumerate() {
                let _span = info_span!("gather", tile = index, pixels = window.pixels()).entered();
                maps.add(&parts.take(index, window, &shape)?)?;
            }
        }
    }
    let reports: Vec<MapReport> =
        maps.of_methods.iter().map(|m| m.report(plan, &maps.legend, maps.areas.is_some())).collect();
    if reports.iter().all(|r| r.nodata_pixels == plan.map.pixels()) {
        // A refusal leaves nothing behind, and another try would only come here again.
        drop(maps);
        parts.remove()?;
        grounds::remove_stages(&mapped.parts)?;
        return Err(Error::refused(
            plan.inputs[0].path.display(),
            "every pixel is no data in the bands in use, or zero in all of them",
        )
        .hint(
            "`alunite info` shows no-data value, scale and bad bands; --nodata and --wavelengths change what is used",
        ));
    }
    let timings = Timings {
        parts_resumed: mapped.resumed,
        preparing_s: mapped.preparing.as_secs_f64(),
        reading_s: mapped.reading.as_secs_f64(),
        computing_s: mapped.computing.as_secs_f64(),
        writing_s: mapped.writing.as_secs_f64(),
        finishing_s: 0.0,
        total_s: 0.0,
    };
    let mut report = Report::new(plan, mapped, reports, command, timings);
    let pending = maps.complete()?;
    report.outputs = pending.iter().map(|(path, _)| path.clone()).chain([out.join("run.json")]).collect();
    let seconds = |d: Duration| d.as_secs_f64();
    report.timed(seconds(finishing.elapsed()), seconds(begun.elapsed()));
    let text = serde_json::to_vec_pretty(&report).map_err(|e| Error::failed("run.json", e))?;
    let json = write_beside(&out.join("run.json"), &text)?;

    let _publishing = info_span!("publish").entered();
    for name in names {
        let stale = out.join(name);
        if !report.outputs.contains(&stale) {
            remove_if_there(&stale)?;
            remove_if_there(&raster_sidecar(&stale))?;
        }
    }
    pending.into_iter().try_for_each(|(_, file)| file.publish())?;
    json.publish()?;
    parts.remove()?;
    grounds::remove_stages(&mapped.parts)?;
    Ok(Finished { outputs: report.outputs.clone(), report })
}

fn raster_sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".aux.xml");
    name.into()
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(path, "cannot remove the map of an earlier run", &e))
        }
        _ => Ok(()),
    }
}

/// The maps while parts are added to them.
struct Maps<'a> {
    plan: &'a Plan,
    out: PathBuf,
    legend: Legend,
    of_methods: Vec<MethodMaps>,
    /// Of the first method that has classes.
    preview: Preview,
    /// Of a pixel of each line, in mm²: whole numbers have the same sum in any order of tiles.
    areas: Option<Vec<u64>>,
}

impl<'a> Maps<'a> {
    fn create(plan: &'a Plan, out: &Path, work: &Path) -> Result<Self> {
        let legend = Legend::new(&plan.targets)?;
        let one = |method: &PlannedMethod| MethodMaps::create(plan, method, &legend, out, work);
        Ok(Self {
            of_methods: plan.methods.iter().map(one).collect::<Result<_>>()?,
            preview: Preview::new(plan.map.samples, plan.map.lines, PICTURE_SIDE, legend.nodata)?,
            areas: pixel_areas_km2(&plan.map.grid, plan.map.lines, plan.map.samples)?
                .map(|lines| lines.iter().map(|km2| (km2 * MM2_PER_KM2).round() as u64).collect()),
            plan,
            out: out.to_owned(),
            legend,
        })
    }

    fn add(&mut self, part: &Part) -> Result<()> {
        let mut shown = false;
        for (maps, scores) in self.of_methods.iter_mut().zip(&part.scores.maps) {
            let classes = maps.add(part.scores.window, scores, self.legend.nodata, self.areas.as_deref())?;
            if let Some(classes) = classes.filter(|_| !shown) {
                self.preview.add(part.scores.window, &classes, &part.grey)?;
                shown = true;
            }
        }
        Ok(())
    }

    /// Completes every file under a temporary name, several at a time.
    fn complete(self) -> Result<Vec<(PathBuf, Waiting)>> {
        let Maps { plan, out, legend, of_methods, preview, areas } = self;
        let counts: Vec<Vec<ClassCount>> = of_methods.iter().map(|m| m.class_counts(areas.is_some())).collect();
        let pictured = of_methods.iter().position(|m| m.planned.method.has_targets());
        let method = pictured.map(|i| of_methods[i].planned.clone());
        let picture = Picture { plan, path: out.join("quicklook.png"), legend: &legend, preview, areas };
        let mut jobs = Vec::new();
        for (maps, counts) in of_methods.into_iter().zip(&counts) {
            jobs.extend(maps.complete(&out, &legend, counts)?);
        }
        if let (Some(method), Some(i)) = (&method, pictured) {
            let (picture, counts) = (&picture, &counts[i]);
            jobs.push((picture.path.clone(), Box::new(move || picture.draw(method, counts))));
        }
        together(jobs)
    }
}

/// What the picture is made of.
struct Picture<'a> {
    plan: &'a Plan,
    path: PathBuf,
    legend: &'a Legend,
    preview: Preview,
    areas: Option<Vec<u64>>,
}

impl Picture<'_> {
    fn draw(&self, method: &PlannedMethod, counts: &[ClassCount]) -> Result<Waiting> {
        let _span = info_span!("quicklook").entered();
        let step = self.preview.step();
        let middle = self.areas.as_ref().and_then(|lines| lines.get(lines.len() / 2));
        let bands = format!("{} of {} bands", self.plan.bands.len(), self.plan.bands.len() + self.plan.dropped.len());
        let scene = self.plan.inputs[0].path.file_stem();
        let look = Quicklook {
            title: format!("Mineral map: {}", method.method.title()),
            subtitle: scene.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
            width: self.preview.width(),
            height: self.preview.height(),
            classes: self.preview.classes(),
            grey: self.preview.grey(),
            legend: self.legend,
            counts,
            captions: vec![
                format!("{bands}, threshold {}", threshold_text(method)),
                format!("alunite {}", self.plan.version),
            ],
            metres_per_pixel: middle.map(|&mm2| (mm2 as f64).sqrt() / 1000.0 * step as f64),
        };
        let png = quicklook::png(&look)?;
        Ok(Waiting::Text(write_beside(&self.path, &png)?))
    }
}

/// Does the jobs, one a core at a time; the files come in the order of the jobs.
fn together(jobs: Vec<(PathBuf, Job)>) -> Result<Vec<(PathBuf, Waiting)>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        std::iter::from_fn(next).map(|(i, (path, job))| job().map(|file| (i, (path, file)))).collect::<Result<Vec<_>>>()
    };
    let done: Vec<Result<Vec<_>>> = std::thread::scope(|scope| {
        let name = |i| std::thread::Builder::new().name(format!("finisher {i}"));
        let threads: Vec<_> = (1..cores).map(|i| name(i).spawn_scoped(scope, work)).collect();
        let here = work();
        let _span = info_span!("wait for other threads").entered();
        let joined = threads.into_iter().map(|thread| match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Error::failed("finish", "a thread panicked")),
            Err(e) => Err(Error::failed("threads", e).hint("close other programs and run the same command again")),
        });
        std::iter::once(here).chain(joined).collect()
    });
    let mut files: Vec<_> = done.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    files.sort_by_key(|(i, _)| *i);
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// `0.1 rad`, or `0.05 to 0.1 rad`.
fn threshold_text(method: &PlannedMethod) -> String {
    let thresholds = &method.thresholds;
    let (least, most) = thresholds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &t| (a.min(t), b.max(t)));
    let unit = method.method.unit();
    let text = if least == most { format!("{least} {unit}") } else { format!("{least} to {most} {unit}") };
    text.trim_end().to_owned()
}

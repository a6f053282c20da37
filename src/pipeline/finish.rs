//! The finish stage: parts become maps, legend, picture and report; all are renamed into place as the last act.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::part::{Part, Parts};
use super::plan::Plan;
use super::report::{ClassCount, Report, Timings};
use super::run::Mapped;
use crate::compute::Scores;
use crate::error::{Error, Result};
use crate::map::area::pixel_areas_km2;
use crate::map::files::{Pending, remove_leftovers, write_beside};
use crate::map::legend::Legend;
use crate::map::preview::Preview;
use crate::map::quicklook::{self, Quicklook};
use crate::map::raster::{self, BandSpec, FinishedRaster, Overviews, RasterKind, RasterSpec, RasterWriter};
use crate::map::style;
use crate::methods::Method;
use crate::tile::Window;

/// No data in the score rasters.
const SCORE_NODATA: f32 = -9999.0;

/// Longest side of the picture's map, in pixels of the scene that are shown.
const PICTURE_SIDE: usize = 1200;

const MM2_PER_KM2: f64 = 1e12;

/// How much of the scene each class covers.
pub(super) struct Tally {
    pub(super) classes: Vec<ClassCount>,
    pub(super) unclassified: u64,
    pub(super) nodata: u64,
}

/// What a finished run leaves.
#[derive(Debug)]
pub struct Finished {
    /// What `run.json` says.
    pub report: Report,
    /// The files, each whole and in its place.
    pub outputs: Vec<PathBuf>,
}

/// The names that a run may write in its folder, those of `method` first; `run.json` last.
#[must_use]
pub fn outputs(method: &str) -> Vec<String> {
    let own = ["classes.tif", "classes.qml", "scores.tif", "runner_up.tif", "runner_up.qml", "rules.tif"];
    own.iter().map(|n| format!("{method}_{n}")).chain(["quicklook.png".into(), "run.json".into()]).collect()
}

/// Puts the parts of a complete map stage together in `out`, and removes them.
///
/// # Errors
/// When a part is damaged or writing fails; no file then stands under a final name that was not there before, and the
/// parts stay. Refuses a scene in which no pixel held data, and removes its parts.
pub fn finish(plan: &Plan, mapped: &Mapped, out: &Path, command: Vec<String>, begun: Instant) -> Result<Finished> {
    let finishing = Instant::now();
    let parts = Parts::open(&mapped.parts, plan.identity())?;
    let method = plan.method()?;
    for name in outputs(&plan.method) {
        // What a run that was killed while finishing left beside its names.
        remove_leftovers(&out.join(name))?;
    }
    let mut maps = Maps::create(plan, method, out, parts.folder())?;
    for (index, &window) in plan.windows.iter().enumerate() {
        let rules = if plan.rules { plan.targets.len() } else { 0 };
        let part = parts.read(index, window, rules).ok_or_else(|| {
            Error::failed(parts.folder().display(), format!("part {index} is missing or damaged"))
                .hint("run the same command again: it makes the part anew")
        })?;
        maps.add(&part)?;
    }
    let tally = maps.tally();
    if tally.nodata == plan.pixels() {
        // A refusal leaves nothing behind, and another try would only come here again.
        drop(maps);
        parts.remove()?;
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
        reading_s: mapped.reading.as_secs_f64(),
        computing_s: mapped.computing.as_secs_f64(),
        writing_s: mapped.writing.as_secs_f64(),
        finishing_s: 0.0,
        total_s: 0.0,
    };
    let mut report = Report::new(plan, mapped, &tally, command, timings)?;
    let pending = maps.complete()?;
    report.outputs = pending.iter().map(|(path, _)| path.clone()).chain([out.join("run.json")]).collect();
    let seconds = |d: Duration| d.as_secs_f64();
    report.timed(seconds(finishing.elapsed()), seconds(begun.elapsed()));
    let text = serde_json::to_vec_pretty(&report).map_err(|e| Error::failed("run.json", e))?;
    let json = write_beside(&out.join("run.json"), &text)?;

    for name in outputs(&plan.method) {
        let stale = out.join(name);
        if !report.outputs.contains(&stale) {
            remove_if_there(&stale)?;
            remove_if_there(&raster_sidecar(&stale))?;
        }
    }
    pending.into_iter().try_for_each(|(_, file)| file.publish())?;
    json.publish()?;
    parts.remove()?;
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

/// A file that waits for its name.
enum Waiting {
    Raster(FinishedRaster),
    Text(Pending),
}

impl Waiting {
    fn publish(self) -> Result<()> {
        match self {
            Self::Raster(raster) => raster.publish(),
            Self::Text(text) => text.publish(),
        }
    }
}

/// The maps while parts are added to them.
struct Maps<'a> {
    plan: &'a Plan,
    method: &'static dyn Method,
    out: PathBuf,
    legend: Legend,
    classes: RasterWriter,
    scores: RasterWriter,
    runner_up: RasterWriter,
    rules: Option<RasterWriter>,
    preview: Preview,
    /// Of a pixel of each line, in mm²: whole numbers have the same sum in any order of tiles.
    areas: Option<Vec<u64>>,
    /// Pixels and mm² of: unclassified, then the targets.
    counts: Vec<(u64, u128)>,
    nodata: u64,
}

impl<'a> Maps<'a> {
    fn create(plan: &'a Plan, method: &'static dyn Method, out: &Path, work: &Path) -> Result<Self> {
        let legend = Legend::new(&plan.targets)?;
        let described = |text: &str| BandSpec { description: text.to_owned(), unit: None };
        let scored = |text: &str| BandSpec { description: text.to_owned(), unit: Some(method.unit().to_owned()) };
        let create = |name: &str, kind: RasterKind, bands: Vec<BandSpec>, overviews| {
            let metadata = vec![
                ("ALUNITE_VERSION".to_owned(), plan.version.to_owned()),
                ("ALUNITE_METHOD".to_owned(), method.word().to_owned()),
                ("ALUNITE_CONVENTION".to_owned(), method.convention().to_owned()),
            ];
            let (width, height, grid) = (plan.samples, plan.lines, &plan.grid);
            let spec = RasterSpec { width, height, grid, kind, bands, metadata, overviews };
            RasterWriter::create(&out.join(format!("{}_{name}.tif", method.word())), work, &spec)
        };
        let classes = RasterKind::Classes(&legend);
        let floats = RasterKind::Floats { nodata: SCORE_NODATA };
        let best = format!("best {}", method.title());
        Ok(Self {
            classes: create("classes", classes, vec![described("mineral")], Overviews::Mode)?,
            runner_up: create("runner_up", classes, vec![described("runner-up mineral")], Overviews::Mode)?,
            scores: create(
                "scores",
                floats,
                vec![scored(&best), scored("margin to the runner-up")],
                Overviews::Average,
            )?,
            rules: match plan.rules {
                true => {
                    Some(create("rules", floats, plan.targets.iter().map(|t| scored(t)).collect(), Overviews::Average)?)
                }
                false => None,
            },
            preview: Preview::new(plan.samples, plan.lines, PICTURE_SIDE, legend.nodata)?,
            areas: pixel_areas_km2(&plan.grid, plan.lines, plan.samples)?
                .map(|lines| lines.iter().map(|km2| (km2 * MM2_PER_KM2).round() as u64).collect()),
            counts: vec![(0, 0); plan.targets.len() + 1],
            nodata: 0,
            plan,
            method,
            out: out.to_owned(),
            legend,
        })
    }

    fn add(&mut self, part: &Part) -> Result<()> {
        let (scores, nodata) = (&part.scores, self.legend.nodata);
        let window = scores.window;
        let class = |(&best, &score): (&u16, &f32)| match best {
            Scores::NODATA => nodata,
            best if self.method.better(self.plan.thresholds[usize::from(best)], f64::from(score)) => 0,
            best => best + 1,
        };
        let classes: Vec<u16> = scores.best.iter().zip(&scores.score).map(class).collect();
        self.count(window, &classes);
        let only_one = self.plan.targets.len() == 1;
        let second = |(&runner_up, &best): (&u16, &u16)| match runner_up {
            Scores::NODATA if best != Scores::NODATA && only_one => 0,
            Scores::NODATA => nodata,
            runner_up => runner_up + 1,
        };
        let runner_up: Vec<u16> = scores.runner_up.iter().zip(&scores.best).map(second).collect();
        self.classes.write_classes(0, window, &classes)?;
        self.runner_up.write_classes(0, window, &runner_up)?;
        self.scores.write_f32(0, window, &scores.score)?;
        self.scores.write_f32(1, window, &scores.margin)?;
        if let Some(rules) = &mut self.rules {
            for (band, rule) in scores.rules.chunks_exact(window.pixels()).enumerate() {
                rules.write_f32(band, window, rule)?;
            }
        }
        self.preview.add(window, &classes, &part.grey)?;
        Ok(())
    }

    fn count(&mut self, window: Window, classes: &[u16]) {
        for (line, row) in classes.chunks_exact(window.width).enumerate() {
            let area = self.areas.as_ref().map_or(0, |a| a[window.y + line]);
            for &class in row {
                match self.counts.get_mut(usize::from(class)) {
                    Some((pixels, mm2)) => {
                        *pixels += 1;
                        *mm2 += u128::from(area);
                    }
                    None => self.nodata += 1,
                }
            }
        }
    }

    fn km2(&self, mm2: u128) -> Option<f64> {
        self.areas.is_some().then_some(mm2 as f64 / MM2_PER_KM2)
    }

    fn tally(&self) -> Tally {
        let class = |(i, name): (usize, &String)| {
            let (pixels, area) = self.counts[i + 1];
            let color = self.legend.entry(i as u16 + 1).map_or([0; 3], |e| e.color);
            ClassCount {
                value: i as u16 + 1,
                name: name.clone(),
                threshold: self.plan.thresholds[i],
                color,
                pixels,
                km2: self.km2(area),
            }
        };
        let classes = self.plan.targets.iter().enumerate().map(class).collect();
        Tally { classes, unclassified: self.counts[0].0, nodata: self.nodata }
    }

    /// Completes every file under a temporary name.
    fn complete(self) -> Result<Vec<(PathBuf, Waiting)>> {
        let word = self.method.word();
        let path = |name: &str| self.out.join(format!("{word}_{name}"));
        let counts: Vec<raster::ClassCount> =
            self.counts.iter().map(|&(pixels, area)| raster::ClassCount { pixels, km2: self.km2(area) }).collect();
        let mut waiting = vec![
            (path("classes.tif"), Waiting::Raster(self.classes.finish_counted(&counts)?)),
            (path("scores.tif"), Waiting::Raster(self.scores.finish()?)),
            (path("runner_up.tif"), Waiting::Raster(self.runner_up.finish()?)),
        ];
        if let Some(rules) = self.rules {
            waiting.push((path("rules.tif"), Waiting::Raster(rules.finish()?)));
        }
        let qml = style::qml(&self.legend)?;
        for name in ["classes.qml", "runner_up.qml"] {
            waiting.push((path(name), Waiting::Text(write_beside(&path(name), qml.as_bytes())?)));
        }
        let step = self.preview.step();
        let middle = self.areas.as_ref().and_then(|lines| lines.get(lines.len() / 2));
        let unit = self.method.unit();
        let thresholds = &self.plan.thresholds;
        let (least, most) =
            thresholds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &t| (a.min(t), b.max(t)));
        let threshold = if least == most { format!("{least} {unit}") } else { format!("{least} to {most} {unit}") };
        let bands = format!("{} of {} bands", self.plan.bands.len(), self.plan.bands.len() + self.plan.dropped.len());
        let look = Quicklook {
            title: format!("Mineral map: {}", self.method.title()),
            subtitle: self.plan.inputs[0]
                .path
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .unwrap_or_default(),
            width: self.preview.width(),
            height: self.preview.height(),
            classes: self.preview.classes(),
            grey: self.preview.grey(),
            legend: &self.legend,
            counts: &counts,
            captions: vec![format!("{bands}, threshold {threshold}"), format!("alunite {}", self.plan.version)],
            metres_per_pixel: middle.map(|&mm2| (mm2 as f64).sqrt() / 1000.0 * step as f64),
        };
        let picture = self.out.join("quicklook.png");
        let png = quicklook::png(&look)?;
        waiting.push((picture.clone(), Waiting::Text(write_beside(&picture, &png)?)));
        Ok(waiting)
    }
}

//! The CPU against the GPU on a scene of the user's own: the same pass over it on each, in turns, with their maps
//! compared first.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::agreement::agree;
use super::device::{Pass, Processor, Settings};
use super::grounds::prepare;
use super::part::remove_parts;
use super::plan::{Plan, Planned};
use super::run::{Mapped, map};
use super::scan::{Reading, scan};
use super::windows::Limits;
use super::{Observer, Silent};
use crate::compute::{Clock, Task};
use crate::error::{Error, Result};
use crate::scene::Scene;

/// How backends are compared.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// Runs of each, at least 1.
    pub repeats: usize,
    /// The first so many lines of the scene; `None` for all.
    pub lines: Option<usize>,
}

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
pub struct Bench {
    /// The scene.
    pub scene: PathBuf,
    /// The methods' words.
    pub methods: Vec<&'static str>,
    /// Targets of each.
    pub targets: usize,
    /// Bands in use.
    pub bands: usize,
    /// Lines that were mapped.
    pub lines: usize,
    /// Samples of a line.
    pub samples: usize,
    /// Tiles that they were mapped in.
    pub tiles: usize,
    /// Size of their samples in the bands in use, in memory.
    pub bytes: u64,
    /// One for each backend; their maps agree.
    pub backends: Vec<Timed>,
}

/// How fast a backend is.
#[derive(Debug, Clone, Serialize)]
pub struct Timed {
    /// What it is.
    pub backend: String,
    /// Seconds of every run, in their order.
    pub walls_s: Vec<f64>,
    /// Their median (of an even number, the slower of the middle two).
    pub wall_s: f64,
    /// Pixels a second, in that run.
    pub pixels_per_s: f64,
    /// Bytes of samples a second, in that run.
    pub bytes_per_s: f64,
    /// The share of that run's wall in which each stage worked. Stages overlap, so they may add up to more than 1.
    pub shares: Vec<(Stage, f64)>,
    /// The stage that worked longest: what to make faster first.
    pub bound_by: Stage,
    /// Whose clock tells moving from computing; nothing where nothing is moved.
    pub clock: Option<Clock>,
}

/// What a pass over a scene spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Tiles come from the file, into memory.
    Reading,
    /// To the device and back.
    Moving,
    /// Products and ranks; on the CPU the decision too, which it makes while pixels are in its cache.
    Computing,
    /// The host decides in f64 what the device has ranked.
    Deciding,
    /// Parts go to the disk.
    Writing,
}

/// Maps the scene with the CPU, and with the GPU that there is or that was named, in turns, and removes what they write.
///
/// # Errors
/// When a pass fails, and when the maps of two backends differ by more than their scores may.
pub fn bench(
    planned: &Planned,
    settings: &Settings,
    limits: &Limits,
    comparison: Comparison,
    observer: &dyn Observer,
) -> Result<Bench> {
    let folder = tempfile::tempdir()
        .map_err(|e| Error::failed("temporary folder", e).hint("name one that you can write with TMPDIR"))?;
    let processors = Processor::to_compare(settings, observer)?;
    // Made once: backends whose statistics differ would have maps that do.
    let cpu = Processor::cpu(settings.threads);
    let pass = Pass { processor: &cpu, limits, folder: &folder.path().join("background"), observer };
    let (task, grounds) = prepare(planned, &pass)?;
    let mut limits = *limits;
    for processor in &processors {
        let needs = processor.backend(&task, observer)?.within(&limits);
        limits = Limits { under_way: needs.under_way.max(limits.under_way), ..needs };
    }
    let lines = comparison.lines.map_or(planned.draft.lines, |lines| lines.min(planned.draft.lines));
    let plan = planned.cut_lines(&task, grounds, &limits, lines)?;
    let runs = processors.len() * (1 + comparison.repeats);
    observer.started("comparing backends", plan.pixels() * (1 + runs) as u64, 0);
    let timing = Timing { scene: &planned.scene, plan, task, folder: folder.path(), observer };

    timing.read()?;
    let mut checked = Vec::new();
    for (index, processor) in processors.iter().enumerate() {
        let (mapped, _) = timing.run(processor, &format!("checked-{index}"))?;
        checked.push((mapped.backend, mapped.parts));
    }
    if let [first, others @ ..] = &checked[..] {
        others.iter().try_for_each(|other| agree(&timing.plan, first, other))?;
    }
    let mut runs: Vec<Vec<(Mapped, Duration)>> = processors.iter().map(|_| Vec::new()).collect();
    for _ in 0..comparison.repeats {
        for (processor, runs) in processors.iter().zip(&mut runs) {
            let run = timing.run(processor, "timed")?;
            remove_parts(&run.0.parts)?;
            runs.push(run);
        }
    }
    Ok(timing.summary(runs))
}

/// What all runs have in common.
struct Timing<'a> {
    scene: &'a Scene,
    plan: Plan,
    task: Task,
    folder: &'a Path,
    observer: &'a dyn Observer,
}

impl Timing<'_> {
    /// So that no run is the first to read from the disk.
    fn read(&self) -> Result<()> {
        let all = (0..self.plan.windows.len()).collect();
        let advance = |index: usize, ()| {
            self.observer.advanced(self.plan.windows[index].pixels() as u64);
            Ok(())
        };
        let (bands, windows) = (&self.plan.bands, &self.plan.windows);
        let reading = Reading { scene: self.scene, bands, windows, todo: all, ahead: 1, hash: None };
        scan(reading, |_, _, _| Ok(()), advance, |_| Ok(()))?;
        Ok(())
    }

    fn run(&self, processor: &Processor, folder: &str) -> Result<(Mapped, Duration)> {
        let opened = processor.backend(&self.task, self.observer)?;
        let begun = Instant::now();
        let mapped = map(self.scene, &self.plan, opened, (&self.folder.join(folder), &Silent), None)?;
        let wall = begun.elapsed();
        self.observer.advanced(self.plan.pixels());
        Ok((mapped, wall))
    }

    fn summary(&self, runs: Vec<Vec<(Mapped, Duration)>>) -> Bench {
        let plan = &self.plan;
        let bytes = plan.pixels() * (plan.bands.len() * self.task.sample_type.size()) as u64;
        Bench {
            scene: self.scene.description.path.clone(),
            methods: plan.methods.iter().map(|m| m.word).collect(),
            targets: plan.targets.len(),
            bands: plan.bands.len(),
            lines: plan.lines,
            samples: plan.samples,
            tiles: plan.windows.len(),
            bytes,
            backends: runs.iter().filter_map(|runs| Timed::of(runs, plan.pixels(), bytes)).collect(),
        }
    }
}

impl Timed {
    /// Nothing of no run.
    fn of(runs: &[(Mapped, Duration)], pixels: u64, bytes: u64) -> Option<Self> {
        let mut sorted: Vec<&(Mapped, Duration)> = runs.iter().collect();
        sorted.sort_by_key(|(_, wall)| *wall);
        let (mapped, wall) = sorted.get(sorted.len() / 2)?;
        let wall_s = wall.as_secs_f64();
        let reading = mapped.reading / mapped.readers as u32;
        let spent = match &mapped.device {
            None => {
                vec![(Stage::Reading, reading), (Stage::Computing, mapped.computing), (Stage::Writing, mapped.writing)]
            }
            Some(device) => vec![
                (Stage::Reading, reading),
                (Stage::Moving, device.moving),
                (Stage::Computing, device.computing),
                (Stage::Deciding, device.deciding),
                (Stage::Writing, mapped.writing),
            ],
        };
        let (bound_by, _) = *spent.iter().max_by_key(|(_, time)| *time)?;
        Some(Self {
            backend: mapped.backend.clone(),
            walls_s: runs.iter().map(|(_, wall)| wall.as_secs_f64()).collect(),
            wall_s,
            pixels_per_s: pixels as f64 / wall_s,
            bytes_per_s: bytes as f64 / wall_s,
            shares: spent.into_iter().map(|(stage, time)| (stage, time.as_secs_f64() / wall_s)).collect(),
            bound_by,
            clock: mapped.device.map(|device| device.clock),
        })
    }
}

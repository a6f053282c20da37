//! Which processor a run uses, and what may take over from it.

use std::path::Path;

use tracing::info_span;

use crate::compute::cpu::{Cpu, CpuSums};
use crate::compute::gpu::{self, Gpu, GpuSums};
use crate::compute::{Backend, Scores, Summing, Task};
use crate::error::{Error, Result};

use super::Observer;
use super::scan::Coming;
use super::windows::Limits;
use crate::tile::Tile;

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BackendChoice {
    /// A hardware GPU when there is one, else the CPU; goes on with the CPU when the GPU fails.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, or an error.
    Gpu,
}

/// How a run uses the machine. Nothing here changes the result.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to compute.
    pub backend: BackendChoice,
    /// Part of the name of the adapter to take.
    pub adapter: Option<String>,
    /// Threads (0: one for each core).
    pub threads: usize,
}

/// How a pass over a scene is made; nothing here changes what it finds.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// With what.
    pub processor: &'a Processor,
    /// Within what.
    pub limits: &'a Limits,
    /// Where its parts lie; of a run, those of the map.
    pub folder: &'a Path,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

/// The processor of a run.
pub struct Processor {
    gpu: Option<gpu::Device>,
    threads: usize,
    may_fall_back: bool,
}

/// An opened backend, its limit on a tile's bytes, and whether the CPU may take over.
pub struct Opened {
    pub(super) backend: Box<dyn Backend>,
    /// The largest tile in bytes of samples.
    pub max_tile_bytes: usize,
    /// Threads of the CPU that may take over (0: one for each core); `None` where it may not.
    fall_back: Option<usize>,
    /// How many of the tiles that come next it has begun.
    begun: usize,
}

impl Opened {
    /// What it is, for the user.
    #[must_use]
    pub fn label(&self) -> String {
        self.backend.label()
    }

    /// Wraps a backend of the caller's, as tests do.
    #[must_use]
    pub fn new(backend: Box<dyn Backend>, may_fall_back: bool) -> Self {
        Self { backend, max_tile_bytes: usize::MAX, fall_back: may_fall_back.then_some(0), begun: 0 }
    }

    /// The limits of a pass that it maps in.
    #[must_use]
    pub fn within(&self, limits: &Limits) -> Limits {
        let device_tile = limits.device_tile.min(self.max_tile_bytes);
        Limits { device_tile, under_way: self.backend.depth(), ..*limits }
    }

    /// Maps a tile, after a head start for those that come next; when the device fails and the CPU may, with the CPU.
    pub(super) fn map(
        &mut self,
        tile: &Tile,
        next: &Coming,
        notes: &mut Vec<String>,
        observer: &dyn Observer,
    ) -> Result<Scores> {
        let scores = self.begin_and_map(tile, next);
        let (Err(error), Some(threads)) = (&scores, self.fall_back) else { return scores };
        // All tiles are still whole here, so nothing is lost.
        let note = format!("the GPU failed, going on with the CPU ({error})");
        observer.note(&note);
        notes.push(note);
        let cpu = Cpu::new(self.backend.task().clone(), threads)?;
        *self = Self::new(Box::new(cpu), false);
        self.begin_and_map(tile, next)
    }

    fn begin_and_map(&mut self, tile: &Tile, next: &Coming) -> Result<Scores> {
        // A device that works on one tile begins when it maps.
        let depth = Some(self.backend.depth()).filter(|&depth| depth > 1).unwrap_or(0);
        let all = std::iter::once(tile).chain(next.iter().map(|(_, tile)| tile));
        for tile in all.take(depth).skip(self.begun) {
            let _span = info_span!("begin", line = tile.window.y, sample = tile.window.x).entered();
            self.backend.begin(tile)?;
            self.begun += 1;
        }
        self.begun = self.begun.saturating_sub(1);
        self.backend.map(tile)
    }
}

impl Processor {
    /// Opens what was chosen.
    ///
    /// # Errors
    /// With `--backend gpu`, when there is no adapter or it fails; with `auto` only when the adapter that was named is
    /// not there.
    pub fn open(settings: &Settings, observer: &dyn Observer) -> Result<Self> {
        let _span = info_span!("open the device").entered();
        let of = |gpu: Option<gpu::Device>| Self {
            may_fall_back: gpu.is_some() && settings.backend == BackendChoice::Auto,
            gpu,
            threads: settings.threads,
        };
        match settings.backend {
            BackendChoice::Cpu => match &settings.adapter {
                Some(name) => Err(Error::refused("--adapter", format!("'{name}' was named, but --backend is cpu"))
                    .hint("leave --adapter out, or pass --backend gpu")),
                None => Ok(of(None)),
            },
            BackendChoice::Gpu => match gpu::select(settings.adapter.as_deref())? {
                Some(device) => Ok(of(Some(device))),
                None => Err(no_hardware()),
            },
            BackendChoice::Auto => match gpu::select(settings.adapter.as_deref()) {
                // An adapter that was named and is not there is the user's mistake, not a reason to go on.
                Err(error) if settings.adapter.is_some() => Err(error),
                Err(error) => {
                    observer.note(&cannot(&error));
                    Ok(of(None))
                }
                Ok(device) => Ok(of(device)),
            },
        }
    }

    /// The CPU, and the GPU that there is or that was named: to be compared, so none takes over from another.
    ///
    /// # Errors
    /// When the adapter that was named is not there.
    pub(super) fn to_compare(settings: &Settings, observer: &dyn Observer) -> Result<Vec<Self>> {
        let found = Self::open(&Settings { backend: BackendChoice::Auto, ..settings.clone() }, observer)?;
        if found.gpu.is_none() {
            let only = match gpu::adapters().first() {
                None => "it has no Vulkan, Metal or DX12 adapter".to_owned(),
                Some(software) => format!("{software} takes part when --adapter names it"),
            };
            observer.note(&format!("this machine has no GPU to compare with: {only}"));
        }
        let gpu = found.gpu.is_some().then_some(Self { may_fall_back: false, ..found });
        Ok(std::iter::once(Self::cpu(settings.threads)).chain(gpu).collect())
    }

    /// The CPU with so many threads (0: one for each core).
    #[must_use]
    pub fn cpu(threads: usize) -> Self {
        Self { gpu: None, threads, may_fall_back: false }
    }

    /// A backend for a task.
    ///
    /// # Errors
    /// When the device refuses it and the CPU may not take over, or the CPU's threads cannot start.
    pub fn backend(&self, task: &Task, observer: &dyn Observer) -> Result<Opened> {
        let _span = info_span!("make the backend").entered();
        let fall_back = self.may_fall_back.then_some(self.threads);
        if let Some(device) = &self.gpu {
            let max_tile_bytes = Gpu::max_tile_bytes(device, task);
            match Gpu::new(device.clone(), task.clone(), self.threads) {
                Ok(gpu) => return Ok(Opened { backend: Box::new(gpu), max_tile_bytes, fall_back, begun: 0 }),
                Err(error) if self.may_fall_back => observer.note(&cannot(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(Opened::new(Box::new(Cpu::new(task.clone(), self.threads)?), false))
    }

    /// A device for the statistics of a scene.
    ///
    /// # Errors
    /// As [`Processor::backend`].
    pub fn sums(&self, observer: &dyn Observer) -> Result<Box<dyn Summing>> {
        let _span = info_span!("make the backend").entered();
        if let Some(device) = &self.gpu {
            match GpuSums::new(device.clone(), self.threads) {
                Ok(gpu) => return Ok(Box::new(gpu)),
                Err(error) if self.may_fall_back => observer.note(&cannot(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(Box::new(CpuSums::new(self.threads)?))
    }

    /// Whether the CPU may take over when the device fails.
    pub(super) fn may_fall_back(&self) -> bool {
        self.may_fall_back
    }

    /// The CPU instead.
    pub(super) fn without_gpu(&self) -> Self {
        Self::cpu(self.threads)
    }

    /// `gpu` or `cpu`.
    pub(super) fn word(&self) -> &'static str {
        if self.gpu.is_some() { "gpu" } else { "cpu" }
    }
}

fn cannot(error: &Error) -> String {
    format!("the GPU cannot be used, going on with the CPU ({error})")
}

fn no_hardware() -> Error {
    let software: Vec<String> = gpu::adapters().iter().map(ToString::to_string).collect();
    let what = match software.first() {
        None => "this machine has no Vulkan, Metal or DX12 adapter".to_owned(),
        Some(_) => format!("there is no hardware adapter, only {}", software.join("; ")),
    };
    Error::failed("--backend gpu", what)
        .hint("use --backend cpu, which is faster than a software adapter, or name one with --adapter")
}

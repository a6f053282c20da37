//! The map stage: readers, backend and writer, joined by bounded channels in scoped threads.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Observer;
use super::part::{Part, Parts};
use super::plan::{Plan, Planned};
use crate::compute::cpu::Cpu;
use crate::compute::gpu::{self, Gpu};
use crate::compute::{Backend, Task};
use crate::error::{Error, Result};
use crate::tile::{Sample as _, Tile};
use crate::with_samples;

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

/// An opened backend, its limit on a tile's bytes, and whether the CPU may take over.
pub struct Opened {
    backend: Box<dyn Backend>,
    /// The largest tile in bytes of samples.
    pub max_tile_bytes: usize,
    /// Threads of the CPU that may take over (0: one for each core); `None` where it may not.
    fall_back: Option<usize>,
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
        Self { backend, max_tile_bytes: usize::MAX, fall_back: may_fall_back.then_some(0) }
    }
}

/// Opens the backend that was chosen.
///
/// # Errors
/// With `--backend gpu`, when there is no adapter or it fails; with `auto` only when the CPU's threads cannot start.
pub fn open_backend(settings: &Settings, task: &Task, observer: &dyn Observer) -> Result<Opened> {
    let cpu = || -> Result<Opened> { Ok(Opened::new(Box::new(Cpu::new(task.clone(), settings.threads)?), false)) };
    let open_gpu = |device: gpu::Device| -> Result<Opened> {
        let max_tile_bytes = Gpu::max_tile_bytes(&device, task);
        let backend = Box::new(Gpu::new(device, task.clone(), settings.threads)?);
        let fall_back = (settings.backend == BackendChoice::Auto).then_some(settings.threads);
        Ok(Opened { backend, max_tile_bytes, fall_back })
    };
    match settings.backend {
        BackendChoice::Cpu => match &settings.adapter {
            Some(name) => Err(Error::refused("--adapter", format!("'{name}' was named, but --backend is cpu"))),
            None => cpu(),
        },
        BackendChoice::Gpu => match gpu::select(settings.adapter.as_deref())? {
            Some(device) => open_gpu(device),
            None => Err(no_hardware()),
        },
        BackendChoice::Auto => match gpu::select(settings.adapter.as_deref()) {
            // An adapter that was named and is not there is the user's mistake, not a reason to go on.
            Err(error) if settings.adapter.is_some() => Err(error),
            Ok(None) => cpu(),
            opened => match opened.and_then(|device| device.map_or_else(cpu, open_gpu)) {
                Err(error) => {
                    observer.note(&format!("the GPU cannot be used, going on with the CPU ({error})"));
                    cpu()
                }
                opened => opened,
            },
        },
    }
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

/// How the map stage went.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The folder of parts.
    pub parts: PathBuf,
    /// What computed the last tile.
    pub backend: String,
    /// Parts that an earlier run had left.
    pub resumed: usize,
    /// Time that readers spent reading, all readers together.
    pub reading: Duration,
    /// Time spent computing.
    pub computing: Duration,
    /// Time spent writing parts.
    pub writing: Duration,
    /// What was noted on the way.
    pub notes: Vec<String>,
    /// BLAKE3 of every input of the plan, in order, in hexadecimal.
    pub hashes: Vec<String>,
}

/// Readers of a format whose blocks are decoded take a core each; raw files need one.
const MOST_READERS: usize = 2;

/// What the threads of a run share: the first error, and the word to stop.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    error: Mutex<Option<Error>>,
    reading: Mutex<Duration>,
}

impl Shared {
    fn fail(&self, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut first) = self.error.lock() {
            first.get_or_insert(error);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Maps every tile that has no valid part yet.
///
/// # Errors
/// When reading, computing or writing fails; parts that were finished stay for the next try.
pub fn map(planned: &Planned, plan: &Plan, opened: Opened, folder: &Path, observer: &dyn Observer) -> Result<Mapped> {
    let parts = Parts::open(folder, plan.identity())?;
    let with_rules = if plan.rules { plan.targets.len() } else { 0 };
    let missing: Vec<usize> =
        (0..plan.windows.len()).filter(|&i| parts.read(i, plan.windows[i], with_rules).is_none()).collect();
    let resumed = plan.windows.len() - missing.len();
    let left: u64 = missing.iter().map(|&i| plan.windows[i].pixels() as u64).sum();
    observer.started(plan.pixels(), plan.pixels() - left);

    let readers = if planned.scene.description.format == "GeoTIFF" { MOST_READERS } else { 1 };
    let shared = Shared::default();
    let (todo, to_read) = bounded(missing.len().max(1));
    for index in missing {
        // It holds them all and its receiver is here, so this neither blocks nor fails.
        let _ = todo.send(index);
    }
    drop(todo);
    let (read, to_map) = bounded::<(usize, Tile)>(1);
    let (mapped, to_write) = bounded::<(usize, Part)>(1);
    let mut opened = opened;
    let mut notes = Vec::new();
    let (computing, writing, hashes) = std::thread::scope(|scope| {
        // Beside the readers, so that a cold file comes from the disk once.
        let hashes = scope.spawn(|| plan.inputs.iter().map(|i| hash(&i.path, &shared)).collect::<Result<Vec<_>>>());
        for _ in 0..readers {
            let (to_read, read, shared) = (to_read.clone(), read.clone(), &shared);
            scope.spawn(move || read_tiles(planned, plan, &to_read, &read, shared));
        }
        drop(read);
        let writer = scope.spawn(|| write_parts(&parts, to_write, &shared, observer));
        let computing = compute(planned, &mut opened, to_map, mapped, &shared, &mut notes, observer);
        let writing = writer.join().unwrap_or_default();
        (computing, writing, hashes.join().unwrap_or_else(|_| Err(Error::failed("inputs", "hashing them failed"))))
    });
    let error = shared.error.into_inner().map_or(None, |e| e);
    if let Some(error) = error {
        return Err(error);
    }
    Ok(Mapped {
        parts: folder.to_owned(),
        backend: opened.label(),
        resumed,
        reading: shared.reading.into_inner().unwrap_or_default(),
        computing,
        writing,
        notes,
        hashes: hashes?,
    })
}

/// BLAKE3 of a file, read in pieces; stops early when the run has failed.
fn hash(path: &Path, shared: &Shared) -> Result<String> {
    let failed = |e: std::io::Error| Error::io(path, "cannot read", &e);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 20];
    while !shared.stopped() {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            n => hasher.update(&piece[..n]),
        };
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn read_tiles(planned: &Planned, plan: &Plan, todo: &Receiver<usize>, read: &Sender<(usize, Tile)>, shared: &Shared) {
    let mut reader = match planned.scene.reader(&plan.bands) {
        Ok(reader) => reader,
        Err(error) => return shared.fail(error),
    };
    let mut reading = Duration::ZERO;
    for index in todo {
        if shared.stopped() {
            break;
        }
        let begun = Instant::now();
        let tile = reader.read(plan.windows[index]);
        reading += begun.elapsed();
        match tile.map(|tile| read.send((index, tile)).is_ok()) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return shared.fail(error),
        }
    }
    if let Ok(mut total) = shared.reading.lock() {
        *total += reading;
    }
}

fn compute(
    planned: &Planned,
    opened: &mut Opened,
    to_map: Receiver<(usize, Tile)>,
    mapped: Sender<(usize, Part)>,
    shared: &Shared,
    notes: &mut Vec<String>,
    observer: &dyn Observer,
) -> Duration {
    let mut computing = Duration::ZERO;
    for (index, tile) in to_map {
        if shared.stopped() {
            break;
        }
        let begun = Instant::now();
        let mut scores = opened.backend.map(&tile);
        if let (Err(error), Some(threads)) = (&scores, opened.fall_back) {
            // The tile is still whole here, so nothing is lost.
            let note = format!("the GPU failed, going on with the CPU ({error})");
            observer.note(&note);
            notes.push(note);
            scores = Cpu::new(planned.task.clone(), threads).and_then(|cpu| {
                *opened = Opened::new(Box::new(cpu), false);
                opened.backend.map(&tile)
            });
        }
        computing += begun.elapsed();
        let sent = scores.map(|scores| {
            let grey = grey(&tile, &planned.task, &scores.best);
            mapped.send((index, Part { scores, grey })).is_ok()
        });
        match sent {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                shared.fail(error);
                break;
            }
        }
    }
    computing
}

/// The reflectance of the middle band in use, for the picture.
fn grey(tile: &Tile, task: &Task, best: &[u16]) -> Vec<f32> {
    let band = tile.bands / 2;
    let (gain, offset) = (task.scaling.gain[band], task.scaling.offset[band]);
    with_samples!(&tile.samples, values => {
        let row = &values[band * tile.stride..][..best.len()];
        let value = |v: f64| (v * gain + offset) as f32;
        row.iter().zip(best).map(|(v, &b)| if b == crate::compute::Scores::NODATA { f32::NAN } else { value(v.to_f64()) }).collect()
    })
}

fn write_parts(parts: &Parts, to_write: Receiver<(usize, Part)>, shared: &Shared, observer: &dyn Observer) -> Duration {
    let mut writing = Duration::ZERO;
    for (index, part) in to_write {
        let begun = Instant::now();
        let written = parts.write(index, &part);
        writing += begun.elapsed();
        match written {
            Ok(()) => observer.advanced(part.scores.window.pixels() as u64),
            Err(error) => {
                shared.fail(error);
                break;
            }
        }
    }
    writing
}

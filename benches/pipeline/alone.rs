//! The parts of a run alone, with all cores: reading the scene's tiles, and mapping tiles that lie in memory.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use alunite::compute::Backend as _;
use alunite::compute::cpu::Cpu;
use alunite::map::set_cache_bytes;
use alunite::pipeline::{self, Limits, Pass, Planned, Processor, Silent};
use alunite::tile::{Tile, Window};
use gdal::Dataset;
use ndarray::{Ix3, s};

use crate::common::machine::cores;
use crate::common::timing::seconds;

/// Bytes of tiles that are mapped again and again: more than the caches hold.
const IN_MEMORY: usize = 256 << 20;
/// Bytes of one positioned read: long enough that starting it weighs nothing, short enough for a core's cache.
const PIECE: usize = 1 << 20;
/// The default of `alunite map --max-memory`.
const MAX_MEMORY: usize = 2 << 30;

pub(crate) struct Alone<'a> {
    planned: &'a Planned,
    windows: Vec<Window>,
    tiles: Vec<Tile>,
    cpu: RefCell<Cpu>,
}

impl<'a> Alone<'a> {
    /// Cuts the scene as a run does.
    pub(crate) fn new(planned: &'a Planned) -> Self {
        let limits = Limits {
            max_memory: MAX_MEMORY,
            device_tile: usize::MAX,
            threads: cores(),
            tile_lines: None,
            under_way: 1,
        };
        let (processor, folder) = (Processor::cpu(cores()), std::env::temp_dir());
        let pass = Pass { processor: &processor, limits: &limits, folder: &folder, observer: &Silent };
        let (task, _) = pipeline::prepare(planned, &pass).expect("a task");
        let plan = planned.cut(&task, None, &limits).expect("windows");
        set_cache_bytes(planned.block_cache(&plan) as u64);
        let mut reader = planned.scene.reader(&plan.bands).expect("a reader");
        let size = plan.bands.len() * planned.scene.description.sample_type.size();
        let some = IN_MEMORY.div_ceil(plan.windows[0].pixels() * size);
        let tiles = plan.windows.iter().take(some).map(|window| reader.read(*window).expect("a tile")).collect();
        let cpu = RefCell::new(Cpu::new(task, cores()).expect("threads"));
        Self { planned, windows: plan.windows, tiles, cpu }
    }

    /// Seconds that nothing but reading the file's bytes takes, with a thread on each core: no reader can be faster.
    pub(crate) fn positioned(&self) -> f64 {
        let file = File::open(&self.planned.scene.description.path).expect("the scene");
        let (size, next) = (file.metadata().expect("its size").len(), AtomicU64::new(0));
        let read = || {
            let mut piece = vec![0; PIECE];
            loop {
                let at = next.fetch_add(PIECE as u64, Ordering::Relaxed);
                if at >= size || file.read_at(&mut piece, at).expect("bytes") == 0 {
                    break;
                }
            }
        };
        on_each_core(read)
    }

    /// Seconds that reading the scene takes, by a reader on each core.
    pub(crate) fn reading(&self) -> f64 {
        let (planned, windows, next) = (self.planned, &self.windows, AtomicUsize::new(0));
        let read = || {
            let mut reader = planned.scene.reader(&planned.draft().bands).expect("a reader");
            while let Some(window) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
                drop(reader.read(*window).expect("a tile"));
            }
        };
        on_each_core(read)
    }

    /// Seconds that GDAL takes to decode a TIFF of Int16, by a thread on each core with a dataset of its own, laid nowhere.
    /// Where this program is linked so that GDAL finds its libdeflate first, that is a newer one than GDAL's own.
    pub(crate) fn gdal(&self) -> f64 {
        let (path, windows) = (&self.planned.scene.description.path, &self.windows);
        let next = AtomicUsize::new(0);
        let read = || {
            let dataset = Dataset::open(path).expect("the scene");
            let mut values = Vec::new();
            while let Some(window) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (at, size) = ((window.x as isize, window.y as isize), (window.width, window.height));
                values.resize(window.pixels(), 0_i16);
                for band in 1..=dataset.raster_count() {
                    let band = dataset.rasterband(band).expect("a band");
                    band.read_into_slice(at, size, size, &mut values, None).expect("values");
                }
            }
        };
        on_each_core(read)
    }

    /// Seconds that the HDF5 library takes to inflate EMIT's reflectance, a row of chunks after another, laid nowhere.
    pub(crate) fn hdf5(&self) -> f64 {
        let file = hdf5_metno::File::open(&self.planned.scene.description.path).expect("the scene");
        let array = file.dataset("reflectance").expect("the cube");
        let (lines, step) = (array.shape()[0], array.chunk().expect("chunks")[0]);
        seconds(|| {
            for first in (0..lines).step_by(step) {
                let rows = s![first..lines.min(first + step), .., ..];
                drop(array.read_slice::<f32, _, Ix3>(rows).expect("a row of chunks"));
            }
        })
    }

    /// Seconds that mapping as many pixels as the scene has takes.
    pub(crate) fn kernel(&self) -> f64 {
        let pixels: usize = self.tiles.iter().map(|t| t.window.pixels()).sum();
        let all: usize = self.windows.iter().map(Window::pixels).sum();
        let mut cpu = self.cpu.borrow_mut();
        let spent = seconds(|| self.tiles.iter().for_each(|tile| drop(cpu.map(tile).expect("scores"))));
        spent * all as f64 / pixels as f64
    }
}

/// Seconds that a thread on each core takes for this.
fn on_each_core(run: impl Fn() + Copy + Send) -> f64 {
    seconds(|| std::thread::scope(|scope| (0..cores()).for_each(|_| drop(scope.spawn(run)))))
}

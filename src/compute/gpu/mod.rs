//! The GPU backend: WGSL through wgpu, on Vulkan, Metal or DX12. The only room that knows wgpu.
//!
//! The device ranks; the decision over ranked pixels is the host's, as on the CPU. Several tiles are under way at once, so
//! that copies, kernels and the host's decision overlap. Every failure of the device is an error of [`Backend::begin`] or
//! [`Backend::map`], and leaves all tiles whole, in their owner's hands, for another backend.

mod buffers;
mod device;
mod kernel;
pub mod layout;
mod ring;
mod statistics;
mod timestamps;

pub use device::{AdapterFacts, AdapterKind, Gpu as Device, adapters, select};
pub use statistics::GpuSums;

use std::time::{Duration, Instant};

use tracing::info_span;

use super::cpu::{Host, Scratch};
use super::{Assignment, Backend, Busy, Clock, Scores, Task};
use crate::error::Result;
use crate::methods::{MIN_RANKED, Method, find};
use crate::tile::Tile;
use buffers::{Ranked, Sizes};
use kernel::{Kernel, Operands, Pass, Wanted};
use ring::{Job, Ring};
use timestamps::Times;

/// The text of the whole shader of the methods that share a product: their endings, then the shared core: project, rank, samples (WGSL has no
/// order at module level, so line numbers in a compiler's message point into the endings first).
#[must_use]
pub fn shader_text(methods: &[&dyn Method]) -> String {
    let energy = find("rx").map(|rx| rx.shader()).unwrap_or_default();
    let with_targets: Vec<_> = methods.iter().filter(|m| m.has_targets()).collect();
    let endings: String = with_targets.iter().map(|m| m.shader()).collect::<Vec<_>>().join("\n");
    let cases: String = with_targets
        .iter()
        .enumerate()
        .map(|(e, m)| format!("        case {e}u: {{ return {}(product, constant); }}\n", m.word()))
        .collect();
    format!(
        "{endings}\n{energy}\nconst ENDINGS = {}u;\n\
         fn ending(which: u32, product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {{\n    switch which {{\n{cases}        \
         default: {{ return product; }}\n    }}\n}}\n\n{}\n{}\n{}",
        with_targets.len(),
        include_str!("../../../shaders/project.wgsl"),
        include_str!("../../../shaders/rank.wgsl"),
        include_str!("../../../shaders/samples.wgsl")
    )
}

/// The text of the shader that sums statistics.
pub const STATISTICS: &str = include_str!("../../../shaders/statistics.wgsl");

/// The GPU backend.
pub struct Gpu {
    device: Device,
    kernels: Vec<Kernel>,
    /// The operands of the group that was mapped last.
    operands: Option<(usize, Vec<Operands>)>,
    ring: Ring,
    task: Task,
    host: Host,
    /// Which product each piece of scratch is for.
    scratch: Scratch<usize>,
    sequence: u32,
    busy: Busy,
}

impl Gpu {
    /// A backend on an opened device; `threads` host threads decide over ranked pixels (0: one for each core).
    ///
    /// # Errors
    /// When the device refuses the shader or the targets do not fit its limits.
    pub fn new(device: Device, task: Task, threads: usize) -> Result<Self> {
        Self::with_shader(device, task, threads, str::to_owned)
    }

    /// The same with shaders changed by the caller: how tests show that a wrong kernel is found out.
    ///
    /// # Errors
    /// As [`Gpu::new`].
    pub fn with_shader(device: Device, task: Task, threads: usize, change: impl Fn(&str) -> String) -> Result<Self> {
        // All groups have the same products, of different numbers; a group without a background has none.
        let assignments = task.groups.iter().find(|g| !g.is_empty()).map_or(&[][..], Vec::as_slice);
        let kernel = |assignment: &Assignment| {
            let methods: Vec<&dyn Method> = assignment.endings.iter().map(|e| e.method).collect();
            Kernel::new(&device, &task, assignment, &change(&shader_text(&methods)))
        };
        let kernels = assignments.iter().map(kernel).collect::<Result<_>>()?;
        let host = Host::new(threads)?;
        // The device ranks what is worth it.
        let scratch = host.scratch(MIN_RANKED - 1);
        let clock = if device.has_clock() { Clock::Device } else { Clock::Host };
        let busy = Busy { moving: Duration::ZERO, computing: Duration::ZERO, deciding: Duration::ZERO, clock };
        Ok(Self { device, kernels, operands: None, ring: Ring::default(), task, host, scratch, sequence: 0, busy })
    }

    /// The largest tile, in bytes of samples, that the device's limits allow for this task.
    #[must_use]
    pub fn max_tile_bytes(device: &Device, task: &Task) -> usize {
        layout::max_tile_bytes(&device.limits(), task)
    }

    /// Ends the device as a driver's reset would. For tests of what happens then.
    #[doc(hidden)]
    pub fn lose_device(&self) {
        self.device.destroy();
    }

    /// Gives the device a tile.
    fn submit(&mut self, tile: &Tile, group: usize, wanted: Wanted) -> Result<Job> {
        let (gpu, assignments) = (&self.device, &self.task.groups[group]);
        let buffers = self.ring.buffers(gpu, Sizes::of(tile, assignments, wanted.keep_keys), assignments.len())?;
        if self.operands.as_ref().is_none_or(|(of, _)| *of != group) {
            let operands = assignments.iter().map(|a| Operands::new(gpu, a)).collect::<Result<_>>()?;
            self.operands = Some((group, operands));
        }
        let Some((_, operands)) = &self.operands else { unreachable!("made above") };
        let staging = Instant::now();
        buffers.stage(gpu, tile)?;
        self.busy.moving += staging.elapsed();
        let mut sequences = Vec::with_capacity(assignments.len());
        let submitted = gpu.checked("mapping a tile", || {
            let mut encoder = gpu.encoder();
            buffers.mark(&mut encoder, 0);
            buffers.copy_in(&mut encoder, tile);
            buffers.mark(&mut encoder, 1);
            let mut at = 0;
            for (i, ((assignment, kernel), operands)) in assignments.iter().zip(&self.kernels).zip(operands).enumerate()
            {
                let pass = Pass { wanted, first_sequence: self.sequence.wrapping_add(1).max(1) };
                self.sequence = kernel.dispatch(gpu, &mut encoder, operands, &buffers, tile, pass);
                buffers.mark(&mut encoder, 2 * i + 2);
                buffers.copy_out(&mut encoder, tile, assignment, wanted.keep_keys, &mut at);
                buffers.mark(&mut encoder, 2 * i + 3);
                sequences.push(self.sequence);
            }
            buffers.copy_times(&mut encoder, at);
            gpu.submit(encoder, buffers.then())
        })?;
        Ok(Job { of: (tile.window, group), keep_keys: wanted.keep_keys, buffers, sequences, submitted })
    }

    /// Waits for a tile. Its buffers come back only when all went well: else their state is unknown.
    fn collect(&mut self, job: Job, tile: &Tile) -> Result<Vec<Ranked>> {
        let Job { of: (_, group), keep_keys, buffers, sequences, submitted } = job;
        let waiting = Instant::now();
        info_span!("device").in_scope(|| self.device.wait(submitted))?;
        let waited = waiting.elapsed();
        let taking = Instant::now();
        let (ranked, times) = buffers.take(&self.device, tile, &self.task.groups[group], keep_keys, &sequences)?;
        let times = times.unwrap_or(Times { copying: Duration::ZERO, computing: waited });
        self.busy.moving += times.copying + taking.elapsed();
        self.busy.computing += times.computing;
        self.ring.free(buffers);
        Ok(ranked)
    }

    /// What a map needs: with rule images scores are computed of all targets, and where that is in f64, nothing need be
    /// ranked.
    fn wanted(&self) -> Wanted {
        let keyed = self.task.groups.iter().flatten().any(Assignment::is_keyed);
        Wanted { targets: !self.task.rules || keyed, keep_keys: false }
    }
}

impl Backend for Gpu {
    fn label(&self) -> String {
        self.device.facts().to_string()
    }

    fn task(&self) -> &Task {
        &self.task
    }

    fn busy(&self) -> Option<Busy> {
        Some(self.busy)
    }

    fn depth(&self) -> usize {
        ring::DEPTH
    }

    fn begin_group(&mut self, tile: &Tile, group: usize) -> Result<()> {
        if self.task.groups[group].is_empty() || self.ring.is_full() {
            return Ok(());
        }
        let job = self.submit(tile, group, self.wanted())?;
        self.ring.push(job);
        Ok(())
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        if self.task.groups[group].is_empty() {
            return Ok(Scores::nodata(&self.task, tile.window));
        }
        let job = match self.ring.take(tile, group) {
            Some(begun) => begun,
            None => self.submit(tile, group, self.wanted())?,
        };
        let ranked = self.collect(job, tile)?;
        let of = |assignment: &Assignment| {
            self.task.groups[group].iter().position(|a| std::ptr::eq(a, assignment)).unwrap_or_default()
        };
        let _span = info_span!("decide").entered();
        let deciding = Instant::now();
        let scores = self.host.decide(&self.scratch, &self.task, tile, group, of, |block, _, work, &mut product| {
            let ranked = &ranked[product];
            for (to, from) in work.ranked.iter_mut().zip(&ranked.candidates) {
                to.set(&from[block.clone()]);
            }
            if !ranked.energies.is_empty() {
                work.energy[..block.len()].copy_from_slice(&ranked.energies[block]);
            }
        });
        self.busy.deciding += deciding.elapsed();
        Ok(scores)
    }

    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>> {
        let pixels = tile.window.pixels();
        let job = self.submit(tile, 0, Wanted { targets: true, keep_keys: true })?;
        let ranked = self.collect(job, tile)?;
        for (assignment, ranked) in self.task.groups[0].iter().zip(ranked) {
            let Some(ending) = assignment.endings.iter().position(|e| e.index == method) else { continue };
            if !assignment.endings[ending].method.has_targets() {
                return Ok(ranked.energies[..pixels].to_vec());
            }
            let targets = assignment.product.targets();
            let keys = &ranked.keys[ending * targets * tile.padded..][..targets * tile.padded];
            return Ok(keys.chunks(tile.padded).flat_map(|row| &row[..pixels]).copied().collect());
        }
        Ok(Vec::new())
    }
}

//! The GPU backend: WGSL through wgpu, on Vulkan, Metal or DX12. The only room that knows wgpu.
//!
//! The device ranks; the decision over ranked pixels is the host's, as on the CPU. Every failure of the device is an
//! error of [`Backend::map`], which leaves the tile whole for another backend.

mod buffers;
mod device;
mod kernel;
pub mod layout;

pub use device::{AdapterFacts, AdapterKind, Gpu as Device, adapters, select};

use super::cpu::Host;
use super::{Backend, Scores, Task};
use crate::error::Result;
use crate::tile::Tile;
use buffers::Buffers;
use kernel::Kernel;

/// The text of a method's whole shader: its ending, then the shared core (WGSL has no order at module level, so line
/// numbers in a compiler's message point into the ending first).
#[must_use]
pub fn shader_text(ending: &str) -> String {
    format!("{ending}\n{}", include_str!("../../../shaders/project.wgsl"))
}

/// The GPU backend.
pub struct Gpu {
    device: Device,
    kernel: Kernel,
    buffers: Option<Buffers>,
    task: Task,
    host: Host,
    sequence: u32,
}

impl Gpu {
    /// A backend on an opened device; `threads` host threads decide over ranked pixels (0: one for each core).
    ///
    /// # Errors
    /// When the device refuses the shader or the targets do not fit its limits.
    pub fn new(device: Device, task: Task, threads: usize) -> Result<Self> {
        let text = shader_text(task.method.shader());
        Self::with_shader(device, task, threads, &text)
    }

    /// The same with a shader of the caller's: how tests show that a wrong kernel is found out.
    ///
    /// # Errors
    /// As [`Gpu::new`].
    pub fn with_shader(device: Device, task: Task, threads: usize, text: &str) -> Result<Self> {
        let kernel = Kernel::new(&device, &task, text)?;
        Ok(Self { device, kernel, buffers: None, task, host: Host::new(threads)?, sequence: 0 })
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

    fn rank(&mut self, tile: &Tile, keep_keys: bool) -> Result<buffers::Ranked> {
        let needed = buffers::Sizes::of(tile, &self.task, keep_keys);
        if !self.buffers.as_ref().is_some_and(|b| b.hold(&needed)) {
            self.buffers = None; // Freed before the larger ones are made.
            self.buffers = Some(Buffers::new(&self.device, needed)?);
        }
        let Some(buffers) = &mut self.buffers else { unreachable!("made above") };
        let first = self.sequence.wrapping_add(1).max(1);
        self.sequence = self.kernel.run(&self.device, buffers, tile, keep_keys, first)?;
        let ranked = buffers.take(&self.device, tile, keep_keys.then_some(self.task.prepared.targets()), self.sequence);
        if ranked.is_err() {
            self.buffers = None; // Their mapped state is unknown now.
        }
        ranked
    }
}

impl Backend for Gpu {
    fn label(&self) -> String {
        self.device.facts().to_string()
    }

    fn map(&mut self, tile: &Tile) -> Result<Scores> {
        let ranked = self.rank(tile, self.task.rules)?;
        Ok(self.host.decide(&self.task, tile, &ranked.candidates, &ranked.keys))
    }

    fn keys(&mut self, tile: &Tile) -> Result<Vec<f32>> {
        let pixels = tile.window.pixels();
        let ranked = self.rank(tile, true)?;
        Ok(ranked.keys.chunks(tile.stride).flat_map(|row| &row[..pixels]).copied().collect())
    }
}

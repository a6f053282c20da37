//! What the device's own clock says of a tile: how long it was copied, and how long computed.

use std::time::Duration;

use super::device::Gpu;

/// Timestamps of the work on one tile: at its begin, and then after copies and after kernels by turns.
pub(super) struct Timestamps {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    count: u32,
}

/// How long the device took for a tile.
pub(super) struct Times {
    pub(super) copying: Duration,
    pub(super) computing: Duration,
}

/// How many a tile has: the copy in, and for each product kernels and the copy out.
fn count(products: usize) -> usize {
    2 + 2 * products
}

impl Timestamps {
    /// Bytes that they take in the buffer on the way back.
    pub(super) fn bytes(products: usize) -> usize {
        8 * count(products)
    }

    /// `None` where the device has no clock.
    pub(super) fn new(gpu: &Gpu, products: usize) -> Option<Self> {
        let (count, usage) = (count(products) as u32, wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let set = gpu.timestamps(count)?;
        let resolved = gpu.buffer("timestamps", Self::bytes(products) as u64, usage, false);
        Some(Self { set, resolved, count })
    }

    pub(super) fn mark(&self, encoder: &mut wgpu::CommandEncoder, index: usize) {
        encoder.write_timestamp(&self.set, index as u32);
    }

    /// After the last mark: copies all to `at` in a buffer.
    pub(super) fn copy_out(&self, encoder: &mut wgpu::CommandEncoder, to: &wgpu::Buffer, at: u64) {
        encoder.resolve_query_set(&self.set, 0..self.count, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, to, at, u64::from(self.count) * 8);
    }

    pub(super) fn read(gpu: &Gpu, bytes: &[u8]) -> Times {
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(bytes);
        // A clock that was reset in between tells nothing.
        let steps = ticks.windows(2).map(|pair| gpu.duration(pair[1].saturating_sub(pair[0])));
        let sum = |of: usize| steps.clone().skip(of).step_by(2).sum();
        Times { copying: sum(0), computing: sum(1) }
    }
}

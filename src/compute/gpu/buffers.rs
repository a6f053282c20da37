//! The buffers of a tile on its way to the device and back. Made once and reused: staging that stays mapped between
//! tiles was four times as fast as letting the queue allocate.

use std::sync::mpsc;

use super::device::Gpu;
use super::layout::{QUAD, RANKING_BYTES, WORKGROUP, uploaded_type};
use crate::compute::Task;
use crate::error::Result;
use crate::methods::{CANDIDATES, Candidates};
use crate::tile::{Sample as _, Tile};
use crate::with_samples;

/// Bytes of each buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    samples: u64,
    ranking: u64,
    keys: u64,
    finished: u64,
}

impl Sizes {
    pub(super) fn of(tile: &Tile, task: &Task, keep_keys: bool) -> Self {
        let keys = if keep_keys { tile.stride * task.prepared.targets() * 4 } else { 16 };
        Self {
            samples: (tile.bands * tile.stride * uploaded_type(tile.samples.sample_type()).size()) as u64,
            ranking: (tile.stride * RANKING_BYTES) as u64,
            keys: keys as u64,
            finished: ((tile.stride / QUAD).div_ceil(WORKGROUP) * 4) as u64,
        }
    }
}

/// What a device ranked: one entry a pixel, and keys `[target][stride]` when they were kept.
pub(super) struct Ranked {
    pub(super) candidates: Vec<Candidates>,
    pub(super) keys: Vec<f32>,
}

pub(super) struct Buffers {
    sizes: Sizes,
    staging: wgpu::Buffer,
    back: wgpu::Buffer,
    pub(super) samples: wgpu::Buffer,
    pub(super) ranking: wgpu::Buffer,
    pub(super) keys: wgpu::Buffer,
    pub(super) finished: wgpu::Buffer,
}

impl Buffers {
    pub(super) fn new(gpu: &Gpu, sizes: Sizes) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        gpu.checked("making buffers for a tile", || {
            let make = |label, size, usage, mapped_at_creation| {
                gpu.raw().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation })
            };
            let results = Usage::STORAGE | Usage::COPY_SRC;
            Self {
                sizes,
                staging: make("staging", sizes.samples, Usage::MAP_WRITE | Usage::COPY_SRC, true),
                back: make(
                    "back",
                    sizes.ranking + sizes.keys + sizes.finished,
                    Usage::MAP_READ | Usage::COPY_DST,
                    false,
                ),
                samples: make("samples", sizes.samples, Usage::STORAGE | Usage::COPY_DST, false),
                ranking: make("ranking", sizes.ranking, results, false),
                keys: make("keys", sizes.keys, results, false),
                finished: make("finished", sizes.finished, results | Usage::COPY_DST, false),
            }
        })
    }

    pub(super) fn hold(&self, needed: &Sizes) -> bool {
        let (a, b) = (&self.sizes, needed);
        a.samples >= b.samples && a.ranking >= b.ranking && a.keys >= b.keys && a.finished >= b.finished
    }

    /// Writes a tile into the staging buffer, which is mapped between tiles.
    pub(super) fn stage(&self, gpu: &Gpu, tile: &Tile) -> Result<()> {
        gpu.check()?;
        let converted: Vec<f32>;
        let bytes = if uploaded_type(tile.samples.sample_type()) == tile.samples.sample_type() {
            tile.samples.as_bytes()
        } else {
            converted = with_samples!(&tile.samples, values => values.iter().map(|v| v.to_f32()).collect());
            bytemuck::cast_slice(&converted)
        };
        let mut view = self.staging.get_mapped_range_mut(..bytes.len() as u64).map_err(|e| gpu.failed(e))?;
        view.copy_from_slice(bytes);
        drop(view);
        self.staging.unmap();
        Ok(())
    }

    pub(super) fn copy_in(&self, encoder: &mut wgpu::CommandEncoder, tile: &Tile) {
        let bytes = tile.bands * tile.stride * uploaded_type(tile.samples.sample_type()).size();
        encoder.copy_buffer_to_buffer(&self.staging, 0, &self.samples, 0, bytes as u64);
        encoder.clear_buffer(&self.finished, 0, None);
    }

    pub(super) fn copy_out(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        tile: &Tile,
        groups: usize,
        targets: Option<usize>,
    ) {
        let ranking = (tile.stride * RANKING_BYTES) as u64;
        encoder.copy_buffer_to_buffer(&self.ranking, 0, &self.back, 0, ranking);
        encoder.copy_buffer_to_buffer(&self.finished, 0, &self.back, ranking, groups as u64 * 4);
        if let Some(targets) = targets {
            let keys = (targets * tile.stride * 4) as u64;
            encoder.copy_buffer_to_buffer(&self.keys, 0, &self.back, ranking + groups as u64 * 4, keys);
        }
    }

    /// Waits for the tile, checks that every workgroup came to its end, and maps the staging buffer for the next.
    pub(super) fn take(&self, gpu: &Gpu, tile: &Tile, targets: Option<usize>, sequence: u32) -> Result<Ranked> {
        let groups = (tile.stride / QUAD).div_ceil(WORKGROUP);
        let ranking = tile.stride * RANKING_BYTES;
        let total = ranking + groups * 4 + targets.map_or(0, |t| t * tile.stride * 4);
        let (told, mapped) = mpsc::channel();
        for (buffer, mode) in [(&self.back, wgpu::MapMode::Read), (&self.staging, wgpu::MapMode::Write)] {
            let told = told.clone();
            // The receiver is gone only when this function has failed already.
            buffer.map_async(mode, .., move |outcome| drop(told.send(outcome)));
        }
        gpu.wait()?;
        for outcome in mapped.try_iter().take(2) {
            outcome.map_err(|e| gpu.failed(e))?;
        }
        let ranked = {
            let view = self.back.get_mapped_range(..total as u64).map_err(|e| gpu.failed(e))?;
            let finished: &[u32] = bytemuck::cast_slice(&view[ranking..ranking + groups * 4]);
            if let Some(group) = finished.iter().position(|&s| s != sequence) {
                return Err(gpu.failed(format!(
                    "workgroup {group} of {groups} did not come to its end (it left {}, expected {sequence})",
                    finished[group]
                )));
            }
            Ranked {
                candidates: unpack(bytemuck::cast_slice(&view[..ranking]), tile.window.pixels()),
                keys: bytemuck::cast_slice(&view[ranking + groups * 4..]).to_vec(),
            }
        };
        self.back.unmap();
        Ok(ranked)
    }
}

/// Per four pixels the shader writes, for each place, four targets and four keys.
fn unpack(words: &[[u32; 8]], pixels: usize) -> Vec<Candidates> {
    let one = |pixel: usize| {
        let (places, lane) = (&words[pixel / QUAD * CANDIDATES..][..CANDIDATES], pixel % QUAD);
        Candidates {
            target: std::array::from_fn(|place| places[place][lane]),
            key: std::array::from_fn(|place| f32::from_bits(places[place][4 + lane])),
        }
    };
    (0..pixels).map(one).collect()
}

//! The buffers of a tile on its way to the device and back. Made once and reused: staging that stays mapped between
//! tiles was four times as fast as letting the queue allocate.

use tracing::info_span;

use super::device::Gpu;
use super::layout::{QUAD, RANKING_BYTES, WORKGROUP, uploaded_type};
use super::timestamps::{Times, Timestamps};
use crate::compute::Assignment;
use crate::error::Result;
use crate::methods::{CANDIDATES, Candidates};
use crate::tile::{Sample as _, Tile};
use crate::with_samples;

/// Bytes of each buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sizes {
    samples: u64,
    ranking: u64,
    keys: u64,
    energies: u64,
    finished: u64,
    back: u64,
}

/// Where the results of one product lie in the buffer on the way back, in bytes.
#[derive(Debug, Clone, Copy)]
struct Results {
    ranking: usize,
    energies: usize,
    finished: usize,
    keys: usize,
}

impl Results {
    fn of(tile: &Tile, assignment: &Assignment, keep_keys: bool) -> Self {
        let endings = assignment.ranked();
        Self {
            ranking: tile.padded * RANKING_BYTES * endings,
            energies: if assignment.product.whitening.is_some() { tile.padded * 4 } else { 0 },
            finished: groups(tile) * 4,
            keys: if keep_keys { tile.padded * assignment.product.targets() * endings * 4 } else { 0 },
        }
    }

    fn total(&self) -> usize {
        self.ranking + self.energies + self.finished + self.keys
    }
}

impl Sizes {
    pub(super) fn of(tile: &Tile, assignments: &[Assignment], keep_keys: bool) -> Self {
        let mut sizes = Self {
            samples: (tile.bands * tile.padded * uploaded_type(tile.samples.sample_type()).size()) as u64,
            energies: (tile.padded * 4) as u64,
            finished: (groups(tile) * 4) as u64,
            // A binding may not be empty.
            ranking: (tile.padded * RANKING_BYTES) as u64,
            keys: 16,
            back: Timestamps::bytes(assignments.len()) as u64,
        };
        for assignment in assignments {
            let results = Results::of(tile, assignment, keep_keys);
            sizes.ranking = sizes.ranking.max(results.ranking as u64);
            sizes.keys = sizes.keys.max(results.keys as u64);
            sizes.back += results.total() as u64;
        }
        sizes
    }
}

fn groups(tile: &Tile) -> usize {
    (tile.padded / QUAD).div_ceil(WORKGROUP)
}

/// What a device made of one product.
pub(super) struct Ranked {
    /// For each ending, one entry a pixel.
    pub(super) candidates: Vec<Vec<Candidates>>,
    /// One a pixel, or empty.
    pub(super) energies: Vec<f32>,
    /// `[ending][target][stride]` when they were kept.
    pub(super) keys: Vec<f32>,
}

pub(super) struct Buffers {
    sizes: Sizes,
    staging: wgpu::Buffer,
    back: wgpu::Buffer,
    pub(super) samples: wgpu::Buffer,
    pub(super) ranking: wgpu::Buffer,
    pub(super) keys: wgpu::Buffer,
    pub(super) energies: wgpu::Buffer,
    pub(super) finished: wgpu::Buffer,
    timestamps: Option<Timestamps>,
}

impl Buffers {
    pub(super) fn new(gpu: &Gpu, sizes: Sizes, products: usize) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        gpu.checked("making buffers for a tile", || {
            let make = |label, size, usage| gpu.buffer(label, size, usage, false);
            let results = Usage::STORAGE | Usage::COPY_SRC;
            Self {
                sizes,
                staging: gpu.buffer("staging", sizes.samples, Usage::MAP_WRITE | Usage::COPY_SRC, true),
                back: make("back", sizes.back, Usage::MAP_READ | Usage::COPY_DST),
                samples: make("samples", sizes.samples, Usage::STORAGE | Usage::COPY_DST),
                ranking: make("ranking", sizes.ranking, results),
                keys: make("keys", sizes.keys, results),
                energies: make("energies", sizes.energies, results),
                finished: make("finished", sizes.finished, results | Usage::COPY_DST),
                timestamps: Timestamps::new(gpu, products),
            }
        })
    }

    pub(super) fn hold(&self, needed: &Sizes) -> bool {
        let (a, b) = (&self.sizes, needed);
        a.samples >= b.samples
            && a.ranking >= b.ranking
            && a.keys >= b.keys
            && a.energies >= b.energies
            && a.finished >= b.finished
            && a.back >= b.back
    }

    /// Writes a tile into the staging buffer, which is mapped between tiles.
    pub(super) fn stage(&self, gpu: &Gpu, tile: &Tile) -> Result<()> {
        let _span = info_span!("upload").entered();
        gpu.check()?;
        let converted: Vec<f32>;
        let bytes = if uploaded_type(tile.samples.sample_type()) == tile.samples.sample_type() {
            tile.samples.as_bytes()
        } else {
            converted = with_samples!(&tile.samples, values => values.iter().map(|v| v.to_f32()).collect());
            bytemuck::cast_slice(&converted)
        };
        gpu.fill(&self.staging, bytes)
    }

    pub(super) fn copy_in(&self, encoder: &mut wgpu::CommandEncoder, tile: &Tile) {
        let bytes = tile.bands * tile.padded * uploaded_type(tile.samples.sample_type()).size();
        encoder.copy_buffer_to_buffer(&self.staging, 0, &self.samples, 0, bytes as u64);
    }

    /// Notes the time at which what was encoded so far is done.
    pub(super) fn mark(&self, encoder: &mut wgpu::CommandEncoder, index: usize) {
        if let Some(timestamps) = &self.timestamps {
            timestamps.mark(encoder, index);
        }
    }

    /// Copies the times behind all results.
    pub(super) fn copy_times(&self, encoder: &mut wgpu::CommandEncoder, at: u64) {
        if let Some(timestamps) = &self.timestamps {
            timestamps.copy_out(encoder, &self.back, at);
        }
    }

    /// Copies the results of one product behind those of the products before it; `at` is where, and moves on.
    pub(super) fn copy_out(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        tile: &Tile,
        assignment: &Assignment,
        keep_keys: bool,
        at: &mut u64,
    ) {
        let results = Results::of(tile, assignment, keep_keys);
        for (buffer, bytes) in [
            (&self.ranking, results.ranking),
            (&self.energies, results.energies),
            (&self.finished, results.finished),
            (&self.keys, results.keys),
        ] {
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(buffer, 0, &self.back, *at, bytes as u64);
                *at += bytes as u64;
            }
        }
    }

    /// What is to be mapped when the device is done: what comes back, and the staging buffer for the next tile.
    pub(super) fn then(&self) -> [(&wgpu::Buffer, wgpu::MapMode); 2] {
        [(&self.back, wgpu::MapMode::Read), (&self.staging, wgpu::MapMode::Write)]
    }

    /// Takes what came back, after a check that every workgroup came to its end: `sequences` holds what the last dispatch
    /// of each product writes. With it, how long the device took, where it has a clock.
    pub(super) fn take(
        &self,
        gpu: &Gpu,
        tile: &Tile,
        assignments: &[Assignment],
        keep_keys: bool,
        sequences: &[u32],
    ) -> Result<(Vec<Ranked>, Option<Times>)> {
        let _span = info_span!("download").entered();
        let total: usize = assignments.iter().map(|a| Results::of(tile, a, keep_keys).total()).sum();
        let total = total + self.timestamps.as_ref().map_or(0, |_| Timestamps::bytes(assignments.len()));
        let mut ranked = Vec::with_capacity(assignments.len());
        let times = {
            let view = self.back.get_mapped_range(..total as u64).map_err(|e| gpu.failed(e))?;
            let mut rest: &[u8] = &view;
            for (assignment, &sequence) in assignments.iter().zip(sequences) {
                let results = Results::of(tile, assignment, keep_keys);
                let mut take = |bytes: usize| {
                    let (head, tail) = rest.split_at(bytes);
                    rest = tail;
                    head
                };
                let ranking: &[[u32; 8]] = bytemuck::cast_slice(take(results.ranking));
                let energies = bytemuck::cast_slice(take(results.energies)).to_vec();
                let finished: &[u32] = bytemuck::cast_slice(take(results.finished));
                if let Some(group) = finished.iter().position(|&s| s != sequence) {
                    return Err(gpu.failed(format!(
                        "workgroup {group} of {} did not come to its end (it left {}, expected {sequence})",
                        finished.len(),
                        finished[group]
                    )));
                }
                let endings = assignment.ranked();
                ranked.push(Ranked {
                    candidates: (0..endings).map(|e| unpack(ranking, e, endings, tile.window.pixels())).collect(),
                    energies,
                    keys: bytemuck::cast_slice(take(results.keys)).to_vec(),
                });
            }
            self.timestamps.as_ref().map(|_| Timestamps::read(gpu, rest))
        };
        self.back.unmap();
        Ok((ranked, times))
    }
}

/// Per four pixels the shader writes, for each ending and place, four targets and four keys.
fn unpack(words: &[[u32; 8]], ending: usize, endings: usize, pixels: usize) -> Vec<Candidates> {
    let one = |pixel: usize| {
        let at = (pixel / QUAD * endings + ending) * CANDIDATES;
        let (places, lane) = (&words[at..][..CANDIDATES], pixel % QUAD);
        Candidates {
            target: std::array::from_fn(|place| places[place][lane]),
            key: std::array::from_fn(|place| f32::from_bits(places[place][4 + lane])),
        }
    };
    (0..pixels).map(one).collect()
}

//! The compiled kernels of a task: pipelines, targets and scaling on the device, and their dispatches over a tile.

use super::buffers::Buffers;
use super::device::Gpu;
use super::layout::{self, QUAD, ROW_BLOCK, TaskUniform, WORKGROUP};
use crate::compute::{Assignment, Task};
use crate::error::Result;
use crate::methods::{CANDIDATES, Space};
use crate::tile::Tile;

/// Loop iterations of one invocation: lavapipe stops at 65,535, counted over all loops, and says nothing.
const MAX_ITERATIONS: usize = 32_768;

/// Floating-point operations of one dispatch: 20 ms on a GPU of 1 TFLOP/s, far from any watchdog.
const MAX_OPERATIONS: usize = 20_000_000_000;

/// The pipeline of one product and its endings.
pub(super) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    endings: usize,
}

/// What a product of one group of pixels brings along.
pub(super) struct Operands {
    weights: wgpu::Buffer,
    constants: wgpu::Buffer,
    scaling: wgpu::Buffer,
    bands: usize,
    features: usize,
    targets: usize,
    rows: usize,
}

/// What is wanted of a tile.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Whether targets are multiplied and ranked; energies always are.
    pub(super) targets: bool,
    /// Whether every key is wanted.
    pub(super) keep_keys: bool,
}

/// The dispatches over one product.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    pub(super) wanted: Wanted,
    /// The sequence number that the first dispatch writes.
    pub(super) first_sequence: u32,
}

impl Kernel {
    pub(super) fn new(gpu: &Gpu, task: &Task, assignment: &Assignment, text: &str) -> Result<Self> {
        let label = Some(assignment.product.basis);
        let constants = [
            (layout::SAMPLE_TYPE, f64::from(layout::sample_type_code(task.sample_type))),
            (layout::SPACE, f64::from(layout::space_code(assignment.product.space))),
        ];
        let pipeline = gpu.pipeline(label, text, layout::ENTRY_POINT, &constants)?;
        Ok(Self { pipeline, endings: assignment.ranked() })
    }

    /// Dispatches over the rows of a product. Returns the sequence number that the last dispatch writes.
    pub(super) fn dispatch(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        operands: &Operands,
        buffers: &Buffers,
        tile: &Tile,
        pass: Pass,
    ) -> u32 {
        let (groups_x, groups_y) = groups(gpu, tile);
        let by_time = MAX_OPERATIONS / (2 * ROW_BLOCK * operands.features * tile.padded).max(1);
        // Every target is inserted into the places of every ending.
        let iterations = operands.features + ROW_BLOCK * (1 + self.endings * (1 + CANDIDATES));
        let before = operands.bands + 8 * self.endings * CANDIDATES;
        let blocks = (MAX_ITERATIONS.saturating_sub(before) / iterations).min(by_time).max(1);
        let start = if pass.wanted.targets { 0 } else { layout::padded(operands.targets) };
        let mut sequence = pass.first_sequence;
        for first_row in (start..operands.rows.max(start + 1)).step_by(blocks * ROW_BLOCK) {
            if first_row > start {
                sequence = sequence.wrapping_add(1);
            }
            let uniform = TaskUniform {
                stride: tile.padded as u32,
                bands: operands.bands as u32,
                features: operands.features as u32,
                targets: operands.targets as u32,
                first_row: first_row as u32,
                last_row: (first_row + blocks * ROW_BLOCK).min(operands.rows) as u32,
                sequence,
                keep_keys: u32::from(pass.wanted.keep_keys),
                groups_x,
                begun: u32::from(first_row > start),
            };
            let task = gpu.uniform("task", bytemuck::bytes_of(&uniform));
            let bound = [
                &task,
                &buffers.samples,
                &operands.scaling,
                &operands.weights,
                &operands.constants,
                &buffers.ranking,
                &buffers.keys,
                &buffers.energies,
                &buffers.finished,
            ];
            gpu.dispatch(encoder, &self.pipeline, &bound, (groups_x, groups_y));
        }
        sequence
    }
}

/// Workgroups of a tile.
fn groups(gpu: &Gpu, tile: &Tile) -> (u32, u32) {
    let groups = (tile.padded / QUAD).div_ceil(WORKGROUP);
    let widest = gpu.limits().max_compute_workgroups_per_dimension as usize;
    (groups.min(widest) as u32, groups.div_ceil(widest) as u32)
}

impl Operands {
    pub(super) fn new(gpu: &Gpu, assignment: &Assignment) -> Result<Self> {
        let product = &assignment.product;
        let exact = product.scaling.gain.iter().zip(&product.scaling.offset);
        let scaling: Vec<[f32; 2]> = exact.clone().map(|(&gain, &offset)| [gain as f32, offset as f32]).collect();
        // What rounding took from gain and offset, at the stored value that is the mean. Only where a mean is subtracted
        // does it matter: there the features are small, and whitening magnifies what they lack.
        let missing: Vec<f64> = exact
            .zip(&scaling)
            .map(|((&gain, &offset), rounded)| match product.space {
                Space::Deviation if gain != 0.0 => {
                    let at = -offset / gain;
                    (gain - f64::from(rounded[0])) * at + offset - f64::from(rounded[1])
                }
                _ => 0.0,
            })
            .collect();
        let weights = layout::pack_weights(product, &missing);
        let mut constants: Vec<[f32; 2]> =
            assignment.endings.iter().flat_map(|e| e.prepared.constants.iter().copied()).collect();
        // A binding may not be empty.
        constants.push([0.0; 2]);
        Ok(Self {
            rows: weights.len() / (product.features() + 1),
            weights: gpu.upload("targets", bytemuck::cast_slice(&weights))?,
            constants: gpu.upload("constants", bytemuck::cast_slice(&constants))?,
            scaling: gpu.upload("scaling", bytemuck::cast_slice(&scaling))?,
            bands: product.bands(),
            features: product.features(),
            targets: product.targets(),
        })
    }
}

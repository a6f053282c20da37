//! The compiled kernel of one task: pipeline, targets and scaling on the device, and its dispatches over a tile.

use super::buffers::Buffers;
use super::device::Gpu;
use super::layout::{self, QUAD, TARGET_BLOCK, TaskUniform, WORKGROUP};
use crate::compute::Task;
use crate::error::Result;
use crate::tile::Tile;

/// Loop iterations of one invocation: lavapipe stops at 65,535, counted over all loops, and says nothing.
const MAX_ITERATIONS: usize = 32_768;

/// Floating-point operations of one dispatch: 20 ms on a GPU of 1 TFLOP/s, far from any watchdog.
const MAX_OPERATIONS: usize = 20_000_000_000;

pub(super) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    weights: wgpu::Buffer,
    scaling: wgpu::Buffer,
    bands: usize,
    targets: usize,
}

impl Kernel {
    pub(super) fn new(gpu: &Gpu, task: &Task, text: &str) -> Result<Self> {
        let label = Some(task.method.word());
        let pipeline = gpu.checked("compiling the shader", || {
            let module = gpu.raw().create_shader_module(wgpu::ShaderModuleDescriptor {
                label,
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            gpu.raw().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: None,
                module: &module,
                entry_point: Some(layout::ENTRY_POINT),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[(layout::SAMPLE_TYPE, f64::from(layout::sample_type_code(task.sample_type)))],
                    ..Default::default()
                },
                cache: None,
            })
        })?;
        let scaling: Vec<[f32; 2]> = task
            .scaling
            .gain
            .iter()
            .zip(&task.scaling.offset)
            .map(|(&gain, &offset)| [gain as f32, offset as f32])
            .collect();
        Ok(Self {
            pipeline,
            weights: upload(gpu, "targets", bytemuck::cast_slice(&layout::pack_weights(&task.prepared.weights)))?,
            scaling: upload(gpu, "scaling", bytemuck::cast_slice(&scaling))?,
            bands: task.prepared.bands(),
            targets: task.prepared.targets(),
        })
    }

    /// Uploads a tile, ranks it, and starts the way back. Returns the sequence number that the last dispatch writes.
    pub(super) fn run(
        &self,
        gpu: &Gpu,
        buffers: &mut Buffers,
        tile: &Tile,
        keep_keys: bool,
        first: u32,
    ) -> Result<u32> {
        buffers.stage(gpu, tile)?;
        let groups = (tile.stride / QUAD).div_ceil(WORKGROUP);
        let widest = gpu.limits().max_compute_workgroups_per_dimension as usize;
        let (groups_x, groups_y) = (groups.min(widest), groups.div_ceil(widest));
        let by_time = MAX_OPERATIONS / (2 * TARGET_BLOCK * self.bands * tile.stride).max(1);
        let blocks = (MAX_ITERATIONS / (self.bands + TARGET_BLOCK)).min(by_time).max(1);
        let mut sequence = first;
        gpu.checked("mapping a tile", || {
            let mut encoder = gpu.raw().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            buffers.copy_in(&mut encoder, tile);
            for first_target in (0..self.targets).step_by(blocks * TARGET_BLOCK) {
                if first_target > 0 {
                    sequence = sequence.wrapping_add(1);
                }
                let uniform = TaskUniform {
                    stride: tile.stride as u32,
                    bands: self.bands as u32,
                    first_target: first_target as u32,
                    last_target: (first_target + blocks * TARGET_BLOCK).min(self.targets) as u32,
                    sequence,
                    keep_keys: u32::from(keep_keys),
                    groups_x: groups_x as u32,
                    padding: 0,
                };
                let group = self.bind(gpu, buffers, &uniform);
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(&self.pipeline);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(groups_x as u32, groups_y as u32, 1);
            }
            buffers.copy_out(&mut encoder, tile, groups, keep_keys.then_some(self.targets));
            gpu.queue().submit([encoder.finish()]);
        })?;
        Ok(sequence)
    }

    fn bind(&self, gpu: &Gpu, buffers: &Buffers, uniform: &TaskUniform) -> wgpu::BindGroup {
        let task = gpu.raw().create_buffer(&wgpu::BufferDescriptor {
            label: Some("task"),
            size: size_of::<TaskUniform>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue().write_buffer(&task, 0, bytemuck::bytes_of(uniform));
        let bound =
            [&task, &buffers.samples, &self.scaling, &self.weights, &buffers.ranking, &buffers.keys, &buffers.finished];
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let layout = self.pipeline.get_bind_group_layout(0);
        gpu.raw().create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries })
    }
}

fn upload(gpu: &Gpu, label: &str, bytes: &[u8]) -> Result<wgpu::Buffer> {
    gpu.checked(label, || {
        let buffer = gpu.raw().create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.len() as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue().write_buffer(&buffer, 0, bytes);
        buffer
    })
}

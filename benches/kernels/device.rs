//! What a device can do at most: multiply-adds, copies within its memory, copies from the host.

use alunite::compute::gpu::AdapterFacts;

use crate::common::ceilings::{ceiling, middle};
use crate::common::row::Row;
use crate::common::timing::seconds;

/// Bytes that are copied at once: more than the caches of large GPUs hold.
const BYTES: u64 = 128 << 20;
/// Workgroups of the probe, enough for every core of a large GPU to have several.
const GROUPS: u32 = 4096;
/// Operations of one dispatch, as the shader has them: invocations, steps, chains, lanes, two of a multiply-add.
const OPERATIONS: f64 = (GROUPS * 64) as f64 * 1024.0 * 8.0 * 4.0 * 2.0;
/// A submission is repeated until it takes about this long, so that starting it weighs little.
const LONG: f64 = 0.02;
/// Most repetitions in one submission.
const MOST: f64 = 100.0;

/// The device's ceilings, measured again and again during a run, on a device of their own.
pub(crate) struct DeviceCeilings {
    label: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    bound: wgpu::BindGroup,
    from: wgpu::Buffer,
    to: wgpu::Buffer,
    staging: wgpu::Buffer,
    measured: [Vec<f64>; 3],
}

const NAMES: [&str; 3] = ["device f32 FMA", "device copy", "host to device"];

impl DeviceCeilings {
    pub(crate) fn new(facts: &AdapterFacts) -> Self {
        use wgpu::BufferUsages as Usage;
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        let adapters = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::all()));
        let adapter = adapters.into_iter().find(|a| a.get_info().name == facts.name).expect("the adapter again");
        let request = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&request)).expect("a device");
        let module = device.create_shader_module(wgpu::include_wgsl!("probe.wgsl"));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("probe"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let buffer = |usage| {
            let descriptor = wgpu::BufferDescriptor { label: None, size: BYTES, usage, mapped_at_creation: false };
            device.create_buffer(&descriptor)
        };
        let from = buffer(Usage::STORAGE | Usage::COPY_SRC);
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: from.as_entire_binding() }],
        });
        let (to, staging) = (buffer(Usage::COPY_DST), buffer(Usage::MAP_WRITE | Usage::COPY_SRC));
        let (label, measured) = (facts.to_string(), Default::default());
        Self { label, device, queue, pipeline, bound, from, to, staging, measured }
    }

    pub(crate) fn measure(&mut self) {
        let rates = [
            OPERATIONS
                * self.rate(|encoder| {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    pass.set_pipeline(&self.pipeline);
                    pass.set_bind_group(0, &self.bound, &[]);
                    pass.dispatch_workgroups(GROUPS, 1, 1);
                }),
            // What is copied is read and written.
            2.0 * BYTES as f64 * self.rate(|encoder| encoder.copy_buffer_to_buffer(&self.from, 0, &self.to, 0, BYTES)),
            BYTES as f64 * self.rate(|encoder| encoder.copy_buffer_to_buffer(&self.staging, 0, &self.to, 0, BYTES)),
        ];
        self.measured.iter_mut().zip(rates).for_each(|(all, rate)| all.push(rate));
    }

    /// How often in a second the device does something.
    fn rate(&self, encode: impl Fn(&mut wgpu::CommandEncoder)) -> f64 {
        let run = |times: f64| {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            (0..times as usize).for_each(|_| encode(&mut encoder));
            seconds(|| {
                self.queue.submit([encoder.finish()]);
                self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device's answer");
            })
        };
        run(1.0);
        let times = (LONG / run(1.0)).clamp(1.0, MOST).floor();
        times / run(times)
    }

    /// Operations (a fused multiply-add is two) or bytes a second: the middle of the rounds.
    pub(crate) fn peaks(&self) -> [f64; 3] {
        self.measured.each_ref().map(|rates| middle(rates))
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        NAMES.into_iter().zip(&self.measured).map(|(name, rates)| ceiling(name, &self.label, rates)).collect()
    }
}

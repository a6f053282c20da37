//! Adapters and devices: what is there, which one is taken, and what went wrong with it.

use std::fmt;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tracing::info_span;

use crate::error::{Error, Result};

/// What kind of processor an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A GPU, or something that does not say what it is.
    Hardware,
    /// A program on the CPU that passes for a GPU (lavapipe, SwiftShader, WARP): for tests, never for speed.
    Software,
}

/// An adapter as `alunite devices` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterFacts {
    /// The driver's name for it.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub api: String,
    /// Whether it is real.
    pub kind: AdapterKind,
    /// Driver and version.
    pub driver: String,
    /// Largest buffer a shader can bind, in bytes.
    pub max_binding_bytes: u64,
}

impl fmt::Display for AdapterFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let software = if self.kind == AdapterKind::Software { ", software" } else { "" };
        write!(f, "{} ({}{software}, {})", self.name, self.api, self.driver)
    }
}

fn facts(adapter: &wgpu::Adapter) -> AdapterFacts {
    let info = adapter.get_info();
    AdapterFacts {
        name: info.name,
        api: info.backend.to_str().to_owned(),
        kind: if info.device_type == wgpu::DeviceType::Cpu { AdapterKind::Software } else { AdapterKind::Hardware },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        max_binding_bytes: adapter.limits().max_storage_buffer_binding_size,
    }
}

/// Discrete before integrated before the rest; the order of the drivers otherwise.
fn rank(adapter: &wgpu::Adapter) -> u8 {
    match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::VirtualGpu => 1,
        wgpu::DeviceType::IntegratedGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// All adapters, best first. GL is not asked for: without a Vulkan driver it would offer a software rasteriser.
fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    adapters.sort_by_key(rank);
    adapters
}

/// The adapters of this machine, best first. Empty when there is no driver.
#[must_use]
pub fn adapters() -> Vec<AdapterFacts> {
    enumerate().iter().map(facts).collect()
}

/// Opens an adapter: the one whose name contains `name` (in any case), or the best hardware one.
/// `Ok(None)` when no name was given and there is no hardware adapter.
///
/// # Errors
/// When the named adapter is not there, or the device cannot be opened.
pub fn select(name: Option<&str>) -> Result<Option<Gpu>> {
    let all = enumerate();
    let wanted = |adapter: &wgpu::Adapter| match name {
        Some(name) => adapter.get_info().name.to_lowercase().contains(&name.to_lowercase()),
        None => adapter.get_info().device_type != wgpu::DeviceType::Cpu,
    };
    match (all.iter().find(|a| wanted(a)), name) {
        (Some(adapter), _) => Gpu::open(adapter).map(Some),
        (None, None) => Ok(None),
        (None, Some(name)) => {
            let there: Vec<String> = all.iter().map(|a| facts(a).to_string()).collect();
            let there = if there.is_empty() { "no adapter at all".to_owned() } else { there.join("; ") };
            Err(Error::refused(
                format!("adapter '{name}'"),
                format!("no adapter has this in its name; this machine has {there}"),
            )
            .hint("`alunite devices` lists adapters; --backend cpu needs none"))
        }
    }
}

/// An opened device. Clones are handles of the same.
#[derive(Clone)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    facts: AdapterFacts,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    fn open(adapter: &wgpu::Adapter) -> Result<Self> {
        let facts = facts(adapter);
        let limits = adapter.limits();
        let request = wgpu::DeviceDescriptor {
            label: Some("alunite"),
            required_limits: limits,
            required_features: adapter.features() & CLOCK,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&request))
            .map_err(|e| Error::failed(&facts, format!("the device cannot be opened: {e}")).hint(CPU_HINT))?;
        // A lost device turns later calls into nothing, and a validation error would panic: both are kept for check().
        let trouble = Arc::new(Mutex::new(None));
        let note = |trouble: &Arc<Mutex<Option<String>>>, what: String| {
            if let Ok(mut first) = trouble.lock() {
                first.get_or_insert(what);
            }
        };
        let kept = Arc::clone(&trouble);
        device.set_device_lost_callback(move |reason, text| {
            note(&kept, format!("the device was lost ({reason:?}): {text}"))
        });
        let kept = Arc::clone(&trouble);
        device.on_uncaptured_error(Arc::new(move |error| note(&kept, error.to_string())));
        Ok(Self { device, queue, facts, trouble })
    }

    /// What the adapter is.
    #[must_use]
    pub fn facts(&self) -> &AdapterFacts {
        &self.facts
    }

    pub(super) fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Submits what was encoded and asks for buffers to be mapped when it is done.
    pub(super) fn submit(&self, encoder: wgpu::CommandEncoder, then: [(&wgpu::Buffer, wgpu::MapMode); 2]) -> Submitted {
        // Lavapipe's submit waits in the driver until the submission before is done: two tiles overlap there, not three.
        let submission = info_span!("submit").in_scope(|| self.queue.submit([encoder.finish()]));
        let (told, mapped) = std::sync::mpsc::channel();
        for (buffer, mode) in then {
            let told = told.clone();
            // Nobody listens any more when waiting has failed.
            buffer.map_async(mode, .., move |outcome| drop(told.send(outcome)));
        }
        Submitted { submission, mapped, buffers: then.len() }
    }

    /// Compiles a shader.
    pub(super) fn pipeline(
        &self,
        label: Option<&str>,
        text: &str,
        entry_point: &str,
        constants: &[(&str, f64)],
    ) -> Result<wgpu::ComputePipeline> {
        self.checked("compiling the shader", || {
            let source = wgpu::ShaderSource::Wgsl(text.into());
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
            let options = wgpu::PipelineCompilationOptions { constants, ..Default::default() };
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: None,
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: options,
                cache: None,
            })
        })
    }

    pub(super) fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages, mapped: bool) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: mapped,
        })
    }

    /// Whether it notes when copies and kernels are done.
    pub(super) fn has_clock(&self) -> bool {
        self.device.features().contains(CLOCK)
    }

    /// Room for so many timestamps; `None` where the device has no clock.
    pub(super) fn timestamps(&self, count: u32) -> Option<wgpu::QuerySet> {
        let descriptor = wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count };
        self.has_clock().then(|| self.device.create_query_set(&descriptor))
    }

    /// Ticks of the device's clock as time.
    pub(super) fn duration(&self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 * f64::from(self.queue.get_timestamp_period()) / 1e9)
    }

    /// A storage buffer that holds these bytes.
    pub(super) fn upload(&self, label: &str, bytes: &[u8]) -> Result<wgpu::Buffer> {
        self.checked(label, || {
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            let buffer = self.buffer(label, bytes.len() as u64, usage, false);
            self.queue.write_buffer(&buffer, 0, bytes);
            buffer
        })
    }

    /// A uniform buffer that holds these bytes.
    pub(super) fn uniform(&self, label: &str, bytes: &[u8]) -> wgpu::Buffer {
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(label, bytes.len() as u64, usage, false);
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// One dispatch; `bound` are the buffers of the shader's bindings, in order.
    pub(super) fn dispatch(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        bound: &[&wgpu::Buffer],
        groups: (u32, u32),
    ) {
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let layout = pipeline.get_bind_group_layout(0);
        let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries };
        let group = self.device.create_bind_group(&descriptor);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(groups.0, groups.1, 1);
    }

    /// Writes to the beginning of a staging buffer, which is mapped, and unmaps it.
    pub(super) fn fill(&self, staging: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        self.check()?;
        let mut view = staging.get_mapped_range_mut(..bytes.len() as u64).map_err(|e| self.failed(e))?;
        view.copy_from_slice(bytes);
        drop(view);
        staging.unmap();
        Ok(())
    }

    /// Waits until what was submitted is done and its buffers are mapped; what was submitted later may go on.
    pub(super) fn wait(&self, submitted: Submitted) -> Result<()> {
        let Submitted { submission, mapped, buffers } = submitted;
        let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) };
        let waited = self.device.poll(poll);
        self.check()?;
        waited.map_err(|e| self.failed(format!("no answer: {e}")))?;
        for _ in 0..buffers {
            let outcome = mapped.try_recv().map_err(|_| self.failed("a buffer was not mapped"))?;
            outcome.map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    pub(super) fn destroy(&self) {
        self.device.destroy();
    }

    /// An error that names the device.
    pub(super) fn failed(&self, what: impl fmt::Display) -> Error {
        Error::failed(format!("GPU {}", self.facts), what).hint(CPU_HINT)
    }

    /// Fails when the device was lost or reported an error since it was opened.
    pub(super) fn check(&self) -> Result<()> {
        match self.trouble.lock() {
            Ok(trouble) => trouble.as_ref().map_or(Ok(()), |what| Err(self.failed(what))),
            Err(_) => Err(self.failed("a callback panicked")),
        }
    }

    /// Runs `make` and turns what the device says of it into an error.
    pub(super) fn checked<T>(&self, doing: &str, make: impl FnOnce() -> T) -> Result<T> {
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let made = make();
        let errors = [
            pollster::block_on(internal.pop()),
            pollster::block_on(memory.pop()),
            pollster::block_on(validation.pop()),
        ];
        match errors.into_iter().flatten().next() {
            Some(wgpu::Error::OutOfMemory { .. }) => Err(self
                .failed(format!("{doing}: out of device memory"))
                .hint("pass a smaller --max-memory, or --backend cpu")),
            Some(error) => Err(self.failed(format!("{doing}: {error}"))),
            None => self.check().map(|()| made),
        }
    }
}

/// Work that the device was given.
pub(super) struct Submitted {
    submission: wgpu::SubmissionIndex,
    /// What became of the buffers that were to be mapped after it.
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
    buffers: usize,
}

/// What timestamps between copies and kernels need.
const CLOCK: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);

const CPU_HINT: &str = "--backend cpu needs no GPU; --backend auto goes on with the CPU by itself";

/// A tile takes milliseconds on a GPU and a few seconds on a software adapter: after this long it will not come.
const PATIENCE: Duration = Duration::from_secs(300);

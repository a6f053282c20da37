//! The cases: every method at every number of targets, and the statistics.

use std::sync::Arc;

use alunite::background::Background;
use alunite::compute::cpu::{Cpu, CpuSums};
use alunite::compute::gpu::{Device, Gpu, GpuSums};
use alunite::compute::{Assignment, Backend, Summing, Task};
use alunite::methods::{ALL, Method, Needs};

use crate::check::{Exact, check_background, check_scores};
use crate::common::arguments::Arguments;
use crate::common::arrays::{Arrays, model, targets};
use crate::common::row::Row;
use crate::common::timing::Timed;

/// A product of fewer rows waits for its pixels: a machine does some ten operations while it reads a value, and a row
/// takes two.
const FEW: usize = 5;

/// What a case runs on.
#[derive(Clone, Copy)]
pub(crate) enum Processor<'a> {
    Cpu,
    Gpu(&'a Device),
}

impl Processor<'_> {
    fn who(self) -> String {
        match self {
            Self::Cpu => "alunite cpu".to_owned(),
            Self::Gpu(device) => format!("alunite gpu {}", device.facts().name),
        }
    }

    fn backend(self, task: Task, threads: usize) -> Box<dyn Backend> {
        match self {
            Self::Cpu => Box::new(Cpu::new(task, threads).expect("threads")),
            Self::Gpu(device) => Box::new(Gpu::new(device.clone(), task, threads).expect("a kernel")),
        }
    }

    fn sums(self, threads: usize) -> Box<dyn Summing> {
        match self {
            Self::Cpu => Box::new(CpuSums::new(threads).expect("threads")),
            Self::Gpu(device) => Box::new(GpuSums::new(device.clone(), threads).expect("a kernel")),
        }
    }
}

/// What bounds a case.
#[derive(Clone, Copy)]
enum Bound {
    /// Products of pixels and rows.
    Products,
    /// The same, of which most are not made: pixels meet the targets within reach of their bounds.
    AllProducts,
    /// Sums of products, which the CPU takes in f64.
    Sums,
    /// Bytes of samples.
    Samples,
}

/// A case: what it is, what one pass does, and how long that takes.
pub(crate) struct Case<'a> {
    row: Row,
    bound: Bound,
    on_gpu: bool,
    /// Operations or bytes of one pass.
    work: f64,
    pub(crate) timed: Timed<'a>,
}

impl Case<'_> {
    /// The result, against the ceilings of the host (f32, f64, read) or the device (f32, copy, from the host).
    pub(crate) fn row(self, host: [f64; 3], device: [f64; 3]) -> Row {
        let (ceiling, peak) = match (self.bound, self.on_gpu) {
            (Bound::Products, false) => ("f32 FMA", host[0]),
            (Bound::AllProducts, false) => ("f32 FMA, were all met", host[0]),
            (Bound::Sums, false) => ("f64 FMA", host[1]),
            (Bound::Samples, false) => ("memory read", host[2]),
            (Bound::Products | Bound::AllProducts | Bound::Sums, true) => ("device f32 FMA", device[0]),
            (Bound::Samples, true) => ("host to device", device[2]),
        };
        self.row.timed(&self.timed.seconds).against(ceiling, self.work, peak)
    }
}

/// The same task without bounds: pixels meet all targets, as they do where these are few.
fn all_met(mut task: Task) -> Task {
    for assignment in task.groups.iter_mut().flatten() {
        Arc::make_mut(&mut assignment.product).narrow = None;
    }
    task
}

/// Products that one pixel meets; of a triangle those that are not zero.
fn products(task: &Task) -> usize {
    let of = |a: &Assignment| {
        let triangle = a.product.whitening.as_ref().map_or(0, |rows| rows.nrows());
        (a.product.rows() - triangle) * a.product.features() + triangle * (triangle + 1) / 2
    };
    task.groups[0].iter().map(of).sum()
}

/// All cases of a scene that are wanted.
pub(crate) fn of<'a>(
    scene: &'a Arrays,
    processor: Processor<'a>,
    counts: &[usize],
    threads: usize,
    arguments: &Arguments,
) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    let on_gpu = matches!(processor, Processor::Gpu(_));
    let (bands, sample_type) = (scene.bands(), scene.sample_type().name());
    let about = |name: &str, targets| {
        let row = Row::new(name, &processor.who(), env!("CARGO_PKG_VERSION"));
        row.of(bands, sample_type, targets, scene.pixels())
    };
    let name = |method: &dyn Method, count: usize| match method.has_targets() {
        true => format!("{}/{bands} {sample_type}/{count}", method.word()),
        false => format!("{}/{bands} {sample_type}", method.word()),
    };
    let mut exact: Option<(Background, Exact)> = None;
    for &method in ALL {
        let counts = if method.has_targets() { counts } else { &counts[..1] };
        for &count in counts.iter().filter(|count| arguments.wants(&name(method, **count))) {
            if method.needs() != Needs::Nothing && exact.is_none() {
                let background = scene.background(&mut *Processor::Cpu.sums(threads));
                exact = Some((background.clone(), Exact::of(&background)));
            }
            let model = exact.as_ref().and_then(|(background, _)| model(background, method.needs()));
            let targets = targets(count, bands);
            let task = scene.task(method, &targets, model.as_ref());
            let (bound, work) = match task.widest() {
                (0..FEW, _) => (Bound::Samples, scene.bytes()),
                _ => (Bound::Products, 2 * products(&task) * scene.pixels()),
            };
            let mut kinds = vec![("", bound, task.clone())];
            if !on_gpu && task.groups[0].iter().any(|a| a.is_narrowed(&task)) {
                kinds = vec![("", Bound::AllProducts, task.clone()), (", all met", bound, all_met(task))];
            }
            for (kind, bound, task) in kinds {
                let mut backend = processor.backend(task, threads);
                check_scores(scene, &mut *backend, &targets, exact.as_ref().map(|(_, exact)| exact));
                let row = about(&(name(method, count) + kind), if method.has_targets() { count } else { 0 });
                let run = move || scene.tiles.iter().for_each(|t| drop(backend.map(t).expect("scores")));
                let timed = Timed::of(arguments.repeats(), run).warmed();
                cases.push(Case { row, bound, on_gpu, work: work as f64, timed });
            }
        }
    }
    let statistics = format!("statistics/{bands} {sample_type}");
    if arguments.wants(&statistics) {
        let mut sums = processor.sums(threads);
        check_background(scene, &scene.background(&mut *sums));
        // A multiplication and an addition for each pair of bands, of the triangle only.
        let work = (scene.pixels() * bands * (bands + 1)) as f64;
        let timed = Timed::of(arguments.repeats(), move || drop(scene.background(&mut *sums))).warmed();
        cases.push(Case { row: about(&statistics, 0), bound: Bound::Sums, on_gpu, work, timed });
    }
    cases
}

//! Every method on arrays in memory, on the CPU and on the GPU, as shares of what the machine can do at most.
//!
//! `cargo bench --bench kernels` prints a row a case; with `-- sam/285`, only the cases whose names hold this; with
//! `-- --record`, the rows are kept in `benches/results`. The answer of every case is checked against the f64 formula
//! before it is timed. Cases run in turns, with the ceilings among them.
//!
//! The GPU is the best hardware adapter; `ALUNITE_BENCH_ADAPTER` names another, such as a software one.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

mod cases;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod device;
#[path = "../../tests/common/naive.rs"]
mod naive;

use alunite::compute::gpu::{Device, select};
use alunite::tile::SampleType;
use cases::{Case, Processor};
use common::arguments::Arguments;
use common::arrays::Arrays;
use common::ceilings::Ceilings;
use common::{machine, record, timing};
use device::DeviceCeilings;

/// EMIT's shape and EnMAP's.
const SHAPES: [(usize, SampleType); 2] = [(285, SampleType::F32), (224, SampleType::I16)];
/// Numbers of targets: one, a few, a library of a district, a whole library.
const TARGETS: [usize; 4] = [1, 10, 40, 500];

fn main() {
    let arguments = Arguments::new();
    let threads = machine::cores();
    // Ten tiles are more than any cache holds. To see that all runs, few pixels do, though more than bands.
    let (tiles, lines) = if arguments.timing { (10, 8) } else { (2, 8) };
    let targets = if arguments.timing { &TARGETS[..] } else { &TARGETS[..2] };
    let scenes = SHAPES.map(|(bands, sample_type)| Arrays::new(bands, sample_type, tiles, lines));
    let gpu = open();
    let processors = std::iter::once(Processor::Cpu).chain(gpu.iter().map(Processor::Gpu));

    let mut cases: Vec<Case> = Vec::new();
    for processor in processors {
        for scene in &scenes {
            cases.extend(cases::of(scene, processor, targets, threads, &arguments));
        }
    }
    let memory = scenes.iter().flat_map(|s| &s.tiles).map(|t| t.samples.as_bytes()).collect();
    let mut ceilings = Ceilings::new(threads, memory);
    let mut device = gpu.as_ref().map(|device| DeviceCeilings::new(device.facts()));
    let mut timed: Vec<_> = cases.iter_mut().map(|c| &mut c.timed).collect();
    timing::in_turns(&mut timed, || {
        ceilings.measure();
        device.iter_mut().for_each(DeviceCeilings::measure);
    });

    let mut rows = ceilings.rows();
    rows.extend(device.iter().flat_map(DeviceCeilings::rows));
    let of_device = device.as_ref().map_or([0.0; 3], DeviceCeilings::peaks);
    rows.extend(cases.into_iter().map(|case| case.row(ceilings.peaks(), of_device)));
    record::report("kernels", rows, arguments.record);
}

fn open() -> Option<Device> {
    let named = std::env::var("ALUNITE_BENCH_ADAPTER").ok();
    let device = select(named.as_deref()).expect("the adapter that ALUNITE_BENCH_ADAPTER names");
    if device.is_none() {
        println!("no hardware adapter: rows of the GPU are left out");
    }
    device
}

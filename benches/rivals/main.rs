//! alunite beside what people would use instead, on the same arrays and in the same run.
//!
//! `cargo bench --bench rivals` needs the virtual environment that `make bench` makes in `target/peers`
//! (`ALUNITE_BENCH_PYTHON` names another Python); rivals that are not there are left out, and said so. Arrays lie in
//! memory, each contender's in the layout that suits it. The answers of all are compared before any is timed; then they
//! take turns. `-- sam/40` runs some contests, `-- --record` keeps the rows in `benches/results`.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod contests;
mod ours;
mod worker;

use std::cell::RefCell;

use alunite::compute::gpu::select;
use alunite::tile::SampleType;
use common::arguments::Arguments;
use common::arrays::{Arrays, targets};
use common::row::Row;
use common::timing::{Timed, in_turns};
use common::{machine, record};
use contests::Rival;
use ours::Ours;
use worker::Worker;

const BANDS: usize = 285;
/// Seconds of a run whose own first part warms the rest.
const LONG_S: f64 = 2.0;

fn main() {
    let arguments = Arguments::new();
    let threads = machine::cores();
    // Fewer would not do for rivals whose covariance is a sum in f32: its rounding must average out.
    let (tiles, lines) = if arguments.timing { (10, 8) } else { (5, 8) };
    let scene = Arrays::new(BANDS, SampleType::F32, tiles, lines);
    let worker = RefCell::new(Worker::start(&scene, threads));
    let gpu = select(None).expect("the list of adapters");
    for contest in contests::ALL.iter().filter(|c| arguments.wants(&c.name())) {
        let targets = targets(contest.targets, BANDS);
        worker.borrow().give_targets(&targets);
        let row = |who: &str, version: &str| {
            Row::new(&contest.name(), who, version).of(BANDS, "float32", contest.targets, scene.pixels())
        };
        let (cpu, answer) = Ours::on_cpu(&scene, contest, &targets, threads).answer();
        let mut ours = vec![(row("alunite cpu", env!("CARGO_PKG_VERSION")), cpu)];
        if let Some(device) = gpu.as_ref().filter(|_| !contest.both_passes) {
            let who = format!("alunite gpu {}", device.facts().name);
            let on_gpu = Ours::on_gpu(&scene, contest, &targets, device.clone(), threads);
            ours.push((row(&who, env!("CARGO_PKG_VERSION")), on_gpu));
        }
        let (ours_rows, mut runs): (Vec<Row>, Vec<Ours>) = ours.into_iter().unzip();
        let mut timed: Vec<Timed> =
            runs.iter_mut().map(|ours| Timed::of(arguments.repeats(), move || ours.run()).warmed()).collect();

        let mut theirs: Vec<(Row, &Rival)> = Vec::new();
        for rival in contest.rivals {
            let Some(version) = worker.borrow().version(rival) else { continue };
            let run = || worker.borrow_mut().run(rival.function, contest.targets);
            let first = run();
            check::agrees(contest, rival, &answer, &worker.borrow().answer());
            let once = Timed::new(arguments.repeats_of(first), run);
            timed.push(if first < LONG_S { once.warmed() } else { once });
            theirs.push((row(rival.who, &version), rival));
        }
        let mut timed: Vec<_> = timed.into_iter().map(Timed::rested).collect();
        in_turns(&mut timed.iter_mut().collect::<Vec<_>>(), || ());

        let seconds: Vec<Vec<f64>> = timed.into_iter().map(|t| t.seconds).collect();
        let ours: Vec<Row> = ours_rows.into_iter().zip(&seconds).map(|(row, s)| row.timed(s)).collect();
        let mut rows = ours.clone();
        for ((row, rival), seconds) in theirs.into_iter().zip(&seconds[ours.len()..]) {
            // What runs on the GPU is held against what we run there.
            let Some(base) = (if rival.on_gpu { ours.get(1) } else { ours.first() }) else { continue };
            rows.push(row.timed(seconds).beside(base));
        }
        record::report("rivals", rows, arguments.record);
    }
}

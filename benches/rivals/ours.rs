//! alunite's side of a contest.

use alunite::compute::cpu::{Cpu, CpuSums};
use alunite::compute::gpu::{Device, Gpu};
use alunite::compute::{Backend, MapScores};
use alunite::methods::{Method, Needs, ace, find};
use ndarray::Array2;

use crate::common::arrays::{Arrays, model};
use crate::contests::Contest;

/// A way to map the arrays once.
pub(crate) struct Ours<'a> {
    map: Box<dyn FnMut() -> Vec<MapScores> + 'a>,
}

impl<'a> Ours<'a> {
    pub(crate) fn on_cpu(scene: &'a Arrays, contest: &Contest, targets: &Array2<f64>, threads: usize) -> Self {
        let method = method(contest);
        let mut sums = CpuSums::new(threads).expect("threads");
        if !contest.both_passes {
            let background = (method.needs() != Needs::Nothing).then(|| scene.background(&mut sums));
            let model = background.and_then(|b| model(&b, method.needs()));
            let task = scene.task(method, targets, model.as_ref());
            return Self::with(scene, Cpu::new(task, threads).expect("threads"));
        }
        let targets = targets.clone();
        let map = move || {
            let model = model(&scene.background(&mut sums), method.needs());
            let task = scene.task(method, &targets, model.as_ref());
            map(scene, &mut Cpu::new(task, threads).expect("threads"))
        };
        Self { map: Box::new(map) }
    }

    /// Of contests without a pass for statistics.
    pub(crate) fn on_gpu(
        scene: &'a Arrays,
        contest: &Contest,
        targets: &Array2<f64>,
        device: Device,
        threads: usize,
    ) -> Self {
        let method = method(contest);
        let background =
            (method.needs() != Needs::Nothing).then(|| scene.background(&mut CpuSums::new(threads).expect("threads")));
        let model = background.and_then(|b| model(&b, method.needs()));
        let task = scene.task(method, targets, model.as_ref());
        Self::with(scene, Gpu::new(device, task, threads).expect("a kernel"))
    }

    fn with(scene: &'a Arrays, mut backend: impl Backend + 'a) -> Self {
        Self { map: Box::new(move || map(scene, &mut backend)) }
    }

    pub(crate) fn run(&mut self) {
        drop((self.map)());
    }

    /// The maps of all tiles, in order.
    pub(crate) fn answer(mut self) -> (Self, Vec<MapScores>) {
        let maps = (self.map)();
        (self, maps)
    }
}

fn map(scene: &Arrays, backend: &mut dyn Backend) -> Vec<MapScores> {
    scene.tiles.iter().flat_map(|tile| backend.map(tile).expect("scores").maps).collect()
}

/// Rivals give adaptive coherence without its sign.
fn method(contest: &Contest) -> &'static dyn Method {
    if contest.method == "ace" { &ace::SQUARED } else { find(contest.method).expect("a method") }
}

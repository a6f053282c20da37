//! Who meets whom at what.

/// A rival's function, as the worker knows it.
pub(crate) struct Rival {
    /// Its name in the rows.
    pub(crate) who: &'static str,
    /// Module and function in `benches/peers`.
    pub(crate) function: &'static str,
    /// Whether it runs on a GPU.
    pub(crate) on_gpu: bool,
}

/// What an answer holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The class of every pixel, and maybe its angle.
    Classes,
    /// The score of every target, pixel by pixel.
    Scores,
}

/// One task for all.
pub(crate) struct Contest {
    pub(crate) method: &'static str,
    pub(crate) targets: usize,
    /// Statistics are a part of it; otherwise, where there are any, they are made before.
    pub(crate) both_passes: bool,
    pub(crate) answer: Answer,
    pub(crate) rivals: &'static [Rival],
}

impl Contest {
    /// Such as `sam/40` or `mf, both passes/1`.
    pub(crate) fn name(&self) -> String {
        let passes = if self.both_passes { ", both passes" } else { "" };
        format!("{}{passes}/{}", self.method, self.targets)
    }
}

const fn cpu(who: &'static str, function: &'static str) -> Rival {
    Rival { who, function, on_gpu: false }
}

const fn gpu(who: &'static str, function: &'static str) -> Rival {
    Rival { who, function, on_gpu: true }
}

const CLASS: Rival = cpu("numpy f32, class only", "numpy_blas.sam");
const ANGLE: Rival = cpu("numpy f32, class and angle", "numpy_blas.sam_angle");
const TORCH: Rival = cpu("torch f32, class only", "torch_cpu.sam");
const SPECTRAL: Rival = cpu("Spectral Python", "spectral_python.sam");
const PYSPTOOLS: Rival = cpu("pysptools", "py_sptools.sam");
const CUDA: Rival = gpu("torch f32 on CUDA", "torch_cuda.sam");
const CUPY: Rival = gpu("CuPy f32", "cupy_cuda.sam");

const fn sam(targets: usize, rivals: &'static [Rival]) -> Contest {
    Contest { method: "sam", targets, both_passes: false, answer: Answer::Classes, rivals }
}

const fn scores(method: &'static str, targets: usize, both_passes: bool, rivals: &'static [Rival]) -> Contest {
    Contest { method, targets, both_passes, answer: Answer::Scores, rivals }
}

/// All contests. Where there is one target, every class is right: only rivals that give the angle are asked.
pub(crate) const ALL: &[Contest] = &[
    sam(1, &[ANGLE, SPECTRAL, PYSPTOOLS]),
    sam(10, &[CLASS, ANGLE, TORCH, SPECTRAL, PYSPTOOLS, CUDA, CUPY]),
    sam(40, &[CLASS, ANGLE, TORCH, SPECTRAL, PYSPTOOLS, CUDA, CUPY]),
    sam(500, &[CLASS, ANGLE, TORCH, SPECTRAL, CUDA, CUPY]),
    scores(
        "mf",
        1,
        true,
        &[
            cpu("numpy f32", "numpy_blas.mf"),
            cpu("numpy f64", "numpy_blas.mf_f64"),
            cpu("torch f32", "torch_cpu.mf"),
            cpu("Spectral Python", "spectral_python.mf"),
            cpu("pysptools", "py_sptools.mf"),
        ],
    ),
    scores(
        "mf",
        40,
        true,
        &[
            cpu("numpy f32", "numpy_blas.mf"),
            cpu("numpy f64", "numpy_blas.mf_f64"),
            cpu("torch f32", "torch_cpu.mf"),
            cpu("Spectral Python", "spectral_python.mf"),
        ],
    ),
    scores("mf", 1, false, &[cpu("Spectral Python", "spectral_python.mf_apply")]),
    scores("ace", 40, false, &[cpu("Spectral Python", "spectral_python.ace")]),
    scores("rx", 1, false, &[cpu("Spectral Python", "spectral_python.rx")]),
    scores("cem", 1, true, &[cpu("pysptools", "py_sptools.cem")]),
];

//! What the machine can do at most, measured in the same run as what it is held against.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Simd, WithSimd};

/// Multiply-adds of one chain; enough to time, few enough to repeat.
const STEPS: usize = 4_000_000;
/// Independent chains: more than latency times throughput of any processor's multiply-add.
const CHAINS: usize = 16;

struct Single;
struct Double;

impl WithSimd for Single {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(1e-3)));
        let mut sums = [b; CHAINS];
        for _ in 0..STEPS {
            sums.iter_mut().for_each(|s| *s = simd.mul_add_e_f32s(*s, a, b));
        }
        black_box(sums);
        STEPS * CHAINS * S::F32_LANES * 2
    }
}

impl WithSimd for Double {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (a, b) = (simd.splat_f64s(black_box(0.999)), simd.splat_f64s(black_box(1e-3)));
        let mut sums = [b; CHAINS];
        for _ in 0..STEPS {
            sums.iter_mut().for_each(|s| *s = simd.mul_add_e_f64s(*s, a, b));
        }
        black_box(sums);
        STEPS * CHAINS * S::F64_LANES * 2
    }
}

/// The sum of what `run` does in each of `threads` threads, divided by the time of all.
fn rate(threads: usize, run: impl Fn() -> usize + Sync) -> f64 {
    let begun = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(&run)).collect();
        all.into_iter().map(|t| t.join().unwrap_or(0)).sum()
    });
    done as f64 / begun.elapsed().as_secs_f64()
}

/// Floating-point operations a second in f32, fused multiply-adds counted twice.
pub(crate) fn single(threads: usize) -> f64 {
    rate(threads, || pulp::Arch::new().dispatch(Single))
}

/// The same in f64.
pub(crate) fn double(threads: usize) -> f64 {
    rate(threads, || pulp::Arch::new().dispatch(Double))
}

/// Bytes a second that `threads` threads read of memory that no cache holds.
pub(crate) fn reading(threads: usize, memory: &[Vec<f32>]) -> f64 {
    let begun = Instant::now();
    let bytes: usize = std::thread::scope(|scope| {
        let read = |part: usize| {
            let mut bytes = 0;
            for values in memory.iter().skip(part).step_by(threads) {
                let mut lanes = [0.0_f32; 64];
                for chunk in values.chunks_exact(64) {
                    lanes.iter_mut().zip(chunk).for_each(|(l, v)| *l += v);
                }
                black_box(lanes);
                bytes += values.len() * 4;
            }
            bytes
        };
        let all: Vec<_> = (0..threads).map(|part| scope.spawn(move || read(part))).collect();
        all.into_iter().map(|t| t.join().unwrap_or(0)).sum()
    });
    bytes as f64 / begun.elapsed().as_secs_f64()
}

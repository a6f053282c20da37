//! What the machine can do at most, measured in the same run as what it is held against.

use std::hint::black_box;

use pulp::{Simd, WithSimd};

use super::row::Row;
use super::timing::seconds;

/// Multiply-adds of one chain: some milliseconds, so that some attempt of a few is left alone by all else.
const STEPS: usize = 1_000_000;
/// Independent chains: as many as the latency times the throughput of a core's multiply-add, and no more than its
/// registers hold (16 on AVX2, of which two hold constants).
const CHAINS: usize = if cfg!(target_arch = "aarch64") { 24 } else { 12 };
/// A ceiling is a maximum: of so many attempts the best counts.
const ATTEMPTS: usize = 5;

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

/// What `run` does in all threads, divided by the time until the last is done; it gets the thread's number.
fn rate(threads: usize, run: impl Fn(usize) -> usize + Sync) -> f64 {
    let mut done = 0;
    let seconds = seconds(|| {
        done = std::thread::scope(|scope| {
            let run = &run;
            let all: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
            all.into_iter().map(|t| t.join().expect("a thread of a probe")).sum()
        });
    });
    done as f64 / seconds
}

fn best(attempt: impl FnMut() -> f64) -> f64 {
    std::iter::repeat_with(attempt).take(ATTEMPTS).fold(0.0, f64::max)
}

/// Bytes that one thread of several reads: every `threads`th vector.
fn read(memory: &[&[u8]], thread: usize, threads: usize) -> usize {
    let mut bytes = 0;
    for values in memory.iter().skip(thread).step_by(threads) {
        let words: &[u64] = bytemuck::cast_slice(values);
        let mut lanes = [0_u64; 64];
        for chunk in words.chunks_exact(64) {
            lanes.iter_mut().zip(chunk).for_each(|(l, v)| *l ^= v);
        }
        black_box(lanes);
        bytes += values.len();
    }
    bytes
}

/// The machine's ceilings, measured again and again during a run.
pub(crate) struct Ceilings<'a> {
    threads: usize,
    /// What is read: more than the caches hold.
    memory: Vec<&'a [u8]>,
    measured: [Vec<f64>; 3],
}

/// The ceilings' names, in the order of [`Ceilings::peaks`].
pub(crate) const NAMES: [&str; 3] = ["f32 FMA", "f64 FMA", "memory read"];

impl<'a> Ceilings<'a> {
    pub(crate) fn new(threads: usize, memory: Vec<&'a [u8]>) -> Self {
        Self { threads, memory, measured: Default::default() }
    }

    pub(crate) fn measure(&mut self) {
        let (threads, arch) = (self.threads, pulp::Arch::new());
        self.measured[0].push(best(|| rate(threads, |_| arch.dispatch(Single))));
        self.measured[1].push(best(|| rate(threads, |_| arch.dispatch(Double))));
        self.measured[2].push(best(|| rate(threads, |thread| read(&self.memory, thread, threads))));
    }

    /// Operations (a fused multiply-add is two) or bytes a second: the middle of the rounds.
    pub(crate) fn peaks(&self) -> [f64; 3] {
        self.measured.each_ref().map(|rates| middle(rates))
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let row = |(name, rates): (&str, &Vec<f64>)| ceiling(name, &format!("{} threads", self.threads), rates);
        NAMES.into_iter().zip(&self.measured).map(row).collect()
    }
}

/// A ceiling as a row.
pub(crate) fn ceiling(name: &str, of: &str, rates: &[f64]) -> Row {
    let row = Row::new(name, "ceiling", of);
    Row { giga_per_s: Some(middle(rates) / 1e9), repeats: rates.len(), ceiling: name.to_owned(), ..row }
}

/// The median; 0 of nothing.
pub(crate) fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

//! The widest registers that this processor has, chosen at run time.

use std::sync::LazyLock;

use bytemuck::{Pod, Zeroable};
use pulp::{Arch, Simd, WithSimd};

/// Asked for once: it is a long list of features.
static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Whether multiplying and adding is one operation on this processor, so that kernels round as [`f32::mul_add`] does.
pub(crate) fn is_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

/// Runs a kernel that is written for registers of any width.
#[inline]
pub(crate) fn run<K: WithSimd>(kernel: K) -> K::Output {
    ARCH.dispatch(kernel)
}

/// Runs loops that the compiler vectorises, compiled for the widest registers.
///
/// What the loops write comes through `args`, so that `f` is a `Fn`: only its body itself takes over the features, and of
/// other closures a shim stands in between that is compiled without them. Mark the closure `#[inline(always)]`.
#[inline]
pub(crate) fn wide<A, R>(args: A, f: impl Fn(A) -> R) -> R {
    struct Wide<A, F>(A, F);
    impl<A, R, F: Fn(A) -> R> WithSimd for Wide<A, F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            (self.1)(self.0)
        }
    }
    ARCH.dispatch(Wide(args, f))
}

/// f64 values of a cache line, which is also the widest register.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line([f64; Line::LEN]);

impl Line {
    pub(crate) const LEN: usize = 8;
}

/// Values that begin at a cache line, so that no register is loaded from two of them. They are padded with zeros.
pub(crate) fn aligned(values: usize) -> Vec<Line> {
    vec![Line([0.0; Line::LEN]); values.div_ceil(Line::LEN)]
}

/// Bytes that will be read soon, fetched a line or two at a time while there is much to compute: so a core computes and
/// waits for memory at once.
pub(crate) struct Ahead {
    next: *const u8,
    lines: usize,
    a_step: usize,
}

impl Ahead {
    const LINE: usize = 64;

    /// For computing in `steps`.
    pub(crate) fn of(bytes: &[u8], steps: usize) -> Self {
        let lines = bytes.len().div_ceil(Self::LINE);
        let a_step = if lines > steps { 2 } else { 1 };
        Self { next: bytes.as_ptr(), lines, a_step }
    }

    /// Those of some steps that come now. Where nothing is left, it is what is `near`, which costs nothing.
    #[inline(always)]
    pub(crate) fn lines<T>(&mut self, steps: usize, near: &[T]) -> Lines {
        let lines = self.a_step * steps;
        if self.lines < lines {
            return Lines { next: near.as_ptr().cast(), second: 0, step: 0 };
        }
        self.lines -= lines;
        let next = self.next;
        self.next = next.wrapping_add(lines * Self::LINE);
        Lines { next, second: (self.a_step - 1) * Self::LINE, step: self.a_step * Self::LINE }
    }
}

/// Lines that are fetched step by step.
pub(crate) struct Lines {
    next: *const u8,
    second: usize,
    step: usize,
}

impl Lines {
    /// Those of a step.
    #[inline(always)]
    pub(crate) fn fetch(&mut self) {
        prefetch(self.next);
        prefetch(self.next.wrapping_add(self.second));
        self.next = self.next.wrapping_add(self.step);
    }
}

/// Has a line of memory brought to the second-level cache, if there is such memory. In assembly, as the compiler keeps no
/// sums in registers across its own function for this.
#[inline(always)]
fn prefetch(at: *const u8) {
    let _address = at.addr();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: neither reads nor writes, and faults at no address.
    unsafe {
        std::arch::asm!("prefetcht1 [{}]", in(reg) _address, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: neither reads nor writes, and faults at no address.
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{}]", in(reg) _address, options(nomem, nostack, preserves_flags));
    }
}

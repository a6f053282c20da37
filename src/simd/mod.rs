//! The widest registers that this processor has, chosen at run time.

mod ahead;

use std::sync::LazyLock;

use bytemuck::{Pod, Zeroable};
use pulp::{Arch, Simd, WithSimd};

pub(crate) use ahead::Ahead;

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

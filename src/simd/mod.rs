//! The widest registers that this processor has, chosen at run time.

mod ahead;
mod aligned;
mod precision;

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

pub(crate) use ahead::Ahead;
pub use aligned::Aligned;
pub(crate) use precision::{narrowed, widened};

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

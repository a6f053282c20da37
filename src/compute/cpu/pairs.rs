//! Registers of 32-bit sums of the products of pairs of 16-bit integers: one instruction multiplies a pair by another and adds both
//! products, where the processor has one.

/// Runs a kernel on the widest registers that this processor has instructions for.
pub(super) fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512vnni") && std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::run_vnni(kernel) };
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the same.
        return unsafe { x86::run_avx2(kernel) };
    }
    kernel.run::<Plain, 4, 2>();
}

/// A kernel for registers of any width, which multiplies in tiles of so many rows and registers.
pub(super) trait Kernel {
    fn run<S: Sums, const ROWS: usize, const REGISTERS: usize>(self);
}

/// Some sums in a register.
pub(super) trait Sums: Copy {
    const LANES: usize;
    fn load(from: &[i32]) -> Self;
    /// Adds the two products of a pair and those of as many bands.
    fn add(self, pair: u32, bands: &[u32]) -> Self;
    /// Adds the two squares of those of as many bands.
    fn add_squares(self, bands: &[u32]) -> Self;
    fn store(self, to: &mut [i32]);
}

/// As the compiler makes it for processors without such instructions.
#[derive(Clone, Copy)]
pub(super) struct Plain([i32; 4]);

impl Plain {
    #[inline(always)]
    fn add_pairs(self, a: impl Fn(usize) -> u32, b: &[u32]) -> Self {
        let two = |pair: u32| bytemuck::cast::<u32, [i16; 2]>(pair).map(i32::from);
        Self(std::array::from_fn(|i| {
            let ([a, b], [c, d]) = (two(a(i)), two(b[i]));
            // What lies behind the last band may overflow, and is never looked at.
            self.0[i].wrapping_add((a * c).wrapping_add(b * d))
        }))
    }
}

impl Sums for Plain {
    const LANES: usize = 4;

    #[inline(always)]
    fn load(from: &[i32]) -> Self {
        Self(std::array::from_fn(|i| from[i]))
    }

    #[inline(always)]
    fn add(self, pair: u32, bands: &[u32]) -> Self {
        self.add_pairs(|_| pair, bands)
    }

    #[inline(always)]
    fn add_squares(self, bands: &[u32]) -> Self {
        self.add_pairs(|i| bands[i], bands)
    }

    #[inline(always)]
    fn store(self, to: &mut [i32]) {
        to.copy_from_slice(&self.0);
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32,
        _mm256_storeu_si256, _mm512_dpwssd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_storeu_si512,
    };

    use super::{Kernel, Sums};

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(in crate::compute::cpu) fn run_vnni(kernel: impl Kernel) {
        kernel.run::<Vnni, 8, 2>();
    }

    #[target_feature(enable = "avx2")]
    pub(in crate::compute::cpu) fn run_avx2(kernel: impl Kernel) {
        kernel.run::<Avx2, 4, 2>();
    }

    /// Only used in functions that are compiled for AVX-512 with VNNI.
    #[derive(Clone, Copy)]
    struct Vnni(__m512i);

    impl Sums for Vnni {
        const LANES: usize = 16;

        #[inline(always)]
        fn load(from: &[i32]) -> Self {
            debug_assert_eq!(from.len(), Self::LANES);
            // SAFETY: the processor has the instructions, as the type says; 16 values of 32 bits are 64 bytes.
            Self(unsafe { _mm512_loadu_si512(from.as_ptr().cast()) })
        }

        #[inline(always)]
        fn add(self, pair: u32, bands: &[u32]) -> Self {
            debug_assert_eq!(bands.len(), Self::LANES);
            // SAFETY: the same.
            unsafe {
                let bands = _mm512_loadu_si512(bands.as_ptr().cast());
                Self(_mm512_dpwssd_epi32(self.0, _mm512_set1_epi32(pair.cast_signed()), bands))
            }
        }

        #[inline(always)]
        fn add_squares(self, bands: &[u32]) -> Self {
            debug_assert_eq!(bands.len(), Self::LANES);
            // SAFETY: the same.
            unsafe {
                let bands = _mm512_loadu_si512(bands.as_ptr().cast());
                Self(_mm512_dpwssd_epi32(self.0, bands, bands))
            }
        }

        #[inline(always)]
        fn store(self, to: &mut [i32]) {
            debug_assert_eq!(to.len(), Self::LANES);
            // SAFETY: the same.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), self.0) }
        }
    }

    /// Only used in functions that are compiled for AVX2.
    #[derive(Clone, Copy)]
    struct Avx2(__m256i);

    impl Sums for Avx2 {
        const LANES: usize = 8;

        #[inline(always)]
        fn load(from: &[i32]) -> Self {
            debug_assert_eq!(from.len(), Self::LANES);
            // SAFETY: the processor has the instructions, as the type says; 8 values of 32 bits are 32 bytes.
            Self(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) })
        }

        #[inline(always)]
        fn add(self, pair: u32, bands: &[u32]) -> Self {
            debug_assert_eq!(bands.len(), Self::LANES);
            // SAFETY: the same.
            unsafe {
                let bands = _mm256_loadu_si256(bands.as_ptr().cast());
                let products = _mm256_madd_epi16(_mm256_set1_epi32(pair.cast_signed()), bands);
                Self(_mm256_add_epi32(self.0, products))
            }
        }

        #[inline(always)]
        fn add_squares(self, bands: &[u32]) -> Self {
            debug_assert_eq!(bands.len(), Self::LANES);
            // SAFETY: the same.
            unsafe {
                let bands = _mm256_loadu_si256(bands.as_ptr().cast());
                Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(bands, bands)))
            }
        }

        #[inline(always)]
        fn store(self, to: &mut [i32]) {
            debug_assert_eq!(to.len(), Self::LANES);
            // SAFETY: the same.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), self.0) }
        }
    }
}

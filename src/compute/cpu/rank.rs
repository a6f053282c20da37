//! Ranking: the leading targets of every pixel of a group.

use pulp::Simd;

use super::project::{Row, WIDTH};
use crate::methods::{CANDIDATES, Candidates};

/// The [`CANDIDATES`] best of each pixel; equal keys keep the lower index first, NaN keys are never ranked.
#[derive(Clone, Copy)]
pub(super) struct Ranking {
    best: [Row; CANDIDATES],
    index: [[u32; WIDTH]; CANDIDATES],
}

impl Ranking {
    pub(super) const EMPTY: Self =
        Self { best: [[f32::MIN; WIDTH]; CANDIDATES], index: [[Candidates::NONE; WIDTH]; CANDIDATES] };

    /// One step of insertion sort in every lane of a vector at once. Most targets enter no lane, and are passed by with
    /// one comparison.
    #[inline(always)]
    pub(super) fn insert<S: Simd>(&mut self, simd: S, keys: &Row, target: u32) {
        let target = simd.splat_u32s(target);
        for (v, &key) in S::as_simd_f32s(keys).0.iter().enumerate() {
            let last = S::as_simd_f32s(&self.best[CANDIDATES - 1]).0[v];
            if simd.first_true_m32s(simd.greater_than_f32s(key, last)) == S::F32_LANES {
                continue;
            }
            let (mut key, mut who) = (key, target);
            for (best, index) in self.best.iter_mut().zip(&mut self.index) {
                let best = &mut S::as_mut_simd_f32s(best).0[v];
                let index = &mut S::as_mut_simd_u32s(index).0[v];
                let wins = simd.greater_than_f32s(key, *best);
                (*best, key) = (simd.select_f32s(wins, key, *best), simd.select_f32s(wins, *best, key));
                (*index, who) = (simd.select_u32s(wins, who, *index), simd.select_u32s(wins, *index, who));
            }
        }
    }

    /// Copies the places of a group into those of its block.
    pub(super) fn write(&self, group: usize, out: &mut Ranked) {
        for place in 0..CANDIDATES {
            out.target[place][group * WIDTH..][..WIDTH].copy_from_slice(&self.index[place]);
            out.key[place][group * WIDTH..][..WIDTH].copy_from_slice(&self.best[place]);
        }
    }
}

/// The leading targets of the pixels of a block, place by place.
pub(in crate::compute) struct Ranked {
    pub(super) target: [Vec<u32>; CANDIDATES],
    pub(super) key: [Vec<f32>; CANDIDATES],
}

impl Ranked {
    pub(super) fn new(pixels: usize) -> Self {
        Self {
            target: std::array::from_fn(|_| vec![Candidates::NONE; pixels]),
            key: std::array::from_fn(|_| vec![f32::MIN; pixels]),
        }
    }

    /// Puts one target first everywhere, with a key of 0.
    pub(super) fn put_first(&mut self, target: u32) {
        self.target[0].fill(target);
        self.key[0].fill(0.0);
    }

    /// Takes over the candidates of one pixel.
    pub(super) fn put(&mut self, pixel: usize, candidates: &Candidates) {
        for place in 0..CANDIDATES {
            self.target[place][pixel] = candidates.target[place];
            self.key[place][pixel] = candidates.key[place];
        }
    }

    /// Of one pixel.
    pub(super) fn candidates(&self, pixel: usize) -> Candidates {
        Candidates {
            target: std::array::from_fn(|place| self.target[place][pixel]),
            key: std::array::from_fn(|place| self.key[place][pixel]),
        }
    }

    /// Takes over what another device ranked.
    pub(in crate::compute) fn set(&mut self, all: &[Candidates]) {
        all.iter().enumerate().for_each(|(pixel, candidates)| self.put(pixel, candidates));
    }
}

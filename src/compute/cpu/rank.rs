//! Ranking: the leading targets of every pixel of a group.

use pulp::Simd;

use super::project::{Row, WIDTH};
use crate::methods::{CANDIDATES, Candidates};

/// The [`CANDIDATES`] best of each pixel; equal keys keep the lower index first, NaN keys are never ranked.
/// It begins at a line of the cache, as each register of it then lies in one.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Ranking {
    best: [Row; CANDIDATES],
    index: [[u32; WIDTH]; CANDIDATES],
}

impl Ranking {
    pub(super) const EMPTY: Self =
        Self { best: [[f32::MIN; WIDTH]; CANDIDATES], index: [[Candidates::NONE; WIDTH]; CANDIDATES] };

    /// Inserts the keys of some targets, the first of which has this index: steps of insertion sort in every lane of a
    /// vector at once, with all places in registers. Most targets of many enter no lane, and are passed by with one
    /// comparison.
    #[inline(always)]
    pub(super) fn insert<S: Simd>(&mut self, simd: S, keys: &[Row], first: u32) {
        for v in 0..WIDTH / S::F32_LANES {
            let mut best: [S::f32s; CANDIDATES] = std::array::from_fn(|i| S::as_simd_f32s(&self.best[i]).0[v]);
            let mut index: [S::u32s; CANDIDATES] = std::array::from_fn(|i| S::as_simd_u32s(&self.index[i]).0[v]);
            for (target, keys) in (first..).zip(keys) {
                let mut key = S::as_simd_f32s(keys).0[v];
                if simd.first_true_m32s(simd.greater_than_f32s(key, best[CANDIDATES - 1])) == S::F32_LANES {
                    continue;
                }
                let mut who = simd.splat_u32s(target);
                for place in 0..CANDIDATES {
                    let wins = simd.greater_than_f32s(key, best[place]);
                    (best[place], key) =
                        (simd.select_f32s(wins, key, best[place]), simd.select_f32s(wins, best[place], key));
                    (index[place], who) =
                        (simd.select_u32s(wins, who, index[place]), simd.select_u32s(wins, index[place], who));
                }
            }
            for place in 0..CANDIDATES {
                S::as_mut_simd_f32s(&mut self.best[place]).0[v] = best[place];
                S::as_mut_simd_u32s(&mut self.index[place]).0[v] = index[place];
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

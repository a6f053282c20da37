//! Ranking: the leading targets of every pixel of a group.

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

    /// One step of insertion sort in every lane at once. Most targets enter no lane, and are passed by with one
    /// comparison.
    #[inline(always)]
    pub(super) fn insert(&mut self, keys: &Row, target: u32) {
        let last = &self.best[CANDIDATES - 1];
        if !keys.iter().zip(last).fold(false, |enters, (key, last)| enters | (key > last)) {
            return;
        }
        let (mut key, mut who) = (*keys, [target; WIDTH]);
        for (best, index) in self.best.iter_mut().zip(&mut self.index) {
            for lane in 0..WIDTH {
                let wins = key[lane] > best[lane];
                let (down, down_index) = (best[lane], index[lane]);
                best[lane] = if wins { key[lane] } else { down };
                index[lane] = if wins { who[lane] } else { down_index };
                key[lane] = if wins { down } else { key[lane] };
                who[lane] = if wins { down_index } else { who[lane] };
            }
        }
    }

    /// One entry a pixel.
    pub(super) fn write(&self, out: &mut [Candidates]) {
        for (lane, candidates) in out.iter_mut().enumerate() {
            candidates.target = self.index.map(|place| place[lane]);
            candidates.key = self.best.map(|place| place[lane]);
        }
    }
}

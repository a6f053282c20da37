//! Ranking: the leading targets of every pixel of a block.

use super::BLOCK;
use crate::methods::{CANDIDATES, Candidates};

/// Pixels ranked side by side.
const LANES: usize = 16;

/// Ranks `keys` (`[target][BLOCK]`) into the [`CANDIDATES`] best of each pixel; equal keys keep the lower index first,
/// NaN keys are never ranked.
pub(super) fn rank(keys: &[f32], targets: usize, ranked: &mut [Candidates]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (group, ranked) in ranked.chunks_exact_mut(LANES).enumerate() {
                let mut best = [[f32::MIN; LANES]; CANDIDATES];
                let mut index = [[Candidates::NONE; LANES]; CANDIDATES];
                for target in 0..targets {
                    let row = &keys[target * BLOCK + group * LANES..][..LANES];
                    insert(row, target as u32, &mut best, &mut index);
                }
                for (lane, candidates) in ranked.iter_mut().enumerate() {
                    candidates.target = index.map(|place| place[lane]);
                    candidates.key = best.map(|place| place[lane]);
                }
            }
        },
    );
}

/// One step of insertion sort in every lane at once. Most targets enter no lane, and are passed by with one comparison.
#[inline(always)]
fn insert(row: &[f32], target: u32, best: &mut [[f32; LANES]; CANDIDATES], index: &mut [[u32; LANES]; CANDIDATES]) {
    let mut enters = false;
    for lane in 0..LANES {
        enters |= row[lane] > best[CANDIDATES - 1][lane];
    }
    if !enters {
        return;
    }
    let mut key = [0.0; LANES];
    key.copy_from_slice(row);
    let mut who = [target; LANES];
    for place in 0..CANDIDATES {
        for lane in 0..LANES {
            let wins = key[lane] > best[place][lane];
            let (down, down_index) = (best[place][lane], index[place][lane]);
            best[place][lane] = if wins { key[lane] } else { down };
            index[place][lane] = if wins { who[lane] } else { down_index };
            key[lane] = if wins { down } else { key[lane] };
            who[lane] = if wins { down_index } else { who[lane] };
        }
    }
}

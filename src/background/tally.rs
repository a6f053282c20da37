//! The scores of one target over a scene's background, tallied in bounded memory.
//!
//! A tally counts scores in fixed bins and keeps the best of them as they are. Counts are integers and the best scores a
//! set, so tallies of parts of a scene merge to the same bits in any order.

/// Where a method's scores are best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Best {
    /// Larger is better, without end: filters.
    Unbounded,
    /// Larger is better, up to this one: correlations and coherences.
    Largest(f32),
    /// Smaller is better, down to this one: angles and divergences.
    Smallest(f32),
}

/// How close a score can come to the best one before it counts as that: the logarithm needs an end.
const CLOSEST: f64 = 1e-12;

impl Best {
    /// The key of a score, larger is better: the score itself, or the negative of its distance from the best.
    #[must_use]
    pub fn key(self, score: f32) -> f32 {
        match self {
            // Adding zero takes the sign from a negative zero.
            Self::Unbounded => score + 0.0,
            Self::Largest(best) => -(best - score).max(0.0),
            Self::Smallest(best) => -(score - best).max(0.0),
        }
    }

    /// What tails are modelled in, larger is better: the score itself, or −ln of its distance from the best. Near the best,
    /// shares fall like a power of that distance, so this has a tail that ends nowhere.
    #[must_use]
    pub fn coordinate(self, key: f32) -> f64 {
        match self {
            Self::Unbounded => f64::from(key),
            _ => -libm::log((-f64::from(key)).max(CLOSEST)),
        }
    }

    /// The score that has this coordinate.
    #[must_use]
    pub fn score(self, coordinate: f64) -> f64 {
        match self {
            Self::Unbounded => coordinate,
            Self::Largest(best) => f64::from(best) - libm::exp(-coordinate),
            Self::Smallest(best) => f64::from(best) + libm::exp(-coordinate),
        }
    }

    /// The bin of a key; the first is the best. Bins are stretches of the 32 octaves from 2⁻²⁴ to 2⁸, 128 each in distance
    /// from the best, or 64 each on both sides of zero; what is outside falls into the last on its side.
    fn bin(self, key: f32) -> usize {
        let step = |shift: u32| {
            let bits = key.abs().to_bits().clamp(LEAST.to_bits(), MOST.to_bits() - 1);
            ((bits - LEAST.to_bits()) >> shift) as usize
        };
        match self {
            Self::Unbounded if key > 0.0 => BINS / 2 - 1 - step(17),
            Self::Unbounded => BINS / 2 + step(17),
            _ => step(16),
        }
    }

    /// The worst key of a bin; nothing for the last, which has no end.
    pub(super) fn edge(self, bin: usize) -> Option<f32> {
        let at = |step: usize, shift: u32| f32::from_bits(LEAST.to_bits() + ((step as u32) << shift));
        match self {
            _ if bin + 1 >= BINS => None,
            Self::Unbounded if bin + 1 == BINS / 2 => Some(0.0),
            Self::Unbounded if bin < BINS / 2 => Some(at(BINS / 2 - 1 - bin, 17)),
            Self::Unbounded => Some(-at(bin + 1 - BINS / 2, 17)),
            _ => Some(-at(bin + 1, 16)),
        }
    }
}

/// 2⁻²⁴ and 2⁸.
const LEAST: f32 = 1.0 / 16_777_216.0;
const MOST: f32 = 256.0;

/// Bins of a tally.
const BINS: usize = 4096;

/// Scores that are kept as they are.
pub const KEPT: usize = 2048;

/// The scores of one target.
#[derive(Debug, Clone)]
pub struct Tally {
    best: Best,
    counts: Vec<u64>,
    /// Keys, at most twice as many as are kept.
    top: Vec<f32>,
    /// Keys below are not among the best.
    floor: f32,
}

impl Tally {
    /// Bytes of a tally, at most.
    pub const BYTES: usize = BINS * size_of::<u64>() + 2 * KEPT * size_of::<f32>();

    /// A tally of no scores.
    #[must_use]
    pub fn new(best: Best) -> Self {
        Self { best, counts: vec![0; BINS], top: Vec::new(), floor: f32::NEG_INFINITY }
    }

    /// Adds a score; NaN is no score.
    pub fn add(&mut self, score: f32) {
        if score.is_nan() {
            return;
        }
        let key = self.best.key(score);
        self.counts[self.best.bin(key)] += 1;
        self.keep(key);
    }

    fn keep(&mut self, key: f32) {
        if key < self.floor {
            return;
        }
        self.top.push(key);
        if self.top.len() >= 2 * KEPT {
            self.prune();
        }
    }

    /// Leaves the best alone.
    fn prune(&mut self) {
        if self.top.len() > KEPT {
            let (_, worst, _) = self.top.select_nth_unstable_by(KEPT - 1, |a, b| b.total_cmp(a));
            self.floor = *worst;
            self.top.truncate(KEPT);
        }
    }

    /// Adds the scores of another part of the scene.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        other.top.iter().for_each(|&key| self.keep(key));
    }

    /// Number of scores.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Where its scores are best.
    #[must_use]
    pub fn best(&self) -> Best {
        self.best
    }

    /// The keys that were kept, the best first; all of them when there are no more than [`KEPT`].
    #[must_use]
    pub fn top(&self) -> Vec<f32> {
        let mut top = self.top.clone();
        top.sort_unstable_by(|a, b| b.total_cmp(a));
        top.truncate(KEPT);
        top
    }

    /// The bins that hold scores, the best first, with how many.
    pub(super) fn bins(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// Appends the tally to a part: the number of bins, each with its count, the number of keys, and these.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let bins: Vec<(usize, u64)> = self.bins().collect();
        bytes.extend((bins.len() as u32).to_le_bytes());
        for (bin, count) in bins {
            bytes.extend((bin as u32).to_le_bytes());
            bytes.extend(count.to_le_bytes());
        }
        let top = self.top();
        bytes.extend((top.len() as u32).to_le_bytes());
        top.iter().for_each(|key| bytes.extend(key.to_le_bytes()));
    }

    /// Takes a tally from the front of `bytes`; nothing when they hold none.
    #[must_use]
    pub fn read(best: Best, bytes: &mut &[u8]) -> Option<Self> {
        let mut tally = Self::new(best);
        for _ in 0..take_u32(bytes)? {
            let bin = take_u32(bytes)? as usize;
            *tally.counts.get_mut(bin)? = u64::from_le_bytes(take(bytes)?);
        }
        let kept = take_u32(bytes)? as usize;
        if kept > KEPT || kept as u64 > tally.pixels() {
            return None;
        }
        for _ in 0..kept {
            tally.top.push(f32::from_le_bytes(take(bytes)?));
        }
        Some(tally)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Best; 3] = [Best::Unbounded, Best::Largest(1.0), Best::Smallest(0.0)];

    /// Reproducible scores of many magnitudes.
    fn scores(count: u32) -> Vec<f32> {
        let mixed = (0..count).map(|i| i.wrapping_mul(2_654_435_761) >> 8);
        mixed.map(|i| (i as f32 / 16_777_216.0 - 0.3).powi(3) * 40.0).collect()
    }

    fn bytes(tally: &Tally) -> Vec<u8> {
        let mut bytes = Vec::new();
        tally.write(&mut bytes);
        bytes
    }

    fn of(best: Best, scores: &[f32]) -> Tally {
        let mut tally = Tally::new(best);
        scores.iter().for_each(|&s| tally.add(s));
        tally
    }

    #[test]
    fn tallies_merge_to_the_same_bytes_in_any_order() {
        let mut scores = scores(9000);
        scores.extend([f32::NAN, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY]);
        for best in ALL {
            let whole = of(best, &scores);
            assert_eq!(whole.pixels(), 9004);
            let parts: Vec<Tally> = scores.chunks(701).map(|part| of(best, part)).collect();
            let merged = |order: &mut dyn Iterator<Item = &Tally>| {
                let mut all = Tally::new(best);
                order.for_each(|part| all.merge(part));
                bytes(&all)
            };
            assert_eq!(merged(&mut parts.iter()), bytes(&whole), "{best:?}");
            assert_eq!(merged(&mut parts.iter().rev()), bytes(&whole), "{best:?}");
        }
    }

    #[test]
    fn the_best_scores_are_kept_as_they_are() {
        for best in ALL {
            let scores = scores(20_000);
            let mut keys: Vec<f32> = scores.iter().map(|&s| best.key(s)).collect();
            keys.sort_unstable_by(|a, b| b.total_cmp(a));
            assert_eq!(of(best, &scores).top(), keys[..KEPT], "{best:?}");
            assert_eq!(of(best, &scores[..100]).top().len(), 100);
        }
    }

    #[test]
    fn bins_follow_each_other_and_hold_what_lies_above_their_edges() {
        for best in ALL {
            let edges: Vec<f32> = (0..BINS).map_while(|bin| best.edge(bin)).collect();
            assert!(edges.len() == BINS - 1 && edges.windows(2).all(|e| e[0] > e[1]), "{best:?}");
            for score in scores(5000) {
                let key = best.key(score);
                let bin = best.bin(key);
                // An edge below zero belongs to the next bin: distances are counted from their lower end.
                assert!(best.edge(bin).is_none_or(|edge| key >= edge), "{best:?} {score}");
                assert!(bin == 0 || best.edge(bin - 1).is_some_and(|edge| key <= edge), "{best:?} {score}");
            }
            assert_eq!(best.bin(best.key(f32::NEG_INFINITY)), if best == Best::Smallest(0.0) { 0 } else { BINS - 1 });
        }
    }

    #[test]
    fn coordinates_and_scores_are_inverse() {
        for (best, score) in [(ALL[0], -3.5_f32), (ALL[0], 7.0), (ALL[1], 0.875), (ALL[1], -0.5), (ALL[2], 0.03125)] {
            let back = best.score(best.coordinate(best.key(score)));
            assert!((back - f64::from(score)).abs() < 1e-12, "{best:?} {score} {back}");
        }
        assert!(ALL[2].coordinate(ALL[2].key(0.01)) > ALL[2].coordinate(ALL[2].key(0.02)));
        assert!(ALL[1].coordinate(ALL[1].key(1.0)).is_finite());
    }

    #[test]
    fn only_whole_tallies_are_read() {
        let tally = of(Best::Unbounded, &scores(500));
        let bytes = bytes(&tally);
        let mut rest = &bytes[..];
        let read = Tally::read(Best::Unbounded, &mut rest).unwrap();
        assert!(rest.is_empty() && read.top() == tally.top() && read.counts == tally.counts);
        for length in 0..bytes.len() {
            assert!(Tally::read(Best::Unbounded, &mut &bytes[..length]).is_none(), "{length}");
        }
        let beyond = [&1_u32.to_le_bytes()[..], &(BINS as u32).to_le_bytes(), &1_u64.to_le_bytes(), &[0; 4]].concat();
        assert!(Tally::read(Best::Unbounded, &mut &beyond[..]).is_none());
    }
}

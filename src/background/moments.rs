//! Sums over pixels, and the tree of fixed shape in which they are added up.

use std::collections::BTreeMap;

use super::units::{Place, Units};

/// Sums over some pixels x of their differences d = x − a from a fixed spectrum a, in reflectance.
///
/// No pixels at all are empty vectors, which add nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    /// Number of pixels.
    pub count: u64,
    /// Σ d, one value a band.
    pub sum: Vec<f64>,
    /// Σ q, where q is d as the products took it: a GPU rounds it.
    pub quantised: Vec<f64>,
    /// Σ q qᵀ, the lower triangle row by row: (i, j ≤ i) lies at i·(i + 1)/2 + j.
    pub products: Vec<f64>,
}

/// Where an entry of the lower triangle lies.
#[must_use]
pub fn packed(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl Moments {
    /// Adds the sums of other pixels.
    fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        self.count += other.count;
        let plus = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        plus(&mut self.sum, &other.sum);
        plus(&mut self.quantised, &other.quantised);
        plus(&mut self.products, &other.products);
    }
}

/// Sums of many units. Two neighbours are added as soon as both are there, the earlier first, then their sums, and so
/// on: the shape of the tree follows from the number of units, so the order of insertion does not change a bit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The sums that still wait for a neighbour.
    pub nodes: BTreeMap<Place, Moments>,
}

impl Tree {
    /// Adds the sums of a unit or of a node that another tree has come to. `units` is the number of units of its group.
    pub fn insert(&mut self, mut place: Place, mut moments: Moments, units: usize) {
        loop {
            let at_level = units.div_ceil(1 << place.level);
            if at_level <= 1 {
                break;
            }
            let sibling = Place { index: place.index ^ 1, ..place };
            if sibling.index < at_level {
                let Some(other) = self.nodes.remove(&sibling) else { break };
                let (mut first, second) = if sibling < place { (other, moments) } else { (moments, other) };
                first.add(&second);
                moments = first;
            }
            place = Place { group: place.group, level: place.level + 1, index: place.index / 2 };
        }
        self.nodes.insert(place, moments);
    }

    /// Whether every node lies within the cut, and no unit is in two of them.
    #[must_use]
    pub fn fits(&self, units: &Units) -> bool {
        let groups = units.groups();
        let inside = |place: &Place| {
            let level = 1_usize.checked_shl(place.level);
            place.group < groups && level.is_some_and(|l| place.index < units.count(place.group).div_ceil(l))
        };
        let places: Vec<Place> = self.nodes.keys().copied().collect();
        places.iter().all(inside) && overlapping(places.into_iter().map(|p| (p, ()))).is_none()
    }

    /// The sum of a whole group, when all its units are there.
    #[must_use]
    pub fn whole(&self, units: &Units, group: usize) -> Option<&Moments> {
        let count = units.count(group);
        let level = count.next_power_of_two().trailing_zeros();
        self.nodes.get(&Place { group, level, index: 0 })
    }
}

/// Two nodes that share a unit, by what comes with them; `None` when there are none. Nodes must lie within a cut.
pub(super) fn overlapping<T: Ord + Copy>(nodes: impl Iterator<Item = (Place, T)>) -> Option<(T, T)> {
    let runs = nodes.map(|(p, with)| (p.group, p.index << p.level, (p.index + 1) << p.level, with));
    let mut runs: Vec<(usize, usize, usize, T)> = runs.collect();
    runs.sort_unstable();
    runs.windows(2).find(|w| w[0].0 == w[1].0 && w[1].1 < w[0].2).map(|w| (w[0].3, w[1].3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(i: usize) -> Moments {
        let v = 1.0 / (i as f64 + 3.0);
        Moments { count: 1, sum: vec![v], quantised: vec![v], products: vec![v * v] }
    }

    #[test]
    fn any_order_gives_the_same_bits_and_leaves_one_node() {
        for count in [1, 2, 3, 5, 8, 37] {
            let units = Units::new(count * 2, 512, None);
            assert_eq!(units.count(0), count);
            let sum = |order: Vec<usize>| {
                let mut tree = Tree::default();
                for i in order {
                    let moments = if i % 5 == 4 { Moments::default() } else { unit(i) };
                    tree.insert(Place { group: 0, level: 0, index: i }, moments, count);
                }
                assert_eq!(tree.nodes.len(), 1);
                tree.whole(&units, 0).unwrap().clone()
            };
            let forward = sum((0..count).collect());
            assert_eq!(forward, sum((0..count).rev().collect()));
            if count % 7 != 0 {
                assert_eq!(forward, sum((0..count).map(|i| i * 7 % count).collect()), "{count}");
            }
        }
    }

    #[test]
    fn a_tree_continued_from_shards_is_the_same() {
        let units = Units::new(26, 512, None);
        let all = |ranges: &[std::ops::Range<usize>]| {
            let mut whole = Tree::default();
            for range in ranges {
                let mut shard = Tree::default();
                range.clone().for_each(|i| shard.insert(Place { group: 0, level: 0, index: i }, unit(i), 13));
                shard.nodes.into_iter().for_each(|(place, moments)| whole.insert(place, moments, 13));
            }
            whole
        };
        let once = all(&[0..1, 1..13]);
        assert_eq!(once, all(&[9..13, 0..4, 4..9]));
        assert!(once.whole(&units, 0).is_some());
        assert!(all(&[0..4, 5..13]).whole(&units, 0).is_none(), "a unit is missing");
    }
}

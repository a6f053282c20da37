//! Agreement of two maps as a matrix of counts (Congalton 1991, Remote Sensing of Environment 37, 35-46).

use std::collections::HashMap;

use serde::Serialize;

/// How often each class of A meets each class of B; only pairs that occur take memory.
#[derive(Debug, Clone, Default)]
pub struct Confusion {
    cells: HashMap<(usize, usize), u64>,
}

/// How two maps agree in a class. Shares are nothing where they would be of no pixel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassAgreement {
    /// Its name.
    pub name: String,
    /// Pixels that have it in A.
    pub pixels_a: u64,
    /// Pixels that have it in B.
    pub pixels_b: u64,
    /// Pixels that have it in both.
    pub both: u64,
    /// Share of A's pixels that have it in B too: user's accuracy or precision, where B is true.
    pub users_accuracy: Option<f64>,
    /// Share of B's pixels that have it in A too: producer's accuracy or recall, where B is true.
    pub producers_accuracy: Option<f64>,
    /// Harmonic mean of both shares: 2 · both / (A + B).
    pub f1: Option<f64>,
}

impl Confusion {
    /// Adds pixels that have class `a` in A and class `b` in B.
    pub fn add(&mut self, a: usize, b: usize, pixels: u64) {
        *self.cells.entry((a, b)).or_default() += pixels;
    }

    /// Pairs that occur.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.cells.len()
    }

    /// Pixels of a pair.
    #[must_use]
    pub fn get(&self, a: usize, b: usize) -> u64 {
        self.cells.get(&(a, b)).copied().unwrap_or(0)
    }

    /// All pixels.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cells.values().sum()
    }

    /// Pixels that have one class in both.
    #[must_use]
    pub fn agreeing(&self) -> u64 {
        self.cells.iter().filter(|((a, b), _)| a == b).map(|(_, n)| n).sum()
    }

    /// Share of the pixels that agree; nothing without pixels.
    #[must_use]
    pub fn overall(&self) -> Option<f64> {
        share(self.agreeing(), self.total())
    }

    /// Cohen's kappa, (p₀ − pₑ) / (1 − pₑ): how far the agreement p₀ exceeds what classes of the same sizes, laid out by
    /// chance, would have (pₑ). Nothing where chance alone agrees everywhere: no pixels, or one class.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        let (rows, columns) = self.margins();
        let all = i128::from(self.total());
        let by_chance: i128 =
            rows.iter().filter_map(|(class, &n)| Some(i128::from(n) * i128::from(*columns.get(class)?))).sum();
        let (found, most) = (all * i128::from(self.agreeing()) - by_chance, all * all - by_chance);
        (most > 0).then(|| found as f64 / most as f64)
    }

    /// How A and B agree in each class, in the order of the names.
    #[must_use]
    pub fn classes<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<ClassAgreement> {
        let (rows, columns) = self.margins();
        let of = |(class, name): (usize, &str)| {
            let of = |margin: &HashMap<usize, u64>| margin.get(&class).copied().unwrap_or(0);
            let (pixels_a, pixels_b, both) = (of(&rows), of(&columns), self.get(class, class));
            ClassAgreement {
                name: name.to_owned(),
                pixels_a,
                pixels_b,
                both,
                users_accuracy: share(both, pixels_a),
                producers_accuracy: share(both, pixels_b),
                f1: share(2 * both, pixels_a + pixels_b),
            }
        };
        names.into_iter().enumerate().map(of).collect()
    }

    /// All pairs that occur, the most frequent first; of equal ones the first classes first.
    #[must_use]
    pub fn cells(&self) -> Vec<((usize, usize), u64)> {
        let mut cells: Vec<_> = self.cells.iter().map(|(pair, n)| (*pair, *n)).collect();
        cells.sort_by_key(|&(pair, n)| (std::cmp::Reverse(n), pair));
        cells
    }

    /// Pixels of each class in A, and in B.
    fn margins(&self) -> (HashMap<usize, u64>, HashMap<usize, u64>) {
        let (mut rows, mut columns) = (HashMap::new(), HashMap::new());
        for (&(a, b), n) in &self.cells {
            *rows.entry(a).or_default() += n;
            *columns.entry(b).or_default() += n;
        }
        (rows, columns)
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_has_no_kappa_and_nothing_has_no_shares() {
        let mut alone = Confusion::default();
        assert_eq!((alone.overall(), alone.kappa()), (None, None));
        alone.add(3, 3, 7);
        assert_eq!((alone.overall(), alone.kappa()), (Some(1.0), None));
        let absent = &alone.classes(["a"])[0];
        assert_eq!((absent.users_accuracy, absent.producers_accuracy, absent.f1), (None, None, None));
    }

    #[test]
    fn kappa_is_below_zero_where_chance_does_better_and_holds_for_large_maps() {
        let mut crossed = Confusion::default();
        crossed.add(0, 1, u64::from(u32::MAX) * 4);
        crossed.add(1, 0, u64::from(u32::MAX) * 4);
        assert_eq!((crossed.overall(), crossed.kappa()), (Some(0.0), Some(-1.0)));
        assert_eq!(crossed.cells()[0].0, (0, 1));
    }
}

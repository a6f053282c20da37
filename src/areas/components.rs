//! Connected pixels, line by line: a scene of any size, in memory that grows with its areas and not with its pixels.
//!
//! The first scan gives each run of pixels a provisional label, and remembers which labels meet (union by the smaller label
//! with path halving; Rosenfeld & Pfaltz 1966, J. ACM 13, 471). Labels are settled when all lines were seen.

/// Labels pixels while the lines of a raster pass by.
pub(super) struct Labeller {
    diagonal: bool,
    /// The line above: values and labels, and one more on either side.
    above: Vec<(u16, u32)>,
    /// Of each label the label that it was merged into; a root is its own. Label 0 is of no area.
    parents: Vec<u32>,
    /// Of each root, its size.
    sizes: Vec<u128>,
}

impl Labeller {
    /// `diagonal`: pixels that touch at a corner are connected too.
    pub(super) fn new(samples: usize, diagonal: bool) -> Self {
        Self { diagonal, above: vec![(0, 0); samples + 2], parents: vec![0], sizes: vec![0] }
    }

    /// Gives the pixels of the next line their provisional labels; 0 where the value is 0. `sizes` are of the pixels.
    pub(super) fn line(&mut self, values: &[u16], sizes: &[u64]) -> Vec<u32> {
        let mut line = vec![(0, 0); values.len() + 2];
        for ((x, &value), &size) in (1..).zip(values).zip(sizes) {
            if value == 0 {
                continue;
            }
            let beside = [line[x - 1], self.above[x]];
            let corners = [self.above[x - 1], self.above[x + 1]];
            let corners = if self.diagonal { &corners[..] } else { &[] };
            let mut label = 0;
            for &(_, met) in beside.iter().chain(corners).filter(|(other, _)| *other == value) {
                label = if label == 0 { self.root(met) } else { self.merge(label, met) };
            }
            if label == 0 {
                label = self.parents.len() as u32;
                self.parents.push(label);
                self.sizes.push(0);
            }
            self.sizes[label as usize] += u128::from(size);
            line[x] = (value, label);
        }
        self.above = line;
        self.above[1..=values.len()].iter().map(|(_, label)| *label).collect()
    }

    fn root(&mut self, mut label: u32) -> u32 {
        while self.parents[label as usize] != label {
            let grand = self.parents[self.parents[label as usize] as usize];
            self.parents[label as usize] = grand;
            label = grand;
        }
        label
    }

    /// The smaller of two roots stays, so that labels follow the order of first pixels.
    fn merge(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        let (root, other) = (a.min(b), a.max(b));
        if root != other {
            self.parents[other as usize] = root;
            self.sizes[root as usize] += std::mem::take(&mut self.sizes[other as usize]);
        }
        root
    }

    /// The number of every provisional label's area, from 1 in the order of first pixels; 0 for those smaller than `least`.
    /// Also how many areas there are, and how many were too small.
    pub(super) fn settle(mut self, least: u128) -> Settled {
        let (mut numbers, mut kept, mut small) = (vec![0; self.parents.len()], 0, 0);
        for label in 1..self.parents.len() as u32 {
            let root = self.root(label);
            numbers[label as usize] = match root == label {
                true if self.sizes[label as usize] >= least => {
                    kept += 1;
                    kept
                }
                true => {
                    small += 1;
                    0
                }
                // A root is smaller than what was merged into it.
                false => numbers[root as usize],
            };
        }
        Settled { numbers, kept: kept as usize, small }
    }
}

/// What the provisional labels became.
pub(super) struct Settled {
    /// Of each provisional label.
    pub(super) numbers: Vec<u32>,
    /// How many areas there are.
    pub(super) kept: usize,
    /// How many were too small.
    pub(super) small: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(picture: &[&str], diagonal: bool, least: u128) -> (Vec<String>, usize, u64) {
        let mut labeller = Labeller::new(picture[0].len(), diagonal);
        let value = |c: char| if c == '.' { 0 } else { c as u16 };
        let lines: Vec<Vec<u32>> = picture
            .iter()
            .map(|row| labeller.line(&row.chars().map(value).collect::<Vec<_>>(), &vec![1; row.len()]))
            .collect();
        let settled = labeller.settle(least);
        let digit = |label: &u32| char::from_digit(settled.numbers[*label as usize], 36).unwrap();
        (lines.iter().map(|l| l.iter().map(digit).collect()).collect(), settled.kept, settled.small)
    }

    #[test]
    fn what_meets_later_is_one_area() {
        let (found, kept, small) = areas(&["a.a.b", "a.a.b", "aaabb", "...b."], false, 1);
        assert_eq!(found, ["10102", "10102", "11122", "00020"]);
        assert_eq!((kept, small), (2, 0));
        // A spiral, whose arms meet in its middle only.
        let (found, kept, _) = areas(&["aaaaa", "....a", "aaa.a", "a...a", "aaaaa"], false, 1);
        assert_eq!((found[2].as_str(), kept), ("11101", 1));
    }

    #[test]
    fn corners_connect_only_when_asked() {
        let picture = ["a.b", ".a.", "b.a"];
        let (found, kept, _) = areas(&picture, false, 1);
        assert_eq!((found.concat().as_str(), kept), ("102030405", 5));
        let (found, kept, _) = areas(&picture, true, 1);
        assert_eq!((found.concat().as_str(), kept), ("102010301", 3));
    }

    #[test]
    fn small_ones_are_left_out_and_counted() {
        let (found, kept, small) = areas(&["aa.b", "...c", "ddd."], false, 2);
        assert_eq!(found, ["1100", "0000", "2220"]);
        assert_eq!((kept, small), (2, 2));
    }
}

//! Where two detectors see the same wavelengths: which of their bands are used.
//!
//! Files list the bands detector by detector, so a detector is a run of bands whose wavelengths rise (or fall) steadily.
//! Two detectors that overlap are cut in the middle of what both see: below it the bands of the lower one are used, above it
//! those of the upper one. A detector is least sensitive at its ends, so of two bands near each other the one that is
//! kept is always further from its detector's end; and no wavelength counts twice in an angle or a covariance.

use std::ops::RangeInclusive;

use crate::spectrum::Nanometers;

/// Fewer bands in a run do not make a detector: the list is in no order, and nothing tells what overlaps.
const MIN_BANDS: usize = 4;

/// An overlap of two detectors, and what is left out of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Overlap {
    /// What both detectors see, in nanometres.
    pub(super) both: RangeInclusive<f64>,
    /// Where they are cut, in nanometres.
    pub(super) cut: f64,
    /// Indices of the bands beyond the cut, ascending.
    pub(super) left_out: Vec<usize>,
}

impl Overlap {
    /// Why a band is left out.
    pub(super) fn reason(&self) -> String {
        format!(
            "two detectors overlap from {:.2} to {:.2} nm: this one is used only on its own side of {:.2} nm",
            self.both.start(),
            self.both.end(),
            self.cut
        )
    }
}

/// The overlaps of the detectors whose bands are `usable` (as many flags as centres).
///
/// Nothing when the bands rise steadily, or when they are in no order that tells detectors apart.
pub(super) fn find(centres: &[Nanometers], usable: &[bool]) -> Vec<Overlap> {
    let bands: Vec<usize> = (0..centres.len()).filter(|&b| usable[b]).collect();
    let mut detectors = runs(centres, &bands);
    if detectors.iter().any(|run| run.len() < MIN_BANDS) {
        return Vec::new();
    }
    let ends = |run: &[usize]| {
        let (a, b) = (centres[run[0]].0, centres[run[run.len() - 1]].0);
        (a.min(b), a.max(b))
    };
    detectors.sort_by(|a, b| ends(a).0.total_cmp(&ends(b).0));
    let overlap = |pair: &[&[usize]]| {
        let ((_, end), (start, last)) = (ends(pair[0]), ends(pair[1]));
        // A detector within another leaves open which of them is the better one.
        if start > end || last <= end {
            return None;
        }
        let cut = f64::midpoint(start, end);
        let beyond = pair[0].iter().filter(|&&b| centres[b].0 > cut);
        let before = pair[1].iter().filter(|&&b| centres[b].0 <= cut);
        let mut left_out: Vec<usize> = beyond.chain(before).copied().collect();
        left_out.sort_unstable();
        Some(Overlap { both: start..=end, cut, left_out })
    };
    detectors.windows(2).filter_map(overlap).collect()
}

/// The longest runs of bands whose wavelengths all rise or all fall.
fn runs<'a>(centres: &[Nanometers], bands: &'a [usize]) -> Vec<&'a [usize]> {
    let step = |i: usize| centres[bands[i]].0.total_cmp(&centres[bands[i - 1]].0);
    let mut runs = Vec::new();
    let (mut first, mut way) = (0, None);
    for i in 1..bands.len() {
        if way.is_some_and(|way| way != step(i)) {
            runs.push(&bands[first..i]);
            (first, way) = (i, None);
        } else {
            way = Some(step(i));
        }
    }
    if first < bands.len() {
        runs.push(&bands[first..]);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(centres: &[f64]) -> Vec<Overlap> {
        let centres: Vec<Nanometers> = centres.iter().copied().map(Nanometers).collect();
        find(&centres, &vec![true; centres.len()])
    }

    #[test]
    fn detectors_are_cut_in_the_middle_of_their_overlap() {
        let rising = [400.0, 500.0, 600.0, 700.0, 800.0, 650.0, 760.0, 870.0, 980.0];
        let expected = Overlap { both: 650.0..=800.0, cut: 725.0, left_out: vec![4, 5] };
        assert_eq!(found(&rising), std::slice::from_ref(&expected));
        // Whatever way each detector is listed, and whichever comes first.
        let falling = [800.0, 700.0, 600.0, 500.0, 400.0, 980.0, 870.0, 760.0, 650.0];
        assert_eq!(found(&falling), [Overlap { left_out: vec![0, 8], ..expected.clone() }]);
        let swapped = [650.0, 760.0, 870.0, 980.0, 400.0, 500.0, 600.0, 700.0, 800.0];
        assert_eq!(found(&swapped), [Overlap { left_out: vec![0, 8], ..expected }]);
    }

    #[test]
    fn bands_that_cannot_be_used_make_no_overlap() {
        let centres = [400.0, 500.0, 600.0, 700.0, 800.0, 750.0, 850.0, 950.0, 1050.0, 1150.0].map(Nanometers);
        let mut usable = [true; 10];
        usable[5] = false;
        assert_eq!(find(&centres, &usable), []);
        usable = [true; 10];
        usable[4] = false;
        assert_eq!(find(&centres, &usable), []);
    }

    #[test]
    fn nothing_is_left_out_of_what_is_in_order_or_in_none() {
        assert_eq!(found(&[400.0, 500.0, 600.0, 700.0, 800.0]), []);
        assert_eq!(found(&[400.0, 700.0, 500.0, 800.0, 600.0, 900.0]), []);
        assert_eq!(found(&[400.0, 500.0, 600.0, 700.0, 800.0, 450.0, 550.0, 650.0, 750.0]), []);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[400.0]), []);
    }

    #[test]
    fn several_joins_are_cut_each_by_itself() {
        let aviris = |from: f64, n: i32| (0..n).map(move |i| from + 10.0 * f64::from(i));
        let centres: Vec<f64> = aviris(400.0, 30).chain(aviris(683.0, 60)).chain(aviris(1255.0, 60)).collect();
        let overlaps = found(&centres);
        assert_eq!(overlaps.iter().map(|o| o.cut).collect::<Vec<_>>(), [686.5, 1264.0]);
        assert_eq!(overlaps[0].left_out, [29, 30]);
        assert_eq!(overlaps[1].left_out, [89, 90]);
    }
}

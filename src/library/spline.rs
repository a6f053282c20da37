//! The cubic spline through the existing channels of a spectrum.
//!
//! Straight lines between channels h apart miss h²/12 of the spectrum's second derivative on average: an absorption that
//! a few channels describe comes out too shallow. A spline through the same channels errs by h⁴.

/// Neighbouring spacings that differ by more than this factor end a spline: where detectors overlap, two channels a
/// fraction of a nanometre apart would give the curve a slope that no spectrum has.
const MAX_RATIO: f64 = 3.0;

/// The spline's second derivatives at both ends of the segments between neighbouring nodes, per nm².
///
/// `nm` are ascending wavelengths, `values` one value a node, NaN where it does not exist; one pair comes back for each
/// of the `nm.len() - 1` segments. It is (0, 0), a straight line, beside missing nodes and where a spline would stand on
/// fewer than three nodes. A spline's second derivative is constant in its first and its last segment.
pub(super) fn second_derivatives(nm: &[f64], values: &[f64]) -> Vec<(f64, f64)> {
    let mut found = vec![(0.0, 0.0); nm.len().saturating_sub(1)];
    let exists = |segment: usize| !values[segment].is_nan() && !values[segment + 1].is_nan();
    let alike = |segment: usize| {
        let (before, after) = (nm[segment] - nm[segment - 1], nm[segment + 1] - nm[segment]);
        before.max(after) <= MAX_RATIO * before.min(after)
    };
    let mut start = 0;
    while start < found.len() {
        let mut end = start + 1;
        if exists(start) {
            while end < found.len() && exists(end) && alike(end) {
                end += 1;
            }
            run(&nm[start..=end], &values[start..=end], &mut found[start..end]);
        }
        start = end;
    }
    found
}

/// One spline: solves its tridiagonal system (Thomas algorithm), which is diagonally dominant.
fn run(nm: &[f64], values: &[f64], found: &mut [(f64, f64)]) {
    let inner = nm.len() - 2;
    if inner == 0 {
        return;
    }
    let spacing = |i: usize| nm[i + 1] - nm[i];
    let slope = |i: usize| (values[i + 1] - values[i]) / spacing(i);
    let (mut upper, mut curve) = (vec![0.0; inner], vec![0.0; inner]);
    for i in 0..inner {
        let (left, right) = (spacing(i), spacing(i + 1));
        // The outermost segments share their inner node's second derivative.
        let first = if i == 0 { left } else { 0.0 };
        let last = if i + 1 == inner { right } else { 0.0 };
        let (below, known) = if i == 0 { (0.0, 0.0) } else { (left, curve[i - 1]) };
        let pivot = 2.0 * (left + right) + first + last - below * if i == 0 { 0.0 } else { upper[i - 1] };
        upper[i] = (right - last) / pivot;
        curve[i] = (6.0 * (slope(i + 1) - slope(i)) - below * known) / pivot;
    }
    for i in (0..inner - 1).rev() {
        curve[i] -= upper[i] * curve[i + 1];
    }
    for (i, segment) in found.iter_mut().enumerate() {
        *segment = (curve[i.max(1) - 1], curve[i.min(inner - 1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parabolas_are_met_and_cubics_within_the_run() {
        let nm = [1000.0, 1008.0, 1018.0, 1030.0, 1040.0];
        let parabola = nm.map(|x: f64| 0.3 + 0.002 * (x - 1010.0).powi(2));
        for (a, b) in second_derivatives(&nm, &parabola) {
            assert!((a - 0.004).abs() < 1e-12 && (b - 0.004).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn missing_nodes_overlapping_detectors_and_pairs_are_straight() {
        let straight = |nm: &[f64], values: &[f64]| {
            second_derivatives(nm, values).iter().map(|&(a, b)| a == 0.0 && b == 0.0).collect::<Vec<bool>>()
        };
        let nan = f64::NAN;
        let nm: Vec<f64> = (0..7).map(|i| 1000.0 + 10.0 * f64::from(i)).collect();
        assert_eq!(straight(&nm, &[0.1, 0.3, 0.2, nan, 0.1, 0.3, 0.2]), [false, false, true, true, false, false]);
        assert_eq!(straight(&nm[..3], &[0.1, nan, 0.2]), [true, true]);
        // Two detectors see 1020 nm, 0.2 nm apart, and disagree: no curve goes through both.
        let joined = [1000.0, 1010.0, 1020.0, 1020.2, 1030.0, 1040.0];
        let found = second_derivatives(&joined, &[0.1, 0.1, 0.1, 0.2, 0.2, 0.2]);
        assert!(found.iter().all(|&(a, b)| a == 0.0 && b == 0.0), "{found:?}");
        assert!(second_derivatives(&[], &[]).is_empty() && second_derivatives(&[1.0], &[0.1]).is_empty());
    }
}

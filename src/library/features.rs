//! Absorptions of a spectrum: what tells its mineral from others.
//!
//! The continuum is the upper hull of the spectrum, and a spectrum divided by it shows its absorptions alone (Clark & Roush
//! 1984, J. Geophys. Res. 89, 6329). An absorption is a minimum of what is left that stands out from both sides.

use serde::Serialize;

use crate::spectrum::Nanometers;

/// An absorption stands out from both sides by at least this share of the continuum: noise of libraries stays below.
const LEAST_DEPTH: f64 = 0.03;

/// Where minerals have absorptions that imaging spectrometers see. Libraries are noisy before, and end beyond.
const RANGE_NM: std::ops::RangeInclusive<f64> = 400.0..=2500.0;

/// An absorption.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Feature {
    /// Where it is deepest.
    pub centre_nm: Nanometers,
    /// How far it goes below the lower of its two shoulders, as a share of the continuum, 0 to 1.
    pub depth: f64,
    /// Where it reaches half of its depth, on the side of shorter wavelengths.
    pub from_nm: Nanometers,
    /// The same on the side of longer wavelengths.
    pub to_nm: Nanometers,
}

/// The absorptions of a spectrum from 400 to 2500 nm, by wavelength; `centres` in any order, NaN where a channel was deleted.
#[must_use]
pub fn features(centres: &[Nanometers], values: &[f64]) -> Vec<Feature> {
    let points = centres.iter().zip(values).map(|(centre, &value)| (centre.0, value));
    let mut points: Vec<(f64, f64)> =
        points.filter(|(nm, value)| RANGE_NM.contains(nm) && value.is_finite() && *value > 0.0).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by_key(|p| p.0);
    let left = without_continuum(&points);
    (1..points.len().saturating_sub(1)).filter_map(|at| feature(&left, at)).collect()
}

/// The spectrum divided by its upper hull.
fn without_continuum(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for &point in points {
        // A corner below the line from its predecessor to the new point is none.
        while let [.., a, b] = hull[..] {
            if (b.1 - a.1) * (point.0 - a.0) > (point.1 - a.1) * (b.0 - a.0) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    let mut side = 0;
    points
        .iter()
        .map(|&(nm, value)| {
            while side + 2 < hull.len() && hull[side + 1].0 <= nm {
                side += 1;
            }
            let (a, b) = (hull[side], hull[(side + 1).min(hull.len() - 1)]);
            let share = if b.0 > a.0 { (nm - a.0) / (b.0 - a.0) } else { 0.0 };
            (nm, value / (a.1 + share * (b.1 - a.1)))
        })
        .collect()
}

/// The absorption whose deepest point is this one.
fn feature(left: &[(f64, f64)], at: usize) -> Option<Feature> {
    let (nm, lowest) = left[at];
    // Of a flat bottom, its first point; and on a slope there is none, which is known without going along it.
    if left[at - 1].1 <= lowest || left[at + 1].1 < lowest {
        return None;
    }
    // A shoulder is as high as the spectrum gets before it goes below this point.
    let before = left[..at].iter().rev().map(|p| p.1).take_while(|v| *v > lowest).fold(lowest, f64::max);
    let after = left[at + 1..].iter().map(|p| p.1).take_while(|v| *v >= lowest).fold(lowest, f64::max);
    let depth = before.min(after) - lowest;
    if depth < LEAST_DEPTH {
        return None;
    }
    let half = lowest + depth / 2.0;
    let crossing = |inside: (f64, f64), outside: (f64, f64)| {
        inside.0 + (half - inside.1) / (outside.1 - inside.1) * (outside.0 - inside.0)
    };
    let outwards = left[..at].iter().rposition(|p| p.1 >= half)?;
    let from = crossing(left[outwards + 1], left[outwards]);
    let outwards = at + 1 + left[at + 1..].iter().position(|p| p.1 >= half)?;
    let to = crossing(left[outwards - 1], left[outwards]);
    Some(Feature { centre_nm: Nanometers(nm), depth, from_nm: Nanometers(from), to_nm: Nanometers(to) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaussians_on_a_straight_continuum_are_found_where_they_are() {
        let axis: Vec<Nanometers> = (400..=2500).map(|nm| Nanometers(nm.into())).collect();
        let gauss = |nm: f64, centre: f64, fwhm: f64| (-2.772_588_722_239_781 * ((nm - centre) / fwhm).powi(2)).exp();
        let value =
            |nm: f64| (0.3 + nm * 1e-4) * (1.0 - 0.4 * gauss(nm, 900.0, 120.0)) * (1.0 - 0.1 * gauss(nm, 2200.0, 40.0));
        let values: Vec<f64> = axis.iter().map(|nm| value(nm.0)).collect();
        let found = features(&axis, &values);
        assert_eq!(found.len(), 2, "{found:?}");
        for (feature, (centre, fwhm, depth)) in found.iter().zip([(900.0, 120.0, 0.4), (2200.0, 40.0, 0.1)]) {
            assert!((feature.centre_nm.0 - centre).abs() <= 1.0 && (feature.depth - depth).abs() < 1e-3, "{feature:?}");
            assert!((feature.to_nm.0 - feature.from_nm.0 - fwhm).abs() < 1.0, "{feature:?}");
        }
        // In another order, and with deleted channels, it is the same.
        let mut order: Vec<usize> = (0..axis.len()).collect();
        order.reverse();
        let mut holes = values.clone();
        holes[axis.len() - 1] = f64::NAN;
        let turned: Vec<Nanometers> = order.iter().map(|&i| axis[i]).collect();
        let turned = features(&turned, &order.iter().map(|&i| holes[i]).collect::<Vec<_>>());
        assert_eq!(turned.len(), 2);
        assert!(features(&axis, &vec![0.5; axis.len()]).is_empty());
        assert!(features(&axis, &vec![f64::NAN; axis.len()]).is_empty() && features(&[], &[]).is_empty());
    }

    /// As the two near 2.2 µm by which kaolinite is known.
    #[test]
    fn a_doublet_in_one_dip_of_the_continuum_is_two_absorptions() {
        let axis: Vec<Nanometers> = (2000..=2400).map(|nm| Nanometers(nm.into())).collect();
        let gauss = |nm: f64, centre: f64, fwhm: f64| (-2.772_588_722_239_781 * ((nm - centre) / fwhm).powi(2)).exp();
        let value = |nm: f64| 0.8 * (1.0 - 0.2 * gauss(nm, 2165.0, 25.0)) * (1.0 - 0.4 * gauss(nm, 2206.0, 30.0));
        let found = features(&axis, &axis.iter().map(|nm| value(nm.0)).collect::<Vec<_>>());
        let centres: Vec<f64> = found.iter().map(|f| f.centre_nm.0).collect();
        assert_eq!(centres.len(), 2, "{found:?}");
        assert!((centres[0] - 2165.0).abs() < 3.0 && (centres[1] - 2206.0).abs() < 3.0, "{found:?}");
        assert!(found[0].depth < 0.2 && found[1].depth > 0.35, "{found:?}");
    }
}

//! Library spectra on the bands of a scene.
//!
//! A band sees the spectrum through a Gaussian response, σ = FWHM / 2.3548. The library's own channels have blurred
//! the spectrum already, so their FWHM is taken out in quadrature where it is known. Between channels the library is
//! taken as a cubic spline, and the response is integrated over it. Unlike a sum of the response at the channel centres,
//! this holds for any spacing of the library, coarser or finer than the band.
//!
//! The integral has two parts. The straight lines between channels give each channel the integral of its hat function
//! times the Gaussian, in closed form; these weights also say how much of the response exists. What the spline adds to
//! the lines is a weight for its second derivatives at both ends of each segment (`spline.rs`).

use libm::{erf, erfc, exp};

use super::spline::second_derivatives;
use crate::spectrum::{Bands, Nanometers};

/// A Gaussian's full width at half maximum in standard deviations: 2·√(2·ln 2).
const FWHM_IN_SIGMAS: f64 = 2.354_820_045_030_949;

/// Centres this close, in nanometres, are the same band (methods.md: "a library already on the scene's bands").
pub const SAME_BAND_NM: f64 = 0.1;

/// A band whose response the library covers by less than this share has no value.
pub const MIN_COVERAGE: f64 = 0.9;

/// Beyond this many standard deviations a response is nothing in f64 (its tail holds 6e-16).
const REACH_SIGMAS: f64 = 8.0;

/// One spectrum on the bands of a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// One value a band, in the library's unit; NaN where `coverage` is below [`MIN_COVERAGE`].
    pub values: Vec<f64>,
    /// One share a band, 0 to 1: how much of the band's response the spectrum's existing channels cover.
    pub coverage: Vec<f64>,
}

/// The weights that take spectra from one axis to another; computed once, applied to every spectrum of a library.
#[derive(Debug, Clone)]
pub struct Resampler {
    channels: usize,
    weights: Weights,
    coarser: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Weights {
    Identity,
    Gaussian {
        /// Channel to node; channels at the same wavelength share a node.
        node_of: Vec<usize>,
        /// Wavelengths of the nodes, ascending.
        nodes: Vec<f64>,
        bands: Vec<Response>,
    },
}

/// What a band takes of a spectrum.
#[derive(Debug, Clone, Default)]
struct Response {
    /// Nodes and their weights, which sum to 1 where the library covers the whole response.
    lines: Vec<(usize, f64)>,
    /// Segments, and the weights of the spline's second derivatives at their ends, in nm².
    curves: Vec<(usize, f64, f64)>,
}

impl Resampler {
    /// Weights from the library's axis `from` to the scene's bands `to`, both in any order.
    ///
    /// Widths of `to` that are not declared are taken from the spacing; widths that are not positive and finite count
    /// as zero, which makes the value an interpolation.
    #[must_use]
    pub fn new(from: &Bands, to: &Bands) -> Self {
        let channels = from.len();
        if same_bands(from, to) {
            return Self { channels, weights: Weights::Identity, coarser: Vec::new() };
        }
        let (sorted, node_of) = sorted_nodes(&from.centres);
        let mut coarser = Vec::new();
        let mut bands = Vec::with_capacity(to.len());
        for (band, (centre, fwhm)) in to.centres.iter().zip(to.fwhm_or_spacing()).enumerate() {
            let (wanted, own) = (width(fwhm), own_width(from, *centre));
            if own > wanted {
                coarser.push(band);
            }
            let sigma = (wanted * wanted - own * own).max(0.0).sqrt() / FWHM_IN_SIGMAS;
            bands.push(if sigma > 0.0 { gaussian(&sorted, centre.0, sigma) } else { point(&sorted, centre.0) });
        }
        Self { channels, weights: Weights::Gaussian { node_of, nodes: sorted, bands }, coarser }
    }

    /// True when the library is already on the scene's bands: as many, in the same order, within [`SAME_BAND_NM`].
    #[must_use]
    pub fn is_identity(&self) -> bool {
        matches!(self.weights, Weights::Identity)
    }

    /// Bands (indices) narrower than the library's own channels there: their values are interpolated, and smoother
    /// than what the scene sees.
    #[must_use]
    pub fn coarser_bands(&self) -> &[usize] {
        &self.coarser
    }

    /// One spectrum (one value a channel, NaN where deleted; missing ones count as deleted) on the scene's bands.
    #[must_use]
    pub fn apply(&self, values: &[f64]) -> Resampled {
        match &self.weights {
            Weights::Identity => {
                let values: Vec<f64> = (0..self.channels).map(|i| values.get(i).copied().unwrap_or(f64::NAN)).collect();
                let coverage = values.iter().map(|v| f64::from(u8::from(!v.is_nan()))).collect();
                Resampled { values, coverage }
            }
            Weights::Gaussian { node_of, nodes, bands } => {
                let at_nodes = mean_at_nodes(node_of, nodes.len(), values);
                let curves = second_derivatives(nodes, &at_nodes);
                let (values, coverage) = bands.iter().map(|band| band.of(&at_nodes, &curves)).unzip();
                Resampled { values, coverage }
            }
        }
    }
}

/// One spectrum `values` on the axis `axis` (`to.len()` values and coverages come back).
///
/// For several spectra on one axis keep a [`Resampler`].
#[must_use]
pub fn resample(axis: &Bands, values: &[f64], to: &Bands) -> Resampled {
    Resampler::new(axis, to).apply(values)
}

fn same_bands(a: &Bands, b: &Bands) -> bool {
    a.len() == b.len() && a.centres.iter().zip(&b.centres).all(|(a, b)| (a.0 - b.0).abs() <= SAME_BAND_NM)
}

/// The distinct wavelengths in ascending order, and for each channel the index of its own.
fn sorted_nodes(centres: &[Nanometers]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    order.sort_by(|&a, &b| centres[a].0.total_cmp(&centres[b].0));
    let mut sorted: Vec<f64> = Vec::with_capacity(centres.len());
    let mut node_of = vec![0; centres.len()];
    for channel in order {
        let nm = centres[channel].0;
        if sorted.last() != Some(&nm) {
            sorted.push(nm);
        }
        node_of[channel] = sorted.len() - 1;
    }
    (sorted, node_of)
}

fn width(fwhm: Nanometers) -> f64 {
    if fwhm.0.is_finite() { fwhm.0.max(0.0) } else { 0.0 }
}

/// The library's own FWHM at the channel nearest to `centre`; 0 where it is not known.
fn own_width(from: &Bands, centre: Nanometers) -> f64 {
    let Some(fwhm) = &from.fwhm else { return 0.0 };
    let distance = |i: &usize| (from.centres[*i].0 - centre.0).abs();
    let nearest = (0..from.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.and_then(|i| fwhm.get(i)).map_or(0.0, |&f| width(f))
}

/// The value of the spline at `centre`; nothing outside the library.
fn point(sorted: &[f64], centre: f64) -> Response {
    let above = sorted.partition_point(|&nm| nm < centre);
    match (above.checked_sub(1), sorted.get(above)) {
        (_, Some(&nm)) if nm == centre => Response { lines: vec![(above, 1.0)], curves: Vec::new() },
        (Some(below), Some(&nm)) => {
            let width = nm - sorted[below];
            let share = (centre - sorted[below]) / width;
            let (left, right) = cubic(share, width);
            Response { lines: vec![(below, 1.0 - share), (above, share)], curves: vec![(below, left, right)] }
        }
        _ => Response::default(),
    }
}

/// Integrals of the nodes' hat functions, and of what the spline adds to them, times the unit Gaussian at `centre`.
fn gaussian(sorted: &[f64], centre: f64, sigma: f64) -> Response {
    let reach = REACH_SIGMAS * sigma;
    let first = sorted.partition_point(|&nm| nm < centre - reach).saturating_sub(1);
    let end = (sorted.partition_point(|&nm| nm <= centre + reach) + 1).min(sorted.len());
    let mut lines: Vec<(usize, f64)> = (first..end).map(|node| (node, 0.0)).collect();
    let mut curves = Vec::new();
    for (i, pair) in sorted[first..end].windows(2).enumerate() {
        let (a, b) = (pair[0] - centre, pair[1] - centre);
        let (left, right) = segment(a, b, sigma);
        lines[i].1 += left;
        lines[i + 1].1 += right;
        let (left, right) = curve(a, b, sigma);
        curves.push((first + i, left, right));
    }
    lines.retain(|&(_, w)| w > 0.0);
    Response { lines, curves }
}

/// What a spline adds to the line of a segment `width` nm long at `share` of it, for a second derivative of 1 per nm²
/// at the left and at the right end.
fn cubic(share: f64, width: f64) -> (f64, f64) {
    let bow = |t: f64| width * width / 6.0 * (t * t * t - t);
    (bow(1.0 - share), bow(share))
}

/// The integrals of [`cubic`] over [a, b] (about the Gaussian's centre) times the Gaussian.
fn curve(a: f64, b: f64, sigma: f64) -> (f64, f64) {
    // Gauss-Legendre of five points over pieces of at most one standard deviation: exact to 1e-11 of the mass.
    const POINTS: [(f64, f64); 5] = [
        (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let reach = REACH_SIGMAS * sigma;
    let (from, to) = (a.max(-reach), b.min(reach));
    let pieces = ((to - from) / sigma).ceil().max(1.0);
    let half = 0.5 * (to - from) / pieces;
    let (mut left, mut right) = (0.0, 0.0);
    for piece in 0..pieces as usize {
        let middle = from + (2 * piece + 1) as f64 * half;
        for (at, weight) in POINTS {
            let x = middle + at * half;
            let (l, r) = cubic((x - a) / (b - a), b - a);
            let mass = weight * half * density(x / sigma) / sigma;
            left += mass * l;
            right += mass * r;
        }
    }
    (left, right)
}

/// What the falling and the rising half of a hat over [a, b] (about the Gaussian's centre) take of its mass.
fn segment(a: f64, b: f64, sigma: f64) -> (f64, f64) {
    let (ua, ub) = (a / sigma, b / sigma);
    let mass = mass_between(ua, ub);
    // ∫ x·G dx = σ·(φ(ua) − φ(ub)); about the centre, so that far segments lose nothing to cancellation.
    let moment = sigma * (density(ua) - density(ub));
    let right = ((moment - a * mass) / (b - a)).clamp(0.0, mass);
    (mass - right, right)
}

/// Φ(b) − Φ(a) for a ≤ b, from whichever tail both lie in.
fn mass_between(a: f64, b: f64) -> f64 {
    use std::f64::consts::FRAC_1_SQRT_2 as R;
    let twice = if a > 0.0 {
        erfc(a * R) - erfc(b * R)
    } else if b < 0.0 {
        erfc(-b * R) - erfc(-a * R)
    } else {
        erf(b * R) - erf(a * R)
    };
    0.5 * twice.max(0.0)
}

fn density(u: f64) -> f64 {
    exp(-0.5 * u * u) / (2.0 * std::f64::consts::PI).sqrt()
}

/// The mean of the existing channels of each node; NaN where there is none.
fn mean_at_nodes(node_of: &[usize], nodes: usize, values: &[f64]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); nodes];
    for (&node, &value) in node_of.iter().zip(values).filter(|(_, v)| !v.is_nan()) {
        sums[node].0 += value;
        sums[node].1 += 1.0;
    }
    // 0/0 is the NaN that is wanted.
    sums.into_iter().map(|(sum, count)| sum / count).collect()
}

impl Response {
    /// Value and coverage of a spectrum given at the nodes (NaN where it does not exist), with its second derivatives.
    fn of(&self, at_nodes: &[f64], curves: &[(f64, f64)]) -> (f64, f64) {
        let (mut sum, mut coverage) = (0.0, 0.0);
        for &(node, weight) in self.lines.iter().filter(|(node, _)| !at_nodes[*node].is_nan()) {
            sum += weight * at_nodes[node];
            coverage += weight;
        }
        for &(segment, left, right) in &self.curves {
            sum += left * curves[segment].0 + right * curves[segment].1;
        }
        (if coverage < MIN_COVERAGE { f64::NAN } else { sum / coverage }, coverage.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands(centres: impl IntoIterator<Item = f64>, fwhm: Option<f64>) -> Bands {
        let centres: Vec<Nanometers> = centres.into_iter().map(Nanometers).collect();
        let fwhm = fwhm.map(|f| vec![Nanometers(f); centres.len()]);
        Bands { centres, fwhm }
    }

    fn every(step: f64, start: f64, end: f64) -> impl Iterator<Item = f64> {
        (0..).map(move |i| start + f64::from(i) * step).take_while(move |&nm| nm <= end)
    }

    fn feature(nm: f64, depth: f64, sigma: f64) -> f64 {
        0.8 - depth * (-0.5 * ((nm - 2200.0) / sigma).powi(2)).exp()
    }

    #[test]
    fn a_gaussian_seen_through_gaussians_is_the_analytic_convolution() {
        let axis = bands(every(1.0, 2000.0, 2400.0), None);
        let sigma = 20.0;
        let values: Vec<f64> = axis.centres.iter().map(|c| feature(c.0, 0.4, sigma)).collect();
        let to = bands(every(5.3, 2050.0, 2350.0), Some(10.0));
        let wide = sigma.hypot(10.0 / FWHM_IN_SIGMAS);
        let got = resample(&axis, &values, &to);
        for (c, v) in to.centres.iter().zip(&got.values) {
            let exact = feature(c.0, 0.4 * sigma / wide, wide);
            assert!((v - exact).abs() < 1e-4, "{c}: {v} is not {exact}");
        }

        // The same when the library has 6 nm of the blur already.
        let own = 6.0;
        let blurred = sigma.hypot(own / FWHM_IN_SIGMAS);
        let axis = Bands { fwhm: Some(vec![Nanometers(own); axis.len()]), ..axis };
        let values: Vec<f64> = axis.centres.iter().map(|c| feature(c.0, 0.4 * sigma / blurred, blurred)).collect();
        let narrowed = resample(&axis, &values, &to);
        for (a, b) in narrowed.values.iter().zip(&got.values) {
            assert!((a - b).abs() < 1e-4, "{a} is not {b}");
        }
    }

    /// Largest difference from the analytic result of a Gaussian absorption 60 nm wide (FWHM), 0.4 deep, given on `axis`.
    fn error(axis: &[f64], own: Option<f64>, seen: f64) -> f64 {
        let (depth, sigma) = (0.4, 60.0 / FWHM_IN_SIGMAS);
        let at = |nm: f64, fwhm: f64| {
            let wide = f64::hypot(sigma, fwhm / FWHM_IN_SIGMAS);
            feature(nm, depth * sigma / wide, wide)
        };
        let values: Vec<f64> = axis.iter().map(|&nm| at(nm, own.unwrap_or(0.0))).collect();
        let to = bands(every(5.3, 2050.0, 2350.0), Some(seen));
        let got = resample(&bands(axis.iter().copied(), own), &values, &to).values;
        to.centres.iter().zip(got).map(|(c, v)| (v - at(c.0, seen)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn coarse_and_uneven_channels_give_the_analytic_convolution_too() {
        let uneven: Vec<f64> = (0..90).map(|i| 1990.0 + 4.6 * f64::from(i) + f64::from(i % 3)).collect();
        let coarse: Vec<f64> = every(10.0, 1990.0, 2410.0).collect();
        for (axis, own, seen) in [
            (&uneven, None, 10.0),
            (&uneven, Some(5.0), 10.0),
            // As Beckman channels of 10 nm on AVIRIS bands; straight lines would err by up to 8e-3.
            (&coarse, None, 10.0),
            (&coarse, Some(9.0), 10.0),
            (&coarse, Some(10.0), 10.0),
        ] {
            let error = error(axis, own, seen);
            eprintln!("{} channels, own FWHM {own:?}: largest error {error:.1e}", axis.len());
            assert!(error < 1e-4, "{} channels, own FWHM {own:?}: {error}", axis.len());
        }
    }

    #[test]
    fn constants_stay_constant_on_any_spacing() {
        let axis = bands((0..300).rev().map(|i| 400.0 + 0.02 * f64::from(i * i)), None);
        for fwhm in [0.0, 1e-9, 0.01, 3.0, 40.0] {
            let got = resample(&axis, &vec![0.37; axis.len()], &bands(every(7.7, 600.0, 2000.0), Some(fwhm)));
            assert!(got.values.iter().all(|v| (v - 0.37).abs() < 1e-12), "FWHM {fwhm}");
            assert!(got.coverage.iter().all(|c| (c - 1.0).abs() < 1e-12), "FWHM {fwhm}");
        }
    }

    #[test]
    fn coverage_is_the_share_of_the_response_that_exists() {
        let axis = bands(every(1.0, 1000.0, 1200.0), None);
        let mut values = vec![0.5; axis.len()];
        values[150] = f64::NAN;
        let got = resample(&axis, &values, &bands([900.0, 1000.0, 1050.0, 1150.0, 1200.0, 1300.0], Some(10.0)));
        let expected = [0.0, 0.5, 1.0, 1.0 - 0.0937, 0.5, 0.0];
        for (c, e) in got.coverage.iter().zip(expected) {
            assert!((c - e).abs() < 1e-3, "{c} is not {e}");
        }
        let covered: Vec<bool> = got.values.iter().map(|v| !v.is_nan()).collect();
        assert_eq!(covered, [false, false, true, true, false, false]);
        values[151] = f64::NAN;
        assert!(resample(&axis, &values, &bands([1150.0], Some(10.0))).values[0].is_nan());
    }

    #[test]
    fn a_coarser_library_is_interpolated_and_said_so() {
        let axis = bands([1000.0, 1010.0, 1020.0], Some(20.0));
        let to = bands([1000.0, 1005.0, 1018.0, 1020.5], Some(5.0));
        let resampler = Resampler::new(&axis, &to);
        assert_eq!(resampler.coarser_bands(), [0, 1, 2, 3]);
        let got = resampler.apply(&[0.1, 0.2, 0.4]);
        // The parabola through the three channels, half-way and at eight tenths.
        assert!((got.values[1] - 0.1375).abs() < 1e-12 && (got.values[2] - 0.352).abs() < 1e-12);
        assert!(got.values[0] == 0.1 && got.values[3].is_nan());
        assert!(resampler.apply(&[0.1, f64::NAN, 0.4]).values[1].is_nan());
    }

    #[test]
    fn the_same_bands_are_taken_as_they_are() {
        let axis = bands([500.0, 480.0, 510.0], None);
        let resampler = Resampler::new(&axis, &bands([500.05, 479.95, 510.0], Some(10.0)));
        assert!(resampler.is_identity());
        let got = resampler.apply(&[0.1, f64::NAN, 0.3]);
        assert!(got.values[0] == 0.1 && got.values[1].is_nan() && got.values[2] == 0.3);
        assert_eq!(got.coverage, [1.0, 0.0, 1.0]);
        assert!(!Resampler::new(&axis, &bands([480.0, 500.0, 510.0], None)).is_identity());
        assert!(!Resampler::new(&axis, &bands([500.2, 480.0, 510.0], None)).is_identity());
    }

    #[test]
    fn order_and_repeats_of_the_library_do_not_matter() {
        let sorted = bands([1000.0, 1010.0, 1020.0, 1030.0], None);
        let mixed = bands([1030.0, 1000.0, 1010.0, 1020.0, 1010.0], None);
        let to = bands([1011.0, 1018.0], Some(4.0));
        let a = resample(&sorted, &[0.1, 0.2, 0.3, 0.4], &to);
        assert_eq!(a, resample(&mixed, &[0.4, 0.1, 0.15, 0.3, 0.25], &to));
        assert_eq!(a, resample(&mixed, &[0.4, 0.1, f64::NAN, 0.3, 0.2], &to));
    }
}

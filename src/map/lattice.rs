//! A smooth function over a raster, computed at few places and interpolated between them.

use crate::simd::wide;

/// Intervals along each side: as many as the function needs, and at most so many.
const INTERVALS: std::ops::RangeInclusive<usize> = 4..=256;

/// How much a lattice of half as many intervals may err, as a share. Errors shrink with the fourth power of the interval, so
/// the lattice in use errs by a tenth of it at most.
const TOLERANCE: f64 = 1e-7;

/// Values at nodes that are evenly spread from edge to edge, with cubics through four of them between.
pub(super) struct Lattice {
    /// Along each side.
    intervals: usize,
    /// Pixels between nodes along a line, and between lines of nodes.
    step: [f64; 2],
    /// Line by line, `intervals + 1` in each.
    nodes: Vec<f64>,
}

impl Lattice {
    /// Of a function that gives its values at columns and lines, both in pixels from the outer corner; `None` where the
    /// function has no value, or is not smooth.
    pub(super) fn of(
        samples: usize,
        lines: usize,
        mut function: impl FnMut(&[f64], &[f64]) -> Option<Vec<f64>>,
    ) -> Option<Self> {
        let mut coarse: Option<Self> = None;
        let mut intervals = *INTERVALS.start();
        while intervals <= *INTERVALS.end() {
            let step = [samples, lines].map(|length| length as f64 / intervals as f64);
            let all = || (0..=intervals).flat_map(|y| (0..=intervals).map(move |x| (x as f64, y as f64)));
            let x: Vec<f64> = all().map(|(x, _)| x * step[0]).collect();
            let y: Vec<f64> = all().map(|(_, y)| y * step[1]).collect();
            let nodes = function(&x, &y)?;
            let agrees = |coarse: &Self| {
                let near = |((x, y), value): ((&f64, &f64), &f64)| (coarse.at(*x, *y) / value - 1.0).abs() < TOLERANCE;
                x.iter().zip(&y).zip(&nodes).all(near)
            };
            let smooth = coarse.as_ref().is_some_and(agrees);
            let lattice = Self { intervals, step, nodes };
            if smooth {
                return Some(lattice);
            }
            coarse = Some(lattice);
            intervals *= 2;
        }
        None
    }

    /// Gives the values at the centres of a line's pixels from column `first` on, as many as there is room for. Each is the
    /// same whatever the columns that are asked for with it.
    pub(super) fn line<T>(&self, line: usize, first: usize, row: &mut [T], to: impl Fn(f64) -> T) {
        let (top, below) = self.stencil(1, line as f64 + 0.5);
        let (mut column, mut rest) = (first, row);
        while !rest.is_empty() {
            // Between two nodes all pixels have the same four: a loop without branches.
            let (left, step) = (self.left(0, column as f64 + 0.5), self.step[0]);
            let shares = |i: usize| self.left(0, (column + i) as f64 + 0.5) == left;
            let end = ((left + 2) as f64 * step) as usize;
            let mut run = end.saturating_sub(column).clamp(1, rest.len());
            while run < rest.len() && shares(run) {
                run += 1;
            }
            while !shares(run - 1) {
                run -= 1;
            }
            let (pixels, after) = rest.split_at_mut(run);
            let across = self.across(left, top, below);
            wide(
                pixels,
                #[inline(always)]
                |pixels| {
                    for (i, value) in pixels.iter_mut().enumerate() {
                        *value = to(cubic(across, ((column + i) as f64 + 0.5) / step - left as f64));
                    }
                },
            );
            (column, rest) = (column + run, after);
        }
    }

    /// At the nodes.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.nodes.iter().copied()
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        let ((left, along), (top, below)) = (self.stencil(0, x), self.stencil(1, y));
        cubic(self.across(left, top, below), along)
    }

    /// The first of the four nodes around a place, and how far behind it the place is; near the edge it is not in the middle.
    fn stencil(&self, axis: usize, place: f64) -> (usize, f64) {
        let first = self.left(axis, place);
        (first, place / self.step[axis] - first as f64)
    }

    /// The first of these nodes.
    fn left(&self, axis: usize, place: f64) -> usize {
        ((place / self.step[axis]) as usize).saturating_sub(1).min(self.intervals - 3)
    }

    /// At four columns of nodes, the values on a line.
    fn across(&self, left: usize, top: usize, below: f64) -> [f64; 4] {
        let node = |x: usize, y: usize| self.nodes[y * (self.intervals + 1) + x];
        std::array::from_fn(|i| cubic(std::array::from_fn(|k| node(left + i, top + k)), below))
    }
}

/// The cubic through four values at 0, 1, 2 and 3, in Newton's form.
fn cubic([a, b, c, d]: [f64; 4], at: f64) -> f64 {
    let (first, second, third) = (b - a, c - 2.0 * b + a, d - 3.0 * c + 3.0 * b - a);
    a + at * (first + (at - 1.0) * (second / 2.0 + (at - 2.0) * third / 6.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(x: f64, y: f64) -> f64 {
        2.0 + (x / 700.0).sin() * (y / 400.0).cos()
    }

    #[test]
    fn a_smooth_function_is_met_everywhere() {
        let mut calls = 0;
        let lattice = Lattice::of(300, 170, |x, y| {
            calls += x.len();
            Some(x.iter().zip(y).map(|(x, y)| wave(*x, *y)).collect())
        })
        .unwrap();
        assert!(calls < 1000, "{calls}");
        for line in 0..170 {
            let mut whole = [0.0; 300];
            lattice.line(line, 0, &mut whole, |v| v);
            for (column, value) in whole.iter().enumerate() {
                let expected = wave(column as f64 + 0.5, line as f64 + 0.5);
                assert!((value / expected - 1.0).abs() < TOLERANCE / 10.0, "{line} {column} {value} {expected}");
            }
            // Whatever the columns that are asked for together.
            let mut part = [0.0; 61];
            lattice.line(line, 111, &mut part, |v| v);
            assert_eq!(part, whole[111..172]);
        }
    }

    #[test]
    fn a_cubic_is_met_whatever_the_size() {
        let function = |x: f64, y: f64| 3.0 + x * x * x + x * y - y * y;
        for (samples, lines) in [(1, 1), (1, 9), (2, 1)] {
            let of = |x: &[f64], y: &[f64]| Some(x.iter().zip(y).map(|(x, y)| function(*x, *y)).collect());
            let lattice = Lattice::of(samples, lines, of).unwrap();
            let mut row = vec![0.0; samples];
            lattice.line(lines - 1, 0, &mut row, |v| v);
            let last = function(samples as f64 - 0.5, lines as f64 - 0.5);
            assert!((row[samples - 1] / last - 1.0).abs() < 1e-12, "{row:?} {last}");
        }
    }

    #[test]
    fn what_jumps_or_has_no_value_has_no_lattice() {
        let step = |x: &[f64], _: &[f64]| Some(x.iter().map(|x| if *x < 41.3 { 1.0 } else { 2.0 }).collect());
        assert!(Lattice::of(100, 100, step).is_none());
        assert!(Lattice::of(100, 100, |_, _| None).is_none());
        assert!(Lattice::of(100, 100, |x, _| Some(vec![f64::NAN; x.len()])).is_none());
    }
}

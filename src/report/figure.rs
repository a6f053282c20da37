//! The geometry of small charts: from quantities to places in an SVG, and paths of points.

/// Width and height of every chart in its own units: as wide as a phone, so that text keeps its size there.
pub(super) const WIDTH: f64 = 340.0;
pub(super) const HEIGHT: f64 = 200.0;
pub(super) const LEFT: f64 = 44.0;
pub(super) const RIGHT: f64 = 8.0;
pub(super) const TOP: f64 = 10.0;
pub(super) const BOTTOM: f64 = 32.0;

/// From a quantity to places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub from: f64,
    pub until: f64,
    start: f64,
    end: f64,
}

/// A line of a grid and what stands beside it.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub at: String,
    pub label: String,
}

impl Axis {
    pub(super) fn across(from: f64, until: f64) -> Self {
        Self { from, until, start: LEFT, end: WIDTH - RIGHT }
    }

    pub(super) fn up(from: f64, until: f64) -> Self {
        Self { from, until, start: HEIGHT - BOTTOM, end: TOP }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let span = self.until - self.from;
        let share = if span > 0.0 { (value - self.from) / span } else { 0.5 };
        self.start + share.clamp(-0.5, 1.5) * (self.end - self.start)
    }

    /// Round values, at most `most`: 1, 2 or 5 times a power of ten apart.
    pub(super) fn ticks(&self, most: usize, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let rough = (self.until - self.from) / most as f64;
        if !(rough > 0.0 && rough.is_finite()) {
            return Vec::new();
        }
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(10.0 * power);
        let first = (self.from / step - 1e-9).ceil();
        (0..=most)
            .map(|i| (first + i as f64) * step)
            .take_while(|v| *v <= self.until + 1e-9 * step)
            .map(|v| Tick { at: place(self.place(v)), label: label(v) })
            .collect()
    }
}

/// A coordinate in a path: a tenth of a unit is less than a pixel.
pub(super) fn place(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// A path through the points, begun anew after each break.
pub(super) fn line(runs: &[Vec<(f64, f64)>]) -> String {
    let mut path = String::new();
    for run in runs {
        for (i, (x, y)) in run.iter().enumerate() {
            path.push(if i == 0 { 'M' } else { 'L' });
            path.push_str(&format!("{} {}", place(*x), place(*y)));
        }
        // A point alone is a dot, with round ends of lines.
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let labels = |from, until| -> Vec<String> {
            Axis::across(from, until).ticks(5, |v| format!("{v:.3}")).into_iter().map(|t| t.label).collect()
        };
        assert_eq!(labels(2080.0, 2400.0), ["2100.000", "2200.000", "2300.000", "2400.000"]);
        assert_eq!(labels(-0.2, 0.3), ["-0.200", "-0.100", "0.000", "0.100", "0.200", "0.300"]);
        assert!(labels(1.0, 1.0).is_empty() && labels(f64::NAN, 1.0).is_empty());
    }

    #[test]
    fn paths_break_where_the_points_do() {
        assert_eq!(line(&[vec![(1.0, 2.0), (3.04, 4.06)], vec![(5.0, 6.0)]]), "M1 2L3 4.1M5 6h0");
    }
}

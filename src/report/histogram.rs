//! How often each score occurs, counted over the whole map.

use std::path::Path;

use super::figure::{Axis, BOTTOM, HEIGHT, Tick, place};
use super::run::Method;
use super::text::{digits, thousands};
use crate::error::Result;
use crate::map::RasterReader;

/// Bars of a chart.
const BARS: usize = 64;
/// Bins in which the range of the chart is looked for.
const FINE: usize = 4096;
/// Share of the scores that a chart may leave out at each end: a few extremes would press all others into one bar.
const TAIL: f64 = 0.001;
/// Thresholds that are marked, at most.
const MOST_MARKS: usize = 12;

/// Counts of scores in bars of equal width, of pixels that have a class and of others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub low: f64,
    pub high: f64,
    pub classified: Vec<u64>,
    pub other: Vec<u64>,
    /// Scores below and above all bars.
    pub beyond: [u64; 2],
    /// Least and greatest score.
    pub extremes: [f64; 2],
    pub thresholds: Vec<f64>,
}

/// The chart of a histogram.
pub(super) struct Chart {
    pub classified: String,
    pub other: String,
    pub across: Vec<Tick>,
    pub up: Vec<Tick>,
    /// Thresholds: places.
    pub marks: Vec<String>,
    pub said: String,
}

impl Histogram {
    /// Of a method's maps in a folder, with its thresholds; nothing when no pixel has a score. Three passes over the scores: extremes, range of
    /// the chart, bars.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(super) fn of(folder: &Path, method: &Method, thresholds: Vec<f64>) -> Result<Option<Self>> {
        let scores = RasterReader::open(&folder.join(format!("{}_scores.tif", method.method)))?;
        let classes = match method.classes.is_empty() {
            true => None,
            false => Some(RasterReader::open(&folder.join(format!("{}_classes.tif", method.method)))?),
        };
        let each = |act: &mut dyn FnMut(f64)| -> Result<()> {
            for strip in scores.strips() {
                scores.numbers(0, strip)?.iter().filter(|v| v.is_finite()).for_each(|v| act(f64::from(*v)));
            }
            Ok(())
        };
        let (mut least, mut most, mut n) = (f64::INFINITY, f64::NEG_INFINITY, 0_u64);
        each(&mut |v| (least, most, n) = (least.min(v), most.max(v), n + 1))?;
        if n == 0 {
            return Ok(None);
        }
        let mut fine = Bins::new(least, most, FINE);
        each(&mut |v| fine.add(v))?;
        let (low, high) = range(&fine, n, &thresholds);
        let (mut classified, mut other) = (Bins::new(low, high, BARS), Bins::new(low, high, BARS));
        for strip in scores.strips() {
            let values = scores.numbers(0, strip)?;
            let having = classes.as_ref().map(|c| c.classes(0, strip)).transpose()?;
            for (pixel, value) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
                let class = having.as_ref().map_or(0, |c| usize::from(c[pixel]));
                let bins = if (1..=method.classes.len()).contains(&class) { &mut classified } else { &mut other };
                bins.add(f64::from(*value));
            }
        }
        Ok(Some(Self {
            low,
            high,
            beyond: [0, 1].map(|end| classified.beyond[end] + other.beyond[end]),
            classified: classified.counts,
            other: other.counts,
            extremes: [least, most],
            thresholds,
        }))
    }

    /// Scores counted, those beyond the bars too.
    pub(super) fn pixels(&self) -> u64 {
        self.classified.iter().chain(&self.other).chain(&self.beyond).sum()
    }

    pub(super) fn chart(&self) -> Chart {
        let highest = self.classified.iter().zip(&self.other).map(|(a, b)| a + b).max().unwrap_or(1).max(1);
        let (across, up) = (Axis::across(self.low, self.high), Axis::up(0.0, highest as f64));
        let (mut classified, mut other) = (String::new(), String::new());
        let edge = |bar: usize| across.place(self.low + (self.high - self.low) * bar as f64 / BARS as f64);
        for (bar, (&a, &b)) in self.classified.iter().zip(&self.other).enumerate() {
            let (left, width) = (edge(bar), edge(bar + 1) - edge(bar));
            let draw = |path: &mut String, from: u64, to: u64| {
                if to > from {
                    let (bottom, top) = (up.place(from as f64), up.place(to as f64));
                    let (x, y, w, h) = (place(left), place(bottom), place(width), place(bottom - top));
                    path.push_str(&format!("M{x} {y}v-{h}h{w}v{h}z"));
                }
            };
            draw(&mut classified, 0, a);
            draw(&mut other, a, a + b);
        }
        let within = |t: &&f64| (self.low..=self.high).contains(*t);
        let marks = self.thresholds.iter().filter(within).take(MOST_MARKS).map(|t| place(across.place(*t))).collect();
        let step = (self.high - self.low) / 5.0;
        let places = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        Chart {
            classified,
            other,
            across: across.ticks(5, |v| format!("{v:.places$}").replace('-', "−")),
            up: up.ticks(4, compact),
            marks,
            said: self.said(),
        }
    }

    /// The chart in words.
    fn said(&self) -> String {
        let [least, most] = self.extremes.map(|v| digits(v, 4));
        let mut text = format!("{} scores from {least} to {most}.", thousands(self.pixels()));
        let beyond: u64 = self.beyond.iter().sum();
        if beyond > 0 {
            text += &format!(" {} of them lie beyond the ends of the chart.", thousands(beyond));
        }
        let hidden = self.thresholds.iter().filter(|t| !(self.low..=self.high).contains(*t)).count();
        if hidden > 0 {
            text += &format!(" {hidden} of {} thresholds lie beyond them too.", self.thresholds.len());
        }
        text
    }
}

/// The zero line of a chart.
pub(super) fn ground() -> String {
    place(HEIGHT - BOTTOM)
}

/// `40k`, `1.2M`.
fn compact(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", digits(v / 1e6, 2)),
        v if v >= 1e3 => format!("{}k", digits(v / 1e3, 3)),
        v if v.fract() == 0.0 => format!("{v:.0}"),
        // No pixel is a part of one.
        _ => String::new(),
    }
}

/// From the score that a few lie below to the one that a few lie above; thresholds that are not too far off are within.
fn range(fine: &Bins, n: u64, thresholds: &[f64]) -> (f64, f64) {
    let tail = (n as f64 * TAIL) as u64;
    let width = (fine.high - fine.low) / fine.counts.len() as f64;
    let skipped = |counts: &mut dyn Iterator<Item = &u64>| {
        let mut sum = 0;
        counts.take_while(|c| (sum + **c <= tail).then(|| sum += **c).is_some()).count() as f64
    };
    let low = fine.low + width * skipped(&mut fine.counts.iter());
    let high = fine.high - width * skipped(&mut fine.counts.iter().rev());
    let far = 2.0 * (high - low);
    let near = thresholds.iter().filter(|t| (low - far..=high + far).contains(*t));
    // A little more than the thresholds, so that no mark is the frame.
    near.fold((low, high), |(a, b), t| (a.min(t - far / 100.0), b.max(t + far / 100.0)))
}

/// Bins of equal width; the greatest value is in the last.
struct Bins {
    low: f64,
    high: f64,
    counts: Vec<u64>,
    beyond: [u64; 2],
}

impl Bins {
    fn new(low: f64, high: f64, count: usize) -> Self {
        // Scores that are all the same stand in the middle.
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        Self { low, high, counts: vec![0; count], beyond: [0; 2] }
    }

    fn add(&mut self, value: f64) {
        if value < self.low {
            self.beyond[0] += 1;
        } else if value > self.high {
            self.beyond[1] += 1;
        } else {
            let at = (value - self.low) / (self.high - self.low) * self.counts.len() as f64;
            let last = self.counts.len() - 1;
            self.counts[(at as usize).min(last)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let mut bins = Bins::new(0.0, 1.0, 4);
        for value in [0.0, 0.249, 0.25, 0.99, 1.0, -0.1, 1.1] {
            bins.add(value);
        }
        assert_eq!((bins.counts, bins.beyond), (vec![2, 1, 0, 2], [1, 1]));
        let mut same = Bins::new(3.0, 3.0, 64);
        same.add(3.0);
        assert_eq!(same.counts[32], 1);
    }

    #[test]
    fn a_few_extremes_do_not_widen_the_chart_but_a_threshold_does() {
        let mut fine = Bins::new(0.0, 100.0, FINE);
        (0..100_000).for_each(|i| fine.add(f64::from(i) / 1e5));
        fine.add(100.0);
        let (low, high) = range(&fine, 100_001, &[]);
        assert!(low < 0.03 && high < 1.05, "{low} {high}");
        let (_, high) = range(&fine, 100_001, &[2.0]);
        assert!((2.0..2.1).contains(&high), "{high}");
        let (_, high) = range(&fine, 100_001, &[1e9]);
        assert!(high < 1.05, "{high}");
    }
}

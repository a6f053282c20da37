//! The picture of a class map: for a report, a mail, the top of a page.

use std::collections::HashMap;
use std::path::Path;

use super::canvas::{Canvas, mix};
use super::color::Rgb;
use super::crop;
use super::files;
use super::legend::{Legend, NO_DATA, UNCLASSIFIED};
use super::raster::ClassCount;
use super::text::{self, thousands};
use crate::error::{Error, Result};

/// What the picture shows. The arrays are the map or, of a large one, a [`super::Preview`].
#[derive(Debug, Clone)]
pub struct Quicklook<'a> {
    /// The heading.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// Samples of the arrays.
    pub width: usize,
    /// Lines of the arrays.
    pub height: usize,
    /// Class values, `width · height`, line by line.
    pub classes: &'a [u16],
    /// A band of the scene in any unit, in the same places, stretched from its 2nd to its 98th percentile; NaN: no data.
    pub grey: &'a [f32],
    /// The classes.
    pub legend: &'a Legend,
    /// How much of the whole map each class covers; `counts[i]` belongs to entry i of the legend.
    pub counts: &'a [ClassCount],
    /// Lines below the map.
    pub captions: Vec<String>,
    /// Length of a pixel of the arrays on the ground in metres, for the scale bar.
    pub metres_per_pixel: Option<f64>,
}

pub(super) const PAPER: Rgb = [0xFF, 0xFF, 0xFF];
pub(super) const INK: Rgb = [0x1C, 0x22, 0x2B];
pub(super) const SOFT: Rgb = [0x5B, 0x65, 0x72];
pub(super) const RULE: Rgb = [0xD4, 0xD9, 0xDF];
/// Ground without data; no class and no relief has this colour unless by chance.
pub(super) const VOID: Rgb = [0xF3, 0xF4, 0xF6];

pub(super) const MARGIN: usize = 40;
const GUTTER: usize = 36;
const LEGEND_WIDTH: usize = 412;
const ROW: usize = 28;
/// More classes than this nobody tells apart, and the page ends.
const MOST_CLASSES: usize = 30;
/// Longest side of the map in pixels.
const LONGEST: usize = 1150;

/// Writes the picture as PNG; it stands under its name only when it is whole.
pub fn write(path: &Path, look: &Quicklook<'_>) -> Result<()> {
    files::write_beside(path, &png(look)?)?.publish()
}

/// The picture as PNG.
pub fn png(look: &Quicklook<'_>) -> Result<Vec<u8>> {
    let Page { canvas, place, .. } = page(look, (0, 0))?;
    canvas.png((crop::PLACE, &place))
}

/// A picture with room below.
pub(super) struct Page {
    pub(super) canvas: Canvas,
    /// The line at which the room begins.
    pub(super) end: usize,
    /// Where the map lies in the picture, in words that a PNG keeps.
    pub(super) place: String,
}

/// The picture, with room for a block of this width and height below it.
pub(super) fn page(look: &Quicklook<'_>, below: (usize, usize)) -> Result<Page> {
    let pixels = look.width * look.height;
    if pixels == 0 || look.classes.len() != pixels || look.grey.len() != pixels {
        let (classes, grey) = (look.classes.len(), look.grey.len());
        let what = format!("{classes} classes and {grey} grey values for {} × {} pixels", look.width, look.height);
        return Err(Error::failed("quicklook", what));
    }
    if look.counts.len() != look.legend.entries.len() {
        let what = format!("{} counts for {} classes", look.counts.len(), look.legend.entries.len());
        return Err(Error::failed("quicklook", what));
    }
    let map = Map::new(look);
    let rows = Rows::new(look);
    let top = MARGIN + if look.subtitle.is_empty() { 56 } else { 84 };
    let scale = look.metres_per_pixel.and_then(|metres| Scale::new(metres / map.zoom, map.width));
    let scale_height = if scale.is_some() { 32 } else { 0 };
    let map_bottom = top + map.height + 16 + scale_height + look.captions.len() * 22;
    let width = (MARGIN + map.width + GUTTER + LEGEND_WIDTH + MARGIN).max(MARGIN + below.0 + MARGIN);
    let end = map_bottom.max(top + rows.height()) + MARGIN - 12;
    let mut canvas = Canvas::new(width, end + below.1, PAPER)?;
    heading(&mut canvas, look, (width - 2 * MARGIN) as f32);
    map.draw(&mut canvas, MARGIN, top);
    let mut y = top + map.height + 16;
    if let Some(scale) = scale {
        scale.draw(&mut canvas, MARGIN, y);
        y += scale_height;
    }
    // Under a narrow map the captions run on below the legend, when that has ended.
    let beside_legend = top + rows.height() > y;
    let room = if beside_legend { map.width } else { width - 2 * MARGIN } as f32;
    for line in &look.captions {
        let line = canvas.fitted(&text::one_line(line), 15.0, room);
        canvas.text(MARGIN as f32, (y + 15) as f32, 15.0, SOFT, &line);
        y += 22;
    }
    rows.draw(&mut canvas, MARGIN + map.width + GUTTER, top);
    Ok(Page { canvas, end, place: crop::place(MARGIN, top, map.width, map.height) })
}

fn heading(canvas: &mut Canvas, look: &Quicklook<'_>, room: f32) {
    let title = canvas.fitted(&text::one_line(&look.title), 36.0, room);
    canvas.text(MARGIN as f32, (MARGIN + 27) as f32, 36.0, INK, &title);
    let subtitle = canvas.fitted(&text::one_line(&look.subtitle), 18.0, room);
    canvas.text(MARGIN as f32, (MARGIN + 58) as f32, 18.0, SOFT, &subtitle);
}

/// The map at the size of the page.
struct Map {
    width: usize,
    height: usize,
    /// Page pixels for one pixel of the arrays.
    zoom: f64,
    pixels: Vec<Rgb>,
}

impl Map {
    fn new(look: &Quicklook<'_>) -> Self {
        let long = look.width.max(look.height);
        let zoom = if long > LONGEST { LONGEST as f64 / long as f64 } else { (LONGEST / long).max(1) as f64 };
        let side = |length: usize| ((length as f64 * zoom).round() as usize).max(1);
        let (width, height) = (side(look.width), side(look.height));
        let stretch = Stretch::of(look.grey);
        let colors: Vec<Rgb> = look.legend.entries.iter().map(|e| e.color).collect();
        let paint = |class: u16, grey: Option<f32>| match (class, grey.map(|g| stretch.apply(g))) {
            (class, _) if class == look.legend.nodata => VOID,
            (0, Some(light)) => relief(light),
            (0, None) => UNCLASSIFIED,
            (class, light) => lit(colors.get(usize::from(class)).copied().unwrap_or(NO_DATA), light.unwrap_or(0.5)),
        };
        let cell = |at: usize, out: usize, length: usize| {
            let start = (at * length / out).min(length - 1);
            start..((at + 1) * length).div_ceil(out).clamp(start + 1, length).max(start + 1)
        };
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let lines =
                if zoom > 1.0 { y / zoom as usize..y / zoom as usize + 1 } else { cell(y, height, look.height) };
            for x in 0..width {
                let columns =
                    if zoom > 1.0 { x / zoom as usize..x / zoom as usize + 1 } else { cell(x, width, look.width) };
                let at = lines.clone().flat_map(|line| columns.clone().map(move |c| line * look.width + c));
                let class = most_frequent(at.clone().map(|i| look.classes[i]));
                let (sum, n) =
                    at.map(|i| look.grey[i]).filter(|g| g.is_finite()).fold((0.0, 0), |(s, n), g| (s + g, n + 1));
                pixels.push(paint(class, (n > 0).then(|| sum / n as f32)));
            }
        }
        Self { width, height, zoom, pixels }
    }

    fn draw(&self, canvas: &mut Canvas, x: usize, y: usize) {
        for (line, colors) in self.pixels.chunks_exact(self.width).enumerate() {
            for (column, &color) in colors.iter().enumerate() {
                canvas.set(x + column, y + line, color);
            }
        }
        canvas.frame(x, y, self.width, self.height, RULE);
    }
}

/// The value that occurs most; of several, the smallest.
fn most_frequent(values: impl Iterator<Item = u16> + Clone) -> u16 {
    // A picture has a million places of a few pixels each, and few of them see two classes.
    let first = values.clone().next().unwrap_or(0);
    if values.clone().all(|v| v == first) {
        return first;
    }
    let mut seen: HashMap<u16, usize> = HashMap::new();
    values.for_each(|v| *seen.entry(v).or_default() += 1);
    seen.into_iter().max_by_key(|&(value, n)| (n, std::cmp::Reverse(value))).map_or(0, |(value, _)| value)
}

/// Unclassified ground: grey, kept light so that the classes stand out.
fn relief(light: f32) -> Rgb {
    mix([0x56, 0x58, 0x5C], [0xE9, 0xE9, 0xE6], light)
}

/// A class colour with the light of the ground on it.
fn lit(color: Rgb, light: f32) -> Rgb {
    if light < 0.55 {
        mix(color, [0x14, 0x14, 0x18], (0.55 - light) * 0.62)
    } else {
        mix(color, PAPER, (light - 0.55) * 0.55)
    }
}

/// From the 2nd percentile (0) to the 98th (1).
struct Stretch {
    low: f32,
    high: f32,
}

impl Stretch {
    fn of(grey: &[f32]) -> Self {
        let mut values: Vec<f32> = grey.iter().copied().filter(|g| g.is_finite()).collect();
        if values.is_empty() {
            return Self { low: 0.0, high: 0.0 };
        }
        let last = values.len() - 1;
        let mut at = |part: usize| *values.select_nth_unstable_by(last * part / 100, f32::total_cmp).1;
        Self { low: at(2), high: at(98) }
    }

    fn apply(&self, grey: f32) -> f32 {
        if self.high > self.low { ((grey - self.low) / (self.high - self.low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The legend: classes that occur, the largest first.
struct Rows {
    rows: Vec<(Rgb, String, String, String)>,
    more: usize,
    unit: &'static str,
    /// Whether the last row is the unclassified rest, set apart by a rule.
    rest: bool,
}

impl Rows {
    fn new(look: &Quicklook<'_>) -> Self {
        let all: u64 = look.counts.iter().map(|c| c.pixels).sum();
        let with_area = look.counts.iter().all(|c| c.km2.is_some());
        let size = |count: &ClassCount| count.km2.filter(|_| with_area).unwrap_or(count.pixels as f64);
        let row = |entry: usize| {
            let (count, class) = (&look.counts[entry], &look.legend.entries[entry]);
            let amount = if with_area { area(size(count)) } else { thousands(count.pixels) };
            (class.color, text::one_line(&class.name), amount, percent(count.pixels as f64 / all.max(1) as f64))
        };
        let mut found: Vec<usize> = (1..look.counts.len()).filter(|&i| look.counts[i].pixels > 0).collect();
        found.sort_by(|&a, &b| size(&look.counts[b]).total_cmp(&size(&look.counts[a])).then(a.cmp(&b)));
        let more = found.len().saturating_sub(MOST_CLASSES);
        let mut rows: Vec<_> = found.into_iter().take(MOST_CLASSES).map(row).collect();
        let rest = look.counts.first().is_some_and(|c| c.pixels > 0);
        if rest {
            rows.push(row(0));
        }
        Self { rows, more, unit: if with_area { "km²" } else { "pixels" }, rest }
    }

    fn height(&self) -> usize {
        28 + (self.rows.len() + usize::from(self.more > 0)) * ROW + if self.rest { 12 } else { 0 }
    }

    fn draw(&self, canvas: &mut Canvas, x: usize, top: usize) {
        let (right, amounts) = ((x + LEGEND_WIDTH) as f32, (x + LEGEND_WIDTH - 68) as f32);
        canvas.text(x as f32, (top + 12) as f32, 14.0, SOFT, "Class");
        canvas.text_right(amounts, (top + 12) as f32, 14.0, SOFT, self.unit);
        canvas.text_right(right, (top + 12) as f32, 14.0, SOFT, "%");
        canvas.rectangle(x, top + 20, LEGEND_WIDTH, 1, RULE);
        let mut y = top + 28;
        for (i, (color, name, amount, share)) in self.rows.iter().enumerate() {
            if self.rest && i + 1 == self.rows.len() {
                y = self.draw_more(canvas, x, y);
                canvas.rectangle(x, y + 4, LEGEND_WIDTH, 1, RULE);
                y += 12;
            }
            let (base, ink) = ((y + 18) as f32, if self.rest && i + 1 == self.rows.len() { SOFT } else { INK });
            let swatch = if ink == SOFT { relief(0.6) } else { *color };
            canvas.swatch(x, y + 5, 24, 16, swatch);
            let name = canvas.fitted(name, 17.0, (LEGEND_WIDTH - 68 - 36 - 84) as f32);
            canvas.text((x + 36) as f32, base, 17.0, ink, &name);
            canvas.text_right(amounts, base, 17.0, ink, amount);
            canvas.text_right(right, base, 17.0, SOFT, share);
            y += ROW;
        }
        if !self.rest {
            self.draw_more(canvas, x, y);
        }
    }

    fn draw_more(&self, canvas: &mut Canvas, x: usize, y: usize) -> usize {
        if self.more == 0 {
            return y;
        }
        canvas.text((x + 36) as f32, (y + 18) as f32, 17.0, SOFT, &format!("and {} more", thousands(self.more as u64)));
        y + ROW
    }
}

/// A scale bar of a round length.
struct Scale {
    metres: f64,
    pixels: usize,
}

impl Scale {
    /// `metres` on the ground for a pixel of the page, on a map of `width` pixels.
    fn new(metres: f64, width: usize) -> Option<Self> {
        let longest = metres * (width as f64 * 0.3).min(260.0);
        if !(longest.is_finite() && longest > 0.0) {
            return None;
        }
        let power = 10_f64.powf(longest.log10().floor());
        let length = [5.0, 2.0, 1.0].into_iter().map(|n| n * power).find(|&l| l <= longest).unwrap_or(power);
        let pixels = (length / metres).round() as usize;
        (pixels >= 8).then_some(Self { metres: length, pixels })
    }

    fn draw(&self, canvas: &mut Canvas, x: usize, y: usize) {
        let half = self.pixels / 2;
        canvas.rectangle(x, y, self.pixels, 8, INK);
        canvas.rectangle(x + half, y + 1, self.pixels - half - 1, 6, PAPER);
        let label = if self.metres >= 1000.0 {
            format!("{} km", thousands((self.metres / 1000.0).round() as u64))
        } else {
            format!("{} m", (self.metres * 1000.0).round() / 1000.0)
        };
        canvas.text((x + self.pixels + 10) as f32, (y + 10) as f32, 16.0, INK, &label);
    }
}

fn area(km2: f64) -> String {
    match km2 {
        v if v >= 100.0 => thousands(v.round() as u64),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 0.01 || v == 0.0 => format!("{v:.2}"),
        _ => "<0.01".into(),
    }
}

fn percent(part: f64) -> String {
    match part * 100.0 {
        v if v > 0.0 && v < 0.05 => "<0.1".into(),
        v => format!("{v:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_nought_for_something() {
        assert_eq!([0, 999, 1000, 17_345_678].map(thousands), ["0", "999", "1,000", "17,345,678"]);
        assert_eq!([0.004, 0.5, 12.34, 1234.5].map(area), ["<0.01", "0.50", "12.3", "1,235"]);
        assert_eq!([0.0001, 0.1234, 0.0].map(percent), ["<0.1", "12.3", "0.0"]);
    }

    #[test]
    fn a_scale_bar_has_a_round_length_that_fits() {
        for metres in [0.001, 0.5, 3.7, 30.0, 60.0, 1234.0, 5e7] {
            let scale = Scale::new(metres, 1000).unwrap();
            let digits = scale.metres / 10_f64.powf(scale.metres.log10().floor());
            assert!([1.0, 2.0, 5.0].iter().any(|n| (digits - n).abs() < 1e-9), "{}", scale.metres);
            assert!(scale.pixels <= 300);
        }
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|&m| Scale::new(m, 1000).is_none()));
    }

    #[test]
    fn the_most_frequent_class_wins_and_a_tie_goes_to_the_smaller() {
        assert_eq!(most_frequent([3, 1, 3, 2].into_iter()), 3);
        assert_eq!(most_frequent([7, 2, 7, 2].into_iter()), 2);
    }
}

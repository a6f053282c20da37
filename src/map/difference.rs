//! The picture of two maps: where they differ, and the matrix of their classes below it.

use std::path::Path;

use super::canvas::{Canvas, mix};
use super::color::Rgb;
use super::crop;
use super::files;
use super::legend::{Legend, LegendEntry, UNCLASSIFIED};
use super::preview::Preview;
use super::quicklook::{self, INK, MARGIN, PAPER, Quicklook, RULE, SOFT};
use super::raster::ClassCount;
use super::text::{self, thousands};
use crate::error::Result;

/// Two maps, A and B, with classes of both together.
#[derive(Debug, Clone)]
pub struct Difference<'a> {
    /// The heading.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// A line below the map.
    pub caption: String,
    /// 0 where both have one class, 1 + B's class where they differ, 65535 where they are not compared. Grey is drawn where
    /// both have one class.
    pub preview: &'a Preview,
    /// Names of the classes.
    pub names: Vec<&'a str>,
    /// Pixels of each class in A.
    pub pixels_a: Vec<u64>,
    /// Pixels of each class in B.
    pub pixels_b: Vec<u64>,
    /// Pixels of pairs of classes, A's and B's.
    pub cells: Vec<((usize, usize), u64)>,
}

/// Classes of the matrix that is drawn.
const SHOWN: usize = 20;
const CELL: (usize, usize) = (60, 26);
const NAMES: usize = 260;
const HEADING: usize = 58;

const AGREE: Rgb = [0x2E, 0x8B, 0x57];
const DIFFER: Rgb = [0xC6, 0x38, 0x2C];
/// What no target claimed in B alone: neither the grey of agreement nor any mineral's.
const LOST: Rgb = [0x33, 0x3A, 0x45];

/// Writes the picture as PNG; it stands under its name only when it is whole.
///
/// # Errors
/// When writing fails.
pub fn write(path: &Path, found: &Difference<'_>) -> Result<()> {
    files::write_beside(path, &png(found)?)?.publish()
}

/// The picture as PNG.
///
/// # Errors
/// Refuses more classes than a map can hold.
pub fn png(found: &Difference<'_>) -> Result<Vec<u8>> {
    let (legend, counts) = legend(found)?;
    let step = found.preview.step();
    let mut captions =
        vec![found.caption.clone(), "grey: one class in both; colour: B's class, where A has another".into()];
    if step > 1 {
        captions.push(format!("one of {step} × {step} pixels is shown"));
    }
    let look = Quicklook {
        title: found.title.clone(),
        subtitle: found.subtitle.clone(),
        width: found.preview.width(),
        height: found.preview.height(),
        classes: found.preview.classes(),
        grey: found.preview.grey(),
        legend: &legend,
        counts: &counts,
        captions,
        metres_per_pixel: None,
    };
    let matrix = Matrix::new(found);
    let quicklook::Page { mut canvas, end: top, place } = quicklook::page(&look, matrix.size())?;
    matrix.draw(&mut canvas, top);
    canvas.png((crop::PLACE, &place))
}

/// What the colours mean, and how many pixels have each: agreement first, then B's classes where A has another.
fn legend(found: &Difference<'_>) -> Result<(Legend, Vec<ClassCount>)> {
    let names: Vec<String> = found.names.iter().map(|&n| n.to_owned()).collect();
    let mut legend = Legend { nodata: u16::MAX, ..Legend::new(&names)? };
    for entry in legend.entries.iter_mut().filter(|e| e.name.eq_ignore_ascii_case("unclassified")) {
        entry.color = LOST;
    }
    if let Some(first) = legend.entries.first_mut() {
        *first = LegendEntry { value: 0, name: "one class in both".into(), color: UNCLASSIFIED };
    }
    let mut counts = vec![ClassCount { pixels: 0, km2: None }; legend.entries.len()];
    for &((a, b), pixels) in &found.cells {
        if let Some(count) = counts.get_mut(if a == b { 0 } else { b + 1 }) {
            count.pixels += pixels;
        }
    }
    Ok((legend, counts))
}

/// The largest classes and how their pixels pair.
struct Matrix<'a> {
    found: &'a Difference<'a>,
    /// Classes that are drawn, the largest first.
    shown: Vec<usize>,
    more: usize,
}

impl<'a> Matrix<'a> {
    fn new(found: &'a Difference<'a>) -> Self {
        let size = |class: &usize| found.pixels_a[*class] + found.pixels_b[*class];
        let mut shown: Vec<usize> = (0..found.names.len()).filter(|class| size(class) > 0).collect();
        shown.sort_by_key(|class| (std::cmp::Reverse(size(class)), *class));
        let more = shown.len().saturating_sub(SHOWN);
        shown.truncate(SHOWN);
        Self { found, shown, more }
    }

    fn size(&self) -> (usize, usize) {
        (NAMES + self.shown.len() * CELL.0, HEADING + (self.shown.len() + 1) * CELL.1 + MARGIN)
    }

    /// Rows are classes of A, columns those of B, by the same numbers; the shade is the share of B's class.
    fn draw(&self, canvas: &mut Canvas, top: usize) {
        let more = if self.more > 0 { format!("; {} smaller classes are not shown", self.more) } else { String::new() };
        let heading = format!("Pixels by A's class (rows) and B's class (columns, same numbers){more}");
        canvas.text(MARGIN as f32, (top + 16) as f32, 17.0, INK, &heading);
        canvas.text(
            MARGIN as f32,
            (top + 38) as f32,
            14.0,
            SOFT,
            "shade: share of B's class; green: one class in both",
        );
        let (left, top) = (MARGIN + NAMES, top + HEADING);
        for column in 0..self.shown.len() {
            let right = (left + (column + 1) * CELL.0 - 6) as f32;
            canvas.text_right(right, (top + 18) as f32, 14.0, SOFT, &(column + 1).to_string());
        }
        for (row, &a) in self.shown.iter().enumerate() {
            let y = top + (row + 1) * CELL.1;
            let base = (y + 18) as f32;
            canvas.text_right((MARGIN + 22) as f32, base, 14.0, SOFT, &(row + 1).to_string());
            let name = canvas.fitted(&text::one_line(self.found.names[a]), 15.0, (NAMES - 44) as f32);
            canvas.text((MARGIN + 34) as f32, base, 15.0, INK, &name);
            for (column, &b) in self.shown.iter().enumerate() {
                self.cell(canvas, (left + column * CELL.0, y), (a, b));
            }
        }
        canvas.frame(left, top + CELL.1, self.shown.len() * CELL.0, self.shown.len() * CELL.1, RULE);
    }

    fn cell(&self, canvas: &mut Canvas, (x, y): (usize, usize), (a, b): (usize, usize)) {
        let found = self.found.cells.iter().find(|(pair, _)| *pair == (a, b));
        let pixels = found.map_or(0, |(_, pixels)| *pixels);
        let share = pixels as f32 / self.found.pixels_b[b].max(1) as f32;
        let color =
            if pixels == 0 { PAPER } else { mix(PAPER, if a == b { AGREE } else { DIFFER }, 0.08 + 0.8 * share) };
        canvas.rectangle(x, y, CELL.0 - 1, CELL.1 - 1, color);
        let ink = if share > 0.55 { PAPER } else { INK };
        let (ink, text) = if pixels == 0 { (RULE, "·".to_owned()) } else { (ink, short(pixels)) };
        canvas.text_right((x + CELL.0 - 6) as f32, (y + 18) as f32, 14.0, ink, &text);
    }
}

/// Six signs at most, up to a trillion.
fn short(pixels: u64) -> String {
    match pixels {
        0..100_000 => thousands(pixels),
        100_000..100_000_000 => format!("{}k", thousands(pixels / 1000)),
        _ => format!("{}M", thousands(pixels / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::Window;

    #[test]
    fn numbers_fit_their_cells() {
        assert_eq!([0, 99_999, 123_456, 123_456_789].map(short), ["0", "99,999", "123k", "123M"]);
    }

    #[test]
    fn hostile_names_and_many_classes_make_a_picture() {
        let names: Vec<String> = (0..60).map(|i| format!("\u{202E}<{i}>\n{}", "x".repeat(300 * (i % 3)))).collect();
        let mut preview = Preview::new(5, 4, 10, u16::MAX).unwrap();
        let window = Window { x: 0, y: 0, width: 5, height: 4 };
        preview
            .add(window, &[0, 3, u16::MAX, 60, 61].repeat(4), &[0.5, f32::NAN, f32::NAN, f32::NAN, 1.0].repeat(4))
            .unwrap();
        let found = Difference {
            title: "\0".into(),
            subtitle: String::new(),
            caption: "x".repeat(10_000),
            preview: &preview,
            names: names.iter().map(String::as_str).collect(),
            pixels_a: (0..60).collect(),
            pixels_b: (0..60).rev().collect(),
            cells: vec![((0, 0), 4), ((59, 0), 1 << 60)],
        };
        assert!(png(&found).unwrap().starts_with(b"\x89PNG"));
    }
}

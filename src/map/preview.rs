//! A small copy of a scene of any size, gathered window by window.

use crate::error::{Error, Result};
use crate::tile::Window;

/// Keeps every n-th pixel of the classes and of one grey band. What it keeps follows from the scene's size alone, not
/// from the windows in which the scene came.
#[derive(Debug, Clone)]
pub struct Preview {
    columns: Axis,
    lines: Axis,
    classes: Vec<u16>,
    grey: Vec<f32>,
}

/// Which pixels of one side are kept: `offset`, `offset + step`, ...
#[derive(Debug, Clone, Copy)]
struct Axis {
    offset: usize,
    step: usize,
    kept: usize,
}

impl Preview {
    /// A side that is enough for the quicklook, which then shows the most frequent of the pixels it was given; 35 MB.
    pub const MAX_SIDE: usize = 2400;

    /// A preview of a scene of `width` samples and `height` lines, whose longer side is at most `max_side` pixels.
    /// Pixels that never come are `nodata` and NaN.
    pub fn new(width: usize, height: usize, max_side: usize, nodata: u16) -> Result<Self> {
        if width == 0 || height == 0 || max_side == 0 {
            return Err(Error::refused("preview", format!("nothing to show of {width} × {height} pixels")));
        }
        let step = width.max(height).div_ceil(max_side);
        let (columns, lines) = (Axis::new(width, step), Axis::new(height, step));
        let pixels = columns.kept * lines.kept;
        Ok(Self { columns, lines, classes: vec![nodata; pixels], grey: vec![f32::NAN; pixels] })
    }

    /// Takes the class and the grey values of a window.
    pub fn add(&mut self, window: Window, classes: &[u16], grey: &[f32]) -> Result<()> {
        self.add_classes(window, classes)?;
        self.add_grey(window, grey)
    }

    /// Takes the class values of a window, line by line.
    pub fn add_classes(&mut self, window: Window, values: &[u16]) -> Result<()> {
        take(self.columns, self.lines, window, values, &mut self.classes)
    }

    /// Takes the grey values of a window, line by line; NaN where there is no data.
    pub fn add_grey(&mut self, window: Window, values: &[f32]) -> Result<()> {
        take(self.columns, self.lines, window, values, &mut self.grey)
    }

    /// Samples kept.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.kept
    }

    /// Lines kept.
    #[must_use]
    pub fn height(&self) -> usize {
        self.lines.kept
    }

    /// Scene pixels for one preview pixel, along both sides.
    #[must_use]
    pub fn step(&self) -> usize {
        self.columns.step
    }

    /// Class values, `width · height` of them, line by line.
    #[must_use]
    pub fn classes(&self) -> &[u16] {
        &self.classes
    }

    /// Grey values, in the same places.
    #[must_use]
    pub fn grey(&self) -> &[f32] {
        &self.grey
    }
}

impl Axis {
    fn new(length: usize, step: usize) -> Self {
        // The middle of each step; of a side shorter than a step, its own middle.
        let offset = (step / 2).min((length - 1) / 2);
        Self { offset, step, kept: (length - offset).div_ceil(step) }
    }

    /// The kept pixels within `start..start + length`: their indices, and their places in the scene.
    fn within(self, start: usize, length: usize) -> impl Iterator<Item = (usize, usize)> {
        let first = start.saturating_sub(self.offset).div_ceil(self.step);
        (first..self.kept)
            .map(move |i| (i, self.offset + i * self.step))
            .take_while(move |&(_, at)| at < start + length)
    }
}

fn take<T: Copy>(columns: Axis, lines: Axis, window: Window, values: &[T], kept: &mut [T]) -> Result<()> {
    if values.len() != window.pixels() {
        return Err(Error::failed("preview", format!("{} values for {window:?}", values.len())));
    }
    for (line, y) in lines.within(window.y, window.height) {
        for (column, x) in columns.within(window.x, window.width) {
            kept[line * columns.kept + column] = values[(y - window.y) * window.width + (x - window.x)];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(width: usize, height: usize, tile: (usize, usize)) -> Preview {
        let mut preview = Preview::new(width, height, 10, 255).unwrap();
        for y in (0..height).step_by(tile.1) {
            for x in (0..width).step_by(tile.0) {
                let window = Window { x, y, width: tile.0.min(width - x), height: tile.1.min(height - y) };
                let at = (0..window.pixels()).map(|p| (y + p / window.width) * width + x + p % window.width);
                let classes: Vec<u16> = at.clone().map(|p| (p % 251) as u16).collect();
                preview.add_classes(window, &classes).unwrap();
                preview.add_grey(window, &at.map(|p| p as f32).collect::<Vec<_>>()).unwrap();
            }
        }
        preview
    }

    #[test]
    fn the_windows_do_not_matter_and_memory_is_bounded() {
        for (width, height) in [(97, 41), (1, 1), (1, 300), (300, 1), (7, 7), (10, 10), (101, 3)] {
            let whole = gathered(width, height, (width, height));
            assert!(whole.width() <= 10 && whole.height() <= 10, "{width} {height}");
            assert!(whole.grey().iter().all(|g| !g.is_nan()), "{width} {height}");
            for tile in [(1, 1), (5, 3), (width, 1), (64, 64)] {
                let cut = gathered(width, height, tile);
                assert_eq!(cut.classes(), whole.classes());
                assert_eq!(cut.grey(), whole.grey());
            }
        }
    }

    #[test]
    fn wrong_windows_are_refused_or_ignored_and_never_panic() {
        let mut preview = Preview::new(8, 8, 4, 255).unwrap();
        let beyond = Window { x: 100, y: 100, width: 2, height: 2 };
        assert!(preview.add_classes(beyond, &[0; 3]).is_err());
        preview.add_classes(beyond, &[7; 4]).unwrap();
        assert!(preview.classes().iter().all(|&c| c == 255));
        assert!(Preview::new(0, 3, 4, 255).is_err());
    }
}

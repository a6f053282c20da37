//! Where to look when a scene cannot be read whole.

use crate::scene::Description;
use crate::tile::Window;

impl Description {
    /// At most `most` windows spread over the scene, from its middle outwards, as borders without data lie outside. Each is
    /// one line of one block, so that a look costs no more than decoding as many blocks.
    pub(crate) fn sample(&self, most: usize) -> Vec<Window> {
        sample((self.samples, self.lines), self.block, most)
    }

    /// Number of blocks: what is decoded whole to read one pixel of it; lines of raw files.
    pub(crate) fn blocks(&self) -> usize {
        self.samples.div_ceil(self.block.0.max(1)) * self.lines.div_ceil(self.block.1.max(1))
    }
}

fn sample((samples, lines): (usize, usize), block: (usize, usize), most: usize) -> Vec<Window> {
    let (width, height) = (block.0.clamp(1, samples.max(1)), block.1.clamp(1, lines.max(1)));
    let (columns, rows) = (samples.div_ceil(width), lines.div_ceil(height));
    // As many rows to as many columns as the scene has.
    let down = (most * rows / columns.max(1)).isqrt().clamp(1, rows.clamp(1, most.max(1)));
    let blocks = spread(rows, down).flat_map(|row| spread(columns, most / down).map(move |column| (row, column)));
    let window = |(row, column): (usize, usize)| {
        let (x, y) = (column * width, (row * height + height / 2).min(lines - 1));
        Window { x, y, width: width.min(samples - x), height: 1 }
    };
    let mut windows: Vec<Window> = blocks.map(window).collect();
    let from_middle = |at: usize, size: usize, all: usize| (2 * at + size).abs_diff(all) * 1000 / all.max(1);
    windows.sort_by_key(|w| from_middle(w.x, w.width, samples) + from_middle(w.y, 1, lines));
    windows
}

/// At most `count` of so many places, spread evenly over all.
fn spread(places: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(places);
    (0..count).map(move |i| (2 * i + 1) * places / (2 * count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_over_all() {
        assert_eq!(spread(3, 32).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(100, 4).collect::<Vec<_>>(), [12, 37, 62, 87]);
        assert_eq!(spread(10_000, 64).collect::<std::collections::HashSet<_>>().len(), 64);
    }

    #[test]
    fn windows_lie_in_blocks_of_their_own_from_the_middle_outwards() {
        for (lines, samples, block) in
            [(1, 1, (1, 1)), (100, 40, (40, 1)), (1000, 900, (256, 256)), (7, 5000, (512, 16))]
        {
            for most in [1, 2, 16, 64] {
                let windows = sample((samples, lines), block, most);
                assert!((1..=most).contains(&windows.len()), "{lines} x {samples}, {most}: {windows:?}");
                let mut blocks: Vec<_> = windows.iter().map(|w| (w.y / block.1, w.x / block.0)).collect();
                blocks.sort_unstable();
                blocks.dedup();
                assert_eq!(blocks.len(), windows.len());
                let inside = |w: &Window| w.x.is_multiple_of(block.0) && w.x + w.width <= samples && w.y < lines;
                assert!(windows.iter().all(inside) && windows.iter().all(|w| w.height == 1));
            }
        }
        assert_eq!(sample((40, 100), (40, 1), 5).iter().map(|w| w.y).collect::<Vec<_>>(), [50, 30, 70, 10, 90]);
    }
}

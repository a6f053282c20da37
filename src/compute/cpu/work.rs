//! A block of pixels on its way from the tile to the decision.

use std::ops::Range;

use super::contrast::{self, Contrasts};
use super::project::WIDTH;
use super::rank::Ranked;
use super::transpose::{self, SIDE};
use super::{load, measure};
use crate::compute::{Assignment, PIXELS_A_BLOCK, Task};
use crate::methods::{Pixel, Space, padded};
use crate::simd::{Aligned, wide};
use crate::tile::{SampleType, Samples, Scaling, Tile};

pub(super) const BLOCK: usize = PIXELS_A_BLOCK;

/// What a device knows of a block of pixels.
///
/// A tile's groups of f32 are multiplied as they lie. Only what must be converted, scaled or turned into features is
/// copied, each into groups of pixels of its own, `[group][row][WIDTH]`.
pub(in crate::compute) struct Work {
    space: Space,
    features: usize,
    is_precise: bool,
    /// The block's pixels in the tile.
    pixels: Range<usize>,
    /// Those that come next.
    ahead: Range<usize>,
    /// Stored values of another type that f32 holds.
    stored: Aligned<f32>,
    /// Scaled values, less what the product subtracts.
    scaled: Aligned<f32>,
    scaling: Scaling,
    mean_length: f64,
    /// Features, in a space where they are more than scaled values.
    featured: Aligned<f32>,
    /// What decides, `[pixel][feature]` in f64: features, or stored values for a precise product. Of the whole block where
    /// that is dear to make, else of [`SIDE`] pixels, which stay in the first-level cache.
    rows: Aligned<f64>,
    /// Places of a row: its features, and zeros.
    row: usize,
    keeps_rows: bool,
    /// Nothing but stored values and their validity is wanted.
    pub(super) is_direct: bool,
    /// Sums of squares of the scaled values, and of their products with the targets' centre.
    squares: Vec<f64>,
    /// Their roots.
    lengths: Vec<f64>,
    bases: Vec<f64>,
    centre: Vec<f32>,
    /// Which pixels are data.
    valid: Vec<bool>,
    /// Whether that and what follows of it is known yet.
    is_measured: bool,
    /// The pixels without their values; `None` where a pixel has no features in the product's space.
    measures: Vec<Option<Pixel<'static>>>,
    /// For each ending, the leading targets of each pixel.
    pub(in crate::compute) ranked: Vec<Ranked>,
    /// Whether the keys in `ranked` are the very sums that scores come of.
    pub(super) keys_are_scored: bool,
    /// Squared lengths of the whitened features.
    pub(in crate::compute) energy: Vec<f32>,
}

impl Work {
    pub(super) fn new(assignment: &Assignment, task: &Task, is_direct: bool) -> Self {
        let product = &assignment.product;
        let (space, features, fits) = (product.space, product.features(), task.sample_type.fits_f32());
        let scaling = product.scaling.clone();
        let row = padded(features);
        let keeps_rows = space == Space::Distribution || (product.precise && !fits);
        let values = |wanted: bool, rows: usize| Aligned::zeros(if wanted { BLOCK * rows } else { 0 });
        Self {
            space,
            features,
            is_precise: product.precise,
            pixels: 0..0,
            ahead: 0..0,
            stored: values(fits && task.sample_type != SampleType::F32, task.bands()),
            scaled: values(!fits || !(is_direct || scaling.is_identity()), task.bands()),
            scaling,
            mean_length: product.shift.iter().map(|m| m * m).sum::<f64>().sqrt(),
            featured: values(!space.is_plain(), features),
            rows: Aligned::zeros(if keeps_rows { BLOCK } else { SIDE } * row),
            row,
            keeps_rows,
            is_direct,
            squares: vec![0.0; BLOCK],
            lengths: vec![0.0; BLOCK],
            bases: vec![0.0; BLOCK],
            centre: product.centre.clone(),
            valid: vec![false; BLOCK],
            is_measured: false,
            measures: vec![None; BLOCK],
            ranked: assignment.endings.iter().map(|_| Ranked::new(BLOCK)).collect(),
            keys_are_scored: false,
            energy: vec![f32::NAN; BLOCK],
        }
    }

    /// Loads pixels of a tile, from the first of a group on, before those `ahead`, and turns them into the features of the product's space.
    /// False when none of them is data. What the tile holds ready is not measured yet: it comes from memory while it is
    /// multiplied, and is measured in the cache after that, by [`Work::measure`].
    pub(super) fn load(&mut self, tile: &Tile, pixels: Range<usize>, ahead: Range<usize>, nodata: Option<f64>) -> bool {
        (self.pixels, self.ahead) = (pixels, ahead);
        self.is_measured = false;
        let is_ready = self.space.is_plain() && self.stored.is_empty() && self.scaled.is_empty();
        (is_ready && self.first_band_has_data(tile, nodata)) || self.measure(tile, nodata)
    }

    fn first_band_has_data(&self, tile: &Tile, nodata: Option<f64>) -> bool {
        let nodata = load::nodata(tile, nodata);
        let groups = self.stored(tile).chunks(WIDTH * tile.bands);
        groups.flat_map(|group| &group[..WIDTH]).any(|&v| v.is_finite() && v != 0.0 && Some(v) != nodata)
    }

    /// Finds out which pixels are data, and what their features are like. False when there is no data.
    pub(super) fn measure(&mut self, tile: &Tile, nodata: Option<f64>) -> bool {
        if self.is_measured {
            return true;
        }
        self.is_measured = true;
        let pixels = self.pixels.clone();
        let size = pixels.len().next_multiple_of(WIDTH) * tile.bands;
        if tile.samples.sample_type().fits_f32() {
            if !self.stored.is_empty() {
                load::stored(tile, pixels.start, &mut self.stored[..size]);
            }
            let stored = in_tile(tile, &pixels).unwrap_or_else(|| &self.stored[..size]);
            let nodata = load::nodata(tile, nodata);
            // Scaled values have sums of their own.
            let centre = if self.scaled.is_empty() { &self.centre[..] } else { &[] };
            measure::sums(stored, tile.bands, centre, &mut self.squares, &mut self.bases);
            measure::data(stored, tile.bands, nodata, &self.squares, &mut self.valid);
            if !self.scaled.is_empty() {
                load::scale(stored, &self.scaling, &mut self.scaled);
            }
        } else {
            tile.valid_in(pixels.clone(), nodata, &mut self.valid);
            self.valid.resize(BLOCK, false);
            load::scaled(tile, pixels.start, &self.scaling, &mut self.scaled[..size]);
        }
        if !self.scaled.is_empty() && self.space.is_plain() {
            measure::sums(&self.scaled[..size], tile.bands, &self.centre, &mut self.squares, &mut self.bases);
        }
        self.valid[pixels.len()..].fill(false);
        if !self.valid.contains(&true) {
            return false;
        }
        if self.is_direct {
            return true;
        }
        match self.space {
            Space::Reflectance | Space::Deviation => self.measure_features(tile),
            Space::Contrast => self.make_contrasts(tile),
            Space::Distribution => self.make_features(tile),
        }
        true
    }

    /// The values of the bands, scaled: what features are made of.
    fn scaled<'a>(&'a self, tile: &'a Tile) -> &'a [f32] {
        if self.scaled.is_empty() { self.stored(tile) } else { &self.scaled }
    }

    fn stored<'a>(&'a self, tile: &'a Tile) -> &'a [f32] {
        in_tile(tile, &self.pixels).unwrap_or(&self.stored)
    }

    /// Number of groups of pixels.
    pub(super) fn groups(&self) -> usize {
        self.pixels.len().div_ceil(WIDTH)
    }

    /// Features in groups of pixels, `[group][feature][WIDTH]`: what is multiplied.
    pub(super) fn panels<'a>(&'a self, tile: &'a Tile) -> &'a [f32] {
        let all = if self.space.is_plain() { self.scaled(tile) } else { &self.featured };
        &all[..self.pixels.len().next_multiple_of(WIDTH) * self.features]
    }

    /// What lies in memory of the block that comes next.
    pub(super) fn ahead<'a>(&self, tile: &'a Tile) -> &'a [u8] {
        tile.bytes_of(self.ahead.clone())
    }

    /// Where features are the scaled values, their squares tell nearly everything.
    fn measure_features(&mut self, tile: &Tile) {
        if self.keeps_rows {
            load::rows(tile, self.pixels.start, self.row, &mut self.rows[..self.pixels.len() * self.row]);
        }
        wide(
            (&mut self.lengths, &self.squares),
            #[inline(always)]
            |(lengths, squares)| lengths.iter_mut().zip(squares).for_each(|(length, square)| *length = square.sqrt()),
        );
        for ((measure, &length), &base) in self.measures.iter_mut().zip(&self.lengths).zip(&self.bases) {
            *measure = self.space.of_length(length, self.mean_length).map(|p| Pixel { base, ..p });
        }
        for pixel in 0..self.pixels.len() {
            if self.valid[pixel] && self.measures[pixel].is_none() {
                let column = self.scaled(tile)[pixel / WIDTH * WIDTH * tile.bands + pixel % WIDTH..].iter();
                let mut column: Vec<f64> = column.step_by(WIDTH).take(tile.bands).map(|&v| v.into()).collect();
                let careful = self.space.of(&mut column, tile.bands, self.mean_length);
                self.measures[pixel] = careful.map(|p| Pixel { base: self.bases[pixel], ..p });
            }
        }
    }

    /// Contrasts are made group by group, and rows of them where they are asked for.
    fn make_contrasts(&mut self, tile: &Tile) {
        let (bands, mut featured) = (tile.bands, std::mem::take(&mut self.featured));
        let mut measures = std::mem::take(&mut self.measures);
        let values = self.scaled(tile).as_chunks().0.chunks_exact(bands).take(self.groups());
        let features = featured.as_chunks_mut().0.chunks_exact_mut(bands);
        for ((values, features), measures) in values.zip(features).zip(measures.chunks_exact_mut(WIDTH)) {
            let Contrasts { mean, square, varied } = contrast::of(values, features);
            for (pixel, measure) in measures.iter_mut().enumerate() {
                *measure = Space::of_contrast(mean[pixel], square[pixel], varied[pixel] == 0.0, bands);
            }
        }
        (self.featured, self.measures) = (featured, measures);
    }

    /// Where they are more, they are made in rows.
    fn make_features(&mut self, tile: &Tile) {
        let (bands, features, row) = (tile.bands, self.features, self.row);
        let mut rows = std::mem::take(&mut self.rows);
        let groups = self.scaled(tile).chunks_exact(WIDTH * bands).take(self.pixels.len().div_ceil(WIDTH));
        for (panel, rows) in groups.zip(rows.chunks_exact_mut(WIDTH * row)) {
            for (few, rows) in rows.chunks_exact_mut(SIDE * row).enumerate() {
                transpose::to_rows(panel, few * SIDE, row, rows);
            }
        }
        for (values, measure) in rows.chunks_exact_mut(row).zip(&mut self.measures).take(self.pixels.len()) {
            *measure = self.space.of(&mut values[..features], bands, self.mean_length);
        }
        for (rows, panel) in rows.chunks_exact(WIDTH * row).zip(self.featured.chunks_exact_mut(WIDTH * features)) {
            transpose::to_panel(rows, row, panel);
        }
        self.rows = rows;
    }

    /// Makes the rows of [`SIDE`] pixels from `first` on.
    pub(super) fn make_rows(&mut self, tile: &Tile, first: usize) {
        if self.keeps_rows {
            return;
        }
        let mut rows = std::mem::take(&mut self.rows);
        let panels = if self.is_precise { self.stored(tile) } else { self.scaled(tile) };
        let panel = &panels[first / WIDTH * WIDTH * tile.bands..][..WIDTH * tile.bands];
        transpose::to_rows(panel, first % WIDTH, self.row, &mut rows);
        if self.space == Space::Contrast {
            for row in rows.chunks_exact_mut(self.row) {
                // Measured already, in their groups.
                let _ = self.space.of(&mut row[..self.features], tile.bands, self.mean_length);
            }
        }
        self.rows = rows;
    }

    /// The features of a pixel.
    pub(super) fn features<'a>(&'a self, tile: &'a Tile, pixel: usize) -> impl Iterator<Item = &'a f32> {
        let group = &self.panels(tile)[pixel / WIDTH * WIDTH * self.features..][..WIDTH * self.features];
        group[pixel % WIDTH..].iter().step_by(WIDTH)
    }

    /// Groups of stored values, `[group][band][WIDTH]`, and which of their pixels are data.
    pub(super) fn as_stored<'a>(&'a self, tile: &'a Tile) -> (&'a [f32], &'a [bool]) {
        (self.stored(tile), &self.valid)
    }

    /// The block's pixels without their values; `None` where they are no data.
    pub(super) fn all_measured(&self) -> impl Iterator<Item = Option<&Pixel<'static>>> {
        self.measures.iter().zip(&self.valid).map(|(measure, &valid)| measure.as_ref().filter(|_| valid))
    }

    /// A pixel without its values; `None` when it is no data.
    pub(super) fn measured(&self, index: usize) -> Option<Pixel<'static>> {
        self.measures[index].filter(|_| self.valid[index])
    }

    /// A pixel with its values, whose row was made; `None` when it is no data.
    pub(super) fn pixel(&self, index: usize) -> Option<Pixel<'_>> {
        let measure = self.measured(index)?;
        let row = if self.keeps_rows { index } else { index % SIDE };
        let values = &self.rows[row * self.row..][..self.row];
        Some(Pixel { values, energy: self.energy[index].into(), ..measure })
    }
}

/// The groups of a tile of f32.
fn in_tile<'a>(tile: &'a Tile, pixels: &Range<usize>) -> Option<&'a [f32]> {
    let Samples::F32(values) = &tile.samples else { return None };
    Some(&values[pixels.start * tile.bands..][..pixels.len().next_multiple_of(WIDTH) * tile.bands])
}

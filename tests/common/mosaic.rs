//! Scenes with a place on the ground, maps read back, and the naive mosaic: every pixel by itself, in f64.

#![allow(dead_code, reason = "each test uses a part of it")]
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::path::{Path, PathBuf};

use gdal::Dataset;
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};

use super::cube::{ground, mineral, write};

/// Bands of the scenes.
pub(crate) const BANDS: usize = 16;
/// A place nearer to a pixel's edge than this may fall on its other side.
pub(crate) const EDGE: f64 = 0.125 + 1e-6;

/// `map info` of ENVI in a UTM zone, pixels of 30 m.
pub(crate) fn utm(zone: u32, east: f64, north: f64, more: &str) -> String {
    format!("UTM, 1, 1, {east}, {north}, 30, 30, {zone}, North, WGS-84{more}")
}

/// Values of a scene, line by line.
#[derive(Clone)]
pub(crate) struct Cube {
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    pub(crate) values: Vec<f32>,
}

impl Cube {
    /// Minerals in patches over natural ground, no pixel like another; another seed gives another scene.
    pub(crate) fn new(lines: usize, samples: usize, seed: usize) -> Self {
        let pixels = lines * samples;
        let all = ground(lines, samples, BANDS);
        let value = |i: usize| {
            let (pixel, band) = (i / BANDS, i % BANDS);
            let patch = pixel / samples / 5 * 3 + pixel % samples / 4 + seed;
            let share = 0.6 + 0.1 * ((patch * 7) % 4) as f32;
            let other = all[(pixel * 7 + seed * 131) % pixels * BANDS + band];
            share * mineral(patch % 3, band, BANDS) as f32 + (1.0 - share) * other
        };
        let values = (0..pixels * BANDS).map(value).collect();
        Self { lines, samples, values }
    }

    /// Without the pixels of which `gone` of (line, sample) says so.
    pub(crate) fn without(mut self, gone: impl Fn(usize, usize) -> bool) -> Self {
        for pixel in (0..self.lines * self.samples).filter(|p| gone(p / self.samples, p % self.samples)) {
            self.values[pixel * BANDS..][..BANDS].fill(-9999.0);
        }
        self
    }

    /// A part of it.
    pub(crate) fn crop(&self, y: usize, x: usize, lines: usize, samples: usize) -> Self {
        let pixels = (y..y + lines).flat_map(|line| (x..x + samples).map(move |s| line * self.samples + s));
        let values = pixels.flat_map(|p| self.values[p * BANDS..][..BANDS].iter().copied()).collect();
        Self { lines, samples, values }
    }

    /// Writes it with a place.
    pub(crate) fn write(&self, folder: &Path, name: &str, map_info: &str) -> PathBuf {
        let path = write(folder, name, (self.lines, self.samples, BANDS), &self.values);
        let header = path.with_extension("hdr");
        let text = std::fs::read_to_string(&header).unwrap();
        std::fs::write(header, format!("{text}map info = {{{map_info}}}\n")).unwrap();
        path
    }
}

/// A raster of a map, all bands.
pub(crate) struct Raster {
    pub(crate) samples: usize,
    pub(crate) lines: usize,
    pub(crate) place: [f64; 6],
    pub(crate) crs: SpatialRef,
    pub(crate) nodata: f64,
    pub(crate) bands: Vec<Vec<f64>>,
}

impl Raster {
    pub(crate) fn open(path: &Path) -> Self {
        let dataset = Dataset::open(path).unwrap();
        let (samples, lines) = dataset.raster_size();
        let mut crs = dataset.spatial_ref().unwrap();
        crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        let nodata = dataset.rasterband(1).unwrap().no_data_value().unwrap();
        let band = |b: usize| dataset.rasterband(b).unwrap().read_band_as::<f64>().unwrap().data().to_vec();
        let bands = (1..=dataset.raster_count()).map(band).collect();
        Self { samples, lines, place: dataset.geo_transform().unwrap(), crs, nodata, bands }
    }

    /// Of each of its pixels, exactly: where its centre lies in another raster, in pixels from the upper left corner.
    pub(crate) fn centres_in(&self, other: &Self) -> Vec<(f64, f64)> {
        let g = self.place;
        let centre = |p: usize| ((p % self.samples) as f64 + 0.5, (p / self.samples) as f64 + 0.5);
        let all = || (0..self.samples * self.lines).map(centre);
        let mut x: Vec<f64> = all().map(|(c, l)| g[0] + c * g[1] + l * g[2]).collect();
        let mut y: Vec<f64> = all().map(|(c, l)| g[3] + c * g[4] + l * g[5]).collect();
        CoordTransform::new(&self.crs, &other.crs).unwrap().transform_coords(&mut x, &mut y, &mut []).unwrap();
        let g = other.place;
        let determinant = g[1] * g[5] - g[2] * g[4];
        let back = |(x, y): (f64, f64)| {
            let (dx, dy) = (x - g[0], y - g[3]);
            ((g[5] * dx - g[2] * dy) / determinant, (g[1] * dy - g[4] * dx) / determinant)
        };
        x.into_iter().zip(y).map(back).collect()
    }

    /// The pixel that holds a place.
    pub(crate) fn pixel(&self, (x, y): (f64, f64)) -> Option<usize> {
        // Centres on an edge belong to the right and below, whatever a geotransform's last digits are.
        let (x, y) = ((x + 1e-6).floor(), (y + 1e-6).floor());
        let inside = x >= 0.0 && y >= 0.0 && x < self.samples as f64 && y < self.lines as f64;
        inside.then(|| y as usize * self.samples + x as usize)
    }
}

/// How far a place is from the nearest edge of its pixel.
pub(crate) fn to_the_edge((x, y): (f64, f64)) -> f64 {
    let along = |v: f64| (v - v.round()).abs();
    along(x).min(along(y))
}

/// Scores are better when they are smaller.
pub(crate) fn smaller_wins(word: &str) -> bool {
    matches!(word, "sam" | "sid")
}

/// The scene that a pixel shows, of those with a score there; ties go to the first.
pub(crate) fn winner(rule: &str, word: &str, scores: &[Option<f64>]) -> Option<usize> {
    let mut with_data = (0..scores.len()).filter(|i| scores[*i].is_some());
    let better = |a: f64, b: f64| if smaller_wins(word) { a < b } else { a > b };
    match rule {
        "first" => with_data.next(),
        "last" => with_data.next_back(),
        _ => with_data.reduce(|best, i| if better(scores[i].unwrap(), scores[best].unwrap()) { i } else { best }),
    }
}

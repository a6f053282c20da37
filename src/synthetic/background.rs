//! Ground without ore: what is mixed in every pixel of ordinary land, and how the shares vary over it.
//!
//! Four covers share the pixel as a logistic-normal composition (Aitchison & Shen 1980, Biometrika 67:261): the
//! logarithms of their weights vary smoothly over the ground, and a little from pixel to pixel. Beside them lie traces
//! of the minerals that weathering and weak alteration leave anywhere, so that a detector has to tell its target from
//! minerals like it, and not only from rock and plants.

use libm::exp;

use super::geology::{
    ANDESITE, CALCITE, CHLORITE, GOETHITE, GRASS, GREEN, HEMATITE, MATERIALS, MONTMORILLONITE, MUSCOVITE, SOIL, Shares,
};
use super::noise::{Field, Random, step};

/// The covers, and their weights on ground where no field departs from its mean.
const COVERS: [(usize, f64); 4] = [(ANDESITE, 0.34), (SOIL, 0.36), (GRASS, 0.20), (GREEN, 0.10)];

/// Standard deviations of the logarithm of a cover's weight: over the ground, and from pixel to pixel.
const OVER_GROUND: f64 = 1.0;
const PIXEL_TO_PIXEL: f64 = 0.3;

/// The minerals found in traces.
const TRACES: [usize; 6] = [MUSCOVITE, MONTMORILLONITE, CHLORITE, GOETHITE, HEMATITE, CALCITE];

/// The largest share of a trace in a pixel.
pub(super) const LARGEST_TRACE: f64 = 0.08;

/// Standard deviation, from pixel to pixel, of a trace as a part of what the ground around it holds.
const TRACE_VARIATION: f64 = 0.3;

/// The standard deviation of [`Field::at`], and its mean.
const FIELD_DEVIATION: f64 = 0.13;
const FIELD_MEAN: f64 = 0.5;

/// The fields of the covers and of the traces are numbered from here; the demo's ground has those below.
const FIRST_COVER: u64 = 20;
const FIRST_TRACE: u64 = 30;

/// Ordinary ground. Places are as in [`super::geology::Ground`].
pub(super) struct Background {
    covers: [Field; COVERS.len()],
    traces: [Field; TRACES.len()],
    without: usize,
}

impl Background {
    /// Ground that does not hold the material `without`, and is otherwise the same whatever that is.
    pub(super) fn new(seed: u64, without: usize) -> Self {
        // Features of a quarter to a sixth of the scene's width, like those of the demo's plain.
        let fields = |first: u64, frequency: f64| move |i: usize| Field::new(seed, first + i as u64, frequency);
        Self {
            covers: std::array::from_fn(fields(FIRST_COVER, 4.0)),
            traces: std::array::from_fn(fields(FIRST_TRACE, 6.0)),
            without,
        }
    }

    /// The materials at a place; `random` varies them from pixel to pixel, and gives as many numbers at each.
    pub(super) fn shares(&self, place: (f64, f64), random: &mut Random) -> Shares {
        let mut shares = [0.0; MATERIALS];
        for (&mineral, field) in TRACES.iter().zip(&self.traces) {
            let around = LARGEST_TRACE * step(0.40, 0.80, field.at(place));
            // Drawn for the mineral left out too: the others must not change with it.
            let varied = around * (1.0 + TRACE_VARIATION * random.normal());
            if mineral != self.without {
                shares[mineral] = varied.clamp(0.0, LARGEST_TRACE);
            }
        }
        let left = 1.0 - shares.iter().sum::<f64>();
        let mut weights = [0.0; COVERS.len()];
        for ((weight, (_, typical)), field) in weights.iter_mut().zip(COVERS).zip(&self.covers) {
            let over_ground = OVER_GROUND * (field.at(place) - FIELD_MEAN) / FIELD_DEVIATION;
            *weight = typical * exp(over_ground + PIXEL_TO_PIXEL * random.normal());
        }
        let total: f64 = weights.iter().sum();
        for ((cover, _), weight) in COVERS.into_iter().zip(weights) {
            shares[cover] = left * weight / total;
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::geology::place;
    use crate::synthetic::minerals::ALL;

    const SIDE: usize = 80;

    /// The shares of a square scene, line by line.
    fn scene(seed: u64, without: usize) -> Vec<Shares> {
        let ground = Background::new(seed, without);
        let mut random = Random::new(seed, 0);
        (0..SIDE * SIDE).map(|p| ground.shares(place(p / SIDE, p % SIDE, SIDE), &mut random)).collect()
    }

    #[test]
    fn every_pixel_is_a_mixture_of_covers_and_traces() {
        for shares in scene(1, MUSCOVITE) {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(COVERS.iter().all(|&(cover, _)| shares[cover] > 0.0));
            assert!(shares[..ALL.len()].iter().all(|s| (0.0..=LARGEST_TRACE).contains(s)));
            assert!(shares[..ALL.len()].iter().enumerate().all(|(m, s)| TRACES.contains(&m) || *s == 0.0));
        }
    }

    #[test]
    fn the_mineral_left_out_is_nowhere_and_leaves_the_others_as_they_are() {
        let (all, without) = (scene(1, MATERIALS), scene(1, CALCITE));
        assert!(all.iter().any(|s| s[CALCITE] > 0.01) && without.iter().all(|s| s[CALCITE] == 0.0));
        let others = |s: &Shares| TRACES.map(|m| if m == CALCITE { 0.0 } else { s[m] });
        assert!(all.iter().zip(&without).all(|(a, b)| others(a) == others(b)));
    }

    #[test]
    fn each_material_varies_smoothly_over_the_ground_and_a_little_between_neighbours() {
        let scene = scene(3, MATERIALS);
        for material in TRACES.into_iter().chain(COVERS.map(|c| c.0)) {
            let apart = |step: usize| {
                let pairs = scene.iter().zip(&scene[step..]);
                pairs.map(|(a, b)| (a[material] - b[material]).abs()).sum::<f64>() / (scene.len() - step) as f64
            };
            let (near, far) = (apart(1), apart(SIDE * SIDE / 2));
            assert!(near > 0.0 && near < 0.75 * far, "material {material}: {near} and {far}");
            let largest = scene.iter().map(|s| s[material]).fold(0.0, f64::max);
            let mean = scene.iter().map(|s| s[material]).sum::<f64>() / scene.len() as f64;
            assert!(largest > 2.0 * mean && mean > 0.001, "material {material}: {mean}, {largest} at most");
        }
    }
}

//! What the ground is made of: two eroded hydrothermal centres in andesite, after the zoning of
//! lithocaps (Sillitoe 2010, Econ. Geol. 105:3, describes the same order): silica core, alunite, pyrophyllite and
//! kaolinite, muscovite, montmorillonite, chlorite; then calcite veins, iron caps, one ammonium patch, a green valley.

use super::minerals::{ALL, BACKGROUNDS};
use super::noise::{Field, step};

/// Number of materials: the minerals, then the backgrounds.
pub(super) const MATERIALS: usize = ALL.len() + BACKGROUNDS.len();

const ALUNITE: usize = 0;
const KAOLINITE: usize = 1;
const PYROPHYLLITE: usize = 2;
pub(super) const MUSCOVITE: usize = 3;
pub(super) const MONTMORILLONITE: usize = 4;
pub(super) const CHLORITE: usize = 5;
pub(super) const CALCITE: usize = 6;
const BUDDINGTONITE: usize = 7;
const SILICA: usize = 8;
const JAROSITE: usize = 9;
pub(super) const GOETHITE: usize = 10;
pub(super) const HEMATITE: usize = 11;
pub(super) const ANDESITE: usize = 12;
pub(super) const SOIL: usize = 13;
pub(super) const GRASS: usize = 14;
pub(super) const GREEN: usize = 15;

/// The share of each material in a pixel; they sum to 1.
pub(super) type Shares = [f64; MATERIALS];

/// A hydrothermal centre: an ellipse whose radius is 1 at the outer edge of the chlorite.
struct Centre {
    at: (f64, f64),
    radii: (f64, f64),
    /// Cosine and sine of the long axis' direction.
    along: (f64, f64),
}

const CENTRES: [Centre; 2] = [
    Centre { at: (0.40, 0.36), radii: (0.34, 0.25), along: (0.8, 0.6) },
    Centre { at: (0.70, 0.80), radii: (0.22, 0.17), along: (0.6, -0.8) },
];

/// Outer radii of the zones, from the core outwards; the third holds pyrophyllite or kaolinite.
const ZONES: [(usize, f64); 6] =
    [(SILICA, 0.17), (ALUNITE, 0.36), (KAOLINITE, 0.52), (MUSCOVITE, 0.68), (MONTMORILLONITE, 0.82), (CHLORITE, 1.0)];

/// Half the width, in radii, over which one zone passes into the next.
const CONTACT: f64 = 0.018;

/// The place of a pixel's centre, as [`Ground`] has it.
pub(super) fn place(line: usize, sample: usize, samples: usize) -> (f64, f64) {
    ((as_f64(sample) + 0.5) / as_f64(samples), (as_f64(line) + 0.5) / as_f64(samples))
}

/// One number of lines or samples divided by another.
pub(super) fn ratio(a: usize, b: usize) -> f64 {
    as_f64(a) / as_f64(b)
}

/// A number of lines or samples.
#[expect(clippy::cast_precision_loss, reason = "scene sizes are far below 2^53")]
pub(super) fn as_f64(n: usize) -> f64 {
    n as f64
}

/// The ground of one scene. Places are (x, y) with x from 0 to 1 over the scene's width and y in the same unit.
pub(super) struct Ground {
    height: f64,
    warp: [Field; 2],
    clay: Field,
    veins: Field,
    caps: [Field; 3],
    cover: Field,
    plain: [Field; 2],
    terrain: Field,
}

impl Ground {
    /// `height`: lines of the scene divided by its samples.
    pub(super) fn new(seed: u64, height: f64) -> Self {
        let field = |which, frequency| Field::new(seed, which, frequency);
        Self {
            height,
            warp: [field(0, 6.0), field(1, 6.0)],
            clay: field(2, 7.0),
            veins: field(3, 7.0),
            caps: [field(4, 14.0), field(5, 12.0), field(6, 12.0)],
            cover: field(7, 9.0),
            plain: [field(8, 4.0), field(9, 5.0)],
            terrain: field(10, 5.0),
        }
    }

    /// The materials at a place.
    pub(super) fn shares(&self, place: (f64, f64)) -> Shares {
        let mut shares = self.host_rock(place);
        let warped = self.warped(place);
        let radius = CENTRES.iter().map(|c| self.radius(c, warped)).fold(f64::INFINITY, f64::min);
        self.add_zones(&mut shares, radius, place);
        self.add_caps_and_veins(&mut shares, radius, place, warped);
        self.add_cover(&mut shares, place);
        three_largest(shares)
    }

    /// Sunlight on the slope, 0.4 to 1.2 of that on flat ground.
    pub(super) fn illumination(&self, place: (f64, f64)) -> f64 {
        const STEP: f64 = 0.004;
        let rise = |dx: f64, dy: f64| {
            (self.elevation((place.0 + dx, place.1 + dy)) - self.elevation((place.0 - dx, place.1 - dy))) / (2.0 * STEP)
        };
        // The sun stands in the south-east; rows run south.
        (0.88 - 0.11 * rise(STEP, 0.0) - 0.11 * rise(0.0, STEP)).clamp(0.4, 1.2)
    }

    fn elevation(&self, place: (f64, f64)) -> f64 {
        let hills: f64 = CENTRES.iter().map(|c| (1.0 - self.radius(c, place)).max(0.0)).sum();
        1.6 * self.terrain.at(place) + 0.25 * hills
    }

    fn radius(&self, centre: &Centre, place: (f64, f64)) -> f64 {
        let (dx, dy) = (place.0 - centre.at.0, place.1 - centre.at.1 * self.height);
        let (cos, sin) = centre.along;
        let (a, b) = ((cos * dx + sin * dy) / centre.radii.0, (cos * dy - sin * dx) / centre.radii.1);
        (a * a + b * b).sqrt()
    }

    /// The place, shifted by a random field: what makes ellipses into ground.
    fn warped(&self, place: (f64, f64)) -> (f64, f64) {
        let shift = |field: &Field| 0.30 * (field.at(place) - 0.5);
        (place.0 + shift(&self.warp[0]), place.1 + shift(&self.warp[1]))
    }

    fn host_rock(&self, place: (f64, f64)) -> Shares {
        let mut shares = [0.0; MATERIALS];
        shares[ANDESITE] = 1.0;
        cover(&mut shares, SOIL, step(0.46, 0.60, self.plain[0].at(place)));
        cover(&mut shares, GRASS, 0.8 * step(0.54, 0.68, self.plain[1].at(place)));
        shares
    }

    fn add_zones(&self, shares: &mut Shares, radius: f64, place: (f64, f64)) {
        // From the outside inwards, each zone covers what lies within its outer edge.
        for &(zone, edge) in ZONES.iter().rev() {
            let contact = if zone == CHLORITE { 3.0 * CONTACT } else { CONTACT };
            cover(shares, zone, 0.97 * step(edge + contact, edge - contact, radius));
            if zone == KAOLINITE {
                let within = step(edge + contact, edge - contact, radius);
                cover(shares, PYROPHYLLITE, 0.98 * within * step(0.50, 0.53, self.clay.at(place)));
            }
        }
    }

    fn add_caps_and_veins(&self, shares: &mut Shares, radius: f64, place: (f64, f64), warped: (f64, f64)) {
        let between = |inner: f64, outer: f64| step(inner - 0.05, inner, radius) * step(outer + 0.05, outer, radius);
        // A vein is where a field crosses its middle.
        let vein = step(0.014, 0.006, (self.veins.at(place) - 0.5).abs());
        cover(shares, CALCITE, 0.96 * vein * between(0.72, 1.15));
        let spot = |field: &Field, level: f64| step(level, level + 0.03, field.at(place));
        cover(shares, JAROSITE, 0.96 * spot(&self.caps[0], 0.65) * between(0.10, 0.60));
        cover(shares, GOETHITE, 0.96 * spot(&self.caps[1], 0.66) * between(0.40, 1.05));
        cover(shares, HEMATITE, 0.96 * spot(&self.caps[2], 0.66) * between(0.75, 1.60));
        let (dx, dy) = (warped.0 - 0.235, warped.1 - 0.50 * self.height);
        let patch = (dx * dx / (0.05 * 0.05) + dy * dy / (0.03 * 0.03)).sqrt();
        cover(shares, BUDDINGTONITE, 0.97 * step(1.1, 0.9, patch));
    }

    fn add_cover(&self, shares: &mut Shares, place: (f64, f64)) {
        let scrub = step(0.57, 0.70, self.cover.at(place));
        cover(shares, GRASS, 0.6 * scrub);
        // The river comes from the north-east corner, and bends between the two centres.
        let y = place.1 / self.height;
        let river = 0.97 - 0.55 * y * y + 0.30 * (self.warp[0].at((0.3, place.1)) - 0.5);
        let away = (place.0 - river).abs() + 0.06 * (self.cover.at(place) - 0.5);
        cover(shares, SOIL, 0.9 * step(0.055, 0.03, away));
        cover(shares, GREEN, 0.95 * step(0.026, 0.014, away));
    }
}

/// The material takes a share of the pixel; what was there makes room, each in proportion.
pub(super) fn cover(shares: &mut Shares, material: usize, share: f64) {
    shares.iter_mut().for_each(|s| *s *= 1.0 - share);
    shares[material] += share;
}

/// Keeps the three largest shares above a hundredth, rescaled to sum to 1.
fn three_largest(mut shares: Shares) -> Shares {
    let mut sorted = shares;
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[2].max(0.01);
    shares.iter_mut().filter(|s| **s < least).for_each(|s| *s = 0.0);
    let total: f64 = shares.iter().sum();
    shares.map(|s| s / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_every_material_has_ground_of_its_own() {
        let ground = Ground::new(1, 1.2);
        let mut pure = [0; MATERIALS];
        for i in 0..120 {
            for j in 0..100 {
                let place = (f64::from(j) / 100.0, f64::from(i) / 100.0);
                let shares = ground.shares(place);
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(shares.iter().filter(|s| **s > 0.0).count() <= 3);
                assert!((0.4..=1.2).contains(&ground.illumination(place)));
                pure.iter_mut().zip(shares).filter(|(_, s)| *s >= 0.9).for_each(|(n, _)| *n += 1);
            }
        }
        assert!(pure.iter().all(|&n| n >= 5), "pure pixels of each material: {pure:?}");
    }
}

//! Random numbers and smooth random fields whose bits are the same on every machine: integers, and f64 operations
//! that IEEE 754 rounds exactly; no function of the platform's mathematical library.

/// `SplitMix64` (Steele, Lea & Flood 2014): one state word, every seed a good one.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// A stream for each pair of `seed` and `stream`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A whole number from 0 to `n` - 1, each as likely as the others (to n in 2^64 parts); `n` is above 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below a usize")]
        let drawn = (self.next() % n as u64) as usize;
        drawn
    }

    /// A number of mean 0 and variance 1, nearly normal: the sum of eight uniform ones (no tail beyond 4.9).
    pub(super) fn normal(&mut self) -> f64 {
        let sixteens = |word: u64| (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48);
        let sum = sixteens(self.next()) + sixteens(self.next());
        // Eight numbers of 0..=65535: mean 8 · 32767.5, variance 8 · (65536² − 1) / 12.
        #[expect(clippy::cast_precision_loss, reason = "at most 19 bits")]
        let centred = sum as f64 - 262_140.0;
        centred * (1.0 / 53_510.102)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A smooth random field over the plane: values on a lattice of spacing 1, blended between, in five octaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    seed: u64,
    frequency: f64,
}

impl Field {
    /// The field number `which` of a scene's seed; its largest features are about 1 / `frequency` across.
    pub(super) fn new(seed: u64, which: u64, frequency: f64) -> Self {
        Self { seed: mix(seed ^ mix(which.wrapping_add(0xA11))), frequency }
    }

    /// The value at a place: 0 to 1, mean about 0.5, standard deviation about 0.13.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> f64 {
        let (mut frequency, mut amplitude, mut sum, mut total) = (self.frequency, 1.0, 0.0, 0.0);
        for octave in 0..5 {
            sum += amplitude * lattice(self.seed.wrapping_add(octave), x * frequency, y * frequency);
            total += amplitude;
            frequency *= 2.03;
            amplitude *= 0.5;
        }
        sum / total
    }
}

fn lattice(seed: u64, x: f64, y: f64) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let (tx, ty) = (ease(x - x0), ease(y - y0));
    #[expect(clippy::cast_possible_truncation, reason = "places are within a few hundred lattice steps of 0")]
    let (i, j) = (x0 as i64, y0 as i64);
    let corner = |di: i64, dj: i64| {
        let key = ((i + di) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((j + dj) as u64).rotate_left(32);
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept on purpose")]
        let unit = (mix(seed ^ mix(key)) >> 11) as f64 / 9_007_199_254_740_992.0;
        unit
    };
    let top = corner(0, 0) + tx * (corner(1, 0) - corner(0, 0));
    let bottom = corner(0, 1) + tx * (corner(1, 1) - corner(0, 1));
    top + ty * (bottom - top)
}

/// 0 to 1 with no slope at either end.
fn ease(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

/// 0 below `from`, 1 above `to`, smooth between (and falling when `from` is the larger).
pub(super) fn step(from: f64, to: f64, x: f64) -> f64 {
    ease(((x - from) / (to - from)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_fixed_and_noise_is_normal() {
        // SplitMix64's published first output for state 0.
        assert_eq!(Random(0).next(), 0xE220_A839_7B1D_CDAF);
        let mut random = Random::new(7, 3);
        let n = 100_000;
        let drawn: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn fields_are_smooth_and_stay_within_their_range() {
        let field = Field::new(1, 2, 4.0);
        for i in 0..2000 {
            let place = (f64::from(i) * 0.001 - 1.0, f64::from(i) * 0.0007);
            let (a, b) = (field.at(place), field.at((place.0 + 1e-6, place.1)));
            assert!((0.0..=1.0).contains(&a) && (a - b).abs() < 1e-3);
        }
    }
}

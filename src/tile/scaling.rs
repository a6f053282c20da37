//! From stored values to physical ones.

use serde::{Deserialize, Serialize};

/// Gains and offsets that turn stored values into physical ones: `value = stored · gain + offset`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One gain a band.
    pub gain: Vec<f64>,
    /// One offset a band, in physical units.
    pub offset: Vec<f64>,
}

impl Scaling {
    /// Gain 1 and offset 0 for `bands` bands.
    #[must_use]
    pub fn identity(bands: usize) -> Self {
        Self::uniform(bands, 1.0)
    }

    /// The same gain for all bands, offset 0.
    #[must_use]
    pub fn uniform(bands: usize, gain: f64) -> Self {
        Self { gain: vec![gain; bands], offset: vec![0.0; bands] }
    }

    /// Whether physical values are the stored ones.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.gain.iter().all(|&g| g == 1.0) && self.offset.iter().all(|&o| o == 0.0)
    }

    /// Whether all bands are multiplied by one positive number and no more.
    #[must_use]
    pub fn is_brightness(&self) -> bool {
        let is_common = |&g: &f64| g > 0.0 && g.is_finite() && Some(&g) == self.gain.first();
        self.gain.iter().all(is_common) && self.offset.iter().all(|&o| o == 0.0)
    }

    /// The same with a value subtracted in each band, in physical units.
    #[must_use]
    pub fn less(&self, shift: &[f64]) -> Self {
        let offset = self.offset.iter().zip(shift).map(|(o, s)| o - s).collect();
        Self { gain: self.gain.clone(), offset }
    }

    /// The scaling of the bands at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            gain: indices.iter().map(|&i| self.gain[i]).collect(),
            offset: indices.iter().map(|&i| self.offset[i]).collect(),
        }
    }
}

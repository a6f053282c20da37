//! The demo's cube, written line by line.

use std::io::Write as _;
use std::path::Path;

use super::geology::{Ground, Shares, as_f64, place, ratio};
use super::minerals::ALL;
use super::noise::Field;
use super::paint::{Painter, Pixel};
use super::write::scene_header;
use super::{Settings, Truth, sensor};
use crate::error::Result;
use crate::files::whole_file;

/// What the header says the cube is.
const ABOUT: &str = "alunite demo: modelled ground seen by the bands of EMIT; reflectance 0-1, not measured";

/// Writes the cube at `path` and its header; returns the truth's `dominant` and `fraction`.
pub(super) fn write(path: &Path, settings: &Settings) -> Result<(Vec<u8>, Vec<f32>)> {
    let bands = sensor::emit();
    let (swath, painter) = (Swath::new(settings), Painter::new(settings.seed, &bands));
    let pixels = settings.lines.saturating_mul(settings.samples);
    let (mut dominant, mut fraction) = (Vec::with_capacity(pixels), Vec::with_capacity(pixels));
    whole_file(path, |out| {
        let mut bytes = Vec::new();
        for line in 0..settings.lines {
            let ground = swath.line_of_ground(line);
            for pixel in &ground {
                let (class, share) = pixel.as_ref().map_or((Truth::NODATA, 0.0), |p| truth_of(&p.shares));
                dominant.push(class);
                fraction.push(share);
            }
            painter.paint(line, &ground, &mut bytes);
            out.write_all(&bytes)?;
        }
        Ok(())
    })?;
    scene_header(path, ABOUT, settings, &bands)?;
    Ok((dominant, fraction))
}

/// The ground that lies within the sensor's swath.
struct Swath {
    settings: Settings,
    ground: Ground,
    edge: Field,
}

impl Swath {
    fn new(settings: &Settings) -> Self {
        Self {
            settings: *settings,
            ground: Ground::new(settings.seed, ratio(settings.lines, settings.samples)),
            edge: Field::new(settings.seed, 11, 3.0),
        }
    }

    /// The pixels of one line; `None` outside the swath.
    fn line_of_ground(&self, line: usize) -> Vec<Option<Pixel>> {
        // An orthorectified swath leans, and its edges follow the terrain a little.
        let (_, y) = place(line, 0, self.settings.samples);
        let lean = 0.08 * (as_f64(line) + 0.5) / as_f64(self.settings.lines);
        let wave = 0.012 * (self.edge.at((0.0, 4.0 * y)) - 0.5);
        let (left, right) = (0.012 + lean + wave, 0.908 + lean + wave);
        let pixel = |sample: usize| {
            let at = place(line, sample, self.settings.samples);
            (left..right)
                .contains(&at.0)
                .then(|| Pixel { shares: self.ground.shares(at), light: self.ground.illumination(at) })
        };
        (0..self.settings.samples).map(pixel).collect()
    }
}

/// The class with the largest share and that share; backgrounds count together, as class 0.
fn truth_of(shares: &Shares) -> (u8, f32) {
    let (minerals, backgrounds) = shares.split_at(ALL.len());
    let candidates = std::iter::once(backgrounds.iter().sum::<f64>()).chain(minerals.iter().copied());
    let (class, share) = (0..).zip(candidates).fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best });
    #[expect(clippy::cast_possible_truncation, reason = "the truth is float32")]
    let share = share as f32;
    (class, share)
}

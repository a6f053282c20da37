//! What every run looks at before it starts: whether values are reflectance, and whether targets can be found and told
//! apart.

use ndarray::ArrayView2;

use super::detect::{self, Detectability, Pair};
use super::finding::{Finding, Level};
use super::list;
use super::sampled::Sampled;
use crate::error::{Error, Result};
use crate::library::select::Target;
use crate::methods::Method;
use crate::pipeline::bands::BandsInUse;
use crate::scene::{Description, Quantity, Scene};
use crate::spectrum::Bands;

/// What reflectance is: shadows that were corrected too much lie a little below zero, glints above one.
const REFLECTANCE: std::ops::RangeInclusive<f64> = -0.2..=2.0;

/// Reflectance whose brightest hundredth is below this is no rock's.
const TOO_DARK: f64 = 0.002;

/// A share of pixels or values above which it is told.
const SHARE: f64 = 0.01;

/// What is known of a run before it starts, beside its plan.
pub(in crate::pipeline) struct Before {
    pub(in crate::pipeline) findings: Vec<Finding>,
    pub(super) sampled: Option<Sampled>,
    pub(super) detectability: Vec<Detectability>,
    pub(super) close_pairs: Vec<Pair>,
}

impl Before {
    /// Of the targets on the bands in use, and of pixels of the scene.
    pub(in crate::pipeline) fn new(
        described: &Description,
        methods: &[&'static dyn Method],
        targets: &[(String, Target<'_>)],
        (bands, spectra): (Option<&Bands>, ArrayView2<'_, f64>),
        sampled: Option<Sampled>,
    ) -> Self {
        let mut findings = Vec::new();
        if let Some(sampled) = &sampled {
            findings.extend(values(described, methods, sampled));
        }
        let detectability = bands.map_or(Vec::new(), |bands| detect::detectability(targets, bands));
        let lost: Vec<&str> = detectability.iter().filter(|d| d.is_lost()).map(|d| d.target.as_str()).collect();
        if !lost.is_empty() {
            let text = format!("no band in use sees an absorption of {}", list(&lost));
            let next = "`alunite check` lists them all; leave them out of --targets, or widen --wavelengths";
            findings.push(Finding::new("detectability", Level::Warning, text).then(next));
        }
        let names: Vec<String> = targets.iter().map(|(name, _)| name.clone()).collect();
        let close_pairs = sampled.as_ref().map_or(Vec::new(), |s| detect::close_pairs(&names, spectra, s));
        if !close_pairs.is_empty() {
            let next = "`alunite check` lists them all; choose one of each with --targets";
            let named: Vec<String> = close_pairs
                .iter()
                .map(|p| format!("{} and {} ({:.0} %)", p.targets[0], p.targets[1], 100.0 * p.mistaken))
                .collect();
            let text = format!(
                "{} pairs of targets lie closer than the scene's noise, which mistakes this share of their pixels: {}",
                close_pairs.len(),
                list(&named)
            );
            findings.push(Finding::new("separability", Level::Warning, text).then(next));
        }
        Self { findings, sampled, detectability, close_pairs }
    }

    /// The first error, as one.
    pub(in crate::pipeline) fn refuse(&self, place: impl std::fmt::Display) -> Result<()> {
        let Some(finding) = self.findings.iter().find(|f| f.level == Level::Error) else { return Ok(()) };
        let error = Error::refused(place, format!("{}: {}", finding.about, finding.text));
        Err(match &finding.next {
            Some(next) => error.hint(next),
            None => error,
        })
    }
}

/// Pixels of so many windows in the bands in use; of one, those that the search for dead bands looked at.
pub(in crate::pipeline) fn sampled(scene: &Scene, bands: &BandsInUse, windows: usize) -> Result<Option<Sampled>> {
    let d = &scene.description;
    let (tiles, places) = match &bands.looked {
        Some((tile, all)) if windows == 1 => {
            let place = |band: &usize| all.iter().position(|b| b == band);
            (std::slice::from_ref(tile).to_vec(), bands.indices.iter().filter_map(place).collect())
        }
        _ => (scene.sampled(&bands.indices, windows)?, (0..bands.indices.len()).collect::<Vec<_>>()),
    };
    Ok(Sampled::of(&tiles, &places, &d.scaling.select(&bands.indices), d.nodata))
}

/// Whether values are reflectance.
fn values(described: &Description, methods: &[&'static dyn Method], sampled: &Sampled) -> Vec<Finding> {
    let mut found = Vec::new();
    let [low, middle, high] = sampled.percentiles;
    let scale = "pass --scale with the stored value that means reflectance 1";
    if described.quantity == Quantity::Reflectance {
        let expected = format!("expected {} to {}", REFLECTANCE.start(), REFLECTANCE.end());
        let [low_text, middle_text, high_text] = sampled.percentiles.map(short);
        let text =
            format!("reflectance is {low_text} to {high_text} (first to last hundredth), {middle_text} in the middle");
        let brightness = methods.iter().any(|m| m.has_targets() && !m.ignores_brightness());
        found.push(if !REFLECTANCE.contains(&middle) && brightness {
            Finding::new("scale", Level::Error, format!("{text}; {expected}")).then(scale)
        } else if !REFLECTANCE.contains(&middle) || !REFLECTANCE.contains(&low) || !REFLECTANCE.contains(&high) {
            Finding::new("scale", Level::Warning, format!("{text}; {expected}")).then(scale)
        } else if high < TOO_DARK && sampled.zero < sampled.pixels {
            Finding::new("scale", Level::Warning, format!("{text}; expected some above {TOO_DARK}")).then(scale)
        } else {
            Finding::new("scale", Level::Good, text)
        });
    }
    let share = sampled.zero as f64 / sampled.pixels as f64;
    if share > SHARE {
        let text = format!("{:.1} % of the pixels are zero in all bands in use: they are no data", 100.0 * share);
        found.push(Finding::new("zeros", Level::Warning, text).then("pass --nodata 0 if zero is the fill"));
    }
    if sampled.negative > SHARE {
        let text = format!("{:.1} % of the values in use are below zero", 100.0 * sampled.negative);
        let next = "look at the atmospheric correction, and at fill that is not declared";
        found.push(Finding::new("negatives", Level::Warning, text).then(next));
    }
    found
}

/// Three digits, however large or small.
fn short(value: f64) -> String {
    if value == 0.0 || (0.001..10_000.0).contains(&value.abs()) {
        format!("{value:.3}")
    } else {
        format!("{value:.2e}")
    }
}

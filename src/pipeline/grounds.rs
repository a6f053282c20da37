//! The background of a run: statistics made or read, factorised, and what was found.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::info_span;

use super::device::Pass;
use super::part::{Parts, identity, remove_parts};
use super::plan::Planned;
use super::scan::{Coming, Reading, scan};
use super::statistics::{Exclusion, Selection};
use super::stats::Shard;
use super::windows::{self, Load};
use crate::background::{FactorFacts, Statistics, Units};
use crate::compute::Task;
use crate::error::{Error, Result};
use crate::methods::{Method, Model, Needs, mf};
use crate::tile::{Tile, Window};

/// Which pixels are the background.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BackgroundChoice {
    /// Only pixels of this raster that are neither zero nor no data.
    pub mask: Option<PathBuf>,
    /// Groups of so many detector columns have statistics and filters of their own.
    pub columns: Option<usize>,
    /// The share of pixels with the highest scores of each target that is left out in a second pass, 0 to 1.
    pub exclude_targets: Option<f64>,
    /// Statistics that were made before.
    pub file: Option<PathBuf>,
}

impl BackgroundChoice {
    /// The files that it needs.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.mask.iter().chain(&self.file)
    }
}

/// What the background of a run is, for plan and report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grounds {
    /// Which pixels, in words.
    pub background: String,
    /// Number of pixels.
    pub pixels: u64,
    /// Groups of detector columns; 1 for the whole scene.
    pub groups: usize,
    /// Groups in which no pixel is background; their pixels are no data for methods that need one.
    pub empty_groups: usize,
    /// What was factorised, how well it was conditioned, and how much it was shrunk: of each group.
    pub factors: Vec<FactorFacts>,
    /// Hash of mean, covariance and shrinkage.
    pub identity: String,
}

/// The folders in which a background is made and measured, beside the parts of the map.
pub(super) fn stage(folder: &Path, name: &str) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(name);
    path.into()
}

/// Removes what the making of a background has left beside the parts in `folder`.
pub(super) fn remove_stages(folder: &Path) -> Result<()> {
    STAGES.iter().try_for_each(|name| remove_parts(&stage(folder, name)))
}

const STAGES: [&str; 4] = ["-statistics", "-scores", "-statistics-without-targets", FALSE_ALARMS];

/// Of the pass that measures false alarms.
pub(super) const FALSE_ALARMS: &str = "-false-alarms";

/// Makes the task of a run: with a background, when a method needs one. The folder of the pass is that of the map's parts.
///
/// # Errors
/// Refuses backgrounds that cannot be factorised and targets that no filter can look for; fails when a pass fails,
/// whose finished parts stay for the next try.
pub fn prepare(planned: &Planned, pass: &Pass<'_>) -> Result<(Task, Option<Grounds>)> {
    prepare_with(planned, None, pass)
}

/// As [`prepare`], with statistics that several scenes share, where there are some.
pub(super) fn prepare_with(
    planned: &Planned,
    pooled: Option<&Statistics>,
    pass: &Pass<'_>,
) -> Result<(Task, Option<Grounds>)> {
    let _span = info_span!("prepare").entered();
    if !planned.needs_background() {
        return Ok((planned.task(&planned.methods, &[None], None)?, None));
    }
    let choice = &planned.background;
    let statistics = match (pooled, &choice.file) {
        (Some(pooled), _) => fit(planned, pooled, "the pooled statistics")?,
        (None, Some(file)) => fit(planned, &Statistics::read(file)?, &file.display().to_string())?,
        (None, None) => own_statistics(planned, pass)?,
    };
    // Those of a file may be of groups of columns too.
    let columns = statistics.origin.units.columns;
    let place = choice.file.as_ref().map_or("statistics".into(), |file| file.display().to_string());
    let (mut models, mut grounds) = models(planned, &statistics, &place)?;
    if let Some(share) = choice.exclude_targets {
        let scorer = planned.task(&[&mf::SIGMA], &models, columns)?;
        let scorer = scorer.with_rules(true);
        let exclusion = exclusion(planned, pass, scorer, share, &grounds.identity)?;
        let selection = planned.selection(columns, Some(exclusion));
        let folder = stage(pass.folder, STAGES[2]);
        let statistics = selection.collect(&Pass { folder: &folder, ..*pass })?;
        (models, grounds) = self::models(planned, &statistics, "statistics")?;
    }
    let task = planned.task(&planned.methods, &models, columns)?;
    grounds.factors.iter().take(2).for_each(|facts| pass.observer.note(&format!("background: {facts}")));
    if grounds.empty_groups > 0 {
        let what = format!("{} of {} groups of columns hold no background", grounds.empty_groups, grounds.groups);
        pass.observer.note(&format!("{what}; their pixels are no data for methods that need one"));
    }
    Ok((task.with_rules(planned.draft.rules), Some(grounds)))
}

/// The statistics of a scene's own pixels.
///
/// # Errors
/// As [`prepare`].
pub(super) fn own_statistics(planned: &Planned, pass: &Pass<'_>) -> Result<Statistics> {
    let folder = stage(pass.folder, STAGES[0]);
    planned.selection(planned.background.columns, None).collect(&Pass { folder: &folder, ..*pass })
}

impl Planned {
    fn task(&self, methods: &[&'static dyn Method], models: &[Option<Model>], columns: Option<usize>) -> Result<Task> {
        let models: Vec<Option<&Model>> = models.iter().map(Option::as_ref).collect();
        let described = &self.scene.description;
        let (spectra, scaling) = (self.spectra.view(), self.scaling.clone());
        let task = Task::grouped(methods, spectra, &models, columns, described.sample_type, scaling);
        let task = task.map_err(|e| self.name_target(e))?;
        Ok(task.with_nodata(described.nodata).with_rules(self.draft.rules))
    }

    /// Methods know targets by their number.
    fn name_target(&self, error: Error) -> Error {
        let number = error.place().strip_prefix("target ").and_then(|n| n.parse::<usize>().ok());
        match number.and_then(|n| self.draft.targets.get(n - 1)) {
            Some(name) => error.at(format!("target '{name}'")),
            None => error,
        }
    }

    pub(super) fn selection(&self, columns: Option<usize>, exclusion: Option<Exclusion>) -> Selection<'_> {
        let described = &self.scene.description;
        Selection {
            scene: &self.scene,
            bands: &self.draft.bands,
            band_facts: self.draft.band_facts.as_ref(),
            scaling: &self.scaling,
            units: Units::new(described.lines, described.samples, columns),
            mask: self.background.mask.as_deref(),
            exclusion,
            shard: Shard::default(),
        }
    }
}

/// Statistics that were made before, in the bands in use; `place` names them in messages.
fn fit(planned: &Planned, statistics: &Statistics, place: &str) -> Result<Statistics> {
    let described = &planned.scene.description;
    let origin = &statistics.origin;
    if origin.units.columns.is_some() && (origin.units.samples != described.samples) {
        let what = format!(
            "is of groups of columns of a scene of {} samples, this one has {}",
            origin.units.samples, described.samples
        );
        return Err(Error::refused(place, what).hint("detector columns belong to their own scene: make them anew"));
    }
    let of_band = |(i, &band): (usize, &usize)| {
        let found = match (&origin.band_facts, &planned.draft.band_facts) {
            (Some(theirs), Some(ours)) => theirs.centres.iter().position(|c| (c.0 - ours.centres[i].0).abs() <= 0.1),
            (None, None) => origin.bands.iter().position(|&b| b == band),
            _ => None,
        };
        found.ok_or_else(|| {
            let centre = planned.draft.band_facts.as_ref().map_or(String::new(), |f| format!(" ({})", f.centres[i]));
            Error::refused(place, format!("has no statistics of the scene's band {}{centre}", band + 1))
                .hint("make statistics of this scene's bands with `alunite stats`, or narrow --wavelengths")
        })
    };
    let indices: Vec<usize> = planned.draft.bands.iter().enumerate().map(of_band).collect::<Result<_>>()?;
    Ok(statistics.select(&indices))
}

/// The model of every group, and what was found.
fn models(planned: &Planned, statistics: &Statistics, place: &str) -> Result<(Vec<Option<Model>>, Grounds)> {
    let needs = |what: Needs| {
        planned.methods.iter().any(|m| m.needs() == what) || {
            // Leaving targets out scores them with the matched filter.
            what == Needs::Covariance && planned.background.exclude_targets.is_some()
        }
    };
    let _span = info_span!("factorise").entered();
    let backgrounds = statistics.backgrounds(place)?;
    let pixels = backgrounds.iter().flatten().map(|b| b.count).sum();
    if pixels == 0 {
        let what = format!(
            "{} hold no pixel with data in all {} bands in use",
            statistics.origin.background,
            planned.draft.bands.len()
        );
        return Err(Error::refused(planned.scene.description.path.display(), what)
            .hint("`alunite info` shows no-data value and bad bands; --nodata, --wavelengths and --background-mask change what is used"));
    }
    let mut hasher = blake3::Hasher::new();
    let (mut models, mut factors) = (Vec::new(), Vec::new());
    for background in &backgrounds {
        let Some(background) = background else {
            models.push(None);
            continue;
        };
        for value in background.mean.iter().chain(&background.covariance) {
            hasher.update(&value.to_le_bytes());
        }
        let factor = |wanted: bool, make: &dyn Fn() -> Result<_>| wanted.then(make).transpose();
        let covariance = factor(needs(Needs::Covariance), &|| background.factor_covariance(planned.shrinkage))?;
        let correlation = factor(needs(Needs::Correlation), &|| background.factor_correlation(planned.shrinkage))?;
        for factor in covariance.iter().chain(&correlation) {
            hasher.update(&factor.facts.shrinkage.to_le_bytes());
            factors.push(factor.facts.clone());
        }
        models.push(Some(Model { mean: background.mean.clone(), covariance, correlation }));
    }
    let grounds = Grounds {
        background: statistics.origin.background.clone(),
        pixels,
        groups: backgrounds.len(),
        empty_groups: backgrounds.iter().filter(|b| b.is_none()).count(),
        factors,
        identity: hasher.finalize().to_hex().to_string(),
    };
    Ok((models, grounds))
}

/// Scores are counted in bins of 1/64 of a background deviation, from −16 to 48.
pub(super) const BINS: usize = 4096;
const BINS_A_SIGMA: f32 = 64.0;
const LOWEST: f32 = -16.0;

/// Finds the score above which the share of pixels with the highest scores lies, of each target.
fn exclusion(planned: &Planned, pass: &Pass<'_>, scorer: Task, share: f64, background: &str) -> Result<Exclusion> {
    let _span = info_span!("score targets").entered();
    let Pass { processor, limits, folder, observer } = *pass;
    let targets = scorer.targets;
    let mut opened = processor.backend(&scorer, observer)?;
    let described = &planned.scene.description;
    let limits = opened.within(limits);
    let windows = windows::cut(described, &Load::of_map(&scorer, limits.threads), &limits, 0..described.lines)?;
    let key = (&planned.draft.numbers, &planned.draft.inputs, background, &windows);
    let parts = Parts::open(&stage(folder, STAGES[1]), identity(&key))?;
    let mut counts = vec![0_u64; targets * BINS];
    let mut todo = Vec::new();
    for index in 0..windows.len() {
        match parts.read(index).and_then(|bytes| counts_of(&bytes, targets)) {
            Some(part) => counts.iter_mut().zip(part).for_each(|(a, b)| *a += b),
            None => todo.push(index),
        }
    }
    let left: u64 = todo.iter().map(|&i| windows[i].pixels() as u64).sum();
    observer.started("scoring targets", planned.draft.pixels(), planned.draft.pixels() - left);
    let mut notes = Vec::new();
    let (scene, bands, ahead) = (&planned.scene, &planned.draft.bands, limits.under_way);
    let reading = Reading { scene, bands, windows: &windows, todo, ahead, hash: None };
    let work = |_: usize, tile: &Tile, next: &Coming| {
        let scores = opened.map(tile, next, &mut notes, observer)?;
        let mut counts = vec![0_u64; targets * BINS];
        for (counts, scores) in counts.chunks_exact_mut(BINS).zip(scores.maps[0].rules.chunks(tile.window.pixels())) {
            for score in scores.iter().filter(|s| !s.is_nan()) {
                counts[(((score - LOWEST) * BINS_A_SIGMA) as usize).min(BINS - 1)] += 1;
            }
        }
        Ok((tile.window, counts))
    };
    let write = |index: usize, (window, part): (Window, Vec<u64>)| {
        parts.write(index, &[bytemuck::cast_slice(&part)])?;
        counts.iter_mut().zip(part).for_each(|(a, b)| *a += b);
        observer.advanced(window.pixels() as u64);
        Ok(())
    };
    scan(reading, work, write, |_| Ok(()))?;
    let thresholds: Vec<f32> = counts.chunks_exact(BINS).map(|counts| threshold(counts, share)).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(background.as_bytes());
    hasher.update(bytemuck::cast_slice(&thresholds));
    Ok(Exclusion {
        opened,
        words: format!("without the {share} of the pixels that score highest for each of {targets} targets"),
        identity: hasher.finalize().to_hex().to_string(),
        thresholds,
    })
}

/// The counts of a part: a bin after the other of each target; `None` when they are not as many.
pub(super) fn counts_of(part: &[u8], targets: usize) -> Option<Vec<u64>> {
    (part.len() == targets * BINS * size_of::<u64>()).then(|| bytemuck::pod_collect_to_vec(part))
}

/// The lowest edge of a bin above which at most `share` of all scores lie.
pub(super) fn threshold(counts: &[u64], share: f64) -> f32 {
    let all: u64 = counts.iter().sum();
    let most = (all as f64 * share).floor() as u64;
    let mut above = 0;
    let mut bin = counts.len();
    while bin > 0 && above + counts[bin - 1] <= most {
        bin -= 1;
        above += counts[bin];
    }
    LOWEST + bin as f32 / BINS_A_SIGMA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_leaves_at_most_the_share_above() {
        let mut counts = vec![0; BINS];
        (counts[1000], counts[2000], counts[3000]) = (90, 7, 3);
        let edge = |bin: usize| LOWEST + bin as f32 / BINS_A_SIGMA;
        assert_eq!(threshold(&counts, 0.05), edge(2001));
        assert_eq!(threshold(&counts, 0.10), edge(1001));
        assert_eq!(threshold(&counts, 0.02), edge(3001));
        assert_eq!(threshold(&counts, 1.0), LOWEST);
    }
}

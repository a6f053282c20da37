//! A row of the results: what was run, how long it took, and what that is held against.

use serde::{Deserialize, Serialize};

/// One case of one contender. Times are seconds of one pass over all pixels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) commit: String,
    pub(crate) bench: String,
    pub(crate) case: String,
    /// `alunite cpu`, `alunite gpu` and its adapter, a rival, or `ceiling`.
    pub(crate) who: String,
    pub(crate) version: String,
    pub(crate) bands: Option<usize>,
    #[serde(rename = "type")]
    pub(crate) sample_type: String,
    pub(crate) targets: Option<usize>,
    pub(crate) pixels: Option<usize>,
    pub(crate) median_s: Option<f64>,
    pub(crate) min_s: Option<f64>,
    pub(crate) max_s: Option<f64>,
    pub(crate) repeats: usize,
    /// What bounds the case.
    pub(crate) ceiling: String,
    /// Of a ceiling, and of a case against one: 10⁹ operations or bytes a second.
    pub(crate) giga_per_s: Option<f64>,
    /// The least time that the ceiling allows, as a share of the median.
    pub(crate) share: Option<f64>,
    /// A rival's median as a multiple of alunite's in the same run.
    pub(crate) ratio: Option<f64>,
    /// Most memory that was resident at once, in MiB.
    pub(crate) peak_mib: Option<f64>,
}

impl Row {
    /// What was run where, before it is timed.
    pub(crate) fn new(case: &str, who: &str, version: &str) -> Self {
        Self { case: case.to_owned(), who: who.to_owned(), version: version.to_owned(), ..Self::default() }
    }

    /// The same of arrays or a scene.
    pub(crate) fn of(self, bands: usize, sample_type: &str, targets: usize, pixels: usize) -> Self {
        Self {
            bands: Some(bands),
            sample_type: sample_type.to_owned(),
            targets: Some(targets),
            pixels: Some(pixels),
            ..self
        }
    }

    /// The same with times; there is at least one.
    pub(crate) fn timed(self, seconds: &[f64]) -> Self {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            median_s: Some(sorted[sorted.len() / 2]),
            min_s: sorted.first().copied(),
            max_s: sorted.last().copied(),
            repeats: sorted.len(),
            ..self
        }
    }

    /// The same held against a ceiling of `peak` operations or bytes a second, of which a pass needs `work`.
    pub(crate) fn against(self, ceiling: &str, work: f64, peak: f64) -> Self {
        let rate = self.median_s.map(|s| work / s);
        let share = rate.map(|r| r / peak);
        Self { ceiling: ceiling.to_owned(), giga_per_s: rate.map(|r| r / 1e9), share, ..self }
    }

    /// The same held against the least time that its parts allow.
    pub(crate) fn within(self, bound: &str, least: f64) -> Self {
        let share = self.median_s.map(|seconds| least / seconds);
        Self { ceiling: bound.to_owned(), share, ..self }
    }

    /// The same with the rate at which so many bytes of samples are worked off.
    pub(crate) fn moving(self, bytes: f64) -> Self {
        Self { giga_per_s: self.median_s.map(|seconds| bytes / seconds / 1e9), ..self }
    }

    /// The same with the memory that was resident at most.
    pub(crate) fn resident(self, peak_mib: f64) -> Self {
        Self { peak_mib: Some(peak_mib), ..self }
    }

    /// The same as a multiple of what alunite takes.
    pub(crate) fn beside(self, ours: &Self) -> Self {
        let ratio = self.median_s.zip(ours.median_s).map(|(theirs, ours)| theirs / ours);
        Self { ratio, ..self }
    }

    /// Whether the other is the same case of the same contender.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (&self.bench, &self.case, &self.who) == (&other.bench, &other.case, &other.who)
    }

    /// Numbers to four digits: a clock on a shared machine gives no more.
    pub(crate) fn rounded(mut self) -> Self {
        let numbers = [
            &mut self.median_s,
            &mut self.min_s,
            &mut self.max_s,
            &mut self.giga_per_s,
            &mut self.share,
            &mut self.ratio,
            &mut self.peak_mib,
        ];
        for number in numbers.into_iter().flatten() {
            *number = format!("{number:.3e}").parse().unwrap_or(*number);
        }
        self
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<34} {:<26}", self.case, self.who)?;
        if let Some(seconds) = self.median_s {
            write!(f, " {:>10.2} ms", seconds * 1e3)?;
        }
        if let Some(rate) = self.giga_per_s {
            write!(f, " {rate:>8.1} G/s")?;
        }
        if let Some(share) = self.share {
            write!(f, "  {:>5.1} % of {}", share * 100.0, self.ceiling)?;
        }
        if let Some(ratio) = self.ratio {
            write!(f, "  {ratio:.2} x alunite's time")?;
        }
        if let Some(peak) = self.peak_mib {
            write!(f, "  {peak:.0} MiB")?;
        }
        Ok(())
    }
}

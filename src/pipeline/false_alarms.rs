//! Thresholds from false alarms: a pass that tallies how every target scores on the background, and what follows from it.
//!
//! Rule images have the same bytes in any tiling, and tallies add up in any order, so thresholds do too.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tracing::info_span;

use super::device::Pass;
use super::grounds::{FALSE_ALARMS, Grounds, stage};
use super::part::{Parts, identity};
use super::plan::{Plan, Planned, PlannedMethod, ThresholdSource};
use super::scan::{Coming, Reading, scan};
use super::statistics::Mask;
use super::windows::{self, Load};
use crate::background::{Curve, LEAST_PIXELS, Point, Tail, Tally};
use crate::compute::{Scores, Task};
use crate::error::{Error, Result};
use crate::tile::{Tile, Window};

/// The pass is kept in this many parts at most.
const PARTS: usize = 64;

/// Tallies of all targets that are held at once: of the whole, of parts that are open, that wait, and that are written.
const IN_FLIGHT: usize = 6;

/// Targets whose curves a note can name.
const NAMED: usize = 5;

/// Of each method, the tally of every target; none where no rate was asked for.
pub(super) type Tallies = Vec<Vec<Tally>>;

/// What a pass over the background found.
#[derive(Debug, Clone, Default)]
pub struct FalseAlarms {
    /// Of each method: the curve of every target; nothing where no rate was asked for.
    curves: Vec<Option<Arc<Vec<Curve>>>>,
    notes: Vec<String>,
}

impl FalseAlarms {
    /// What should be known of them: one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// What `run.json` says of the false alarms of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateReport {
    /// The rate that was asked for; nothing where the threshold was fixed.
    pub asked: Option<f64>,
    /// The rate at the class's threshold.
    pub rate: f64,
    /// Pixels of the background.
    pub background_pixels: u64,
    /// Rates and the scores that reach them.
    pub points: Vec<Point>,
    /// The model of the tail.
    pub tail: Option<Tail>,
}

impl RateReport {
    /// Of a target of a method; nothing when no rate was asked for.
    pub(super) fn of(planned: &PlannedMethod, target: usize) -> Option<Self> {
        let curve = planned.curves.as_ref()?.get(target)?;
        Some(Self {
            asked: planned.rates.get(target).copied().flatten(),
            rate: curve.rate(planned.thresholds[target] as f32),
            background_pixels: curve.pixels(),
            points: curve.points(),
            tail: curve.tail().copied(),
        })
    }
}

/// Tallies the scores of the background where a rate of false alarms was asked for, in one pass over the scene that can be
/// killed and continued. `task` and `grounds` are what [`super::prepare`] made.
///
/// # Errors
/// Refuses rates that the background is too small for; fails when the pass fails, whose finished parts stay for the next
/// try.
pub fn false_alarms(planned: &Planned, task: &Task, grounds: Option<&Grounds>, pass: &Pass<'_>) -> Result<FalseAlarms> {
    if planned.draft.methods.iter().all(|m| !m.asks_rates()) {
        return Ok(FalseAlarms::default());
    }
    let _span = info_span!("false alarms").entered();
    let found = found(planned, &tally(planned, task, grounds, pass)?)?;
    found.notes.iter().for_each(|note| pass.observer.note(note));
    Ok(found)
}

/// What follows from the tallies of a background.
///
/// # Errors
/// Refuses rates that the background is too small for.
pub(super) fn found(planned: &Planned, tallies: &Tallies) -> Result<FalseAlarms> {
    let mut found = FalseAlarms::default();
    for (method, tallies) in planned.draft.methods.iter().zip(tallies) {
        let curves: Option<Vec<Curve>> = tallies.iter().map(Curve::new).collect();
        let Some(curves) = curves else {
            let pixels = tallies.iter().map(Tally::pixels).min().unwrap_or(0);
            let what = format!("{}: the background has {pixels} pixels, a tail takes {LEAST_PIXELS}", method.word);
            return Err(Error::refused("--false-alarms", what).hint("give --threshold, or a larger background"));
        };
        found.notes.extend(notes(method, &curves, &planned.draft.targets));
        found.curves.push(method.asks_rates().then(|| Arc::new(curves)));
    }
    // What is refused is refused before the map is made.
    let planned_methods = &planned.draft.methods;
    for (method, curves) in planned_methods.iter().zip(&found.curves) {
        method.thresholds_of(curves.as_ref(), &planned.draft.targets)?;
    }
    Ok(found)
}

/// What should be known of the curves of a method.
fn notes(method: &PlannedMethod, curves: &[Curve], targets: &[String]) -> Vec<String> {
    let word = method.word;
    let named = |is: &dyn Fn(usize, &Curve) -> bool| {
        let all: Vec<&str> =
            curves.iter().enumerate().filter(|(i, c)| is(*i, c)).map(|(i, _)| targets[i].as_str()).collect();
        let more = if all.len() > NAMED { " ..." } else { "" };
        (!all.is_empty()).then(|| format!("{}{more}", all[..all.len().min(NAMED)].join("; ")))
    };
    let beyond = named(&|i, curve| method.rates[i].is_some_and(|rate| rate * (curve.pixels() as f64) < 1.0));
    let poor = named(&|i, curve| method.rates[i].is_some() && curve.tail().is_some_and(Tail::is_poor));
    let pixels = curves.first().map_or(0, Curve::pixels);
    [
        beyond.map(|names| {
            format!(
                "false alarms of {word}: less than one of the {pixels} pixels of the background is asked for; the threshold \
                 is the tail model's, not counted: {names}"
            )
        }),
        poor.map(|names| {
            format!("false alarms of {word}: the tail of the background hardly fits its model; rates are rough: {names}")
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The tallies of all targets of each method that asks for rates; none of the others.
pub(super) fn tally(planned: &Planned, task: &Task, grounds: Option<&Grounds>, pass: &Pass<'_>) -> Result<Tallies> {
    let Pass { processor, limits, folder, observer } = *pass;
    let draft = &planned.draft;
    let scorer = task.clone().with_rules(true);
    let mut opened = processor.backend(&scorer, observer)?;
    let limits = opened.within(limits);
    let load = Load::of_map(&scorer, limits.threads).keeping(planned.rated() * Tally::BYTES * IN_FLIGHT);
    let windows = windows::cut(&planned.scene.description, &load, &limits, 0..draft.lines)?;
    let mask = planned.background.mask.as_deref();
    // Another try may ask for other rates; scores do not depend on them.
    let without = |m: &PlannedMethod| PlannedMethod { thresholds: Vec::new(), rates: Vec::new(), ..m.clone() };
    let scored = Plan { methods: draft.methods.iter().map(without).collect(), notes: Vec::new(), ..draft.clone() };
    let rated: Vec<bool> = draft.methods.iter().map(PlannedMethod::asks_rates).collect();
    let key = (scored, rated, grounds.map(|g| &g.identity), mask, &windows);
    let parts = Parts::open(&stage(folder, FALSE_ALARMS), identity(&key))?;

    let none = || -> Tallies {
        let targets = |m: &PlannedMethod| if m.asks_rates() { draft.targets.len() } else { 0 };
        draft.methods.iter().map(|m| (0..targets(m)).map(|_| Tally::new(m.method.best())).collect()).collect()
    };
    let a_part = windows.len().div_ceil(PARTS).max(1);
    let members = |part: usize| part * a_part..((part + 1) * a_part).min(windows.len());
    let (mut whole, mut todo) = (none(), Vec::new());
    for part in 0..windows.len().div_ceil(a_part) {
        match parts.read(part).and_then(|bytes| read(&bytes, none())) {
            Some(tallies) => merge(&mut whole, &tallies),
            None => todo.extend(members(part)),
        }
    }
    let left: u64 = todo.iter().map(|&i| windows[i].pixels() as u64).sum();
    observer.started("measuring false alarms", draft.pixels(), draft.pixels() - left);

    let mut mask = mask.map(|m| Mask::open(m, &planned.scene)).transpose()?;
    let mut notes = Vec::new();
    // Windows of a part come one after the other, so few parts are open at once.
    let mut open: BTreeMap<usize, (usize, Tallies)> = BTreeMap::new();
    let (scene, bands, ahead) = (&planned.scene, &draft.bands, limits.under_way);
    let reading = Reading { scene, bands, windows: &windows, todo, ahead, hash: None };
    let work = |index: usize, tile: &Tile, next: &Coming| {
        let scores = opened.map(tile, next, &mut notes, observer)?;
        let mut counts = vec![true; tile.window.pixels()];
        if let Some(mask) = &mut mask {
            mask.leave_out(tile.window, &mut counts)?;
        }
        let part = index / a_part;
        let (left, tallies) = open.entry(part).or_insert_with(|| (members(part).len(), none()));
        add(tallies, &scores, &counts);
        *left -= 1;
        let done = *left == 0;
        Ok((tile.window, if done { open.remove(&part).map(|(_, tallies)| (part, tallies)) } else { None }))
    };
    let write = |_: usize, (window, part): (Window, Option<(usize, Tallies)>)| {
        if let Some((part, tallies)) = part {
            let mut bytes = Vec::new();
            tallies.iter().flatten().for_each(|tally| tally.write(&mut bytes));
            parts.write(part, &[&bytes])?;
            merge(&mut whole, &tallies);
        }
        observer.advanced(window.pixels() as u64);
        Ok(())
    };
    scan(reading, work, write, |_| Ok(()))?;
    Ok(whole)
}

/// Adds a tile's scores, of the pixels that count.
fn add(tallies: &mut [Vec<Tally>], scores: &Scores, counts: &[bool]) {
    for (tallies, map) in tallies.iter_mut().zip(&scores.maps) {
        for (tally, scores) in tallies.iter_mut().zip(map.rules.chunks_exact(counts.len())) {
            scores.iter().zip(counts).filter(|(_, counts)| **counts).for_each(|(score, _)| tally.add(*score));
        }
    }
}

/// Adds the tallies of other pixels.
pub(super) fn merge(whole: &mut [Vec<Tally>], part: &[Vec<Tally>]) {
    whole.iter_mut().flatten().zip(part.iter().flatten()).for_each(|(whole, part)| whole.merge(part));
}

/// The tallies of a part, in the place of `empty` ones; nothing when it holds others.
fn read(mut bytes: &[u8], mut empty: Tallies) -> Option<Tallies> {
    for tally in empty.iter_mut().flatten() {
        *tally = Tally::read(tally.best(), &mut bytes)?;
    }
    bytes.is_empty().then_some(empty)
}

impl PlannedMethod {
    /// Whether a rate of false alarms was asked for, for any target.
    pub(super) fn asks_rates(&self) -> bool {
        self.rates.iter().any(Option::is_some)
    }

    /// Whether its thresholds are those of rates that were never measured.
    pub(super) fn lacks_curves(&self) -> bool {
        self.asks_rates() && self.curves.is_none()
    }

    /// The thresholds, with those of the rates that were asked for.
    fn thresholds_of(&self, curves: Option<&Arc<Vec<Curve>>>, targets: &[String]) -> Result<Vec<f64>> {
        let one = |(i, &fixed): (usize, &f64)| {
            let (Some(rate), Some(curve)) = (self.rates[i], curves.and_then(|c| c.get(i))) else { return Ok(fixed) };
            let place = || format!("--false-alarms {}:{}={rate:e}", self.word, targets[i]);
            if rate < curve.least() {
                let what = format!("a background of {} pixels supports {:.1e} and more", curve.pixels(), curve.least());
                return Err(Error::refused(place(), what).hint("ask for a higher rate, or give --threshold"));
            }
            curve.score(rate).ok_or_else(|| {
                Error::refused(place(), "the best scores of the background are all one, so they have no tail")
                    .hint(format!("give --threshold '{}:{}=SCORE'", self.word, targets[i]))
            })
        };
        self.thresholds.iter().enumerate().map(one).collect()
    }
}

impl Planned {
    /// Curves that the run makes, of all methods together.
    pub(super) fn rated(&self) -> usize {
        self.draft.methods.iter().filter(|m| m.asks_rates()).count() * self.draft.targets.len()
    }
}

impl Plan {
    /// The plan with the thresholds that follow from what was measured.
    ///
    /// # Errors
    /// Refuses rates that the background does not support.
    pub fn with_false_alarms(mut self, found: FalseAlarms) -> Result<Self> {
        for (method, curves) in self.methods.iter_mut().zip(found.curves) {
            if let Some(curves) = curves {
                method.thresholds = method.thresholds_of(Some(&curves), &self.targets)?;
                method.threshold_source = ThresholdSource::FalseAlarms;
                method.curves = Some(curves);
            }
        }
        self.notes.extend(found.notes);
        self.zones = self.zones.map(|zones| zones.with_thresholds(&self.targets, &self.methods));
        Ok(self)
    }
}

//! Thresholds from false alarms in a mosaic: of each scene's own background, or of all scenes' together.

use tracing::info_span;

use super::{Mosaic, Sharing};
use crate::background::{Curve, Statistics};
use crate::error::Result;
use crate::pipeline::device::Pass;
use crate::pipeline::false_alarms::{FalseAlarms, Tallies, found, merge, tally};
use crate::pipeline::plan::{Planned, PlannedMethod};
use crate::pipeline::windows::Limits;

impl Mosaic {
    /// Whether thresholds follow from rates of false alarms.
    pub(super) fn asks_rates(&self) -> bool {
        self.scenes.iter().any(|scene| scene.draft.methods.iter().any(PlannedMethod::asks_rates))
    }

    /// Whether each scene has thresholds of its own.
    pub(super) fn has_own_thresholds(&self) -> bool {
        self.scenes.len() > 1 && self.sharing == Sharing::PerScene && self.asks_rates()
    }

    /// What is left of the limits beside the false alarm curves that are kept until the maps are put together.
    #[must_use]
    pub fn limits(&self, limits: &Limits) -> Limits {
        // A scene counts its own.
        let others = if self.sharing == Sharing::Pooled { 1 } else { self.scenes.len() - 1 };
        let curves = self.scenes.first().map_or(0, Planned::rated) * others * Curve::BYTES;
        Limits { max_memory: limits.max_memory.saturating_sub(curves), ..*limits }
    }

    /// As [`crate::pipeline::false_alarms()`] of every scene, before any is mapped: what is refused is refused before the
    /// work. Pooled, the tallies of all scenes are one, and so are their thresholds. The folder of the pass is that of the
    /// mosaic's parts.
    ///
    /// # Errors
    /// As [`crate::pipeline::false_alarms()`] and [`Mosaic::prepare`].
    pub fn false_alarms(&self, pooled: Option<&Statistics>, pass: &Pass<'_>) -> Result<Vec<FalseAlarms>> {
        if !self.asks_rates() {
            return Ok(vec![FalseAlarms::default(); self.scenes.len()]);
        }
        let _span = info_span!("false alarms of a mosaic").entered();
        let (mut whole, mut of_scenes): (Option<Tallies>, _) = (None, Vec::new());
        for (i, (scene, name)) in self.scenes.iter().zip(&self.names).enumerate() {
            let folder = Self::folder(pass.folder, i);
            let pass = Pass { folder: &folder, ..*pass };
            let (task, grounds) = self.prepare_scene(i, pooled, &pass)?;
            let tallies = tally(scene, &task, grounds.as_ref(), &pass).map_err(|e| e.within(name))?;
            match (&mut whole, self.sharing) {
                (_, Sharing::PerScene) => {
                    let found = found(scene, &tallies).map_err(|e| e.within(name))?;
                    found.notes().iter().for_each(|note| pass.observer.note(&format!("{name}: {note}")));
                    of_scenes.push(found);
                }
                (Some(whole), Sharing::Pooled) => merge(whole, &tallies),
                (None, Sharing::Pooled) => whole = Some(tallies),
            }
        }
        if let (Some(tallies), Some(first)) = (whole, self.scenes.first()) {
            let found = found(first, &tallies)?;
            found.notes().iter().for_each(|note| pass.observer.note(note));
            of_scenes = vec![found; self.scenes.len()];
        }
        Ok(of_scenes)
    }
}

//! The maps of a scene, begun before it is mapped, so that tiles can go into them while others are read and mapped.

use std::path::{Path, PathBuf};

use crossbeam_channel::bounded;
use tracing::info_span;

use super::finish::{clear_leftovers, outputs};
use super::geometry::Geometry;
use super::maps::Maps;
use super::orthorectify;
use super::part::{Part, Parts};
use super::plan::Plan;
use super::sheet::Sheet;
use crate::error::{Error, Result};
use crate::scene::Scene;

/// The maps of a scene, to which [`super::map`] may add tiles and [`super::finish()`] adds the others. Dropping it removes what
/// it has made; parts stay.
pub struct Begun<'a> {
    pub(super) scene: &'a Scene,
    pub(super) plan: &'a Plan,
    pub(super) out: PathBuf,
    pub(super) maps: Maps<'a>,
    /// Of each tile of the plan, whether it was added.
    added: Vec<bool>,
}

/// Begins the maps of a plan in `out`, under temporary names, with scratch files in `parts`, the folder of its parts. What a
/// run that was killed left of its own goes.
///
/// # Errors
/// When a file cannot be made or removed.
pub fn begin<'a>(scene: &'a Scene, plan: &'a Plan, out: &Path, parts: &Path) -> Result<Begun<'a>> {
    let parts = Parts::open(parts, plan.identity())?;
    clear_leftovers(out, &outputs(plan.methods.iter().map(|m| m.word)))?;
    let maps = Maps::create(Sheet::of(plan), out, parts.folder())?;
    Ok(Begun { scene, plan, out: out.to_owned(), maps, added: vec![false; plan.windows.len()] })
}

impl Begun<'_> {
    /// Adds a tile, unless memory is short, or results go through a lookup table, any line of which may lead to any tile.
    pub(super) fn add(&mut self, index: usize, tile: &Part) -> Result<()> {
        if self.plan.geometry == Some(Geometry::Map) || !self.plan.maps_fit {
            return Ok(());
        }
        self.added[index] = true;
        self.maps.add(tile, &[])
    }

    /// Adds what was not added yet, from the parts.
    ///
    /// # Errors
    /// When a part is missing or damaged.
    pub(super) fn add_parts(&mut self, parts: &Parts) -> Result<()> {
        let Self { scene, plan, maps, added, .. } = self;
        let gather = |give: &mut dyn FnMut(Part) -> Result<()>| match (plan.geometry, scene.lookup()) {
            (Some(Geometry::Map), Some(mut lookup)) => orthorectify::gather(plan, parts, &mut *lookup, give),
            _ => {
                let shape = plan.shape();
                plan.windows.iter().enumerate().filter(|(index, _)| !added[*index]).try_for_each(|(index, &window)| {
                    let span = info_span!("gather", tile = index, pixels = window.pixels());
                    give(span.in_scope(|| parts.take(index, window, &shape))?)
                })
            }
        };
        one_ahead(gather, |part| maps.add(&part, &[]))
    }
}

/// Has `make` give parts in a thread of its own while `take` is at the one before.
fn one_ahead(
    make: impl FnOnce(&mut dyn FnMut(Part) -> Result<()>) -> Result<()> + Send,
    mut take: impl FnMut(Part) -> Result<()>,
) -> Result<()> {
    let (give, given) = bounded::<Part>(1);
    std::thread::scope(|scope| {
        let gone = || Error::failed("gather", "nobody takes what was gathered");
        let make = move || make(&mut |part| give.send(part).map_err(|_| gone()));
        let making = std::thread::Builder::new().name("gatherer".into()).spawn_scoped(scope, make);
        let making = making.map_err(|e| Error::failed("threads", e))?;
        let mut taken = Ok(());
        while let Ok(part) = info_span!("wait for a part").in_scope(|| given.recv()) {
            taken = take(part);
            if taken.is_err() {
                break;
            }
        }
        // What is made now finds nobody, and ends.
        drop(given);
        let made = making.join().unwrap_or_else(|_| Err(Error::failed("gather", "a thread panicked")));
        taken.and(made)
    })
}

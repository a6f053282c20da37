//! The map stage: every tile that has no valid part yet is read, mapped and published.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::info_span;

use super::Observer;
use super::begin::Begun;
use super::device::Opened;
use super::part::{Part, Parts};
use super::plan::{Input, Plan};
use super::scan::{Coming, Reading, Shared, scan};
use super::workers::{scan_by_workers, stripes};
use crate::compute::{Backend, Busy};
use crate::error::{Error, Result};
use crate::files::PassingHash;
use crate::scene::Scene;
use crate::tile::{Tile, Window};

/// How the map stage went.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The folder of parts.
    pub parts: PathBuf,
    /// What computed the last tile.
    pub backend: String,
    /// Parts that an earlier run had left.
    pub resumed: usize,
    /// Time spent on the background before, when a method needs one.
    pub preparing: Duration,
    /// Time that readers spent reading, all readers together.
    pub reading: Duration,
    /// How many they were.
    pub readers: usize,
    /// Time spent computing.
    pub computing: Duration,
    /// What a device that tiles were moved to spent that time on.
    pub device: Option<Busy>,
    /// Time spent writing parts, and adding them to maps meanwhile.
    pub writing: Duration,
    /// What was noted on the way.
    pub notes: Vec<String>,
    /// XXH3 (128 bits) of every input of the plan, in order, in hexadecimal.
    pub hashes: Vec<String>,
}

/// Maps every tile that has no valid part yet. Tiles go into maps that were begun where that takes no time from others.
///
/// # Errors
/// When reading, computing or writing fails; parts that were finished stay for the next try.
pub fn map(
    scene: &Scene,
    plan: &Plan,
    mut opened: Opened,
    (folder, observer): (&Path, &dyn Observer),
    mut maps: Option<&mut Begun<'_>>,
) -> Result<Mapped> {
    let _span = info_span!("map").entered();
    if let Some(method) = plan.methods.iter().find(|m| m.lacks_curves()) {
        let what = "false alarms were asked for and have not been measured";
        return Err(Error::failed(format!("thresholds of {}", method.word), what));
    }
    let parts = Parts::open(folder, plan.identity())?;
    let shape = plan.shape();
    let is_missing = |&i: &usize| parts.read_scores(i, plan.windows[i], &shape).is_none();
    let missing: Vec<usize> =
        info_span!("look for parts").in_scope(|| (0..plan.windows.len()).filter(is_missing).collect());
    let resumed = plan.windows.len() - missing.len();
    let left: u64 = missing.iter().map(|&i| plan.windows[i].pixels() as u64).sum();
    observer.started("mapping", plan.pixels(), plan.pixels() - left);

    let mut notes = Vec::new();
    let bands = &plan.bands;
    // The scene's file is the first input. Read from beginning to end, it is hashed as it passes.
    let in_order = resumed == 0 && scene.in_file_order() && plan.windows.iter().all(|w| w.width == plan.samples);
    let passing = plan.inputs.first().filter(|input| in_order && input.path == scene.description.path);
    let passing = passing.map(|input| PassingHash::of(&input.path)).transpose()?.map(|hash| Arc::new(Mutex::new(hash)));
    let write = |index: usize, part: &Part| {
        parts.write_scores(index, part)?;
        observer.advanced(part.scores.window.pixels() as u64);
        Ok(())
    };
    // Beside the readers, so that a cold file comes from the disk once.
    let beside = &plan.inputs[usize::from(passing.is_some())..];
    let hashes = |shared: &Shared| beside.iter().map(|i| hash(i, shared)).collect::<Result<Vec<_>>>();
    let hash = passing.clone();
    let few = scene.few_lines();
    let workers = if few.is_some() { opened.backend.split()? } else { Vec::new() };
    let (spent, mut hashes) = if workers.is_empty() {
        let ahead = opened.backend.depth();
        let reading = Reading { scene, bands, windows: &plan.windows, todo: missing, ahead, hash };
        let work = |_: usize, tile: &Tile, next: &Coming| {
            let scores = opened.map(tile, next, &mut notes, observer)?;
            Ok(Part::of(tile, opened.backend.task(), scores))
        };
        let write = |index, part: Part| {
            write(index, &part)?;
            maps.as_mut().map_or(Ok(()), |maps| maps.add(index, &part))
        };
        scan(reading, work, write, hashes)?
    } else {
        // Workers keep tiles in the caches of their cores, and whoever adds to maps meanwhile would drive them out: a run takes
        // a tenth longer then than when parts are added at the end.
        let line = bands.len() * scene.description.sample_type.size();
        let cut = |window: Window| stripes(window, line * window.width, few.unwrap_or(1));
        let small = |&i: &usize| cut(plan.windows[i]).map(move |stripe| (i, stripe));
        let (of, windows): (Vec<usize>, Vec<Window>) = missing.iter().flat_map(small).unzip();
        // As much as one part may wait while another goes to the disk.
        let ahead = plan.windows.first().map_or(0, |window| cut(*window).count());
        let reading = Reading { scene, bands, windows: &windows, todo: (0..windows.len()).collect(), ahead, hash };
        let work = |mut backend: Box<dyn Backend>| {
            move |tile: &Tile| {
                let scores = backend.map(tile)?;
                Ok(Part::of(tile, backend.task(), scores))
            }
        };
        // Stripes of a part come one soon after the other.
        let mut begun: HashMap<usize, (Part, usize)> = HashMap::new();
        let gather = |stripe: usize, piece: Part| {
            let (part, left) = begun.entry(of[stripe]).or_insert_with(|| {
                let window = plan.windows[of[stripe]];
                (Part::nodata(window, &shape), window.height)
            });
            part.insert(&piece);
            *left -= piece.scores.window.height;
            match *left {
                0 => begun.remove(&of[stripe]).map_or(Ok(()), |(part, _)| write(of[stripe], &part)),
                _ => Ok(()),
            }
        };
        scan_by_workers(reading, workers.into_iter().map(work).collect(), gather, hashes)?
    };
    if let Some(passing) = passing {
        let _rest = info_span!("hash", file = %plan.inputs[0].path.display()).entered();
        // The readers have ended, and with them their shares in it.
        let passed = Arc::into_inner(passing).and_then(|hash| hash.into_inner().ok());
        let passed = passed.ok_or_else(|| Error::failed("hash", "a reader that has ended still holds it"))?;
        hashes.insert(0, passed.finish(|| false)?);
    }
    Ok(Mapped {
        parts: folder.to_owned(),
        backend: opened.label(),
        resumed,
        preparing: Duration::ZERO,
        reading: spent.reading,
        readers: spent.readers,
        computing: spent.computing,
        device: opened.backend.busy(),
        writing: spent.writing,
        notes,
        hashes,
    })
}

/// The hash of an input; of less when the run has failed.
fn hash(input: &Input, shared: &Shared) -> Result<String> {
    let _span = info_span!("hash", file = %input.path.display(), bytes = input.bytes).entered();
    PassingHash::of(&input.path)?.finish(|| shared.stopped())
}

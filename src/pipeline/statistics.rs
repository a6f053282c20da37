//! The statistics stage: sums over the pixels of the background, in one pass that can be killed and continued.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tracing::info_span;

use super::Observer;
use super::device::{Opened, Pass};
use super::part::{Parts, identity};
use super::plan::Input;
use super::scan::{Coming, Reading, scan};
use super::stats::Shard;
use super::windows::{self, Load};
use crate::background::{Origin, Statistics, Summands, Tree, Units};
use crate::error::{Error, ErrorKind, Result};
use crate::map::set_cache_bytes;
use crate::scene::{Scene, SceneOptions, TileReader};
use crate::spectrum::Bands;
use crate::tile::{Sample as _, Scaling, Tile, Window};
use crate::with_samples;

/// A pass is kept in this many parts at most: sums are large.
const PARTS: usize = 64;

/// Windows that the provisional mean is taken from, at most.
const SAMPLED: usize = 32;

/// One block of so many is decoded for it, as each is decoded again in the pass.
const BLOCKS_A_SAMPLE: usize = 16;

/// Whose statistics, and how they are cut.
pub(super) struct Selection<'a> {
    pub(super) scene: &'a Scene,
    /// Bands in use, as indices from 0.
    pub(super) bands: &'a [usize],
    pub(super) band_facts: Option<&'a Bands>,
    /// In the bands in use.
    pub(super) scaling: &'a Scaling,
    pub(super) units: Units,
    /// A raster whose pixels other than zero and no data are the background.
    pub(super) mask: Option<&'a Path>,
    /// Pixels that are left out although they belong to it.
    pub(super) exclusion: Option<Exclusion>,
    /// Of which part of the scene.
    pub(super) shard: Shard,
}

/// Pixels that score too high for a target are no background.
pub(super) struct Exclusion {
    /// Scores every target.
    pub(super) opened: Opened,
    /// Scores above are left out; one a target.
    pub(super) thresholds: Vec<f32>,
    /// In words, with the numbers that decide.
    pub(super) words: String,
    /// Hash of what the scores follow from.
    pub(super) identity: String,
}

/// Fixes the parts of a pass; parts of another are not used.
#[derive(Serialize)]
struct Stage<'a> {
    origin: &'a Origin,
    inputs: Vec<Input>,
    windows: &'a [Window],
    /// Windows of a part.
    a_part: usize,
    shard: Shard,
    /// Backends differ in their last bits, and a pass is of one.
    device: &'static str,
}

impl Selection<'_> {
    /// Which pixels, in words.
    fn words(&self) -> String {
        let whole = match self.mask {
            Some(mask) => format!("the pixels of {}", mask.display()),
            None => "the scene".to_owned(),
        };
        let whole = match &self.scene.description.masked {
            Some(masked) => format!("{whole}, without the mask's {}", masked.bands.join(",")),
            None => whole,
        };
        let groups = match self.units.columns {
            Some(columns) => format!("{whole}, in groups of {columns} detector columns"),
            None => whole,
        };
        match &self.exclusion {
            Some(exclusion) => format!("{groups}, {}", exclusion.words),
            None => groups,
        }
    }

    /// The lines of the shard: whole units.
    fn lines(&self) -> Range<usize> {
        let (height, lines, shard) = (self.units.unit_lines(), self.units.lines, self.shard);
        let rows = lines.div_ceil(height);
        let at = |i: usize| (rows * i / shard.of * height).min(lines);
        at(shard.index)..at(shard.index + 1)
    }

    fn origin(&self, about: &[f64]) -> Result<Origin> {
        let described = &self.scene.description;
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{:?} {:?} {:?}", self.units, described.sample_type, described.nodata).as_bytes());
        if !described.quality.is_empty() {
            hasher.update(format!("{:?}", described.quality).as_bytes());
        }
        if let Some(masked) = &described.masked {
            hasher.update(format!("{masked:?}").as_bytes());
        }
        for band in self.bands {
            hasher.update(&(*band as u64).to_le_bytes());
        }
        for value in about.iter().chain(&self.scaling.gain).chain(&self.scaling.offset) {
            hasher.update(&value.to_le_bytes());
        }
        if let Some(mask) = self.mask {
            let bytes = std::fs::read(mask).map_err(|e| Error::io(mask, "cannot read", &e))?;
            hasher.update(&bytes);
        }
        if let Some(exclusion) = &self.exclusion {
            hasher.update(exclusion.identity.as_bytes());
        }
        Ok(Origin {
            scenes: vec![described.path.clone()],
            units: self.units.clone(),
            bands: self.bands.to_vec(),
            band_facts: self.band_facts.cloned(),
            background: self.words(),
            identity: hasher.finalize().to_hex().to_string(),
        })
    }

    /// A spectrum near the mean, from windows spread over the scene: the same for every shard.
    fn provisional_mean(&self) -> Result<Vec<f64>> {
        let described = &self.scene.description;
        let mut reader = self.scene.sampler(self.bands)?;
        let (mut sums, mut pixels) = (vec![0.0; self.bands.len()], 0_u64);
        let few = described.sample((described.blocks() / BLOCKS_A_SAMPLE).clamp(1, SAMPLED));
        let enough = few.len();
        // Where these few hold no data, any window that does will do.
        for (i, window) in few.into_iter().chain(described.sample(SAMPLED)).enumerate() {
            if i >= enough && pixels > 0 {
                break;
            }
            let tile = reader.read(window)?;
            let mut valid = tile.valid(described.nodata);
            leave_out_too_large(&tile, self.scaling, &mut valid);
            pixels += valid.iter().filter(|v| **v).count() as u64;
            sums.iter_mut().zip(sum_of(&tile, &valid, self.scaling)).for_each(|(sum, more)| *sum += more);
        }
        Ok(sums.into_iter().map(|s| if pixels > 0 { s / pixels as f64 } else { 0.0 }).collect())
    }

    /// Sums over all windows that have no part yet, and over the parts. When the device fails and the CPU may, all over
    /// again with the CPU: sums of two devices are not mixed.
    ///
    /// # Errors
    /// When reading, computing or writing fails; parts that were finished stay for the next try.
    pub(super) fn collect(mut self, pass: &Pass<'_>) -> Result<Statistics> {
        match self.collect_on(pass) {
            Err(error) if error.kind() == ErrorKind::Failed && pass.processor.may_fall_back() => {
                pass.observer.note(&format!("the GPU failed, going on with the CPU ({error})"));
                self.collect_on(&Pass { processor: &pass.processor.without_gpu(), ..*pass })
            }
            collected => collected,
        }
    }

    fn collect_on(&mut self, pass: &Pass<'_>) -> Result<Statistics> {
        let _span = info_span!("sum statistics").entered();
        let Pass { processor, limits, folder, observer } = *pass;
        let described = &self.scene.description;
        let mapped = self.exclusion.as_ref().map(|e| e.opened.backend.task());
        let limits = self.exclusion.as_ref().map_or(*limits, |e| e.opened.within(limits));
        let load = Load::of_statistics(&self.units, self.bands.len(), limits.threads, mapped);
        let windows = windows::cut(described, &load, &limits, self.lines())?;
        // Of each block that is decoded for the mean one line is read, and none again: GDAL need not keep them.
        set_cache_bytes(windows::block_cache(described, described.block.0) as u64);
        let about = info_span!("provisional mean").in_scope(|| self.provisional_mean())?;
        let origin = self.origin(&about)?;
        let files = std::iter::once(&described.path).chain(&described.companions);
        let inputs: Vec<Input> = files.map(|p| Input::of(p)).chain(self.mask.map(Input::of)).collect::<Result<_>>()?;
        // Whole rows of tiles, so many that few sums of a part wait for those of its neighbours.
        let across = windows.iter().take_while(|w| w.y == windows[0].y).count().max(1);
        let a_part = across * (windows.len() / across).div_ceil(PARTS).max(1).next_power_of_two();
        let (shard, device) = (self.shard, processor.word());
        let stage = Stage { origin: &origin, inputs, windows: &windows, a_part, shard, device };
        let parts = Parts::open(folder, identity(&stage))?;

        let none = Statistics { origin, about, tree: Tree::default() };
        let mut whole = none.clone();
        let mut waiting: HashMap<usize, (usize, Statistics)> = HashMap::new();
        let mut todo = Vec::new();
        for index in 0..windows.len().div_ceil(a_part) {
            let members = index * a_part..((index + 1) * a_part).min(windows.len());
            match parts.read(index).and_then(|bytes| Statistics::from_bytes(&bytes, "part").ok()) {
                Some(part) => add(&mut whole, part),
                None => {
                    waiting.insert(index, (members.len(), none.clone()));
                    todo.extend(members);
                }
            }
        }
        let pixels = |windows: &mut dyn Iterator<Item = &Window>| windows.map(|w| w.pixels() as u64).sum::<u64>();
        let total = pixels(&mut windows.iter());
        let left = pixels(&mut todo.iter().map(|&i| &windows[i]));
        observer.started("summing statistics", total, total - left);

        let mut device = processor.sums(observer)?;
        let mut mask = self.mask.map(|m| Mask::open(m, self.scene)).transpose()?;
        let mut notes = Vec::new();
        let (units, differences) = (&self.units, self.scaling.less(&none.about));
        let exclusion = &mut self.exclusion;
        let (scene, bands, ahead) = (self.scene, self.bands, limits.under_way);
        let reading = Reading { scene, bands, windows: &windows, todo, ahead, hash: None };
        let work = |index: usize, tile: &Tile, next: &Coming| {
            let mut counts = vec![true; tile.window.pixels()];
            leave_out_too_large(tile, self.scaling, &mut counts);
            if let Some(mask) = &mut mask {
                mask.leave_out(tile.window, &mut counts)?;
            }
            if let Some(exclusion) = exclusion.as_mut() {
                exclusion.leave_out(tile, next, &mut counts, &mut notes, observer)?;
            }
            let units_here = units
                .within(tile.window)
                .ok_or_else(|| Error::failed("statistics", format!("{:?} cuts through a unit of sums", tile.window)))?;
            let summands = Summands { tile, counts: &counts, nodata: described.nodata, scaling: &differences };
            let part = index / a_part;
            let Some((left, statistics)) = waiting.get_mut(&part) else { return Ok((tile.window, None)) };
            let tree = Mutex::new(&mut statistics.tree);
            device.sum(&summands, &units_here, &|unit, moments| {
                let mut tree = tree.lock().unwrap_or_else(PoisonError::into_inner);
                tree.insert(unit.place, moments, units.count(unit.place.group));
            })?;
            *left -= 1;
            let done = *left == 0;
            Ok((tile.window, if done { waiting.remove(&part).map(|(_, s)| (part, s)) } else { None }))
        };
        let write = |_: usize, (window, part): (Window, Option<(usize, Statistics)>)| {
            if let Some((index, part)) = part {
                parts.write(index, &[&part.to_bytes()?])?;
                add(&mut whole, part);
            }
            observer.advanced(window.pixels() as u64);
            Ok(())
        };
        scan(reading, work, write, |_| Ok(()))?;
        Ok(whole)
    }
}

fn add(whole: &mut Statistics, part: Statistics) {
    for (place, moments) in part.tree.nodes {
        whole.tree.insert(place, moments, whole.origin.units.count(place.group));
    }
}

/// Pixels whose reflectances f32 cannot hold do not count.
fn leave_out_too_large(tile: &Tile, scaling: &Scaling, counts: &mut [bool]) {
    if tile.samples.sample_type().size() == 8 {
        with_samples!(&tile.samples, values => {
            for (band, (gain, offset)) in scaling.gain.iter().zip(&scaling.offset).enumerate() {
                let fits = |v: f64| ((v * gain + offset) as f32).is_finite();
                counts.iter_mut().zip(tile.band(values, band)).for_each(|(c, v)| *c &= fits(v.to_f64()));
            }
        });
    }
}

/// The sum of each band's scaled values over the pixels that count. Pixel after pixel, as a band's sum waits for its last
/// addition, and those of the other bands do not.
fn sum_of(tile: &Tile, counts: &[bool], scaling: &Scaling) -> Vec<f64> {
    let mut sums = vec![0.0; tile.bands];
    with_samples!(&tile.samples, values => {
        let groups = values.chunks_exact((tile.bands * Tile::GROUP).max(1));
        for (group, counts) in groups.zip(counts.chunks(Tile::GROUP)) {
            for pixel in (0..counts.len()).filter(|pixel| counts[*pixel]) {
                let column = group[pixel..].iter().step_by(Tile::GROUP);
                let scaled = column.zip(&scaling.gain).zip(&scaling.offset).map(|((v, gain), offset)| v.to_f64() * gain + offset);
                sums.iter_mut().zip(scaled).for_each(|(sum, value)| *sum += value);
            }
        }
    });
    sums
}

/// A raster that says which pixels are the background.
pub(super) struct Mask {
    path: PathBuf,
    reader: Box<dyn TileReader>,
    nodata: Option<f64>,
}

impl Mask {
    pub(super) fn open(path: &Path, scene: &Scene) -> Result<Self> {
        let mask = Scene::open(path, &SceneOptions::default())?;
        let (m, s) = (&mask.description, &scene.description);
        if (m.lines, m.samples) != (s.lines, s.samples) {
            let what = format!("has {} x {} pixels, the scene has {} x {}", m.lines, m.samples, s.lines, s.samples);
            return Err(Error::refused(path.display(), what).hint("give a mask on the scene's own grid"));
        }
        if m.grid.geotransform.is_some() && s.grid.geotransform.is_some() && m.grid.geotransform != s.grid.geotransform
        {
            let what = format!("lies at {:?}, the scene at {:?}", m.grid.geotransform, s.grid.geotransform);
            return Err(Error::refused(path.display(), what).hint("give a mask on the scene's own grid"));
        }
        Ok(Self { path: path.to_owned(), reader: mask.reader(&[0])?, nodata: m.nodata })
    }

    /// Pixels that it does not hold do not count.
    pub(super) fn leave_out(&mut self, window: Window, counts: &mut [bool]) -> Result<()> {
        let tile = self.reader.read(window).map_err(|e| Error::failed(self.path.display(), e))?;
        let nodata = self.nodata;
        with_samples!(&tile.samples, values => {
            let of_mask = values.iter().map(|v| v.to_f64());
            counts.iter_mut().zip(of_mask).for_each(|(c, m)| *c &= m != 0.0 && m.is_finite() && Some(m) != nodata);
        });
        Ok(())
    }
}

impl Exclusion {
    fn leave_out(
        &mut self,
        tile: &Tile,
        next: &Coming,
        counts: &mut [bool],
        notes: &mut Vec<String>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let scores = self.opened.map(tile, next, notes, observer)?;
        for map in &scores.maps {
            for (scores, &threshold) in map.rules.chunks_exact(tile.window.pixels()).zip(&self.thresholds) {
                counts.iter_mut().zip(scores).for_each(|(c, s)| *c &= *s <= threshold);
            }
        }
        Ok(())
    }
}

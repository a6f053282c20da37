//! Parts: the finished tiles of a run, each a checked file. Resuming a run means finding parts that check out.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::compute::{MapScores, Scores, Task};
use crate::error::{Error, Result};
use crate::tile::{Sample as _, Tile, Window};
use crate::with_samples;

/// A tile's scores and the brightness of its pixels, as they lie in a part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) scores: Scores,
    /// Reflectance of one band, for the quick look; NaN where the pixel is no data.
    pub(super) grey: Vec<f32>,
}

impl Part {
    /// The part of a tile that was mapped.
    pub(super) fn of(tile: &Tile, task: &Task, scores: Scores) -> Self {
        let grey = grey(tile, task, &scores);
        Self { scores, grey }
    }

    /// Puts whole lines of the part into their place.
    pub(super) fn insert(&mut self, lines: &Self) {
        let (all, here) = (self.scores.window, lines.scores.window);
        let first = (here.y - all.y) * all.width;
        self.grey[first..][..lines.grey.len()].copy_from_slice(&lines.grey);
        self.scores.insert(&lines.scores);
    }

    /// A part in which no pixel is data.
    pub(super) fn nodata(window: Window, shape: &Shape) -> Self {
        let pixels = window.pixels();
        let map = |&(has_targets, rules): &(bool, usize)| MapScores::nodata(pixels, has_targets, rules);
        Self { scores: Scores { window, maps: shape.iter().map(map).collect() }, grey: vec![f32::NAN; pixels] }
    }

    /// What lies in the file, one after the other.
    fn pieces(&self) -> Vec<&[u8]> {
        let mut pieces: Vec<&[u8]> = vec![bytemuck::cast_slice(&self.grey)];
        for map in &self.scores.maps {
            pieces.push(bytemuck::cast_slice(&map.best));
            pieces.push(bytemuck::cast_slice(&map.runner_up));
            pieces.push(bytemuck::cast_slice(&map.score));
            pieces.push(bytemuck::cast_slice(&map.margin));
            pieces.push(bytemuck::cast_slice(&map.rules));
        }
        pieces
    }
}

/// The reflectance of the middle band in use, for the picture; NaN where every method has no data.
fn grey(tile: &Tile, task: &Task, scores: &Scores) -> Vec<f32> {
    let band = tile.bands / 2;
    let (gain, offset) = (task.scaling().gain[band], task.scaling().offset[band]);
    let data = |p: usize| scores.maps.iter().any(|m| !m.score[p].is_nan());
    with_samples!(&tile.samples, values => {
        let value = |v: f64| (v * gain + offset) as f32;
        tile.band(values, band).enumerate().map(|(p, v)| if data(p) { value(v.to_f64()) } else { f32::NAN }).collect()
    })
}

/// What a method leaves of a tile: whether it has targets, and its number of rule images.
pub(super) type Shape = Vec<(bool, usize)>;

/// Read back as another number on a machine of the other byte order, whose parts are not ours.
const MAGIC: u64 = 0x0001_5452_4150_4C41;

/// Magic, length of the payload, checksum of plan, place and payload.
const HEADER: usize = 8 + 8 + 4;

/// What a part says of its payload.
#[derive(Debug, Clone, Copy)]
struct Stated {
    length: usize,
    checksum: u32,
}

impl Stated {
    /// The header of a part of `size` bytes, which must hold what it states, no more and no less.
    fn read(from: &mut impl Read, size: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).ok()?;
        let (magic, rest) = header.split_first_chunk::<8>()?;
        let (length, checksum) = rest.split_first_chunk::<8>()?;
        let length = u64::from_ne_bytes(*length);
        let whole = Some(size) == (HEADER as u64).checked_add(length);
        let stated = Self { length: length.try_into().ok()?, checksum: u32::from_ne_bytes(*checksum.first_chunk()?) };
        (whole && *magic == MAGIC.to_ne_bytes()).then_some(stated)
    }
}

/// The folder of a run's parts.
pub(super) struct Parts {
    folder: PathBuf,
    plan: [u8; 32],
}

impl Parts {
    /// Opens the folder for the plan with this identity; parts of any other plan are removed.
    pub(super) fn open(folder: &Path, plan: [u8; 32]) -> Result<Self> {
        let parts = Self { folder: folder.to_owned(), plan };
        let stamp = folder.join("plan");
        if folder.exists() && !File::open(&stamp).is_ok_and(|stamp| parts.is_stamped(stamp)) {
            parts.remove()?;
        }
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder of parts", &e))?;
        fs::write(&stamp, plan).map_err(|e| Error::io(&stamp, "cannot write", &e))?;
        Ok(parts)
    }

    /// Whether a stamp is that of this plan.
    pub(super) fn is_stamped(&self, stamp: impl Read) -> bool {
        let mut found = Vec::new();
        stamp.take(self.plan.len() as u64 + 1).read_to_end(&mut found).is_ok() && found == self.plan
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.join(format!("part-{index:06}"))
    }

    /// Publishes a part: written under another name, renamed. Nobody waits for the disk: what a power cut takes of it, the
    /// checksum tells, and it is made again.
    pub(super) fn write(&self, index: usize, payload: &[&[u8]]) -> Result<()> {
        let path = self.path(index);
        let beside = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            self.fill(&mut file, index, payload)?;
            fs::rename(&beside, &path)
        };
        write().map_err(|e| {
            Error::io(&path, "cannot write a part of the work", &e)
                .hint("make room and run the same command again: it goes on from here")
        })
    }

    /// The bytes of a part.
    fn fill(&self, out: &mut impl Write, index: usize, payload: &[&[u8]]) -> std::io::Result<()> {
        let length: usize = payload.iter().map(|p| p.len()).sum();
        out.write_all(&MAGIC.to_ne_bytes())?;
        out.write_all(&(length as u64).to_ne_bytes())?;
        out.write_all(&self.checksum(index, payload).to_ne_bytes())?;
        payload.iter().try_for_each(|p| out.write_all(p))
    }

    fn checksum(&self, index: usize, payload: &[&[u8]]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.plan);
        hasher.update(&(index as u64).to_le_bytes());
        payload.iter().for_each(|p| hasher.update(p));
        hasher.finalize()
    }

    /// Reads a payload of this length back; `None` when it is cut short, of another plan or place, or damaged.
    fn read_into(&self, index: usize, from: &mut impl Read, stated: Stated, payload: &mut [&mut [u8]]) -> Option<()> {
        let length: usize = payload.iter().map(|p| p.len()).sum();
        if stated.length != length {
            return None;
        }
        payload.iter_mut().try_for_each(|piece| from.read_exact(piece)).ok()?;
        let read: Vec<&[u8]> = payload.iter().map(|p| &**p).collect();
        (stated.checksum == self.checksum(index, &read)).then_some(())
    }

    /// Reads a part of whatever length back; `None` when it is missing, and as of [`Parts::read_into`].
    pub(super) fn read(&self, index: usize) -> Option<Vec<u8>> {
        let (mut file, size) = self.open_part(index)?;
        self.read_bytes(index, &mut file, size)
    }

    /// The payload of a part of `size` bytes.
    fn read_bytes(&self, index: usize, from: &mut impl Read, size: u64) -> Option<Vec<u8>> {
        let stated = Stated::read(from, size)?;
        let mut bytes = vec![0; stated.length];
        self.read_into(index, from, stated, &mut [&mut bytes])?;
        Some(bytes)
    }

    /// A part's file and its size.
    fn open_part(&self, index: usize) -> Option<(File, u64)> {
        let file = File::open(self.path(index)).ok()?;
        let size = file.metadata().ok()?.len();
        Some((file, size))
    }

    /// Publishes a tile.
    pub(super) fn write_scores(&self, index: usize, part: &Part) -> Result<()> {
        self.write(index, &part.pieces())
    }

    /// Reads a tile back; `None` as of [`Parts::read`].
    pub(super) fn read_scores(&self, index: usize, window: Window, shape: &Shape) -> Option<Part> {
        let (mut file, size) = self.open_part(index)?;
        self.read_part(index, &mut file, size, window, shape)
    }

    /// The tile in a part of `size` bytes.
    fn read_part(&self, index: usize, from: &mut impl Read, size: u64, window: Window, shape: &Shape) -> Option<Part> {
        let stated = Stated::read(from, size)?;
        let mut part = Part::nodata(window, shape);
        let mut payload: Vec<&mut [u8]> = vec![bytemuck::cast_slice_mut(&mut part.grey)];
        for map in &mut part.scores.maps {
            payload.push(bytemuck::cast_slice_mut(&mut map.best));
            payload.push(bytemuck::cast_slice_mut(&mut map.runner_up));
            payload.push(bytemuck::cast_slice_mut(&mut map.score));
            payload.push(bytemuck::cast_slice_mut(&mut map.margin));
            payload.push(bytemuck::cast_slice_mut(&mut map.rules));
        }
        self.read_into(index, from, stated, &mut payload)?;
        Some(part)
    }

    /// As [`Parts::read_scores`], of a part that must be there.
    ///
    /// # Errors
    /// When it is not whole.
    pub(super) fn take(&self, index: usize, window: Window, shape: &Shape) -> Result<Part> {
        self.read_scores(index, window, shape).ok_or_else(|| {
            Error::failed(self.folder.display(), format!("part {index} is missing or damaged"))
                .hint("run the same command again: it makes the part anew")
        })
    }

    /// Removes the folder and all parts.
    pub(super) fn remove(&self) -> Result<()> {
        remove_parts(&self.folder)
    }
}

/// Removes a folder of parts, if it is there.
///
/// # Errors
/// When it is there and stays.
pub fn remove_parts(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(folder, "cannot remove the folder of parts", &e))
        }
        _ => Ok(()),
    }
}

/// The identity of the parts of what this value fixes; it holds only numbers, strings and lists, which always serialise.
pub(super) fn identity(fixed: &impl Serialize) -> [u8; 32] {
    *blake3::hash(&serde_json::to_vec(fixed).unwrap_or_default()).as_bytes()
}

pub(crate) mod fuzzed;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(window: Window) -> Part {
        let n = window.pixels();
        let targets = MapScores {
            best: (0..n as u16).collect(),
            runner_up: vec![Scores::NODATA; n],
            score: vec![0.25; n],
            margin: vec![0.5; n],
            rules: vec![0.75; 2 * n],
        };
        let anomaly = MapScores { score: vec![7.5; n], ..MapScores::default() };
        Part { scores: Scores { window, maps: vec![targets, anomaly] }, grey: vec![0.125; n] }
    }

    #[test]
    fn a_part_comes_back_only_whole_in_its_place_and_in_its_plan() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, window) = (folder.path().join("parts"), Window { x: 2, y: 3, width: 5, height: 2 });
        let shape = vec![(true, 2), (false, 0)];
        let parts = Parts::open(&folder, [1; 32]).unwrap();
        parts.write_scores(4, &part(window)).unwrap();
        assert_eq!(parts.read_scores(4, window, &shape), Some(part(window)));
        assert_eq!(parts.read_scores(5, window, &shape), None, "missing");
        assert_eq!(parts.read_scores(4, window, &vec![(true, 3), (false, 0)]), None, "another number of targets");
        fs::copy(parts.path(4), parts.path(5)).unwrap();
        assert_eq!(parts.read_scores(5, window, &shape), None, "another place");
        let mut bytes = fs::read(parts.path(4)).unwrap();
        assert_eq!(parts.read(4).map(|b| b.len()), Some(bytes.len() - HEADER));
        for at in [0, 9, 17, HEADER, bytes.len() - 1] {
            bytes[at] ^= 1;
            fs::write(parts.path(4), &bytes).unwrap();
            assert_eq!(parts.read_scores(4, window, &shape), None, "damaged at byte {at}");
            assert_eq!(parts.read(4), None, "damaged at byte {at}");
            bytes[at] ^= 1;
        }
        fs::write(parts.path(4), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(parts.read_scores(4, window, &shape), None, "cut short");
        fs::write(parts.path(4), &bytes).unwrap();
        let again = |plan| Parts::open(&folder, plan).unwrap().read_scores(4, window, &shape);
        assert!(again([1; 32]).is_some(), "the same plan keeps its parts");
        assert!(again([2; 32]).is_none(), "another plan does not");
    }
}

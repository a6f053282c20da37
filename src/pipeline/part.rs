//! Parts: the finished tiles of a run, each a checked file. Resuming a run means finding parts that check out.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::compute::Scores;
use crate::error::{Error, Result};
use crate::tile::Window;

/// A tile's scores and the brightness of its pixels, as they lie in a part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) scores: Scores,
    /// Reflectance of one band, for the quick look; NaN where the pixel is no data.
    pub(super) grey: Vec<f32>,
}

/// Read back as another number on a machine of the other byte order, whose parts are not ours.
const MAGIC: u64 = 0x0001_5452_4150_4C41;

/// Magic, length of the payload, checksum of plan, place and payload.
const HEADER: usize = 8 + 8 + 4;

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
        if folder.exists() && fs::read(&stamp).ok().as_deref() != Some(&plan[..]) {
            parts.remove()?;
        }
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder of parts", &e))?;
        fs::write(&stamp, plan).map_err(|e| Error::io(&stamp, "cannot write", &e))?;
        Ok(parts)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.join(format!("part-{index:06}"))
    }

    /// Publishes a part: written under another name, flushed to the disk, renamed.
    pub(super) fn write(&self, index: usize, part: &Part) -> Result<()> {
        let scores = &part.scores;
        let payload: [&[u8]; 6] = [
            bytemuck::cast_slice(&scores.best),
            bytemuck::cast_slice(&scores.runner_up),
            bytemuck::cast_slice(&scores.score),
            bytemuck::cast_slice(&scores.margin),
            bytemuck::cast_slice(&part.grey),
            bytemuck::cast_slice(&scores.rules),
        ];
        let length: usize = payload.iter().map(|p| p.len()).sum();
        let path = self.path(index);
        let beside = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(&MAGIC.to_ne_bytes())?;
            file.write_all(&(length as u64).to_ne_bytes())?;
            file.write_all(&self.checksum(index, &payload).to_ne_bytes())?;
            payload.iter().try_for_each(|p| file.write_all(p))?;
            file.sync_data()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|e| {
            Error::io(&path, "cannot write a part of the map", &e)
                .hint("make room and run the same command again: it goes on from here")
        })
    }

    fn checksum(&self, index: usize, payload: &[&[u8]]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.plan);
        hasher.update(&(index as u64).to_le_bytes());
        payload.iter().for_each(|p| hasher.update(p));
        hasher.finalize()
    }

    /// Reads a part back; `None` when it is missing, cut short, of another plan or place, or damaged.
    pub(super) fn read(&self, index: usize, window: Window, targets_with_rules: usize) -> Option<Part> {
        let pixels = window.pixels();
        let length = pixels * (2 + 2 + 4 + 4 + 4 + 4 * targets_with_rules);
        let mut file = File::open(self.path(index)).ok()?;
        if file.metadata().ok()?.len() != (HEADER + length) as u64 {
            return None;
        }
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let (magic, rest) = header.split_at(8);
        let (stated, checksum) = rest.split_at(8);
        if magic != MAGIC.to_ne_bytes() || stated != (length as u64).to_ne_bytes() {
            return None;
        }
        let mut part = Part {
            scores: Scores {
                window,
                best: vec![0; pixels],
                runner_up: vec![0; pixels],
                score: vec![0.0; pixels],
                margin: vec![0.0; pixels],
                rules: vec![0.0; pixels * targets_with_rules],
            },
            grey: vec![0.0; pixels],
        };
        let scores = &mut part.scores;
        let payload: [&mut [u8]; 6] = [
            bytemuck::cast_slice_mut(&mut scores.best),
            bytemuck::cast_slice_mut(&mut scores.runner_up),
            bytemuck::cast_slice_mut(&mut scores.score),
            bytemuck::cast_slice_mut(&mut scores.margin),
            bytemuck::cast_slice_mut(&mut part.grey),
            bytemuck::cast_slice_mut(&mut scores.rules),
        ];
        let mut read: Vec<&[u8]> = Vec::with_capacity(payload.len());
        for piece in payload {
            file.read_exact(piece).ok()?;
            read.push(piece);
        }
        (checksum == self.checksum(index, &read).to_ne_bytes()).then_some(part)
    }

    /// Removes the folder and all parts.
    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).map_err(|e| Error::io(&self.folder, "cannot remove the folder of parts", &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(window: Window) -> Part {
        let n = window.pixels();
        let scores = Scores {
            window,
            best: (0..n as u16).collect(),
            runner_up: vec![Scores::NODATA; n],
            score: vec![0.25; n],
            margin: vec![0.5; n],
            rules: vec![0.75; 2 * n],
        };
        Part { scores, grey: vec![0.125; n] }
    }

    #[test]
    fn a_part_comes_back_only_whole_in_its_place_and_in_its_plan() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, window) = (folder.path().join("parts"), Window { x: 2, y: 3, width: 5, height: 2 });
        let parts = Parts::open(&folder, [1; 32]).unwrap();
        parts.write(4, &part(window)).unwrap();
        assert_eq!(parts.read(4, window, 2), Some(part(window)));
        assert_eq!(parts.read(5, window, 2), None, "missing");
        assert_eq!(parts.read(4, window, 3), None, "another number of targets");
        fs::copy(parts.path(4), parts.path(5)).unwrap();
        assert_eq!(parts.read(5, window, 2), None, "another place");
        let mut bytes = fs::read(parts.path(4)).unwrap();
        for at in [0, 9, 17, HEADER, bytes.len() - 1] {
            bytes[at] ^= 1;
            fs::write(parts.path(4), &bytes).unwrap();
            assert_eq!(parts.read(4, window, 2), None, "damaged at byte {at}");
            bytes[at] ^= 1;
        }
        fs::write(parts.path(4), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(parts.read(4, window, 2), None, "cut short");
        fs::write(parts.path(4), &bytes).unwrap();
        assert!(Parts::open(&folder, [1; 32]).unwrap().read(4, window, 2).is_some(), "the same plan keeps its parts");
        assert!(Parts::open(&folder, [2; 32]).unwrap().read(4, window, 2).is_none(), "another plan does not");
    }
}

//! Files written beside their place and renamed into it: what stands under a final name is always whole.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// A file that is not yet in its place. Dropping it removes it.
#[derive(Debug)]
pub struct Pending {
    place: Beside,
}

impl Pending {
    /// Its name, and where it can be read until it has it.
    #[must_use]
    pub fn files(&self) -> Vec<(String, PathBuf)> {
        self.place.files(&[""])
    }

    /// Puts the file in its place, over whatever stood there.
    pub fn publish(self) -> Result<()> {
        self.place.rename("")?;
        self.place.sync_folder()
    }
}

/// Begins a temporary file in the same folder as `path`. Whoever writes it waits until it is on the disk before he
/// publishes it.
pub fn begin_beside(path: &Path) -> Result<(Pending, File)> {
    let place = Beside::new(path)?;
    let file = File::create(place.path("")).map_err(|e| Error::io(path, "writing", &e))?;
    Ok((Pending { place }, file))
}

/// Writes the bytes to a temporary file in the same folder as `path`.
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<Pending> {
    let (pending, mut file) = begin_beside(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| Error::io(path, "writing", &e))?;
    Ok(pending)
}

/// Removes what a killed run left beside `path`. Only for a caller who knows that no other run is writing there.
pub fn remove_leftovers(path: &Path) -> Result<()> {
    let (folder, prefix) = (folder_of(path), prefix_of(path)?);
    let entries = fs::read_dir(&folder).map_err(|e| Error::io(&folder, "listing", &e))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_dir_all(entry.path()).map_err(|e| Error::io(&entry.path(), "removing", &e))?;
        }
    }
    Ok(())
}

/// A hidden folder beside a final path, on the same file system, that holds the file and its sidecars until they are
/// renamed. A folder, because GDAL adds files of its own next to the one it was asked for; all go with it.
#[derive(Debug)]
pub(super) struct Beside {
    folder: TempDir,
    target: PathBuf,
}

impl Beside {
    pub(super) fn new(target: &Path) -> Result<Self> {
        if target.is_dir() {
            return Err(Error::refused(target.display(), "is a folder, not a file that can be written"));
        }
        let folder = tempfile::Builder::new()
            .prefix(&prefix_of(target)?)
            .tempdir_in(folder_of(target))
            .map_err(|e| Error::io(target, "creating a temporary folder beside it", &e))?;
        Ok(Self { folder, target: target.to_owned() })
    }

    /// The final path.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// The temporary path of the file (`suffix` empty) or of a sidecar (`.aux.xml`).
    pub(super) fn path(&self, suffix: &str) -> PathBuf {
        with_suffix(&self.folder.path().join(self.target.file_name().unwrap_or_default()), suffix)
    }

    /// Of the file and its sidecars that are there: the final name, and the temporary path.
    pub(super) fn files(&self, suffixes: &[&str]) -> Vec<(String, PathBuf)> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let there = suffixes.iter().map(|suffix| self.path(suffix)).filter(|path| path.exists());
        there.map(|path| (name(&path), path)).collect()
    }

    /// Renames the file or a sidecar into its place.
    pub(super) fn rename(&self, suffix: &str) -> Result<()> {
        let place = with_suffix(&self.target, suffix);
        fs::rename(self.path(suffix), &place).map_err(|e| Error::io(&place, "renaming into place", &e))
    }

    /// Removes a sidecar of an older file.
    pub(super) fn remove_stale(&self, suffix: &str) -> Result<()> {
        let stale = with_suffix(&self.target, suffix);
        match fs::remove_file(&stale) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&stale, "removing", &e)),
            _ => Ok(()),
        }
    }

    /// Makes the renames themselves survive a power cut, where folders can be synced.
    pub(super) fn sync_folder(&self) -> Result<()> {
        if cfg!(unix) {
            let folder = folder_of(&self.target);
            File::open(&folder).and_then(|f| f.sync_all()).map_err(|e| Error::io(&folder, "syncing", &e))?;
        }
        Ok(())
    }
}

/// Waits until the file is on the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    // Windows flushes only handles that may write.
    let file = File::options().read(true).append(true).open(path);
    file.and_then(|f| f.sync_all()).map_err(|e| Error::io(path, "syncing", &e))
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn prefix_of(path: &Path) -> Result<String> {
    let name = path.file_name().ok_or_else(|| Error::refused(path.display(), "has no file name"))?;
    // Short, as file systems bound the length of a name.
    Ok(format!(".{}.part-", name.to_string_lossy().chars().take(40).collect::<String>()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.qml");
        drop(write_beside(&path, b"half").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, b"old").unwrap();
        let pending = write_beside(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        pending.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn leftovers_of_a_killed_run_go_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        std::mem::forget(write_beside(&path, b"half").unwrap());
        fs::write(folder.path().join("map.txt"), b"mine").unwrap();
        remove_leftovers(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn impossible_places_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/"), &folder.path().join("absent/map.tif")] {
            assert!(write_beside(path, b"x").is_err(), "{}", path.display());
        }
    }
}

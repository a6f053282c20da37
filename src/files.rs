//! Files that stand under their names whole or not at all, and only where nothing stood unless that may go.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use twox_hash::xxhash3_128::Hasher;

use crate::error::{Error, Result};

/// Writes a file under another name beside it, waits until it is on the disk, and gives it its own name. When that fails,
/// whatever stood there stays.
///
/// # Errors
/// When the folder cannot be written, or the disk fails.
pub(crate) fn whole_file(path: &Path, fill: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> Result<()> {
    let failed = |e: io::Error| Error::io(path, "writing", &e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = open_to_all(&mut tempfile::Builder::new()).prefix(".part-").tempfile_in(folder).map_err(failed)?;
    let mut buffered = BufWriter::new(part.as_file_mut());
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(failed)?;
    drop(buffered);
    part.as_file().sync_all().map_err(failed)?;
    part.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Temporary files are for their owner alone; these are for whom the user's mask lets in, as any file of his.
fn open_to_all<'b>(
    builder: &'b mut tempfile::Builder<'static, 'static>,
) -> &'b mut tempfile::Builder<'static, 'static> {
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Fills `bytes` from the file's byte `at` on; threads may do so at once.
///
/// # Errors
/// When the file ends before, or cannot be read.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Fills `bytes` from the file's byte `at` on; threads may do so at once.
///
/// # Errors
/// When the file ends before, or cannot be read.
#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => (bytes, at) = (&mut bytes[n..], at + n as u64),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Bytes of a file that are hashed at a time: they stay in a core's cache.
const PIECE: usize = 256 << 10;

/// Bytes that a reader may have left out, and that are read for the hash alone: bands that are not in use.
const GAP: u64 = 4 << 20;

/// XXH3 of a file, 128 bits in hexadecimal, as `xxhsum -H128` gives it. It tells a file from another, and is no proof
/// against forgers: one that is would take as long as mapping.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn xxh3_128(path: &Path) -> Result<String> {
    PassingHash::of(path)?.finish(|| false)
}

/// The XXH3 of a file that somebody reads anyway, from its beginning to its end: what passes in order is hashed while it is
/// in the cache, and only what does not is read.
pub(crate) struct PassingHash {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    /// Bytes that were hashed.
    done: u64,
    piece: Vec<u8>,
}

impl PassingHash {
    /// Of a file, from its beginning.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "cannot read", &e))?;
        Ok(Self { path: path.to_owned(), file, hasher: Hasher::new(), done: 0, piece: vec![0; PIECE] })
    }

    /// Takes bytes that were read at a place. Those far ahead of what was hashed are left to the end.
    ///
    /// # Errors
    /// When a gap before them cannot be read.
    pub(crate) fn pass(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        if at > self.done && at - self.done <= GAP {
            self.read_to(at, || false)?;
        }
        let seen = self.done.checked_sub(at).and_then(|seen| usize::try_from(seen).ok());
        if let Some(new) = seen.and_then(|seen| bytes.get(seen..)) {
            self.hasher.write(new);
            self.done += new.len() as u64;
        }
        Ok(())
    }

    /// Bytes that were hashed.
    #[cfg(test)]
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// The hash, after what did not pass; of less when it is told to stop.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn finish(mut self, stopped: impl Fn() -> bool) -> Result<String> {
        self.read_to(u64::MAX, stopped)?;
        Ok(format!("{:032x}", self.hasher.finish_128()))
    }

    /// Hashes up to a place, or to the file's end.
    fn read_to(&mut self, end: u64, stopped: impl Fn() -> bool) -> Result<()> {
        let failed = |e: io::Error| Error::io(&self.path, "cannot read", &e);
        self.file.seek(io::SeekFrom::Start(self.done)).map_err(failed)?;
        while self.done < end && !stopped() {
            let most = usize::try_from(end - self.done).map_or(PIECE, |left| left.min(PIECE));
            match self.file.read(&mut self.piece[..most]).map_err(failed)? {
                0 => break,
                n => {
                    self.hasher.write(&self.piece[..n]);
                    self.done += n as u64;
                }
            }
        }
        Ok(())
    }
}

/// Refuses a file that is there already.
pub(crate) fn refuse_to_replace(path: &Path, overwrite: bool) -> Result<()> {
    match path.exists() && !overwrite {
        true => Err(Error::refused(path.display(), "is there already").hint("pass --overwrite, or another --out")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        whole_file(&path, |out| out.write_all(b"first")).unwrap();
        assert!(refuse_to_replace(&path, false).is_err() && refuse_to_replace(&path, true).is_ok());
        let half = whole_file(&path, |out| out.write_all(b"half").and(Err(io::Error::other("full"))));
        assert!(half.unwrap_err().to_string().contains("full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
        assert!(whole_file(&folder.path().join("absent/file"), |_| Ok(())).is_err());
    }

    #[test]
    fn a_hash_is_that_of_the_whole_file_whatever_passed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..GAP as usize + 700_000).map(|i| (i * i / 7) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let whole = format!("{:032x}", twox_hash::XxHash3_128::oneshot(&bytes));
        assert_eq!(xxh3_128(&path).unwrap(), whole);
        let end = bytes.len();
        // In order, with gaps, twice, backwards, beyond a gap that is too long, nothing.
        for passed in [
            vec![0..1000, 1000..end],
            vec![10..1000, 4000..9000, 300_000..end - 5],
            vec![0..500, 0..700, 600..650, 690..800],
            vec![9000..10_000, 0..9000],
            vec![end - 10..end, 0..20],
            vec![],
        ] {
            let mut hash = PassingHash::of(&path).unwrap();
            for range in passed.clone() {
                hash.pass(range.start as u64, &bytes[range]).unwrap();
            }
            assert_eq!(hash.finish(|| false).unwrap(), whole, "{passed:?}");
        }
    }
}

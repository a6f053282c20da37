//! Files that stand under their names whole or not at all, and only where nothing stood unless that may go.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

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

/// Bytes of a file that are hashed at a time: they stay in a core's cache.
const PIECE: usize = 256 << 10;

/// XXH3 of a file, 128 bits in hexadecimal, as `xxhsum -H128` gives it. It tells a file from another, and is no proof
/// against forgers.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn xxh3_128(path: &Path) -> Result<String> {
    let failed = |e: io::Error| Error::io(path, "cannot read", &e);
    let (mut file, mut hasher, mut piece) = (File::open(path).map_err(failed)?, Xxh3::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(format!("{:032x}", hasher.digest128())),
            n => hasher.update(&piece[..n]),
        }
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
}

//! Which two files belong together: `x` or `x.img` with `x.hdr` or `x.img.hdr`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Extensions that data files of ENVI cubes and libraries carry, beside none at all.
const DATA_EXTENSIONS: [&str; 16] =
    ["img", "dat", "bil", "bip", "bsq", "raw", "sli", "cube", "envi", "bin", "lib", "slb", "hsi", "rfl", "ref", "sl"];

/// The data file and the header of an ENVI cube or library, of which the user names either.
///
/// # Errors
/// When the named file or its other half is missing, or when several files could be the other half.
pub fn find_pair(path: &Path) -> Result<(PathBuf, PathBuf)> {
    let found = std::fs::metadata(path);
    match &found {
        Ok(meta) if meta.is_dir() => {
            return Err(Error::refused(path.display(), "is a folder, not a file").hint("name a file in it"));
        }
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::refused(path.display(), "there is no such file").hint("check the path"));
        }
        Err(e) => return Err(Error::io(path, "cannot look at the file", e)),
    }
    if is_header(path) { Ok((data_of(path)?, path.to_path_buf())) } else { Ok((path.to_path_buf(), header_of(path)?)) }
}

/// Whether the name ends in `.hdr`.
fn is_header(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("hdr"))
}

fn header_of(data: &Path) -> Result<PathBuf> {
    let mut full = data.as_os_str().to_owned();
    full.push(".hdr");
    let found = siblings(data, |name| {
        let beside = is_header(name).then(|| name.file_stem()).flatten();
        beside.is_some() && (beside == data.file_name() || beside == data.file_stem())
    })?;
    match found.as_slice() {
        [] => {
            let shown = names(&[data.with_extension("hdr"), full.into()]);
            let what = format!("no ENVI header beside it ({shown}), and no kind of file that needs none");
            Err(Error::refused(data.display(), what)
                .hint("raw numbers need the header that was written with them, under one of these names"))
        }
        [one] => Ok(one.clone()),
        [first, second, ..] if same_text(first, second) => Ok(first.clone()),
        several => Err(Error::refused(data.display(), format!("more than one header fits: {}", names(several)))
            .hint("remove or rename those that belong to other files")),
    }
}

fn data_of(header: &Path) -> Result<PathBuf> {
    let stem = header.file_stem().map(OsString::from).unwrap_or_default();
    let found = siblings(header, |name| {
        let known = || {
            name.extension()
                .and_then(|e| e.to_str())
                .is_some_and(|e| DATA_EXTENSIONS.iter().any(|d| d.eq_ignore_ascii_case(e)))
        };
        name.as_os_str() == stem || (name.file_stem() == Some(&stem) && known())
    })?;
    let shown = Path::new(&stem).display().to_string();
    match found.as_slice() {
        [] => Err(Error::refused(
            header.display(),
            format!("no data file beside this header: no {shown}, {shown}.img ..."),
        )
        .hint("name the data file itself")),
        [one] => Ok(one.clone()),
        several => Err(Error::refused(header.display(), format!("more than one data file fits: {}", names(several)))
            .hint("name the data file instead of the header")),
    }
}

/// The files in the folder of `path` whose names pass, in order of name.
fn siblings(path: &Path, fits: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let failed = |e: std::io::Error| Error::io(folder, "cannot list the folder", &e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let full = parent.join(&name);
        if fits(Path::new(&name)) && full.is_file() {
            found.push(full);
        }
    }
    found.sort();
    Ok(found)
}

fn same_text(a: &Path, b: &Path) -> bool {
    matches!((std::fs::read(a), std::fs::read(b)), (Ok(a), Ok(b)) if a == b)
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().filter_map(|p| p.file_name()).map(|n| n.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair found for `asked` in a folder holding `files`, as names.
    fn pair(files: &[&str], asked: &str) -> Result<(String, String)> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), file).unwrap();
        }
        let name = |p: PathBuf| p.file_name().unwrap().to_str().unwrap().to_owned();
        find_pair(&dir.path().join(asked)).map(|(data, header)| (name(data), name(header)))
    }

    #[test]
    fn either_file_may_be_named() {
        for (data, header) in
            [("x", "x.hdr"), ("x.img", "x.hdr"), ("x.img", "x.img.hdr"), ("x.DAT", "x.HDR"), ("x.v1.2", "x.v1.2.hdr")]
        {
            for asked in [data, header] {
                assert_eq!(pair(&[data, header], asked).unwrap(), (data.into(), header.into()), "{asked}");
            }
        }
        assert_eq!(pair(&["x.odd", "x.hdr"], "x.odd").unwrap().1, "x.hdr");
    }

    #[test]
    fn missing_and_ambiguous_halves_are_refused() {
        let what = |files: &[&str], asked: &str| pair(files, asked).unwrap_err().to_string();
        assert!(what(&[], "x.img").contains("no such file"));
        assert!(what(&["x.img"], "x.img").contains("no ENVI header"));
        assert!(what(&["x.hdr"], "x.hdr").contains("no data file"));
        assert!(what(&["x.hdr", "x.img", "x.dat"], "x.hdr").contains("x.dat, x.img"));
        assert!(what(&["x.hdr", "x.img.hdr", "x.img"], "x.img").contains("more than one header"));
        assert!(find_pair(&std::env::temp_dir()).unwrap_err().to_string().contains("folder"));
    }
}

//! Text files with one spectrum each, as the readers of the releases see them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::DELETED;
use crate::error::{Error, Result};

/// No file of one spectrum comes near this.
const MAX_BYTES: u64 = 16 << 20;

/// The first bytes that tell the kind of a file.
pub(super) fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start)).map_err(|e| Error::unopened(path, &e))?;
    Ok(start)
}

/// The whole text; bytes that are not UTF-8 are taken as Latin-1, as the releases write names.
///
/// # Errors
/// When the file cannot be read or is larger than any file of one spectrum.
pub(super) fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)
        .and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|e| Error::unopened(path, &e))?;
    if read as u64 > MAX_BYTES {
        return Err(Error::refused(path.display(), "too large for a file of one spectrum (more than 16 MiB)")
            .hint("take it out of the library"));
    }
    Ok(decoded(bytes))
}

/// The text of some bytes; see [`read`].
pub(super) fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|not_utf8| not_utf8.into_bytes().into_iter().map(char::from).collect())
}

/// The number in a line's column, finite.
///
/// # Errors
/// Names file, line (from 1), what was found and what was expected.
pub(super) fn number(path: &Path, line: usize, column: &str, cell: &str) -> Result<f64> {
    match cell.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(Error::refused(
            format!("{}, line {line}", path.display()),
            format!("found '{}', expected a number ({column})", clip(cell.trim())),
        )
        .hint("the file is damaged or of another kind; take it out of the library")),
    }
}

/// A reflectance: NaN where the channel was deleted, by the magnitude of the fill.
pub(super) fn or_deleted(value: f64) -> f64 {
    if value.abs() > DELETED { f64::NAN } else { value }
}

/// Runs of white space become one space.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of the folder that a file lies in.
pub(super) fn folder_name(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The start of a long text, for messages.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

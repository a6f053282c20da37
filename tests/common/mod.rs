//! What several test programs share.

use std::path::{Path, PathBuf};

/// The folder of measured test data (`ALUNITE_DATA`, else `../shared/data` beside the repository).
///
/// `None` where it is missing, said on stderr; on CI (`CI=true`) a missing folder is a failure.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("ALUNITE_DATA").map_or_else(beside, PathBuf::from);
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
    let missing = format!("no test data in {}: set ALUNITE_DATA", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("left out: {missing}");
    None
}

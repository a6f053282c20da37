//! Whether a run's report still says what its folder and its inputs hold.
//!
//! ```text
//! run.json --+--> inputs: there, sizes and hashes
//!            +--> outputs: there, hashes; readable where an older report has none
//!            +--> classes: size, place, pixels, areas, names and colours of every class map
//!            +--> leftovers of a killed run
//!            +--> a second run of the same command: maps and report
//! ```

mod classes;
mod files;
mod rerun;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use rerun::same_run;

use crate::compare::read_report;
use crate::error::Result;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about: a file, or a part of the report.
    pub about: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was found, and what was expected where it does not hold.
    pub what: String,
}

/// What was looked at in a folder.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// The folder of the run.
    pub folder: PathBuf,
    /// Whether everything holds.
    pub holds: bool,
    /// One by one.
    pub checks: Vec<Check>,
}

impl Check {
    fn good(about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { about: about.into(), holds: true, what: what.into() }
    }

    fn bad(about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { about: about.into(), holds: false, what: what.into() }
    }
}

impl Verified {
    /// With further checks.
    #[must_use]
    pub fn and(mut self, more: Vec<Check>) -> Self {
        self.checks.extend(more);
        self.holds = self.checks.iter().all(|c| c.holds);
        self
    }
}

/// Looks at the folder of a finished run, and at the inputs that its report names; relative paths of inputs begin where the
/// program runs, as they did in the run.
///
/// # Errors
/// Refuses a folder without the report of a finished run. What does not hold is no error.
pub fn verify(folder: &Path) -> Result<Verified> {
    let report = read_report(folder)?;
    let mut checks = files::inputs(&report);
    checks.extend(files::outputs(folder, &report));
    checks.extend(classes::all(folder, &report));
    checks.extend(files::leftovers(folder)?);
    Ok(Verified { folder: folder.to_owned(), holds: false, checks: Vec::new() }.and(checks))
}

//! What failed, where, and what to do next.

use std::fmt::Display;
use std::path::Path;

use serde::{Serialize, Serializer};

/// The result of everything in alunite that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who can mend it: decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input or the command is wrong or ambiguous; nothing was started. Exit code 2.
    Refused,
    /// The machine failed while working: disk, memory, device. Exit code 3.
    Failed,
}

/// An error as a person reads it: the place, what was found there, and the next step.
///
/// `Display` prints `place: what`; the hint is for the command line to print on a line of its own.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Error {
    kind: ErrorKind,
    place: String,
    what: String,
    hint: Option<String>,
}

impl Error {
    /// Wrong or ambiguous input. `place` names the file, and the field or band in it.
    pub fn refused(place: impl Display, what: impl Display) -> Self {
        Self::new(ErrorKind::Refused, place, what)
    }

    /// A failure of the machine during the work.
    pub fn failed(place: impl Display, what: impl Display) -> Self {
        Self::new(ErrorKind::Failed, place, what)
    }

    /// A failed operation on a file of ours or of the user's.
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        Self::failed(path.display(), format!("{doing}: {error}"))
    }

    /// A file that the user named and that cannot be opened.
    pub fn unopened(path: &Path, error: &std::io::Error) -> Self {
        Self::refused(path.display(), format!("cannot be opened: {error}"))
            .hint("check its name, and that you may read it")
    }

    fn new(kind: ErrorKind, place: impl Display, what: impl Display) -> Self {
        Self { kind, place: place.to_string(), what: what.to_string(), hint: None }
    }

    /// Adds what to do next: a flag to pass, a command to run.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Adds what to do next where nothing more exact was said.
    #[must_use]
    pub fn or_hint(self, hint: impl Display) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint) }
    }

    /// The same error of another place: what a part of the program knows by number has a name elsewhere.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.place = place.to_string();
        self
    }

    /// The same error, in one of several: `whole` names which.
    #[must_use]
    pub fn within(self, whole: impl Display) -> Self {
        let place = format!("{whole}: {}", self.place);
        self.at(place)
    }

    /// Where it failed.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Who can mend it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do next, when there is something.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Serialises a part of a description that may be unusable: the value, or the problem as text.
pub(crate) fn or_problem<T: Serialize, S: Serializer>(value: &Result<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Ok(value) => value.serialize(serializer),
        Err(problem) => problem.to_string().serialize(serializer),
    }
}

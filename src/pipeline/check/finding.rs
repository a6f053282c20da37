//! What a look at a scene or library found.

use serde::Serialize;

use crate::error::Error;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Good,
    /// What was assumed, or is as it is.
    Note,
    /// The map may be worse for it. Kept in `run.json`.
    Warning,
    /// No map is made.
    Error,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What: `wavelengths`, `scale`, `grid` ...
    pub about: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, and, where it is bad, what was expected.
    pub text: String,
    /// What to do next.
    pub next: Option<String>,
}

impl Finding {
    pub(super) fn new(about: &'static str, level: Level, text: impl Into<String>) -> Self {
        Self { about, level, text: text.into(), next: None }
    }

    pub(super) fn then(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(super) fn error(about: &'static str, error: &Error) -> Self {
        Self { next: error.next_step().map(str::to_owned), ..Self::new(about, Level::Error, error.to_string()) }
    }

    /// As a note of a run.
    pub(in crate::pipeline) fn sentence(&self) -> String {
        match &self.next {
            Some(next) => format!("{}: {}; {next}", self.about, self.text),
            None => format!("{}: {}", self.about, self.text),
        }
    }
}

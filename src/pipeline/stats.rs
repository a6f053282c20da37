//! Statistics by themselves: of a scene, or of a shard of it.

use serde::Serialize;

use super::device::Pass;
use super::plan::Planned;
use crate::background::Statistics;
use crate::error::{Error, Result};

/// One of several equal shares of a scene, written `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shard {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl std::str::FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { index: number - 1, of }),
            _ => Err(Error::refused(format!("shard '{text}'"), "is not a number of a number")
                .hint("write 2/5 for the second of five")),
        }
    }
}

/// Sums the background of a scene, with parts in the folder of the pass, which the caller removes when the sums are safe.
///
/// # Errors
/// As [`super::prepare`].
pub fn statistics(planned: &Planned, shard: Shard, pass: &Pass<'_>) -> Result<Statistics> {
    let mut selection = planned.selection(planned.background.columns, None);
    selection.shard = shard;
    selection.collect(pass)
}

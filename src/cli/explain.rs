//! `alunite explain`

use super::{Exit, print};
use crate::error::{Error, Result};
use crate::methods;

/// Explain a method: formula, range, conventions, source.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The method, such as sam; none lists them.
    method: Option<String>,
}

pub(super) fn run(args: &Explain) -> Result<Exit> {
    let list = || methods::ALL.iter().map(|m| format!("{}  {}\n", m.word(), m.title())).collect::<String>();
    let text = match &args.method {
        None => list(),
        Some(word) => {
            let method = methods::find(word).ok_or_else(|| {
                Error::refused("explain", format!("there is no method '{word}'"))
                    .hint(format!("methods are:\n{}", list()))
            })?;
            method.doc() + "\n"
        }
    };
    print(&text).map(|()| Exit::Done)
}

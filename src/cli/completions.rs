//! `alunite completions` and `alunite man`: from the same definitions as the help.

use clap_complete::Shell;

use super::{Exit, command, print};
use crate::error::{Error, Result};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Completions) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "alunite", &mut text);
    print(&String::from_utf8_lossy(&text)).map(|()| Exit::Done)
}

/// Print the man page.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// A subcommand to print the page of, such as map.
    subcommand: Option<String>,
}

pub(super) fn man(args: &Man) -> Result<Exit> {
    let mut all = command();
    all.build();
    let page = match &args.subcommand {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| {
            Error::refused("man", format!("there is no subcommand '{name}'")).hint("`alunite --help` lists them")
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|e| Error::failed("man page", e))?;
    print(&String::from_utf8_lossy(&text)).map(|()| Exit::Done)
}

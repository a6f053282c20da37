//! The command line. One file a subcommand; nothing of substance.

mod bench;
mod check;
mod compare;
mod completions;
mod demo;
mod devices;
mod explain;
mod info;
mod library;
mod map;
mod mosaic;
mod options;
mod progress;
mod report;
mod stats;
mod targets;
mod trace;
mod verify;
mod zones;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::{Error, ErrorKind, Result};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  done, but no pixel was classified; compare: the maps differ; verify: something does not hold
  2  refused: the command or its input is wrong or ambiguous; nothing was written
  3  failed: disk, memory, device; no map stands half-written, and the same command goes on where it stopped";

/// Mineral maps from hyperspectral scenes, on any vendor's GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "alunite", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Map(Box<map::Map>),
    Targets(Box<targets::Targets>),
    Stats(Box<stats::Stats>),
    Bench(Box<bench::Bench>),
    Check(Box<check::Check>),
    Report(report::Report),
    Compare(compare::Compare),
    Verify(verify::Verify),
    Info(info::Info),
    Library(Box<library::Libraries>),
    Zones(zones::Zones),
    Explain(explain::Explain),
    Devices(devices::Devices),
    Demo(demo::Demo),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, but no pixel was classified.
    NothingClassified,
    /// Done: maps that were compared differ, or something of a run that was verified does not hold.
    Differs,
    /// The command or its input was refused.
    Refused,
    /// The machine failed.
    Failed,
}

impl Exit {
    /// The code of an error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Failed => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::NothingClassified | Exit::Differs => 1,
            Exit::Refused => 2,
            Exit::Failed => 3,
        })
    }
}

/// Runs a command.
///
/// # Errors
/// As the command: see [`Exit`].
pub fn run(cli: &Cli) -> Result<Exit> {
    match &cli.command {
        Command::Map(map) => map::run(map),
        Command::Targets(targets) => targets::run(targets),
        Command::Stats(stats) => stats::run(stats),
        Command::Bench(bench) => bench::run(bench),
        Command::Check(check) => check::run(check),
        Command::Report(report) => report::run(report),
        Command::Compare(compare) => compare::run(compare),
        Command::Verify(verify) => verify::run(verify),
        Command::Info(info) => info::run(info),
        Command::Library(library) => library::run(library),
        Command::Zones(zones) => zones::run(zones),
        Command::Explain(explain) => explain::run(explain),
        Command::Devices(devices) => devices::run(devices),
        Command::Demo(demo) => demo::run(demo),
        Command::Completions(completions) => completions::run(completions),
        Command::Man(man) => completions::man(man),
    }
}

/// The definitions that help, completions and man page come from.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Writes text to standard output; a reader that has gone (as `head` does) is no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::failed("standard output", e)),
        _ => Ok(()),
    }
}

/// Parses an option's value; clap prints one text, so the next step goes into it.
fn value<T: std::str::FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: Error| e.next_step().map_or_else(|| e.to_string(), |step| format!("{e} ({step})")))
}

/// A line on standard error. Nobody need read it: unlike `eprintln!`, it does not panic when the reader has gone.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
use say;

/// Writes a value to standard output as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::failed("JSON", e))?;
    print(&(text + "\n"))
}

//! `alunite verify`

use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;

use super::{Cli, Command, Exit, demo, map, print, print_json};
use crate::compare::read_report;
use crate::error::{Error, Result};
use crate::map::set_cache_bytes;
use crate::verify::{Verified, same_run, verify};

/// GDAL would take a share of all memory for its blocks.
const CACHE: u64 = 256 << 20;

/// Look whether a finished map is whole, its inputs are unchanged, and its report says what its files hold.
///
/// Reads run.json in the folder: hashes of inputs and outputs, pixels and areas of every class, names, colours, size and place.
/// With --rerun, the command is run again and its maps compared. Exit code 0 when everything holds, 1 when something does not.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The folder of a finished map.
    folder: PathBuf,

    /// Run the command of run.json again, into a folder that goes afterwards, and compare the maps. Paths in it begin where
    /// this command is given.
    #[arg(long)]
    rerun: bool,

    /// Where that folder lies; beside the map's unless given.
    #[arg(long, value_name = "DIR", requires = "rerun")]
    work: Option<PathBuf>,

    /// Print what was looked at as JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Verify) -> Result<Exit> {
    set_cache_bytes(CACHE);
    let mut found = verify(&args.folder)?;
    if args.rerun {
        let report = read_report(&args.folder)?;
        let work = work_folder(args)?;
        again(&report, work.path())?;
        found = found.and(same_run(&args.folder, work.path())?);
    }
    match args.json {
        true => print_json(&found)?,
        false => print(&text(&found))?,
    }
    Ok(if found.holds { Exit::Done } else { Exit::Differs })
}

fn work_folder(args: &Verify) -> Result<tempfile::TempDir> {
    let beside = || match args.folder.canonicalize() {
        Ok(folder) => folder.parent().map_or_else(|| folder.clone(), Path::to_owned),
        Err(_) => PathBuf::from("."),
    };
    let place = args.work.clone().unwrap_or_else(beside);
    tempfile::Builder::new().prefix(".alunite-verify-").tempdir_in(&place).map_err(|e| {
        Error::refused(place.display(), format!("cannot make a folder for the rerun: {e}"))
            .hint("name one that you can write with --work")
    })
}

/// Runs the recorded command again, into another folder.
fn again(report: &Value, out: &Path) -> Result<()> {
    let refused = |what: String| {
        Error::refused("run.json, command", what).hint("verify without --rerun, or with the alunite that made the map")
    };
    let words = report["command"].as_array().ok_or_else(|| refused("is missing".to_owned()))?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    let cli = Cli::try_parse_from(&words)
        .map_err(|e| refused(format!("'{}' is no command of this version: {}", words.join(" "), e.kind())))?;
    match cli.command {
        Command::Map(run) => map::run(&run.again(out)).map(drop),
        Command::Demo(run) => demo::remake(run, out),
        _ => Err(refused(format!("'{}' makes no map", words.join(" ")))),
    }
}

/// One line a check; those that do not hold say so first.
fn text(found: &Verified) -> String {
    let width = found.checks.iter().map(|c| c.about.chars().count()).max().unwrap_or(0).min(40);
    let mut text = String::new();
    for check in &found.checks {
        let mark = if check.holds { "ok" } else { "WRONG" };
        text.push_str(&format!("{mark:<6} {:<width$}  {}\n", check.about, check.what));
    }
    let wrong = found.checks.iter().filter(|c| !c.holds).count();
    text.push_str(&match wrong {
        0 => "\neverything holds\n".to_owned(),
        n => format!("\n{n} of {} checks do not hold\n", found.checks.len()),
    });
    text
}

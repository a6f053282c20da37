//! Files that went into a run, and those that came out of it.

use std::path::{Path, PathBuf};

use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use super::Check;
use crate::compare::scenes;
use crate::error::{Error, Result};
use crate::files::xxh3_128;
use crate::map::RasterReader;

/// What a run that was killed leaves in its folder.
const PARTS: &str = ".alunite-parts";

/// Every input: there, of its size, with its hash. Those that hold are told in one line.
pub(super) fn inputs(report: &Value) -> Vec<Check> {
    let listed = scenes(report).into_iter().flat_map(|s| s["inputs"].as_array().into_iter().flatten());
    // Scenes of a mosaic share their libraries.
    let mut all: Vec<(&str, u64, &str)> = Vec::new();
    let mut checks = Vec::new();
    for input in listed {
        match (input["path"].as_str(), input["bytes"].as_u64(), input["xxh3_128"].as_str()) {
            (Some(path), Some(bytes), Some(hash)) => all.push((path, bytes, hash)),
            _ => checks.push(Check::bad("inputs", "run.json names one without path, bytes or xxh3_128")),
        }
    }
    all.sort_unstable();
    all.dedup();
    if all.is_empty() {
        checks.push(Check::bad("inputs", "run.json names none"));
    }
    let (mut sound, mut size) = (0, 0);
    for (path, bytes, hash) in all {
        match input(Path::new(path), bytes, hash) {
            Ok(()) => (sound, size) = (sound + 1, size + bytes),
            Err(what) => checks.push(Check::bad(path, what)),
        }
    }
    if sound > 0 {
        checks.insert(0, Check::good("inputs", format!("{sound} files, {size} bytes, are what the run read")));
    }
    checks
}

fn input(path: &Path, bytes: u64, hash: &str) -> Result<(), String> {
    let found = std::fs::metadata(path).map_err(|e| match path.is_relative() {
        true => format!("cannot be found from here ({e}): verify where the run's command was given"),
        false => format!("cannot be found: {e}"),
    })?;
    if found.len() != bytes {
        return Err(format!("has {} bytes, expected {bytes}: it has changed since the run", found.len()));
    }
    let found = xxh3_128(path).map_err(|e| e.to_string())?;
    if found == hash {
        Ok(())
    } else {
        Err(format!("has the hash {found}, expected {hash}: it has changed since the run"))
    }
}

/// Names of the files that the report lists, without their folder: the run's may have been moved.
pub(super) fn listed(report: &Value) -> Vec<String> {
    let name = |path: &Value| {
        let path = path.as_str()?;
        Some(path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned()).filter(|name| !name.is_empty() && name != "..")
    };
    report["outputs"].as_array().into_iter().flatten().filter_map(name).collect()
}

/// Every output: there, and with its hash, or readable where the report has no hashes.
pub(super) fn outputs(folder: &Path, report: &Value) -> Vec<Check> {
    let hashes = report["outputs_xxh3_128"].as_object();
    let mut names = listed(report);
    let mut checks = Vec::new();
    for needed in ["run.json"].into_iter().filter(|n| !names.iter().any(|name| name == n)) {
        checks.push(Check::bad("outputs", format!("run.json does not list {needed}")));
    }
    names.retain(|name| name != "run.json");
    // Beside rasters lie the names of their classes.
    names.extend(hashes.into_iter().flat_map(|h| h.keys().cloned()));
    names.sort_unstable();
    names.dedup();
    let mut sound = 0;
    for name in &names {
        let path = folder.join(Path::new(name).file_name().unwrap_or_default());
        match output(&path, hashes.map(|h| h.get(name).and_then(Value::as_str))) {
            Ok(()) => sound += 1,
            Err(what) => checks.push(Check::bad(name.clone(), what)),
        }
    }
    let how = if hashes.is_some() { "are what the run wrote" } else { "can be read; the report has no hashes of them" };
    match sound {
        0 => checks.push(Check::bad("outputs", "no file of the run is whole")),
        _ => checks.insert(0, Check::good("outputs", format!("{sound} files {how}"))),
    }
    checks
}

/// `expected`: nothing where the report has no hashes at all.
fn output(path: &Path, expected: Option<Option<&str>>) -> Result<(), String> {
    if !path.is_file() {
        return Err("is missing".to_owned());
    }
    match expected {
        Some(Some(hash)) => match xxh3_128(path).map_err(|e| e.to_string())? {
            found if found == hash => Ok(()),
            found => Err(format!("has the hash {found}, expected {hash}: it has changed since the run")),
        },
        Some(None) => Err("has no hash in run.json".to_owned()),
        None => readable(path).map_err(|e| e.to_string()),
    }
}

fn readable(path: &Path) -> Result<()> {
    let refused = |what: String| Error::refused(path.display(), what);
    let bytes = || std::fs::read(path).map_err(|e| Error::unopened(path, &e));
    match path.extension().and_then(|e| e.to_str()) {
        Some("tif") => {
            let raster = RasterReader::open(path)?;
            for strip in raster.strips() {
                (0..raster.bands.len()).try_for_each(|band| raster.read::<f32>(band, strip).map(drop))?;
            }
            Ok(())
        }
        Some("qml") => {
            let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
            let text = String::from_utf8(bytes()?).map_err(|e| refused(format!("is no text: {e}")))?;
            Document::parse_with_options(&text, options).map(drop).map_err(|e| refused(format!("is no XML: {e}")))
        }
        Some("png") => match bytes()? {
            png if png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82") => Ok(()),
            _ => Err(refused("is no whole PNG".to_owned())),
        },
        _ => bytes().map(drop),
    }
}

/// What a killed run left, which the next run of the same command takes up or removes.
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn leftovers(folder: &Path) -> Result<Vec<Check>> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "listing", &e))?;
    let mut left: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    left.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == PARTS || (name.starts_with('.') && name.contains("part-"))
    });
    left.sort();
    Ok(match left.is_empty() {
        true => vec![Check::good("leftovers", "no run is unfinished here")],
        false => left
            .iter()
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .map(|name| Check::bad(name, "was left by a run that did not finish: map again, or remove it"))
            .collect(),
    })
}

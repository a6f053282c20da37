//! Whether a second run of the same command made the same maps.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Check;
use super::files::listed;
use crate::compare::{apart, read_report, same_bytes, scenes};
use crate::error::Result;
use crate::map::RasterReader;

/// Parts of a report that say how a run went, and not what it found.
const OF_THE_RUN: [&str; 9] =
    ["alunite", "backend", "command", "inputs", "notes", "outputs", "outputs_xxh3_128", "tiles", "timings"];

/// Compares the maps in two folders, byte for byte, or number for number where the bytes differ, and what the reports found.
///
/// # Errors
/// Refuses a folder without the report of a finished run.
pub fn same_run(folder: &Path, again: &Path) -> Result<Vec<Check>> {
    let (first, second) = (read_report(folder)?, read_report(again)?);
    let mut checks = Vec::new();
    let (mut identical, mut equal) = (0, 0);
    let names: BTreeSet<String> = listed(&first).into_iter().chain(listed(&second)).collect();
    for name in names.into_iter().filter(|name| name != "run.json") {
        match same(&folder.join(&name), &again.join(&name)) {
            Ok(true) => identical += 1,
            Ok(false) => equal += 1,
            Err(what) => checks.push(Check::bad(name, what)),
        }
    }
    let mut what = format!("{identical} files are the same, byte for byte");
    if equal > 0 {
        what.push_str(&format!(", {equal} number for number"));
    }
    checks.insert(0, if identical + equal > 0 { Check::good("rerun", what) } else { Check::bad("rerun", what) });
    let differing = differing(&first, &second);
    checks.push(match differing.is_empty() {
        true => Check::good("rerun", "its report finds the same"),
        false => Check::bad(
            "rerun",
            format!("its report differs in: {}{}", differing.join(", "), circumstances(&first, &second)),
        ),
    });
    Ok(checks)
}

/// Whether two files have the same bytes; rasters may have the same numbers all the same.
fn same(one: &Path, other: &Path) -> Result<bool, String> {
    if !one.is_file() {
        return Err("is missing here, and the rerun made it".to_owned());
    }
    if !other.is_file() {
        return Err("was not made by the rerun".to_owned());
    }
    if same_bytes(one, other).map_err(|e| e.to_string())? {
        return Ok(true);
    }
    if one.extension().is_none_or(|e| e != "tif") {
        return Err("is not what the rerun made".to_owned());
    }
    let bands = RasterReader::open(one).map_err(|e| e.to_string())?.bands.len();
    for band in 0..bands {
        let found = apart(one, other, band).map_err(|e| e.to_string())?;
        if found.differing + found.in_one > 0 {
            let at = found.at.map_or(String::new(), |[line, sample]| format!(", at line {line}, sample {sample}"));
            return Err(format!(
                "band {}: {} of {} pixels are not what the rerun made, by {:.3e} at most{at}; {} have data in one alone",
                band + 1,
                found.differing,
                found.compared,
                found.largest,
                found.in_one
            ));
        }
    }
    Ok(false)
}

/// Parts of the reports, also of the scenes of a mosaic, that differ.
fn differing(first: &Value, second: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    let (ones, others) = (scenes(first), scenes(second));
    if ones.len() != others.len() {
        found.insert("scenes".to_owned());
    }
    let pairs = ones.into_iter().zip(others).chain([(first, second)]);
    for (one, other) in pairs {
        let keys =
            |report: &Value| report.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let both = keys(one).into_iter().chain(keys(other));
        found.extend(both.filter(|key| {
            let is_compared = !OF_THE_RUN.contains(&key.as_str()) && key != "scenes";
            is_compared && one[key.as_str()] != other[key.as_str()]
        }));
    }
    found.into_iter().collect()
}

/// What may explain it.
fn circumstances(first: &Value, second: &Value) -> String {
    ["alunite", "backend"]
        .into_iter()
        .filter(|key| first[*key] != second[*key])
        .map(|key| format!("; {key} was {}, and is {} here", first[key], second[key]))
        .collect()
}

//! The file of results, `benches/results/<date>-<machine>.csv`: one for all benches of a day and machine.

use std::io;
use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::row::Row;

/// The folder of results.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results")
}

/// The newest file, as names begin with the date; `None` before the first.
pub(crate) fn newest() -> Option<PathBuf> {
    let files = std::fs::read_dir(folder()).expect("the folder of results").map(|entry| entry.expect("a file").path());
    files.filter(|path| path.extension().is_some_and(|e| e == "csv")).max()
}

/// The rows of a file.
pub(crate) fn read(path: &Path) -> Vec<Row> {
    let rows = csv::Reader::from_path(path).and_then(|mut file| file.deserialize().collect());
    rows.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Prints rows, and with `keep` puts them into the file, in the place of earlier ones of the same cases. Called as soon as
/// rows are there, so that a failure later loses none.
pub(crate) fn report(bench: &str, rows: Vec<Row>, keep: bool) {
    let machine = Machine::here();
    let of_bench = |row: Row| {
        let (date, commit) = (machine.date.clone(), machine.commit.clone());
        Row { bench: bench.to_owned(), machine: machine.name.clone(), date, commit, ..row }.rounded()
    };
    let rows: Vec<Row> = rows.into_iter().map(of_bench).collect();
    rows.iter().for_each(|row| println!("{row}"));
    if !keep {
        return;
    }
    let path = folder().join(format!("{}-{}.csv", machine.date, machine.name));
    let mut all = if path.exists() { read(&path) } else { Vec::new() };
    all.retain(|old| !rows.iter().any(|new| new.is_of(old)));
    all.extend(rows);
    write(&path, &all).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    rows.iter().try_for_each(|row| file.serialize(row))?;
    file.flush()
}

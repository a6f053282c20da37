//! The tables of benchmarks are those of the newest results: nobody edits a figure.

#[path = "../benches/common/mod.rs"]
mod common;

use std::fs::read_to_string;
use std::path::Path;

use common::{record, tables};

const AGAIN: &str = "run `cargo bench --bench readme` and commit what it writes";

#[test]
fn the_readme_has_the_newest_results() {
    let text = read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    // Before the first results every figure is open.
    let rows = record::newest().map(|newest| record::read(&newest)).unwrap_or_default();
    let made = tables::readme(&text, &rows).expect("the markers of the table");
    assert!(text == made, "README.md: {AGAIN}");
}

#[test]
fn the_page_of_benchmarks_has_the_newest_results() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let made = record::newest().map(|newest| {
        let name = newest.file_name().expect("a name").to_string_lossy();
        tables::long(&record::read(&newest), &name)
    });
    assert!(read_to_string(page).ok() == made, "docs/benchmarks.md: {AGAIN}");
}

//! Puts the newest results into the README and `docs/benchmarks.md`: `cargo bench --bench readme`.
//!
//! Run as a test it does nothing: `tests/benchmarks.rs` sees to the tables.

#[path = "common/mod.rs"]
mod common;

use std::path::Path;

use common::arguments::Arguments;
use common::{record, tables};

fn main() {
    if !Arguments::new().timing {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let newest = record::newest().expect("results: `make bench` makes some");
    let rows = record::read(&newest);
    let (readme, page) = (root.join("README.md"), root.join("docs/benchmarks.md"));
    let text = std::fs::read_to_string(&readme).expect("a README");
    let made = tables::readme(&text, &rows).expect("the markers of the table");
    std::fs::write(&readme, made).expect("the README");
    let name = newest.file_name().unwrap_or_default().to_string_lossy();
    std::fs::write(&page, tables::long(&rows, &name)).expect("the page");
    println!("README.md and docs/benchmarks.md are made from {name}");
}

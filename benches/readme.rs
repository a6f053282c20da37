//! Puts the newest results into the README and `docs/benchmarks.md`: `cargo bench --bench readme`.
//!
//! Run as a test it writes nothing.

#[path = "common/mod.rs"]
mod common;

use std::path::Path;

use common::arguments::Arguments;
use common::{record, tables};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let newest = record::newest();
    let rows = record::read(&newest);
    let readme = root.join("README.md");
    let text = std::fs::read_to_string(&readme).expect("a README");
    let made = tables::readme(&text, &rows).expect("the markers of the table");
    let name = newest.file_name().unwrap_or_default().to_string_lossy();
    if Arguments::new().timing {
        std::fs::write(&readme, made).expect("the README");
        std::fs::write(root.join("docs/benchmarks.md"), tables::long(&rows, &name)).expect("the page");
        println!("README.md and docs/benchmarks.md are made from {}", newest.display());
    }
}

//! What holds for every input: the fuzz targets, which `tests/corpus.rs` also feeds with seeds and with what was found.

pub use crate::background::fuzzed::statistics;
pub use crate::envi::fuzzed::envi_header;
pub use crate::library::fuzzed::{csv_library, ecostress, envi_library, splib};
pub use crate::pipeline::part::fuzzed::{part, plan};
pub use crate::scene::fuzzed::{bands_csv, dlr_metadata, mtl};

/// Panics when some bytes break what must hold.
pub type Check = fn(&[u8]);

/// All of them, by the name of their fuzz target.
pub const CHECKS: [(&str, Check); 11] = [
    ("bands_csv", bands_csv),
    ("csv_library", csv_library),
    ("dlr_metadata", dlr_metadata),
    ("ecostress", ecostress),
    ("envi_header", envi_header),
    ("envi_library", envi_library),
    ("mtl", mtl),
    ("part", part),
    ("plan", plan),
    ("splib", splib),
    ("statistics", statistics),
];

//! Who knows whom: the imports of every room, held to the architecture page.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A room and the rooms it may use. Everyone may use `error`.
const ROOMS: [(&str, &[&str]); 25] = [
    ("error", &[]),
    ("cores", &[]),
    ("files", &[]),
    ("spectrum", &[]),
    ("wavelengths", &["spectrum"]),
    ("grid", &[]),
    ("memory", &[]),
    ("simd", &[]),
    ("tile", &["memory", "simd"]),
    ("envi", &["tile", "spectrum", "wavelengths"]),
    ("scene", &["envi", "files", "grid", "simd", "tile", "spectrum", "wavelengths"]),
    ("library", &["envi", "files", "tile", "spectrum", "wavelengths"]),
    ("background", &["files", "simd", "spectrum", "tile"]),
    ("methods", &["background", "simd", "spectrum", "tile"]),
    ("compute", &["background", "methods", "simd", "tile"]),
    ("alteration", &["compute", "methods"]),
    ("map", &["cores", "files", "grid", "simd", "tile", "spectrum"]),
    ("areas", &["grid", "map", "methods"]),
    ("compare", &["envi", "grid", "map", "methods", "tile"]),
    ("verify", &["compare", "files", "grid", "map", "methods"]),
    (
        "pipeline",
        &[
            "alteration",
            "background",
            "compute",
            "cores",
            "files",
            "grid",
            "library",
            "map",
            "memory",
            "methods",
            "scene",
            "spectrum",
            "tile",
        ],
    ),
    ("fuzzing", &["background", "envi", "library", "pipeline", "scene"]),
    ("report", &["grid", "map", "tile"]),
    ("synthetic", &["envi", "files", "library", "spectrum", "tile", "wavelengths"]),
    (
        "cli",
        &[
            "alteration",
            "areas",
            "background",
            "compare",
            "compute",
            "files",
            "library",
            "map",
            "methods",
            "pipeline",
            "report",
            "scene",
            "spectrum",
            "synthetic",
            "tile",
            "verify",
        ],
    ),
];

/// A package and the only folders or files of `src` that may name it.
const PACKAGES: [(&str, &[&str]); 14] = [
    ("faer", &["background/factor.rs", "methods/narrow.rs"]),
    ("wgpu", &["compute/gpu"]),
    ("pollster", &["compute/gpu"]),
    ("askama", &["report/page.rs"]),
    ("sha2", &["report"]),
    ("rayon", &["compute/cpu"]),
    ("gdal", &["scene", "map"]),
    ("gdal_sys", &["scene", "map"]),
    ("hdf5_metno", &["scene"]),
    ("libdeflater", &["scene", "map/cog"]),
    ("zstd", &["scene/tiff_blocks.rs", "map/cog/packer.rs"]),
    ("tracing", &["cli", "compute/gpu", "cores.rs", "map", "pipeline"]),
    ("tracing_subscriber", &["cli/trace.rs"]),
    ("tracing_chrome", &["cli/trace.rs"]),
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
            // Comments and the tests at a file's end do not count.
            let text = fs::read_to_string(&path).expect("text");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            found.push((
                name,
                code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n"),
            ));
        }
    }
}

fn all() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.retain(|(name, _)| !name.ends_with("tests.rs"));
    assert!(found.len() > 30, "only {} sources were found", found.len());
    found
}

fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

/// The rooms that a source names as `crate::room`, also within `use crate::{a, b}`.
fn named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let word: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rooms.insert(word);
        }
    }
    rooms.retain(|r| ROOMS.iter().any(|(room, _)| room == r));
    rooms
}

#[test]
fn rooms_know_only_whom_they_may() {
    for (name, code) in all().iter().filter(|(n, _)| n != "lib.rs" && n != "main.rs") {
        let (_, allowed) =
            ROOMS.iter().find(|(r, _)| *r == room(name)).unwrap_or_else(|| panic!("{name} is in no room"));
        for other in named(code) {
            let fine = other == room(name) || other == "error" || allowed.contains(&other.as_str());
            assert!(fine, "{name} uses {other}");
        }
    }
}

#[test]
fn packages_stay_in_their_rooms() {
    for (package, homes) in PACKAGES {
        let uses = |code: &str| {
            code.match_indices(&format!("{package}::"))
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
        };
        let users: Vec<String> = all().into_iter().filter(|(_, code)| uses(code)).map(|(n, _)| n).collect();
        assert!(!users.is_empty(), "nothing uses {package}");
        for user in users {
            assert!(homes.iter().any(|home| user.starts_with(home)), "{user} uses {package}");
        }
    }
}

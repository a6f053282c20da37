//! Planted minerals are found, by filters sooner than by the angle, and the table that says so is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use alunite::synthetic::planted::Settings;

#[path = "common/planted.rs"]
mod planted;

use planted::{CLEAR, EVERY, METHODS, MINERALS, SHARES, areas, head, label, row};

#[test]
fn filters_find_shares_that_the_angle_misses() {
    let scene = |share| Settings { lines: 60, samples: 50, seed: 1, mineral: MINERALS[0], share, every: EVERY };
    let found = [0.01, 0.02, 0.05].map(|share| areas(&scene(share), &[]));
    for [sam, mf, ace, _] in &found[..2] {
        assert!(mf.min(*ace) > sam + 2.0 * CLEAR, "sam {sam}, mf {mf}, ace {ace}");
    }
    for pair in found.windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(less, more)| less < more), "{found:?}");
    }
    let [_, mf, ace, cem] = found[2];
    assert!(mf.min(ace).min(cem) > 0.97, "{found:?}");
}

#[test]
fn the_table_in_the_docs_is_complete() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/planted.md")).unwrap();
    for mineral in MINERALS {
        let (_, table) = text.split_once(&format!("\n## {mineral}\n")).unwrap();
        let lines: Vec<&str> = table.lines().take_while(|line| !line.starts_with('#')).collect();
        assert!(lines.contains(&head().as_str()), "{mineral}");
        for share in SHARES {
            let start = row(&label(share), &[]);
            let start = start.trim_end_matches([' ', '|']);
            let found = lines.iter().find_map(|line| line.strip_prefix(start)).unwrap();
            let cells: Vec<f64> = found.trim_matches([' ', '|']).split(" | ").map(|c| c.parse().unwrap()).collect();
            assert!(cells.len() == METHODS.len() && cells.iter().all(|area| (0.4..=1.0).contains(area)), "{found}");
            assert!(share >= 0.05 || cells[1].min(cells[2]) > cells[0] + CLEAR, "{mineral}, {}: {found}", label(share));
        }
    }
}

//! The ceiling on memory, as the plan counts it.

use alunite::pipeline::{self, Limits, Pass, Processor, Silent};

#[path = "common/cli.rs"]
mod cli;

use cli::World;

/// A line, which is a tile here, is a whole number of vectors.
const SAMPLES: usize = 64;

#[test]
fn every_tile_under_way_is_counted() {
    let world = World::sized(8, SAMPLES);
    let planned = world.planned();
    let limits = |max_memory: usize, under_way: usize| Limits {
        max_memory,
        device_tile: usize::MAX,
        under_way,
        threads: 1,
        tile_lines: Some(1),
    };
    let pass = Pass {
        processor: &Processor::cpu(1),
        limits: &limits(1 << 30, 1),
        folder: &world.path("parts"),
        observer: &Silent,
    };
    let (task, _) = pipeline::prepare(&planned, &pass).expect("a task");
    // The least ceiling that a plan fits under, to the byte.
    let least = |under_way: usize| {
        let fits = |bytes: usize| planned.cut(&task, None, &limits(bytes, under_way)).is_ok();
        let (mut refused, mut fit) = (0, 1 << 30);
        assert!(fits(fit));
        while fit - refused > 1 {
            let middle = (refused + fit) / 2;
            if fits(middle) { fit = middle } else { refused = middle }
        }
        fit
    };
    let samples = SAMPLES * cli::BANDS * 4;
    for (fewer, more) in [(1, 2), (2, 3)] {
        // In memory, in staging, on a software device.
        assert!(least(more) >= least(fewer) + 3 * samples, "{} and {} bytes", least(fewer), least(more));
    }
}

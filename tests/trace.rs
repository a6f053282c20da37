//! `--trace`: a file of spans that accounts for a run's time, also of one that fails, and that changes no map.

use std::collections::BTreeMap;

use predicates::prelude::*;
use serde_json::Value;

#[path = "common/cli.rs"]
mod cli;
#[path = "common/gpu.rs"]
mod gpu;

use cli::World;

const SIDE: usize = 256;
const TILES: usize = 8;
const TRACED: [&str; 4] = ["--tile-lines", "32", "--trace", "trace.json"];

/// What one thread did in one stretch of time, in microseconds.
#[derive(Debug)]
struct Span {
    thread: String,
    name: String,
    args: Value,
    begin: f64,
    end: f64,
    /// Whether no other span lies within.
    innermost: bool,
}

/// The spans of a trace, whose begins and ends must pair off in every thread.
fn spans(world: &World) -> Vec<Span> {
    let text = std::fs::read_to_string(world.path("trace.json")).expect("a trace");
    let events: Vec<Value> = serde_json::from_str(&text).expect("a list in JSON");
    let mut names = BTreeMap::new();
    let mut open: BTreeMap<u64, Vec<Span>> = BTreeMap::new();
    let mut spans = Vec::new();
    for event in &events {
        let thread = event["tid"].as_u64().expect("a thread");
        let stack = open.entry(thread).or_default();
        let (name, at) = (event["name"].as_str().expect("a name").to_owned(), event["ts"].as_f64());
        match event["ph"].as_str() {
            Some("M") => drop(names.insert(thread, event["args"]["name"].as_str().expect("a name").to_owned())),
            Some("B") => {
                stack.iter_mut().for_each(|outer| outer.innermost = false);
                let (thread, args, begin) = (names[&thread].clone(), event["args"].clone(), at.expect("a time"));
                stack.push(Span { thread, name, args, begin, end: f64::NAN, innermost: true });
            }
            Some("E") => {
                let mut span = stack.pop().expect("what ends has begun");
                assert_eq!(span.name, name, "spans nest");
                span.end = at.expect("a time");
                assert!(span.end >= span.begin, "{span:?}");
                spans.push(span);
            }
            other => panic!("an event of kind {other:?}: {event}"),
        }
    }
    assert!(open.values().all(Vec::is_empty), "spans that do not end: {open:?}");
    spans
}

fn tile(span: &Span) -> usize {
    span.args["tile"].as_str().and_then(|t| t.parse().ok()).expect("a tile")
}

/// The tiles of the spans of one name, in order, each with the thread that it was in.
fn tiles<'a>(spans: &'a [Span], name: &str) -> Vec<(usize, &'a str)> {
    let of = spans.iter().filter(|s| s.name == name);
    let mut tiles: Vec<(usize, &str)> = of
        .map(|s| {
            assert_eq!(s.args["pixels"], (SIDE * SIDE / TILES).to_string());
            (tile(s), s.thread.as_str())
        })
        .collect();
    tiles.sort_unstable();
    tiles
}

/// Every tile was read, worked on and written once, in threads of these names, which may end in a number.
#[track_caller]
fn assert_every_tile(spans: &[Span], reads: &str, computes: &str) {
    for (thread, name) in [(reads, "read"), (computes, "compute"), ("writer", "write")] {
        let tiles = tiles(spans, name);
        assert!(tiles.iter().map(|t| t.0).eq(0..TILES), "{name}: {tiles:?}");
        assert!(tiles.iter().all(|(_, of)| of.starts_with(thread)), "{name}: {tiles:?}");
    }
}

/// Who reads a tile works on it.
#[track_caller]
fn assert_workers(spans: &[Span]) {
    assert_every_tile(spans, "worker ", "worker ");
    assert_eq!(tiles(spans, "read"), tiles(spans, "compute"));
}

fn count(spans: &[Span], name: &str) -> usize {
    spans.iter().filter(|s| s.name == name).count()
}

#[test]
fn a_trace_accounts_for_the_time_of_a_map() {
    let world = World::sized(SIDE, SIDE);
    let mut share = 0.0;
    // What no span tells of is missing in every run; what a busy machine takes away between two spans is not.
    for _ in 0..5 {
        let (spans, total) = traced(&world);
        share = explained(&spans) / total;
        if share > 0.9 {
            break;
        }
    }
    assert!(share > 0.9 && share < 1.02, "{share} of the time is explained");
}

/// The spans of a run, and its seconds.
fn traced(world: &World) -> (Vec<Span>, f64) {
    let output =
        world.map(&TRACED).args(["--json", "--quiet", "--overwrite"]).assert().code(0).get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).expect("a report");
    let spans = spans(world);
    assert_workers(&spans);
    assert_eq!(count(&spans, "hash"), 3, "the scene's two files and the library");
    for name in ["raster", "copy to COG", "read back"] {
        assert_eq!(count(&spans, name), 4, "{name}: classes, scores, runner-up, zones");
    }
    (spans, report["timings"]["total_s"].as_f64().expect("the time of the run"))
}

/// Seconds that the main thread's innermost spans tell of.
fn explained(spans: &[Span]) -> f64 {
    // The report is written before it is published, and before areas and report are made of the maps.
    let after = ["publish", "target areas", "report"];
    let innermost = spans.iter().filter(|s| s.thread == "main" && s.innermost && !after.contains(&s.name.as_str()));
    innermost.map(|s| (s.end - s.begin) / 1e6).sum()
}

#[test]
fn a_trace_does_not_change_the_maps() {
    let world = World::sized(SIDE, SIDE);
    world.map(&TRACED).assert().code(0);
    std::fs::rename(world.out(), world.path("traced")).expect("the maps can be moved");
    world.map(&TRACED[..2]).assert().code(0);
    world.assert_same_maps("maps", "traced");
}

#[test]
fn a_trace_shows_what_a_gpu_does() {
    let Some(device) = gpu::device() else { return };
    let world = World::sized(SIDE, SIDE);
    let name = &device.facts().name;
    let args = ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--method", "mf", "--adapter", name];
    world.alunite().args(args).args(TRACED).assert().code(0);
    let spans = spans(&world);
    for name in ["upload", "device", "download"] {
        assert!(count(&spans, name) >= 2 * TILES, "{name}: statistics and map");
    }
    assert_eq!(count(&spans, "decide"), TILES);
    // Tiles are under way while one before them is mapped.
    let of = |name: &str| spans.iter().filter(move |s| s.thread == "main" && s.name == name).collect::<Vec<_>>();
    let line = |s: &Span| s.args["line"].as_str().and_then(|l| l.parse().ok()).map(|l: usize| l / (SIDE / TILES));
    let begun: Vec<usize> = of("begin").into_iter().filter_map(line).collect();
    assert_eq!(begun, (0..TILES).collect::<Vec<_>>(), "each once, in order");
    let computes = of("compute");
    let within = |begin: &Span| computes.iter().find(|c| c.begin <= begin.begin && begin.end <= c.end).map(|c| tile(c));
    let early = of("begin").into_iter().filter(|b| within(b) < line(b)).count();
    assert!(early > 0, "no tile was begun while one before it was mapped");
}

#[test]
fn a_trace_of_statistics() {
    let world = World::sized(SIDE, SIDE);
    world.alunite().args(["stats", "scene.img", "--out", "stats", "--backend", "cpu"]).args(TRACED).assert().code(0);
    let spans = spans(&world);
    assert_every_tile(&spans, "reader 1", "main");
    assert_eq!(count(&spans, "sum statistics"), 1);
}

#[test]
fn a_run_that_fails_leaves_a_whole_trace_and_goes_on() {
    let world = World::sized(SIDE, SIDE);
    let mut command = world.shell("trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"");
    command.args(World::plain()).args(TRACED).assert().code(3);
    assert!(count(&spans(&world), "write") >= 1);
    world.map(&TRACED).assert().code(0);
    assert_workers(&spans(&world));
}

#[test]
fn a_trace_that_cannot_be_written_is_refused_before_the_work() {
    let world = World::new();
    std::fs::create_dir(world.path("folder")).unwrap();
    let scene = std::fs::read(world.path("scene.img")).unwrap();
    for (file, why) in [("nowhere/trace.json", "No such file"), ("folder", "is a folder"), ("scene.img", "is no trace")]
    {
        let refused = world.map(&["--trace", file]).assert().code(2);
        refused.stderr(predicate::str::contains("--trace: ").and(predicate::str::contains(why)));
        assert!(!world.out().exists(), "{file}: nothing was written");
    }
    assert!(scene == std::fs::read(world.path("scene.img")).unwrap(), "the scene is as it was");
}

#[test]
fn a_refusal_leaves_no_trace() {
    let world = World::new();
    world.map(&["--trace", "trace.json", "--method", "tarot"]).assert().code(2);
    assert!(!world.path("trace.json").exists());
}

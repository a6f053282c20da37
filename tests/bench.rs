//! `alunite bench`: backends on a scene of the user's own, with their answers compared and their time accounted for.

use predicates::prelude::*;
use serde_json::Value;

#[path = "common/cli.rs"]
mod cli;
#[path = "common/gpu.rs"]
mod gpu;

use cli::World;

const SIDE: usize = 256;

fn bench(world: &World, more: &[&str]) -> assert_cmd::Command {
    let mut command = world.alunite();
    let scratch = world.path("scratch");
    std::fs::create_dir_all(&scratch).expect("a folder");
    command.env("TMPDIR", scratch);
    command.args(["bench", "scene.img", "--library", "library.csv", "--repeats", "2"]).args(more);
    command
}

fn json(world: &World, more: &[&str]) -> Value {
    let output = bench(world, more).arg("--json").assert().code(0).get_output().stdout.clone();
    let found = serde_json::from_slice(&output).expect("JSON");
    assert_eq!(world.files("scratch"), Vec::<std::path::PathBuf>::new(), "nothing is left");
    found
}

/// The share of each stage.
fn shares(timed: &Value) -> Vec<(&str, f64)> {
    let all = timed["shares"].as_array().expect("a list");
    all.iter().map(|s| (s[0].as_str().expect("a stage"), s[1].as_f64().expect("a share"))).collect()
}

#[track_caller]
fn assert_sound(timed: &Value, stages: &[&str], pixels: usize) {
    let of = shares(timed);
    assert_eq!(of.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), stages, "{timed}");
    assert!(of.iter().all(|(_, share)| *share > 0.0 && *share < 1.05), "a stage works part of the time: {timed}");
    let most = of.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).expect("stages");
    assert_eq!(timed["bound_by"], most.0);
    let walls: Vec<f64> = timed["walls_s"].as_array().expect("runs").iter().filter_map(Value::as_f64).collect();
    let wall = timed["wall_s"].as_f64().expect("a median");
    assert!(walls.len() == 2 && walls.iter().all(|w| *w <= wall) && walls.contains(&wall), "{timed}");
    let pixels_per_s = timed["pixels_per_s"].as_f64().expect("a rate");
    assert!((pixels_per_s * wall - pixels as f64).abs() < 1e-3, "{timed}");
}

const HOST: [&str; 3] = ["reading", "computing", "writing"];

#[test]
fn without_a_gpu_it_says_so_and_times_the_cpu() {
    let world = World::sized(SIDE, SIDE);
    let hidden = [("VK_ICD_FILENAMES", "/nonexistent"), ("VK_DRIVER_FILES", "/nonexistent")];
    let told = predicate::str::contains("no GPU to compare with").and(predicate::str::contains("no Vulkan"));
    let output = bench(&world, &["--json"]).envs(hidden).assert().code(0).stderr(told).get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!(found["backends"].as_array().map(Vec::len), Some(1));
    assert_sound(&found["backends"][0], &HOST, SIDE * SIDE);
}

#[test]
fn the_cpu_and_an_adapter_in_turns() {
    let Some(device) = gpu::device() else { return };
    let world = World::sized(SIDE, SIDE);
    let found = json(&world, &["--adapter", &device.facts().name, "--method", "sam,ace", "--lines", "100"]);
    assert_eq!((&found["lines"], &found["samples"], &found["bands"]), (&100.into(), &SIDE.into(), &cli::BANDS.into()));
    assert_eq!(found["bytes"], 100 * SIDE * cli::BANDS * 4);
    let backends = found["backends"].as_array().expect("backends");
    assert_eq!(backends.len(), 2, "{found}");
    assert_sound(&backends[0], &HOST, 100 * SIDE);
    assert_sound(&backends[1], &["reading", "moving", "computing", "deciding", "writing"], 100 * SIDE);
    assert!(backends[1]["backend"].as_str().is_some_and(|name| name.contains(&device.facts().name)), "{found}");
    assert!(backends[0]["clock"].is_null() && backends[1]["clock"].is_string(), "{found}");
}

/// Each group has operands of its own, and several are under way at once.
#[test]
fn groups_of_columns_agree_too() {
    let Some(device) = gpu::device() else { return };
    let world = World::sized(64, SIDE);
    let groups = ["--method", "sam,mf", "--background", "columns:60", "--tile-lines", "16"];
    let found = json(&world, &[&groups[..], &["--adapter", &device.facts().name]].concat());
    assert_eq!((found["tiles"].as_u64(), found["backends"].as_array().map(Vec::len)), (Some(4), Some(2)), "{found}");
}

#[test]
fn the_table_names_backends_and_columns() {
    let Some(device) = gpu::device() else { return };
    let world = World::new();
    let output = bench(&world, &["--adapter", &device.facts().name, "--threads", "1", "--quiet"]).assert().code(0);
    let text = String::from_utf8(output.get_output().stdout.clone()).expect("text");
    let label = device.facts().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "scene.img: 8 x 6 pixels, 12 bands, 3 targets, sam; 0.00 GB in 1 tiles");
    let columns: Vec<&str> = lines[2].split_whitespace().collect();
    let expected =
        ["seconds", "Mpixel/s", "GB/s", "reading", "moving", "computing", "deciding", "writing", "bound", "by"];
    assert_eq!(columns, expected);
    assert_eq!((lines[3], lines[5]), ("CPU, 1 threads", label.as_str()));
    assert!([4, 6].iter().all(|&row| lines[row].ends_with("ing") && lines[row].contains(" %  ")), "{text}");
    assert!(text.contains("The maps agree.\n"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let world = World::new();
    bench(&world, &["--adapter", "abacus"]).assert().code(2).stderr(predicate::str::contains("'abacus'"));
    bench(&world, &["--repeats", "0"]).assert().code(2);
    bench(&world, &["--method", "tarot"]).assert().code(2).stderr(predicate::str::contains("'tarot'"));
}

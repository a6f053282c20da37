//! The program as its user meets it: help, completions, descriptions, options that change the result, exit codes.

use std::io::{PipeWriter, pipe};
use std::process::Stdio;

use gdal::Metadata as _;
use predicates::prelude::*;
use serde_json::Value;

#[path = "common/cli.rs"]
mod cli;

use cli::{BANDS, LINES, MAPS, NAMES, SAMPLES, World};

/// Standard output of a command that must succeed.
fn stdout(world: &World, args: &[&str]) -> String {
    let output = world.alunite().args(args).assert().code(0).get_output().stdout.clone();
    String::from_utf8(output).expect("text")
}

fn json(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&stdout(world, args)).expect("JSON")
}

#[test]
fn help_names_commands_and_exit_codes() {
    let help = stdout(&World::new(), &["--help"]);
    for word in [
        "map",
        "stats",
        "bench",
        "compare",
        "verify",
        "report",
        "info",
        "library",
        "explain",
        "devices",
        "demo",
        "completions",
        "man",
        "Exit codes:",
        "refused",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
}

#[test]
fn help_of_map_names_every_option() {
    let help = stdout(&World::new(), &["map", "--help"]);
    for option in [
        "--library",
        "--out",
        "--method",
        "--mf-scale",
        "--ace",
        "--background",
        "--background-mask",
        "--exclude-targets",
        "--shrinkage",
        "--stats",
        "--targets",
        "--groups",
        "--wavelengths",
        "--threshold",
        "--wavelength-unit",
        "--bands-from",
        "--scale",
        "--nodata",
        "--mask",
        "--mask-bands",
        "--geometry",
        "--match-bands-by-index",
        "--rules",
        "--backend",
        "--adapter",
        "--max-memory",
        "--threads",
        "--tile-lines",
        "--quiet",
        "--trace",
        "--overwrite",
        "--no-report",
        "--json",
    ] {
        assert!(help.contains(option), "{option} is not in\n{help}");
    }
}

#[test]
fn no_command_shows_the_help_and_is_refused() {
    World::new().alunite().assert().code(2).stderr(predicate::str::contains("Usage: alunite"));
}

#[test]
fn explain_says_what_a_method_computes() {
    let world = World::new();
    let list = stdout(&world, &["explain"]);
    for method in alunite::methods::ALL {
        let word = method.word();
        insta::assert_snapshot!(format!("explain_{word}"), stdout(&world, &["explain", word]));
        assert!(list.lines().any(|l| l.starts_with(&format!("{word}  "))), "{list}");
    }
    let stderr = predicate::str::contains("'tarot'").and(predicate::str::contains("sam"));
    world.alunite().args(["explain", "tarot"]).assert().code(2).stderr(stderr);
}

#[test]
fn the_readme_has_a_row_for_every_method() {
    let readme = include_str!("../README.md");
    for method in alunite::methods::ALL {
        assert!(readme.contains(&format!("\n| `{}` | ", method.word())), "{}", method.word());
    }
}

#[test]
fn completions_know_the_options() {
    let world = World::new();
    for (shell, option) in [("bash", "--library"), ("zsh", "--library"), ("fish", "-l library")] {
        let text = stdout(&world, &["completions", shell]);
        assert!(text.contains(option) && text.contains("alunite"), "{shell}:\n{text}");
    }
}

#[test]
fn man_pages_know_the_options() {
    let world = World::new();
    let page = stdout(&world, &["man", "map"]);
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    // Hyphens are escaped in roff.
    assert!(page.replace('\\', "").contains("--library"), "{page}");
    assert!(stdout(&world, &["man"]).contains("map"));
    world.alunite().args(["man", "nothing"]).assert().code(2).stderr(predicate::str::contains("'nothing'"));
}

#[test]
fn info_describes_a_scene() {
    let world = World::new();
    for file in ["scene.img", "scene.hdr"] {
        let found = json(&world, &["info", file, "--json"]);
        let d = &found["scene"]["description"];
        assert_eq!([&d["lines"], &d["samples"], &d["bands"]], [LINES, SAMPLES, BANDS], "{found}");
        assert_eq!(d["nodata"], -9999.0);
        assert_eq!(d["spectral"]["centres"].as_array().map(Vec::len), Some(BANDS));
        assert_eq!(found["scene"]["problems"], serde_json::json!([]));
    }
    let text = stdout(&world, &["info", "scene.img"]);
    assert!(text.contains("8 lines x 6 samples x 12 bands") && text.contains("float32"), "{text}");
}

#[test]
fn info_tells_the_problems_of_a_scene() {
    let world = World::new();
    world.set("wavelength units", None);
    let found = json(&world, &["info", "scene.img", "--json"]);
    assert!(found["scene"]["problems"][0].as_str().is_some_and(|p| p.contains("--wavelength-unit")), "{found}");
    let text = stdout(&world, &["info", "scene.img"]);
    assert!(text.contains("PROBLEM"), "{text}");
}

#[test]
fn info_describes_a_library() {
    let world = World::new();
    let found = json(&world, &["info", "library.csv", "--json"]);
    let spectra = found["library"]["spectra"].as_array().unwrap();
    let names: Vec<&str> = spectra.iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, NAMES);
    assert!(spectra.iter().all(|s| s["values"].as_array().is_some_and(|v| v.len() == BANDS)), "{found}");
    let text = stdout(&world, &["info", "library.csv"]);
    assert!(text.contains("12 bands, 2000") && NAMES.iter().all(|n| text.contains(n)), "{text}");
}

#[test]
fn info_refuses_what_is_not_there() {
    World::new().alunite().args(["info", "gone.img"]).assert().code(2).stderr(predicate::str::contains("gone.img"));
}

#[test]
fn devices_lists_the_cpu() {
    let world = World::new();
    assert!(stdout(&world, &["devices"]).contains("CPU, "));
    assert!(json(&world, &["devices", "--json"]).is_array());
}

/// Pixels of each class in a report, then unclassified and no data.
fn counts(report: &Value) -> (Vec<u64>, u64, u64) {
    let number = |v: &Value| v.as_u64().expect("a count");
    let classes =
        report["maps"][0]["classes"].as_array().expect("a list").iter().map(|c| number(&c["pixels"])).collect();
    (classes, number(&report["maps"][0]["unclassified_pixels"]), number(&report["maps"][0]["nodata_pixels"]))
}

fn report(world: &World, more: &[&str]) -> Value {
    let args: Vec<&str> =
        World::plain().into_iter().chain(["--json", "--overwrite"]).chain(more.iter().copied()).collect();
    json(world, &args)
}

#[test]
fn the_report_accounts_for_every_pixel() {
    let world = World::new();
    let report = report(&world, &[]);
    let (classes, unclassified, nodata) = counts(&report);
    // Minerals alternate, and the one pixel without data would have been of the first.
    assert_eq!((classes.as_slice(), unclassified, nodata), ([15, 16, 16].as_slice(), 0, 1), "{report}");
    let written: Value = serde_json::from_slice(&std::fs::read(world.out().join("run.json")).unwrap()).unwrap();
    assert_eq!(written, report, "run.json is what was printed");
    let names: Vec<String> =
        world.files("maps").iter().map(|p| p.file_name().unwrap().to_string_lossy().into()).collect();
    let tables = ["alteration.tif.aux.xml", "sam_classes.tif.aux.xml", "sam_runner_up.tif.aux.xml"];
    let told = ["report.html", "spectra.json"];
    let mut expected: Vec<&str> = MAPS.into_iter().chain(tables).chain(told).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "the maps, their tables, the report and nothing else");
}

#[test]
fn rules_are_written_where_they_are_asked_for() {
    let world = World::new();
    report(&world, &["--rules"]);
    assert!(world.out().join("sam_rules.tif").exists());
    report(&world, &[]);
    assert!(!world.out().join("sam_rules.tif").exists(), "rules of an earlier run do not stay beside new maps");
}

#[test]
fn maps_are_compressed_as_asked() {
    let world = World::new();
    let read = |name: &str| std::fs::read(world.out().join(name)).unwrap();
    let plain = report(&world, &["--rules"]);
    assert_eq!(plain["compression"], "deflate");
    let classes = read("sam_classes.tif");
    let rounded = report(&world, &["--rules", "--compress", "lerc=0.01"]);
    assert_eq!(rounded["compression"], "lerc=0.01");
    let notes = rounded["notes"].as_array().unwrap();
    assert!(notes.iter().any(|n| n.as_str().unwrap().contains("err by 0.01 at most")), "{notes:?}");
    assert_eq!(read("sam_classes.tif"), classes, "classes were decided before");
    let told = |name: &str| gdal::Dataset::open(world.out().join(name)).unwrap().metadata_item("ALUNITE_MAX_ERROR", "");
    for name in ["sam_scores.tif", "sam_rules.tif"] {
        assert_eq!(told(name).as_deref(), Some("0.01"), "{name}");
    }
    let verified = world.alunite().args(["verify", world.out().to_str().unwrap()]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert_eq!(report(&world, &["--compress", "zstd"])["compression"], "zstd");
    for bad in ["lerc", "lerc=0", "lzw"] {
        world.map(&["--compress", bad]).assert().code(2).stderr(predicate::str::contains("lerc=ERROR"));
    }
}

#[test]
fn nothing_classified_has_a_code_of_its_own() {
    let world = World::new();
    let library = cli::csv(&["Opal"], cli::wavelength, |_, band| Some(0.9 - 0.07 * band as f64));
    world.write("opal.csv", library);
    let args =
        ["map", "scene.img", "--library", "opal.csv", "--out", "maps", "--backend", "cpu", "--threshold", "0.000001"];
    world.alunite().args(args).assert().code(1).stderr(predicate::str::contains("47 pixels unclassified"));
    assert!(MAPS.iter().all(|name| world.out().join(name).exists()), "the maps are made all the same");
}

#[test]
fn targets_can_come_from_a_file() {
    let world = World::new();
    world.write("names.txt", "Calcite\n\n  alunite gds84 \n");
    let report = report(&world, &["--targets", "@names.txt", "--targets", "Kaolinite"]);
    let names: Vec<&str> =
        report["maps"][0]["classes"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, [NAMES[2], NAMES[0], NAMES[1]]);
    let gone = world.map(&["--overwrite", "--targets", "@gone.txt"]).assert();
    gone.code(2).stderr(predicate::str::contains("gone.txt"));
}

#[test]
fn a_target_can_have_a_threshold_of_its_own() {
    let world = World::new();
    let report = report(&world, &["--threshold", "Alunite=0", "--threshold", "0.05"]);
    let thresholds: Vec<f64> =
        report["maps"][0]["classes"].as_array().unwrap().iter().filter_map(|c| c["threshold"].as_f64()).collect();
    assert_eq!(thresholds, [0.0, 0.05, 0.05]);
    let (classes, unclassified, nodata) = counts(&report);
    assert_eq!(&classes[1..], [16, 16]);
    assert_eq!((classes[0] + unclassified, nodata), (15, 1), "{report}");
    assert!(unclassified > 0, "the scene's values are rounded, no angle is 0: {report}");
}

#[test]
fn a_threshold_that_was_not_given_is_told() {
    let world = World::new();
    let assumed = predicate::str::contains("note: threshold 0.1 rad assumed, the default of sam");
    world.map(&[]).assert().code(0).stderr(assumed.clone());
    world.map(&["--overwrite", "--threshold", "0.1"]).assert().code(0).stderr(assumed.not());
}

#[test]
fn quiet_still_says_the_backend() {
    let world = World::new();
    let stderr = predicate::str::contains("backend: CPU, ")
        .and(predicate::str::contains("wrote ").not())
        .and(predicate::str::contains("%").not());
    world.map(&["--quiet"]).assert().code(0).stdout("").stderr(stderr);
}

#[test]
fn options_of_the_machine_do_not_change_the_maps() {
    let world = World::new();
    for (folder, more) in
        [("one", ["--threads", "1"]), ("two", ["--tile-lines", "3"]), ("three", ["--max-memory", "1GiB"])]
    {
        world.map(&more).assert().code(0);
        std::fs::rename(world.out(), world.path(folder)).unwrap();
    }
    world.assert_same_maps("one", "two");
    world.assert_same_maps("one", "three");
}

#[test]
fn the_demo_maps_its_own_scene() {
    let world = World::new();
    let out =
        stdout(&world, &["demo", "--lines", "24", "--samples", "24", "--out", "demo", "--backend", "cpu", "--quiet"]);
    assert!(out.contains("agreement with the known truth"), "{out}");
    assert!(world.path("demo/sam_classes.tif").exists());
}

/// A pipe whose reader has gone, as after `| head`.
fn broken_pipe() -> PipeWriter {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let world = World::new();
    for args in [&["explain", "sam"][..], &["info", "library.csv", "--json"], &["completions", "bash"], &["--help"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alunite"));
        command.args(args).current_dir(world.path("")).stdout(broken_pipe()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// `alunite map ... 2>&1 | head -1` makes its maps.
#[test]
fn a_map_is_made_when_nobody_reads_its_progress() {
    let world = World::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.args(World::plain()).arg("--json").current_dir(world.path("")).stdout(broken_pipe()).stderr(broken_pipe());
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert!(world.out().join("run.json").exists());
}

//! Backgrounds of the user's choice, several methods in one run, and what survives being killed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alunite::background::Statistics;
use alunite::methods::{Naive, find};
use serde_json::Value;

#[path = "common/cube.rs"]
mod cube;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/naive.rs"]
mod naive;

use cube::{alunite, done};

const BANDS: usize = 21;
const LINES: usize = 40;
const SAMPLES: usize = 48;

struct World {
    folder: tempfile::TempDir,
    values: Vec<f32>,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap(), values: cube::ground(LINES, SAMPLES, BANDS) };
        cube::write(world.folder.path(), "scene", (LINES, SAMPLES, BANDS), &world.values);
        cube::library(world.folder.path(), BANDS);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `alunite map` with further arguments, on the CPU; what it said, and its report.
    fn map(&self, out: &str, more: &[&str]) -> (String, Value) {
        self.map_scene("scene.img", out, more)
    }

    fn map_scene(&self, scene: &str, out: &str, more: &[&str]) -> (String, Value) {
        let (scene, library, out) = (self.path(scene), self.path("library.csv"), self.path(out));
        let mut arguments: Vec<&dyn AsRef<OsStr>> =
            vec![&"map", &scene, &"--library", &library, &"--out", &out, &"--backend", &"cpu"];
        more.iter().for_each(|a| arguments.push(a));
        let output = alunite(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!([Some(0), Some(1)].contains(&output.status.code()), "{more:?}: {said}");
        (said, serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap())
    }

    /// A refusal; what it said.
    fn refused(&self, more: &[&str]) -> String {
        let (scene, library, out) = (self.path("scene.img"), self.path("library.csv"), self.path("refused"));
        let mut arguments: Vec<&dyn AsRef<OsStr>> =
            vec![&"map", &scene, &"--library", &library, &"--out", &out, &"--backend", &"cpu"];
        more.iter().for_each(|a| arguments.push(a));
        let output = alunite(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(!out.join("run.json").exists() && !said.contains("panicked"));
        said
    }

    /// Pixels in f64.
    fn pixels(&self) -> Vec<Vec<f64>> {
        self.values.chunks(BANDS).map(|x| x.iter().map(|&v| f64::from(v)).collect()).collect()
    }

    fn targets() -> Vec<Vec<f64>> {
        // As the library's text has them.
        let text = |m: usize, b: usize| format!("{:.6}", cube::mineral(m, b, BANDS)).parse().unwrap();
        (0..3).map(|m| (0..BANDS).map(|b| text(m, b)).collect()).collect()
    }

    /// Rule images of a method: `[target][pixel]`.
    fn rules(&self, out: &str, method: &str) -> Vec<Vec<f64>> {
        measured::bands(&self.path(out).join(format!("{method}_rules.tif")), &[0, 1, 2])
    }
}

/// What tells of a run, and differs from one to the next.
const TOLD: [&str; 3] = ["run.json", "report.html", "stac.json"];

/// Files of a folder, but the report.
fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(out)
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|p| p.is_file() && p.file_name().is_some_and(|n| !TOLD.iter().any(|told| n == *told)))
        .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap()))
        .collect()
}

fn assert_agrees(rules: &[Vec<f64>], method: &str, pixels: &[Vec<f64>], which: &[usize], naive: &Naive) {
    let (method, targets) = (find(method).unwrap(), World::targets());
    for (target, rule) in targets.iter().zip(rules) {
        for &p in which {
            let exact = method.reference(&pixels[p], target, naive);
            assert!((rule[p] - exact).abs() <= 1e-5 * exact.abs().max(1.0), "pixel {p}: {} for {exact}", rule[p]);
        }
    }
}

#[test]
fn several_methods_in_one_run_make_the_maps_of_single_runs() {
    let world = World::new();
    let methods = ["sam", "mf", "ace", "cem", "rx", "scm", "sid"];
    let (_, report) = world.map("together", &["--method", &methods.join(","), "--rules"]);
    let together = files(&world.path("together"));
    let of_report: Vec<&str> =
        report["maps"].as_array().unwrap().iter().map(|m| m["method"].as_str().unwrap()).collect();
    assert_eq!(of_report, methods);
    let mut names = 0;
    for method in methods {
        world.map(method, &["--method", method, "--rules"]);
        for (name, bytes) in files(&world.path(method)).iter().filter(|(n, _)| n.starts_with(method)) {
            assert!(together[name] == *bytes, "{name} differs");
            names += 1;
        }
    }
    let shared = ["alteration", "quicklook", "report", "spectra", "stac", "targets"];
    let of_all = together.keys().filter(|n| shared.iter().any(|w| n.starts_with(w)));
    assert!(names > 6 * 5 && names + of_all.count() == together.len(), "{names} of {:?}", together.keys());
    assert!(!together.contains_key("rx_classes.tif") && together.contains_key("rx_scores.tif"));
}

#[test]
fn rasters_say_what_they_hold() {
    let world = World::new();
    world.map(
        "maps",
        &[
            "--method",
            "mf,ace",
            "--mf-scale",
            "sigma",
            "--ace",
            "squared",
            "--threshold",
            "mf:3",
            "--threshold",
            "ace:0.2",
        ],
    );
    let tags =
        |file: &str| String::from_utf8_lossy(&std::fs::read(world.path("maps").join(file)).unwrap()).into_owned();
    let mf = tags("mf_scores.tif");
    for part in ["matched filter, (t-mu)", "--mf-scale sigma", "ALUNITE_BACKGROUND", "the scene"] {
        assert!(mf.contains(part), "{part}");
    }
    assert!(tags("ace_scores.tif").contains("--ace squared"));
}

#[test]
fn a_mask_says_whose_statistics_are_made() {
    let world = World::new();
    // Every third column, and a corner that the mask calls no data.
    let member = |p: usize| (p % SAMPLES).is_multiple_of(3) && !(p / SAMPLES < 4 && p % SAMPLES < 9);
    let mask: Vec<f32> = (0..LINES * SAMPLES)
        .map(|p| if p / SAMPLES < 4 && p % SAMPLES < 9 { -9999.0 } else { f32::from(u8::from(member(p))) })
        .collect();
    cube::write(world.folder.path(), "mask", (LINES, SAMPLES, 1), &mask);
    let mask = world.path("mask.img");
    let (_, report) =
        world.map("maps", &["--method", "mf,cem", "--rules", "--background-mask", mask.to_str().unwrap()]);
    let pixels = world.pixels();
    let inside: Vec<Vec<f64>> = (0..pixels.len()).filter(|&p| member(p)).map(|p| pixels[p].clone()).collect();
    assert_eq!(report["background"]["pixels"].as_u64(), Some(inside.len() as u64));
    assert!(report["inputs"].as_array().unwrap().iter().any(|i| i["path"].as_str().unwrap().ends_with("mask.img")));
    let statistics = naive::Statistics::of(&inside, [0.0, 0.0]);
    let all: Vec<usize> = (0..pixels.len()).step_by(7).collect();
    for method in ["mf", "cem"] {
        assert_agrees(&world.rules("maps", method), method, &pixels, &all, &statistics.naive());
    }
    // A mask of another shape, and one without a pixel.
    cube::write(world.folder.path(), "small", (LINES, 5, 1), &vec![1.0; LINES * 5]);
    let said = world.refused(&["--method", "mf", "--background-mask", world.path("small.img").to_str().unwrap()]);
    assert!(said.contains("40 x 5 pixels") && said.contains("40 x 48"), "{said}");
    cube::write(world.folder.path(), "empty", (LINES, SAMPLES, 1), &vec![0.0; LINES * SAMPLES]);
    let said = world.refused(&["--method", "mf", "--background-mask", world.path("empty.img").to_str().unwrap()]);
    assert!(said.contains("hold no pixel"), "{said}");
}

/// Each group of columns is a scene of its own.
#[test]
fn groups_of_columns_have_statistics_of_their_own() {
    let world = World::new();
    let width = 20;
    let (said, report) = world.map(
        "maps",
        &["--method", "mf,ace,rx", "--rules", "--background", "columns:20", "--tile-lines", "7", "--shrinkage", "none"],
    );
    assert_eq!(report["background"]["groups"], 3);
    assert!(said.contains("shrinkage"), "{said}");
    let pixels = world.pixels();
    let rx = measured::band(&world.path("maps").join("rx_scores.tif"), 0);
    for group in 0..3 {
        let members: Vec<usize> = (0..pixels.len()).filter(|p| p % SAMPLES / width == group).collect();
        let inside: Vec<Vec<f64>> = members.iter().map(|&p| pixels[p].clone()).collect();
        assert_eq!(inside.len(), LINES * if group == 2 { 8 } else { 20 });
        let statistics = naive::Statistics::of(&inside, [0.0, 0.0]);
        for method in ["mf", "ace"] {
            assert_agrees(&world.rules("maps", method), method, &pixels, &members, &statistics.naive());
        }
        for &p in &members {
            let exact = find("rx").unwrap().reference(&pixels[p], &[], &statistics.naive());
            assert!((rx[p] - exact).abs() < 1e-4 * exact.max(1.0), "{} for {exact}", rx[p]);
        }
    }
    // Tile heights do not matter, here neither.
    world.map("again", &["--method", "mf,ace,rx", "--rules", "--background", "columns:20", "--shrinkage", "none"]);
    assert!(files(&world.path("maps")) == files(&world.path("again")));
    // Also with statistics that were made before, and without targets.
    let (scene, file) = (world.path("scene.img"), world.path("columns.stats"));
    done(&[&"stats", &scene, &"--out", &file, &"--background", &"columns:20", &"--backend", &"cpu"]);
    let file = file.to_str().unwrap();
    let without = ["--method", "mf,ace,rx", "--rules", "--shrinkage", "none"];
    world.map("reused", &[&without[..], &["--stats", file]].concat());
    assert!(files(&world.path("maps")) == files(&world.path("reused")));
    let exclude = [&without[..], &["--exclude-targets", "0.02"]].concat();
    world.map("own-without", &[&exclude[..], &["--background", "columns:20"]].concat());
    world.map("reused-without", &[&exclude[..], &["--stats", file]].concat());
    let of_background = |name: &str| name.ends_with("_rules.tif");
    for (name, bytes) in files(&world.path("own-without")).iter().filter(|(n, _)| of_background(n)) {
        assert!(files(&world.path("reused-without"))[name] == *bytes, "{name}");
        assert!(files(&world.path("maps"))[name] != *bytes, "{name}");
    }
    let said = world.refused(&["--method", "mf", "--background", "columns:0"]);
    assert!(said.contains("columns:16"), "{said}");
}

/// Narrow groups have units of many lines, which may be more than a tile likes to hold, or than the scene has.
#[test]
fn narrow_groups_in_a_wide_scene_are_summed_too() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, samples, bands) = (30, 3000, 60);
    let scene = cube::write(folder.path(), "wide", (lines, samples, bands), &cube::ground(lines, samples, bands));
    let out = folder.path().join("out");
    done(&[&"map", &scene, &"--method", &"rx", &"--background", &"columns:8", &"--out", &out, &"--backend", &"cpu"]);
    let rx = measured::band(&out.join("rx_scores.tif"), 0);
    assert!(rx.iter().all(|v| v.is_finite() && *v >= 0.0));
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap();
    assert_eq!(report["background"]["groups"], 375);
    assert_eq!(report["background"]["pixels"], 90_000);
    // What does not fit is refused with what would.
    let small: [&dyn AsRef<OsStr>; 11] = [
        &"map",
        &scene,
        &"--method",
        &"rx",
        &"--background",
        &"columns:8",
        &"--out",
        &"x",
        &"--max-memory",
        &"210MiB",
        &"-q",
    ];
    let output = alunite(&small);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("pass at least --max-memory"), "{said}");
}

#[test]
fn targets_can_be_left_out_of_their_own_background() {
    let world = World::new();
    let share = 0.05;
    let (said, report) =
        world.map("maps", &["--method", "mf", "--rules", "--exclude-targets", "0.05", "--tile-lines", "3"]);
    assert!(said.contains("scoring targets"), "{said}");
    let pixels = world.pixels();
    let everywhere: Vec<usize> = (0..pixels.len()).collect();
    let first = naive::Statistics::of(&pixels, [0.0, 0.0]);
    // Thresholds as documented: the lowest 64th of a deviation above which at most the share of the scores lies.
    let mut left: Vec<bool> = vec![true; pixels.len()];
    for target in World::targets() {
        let scores: Vec<f64> = pixels
            .iter()
            .map(|x| alunite::methods::Method::reference(&alunite::methods::mf::SIGMA, x, &target, &first.naive()))
            .collect();
        let most = (share * scores.len() as f64).floor() as usize;
        let bins = (-16 * 64..48 * 64).map(|b| f64::from(b) / 64.0);
        let threshold = bins.into_iter().find(|t| scores.iter().filter(|s| **s >= *t).count() <= most).unwrap();
        scores.iter().zip(&mut left).for_each(|(s, l)| *l &= *s <= threshold);
    }
    let kept: Vec<Vec<f64>> = everywhere.iter().filter(|&&p| left[p]).map(|&p| pixels[p].clone()).collect();
    assert!(kept.len() < pixels.len() && kept.len() > pixels.len() * 4 / 5);
    assert_eq!(report["background"]["pixels"].as_u64(), Some(kept.len() as u64));
    let second = naive::Statistics::of(&kept, [0.0, 0.0]);
    assert_agrees(&world.rules("maps", "mf"), "mf", &pixels, &everywhere, &second.naive());
    for bad in ["-0.1", "1", "nan", "x"] {
        let option = format!("--exclude-targets={bad}");
        world.refused(&["--method", "mf", &option]);
    }
}

#[test]
fn statistics_that_were_made_before_make_the_same_maps() {
    let world = World::new();
    world.map("own", &["--method", "mf,cem,rx", "--rules"]);
    let (scene, file) = (world.path("scene.img"), world.path("scene.stats"));
    done(&[&"stats", &scene, &"--out", &file, &"--backend", &"cpu"]);
    let file = file.to_str().unwrap();
    let (said, _) = world.map("reused", &["--method", "mf,cem,rx", "--rules", "--stats", file]);
    assert!(!said.contains("summing statistics"), "{said}");
    assert!(files(&world.path("own")) == files(&world.path("reused")));

    // Of some bands only: of the statistics their part is used. Bands that the statistics lack are refused.
    let range = "2.02um-2.10um";
    world.map("own-part", &["--method", "mf", "--wavelengths", range]);
    world.map("reused-part", &["--method", "mf", "--wavelengths", range, "--stats", file]);
    assert!(files(&world.path("own-part")) == files(&world.path("reused-part")));
    let part = world.path("part.stats");
    done(&[&"stats", &scene, &"--out", &part, &"--wavelengths", &range]);
    let said = world.refused(&["--method", "mf", "--stats", part.to_str().unwrap()]);
    assert!(said.contains("no statistics of the scene's band 1 (2000.00 nm)"), "{said}");

    // What is not a statistics file, or damaged, is refused; `info` tells what one holds.
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(world.path("damaged.stats"), bytes).unwrap();
    let said = world.refused(&["--method", "mf", "--stats", world.path("damaged.stats").to_str().unwrap()]);
    assert!(said.contains("checksum"), "{said}");
    let said = world.refused(&["--method", "mf", "--stats", world.path("library.csv").to_str().unwrap()]);
    assert!(said.contains("ALUNSTAT"), "{said}");
    let info = alunite(&[&"info", &file]);
    let text = String::from_utf8_lossy(&info.stdout).into_owned();
    assert!(text.contains("1920") && text.contains("condition number"), "{text}");
}

/// Two halves as two scenes: pooled statistics are those of the whole.
#[test]
fn scenes_are_pooled() {
    let world = World::new();
    let half = LINES / 2 * SAMPLES * BANDS;
    let a = cube::write(world.folder.path(), "a", (LINES / 2, SAMPLES, BANDS), &world.values[..half]);
    let b = cube::write(world.folder.path(), "b", (LINES / 2, SAMPLES, BANDS), &world.values[half..]);
    let (file, other) = (world.path("pooled.stats"), world.path("other.stats"));
    done(&[&"stats", &a, &b, &"--out", &file]);
    done(&[&"stats", &b, &a, &"--out", &other]);
    assert!(std::fs::read(&file).unwrap().len() == std::fs::read(&other).unwrap().len());
    let read = |path: &Path| Statistics::read(path).unwrap();
    assert_eq!(read(&file), read(&other), "whatever order they are named in");
    let pooled = read(&file).backgrounds("pooled").unwrap().remove(0).unwrap();
    let exact = naive::Statistics::of(&world.pixels(), [0.0, 0.0]);
    assert_eq!(pooled.count, (LINES * SAMPLES) as u64);
    assert!(pooled.mean.iter().zip(&exact.mean).all(|(x, y)| (x / y - 1.0).abs() < 1e-12));
    let largest = exact.covariance.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    assert!((&pooled.covariance - &exact.covariance).iter().all(|d| d.abs() < 1e-12 * largest));
    let (_, report) = world.map("maps", &["--method", "mf", "--stats", file.to_str().unwrap()]);
    assert_eq!(report["background"]["pixels"].as_u64(), Some((LINES * SAMPLES) as u64));
}

#[test]
fn rx_needs_no_library_and_no_wavelengths() {
    let world = World::new();
    let header = std::fs::read_to_string(world.path("scene.hdr")).unwrap();
    let plain: Vec<&str> = header.lines().filter(|l| !l.starts_with("wave") && !l.starts_with("fwhm")).collect();
    std::fs::write(world.path("scene.hdr"), plain.join("\n") + "\n").unwrap();
    let (scene, out) = (world.path("scene.img"), world.path("maps"));
    done(&[&"map", &scene, &"--method", &"rx", &"--out", &out]);
    let rx = measured::band(&out.join("rx_scores.tif"), 0);
    let mean = rx.iter().sum::<f64>() / rx.len() as f64;
    // The distances of a sample from its own mean add up to (n − 1) · bands.
    let expected = BANDS as f64 * (rx.len() as f64 - 1.0) / rx.len() as f64;
    assert!((mean - expected).abs() < 1e-3, "{mean} for {expected}");
    assert!(!out.join("quicklook.png").exists() && !out.join("rx_classes.tif").exists());
}

#[test]
fn options_that_contradict_are_refused() {
    let world = World::new();
    for (more, parts) in [
        (&["--method", "sam", "--background", "columns:8"][..], &["sam needs none", "add a method"][..]),
        (&["--method", "sam", "--exclude-targets", "0.01"], &["sam needs none"]),
        (&["--method", "sam", "--mf-scale", "sigma"], &["--mf-scale", "add mf"]),
        (&["--method", "mf", "--ace", "squared"], &["--ace", "add ace"]),
        (&["--method", "mf,mf"], &["named twice"]),
        (&["--method", "mf,tarot"], &["'tarot'", "ace"]),
        (&["--method", "mf,ace", "--threshold", "0.1"], &["several", "mf:0.1"]),
        (&["--method", "mf", "--threshold", "ace:0.1"], &["'ace' is not among"]),
        (&["--method", "mf", "--shrinkage", "2"], &["from 0 to 1"]),
        (&["--method", "mf", "--background", "rows:8"], &["scene", "columns:16"]),
        (&["--method", "mf", "--stats", "nowhere.stats"], &["nowhere.stats"]),
    ] {
        let said = world.refused(more);
        assert!(parts.iter().all(|p| said.contains(p)), "{more:?}: {said}");
    }
    // A target that no filter can look for is named.
    let mean = naive::Statistics::of(&world.pixels(), [0.0, 0.0]).mean;
    let mut text = "wavelength_nm,fwhm_nm,ordinary,the mean\n".to_owned();
    for (b, mean) in mean.iter().enumerate() {
        text += &format!("{},7,{},{mean}\n", cube::wavelength(b), cube::mineral(0, b, BANDS));
    }
    std::fs::write(world.path("library.csv"), text).unwrap();
    let said = world.refused(&["--method", "sam,mf"]);
    assert!(said.contains("'the mean'") && said.contains("from the background's mean"), "{said}");
}

/// Killed at random in any pass and started again: the final bytes of an unbroken run.
#[test]
fn kills_in_any_pass_and_a_rerun_give_the_bytes_of_an_unbroken_run() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, samples) = (64, 600);
    let scene = cube::write(folder.path(), "scene", (lines, samples, 60), &cube::ground(lines, samples, 60));
    let library = cube::library(folder.path(), 60);
    let start = |out: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
        command.args(["map", "--method", "sam,mf,ace,rx", "--exclude-targets", "0.02", "--rules", "--backend", "cpu"]);
        command.args(["--tile-lines", "1", "--quiet", "--library"]).arg(&library).arg("--out").arg(out).arg(&scene);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let whole = folder.path().join("whole");
    let begun = Instant::now();
    assert!(start(&whole).status().unwrap().success());
    let time = begun.elapsed();
    let expected = files(&whole);
    assert!(expected.contains_key("rx_scores.tif") && expected.contains_key("mf_rules.tif"));
    // Where the kills fell: in the statistics, in the scores, in the second statistics, in the maps.
    let mut fell: BTreeMap<&str, usize> = BTreeMap::new();
    for kill in 0..24_u32 {
        let out = folder.path().join(format!("killed{kill}"));
        let mut run = start(&out).spawn().unwrap();
        std::thread::sleep(time.mul_f64(f64::from(kill * 37 % 100) / 100.0).max(Duration::from_millis(1)));
        let _ = run.kill();
        run.wait().unwrap();
        let stage = |name: &str| std::fs::read_dir(out.join(name)).map_or(0, Iterator::count);
        let last = [
            ".alunite-parts",
            ".alunite-parts-statistics-without-targets",
            ".alunite-parts-scores",
            ".alunite-parts-statistics",
        ]
        .into_iter()
        .find(|name| stage(name) > 1);
        *fell.entry(last.unwrap_or("before or after")).or_default() += 1;
        if out.exists() {
            for (name, bytes) in files(&out) {
                assert!(expected.get(&name) == Some(&bytes), "after kill {kill}, {name} stands half-written");
            }
        }
        let again = start(&out).arg("--overwrite").status().unwrap();
        assert!(again.success());
        let found = files(&out);
        assert!(
            found == expected,
            "kill {kill}: {:?}",
            found.keys().filter(|n| expected.get(*n) != found.get(*n)).collect::<Vec<_>>()
        );
        let left: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .filter(|n| n.to_string_lossy().starts_with(".alunite"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    eprintln!("kills fell: {fell:?}");
    assert!(fell.len() >= 4, "the test has lost its grip: {fell:?}");
}

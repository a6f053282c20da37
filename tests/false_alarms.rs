//! Thresholds from rates of false alarms: the rate asked for is met on scenes that were not seen, whatever the background's
//! distribution, and nothing but the scene decides the threshold.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gdal::{Dataset, Metadata as _};
use serde_json::Value;

#[path = "common/cube.rs"]
mod cube;
#[path = "common/gpu.rs"]
mod gpu;

const BANDS: usize = 6;
const TARGETS: usize = 3;

/// Normal deviates of Box and Muller: the sum of uniform ones has no tail.
struct Normal {
    random: cube::Random,
    spare: Option<f64>,
}

impl Normal {
    fn new(seed: u64) -> Self {
        Self { random: cube::Random(seed), spare: None }
    }

    fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.random.unit()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.random.unit();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

/// A background of correlated bands about a mean that is no target: Gaussian, or Student's t in all bands together.
fn background(seed: u64, pixels: usize, freedom: Option<usize>) -> Vec<f32> {
    let mut normal = Normal::new(seed);
    let mut values = Vec::with_capacity(pixels * BANDS);
    for _ in 0..pixels {
        let z: [f64; BANDS] = std::array::from_fn(|_| normal.next());
        let stretch = freedom.map_or(1.0, |n| {
            let chi: f64 = (0..n).map(|_| normal.next().powi(2)).sum();
            (n as f64 / chi).sqrt()
        });
        for band in 0..BANDS {
            let common = z[0] + 0.5 * z[1] * (band as f64 - 2.5) / 2.5;
            let own = 0.6 * z[band];
            values.push((0.45 + 0.01 * band as f64 + 0.02 * stretch * (common + own)) as f32);
        }
    }
    values
}

fn scene(folder: &Path, name: &str, size: (usize, usize), values: &[f32]) -> PathBuf {
    cube::write(folder, name, (size.0, size.1, BANDS), values)
}

/// The program's map of a scene, and its report.
fn map(scene: &Path, library: &Path, out: &Path, more: &[&str]) -> Value {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"map", &scene, &"--library", &library, &"--out", &out];
    let usual = ["--no-targets", "--overwrite"];
    arguments.extend(usual.iter().chain(more).map(|a| a as &dyn AsRef<std::ffi::OsStr>));
    if !more.contains(&"--backend") {
        arguments.extend([&"--backend" as &dyn AsRef<std::ffi::OsStr>, &"cpu"]);
    }
    cube::done(&arguments);
    serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap()
}

/// What a map that must be refused is refused with.
fn refused(scene: &Path, library: &Path, out: &Path, more: &[&str]) -> String {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"map", &scene, &"--library", &library, &"--out", &out];
    arguments.extend(more.iter().map(|a| a as &dyn AsRef<std::ffi::OsStr>));
    let output = cube::alunite(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

/// Thresholds by method.
fn thresholds(report: &Value) -> BTreeMap<String, Vec<f64>> {
    let one = |map: &Value| {
        let classes = map["classes"].as_array().unwrap();
        let thresholds = classes.iter().map(|c| c["threshold"].as_f64().unwrap()).collect();
        (map["method"].as_str().unwrap().to_owned(), thresholds)
    };
    report["maps"].as_array().unwrap().iter().map(one).collect()
}

fn raster(path: &Path, band: usize) -> Vec<f32> {
    let set = Dataset::open(path).unwrap();
    set.rasterband(band).unwrap().read_band_as::<f32>().unwrap().data().to_vec()
}

fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = std::fs::read_dir(out).unwrap().map(|f| f.unwrap().path()).filter(|p| p.is_file());
    let named = all.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(p).unwrap()));
    // What tells of a run, and differs from one to the next.
    let told = ["run.json", "report.html", "stac.json"];
    named.filter(|(name, _)| !told.contains(&name.as_str())).collect()
}

const WORDS: [&str; 3] = ["sam", "mf", "ace"];

/// Thresholds of one scene, and the rates that they have on another of the same distribution.
fn rates_elsewhere(freedom: Option<usize>, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let library = cube::library(folder, BANDS);
    let (seen, other) = ((1000, 1200), (1000, 1200));
    let here = scene(folder, "here", seen, &background(seed, seen.0 * seen.1, freedom));
    let there = scene(folder, "there", other, &background(seed + 1, other.0 * other.1, freedom));
    let method = ["--method", "sam,mf,ace", "--mf-scale", "sigma"];
    let out = folder.join("there-maps");
    map(&there, &library, &out, &[&method[..], &["--rules"]].concat());
    let scores: BTreeMap<&str, Vec<Vec<f32>>> = WORDS
        .iter()
        .map(|w| (*w, (1..=TARGETS).map(|t| raster(&out.join(format!("{w}_rules.tif")), t)).collect()))
        .collect();
    for rate in ["1e-3", "1e-4"] {
        let report =
            map(&here, &library, &folder.join("here-maps"), &[&method[..], &["--false-alarms", rate]].concat());
        let asked: f64 = rate.parse().unwrap();
        for (word, thresholds) in thresholds(&report) {
            for (target, threshold) in thresholds.into_iter().enumerate() {
                let scores = &scores[&word[..]][target];
                let passes =
                    |s: &&f32| if word == "sam" { f64::from(**s) <= threshold } else { f64::from(**s) >= threshold };
                let found = scores.iter().filter(passes).count() as f64 / scores.len() as f64;
                println!("{freedom:?} {word} target {target}: asked {asked:e}, found {found:e}, at {threshold}");
                assert!((1.0 / 1.5..=1.5).contains(&(found / asked)), "{word} {target}: {found:e} for {asked:e}");
            }
        }
        for map in report["maps"].as_array().unwrap() {
            assert_eq!(map["threshold_source"], "false_alarms");
            for class in map["classes"].as_array().unwrap() {
                let alarms = &class["false_alarms"];
                assert_eq!(alarms["asked"].as_f64(), Some(asked));
                assert!((alarms["rate"].as_f64().unwrap() / asked - 1.0).abs() < 1e-2, "{alarms}");
                assert_eq!(alarms["background_pixels"], seen.0 * seen.1);
                assert_eq!(alarms["points"].as_array().unwrap().len(), 6);
            }
        }
    }
}

#[test]
fn the_rate_asked_for_is_met_on_gaussian_backgrounds() {
    rates_elsewhere(None, 11);
}

#[test]
fn the_rate_asked_for_is_met_on_heavy_tailed_backgrounds() {
    rates_elsewhere(Some(5), 29);
}

/// A small scene of Gaussian ground with a mineral in some pixels.
struct World {
    folder: tempfile::TempDir,
    scene: PathBuf,
    library: PathBuf,
}

const SIZE: (usize, usize) = (96, 80);

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut values = background(5, SIZE.0 * SIZE.1, None);
        // The last lines hold much of the first target; a corner is no data.
        for pixel in (90 * SIZE.1..SIZE.0 * SIZE.1).step_by(3) {
            for band in 0..BANDS {
                let value = &mut values[pixel * BANDS + band];
                *value = 0.3 * *value + 0.7 * cube::mineral(0, band, BANDS) as f32;
            }
        }
        values[..4 * BANDS].fill(-9999.0);
        let scene = scene(folder.path(), "scene", SIZE, &values);
        Self { scene, library: cube::library(folder.path(), BANDS), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn map(&self, out: &str, more: &[&str]) -> Value {
        map(&self.scene, &self.library, &self.path(out), more)
    }

    fn refused(&self, more: &[&str]) -> String {
        refused(&self.scene, &self.library, &self.path("refused"), more)
    }
}

#[test]
fn rates_of_pixels_are_written_and_agree_with_the_classes() {
    let world = World::new();
    let report = world.map("out", &["--method", "sam,mf", "--false-alarms", "mf:1e-2", "--threshold", "mf:one=0.4"]);
    let out = world.path("out");
    assert!(!out.join("sam_false_alarms.tif").exists(), "no rate was asked for");
    let outputs = report["outputs"].as_array().unwrap();
    assert!(outputs.iter().any(|o| o.as_str().unwrap().ends_with("mf_false_alarms.tif")));
    let maps = report["maps"].as_array().unwrap();
    assert_eq!(
        (&maps[0]["threshold_source"], &maps[1]["threshold_source"]),
        (&"default".into(), &"false_alarms".into())
    );
    assert!(maps[0]["classes"][0].get("false_alarms").is_none());
    let classes = maps[1]["classes"].as_array().unwrap();
    assert_eq!(classes[0]["threshold"], 0.4, "a threshold that says more closely what it is of wins");
    assert!(classes[0]["false_alarms"]["asked"].is_null() && classes[0]["false_alarms"]["rate"].as_f64() > Some(0.0));
    let set = Dataset::open(out.join("mf_false_alarms.tif")).unwrap();
    let band = set.rasterband(1).unwrap();
    assert_eq!(band.description().unwrap(), "share of the background that scores as well for the best target");
    assert_eq!(band.no_data_value(), Some(-9999.0));
    let (rates, values) = (raster(&out.join("mf_false_alarms.tif"), 1), raster(&out.join("mf_classes.tif"), 1));
    assert!(rates[..4].iter().all(|r| *r == -9999.0) && rates[4..].iter().all(|r| (0.0..=1.0).contains(r)));
    let asked: BTreeMap<u8, f64> =
        (1..=3).zip(classes).map(|(value, c)| (value, c["false_alarms"]["rate"].as_f64().unwrap())).collect();
    // What is classified has a rate no higher than its threshold's; what is not, a higher one than the least of them.
    let least = asked.values().copied().fold(1.0, f64::min);
    for (rate, value) in rates.iter().zip(&values).skip(4) {
        let rate = f64::from(*rate);
        match asked.get(&(*value as u8)) {
            Some(asked) => assert!(rate <= asked * 1.001, "{rate} in class {value}"),
            None => assert!(rate >= least * 0.999, "{rate} unclassified"),
        }
    }
    assert!(values.contains(&1.0) && values.contains(&0.0));
}

#[test]
fn a_mask_says_where_false_alarms_are_counted() {
    let world = World::new();
    let inside = |line: usize| f32::from(u8::from(line < 80));
    let values: Vec<f32> = (0..SIZE.0 * SIZE.1).map(|p| inside(p / SIZE.1)).collect();
    let mask = cube::write(world.folder.path(), "mask", (SIZE.0, SIZE.1, 1), &values);
    let mask = mask.to_str().unwrap();
    let alarms = ["--method", "sam", "--false-alarms", "1e-2"];
    let whole = world.map("whole", &alarms);
    let masked = world.map("masked", &[&alarms[..], &["--background-mask", mask]].concat());
    let first = |report: &Value| report["maps"][0]["classes"][0].clone();
    assert_eq!(first(&whole)["false_alarms"]["background_pixels"], SIZE.0 * SIZE.1 - 4);
    assert_eq!(first(&masked)["false_alarms"]["background_pixels"], 80 * SIZE.1 - 4);
    // Targets in the background make its threshold strict; left out, more of them are found.
    let (strict, wide) = (first(&whole), first(&masked));
    assert!(wide["threshold"].as_f64() > strict["threshold"].as_f64(), "{wide} {strict}");
    assert!(wide["pixels"].as_u64() > strict["pixels"].as_u64(), "{wide} {strict}");
    // It is the rate asked for, of a background that holds two percent of the target.
    let share = strict["pixels"].as_f64().unwrap() / (SIZE.0 * SIZE.1 - 4) as f64;
    assert!((0.005..=0.015).contains(&share), "{share}");
}

#[test]
fn tiles_change_no_byte() {
    let world = World::new();
    let arguments = ["--method", "sam,mf,ace", "--false-alarms", "1e-3", "--false-alarms", "sam:two=1e-2", "--rules"];
    let report = world.map("whole", &arguments);
    let whole = files(&world.path("whole"));
    assert!(whole.contains_key("ace_false_alarms.tif") && whole.contains_key("sam_classes.tif"));
    for lines in ["7", "64", "1"] {
        let tiled = world.map(lines, &[&arguments[..], &["--tile-lines", lines]].concat());
        assert_eq!(tiled["maps"], report["maps"], "in tiles of {lines} lines");
        assert!(files(&world.path(lines)) == whole, "in tiles of {lines} lines");
    }
}

/// Of methods whose scores have the same bytes on every backend.
#[test]
fn a_gpu_finds_the_thresholds_of_the_cpu() {
    let Some(device) = gpu::device() else { return };
    let name = device.facts().name.clone();
    let world = World::new();
    let stats = world.path("scene.stats");
    cube::done(&[&"stats", &world.scene, &"--backend", &"cpu", &"--out", &stats]);
    let stats = stats.to_str().unwrap();
    let arguments = ["--method", "sam,mf,scm", "--false-alarms", "1e-3", "--stats", stats];
    let cpu = world.map("cpu", &[&arguments[..], &["--tile-lines", "32"]].concat());
    let gpu =
        world.map("gpu", &[&arguments[..], &["--tile-lines", "32", "--backend", "gpu", "--adapter", &name]].concat());
    assert_eq!(cpu["maps"], gpu["maps"]);
    assert!(files(&world.path("cpu")) == files(&world.path("gpu")));
}

#[test]
fn rates_that_cannot_be_measured_are_refused() {
    let world = World::new();
    let said = world.refused(&["--method", "sam", "--false-alarms", "1e-7"]);
    assert!(said.contains("--false-alarms sam:one=") && said.contains("supports 1.3e-6 and more"), "{said}");
    let said = world.refused(&["--method", "sam", "--false-alarms", "1e-3", "--threshold", "0.1"]);
    assert!(said.contains("sam has a threshold and a rate of false alarms for 'one'"), "{said}");
    let said = world.refused(&["--method", "sam", "--false-alarms", "2"]);
    assert!(said.contains("2 is not a share between 0 and 1"), "{said}");
    let said = world.refused(&["--method", "rx", "--false-alarms", "1e-3"]);
    assert!(said.contains("no method looks for targets"), "{said}");
    let said = world.refused(&["--method", "sam", "--false-alarms", "Topaz=1e-3"]);
    assert!(said.contains("Topaz"), "{said}");
    let small = scene(world.folder.path(), "small", (20, 25), &background(7, 500, None));
    let said = refused(&small, &world.library, &world.path("refused"), &["--false-alarms", "1e-2", "--backend", "cpu"]);
    assert!(said.contains("the background has 500 pixels, a tail takes 600"), "{said}");
    // Of a mosaic before any scene is mapped, and by the name of the scene.
    let [large, small] = [("large", (30, 25), 0), ("tiny", (20, 25), 25)].map(|(name, size, sample)| {
        placed(world.folder.path(), name, size, &background(7, size.0 * size.1, None), sample)
    });
    let more = ["--false-alarms", "1e-2", "--backend", "cpu", small.to_str().unwrap()];
    let said = refused(&large, &world.library, &world.path("refused"), &more);
    assert!(said.contains("tiny: ") && said.contains("the background has 500 pixels, a tail takes 600"), "{said}");
    assert!(!said.contains("\nmapping"), "{said}");
}

/// A scene with a place, so many samples of 30 m to the east.
fn placed(folder: &Path, name: &str, size: (usize, usize), values: &[f32], sample: usize) -> PathBuf {
    let path = scene(folder, name, size, values);
    let east = 500_000 + 30 * sample;
    let place = format!("map info = {{UTM, 1, 1, {east}, 4000000, 30, 30, 38, North, WGS-84}}\n");
    let header = path.with_extension("hdr");
    let text = std::fs::read_to_string(&header).unwrap();
    std::fs::write(header, text + &place).unwrap();
    path
}

/// The thresholds of a scene of a mosaic by method, and what its `run.json` says of their false alarms.
fn own(scene: &Value) -> BTreeMap<String, Vec<(f64, Value)>> {
    let class = |c: &Value| (c["threshold"].as_f64().unwrap(), c["false_alarms"].clone());
    let method = |t: &Value| {
        (t["method"].as_str().unwrap().to_owned(), t["classes"].as_array().unwrap().iter().map(class).collect())
    };
    scene["thresholds"].as_array().unwrap().iter().map(method).collect()
}

/// A mosaic of Gaussian ground and of ground with heavy tails that overlap in 20 samples of 680 each.
struct Pair {
    scenes: [PathBuf; 2],
    samples: usize,
}

impl Pair {
    fn new(folder: &Path, seed: u64) -> Self {
        let size = (600, 700);
        let one = |name: &str, seed, freedom, sample| {
            placed(folder, &format!("{name}{seed}"), size, &background(seed, size.0 * size.1, freedom), sample)
        };
        Self { scenes: [one("calm", seed, None, 0), one("rough", seed + 1, Some(5), 680)], samples: 1380 }
    }

    fn map(&self, library: &Path, out: &Path, more: &[&str]) -> Value {
        let second = self.scenes[1].to_str().unwrap();
        let usual = [second, "--method", "sam,mf", "--mf-scale", "sigma", "--overlap", "first"];
        map(&self.scenes[0], library, out, &[&usual[..], more].concat())
    }
}

/// The rate is met where scenes have thresholds of their own, in each of them, and pooled in the whole.
#[test]
fn the_rate_asked_for_is_met_in_a_mosaic() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let library = cube::library(folder, BANDS);
    let (here, there) = (Pair::new(folder, 41), Pair::new(folder, 51));
    let asked = 1e-3;
    for sharing in ["per-scene", "pooled"] {
        let [out, elsewhere] = ["here", "there"].map(|name| folder.join(format!("{name}-{sharing}")));
        let report = here.map(&library, &out, &["--statistics", sharing, "--false-alarms", "1e-3"]);
        there.map(&library, &elsewhere, &["--statistics", sharing, "--rules"]);
        for (m, word) in ["sam", "mf"].into_iter().enumerate() {
            let sources = raster(&elsewhere.join(format!("{word}_source.tif")), 1);
            assert_eq!(sources.len(), 600 * there.samples);
            for target in 0..TARGETS {
                let scores = raster(&elsewhere.join(format!("{word}_rules.tif")), target + 1);
                let threshold = |source: f32| match sharing {
                    "pooled" => report["maps"][m]["classes"][target]["threshold"].as_f64().unwrap(),
                    _ => own(&report["scenes"][source as usize])[word][target].0,
                };
                let thresholds = [threshold(0.0), threshold(1.0)];
                let passes = |(score, source): (&f32, &f32)| {
                    let (score, threshold) = (f64::from(*score), thresholds[*source as usize]);
                    if word == "sam" { score <= threshold } else { score >= threshold }
                };
                let of = |whose: &[f32]| {
                    let pixels: Vec<_> = scores.iter().zip(&sources).filter(|(_, s)| whose.contains(s)).collect();
                    pixels.iter().filter(|p| passes(**p)).count() as f64 / pixels.len() as f64
                };
                let found = [of(&[0.0, 1.0]), of(&[0.0]), of(&[1.0])];
                println!("{sharing} {word} target {target}: {found:?} at {thresholds:?}");
                let met = |rate: f64| (1.0 / 1.5..=1.5).contains(&(rate / asked));
                assert!(met(found[0]), "{sharing} {word} {target}: {found:?}");
                assert!(
                    sharing == "pooled" || (met(found[1]) && met(found[2])),
                    "{sharing} {word} {target}: {found:?}"
                );
            }
        }
        // What the mosaic says of itself: of pixels whose best target passes, the share is that of the raster of rates.
        let (rates, classes) = (raster(&out.join("mf_false_alarms.tif"), 1), raster(&out.join("mf_classes.tif"), 1));
        let wrong = rates.iter().zip(&classes).filter(|(r, c)| (f64::from(**r) <= asked) != (**c > 0.0)).count();
        assert!(wrong * 100_000 < rates.len(), "{sharing}: {wrong} classes disagree with their rates");
    }
}

#[test]
fn scenes_of_a_mosaic_have_the_thresholds_that_they_have_alone() {
    let world = World::new();
    let values = background(6, SIZE.0 * SIZE.1, Some(5));
    let mut with_mineral = background(5, SIZE.0 * SIZE.1, None);
    for pixel in (40..48).flat_map(|line| (30..38).map(move |sample| line * SIZE.1 + sample)) {
        for band in 0..BANDS {
            let value = &mut with_mineral[pixel * BANDS + band];
            *value = 0.3 * *value + 0.7 * cube::mineral(0, band, BANDS) as f32;
        }
    }
    let folder = world.folder.path();
    let west = placed(folder, "west", SIZE, &with_mineral, 0);
    let east = placed(folder, "east", SIZE, &values, SIZE.1);
    let asked =
        ["--method", "sam,mf", "--false-alarms", "1e-2", "--false-alarms", "mf:two=1e-3", "--threshold", "mf:one=4"];
    let asked = [&asked[..], &["--mf-scale", "sigma"]].concat();
    let alone = [(&west, "west"), (&east, "east")].map(|(s, n)| map(s, &world.library, &world.path(n), &asked));
    let both = [&asked[..], &[east.to_str().unwrap()]].concat();
    let report = map(&west, &world.library, &world.path("both"), &both);
    assert_eq!(report["mosaic"]["statistics"], "per-scene");
    for (scene, alone) in report["scenes"].as_array().unwrap().iter().zip(&alone) {
        for map in alone["maps"].as_array().unwrap() {
            let word = map["method"].as_str().unwrap();
            let wanted: Vec<(f64, Value)> = map["classes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| (c["threshold"].as_f64().unwrap(), c["false_alarms"].clone()))
                .collect();
            assert_eq!(own(scene)[word], wanted, "{word}");
        }
    }
    let [west, east] = [0, 1].map(|i| own(&report["scenes"][i]));
    assert!(west["mf"][1].0 != east["mf"][1].0 && west["mf"][0].0 == 4.0 && east["mf"][0].0 == 4.0);
    for map in report["maps"].as_array().unwrap() {
        assert_eq!(map["threshold_source"], "false_alarms");
        assert!(map["classes"].as_array().unwrap().iter().all(|c| c["threshold"].is_null()));
    }
    // Beside each other, the scenes' maps are halves of the mosaic's.
    for name in ["sam_classes.tif", "sam_false_alarms.tif", "mf_classes.tif", "mf_false_alarms.tif", "mf_scores.tif"] {
        let [whole, west, east] = ["both", "west", "east"].map(|out| raster(&world.path(out).join(name), 1));
        let halves = west.chunks_exact(SIZE.1).zip(east.chunks_exact(SIZE.1)).flat_map(|(w, e)| w.iter().chain(e));
        assert!(halves.eq(&whole), "{name}");
    }
    // Target areas are ranked by the thresholds that their pixels passed.
    let strength = |name: &str| {
        let out = world.path(&format!("{name}.geojson"));
        cube::done(&[&"targets", &world.path(name), &"--out", &out, &"--by", &"mineral"]);
        let areas: Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
        let all = areas["features"].as_array().unwrap().iter().map(|f| &f["properties"]);
        let largest = all.max_by_key(|p| p["pixels"].as_u64()).unwrap();
        assert!(largest["pixels"].as_u64() > Some(30) && largest["mineral"] == "one", "{largest}");
        largest["share_strength"].as_f64().unwrap()
    };
    assert_eq!(strength("both"), strength("west"));
    let page = std::fs::read_to_string(world.path("both").join("report.html")).unwrap();
    assert!(
        page.contains("Each scene has thresholds of its own")
            && page.contains("from rates of false alarms in each scene")
    );
}

/// Tallies add up in any order, so halves of a scene together have its thresholds and its map.
#[test]
fn pooled_halves_of_a_scene_are_the_scene() {
    let world = World::new();
    let folder = world.folder.path();
    let values = background(8, SIZE.0 * SIZE.1, Some(5));
    let half = |from: usize, to: usize| -> Vec<f32> {
        let line = |l: usize| &values[(l * SIZE.1 + from) * BANDS..(l * SIZE.1 + to) * BANDS];
        (0..SIZE.0).flat_map(line).copied().collect()
    };
    let whole = placed(folder, "whole", SIZE, &values, 0);
    let west = placed(folder, "west", (SIZE.0, 50), &half(0, 50), 0);
    let east = placed(folder, "east", (SIZE.0, SIZE.1 - 50), &half(50, SIZE.1), 50);
    let asked = ["--method", "sam,scm", "--false-alarms", "1e-3"];
    let alone = map(&whole, &world.library, &world.path("alone"), &asked);
    let more = [&asked[..], &["--statistics", "pooled", east.to_str().unwrap()]].concat();
    let pooled = map(&west, &world.library, &world.path("pooled"), &more);
    assert_eq!(pooled["maps"], alone["maps"]);
    assert_eq!(pooled["mosaic"]["statistics"], "pooled");
    assert!(pooled["scenes"][0].get("thresholds").is_none(), "they are one");
    for name in ["sam_classes.tif", "sam_false_alarms.tif", "scm_classes.tif", "scm_false_alarms.tif"] {
        let [one, other] = ["alone", "pooled"].map(|out| std::fs::read(world.path(out).join(name)).unwrap());
        assert!(one == other, "{name}");
    }
}

/// Killed at random and started again: the files of an unbroken run, and nothing left beside them.
#[test]
fn kills_and_a_rerun_give_the_bytes_of_an_unbroken_run() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, samples, bands) = (64, 500, 60);
    let scene = cube::write(folder.path(), "scene", (lines, samples, bands), &cube::ground(lines, samples, bands));
    let library = cube::library(folder.path(), bands);
    let start = |out: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
        command.args(["map", "--method", "sam,mf", "--false-alarms", "1e-3", "--backend", "cpu", "--no-targets"]);
        command.args(["--tile-lines", "1", "--quiet", "--library"]).arg(&library).arg("--out").arg(out).arg(&scene);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let whole = folder.path().join("whole");
    let begun = Instant::now();
    assert!(start(&whole).status().unwrap().success());
    let time = begun.elapsed();
    let expected = files(&whole);
    assert!(expected.contains_key("mf_false_alarms.tif"));
    let mut fell = 0;
    for kill in 0..12_u32 {
        let out = folder.path().join(format!("killed{kill}"));
        let mut run = start(&out).spawn().unwrap();
        let stage = out.join(".alunite-parts-false-alarms");
        // Half of the kills wait for the pass that is looked at here.
        let until = time.mul_f64(f64::from(kill * 37 % 100) / 100.0).max(Duration::from_millis(1));
        let parts = |least: usize| std::fs::read_dir(&stage).map_or(0, Iterator::count) > least;
        match kill % 2 {
            0 => std::thread::sleep(until),
            _ => {
                while run.try_wait().unwrap().is_none() && !parts(4 * kill as usize) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        let _ = run.kill();
        run.wait().unwrap();
        fell += usize::from(parts(1) && !out.join("run.json").exists());
        assert!(start(&out).arg("--overwrite").status().unwrap().success());
        assert!(files(&out) == expected, "after kill {kill}");
        let folders = std::fs::read_dir(&out).unwrap().filter(|f| f.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(folders, 0, "after kill {kill}");
    }
    assert!(fell >= 3, "{fell} kills fell after the pass had begun");
}

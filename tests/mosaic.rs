//! Mosaics: several scenes on one raster, against the naive gather of each scene's own maps, pixel by pixel.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alunite::grid::{Grid, MapGrid, NOWHERE};
use alunite::map::Warp;
use alunite::tile::Window;
use gdal::spatial_ref::SpatialRef;
use serde_json::Value;
use tempfile::TempDir;

#[path = "common/cube.rs"]
mod cube;
#[path = "common/mosaic.rs"]
mod mosaic;

use cube::{alunite, done, library};
use mosaic::{BANDS, Cube, EDGE, Raster, to_the_edge, utm, winner};

/// The program's `map` onto `out`; it must succeed.
fn map(folder: &Path, scenes: &[&Path], out: &str, more: &[&str]) -> PathBuf {
    let library = library(folder, BANDS);
    let out = folder.join(out);
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"map"];
    scenes.iter().for_each(|s| arguments.push(s));
    arguments.extend::<[&dyn AsRef<std::ffi::OsStr>; 6]>([
        &"--library",
        &library,
        &"--out",
        &out,
        &"--backend",
        &"cpu",
    ]);
    more.iter().for_each(|m| arguments.push(m));
    done(&arguments);
    out
}

fn report(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap()
}

fn assert_same(names: &[&str], one: &Path, other: &Path) {
    for name in names {
        let [a, b] = [one, other].map(|folder| std::fs::read(folder.join(name)).unwrap());
        assert!(a == b, "{name} is not the same in {} and {}", one.display(), other.display());
    }
}

/// Compares a mosaic of one method with what the scenes' own maps say of each pixel; gives the share of pixels that differ,
/// all of which lie within an eighth of a pixel of an edge.
fn assert_naive(mosaic: &Path, alone: &[&Path], word: &str, rule: &str, files: &[&str]) -> f64 {
    let open = |out: &Path, file: &str| Raster::open(&out.join(format!("{word}_{file}.tif")));
    let scores: Vec<Raster> = alone.iter().map(|out| open(out, "scores")).collect();
    let whole = open(mosaic, "scores");
    let centres: Vec<Vec<(f64, f64)>> = scores.iter().map(|scene| whole.centres_in(scene)).collect();
    let source = open(mosaic, "source");
    let pixels = whole.samples * whole.lines;
    let pixel = |scene: usize, p: usize| scores[scene].pixel(centres[scene][p]);
    let winners: Vec<Option<(usize, usize)>> = (0..pixels)
        .map(|p| {
            let score = |i: usize| pixel(i, p).map(|at| scores[i].bands[0][at]).filter(|s| *s != scores[i].nodata);
            let found: Vec<Option<f64>> = (0..alone.len()).map(score).collect();
            winner(rule, word, &found).map(|i| (i, pixel(i, p).unwrap()))
        })
        .collect();
    let mut differ = vec![false; pixels];
    let mut compare = |found: &[f64], wanted: &dyn Fn(usize) -> f64| {
        for (p, value) in found.iter().enumerate() {
            differ[p] |= value.to_bits() != wanted(p).to_bits();
        }
    };
    compare(&source.bands[0], &|p| winners[p].map_or(source.nodata, |(i, _)| i as f64));
    for file in files {
        let of_scenes: Vec<Raster> = alone.iter().map(|out| open(out, file)).collect();
        let whole = open(mosaic, file);
        for (band, found) in whole.bands.iter().enumerate() {
            compare(found, &|p| winners[p].map_or(whole.nodata, |(i, at)| of_scenes[i].bands[band][at]));
        }
    }
    let shown = winners.iter().flatten().count();
    assert!(shown > pixels / 5, "{shown} of {pixels} pixels show a scene");
    for p in (0..pixels).filter(|p| differ[*p]) {
        let nearest = centres.iter().map(|c| to_the_edge(c[p])).fold(1.0, f64::min);
        assert!(nearest < EDGE, "{word} {rule}: pixel {p} differs, {nearest} from an edge");
    }
    differ.iter().filter(|d| **d).count() as f64 / pixels as f64
}

const SAM: [&str; 4] = ["scores", "classes", "runner_up", "rules"];

#[test]
fn crops_of_a_scene_make_the_map_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = Cube::new(150, 60, 0).without(|l, s| (20..31).contains(&l) && s < 9 || l + s < 12);
    let [east, north] = [500_000.0, 4_000_000.0];
    let info = |y: usize, x: usize| utm(38, east + 30.0 * x as f64, north - 30.0 * y as f64, "");
    let scene = whole.write(folder, "whole", &info(0, 0));
    let upper = whole.crop(0, 0, 90, 60).write(folder, "upper", &info(0, 0));
    let lower = whole.crop(70, 0, 80, 60).write(folder, "lower", &info(70, 0));
    let names =
        ["sam_classes.tif", "sam_classes.tif.aux.xml", "sam_classes.qml", "sam_scores.tif", "sam_runner_up.tif"];
    let names =
        [&names[..], &["sam_runner_up.tif.aux.xml", "sam_rules.tif", "scm_classes.tif", "scm_scores.tif"]].concat();
    let methods = ["--method", "sam,scm", "--rules"];
    let right = map(folder, &[&scene], "right", &methods);
    for (out, more) in [("seven", &["--tile-lines", "7"][..]), ("some", &["--tile-lines", "64"]), ("all", &[])] {
        let out = map(folder, &[&upper, &lower], out, &[&methods, more].concat());
        assert_same(&names, &out, &right);
        assert!(out.join("quicklook.png").exists() && !out.join(".alunite-parts").exists());
    }
    // In any order, as equal scores are those of equal pixels; and no more than the scene itself is shown twice.
    let turned = map(folder, &[&lower, &upper], "turned", &methods);
    assert_same(&names, &turned, &right);
    let source = Raster::open(&turned.join("sam_source.tif"));
    let shown: Vec<usize> = (0..2).map(|i| source.bands[0].iter().filter(|v| **v == i as f64).count()).collect();
    let pixels = &report(&turned)["scenes"];
    assert_eq!(
        [&pixels[0]["pixels"]["sam"], &pixels[1]["pixels"]["sam"]],
        [&Value::from(shown[0]), &Value::from(shown[1])]
    );
    assert_eq!(shown[0], 80 * 60);
}

/// A name, the scenes, their own maps, and further arguments.
type Case<'a> = (&'a str, &'a [&'a Path], &'a [&'a Path], &'a [&'a str]);

#[test]
fn scenes_of_two_zones_are_the_naive_gather_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a =
        Cube::new(90, 110, 0).without(|l, s| l > 80 && s > 60).write(folder, "a", &utm(38, 740_000.0, 4_000_000.0, ""));
    let b = Cube::new(80, 100, 1).without(|l, _| l < 4).write(folder, "b", &utm(39, 203_000.0, 4_002_000.0, ""));
    let turned = Cube::new(100, 70, 2).write(folder, "turned", &utm(39, 202_000.0, 4_001_000.0, ", rotation=33"));
    let degrees = "Geographic Lat/Lon, 1, 1, 47.67, 36.11, 0.0004, 0.0003, WGS-84, units=Degrees";
    let degrees = Cube::new(60, 70, 3).write(folder, "degrees", degrees);
    let alone = |scene: &Path, name: &str| map(folder, &[scene], name, &["--rules"]);
    let [of_a, of_b, of_turned, of_degrees] =
        [(&a, "of_a"), (&b, "of_b"), (&turned, "of_turned"), (&degrees, "of_degrees")].map(|(s, n)| alone(s, n));
    let cases: [Case<'_>; 6] = [
        ("zones", &[&a, &b], &[&of_a, &of_b], &[]),
        ("finer", &[&b, &a], &[&of_b, &of_a], &["--resolution", "20,10"]),
        ("with degrees", &[&a, &degrees], &[&of_a, &of_degrees], &[]),
        ("in degrees", &[&a, &b, &turned], &[&of_a, &of_b, &of_turned], &["--crs", "EPSG:4326"]),
        ("turned", &[&turned, &a], &[&of_turned, &of_a], &["--crs", "EPSG:32638", "--resolution", "35"]),
        ("one", &[&turned], &[&of_turned], &["--crs", "EPSG:32639", "--extent", "203000,3998000,205000,4001000"]),
    ];
    for (name, scenes, alone, more) in cases {
        let out = map(folder, scenes, &name.replace(' ', "_"), &[&["--rules"], more].concat());
        let share = assert_naive(&out, alone, "sam", "best", &SAM);
        println!("{name}: {:.4} % of the pixels differ", 100.0 * share);
        assert!(share < 0.005, "{name}: {share} of the pixels");
    }
}

#[test]
fn each_rule_chooses_as_its_formula_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a = Cube::new(40, 50, 0).without(|l, s| (10..14).contains(&l) || s == 30);
    let b = Cube::new(45, 40, 1).without(|l, s| l < 3 || (20..24).contains(&s));
    let a = a.write(folder, "a", &utm(38, 500_000.0, 4_000_000.0, ""));
    let b = b.write(folder, "b", &utm(38, 500_300.0, 4_000_150.0, ""));
    let methods = ["--method", "sam,mf,ace,cem,rx,scm,sid"];
    let alone = [map(folder, &[&a], "of_a", &methods), map(folder, &[&b], "of_b", &methods)];
    for rule in ["best", "first", "last"] {
        let out = map(folder, &[&a, &b], rule, &[&methods[..], &["--overlap", rule]].concat());
        for word in ["sam", "mf", "ace", "cem", "rx", "scm", "sid"] {
            let files: &[&str] = if word == "rx" { &SAM[..1] } else { &SAM[..3] };
            let share = assert_naive(&out, &[&alone[0], &alone[1]], word, rule, files);
            assert_eq!(share, 0.0, "{word} {rule}: the grids fit each other");
        }
        assert_eq!(report(&out)["mosaic"]["overlap"], rule);
    }
    // The best is the default, and each method chooses by itself.
    let default = map(folder, &[&a, &b], "default", &methods);
    assert_same(&["sam_classes.tif", "mf_source.tif"], &default, &folder.join("best"));
    let [sam, mf] = ["sam", "mf"].map(|w| std::fs::read(default.join(format!("{w}_source.tif"))).unwrap());
    assert!(sam != mf);
}

#[test]
fn the_source_raster_names_the_scenes_and_the_report_tells_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a = Cube::new(20, 30, 0).write(folder, "Beni Mellal", &utm(38, 500_000.0, 4_000_000.0, ""));
    let b = Cube::new(20, 30, 1).write(&folder.join("x"), "same", &utm(38, 500_600.0, 4_000_000.0, ""));
    let c = Cube::new(20, 30, 2).write(&folder.join("y"), "same", &utm(38, 501_200.0, 4_000_000.0, ""));
    let out = map(folder, &[&a, &b, &c], "maps", &["--method", "sam,mf", "--overlap", "last"]);
    let report = report(&out);
    let names: Vec<&str> = report["scenes"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Beni Mellal", b.to_str().unwrap(), c.to_str().unwrap()]);
    for word in ["sam", "mf"] {
        let xml = std::fs::read_to_string(out.join(format!("{word}_source.tif.aux.xml"))).unwrap();
        let qml = std::fs::read_to_string(out.join(format!("{word}_source.qml"))).unwrap();
        for (i, name) in names.iter().enumerate() {
            assert!(xml.contains(&format!("<Category>{name}</Category>")), "{xml}");
            assert!(
                qml.contains(&format!("alpha=\"255\" label=\"{name}\"")) && qml.contains(&format!("value=\"{i}\""))
            );
        }
        let source = Raster::open(&out.join(format!("{word}_source.tif")));
        assert_eq!((source.nodata, source.samples, source.lines), (255.0, 70, 20));
        let wanted = |p: usize| [0.0, 1.0, 2.0][((p % 70) / 20).min(2)];
        assert!(source.bands[0].iter().enumerate().all(|(p, v)| *v == wanted(p)));
        let won: Vec<u64> =
            report["scenes"].as_array().unwrap().iter().map(|s| s["pixels"][word].as_u64().unwrap()).collect();
        assert_eq!(won, [400, 400, 600]);
    }
    for scene in report["scenes"].as_array().unwrap() {
        assert_eq!(scene["bands_in_use"].as_array().unwrap().len(), BANDS);
        assert_eq!(scene["background"]["pixels"], 600);
        assert!(scene["inputs"].as_array().unwrap().len() == 3 && scene["notes"].is_array());
    }
    let grid = &report["mosaic"];
    assert_eq!((&grid["samples"], &grid["lines"], &grid["overlap"]), (&70.into(), &20.into(), &"last".into()));
    assert_eq!(grid["resolution_from"], "the pixels of Beni Mellal");
    let classified: u64 =
        report["maps"][0]["classes"].as_array().unwrap().iter().map(|c| c["pixels"].as_u64().unwrap()).sum();
    assert_eq!(classified + report["maps"][0]["unclassified_pixels"].as_u64().unwrap(), 70 * 20);
}

#[test]
fn a_swath_and_a_grid_go_to_one_mosaic() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let emit = golden.join("emit_large.nc");
    let envi = cube::write(folder, "envi", (30, 40, 60), &cube::ground(30, 40, 60));
    let header = std::fs::read_to_string(envi.with_extension("hdr")).unwrap();
    let place = "UTM, 1, 1, 511500, 4482900, 60, 60, 38, North, WGS-84";
    std::fs::write(envi.with_extension("hdr"), format!("{header}map info = {{{place}}}\n")).unwrap();
    let map = |scenes: &[&Path], out: &str, more: &[&str]| {
        let (library, out) = (golden.join("emit_library.csv"), folder.join(out));
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"map"];
        scenes.iter().for_each(|s| arguments.push(s));
        let fixed: [&dyn AsRef<std::ffi::OsStr>; 9] =
            [&"--library", &library, &"--out", &out, &"--backend", &"cpu", &"--rules", &"--threshold", &"3.14"];
        arguments.extend(fixed);
        more.iter().for_each(|m| arguments.push(m));
        done(&arguments);
        out
    };
    let [of_emit, of_envi] = [(&emit, "of_emit"), (&envi, "of_envi")].map(|(s, n)| map(&[s], n, &[]));
    for (name, more) in
        [("degrees", &[][..]), ("utm", &["--crs", "EPSG:32638", "--resolution", "45", "--overlap", "last"])]
    {
        let out = map(&[&emit, &envi], name, more);
        let rule = if more.is_empty() { "best" } else { "last" };
        let share = assert_naive(&out, &[&of_emit, &of_envi], "sam", rule, &SAM);
        assert!(share < 0.005, "{name}: {share}");
        let won = |i: usize| report(&out)["scenes"][i]["pixels"]["sam"].as_u64().unwrap();
        assert!(won(0) > 300 && won(1) > 300, "{} and {}", won(0), won(1));
        assert_eq!(report(&out)["scenes"][0]["geometry"], "map");
    }
    // The swath's own mask, and none for the other scene.
    let mask = golden.join("emit_large_mask.nc");
    let mask = ["--mask", mask.to_str().unwrap(), "--mask-bands", "cloud,water"];
    let masked = map(&[&emit], "masked", &mask);
    let out = map(&[&emit, &envi], "both_masked", &[&mask[..], &["--mask", "none"]].concat());
    assert!(assert_naive(&out, &[&masked, &of_envi], "sam", "best", &SAM) < 0.005);
    let scenes = &report(&out)["scenes"];
    assert!(scenes[0]["mask"]["pixels"].as_u64() > Some(0) && scenes[1]["mask"].is_null());
}

#[test]
fn pooled_statistics_are_those_of_the_merged_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a = Cube::new(40, 50, 0).write(folder, "a", &utm(38, 500_000.0, 4_000_000.0, ""));
    let b = Cube::new(45, 40, 1).without(|l, _| l < 3).write(folder, "b", &utm(38, 500_300.0, 4_000_150.0, ""));
    for (scene, stats) in [(&a, "a.stats"), (&b, "b.stats")] {
        done(&[&"stats", scene, &"--out", &folder.join(stats), &"--backend", &"cpu"]);
    }
    let (one, other, merged) = (folder.join("a.stats"), folder.join("b.stats"), folder.join("merged.stats"));
    done(&[&"stats", &"--merge", &one, &other, &"--out", &merged]);
    let methods = ["--method", "mf,ace,cem,rx"];
    let pooled = map(folder, &[&a, &b], "pooled", &[&methods[..], &["--statistics", "pooled"]].concat());
    let read = map(folder, &[&a, &b], "read", &[&methods[..], &["--stats", merged.to_str().unwrap()]].concat());
    let own = map(folder, &[&a, &b], "own", &methods);
    let names =
        ["mf_scores.tif", "mf_classes.tif", "ace_scores.tif", "cem_scores.tif", "rx_scores.tif", "rx_source.tif"];
    assert_same(&names, &pooled, &read);
    assert!(std::fs::read(own.join("mf_scores.tif")).unwrap() != std::fs::read(pooled.join("mf_scores.tif")).unwrap());
    let [pooled, read, own] = [pooled, read, own].map(|out| report(&out));
    for scene in 0..2 {
        let identity = |report: &Value| report["scenes"][scene]["background"]["identity"].clone();
        assert!(identity(&pooled) == identity(&read) && identity(&own) != identity(&pooled));
        assert_eq!(pooled["scenes"][scene]["background"]["pixels"], 40 * 50 + 42 * 40);
    }
    assert_eq!(
        (&pooled["mosaic"]["statistics"], &own["mosaic"]["statistics"]),
        (&"pooled".into(), &"per-scene".into())
    );
}

/// Where pyproj puts the pixels, to a tenth of one.
#[test]
fn places_are_those_of_pyproj() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mosaic_places.json");
    let all: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let cases = all["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let [scene, mosaic] = ["scene", "mosaic"].map(|which| {
            let epsg = case[which][0].as_u64().unwrap() as u32;
            let place: Vec<f64> = case[which][1].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let [samples, lines] = [2, 3].map(|i| case[which][i].as_u64().unwrap() as usize);
            let crs_wkt = Some(SpatialRef::from_epsg(epsg).unwrap().to_wkt().unwrap());
            MapGrid { samples, lines, grid: Grid { geotransform: Some(place.try_into().unwrap()), crs_wkt } }
        });
        let mut places = Vec::new();
        let all = Window { x: 0, y: 0, width: mosaic.samples, height: mosaic.lines };
        Warp::new(&scene, &mosaic).unwrap().places(all, &mut places);
        let pixels = case["pixels"].as_array().unwrap();
        let mut compared = 0;
        for pixel in pixels {
            let [column, line, x, y] = [0, 1, 2, 3].map(|i| pixel[i].as_f64().unwrap());
            if to_the_edge((x, y)) < 0.1 {
                continue;
            }
            compared += 1;
            let place = places[line as usize * mosaic.samples + column as usize];
            assert_ne!(place, NOWHERE, "{} {pixel}", case["name"]);
            let (found_y, found_x) = (place as usize / scene.samples, place as usize % scene.samples);
            assert_eq!((found_x as f64, found_y as f64), (x.floor(), y.floor()), "{} {pixel}", case["name"]);
        }
        assert!(compared > pixels.len() / 2, "{compared} of {}", pixels.len());
    }
}

/// A folder with two scenes beside each other, and their mosaic as arguments.
struct Pair {
    folder: TempDir,
}

impl Pair {
    fn new(lines: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Cube::new(lines, 60, 0).write(folder.path(), "a", &utm(38, 500_000.0, 4_000_000.0, ""));
        Cube::new(lines, 60, 1).write(folder.path(), "b", &utm(38, 500_900.0, 4_000_000.0, ""));
        library(folder.path(), BANDS);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, scenes: &[&str], more: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alunite"));
        command.current_dir(self.folder.path()).env("XDG_RUNTIME_DIR", self.folder.path()).arg("map").args(scenes);
        command.args(["--library", "library.csv", "--out", "maps", "--backend", "cpu"]).args(more);
        command
    }

    /// The run is refused in words that say all of these, and leaves nothing.
    fn refused(&self, scenes: &[&str], more: &[&str], words: &[&str]) {
        let output = self.command(scenes, more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "'{word}' is not in: {said}"));
        let left = std::fs::read_dir(self.path("maps")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{more:?}: a refused run leaves no file");
    }
}

#[test]
fn what_is_no_mosaic_is_refused_before_the_work() {
    let pair = Pair::new(20);
    let at = |name: &str, info: &str| {
        Cube::new(20, 30, 2).write(pair.folder.path(), name, info);
    };
    cube::write(pair.folder.path(), "nowhere", (20, 30, BANDS), &Cube::new(20, 30, 2).values);
    at("far", &utm(17, 500_000.0, 4_000_000.0, ""));
    at("arbitrary", "Arbitrary, 1, 1, 0, 0, 1, 1");
    let both = ["a.img", "b.img"];
    pair.refused(&["a.img", "nowhere.img"], &[], &["nowhere: its maps cannot be placed", "no geotransform"]);
    pair.refused(&["a.img", "b.img", "a.hdr"], &[], &["a.img: is named twice", "name every scene once"]);
    pair.refused(&["a.img", "far.img"], &[], &["a and far lie", "km apart", "at most 10000 km"]);
    pair.refused(&["a.img", "arbitrary.img"], &[], &["arbitrary: "]);
    pair.refused(&both, &["--crs", "EPSG:1"], &["--crs: 'EPSG:1' is no coordinate reference system", "EPSG:32638"]);
    pair.refused(&both, &["--resolution", "0.001"], &["are too many, expected 4294967296 at most", "--resolution"]);
    pair.refused(&both, &["--extent", "0,0,100,100"], &["--extent: a lies outside", "leave the scene out"]);
    pair.refused(&both, &["--resolution", "0"], &["--resolution"]);
    pair.refused(&both, &["--geometry", "swath"], &["--geometry swath", "no place on the ground"]);
    pair.refused(&["a.img"], &["--overlap", "first"], &["--overlap: is of several scenes"]);
    pair.refused(&["a.img"], &["--method", "mf", "--statistics", "pooled"], &["--statistics: is of several scenes"]);
    let pooled = ["--statistics", "pooled"];
    pair.refused(&both, &pooled, &["--statistics: no method needs any"]);
    let with = |more: &[&'static str]| [&pooled[..], &["--method", "mf"], more].concat();
    pair.refused(&both, &with(&["--background", "columns:8"]), &["detector columns belong to one scene"]);
    pair.refused(&both, &with(&["--exclude-targets", "0.01"]), &["--exclude-targets"]);
    pair.refused(
        &both,
        &["--method", "mf", "--background-mask", "a.img"],
        &["--background-mask", "2 scenes were named"],
    );
    pair.refused(&both, &["--mask", "a.img"], &["--mask: masks given: 1, scenes: 2;", "--mask none"]);
    pair.refused(&["a.img"], &["--mask", "a.img", "--mask", "b.img"], &["--mask: masks given: 2, scenes: 1;"]);
    // Bands in use that differ: one scene's last bands are bad.
    let header = std::fs::read_to_string(pair.path("b.hdr")).unwrap();
    let bad: Vec<&str> = (0..BANDS).map(|b| if b < BANDS - 2 { "1" } else { "0" }).collect();
    std::fs::write(pair.path("b.hdr"), format!("{header}bbl = {{{}}}\n", bad.join(", "))).unwrap();
    pair.refused(&both, &with(&[]), &["bands in use of b (14 of 16 bands) are not those of a (16 of 16 bands)"]);
    assert!(pair.command(&both, &["--method", "mf"]).status().unwrap().success(), "each by itself");
    // What stands there already is not replaced.
    let again = pair.command(&both, &["--method", "mf"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let pair = Pair::new(400);
    let more = ["--method", "sam,mf", "--tile-lines", "2"];
    let both = ["a.img", "b.img"];
    assert!(pair.command(&both, &more).status().unwrap().success());
    std::fs::rename(pair.path("maps"), pair.path("right")).unwrap();
    let names =
        ["sam_classes.tif", "sam_scores.tif", "sam_source.tif", "mf_scores.tif", "mf_source.tif", "quicklook.png"];
    for (wait_for, least) in [("0/part-000040", 20), ("1/part-000040", 220)] {
        let mut child = pair.command(&both, &more).stderr(std::process::Stdio::null()).spawn().unwrap();
        let (part, begun) = (pair.path("maps/.alunite-parts").join(wait_for), Instant::now());
        while !part.exists() {
            assert!(begun.elapsed() < Duration::from_secs(120), "{wait_for} never comes");
            assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!pair.path("maps/sam_classes.tif").exists());
        let output = pair.command(&both, &more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("going on with an earlier run"), "{said}");
        let resumed = report(&pair.path("maps"))["timings"]["parts_resumed"].as_u64().unwrap();
        assert!((least..400).contains(&resumed), "{wait_for}: {resumed} parts");
        let names =
            ["sam_classes.tif", "sam_scores.tif", "sam_source.tif", "mf_scores.tif", "mf_source.tif", "quicklook.png"];
        assert_same(&names, &pair.path("maps"), &pair.path("right"));
        std::fs::remove_dir_all(pair.path("maps")).unwrap();
    }
    // A disk that is full when the maps are put together: parts fit, rasters do not.
    let command = pair.command(&both, &more);
    let mut full = std::process::Command::new("sh");
    full.current_dir(pair.folder.path()).args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""]);
    full.arg(command.get_program()).args(command.get_args());
    assert_eq!(full.output().unwrap().status.code(), Some(3));
    assert!(!pair.path("maps/sam_classes.tif").exists());
    assert!(pair.command(&both, &more).status().unwrap().success());
    assert_eq!(report(&pair.path("maps"))["timings"]["parts_resumed"], 400);
    assert_same(&names, &pair.path("maps"), &pair.path("right"));
}

/// A scene by itself keeps its grid, and has no source raster; an older one's does not stay beside it.
#[test]
fn one_scene_stays_what_it_was() {
    let pair = Pair::new(20);
    assert!(pair.command(&["a.img", "b.img"], &[]).status().unwrap().success());
    assert!(pair.path("maps/sam_source.qml").exists());
    assert!(pair.command(&["a.img"], &["--overwrite"]).status().unwrap().success());
    assert!(!pair.path("maps/sam_source.tif").exists() && !pair.path("maps/sam_source.qml").exists());
    let report = report(&pair.path("maps"));
    assert!(report["mosaic"].is_null() && report["inputs"].is_array());
    let output = alunite(&[&"map", &"--help"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("--overlap"));
}

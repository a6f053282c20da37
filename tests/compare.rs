//! `alunite compare`: scikit-learn's numbers on the same maps, runs and labels, what is refused, the picture.

use std::path::{Path, PathBuf};

use alunite::compare::{Comparison, Matched, Settings, compare};
use alunite::grid::Grid;
use alunite::map::{BandSpec, Compression, Legend, RasterKind, RasterSpec, RasterWriter};
use alunite::tile::Window;
use predicates::prelude::*;
use serde_json::Value;

#[path = "common/cli.rs"]
mod cli;
mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/measured.rs"]
mod measured;

use cli::World;

const LINES: usize = 53;
const SAMPLES: usize = 47;
const NODATA: u8 = 255;

/// As `golden/confusion.py` has it.
fn map_a(line: usize, sample: usize) -> u8 {
    [0, 1, 2, 2, 3, 3, 4, NODATA][(sample / 5 * 7919 + line / 3 * 104_729 + sample * line / 29) % 8]
}

fn map_b(line: usize, sample: usize) -> u8 {
    match (line * 31 + sample * 17) % 11 {
        0..3 => [1, 0, 3, 2, NODATA, 1][(line * 7 + sample) % 6],
        _ => map_a(line, sample),
    }
}

/// An ENVI classification; with `turned`, values 1 to 4 are stored in the opposite order, under the same names.
fn envi(folder: &Path, name: &str, names: &[&str], value: impl Fn(usize, usize) -> u8) -> PathBuf {
    let header = format!(
        "ENVI\nsamples = {SAMPLES}\nlines = {LINES}\nbands = 1\nheader offset = 0\nfile type = ENVI Classification\n\
         data type = 1\ninterleave = bsq\nbyte order = 0\ndata ignore value = {NODATA}\nclasses = {}\n\
         class names = {{{}}}\n",
        names.len(),
        names.join(", ")
    );
    let values: Vec<u8> = (0..LINES * SAMPLES).map(|p| value(p / SAMPLES, p % SAMPLES)).collect();
    std::fs::write(folder.join(format!("{name}.hdr")), header).expect("header");
    let path = folder.join(format!("{name}.img"));
    std::fs::write(&path, values).expect("values");
    path
}

const NAMES: [&str; 5] = ["unclassified", "Alunite", "Kaolinite", "Calcite", "Opal"];

fn close(found: Option<f64>, expected: &Value) {
    let near = match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
        (None, None) => true,
        _ => false,
    };
    assert!(near, "{found:?} is not {expected}");
}

/// `order[i]` is the place in our list of the golden class i.
fn check(found: &Comparison, golden: &Value, order: [usize; 5]) {
    assert_eq!(found.compared, golden["pixels"]);
    close(found.overall_agreement, &golden["overall"]);
    close(found.kappa, &golden["kappa"]);
    for (i, &class) in order.iter().enumerate() {
        let ours = &found.classes[class];
        close(ours.users_accuracy, &golden["users"][i]);
        close(ours.producers_accuracy, &golden["producers"][i]);
        close(ours.f1, &golden["f1"][i]);
        for (j, &other) in order.iter().enumerate() {
            let cell = found.cells.iter().find(|c| c.classes == (class, other)).map_or(0, |c| c.pixels);
            assert_eq!(cell, golden["matrix"][i][j], "{} and {}", NAMES[i], NAMES[j]);
        }
    }
}

#[test]
fn matrix_kappa_and_accuracies_are_scikit_learns() {
    let golden: Value = serde_json::from_str(include_str!("golden/confusion.json")).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let a = envi(folder.path(), "a", &NAMES, map_a);
    let b = envi(folder.path(), "b", &NAMES, map_b);
    let found = compare(&a, &b, &Settings::default()).expect("a comparison");
    check(&found, &golden["maps"], [0, 1, 2, 3, 4]);
    let nodata = [found.nodata.both, found.nodata.only_a, found.nodata.only_b];
    assert_eq!(serde_json::json!(nodata), golden["nodata"]);
    assert_eq!((found.equal, found.identical, found.unlabelled), (false, false, 0));
    assert!(found.notes[0].contains("--labels"), "{:?}", found.notes);

    // The same classes under other values, other case and in another order, of a header instead of its data.
    let turned = ["Unclassified", "OPAL", "calcite", "kaolinite", "alunite "];
    let swap = |v: u8| if (1..=4).contains(&v) { 5 - v } else { v };
    envi(folder.path(), "turned", &turned, |y, x| swap(map_b(y, x)));
    let other = compare(&a, &folder.path().join("turned.hdr"), &Settings::default()).expect("a comparison");
    check(&other, &golden["maps"], [0, 4, 3, 2, 1]);
    let by_value = Settings { matched: Matched::Value, ..Settings::default() };
    let found = compare(&a, &folder.path().join("turned.img"), &by_value).expect("a comparison");
    assert!(found.overall_agreement < other.overall_agreement, "values mean other classes");
    assert_eq!(found.classes[1].name, "Alunite / OPAL");

    let labels = Settings { labels: true, ..Settings::default() };
    let found = compare(&a, &b, &labels).expect("a comparison");
    check(&found, &golden["labels"], [0, 1, 2, 3, 4]);
    assert!(found.unlabelled > 0 && found.nodata.only_b == 0 && found.notes[0].contains("left out"));
}

fn json(world: &World, args: &[&str], code: i32) -> Value {
    let output = world.alunite().args(args).arg("--json").assert().code(code).get_output().stdout.clone();
    serde_json::from_slice(&output).expect("JSON")
}

/// A run into a folder.
fn map(world: &World, folder: &str, more: &[&str]) {
    let args = ["map", "scene.img", "--library", "library.csv", "--no-targets", "--quiet", "--out", folder];
    world.alunite().args(args).args(more).assert().code(0);
}

#[test]
fn a_run_is_itself_and_another_run_of_the_same_command() {
    let world = World::new();
    for folder in ["one", "two"] {
        map(&world, folder, &["--backend", "cpu"]);
    }
    for other in ["one", "two"] {
        let found = json(&world, &["compare", "one", other], 0);
        assert_eq!((&found["identical"], &found["equal"], &found["kappa"]), (&true.into(), &true.into(), &1.0.into()));
        assert_eq!(found["nodata"]["both"], 1, "the pixel of no data");
        assert_eq!((&found["scores"]["compared"], &found["scores"]["differing"]), (&47.into(), &0.into()));
        assert!(found["runs"].as_array().expect("facts").iter().all(|f| f["same"] == true), "{found}");
    }
    let text = predicate::str::contains("byte for byte")
        .and(predicate::str::contains("scores: the same in all 47 pixels"))
        .and(predicate::str::contains("largest differences").not());
    world.alunite().args(["compare", "one", "two"]).assert().code(0).stdout(text);
}

#[test]
fn another_threshold_and_another_method_show() {
    let world = World::new();
    map(&world, "one", &["--backend", "cpu", "--method", "sam,scm"]);
    map(&world, "two", &["--backend", "cpu", "--threshold", "Alunite GDS84=0.0000001"]);
    let found = json(&world, &["compare", "one", "two"], 1);
    let differing: Vec<&Value> =
        found["runs"].as_array().expect("facts").iter().filter(|f| f["same"] == false).map(|f| &f["about"]).collect();
    assert_eq!(differing, ["thresholds"]);
    assert_eq!((&found["identical"], &found["scores"]["differing"]), (&false.into(), &0.into()));
    let text = predicate::str::contains("largest differences").and(predicate::str::contains("B unclassified"));
    world.alunite().args(["compare", "one", "two"]).assert().code(1).stdout(text);
    // Two methods of one run have classes in common, and no scores.
    let found = json(&world, &["compare", "one", "one", "--method", "sam,scm"], 0);
    assert_eq!((&found["scores"], &found["equal"], &found["a"]["method"]), (&Value::Null, &true.into(), &"sam".into()));
    let said = predicate::str::contains("no classes of 'scm'").and(predicate::str::contains("those of: sam"));
    world.alunite().args(["compare", "one", "two", "--method", "scm"]).assert().code(2).stderr(said);
}

#[test]
fn a_cpu_run_and_a_gpu_run_are_byte_identical() {
    let Some(device) = gpu::device() else { return };
    let world = World::sized(60, 50);
    map(&world, "cpu", &["--backend", "cpu"]);
    map(&world, "gpu", &["--backend", "gpu", "--adapter", &device.facts().name]);
    let found = json(&world, &["compare", "cpu", "gpu"], 0);
    assert_eq!((&found["identical"], &found["scores"]["differing"]), (&true.into(), &0.into()));
    let facts = found["runs"].as_array().expect("facts");
    let backend = facts.iter().find(|f| f["about"] == "backend").expect("a backend");
    assert_eq!(backend["same"], false, "{backend}");
    assert!(facts.iter().all(|f| f["same"] == true || f["about"] == "backend"), "{found}");
}

#[test]
fn cuprites_labels_are_compared_with_a_map() {
    let Some(folder) = common::data() else { return };
    let library = folder.join(measured::BECKMAN);
    let targets = measured::CUPRITE_TARGETS.join(",");
    let arguments = [
        "--library",
        measured::text(&library),
        "--wavelengths",
        measured::SWIR,
        "--threshold",
        "3",
        "--targets",
        &targets,
    ];
    let run = measured::Run::of(&folder.join("cuprite95_swir_rois.img"), &arguments);
    let names = "Alunite*=alunite,Kaolinite*=kaolinite,Dickite*=kaolinite,Montmorillonite*=montmorillonite,Opal*=hydrated silica,\
         Chalcedony*=hydrated silica";
    let settings = Settings {
        labels: true,
        matched: Matched::Pairs(names.split(',').map(str::to_owned).collect()),
        ..Settings::default()
    };
    let map = run.file("");
    let labels = folder.join("cuprite95_swir_rois_regions.img");
    let found = compare(&map, &labels, &settings).expect("a comparison");
    assert_eq!((found.compared, found.unlabelled), (557, 138 * 272 - 557));
    // The shares that the README tells of these regions, counted by tests/real.rs.
    let recall = |name: &str| {
        let class = found.classes.iter().find(|c| c.name == name).expect("a class");
        (class.pixels_b, (100.0 * class.producers_accuracy.expect("pixels")).round() as u64)
    };
    assert_eq!(
        ["alunite", "kaolinite", "montmorillonite", "hydrated silica"].map(recall),
        [(229, 97), (120, 88), (119, 100), (89, 100)]
    );
    assert_eq!(
        found.only_in_a,
        ["Muscovite GDS107", "Calcite WS272", "Buddingtonite GDS85 D-206", "Pyrophyllite PYS1A fine gr"]
    );
    let kappa = found.kappa.expect("several classes");
    eprintln!("Cuprite: agreement {:?}, kappa {kappa}", found.overall_agreement);
    assert!((0.9..1.0).contains(&kappa), "{kappa}");
    // Without pairs no name of the library is one of the labels.
    let error = compare(&map, &labels, &Settings { labels: true, ..Settings::default() }).expect_err("no names");
    assert!(error.to_string().contains("no class of A has a name of B's"), "{error}");
}

/// A class map of the program's own writer.
fn tiff(path: &Path, names: &[&str], grid: &Grid, (lines, samples): (usize, usize), values: &[u16]) {
    let legend = Legend::new(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).expect("a legend");
    let spec = RasterSpec {
        width: samples,
        height: lines,
        grid,
        kind: RasterKind::Classes(&legend),
        bands: vec![BandSpec::default()],
        metadata: Vec::new(),
        compression: Compression::Deflate,
    };
    let mut writer = RasterWriter::create(path, path.parent().expect("a folder"), &spec).expect("a writer");
    writer.write_classes(0, Window { x: 0, y: 0, width: samples, height: lines }, values).expect("written");
    writer.finish().expect("finished").publish().expect("published");
}

fn placed(x: f64) -> Grid {
    let crs = gdal::spatial_ref::SpatialRef::from_epsg(32638).expect("a CRS");
    Grid { geotransform: Some([x, 30.0, 0.0, 4e6, 0.0, -30.0]), crs_wkt: Some(crs.to_wkt().expect("WKT")) }
}

#[test]
fn hostile_names_are_compared_and_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "x".repeat(5000);
    let names = ["a, b=c \"d\"", "<script> & 'e'", "[*?", &long, "=", "\u{202E}drawkcab \u{1FAA8}"];
    let values: Vec<u16> = (0..600).map(|p| [0, 1, 2, 3, 4, 5, 6, 255][p / 3 % 8]).collect();
    let (a, b) = (folder.path().join("a.tif"), folder.path().join("b.tif"));
    tiff(&a, &names, &placed(5e5), (20, 30), &values);
    let mut turned = names;
    turned.reverse();
    let other: Vec<u16> = values.iter().map(|&v| if (1..=6).contains(&v) { 7 - v } else { v }).collect();
    tiff(&b, &turned, &placed(5e5), (20, 30), &other);
    let picture = folder.path().join("difference.png");
    let settings = Settings { picture: Some(picture.clone()), ..Settings::default() };
    let found = compare(&a, &b, &settings).expect("a comparison");
    assert!(found.equal && !found.identical && found.only_in_a.is_empty(), "{found:?}");
    assert!(std::fs::read(&picture).expect("a picture").starts_with(b"\x89PNG"));

    // A pair whose names hold the signs that pairs are written with.
    let pairs = vec!["a, b=c \"d\"=[*?".to_owned(), "[*?=<script> & 'e'".to_owned()];
    let paired = compare(&a, &b, &Settings { matched: Matched::Pairs(pairs), ..Settings::default() }).expect("pairs");
    assert!(!paired.equal && paired.cells.iter().any(|c| c.classes.0 != c.classes.1));
    let world = World::new();
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    world.write("pairs.txt", "a, b=c \"d\"=[*?\n\n[*?=<script> & 'e'\n");
    let found = json(&world, &["compare", &a, &b, "--classes", "@pairs.txt"], 1);
    assert_eq!(found["kappa"].as_f64(), paired.kappa);
    world.alunite().args(["compare", &a, &b]).assert().code(0).stdout(predicate::str::contains('\u{202E}').not());
}

#[test]
fn a_small_wide_map_has_each_pixel_once_and_a_wrong_one_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    // More lines than a strip has, and wider than one tile.
    let (lines, samples) = (700, 300);
    let mut values: Vec<u16> = (0..lines * samples).map(|p| (p % 3) as u16).collect();
    let (a, b) = (folder.path().join("a.tif"), folder.path().join("b.tif"));
    tiff(&a, &["Opal", "Talc"], &Grid::default(), (lines, samples), &values);
    values[lines * samples - 1] = 255;
    values[523 * samples + 299] = 0;
    tiff(&b, &["Opal", "Talc"], &Grid::default(), (lines, samples), &values);
    let found = compare(&a, &b, &Settings::default()).expect("a comparison");
    assert_eq!((found.compared, found.differing(), found.nodata.only_b), (209_999, 1, 1));
    let cell = found.cells.iter().find(|c| c.classes.0 != c.classes.1).expect("a difference");
    assert_eq!((cell.a.as_str(), cell.b.as_str(), cell.pixels), ("Talc", "unclassified", 1));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let values = vec![1; 600];
    tiff(&at("a.tif"), &["Opal"], &placed(5e5), (20, 30), &values);
    tiff(&at("size.tif"), &["Opal"], &placed(5e5), (30, 20), &values);
    tiff(&at("place.tif"), &["Opal"], &placed(5e5 + 30.0), (20, 30), &values);
    tiff(&at("nowhere.tif"), &["Opal"], &Grid::default(), (20, 30), &values);
    tiff(&at("names.tif"), &["Talc"], &placed(5e5), (20, 30), &values);
    tiff(&at("empty.tif"), &["Opal"], &placed(5e5), (20, 30), &[255; 600]);
    std::fs::write(at("text.tif"), "no raster").expect("written");
    let refused = |name: &str, words: &[&str]| {
        let error = compare(&at("a.tif"), &at(name), &Settings::default()).expect_err(name);
        let said = format!("{error} ({})", error.next_step().unwrap_or_default());
        assert!(words.iter().all(|word| said.contains(word)), "{name}: {said}");
    };
    refused("size.tif", &["20 x 30 pixels", "expected A's 30 x 20"]);
    refused("place.tif", &["500030.0", "expected A's", "500000.0", "--ignore-grid"]);
    refused("nowhere.tif", &["has no CRS", "EPSG:32638"]);
    refused("names.tif", &["A has Opal; B has Talc", "--by-value"]);
    refused("empty.tif", &["no pixel has data"]);
    refused("text.tif", &["cannot be opened as a GeoTIFF or an ENVI classification"]);
    refused("absent.tif", &["no such file"]);
    refused("", &["run.json"]);
    let ignoring = Settings { ignore_grid: true, ..Settings::default() };
    for place in ["place.tif", "nowhere.tif"] {
        assert!(compare(&at("a.tif"), &at(place), &ignoring).expect("one size").equal);
    }
    // A scene is no class map; neither is a run whose report names a method that is none.
    let world = World::new();
    let said = predicate::str::contains("12 bands, expected one");
    world.alunite().args(["compare", "scene.img", "scene.img"]).assert().code(2).stderr(said);
    std::fs::create_dir(world.path("odd")).expect("a folder");
    world.write("odd/run.json", r#"{"alunite": "0", "maps": [{"method": "../x", "classes": [1]}]}"#);
    world.alunite().args(["compare", "odd", "odd"]).assert().code(2).stderr(predicate::str::contains("../x"));
    world.write("odd/run.json", "{");
    world.alunite().args(["compare", "odd", "odd"]).assert().code(2).stderr(predicate::str::contains("run.json"));
}

#[test]
fn a_picture_is_not_replaced_unless_told() {
    let world = World::new();
    map(&world, "one", &["--backend", "cpu"]);
    let args = ["compare", "one", "one", "--picture", "d.png"];
    world.alunite().args(args).assert().code(0);
    let first = std::fs::read(world.path("d.png")).expect("a picture");
    world.alunite().args(args).assert().code(2).stderr(predicate::str::contains("--overwrite"));
    world.alunite().args(args).arg("--overwrite").assert().code(0);
    assert!(first == std::fs::read(world.path("d.png")).expect("a picture"), "the same picture has the same bytes");
}

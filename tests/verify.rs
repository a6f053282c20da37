//! `alunite verify`: a run holds, and whatever is changed afterwards is found.

use std::path::Path;

use gdal::raster::Buffer;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use predicates::prelude::*;
use serde_json::{Value, json};

#[path = "common/cli.rs"]
mod cli;

use cli::World;

/// A finished run of two methods and one without classes.
fn mapped() -> World {
    let world = World::new();
    world.map(&["--method", "sam,scm,rx", "--quiet"]).assert().code(0);
    world
}

fn verified(world: &World, more: &[&str], code: i32) -> Value {
    let output = world.alunite().args(["verify", "maps", "--json"]).args(more).assert().code(code);
    serde_json::from_slice(&output.get_output().stdout).expect("JSON")
}

/// The checks that do not hold, as text.
fn wrong(found: &Value) -> Vec<String> {
    let checks = found["checks"].as_array().expect("checks").iter().filter(|c| c["holds"] == false);
    checks.map(|c| format!("{}: {}", c["about"], c["what"])).collect()
}

/// Exactly these files or parts are wrong, in these words.
#[track_caller]
fn finds(world: &World, words: &[(&str, &str)]) {
    let found = verified(world, &[], 1);
    let wrong = wrong(&found);
    for (about, what) in words {
        assert!(
            wrong.iter().any(|w| w.starts_with(&format!("\"{about}\"")) && w.contains(what)),
            "{about}: {wrong:#?}"
        );
    }
    let known = |w: &String| words.iter().any(|(about, _)| w.starts_with(&format!("\"{about}\"")));
    assert!(wrong.iter().all(known), "{wrong:#?}");
    assert_eq!(found["holds"], false);
}

/// Changes one pixel of a raster in place.
fn edit(path: &Path, value: f64) {
    let open_flags = GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_UPDATE;
    // GDAL asks before it breaks the order of a cloud-optimised file.
    let open_options = Some(&["IGNORE_COG_LAYOUT_BREAK=YES"][..]);
    let dataset =
        Dataset::open_ex(path, DatasetOptions { open_flags, open_options, ..Default::default() }).expect("a raster");
    let mut band = dataset.rasterband(1).expect("a band");
    band.write((3, 2), (1, 1), &mut Buffer::new((1, 1), vec![value])).expect("written");
}

/// Changes the report.
fn edit_report(world: &World, change: impl Fn(&mut Value)) {
    let path = world.path("maps/run.json");
    let mut report = serde_json::from_slice(&std::fs::read(&path).expect("a report")).expect("JSON");
    change(&mut report);
    std::fs::write(path, serde_json::to_vec_pretty(&report).expect("JSON")).expect("written");
}

#[test]
fn a_run_holds_and_can_be_made_again() {
    let world = mapped();
    let found = verified(&world, &[], 0);
    assert_eq!((wrong(&found), &found["holds"]), (Vec::new(), &true.into()));
    let before = world.files("");
    let again = verified(&world, &["--rerun"], 0);
    let checks = again["checks"].as_array().expect("checks");
    let identical =
        checks.iter().any(|c| c["about"] == "rerun" && c["what"].as_str().is_some_and(|w| w.contains("byte for byte")));
    assert!(identical && checks.len() > found["checks"].as_array().expect("checks").len(), "{again}");
    assert_eq!(world.files(""), before, "nothing is left of the rerun");
    let said = predicate::str::contains("everything holds").and(predicate::str::contains("WRONG").not());
    world.alunite().args(["verify", "maps"]).assert().code(0).stdout(said);
    // A folder that has moved is still the same run.
    std::fs::rename(world.path("maps"), world.path("moved")).expect("renamed");
    world.alunite().args(["verify", "moved", "--rerun", "--work", "."]).assert().code(0);
    assert!(world.files("").iter().all(|f| !f.to_string_lossy().contains("alunite-verify")));
}

/// A scene is hashed as its tiles pass, in whatever order of bands, lines or pieces it is stored and read.
#[test]
fn inputs_have_the_hashes_of_their_whole_files() {
    let world = World::new();
    let header = std::fs::read_to_string(world.path("scene.hdr")).unwrap();
    for interleave in ["bil", "bip", "bsq"] {
        std::fs::write(world.path("scene.hdr"), header.replace("= bil", &format!("= {interleave}"))).unwrap();
        for more in [&["--tile-lines", "1"][..], &["--wavelengths", "2.05um-2.2um"], &["--threads", "1"]] {
            world.map(&["--overwrite", "--quiet", "--threshold", "sam:3.14"]).args(more).assert().code(0);
            let report: Value = serde_json::from_slice(&std::fs::read(world.path("maps/run.json")).unwrap()).unwrap();
            for input in report["inputs"].as_array().unwrap() {
                let file = std::fs::read(world.path(input["path"].as_str().unwrap())).unwrap();
                let hash = format!("{:032x}", twox_hash::XxHash3_128::oneshot(&file));
                assert_eq!(input["xxh3_128"], hash, "{} of {interleave}, {more:?}", input["path"]);
            }
        }
    }
}

#[test]
fn a_changed_byte_of_an_input_is_found() {
    let world = mapped();
    let mut bytes = std::fs::read(world.path("scene.img")).expect("a scene");
    bytes[1000] ^= 1;
    world.write("scene.img", &bytes);
    finds(&world, &[("scene.img", "it has changed since the run")]);
    bytes.push(0);
    world.write("scene.img", &bytes);
    finds(&world, &[("scene.img", "bytes, expected")]);
    std::fs::remove_file(world.path("library.csv")).expect("removed");
    finds(&world, &[("scene.img", "bytes, expected"), ("library.csv", "cannot be found")]);
}

#[test]
fn a_missing_output_is_found() {
    let world = mapped();
    for name in ["sam_runner_up.tif", "sam_classes.qml"] {
        std::fs::remove_file(world.path("maps").join(name)).expect("removed");
    }
    finds(&world, &[("sam_runner_up.tif", "is missing"), ("sam_classes.qml", "is missing")]);
}

#[test]
fn an_edited_pixel_is_found() {
    let world = mapped();
    edit(&world.path("maps/sam_classes.tif"), 0.0);
    finds(&world, &[("sam_classes.tif", "holds")]);
    let world = mapped();
    edit(&world.path("maps/rx_scores.tif"), -9999.0);
    finds(&world, &[("rx_scores.tif", "without data")]);
}

#[test]
fn an_edited_score_is_found_by_its_hash_and_by_a_rerun() {
    let world = mapped();
    edit(&world.path("maps/sam_scores.tif"), 0.5);
    finds(&world, &[("sam_scores.tif", "it has changed since the run")]);
    let again = wrong(&verified(&world, &["--rerun"], 1));
    let found = |w: &String| w.starts_with("\"sam_scores.tif\"") && w.contains("line 3, sample 4");
    assert!(again.iter().any(found), "{again:#?}");
}

#[test]
fn names_that_are_gone_or_changed_are_found() {
    let world = mapped();
    let path = world.path("maps/sam_classes.tif.aux.xml");
    let names = std::fs::read_to_string(&path).expect("names");
    std::fs::write(&path, names.replace("Kaolinite", "Caolinite")).expect("written");
    finds(&world, &[("sam_classes.tif", "'Caolinite KGa-1'"), ("sam_classes.tif.aux.xml", "has changed")]);
    std::fs::remove_file(&path).expect("removed");
    finds(&world, &[("sam_classes.tif", "no class names"), ("sam_classes.tif.aux.xml", "is missing")]);
}

#[test]
fn an_edited_report_is_found() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str, &str); 7] = [
        (|r| r["maps"][0]["classes"][1]["pixels"] = 3.into(), "sam_classes.tif", "run.json says 3"),
        (|r| r["maps"][0]["nodata_pixels"] = 7.into(), "sam_classes.tif", "without data, run.json says 7"),
        (|r| r["maps"][1]["classes"][0]["color"] = json!([1, 2, 3]), "scm_classes.tif", "[1,2,3]"),
        (|r| r["maps"][1]["classes"][0]["km2"] = 1.5.into(), "scm_classes.tif", "run.json says 1.5"),
        (|r| r["maps"][0]["method"] = "../sam".into(), "maps", "../sam"),
        (|r| r["inputs"] = json!([]), "inputs", "names none"),
        (
            |r| r["outputs"] = json!(["maps/sam_classes.tif", "maps/run.json", "x/absent.tif"]),
            "absent.tif",
            "is missing",
        ),
    ];
    for (change, about, what) in changes {
        let world = mapped();
        edit_report(&world, change);
        finds(&world, &[(about, what)]);
    }
    let world = mapped();
    edit_report(&world, |r| r["map_lines"] = 9.into());
    finds(&world, &["sam_classes.tif", "scm_classes.tif", "rx_scores.tif", "alteration.tif"].map(|f| (f, "says 9")));
    // What no file shows, a rerun does.
    let world = mapped();
    edit_report(&world, |r| r["maps"][0]["classes"][1]["threshold"] = 0.2.into());
    assert_eq!(verified(&world, &[], 0)["holds"], true);
    let again = wrong(&verified(&world, &["--rerun"], 1));
    assert!(again.len() == 1 && again[0].contains("its report differs in: maps"), "{again:#?}");
}

#[test]
fn a_report_of_an_older_version_has_no_hashes_and_its_files_are_read() {
    let world = mapped();
    let without = |r: &mut Value| {
        r.as_object_mut().expect("an object").remove("outputs_xxh3_128");
    };
    edit_report(&world, without);
    assert_eq!(verified(&world, &[], 0)["holds"], true);
    let damaged: Vec<(&str, &str)> =
        vec![("quicklook.png", "no whole PNG"), ("sam_classes.qml", "is no XML"), ("sam_scores.tif", "")];
    for (name, _) in &damaged {
        let path = world.path("maps").join(name);
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    }
    finds(&world, &damaged);
}

#[test]
fn what_a_killed_run_left_is_found() {
    let world = mapped();
    std::fs::create_dir(world.path("maps/.alunite-parts")).expect("a folder");
    std::fs::create_dir(world.path("maps/.sam_classes.tif.part-x")).expect("a folder");
    let left = "was left by a run";
    finds(&world, &[(".alunite-parts", left), (".sam_classes.tif.part-x", left)]);
}

#[test]
fn a_demo_and_a_mosaic_hold() {
    let world = World::new();
    let demo = ["demo", "--lines", "24", "--samples", "24", "--out", "maps", "--backend", "cpu", "--quiet"];
    world.alunite().args(demo).assert().code(0);
    assert_eq!(wrong(&verified(&world, &["--rerun"], 0)), Vec::<String>::new());
    edit_report(&world, |r| r["maps"][0]["classes"][0]["km2"] = 0.25.into());
    finds(&world, &[("sam_classes.tif", "of value 1, run.json says 0.25")]);

    let world = World::new();
    let place = |north: u32| format!("{{UTM, 1, 1, 500000, {north}, 30, 30, 38, North, WGS-84}}");
    world.set("map info", Some(&place(4_000_000)));
    for (from, to) in [("scene.hdr", "other.hdr"), ("scene.img", "other.img")] {
        std::fs::copy(world.path(from), world.path(to)).expect("copied");
    }
    world.set("map info", Some(&place(4_000_060)));
    world.map(&["other.img", "--quiet"]).assert().code(0);
    assert_eq!(wrong(&verified(&world, &["--rerun"], 0)), Vec::<String>::new());
    edit_report(&world, |r| r["maps"][0]["classes"][2]["km2"] = 0.25.into());
    finds(&world, &[("sam_classes.tif", "km2 of value 3, run.json says 0.25")]);
    std::fs::write(world.path("other.img"), "").expect("written");
    finds(&world, &[("sam_classes.tif", "km2 of value 3"), ("other.img", "has 0 bytes")]);
}

#[test]
fn what_is_no_run_is_refused() {
    let world = World::new();
    world.alunite().args(["verify", "."]).assert().code(2).stderr(predicate::str::contains("run.json"));
    world.alunite().args(["verify", "absent"]).assert().code(2);
    for report in ["{", "[]", "{\"maps\": []}", "{\"alunite\": 3, \"maps\": {}}"] {
        world.write("run.json", report);
        world.alunite().args(["verify", "."]).assert().code(2).stderr(predicate::str::contains("not the report"));
    }
    let world = mapped();
    for (command, words) in [(json!(["alunite", "info", "x"]), "makes no map"), (json!(["rm", "-rf"]), "is no command")]
    {
        edit_report(&world, |r| r["command"] = command.clone());
        let said = predicate::str::contains(words);
        world.alunite().args(["verify", "maps", "--rerun"]).assert().code(2).stderr(said);
    }
}

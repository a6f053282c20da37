//! `alunite library`: lists, converts, resamples and plots; and what `alunite map` takes of groups and patterns.

use predicates::prelude::*;
use serde_json::Value;

#[path = "common/cli.rs"]
mod cli;

use alunite::library::{Axis, Library};
use cli::{BANDS, NAMES, World, csv, reflectance, wavelength};

/// Standard output of a command that must succeed.
fn stdout(world: &World, args: &[&str]) -> String {
    let output = world.alunite().args(args).assert().code(0).get_output().stdout.clone();
    String::from_utf8(output).expect("text")
}

/// The command is refused with all of the words.
fn refused(world: &World, args: &[&str], words: &[&str]) {
    let mut assert = world.alunite().args(args).assert().code(2).stdout("");
    for word in words {
        assert = assert.stderr(predicate::str::contains(*word));
    }
}

/// A world with a second library, on other channels and with a name that attacks.
fn world() -> World {
    let world = World::new();
    let hostile = "\"</text><script>alert(1)</script> & \u{7}\u{202E}évil\"";
    let text = csv(
        &["Opal, hyalite", hostile],
        |i| 1990.0 + 22.0 * i as f64,
        |i, band| match (i, band) {
            (0, 3) => None,
            _ => Some(reflectance(i, band)),
        },
    );
    world.write("other.csv", text.replace("Opal, hyalite", "\"Opal, hyalite\""));
    world
}

#[test]
fn it_lists_names_groups_channels_and_where_widths_come_from() {
    let world = world();
    let text = stdout(&world, &["library", "library.csv", "other.csv"]);
    let row = text.lines().find(|l| l.starts_with("Alunite GDS84")).expect("a row");
    for word in ["library", "12", "2000.0-2220.0 nm", "its column 'fwhm_nm'"] {
        assert!(row.contains(word), "{word} is not in {row}");
    }
    let rows: Value = serde_json::from_str(&stdout(&world, &["library", "--json", "other.csv"])).expect("JSON");
    assert_eq!((rows[0]["name"].as_str(), rows[0]["deleted"].as_u64()), (Some("Opal, hyalite"), Some(1)));
    assert_eq!((rows[0]["group"].as_str(), rows[0]["channels"].as_u64()), (Some("other"), Some(BANDS as u64)));
    let only = stdout(&world, &["library", "library.csv", "other.csv", "--groups", "lib*", "--targets", "*ite*"]);
    assert_eq!(only.lines().count(), 1 + NAMES.len(), "{only}");
    let help = stdout(&world, &["library", "--help"]);
    ["convert", "resample", "plot", "--groups", "--json"].iter().for_each(|w| assert!(help.contains(w), "{w}\n{help}"));
}

#[test]
fn what_is_converted_reads_back_with_the_same_bits() {
    let world = world();
    let before = Library::open(&world.path("other.csv"), None).unwrap_or_else(|e| panic!("{e}"));
    for out in ["x.sli", "y.csv"] {
        stdout(&world, &["library", "convert", "other.csv", "--out", out]);
        let after = Library::open(&world.path(out), None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(before.axis.as_ref().ok(), after.axis.as_ref().ok(), "{out}");
        for (a, b) in before.spectra.iter().zip(&after.spectra) {
            let bits =
                |values: &[f64]| values.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect::<Vec<_>>();
            assert_eq!(bits(&a.values), bits(&b.values), "{out}");
        }
    }
    // ENVI ends a name at a comma.
    let names = |file| Library::open(&world.path(file), None).map(|l| l.spectra[0].name.clone()).ok();
    assert_eq!((names("x.sli").as_deref(), names("y.csv").as_deref()), (Some("Opal hyalite"), Some("Opal, hyalite")));
    refused(
        &world,
        &["library", "convert", "other.csv", "--out", "x.sli"],
        &["x.sli", "is there already", "--overwrite"],
    );
    stdout(&world, &["library", "convert", "other.csv", "--out", "x.sli", "--overwrite"]);
}

#[test]
fn resampled_spectra_are_those_that_a_map_meets() {
    let world = world();
    stdout(&world, &["library", "resample", "other.csv", "--to", "scene.img", "--out", "on.csv"]);
    let on = Library::open(&world.path("on.csv"), None).unwrap_or_else(|e| panic!("{e}"));
    let Ok(Axis::Wavelengths(bands)) = &on.axis else { panic!("no wavelengths") };
    assert!((0..BANDS).all(|b| bands.centres[b].0 == wavelength(b)));
    let printed = stdout(&world, &["library", "resample", "other.csv", "--to", "scene.img"]);
    assert_eq!(std::fs::read_to_string(world.path("on.csv")).ok(), Some(printed));
    // The deleted channel leaves its band without a value, and that is said.
    assert!(on.spectra[0].values.iter().any(|v| v.is_nan()) && on.spectra[1].values.iter().all(|v| !v.is_nan()));
    let said = predicate::str::contains("Opal, hyalite: ").and(predicate::str::contains("of 12 bands covered by less"));
    world.alunite().args(["library", "resample", "other.csv", "--to", "scene.img"]).assert().code(0).stderr(said);
    // Mapping with what was resampled gives the same map as resampling on the way.
    let targets = "*évil*";
    for (library, out) in [("other.csv", "direct"), ("on.csv", "twice")] {
        let args = ["map", "scene.img", "--library", library, "--targets", targets, "--out", out, "--backend", "cpu"];
        world.alunite().args(args).args(["--threshold", "3", "--quiet"]).assert().code(0);
    }
    let scores = |out: &str| std::fs::read(world.path(out).join("sam_scores.tif")).expect("scores");
    assert_eq!(scores("direct"), scores("twice"));
}

#[test]
fn a_plot_is_sound_xml_for_light_and_dark_whatever_the_names() {
    let world = world();
    let args = ["library", "plot", "library.csv", "other.csv", "--to", "scene.img", "--out", "plot.svg"];
    stdout(&world, &args);
    let svg = std::fs::read_to_string(world.path("plot.svg")).expect("a plot");
    let mut reader = quick_xml::Reader::from_str(&svg);
    reader.config_mut().check_end_names = true;
    let (mut circles, mut scripts) = (0, 0);
    loop {
        match reader.read_event().expect("sound XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Empty(e) if e.name().as_ref() == "circle" => circles += 1,
            quick_xml::events::Event::Start(e) if e.name().as_ref() == "script" => scripts += 1,
            _ => {}
        }
    }
    // Five spectra on twelve bands, less what the second library's edge and deleted channel do not cover.
    assert!(circles > 4 * BANDS && circles <= 5 * BANDS && scripts == 0, "{circles} {scripts}");
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("&lt;script&gt;") && !svg.contains('\u{7}'));
    refused(&world, &args, &["plot.svg", "is there already"]);
    refused(
        &world,
        &["library", "plot", "library.csv", "--to", "scene.img", "--out", "x.png"],
        &["x.png", "expected svg"],
    );
}

#[test]
fn groups_and_patterns_choose_the_targets_of_a_map() {
    let world = world();
    let mapped = |more: &[&str]| -> Vec<String> {
        let args = ["map", "scene.img", "--library", "library.csv", "--library", "other.csv", "--out", "maps"];
        let tail = ["--backend", "cpu", "--overwrite", "--json", "--quiet", "--threshold", "3"];
        let output = world.alunite().args(args).args(tail).args(more).assert().code(0).get_output().stdout.clone();
        let report: Value = serde_json::from_slice(&output).expect("JSON");
        let classes = report["maps"][0]["classes"].as_array().cloned().unwrap_or_default();
        classes.iter().map(|c| c["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(mapped(&["--groups", "library"]), NAMES);
    assert_eq!(mapped(&["--targets", "*GDS84,calc*"]), ["Alunite GDS84", "Calcite WS272"]);
    let all = ["map", "scene.img", "--library", "library.csv", "--out", "none", "--backend", "cpu"];
    for (more, words) in [
        (["--groups", "librarian"], ["no group of spectra is called 'librarian'", "library"]),
        (["--targets", "Alunit*X"], ["no spectrum is called 'Alunit*X'", "Alunite GDS84"]),
        (["--targets", "Al[unite*"], ["'Al[unite*' is no pattern", "* stands for"]),
        (["--threshold", "Topaz*=0.1"], ["no spectrum is called 'Topaz*'", "the nearest names"]),
    ] {
        refused(&world, &[&all[..], &more].concat(), &words);
    }
}

#[test]
fn what_cannot_be_listed_converted_or_resampled_is_refused() {
    let world = world();
    world.write("channels.csv", "channel,Opal\n1,0.1\n2,0.2\n");
    std::fs::create_dir(world.path("empty")).expect("a folder");
    let cases: [(&[&str], &[&str]); 9] = [
        (&["library", "gone.csv"], &["gone.csv", "cannot be opened"]),
        (&["library", "empty"], &["empty", "no file in this folder holds spectra", "ECOSTRESS"]),
        (&["library", "library.csv", "--targets", "Topaz"], &["no spectrum is called 'Topaz'", "nearest"]),
        (
            &["library", "convert", "library.csv", "--out", "x.xlsx"],
            &["x.xlsx", "found the extension 'xlsx'", "csv or sli"],
        ),
        (
            &["library", "convert", "library.csv", "other.csv", "--out", "x.csv"],
            &["one file has one axis", "12 channels from 2000", "alunite library resample"],
        ),
        (&["library", "convert", "library.csv", "--out", "no/folder/x.csv"], &["no/folder/x.csv", "cannot write here"]),
        (&["library", "resample", "channels.csv", "--to", "scene.img"], &["channels.csv", "have no wavelengths"]),
        (&["library", "resample", "library.csv", "--to", "gone.img"], &["gone.img", "there is no such file"]),
        (&["library", "resample", "library.csv"], &["--to"]),
    ];
    for (args, words) in cases {
        refused(&world, args, words);
    }
    world.alunite().args(["library"]).assert().code(2).stderr(predicate::str::contains("LIB"));
}

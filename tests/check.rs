//! `alunite check`: what is found before a map is made, and that a run refuses or records the same.

#[path = "common/cli.rs"]
mod cli;
mod common;

use cli::{BANDS, LINES, NAMES, SAMPLES, World, bil, csv, reflectance, wavelength};
use common::data;
use serde_json::Value;

/// `check --json` in a world: what it found, and the exit code.
fn check(world: &World, more: &[&str]) -> (Value, i32) {
    let mut command = world.alunite();
    command.args(["check", "scene.img", "--library", "library.csv", "--json"]).args(more);
    let output = command.output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

/// The texts of a level's findings, each after what it is about.
fn found(check: &Value, level: &str) -> Vec<String> {
    let findings = check["findings"].as_array().unwrap().iter().filter(|f| f["level"] == level);
    findings.map(|f| format!("{}: {}", f["about"].as_str().unwrap(), f["text"].as_str().unwrap())).collect()
}

fn has(found: &[String], words: &str) -> bool {
    found.iter().any(|text| text.contains(words))
}

/// The notes that a run leaves.
fn notes(world: &World, more: &[&str]) -> Vec<String> {
    world.map(more).assert().success();
    let report: Value = serde_json::from_slice(&std::fs::read(world.out().join("run.json")).unwrap()).unwrap();
    report["notes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_sound_scene_has_nothing_against_a_map() {
    let world = World::new();
    let (check, code) = check(&world, &[]);
    assert_eq!((code, check["bands_in_use"].as_u64()), (0, Some(BANDS as u64)), "{check:#}");
    assert_eq!(found(&check, "error"), [""; 0]);
    assert_eq!(found(&check, "warning"), ["grid: the scene is not georeferenced: maps have no place or areas"]);
    for words in ["wavelengths: 12 bands, 2000.00 nm to 2220.00 nm", "FWHM: given by the scene", "3 spectra", "scale: "]
    {
        assert!(has(&found(&check, "good"), words), "{words}: {check:#}");
    }
    assert!(has(&found(&check, "note"), "threshold 0.1 rad assumed"));
    assert_eq!(check["close_pairs"], serde_json::json!([]));
    assert_eq!(check["sampled"]["pixels"], (LINES * SAMPLES - 1) as u64);
    let one = &check["detectability"][0]["features"][0];
    assert!((one["centre_nm"].as_f64().unwrap() - 2050.0).abs() <= 20.0 && one["kept"] == true, "{check:#}");
    let text = world.alunite().args(["check", "scene.img", "--library", "library.csv"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for words in
        ["ok       scale", "warning  grid", "3 of 3 targets", "separates all targets", "a map can be made; 1 warning"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// Scores of a filter depend on the scale, angles do not.
#[test]
fn a_scale_that_is_wrong_is_refused_where_it_matters() {
    let world = World::new();
    let value = |line: usize, sample: usize, band: usize| {
        (1e4 * reflectance((line + sample) % 3, band) * (1.0 + 0.01 * ((line * 7 + sample * 3 + band) % 11) as f64))
            as f32
    };
    world.write("scene.img", bil(LINES, SAMPLES, value));
    let (with_mf, code) = check(&world, &["--method", "mf"]);
    assert_eq!(code, 2);
    assert!(has(&found(&with_mf, "error"), "expected -0.2 to 2"), "{with_mf:#}");
    let refused = world.map(&["--method", "mf"]).assert().code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("scene.img: scale: reflectance is") && said.contains("pass --scale"), "{said}");
    assert!(!world.out().join("mf_classes.tif").exists());

    let (with_sam, code) = check(&world, &[]);
    assert!(code == 0 && has(&found(&with_sam, "warning"), "expected -0.2 to 2"), "{with_sam:#}");
    assert!(has(&notes(&world, &[]), "scale: reflectance is"));
    let (scaled, code) = check(&world, &["--method", "mf", "--scale", "10000"]);
    assert!(code == 0 && has(&found(&scaled, "good"), "scale: reflectance is 0."), "{scaled:#}");
    let (dark, _) = check(&world, &["--scale", "1e8"]);
    assert!(has(&found(&dark, "warning"), "expected some above 0.002"), "{dark:#}");
}

#[test]
fn zeros_and_negative_values_are_told() {
    let world = World::new();
    let value = |line: usize, sample: usize, band: usize| match (line, sample) {
        (0..=1, _) => 0.0,
        (2, _) => -0.05,
        _ => reflectance((line + sample) % 3, band) as f32,
    };
    world.write("scene.img", bil(LINES, SAMPLES, value));
    let (check, code) = check(&world, &[]);
    let warnings = found(&check, "warning");
    assert_eq!(code, 0);
    assert!(has(&warnings, "zeros: 25.0 % of the pixels are zero in all bands in use"), "{warnings:?}");
    assert!(has(&warnings, "negatives: 12.5 % of the values in use are below zero"), "{warnings:?}");
    assert!(has(&warnings, "no data: the value -0.05"), "{warnings:?}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let world = World::new();
    world.set("wavelength units", None);
    world.set("wavelength", Some("{ none }"));
    world.write("library.csv", "wavelength_nm,one\n2000,x\n");
    let (first, code) = check(&world, &[]);
    let errors = found(&first, "error");
    assert!(code == 2 && errors.len() == 2, "{errors:?}");
    assert!(has(&errors, "scene.hdr") && has(&errors, "library.csv"), "{errors:?}");
    let (missing, code) = check(&World::new(), &["--targets", "Gold"]);
    assert!(code == 2 && has(&found(&missing, "error"), "Gold"), "{missing:#}");
    let world = World::new();
    let output = world.alunite().args(["check", "no.img", "--library", "library.csv"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.code() == Some(2) && text.contains("ERROR") && text.contains("no map would be made"),
        "{text}"
    );
}

/// What stands in the way of a run is an error, though the same is no problem of the scene for another run.
#[test]
fn a_scene_without_wavelengths_is_refused_unless_bands_match_by_index() {
    let world = World::new();
    ["wavelength", "wavelength units", "fwhm"].iter().for_each(|key| world.set(key, None));
    let (refused, code) = check(&world, &[]);
    assert!(code == 2 && has(&found(&refused, "error"), "there are no wavelengths"), "{refused:#}");
    let (by_index, code) = check(&world, &["--match-bands-by-index"]);
    assert!(code == 0 && has(&found(&by_index, "warning"), "there are no wavelengths"), "{by_index:#}");
}

#[test]
fn targets_that_noise_mistakes_are_told_and_recorded() {
    let world = World::new();
    let noisy = |line: usize, sample: usize, band: usize| {
        let noise = 0.02 * (((line * 31 + sample * 17 + band * 7) % 13) as f64 / 6.0 - 1.0);
        (reflectance(line % 3, band) + noise) as f32
    };
    world.write("scene.img", bil(LINES, SAMPLES, noisy));
    let names = [NAMES[0], "Alunite of another place", NAMES[1]];
    let mineral = [0, 0, 1];
    let value = |i: usize, band: usize| Some(reflectance(mineral[i], band) * if i == 1 { 0.9 } else { 1.0 });
    world.write("library.csv", csv(&names, wavelength, value));
    let (check, code) = check(&world, &[]);
    let pairs = check["close_pairs"].as_array().unwrap();
    assert!(code == 0 && pairs.len() == 1, "{check:#}");
    assert_eq!(pairs[0]["targets"], serde_json::json!([NAMES[0], "Alunite of another place"]));
    assert!((pairs[0]["mistaken"].as_f64().unwrap() - 0.5).abs() < 1e-3, "{pairs:?}");
    let words = "separability: 1 pairs of targets lie closer than the scene's noise";
    assert!(has(&notes(&world, &[]), words), "{check:#}");
}

/// An absorption near 2.05 µm, and bands beyond.
#[test]
fn a_mineral_none_of_whose_absorptions_is_seen_is_told() {
    let world = World::new();
    let (all, _) = check(&world, &[]);
    assert!(!has(&found(&all, "warning"), "detectability"), "{all:#}");
    let (some, code) = check(&world, &["--wavelengths", "2.12um-2.22um"]);
    let warnings = found(&some, "warning");
    assert!(code == 0 && has(&warnings, "no band in use sees an absorption of Alunite GDS84"), "{some:#}");
    assert!(has(&found(&some, "note"), "6 left out: outside the wavelengths asked for"), "{some:#}");
}

#[test]
fn measured_scenes_and_libraries() {
    let Some(folder) = data() else { return };
    let (scene, library) =
        (folder.join("enmap_l2a_potsdam_128_128.tif"), folder.join("usgs_splib07a_alteration_beckman.sli"));
    let world = World::new();
    let output =
        world.alunite().arg("check").arg(&scene).arg("--library").arg(&library).arg("--json").output().unwrap();
    assert!(output.status.success());
    let check: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((check["bands_in_use"].as_u64(), found(&check, "error").len()), (Some(192), 0));
    let notes = found(&check, "note");
    for words in ["cut at 947.67 nm, 11 bands", "flagged bad in the scene's band list", "Biotite HS28.3B lacks"] {
        assert!(has(&notes, words), "{words}: {notes:?}");
    }
    assert!(has(&found(&check, "good"), "grid: georeferenced by its grid"));
    assert_eq!(check["lacking"][0], serde_json::json!({"target": "Biotite HS28.3B", "bands": 10}));
    // Kaolinite is known by the doublet near 2.2 µm: 10 nm bands see the deeper of the two.
    let kaolinite = check["detectability"].as_array().unwrap().iter().find(|d| d["target"] == "Kaolinite KGa-1 (wxl)");
    let features = kaolinite.unwrap()["features"].as_array().unwrap();
    let deeper = features.iter().find(|f| (f["centre_nm"].as_f64().unwrap() - 2207.0).abs() < 6.0).unwrap();
    assert!(deeper["kept"] == true && deeper["depth"].as_f64().unwrap() > 0.2, "{features:?}");
}

//! Alteration zones of a run: the map of them against its own rules, pixel for pixel; the command; refusals.

#[path = "common/cli.rs"]
mod cli;

use std::path::Path;

use cli::{LINES, NAMES, SAMPLES, World, csv, reflectance, wavelength};
use gdal::{Dataset, Metadata as _};
use serde_json::Value;

fn pixels<T: gdal::raster::GdalType + Copy>(path: &Path, band: usize) -> Vec<T> {
    let dataset = Dataset::open(path).unwrap();
    let size = dataset.raster_size();
    dataset.rasterband(band).unwrap().read_as::<T>((0, 0), size, size, None).unwrap().into_shape_and_vec().1
}

fn report(world: &World) -> Value {
    serde_json::from_slice(&std::fs::read(world.out().join("run.json")).unwrap()).unwrap()
}

#[test]
fn a_run_leaves_a_map_of_zones_with_names_and_colours() {
    let world = World::new();
    world.map(&[]).assert().success();
    let classes: Vec<u8> = pixels(&world.out().join("sam_classes.tif"), 1);
    let path = world.out().join("alteration.tif");
    let zones: Vec<u8> = pixels(&path, 1);
    let report = report(&world);
    let listed = report["zones"].as_array().unwrap();
    let value = |name: &str| listed.iter().find(|z| z["name"] == name).unwrap()["value"].as_u64().unwrap() as u8;
    let of_class = [0, value("Advanced argillic"), value("Argillic"), value("Carbonate")];
    for (class, zone) in classes.iter().zip(&zones) {
        assert_eq!(*zone, if *class == 255 { 255 } else { of_class[usize::from(*class)] });
    }
    for zone in listed {
        let count = zones.iter().filter(|z| u64::from(**z) == zone["value"].as_u64().unwrap()).count();
        assert_eq!(zone["pixels"], count as u64, "{zone}");
    }
    assert_eq!(listed[0]["targets"], serde_json::json!([NAMES[0]]));
    assert_eq!(report["targets_without_species"], serde_json::json!([]));
    let dataset = Dataset::open(&path).unwrap();
    let band = dataset.rasterband(1).unwrap();
    let color = band.color_table().unwrap().entry_as_rgb(of_class[1].into()).unwrap();
    assert_eq!((color.r, color.g, color.b), (0xD8, 0x1B, 0x60));
    assert!(std::fs::read_to_string(world.out().join("alteration.tif.aux.xml")).unwrap().contains("Advanced argillic"));
    assert!(dataset.metadata_item("ALUNITE_ZONES", "").unwrap().starts_with("shipped with alunite"));
    let style = std::fs::read_to_string(world.out().join("alteration.qml")).unwrap();
    assert!(style.contains(r##"color="#d81b60" alpha="255" label="Advanced argillic"/>"##), "{style}");
}

/// Conditions on the runner-up, and a species with a method and a threshold of its own: against the rasters of the run.
#[test]
fn rules_of_a_file_are_followed_pixel_for_pixel() {
    let world = World::sized(24, 16);
    let rules = "[[zone]]\nname = \"acid <b>\"\ncolor = \"#d81b60\"\nany = [\"alunite\"]\nnot = [\"kaolinite\"]\n\
                 [[zone]]\nname = \"acid and clay\"\ncolor = \"#010203\"\nany = [\"alunite\", \"calcite\"]\nwith = [\"kaolinite\"]\n\
                 [minerals]\nalunite = { words = [\"alunite\"] }\ncalcite = { words = [\"calcite\"], method = \"scm\", threshold = 0.5 }\n\
                 kaolinite = { words = [\"kaolinite\"] }\n";
    world.write("zones.toml", rules);
    let spread = ["--zones", "zones.toml", "--method", "sam,scm", "--threshold", "sam:0.3", "--threshold", "scm:0.2"];
    world.map(&spread).assert().success();
    let file = |name: &str| world.out().join(name);
    let zones: Vec<u8> = pixels(&file("alteration.tif"), 1);
    let [best, second] = ["sam_classes.tif", "sam_runner_up.tif"].map(|n| pixels::<u8>(&file(n), 1));
    let (score, margin): (Vec<f32>, Vec<f32>) =
        (pixels(&file("sam_scores.tif"), 1), pixels(&file("sam_scores.tif"), 2));
    let other: (Vec<u8>, Vec<f32>) = (pixels(&file("scm_classes.tif"), 1), pixels(&file("scm_scores.tif"), 1));
    let mut seen = [0; 3];
    for p in 0..zones.len() {
        if best[p] == 255 {
            assert_eq!(zones[p], 255);
            continue;
        }
        let next = if score[p] + margin[p] <= 0.3 { second[p] } else { 0 };
        let kaolinite = best[p] == 2 || next == 2;
        let calcite = other.0[p] == 3 && other.1[p] >= 0.5;
        let expected = match (best[p] == 1, kaolinite, calcite) {
            (true, false, _) => 1,
            (true, true, _) | (_, true, true) => 2,
            _ => 0,
        };
        assert_eq!(zones[p], expected, "pixel {p}: {} {next} {calcite}", best[p]);
        seen[usize::from(expected)] += 1;
    }
    assert!(seen[1] + seen[2] > 0 && seen[0] > 0, "{seen:?}");
    assert_eq!(report(&world)["zones_from"], "zones.toml");
}

#[test]
fn names_of_no_mineral_are_told_and_no_map_is_made_of_them() {
    let world = World::new();
    let names = ["Sample 1", "Kaolinite+Muscovite", "<script>"];
    world.write("library.csv", csv(&names, wavelength, |i, band| Some(reflectance(i, band))));
    world.map(&[]).assert().success();
    assert!(!world.out().join("alteration.tif").exists());
    let report = report(&world);
    assert_eq!((report["zones"].as_array().unwrap().len(), LINES * SAMPLES), (0, 48));
    let without = report["targets_without_species"].as_array().unwrap();
    assert_eq!(without.len(), 3);
    assert_eq!(without[1]["named"]["several"], serde_json::json!(["kaolinite", "muscovite"]));
    let note = "3 of 3 targets belong to no mineral of the rules";
    assert!(report["notes"].as_array().unwrap().iter().any(|n| n.as_str().unwrap().contains(note)), "{report:#}");
}

#[test]
fn rules_are_printed_and_bad_ones_refused_before_any_work() {
    let world = World::new();
    let zones = |arguments: &[&str]| world.alunite().arg("zones").args(arguments).output().unwrap();
    let shipped = String::from_utf8(zones(&[]).stdout).unwrap();
    world.write("mine.toml", &shipped);
    let of_library = String::from_utf8(zones(&["library.csv", "--zones", "mine.toml"]).stdout).unwrap();
    assert!(of_library.contains("Alunite GDS84") && of_library.contains("Advanced argillic"), "{of_library}");
    world.write("mine.toml", shipped.replace("\"alunite\", \"pyrophyllite\"", "\"alunit\", \"pyrophyllite\""));
    let refused = world.map(&["--zones", "mine.toml"]).assert().code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    for words in
        ["mine.toml, zone 'Advanced argillic', any", "'alunit' is not among the minerals", "the nearest is 'alunite'"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!world.out().join("sam_classes.tif").exists());
    assert_eq!(zones(&["--zones", "absent.toml"]).status.code(), Some(2));
}

//! What a mosaic leaves: the files of a single scene, a report that tells of every scene, and mean spectra of classes, which a
//! swath has too.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

#[path = "common/cube.rs"]
mod cube;
#[path = "common/mosaic.rs"]
mod mosaic;

use mosaic::{BANDS, Cube, Raster, utm};

/// Two scenes that overlap, of which the second lacks two bands, and a library of minerals that make zones.
struct World {
    folder: tempfile::TempDir,
    scenes: [PathBuf; 2],
    library: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let north = Cube::new(40, 50, 0).without(|l, s| (10..14).contains(&l) || s == 30);
        let south = Cube::new(45, 40, 1).without(|l, s| l < 3 || (20..24).contains(&s));
        let north = north.write(at, "north", &utm(38, 500_000.0, 4_000_000.0, ""));
        let south = south.write(at, "south", &utm(38, 500_300.0, 3_999_400.0, ""));
        let header = std::fs::read_to_string(south.with_extension("hdr")).unwrap();
        let good: Vec<&str> = (0..BANDS).map(|b| if b < BANDS - 2 { "1" } else { "0" }).collect();
        std::fs::write(south.with_extension("hdr"), format!("{header}bbl = {{{}}}\n", good.join(", "))).unwrap();
        let library = cube::library(at, BANDS);
        let text = std::fs::read_to_string(&library).unwrap().replace("one,two,three", "Alunite,Kaolinite,Muscovite");
        std::fs::write(&library, text).unwrap();
        Self { scenes: [north, south], library, folder }
    }

    fn map(&self, scenes: &[&Path], out: &str, more: &[&str]) -> PathBuf {
        let out = self.folder.path().join(out);
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"map", &"--backend", &"cpu"];
        scenes.iter().for_each(|s| arguments.push(s));
        arguments.extend::<[&dyn AsRef<std::ffi::OsStr>; 4]>([&"--library", &self.library, &"--out", &out]);
        more.iter().for_each(|m| arguments.push(m));
        cube::done(&arguments);
        out
    }

    fn both(&self, out: &str, more: &[&str]) -> PathBuf {
        self.map(&[&self.scenes[0], &self.scenes[1]], out, more)
    }
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    std::fs::read_dir(folder).unwrap().map(name).collect()
}

fn page(folder: &Path) -> Html {
    let html = Html::parse_document(&std::fs::read_to_string(folder.join("report.html")).unwrap());
    assert!(html.errors.is_empty(), "{:?}", html.errors);
    html
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn a_mosaic_leaves_the_files_of_a_scene_and_counts_every_place_once() {
    let world = World::new();
    let alone = world.map(&[&world.scenes[0]], "alone", &["--threshold", "0.2"]);
    let out = world.both("maps", &["--threshold", "0.2"]);
    let mut wanted = names(&alone);
    for product in ["alteration.tif", "alteration.qml", "targets.gpkg", "report.html", "stac.json", "spectra.json"] {
        assert!(wanted.contains(product), "a scene leaves {product}");
    }
    wanted.extend(["sam_source.tif", "sam_source.tif.aux.xml", "sam_source.qml"].map(str::to_owned));
    assert_eq!(names(&out), wanted);

    // Pixels of the raster, each once: 50 x 40 and 40 x 45 places of which 40 x 20 are both scenes'.
    let run = json(&out, "run.json");
    let classes = Raster::open(&out.join("sam_classes.tif"));
    let mut counted = 0;
    for class in list(&run["maps"][0]["classes"]) {
        let found = classes.bands[0].iter().filter(|v| **v == class["value"].as_f64().unwrap()).count();
        assert_eq!(class["pixels"], found, "{class}");
        // Counted once: the area of a pixel on the ellipsoid, which is within 0.2 % of that of UTM's plane.
        let of_pixel = class["km2"].as_f64().unwrap() / found as f64;
        assert!((of_pixel / 900e-6 - 1.0).abs() < 2e-3, "{class}");
        counted += found as u64;
    }
    assert!(counted > 500, "{counted}");
    let with_data = counted + run["maps"][0]["unclassified_pixels"].as_u64().unwrap();
    let of_scenes: u64 = list(&run["scenes"]).iter().map(|s| s["pixels"]["sam"].as_u64().unwrap()).sum();
    assert_eq!(of_scenes, with_data);
    assert!(!list(&run["zones"]).is_empty() && list(&run["zones"]).iter().any(|z| z["pixels"].as_u64() > Some(0)));

    let item = json(&out, "stac.json");
    for key in ["alteration", "targets", "sam_classes", "sam_source", "quicklook", "report", "spectra", "run"] {
        let asset = &item["assets"][key];
        let size = std::fs::metadata(out.join(asset["href"].as_str().unwrap())).unwrap().len();
        assert_eq!(asset["file:size"], size, "{key}");
    }
    let sources = list(&item["assets"]["sam_source"]["classification:classes"]);
    assert_eq!(sources.iter().map(|s| s["title"].as_str().unwrap()).collect::<Vec<_>>(), ["north", "south"]);
    assert_eq!(item["properties"]["proj:shape"], serde_json::json!([classes.lines, classes.samples]));
}

#[test]
fn the_report_of_a_mosaic_tells_of_every_scene() {
    let world = World::new();
    let out = world.both("maps", &["--method", "sam,mf", "--threshold", "sam:0.2"]);
    let (run, html) = (json(&out, "run.json"), page(&out));
    assert_eq!(all(&html, "#map img").len(), 2, "each method has its map");
    assert_eq!(all(&html, "#scenes img").len(), 1, "where the pixels came from");
    assert_eq!(all(&html, "nav a[href='#scenes']").len(), 1);
    let heading = text(all(&html, ".eyebrow")[0]);
    assert!(heading.contains("2 scenes") && heading.contains("north, south"), "{heading}");
    let said = text(all(&html, "#scenes > p")[0]);
    assert!(said.contains("each place counts once") && said.contains("best score wins"), "{said}");
    let rows = all(&html, "#scenes tbody tr");
    assert_eq!(rows.len(), 2);
    for (row, scene) in rows.into_iter().zip(list(&run["scenes"])) {
        let cell = |selector: &str| row.select(&Selector::parse(selector).unwrap()).next().unwrap();
        assert_eq!(text(cell("th")), scene["name"].as_str().unwrap());
        assert_eq!(cell("td").attr("data-value").unwrap(), scene["pixels"]["sam"].to_string());
    }
    // Notes of all, and of each scene behind its name; what both say stands once.
    let notes: Vec<String> = all(&html, ".notes li").into_iter().map(text).collect();
    let of_scene = |i: usize| list(&run["scenes"][i]["notes"]).iter().map(|n| n.as_str().unwrap()).collect::<Vec<_>>();
    let (north, south) = (of_scene(0), of_scene(1));
    let shared = north.iter().filter(|n| south.contains(n)).count();
    assert!(shared > 0, "{north:?} {south:?}");
    assert_eq!(notes.len(), list(&run["notes"]).len() + north.len() + south.len() - shared, "{notes:#?}");
    for (name, own, other) in [("north", &north, &south), ("south", &south, &north)] {
        for note in own.iter() {
            let told = if other.contains(note) { (*note).to_owned() } else { format!("{name}: {note}") };
            assert_eq!(notes.iter().filter(|n| **n == told).count(), 1, "{told}");
        }
    }
    // Bands and backgrounds differ, and each is told of its scene.
    let bands: Vec<String> = all(&html, "#made h4").into_iter().map(text).collect();
    assert_eq!(bands, ["north", "south"]);
    let made = text(all(&html, "#made")[0]);
    assert!(made.contains("16 of 16 bands are in use") && made.contains("14 of 16 bands are in use"), "{made}");
    assert!(made.contains("north: the scene: ") && made.contains("south: the scene: "), "{made}");
    // Each library and each scene's file is an input once.
    let inputs: Vec<String> = all(&html, "#made td.wide").into_iter().map(text).collect();
    for file in ["north.img", "south.img", "library.csv"] {
        assert_eq!(inputs.iter().filter(|i| i.ends_with(file)).count(), 1, "{file}: {inputs:?}");
    }
    let before = std::fs::read(out.join("report.html")).unwrap();
    cube::done(&[&"report", &out]);
    assert!(std::fs::read(out.join("report.html")).unwrap() == before, "made again from the folder alone");
}

#[test]
fn classes_have_mean_spectra_in_every_scene_of_a_mosaic() {
    let world = World::new();
    let wide = ["--threshold", "0.2"];
    let out = world.both("maps", &wide);
    let spectra = json(&out, "spectra.json");
    assert!(spectra.get("classes").is_none(), "means are of a scene");
    let mut drawn = 0;
    for (i, name) in ["north", "south"].into_iter().enumerate() {
        let alone = world.map(&[&world.scenes[i]], name, &wide);
        let of_scene = &spectra["scenes"][i];
        assert_eq!(of_scene["name"], name);
        let own = json(&alone, "spectra.json");
        for key in ["sampled", "wavelengths_nm", "classes"] {
            assert_eq!(of_scene[key], own[key], "{name}: {key}");
        }
        assert_eq!(list(&of_scene["wavelengths_nm"]).len(), [BANDS, BANDS - 2][i]);
        // So few lines are all read, so every pixel of the scene's own map is in its mean.
        let map = json(&alone, "run.json");
        for (class, of_map) in list(&of_scene["classes"]).iter().zip(list(&map["maps"][0]["classes"])) {
            assert_eq!(class["n"], of_map["pixels"], "{name}: {}", class["name"]);
            drawn += usize::from(class["n"].as_u64() > Some(0));
        }
    }
    let html = page(&out);
    assert_eq!(all(&html, "#spectra figure svg").len(), drawn, "one for each scene and class");
    let captions: Vec<String> = all(&html, "#spectra figure small").into_iter().map(text).collect();
    assert!(captions.iter().any(|c| c.starts_with("north: ")) && captions.iter().any(|c| c.starts_with("south: ")));
    let none = world.both("none", &["--no-report"]);
    assert!(!none.join("spectra.json").exists() && !none.join("report.html").exists());
}

/// Through its lookup table or not, a swath has the classes that were found in it, and so their means.
#[test]
fn classes_of_a_swath_have_mean_spectra() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (scene, library) = (golden.join("emit_large.nc"), golden.join("emit_library.csv"));
    let map = |geometry: &str| {
        let out = folder.path().join(geometry);
        cube::done(&[
            &"map",
            &scene,
            &"--library",
            &library,
            &"--threshold",
            &"3.14",
            &"--backend",
            &"cpu",
            &"--out",
            &out,
            &"--geometry",
            &geometry,
        ]);
        out
    };
    let (on_map, on_swath) = (map("map"), map("swath"));
    let spectra = json(&on_map, "spectra.json");
    assert_eq!(spectra, json(&on_swath, "spectra.json"));
    let found: u64 = list(&spectra["classes"]).iter().map(|c| c["n"].as_u64().unwrap()).sum();
    assert!(found > 0, "{spectra}");
    let html = page(&on_map);
    assert!(!all(&html, "#spectra figure svg").is_empty());
    for class in list(&spectra["classes"]).iter().filter(|c| c["n"].as_u64() > Some(0)) {
        let sum = |list_of: &str| list(&class[list_of]).iter().map(|v| v.as_f64().unwrap()).sum::<f64>();
        assert!((sum("mean") / sum("library") - 1.0).abs() < 1e-4, "of one brightness: {class}");
    }
}

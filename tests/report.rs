//! The report of a run: all that it must show, of any run, in a page that needs nothing else and runs nothing of anybody's.
#![expect(clippy::unwrap_used, reason = "clippy spares only the test functions, not their helpers")]

#[path = "common/cli.rs"]
mod cli;

use std::path::Path;

use cli::{BANDS, World};
use gdal::DriverManager;
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Feature, Geometry, LayerAccess as _, LayerOptions, OGRFieldType};
use predicates::prelude::*;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

/// A page of 300 classes may be so large, in bytes.
const LARGEST: usize = 8 << 20;

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn page(folder: &Path) -> (String, Html) {
    let text = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(text.len() < LARGEST, "{} bytes", text.len());
    let html = Html::parse_document(&text);
    assert!(html.errors.is_empty(), "{:?}", html.errors);
    (text, html)
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}

/// One script, the page's own; nothing that is loaded, run or sent.
fn assert_harmless(html: &Html) {
    let scripts = all(html, "script");
    assert_eq!(scripts.len(), 1, "the page's own script and no other");
    assert!(scripts[0].attr("src").is_none());
    let policy = all(html, "meta[http-equiv=Content-Security-Policy]")[0].attr("content").unwrap();
    assert!(policy.starts_with("default-src 'none'; img-src data:;") && policy.contains("script-src 'sha256-"));
    for element in all(html, "*") {
        for (name, value) in element.value().attrs() {
            let place = format!("{} {name}={}", element.value().name(), value.chars().take(80).collect::<String>());
            assert!(!name.starts_with("on"), "{place}");
            match name {
                "src" => assert!(value.starts_with("data:image/png;base64,"), "{place}"),
                "href" => assert!(value.starts_with('#'), "{place}"),
                "style" => assert!(!value.contains("url("), "{place}"),
                _ => {}
            }
        }
        assert!(!["iframe", "object", "embed", "link", "form", "base"].contains(&element.value().name()));
    }
    for style in all(html, "style") {
        assert!(!text(style).contains("url(") && !text(style).contains("@import"));
    }
    for image in all(html, "img") {
        assert!(!image.attr("alt").unwrap().is_empty(), "a picture says what it shows");
    }
    for svg in all(html, "svg") {
        assert!(svg.attr("aria-label").is_some() || svg.attr("aria-hidden").is_some());
    }
}

/// The table of a method's minerals says what run.json says.
fn assert_same_numbers(html: &Html, run: &Value) {
    let tables = all(html, "#map table");
    let with_classes: Vec<&Value> =
        run["maps"].as_array().unwrap().iter().filter(|m| !m["classes"].as_array().unwrap().is_empty()).collect();
    assert_eq!(tables.len(), with_classes.len());
    for (table, map) in tables.into_iter().zip(with_classes) {
        let found: Vec<&Value> = map["classes"].as_array().unwrap().iter().filter(|c| c["pixels"] != 0).collect();
        let rows: Vec<_> = table.select(&Selector::parse("tbody tr").unwrap()).collect();
        assert_eq!(rows.len(), found.len(), "every class that occurs has its row");
        let pixels = |row: &ElementRef<'_>| -> Vec<String> {
            let cells = Selector::parse("td[data-value]").unwrap();
            row.select(&cells).map(|c| c.attr("data-value").unwrap().to_owned()).collect()
        };
        let mut shown: Vec<u64> = rows.iter().map(|r| pixels(r)[0].parse().unwrap()).collect();
        assert!(shown.is_sorted_by(|a, b| a >= b), "the largest first");
        let mut told: Vec<u64> = found.iter().map(|c| c["pixels"].as_u64().unwrap()).collect();
        shown.sort_unstable();
        told.sort_unstable();
        assert_eq!(shown, told);
        let km2 = |c: &&Value| c["km2"].as_f64();
        if let Some(told) = found.iter().map(km2).collect::<Option<Vec<f64>>>() {
            let shown: f64 = rows.iter().map(|r| pixels(r)[1].parse::<f64>().unwrap()).sum();
            assert!((shown - told.iter().sum::<f64>()).abs() < 1e-9 * shown.max(1e-9), "areas in full");
        }
        let foot: Vec<_> = table.select(&Selector::parse("tfoot tr").unwrap()).map(|r| pixels(&r)[0].clone()).collect();
        assert_eq!(foot, [map["unclassified_pixels"].to_string(), map["nodata_pixels"].to_string()]);
    }
    assert_eq!(all(html, ".notes li").len(), run["notes"].as_array().unwrap().len(), "every note is told");
}

/// Gives the scene a place: UTM zone 38, 30 m.
fn placed(world: &World) {
    world.set("map info", Some("{UTM, 1, 1, 500000, 4000000, 30, 30, 38, North, WGS-84, units=Meters}"));
}

#[test]
fn a_small_run_has_a_whole_report_and_an_item() {
    let world = World::new();
    placed(&world);
    world.map(&[]).assert().code(0).stderr(predicate::str::contains("report.html"));
    let (text_of_page, html) = page(&world.out());
    let run = json(&world.out(), "run.json");
    assert_harmless(&html);
    assert_same_numbers(&html, &run);
    assert!(text_of_page.contains("Alunite GDS84") && text_of_page.contains("EPSG:32638"));
    assert_eq!(all(&html, "#spectra figure svg.chart").len(), 3, "each class has its spectrum");
    assert_eq!(all(&html, "#scores figure svg.chart").len(), 1);
    assert!(!all(&html, "#scores .threshold").is_empty());
    assert_eq!(all(&html, "#map img").len(), 1);
    for section in ["map", "spectra", "scores", "warnings", "made"] {
        assert_eq!(all(&html, &format!("section#{section}")).len(), 1, "{section}");
        assert_eq!(all(&html, &format!("nav a[href='#{section}']")).len(), 1, "{section}");
    }
    for input in run["inputs"].as_array().unwrap() {
        assert!(text_of_page.contains(input["xxh3_128"].as_str().unwrap()), "hashes of inputs");
    }

    let item = json(&world.out(), "stac.json");
    assert_eq!(
        (item["type"].as_str(), item["properties"]["proj:code"].as_str()),
        (Some("Feature"), Some("EPSG:32638"))
    );
    assert_eq!(item["properties"]["proj:shape"], serde_json::json!([8, 6]));
    assert_eq!(
        item["properties"]["proj:transform"],
        serde_json::json!([30.0, 0.0, 500_000.0, 0.0, -30.0, 4_000_000.0])
    );
    let bbox: Vec<f64> = item["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!((bbox[0] - 45.0).abs() < 1e-6 && bbox[2] > bbox[0] && bbox[3] > bbox[1], "{bbox:?}");
    let classes = item["assets"]["sam_classes"]["classification:classes"].as_array().unwrap();
    assert_eq!(classes.len(), 5, "unclassified, three minerals, no data");
    assert_eq!((&classes[1]["title"], &classes[1]["name"]), (&"Alunite GDS84".into(), &"Alunite-GDS84".into()));
    for (key, asset) in item["assets"].as_object().unwrap() {
        let file = world.out().join(asset["href"].as_str().unwrap());
        assert_eq!(asset["file:size"], std::fs::metadata(&file).unwrap().len(), "{key}");
        assert_eq!(asset["file:checksum"].as_str().unwrap().len(), 68, "{key}");
    }
}

#[test]
fn means_of_classes_are_those_of_the_scene() {
    let world = World::new();
    world.map(&[]).assert().code(0);
    let spectra = json(&world.out(), "spectra.json");
    // All lines of so small a scene are read, so n is the class's size.
    let n: Vec<_> = spectra["classes"].as_array().unwrap().iter().map(|c| c["n"].as_u64().unwrap()).collect();
    assert_eq!(n, [15, 16, 16]);
    for (mineral, class) in spectra["classes"].as_array().unwrap().iter().enumerate() {
        // Pixels are the library's spectrum in several brightnesses, so the mean has its shape.
        for band in 0..BANDS {
            let of = |list: &str| class[list][band].as_f64().unwrap();
            assert!((of("mean") - of("library")).abs() < 1e-5, "{mineral} {band}");
            let shape = cli::reflectance(mineral, band) * class["library_scale"].as_f64().unwrap();
            assert!((of("library") - shape).abs() < 1e-4, "{mineral} {band}");
        }
    }
}

#[test]
fn the_scores_of_every_pixel_are_in_the_histogram() {
    let world = World::new();
    world.map(&["--method", "sam,mf"]).assert().code(0);
    let (_, html) = page(&world.out());
    assert_same_numbers(&html, &json(&world.out(), "run.json"));
    let said: Vec<String> = all(&html, "#scores figcaption").into_iter().map(text).collect();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|s| s.starts_with("47 scores from ")), "{said:?}");
    assert_eq!(all(&html, "#map img").len(), 2, "each method has its map");
}

#[test]
fn a_map_without_classes_or_without_any_class_found_has_a_report() {
    let world = World::new();
    // Slopes without an absorption, which no pixel resembles that much.
    let slope = |i: usize, band: usize| 0.9 - (0.04 + 0.01 * i as f64) * band as f64;
    world.write("library.csv", cli::csv(&cli::NAMES, cli::wavelength, |i, band| Some(slope(i, band))));
    world.map(&["--threshold", "0.000001"]).assert().code(1);
    let (_, html) = page(&world.out());
    assert_harmless(&html);
    assert_same_numbers(&html, &json(&world.out(), "run.json"));
    assert!(text(all(&html, ".lead")[0]).contains("none was found"), "{}", text(all(&html, ".lead")[0]));
    assert_eq!(all(&html, "#map .names li").len(), 3, "what was looked for is named");

    let anomalies = ["map", "scene.img", "--method", "rx", "--out", "rx", "--backend", "cpu"];
    world.alunite().args(anomalies).assert().code(0);
    let (_, html) = page(&world.path("rx"));
    assert_harmless(&html);
    assert_eq!((all(&html, "#map img").len(), all(&html, "#spectra").len()), (1, 0));
}

#[test]
fn three_hundred_classes_are_readable() {
    let world = World::sized(40, 40);
    let names: Vec<String> = (0..300).map(|i| format!("Mineral number {i}")).collect();
    let shape = |i: usize, band: usize| {
        let (centre, width) = (0.03 * i as f64 + 1.0, 1.0 + 0.3 * (i % 5) as f64);
        0.5 + 0.01 * band as f64 - 0.3 * (-((band as f64 - centre) / width).powi(2)).exp()
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.write("library.csv", cli::csv(&names, cli::wavelength, |i, band| Some(shape(i, band))));
    let cube = cli::bil(40, 40, |line, sample, band| shape((line * 40 + sample) % 300, band) as f32);
    world.write("scene.img", cube);
    world.map(&[]).assert().code(0);
    let (_, html) = page(&world.out());
    assert_harmless(&html);
    assert_same_numbers(&html, &json(&world.out(), "run.json"));
    assert_eq!(all(&html, "#spectra figure svg.chart").len(), 24, "the largest are drawn");
    assert_eq!(all(&html, "#spectra tbody tr").len(), all(&html, "#map tbody tr").len() - 24, "the others are told");
}

/// A layer of ranked areas as a run writes it: two pixels each, along the first lines.
fn write_targets(path: &Path, count: usize) {
    let utm = SpatialRef::from_epsg(32638).unwrap();
    let mut dataset = DriverManager::get_driver_by_name("GPKG").unwrap().create_vector_only(path).unwrap();
    let layer = dataset.create_layer(LayerOptions { name: "targets", srs: Some(&utm), ..Default::default() }).unwrap();
    let number = OGRFieldType::OFTReal;
    let text = OGRFieldType::OFTString;
    let fields = ["area_m2", "mean_score", "best_score", "lon", "lat"].map(|name| (name, number));
    let rest = [("rank", OGRFieldType::OFTInteger), ("mineral", text), ("zone", text)];
    layer.create_defn_fields(&[&fields[..], &rest[..]].concat()).unwrap();
    for i in (0..count).rev() {
        let (x, y) = (500_000.0 + 30.0 * (i % 4) as f64, 4_000_000.0 - 30.0 * (i % 6) as f64);
        let mut feature = Feature::new(layer.defn()).unwrap();
        feature.set_geometry(Geometry::bbox(x, y - 30.0, x + 60.0, y).unwrap()).unwrap();
        for (field, value) in [1800.0, 0.02, 0.01, 45.0, 36.0].into_iter().enumerate() {
            feature.set_field_double(field, value).unwrap();
        }
        feature.set_field_integer(5, i as i32 + 1).unwrap();
        feature.set_field_string(6, "Alunite <b>GDS84</b>").unwrap();
        feature.set_field_string(7, "advanced argillic").unwrap();
        feature.create(&layer).unwrap();
    }
}

#[test]
fn zones_and_ground_worth_walking_are_shown_where_a_run_made_them() {
    let world = World::new();
    placed(&world);
    world.map(&["--no-report"]).assert().code(0);
    let mut run = json(&world.out(), "run.json");
    let zone = |value: u16, name: &str, pixels: u64| serde_json::json!({"value": value, "name": name, "color": [200, 10, 10], "pixels": pixels, "km2": 0.0009 * pixels as f64});
    run["zones"] =
        serde_json::json!([zone(1, "advanced argillic", 15), zone(2, "<i>propylitic</i>", 16), zone(3, "silica", 0)]);
    world.write("maps/run.json", run.to_string());
    std::fs::copy(world.path("maps/sam_classes.tif"), world.path("maps/alteration.tif")).unwrap();
    std::fs::remove_file(world.path("maps/targets.gpkg")).unwrap();
    write_targets(&world.path("maps/targets.gpkg"), 60);
    world.alunite().args(["report", "maps"]).assert().code(0);

    let (_, html) = page(&world.out());
    assert_harmless(&html);
    assert_same_numbers(&html, &run);
    assert_eq!((all(&html, "#zones tbody tr").len(), all(&html, "#zones img").len()), (2, 1));
    assert_eq!(all(&html, "#zones .names li").into_iter().map(text).collect::<Vec<_>>(), ["silica"]);
    assert_eq!(all(&html, "#targets li").len(), 50, "the best are shown");
    assert_eq!(all(&html, "#targets li img.pixels").len(), 50, "each has its small map");
    assert_eq!(text(all(&html, "#targets li h3")[0]), "1. advanced argillic", "the best first");
    assert!(text(all(&html, "#targets li")[0]).contains("1,800 m², mostly Alunite <b>GDS84</b>"));
    assert!(text(all(&html, "#targets li")[0]).contains("36.00000° N, 45.00000° E"));
    let pins: Vec<String> = all(&html, "#map .pin").into_iter().map(text).collect();
    assert_eq!(pins, (1..=20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(all(&html, "#map .pin")[0].attr("style").unwrap().contains("left:16.67%;top:6.25%"));

    let assets = &json(&world.out(), "stac.json")["assets"];
    assert_eq!(assets["alteration"]["classification:classes"].as_array().unwrap().len(), 4);
    assert!(assets["targets"]["file:size"].as_u64().unwrap() > 0);
}

#[test]
fn hostile_names_are_shown_as_text() {
    let long = "k".repeat(10_240);
    let hostile = [
        "<script>alert(1)</script>".to_owned(),
        "\"' onload=alert(1) x=\"".to_owned(),
        "</style><img src=x onerror=alert(1)>".to_owned(),
        "{{ 7*7 }} {% raw %} &lt; ]]>".to_owned(),
        "two\nlines\u{202E}".to_owned(),
        long.clone(),
    ];
    let world = World::new();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head: Vec<String> = ["wavelength_nm".into(), "fwhm_nm".into()].into_iter().chain(hostile.clone()).collect();
    writer.write_record(&head).unwrap();
    for band in 0..BANDS {
        let values =
            (0..hostile.len()).map(|i| (cli::reflectance(i % 3, band) + 0.002 * (i * band) as f64).to_string());
        writer.write_record([cli::wavelength(band).to_string(), "20".into()].into_iter().chain(values)).unwrap();
    }
    world.write("library.csv", writer.into_inner().unwrap());
    placed(&world);
    world.map(&["--threshold", "0.5"]).assert().code(0);
    let (page_text, html) = page(&world.out());
    assert_harmless(&html);
    assert_same_numbers(&html, &json(&world.out(), "run.json"));
    assert!(!page_text.contains(&long[..700]), "long names are shortened");
    let shown: Vec<String> = all(&html, "#map tbody th, #map .names li").into_iter().map(text).collect();
    assert_eq!(shown.len(), hostile.len());
    for name in &hostile[..4] {
        assert!(shown.contains(name), "{name} is shown as it is: {shown:?}");
    }
    assert!(shown.contains(&"two lines".to_owned()), "{shown:?}");
    let item = json(&world.out(), "stac.json");
    let classes = item["assets"]["sam_classes"]["classification:classes"].as_array().unwrap();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(classes.iter().all(|c| c["name"].as_str().unwrap().chars().all(plain)), "{classes:?}");
}

#[test]
fn the_report_can_be_left_out_and_made_again() {
    let world = World::new();
    world.map(&["--no-report"]).assert().code(0);
    assert!(!world.out().join("report.html").exists() && !world.out().join("spectra.json").exists());
    world.alunite().args(["report", "maps"]).assert().code(0).stdout(predicate::str::contains("report.html"));
    let first = std::fs::read(world.out().join("report.html")).unwrap();
    let stderr = predicate::str::contains("no stac.json: the maps have no coordinate reference system");
    world.alunite().args(["report", "maps"]).assert().code(0).stderr(stderr);
    assert_eq!(std::fs::read(world.out().join("report.html")).unwrap(), first, "the same files give the same page");
    assert!(!world.out().join("stac.json").exists());

    world.alunite().args(["report", "absent"]).assert().code(2).stderr(predicate::str::contains("finished run"));
    world.map(&["--overwrite"]).assert().code(0);
    std::fs::write(world.out().join("sam_scores.tif"), "damaged").unwrap();
    world.alunite().args(["report", "maps"]).assert().code(2).stderr(predicate::str::contains("sam_scores.tif"));
}

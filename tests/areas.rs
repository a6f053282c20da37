//! Target areas: those of scipy on the same map, whatever the strips and the grid; ranking; tables; refusals.

use std::path::Path;

use alunite::areas::{Areas, By, Evidence, Settings, Weights, find};
use alunite::grid::Grid;
use alunite::map::vector::Destination;
use alunite::map::{BandSpec, Compression, Legend, PixelAreas, RasterKind, RasterSpec, RasterWriter, area};
use alunite::tile::Window;
use gdal::vector::{FieldValue, LayerAccess as _};
use gdal::{Dataset, DriverManager};
use serde_json::{Value, json};

const LINES: usize = 97;
const SAMPLES: usize = 61;
const PLACE: [f64; 6] = [45.0, 0.0003, 0.0, 40.5, 0.0, -0.0003];

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/areas.json")).unwrap()
}

/// As `golden/areas.py` has it; 255 is no data.
fn class(line: usize, sample: usize) -> u16 {
    let mixed = (sample / 4) * 7919 + (line / 3) * 104_729 + (sample * line) / 37 * 31;
    [0, 1, 1, 2, 3, 255][mixed % 6]
}

fn score(line: usize, sample: usize) -> f32 {
    0.01 + 0.08 * ((line * 13 + sample * 7) % 17) as f32 / 17.0
}

fn grid(epsg: u32) -> Grid {
    let crs = gdal::spatial_ref::SpatialRef::from_epsg(epsg).unwrap();
    Grid { geotransform: Some(PLACE), crs_wkt: Some(crs.to_wkt().unwrap()) }
}

fn raster(path: &Path, grid: &Grid, kind: RasterKind, bands: &[Vec<f32>]) {
    let bands_of = bands.iter().map(|_| BandSpec { description: "band".into(), unit: None }).collect();
    let (width, height) = (SAMPLES, LINES);
    let (metadata, compression) = (Vec::new(), Compression::Deflate);
    let spec = RasterSpec { width, height, grid, kind, bands: bands_of, metadata, compression };
    let mut writer = RasterWriter::create(path, path.parent().unwrap(), &spec).unwrap();
    let window = Window { x: 0, y: 0, width, height };
    for (i, band) in bands.iter().enumerate() {
        match kind {
            RasterKind::Classes(_) => {
                writer.write_classes(i, window, &band.iter().map(|v| *v as u16).collect::<Vec<_>>()).unwrap();
            }
            RasterKind::Floats { .. } => writer.write_f32(i, window, band).unwrap(),
        }
    }
    writer.finish().unwrap().publish().unwrap();
}

fn values(of: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    (0..LINES * SAMPLES).map(|p| of(p / SAMPLES, p % SAMPLES)).collect()
}

const NAMES: [&str; 3] = ["Alunite <1>", "Kaolinite", "Calcite; \"white\""];

/// The folder of a run of two methods, the second of which agrees in even lines.
fn run(folder: &Path, grid: &Grid) {
    let legend = Legend::new(&NAMES.map(str::to_owned)).unwrap();
    let classes = |of: &dyn Fn(usize, usize) -> u16| vec![values(|y, x| f32::from(of(y, x)))];
    raster(&folder.join("sam_classes.tif"), grid, RasterKind::Classes(&legend), &classes(&class));
    let other = |y: usize, x: usize| if y.is_multiple_of(2) { class(y, x) } else { 0 };
    raster(&folder.join("mf_classes.tif"), grid, RasterKind::Classes(&legend), &classes(&other));
    let scores = vec![values(score), values(|_, x| 0.001 * x as f32)];
    for method in ["sam", "mf"] {
        let path = folder.join(format!("{method}_scores.tif"));
        raster(&path, grid, RasterKind::Floats { nodata: -9999.0 }, &scores);
    }
    let zone = |y: usize, x: usize| {
        [0, 1, 1, 2][usize::from(class(y, x)).min(3)] * u16::from(class(y, x) != 255)
            + if class(y, x) == 255 { 255 } else { 0 }
    };
    let zones = Legend::new(&["Argillic".to_owned(), "Carbonate".to_owned()]).unwrap();
    raster(&folder.join("alteration.tif"), grid, RasterKind::Classes(&zones), &classes(&zone));
    let map = |method: &str, unit: &str| {
        let class = |(i, name): (usize, &&str)| json!({"value": i + 1, "name": name, "threshold": 0.1});
        json!({"method": method, "unit": unit, "classes": NAMES.iter().enumerate().map(class).collect::<Vec<_>>()})
    };
    let zones = json!([
        {"value": 1, "name": "Argillic", "weight": 0.75, "targets": [NAMES[0], NAMES[1]]},
        {"value": 2, "name": "Carbonate", "weight": 0.25, "targets": [NAMES[2]]},
    ]);
    let report = json!({"maps": [map("sam", "rad"), map("mf", "")], "zones": zones});
    std::fs::write(folder.join("run.json"), report.to_string()).unwrap();
}

fn plain(by: By) -> Settings {
    Settings { by: Some(by), majority: false, ..Settings::default() }
}

/// Areas in the order of their first pixels, as the golden file has them.
fn check(found: &Areas, golden: &Value) {
    let golden = golden.as_array().unwrap();
    assert_eq!(found.areas.len(), golden.len());
    for area in golden {
        let at = |i: usize| area["centre"][i].as_f64().unwrap();
        let near = |a: &&alunite::areas::Area| {
            (a.centroid[0] - at(0)).abs() < 1e-9 && (a.centroid[1] - at(1)).abs() < 1e-9 && a.pixels == area["pixels"]
        };
        let ours = found.areas.iter().find(near).unwrap_or_else(|| panic!("{area} is not found"));
        assert_eq!(ours.mineral.as_deref(), Some(NAMES[area["value"].as_u64().unwrap() as usize - 1]));
        let share = ours.area_m2.unwrap() / area["m2"].as_f64().unwrap();
        assert!((share - 1.0).abs() < 1e-6, "{share}");
        assert_eq!(ours.lon_lat.unwrap().map(|v| (v * 1e9).round()), ours.centroid.map(|v| (v * 1e9).round()));
        // Its outline holds as much as its pixels.
        let outline: f64 = ours.polygons.iter().map(|p| gdal::vector::Geometry::from_wkb(p).unwrap().area()).sum();
        assert!((outline / (ours.pixels as f64 * 0.0003 * 0.0003) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn areas_are_scipys_components_with_pyprojs_sizes() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    let golden = golden();
    let found = find(folder.path(), &plain(By::Mineral)).unwrap();
    check(&found, &golden["sides"]);
    assert!(found.small > 0 && found.areas.iter().all(|a| a.polygons.len() == 1));
    let found = find(folder.path(), &Settings { diagonal: true, ..plain(By::Mineral) }).unwrap();
    check(&found, &golden["corners"]);
    assert!(found.areas.iter().any(|a| a.polygons.len() > 1), "parts that touch at a corner");
}

/// How far an area on a projected grid may be from pyproj's, as a share. They are within 7e-9 with PROJ 9.1.
const NEAR: f64 = 1e-7;

/// Areas on UTM, Lambert, Albers, Web Mercator and polar grids are those of pyproj on the ellipsoid.
#[test]
fn areas_on_projected_grids_are_those_of_the_ellipsoid() {
    let golden: Value = serde_json::from_str(include_str!("golden/projected_areas.json")).unwrap();
    let grids = golden["grids"].as_array().unwrap();
    assert_eq!(grids.len(), 13);
    let mut worst = 0.0_f64;
    let mut meet = |name: &Value, got: f64, expected: &Value| {
        let off = (got / expected.as_f64().unwrap() - 1.0).abs();
        worst = worst.max(off);
        assert!(off < NEAR, "{name}: {got} m2, expected {expected}");
    };
    for expected in grids {
        let name = &expected["name"];
        let crs = gdal::spatial_ref::SpatialRef::from_epsg(expected["epsg"].as_u64().unwrap() as u32).unwrap();
        let place: [f64; 6] = serde_json::from_value(expected["geotransform"].clone()).unwrap();
        let grid = Grid { geotransform: Some(place), crs_wkt: Some(crs.to_wkt().unwrap()) };
        let areas = PixelAreas::of(&grid, LINES, SAMPLES).unwrap().unwrap();
        assert_eq!(areas.note(), None, "{name}");
        let (mut sums, mut row) = ([0_u128; 4], [0; SAMPLES]);
        for line in 0..LINES {
            // In pieces, as tiles come.
            let (left, right) = row.split_at_mut(line % SAMPLES);
            areas.line(line, 0, left);
            areas.line(line, left.len(), right);
            for (sample, area) in row.iter().enumerate() {
                if let Some(sum) = sums.get_mut(usize::from(class(line, sample))) {
                    *sum += u128::from(*area);
                }
            }
        }
        (1..4).for_each(|value| meet(name, area::m2(sums[value]), &expected["classes_m2"][value - 1]));
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &grid);
        let of = |strip_lines, min_area_m2| {
            find(folder.path(), &Settings { strip_lines, min_area_m2, ..plain(By::Mineral) }).unwrap()
        };
        let found = of(None, None);
        let targets = expected["targets"].as_array().unwrap();
        assert_eq!(found.areas.len(), targets.len(), "{name}");
        for target in targets {
            let [column, line] = [0, 1].map(|i| target["centre"][i].as_f64().unwrap());
            let centre = [0, 3].map(|i| place[i] + column * place[i + 1] + line * place[i + 2]);
            let near = |a: &&alunite::areas::Area| {
                let off = (0..2).map(|i| (a.centroid[i] - centre[i]).abs()).fold(0.0, f64::max);
                off < 1e-6 * place[1] && a.pixels == target["pixels"]
            };
            let ours = found.areas.iter().find(near).unwrap_or_else(|| panic!("{name}: {target} is not found"));
            meet(name, ours.area_m2.unwrap(), &target["m2"]);
        }
        for lines in [1, 7, 64] {
            assert_eq!(of(Some(lines), None).areas, found.areas, "{name}: {lines}");
        }
        // The smallest area that is wanted is one of the ellipsoid, too.
        let mut sizes: Vec<f64> = found.areas.iter().map(|a| a.area_m2.unwrap()).collect();
        sizes.sort_by(f64::total_cmp);
        let least = sizes[sizes.len() / 2];
        let [below, above] = [1.0 - 1e-6, 1.0 + 1e-6].map(|factor| {
            let large = sizes.iter().filter(|size| **size >= least * factor).count();
            assert_eq!(of(None, Some(least * factor)).areas.len(), large, "{name}");
            large
        });
        assert!(below > above, "{name}");
    }
    println!("{worst:e} at most");
}

/// The outline of every area, drawn again, covers its pixels and no other.
#[test]
fn outlines_cover_the_pixels_of_their_areas() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    let found = find(folder.path(), &plain(By::Mineral)).unwrap();
    let memory = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut drawn = memory.create_with_band_type::<i32, _>("", SAMPLES, LINES, 1).unwrap();
    drawn.set_geo_transform(&PLACE).unwrap();
    for area in &found.areas {
        let shapes: Vec<_> = area.polygons.iter().map(|p| gdal::vector::Geometry::from_wkb(p).unwrap()).collect();
        let burnt = vec![area.rank as f64; shapes.len()];
        gdal::raster::rasterize(&mut drawn, &[1], &shapes, &burnt, None).unwrap();
    }
    let size = (SAMPLES, LINES);
    let drawn = drawn.rasterband(1).unwrap().read_as::<i32>((0, 0), size, size, None).unwrap();
    let mut pixels = vec![0; found.areas.len() + 1];
    for (p, &rank) in drawn.data().iter().enumerate() {
        pixels[rank as usize] += 1;
        if rank > 0 {
            let area = &found.areas[rank as usize - 1];
            assert_eq!(area.mineral.as_deref(), Some(NAMES[usize::from(class(p / SAMPLES, p % SAMPLES)) - 1]));
        }
    }
    found.areas.iter().for_each(|a| assert_eq!(pixels[a.rank], a.pixels, "{a:?}"));
}

#[test]
fn strips_of_any_height_give_the_same_areas() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    for (by, majority, diagonal) in [(By::Mineral, true, true), (By::Zone, true, false), (By::Zone, false, false)] {
        let of = |lines: usize| {
            let settings =
                Settings { by: Some(by), majority, diagonal, strip_lines: Some(lines), ..Settings::default() };
            find(folder.path(), &settings).unwrap()
        };
        let whole = of(LINES);
        assert!(!whole.areas.is_empty());
        for lines in [1, 7, 64] {
            assert_eq!(of(lines).areas, whole.areas, "{lines}");
        }
    }
}

/// Every share of one area against its own formula.
#[test]
fn shares_and_rank_are_what_their_documentation_says() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    let distance = folder.path().join("Distance-1.tif");
    let survey = values(|y, x| (y + x) as f32);
    raster(&distance, &grid(4326), RasterKind::Floats { nodata: -9999.0 }, std::slice::from_ref(&survey));
    let evidence = vec![Evidence { path: distance, weight: -2.0 }];
    let weights = Weights([1.0, 3.0, 0.0, 1.0, 1.0]);
    let found = find(folder.path(), &Settings { evidence, weights, ..plain(By::Zone) }).unwrap();
    assert_eq!(found.evidence, ["distance_1"]);
    let mut sorted = survey;
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| f64::from(sorted[((sorted.len() - 1) as f64 * share).round() as usize]);
    let (low, high) = (at(0.02), at(0.98));
    let golden = golden();
    // Calcite is a zone of its own, so its areas are scipy's.
    for area in golden["sides"].as_array().unwrap().iter().filter(|a| a["value"] == 3) {
        let at = |i: usize| area["centre"][i].as_f64().unwrap();
        let ours = found.areas.iter().find(|a| a.pixels == area["pixels"] && (a.centroid[0] - at(0)).abs() < 1e-9);
        let ours = ours.unwrap();
        assert_eq!((ours.zone.as_deref(), ours.mineral_share), (Some("Carbonate"), 1.0));
        // Its pixels, by flooding from the first.
        let first = (area["first"][0].as_u64().unwrap() as usize, area["first"][1].as_u64().unwrap() as usize);
        let (mut seen, mut todo) = (std::collections::BTreeSet::new(), vec![first]);
        while let Some((y, x)) = todo.pop() {
            if y < LINES && x < SAMPLES && class(y, x) == 3 && seen.insert((y, x)) {
                todo.extend([(y + 1, x), (y, x + 1), (y.wrapping_sub(1), x), (y, x.wrapping_sub(1))]);
            }
        }
        let n = seen.len() as f64;
        let mean = |of: &dyn Fn(usize, usize) -> f64| seen.iter().map(|&(y, x)| of(y, x)).sum::<f64>() / n;
        let a = ours.area_m2.unwrap();
        let expected = [
            a / (a + 250_000.0),
            mean(&|y, x| 1.0 - f64::from(score(y, x)) / 0.1),
            mean(&|_, x| (f64::from(0.001 * x as f32) / 0.1).min(1.0)),
            0.25,
            mean(&|y, _| f64::from(u8::from(y.is_multiple_of(2)))),
        ];
        for (share, expected) in ours.shares.iter().zip(expected) {
            assert!((share.unwrap() - expected).abs() < 1e-9, "{:?}, expected {expected}", ours.shares);
        }
        let far = 1.0 - mean(&|y, x| (((y + x) as f64 - low) / (high - low)).clamp(0.0, 1.0));
        assert!((ours.evidence[0].unwrap() - far).abs() < 1e-6, "{:?} {far}", ours.evidence);
        let [size, strength, _, zone, agreement] = expected;
        let total = (size + 3.0 * strength + zone + agreement + 2.0 * far) / 8.0;
        assert!((ours.score - total).abs() < 1e-6);
        assert!((ours.mean_score.unwrap() - mean(&|y, x| f64::from(score(y, x)))).abs() < 1e-9);
    }
    assert!(found.areas.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(found.areas.iter().zip(1..).all(|(a, rank)| a.rank == rank));
}

#[test]
fn tables_of_several_formats_hold_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    let found = find(folder.path(), &plain(By::Zone)).unwrap();
    for (name, driver) in
        [("t.gpkg", None), ("t.geojson", None), ("t.fgb", None), ("t.shp", None), ("t.any", Some("GML"))]
    {
        let path = folder.path().join(name);
        let to = Destination::parse(path.to_str().unwrap(), driver).unwrap();
        found.table("targets").write(&to, false).unwrap();
        let again = Dataset::open(&path).unwrap();
        let mut layer = again.layer(0).unwrap();
        let mut ranks = Vec::new();
        for feature in layer.features() {
            let number = |name: &str| match feature.field(feature.field_index(name).unwrap()).unwrap() {
                Some(FieldValue::IntegerValue(v)) => f64::from(v),
                Some(FieldValue::Integer64Value(v)) => v as f64,
                Some(FieldValue::RealValue(v)) => v,
                other => panic!("{name}: {other:?}"),
            };
            let area = &found.areas[number("rank") as usize - 1];
            assert_eq!(number("pixels") as u64, area.pixels, "{name}");
            assert!((number("area_m2") / area.area_m2.unwrap() - 1.0).abs() < 1e-9, "{name}");
            let zone = feature.field_as_string(feature.field_index("zone").unwrap()).unwrap();
            assert_eq!(zone, area.zone, "{name}");
            let outline = feature.geometry().unwrap();
            // GeoJSON rounds coordinates to seven digits.
            let pixels = outline.area() / (0.0003 * 0.0003);
            assert!((pixels / area.pixels as f64 - 1.0).abs() < 2e-3, "{name}: {pixels} {}", area.pixels);
            ranks.push(area.rank);
        }
        ranks.sort_unstable();
        assert!(ranks.into_iter().eq(1..=found.areas.len()), "{name}");
        let refused = found.table("targets").write(&to, false).unwrap_err();
        assert!(refused.to_string().contains("is there already"), "{refused}");
        found.table("targets").write(&to, true).unwrap();
    }
    let hidden = std::fs::read_dir(folder.path()).unwrap().flatten();
    assert!(
        hidden.into_iter().all(|e| !e.file_name().to_string_lossy().starts_with('.')),
        "nothing half-written is left"
    );
}

#[test]
fn what_cannot_be_done_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |settings: &Settings| find(folder.path(), settings).unwrap_err().to_string();
    assert!(refused(&Settings::default()).contains("run.json: cannot read the run's report"));
    std::fs::write(folder.path().join("run.json"), "{}").unwrap();
    assert!(refused(&Settings::default()).contains("run.json: is not the report of a run"));
    run(folder.path(), &Grid::default());
    let unplaced = Settings { min_area_m2: Some(100.0), ..plain(By::Mineral) };
    assert!(refused(&unplaced).contains("it is not known how large a pixel is"));
    assert!(
        refused(&Settings { method: Some("ace".into()), ..Settings::default() }).contains("has no classes of 'ace'")
    );
    let evidence = |path: &Path| vec![Evidence { path: path.to_owned(), weight: 1.0 }];
    let beside = Settings { evidence: evidence(&folder.path().join("sam_scores.tif")), ..plain(By::Mineral) };
    assert!(refused(&beside).contains("sam_scores.tif: has no band, no geotransform or no CRS"));
    let found = find(folder.path(), &plain(By::Mineral)).unwrap();
    assert!(found.areas.iter().all(|a| a.area_m2.is_none() && a.shares[0].is_none() && a.lon_lat.is_none()));
    std::fs::remove_file(folder.path().join("sam_classes.tif")).unwrap();
    assert!(refused(&plain(By::Mineral)).contains("sam_classes.tif: cannot be opened as a GeoTIFF"));
    for bad in ["x.tif", "x.tif=", "=1", "x.tif=0", "x.tif=inf"] {
        assert!(bad.parse::<Evidence>().is_err(), "{bad}");
    }
    let driver = Destination::parse("areas.xyz", None).unwrap_err();
    assert!(driver.to_string().contains("no vector format"), "{driver}");
    assert!(Destination::parse("areas.gpkg", Some("COG")).is_err());
    let database = Destination::parse("PG:host=here password=secret", None).unwrap();
    assert_eq!(database.label(), "PG:host=here password=…");
    let lost =
        found.table("t").write(&Destination::parse("PG:host=127.0.0.1 port=1 connect_timeout=2", None).unwrap(), false);
    assert!(lost.unwrap_err().to_string().contains("cannot connect"));
}

#[test]
fn the_command_prints_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &grid(4326));
    let targets = |more: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_alunite"));
        command.arg("targets").arg(folder.path()).args(more).output().unwrap()
    };
    let first = targets(&["--weight", "size=2,zone=0", "--clean", "none"]);
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(first.status.success() && text.contains("areas of zones by sam"), "{text}");
    assert!(folder.path().join("targets.gpkg").exists());
    assert_eq!(targets(&[]).status.code(), Some(2), "it is there already");
    let json = targets(&["--overwrite", "--json", "--by", "mineral", "--min-area", "20000"]);
    let found: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(found["areas"].as_array().unwrap().iter().all(|a| a["area_m2"].as_f64().unwrap() >= 20_000.0));
    for bad in [&["--weight", "depth=1"][..], &["--weight", "size"], &["--min-area", "-1"], &["--evidence", "no.tif=1"]]
    {
        let refused = targets(&[&["--overwrite"], bad].concat());
        assert_eq!(refused.status.code(), Some(2), "{bad:?}: {}", String::from_utf8_lossy(&refused.stderr));
    }
}

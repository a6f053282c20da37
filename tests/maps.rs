//! The maps that come out: what a GIS finds in them, and that nothing half-written is ever left.
#![expect(clippy::unwrap_used, reason = "clippy spares only the test functions, not their helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use alunite::grid::Grid;
use alunite::map::{BandSpec, ClassCount, Compression, FinishedRaster, Legend, RasterKind, RasterSpec, RasterWriter};
use alunite::tile::Window;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, Metadata as _};

const ROTATED: [f64; 6] =
    [499_980.123_456_789, 51.961_524_227_066_32, 30.0, 4_000_020.987_654_321, 30.0, -51.961_524_227];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&n| n.to_owned()).collect()
}

fn utm(geotransform: [f64; 6]) -> Grid {
    let wkt = SpatialRef::from_epsg(32638).unwrap().to_wkt().unwrap();
    Grid { geotransform: Some(geotransform), crs_wkt: Some(wkt) }
}

fn class_spec<'a>(size: (usize, usize), grid: &'a Grid, legend: &'a Legend) -> RasterSpec<'a> {
    RasterSpec {
        width: size.0,
        height: size.1,
        grid,
        kind: RasterKind::Classes(legend),
        bands: vec![BandSpec { description: "class".into(), unit: None }],
        metadata: vec![("alunite_method".into(), "sam".into())],
        compression: Compression::Deflate,
    }
}

fn window((width, height): (usize, usize), y: usize, lines: usize) -> Window {
    Window { x: 0, y, width, height: lines.min(height - y) }
}

/// Concentric zones of all classes, with a corner without data.
fn zones(size: (usize, usize), legend: &Legend) -> Vec<u16> {
    let classes = legend.entries.len();
    let at = |p: usize| {
        let (x, y) = (p % size.0, p / size.0);
        let r = (x as f64 - size.0 as f64 / 2.0).hypot(y as f64 - size.1 as f64 / 2.0);
        if x + y < 20 { legend.nodata } else { (r as usize % classes) as u16 }
    };
    (0..size.0 * size.1).map(at).collect()
}

fn class_map(
    path: &Path,
    size: (usize, usize),
    grid: &Grid,
    legend: &Legend,
    counts: bool,
    lines: usize,
) -> FinishedRaster {
    let work = tempfile::tempdir().unwrap();
    let values = zones(size, legend);
    let mut writer = RasterWriter::create(path, work.path(), &class_spec(size, grid, legend)).unwrap();
    for y in (0..size.1).step_by(lines) {
        let window = window(size, y, lines);
        writer.write_classes(0, window, &values[y * size.0..][..window.pixels()]).unwrap();
    }
    let of = |pixels: u64| ClassCount { pixels, km2: Some(pixels as f64 / 4.0) };
    let counts: Option<Vec<_>> = counts.then(|| (0..legend.entries.len() as u64).map(of).collect());
    match counts {
        Some(counts) => writer.finish_counted(&counts).unwrap(),
        None => writer.finish().unwrap(),
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Names, attribute table: the parts that the safe API cannot read.
fn sidecar(path: &Path) -> String {
    let mut name = path.as_os_str().to_owned();
    name.push(".aux.xml");
    fs::read_to_string(name).unwrap()
}

#[test]
fn a_class_map_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let legend = Legend::new(&names(&["Alunite", "Kaolinite", "Muscovite"])).unwrap();
    let finished = class_map(&path, (700, 530), &utm(ROTATED), &legend, true, 64);
    assert!(finished.warnings().is_empty(), "{:?}", finished.warnings());
    assert!(!path.exists());
    finished.publish().unwrap();
    assert_eq!(files(folder.path()), BTreeSet::from(["map.tif".into(), "map.tif.aux.xml".into()]));

    let map = Dataset::open(&path).unwrap();
    assert_eq!(map.metadata_item("LAYOUT", "IMAGE_STRUCTURE").as_deref(), Some("COG"));
    assert_eq!(map.metadata_item("COMPRESSION", "IMAGE_STRUCTURE").as_deref(), Some("DEFLATE"));
    assert_eq!(map.metadata_item("alunite_method", "").as_deref(), Some("sam"));
    assert_eq!(map.geo_transform().unwrap(), ROTATED);
    assert_eq!(map.spatial_ref().unwrap(), SpatialRef::from_epsg(32638).unwrap());
    let band = map.rasterband(1).unwrap();
    assert_eq!((band.no_data_value(), band.description().unwrap().as_str()), (Some(255.0), "class"));
    assert!(band.overview_count().unwrap() >= 1);
    let overview: BTreeSet<u8> =
        band.overview(0).unwrap().read_band_as::<u8>().unwrap().data().iter().copied().collect();
    assert!(overview.is_subset(&BTreeSet::from([0, 1, 2, 3, 255])), "{overview:?}");
    let table = band.color_table().unwrap();
    for entry in &legend.entries {
        let color = table.entry_as_rgb(entry.value.into()).unwrap();
        assert_eq!([color.r, color.g, color.b], entry.color.map(i16::from));
    }
    let values: Vec<u16> = band.read_band_as::<u8>().unwrap().data().iter().map(|&v| v.into()).collect();
    assert_eq!(values, zones((700, 530), &legend));

    let xml = sidecar(&path);
    let categories: Vec<&str> = xml.split("<Category").skip(1).filter_map(|c| c.split_once('>')).map(|c| c.1).collect();
    assert_eq!(categories.len(), legend.entries.len() + 1, "the list and one name a class");
    assert!(categories[1].starts_with("unclassified<") && categories[2].starts_with("Alunite<"), "{xml}");
    assert!(!xml.contains("<Category></Category>") && !xml.contains("<Category />"), "no empty names: {xml}");
    for column in ["Value", "Class_Name", "Red", "Green", "Blue", "Count", "AreaKm2"] {
        assert!(xml.contains(&format!("<Name>{column}</Name>")), "{column}");
    }
    assert_eq!(xml.matches("<Row ").count(), 4);
    assert!(xml.contains("<F>3</F><F>Muscovite</F>") || xml.contains("<F>Muscovite</F>"), "{xml}");
}

#[test]
fn three_hundred_classes_take_two_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let many: Vec<String> = (0..300).map(|i| format!("target number {i}")).collect();
    let legend = Legend::new(&many).unwrap();
    class_map(&path, (600, 600), &Grid::default(), &legend, false, 600).publish().unwrap();
    let map = Dataset::open(&path).unwrap();
    assert!(map.geo_transform().is_err() && map.projection().is_empty());
    let band = map.rasterband(1).unwrap();
    assert_eq!(band.no_data_value(), Some(65535.0));
    let color = band.color_table().unwrap().entry_as_rgb(300).unwrap();
    assert_eq!([color.r, color.g, color.b], legend.entries[300].color.map(i16::from));
    assert_eq!(band.read_band_as::<u16>().unwrap().data(), zones((600, 600), &legend));
    let xml = sidecar(&path);
    assert!(xml.contains("<Category>target number 299</Category>"));
    assert_eq!(xml.matches("<Row ").count(), 301);
}

#[test]
fn hostile_names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let hostile = [
        "<script>alert(1)</script>",
        "a \"b\" & 'c'",
        "two\nlines",
        "nul\0byte",
        &"k".repeat(10_240),
        "🪨 rock",
        "]]>",
    ];
    let legend = Legend::new(&names(&hostile)).unwrap();
    let grid = Grid::default();
    let work = tempfile::tempdir().unwrap();
    let mut spec = class_spec((40, 40), &grid, &legend);
    spec.bands[0] = BandSpec { description: hostile.join("|"), unit: Some("a\0b".into()) };
    spec.metadata.extend((0..4).map(|i| (format!("note_{i}"), hostile.join("\0"))));
    let mut writer = RasterWriter::create(&path, work.path(), &spec).unwrap();
    writer.write_classes(0, window((40, 40), 0, 40), &zones((40, 40), &legend)).unwrap();
    writer.finish().unwrap().publish().unwrap();
    let map = Dataset::open(&path).unwrap();
    let clean = hostile.join("|").replace(['\n', '\0'], " ");
    assert_eq!(map.rasterband(1).unwrap().description().unwrap(), clean);
    for i in 0..4 {
        assert_eq!(map.metadata_item(&format!("note_{i}"), ""), Some(hostile.join("\0").replace('\0', " ")));
    }
    let xml = sidecar(&path);
    assert!(xml.contains("&lt;script&gt;") && !xml.contains("<script>"));
    assert!(xml.contains("<Category>two lines</Category>") && xml.contains("<Category>nul byte</Category>"));
    assert!(xml.contains("🪨") && xml.contains(&"k".repeat(10_240)));
    spec.metadata.push(("a=b".into(), String::new()));
    assert!(RasterWriter::create(&path, work.path(), &spec).is_err());
}

fn float_map(path: &Path, work: &Path, size: (usize, usize), bands: usize) -> alunite::error::Result<FinishedRaster> {
    let grid = utm([5e5, 60.0, 0.0, 4e6, 0.0, -60.0]);
    let spec = RasterSpec {
        width: size.0,
        height: size.1,
        grid: &grid,
        kind: RasterKind::Floats { nodata: -9999.0 },
        bands: (0..bands)
            .map(|i| BandSpec { description: format!("target {i}"), unit: Some("radian".into()) })
            .collect(),
        metadata: vec![],
        compression: Compression::Deflate,
    };
    let mut writer = RasterWriter::create(path, work, &spec)?;
    for band in 0..bands {
        for y in (0..size.1).step_by(50) {
            let window = window(size, y, 50);
            let at = |p: usize| ((p * 2_654_435_761 + band * 97) % 1_000_003) as f32 / 1e6;
            let first = y * size.0;
            let value = |p: usize| if p.is_multiple_of(101) { f32::NAN } else { at(p) };
            writer.write_f32(band, window, &(first..first + window.pixels()).map(value).collect::<Vec<_>>())?;
        }
    }
    writer.finish()
}

#[test]
fn rule_images_keep_every_bit_and_mark_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.tif");
    float_map(&path, folder.path(), (300, 270), 5).unwrap().publish().unwrap();
    let map = Dataset::open(&path).unwrap();
    assert_eq!((map.raster_count(), map.metadata_item("LAYOUT", "IMAGE_STRUCTURE").as_deref()), (5, Some("COG")));
    let band = map.rasterband(3).unwrap();
    assert_eq!((band.description().unwrap().as_str(), band.unit().as_str()), ("target 2", "radian"));
    assert_eq!(band.no_data_value(), Some(-9999.0));
    let values = band.read_band_as::<f32>().unwrap();
    assert_eq!(values.data()[101], -9999.0);
    assert_eq!(values.data()[1], ((2_654_435_761_usize + 2 * 97) % 1_000_003) as f32 / 1e6);
    assert_eq!(files(folder.path()), BTreeSet::from(["rules.tif".into()]), "no sidecar is needed, no leftovers");
}

/// Smooth numbers from 0 to 2 with a corner without data.
fn scores(size: (usize, usize)) -> Vec<f32> {
    let at = |p: usize| {
        let (x, y) = ((p % size.0) as f32, (p / size.0) as f32);
        if x + y < 90.0 { f32::NAN } else { 1.0 + (x / 31.0).sin() * (y / 17.0).cos() + 0.003 * ((p % 7) as f32) }
    };
    (0..size.0 * size.1).map(at).collect()
}

#[test]
fn numbers_err_as_little_as_their_compression_says_and_classes_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (size, grid) = ((600, 530), utm([5e5, 60.0, 0.0, 4e6, 0.0, -60.0]));
    let (values, whole) = (scores(size), window(size, 0, size.1));
    let legend = Legend::new(&names(&["Alunite", "Kaolinite"])).unwrap();
    let classes = zones(size, &legend);
    let mut sizes = Vec::new();
    for (compression, numbers) in [
        (Compression::Deflate, "DEFLATE"),
        (Compression::Zstd, "ZSTD"),
        (Compression::Lerc(0.001), "LERC_DEFLATE"),
        (Compression::Lerc(0.05), "LERC_DEFLATE"),
    ] {
        compression.check().unwrap();
        let path = folder.path().join("scores.tif");
        let kind = RasterKind::Floats { nodata: -9999.0 };
        let bands = vec![BandSpec { description: "score".into(), unit: Some("radian".into()) }];
        let spec = RasterSpec { kind, bands, compression, ..class_spec(size, &grid, &legend) };
        let mut writer = RasterWriter::create(&path, folder.path(), &spec).unwrap();
        writer.write_f32(0, whole, &values).unwrap();
        writer.finish().unwrap().publish().unwrap();
        let map = Dataset::open(&path).unwrap();
        let structure = |name: &str| map.metadata_item(name, "IMAGE_STRUCTURE");
        assert_eq!(structure("COMPRESSION").as_deref(), Some(numbers));
        assert_eq!(structure("LAYOUT").as_deref(), Some("COG"));
        let told = map.metadata_item("ALUNITE_MAX_ERROR", "").map(|text| text.parse().unwrap());
        assert_eq!(told, compression.max_error());
        let most = told.unwrap_or(0.0);
        let mut worst = 0.0_f64;
        for (found, value) in map.rasterband(1).unwrap().read_band_as::<f32>().unwrap().data().iter().zip(&values) {
            if value.is_nan() {
                assert_eq!(*found, -9999.0);
            } else {
                worst = worst.max(f64::from(found - value).abs());
            }
        }
        assert!(worst <= most * (1.0 + 1e-6) + 1e-6 * f64::from(u8::from(most > 0.0)), "{compression}: {worst}");
        assert!(worst >= most / 4.0, "{compression}: {worst}, what is allowed is used");
        sizes.push(fs::metadata(&path).unwrap().len());

        let path = folder.path().join("classes.tif");
        let spec = RasterSpec { compression, ..class_spec(size, &grid, &legend) };
        let mut writer = RasterWriter::create(&path, folder.path(), &spec).unwrap();
        writer.write_classes(0, whole, &classes).unwrap();
        writer.finish().unwrap().publish().unwrap();
        let map = Dataset::open(&path).unwrap();
        assert_eq!(map.metadata_item("ALUNITE_MAX_ERROR", ""), None);
        assert_eq!(map.rasterband(1).unwrap().read_band_as::<u16>().unwrap().data(), classes);
        let lossless = numbers.trim_start_matches("LERC_");
        assert_eq!(map.metadata_item("COMPRESSION", "IMAGE_STRUCTURE").as_deref(), Some(lossless));
    }
    println!("bytes with deflate, zstd, lerc=0.001 and lerc=0.05: {sizes:?}");
    assert!(sizes[2] < sizes[0] / 2 && sizes[3] < sizes[2], "{sizes:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes_however_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let legend = Legend::new(&names(&["Alunite", "Kaolinite"])).unwrap();
    let grid = utm(ROTATED);
    let bytes = |name: &str, lines: usize| {
        let path = folder.path().join(name);
        class_map(&path, (900, 800), &grid, &legend, true, lines).publish().unwrap();
        (fs::read(&path).unwrap(), sidecar(&path))
    };
    let first = bytes("a.tif", 800);
    assert!(bytes("b.tif", 64) == first && bytes("c.tif", 7) == first && bytes("a.tif", 800) == first);
    let rules = |name: &str| {
        let path = folder.path().join(name);
        float_map(&path, folder.path(), (300, 270), 5).unwrap().publish().unwrap();
        fs::read(path).unwrap()
    };
    assert!(rules("d.tif") == rules("e.tif"));
}

#[test]
fn a_new_map_takes_the_sidecar_of_the_old_one_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let legend = Legend::new(&names(&["Alunite"])).unwrap();
    class_map(&path, (50, 50), &Grid::default(), &legend, false, 50).publish().unwrap();
    assert_eq!(files(folder.path()).len(), 2);
    let pending = float_map(&path, folder.path(), (60, 60), 1).unwrap();
    assert_eq!(
        Dataset::open(&path).unwrap().raster_size(),
        (50, 50),
        "the old one stands until the new one is published"
    );
    pending.publish().unwrap();
    assert_eq!(files(folder.path()), BTreeSet::from(["map.tif".into()]));
    assert_eq!(Dataset::open(&path).unwrap().raster_size(), (60, 60));
}

#[test]
fn what_is_dropped_or_incomplete_leaves_nothing() {
    let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("map.tif");
    let legend = Legend::new(&names(&["Alunite"])).unwrap();
    let grid = Grid::default();
    let spec = class_spec((50, 50), &grid, &legend);
    let create = || RasterWriter::create(&path, work.path(), &spec).unwrap();
    let all = window((50, 50), 0, 50);

    let mut writer = create();
    writer.write_u8(0, window((50, 50), 0, 20), &[1; 1000]).unwrap();
    drop(writer);
    let mut half = create();
    half.write_u8(0, window((50, 50), 0, 20), &[1; 1000]).unwrap();
    assert!(half.finish().unwrap_err().to_string().contains("1000 pixels were written"));
    let mut twice = create();
    twice.write_u8(0, all, &[1; 2500]).unwrap();
    twice.write_u8(0, all, &[1; 2500]).unwrap();
    assert!(twice.finish().is_err());
    let mut overlapping = create();
    overlapping.write_u8(0, window((50, 50), 0, 25), &[1; 1250]).unwrap();
    overlapping.write_u8(0, window((50, 50), 5, 25), &[0; 1250]).unwrap();
    assert!(overlapping.finish().unwrap_err().to_string().contains("read back"));
    let mut wrong = create();
    assert!(wrong.write_u8(0, all, &[2; 2500]).is_err(), "no class");
    assert!(wrong.write_u8(1, all, &[1; 2500]).is_err(), "no band");
    assert!(wrong.write_u8(0, all, &[1; 2499]).is_err(), "too few");
    assert!(wrong.write_u16(0, all, &[1; 2500]).is_err(), "another type");
    assert!(wrong.write_u8(0, Window { x: usize::MAX, y: 1, width: 50, height: 50 }, &[1; 2500]).is_err(), "outside");
    drop(wrong);
    let mut full = create();
    full.write_u8(0, all, &[1; 2500]).unwrap();
    drop(full.finish().unwrap());
    assert!(files(folder.path()).is_empty() && files(work.path()).is_empty());
}

#[test]
fn impossible_rasters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let legend = Legend::new(&names(&["Alunite"])).unwrap();
    let grid = Grid::default();
    let create = |path: &Path, spec: &RasterSpec<'_>| RasterWriter::create(path, folder.path(), spec).is_err();
    let path = folder.path().join("map.tif");
    assert!(create(folder.path(), &class_spec((5, 5), &grid, &legend)));
    assert!(create(&folder.path().join("absent/map.tif"), &class_spec((5, 5), &grid, &legend)));
    assert!(create(&path, &class_spec((0, 5), &grid, &legend)));
    assert!(create(&path, &class_spec((5, usize::MAX), &grid, &legend)));
    let nonsense = Grid { crs_wkt: Some("nonsense".into()), geotransform: None };
    assert!(create(&path, &class_spec((5, 5), &nonsense, &legend)));
    assert!(create(&path, &class_spec((5, 5), &utm([f64::NAN; 6]), &legend)));
    assert!(files(folder.path()).is_empty());
}

/// Runs in a child process whose files cannot grow beyond a limit; see the test below.
#[test]
fn child_with_a_full_disk() {
    let Some(folder) = std::env::var_os("ALUNITE_TEST_FULL_DISK") else { return };
    let folder = Path::new(&folder);
    let result = float_map(&folder.join("rules.tif"), folder, (300, 270), 5).and_then(FinishedRaster::publish);
    fs::write(folder.join("verdict"), result.map_or_else(|e| format!("failed: {e}"), |()| "published".into())).unwrap();
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_leaves_no_map() {
    // The intermediate has 1.6 MB, the COG is a little smaller. Both may hit the limit, in units of 512 or 1024 bytes.
    let mut failed = 0;
    for blocks in [64, 400, 900, 1400, 20_000] {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let output = Command::new("sh")
            .args([
                "-c",
                &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact child_with_a_full_disk --nocapture"),
            ])
            .arg(program)
            .env("ALUNITE_TEST_FULL_DISK", folder.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !stderr.contains("ERROR"), "GDAL must not print: {stderr}");
        let verdict = fs::read_to_string(folder.path().join("verdict")).unwrap();
        fs::remove_file(folder.path().join("verdict")).unwrap();
        if verdict == "published" {
            assert_eq!(files(folder.path()), BTreeSet::from(["rules.tif".into()]));
        } else {
            failed += 1;
            assert!(verdict.starts_with("failed"), "{verdict}");
            assert!(files(folder.path()).is_empty(), "{:?}", files(folder.path()));
        }
    }
    assert!((3..5).contains(&failed), "{failed} of the five limits were felt; the largest must not be");
}

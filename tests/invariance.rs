//! What must not change a map: how the scene is stored, cut, computed, or how often the run was killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gdal::DriverManager;
use gdal::raster::RasterCreationOptions;

const LINES: usize = 37;
const SAMPLES: usize = 29;
const BANDS: usize = 31;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.env("XDG_RUNTIME_DIR", std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// Stored values, integers that every type of the test holds; one corner is no data.
fn value(line: usize, sample: usize, band: usize) -> i16 {
    if line < 4 && sample < 6 {
        return -9999;
    }
    let mix = ((line * 7 + sample * 3) % 11) as f64 / 11.0;
    let at = band as f64 / BANDS as f64;
    let dip = |centre: f64| (-((at - centre) / 0.08).powi(2)).exp();
    let reflectance = 0.5 + 0.1 * at - 0.3 * mix * dip(0.3) - 0.25 * (1.0 - mix) * dip(0.7);
    (reflectance * 9000.0 * (0.6 + 0.4 * (line as f64 / LINES as f64))) as i16
}

fn wavelength(band: usize) -> f64 {
    2050.0 + 12.5 * band as f64
}

fn library(folder: &Path) -> PathBuf {
    let mut text = "wavelength_nm,fwhm_nm,one,two,flat\n".to_owned();
    for step in 0..240 {
        let nm = 2000.0 + 2.0 * f64::from(step);
        let at = (nm - wavelength(0)) / (wavelength(BANDS) - wavelength(0));
        let dip = |centre: f64| (-((at - centre) / 0.08).powi(2)).exp();
        text += &format!("{nm},3,{},{},0.5\n", 0.5 + 0.1 * at - 0.3 * dip(0.3), 0.5 + 0.1 * at - 0.25 * dip(0.7));
    }
    let path = folder.join("library.csv");
    fs::write(&path, text).expect("library");
    path
}

fn envi(folder: &Path, interleave: &str, big_endian: bool) -> PathBuf {
    let mut bytes = Vec::new();
    let mut put = |line, sample, band| {
        let v = value(line, sample, band);
        bytes.extend(if big_endian { v.to_be_bytes() } else { v.to_le_bytes() });
    };
    let sizes = |order: [usize; 3], put: &mut dyn FnMut([usize; 3])| {
        (0..order[0]).for_each(|a| (0..order[1]).for_each(|b| (0..order[2]).for_each(|c| put([a, b, c]))));
    };
    match interleave {
        "bil" => sizes([LINES, BANDS, SAMPLES], &mut |[l, b, s]| put(l, s, b)),
        "bip" => sizes([LINES, SAMPLES, BANDS], &mut |[l, s, b]| put(l, s, b)),
        _ => sizes([BANDS, LINES, SAMPLES], &mut |[b, l, s]| put(l, s, b)),
    }
    let list = |f: &dyn Fn(usize) -> f64| (0..BANDS).map(|b| f(b).to_string()).collect::<Vec<_>>().join(", ");
    let header = format!(
        "ENVI\nsamples = {SAMPLES}\nlines = {LINES}\nbands = {BANDS}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = 2\ninterleave = {interleave}\nbyte order = {}\ndata ignore value = -9999\n\
         reflectance scale factor = 10000\n\
         map info = {{UTM, 1, 1, 585000, 4365000, 60, 60, 38, North, WGS-84, units=Meters}}\n\
         wavelength units = Nanometers\nwavelength = {{{}}}\nfwhm = {{{}}}\n",
        u8::from(big_endian),
        list(&wavelength),
        list(&|_| 12.5),
    );
    fs::write(folder.join("scene.hdr"), header).expect("header");
    let path = folder.join("scene.img");
    fs::write(&path, bytes).expect("cube");
    path
}

fn geotiff(folder: &Path, options: &[&str]) -> PathBuf {
    let path = folder.join("scene.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").expect("GTiff");
    let options: RasterCreationOptions = options.iter().copied().collect();
    let mut set =
        driver.create_with_band_type_with_options::<i16, _>(&path, SAMPLES, LINES, BANDS, &options).expect("tiff");
    set.set_geo_transform(&[585_000.0, 60.0, 0.0, 4_365_000.0, 0.0, -60.0]).expect("grid");
    set.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32638).expect("EPSG")).expect("CRS");
    for b in 0..BANDS {
        use gdal::Metadata as _;
        let mut band = set.rasterband(b + 1).expect("band");
        let values = (0..LINES).flat_map(|l| (0..SAMPLES).map(move |s| value(l, s, b))).collect();
        band.write((0, 0), (SAMPLES, LINES), &mut gdal::raster::Buffer::new((SAMPLES, LINES), values)).expect("write");
        band.set_no_data_value(Some(-9999.0)).expect("nodata");
        band.set_scale(1.0 / 10000.0).expect("scale");
        band.set_metadata_item("wavelength", &wavelength(b).to_string(), "").expect("wavelength");
        band.set_metadata_item("wavelength_units", "Nanometers", "").expect("unit");
        band.set_metadata_item("fwhm", "12.5", "").expect("fwhm");
    }
    set.close().expect("close");
    path
}

fn arguments(scene: &Path, library: &Path, out: &Path) -> Vec<std::ffi::OsString> {
    let mut list: Vec<std::ffi::OsString> = vec!["map".into(), scene.into(), "--library".into(), library.into()];
    list.extend([
        "--out".into(),
        out.into(),
        "--rules".into(),
        "--overwrite".into(),
        "--threshold".into(),
        "0.05".into(),
    ]);
    list
}

/// Maps and returns every file but the report, whose timings and paths differ.
fn map(scene: &Path, library: &Path, out: &Path, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let done =
        program().args(arguments(scene, library, out)).args(["--backend", "cpu"]).args(more).output().expect("run");
    assert!(done.status.success(), "{more:?}: {}", String::from_utf8_lossy(&done.stderr));
    files(out)
}

/// What tells of a run, and differs from one to the next; and spectra of pixels that lie where the file's blocks do.
const TOLD: [&str; 4] = ["run.json", "report.html", "stac.json", "spectra.json"];

fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(out)
        .expect("folder")
        .map(|f| f.expect("file").path())
        .filter(|p| p.is_file() && p.file_name().is_some_and(|n| !TOLD.iter().any(|told| n == *told)))
        .map(|p| (p.file_name().expect("name").to_string_lossy().into_owned(), fs::read(&p).expect("bytes")))
        .collect()
}

fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in expected {
        assert!(found[name] == *bytes, "{what}: {name} differs");
    }
}

fn reference(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let made = folder.join("reference");
    fs::create_dir_all(&made).expect("folder");
    let maps = map(&envi(&made, "bil", false), &library(folder), &folder.join("reference-maps"), &[]);
    assert!(
        maps.contains_key("sam_classes.tif") && maps.contains_key("sam_rules.tif") && maps.len() >= 8,
        "{:?}",
        maps.keys()
    );
    maps
}

#[test]
fn the_way_a_scene_is_stored_does_not_change_a_byte() {
    let folder = tempfile::tempdir().expect("folder");
    let expected = reference(folder.path());
    let library = library(folder.path());
    let mut case = 0;
    let mut check = |make: &dyn Fn(&Path) -> PathBuf, what: &str| {
        case += 1;
        let made = folder.path().join(format!("case{case}"));
        fs::create_dir_all(&made).expect("folder");
        let scene = make(&made);
        assert_same(&map(&scene, &library, &made.join("maps"), &[]), &expected, what);
    };
    for interleave in ["bil", "bip", "bsq"] {
        for big_endian in [false, true] {
            check(&|f| envi(f, interleave, big_endian), &format!("{interleave}, big-endian {big_endian}"));
        }
    }
    for options in [
        &["INTERLEAVE=PIXEL"][..],
        &["INTERLEAVE=BAND"],
        &["INTERLEAVE=PIXEL", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE"],
        &["INTERLEAVE=BAND", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=32", "COMPRESS=DEFLATE", "PREDICTOR=2"],
        &["INTERLEAVE=BAND", "BLOCKYSIZE=5", "COMPRESS=LZW"],
        &["INTERLEAVE=PIXEL", "ENDIANNESS=BIG", "BIGTIFF=YES"],
    ] {
        check(&|f| geotiff(f, options), &format!("{options:?}"));
    }
}

#[test]
fn tiles_threads_and_memory_do_not_change_a_byte() {
    let folder = tempfile::tempdir().expect("folder");
    let expected = reference(folder.path());
    let (scene, library) = (folder.path().join("reference/scene.img"), library(folder.path()));
    for lines in ["1", "7", "64", "37"] {
        for threads in ["1", "2"] {
            let more = ["--tile-lines", lines, "--threads", threads];
            assert_same(&map(&scene, &library, &folder.path().join("maps"), &more), &expected, &format!("{more:?}"));
        }
    }
    let small = ["--max-memory", "300MiB"];
    assert_same(&map(&scene, &library, &folder.path().join("maps"), &small), &expected, "a small ceiling");
    // Tiles narrower than the scene.
    let tiff = folder.path().join("tiff");
    fs::create_dir_all(&tiff).expect("folder");
    let scene = geotiff(&tiff, &["INTERLEAVE=PIXEL", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]);
    assert_same(
        &map(&scene, &library, &folder.path().join("maps"), &["--tile-lines", "5"]),
        &expected,
        "tiff, 5 lines",
    );
}

#[test]
fn twenty_kills_and_a_rerun_give_the_bytes_of_an_unbroken_run() {
    let folder = tempfile::tempdir().expect("folder");
    let expected = reference(folder.path());
    let (scene, library) = (folder.path().join("reference/scene.img"), library(folder.path()));
    let more = ["--backend", "cpu", "--tile-lines", "1", "--quiet"];
    let begun = Instant::now();
    map(&scene, &library, &folder.path().join("timed"), &more[2..]);
    let whole = begun.elapsed();
    // A fixed sequence of fractions of the whole run, well spread.
    let fraction = |kill: u32| f64::from(kill * 37 % 100) / 100.0;
    let (mut killed, mut resumed) = (0, 0);
    for kill in 0..20 {
        let out = folder.path().join(format!("killed{kill}"));
        let mut run =
            program().args(arguments(&scene, &library, &out)).args(more).stderr(Stdio::null()).spawn().expect("run");
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * fraction(kill)));
        killed += u32::from(run.try_wait().expect("wait").is_none());
        let _ = run.kill();
        run.wait().expect("wait");
        if out.exists() {
            for (name, bytes) in files(&out) {
                assert!(
                    expected.get(&name).is_some_and(|e| *e == bytes),
                    "after kill {kill}, {name} stands half-written"
                );
            }
        }
        let left = fs::read_dir(out.join(".alunite-parts")).map_or(0, |d| d.count());
        assert_same(&map(&scene, &library, &out, &more[2..]), &expected, &format!("kill {kill}"));
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("run.json")).expect("report")).expect("JSON");
        resumed += u32::from(report["timings"]["parts_resumed"].as_u64().expect("resumed") > 0);
        assert!(!out.join(".alunite-parts").exists(), "parts are removed at the end ({left} were left by the kill)");
    }
    assert!(
        killed >= 10 && resumed >= 3,
        "{killed} runs were killed in time, {resumed} went on from parts: the test has lost its grip"
    );
}

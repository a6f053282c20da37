//! What is not a scene, or contradicts itself, is refused with what, where and what to do.

use alunite::error::{Error, ErrorKind};
use alunite::scene::{Description, Scene, SceneOptions};
use alunite::spectrum::WavelengthUnit;
use alunite::tile::Scaling;

/// A sound header for 2 lines x 3 samples x 4 bands of int16: 48 bytes.
const HEADER: &str = "ENVI\nsamples = 3\nlines = 2\nbands = 4\nheader offset = 0\nfile type = ENVI Standard\n\
                      data type = 2\ninterleave = bil\nbyte order = 0\n";
const NM: &str = "wavelength units = nm\nwavelength = {400, 500, 600, 700}\n";

/// Opens 48 bytes of data with `HEADER`, of which `key`'s line is replaced, and further lines.
fn open_with(key: &str, line: &str, more: &str, options: &SceneOptions) -> Result<Description, Error> {
    let dir = tempfile::tempdir().unwrap();
    let keep = |l: &&str| key.is_empty() || !l.starts_with(key);
    let header: String = HEADER.lines().filter(keep).map(|l| format!("{l}\n")).collect();
    std::fs::write(dir.path().join("x.hdr"), format!("{header}{line}\n{more}")).unwrap();
    std::fs::write(dir.path().join("x.img"), [7; 48]).unwrap();
    Scene::open(&dir.path().join("x.img"), options).map(|scene| scene.description)
}

fn open(more: &str) -> Result<Description, Error> {
    open_with("", "", more, &SceneOptions::default())
}

/// Message and hint.
fn refusal<T>(result: Result<T, Error>) -> String {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    format!("{error} -> {}", error.next_step().unwrap_or_default())
}

#[test]
fn the_sound_header_is_read() {
    let d = open(NM).unwrap();
    assert_eq!((d.lines, d.samples, d.bands), (2, 3, 4));
    assert_eq!(d.grid, alunite::grid::Grid::default());
    assert!(d.notes.iter().any(|n| n.contains("declares no scale")), "{:?}", d.notes);
}

#[test]
fn structure_that_cannot_be_is_refused() {
    let cases = [
        ("samples", "samples = 0", "'samples'"),
        ("lines", "lines = -2", "not a whole number"),
        ("bands", "bands = 4.5", "'4.5'"),
        ("bands", "", "missing"),
        ("samples", "samples = 99999999999999999999", "not a whole number"),
        ("samples", "samples = 9000000000000000000", "more than any file holds"),
        ("data type", "data type = 6", "complex"),
        ("data type", "data type = 9", "complex"),
        ("data type", "data type = 7", "no type of ENVI's"),
        ("interleave", "interleave = tile", "bil, bip or bsq"),
        ("interleave", "", "missing"),
        ("byte order", "byte order = 2", "not 0 or 1"),
        ("header offset", "header offset = -1", "whole number of bytes"),
        ("header offset", "header offset = 8", "48 bytes, but the header announces 56"),
        ("bands", "bands = 3", "48 bytes, but the header announces 36"),
        ("lines", "lines = 3", "48 bytes, but the header announces 72"),
        ("", "samples = 4", "given twice, as '3' and as '4'"),
        ("", "file compression = 1", "compressed"),
        ("", "description = {", "never closed"),
        ("file type", "file type = ENVI Spectral Library", "--library"),
        ("file type", "file type = ENVI Classification", "class numbers"),
        ("file type", "file type = ENVI Meta File", "other files"),
        ("file type", "file type = TIFF", "'TIFF' is not a scene"),
    ];
    for (key, line, expected) in cases {
        let refused = refusal(open_with(key, line, "", &SceneOptions::default()));
        assert!(refused.contains(expected) && refused.contains("x."), "{line}: {refused}");
    }
    assert!(open_with("file type", "", "", &SceneOptions::default()).is_ok());
    assert!(open_with("header offset", "", "", &SceneOptions::default()).is_ok());
}

#[test]
fn lists_of_another_length_are_refused() {
    for key in ["wavelength", "fwhm", "bbl", "data gain values", "data offset values"] {
        let refused = refusal(open(&format!("{key} = {{1, 1, 1}}")));
        assert!(refused.contains("3 values for 4 bands") && refused.contains(key), "{refused}");
    }
    assert!(refusal(open("bbl = {1, 1, 0.5, 0}")).contains("0.5, not 0 or 1"));
    assert!(refusal(open("wavelength = {1, 2, x, 4}")).contains("'x' is not a number"));
    assert_eq!(open("bbl = {1.0, 0.0, 1, 0}").unwrap().good, [true, false, true, false]);
}

#[test]
fn wavelengths_that_cannot_be_used_leave_a_scene_that_says_why() {
    let nm = SceneOptions { wavelength_unit: Some(WavelengthUnit::Nanometers), ..SceneOptions::default() };
    let um = SceneOptions { wavelength_unit: Some(WavelengthUnit::Micrometers), ..SceneOptions::default() };
    let none = SceneOptions::default();
    let list = "wavelength = {400, 500, 600, 700}\n";
    let cases = [
        (&none, list.to_owned(), "400 to 700 -> pass --wavelength-unit nm or um"),
        (&none, format!("wavelength units = Unknown\n{list}"), "'Unknown'"),
        (&none, format!("wavelength units = Micrometers\n{list}"), "pass --wavelength-unit nm"),
        (&um, NM.to_owned(), "leave out --wavelength-unit"),
        (&um, list.to_owned(), "cannot be wavelengths in um"),
        (&none, String::new(), "--bands-from CSV"),
        (&none, String::new(), "--match-bands-by-index"),
        (&none, "wavelength units = nm\nwavelength = {400, 0, 600, 700}".to_owned(), "band 2 is 0"),
        (&none, "wavelength units = nm\nwavelength = {400, nan, 600, 700}".to_owned(), "band 2 is NaN"),
        (&none, format!("{NM}fwhm = {{9, 9, -9, 9}}"), "band 3 is -9"),
    ];
    for (options, more, expected) in cases {
        let refused = refusal(open_with("", "", &more, options).unwrap().spectral);
        assert!(refused.contains(expected), "{more}: {refused}");
    }
    let d = open_with("", "", list, &nm).unwrap();
    assert_eq!(d.spectral.unwrap().centres[3].0, 700.0);
    assert!(d.notes.iter().any(|n| n.contains("--wavelength-unit")), "{:?}", d.notes);
}

#[test]
fn a_table_of_bands_replaces_the_files_wavelengths() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("bands.csv");
    std::fs::write(&csv, "channel,wavelength_nm,fwhm_nm\n1,410,9\n2,420,9\n3,430,9\n4,440,9\n").unwrap();
    let options = SceneOptions { bands_from: Some(csv.clone()), ..SceneOptions::default() };
    let d = open_with("", "", "wavelength = {1, 2}\n", &options).unwrap();
    assert_eq!(d.spectral.unwrap().centres[1].0, 420.0);
    assert!(d.notes.iter().any(|n| n.contains("--bands-from")), "{:?}", d.notes);
    std::fs::write(&csv, "channel,wavelength_nm,fwhm_nm\n1,410,9\n").unwrap();
    assert!(refusal(open_with("", "", "", &options)).contains("1 channels for a scene of 4 bands"));
}

#[test]
fn scale_and_no_data_come_from_the_header_or_the_user() {
    let scaling = |more: &str| open(more).unwrap().scaling;
    assert_eq!(scaling("reflectance scale factor = 1000"), Scaling::uniform(4, 0.001));
    let lists = "data gain values = {2, 2, 2, 4}\ndata offset values = {1, 1, 1, 0}\n";
    assert_eq!(scaling(lists), Scaling { gain: vec![2.0, 2.0, 2.0, 4.0], offset: vec![1.0, 1.0, 1.0, 0.0] });
    let both = scaling(&format!("{lists}reflectance scale factor = 10"));
    assert_eq!((both.gain[3], both.offset[0]), (0.4, 0.1));
    for bad in ["0", "-1", "nan", "inf", "x", ""] {
        let refused = refusal(open(&format!("reflectance scale factor = {bad}")));
        assert!(refused.contains("reflectance scale factor"), "{refused}");
    }
    let options = SceneOptions { scale: Some(5000.0), nodata: Some(-99.0), ..SceneOptions::default() };
    let d = open_with("", "", "reflectance scale factor = 10\ndata ignore value = 0\n", &options).unwrap();
    assert_eq!((d.scaling.gain[0], d.nodata), (1.0 / 5000.0, Some(-99.0)));
    assert!(open("data ignore value = nan").unwrap().nodata.unwrap().is_nan());
    let odd = open("data ignore value = 0.5").unwrap();
    assert!(odd.notes.iter().any(|n| n.contains("cannot occur in int16")), "{:?}", odd.notes);
}

#[test]
fn what_is_no_scene_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let vrt = "<VRTDataset rasterXSize=\"3\" rasterYSize=\"2\"/>";
    let files: [(&str, &[u8], &str); 9] = [
        ("scene.vrt", vrt.as_bytes(), "virtual raster"),
        ("renamed.img", vrt.as_bytes(), "virtual raster"),
        ("emit.nc", b"\x89HDF\r\n\x1a\n\0\0\0\0", "cut off or damaged"),
        ("old.nc", b"CDF\x01\0\0\0\0", "netCDF"),
        ("map.png", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("run.json", b" {\"a\": 1}", "JSON"),
        ("scene.zip", b"PK\x03\x04", "ZIP"),
        ("empty.img", b"", "empty"),
        ("alone.img", b"\x01\x02\x03\x04", "no ENVI header"),
    ];
    let open = |name: &str| refusal(Scene::open(&dir.path().join(name), &SceneOptions::default()));
    for (name, bytes, expected) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let refused = open(name);
        assert!(refused.contains(expected) && refused.contains(name), "{refused}");
    }
    std::fs::write(dir.path().join("renamed.hdr"), HEADER).unwrap();
    assert!(open("renamed.img").contains("virtual raster"));
    assert!(open("missing.img").contains("no such file"));
    assert!(refusal(Scene::open(dir.path(), &SceneOptions::default())).contains("folder"));
    std::fs::write(dir.path().join("half.tif"), b"II*\0\x08\0\0\0").unwrap();
    assert!(open("half.tif").contains("GDAL cannot open it as GTiff"));
    std::fs::write(dir.path().join("esri.hdr"), "BYTEORDER I\nNROWS 2\n").unwrap();
    std::fs::write(dir.path().join("esri.bil"), [0; 4]).unwrap();
    assert!(open("esri.bil").contains("first line is not 'ENVI'"));
}

#[test]
fn either_file_of_a_pair_may_be_named() {
    let dir = tempfile::tempdir().unwrap();
    for (data, header) in [("a", "a.hdr"), ("b.dat", "b.dat.hdr")] {
        std::fs::write(dir.path().join(data), [0; 48]).unwrap();
        std::fs::write(dir.path().join(header), HEADER).unwrap();
        for named in [data, header] {
            let scene = Scene::open(&dir.path().join(named), &SceneOptions::default()).unwrap();
            assert_eq!(scene.description.path, dir.path().join(data));
            assert_eq!(scene.description.companions, [dir.path().join(header)]);
        }
    }
}

#[test]
fn a_description_is_json_with_or_without_wavelengths() {
    let text = |more: &str| serde_json::to_string(&open(more).unwrap()).unwrap();
    assert!(text(NM).contains("\"centres\":[400.0,"));
    assert!(text("").contains("no wavelengths"));
}

#[test]
fn georeferencing_that_gdal_cannot_read_is_never_lost_in_silence() {
    // GDAL does not know a header that begins with a byte order mark.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.img"), [0; 48]).unwrap();
    let open = |more: &str| {
        std::fs::write(dir.path().join("x.hdr"), format!("\u{feff}{HEADER}{more}")).unwrap();
        Scene::open(&dir.path().join("x.img"), &SceneOptions::default())
    };
    assert!(open("").unwrap().description.notes.iter().any(|n| n.contains("no georeferencing")));
    assert!(refusal(open("map info = {UTM, 1, 1, 0, 0, 30, 30, 33, North, WGS-84}\n")).contains("map info"));
}

#[test]
fn no_damage_to_a_header_makes_it_panic() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.img"), [0; 48]).unwrap();
    let whole =
        format!("{HEADER}{NM}bbl = {{1, 1, 0, 1}}\nmap info = {{UTM, 1, 1, 0, 0, 30, 30, 33, North, WGS-84}}\n");
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut opened = 0;
    for _ in 0..1000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = b"\0{}=,;-9.\n\r\xff"[random(12)],
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b"{}=,0\n"[random(6)]),
            }
        }
        std::fs::write(dir.path().join("x.hdr"), bytes).unwrap();
        if let Ok(scene) = Scene::open(&dir.path().join("x.img"), &SceneOptions::default()) {
            let d = &scene.description;
            assert_eq!(d.lines * d.samples * d.bands * d.sample_type.size(), 48, "{d:?}");
            opened += 1;
        }
    }
    assert!(opened > 100, "only {opened} opened: the loop tests nothing");
}

//! Libraries as files: ENVI libraries made here, and the measured ones when the data folder is there.

use std::path::{Path, PathBuf};

use super::resample::{MIN_COVERAGE, Resampler};
use super::*;
use crate::spectrum::Nanometers;

/// The folder of measured data; `None` outside CI where it is missing.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("ALUNITE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no measured data in {}", folder.display());
    eprintln!("skipped: no measured data in {} (set ALUNITE_DATA)", folder.display());
    None
}

const HEADER: &str = "ENVI\nsamples = 3\nlines = 2\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\n\
    data type = 4\ninterleave = bsq\nbyte order = 0\nwavelength units = Micrometers\n\
    data ignore value = -1.23e+34\nspectra names = {A <2um (x), B.1}\nwavelength = {2.1, 2.2, 2.3}\n";
const VALUES: [f64; 6] = [0.5, -1.23e34, 0.25, 0.75, 0.125, 1.0];

/// Opens a library made of a header and float32 or float64 values.
fn open(header: &str, values: &[f64], unit: Option<WavelengthUnit>) -> Result<Library> {
    let bytes = |v: f64| match (header.contains("data type = 5"), header.contains("byte order = 1")) {
        (false, false) => (v as f32).to_le_bytes().to_vec(),
        (false, true) => (v as f32).to_be_bytes().to_vec(),
        (true, false) => v.to_le_bytes().to_vec(),
        (true, true) => v.to_be_bytes().to_vec(),
    };
    open_bytes(header, &values.iter().flat_map(|&v| bytes(v)).collect::<Vec<u8>>(), unit)
}

fn open_bytes(header: &str, bytes: &[u8], unit: Option<WavelengthUnit>) -> Result<Library> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("lib.sli"), bytes).unwrap();
    std::fs::write(dir.path().join("lib.hdr"), header).unwrap();
    std::fs::write(dir.path().join("lib.csv"), "wavelength_nm,Other\n500,0.1\n").unwrap();
    assert_eq!(Library::open(&dir.path().join("lib.csv"), None).unwrap().format, "CSV");
    let by_header = Library::open(&dir.path().join("lib.hdr"), unit);
    let library = Library::open(&dir.path().join("lib.sli"), unit);
    assert_eq!(by_header.is_ok(), library.is_ok(), "either file may be named");
    library
}

#[test]
fn both_types_and_byte_orders_hold_the_same_library() {
    for data_type in ["4", "5"] {
        for order in ["0", "1"] {
            let header = HEADER
                .replace("data type = 4", &format!("data type = {data_type}"))
                .replace("byte order = 0", &format!("byte order = {order}"));
            let library = open(&header, &VALUES, None).unwrap();
            assert_eq!((library.spectra[0].name.as_str(), library.spectra[1].name.as_str()), ("A <2um (x)", "B.1"));
            let [a, b] = [&library.spectra[0].values, &library.spectra[1].values];
            assert!(a[0] == 0.5 && a[1].is_nan() && a[2] == 0.25 && b[..] == [0.75, 0.125, 1.0]);
            let centres = [2100.0, 2200.0, 2300.0].map(Nanometers).to_vec();
            assert_eq!(library.axis.unwrap(), Axis::Wavelengths(Bands { centres, fwhm: None }));
            assert!(library.notes.is_empty() && library.companions.len() == 1);
        }
    }
}

#[test]
fn scale_fill_repeats_and_integers() {
    let scaled = HEADER.replace("bands = 1", "bands = 1\nreflectance scale factor = 10").replace("B.1", "A <2um (x)");
    let library = open(&scaled.replace("-1.23e+34", "0.75"), &VALUES, None).unwrap();
    assert_eq!(library.spectra[0].values[0], 0.05);
    assert!(library.spectra[1].values[0].is_nan());
    assert_eq!(library.spectra[1].name, "A <2um (x) #2");
    assert_eq!(library.notes.len(), 1);

    let integers = HEADER.replace("data type = 4", "data type = 2").replace("-1.23e+34", "-1");
    let bytes: Vec<u8> = [5000_i16, -1, 2500, 7500, 1250, 10000].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert!(open_bytes(&integers, &bytes, None).unwrap_err().to_string().contains("int16"));
    let integers = integers.replace("bands = 1", "bands = 1\nreflectance scale factor = 10000");
    let library = open_bytes(&integers, &bytes, None).unwrap();
    assert!(library.spectra[0].values[1].is_nan() && library.spectra[1].values[1] == 0.125);

    let names = ["A", "A", "A #2", "A"].map(str::to_owned).to_vec();
    assert_eq!(unique_names(names).0, ["A", "A #3", "A #2", "A #4"]);
}

#[test]
fn a_thousand_times_the_same_name_takes_no_time() {
    let names = vec!["A".to_owned(); 200_000];
    assert_eq!(unique_names(names).0.last().unwrap(), "A #200000");
}

#[test]
fn names_that_a_file_would_change_or_take_for_something_else_are_not_written() {
    let table = |names: &[&str], fwhm: bool| {
        let nm = |v: f64| vec![Nanometers(v)];
        let axis = Axis::Wavelengths(Bands { centres: nm(2100.0), fwhm: fwhm.then(|| nm(9.0)) });
        let spectra = names.iter().map(|&name| (name.to_owned(), vec![0.5])).collect();
        table::Table { axis, spectra, notes: Vec::new() }
    };
    let folder = tempfile::tempdir().unwrap();
    for names in [&["1", "2e3"][..], &["A", "FWHM_nm"], &["wavelength_nm"]] {
        let problem = table(names, false).write(&folder.path().join("x.csv"), false).unwrap_err();
        assert!(problem.next_step().unwrap().contains("X.sli"), "{problem}");
        assert!(table(names, false).write(&folder.path().join("x.sli"), true).is_ok());
    }
    assert!(table(&["1", "A"], false).check_csv_names().is_ok() && table(&["1", "2"], true).check_csv_names().is_ok());
    let problem = table(&["A", "{,}"], false).write(&folder.path().join("y.sli"), false).unwrap_err();
    assert!(problem.next_step().unwrap().contains("X.csv"), "{problem}");
    assert!(!folder.path().join("y.sli").exists());
}

#[test]
fn what_cannot_be_a_library_is_refused_and_named() {
    let cases = [
        (HEADER.replace("Spectral Library", "Standard"), &VALUES[..], "found 'ENVI Standard'"),
        (HEADER.replace("bands = 1", "bands = 3"), &VALUES, "found 3, expected 1"),
        (HEADER.replace(", B.1", ""), &VALUES, "found 1 names, expected 2"),
        (HEADER.replace("{A <2um (x), B.1}", "{A,, B}"), &VALUES, "found 3 names, expected 2"),
        (HEADER.to_owned(), &VALUES[..5], "20 bytes, but the header announces 24"),
        (HEADER.to_owned(), &[2.1, 2.2, 2.3, -1.23e34, -1.23e34, f64::NAN], "row 2, 'B.1': every channel is deleted"),
        (HEADER.to_owned(), &[0.0, 0.0, 0.0, 0.1, 0.2, 0.3], "row 1, 'A <2um (x)': every channel is zero"),
        (HEADER.to_owned(), &[0.5, 0.5, 0.5, 2100.0, 2200.0, 2300.0], "row 2, 'B.1': 2100 is not a reflectance"),
    ];
    for (header, values, expected) in cases {
        let problem = open(&header, values, None).unwrap_err();
        assert!(problem.to_string().contains(expected) && problem.next_step().is_some(), "{problem}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.bin");
    std::fs::write(&path, [0_u8, 1, 2, 3]).unwrap();
    assert!(Library::open(&path, None).unwrap_err().to_string().contains("not a CSV, nor"));
    std::fs::write(&path, "some words\n").unwrap();
    assert!(Library::open(&path, None).unwrap_err().to_string().contains("the first column is not"));
    assert!(Library::open(&dir.path().join("none"), None).is_err() && Library::open(dir.path(), None).is_err());
}

#[test]
fn an_axis_that_cannot_be_used_says_why() {
    let silent = HEADER.replace("wavelength units = Micrometers\n", "");
    assert!(open(&silent, &VALUES, None).unwrap().axis.unwrap_err().next_step().unwrap().contains("--wavelength-unit"));
    let um = Some(WavelengthUnit::Micrometers);
    assert!(open(&silent, &VALUES, um).unwrap().axis.is_ok());
    // The flag was for the scene: the library's own, plausible unit stands.
    assert!(open(HEADER, &VALUES, Some(WavelengthUnit::Nanometers)).unwrap().axis.is_ok());
    let none = HEADER.replace("wavelength = {2.1, 2.2, 2.3}\n", "");
    assert_eq!(open(&none, &VALUES, None).unwrap().axis.unwrap(), Axis::Channels(3));
    let short = HEADER.replace(", 2.3}", "}");
    assert!(open(&short, &VALUES, None).unwrap().axis.unwrap_err().to_string().contains("2 values for 3"));
}

fn deleted(spectrum: &Spectrum) -> usize {
    spectrum.values.iter().filter(|v| v.is_nan()).count()
}

fn same(a: &Library, b: &Library) {
    assert_eq!(a.spectra.len(), b.spectra.len());
    let (Ok(Axis::Wavelengths(x)), Ok(Axis::Wavelengths(y))) = (&a.axis, &b.axis) else { panic!("no wavelengths") };
    assert!(x.centres.iter().zip(&y.centres).all(|(x, y)| (x.0 - y.0).abs() < 1e-3));
    for (a, b) in a.spectra.iter().zip(&b.spectra) {
        assert!(a.name == b.name && a.values.len() == b.values.len());
        let close = |(x, y): (&f64, &f64)| (x.is_nan() && y.is_nan()) || (x - y).abs() < 1e-6;
        assert!(a.values.iter().zip(&b.values).all(close), "{}", a.name);
    }
}

#[test]
fn the_usgs_libraries_are_the_same_in_both_containers() {
    let Some(data) = data() else { return };
    let open = |name: &str| Library::open(&data.join(name), None).unwrap();
    let beckman = open("usgs_splib07a_alteration_beckman.sli");
    same(&beckman, &open("usgs_splib07a_alteration_beckman.csv"));
    assert_eq!((beckman.spectra.len(), beckman.spectra[0].values.len()), (38, 480));
    let counts: Vec<usize> = beckman.spectra.iter().map(deleted).collect();
    assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&1), Some(&43)));
    assert!(matches!(&beckman.axis, Ok(Axis::Wavelengths(bands)) if bands.fwhm.is_some()));

    let asd = open("usgs_splib07a_alteration_asd.hdr");
    same(&asd, &open("usgs_splib07a_alteration_asd.csv"));
    assert_eq!((asd.spectra.len(), asd.spectra.iter().map(deleted).sum::<usize>()), (20, 0));
}

#[test]
fn usgs_spectra_on_aviris_bands_are_covered_and_keep_their_absorptions() {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("sensors/aviris_1995.csv")).unwrap();
    let rows: Vec<Vec<f64>> =
        text.lines().skip(1).map(|l| l.split(',').map(|c| c.parse().unwrap()).collect()).collect();
    let swir: Vec<&Vec<f64>> = rows.iter().filter(|r| (172.0..=221.0).contains(&r[0])).collect();
    let column = |i: usize| swir.iter().map(|r| Nanometers(r[i])).collect::<Vec<_>>();
    let bands = Bands { centres: column(1), fwhm: Some(column(2)) };
    let library = Library::open(&data.join("usgs_splib07a_alteration_beckman.sli"), None).unwrap();
    let Ok(Axis::Wavelengths(axis)) = &library.axis else { panic!("no wavelengths") };
    let resampler = Resampler::new(axis, &bands);
    assert!(!resampler.is_identity());
    for spectrum in &library.spectra {
        let got = resampler.apply(&spectrum.values);
        let range = spectrum
            .values
            .iter()
            .copied()
            .filter(|v| !v.is_nan())
            .fold((9.0, -9.0), |(a, b): (f64, f64), v| (a.min(v), b.max(v)));
        for (value, coverage) in got.values.iter().zip(&got.coverage) {
            assert!(*coverage >= MIN_COVERAGE && (range.0..=range.1).contains(value), "{}: {value}", spectrum.name);
        }
    }
    let deepest = |name: &str| {
        let spectrum = library.spectra.iter().find(|s| s.name.starts_with(name)).unwrap();
        let values = resampler.apply(&spectrum.values).values;
        let within = (0..bands.len()).filter(|&i| (2100.0..2290.0).contains(&bands.centres[i].0));
        bands.centres[within.min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap()].0
    };
    for (name, nm) in [("Alunite GDS84", 2170.0), ("Kaolinite KGa-1", 2206.0), ("Muscovite GDS107", 2200.0)] {
        assert!((deepest(name) - nm).abs() <= 10.0, "{name}: {}", deepest(name));
    }
}

//! Options that are wrong, contradict each other, or name what is not there.

use super::Case;
use super::cli::World;

fn methods() -> Vec<Case> {
    let o = Case::option;
    vec![
        o("a method that is unknown", &["--method", "tarot"], &["'tarot'", "methods are", "sam"]),
        o("no method", &["--method", ","], &["--method", "sam"]),
        o("a target that is unknown", &["--targets", "Kaolinte"], &["'Kaolinte'", "nearest names", "Kaolinite KGa-1"]),
        o("no target", &["--targets", ","], &["none was asked for", "leave --targets out"]),
        o("a pattern that is none", &["--targets", "Al[unite*"], &["'Al[unite*'", "no pattern"]),
        o("a list of targets that is not there", &["--targets", "@gone.txt"], &["gone.txt", "names of targets"]),
        o("a group that is unknown", &["--groups", "librarian"], &["'librarian'", "library"]),
        o(
            "a threshold for a target that is unknown",
            &["--threshold", "Calcit=0.1"],
            &["--threshold", "'Calcit'", "Calcite WS272"],
        ),
        o("a threshold below zero", &["--threshold", "-0.1"], &["--threshold", "-0.1", "outside 0 to 3.1416 rad"]),
        o("a threshold that is NaN", &["--threshold", "NaN"], &["--threshold", "NaN", "outside 0 to 3.1416 rad"]),
        o("a threshold in words", &["--threshold", "small"], &["--threshold", "'small' is not a number"]),
        o(
            "a threshold of a method that does not run",
            &["--threshold", "mf:0.2"],
            &["--threshold", "'mf' is not among the methods", "--method"],
        ),
        o(
            "a share of targets above one",
            &["--method", "mf", "--exclude-targets", "1.5"],
            &["--exclude-targets", "1.5"],
        ),
        o("a shrinkage above one", &["--method", "mf", "--shrinkage", "2"], &["--shrinkage", "2", "0 to 1"]),
        o(
            "groups of no columns",
            &["--method", "mf", "--background", "columns:0"],
            &["--background", "columns:0", "columns:16"],
        ),
        o(
            "a background mask that is not there",
            &["--method", "mf", "--background-mask", "gone.tif"],
            &["gone.tif", "cannot be opened"],
        ),
        o(
            "more bands than pixels for statistics",
            &["--method", "mf", "--background", "columns:1"],
            &["covariance of 8 pixels", "rank 4 of 12 bands", "singular"],
        )
        .noted(),
    ]
}

fn reading() -> Vec<Case> {
    let o = Case::option;
    let table = |name: &str, text: &'static str, words: &[&str]| {
        let words = [&["bands.csv"], words].concat();
        Case::new(name, &words, move |w| w.write("bands.csv", text)).with(&["--bands-from", "bands.csv"])
    };
    vec![
        o(
            "wavelengths the wrong way round",
            &["--wavelengths", "2.2um-2.0um"],
            &["--wavelengths", "2200.00 nm is not below 2000.00 nm"],
        ),
        o(
            "a range of wavelengths without a unit",
            &["--wavelengths", "2.0-2.2"],
            &["--wavelengths", "2.0-2.2", "unit"],
        ),
        o("wavelengths that leave no band", &["--wavelengths", "400nm-500nm"], &["no band is left", "2000", "2220"]),
        o("a unit that is unknown", &["--wavelength-unit", "GHz"], &["--wavelength-unit", "'GHz'", "nm"]),
        o("a unit that the file contradicts", &["--wavelength-unit", "um"], &["scene.hdr", "declares nm", "leave out"]),
        o("no data in words", &["--nodata", "x"], &["--nodata", "'x'"]),
        o("a scale of zero", &["--scale", "0"], &["--scale", "0 is not a number above zero"]).named("--scale 0"),
        o("a scale below zero", &["--scale=-1"], &["--scale", "-1 is not a number above zero"]).named("--scale -1"),
        o("a scale that is NaN", &["--scale", "NaN"], &["--scale", "NaN is not a number above zero"])
            .named("--scale NaN"),
        o(
            "bands of a table that is not there",
            &["--bands-from", "gone.csv"],
            &["gone.csv", "cannot open --bands-from"],
        ),
        table(
            "a table of fewer bands",
            "channel,wavelength_nm,fwhm_nm\n1,2000,20\n",
            &["1 channels for a scene of 12 bands"],
        ),
        table(
            "a table of other columns",
            "band,nm\n1,2000\n",
            &["no column 'channel'", "channel,wavelength_nm,fwhm_nm"],
        )
        .named("bands from other columns"),
        table(
            "a table with words",
            "channel,wavelength_nm,fwhm_nm\n1,red,20\n",
            &["band 1", "'red'", "'wavelength_nm'"],
        ),
    ]
}

fn machine() -> Vec<Case> {
    let o = Case::option;
    vec![
        o(
            "too little memory",
            &["--max-memory", "1MiB"],
            &["--max-memory", "1048576 bytes are too few", "pass at least"],
        ),
        o("memory without a unit", &["--max-memory", "2"], &["--max-memory", "'2'", "2GiB"]),
        o("tiles of no lines", &["--tile-lines", "0"], &["--tile-lines", "0"]),
        Case::new("tiles that are taller than memory", &["--tile-lines", "20000 lines do not fit", "would"], |w| {
            w.set("lines", Some("20000"));
            w.set("samples", Some("1000"));
            // A hole, which takes no room on the disk.
            let file = std::fs::File::options().write(true).open(w.path("scene.img")).unwrap();
            file.set_len(20_000 * 1000 * 12 * 4).unwrap();
        })
        .with(&["--tile-lines", "20000"]),
        o("no threads", &["--threads", "0"], &["--threads", "0", "1..=1024"]),
        o("an adapter for the CPU", &["--adapter", "llvmpipe"], &["--adapter", "'llvmpipe'", "--backend is cpu"]),
        o("an option that is unknown", &["--sharpen"], &["--sharpen", "unexpected"]),
        Case::new("a file for the output folder", &["maps", "cannot make the folder", "--out"], |w| {
            w.write("maps", "mine")
        }),
        Case::new("maps that are there already", &["maps", "is there already", "--overwrite"], |w| {
            w.map(&[]).assert().code(0);
        })
        .with(&["--targets", "Alunite"]),
        Case::new("a trace in a folder that is not there", &["--trace", "gone", "a folder that is there"], |_| {})
            .with(&["--trace", "gone/trace.json"]),
    ]
}

/// Makes statistics of the plain scene, changed as told.
fn statistics(world: &World, more: &[&str]) {
    world
        .alunite()
        .args(["stats", "scene.img", "--out", "scene.stats", "--backend", "cpu"])
        .args(more)
        .assert()
        .code(0);
}

fn backgrounds() -> Vec<Case> {
    let with = |case: Case| case.with(&["--method", "mf", "--stats", "scene.stats"]);
    vec![
        with(Case::new("statistics that are not there", &["scene.stats", "cannot be opened"], |_| {})),
        with(Case::new("statistics that are none", &["scene.stats", "statistics"], |w| {
            w.write("scene.stats", "mean\n")
        })),
        with(Case::new("statistics that are cut off", &["scene.stats", "cut short"], |w| {
            statistics(w, &[]);
            let bytes = std::fs::read(w.path("scene.stats")).unwrap();
            w.write("scene.stats", &bytes[..bytes.len() / 2]);
        })),
        with(Case::new("statistics of other bands", &["scene.stats", "bands", "alunite stats"], |w| {
            statistics(w, &["--wavelengths", "2.0um-2.1um"]);
        })),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [methods(), reading(), machine(), backgrounds()].into_iter().flatten().collect()
}

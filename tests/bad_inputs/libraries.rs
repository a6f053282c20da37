//! Libraries that are no libraries, and those whose numbers or names cannot be right.

use super::Case;
use super::cli::{BANDS, NAMES, World, csv, reflectance, wavelength};

/// `library.csv` of another text.
fn text(name: &str, text: &'static str, words: &[&str]) -> Case {
    Case::new(name, &[&["library.csv"], words].concat(), move |w| w.write("library.csv", text))
}

/// `library.csv` with another value of (spectrum, channel); a channel may be deleted.
fn cells(name: &str, value: fn(usize, usize) -> Option<f64>, words: &[&str]) -> Case {
    Case::new(name, &[&["library.csv"], words].concat(), move |w| {
        w.write("library.csv", csv(&NAMES, wavelength, value))
    })
}

/// Writes `minerals.sli` and its header, of which one line is replaced.
fn envi_library(world: &World, key: &str, value: Option<&str>) {
    let rows = (0..NAMES.len()).flat_map(|i| (0..BANDS).map(move |b| (i, b)));
    world.write("minerals.sli", rows.flat_map(|(i, b)| (reflectance(i, b) as f32).to_le_bytes()).collect::<Vec<u8>>());
    let list: Vec<String> = (0..BANDS).map(|b| wavelength(b).to_string()).collect();
    let header = format!(
        "ENVI\nsamples = {BANDS}\nlines = 3\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\n\
         data type = 4\ninterleave = bsq\nbyte order = 0\nwavelength units = Nanometers\n\
         wavelength = {{ {} }}\nspectra names = {{ {} }}\n",
        list.join(", "),
        NAMES.join(", ")
    );
    let mut lines: Vec<String> =
        header.lines().filter(|l| !l.starts_with(&format!("{key} = "))).map(str::to_owned).collect();
    lines.extend(value.map(|v| format!("{key} = {v}")));
    world.write("minerals.hdr", lines.join("\n") + "\n");
}

/// An ENVI library with another line in its header.
fn sli(name: &str, key: &'static str, value: Option<&'static str>, words: &[&str]) -> Case {
    let words = [&["minerals.hdr"], words].concat();
    Case::new(name, &words, move |w| envi_library(w, key, value)).library("minerals.sli")
}

fn tables() -> Vec<Case> {
    vec![
        Case::new("a library that is not there", &["gone.csv", "cannot be opened"], |_| {}).library("gone.csv"),
        text("a library of no byte", "", &["is empty"]),
        text("a header without channels", "wavelength_nm,A\n", &["no rows", "one row for each channel"]),
        text("wavelengths without a spectrum", "wavelength_nm\n2000\n2020\n", &["no spectra"]),
        text(
            "a table of other columns",
            "name,value\nA,1\n",
            &["row 1", "'name'", "wavelength_um, wavelength_nm or channel"],
        ),
        text(
            "semicolons for commas",
            "wavelength_nm;A\n2000;0,5\n2020;0,4\n",
            &["row 1", "'wavelength_nm;A'", "commas"],
        ),
        text(
            "a row of two cells for three",
            "wavelength_nm,A,B\n2000,0.1,0.2\n2020,0.1\n",
            &["row 3", "found 2 cells", "expected 3"],
        ),
        text(
            "a reflectance in words",
            "wavelength_nm,A\n2000,high\n2020,0.1\n",
            &["row 2, column 2 ('A')", "'high'", "expected a number"],
        ),
        text("an infinite reflectance", "wavelength_nm,A\n2000,inf\n2020,0.1\n", &["row 2, column 2 ('A')", "'inf'"]),
        text(
            "a wavelength in words",
            "wavelength_nm,A\nred,0.1\n2020,0.1\n2040,0.1\n",
            &["'red'", "expected a number"],
        ),
        text("a wavelength that is empty", "wavelength_nm,A\n2000,0.1\n,0.1\n", &["row 3, column 1", "empty cell"]),
        text("a wavelength below zero", "wavelength_nm,A\n-2000,0.1\n2020,0.1\n", &["-2000", "above zero"]),
        text(
            "wavelengths without a unit",
            "wavelength,A\n2000,0.1\n2220,0.2\n",
            &["no unit is declared", "2000 to 2220", "--wavelength-unit"],
        ),
        text(
            "nanometres under wavelength_um",
            "wavelength_um,A\n2000,0.1\n2220,0.2\n",
            &["2000 to 2220", "in um", "--wavelength-unit nm"],
        ),
        text(
            "a width of zero",
            "wavelength_nm,fwhm_nm,A\n2000,0,0.1\n2220,20,0.2\n",
            &["row 2, column 2 ('fwhm_nm')", "found 0", "above 0"],
        ),
        text(
            "two spectra of one name",
            "wavelength_nm,A,A\n2000,0.1,0.1\n2220,0.2,0.2\n",
            &["row 1, column 3 ('A')", "in column 2 already"],
        ),
        text(
            "a spectrum without a name",
            "wavelength_nm,A,\n2000,0.1,0.1\n2220,0.2,0.2\n",
            &["row 1, column 3", "no name"],
        ),
        text(
            "channels with a gap",
            "channel,A\n1,0.1\n3,0.1\n",
            &["column 1 ('channel')", "found channel 3, expected 2"],
        ),
        text(
            "channels without wavelengths",
            "channel,A\n1,0.1\n2,0.2\n",
            &["2 channels have no wavelengths", "--match-bands-by-index"],
        ),
        text(
            "one channel",
            "wavelength_nm,A\n2100,0.4\n",
            &["does not cover any band", "2100.00 nm", "2000.00 nm to 2220.00 nm"],
        ),
        text("numbers both ways round", "wavelength_nm,1,2\n2000,0.1,0.2\n2220,0.1,0.2\n", &["row 1", "both numbers"]),
        cells(
            "a spectrum of deleted channels",
            |i, b| (i != 1).then(|| reflectance(i, b)),
            &["column 4, 'Kaolinite KGa-1'", "every channel is deleted"],
        ),
        cells(
            "a spectrum of zeros",
            |i, b| Some(if i == 2 { 0.0 } else { reflectance(i, b) }),
            &["column 5, 'Calcite WS272'", "every channel is zero"],
        ),
        cells(
            "counts for reflectance",
            |i, b| Some(1e4 * reflectance(i, b)),
            &["column 3, 'Alunite GDS84'", "is not a reflectance"],
        ),
        cells("percent for fractions", |i, b| Some(100.0 * reflectance(i, b)), &["percent?", "nothing was rescaled"])
            .noted(),
        Case::new(
            "a target that lacks a quarter of the bands",
            &["Calcite WS272 (lacks 3)", "a tenth of the 12 bands", "--targets"],
            |w| w.write("library.csv", csv(&NAMES, wavelength, |i, b| (i != 2 || b > 2).then(|| reflectance(i, b)))),
        ),
        Case::new(
            "channels that lie elsewhere",
            &["library.csv", "500", "610", "2000", "2220", "does not cover any band"],
            |w| {
                w.write("library.csv", csv(&NAMES, |b| 500.0 + 10.0 * b as f64, |i, b| Some(reflectance(i, b))));
            },
        ),
        Case::new("a library of binary junk", &["library.csv", "not a CSV", "ENVI"], |w| {
            w.write("library.csv", (0..=255).cycle().take(5000).collect::<Vec<u8>>());
        }),
        Case::new("a spreadsheet for a library", &["minerals.xlsx", "not a CSV", "ENVI"], |w| {
            w.write("minerals.xlsx", b"PK\x03\x04\x14\0\x06\0\x08\0");
        })
        .library("minerals.xlsx"),
        Case::new("Latin-1 in a CSV", &["library.csv", "UTF-8"], |w| {
            w.write("library.csv", b"wavelength_nm,\xe9t\xe9\n2000,0.1\n2220,0.2\n");
        }),
        Case::new("no library", &["--library", "required"], |_| {}).library("--quiet"),
    ]
}

fn envi() -> Vec<Case> {
    vec![
        Case::new(
            "an ENVI library without its header",
            &["minerals.sli", "no ENVI header", "minerals.hdr, minerals.sli.hdr"],
            |w| {
                envi_library(w, "", None);
                std::fs::remove_file(w.path("minerals.hdr")).unwrap();
            },
        )
        .library("minerals.sli"),
        Case::new("an ENVI library that is cut off", &["minerals.sli", "100 bytes", "announces 144"], |w| {
            envi_library(w, "", None);
            w.write("minerals.sli", [0; 100]);
        })
        .library("minerals.sli"),
        Case::new(
            "a scene for a library",
            &["scene.hdr, 'file type'", "'ENVI Standard'", "'ENVI Spectral Library'"],
            |_| {},
        )
        .library("scene.img"),
        Case::new("a library for a scene", &["minerals.hdr", "is not a scene", "--library"], |w| {
            envi_library(w, "", None)
        })
        .scene("minerals.sli"),
        sli("an ENVI library of several bands", "bands", Some("3"), &["'bands'", "found 3", "expected 1"]),
        sli(
            "two names for three spectra",
            "spectra names",
            Some("{ A, B }"),
            &["'spectra names'", "found 2 names", "expected 3"],
        ),
        sli("a name that is empty", "spectra names", Some("{ A, , C }"), &["'spectra names'", "row 2 is empty"]),
        sli("no names", "spectra names", None, &["'spectra names'", "missing", "one name for each spectrum"]),
        sli("integers without a scale", "data type", Some("3"), &["'reflectance scale factor'", "int32"]),
        sli("three wavelengths for twelve channels", "wavelength", Some("{ 1, 2, 3 }"), &["3 values for 12"]),
        sli("no unit in an ENVI library", "wavelength units", None, &["no unit is declared", "2000 to 2220"]),
        Case::new("one name for two spectra of ENVI", &["the name 'A' is repeated", "'A #2'"], |w| {
            envi_library(w, "spectra names", Some("{ A, A, C }"));
        })
        .library("minerals.sli")
        .noted(),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [tables(), envi()].into_iter().flatten().collect()
}

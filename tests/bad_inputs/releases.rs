//! Spectra as libraries deliver them, a file each, with their axis elsewhere or not at all.

use super::Case;
use super::cli::{BANDS, World, reflectance, wavelength};

const SPECTRUM: &str = "splib07a_Alunite_GDS84_BECKb_AREF.txt";
const WAVES: &str = "splib07a_Wavelengths_BECK_Beckman.txt";

/// A file of the release: a title, and a number a line.
fn release(title: &str, values: impl Iterator<Item = f64>) -> String {
    format!(" splib07a Record=1: {title}\n") + &values.map(|v| format!(" {v:.7e}\n")).collect::<String>()
}

/// Writes a spectrum in a folder, and its wavelengths.
fn splib07(world: &World, instrument: &str, waves: usize) {
    std::fs::create_dir(world.path("usgs")).unwrap();
    let title = format!("Alunite GDS84     {instrument} AREF");
    world.write(&format!("usgs/{SPECTRUM}"), release(&title, (0..BANDS).map(|b| reflectance(0, b))));
    let title = "Wavelengths BECK Beckman 0.2-3.0 microns";
    world.write(&format!("usgs/{WAVES}"), release(title, (0..waves).map(|b| wavelength(b) / 1e3)));
}

/// A spectrum of ECOSTRESS, in which a part of the text is replaced.
fn ecostress(name: &str, from: &'static str, to: &'static str, words: &[&str]) -> Case {
    let words = [&["alunite.txt"], words].concat();
    Case::new(name, &words, move |w| {
        let rows: String =
            (0..BANDS).map(|b| format!("{:.4} {:.4}\n", wavelength(b) / 1e3, 100.0 * reflectance(0, b))).collect();
        let text = format!(
            "Name: Alunite\nType: mineral\nClass: sulfate\nParticle Size: fine\nSample No.: SO-4A\n\
             X Units: Wavelength (micrometers)\nY Units: Reflectance (percentage)\nFirst X Value: 2.0000\n\
             Last X Value: 2.2200\nNumber of X Values: 12\nAdditional Information: none\n\n{rows}"
        );
        assert!(text.contains(from), "{from}");
        w.write("alunite.txt", text.replace(from, to));
    })
    .library("alunite.txt")
}

pub(super) fn cases() -> Vec<Case> {
    let spectrum = "usgs/splib07a_Alunite_GDS84_BECKb_AREF.txt";
    vec![
        Case::new("a USGS spectrum without its wavelengths", &[SPECTRUM, "no file of wavelengths", "splib07a"], |w| {
            splib07(w, "BECKb", BANDS);
            std::fs::remove_file(w.path(&format!("usgs/{WAVES}"))).unwrap();
        })
        .library(spectrum),
        Case::new("USGS wavelengths of another length", &[SPECTRUM, "found 12 channels", WAVES, "11 channels"], |w| {
            splib07(w, "BECKb", BANDS - 1);
        })
        .library(spectrum),
        Case::new(
            "a Nicolet spectrum beside Beckman wavelengths",
            &[SPECTRUM, "NIC4", "other spectrometers", WAVES],
            |w| {
                splib07(w, "NIC4bbb", BANDS);
            },
        )
        .library(spectrum),
        Case::new("a USGS spectrum with a line of junk", &[SPECTRUM, "line 3", "'?'", "expected a number"], |w| {
            splib07(w, "BECKb", BANDS);
            w.write(&format!("usgs/{SPECTRUM}"), " splib07a Record=1: Alunite  BECKb AREF\n 0.1\n ?\n 0.2\n");
        })
        .library("usgs"),
        Case::new("USGS wavelengths for a spectrum", &[WAVES, "wavelengths or widths", "expected a spectrum"], |w| {
            splib07(w, "BECKb", BANDS);
        })
        .library("usgs/splib07a_Wavelengths_BECK_Beckman.txt"),
        Case::new(
            "a title that says not what was measured",
            &[SPECTRUM, "line 1", "'Alunite BECKb XYZ'", "AREF"],
            |w| {
                splib07(w, "BECKb", BANDS);
                w.write(&format!("usgs/{SPECTRUM}"), " splib07a Record=1: Alunite  BECKb XYZ\n 0.1\n");
            },
        )
        .library(spectrum),
        ecostress(
            "ECOSTRESS without X Units",
            "X Units: Wavelength (micrometers)\n",
            "",
            &["'X Units'", "found nothing", "expected a field"],
        ),
        ecostress(
            "ECOSTRESS in wavenumbers",
            "Wavelength (micrometers)",
            "Wavenumber (cm-1)",
            &["'X Units'", "'Wavenumber (cm-1)'", "expected"],
        ),
        ecostress(
            "ECOSTRESS without Y Units",
            "Y Units: Reflectance (percentage)\n",
            "",
            &["'Y Units'", "found nothing", "expected a field"],
        ),
        ecostress(
            "ECOSTRESS of transmittance",
            "Reflectance (percentage)",
            "Transmittance (percentage)",
            &["found transmittance", "expected a spectrum of reflectance"],
        ),
        ecostress("ECOSTRESS of three columns", "2.0200 ", "2.0200 1 ", &["line 14", "found 3 columns", "expected 2"]),
        ecostress(
            "ECOSTRESS that announces more values",
            "X Values: 12",
            "X Values: 99",
            &["announces 99", "12 are there"],
        )
        .noted(),
        Case::new("a folder of no spectra", &["papers", "no file in this folder holds spectra", "ECOSTRESS"], |w| {
            std::fs::create_dir(w.path("papers")).unwrap();
            w.write("papers/README.txt", "nothing\n");
        })
        .library("papers"),
        Case::new("USGS splib06 that is cut off in its header", &["old.txt", "line 15", "found no title"], |w| {
            w.write("old.txt", "USGS Digital Spectral Library splib06a\nClark and others 2007\n");
        })
        .library("old.txt"),
    ]
}

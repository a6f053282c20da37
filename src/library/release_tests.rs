//! Releases as they are unpacked, in small: the files' forms are those of the publications, their numbers are made.
//!
//! splib07: folders, names, titles and number format of ASCIIdata_splib07a (USGS Data Series 1035). splib06: a file of
//! the ASCII folder of USGS Data Series 231, title and data in the lines that its header names. ECOSTRESS: the fields of
//! a spectrum file of speclib.jpl.nasa.gov (version 1), and the folded description of ASTER 2.0.

use std::path::{Path, PathBuf};

use super::resample::resample;
use super::*;
use crate::spectrum::Nanometers;

/// A number as the USGS writes it: ` 1.1225606e+000`.
fn usgs(value: f64) -> String {
    let text = format!("{value:.7e}");
    let (digits, power) = text.split_once('e').unwrap();
    let power: i32 = power.parse().unwrap();
    format!("{}{digits}e{}{:03}", if value < 0.0 { "" } else { " " }, if power < 0 { '-' } else { '+' }, power.abs())
}

fn column(title: &str, values: &[f64]) -> String {
    let rows: Vec<String> = values.iter().map(|&v| usgs(v)).collect();
    format!("{title}\n{}\n", rows.join("\n"))
}

const DELETED_TEXT: f64 = -1.23e34;
const BECKMAN: [f64; 5] = [2.10, 2.11, 2.12, 2.13, 2.14];
/// Of 4280 channels: those of the published axis that are first, near 2 µm, and last.
const NICOLET: [f64; 6] = [1.1225606, 1.4309008, 2.5, 14.0, 30.5, 216.00604];

struct Tree(tempfile::TempDir);

impl Tree {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The folder of splib07a with two minerals and what lies beside them.
    fn splib07() -> Self {
        let tree = Self::empty();
        let axis = "ASCIIdata_splib07a/splib07a_";
        tree.write(
            &format!("{axis}Wavelengths_BECK_Beckman_0.2-3.0_microns.txt"),
            &column(" splib07a Record=1: Wavelengths BECK Beckman 0.2-3.0 microns", &BECKMAN),
        );
        tree.write(
            &format!("{axis}Bandpass_(FWHM)_BECK_Beckman_in_microns.txt"),
            &column(" splib07a Record=2: Bandpass (FWHM) BECK Beckman in microns", &[0.01; 5]),
        );
        tree.write(
            &format!("{axis}Wavelengths_ASD_0.35-2.5_microns_2151_ch.txt"),
            &column(" splib07a Record=3: Wavelengths ASD 0.35-2.5 microns 2151 ch", &[0.35, 0.351, 0.352]),
        );
        for (name, widths) in [("ASDFR_StandardResolution", [0.003; 3]), ("ASDHR_High-Resolution", [0.002; 3])] {
            let title = format!(" splib07a Record=4: Bandpass (FWHM) {}", name.replace('_', " "));
            tree.write(&format!("{axis}Bandpass_(FWHM)_{name}.txt"), &column(&title, &widths));
        }
        tree.write(
            &format!("{axis}Wavelengths_NIC4_Nicolet_1.12-216microns.txt"),
            &column(" splib07a Record=48: Wavelengths NIC4 Nicolet 1.12-216microns", &NICOLET),
        );
        tree.write("ASCIIdata_splib07a/readme.txt", "Spectra of the USGS.\n");
        tree.spectrum(
            "Alunite GDS84 Na03            BECKa AREF",
            &[DELETED_TEXT, 0.51, 0.42, f64::from(-1.23e34_f32), 0.6],
        );
        tree.spectrum("Alunite GDS84 Na03            NIC4aa RREF", &[0.1, 0.2, 0.3, 0.02, DELETED_TEXT, DELETED_TEXT]);
        tree.spectrum("Cotton_Fabric GDS437 White    ASDFRa AREF", &[0.3, 0.4, 0.5]);
        tree.write(
            "ASCIIdata_splib07a/errorbars/errorbars_for_splib07a_Alunite_GDS84_Na03_BECKa_AREF.txt",
            &column("Error bars for splib07a Record=736: Alunite GDS84 Na03            BECKa AREF", &[0.001; 5]),
        );
        tree
    }

    /// A spectrum in the chapter of minerals.
    fn spectrum(&self, title: &str, values: &[f64]) -> PathBuf {
        let name = title.split_whitespace().collect::<Vec<_>>().join("_");
        let path = format!("ASCIIdata_splib07a/ChapterM_Minerals/splib07a_{name}.txt");
        self.write(&path, &column(&format!(" splib07a Record=736: {title}"), values))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, name: &str) -> Result<Vec<Library>> {
        Library::open_all(&[self.path(name)], None)
    }
}

fn of<'a>(libraries: &'a [Library], name: &str) -> (&'a Library, &'a Spectrum) {
    let all = || libraries.iter().flat_map(|l| l.spectra.iter().map(move |s| (l, s)));
    all().find(|(_, s)| s.name == name).unwrap_or_else(|| panic!("no '{name}' among {:?}", names(libraries)))
}

fn names(libraries: &[Library]) -> Vec<&str> {
    libraries.iter().flat_map(|l| &l.spectra).map(|s| s.name.as_str()).collect()
}

fn bands(library: &Library) -> &Bands {
    match &library.axis {
        Ok(Axis::Wavelengths(bands)) => bands,
        other => panic!("no wavelengths: {other:?}"),
    }
}

/// Refused, with every word in message or hint.
fn assert_refused<T: std::fmt::Debug>(result: Result<T>, words: &[&str]) {
    let problem = result.unwrap_err();
    let said = format!("{problem} ({})", problem.next_step().unwrap_or("no hint"));
    assert!(problem.next_step().is_some(), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "'{word}' is not in: {said}"));
}

#[test]
fn a_folder_of_splib07_is_a_library_for_each_spectrometer() {
    let tree = Tree::splib07();
    tree.spectrum("Mylar 1-way trans RefStd      NIC4aa TRAN", &[0.1; 6]);
    assert!(Library::recognises(&tree.path("ASCIIdata_splib07a")));
    let libraries = tree.open("ASCIIdata_splib07a").unwrap();
    assert_eq!(libraries.len(), 3);
    let (beckman, alunite) = of(&libraries, "Alunite GDS84 Na03 BECKa AREF");
    assert_eq!(alunite.group, "ChapterM_Minerals");
    assert!(alunite.values[0].is_nan() && alunite.values[1] == 0.51 && alunite.values[3].is_nan());
    assert!(bands(beckman).centres.iter().zip([2100.0, 2110.0]).all(|(c, nm)| (c.0 - nm).abs() < 1e-9));
    assert_eq!(bands(beckman).fwhm.as_ref().unwrap()[0], Nanometers(10.0));
    assert_eq!(beckman.fwhm_source.as_deref(), Some("splib07a_Bandpass_(FWHM)_BECK_Beckman_in_microns.txt"));
    assert_eq!(beckman.companions.len(), 2);
    // The bandpass of its own model, whose file names no unit: that of the wavelengths.
    let (asd, _) = of(&libraries, "Cotton_Fabric GDS437 White ASDFRa AREF");
    assert!((bands(asd).fwhm.as_ref().unwrap()[0].0 - 3.0).abs() < 1e-9);
    let notes: Vec<&String> = libraries.iter().flat_map(|l| &l.notes).collect();
    for word in ["relative reflectance", "left out, transmittance: splib07a_Mylar", "left out, no spectra: readme.txt"]
    {
        assert!(notes.iter().any(|n| n.contains(word)), "{word}: {notes:?}");
    }
    assert!(notes.iter().all(|n| !n.contains("errorbars")), "{notes:?}");
    // A chapter alone, or a file alone, finds the axis above it.
    assert_eq!(tree.open("ASCIIdata_splib07a/ChapterM_Minerals").unwrap().len(), 3);
    assert_eq!(Library::open(&alunite.file, None).unwrap().axis.unwrap(), Axis::Wavelengths(bands(beckman).clone()));
}

#[test]
fn the_nicolet_axis_is_its_own_in_micrometres_to_216() {
    let tree = Tree::splib07();
    let libraries = tree.open("ASCIIdata_splib07a").unwrap();
    let (nicolet, _) = of(&libraries, "Alunite GDS84 Na03 NIC4aa RREF");
    let (from, to) = bands(nicolet).extent().unwrap();
    assert!((from.0 - 1122.5606).abs() < 1e-6 && (to.0 - 216_006.04).abs() < 1e-6, "{from} {to}");
    assert!(nicolet.notes.iter().any(|n| n.contains("no bandpass file of NIC4")), "{:?}", nicolet.notes);
}

#[test]
fn a_nicolet_spectrum_never_gets_the_axis_of_another() {
    // As many channels as the Beckman: the count alone would pair them.
    let tree = Tree::splib07();
    let path = tree.spectrum("Alunite GDS82 Na82            NIC4b RREF", &[0.1; 5]);
    assert_refused(
        Library::open(&path, None),
        &["NIC4b_RREF.txt", "found 5 channels", "NIC4_Nicolet_1.12-216microns.txt (6 channels)"],
    );
    // The folder names the file too.
    assert_refused(tree.open("ASCIIdata_splib07a"), &["NIC4b_RREF.txt", "found 5 channels"]);
    // Without its own axis file.
    std::fs::remove_file(tree.path("ASCIIdata_splib07a/splib07a_Wavelengths_NIC4_Nicolet_1.12-216microns.txt"))
        .unwrap();
    assert_refused(Library::open(&path, None), &["was measured by NIC4", "BECK_Beckman", "ASD_0.35-2.5"]);
}

#[test]
fn an_axis_in_descending_order_stays_with_its_values() {
    let tree = Tree::splib07();
    let name = "ASCIIdata_splib07a/splib07a_Wavelengths_BECK_Beckman_0.2-3.0_microns.txt";
    let title = " splib07a Record=1: Wavelengths BECK Beckman 0.2-3.0 microns";
    let path = tree.spectrum("Opal WS732                    BECKa AREF", &[0.1, 0.2, 0.4, 0.7, 1.0]);
    let to = Bands { centres: vec![Nanometers(2123.0)], fwhm: None };
    let value = |library: &Library| resample(bands(library), &library.spectra[0].values, &to).values[0];
    let ascending = value(&Library::open(&path, None).unwrap());
    let turned: Vec<f64> = BECKMAN.iter().rev().copied().collect();
    tree.write(name, &column(title, &turned));
    let path = tree.spectrum("Opal WS732                    BECKa AREF", &[1.0, 0.7, 0.4, 0.2, 0.1]);
    assert!((value(&Library::open(&path, None).unwrap()) - ascending).abs() < 1e-12);
}

#[test]
fn a_convolved_release_has_its_sensors_axis_whatever_its_titles_say() {
    let tree = Tree::empty();
    let root = "ASCIIdata_splib07b_cvAVIRISc1995";
    tree.write(
        &format!("{root}/s07_AV95_Wavelengths_AVIRIS_1995_0.38-2.5_microns.txt"),
        &column(" s07_AV95 Record=5: Wavelengths AVIRIS 1995 0.38-2.5 microns", &[0.38, 0.39, 0.40]),
    );
    let text = column(" s07_AV95 Record=736: Alunite GDS84 Na03            BECKa AREF", &[0.1, 0.2, 0.3]);
    tree.write(&format!("{root}/ChapterM_Minerals/s07_AV95_Alunite_GDS84_Na03_BECKa_AREF.txt"), &text);
    let libraries = tree.open(root).unwrap();
    assert_eq!(bands(&libraries[0]).centres[2], Nanometers(400.0));
}

#[test]
fn spectra_of_splib07_that_are_damaged_are_refused_by_name() {
    let tree = Tree::splib07();
    let path = tree.path("ASCIIdata_splib07a/ChapterM_Minerals/splib07a_x.txt");
    let title = " splib07a Record=1: Opal WS732 BECKa AREF";
    let cases: [(&str, &[&str]); 7] = [
        (&format!("{title}\n 1.0e-001\n n/a\n"), &["splib07a_x.txt, line 3", "found 'n/a'", "expected a number"]),
        (&format!("{title}\n 1.0e-001 2.0e-001\n"), &["line 2", "found '1.0e-001 2.0e-001'"]),
        (&format!("{title}\n"), &["found 0 channels", "(5 channels)"]),
        (&column(title, &[DELETED_TEXT; 5]), &["every channel is deleted"]),
        (&column(title, &[2100.0; 5]), &["2100 is not a reflectance"]),
        (&column(" splib07a Record=1: Opal WS732 BECKa EMIS", &[0.1; 5]), &["line 1", "expected a title that ends in"]),
        (&column(" splib06c Record=1: Opal WS732 BECKa AREF", &[0.1; 5]), &["no file of wavelengths of splib06c"]),
    ];
    for (text, words) in cases {
        std::fs::write(&path, text).unwrap();
        assert_refused(Library::open(&path, None), words);
    }
    let bars = tree.path("ASCIIdata_splib07a/errorbars/errorbars_for_splib07a_Alunite_GDS84_Na03_BECKa_AREF.txt");
    assert_refused(Library::open(&bars, None), &["found error bars, expected a spectrum"]);
    std::fs::write(&path, column(" splib07a Record=1: Mylar NIC4aa TRAN", &[0.1; 6])).unwrap();
    assert_refused(Library::open(&path, None), &["found transmittance"]);
    let name = "ASCIIdata_splib07a/splib07a_Bandpass_(FWHM)_BECK_Beckman_in_microns.txt";
    tree.write(name, &column(" splib07a Record=2: Bandpass (FWHM) BECK Beckman in microns", &[0.01; 4]));
    std::fs::write(&path, column(title, &[0.1; 5])).unwrap();
    assert_refused(Library::open(&path, None), &["found 5 channels", "Bandpass", "(4 channels)"]);
}

const SPLIB06: &str = "USGS Digital Spectral Library splib06a\nClark and others 2007, USGS, Data Series 231.\n\n\
    For further information on spectrsocopy, see: http://speclab.cr.usgs.gov\n\n ASCII Spectral Data file contents:\n\
     line 15 title\n line 16 history\n line 17 to end:  3-columns of data:\n     wavelength    reflectance    standard deviation\n\n\
    (standard deviation of 0.000000 means not measured)\n(      -1.23e34  indicates a deleted number)\n\
    ----------------------------------------------------\nLawn_Grass GDS91 (Green)     W1R1Ba AREF\n\
    copy of splib05a r 11208\n       0.205100      -1.23e34        0.000000\n       0.213100       0.032010        0.001000\n\
           0.221100       0.034000        0.001100\n";

#[test]
fn splib06_has_its_title_and_data_where_the_header_says() {
    let tree = Tree::empty();
    let path = tree.write("V/lawn_grass_gds91.27340.asc", SPLIB06);
    assert!(Library::recognises(&path));
    let library = Library::open(&path, None).unwrap();
    let spectrum = &library.spectra[0];
    assert_eq!((spectrum.name.as_str(), spectrum.group.as_str()), ("Lawn_Grass GDS91 (Green) W1R1Ba AREF", "V"));
    assert!(spectrum.values[0].is_nan() && spectrum.values[1..] == [0.03201, 0.034]);
    assert!((bands(&library).centres[1].0 - 213.1).abs() < 1e-9 && bands(&library).fwhm.is_none());

    // splib05 has two lines less before its data.
    let splib05 = SPLIB06
        .replace("splib06a", "splib05a")
        .replace("Clark and others 2007, USGS, Data Series 231.\n\n", "Clark et. al. 2003\n")
        .replace("line 15", "line 13")
        .replace("line 16", "line 14")
        .replace("line 17", "line 15")
        .replace("speclab.cr.usgs.gov\n\n", "speclab.cr.usgs.gov\n");
    let path = tree.write("V/old.asc", &splib05);
    assert_eq!(Library::open(&path, None).unwrap().spectra[0].values[2], 0.034);
    // Both on one axis: one library of a folder.
    let libraries = tree.open("V").unwrap();
    assert_eq!(names(&libraries), ["Lawn_Grass GDS91 (Green) W1R1Ba AREF", "Lawn_Grass GDS91 (Green) W1R1Ba AREF #2"]);
    assert_eq!(libraries.len(), 1);
}

#[test]
fn files_of_splib06_that_are_damaged_are_refused_by_line() {
    let tree = Tree::empty();
    let cases: [(String, &[&str]); 6] = [
        (SPLIB06.replace("0.032010", "x"), &["line 18", "found 'x'", "reflectance"]),
        (SPLIB06.replace("0.213100", ""), &["0.03201 to 0.2211 cannot be wavelengths in um"]),
        (SPLIB06.replace("0.034000        0.001100", ""), &["line 19", "found 1 columns, expected 3"]),
        (SPLIB06.replace("AREF", "TRAN"), &["found transmittance"]),
        (SPLIB06.lines().take(16).collect::<Vec<_>>().join("\n"), &["found no values below the header"]),
        (SPLIB06.lines().take(12).collect::<Vec<_>>().join("\n"), &["line 15", "found no title"]),
    ];
    for (i, (text, words)) in cases.iter().enumerate() {
        let path = tree.write(&format!("{i}.asc"), text);
        match i {
            // A row that lost its wavelength reads as wavelength and reflectance; the axis cannot be right then.
            1 => assert_refused(Library::open(&path, None).unwrap().axis, words),
            _ => assert_refused(Library::open(&path, None), words),
        }
    }
}

const ECOSTRESS: &str = "Name: Alunite KAl_3(SO_4)_2(OH)_6\nType: mineral\nClass: sulfate\nSubclass: none\n\
    Particle Size: fine\nSample No.: SO-4A\nOwner: JPL\nWavelength Range: All\nOrigin: Spectra obtained from JPL\n\
    Collection Date: N/A\nDescription: see ancillary file\nMeasurement: Directional (10 Degree) Hemispherical Reflectance\n\
    First Column: X\nSecond Column: Y\nX Units: Wavelength (micrometers)\nY Units: Reflectance (percentage)\n\
    First X Value: 2.1000\nLast X Value: 2.3000\nNumber of X Values: 3\nAdditional Information: alunite.ancillary.txt\n\n\
    2.1000\t30.0780\n2.2000\t41.5000\n2.3000\t52.2500\n";

#[test]
fn ecostress_is_read_in_either_order_as_fractions() {
    let tree = Tree::empty();
    let path = tree.write("mineral/alunite.spectrum.txt", ECOSTRESS);
    let library = Library::open(&path, None).unwrap();
    let spectrum = &library.spectra[0];
    assert_eq!(
        (spectrum.name.as_str(), spectrum.group.as_str()),
        ("Alunite KAl_3(SO_4)_2(OH)_6 SO-4A fine", "sulfate")
    );
    assert!(spectrum.values.iter().zip([0.30078, 0.415, 0.5225]).all(|(v, e)| (v - e).abs() < 1e-12));
    assert_eq!(bands(&library).centres[1], Nanometers(2200.0));
    assert!(library.notes.is_empty() && library.fwhm_source.is_none(), "{:?}", library.notes);

    let descending = ECOSTRESS
        .replace(
            "2.1000\t30.0780\n2.2000\t41.5000\n2.3000\t52.2500\n",
            "2.3000 52.2500\n2.2000 41.5000\n2.1000 30.0780\n",
        )
        .replace("fine", "coarse");
    let other = Library::open(&tree.write("mineral/coarse.spectrum.txt", &descending), None).unwrap();
    let to = Bands { centres: vec![Nanometers(2150.0), Nanometers(2210.0)], fwhm: None };
    let seen = |l: &Library| resample(bands(l), &l.spectra[0].values, &to).values;
    assert_eq!(seen(&library), seen(&other));

    // ASTER 2.0 folds its description, and says percent.
    let folded = ECOSTRESS
        .replace(
            "Description: see ancillary file\n",
            "Description: Alunite from Marysvale, Utah\nwith a trace of quartz\nand 3 more\n",
        )
        .replace("percentage", "percent");
    assert_eq!(Library::open(&tree.write("aster.txt", &folded), None).unwrap().spectra[0].values[1], 0.415);
    // Ancillary files lie beside the spectra.
    tree.write("mineral/alunite.ancillary.txt", "Name: Alunite\nChemistry: K2O 9.5\n");
    let libraries = tree.open("mineral").unwrap();
    assert_eq!(names(&libraries).len(), 2);
    assert!(libraries[0].notes.iter().any(|n| n.contains("alunite.ancillary.txt")));
}

#[test]
fn ecostress_that_is_no_reflectance_or_damaged_is_refused_by_field() {
    let tree = Tree::empty();
    let cases: [(String, &[&str]); 9] = [
        (ECOSTRESS.replace("Reflectance (percentage)", "Transmittance (percent)"), &["found transmittance"]),
        (ECOSTRESS.replace("Reflectance (percentage)", "Emissivity"), &["found emissivity"]),
        (ECOSTRESS.replace("Reflectance (percentage)", "Reflectance"), &["'Y Units'", "found 'Reflectance', expected"]),
        (
            ECOSTRESS.replace("Wavelength (micrometers)", "Wavenumber (cm-1)"),
            &["'X Units'", "found 'Wavenumber (cm-1)'"],
        ),
        (ECOSTRESS.replace("X Units: Wavelength (micrometers)\n", ""), &["'X Units'", "found nothing"]),
        (ECOSTRESS.replace("41.5000", "n.d."), &["line 23", "found 'n.d.', expected a number (reflectance)"]),
        (ECOSTRESS.replace("41.5000", "41.5 1"), &["line 23", "found 3 columns, expected 2"]),
        (ECOSTRESS.replace("Name: Alunite KAl_3(SO_4)_2(OH)_6", "Name:"), &["'Name'", "found nothing"]),
        (ECOSTRESS.split("2.1000\t").next().unwrap().to_owned(), &["found no values below the header"]),
    ];
    for (text, words) in &cases {
        assert_refused(Library::open(&tree.write("x.txt", text), None), words);
    }
    let short = ECOSTRESS.replace("2.3000\t52.2500\n", "0.0\t1.0\n").replace("Values: 3", "Values: 5");
    let library = Library::open(&tree.write("y.txt", &short), None).unwrap();
    assert_eq!(library.spectra[0].values.len(), 2);
    assert_eq!(library.notes.len(), 2, "{:?}", library.notes);
    // Nanometres called micrometres: the axis says so.
    let nm = ECOSTRESS.replace("2.1000\t", "2100\t").replace("2.2000\t", "2200\t").replace("2.3000\t", "2300\t");
    let axis = Library::open(&tree.write("z.txt", &nm), None).unwrap().axis;
    assert!(axis.unwrap_err().to_string().contains("cannot be wavelengths in um"));
}

#[test]
fn a_folder_gathers_every_kind_and_one_without_spectra_is_refused() {
    let tree = Tree::splib07();
    tree.write("ASCIIdata_splib07a/more/field.csv", "wavelength_nm,Opal\n2100,0.1\n2200,0.2\n");
    tree.write(
        "ASCIIdata_splib07a/more/lab.hdr",
        "ENVI\nsamples = 2\nlines = 1\nfile type = ENVI Spectral Library\n\
        data type = 4\nbyte order = 0\nspectra names = {Quartz}\nwavelength units = nm\nwavelength = {2100, 2200}\n",
    );
    std::fs::write(tree.path("ASCIIdata_splib07a/more/lab.sli"), [0.25_f32, 0.5].map(f32::to_le_bytes).concat())
        .unwrap();
    let libraries = tree.open("ASCIIdata_splib07a").unwrap();
    assert_eq!(libraries.len(), 5);
    assert_eq!(of(&libraries, "Quartz").1.group, "lab");
    assert_eq!(of(&libraries, "Opal").1.group, "field");
    let notes: Vec<&String> = libraries.iter().flat_map(|l| &l.notes).collect();
    assert!(notes.iter().all(|n| !n.contains("lab.sli")), "{notes:?}");

    let empty = Tree::empty();
    empty.write("scenes/readme.txt", "nothing\n");
    assert!(!Library::recognises(&empty.path("scenes")));
    assert_refused(empty.open("scenes"), &["scenes", "no file in this folder holds spectra"]);
    assert_refused(Library::open(Path::new("/nowhere/x.txt"), None).map_err(|e| e.hint("x")), &["cannot be opened"]);
}

//! The traps that the README of the measured data names, one test each: what the program makes of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use alunite::envi::Header;
use alunite::library::{Axis, Library};
use alunite::scene::{Scene, SceneOptions};

mod common;
#[path = "common/measured.rs"]
mod measured;

use measured::{BECKMAN, Run, SWIR, refused, scene, text};

const ASD: &str = "usgs_splib07a_alteration_asd.sli";
const CUPRITE95: &str = "cuprite95_swir_rois.img";
const CUPRITE97: &str = "cuprite97_pixels.img";
const ENMAP: [&str; 2] = ["enmap_l2a_potsdam_128_128.tif", "enmap_l2a_potsdam_160_128.tif"];
const EMIT: &str = "emit20250324t221005_jpl_unmix_ex";
const AVIRIS_NG: &str = "ang20140912t192359_corr_v1c_img_2580-2590_540-550.img";
const FENIX: &str = "fenix_outcrop.dat";

fn library(path: &Path) -> Library {
    Library::open(path, None).unwrap()
}

fn centres(library: &Library) -> Vec<f64> {
    let Ok(Axis::Wavelengths(bands)) = &library.axis else { panic!("{} has no wavelengths", library.path.display()) };
    bands.centres.iter().map(|c| c.0).collect()
}

/// The numbers of a file of float32, as they are stored.
fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

/// What `alunite info` says of a file.
fn info(path: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_alunite")).arg("info").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The SWIR map of a scene with the Beckman library and further arguments.
fn swir(folder: &Path, name: &str, more: &[&str]) -> Run {
    let library = folder.join(BECKMAN);
    Run::of(&folder.join(name), &[&["--library", text(&library), "--wavelengths", SWIR], more].concat())
}

fn bands_in_use(run: &Run) -> Vec<u64> {
    run.report["bands_in_use"].as_array().unwrap().iter().map(|b| b["band"].as_u64().unwrap()).collect()
}

#[test]
fn deleted_channels_hold_a_float32_that_is_not_the_headers_text() {
    let Some(folder) = common::data() else { return };
    let path = folder.join(BECKMAN);
    let header = Header::read(&path.with_extension("hdr")).unwrap();
    let declared = header.number("data ignore value").unwrap().unwrap();
    let stored = floats(&path);
    assert_eq!(declared, -1.23e34);
    assert!(stored.iter().all(|v| f64::from(*v) != declared), "the trap: no stored value is the declared one");
    let fill = stored.iter().filter(|v| **v == -1.23e34_f32).count();
    let library = library(&path);
    let deleted = library.spectra.iter().flat_map(|s| &s.values).filter(|v| v.is_nan()).count();
    assert!(fill > 0 && deleted == fill, "{deleted} of {fill}");
    assert!(library.spectra.iter().flat_map(|s| &s.values).all(|v| v.is_nan() || (0.0..1.5).contains(v)));
}

#[test]
fn deleted_channels_differ_from_spectrum_to_spectrum() {
    let Some(folder) = common::data() else { return };
    let library = library(&folder.join(BECKMAN));
    let deleted = |values: &[f64]| (0..values.len()).filter(|&c| values[c].is_nan()).collect::<Vec<_>>();
    let all: Vec<Vec<usize>> = library.spectra.iter().map(|s| deleted(&s.values)).collect();
    let counts: Vec<usize> = all.iter().map(Vec::len).collect();
    assert_eq!((all.len(), counts.iter().min(), counts.iter().max()), (38, Some(&1), Some(&43)));
    assert!(all.iter().collect::<BTreeSet<_>>().len() > 20, "{all:?}");
    // A channel that one mineral lacks is there for the others: no band is lost to all where few are deleted.
    let run = swir(&folder, CUPRITE95, &[]);
    let covered = run.report["bands_in_use"].as_array().unwrap().len();
    assert_eq!(covered, 33, "{}", run.said);
}

#[test]
fn names_hold_spaces_brackets_angle_brackets_and_dots() {
    let Some(folder) = common::data() else { return };
    let asd = folder.join(ASD);
    let names = ["Pyrophyllite PYS1A <850um", "Kaolinite KGa-1 (wxl)", "Illite IMt-1.b <2um", "Opal TM8896 (Hyalite)"];
    let found: Vec<String> = library(&asd).spectra.into_iter().map(|s| s.name).collect();
    names.iter().for_each(|name| assert!(found.iter().any(|f| f == name), "{name}: {found:?}"));
    let targets = names.join(",");
    let arguments = ["--library", text(&asd), "--wavelengths", SWIR, "--targets", &targets, "--threshold", "3"];
    let run = Run::of(&folder.join(CUPRITE95), &arguments);
    let classes = run.report["maps"][0]["classes"].as_array().unwrap();
    let classes: BTreeSet<&str> = classes.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(classes, names.into_iter().collect());
    // In XML, `<` is written so that a reader gets it back.
    let style = std::fs::read_to_string(run.file("sam_classes.qml")).unwrap();
    let with_dtd = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let style = roxmltree::Document::parse_with_options(&style, with_dtd).unwrap();
    let labels: BTreeSet<&str> = style.descendants().filter_map(|n| n.attribute("label")).collect();
    names.iter().for_each(|name| assert!(labels.contains(name), "{name}: {labels:?}"));
}

#[test]
fn one_library_is_in_micrometres_and_the_other_in_nanometres() {
    let Some(folder) = common::data() else { return };
    let [beckman, asd] = [BECKMAN, ASD].map(|name| centres(&library(&folder.join(name))));
    let ends = |c: &[f64]| (c[0], c[c.len() - 1]);
    let (first, last) = ends(&beckman);
    assert!((first - 205.1).abs() < 0.05 && (last - 2976.0).abs() < 0.05, "{first} {last}");
    let (first, last) = ends(&asd);
    assert!((first - 350.0).abs() < 1e-3 && (last - 2500.0).abs() < 1e-3, "{first} {last}");
    // The widths are in the unit of the wavelengths.
    let Ok(Axis::Wavelengths(bands)) = library(&folder.join(BECKMAN)).axis else { panic!("no wavelengths") };
    assert!(bands.fwhm.unwrap().iter().all(|w| (0.5..40.0).contains(&w.0)));
    // Together they map one scene, whose wavelengths are micrometres.
    let (um, nm) = (folder.join(BECKMAN), folder.join(ASD));
    let arguments =
        ["--library", text(&um), "--library", text(&nm), "--wavelengths", SWIR, "--targets", "Calcite WS272"];
    let run = Run::of(&folder.join(CUPRITE95), &arguments);
    assert_eq!(run.report["maps"][0]["classes"].as_array().unwrap().len(), 2, "{}", run.said);
    run.is_a_swir_map(33);
}

#[test]
fn an_empty_cell_of_a_csv_is_a_deleted_channel() {
    let Some(folder) = common::data() else { return };
    for name in [BECKMAN, ASD] {
        let (sli, csv) = (folder.join(name), folder.join(name).with_extension("csv"));
        let (sli, csv) = (library(&sli), library(&csv));
        assert_eq!(sli.spectra.len(), csv.spectra.len());
        for (a, b) in sli.spectra.iter().zip(&csv.spectra) {
            assert_eq!((&a.name, a.values.len()), (&b.name, b.values.len()));
            for (channel, (x, y)) in a.values.iter().zip(&b.values).enumerate() {
                let same = x.is_nan() == y.is_nan() && (x.is_nan() || (x - y).abs() < 1e-6);
                assert!(same, "{}, channel {}: {x} and {y}", a.name, channel + 1);
            }
        }
        let (a, b) = (centres(&sli), centres(&csv));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}

#[test]
fn of_cuprite_1995_only_557_pixels_in_6_regions_have_data() {
    let Some(folder) = common::data() else { return };
    let run = swir(&folder, CUPRITE95, &["--threshold", "3"]);
    assert_eq!(run.nodata_pixels(), 138 * 272 - 557);
    assert!(run.dropped("no data").is_empty(), "no band is given up because most pixels lack it");
    let (classes, angles) = (run.classes(), run.angles());
    let regions = std::fs::read(folder.join("cuprite95_swir_rois_regions.img")).unwrap();
    for (pixel, region) in regions.iter().enumerate() {
        assert_eq!((classes[pixel] == 255.0, angles[pixel] == -9999.0), (*region == 0, *region == 0), "pixel {pixel}");
    }
}

#[test]
fn the_scale_of_cuprite_1995_is_1000_and_that_of_1997_10000() {
    let Some(folder) = common::data() else { return };
    for (name, scale) in [(CUPRITE95, 1e3), (CUPRITE97, 1e4)] {
        let d = scene(&folder.join(name)).description;
        assert!(d.scaling.gain.iter().all(|g| *g == 1.0 / scale));
        assert!(d.notes.iter().any(|n| n.contains(&format!("scale {scale} from 'reflectance scale factor'"))));
    }
}

#[test]
fn a_place_in_a_parent_scene_is_no_place_on_the_ground() {
    let Some(folder) = common::data() else { return };
    for (name, start) in [(CUPRITE95, ("46", "212")), (FENIX, ("247", "425"))] {
        let path = folder.join(name);
        let header = Header::read(&path.with_extension("hdr")).unwrap();
        assert_eq!((header.text("x start"), header.text("y start")), (Some(start.0), Some(start.1)));
        assert!(info(&path).contains("no georeferencing"));
        let run = swir(&folder, name, &[]);
        let map = scene(&run.file("sam_classes.tif")).description;
        let shape = scene(&path).description;
        assert_eq!((map.grid.geotransform, map.grid.crs_wkt), (None, None));
        assert_eq!((map.lines, map.samples), (shape.lines, shape.samples));
        // Without a ground pixel there is no area either.
        assert!(run.report["maps"][0]["classes"].as_array().unwrap().iter().all(|c| c["km2"].is_null()));
    }
}

#[test]
fn region_labels_are_no_scene() {
    let Some(folder) = common::data() else { return };
    let library = folder.join(BECKMAN);
    let said = refused(&folder.join("cuprite95_swir_rois_regions.img"), &["--library", text(&library)]);
    let words =
        ["cuprite95_swir_rois_regions.hdr, 'file type'", "'ENVI Classification'", "'ENVI Standard'", "class numbers"];
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
}

#[test]
fn landsat_bands_have_neither_wavelengths_nor_nodata_nor_a_grid() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("cuprite95_tm_bands.tif");
    let told = info(&path);
    ["no georeferencing", "none declared", "declares no scale", "pass --scale", "no wavelengths"]
        .iter()
        .for_each(|word| assert!(told.contains(word), "{word}: {told}"));
    let library = folder.join(BECKMAN);
    let said = refused(&path, &["--library", text(&library)]);
    assert!(
        said.contains("cuprite95_tm_bands.tif: there are no wavelengths") && said.contains("--bands-from"),
        "{said}"
    );
}

#[test]
fn water_channels_of_cuprite_1997_that_are_zero_or_wild_are_flagged_and_unused() {
    let Some(folder) = common::data() else { return };
    let path = folder.join(CUPRITE97);
    let all = measured::bands(&path, &(0..224).collect::<Vec<_>>());
    let odd = |band: &Vec<f64>| band.iter().any(|v| *v == -50.0) || band.iter().all(|v| *v == 0.0);
    let odd: Vec<u64> = (1..).zip(&all).filter(|(_, band)| odd(band)).map(|(number, _)| number).collect();
    let zeros = (108..=111).chain(155..=166);
    assert_eq!(
        odd,
        [1, 2, 3]
            .into_iter()
            .chain(zeros)
            .chain([112, 113, 154])
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    let asd = folder.join(ASD);
    let run = Run::of(&path, &["--library", text(&asd), "--threshold", "3"]);
    let flagged = run.dropped("flagged bad");
    assert_eq!(flagged, (1..=4).chain(103..=115).chain(151..=170).chain(221..=224).collect::<Vec<_>>());
    assert!(odd.iter().all(|band| flagged.contains(band)));
    assert_eq!(run.nodata_pixels(), 0, "zeros in flagged bands do not make a pixel no data");
}

#[test]
fn the_wavelengths_of_cuprite_1997_fall_at_three_detector_joins() {
    let Some(folder) = common::data() else { return };
    let path = folder.join(CUPRITE97);
    let centres: Vec<f64> = scene(&path).description.spectral.unwrap().centres.iter().map(|c| c.0).collect();
    let joins: Vec<usize> = (1..224).filter(|&b| centres[b] <= centres[b - 1]).map(|b| b + 1).collect();
    assert_eq!((joins.len(), joins[0]), (3, 33), "{joins:?}");
    let asd = folder.join(ASD);
    let run = Run::of(&path, &["--library", text(&asd), "--threshold", "3"]);
    assert!(run.said.contains("not in rising order (at band 33 and 2 more)"), "{}", run.said);
    assert!(run.centres().windows(2).all(|pair| pair[0] < pair[1]));
    let both = Run::of(&path, &["--library", text(&asd), "--threshold", "3", "--keep-overlap"]);
    assert!(both.centres().windows(2).all(|pair| pair[0] < pair[1]));
    assert!(bands_in_use(&both).windows(2).any(|pair| pair[0] > pair[1]), "by wavelength, not by number");
}

#[test]
fn jasper_ridge_has_no_wavelengths() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("jasper_ridge_f224.img");
    let library = folder.join(BECKMAN);
    let said = refused(&path, &["--library", text(&library)]);
    let words =
        ["jasper_ridge_f224.hdr, 'wavelength'", "there are no wavelengths", "--bands-from", "--match-bands-by-index"];
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    // Those of the sensor come from its table, and its 198 usual bands stay those in use.
    let table = folder.join("sensors/aviris_1995.csv");
    let arguments =
        ["--library", text(&library), "--bands-from", text(&table), "--wavelengths", SWIR, "--threshold", "3"];
    let run = Run::of(&path, &arguments);
    run.said.contains("wavelengths from --bands-from").then_some(()).expect("a note says where wavelengths are from");
    assert_eq!(run.dropped("flagged bad").len(), 224 - 198);
    assert!(run.said.contains("pass --scale if another stored value means reflectance 1"), "{}", run.said);
}

#[test]
fn six_channels_of_enmap_are_nodata_in_every_pixel() {
    let Some(folder) = common::data() else { return };
    let asd = folder.join(ASD);
    for name in ENMAP {
        let path = folder.join(name);
        let opened = scene(&path);
        assert_eq!(opened.description.nodata, Some(-32768.0));
        assert_eq!(opened.dead_bands(&(0..224).collect::<Vec<_>>()).unwrap(), (129..135).collect::<Vec<_>>());
        assert!(info(&path).contains("no data in every pixel: bands 130-135"));
        let run = Run::of(&path, &["--library", text(&asd), "--threshold", "3"]);
        assert_eq!(run.dropped("flagged bad"), (130..=135).collect::<Vec<_>>());
        assert!(run.nodata_pixels() <= 1, "the scene is not blanked: {}", run.nodata_pixels());
    }
}

#[test]
fn the_detectors_of_enmap_overlap_from_900_to_1000_nm() {
    let Some(folder) = common::data() else { return };
    let asd = folder.join(ASD);
    let run = Run::of(&folder.join(ENMAP[0]), &["--library", text(&asd), "--threshold", "3"]);
    assert!(run.said.contains("not in rising order (at band 92)"), "{}", run.said);
    assert!(run.centres().windows(2).all(|pair| pair[0] < pair[1]));
    let cut = run.dropped("overlap");
    assert!(!cut.is_empty() && run.said.contains("overlap"), "{cut:?} {}", run.said);
    let all = scene(&folder.join(ENMAP[0])).description.spectral.unwrap().centres;
    assert!(cut.iter().all(|b| (890.0..1010.0).contains(&all[*b as usize - 1].0)), "{cut:?}");
    let both = Run::of(&folder.join(ENMAP[0]), &["--library", text(&asd), "--threshold", "3", "--keep-overlap"]);
    assert_eq!(both.centres().len(), run.centres().len() + cut.len());
}

#[test]
fn enmap_says_wavelengths_widths_flags_and_scale_band_by_band() {
    let Some(folder) = common::data() else { return };
    for name in ENMAP {
        let d = scene(&folder.join(name)).description;
        let dataset = gdal::Dataset::open(folder.join(name)).unwrap();
        let bands = d.spectral.unwrap();
        let widths = bands.fwhm.unwrap();
        assert_eq!(widths.len(), 224);
        for (band, width) in widths.iter().enumerate() {
            use gdal::Metadata as _;
            let raster = dataset.rasterband(band + 1).unwrap();
            let tag = |key: &str| raster.metadata_item(key, "").unwrap().trim().to_owned();
            assert_eq!(bands.centres[band].0, tag("wavelength").parse::<f64>().unwrap());
            assert_eq!(width.0, tag("fwhm").parse::<f64>().unwrap());
            assert_eq!(d.good[band], tag("bbl").parse::<f64>().unwrap() == 1.0);
            assert_eq!((raster.scale(), d.scaling.gain[band]), (Some(1e-4), 1e-4));
        }
    }
}

#[test]
fn one_enmap_tile_lies_32_pixels_east_of_the_other() {
    let Some(folder) = common::data() else { return };
    let [west, east] = ENMAP.map(|name| {
        let run = swir(&folder, name, &["--threshold", "3"]);
        scene(&run.file("sam_classes.tif")).description.grid
    });
    let (west_at, east_at) = (west.geotransform.unwrap(), east.geotransform.unwrap());
    assert_eq!(east_at[0] - west_at[0], 32.0 * 30.0);
    assert_eq!((&east_at[1..], east.crs_wkt), (&west_at[1..], west.crs_wkt));
}

#[test]
fn the_data_file_of_emit_has_no_extension() {
    let Some(folder) = common::data() else { return };
    for name in [EMIT.to_owned(), format!("{EMIT}.hdr")] {
        let d = scene(&folder.join(&name)).description;
        assert_eq!((d.path, d.companions), (folder.join(EMIT), vec![folder.join(format!("{EMIT}.hdr"))]), "{name}");
        assert_eq!((d.lines, d.samples, d.bands), (10, 10, 285));
    }
}

#[test]
fn the_header_of_emit_gives_no_unit() {
    let Some(folder) = common::data() else { return };
    let (path, library) = (folder.join(EMIT), folder.join(BECKMAN));
    let said = refused(&path, &["--library", text(&library), "--wavelengths", SWIR]);
    let words =
        ["'wavelength'", "no unit is declared", "381.0055927 to 2492.9238809", "pass --wavelength-unit nm or um"];
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    let run = swir(&folder, EMIT, &["--wavelength-unit", "nm"]);
    assert!(run.said.contains("wavelength unit nm from --wavelength-unit"), "{}", run.said);
    run.is_a_swir_map(43);
}

#[test]
fn water_channels_of_emit_hold_a_value_that_is_not_the_declared_nodata() {
    let Some(folder) = common::data() else { return };
    let path = folder.join(EMIT);
    let all = measured::bands(&path, &(0..285).collect::<Vec<_>>());
    let water: Vec<u64> = (1..)
        .zip(&all)
        .filter(|(_, band)| band.iter().all(|v| (v + 0.01).abs() < 1e-6))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(water, (128..=142).chain(188..=213).collect::<Vec<_>>());
    assert_eq!(scene(&path).description.nodata, Some(-9999.0));
    let asd = folder.join(ASD);
    let run = Run::of(&path, &["--library", text(&asd), "--wavelength-unit", "nm", "--threshold", "3"]);
    assert_eq!(run.dropped("flagged bad"), water);
    assert_eq!(run.nodata_pixels(), 0);
}

#[test]
fn the_grid_of_aviris_ng_is_rotated_by_53_degrees() {
    let Some(folder) = common::data() else { return };
    let run = swir(&folder, AVIRIS_NG, &[]);
    let map = scene(&run.file("sam_classes.tif")).description.grid;
    let g = map.geotransform.unwrap();
    // The formula of the header's words: pixels of 3.1 m, lines running 53 degrees off south.
    let (sin, cos) = 53_f64.to_radians().sin_cos();
    for (column, line) in [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0), (5.0, 5.0)] {
        let found = (g[0] + column * g[1] + line * g[2], g[3] + column * g[4] + line * g[5]);
        let expected =
            (277_811.628 + 3.1 * (column * cos + line * sin), 4_483_607.425 + 3.1 * (column * sin - line * cos));
        let off = (found.0 - expected.0).hypot(found.1 - expected.1);
        assert!(off < 0.1 * 3.1, "({column}, {line}): {off} m");
    }
    assert!(map.crs_wkt.unwrap().contains("-105"), "UTM zone 13");
}

#[test]
fn further_keys_in_the_header_of_aviris_ng_change_nothing() {
    let Some(folder) = common::data() else { return };
    let header = Header::read(&folder.join(AVIRIS_NG).with_extension("hdr")).unwrap();
    for key in ["correction factors", "smoothing factors"] {
        assert_eq!(header.list(key).unwrap().unwrap().len(), 432, "{key}");
    }
    assert_eq!(header.notes(), [] as [&str; 0]);
    let opened = scene(&folder.join(AVIRIS_NG));
    assert!(opened.description.scaling.gain.iter().all(|g| *g == 1.0), "the factors are no gains");
    let stored = floats(&folder.join(AVIRIS_NG));
    let read = measured::bands(&folder.join(AVIRIS_NG), &[25]).remove(0);
    assert!(read.iter().zip(stored.chunks_exact(432)).all(|(a, pixel)| *a == f64::from(pixel[25])));
}

#[test]
fn missing_pixels_of_aviris_ng_are_not_declared() {
    let Some(folder) = common::data() else { return };
    let path = folder.join(AVIRIS_NG);
    assert_eq!(scene(&path).description.nodata, None);
    assert!(!info(&path).contains("perhaps fill"), "this crop has none");
    // Elsewhere in this product they hold -50, or -0.005: as here, in every seventh pixel.
    let made = tempfile::tempdir().unwrap();
    let copy = made.path().join("missing.img");
    std::fs::copy(path.with_extension("hdr"), copy.with_extension("hdr")).unwrap();
    for (fill, word) in [(-50.0_f32, "-50"), (-0.005, "-0.005")] {
        let mut values = floats(&path);
        values.chunks_exact_mut(432).step_by(7).for_each(|pixel| pixel.fill(fill));
        std::fs::write(&copy, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        let told = info(&copy);
        assert!(told.contains("perhaps fill that is not declared"), "{told}");
        assert!(told.contains(&format!("the value {word}")) && told.contains("pass --nodata"), "{told}");
        let library = folder.join(BECKMAN);
        let nodata = format!("{fill}");
        let plain = ["--library", text(&library), "--wavelengths", SWIR];
        let run = Run::of(&copy, &plain);
        assert_eq!(run.nodata_pixels(), 0, "nothing is left out in silence");
        assert!(run.said.contains(&format!("the value {word} stands in up to 1")), "{}", run.said);
        let arguments = [&plain[..], &["--nodata", &nodata]].concat();
        let run = Run::of(&copy, &arguments);
        assert_eq!(run.nodata_pixels(), 15, "{word}: {}", run.said);
        assert!(!run.said.contains("perhaps fill"), "{}", run.said);
        assert!(run.said.contains("from --nodata"), "{}", run.said);
    }
}

#[test]
fn the_fenix_outcrop_has_scale_65535_and_nodata_0() {
    let Some(folder) = common::data() else { return };
    let d = scene(&folder.join(FENIX)).description;
    assert_eq!(d.nodata, Some(0.0));
    assert!(d.scaling.gain.iter().all(|g| *g == 1.0 / 65535.0));
    let largest = measured::band(&folder.join(FENIX), 100).into_iter().fold(0.0, f64::max) * d.scaling.gain[100];
    assert!((0.05..=1.0).contains(&largest), "{largest} is a reflectance");
    // A pixel of the declared value in one band is no data.
    let made = tempfile::tempdir().unwrap();
    let copy = made.path().join("outcrop.dat");
    std::fs::copy(folder.join(FENIX).with_extension("hdr"), copy.with_extension("hdr")).unwrap();
    let mut bytes = std::fs::read(folder.join(FENIX)).unwrap();
    let pixel = 2 * (420 * 38 * 23 + 111);
    bytes[pixel..pixel + 2].fill(0);
    std::fs::write(&copy, bytes).unwrap();
    let library = folder.join(BECKMAN);
    let run = Run::of(&copy, &["--library", text(&library), "--wavelengths", SWIR]);
    assert_eq!((run.nodata_pixels(), run.classes()[111]), (1, 255.0));
}

#[test]
fn vendor_keys_of_the_fenix_outcrop_are_kept_and_harmless() {
    let Some(folder) = common::data() else { return };
    let header = Header::read(&folder.join(FENIX).with_extension("hdr")).unwrap();
    assert_eq!(header.text("acquisition date"), Some("DATE(yyyy-mm-dd): 2022-03-22"));
    assert_eq!(header.names("vimg2"), Some(vec!["175".to_owned(), "450".to_owned()]));
    assert_eq!(header.text("binning"), Some("4, 2"), "binning does not change the shape");
    assert_eq!(header.notes(), [] as [&str; 0]);
    swir(&folder, FENIX, &[]).is_a_swir_map(58);
}

#[test]
fn sensor_tables_of_aviris_and_enmap_are_not_monotonic() {
    let Some(folder) = common::data() else { return };
    for (name, table) in [("jasper_ridge_f224.img", "aviris_1995"), (ENMAP[0], "enmap_potsdam_l2a")] {
        let table = folder.join(format!("sensors/{table}.csv"));
        let options = SceneOptions { bands_from: Some(table.clone()), ..SceneOptions::default() };
        let d = Scene::open(&folder.join(name), &options).unwrap().description;
        let centres = d.spectral.unwrap().centres;
        assert!(centres.windows(2).any(|pair| pair[0] > pair[1]), "bands keep the order of the file");
        assert!(d.notes.iter().any(|n| n.contains("not in rising order")), "{:?}", d.notes);
        let asd = folder.join(ASD);
        let arguments = ["--library", text(&asd), "--bands-from", text(&table), "--threshold", "3", "--scale", "10000"];
        let run = Run::of(&folder.join(name), &arguments);
        assert!(run.centres().windows(2).all(|pair| pair[0] < pair[1]), "{name}");
    }
}

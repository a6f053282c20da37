//! Refusals of `alunite map`: wrong or ambiguous input ends with exit code 2 and words that help, and leaves no file.

use predicates::prelude::*;

#[path = "common/cli.rs"]
mod cli;

use cli::{BANDS, LINES, NAMES, NODATA, SAMPLES, World, bil, csv, reflectance, wavelength};

/// Runs the command; it must be refused with all of the words and leave nothing in the output folder.
fn assert_refused(world: &World, command: &mut assert_cmd::Command, words: &[&str]) {
    let mut assert = command.assert().code(2);
    for word in words {
        assert = assert.stderr(predicate::str::contains(*word));
    }
    assert.stdout("");
    assert_eq!(world.files("maps"), Vec::<std::path::PathBuf>::new(), "a refused run leaves no file");
}

/// The plain run with further arguments is refused.
fn refused(world: &World, more: &[&str], words: &[&str]) {
    assert_refused(world, &mut world.map(more), words);
}

/// The plain run of another scene or library is refused.
fn refused_inputs(world: &World, scene: &str, library: &str, words: &[&str]) {
    let args = ["map", scene, "--library", library, "--out", "maps", "--backend", "cpu"];
    assert_refused(world, world.alunite().args(args), words);
}

#[test]
fn the_plain_run_that_these_tests_spoil_is_not_refused() {
    World::new().map(&[]).assert().code(0);
}

#[test]
fn a_header_whose_shape_is_not_the_files() {
    let world = World::new();
    world.set("lines", Some("9"));
    let bytes = |lines: usize| (lines * SAMPLES * BANDS * 4).to_string();
    refused(&world, &[], &["scene.img", &format!("has {} bytes", bytes(LINES)), &format!("announces {}", bytes(9))]);
    world.set("lines", Some("7"));
    refused(&world, &[], &[&bytes(LINES), &bytes(7), "lines"]);
}

#[test]
fn a_unit_that_is_missing() {
    let world = World::new();
    world.set("wavelength units", None);
    refused(&world, &[], &["scene.hdr", "no unit is declared", "2000 to 2220", "--wavelength-unit"]);
    world.map(&["--wavelength-unit", "nm"]).assert().code(0);
}

#[test]
fn a_unit_that_is_unknown() {
    let world = World::new();
    world.set("wavelength units", Some("Furlongs"));
    refused(&world, &[], &["scene.hdr", "'Furlongs' is not a unit", "--wavelength-unit"]);
}

#[test]
fn a_unit_that_cannot_be_right() {
    let world = World::new();
    world.set("wavelength units", Some("Micrometers"));
    refused(&world, &[], &["scene.hdr", "2000 to 2220 cannot be wavelengths in um", "nm"]);
}

#[test]
fn a_unit_that_contradicts_the_flag() {
    let world = World::new();
    refused(&world, &["--wavelength-unit", "um"], &["scene.hdr", "declares nm", "--wavelength-unit"]);
}

#[test]
fn a_wavelength_list_of_the_wrong_length() {
    let world = World::new();
    world.set("wavelength", Some("{ 2000, 2020, 2040 }"));
    refused(&world, &[], &["scene.hdr, 'wavelength'", "3 values for 12 bands"]);
}

#[test]
fn a_width_list_of_the_wrong_length() {
    let world = World::new();
    world.set("fwhm", Some("{ 20, 20, 20, 20 }"));
    refused(&world, &[], &["scene.hdr, 'fwhm'", "4 values for 12 bands"]);
}

#[test]
fn a_library_that_does_not_overlap_the_scene() {
    let world = World::new();
    world.write("library.csv", csv(&NAMES, |b| 500.0 + 10.0 * b as f64, |i, b| Some(reflectance(i, b))));
    refused(&world, &[], &["library.csv", "does not cover any band", "500", "610", "2000", "2220", "units"]);
}

#[test]
fn a_target_that_is_unknown() {
    refused(&World::new(), &["--targets", "Kaolinte"], &["'Kaolinte'", "nearest names", "Kaolinite KGa-1"]);
}

#[test]
fn a_threshold_for_a_target_that_is_unknown() {
    refused(&World::new(), &["--threshold", "Calcit=0.1"], &["--threshold", "'Calcit'", "Calcite WS272"]);
}

#[test]
fn a_library_with_columns_that_are_no_spectra() {
    let world = World::new();
    let names = ["Wavelengths", NAMES[0]];
    let value = |i: usize, b: usize| Some(if i == 0 { wavelength(b) } else { reflectance(0, b) });
    world.write("library.csv", csv(&names, wavelength, value));
    refused(&world, &[], &["library.csv", "'Wavelengths'", "2000 is not a reflectance", "take this column out"]);
    world.write("library.csv", csv(&NAMES, wavelength, |i, b| (i != 1).then(|| reflectance(i, b))));
    refused(&world, &[], &["'Kaolinite KGa-1'", "every channel is deleted"]);
}

#[test]
fn an_envi_library_with_rows_that_are_no_spectra() {
    let world = World::new();
    envi_library(&world, |i, b| if i == 1 { wavelength(b) } else { reflectance(i, b) });
    refused_inputs(&world, "scene.img", "minerals.sli", &["minerals.sli", "row 2", "is not a reflectance"]);
    envi_library(&world, reflectance);
    world.map(&["--library", "minerals.sli"]).assert().code(0);
}

/// Writes `minerals.sli` and its header.
fn envi_library(world: &World, value: impl Fn(usize, usize) -> f64) {
    let rows = (0..NAMES.len()).flat_map(|i| (0..BANDS).map(move |b| (i, b)));
    world.write("minerals.sli", rows.flat_map(|(i, b)| (value(i, b) as f32).to_le_bytes()).collect::<Vec<u8>>());
    let list: Vec<String> = (0..BANDS).map(|b| wavelength(b).to_string()).collect();
    world.write(
        "minerals.hdr",
        format!(
            "ENVI\nsamples = {BANDS}\nlines = 3\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\n\
             data type = 4\ninterleave = bsq\nbyte order = 0\nwavelength units = Nanometers\n\
             wavelength = {{ {} }}\nspectra names = {{ {} }}\n",
            list.join(", "),
            NAMES.join(", ")
        ),
    );
}

#[test]
fn a_scene_that_is_no_data_in_every_pixel() {
    let world = World::new();
    world.write("scene.img", bil(LINES, SAMPLES, |_, _, _| NODATA));
    refused(&world, &[], &["scene.img", "every pixel is no data"]);
}

/// No band is empty, but each pixel lacks one, so none can be mapped: found out only when all tiles are mapped.
#[test]
fn a_scene_that_is_no_data_in_some_band_of_every_pixel() {
    let world = World::new();
    let value = |line, sample, band| if (line + sample) % BANDS == band { NODATA } else { 0.5 };
    world.write("scene.img", bil(LINES, SAMPLES, value));
    refused(&world, &[], &["scene.img", "every pixel is no data", "--nodata"]);
}

#[test]
fn no_targets() {
    refused(&World::new(), &["--targets", ","], &["none was asked for", "leave --targets out"]);
}

#[test]
fn an_output_that_exists() {
    let world = World::new();
    world.map(&[]).assert().code(0);
    let before: Vec<_> = world.files("maps").into_iter().map(|p| (std::fs::read(&p).unwrap(), p)).collect();
    let stderr = predicate::str::contains("is there already").and(predicate::str::contains("--overwrite"));
    world.map(&["--targets", "Alunite"]).assert().code(2).stderr(stderr);
    let after: Vec<_> = world.files("maps").into_iter().map(|p| (std::fs::read(&p).unwrap(), p)).collect();
    assert!(before == after, "the maps that were there are as they were");
    world.map(&["--overwrite"]).assert().code(0);
}

#[test]
fn an_output_folder_that_cannot_be_made() {
    let world = World::new();
    world.write("maps", "a file where the folder should be");
    world.map(&[]).assert().code(2).stderr(predicate::str::contains("cannot make the folder"));
    let args = ["map", "scene.img", "--library", "library.csv", "--out", "maps/below", "--backend", "cpu"];
    let stderr = predicate::str::contains("maps/below").and(predicate::str::contains("--out"));
    world.alunite().args(args).assert().code(2).stderr(stderr);
    assert_eq!(std::fs::read(world.out()).unwrap(), b"a file where the folder should be");
}

#[test]
fn types_that_are_complex() {
    let world = World::new();
    for code in ["6", "9"] {
        world.set("data type", Some(code));
        refused(&world, &[], &["scene.hdr, 'data type'", &format!("{code} is complex")]);
    }
}

#[test]
fn types_that_are_not_envis() {
    let world = World::new();
    for code in ["7", "0", "16", "float"] {
        world.set("data type", Some(code));
        refused(&world, &[], &["scene.hdr, 'data type'", &format!("'{code}' is no type"), "codes 1, 2, 3"]);
    }
}

#[test]
fn a_virtual_raster_by_whatever_name() {
    let world = World::new();
    let vrt = "<VRTDataset rasterXSize=\"6\" rasterYSize=\"8\"></VRTDataset>";
    for name in ["cube.vrt", "cube.img"] {
        world.write(name, vrt);
        refused_inputs(&world, name, "library.csv", &[name, "VRT", "gdal_translate"]);
    }
    // A header that fits beside it does not make numbers of it.
    world.write("scene.img", vrt);
    refused(&world, &[], &["scene.img", "VRT"]);
}

#[test]
fn a_picture() {
    let world = World::new();
    world.write("scene.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR");
    refused_inputs(&world, "scene.png", "library.csv", &["scene.png", "PNG", "ENVI cubes, GeoTIFF"]);
}

#[test]
fn a_scene_that_is_missing() {
    refused_inputs(&World::new(), "gone.img", "library.csv", &["gone.img", "there is no such file"]);
}

#[test]
fn a_scene_without_its_header() {
    let world = World::new();
    std::fs::remove_file(world.path("scene.hdr")).unwrap();
    refused(&world, &[], &["scene.img", "no ENVI header beside it", "scene.img.hdr"]);
}

#[test]
fn a_library_that_is_missing() {
    refused_inputs(&World::new(), "scene.img", "gone.csv", &["gone.csv", "cannot be opened"]);
}

#[test]
fn a_target_that_lacks_too_many_bands() {
    let world = World::new();
    let value = |i: usize, b: usize| (i != 2 || b > 2).then(|| reflectance(i, b));
    world.write("library.csv", csv(&NAMES, wavelength, value));
    refused(&world, &[], &["more than a tenth of the 12 bands", "Calcite WS272 (lacks 3)", "--targets"]);
    world.map(&["--targets", "Alunite,Kaolinite"]).assert().code(0);
}

#[test]
fn a_threshold_out_of_range() {
    for bad in ["4", "-0.1", "NaN"] {
        refused(&World::new(), &["--threshold", bad], &["--threshold", bad, "outside 0 to 3.1416 rad"]);
    }
    refused(&World::new(), &["--threshold", "small"], &["'small' is not a number", "Alunite=0.08"]);
}

#[test]
fn an_adapter_for_the_cpu() {
    refused(&World::new(), &["--adapter", "llvmpipe"], &["--adapter", "'llvmpipe'", "--backend is cpu"]);
}

#[test]
fn an_adapter_that_is_not_there() {
    let world = World::new();
    for backend in ["auto", "gpu"] {
        let args =
            ["map", "scene.img", "-l", "library.csv", "-o", "maps", "--backend", backend, "--adapter", "Voodoo2"];
        assert_refused(&world, world.alunite().args(args), &["'Voodoo2'", "alunite devices"]);
    }
}

#[test]
fn a_ceiling_on_memory_that_is_too_low() {
    refused(&World::new(), &["--max-memory", "1MiB"], &["--max-memory", "1048576 bytes are too few", "pass at least"]);
    refused(&World::new(), &["--max-memory", "2"], &["'2'", "not a number with a unit", "2GiB"]);
}

#[test]
fn tiles_of_no_lines() {
    refused(&World::new(), &["--tile-lines", "0"], &["--tile-lines", "0"]);
}

#[test]
fn wavelengths_that_leave_no_band() {
    refused(&World::new(), &["--wavelengths", "400nm-500nm"], &["no band is left", "2000", "2220", "--wavelengths"]);
}

#[test]
fn a_method_that_is_unknown() {
    refused(&World::new(), &["--method", "tarot"], &["'tarot'", "methods are", "sam"]);
}

#[test]
fn a_scene_for_a_library() {
    refused_inputs(&World::new(), "scene.img", "scene.img", &["'ENVI Standard'", "expected 'ENVI Spectral Library'"]);
}

#[test]
fn a_library_for_a_scene() {
    let world = World::new();
    refused_inputs(&world, "library.csv", "library.csv", &["library.csv", "no ENVI header"]);
    envi_library(&world, reflectance);
    refused_inputs(&world, "minerals.sli", "library.csv", &["is not a scene", "--library"]);
}

#[test]
fn a_scene_without_wavelengths_unless_bands_are_matched_by_index() {
    let world = World::new();
    for key in ["wavelength", "fwhm", "wavelength units"] {
        world.set(key, None);
    }
    refused(&world, &[], &["scene.hdr", "there are no wavelengths", "--bands-from", "--match-bands-by-index"]);
    let by_index = ["--match-bands-by-index", "--wavelengths", "2.0um-2.1um"];
    refused(&world, &by_index, &["--wavelengths cannot choose bands"]);
    world.map(&["--match-bands-by-index"]).assert().code(0);
}

#[test]
fn as_many_channels_as_bands_where_they_are_matched_by_index() {
    let world = World::new();
    world.write("library.csv", "channel,Alunite\n1,0.5\n2,0.4\n3,0.6\n");
    refused(&world, &["--match-bands-by-index"], &["library.csv", "3 channels", "12 bands"]);
    refused(&world, &[], &["library.csv", "3 channels have no wavelengths", "--match-bands-by-index"]);
}

#[test]
fn files_named_by_options_that_are_missing() {
    refused(&World::new(), &["--bands-from", "gone.csv"], &["gone.csv"]);
    refused(&World::new(), &["--targets", "@gone.txt"], &["gone.txt", "names of targets"]);
}

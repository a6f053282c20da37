//! ENVI headers that contradict themselves, the data, or physics; and data files that are none.

use super::Case;
use super::cli::{BANDS, LINES, NODATA, SAMPLES, bil};

/// The header with another value of a key, or without it.
fn header(name: &str, key: &'static str, value: Option<&'static str>, words: &[&str]) -> Case {
    let place = format!("scene.hdr, '{key}'");
    let words = [&[place.as_str()], words].concat();
    Case::new(name, &words, move |world| world.set(key, value))
}

/// A list of as many values as bands, all alike but one.
fn list(usual: &str, at: usize, odd: &str) -> String {
    let values: Vec<&str> = (0..BANDS).map(|b| if b == at { odd } else { usual }).collect();
    format!("{{ {} }}", values.join(", "))
}

/// Rising wavelengths of which one is replaced.
fn wavelengths(at: usize, odd: &str) -> String {
    let value = |b: usize| if b == at { odd.to_owned() } else { (2000 + 20 * b).to_string() };
    format!("{{ {} }}", (0..BANDS).map(value).collect::<Vec<_>>().join(", "))
}

fn structure() -> Vec<Case> {
    let bytes = (LINES * SAMPLES * BANDS * 4).to_string();
    vec![
        header("no samples", "samples", None, &["missing", "expected a whole number above zero"]),
        header("lines in words", "lines", Some("eight"), &["'eight'", "whole number above zero"]),
        header("bands below zero", "bands", Some("-12"), &["'-12'", "whole number above zero"]),
        header("no bands at all", "bands", Some("0"), &["'0'", "whole number above zero"]),
        header("samples beyond 64 bits", "samples", Some("99999999999999999999"), &["99999999999999999999"]),
        Case::new("more bytes than any file holds", &["scene.hdr", "more than any file holds"], |w| {
            w.set("samples", Some("9000000000000000000"));
        }),
        header("an interleave that is unknown", "interleave", Some("tile"), &["'tile'", "bil, bip or bsq"]),
        header("no interleave", "interleave", None, &["missing", "bil"]),
        header("a type that is unknown", "data type", Some("7"), &["'7'", "codes 1, 2, 3"]),
        header("a type that is complex", "data type", Some("6"), &["6 is complex", "codes 1, 2, 3"]),
        header("no type", "data type", None, &["missing", "codes 1, 2, 3"]),
        header("a byte order of 2", "byte order", Some("2"), &["'2'", "0 or 1", "little-endian"]),
        header("no byte order", "byte order", None, &["missing", "little-endian"]),
        header("an offset below zero", "header offset", Some("-4"), &["'-4'", "whole number of bytes"]),
        Case::new(
            "an offset beyond the file",
            &["scene.img", "2304 bytes", "announces 102304", "header offset"],
            |w| {
                w.set("header offset", Some("100000"));
            },
        ),
        Case::new("a type of half the size", &["scene.img", &bytes, "announces 1152", "data type"], |w| {
            w.set("data type", Some("2"));
        }),
        Case::new("data that are cut off", &["scene.img", "2000 bytes", &format!("announces {bytes}")], |w| {
            w.write("scene.img", vec![0; 2000]);
        }),
        Case::new("data of no byte", &["scene.img", "is empty"], |w| w.write("scene.img", "")),
        Case::new("a folder for the data", &["scene.img", "folder"], |w| {
            std::fs::remove_file(w.path("scene.img")).unwrap();
            std::fs::create_dir(w.path("scene.img")).unwrap();
        }),
        Case::new("no header", &["scene.img", "no ENVI header", "scene.hdr, scene.img.hdr"], |w| {
            std::fs::remove_file(w.path("scene.hdr")).unwrap();
        }),
        Case::new("no data beside the header", &["scene.hdr", "data file"], |w| {
            std::fs::remove_file(w.path("scene.img")).unwrap();
        })
        .scene("scene.hdr"),
        Case::new("a scene that is not there", &["gone.img", "there is no such file"], |_| {}).scene("gone.img"),
        Case::new("a header of no byte", &["scene.hdr", "first line is not 'ENVI'"], |w| w.write("scene.hdr", "")),
        Case::new("a header of binary junk", &["scene.hdr", "first line is not 'ENVI'"], |w| {
            w.write("scene.hdr", (0..=255).cycle().take(5000).collect::<Vec<u8>>());
        }),
        Case::new("a header in UTF-16", &["scene.hdr", "UTF-16", "UTF-8"], |w| {
            let text = std::fs::read_to_string(w.path("scene.hdr")).unwrap();
            let bytes = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes);
            w.write("scene.hdr", bytes.collect::<Vec<u8>>());
        }),
        Case::new("a header that begins with a byte order mark", &["georeferencing", "byte order mark"], |w| {
            let text = std::fs::read_to_string(w.path("scene.hdr")).unwrap();
            w.write("scene.hdr", format!("\u{feff}{text}"));
        })
        .noted(),
        Case::new("a brace that stays open", &["scene.hdr, 'description'", "never closed", "restore"], |w| {
            w.set("description", Some("{ cut off"));
        }),
        Case::new("two numbers of bands", &["scene.hdr, 'bands'", "given twice", "'12'", "'13'"], |w| {
            let text = std::fs::read_to_string(w.path("scene.hdr")).unwrap();
            w.write("scene.hdr", text + "bands = 13\n");
        }),
        header("a compressed cube", "file compression", Some("1"), &["compressed", "'1'"]),
        header(
            "class numbers for a cube",
            "file type",
            Some("ENVI Classification"),
            &["'ENVI Classification'", "cube"],
        ),
        header("a map info of three words", "map info", Some("{ UTM, 1, 1 }"), &["'UTM, 1, 1'", "expected"]),
    ]
}

fn bands() -> Vec<Case> {
    let of = |name: &str, key: &'static str, value: String, words: &[&str]| {
        let words = [&["scene.hdr"], words].concat();
        Case::new(name, &words, move |w| w.set(key, Some(&value)))
    };
    let units = |word: &'static str| {
        let quoted = format!("'{word}'");
        let words = ["scene.hdr", &quoted, "2000 to 2220", "--wavelength-unit nm or um"];
        Case::new(&format!("wavelengths in {word}"), &words, move |w| w.set("wavelength units", Some(word)))
    };
    vec![
        header("three wavelengths for twelve bands", "wavelength", Some("{ 1, 2, 3 }"), &["3 values for 12 bands"]),
        header("three widths for twelve bands", "fwhm", Some("{ 1, 2, 3 }"), &["3 values for 12 bands"]),
        header("three flags for twelve bands", "bbl", Some("{ 1, 1, 0 }"), &["3 values for 12 bands"]),
        header("a list of no wavelengths", "wavelength", Some("{ }"), &["0 values for 12 bands", "--bands-from"]),
        header("no wavelengths", "wavelength", None, &["no wavelengths", "--bands-from", "--match-bands-by-index"]),
        of(
            "a wavelength in words in a header",
            "wavelength",
            wavelengths(3, "red"),
            &["'wavelength'", "'red' is not a number"],
        ),
        of("a wavelength that is NaN", "wavelength", wavelengths(3, "nan"), &["band 4 is NaN", "--bands-from"]),
        of("a wavelength that is infinite", "wavelength", wavelengths(3, "inf"), &["band 4 is inf", "--bands-from"]),
        of("a wavelength of zero", "wavelength", wavelengths(3, "0"), &["band 4 is 0", "above zero"]),
        Case::new("two bands of one wavelength", &["bands 3 and 4", "the same wavelength, 2040.00 nm"], |w| {
            w.set("wavelength", Some(&wavelengths(3, "2040")));
        })
        .noted(),
        of("a width of zero in a header", "fwhm", list("20", 2, "0"), &["(fwhm) of band 3 is 0", "above zero"]),
        of("a width below zero", "fwhm", list("20", 2, "-20"), &["(fwhm) of band 3 is -20", "above zero"]),
        of("widths in another unit", "fwhm", list("0.02", 0, "0.02"), &["(fwhm)", "0.02", "another unit"]),
        units("GHz"),
        units("Wavenumber"),
        units("Index"),
        units("Unknown"),
        Case::new(
            "no unit",
            &["scene.hdr", "no unit is declared", "2000 to 2220", "--wavelength-unit nm or um"],
            |w| {
                w.set("wavelength units", None);
            },
        ),
        Case::new(
            "micrometres that are nanometres",
            &["scene.hdr", "2000 to 2220", "in um", "--wavelength-unit nm"],
            |w| {
                w.set("wavelength units", Some("Micrometers"));
            },
        ),
        Case::new("no band that is good", &["scene.img", "flags all 12 as bad", "'bbl'"], |w| {
            w.set("bbl", Some(&list("0", 0, "0")));
        }),
        of("a flag of 2", "bbl", list("1", 4, "2"), &["'bbl'", "band 5 is 2", "0 or 1"]),
    ]
}

fn values() -> Vec<Case> {
    let scale =
        |name: &str, value: &'static str, words: &[&str]| header(name, "reflectance scale factor", Some(value), words);
    vec![
        scale("a scale of zero", "0", &["0 is not a number above zero"]),
        scale("a scale below zero", "-10000", &["-10000 is not a number above zero"]),
        scale("a scale that is NaN", "nan", &["NaN is not a number above zero"]),
        scale("a scale in words", "ten thousand", &["'ten thousand' is not a number"]),
        header("a gain of zero", "data gain values", Some("{0,1,1,1,1,1,1,1,1,1,1,1}"), &["gain 0", "band 1"]),
        header(
            "no data in words in a header",
            "data ignore value",
            Some("none"),
            &["'none' is not a number", "take the line out"],
        ),
        Case::new("no data that the type cannot hold", &["-9999.5", "cannot occur in uint8"], |w| {
            w.write("scene.img", (0..LINES * SAMPLES * BANDS).map(|i| 1 + (i % 251) as u8).collect::<Vec<_>>());
            w.set("data type", Some("1"));
            w.set("data ignore value", Some("-9999.5"));
        })
        .noted()
        .with(&["--threshold", "3"]),
        Case::new("no data in every pixel", &["scene.img", "every pixel is no data"], |w| {
            w.write("scene.img", bil(LINES, SAMPLES, |_, _, _| NODATA));
        }),
        Case::new("NaN in every pixel", &["scene.img", "every pixel is no data"], |w| {
            w.write("scene.img", bil(LINES, SAMPLES, |_, _, _| f32::NAN));
        }),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [structure(), bands(), values()].into_iter().flatten().collect()
}

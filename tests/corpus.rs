//! What the fuzz targets check holds for their seeds, for all that they ever found, and for inputs that are long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alunite::fuzzing::{CHECKS, Check};

/// Bytes of a long input.
const LONG: usize = 2 << 20;

/// What any of them may take, on a slow machine and without optimisation. What takes a time that grows with the square of
/// an input takes hours.
const MOST: Duration = Duration::from_secs(20);

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    files.sort();
    files
}

fn seeds(target: &str) -> Vec<PathBuf> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target))
}

#[test]
fn seeds_and_found_cases_pass() {
    for (target, check) in CHECKS {
        let seeds = seeds(target);
        assert!(seeds.len() > 1, "{target} has {} seeds", seeds.len());
        let found = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target));
        for file in seeds.iter().chain(&found) {
            eprintln!("{}", file.display());
            check(&fs::read(file).expect("seed"));
        }
    }
}

#[test]
fn every_check_has_its_fuzz_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("manifest");
    let targets = files(&root.join("fuzz_targets"));
    let names: Vec<String> = targets.iter().map(|t| t.file_stem().expect("name").to_string_lossy().into()).collect();
    assert_eq!(names, CHECKS.map(|(name, _)| name));
    for (target, name) in targets.iter().zip(&names) {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in the manifest");
        assert!(fs::read_to_string(target).expect("target").contains(&format!("fuzzing::{name}(data)")), "{name}");
    }
}

/// Parser, how the seed begins, the piece by its number, and how it ends.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(usize) -> String, &'a str);

/// A piece of a seed, repeated: whatever is kept, searched or joined for each line, cell or name grows with it.
#[test]
fn long_inputs_take_a_time_that_grows_with_their_length() {
    let cases: [Case; 17] = [
        ("envi_header", "ENVI\n", &|i| format!("k{i}=1\n"), ""),
        ("envi_header", "ENVI\n", &|_| "x\n".into(), ""),
        ("envi_header", "ENVI\nwavelength = {", &|_| ",".into(), "}\n"),
        ("envi_header", "ENVI\nwavelength = {", &|i| format!("{i},\n"), "}\n"),
        ("csv_library", "channel", &|i| format!(",a{i}"), "\n1\n"),
        ("csv_library", "channel,A\n", &|i| format!("{},1\n", i + 1), ""),
        ("bands_csv", "\u{1}channel,wavelength_nm\n", &|i| format!("{},400\n", i + 1), ""),
        ("ecostress", "Name: a\n", &|_| "b\n".into(), ""),
        ("ecostress", "Name: a\n", &|_| "b: c\n".into(), ""),
        ("splib", " splib07a Record=1: A BECKa AREF\n", &|_| "1\n".into(), ""),
        ("splib", "USGS Digital Spectral Library\n", &|_| "1 1\n".into(), ""),
        ("dlr_metadata", "<a", &|i| format!(" a{i}=''"), "/>"),
        ("dlr_metadata", "<a", &|i| format!(" xmlns:a{i}=''"), "/>"),
        ("dlr_metadata", "", &|_| "<a>".into(), ""),
        ("mtl", "", &|_| "GROUP = A\n".into(), ""),
        ("dlr_metadata", "<a>", &|_| "<b/>".into(), "</a>"),
        (
            "dlr_metadata",
            "<a><specific><bandCharacterisation>",
            &|_| "<bandID/>".into(),
            "</bandCharacterisation></specific></a>",
        ),
    ];
    for (target, start, piece, end) in cases {
        let mut text = start.to_owned();
        for i in 0.. {
            if text.len() >= LONG {
                break;
            }
            text += &piece(i);
        }
        text += end;
        within(target, text.as_bytes());
    }
}

#[test]
fn long_libraries_and_statistics_take_no_longer() {
    let names = "a,".repeat(LONG / 16);
    let header = format!(
        "ENVI\nfile type = ENVI Spectral Library\nsamples = 1\nlines = {}\ndata type = 1\nspectra names = {{{names}}}\n\
         reflectance scale factor = 100\n\0",
        LONG / 16
    );
    within("envi_library", &[header.as_bytes(), &vec![9; LONG / 16]].concat());
    let nodes: Vec<String> =
        (0..LONG / 64).map(|i| format!("[{{\"group\":0,\"level\":0,\"index\":{}}},0]", 2 * i)).collect();
    let description = format!(
        "{{\"alunite\":\"\",\"origin\":{{\"scenes\":[],\"units\":{{\"lines\":100000000,\"samples\":1,\"columns\":null}},\"bands\":[0],\
         \"band_facts\":null,\"background\":\"\",\"identity\":\"\"}},\"nodes\":[{}]}}",
        nodes.join(",")
    );
    within("statistics", description.as_bytes());
}

fn within(target: &str, input: &[u8]) {
    let check = CHECKS.iter().find(|(name, _)| *name == target).map(|(_, check)| *check as Check).expect("target");
    let start = Instant::now();
    check(input);
    let took = start.elapsed();
    let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
    eprintln!("{target}: {took:.2?} for {} bytes of {shown:?}", input.len());
    assert!(took < MOST, "{target} takes {took:?} for {} bytes of {shown:?}", input.len());
}

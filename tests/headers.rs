//! ENVI headers, written in many ways and damaged in many more, as alunite and as GDAL's driver read them.
//!
//! Where both read a header they must read the same cube from it, to the last value. alunite refuses where GDAL guesses,
//! and nowhere else ([`STRICTER`]). The other way round, GDAL takes a few spellings for another thing than ENVI does
//! ([`misunderstood`]); there the two are not compared.

use std::path::Path;
use std::sync::LazyLock;

use alunite::scene::{Description, Scene, SceneOptions};
use alunite::spectrum::WavelengthUnit;
use alunite::tile::{Interleave, Sample as _, SampleType, Window};
use alunite::with_samples;
use gdal::raster::{GdalDataType, RasterBand};
use gdal::{Dataset, DatasetOptions, Metadata as _};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// What alunite says when it refuses what GDAL reads, a header that shows it (the cube below, with a line in place of
/// another or more), and what GDAL makes of it.
const STRICTER: [(&str, (&str, &str), &str); 19] = [
    ("'samples'", ("samples = 4", "samples = 4.0"), "reads numbers up to a strange character"),
    ("'lines'", ("lines = 3", "lines = 3x"), "as samples"),
    ("'bands'", ("bands = 2", "bands = 2 bands"), "as samples"),
    ("'header offset'", ("header offset = 0", "header offset = none"), "as samples; 0 where there is no number"),
    ("'data type'", ("data type = 1", ""), "uint8"),
    ("'interleave'", ("interleave = bsq", "interleave = tiles"), "BSQ"),
    (
        "'byte order'",
        ("byte order = 0", "byte order = 2"),
        "big-endian for every number but 0; this machine's where it is missing",
    ),
    ("'data ignore value'", ("", "data ignore value = none"), "0"),
    ("'reflectance scale factor'", ("", "reflectance scale factor = 0"), "only passes it on"),
    ("'wavelength'", ("", "wavelength = {500, 600, 700}"), "only passes it on"),
    ("'fwhm'", ("", "fwhm = {5, five}"), "only passes it on"),
    ("'map info'", ("", "map info = {Arbitrary, 1, 1}"), "no georeferencing"),
    (
        "'map info'",
        ("", "map  info = {UTM, 1, 1, 500000, 4000000, 30, 30, 33, North, WGS-84}"),
        "no georeferencing: it knows keys with single spaces only",
    ),
    ("'major frame offsets'", ("", "major frame offsets = {2, 0}"), "leaves gaps between the lines"),
    ("'file type'", ("file type = ENVI Standard", "file type = ENVI Classification"), "any but three"),
    ("given twice", ("samples = 4", "samples = 4\nsamples = 3"), "the last"),
    ("the data file has", ("lines = 3", "lines = 2"), "ignores what is too much"),
    ("is never closed by a '}'", ("", "description = {open"), "reads to the end of the file"),
    ("first line is not 'ENVI'", ("ENVI\n", "ENVI 5\n"), "whatever begins with ENVI"),
];

/// A cube and what its header says.
#[derive(Debug, Clone)]
struct Cube {
    samples: usize,
    lines: usize,
    bands: usize,
    sample_type: SampleType,
    interleave: Interleave,
    big_endian: bool,
    offset: usize,
    nodata: Option<u8>,
    /// The unit's word, and what divides nanometres.
    unit: Option<(&'static str, f64)>,
    /// Reference pixel (from 1), its corner, and the size of a pixel.
    map: Option<[f64; 6]>,
}

/// How a header is written.
#[derive(Debug, Clone)]
struct Spelling {
    /// 0 lower, 1 title, 2 upper.
    case: u8,
    equals: &'static str,
    /// Between the items of a list.
    comma: &'static str,
    newline: &'static str,
    /// What stands between two entries.
    between: &'static str,
    /// From which entry on they are written: they have no order.
    first: usize,
}

/// Types and their codes; 64-bit integers where this GDAL's driver knows them.
fn types() -> Vec<(SampleType, u8)> {
    static WIDE: LazyLock<bool> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let header = "ENVI\nsamples = 1\nlines = 1\nbands = 1\ndata type = 14\ninterleave = bsq\nbyte order = 0\n";
        std::fs::write(folder.path().join("cube.hdr"), header).expect("header");
        std::fs::write(folder.path().join("cube.img"), [0; 8]).expect("numbers");
        gdals(folder.path()).is_some()
    });
    use SampleType::{F32, F64, I16, I32, I64, U8, U16, U32, U64};
    let all = [(U8, 1), (I16, 2), (I32, 3), (F32, 4), (F64, 5), (U16, 12), (U32, 13), (I64, 14), (U64, 15)];
    all.into_iter().filter(|(_, code)| *WIDE || *code < 14).collect()
}

fn code(sample_type: SampleType) -> u8 {
    types().into_iter().find(|(t, _)| *t == sample_type).expect("a type").1
}

prop_compose! {
    fn cubes()(
        // GDAL takes no file of one byte.
        (samples, lines, bands) in (2..6_usize, 1..5_usize, 1..5_usize),
        sample_type in proptest::sample::select(types().into_iter().map(|(t, _)| t).collect::<Vec<_>>()),
        interleave in proptest::sample::select(vec![Interleave::Bil, Interleave::Bip, Interleave::Bsq]),
        (big_endian, offset, nodata) in (any::<bool>(), 0..20_usize, any::<Option<u8>>()),
        unit in proptest::option::of(proptest::sample::select(vec![("Nanometers", 1.0), ("um", 1000.0)])),
        map in proptest::option::of([1.0..9.0, 1.0..9.0, 2e5..8e5, 1e6..9e6, 0.5..90.0, 0.5..90.0]),
    ) -> Cube {
        Cube { samples, lines, bands, sample_type, interleave, big_endian, offset, nodata, unit, map }
    }
}

prop_compose! {
    fn spellings()(
        case in 0..3_u8,
        equals in proptest::sample::select(vec![" = ", "=", "  =  ", "\t= ", "= "]),
        comma in proptest::sample::select(vec![", ", ",", " ,\n  ", ",\n"]),
        newline in proptest::sample::select(vec!["\n", "\r\n"]),
        between in proptest::sample::select(vec!["", "\n", "; a remark\n", "stray words\n", "vendor key = {a, b}\n"]),
        first in 0..8_usize,
    ) -> Spelling {
        Spelling { case, equals, comma, newline, between, first }
    }
}

impl Cube {
    fn entries(&self, comma: &str) -> Vec<(&'static str, String)> {
        let interleave = format!("{:?}", self.interleave);
        let mut entries = vec![
            ("samples", self.samples.to_string()),
            ("lines", self.lines.to_string()),
            ("bands", self.bands.to_string()),
            ("header offset", self.offset.to_string()),
            ("data type", code(self.sample_type).to_string()),
            (
                "interleave",
                if self.offset.is_multiple_of(2) { interleave.to_lowercase() } else { interleave.to_uppercase() },
            ),
            ("byte order", u8::from(self.big_endian).to_string()),
            ("file type", "ENVI Standard".to_owned()),
        ];
        entries.extend(self.nodata.map(|nodata| ("data ignore value", nodata.to_string())));
        if let Some((word, factor)) = self.unit {
            let list = |f: &dyn Fn(usize) -> f64| {
                format!("{{{}}}", (0..self.bands).map(|b| f(b).to_string()).collect::<Vec<_>>().join(comma))
            };
            entries.push(("wavelength units", word.to_owned()));
            entries.push(("wavelength", list(&|b| centre(b) / factor)));
            entries.push(("fwhm", list(&|_| 10.0 / factor)));
        }
        entries.extend(self.map.map(|m| {
            let numbers = m.map(|v| v.to_string()).join(comma);
            ("map info", format!("{{UTM{comma}{numbers}{comma}33{comma}North{comma}WGS-84{comma}units=Meters}}"))
        }));
        entries
    }

    fn header(&self, spelling: &Spelling) -> String {
        let mut entries = self.entries(spelling.comma);
        let n = entries.len();
        entries.rotate_left(spelling.first % n);
        let mut text = "ENVI\n".to_owned();
        for (key, value) in entries {
            let key = match spelling.case {
                0 => key.to_owned(),
                1 => key[..1].to_uppercase() + &key[1..],
                _ => key.to_uppercase(),
            };
            text += &format!("{}{key}{}{value}\n", spelling.between, spelling.equals);
        }
        text.replace('\n', spelling.newline)
    }

    /// Writes header and numbers; any pattern of bits may come, NaN included.
    fn write(&self, folder: &Path, header: &str) {
        let values = self.samples * self.lines * self.bands;
        let bytes = (0..self.offset + values * self.sample_type.size()).map(|i| (i * i * 31 + i * 7 + 3) as u8);
        std::fs::write(folder.join("cube.img"), bytes.collect::<Vec<u8>>()).expect("numbers");
        std::fs::write(folder.join("cube.hdr"), header).expect("header");
    }
}

fn centre(band: usize) -> f64 {
    2000.0 + 12.5 * band as f64
}

fn ours(folder: &Path) -> Result<Scene, String> {
    Scene::open(&folder.join("cube.img"), &SceneOptions::default()).map_err(|e| e.to_string())
}

fn gdals(folder: &Path) -> Option<Dataset> {
    gdal::config::set_error_handler(|_, _, _| {});
    let options = DatasetOptions { allowed_drivers: Some(&["ENVI"]), ..DatasetOptions::default() };
    let opened = Dataset::open_ex(folder.join("cube.img"), options).ok();
    gdal::config::remove_error_handler();
    opened
}

/// Both see one cube: its shape, its type, every value, its no-data value, its wavelengths, its place.
fn assert_same_cube(scene: &Scene, dataset: &Dataset) {
    let d = &scene.description;
    assert_eq!(dataset.raster_size(), (d.samples, d.lines));
    assert_eq!(dataset.raster_count(), d.bands);
    let layout = match d.interleave {
        Interleave::Bil => "LINE",
        Interleave::Bip => "PIXEL",
        Interleave::Bsq => "BAND",
    };
    assert_eq!(dataset.metadata_item("INTERLEAVE", "IMAGE_STRUCTURE").as_deref(), Some(layout));
    let all: Vec<usize> = (0..d.bands).collect();
    let window = Window { x: 0, y: 0, width: d.samples, height: d.lines };
    let tile = scene.reader(&all).expect("a reader").read(window).expect("a tile");
    for band in all {
        let theirs = dataset.rasterband(band + 1).expect("a band");
        assert_eq!(theirs.band_type(), type_of(d.sample_type));
        let read = theirs.read_as::<f64>((0, 0), theirs.size(), theirs.size(), None).expect("values");
        with_samples!(&tile.samples, values => {
            let ours = tile.band(values, band).map(|v| v.to_f64());
            let same = ours.zip(read.data()).filter(|(a, b)| a == *b || a.is_nan() && b.is_nan()).count();
            assert_eq!(same, d.samples * d.lines, "values of band {band}");
        });
        // Of 64-bit integers GDAL keeps it as such.
        if !matches!(d.sample_type, SampleType::I64 | SampleType::U64) {
            let both = (theirs.no_data_value(), d.nodata);
            assert!(both.0 == both.1 || matches!(both, (Some(a), Some(b)) if a.is_nan() && b.is_nan()), "{both:?}");
        }
        assert_same_wavelength(d, &theirs, band);
    }
    assert_eq!(dataset.geo_transform().ok(), d.grid.geotransform);
}

/// GDAL hands wavelengths on as text, with the file's word for their unit.
fn assert_same_wavelength(described: &Description, theirs: &RasterBand<'_>, band: usize) {
    let Ok(bands) = &described.spectral else { return };
    let text = theirs.metadata_item("wavelength", "").expect("a wavelength");
    let unit = theirs.metadata_item("wavelength_units", "").expect("a unit");
    let unit = WavelengthUnit::parse(&unit).expect("a unit");
    assert_eq!(unit.to_nanometers(text.trim().parse().expect("a number")), bands.centres[band]);
}

fn type_of(sample_type: SampleType) -> GdalDataType {
    match sample_type {
        SampleType::U8 => GdalDataType::UInt8,
        SampleType::I8 => unreachable!("ENVI has no signed bytes"),
        SampleType::U16 => GdalDataType::UInt16,
        SampleType::I16 => GdalDataType::Int16,
        SampleType::U32 => GdalDataType::UInt32,
        SampleType::I32 => GdalDataType::Int32,
        SampleType::U64 => GdalDataType::UInt64,
        SampleType::I64 => GdalDataType::Int64,
        SampleType::F32 => GdalDataType::Float32,
        SampleType::F64 => GdalDataType::Float64,
    }
}

/// What GDAL takes for something else: a first line with white space before it; keys with other white space than one space within, a remark within a list, a single
/// value in braces or a list without, and a brace that opens anywhere but at the start of a value, up to the next that closes.
fn misunderstood(header: &str) -> bool {
    let mut within = false;
    !header.starts_with("ENVI")
        || header.lines().skip(1).any(|line| {
            if within {
                within = !line.contains('}');
                return line.trim_start().starts_with(';') || line.contains('{');
            }
            let Some((key, value)) = line.split_once('=') else { return line.contains('{') };
            within = value.contains('{') && !value.contains('}');
            let named = key.trim_end();
            let spaced = named.starts_with(char::is_whitespace) || named.contains("  ") || named.contains('\t');
            let list = ["wavelength", "fwhm", "map info", "vendor key"].iter().any(|k| named.eq_ignore_ascii_case(k));
            let braced = value.trim_start().starts_with('{');
            spaced || key.contains(['{', ';']) || if list { !braced } else { value.contains('{') }
        })
}

/// Damage to a header: a place, and what is done there.
#[derive(Debug, Clone)]
enum Damage {
    Drop,
    Repeat,
    /// Another value.
    Value(&'static str),
    /// A character more.
    Insert(usize, char),
    /// A character less.
    Remove(usize),
}

fn damages() -> impl Strategy<Value = Vec<(usize, Damage)>> {
    let values = vec![
        "",
        "0",
        "1",
        "-1",
        "3",
        "3.0",
        "3x",
        "4",
        "14",
        "99999999999",
        "1e3",
        "nan",
        "{",
        "}",
        "{1, 2}",
        "{1}",
        "bil",
        "bsqx",
        "ENVI Standard",
        "ENVI Classification",
        "Index",
    ];
    let kind = prop_oneof![
        Just(Damage::Drop),
        Just(Damage::Repeat),
        proptest::sample::select(values).prop_map(Damage::Value),
        (0..60_usize, proptest::sample::select("= {},;01x-.\n\t".chars().collect::<Vec<_>>()))
            .prop_map(|(at, c)| Damage::Insert(at, c)),
        (0..60_usize).prop_map(Damage::Remove),
    ];
    proptest::collection::vec((0..40_usize, kind), 1..4)
}

fn damaged(header: &str, damages: &[(usize, Damage)]) -> String {
    let mut lines: Vec<String> = header.lines().map(str::to_owned).collect();
    for (line, damage) in damages {
        let line = line % lines.len().max(1);
        let Some(text) = lines.get_mut(line) else { continue };
        let place = |at: usize| text.char_indices().map(|(i, _)| i).nth(at % text.chars().count().max(1));
        match damage {
            Damage::Drop => drop(lines.remove(line)),
            Damage::Repeat => lines.insert(line, lines[line].clone()),
            Damage::Value(value) => {
                *text = format!("{} = {value}", text.split('=').next().unwrap_or_default().trim_end())
            }
            Damage::Insert(at, c) => text.insert(place(*at).unwrap_or(0), *c),
            Damage::Remove(at) => drop(place(*at).map(|at| text.remove(at))),
        }
    }
    lines.join("\n") + "\n"
}

/// The same cases on every machine: GDAL is another program, of another version on each. `PROPTEST_RNG_SEED` and
/// `PROPTEST_CASES` look further.
fn always_the_same(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let wide = std::env::var_os("PROPTEST_CASES").is_some();
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { asked.rng_seed };
    ProptestConfig { cases: if wide { asked.cases } else { cases }, rng_seed, failure_persistence: None, ..asked }
}

#[test]
fn alunite_refuses_where_gdal_guesses() {
    let header = "ENVI\nsamples = 4\nlines = 3\nbands = 2\nheader offset = 0\ndata type = 1\ninterleave = bsq\nbyte order = 0\n\
                  file type = ENVI Standard\n";
    for (what, (line, instead), guess) in STRICTER {
        let folder = tempfile::tempdir().unwrap();
        let header = if line.is_empty() { format!("{header}{instead}\n") } else { header.replacen(line, instead, 1) };
        std::fs::write(folder.path().join("cube.img"), [7; 24]).unwrap();
        std::fs::write(folder.path().join("cube.hdr"), &header).unwrap();
        let refused = ours(folder.path()).map(|_| ()).unwrap_err();
        assert!(refused.contains(what), "{what}: {refused}");
        assert!(gdals(folder.path()).is_some(), "{what}: GDAL does not guess ({guess}) any more\n{header}");
    }
}

proptest! {
    #![proptest_config(always_the_same(200))]

    #[test]
    fn a_header_is_read_alike_however_it_is_written(cube in cubes(), spelling in spellings()) {
        let folder = tempfile::tempdir().unwrap();
        let header = cube.header(&spelling);
        prop_assert!(!misunderstood(&header), "{header}");
        cube.write(folder.path(), &header);
        let scene = ours(folder.path()).unwrap();
        let d = &scene.description;
        prop_assert_eq!((d.samples, d.lines, d.bands), (cube.samples, cube.lines, cube.bands));
        prop_assert_eq!((d.sample_type, d.interleave), (cube.sample_type, cube.interleave));
        prop_assert_eq!(d.nodata, cube.nodata.map(f64::from));
        prop_assert_eq!(d.spectral.is_ok(), cube.unit.is_some());
        assert_same_cube(&scene, &gdals(folder.path()).expect("GDAL reads it"));
        let corner = cube.map.map(|[x, y, east, north, width, height]| {
            [east - (x - 1.0) * width, width, 0.0, north + (y - 1.0) * height, 0.0, -height]
        });
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
        match (corner, d.grid.geotransform) {
            (Some(expected), Some(found)) => prop_assert!(expected.iter().zip(&found).all(near), "{expected:?} {found:?}"),
            (expected, found) => prop_assert_eq!(expected, found),
        }
    }
}

proptest! {
    #![proptest_config(always_the_same(1000))]

    #[test]
    fn of_a_damaged_header_both_read_the_same_or_alunite_says_what_gdal_guesses(
        cube in cubes(), spelling in spellings(), damages in damages()
    ) {
        let folder = tempfile::tempdir().unwrap();
        let header = damaged(&cube.header(&spelling), &damages);
        cube.write(folder.path(), &header);
        match (ours(folder.path()), gdals(folder.path())) {
            (Ok(scene), Some(dataset)) if !misunderstood(&header) => assert_same_cube(&scene, &dataset),
            (Ok(scene), None) => {
                let known = types().iter().any(|(t, _)| *t == scene.description.sample_type);
                prop_assert!(!known || misunderstood(&header), "{header}\n{:?}", scene.description.notes);
            }
            (Err(refused), Some(_)) => {
                let known = STRICTER.iter().any(|(what, _, _)| refused.contains(what));
                prop_assert!(known || misunderstood(&header), "{refused}\n{header}");
            }
            _ => {}
        }
    }
}

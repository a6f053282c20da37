//! The demo is what it says: files that agree, fixed bits, and a map that a naive spectral angle gets right.

use super::*;
use crate::envi::{Header, find_pair};
use crate::library::resample::Resampler;
use crate::library::{Axis, Library, Spectrum};
use crate::spectrum::WavelengthRange;
use crate::tile::SampleType;

const SMALL: Settings = Settings { lines: 60, samples: 50, seed: 1 };

fn values(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn the_files_agree_with_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let demo = write(dir.path(), &SMALL).unwrap();
    let cube = values(&demo.scene);
    assert_eq!(cube.len(), 60 * 50 * 285);
    let good = sensor::good(&sensor::emit());
    for (pixel, &class) in demo.truth.dominant.iter().enumerate() {
        let (line, sample) = (pixel / 50, pixel % 50);
        let spectrum: Vec<f32> = (0..285).map(|band| cube[(line * 285 + band) * 50 + sample]).collect();
        if class == Truth::NODATA {
            assert!(spectrum.iter().all(|&v| v == -9999.0));
        } else {
            assert!(spectrum.iter().zip(&good).all(|(&v, &good)| if good { v > -0.02 && v < 1.2 } else { v == -0.01 }));
        }
    }
    let outside = demo.truth.dominant.iter().filter(|&&c| c == Truth::NODATA).count();
    assert!((150..600).contains(&outside), "{outside} pixels outside the swath");

    let truth = values(&demo.truth_file);
    assert_eq!(truth.len(), 2 * 3000);
    assert!(truth[3000..].iter().zip(&demo.truth.fraction).all(|(a, b)| a == b || *a == -9999.0));
    let library = Library::open(&demo.library, None).unwrap();
    assert_eq!(library.spectra.len(), 16);
    assert!(library.spectra.iter().zip(&demo.targets).all(|(spectrum, name)| spectrum.name == *name));
}

#[test]
fn the_headers_describe_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let demo = write(dir.path(), &SMALL).unwrap();
    let headers = [(&demo.scene, 285), (&demo.truth_file, 2)];
    let [scene, truth] = headers.map(|(path, bands)| {
        let (data, header) = find_pair(path).unwrap();
        let header = Header::read(&header).unwrap();
        header.check_size(&data, &[("lines", 60), ("samples", 50), ("bands", bands)]).unwrap();
        assert_eq!((header.sample_type().unwrap(), header.big_endian().unwrap()), (SampleType::F32, false));
        assert_eq!(header.number("data ignore value").unwrap(), Some(-9999.0));
        assert!(header.notes().is_empty() && header.text("map info").unwrap().contains("38, North"));
        header
    });
    assert!(scene.text("description").unwrap().contains("not measured"));
    assert_eq!(scene.bands(285, None).unwrap().bands, sensor::emit());
    let flags: Vec<bool> = scene.list_of("bbl", 285).unwrap().unwrap().iter().map(|&v| v == 1.0).collect();
    assert_eq!(flags, sensor::good(&sensor::emit()));
    assert_eq!(truth.names("band names").unwrap(), ["dominant mineral", "fraction"]);
    assert!(std::fs::read_dir(dir.path()).unwrap().count() == 5, "nothing unfinished is left");
}

#[test]
fn one_seed_gives_the_same_bits_everywhere_and_another_gives_another_scene() {
    let dir = tempfile::tempdir().unwrap();
    let hash = |settings: &Settings| {
        let demo = write(dir.path(), settings).unwrap();
        blake3::hash(&std::fs::read(demo.scene).unwrap()).to_hex().to_string()
    };
    let small = Settings { lines: 12, samples: 10, seed: 1 };
    assert_eq!(hash(&small), hash(&small));
    assert_ne!(hash(&small), hash(&Settings { seed: 2, ..small }));
    // Changes when the demo is changed on purpose; that it is the same on every machine is what this line keeps.
    assert_eq!(hash(&small)[..16], *"36175487d935fd09");
}

#[test]
fn a_scene_without_pixels_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(write(dir.path(), &Settings { lines: 0, ..SMALL }).is_err());
}

/// Shares of pixels, by class of the truth, that a spectral angle maps right; class 0 is right when left unclassified.
struct Agreement {
    /// Of the pixels that are at least 0.9 of their class: for each class the number right, and the number.
    pure: Vec<(f64, f64)>,
    /// The same of the pixels that are 0.5 to 0.9 of their class.
    mixed: Vec<(f64, f64)>,
}

fn share(counts: &[(f64, f64)]) -> f64 {
    counts.iter().map(|c| c.0).sum::<f64>() / counts.iter().map(|c| c.1).sum::<f64>()
}

fn unit(x: impl Iterator<Item = f64>) -> Vec<f64> {
    let x: Vec<f64> = x.collect();
    let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
    x.into_iter().map(|v| v / norm).collect()
}

/// The spectral angle mapper in its plainest form, over `ranges` and the good bands.
fn naive_sam(demo: &Demo, settings: &Settings, ranges: &[&str], threshold: f64) -> Agreement {
    let ranges: Vec<WavelengthRange> = ranges.iter().map(|r| r.parse().unwrap()).collect();
    let bands = sensor::emit();
    let good = sensor::good(&bands);
    let in_use = |b: &usize| good[*b] && ranges.iter().any(|r| r.contains(bands.centres[*b]));
    let used: Vec<usize> = (0..bands.len()).filter(in_use).collect();
    let library = Library::open(&demo.library, None).unwrap();
    let Ok(Axis::Wavelengths(axis)) = &library.axis else { panic!("no wavelengths") };
    let resampler = Resampler::new(axis, &bands.select(&used));
    let target = |s: &Spectrum| unit(resampler.apply(&s.values).values.into_iter());
    let targets: Vec<Vec<f64>> = library.spectra[..demo.targets.len()].iter().map(target).collect();
    let cube = values(&demo.scene);
    let none = vec![(0.0, 0.0); targets.len() + 1];
    let mut found = Agreement { pure: none.clone(), mixed: none };
    for (pixel, (&class, &fraction)) in demo.truth.dominant.iter().zip(&demo.truth.fraction).enumerate() {
        if class == Truth::NODATA || fraction < 0.5 {
            continue;
        }
        let (line, sample) = (pixel / settings.samples, pixel % settings.samples);
        let at = |band: &usize| f64::from(cube[(line * bands.len() + band) * settings.samples + sample]);
        let x = unit(used.iter().map(at));
        let angles = targets.iter().map(|t| x.iter().zip(t).map(|(a, b)| a * b).sum::<f64>().min(1.0).acos());
        let (best, angle) = (1..).zip(angles).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let right = class == if angle <= threshold { best } else { 0 };
        let counts = if fraction >= 0.9 { &mut found.pure } else { &mut found.mixed };
        let count = &mut counts[usize::from(class)];
        *count = (count.0 + f64::from(u8::from(right)), count.1 + 1.0);
    }
    found
}

#[test]
fn a_naive_spectral_angle_maps_the_demo() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { lines: 180, samples: 150, seed: 1 };
    let demo = write(dir.path(), &settings).unwrap();
    let found = naive_sam(&demo, &settings, &RANGES, SAM_THRESHOLD);
    assert!(share(&found.pure[1..]) >= 0.98, "pure pixels: {:?}", found.pure);
    for (count, name) in found.pure[1..].iter().zip(&demo.targets) {
        assert!(count.1 >= 20.0 && share(&[*count]) >= 0.95, "{name}: {count:?}");
    }
    assert!(share(&found.pure[..1]) >= 0.98, "background: {:?}", found.pure[0]);
    assert!(share(&found.mixed[1..]) >= 0.7, "mixed pixels: {:?}", found.mixed);
}

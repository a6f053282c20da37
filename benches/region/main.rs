//! A region: 15,409 km² at 30 m, 17.1 million pixels of 224 bands in i16, mapped with `sam` and `mf` over 38 minerals.
//!
//! `cargo bench --bench region` makes the scene and two smaller ones of the same ground, each as raw ENVI (7.7 GB the
//! largest) and as tiled GeoTIFF, in `ALUNITE_BENCH_DIR` (default `target/bench`), and maps them in turns: time, memory
//! under a ceiling, and whether a pixel costs the same however large the scene. Maps are checked against the f64
//! formula and against the ground's truth. `-- "ENVI BIL"` or `-- 1.0` runs some, `-- --record` keeps the rows.

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;

use alunite::tile::{Interleave, SampleType};
use common::arguments::Arguments;
use common::ground::Ground;
use common::row::Row;
use common::scene::{Format, Shape, folder, scene};
use common::sensor::enmap;
use common::timing::{Timed, in_turns};
use common::{library, process, record, run};

/// Lines and samples: a million pixels, four, and the region.
const SIZES: [(usize, usize); 3] = [(1000, 1000), (2000, 2000), (4176, 4100)];
/// Formats with the ceiling on memory.
const FORMATS: [(Format, &str); 2] = [(Format::Envi(Interleave::Bil), "1GiB"), (Format::Tiff("DEFLATE"), "1GiB")];
/// Only to see that all runs.
const TRIAL: (usize, usize) = (60, 400);

/// A pixel is nearly pure from this share on.
const PURE: f32 = 0.9;
/// Share of the nearly pure pixels that must be given their mineral: noise, and the others' tenth, mislead some.
const FOUND: f64 = 0.9;
/// The truth is looked up in one pixel of so many.
const EVERY: usize = 97;

fn main() {
    let arguments = Arguments::new();
    let outputs = tempfile::tempdir().expect("a temporary folder");
    let kept = if arguments.timing { folder() } else { outputs.path().to_owned() };
    let sizes = if arguments.timing { &SIZES[..] } else { &[TRIAL] };
    let ground = Ground::new(enmap(), true);
    let minerals = outputs.path().join("library.csv");
    library::write(&minerals, library::MINERALS);
    for (format, ceiling) in FORMATS {
        let shapes = sizes.iter().map(|&(lines, samples)| Shape { lines, samples, sample_type: SampleType::I16 });
        let shapes: Vec<Shape> = shapes.filter(|s| arguments.wants(&name(format, *s))).collect();
        let mut peaks = vec![0.0_f64; shapes.len()];
        let mut turns = Vec::new();
        for (shape, peak) in shapes.iter().zip(&mut peaks) {
            let path = scene(&kept, &ground, *shape, format);
            let out = outputs.path().join(name(format, *shape).replace(['/', ' '], "-"));
            let (minerals, checked) = (&minerals, path.clone());
            let mut map = move |out: &Path| {
                let more = ["--method", "sam,mf", "--max-memory", ceiling];
                let spent = process::run(&mut run::map(&path, minerals, out, &more));
                *peak = spent.peak_mib.max(*peak);
                spent.seconds
            };
            let first = map(&out);
            run::check(&run::plan(&checked, minerals), &out);
            check(&ground, *shape, &out);
            turns.push(Timed::new(arguments.repeats_of(first.max(1.0)), move || map(&out)));
        }
        in_turns(&mut turns.iter_mut().collect::<Vec<_>>(), || ());
        let seconds: Vec<Vec<f64>> = turns.into_iter().map(|t| t.seconds).collect();
        let mut of_format: Vec<Row> = Vec::new();
        for ((shape, seconds), peak) in shapes.iter().zip(&seconds).zip(peaks) {
            let row = Row::new(&name(format, *shape), "alunite cpu", env!("CARGO_PKG_VERSION"));
            let row = row.of(ground.bands.len(), "int16", library::MINERALS, shape.pixels()).timed(seconds);
            let row = row.moving((shape.pixels() * ground.bands.len() * size_of::<i16>()) as f64).resident(peak);
            // What the pixels would take at the cost that they have in the smallest scene.
            let smallest = of_format.first().unwrap_or(&row);
            let cost = smallest.median_s.zip(smallest.pixels).map_or(0.0, |(s, pixels)| s / pixels as f64);
            of_format.push(row.within("a pixel's cost in the smallest scene", cost * shape.pixels() as f64));
        }
        record::report("region", of_format, arguments.record);
    }
}

/// Such as `ENVI BIL, 17.1 Mpx`.
fn name(format: Format, shape: Shape) -> String {
    format!("{}, {:.1} Mpx", format.name(), shape.pixels() as f64 / 1e6)
}

/// Classes are those of the formula and, where a mineral fills nearly all of a pixel, those of the ground.
fn check(ground: &Ground, shape: Shape, out: &Path) {
    let classes = run::classes(&out.join("sam_classes.tif"));
    let (mut pure, mut found) = (0_usize, 0_usize);
    for at in (0..classes.len()).step_by(EVERY) {
        let truth = ground.dominant(at / shape.samples, at % shape.samples, shape.samples);
        match truth {
            None => assert_eq!(classes[at], u8::MAX, "pixel {at} lies outside the border"),
            Some((material, share)) if share >= PURE && material < library::MINERALS => {
                pure += 1;
                found += usize::from(usize::from(classes[at]) == material + 1);
            }
            Some(_) => assert_ne!(classes[at], u8::MAX, "pixel {at} has data"),
        }
    }
    assert!(found as f64 >= FOUND * pure as f64, "{found} of {pure} nearly pure pixels are given their mineral");
}

//! How little of a mineral the methods find: writes `docs/planted.md`.
//!
//! `cargo bench --bench planted` measures areas, not times. Run as a test it makes one small scene and writes nothing.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::path::Path;

use alunite::spectrum::WavelengthRange;
use alunite::synthetic::planted::Settings;

#[path = "../tests/common/planted.rs"]
mod planted;

use planted::{CLEAR, EVERY, METHODS, MINERALS, SHARES, areas, head, label, row};

const LINES: usize = 200;
const SAMPLES: usize = 160;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// Where the minerals' absorptions lie; the range in which the angle is at its best.
const NARROW: &str = "2.05um-2.45um";

/// One area for each share and method.
type Areas = [[f64; METHODS.len()]; SHARES.len()];

/// What was measured of one mineral.
struct Measured {
    mineral: &'static str,
    /// Means of the seeds, over all good bands.
    areas: Areas,
    /// Means of the seeds, over [`NARROW`].
    narrow: Areas,
    /// The largest difference between two seeds, of `areas`: the angle's, and that of the other methods.
    spread: [f64; 2],
}

fn main() {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    // `cargo bench` says --bench, `cargo test` does not; --test is what people say for a trial run.
    if !given("--bench") || given("--test") {
        let settings =
            Settings { lines: 30, samples: 20, seed: 1, mineral: MINERALS[0], share: SHARES[4], every: EVERY };
        let areas = areas(&settings, &[]);
        assert!(areas.iter().all(|area| (0.0..=1.0).contains(area)), "{areas:?}");
        println!("{}\n{}", head(), numbers(settings.share, &areas));
        return;
    }
    let measured = MINERALS.map(measure);
    check(&measured);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/planted.md");
    std::fs::write(&file, page(&measured)).unwrap();
    println!("wrote {}", file.display());
}

fn measure(mineral: &'static str) -> Measured {
    println!("{mineral}\n{}", head());
    let narrow: WavelengthRange = NARROW.parse().unwrap();
    let mut measured = Measured { mineral, areas: Areas::default(), narrow: Areas::default(), spread: [0.0; 2] };
    for (s, share) in SHARES.into_iter().enumerate() {
        let of_seeds = |wavelengths: &[WavelengthRange]| -> Vec<[f64; METHODS.len()]> {
            let scene = |seed| Settings { lines: LINES, samples: SAMPLES, seed, mineral, share, every: EVERY };
            SEEDS.map(|seed| areas(&scene(seed), wavelengths)).collect()
        };
        let (all, narrow) = (of_seeds(&[]), of_seeds(&[narrow]));
        for m in 0..METHODS.len() {
            let of_method = |seeds: &[[f64; METHODS.len()]]| seeds.iter().map(|areas| areas[m]).collect::<Vec<f64>>();
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            measured.areas[s][m] = mean(of_method(&all));
            measured.narrow[s][m] = mean(of_method(&narrow));
            let [low, high] = extent(of_method(&all));
            let spread = &mut measured.spread[usize::from(METHODS[m] != "sam")];
            *spread = spread.max(high - low);
        }
        println!("{}", numbers(share, &measured.areas[s]));
    }
    measured
}

fn extent(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    values.into_iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
}

/// Holds the measured areas to what the page says of them in words: a page that were wrong is not written.
fn check(measured: &[Measured]) {
    for Measured { mineral, areas, narrow, .. } in measured {
        for (s, share) in SHARES.into_iter().enumerate() {
            let [sam, mf, ace, cem] = areas[s];
            let at = format!("{mineral}, {}", label(share));
            if share < 0.05 {
                assert!(mf.min(ace) > sam + CLEAR, "{at}: mf and ace are not clearly above sam");
                assert!(mf.min(ace) > narrow[s][0], "{at}: sam over {NARROW} is above mf or ace over all bands");
            } else {
                assert!(mf.min(ace).min(cem) > 0.98, "{at}: a filter misses some");
            }
            assert!(narrow[s][0] > sam, "{at}: sam is not better over {NARROW}");
            let rises = |m: usize| s == 0 || areas[s][m] > areas[s - 1][m] || areas[s][m] > 0.9995;
            assert!((0..METHODS.len()).all(rises), "{at}: an area is not above that of a smaller share");
        }
        let [sam, mf, ace, cem] = areas[0];
        assert!(sam < 0.55 && extent([mf, ace, cem])[1] < 0.8, "{mineral}: more is found of the least share");
    }
}

/// A row of a mineral's table.
fn numbers(share: f64, areas: &[f64]) -> String {
    row(&label(share), &areas.iter().map(|area| format!("{area:.3}")).collect::<Vec<_>>())
}

fn rule(columns: usize) -> String {
    format!("|{}", "---|".repeat(columns + 1))
}

/// `docs/planted.md`.
fn page(measured: &[Measured]) -> String {
    let least = |methods: std::ops::Range<usize>| {
        let [low, high] = extent(measured.iter().flat_map(|m| m.areas[0][methods.clone()].to_vec()));
        format!("{low:.2} to {high:.2}")
    };
    let [of_sam, of_filters] = [0, 1].map(|i| extent(measured.iter().map(|m| m.spread[i]))[1]);
    let mut text = format!(
        "# How little of a mineral the methods find

A synthetic scene in which one pixel in {EVERY} holds a little of one mineral, in known places; how well does each method
tell those pixels from the others? The number is the area under the ROC curve: the chance that a pixel with the mineral
scores above a pixel without it. 0.5 is chance, 1 is perfect. Made, with this page, by

```sh
cargo bench --bench planted
```

## The scene

{LINES} × {SAMPLES} pixels in EMIT's bands (241 of 285; the others lie in water vapour), with noise like EMIT's. Every pixel
is a linear mixture of andesite, soil, dry grass and green plants, whose shares vary over the ground and a little from
pixel to pixel, with traces (up to 8 % each) of muscovite, montmorillonite, chlorite, goethite, hematite and calcite;
sunlight on the slopes varies from 0.4 to 1.2 of that on flat ground. The planted mineral takes its share from all the
others alike and lies nowhere else. The target is its spectrum in the library; the background is the whole scene, planted
pixels too. Each area is the mean of {} scenes; between these, the angle's areas differ by up to {of_sam:.2}, those of the
filters by up to {of_filters:.2}.

## What to read in it, and what not

- Below 5 %, `mf` and `ace` are well above `sam`, which compares the whole shape of a mixture with the pure mineral:
  what covers the ground decides the angle, and not the little in it. `sam` is for pixels that a mineral fills.
- At 0.5 % the angle is no better than chance, or hardly ({}). The filters are better than chance, but far
  from sure ({}): no map could be drawn from them.
- From 5 % on, the filters find all, or nearly all.
- `sam` is better over the minerals' absorptions alone (last table), and still below `mf` and `ace` over all bands.
- **The scene flatters the filters.** Its mixtures are linear, each material has one spectrum, and the target is
  exactly the mineral that was planted. On real ground spectra vary with grain size, composition and weathering, mix
  in ways that are not linear, are not those of the library, and keep traces of the atmosphere. Expect less.
- An area says how well pixels are ordered, not how many a threshold finds. Where a mineral is rare, an area of
  0.9 can still mean more false alarms than finds.
",
        SEEDS.count(),
        least(0..1),
        least(1..METHODS.len()),
    );
    let mut add = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for Measured { mineral, areas, .. } in measured {
        add(&format!("\n## {mineral}\n\n{}\n{}", head(), rule(METHODS.len())));
        SHARES.iter().zip(areas).for_each(|(share, areas)| add(&numbers(*share, areas)));
    }
    let names: Vec<String> = measured.iter().map(|m| m.mineral.to_owned()).collect();
    add(&format!("\n## `sam` with `--wavelengths {NARROW}`\n\n{}\n{}", row("share", &names), rule(names.len())));
    for (s, share) in SHARES.into_iter().enumerate() {
        add(&numbers(share, &measured.iter().map(|m| m.narrow[s][0]).collect::<Vec<f64>>()));
    }
    text
}

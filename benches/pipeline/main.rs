//! From a scene on disk to finished maps by the program itself, beside its own parts alone and beside rivals.
//!
//! `cargo bench --bench pipeline` makes scenes of one and two gigabytes (`ALUNITE_BENCH_DIR`, default `target/bench`) that
//! then lie in the page cache. Each run is held against reading alone and mapping alone, both with all cores, measured in
//! turns with it: raw files against their sum, compressed ones, whose decoding overlaps, against the larger and a tenth of
//! the smaller. Positioned reads of the file, which no reader can beat, are measured too, and what GDAL and the HDF5 library
//! take to decode what alunite decodes past them. Maps are checked against the f64 formula, and rivals' against ours, before
//! anything is timed.
//! `-- BIL` runs some cases, `-- --record` keeps the rows in `benches/results`.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod rivals;

use std::path::Path;

use alone::Alone;
use alunite::spectrum::Bands;
use alunite::synthetic::sensor::emit;
use alunite::tile::Interleave::{Bil, Bip, Bsq};
use alunite::tile::SampleType;
use common::arguments::Arguments;
use common::ground::Ground;
use common::row::Row;
use common::scene::{Format, Shape, folder, scene};
use common::sensor::enmap;
use common::timing::{Timed, in_turns};
use common::{library, process, record, run};
use rivals::Rival;

/// A scene, and what it is mapped to.
struct Case {
    format: Format,
    bands: fn() -> Bands,
    shape: Shape,
    targets: usize,
    rival: Option<Rival>,
}

const fn shape(lines: usize, samples: usize, sample_type: SampleType) -> Shape {
    Shape { lines, samples, sample_type }
}

/// EMIT's bands in f32, two gigabytes.
const fn large(format: Format, rival: Option<Rival>) -> Case {
    Case { format, bands: emit, shape: shape(1200, 1500, SampleType::F32), targets: 40, rival }
}

/// EnMAP's bands in i16, one gigabyte.
const fn integers(format: Format) -> Case {
    Case { format, bands: enmap, shape: shape(1500, 1500, SampleType::I16), targets: 40, rival: None }
}

/// A granule of EMIT as it is delivered, 1.8 GB inflated.
const GRANULE: Case =
    Case { format: Format::Emit, bands: emit, shape: shape(1280, 1242, SampleType::F32), targets: 40, rival: None };

/// The size and endmembers of OTB's own example, more or less.
const fn small(format: Format) -> Case {
    let shape = shape(768, 768, SampleType::I16);
    Case { format, bands: enmap, shape, targets: 6, rival: Some(Rival::Otb) }
}

const CASES: [Case; 9] = [
    large(Format::Envi(Bil), Some(Rival::Numpy)),
    large(Format::Envi(Bip), None),
    large(Format::Envi(Bsq), None),
    integers(Format::Envi(Bil)),
    integers(Format::Tiff("DEFLATE")),
    integers(Format::Tiff("ZSTD")),
    GRANULE,
    small(Format::Envi(Bil)),
    small(Format::Tiff("DEFLATE")),
];

/// What a case is measured on where only the run matters.
const TRIAL: (usize, usize) = (40, 100);

fn main() {
    let arguments = Arguments::new();
    let outputs = tempfile::tempdir().expect("a temporary folder");
    let kept = if arguments.timing { folder() } else { outputs.path().to_owned() };
    for case in CASES.iter().filter(|c| arguments.wants(&c.name())) {
        record::report("pipeline", case.run(&arguments, &kept, outputs.path()), arguments.record);
    }
}

impl Case {
    /// Such as `ENVI BIL 285 float32/40`; the sizes of small scenes too.
    fn name(&self) -> String {
        let sample_type = self.shape.sample_type.name();
        let size = if self.rival == Some(Rival::Otb) { "768x768x" } else { "" };
        format!("{} {size}{} {sample_type}/{}", self.format.name(), (self.bands)().len(), self.targets)
    }

    fn run(&self, arguments: &Arguments, scenes: &Path, outputs: &Path) -> Vec<Row> {
        let (lines, samples) = if arguments.timing { (self.shape.lines, self.shape.samples) } else { TRIAL };
        let shape = Shape { lines, samples, ..self.shape };
        let ground = Ground::new((self.bands)(), false);
        let (bands, sample_type) = (ground.bands.len(), shape.sample_type.name());
        let (path, targets, out) = (scene(scenes, &ground, shape, self.format), self.targets, outputs.join("maps"));
        let minerals = outputs.join("library.csv");
        library::write(&minerals, targets);
        let mut peaks = (0.0, 0.0);
        let mut ours = || {
            let spent = process::run(&mut run::map(&path, &minerals, &out, &[]));
            peaks.0 = spent.peak_mib.max(peaks.0);
            spent.seconds
        };
        let first = ours();
        let planned = run::plan(&path, &minerals);
        run::check(&planned, &out);
        let job = rivals::Job::new(&planned, outputs);
        let version = self.rival.and_then(Rival::version);
        let rival = self.rival.zip(version.as_deref());
        let mut theirs = |rival: Rival| {
            let spent = process::run(&mut rival.command(&job));
            peaks.1 = spent.peak_mib.max(peaks.1);
            spent.seconds
        };
        if let Some((rival, _)) = rival {
            theirs(rival);
            job.check(rival, &run::classes(&out.join("sam_classes.tif")));
        }
        let alone = Alone::new(&planned);

        let repeats = arguments.repeats_of(first.max(1.0));
        let mut turns = vec![
            Timed::new(repeats, ours),
            Timed::new(repeats, || alone.reading()),
            Timed::new(repeats, || alone.kernel()),
            Timed::new(repeats, || alone.positioned()),
        ];
        match self.format {
            Format::Envi(_) => {}
            Format::Emit => turns.push(Timed::new(repeats, || alone.hdf5())),
            Format::Tiff(_) => turns.push(Timed::new(repeats, || alone.gdal())),
        }
        if let Some((rival, _)) = rival {
            turns.push(Timed::new(repeats, move || theirs(rival)));
        }
        in_turns(&mut turns.iter_mut().collect::<Vec<_>>(), || ());
        let seconds: Vec<Vec<f64>> = turns.into_iter().map(|t| t.seconds).collect();

        let row = |who: &str, version: &str| {
            Row::new(&self.name(), who, version).of(bands, sample_type, targets, shape.pixels())
        };
        let bytes = (shape.pixels() * bands * shape.sample_type.size()) as f64;
        let of = |who: &str, seconds: &[f64]| row(who, env!("CARGO_PKG_VERSION")).timed(seconds).moving(bytes);
        let (reading, kernel) = (of("reading alone", &seconds[1]), of("kernel alone", &seconds[2]));
        let on_disk = std::fs::metadata(&path).expect("the scene").len() as f64;
        let positioned = Row::new(&self.name(), "ceiling", "positioned reads").timed(&seconds[3]).moving(on_disk);
        let (bound, least) = self.least(reading.median_s.unwrap_or(0.0), kernel.median_s.unwrap_or(0.0));
        let ours = of("alunite cpu", &seconds[0]).within(bound, least).resident(peaks.0);
        let theirs = rival.zip(seconds.last()).map(|((rival, version), seconds)| {
            let row = row(rival.who(), version).timed(seconds).moving(bytes).beside(&ours);
            // OTB is started by a script, whose memory tells nothing.
            if rival == Rival::Otb { row } else { row.resident(peaks.1) }
        });
        let library = match self.format {
            Format::Envi(_) => None,
            Format::Emit => {
                let (major, minor, patch) = hdf5_metno::library_version();
                Some(("decoding by HDF5", format!("{major}.{minor}.{patch}")))
            }
            Format::Tiff(_) => Some(("decoding by GDAL", gdal::version::version_info("RELEASE_NAME"))),
        };
        let library = library.map(|(who, version)| row(who, &version).timed(&seconds[4]).moving(bytes).beside(&ours));
        [ours, reading, kernel, positioned].into_iter().chain(library).chain(theirs).collect()
    }

    /// The least time that the parts allow: both need the cores, but decoding waits for the disk and for itself too.
    fn least(&self, reading: f64, kernel: f64) -> (&'static str, f64) {
        match self.format {
            Format::Envi(_) => ("reading + kernel", reading + kernel),
            Format::Emit | Format::Tiff(_) => {
                ("the larger of decoding and kernel + a tenth", reading.max(kernel) + 0.1 * reading.min(kernel))
            }
        }
    }
}

//! Two maps, two runs, or a map and labels: what they agree in.
//!
//! ```text
//! A, B --> Side: a run's class map, or a raster --> same size and place
//!                       |
//!           names --> Matching --> each pixel's pair of classes --> Confusion --> agreement, kappa, classes
//!                                             |
//!                                             +--> Preview --> picture
//! ```
//!
//! Rasters are read in strips of lines; memory grows with the pairs of classes that occur, not with the map.

mod confusion;
mod matching;
mod runs;
mod scores;
mod side;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use confusion::{ClassAgreement, Confusion};
pub use matching::Matched;
pub use runs::{Fact, scenes};
pub use scores::{Apart, apart};
pub use side::{SideFacts, read_report};

use crate::error::{Error, Result};
use crate::map::Preview;
use crate::map::difference::{self, Difference};
use matching::{Matching, is_unclassified};
use side::{Side, same_grid};

/// Most pairs of classes that are counted: 4 Mi take some 200 MB, and no two maps of one ground have so many.
const MOST_PAIRS: usize = 4 << 20;

/// Longest side of the picture's map, in pixels of the map that are shown.
const PICTURE_SIDE: usize = 1200;

/// In a preview: left out of the comparison. Classes are fewer.
const LEFT_OUT: u16 = u16::MAX;

/// How two are compared.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The methods whose class maps are compared, of A and of B where they are runs; each run's first unless given.
    pub methods: [Option<String>; 2],
    /// Which classes are the same.
    pub matched: Matched,
    /// Whether B holds labels: its pixels of value 0, or of a class called unclassified, say nothing and are left out.
    pub labels: bool,
    /// Whether pixels are compared wherever the rasters lie.
    pub ignore_grid: bool,
    /// Where a picture goes (PNG).
    pub picture: Option<PathBuf>,
}

/// What two maps agree in.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The map; rows of the matrix.
    pub a: SideFacts,
    /// The other map, or the labels; columns of the matrix.
    pub b: SideFacts,
    /// Whether B holds labels.
    pub labels: bool,
    /// Whether both rasters have the same values in every pixel that has any, and data in the same places; of labels, whether
    /// the map says what every labelled pixel says.
    pub equal: bool,
    /// Whether the two files are the same to the byte.
    pub identical: bool,
    /// Samples of both.
    pub samples: usize,
    /// Lines of both.
    pub lines: usize,
    /// Pixels that were compared.
    pub compared: u64,
    /// Pixels without data in both, in A alone, and in B alone; of labels, those that have a label.
    pub nodata: NoData,
    /// Pixels without a label.
    pub unlabelled: u64,
    /// Share of the compared pixels that agree.
    pub overall_agreement: Option<f64>,
    /// Cohen's kappa; nothing where both have one class.
    pub kappa: Option<f64>,
    /// Of every class of either, B's first.
    pub classes: Vec<ClassAgreement>,
    /// Every pair of classes that occurs, the most frequent first.
    pub cells: Vec<Cell>,
    /// Classes that B does not have.
    pub only_in_a: Vec<String>,
    /// Classes that A does not have.
    pub only_in_b: Vec<String>,
    /// Of two runs with one method: how far its scores lie apart.
    pub scores: Option<Apart>,
    /// Of two runs: what their reports say.
    pub runs: Vec<Fact>,
    /// What was assumed or left out.
    pub notes: Vec<String>,
}

/// Pixels without data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NoData {
    /// In both.
    pub both: u64,
    /// In A alone.
    pub only_a: u64,
    /// In B alone.
    pub only_b: u64,
}

/// Pixels of a class of A and a class of B.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// A's class.
    pub a: String,
    /// B's class.
    pub b: String,
    /// How many.
    pub pixels: u64,
    /// Both, by their places in the list of classes.
    #[serde(skip)]
    pub classes: (usize, usize),
}

impl Comparison {
    /// Pixels that were compared and differ.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.compared - self.classes.iter().map(|c| c.both).sum::<u64>()
    }
}

/// What a pixel is to the comparison.
#[derive(Debug, Clone, Copy)]
enum Pixel {
    NoData { a: bool, b: bool },
    Unlabelled,
    Pair(usize, usize),
}

/// Compares A with B, and draws the picture if one is asked for.
///
/// # Errors
/// Refuses what are no maps, maps of different grids, classes that cannot be matched, and maps that have no pixel in common;
/// fails when reading or writing fails.
pub fn compare(a: &Path, b: &Path, settings: &Settings) -> Result<Comparison> {
    let [method_a, method_b] = settings.methods.each_ref().map(Option::as_deref);
    let (a, b) = (Side::open(a, method_a)?, Side::open(b, method_b)?);
    same_grid(&a, &b, settings.ignore_grid)?;
    let mut matching = Matching::new(&settings.matched, &a.legend, &b.legend)?;
    let mut counts = Counts::default();
    let mut preview = match settings.picture {
        Some(_) => Some(Preview::new(a.raster.map.samples, a.raster.map.lines, PICTURE_SIDE, LEFT_OUT)?),
        None => None,
    };
    counts.count((&a, &b), &mut matching, settings.labels, preview.as_mut())?;
    if counts.confusion.total() == 0 {
        return Err(Error::refused(b.facts.raster.display(), "no pixel has data, or a label, in both")
            .hint("compare maps of one place; without --labels, unclassified pixels are compared too"));
    }
    let comparison = report(a, b, &matching, &counts, settings)?;
    if let (Some(path), Some(preview)) = (&settings.picture, preview) {
        draw(path, &comparison, &preview)?;
    }
    Ok(comparison)
}

#[derive(Debug, Default)]
struct Counts {
    confusion: Confusion,
    nodata: NoData,
    unlabelled: u64,
}

impl Counts {
    /// Reads both rasters once.
    fn count(
        &mut self,
        (a, b): (&Side, &Side),
        matching: &mut Matching,
        labels: bool,
        mut preview: Option<&mut Preview>,
    ) -> Result<()> {
        let named = b.legend.iter().filter(|n| is_unclassified(&n.name)).map(|n| n.value);
        let without_truth: Vec<i32> = if labels { named.chain([0]).collect() } else { Vec::new() };
        let mut told = |va: i32, vb: i32| -> Result<Pixel> {
            let (no_a, no_b) = (a.nodata == Some(va), b.nodata == Some(vb));
            Ok(match (no_a, no_b) {
                (_, false) if without_truth.contains(&vb) => Pixel::Unlabelled,
                (_, true) if labels => Pixel::Unlabelled,
                (false, false) => {
                    let (a, b) = matching.pair(va, vb)?;
                    Pixel::Pair(a, b)
                }
                (a, b) => Pixel::NoData { a, b },
            })
        };
        let (mut codes, mut light) = (Vec::new(), Vec::new());
        for strip in a.raster.strips() {
            let values = (a.raster.read::<i32>(0, strip)?, b.raster.read::<i32>(0, strip)?);
            codes.clear();
            light.clear();
            // Neighbours are mostly alike: what a pair means is looked up where it changes.
            let pairs = |i: usize| (values.0[i], values.1[i]);
            let mut from = 0;
            while from < values.0.len() {
                let pair = pairs(from);
                let to = (from + 1..values.0.len()).find(|&i| pairs(i) != pair).unwrap_or(values.0.len());
                let pixel = told(pair.0, pair.1)?;
                self.add(pixel, (to - from) as u64)?;
                if preview.is_some() {
                    let (code, grey) = shown(pixel);
                    codes.resize(to, code);
                    light.resize(to, grey);
                }
                from = to;
            }
            if let Some(preview) = &mut preview {
                preview.add(strip, &codes, &light)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, pixel: Pixel, n: u64) -> Result<()> {
        match pixel {
            Pixel::NoData { a: true, b: true } => self.nodata.both += n,
            Pixel::NoData { a: true, .. } => self.nodata.only_a += n,
            Pixel::NoData { .. } => self.nodata.only_b += n,
            Pixel::Unlabelled => self.unlabelled += n,
            Pixel::Pair(a, b) => self.confusion.add(a, b, n),
        }
        match self.confusion.pairs() > MOST_PAIRS {
            true => Err(Error::refused("classes", format!("more than {MOST_PAIRS} pairs of classes occur"))
                .hint("name rasters of classes, not of numbers")),
            false => Ok(()),
        }
    }
}

/// What the picture shows of a pixel: 0 where both say the same, else 1 + B's class; and a grey that follows from A's class.
fn shown(pixel: Pixel) -> (u16, f32) {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    match pixel {
        Pixel::Pair(a, b) if a == b => (0, (a as f64 * GOLDEN).fract() as f32),
        Pixel::Pair(_, b) => (u16::try_from(b + 1).unwrap_or(LEFT_OUT), f32::NAN),
        _ => (LEFT_OUT, f32::NAN),
    }
}

fn report(a: Side, b: Side, matching: &Matching, counts: &Counts, settings: &Settings) -> Result<Comparison> {
    let Counts { confusion, nodata, unlabelled } = counts;
    let compared = confusion.total();
    let [only_in_a, only_in_b] = matching.unmatched();
    let name = |class: usize| matching.names[class].clone();
    let cell = |((a, b), pixels)| Cell { a: name(a), b: name(b), pixels, classes: (a, b) };
    // A map that has no data where there is a label does not say what the label says.
    let same_places = nodata.only_a == 0 && nodata.only_b == 0;
    let mut notes = Vec::new();
    if settings.labels {
        notes.push(
            "B holds labels: its pixels of value 0, called unclassified, or without data were left out".to_owned(),
        );
    } else if !b.is_map() {
        notes.push(
            "B was not written by alunite; if it holds labels, --labels leaves its unclassified pixels out".to_owned(),
        );
    }
    if settings.ignore_grid {
        notes.push("--ignore-grid: pixels were compared wherever the rasters lie".to_owned());
    }
    let (scores, runs) = of_runs(&a, &b, &mut notes)?;
    Ok(Comparison {
        equal: confusion.agreeing() == compared && same_places,
        identical: same_bytes(&a.facts.raster, &b.facts.raster)?,
        labels: settings.labels,
        samples: a.raster.map.samples,
        lines: a.raster.map.lines,
        a: a.facts,
        b: b.facts,
        compared,
        nodata: *nodata,
        unlabelled: *unlabelled,
        overall_agreement: confusion.overall(),
        kappa: confusion.kappa(),
        classes: confusion.classes(matching.names.iter().map(String::as_str)),
        cells: confusion.cells().into_iter().map(cell).collect(),
        only_in_a,
        only_in_b,
        scores,
        runs,
        notes,
    })
}

/// Scores and reports, where both are runs.
fn of_runs(a: &Side, b: &Side, notes: &mut Vec<String>) -> Result<(Option<Apart>, Vec<Fact>)> {
    let (Some(report_a), Some(report_b)) = (&a.report, &b.report) else { return Ok((None, Vec::new())) };
    let methods = [&a.facts.method, &b.facts.method].map(|m| m.as_deref().unwrap_or_default());
    let runs = runs::facts(report_a, report_b, methods);
    if methods[0] != methods[1] {
        notes.push(format!(
            "scores of {} and {} are not compared: they measure different things",
            methods[0], methods[1]
        ));
        return Ok((None, runs));
    }
    let scores = |side: &Side| side.facts.named.join(format!("{}_scores.tif", methods[0]));
    Ok((Some(apart(&scores(a), &scores(b), 0)?), runs))
}

/// Whether two files have the same bytes.
///
/// # Errors
/// When one cannot be read.
pub fn same_bytes(a: &Path, b: &Path) -> Result<bool> {
    let open = |path: &Path| std::fs::File::open(path).map_err(|e| Error::unopened(path, &e));
    let failed = |path: &Path, e: std::io::Error| Error::io(path, "reading", &e);
    let (mut one, mut other) = (open(a)?, open(b)?);
    let size = |file: &std::fs::File, path: &Path| file.metadata().map(|m| m.len()).map_err(|e| failed(path, e));
    if size(&one, a)? != size(&other, b)? {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = one.read(&mut left).map_err(|e| failed(a, e))?;
        if n == 0 {
            return Ok(true);
        }
        match other.read_exact(&mut right[..n]) {
            Ok(()) if left[..n] == right[..n] => {}
            Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => return Err(failed(b, e)),
            _ => return Ok(false),
        }
    }
}

/// Draws the picture.
fn draw(path: &Path, found: &Comparison, preview: &Preview) -> Result<()> {
    let percent = |share: Option<f64>| share.map_or("undefined".to_owned(), |s| format!("{:.2} %", 100.0 * s));
    let kappa = found.kappa.map_or("undefined".to_owned(), |k| format!("{k:.4}"));
    difference::write(
        path,
        &Difference {
            title: "Where A and B differ".to_owned(),
            subtitle: format!("A {}, B {}", found.a.named.display(), found.b.named.display()),
            caption: format!(
                "{} of {} pixels agree ({}), kappa {kappa}",
                found.compared - found.differing(),
                found.compared,
                percent(found.overall_agreement),
            ),
            preview,
            names: found.classes.iter().map(|c| c.name.as_str()).collect(),
            pixels_a: found.classes.iter().map(|c| c.pixels_a).collect(),
            pixels_b: found.classes.iter().map(|c| c.pixels_b).collect(),
            cells: found.cells.iter().map(|cell| (cell.classes, cell.pixels)).collect(),
        },
    )
}

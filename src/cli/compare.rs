//! `alunite compare`

use std::path::{Path, PathBuf};

use super::{Exit, print, print_json, say};
use crate::compare::{ClassAgreement, Comparison, Matched, Settings, SideFacts, compare};
use crate::error::{Error, Result};
use crate::files::refuse_to_replace;
use crate::map::set_cache_bytes;

/// GDAL would take a share of all memory for its blocks.
const CACHE: u64 = 256 << 20;

/// Classes whose matrix is printed, and of a list.
const SHOWN: usize = 20;
/// Largest differences that are printed.
const LARGEST: usize = 10;

/// Compare two maps, two runs, or a map with labels: confusion matrix, kappa, agreement per class, largest differences.
///
/// A and B are each the folder of a finished run, or a raster of classes: a GeoTIFF, or an ENVI classification. Both must lie
/// on one grid. Of two runs, scores, versions, inputs, bands, thresholds and backends are compared, too. Exit code 0 when
/// the maps are equal in every pixel, 1 when they differ.
#[derive(Debug, clap::Args)]
pub(super) struct Compare {
    /// The map: rows of the matrix.
    a: PathBuf,

    /// The other map, or labels: columns of the matrix.
    b: PathBuf,

    /// B holds labels: its pixels of value 0, and those called unclassified, say nothing and are left out.
    #[arg(long)]
    labels: bool,

    /// The method whose class maps are compared, or two: A's,B's; the first of each run unless given.
    #[arg(long, value_name = "METHOD[,METHOD]", value_delimiter = ',')]
    method: Vec<String>,

    /// Classes that are the same under other names: a name or pattern of A's and a name of B's, such as
    /// 'Alunite*=alunite', separated by commas; @FILE has one pair a line. Others are matched by name.
    #[arg(long, value_name = "A=B,…|@FILE")]
    classes: Vec<String>,

    /// Match classes by value, whatever their names.
    #[arg(long, conflicts_with = "classes")]
    by_value: bool,

    /// Compare pixel by pixel wherever the rasters lie; they must have one size all the same.
    #[arg(long)]
    ignore_grid: bool,

    /// Draw where they differ, and the matrix (PNG).
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,

    /// Replace a picture that is there already.
    #[arg(long)]
    overwrite: bool,

    /// Print the comparison as JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Compare) -> Result<Exit> {
    set_cache_bytes(CACHE);
    if let Some(picture) = &args.picture {
        refuse_to_replace(picture, args.overwrite)?;
    }
    let settings = Settings {
        methods: methods(&args.method)?,
        matched: matched(args)?,
        labels: args.labels,
        ignore_grid: args.ignore_grid,
        picture: args.picture.clone(),
    };
    let found = compare(&args.a, &args.b, &settings)?;
    match args.json {
        true => print_json(&found)?,
        false => print(&text(&found))?,
    }
    if let Some(picture) = &args.picture {
        say!("wrote {}", picture.display());
    }
    Ok(if found.equal { Exit::Done } else { Exit::Differs })
}

fn methods(given: &[String]) -> Result<[Option<String>; 2]> {
    match given {
        [] => Ok([None, None]),
        [both] => Ok([Some(both.clone()), Some(both.clone())]),
        [a, b] => Ok([Some(a.clone()), Some(b.clone())]),
        more => Err(Error::refused("--method", format!("{} methods, expected one of A's and one of B's", more.len()))
            .hint("compare two at a time")),
    }
}

fn matched(args: &Compare) -> Result<Matched> {
    if args.by_value {
        return Ok(Matched::Value);
    }
    let mut pairs = Vec::new();
    for given in &args.classes {
        match given.strip_prefix('@').map(Path::new) {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| Error::unopened(path, &e))?;
                pairs.extend(text.lines().map(|l| l.trim().to_owned()));
            }
            None => pairs.extend(given.split(',').map(|p| p.trim().to_owned())),
        }
    }
    pairs.retain(|pair| !pair.is_empty());
    Ok(if pairs.is_empty() { Matched::Name } else { Matched::Pairs(pairs) })
}

/// One screen, unless there are many classes.
fn text(found: &Comparison) -> String {
    let mut text =
        format!("A  {}\nB  {}\n\n", side(&found.a, ""), side(&found.b, if found.labels { "labels" } else { "" }));
    text.push_str(&verdict(found));
    let number = |value: Option<f64>| value.map_or("undefined".to_owned(), |v| format!("{v:.4}"));
    text.push_str(&format!(
        "\noverall agreement {}, kappa {}\n\n",
        number(found.overall_agreement),
        number(found.kappa)
    ));
    let mut classes: Vec<(usize, &ClassAgreement)> = found.classes.iter().enumerate().collect();
    classes.retain(|(_, c)| c.pixels_a + c.pixels_b > 0);
    classes.sort_by_key(|(_, c)| std::cmp::Reverse(c.pixels_a + c.pixels_b));
    text.push_str(&per_class(&classes));
    text.push_str(&matrix(found, &classes));
    text.push_str(&largest(found));
    for (what, names) in [("only in A: ", &found.only_in_a), ("only in B: ", &found.only_in_b)] {
        if !names.is_empty() {
            text.push_str(&format!("{what}{}{}\n", names[..names.len().min(SHOWN)].join("; "), more(names.len())));
        }
    }
    text.push_str(&of_runs(found));
    found.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text
}

fn side(side: &SideFacts, what: &str) -> String {
    let what = side.method.as_deref().unwrap_or(what);
    format!("{}  {what}", side.named.display()).trim_end().to_owned()
}

fn verdict(found: &Comparison) -> String {
    let differing = found.differing();
    let share = 100.0 * differing as f64 / found.compared as f64;
    let mut text = match (found.identical, found.equal) {
        (true, _) => "the two maps are the same file, byte for byte\n".to_owned(),
        (false, true) => {
            format!("equal in every pixel ({})\n", if found.labels { "labelled" } else { "the files differ" })
        }
        (false, false) => format!("{differing} of {} pixels differ ({share:.2} %)\n", found.compared),
    };
    text.push_str(&format!("{} x {} pixels: {} compared", found.lines, found.samples, found.compared));
    let left = [
        (found.unlabelled, "without a label"),
        (found.nodata.both, "without data in both"),
        (found.nodata.only_a, "without data in A alone"),
        (found.nodata.only_b, "without data in B alone"),
    ];
    left.iter().filter(|(n, _)| *n > 0).for_each(|(n, what)| text.push_str(&format!(", {n} {what}")));
    text + "\n"
}

fn per_class(classes: &[(usize, &ClassAgreement)]) -> String {
    let share = |value: Option<f64>| value.map_or(format!("{:>11}", "-"), |v| format!("{v:>11.4}"));
    let mut text = format!(
        "{:>4} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}  class\n",
        "", "A", "B", "both", "user's", "producer's", "F1"
    );
    for (row, (_, class)) in classes.iter().take(SHOWN).enumerate() {
        text.push_str(&format!(
            "{:>4} {:>11} {:>11} {:>11} {} {} {}  {}\n",
            row + 1,
            class.pixels_a,
            class.pixels_b,
            class.both,
            share(class.users_accuracy),
            share(class.producers_accuracy),
            share(class.f1),
            shortened(&class.name)
        ));
    }
    text + &more(classes.len()) + if classes.len() > SHOWN { "\n" } else { "" }
}

/// The matrix of the largest classes, in pixels, by the numbers of the list above it.
fn matrix(found: &Comparison, classes: &[(usize, &ClassAgreement)]) -> String {
    let shown = &classes[..classes.len().min(SHOWN)];
    let pixels = |a: usize, b: usize| found.cells.iter().find(|c| c.classes == (a, b)).map_or(0, |c| c.pixels);
    let rows: Vec<Vec<u64>> = shown.iter().map(|&(a, _)| shown.iter().map(|&(b, _)| pixels(a, b)).collect()).collect();
    let width = rows.iter().flatten().max().map_or(1, |n| n.to_string().len()).max(2) + 1;
    let mut text = format!("\npixels by A's class (rows) and B's class (columns)\n{:>4}", "");
    (1..=shown.len()).for_each(|column| text.push_str(&format!("{column:>width$}")));
    text.push('\n');
    for (row, values) in rows.iter().enumerate() {
        text.push_str(&format!("{:>4}", row + 1));
        for &value in values {
            let value = if value == 0 { ".".to_owned() } else { value.to_string() };
            text.push_str(&format!("{value:>width$}"));
        }
        text.push('\n');
    }
    text + "\n"
}

fn largest(found: &Comparison) -> String {
    let differing: Vec<_> = found.cells.iter().filter(|c| c.classes.0 != c.classes.1).collect();
    if differing.is_empty() {
        return String::new();
    }
    let mut text = "largest differences\n".to_owned();
    for cell in differing.iter().take(LARGEST) {
        text.push_str(&format!("{:>12} pixels  A {}, B {}\n", cell.pixels, shortened(&cell.a), shortened(&cell.b)));
    }
    if differing.len() > LARGEST {
        text.push_str(&format!("{:>12} more pairs: --json has all\n", differing.len() - LARGEST));
    }
    text + "\n"
}

fn of_runs(found: &Comparison) -> String {
    let mut text = String::new();
    if let Some(scores) = &found.scores {
        let place = scores.at.map_or(String::new(), |[line, sample]| format!(" at line {line}, sample {sample}"));
        text.push_str(&match (scores.differing, scores.in_one) {
            (0, 0) => format!("scores: the same in all {} pixels\n", scores.compared),
            (differing, in_one) => format!(
                "scores: {differing} of {} pixels differ, by {:.3e} at most{place}, by {:.3e} on average; {in_one} have one in A or B alone\n",
                scores.compared, scores.largest, scores.mean
            ),
        });
    }
    for fact in &found.runs {
        text.push_str(&match fact.same {
            true => format!("{:<13} the same: {}\n", fact.about, fact.a),
            false => format!("{:<13} A {}\n{:<13} B {}\n", fact.about, fact.a, "", fact.b),
        });
    }
    text
}

fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(48).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if name.chars().count() > 48 {
        short.push('…');
    }
    short
}

fn more(all: usize) -> String {
    if all > SHOWN { format!("     and {} more: --json has all", all - SHOWN) } else { String::new() }
}

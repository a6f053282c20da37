//! The tables that readers see, made of the rows: the short one in the README, the long one in `docs/benchmarks.md`.

use super::row::Row;

/// A line of the README's table.
struct Line {
    what: &'static str,
    bench: &'static str,
    case: &'static str,
    /// Whom alunite is beside.
    rival: Option<&'static str>,
}

const fn line(what: &'static str, bench: &'static str, case: &'static str, rival: Option<&'static str>) -> Line {
    Line { what, bench, case, rival }
}

/// What decides whether to use alunite, and no more.
const LINES: [Line; 14] = [
    line("spectral angle, 40 targets, 99,360 × 285 f32 in memory", "rivals", "sam/40", Some("numpy f32, class only")),
    line("the same", "rivals", "sam/40", Some("Spectral Python")),
    line("the same, 500 targets", "rivals", "sam/500", Some("numpy f32, class only")),
    line("its kernel where all targets are met", "kernels", "sam/285 float32/500, all met", None),
    line("matched filter with statistics, 1 target", "rivals", "mf, both passes/1", Some("numpy f32")),
    line("the same", "rivals", "mf, both passes/1", Some("numpy f64")),
    line("adaptive coherence, 40 targets", "rivals", "ace/40", Some("Spectral Python")),
    line("disk to maps, 2 GB ENVI, 40 targets", "pipeline", "ENVI BIL 285 float32/40", Some("numpy f32 script")),
    line("disk to maps, 264 MB ENVI, 6 targets", "pipeline", "ENVI BIL 768x768x224 int16/6", Some("OTB")),
    line(
        "disk to maps, 1 GB in DEFLATE, 40 targets",
        "pipeline",
        "GeoTIFF DEFLATE 224 int16/40",
        Some("decoding by GDAL"),
    ),
    line(
        "disk to maps, a granule of EMIT, 40 targets",
        "pipeline",
        "EMIT netCDF 285 float32/40",
        Some("decoding by HDF5"),
    ),
    line("a region, 7.7 GB, sam and mf, 38 targets, ENVI", "region", "ENVI BIL, 17.1 Mpx", None),
    line("the same, 1.0 Mpx of it", "region", "ENVI BIL, 1.0 Mpx", None),
    line("the region as DEFLATE GeoTIFF", "region", "GeoTIFF DEFLATE, 17.1 Mpx", None),
];

/// Markers that the README's table stands between.
pub(crate) const MARKERS: [&str; 2] =
    ["<!-- made by `cargo bench --bench readme` from benches/results -->", "<!-- end of what was made -->"];

/// The README with the table made anew. `None` when it lacks the markers.
pub(crate) fn readme(text: &str, rows: &[Row]) -> Option<String> {
    let (before, rest) = text.split_once(MARKERS[0])?;
    let (_, after) = rest.split_once(MARKERS[1])?;
    Some(format!("{before}{}\n{}{}{after}", MARKERS[0], short(rows), MARKERS[1]))
}

fn short(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | alunite | beside it | ratio | of what bounds it | peak | `cargo bench --bench` |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for Line { what, bench, case, rival } in LINES {
        let of = |who: &str| rows.iter().find(|r| r.bench == bench && r.case == case && r.who == who);
        let ours = of("alunite cpu");
        let theirs = rival.map(|who| (who, of(who)));
        let beside = theirs.map_or(String::new(), |(who, row)| {
            row.map_or(format!("{who}: open"), |row| format!("{} in {}", named(row), time(row)))
        });
        let ratio = theirs.and_then(|(_, row)| row?.ratio).map_or(String::new(), |ratio| format!("{ratio:.1} ×"));
        let cells = [
            what.to_owned(),
            ours.map_or("open".to_owned(), time),
            beside,
            ratio,
            ours.map_or(String::new(), share),
            ours.map_or(String::new(), memory),
            format!("`{bench} -- \"{case}\"`"),
        ];
        text += &joined(&cells);
    }
    if !rows.iter().any(|r| r.who.starts_with("alunite gpu")) {
        text += &joined(&["on a GPU", "open: this machine has none", "", "", "", "", "`kernels`"].map(str::to_owned));
    }
    if let Some(row) = rows.first() {
        text += &format!(
            "\n{}, {}, alunite {}; all figures: [docs/benchmarks.md](docs/benchmarks.md).\n",
            row.machine, row.date, row.commit
        );
    }
    text
}

/// `docs/benchmarks.md`; `file` is the name of the results.
pub(crate) fn long(rows: &[Row], file: &str) -> String {
    let mut text = format!(
        "# Measured\n\nMade from `benches/results/{file}` by `cargo bench --bench readme`; `make bench` measures all of it \
         on your\nmachine. Times are medians, with the least and the most; a ratio is a rival's time as a multiple of \
         alunite's\nin the same run. What bounds a case was measured in the same run too: multiply-adds that the machine \
         can do,\nbytes that it can read, or the parts of a run alone. Peak memory is what was resident at once; pages \
         of a file\nthat a rival maps into its memory count.\n"
    );
    let mut benches: Vec<&str> = Vec::new();
    for row in rows {
        if !benches.contains(&row.bench.as_str()) {
            benches.push(&row.bench);
        }
    }
    for bench in benches {
        text += &format!("\n## `cargo bench --bench {bench}`\n\n");
        text += "| case | who | time | least to most | rate | of what bounds it | ratio | peak |\n";
        text += "|---|---|---|---|---|---|---|---|\n";
        for row in rows.iter().filter(|r| r.bench == bench) {
            let range = row.min_s.zip(row.max_s).map(|(low, high)| format!("{} to {}", seconds(low), seconds(high)));
            let cells = [
                row.case.clone(),
                named(row),
                time(row),
                range.unwrap_or_default(),
                row.giga_per_s.map_or(String::new(), |rate| format!("{rate:.1} G/s")),
                share(row),
                row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2} ×")),
                memory(row),
            ];
            text += &joined(&cells);
        }
    }
    text
}

fn joined(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Who, with the version that was run.
fn named(row: &Row) -> String {
    format!("{} ({})", row.who, row.version)
}

fn time(row: &Row) -> String {
    row.median_s.map_or(String::new(), seconds)
}

fn seconds(s: f64) -> String {
    if s < 1.0 { format!("{:.1} ms", s * 1e3) } else { format!("{s:.1} s") }
}

fn share(row: &Row) -> String {
    row.share.map_or(String::new(), |share| format!("{:.0} % of {}", share * 100.0, row.ceiling))
}

fn memory(row: &Row) -> String {
    row.peak_mib.map_or(String::new(), |peak| format!("{peak:.0} MiB"))
}

//! What libraries hold, spectrum by spectrum.

use serde::Serialize;

use super::Axis;
use super::select::Target;
use crate::spectrum::Nanometers;

/// A spectrum in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name, unique over all libraries of the list.
    pub name: String,
    /// Its chapter, class or library.
    pub group: String,
    /// File or folder of its library.
    pub library: String,
    /// The kind of library.
    pub format: &'static str,
    /// Number of channels.
    pub channels: usize,
    /// Channels without a value.
    pub deleted: usize,
    /// Smallest and largest wavelength; `None` without usable wavelengths.
    pub range_nm: Option<(Nanometers, Nanometers)>,
    /// Why the wavelengths cannot be used.
    pub problem: Option<String>,
    /// Where the widths of its channels stand; `None` where the library gives none.
    pub fwhm_source: Option<String>,
}

/// The rows of some spectra, in their order.
#[must_use]
pub fn rows(chosen: &[(String, Target<'_>)]) -> Vec<Row> {
    let row = |(name, target): &(String, Target<'_>)| {
        let Target { library, spectrum } = target;
        Row {
            name: name.clone(),
            group: spectrum.group.clone(),
            library: library.path.display().to_string(),
            format: library.format,
            channels: spectrum.values.len(),
            deleted: spectrum.values.iter().filter(|v| v.is_nan()).count(),
            range_nm: match &library.axis {
                Ok(Axis::Wavelengths(bands)) => bands.extent(),
                _ => None,
            },
            problem: library.axis.as_ref().err().map(ToString::to_string),
            fwhm_source: library.fwhm_source.clone(),
        }
    };
    chosen.iter().map(row).collect()
}

/// The rows as a table to read, a heading first.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let range = |r: &Row| match (&r.range_nm, &r.problem) {
        (Some((from, to)), _) => format!("{:.1}-{:.1} nm", from.0, to.0),
        (None, Some(_)) => "unusable".into(),
        (None, None) => "no wavelengths".into(),
    };
    let heading = ["name", "group", "channels", "deleted", "range", "FWHM from"].map(str::to_owned);
    let cells = rows.iter().map(|r| {
        let source = r.fwhm_source.clone().unwrap_or_else(|| "nowhere".into());
        [
            one_line(&r.name),
            one_line(&r.group),
            r.channels.to_string(),
            r.deleted.to_string(),
            range(r),
            one_line(&source),
        ]
    });
    let table: Vec<[String; 6]> = std::iter::once(heading).chain(cells).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &table {
        // Counts stand on the right, words on the left.
        let cells = row.iter().zip(widths).enumerate().map(|(i, (cell, width))| match i {
            2 | 3 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let mut problems: Vec<&String> = rows.iter().filter_map(|r| r.problem.as_ref()).collect();
    problems.dedup();
    problems.iter().for_each(|problem| text.push_str(&format!("PROBLEM {problem}\n")));
    text
}

/// A name without what would break a line, turn its direction, or be no XML.
pub(super) fn one_line(name: &str) -> String {
    let breaks = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
    };
    name.chars().map(|c| if breaks(c) { ' ' } else { c }).collect()
}

//! How a map was made, in words.

use super::run::{Background, Band, Dropped, Facts, Input, Method, Run};
use super::text::{bytes, counted, digits, short, shortened, thousands};

/// Bands in use and left out.
pub(super) struct Bands {
    /// The scenes that have them; empty for all.
    pub whose: String,
    pub said: String,
    /// Paths of ticks, 0 to 1000 across; empty without wavelengths.
    pub used: String,
    pub dropped: String,
    pub first: String,
    pub last: String,
    pub reasons: Vec<Reason>,
}

/// Why bands were left out.
pub(super) struct Reason {
    pub why: String,
    pub count: u64,
    pub place: String,
}

pub(super) struct InputRow {
    pub path: String,
    pub size: String,
    pub hash: String,
}

pub(super) struct MethodRow {
    pub word: String,
    pub convention: String,
    pub thresholds: String,
}

impl Bands {
    /// Of a run; those of a mosaic's scenes apart where they differ.
    pub(super) fn of(run: &Run) -> Vec<Self> {
        let both = |facts: &Facts| (facts.bands_in_use.clone(), facts.bands_dropped.clone());
        run.told(both).into_iter().map(|(whose, (used, dropped))| Self::among(&whose, &used, &dropped)).collect()
    }

    fn among(whose: &str, in_use: &[Band], left_out: &[Dropped]) -> Self {
        let used: Vec<f64> = in_use.iter().filter_map(|b| b.wavelength_nm).collect();
        let dropped: Vec<f64> = left_out.iter().filter_map(|b| b.wavelength_nm).collect();
        let (count, all) = (in_use.len(), in_use.len() + left_out.len());
        let range = extent(&used).map_or_else(String::new, |(a, b)| format!(", {}", span(a, b)));
        let whole = extent(&[&used[..], &dropped[..]].concat()).filter(|(a, b)| b > a);
        let ticks = |bands: &[f64]| -> String {
            let Some((from, until)) = whole else { return String::new() };
            bands.iter().map(|nm| format!("M{:.1} 0v20", 1.0 + 998.0 * (nm - from) / (until - from))).collect()
        };
        let micrometres = |nm: f64| format!("{:.3} µm", nm / 1000.0);
        Self {
            whose: shortened(whose, 300),
            said: format!("{count} of {all} bands are in use{range}."),
            used: ticks(&used),
            dropped: ticks(&dropped),
            first: whole.map_or_else(String::new, |w| micrometres(w.0)),
            last: whole.map_or_else(String::new, |w| micrometres(w.1)),
            reasons: reasons(left_out),
        }
    }
}

/// In the order in which they were met.
fn reasons(left_out: &[Dropped]) -> Vec<Reason> {
    let mut found: Vec<(&str, Vec<&Dropped>)> = Vec::new();
    for band in left_out {
        match found.iter_mut().find(|(why, _)| *why == band.reason) {
            Some((_, bands)) => bands.push(band),
            None => found.push((&band.reason, vec![band])),
        }
    }
    let reason = |(why, bands): (&str, Vec<&Dropped>)| Reason {
        why: shortened(why, 200),
        count: bands.len() as u64,
        place: places(bands),
    };
    found.into_iter().map(reason).collect()
}

/// The ranges of bands that follow one another.
fn places(mut bands: Vec<&Dropped>) -> String {
    const MOST: usize = 6;
    bands.sort_by_key(|b| b.band);
    let runs: Vec<&[&Dropped]> = bands.chunk_by(|a, b| b.band <= a.band + 1).collect();
    let range = |run: &&[&Dropped]| {
        let known: Vec<f64> = run.iter().filter_map(|b| b.wavelength_nm).collect();
        extent(&known).map(|(a, b)| span(a, b))
    };
    let mut places: Vec<String> = runs.iter().filter_map(range).take(MOST).collect();
    match (places.is_empty(), runs.len() > MOST) {
        (true, _) => places.push("–".into()),
        (false, true) => places.push(format!("and {} more", runs.len() - MOST)),
        _ => {}
    }
    places.join(", ")
}

fn extent(nm: &[f64]) -> Option<(f64, f64)> {
    let least = nm.iter().copied().reduce(f64::min)?;
    Some((least, nm.iter().copied().fold(least, f64::max)))
}

fn span(from: f64, until: f64) -> String {
    match from == until {
        true => format!("{:.3} µm", from / 1000.0),
        false => format!("{:.3}–{:.3} µm", from / 1000.0, until / 1000.0),
    }
}

impl InputRow {
    pub(super) fn of(input: &Input) -> Self {
        Self {
            path: shortened(&input.path.to_string_lossy(), 300),
            size: bytes(input.bytes),
            hash: short(&input.xxh3_128),
        }
    }
}

impl MethodRow {
    /// `thresholds` are all of the method's, from the least.
    pub(super) fn of(method: &Method, thresholds: &[f64]) -> Self {
        let unit = short(&method.unit);
        let text = |v: f64| format!("{} {unit}", digits(v, 4)).trim_end().to_owned();
        let source = match method.threshold_source.as_deref() {
            Some("given") => ", given",
            Some("default") => ", the method’s default",
            Some("false_alarms") if method.by_scene() => ", from rates of false alarms in each scene",
            Some("false_alarms") => ", from rates of false alarms",
            _ => "",
        };
        let thresholds = match (thresholds.first(), thresholds.last()) {
            (Some(a), Some(b)) if a == b => format!("{}{source}", text(*a)),
            (Some(a), Some(b)) => format!("{} to {}{source}", text(*a), text(*b)),
            _ => "none".into(),
        };
        Self { word: short(&method.method), convention: shortened(&method.convention, 400), thresholds }
    }
}

/// A sentence; of a mosaic's scenes one each, where they differ.
pub(super) fn backgrounds_said(run: &Run) -> Vec<String> {
    let said = run.told(|facts| facts.background.as_ref().map(background_said));
    let named = |(whose, said): (String, Option<String>)| match whose.is_empty() {
        true => said,
        false => said.map(|said| format!("{}: {said}", shortened(&whose, 300))),
    };
    said.into_iter().filter_map(named).collect()
}

fn background_said(background: &Background) -> String {
    let known = |of: fn(&super::run::Factor) -> Option<f64>| {
        background.factors.iter().filter_map(of).fold(None, |most: Option<f64>, v| Some(most.map_or(v, |m| m.max(v))))
    };
    let condition = known(|f| f.condition).map_or_else(String::new, |c| format!(", condition number at most {c:.1e}"));
    let shrinkage =
        known(|f| f.shrinkage).map_or_else(String::new, |s| format!(", shrinkage at most {}", digits(s, 3)));
    format!(
        "{}: {} in {}{condition}{shrinkage}.",
        shortened(&background.background, 300),
        counted(background.pixels, "pixel", "pixels"),
        counted(background.factors.len() as u64, "group", "groups")
    )
}

/// The command as a shell takes it.
pub(super) fn command_line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => shortened(word, 400),
        false => format!("'{}'", shortened(word, 400).replace('\'', r"'\''")),
    };
    const MOST: usize = 200;
    let mut line = words.iter().take(MOST).map(quoted).collect::<Vec<_>>().join(" ");
    if words.len() > MOST {
        line += &format!(" … and {} more", thousands((words.len() - MOST) as u64));
    }
    line
}

/// Stages and their times, in the order of a run.
pub(super) fn times(run: &Run) -> Vec<(String, String)> {
    ["preparing", "reading", "computing", "writing", "finishing", "total"]
        .into_iter()
        .filter_map(|stage| Some((stage.to_owned(), super::text::seconds(*run.timings.get(&format!("{stage}_s"))?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_again() {
        let words = ["alunite", "map", "my scene.img", "it's", "--targets=a,b"].map(str::to_owned);
        assert_eq!(command_line(&words), r"alunite map 'my scene.img' 'it'\''s' --targets=a,b");
    }
    #[test]
    fn ranges_of_bands_are_told_apart() {
        let band =
            |band: usize| Dropped { band, wavelength_nm: Some(400.0 + 10.0 * band as f64), reason: String::new() };
        let bands = [band(1), band(2), band(9)];
        assert_eq!(places(bands.iter().collect()), "0.410–0.420 µm, 0.490 µm");
        let unknown = Dropped { wavelength_nm: None, ..band(3) };
        assert_eq!(places(vec![&unknown]), "–");
    }
}

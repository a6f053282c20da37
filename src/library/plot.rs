//! Spectra before and after resampling, as an SVG that is readable on light and on dark paper.

use std::io;
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::listing::one_line;
use super::resample::Resampler;
use super::select::Target;
use super::table::{refuse_unless_free, wavelengths};
use crate::error::{Error, Result};
use crate::files::whole_file;
use crate::spectrum::{Bands, Nanometers};

/// Spectra in one picture, at most.
pub const MOST: usize = 60;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;
/// A panel with its title and the gap below it.
const PANEL: f64 = 140.0;
const TITLE: f64 = 22.0;
const GAP: f64 = 12.0;

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.quiet{fill:#656d76}\
.paper{fill:#ffffff}.frame{fill:none;stroke:#d0d7de}.grid{stroke:#d0d7de;stroke-width:.5}\
.before{fill:none;stroke:#8c959f;stroke-width:1.5}.after{fill:none;stroke:#b3364c;stroke-width:1}.band{fill:#b3364c}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#8d96a0}.paper{fill:#0d1117}\
.frame,.grid{stroke:#30363d}.before{stroke:#8d96a0}.after{stroke:#ff7b91}.band{fill:#ff7b91}}";

/// Draws the spectra, each in a panel of its own: its channels as a grey line, its values on the scene's bands as points.
/// Gaps are deleted channels and bands that are not covered. `scene` is the scene's name.
///
/// # Errors
/// When there is none or more than [`MOST`], or a library has no usable wavelengths.
pub fn svg(chosen: &[(String, Target<'_>)], to: &Bands, scene: &str) -> Result<String> {
    let Some((from, until)) = to.extent().filter(|_| !chosen.is_empty() && chosen.len() <= MOST) else {
        let what = format!("found {} spectra, expected 1 to {MOST} and a scene with bands", chosen.len());
        return Err(Error::refused("the plot", what).hint("choose spectra with --targets or --groups"));
    };
    let across = Axis { from: from.0, until: until.0, start: LEFT, end: WIDTH - RIGHT };
    let mut panels = Vec::new();
    for (name, target) in chosen {
        let axis = wavelengths(target)?;
        let values = Resampler::new(axis, to).apply(&target.spectrum.values).values;
        panels.push(Panel {
            name: one_line(name),
            before: points(axis, &target.spectrum.values, (from, until)),
            after: points(to, &values, (from, until)),
        });
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    picture(&mut writer, &panels, &across, scene, to.len()).map_err(|e| Error::failed("the plot", e))?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(|e| Error::failed("the plot", e))?;
    text.push('\n');
    Ok(text)
}

/// Writes the picture of [`svg`]; it gets its name when it is complete.
///
/// # Errors
/// As [`svg`]; refuses, without `overwrite`, a file that is there already, and fails when the disk does.
pub fn write(svg: &str, path: &Path, overwrite: bool) -> Result<()> {
    use io::Write as _;
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg")) {
        return Err(Error::refused(path.display(), "found another extension, expected svg").hint("name the plot X.svg"));
    }
    refuse_unless_free(path, overwrite)?;
    whole_file(path, |out| out.write_all(svg.as_bytes()))
}

struct Panel {
    name: String,
    before: Vec<(f64, f64)>,
    after: Vec<(f64, f64)>,
}

/// Wavelength and value, ascending, within a range; values are NaN where there are none.
fn points(bands: &Bands, values: &[f64], (from, until): (Nanometers, Nanometers)) -> Vec<(f64, f64)> {
    let inside = |(nm, _): &(f64, f64)| (from.0..=until.0).contains(nm);
    let pairs = bands.centres.iter().map(|c| c.0).zip(values.iter().copied());
    let mut found: Vec<(f64, f64)> = pairs.filter(inside).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

/// From a quantity to places on paper.
struct Axis {
    from: f64,
    until: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let span = self.until - self.from;
        let share = if span > 0.0 { (value - self.from) / span } else { 0.5 };
        self.start + share * (self.end - self.start)
    }

    /// Round values about `target` steps apart: 1, 2 or 5 times a power of ten.
    fn ticks(&self, target: f64) -> Vec<f64> {
        let rough = (self.until - self.from) / target;
        if !(rough > 0.0 && rough.is_finite()) {
            return vec![self.from];
        }
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(10.0 * power);
        let first = (self.from / step).ceil() as i64;
        let last = (self.until / step).floor() as i64;
        (first..=last.min(first + 50)).map(|i| i as f64 * step).collect()
    }
}

type Xml = Writer<Vec<u8>>;

fn picture(writer: &mut Xml, panels: &[Panel], across: &Axis, scene: &str, bands: usize) -> io::Result<()> {
    let height = TOP + BOTTOM + PANEL * panels.len() as f64;
    let size = [
        ("width", round(WIDTH)),
        ("height", round(height)),
        ("viewBox", format!("0 0 {} {}", round(WIDTH), round(height))),
    ];
    let root = [("xmlns", "http://www.w3.org/2000/svg"), ("role", "img")];
    let named = size.iter().map(|(key, value)| (*key, value.as_str()));
    writer.create_element("svg").with_attributes(root).with_attributes(named).write_inner_content(|w| {
        let title = format!("{} spectra on the {bands} bands of {}", panels.len(), one_line(scene));
        w.create_element("title").write_text_content(BytesText::new(&title))?;
        w.create_element("style").write_text_content(BytesText::new(STYLE))?;
        let paper = [("class", "paper"), ("width", "100%"), ("height", "100%")];
        w.create_element("rect").with_attributes(paper).write_empty()?;
        text(w, "title", (LEFT, 22.0), "start", &title)?;
        text(w, "quiet", (WIDTH - RIGHT, 22.0), "end", "grey: the library, red: on the scene's bands")?;
        for (i, panel) in panels.iter().enumerate() {
            panel.draw(w, across, TOP + PANEL * i as f64)?;
        }
        let foot = height - BOTTOM + 6.0;
        for tick in across.ticks(8.0) {
            text(w, "quiet", (across.place(tick), foot), "middle", &format!("{tick}"))?;
        }
        text(w, "quiet", ((LEFT + WIDTH - RIGHT) / 2.0, foot + 20.0), "middle", "wavelength, nm")
    })?;
    Ok(())
}

impl Panel {
    fn draw(&self, w: &mut Xml, across: &Axis, top: f64) -> io::Result<()> {
        let values = || self.before.iter().chain(&self.after).map(|p| p.1).filter(|v| !v.is_nan());
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let (upper, lower) = (top + TITLE, top + PANEL - GAP);
        text(w, "title", (LEFT, top + 15.0), "start", &self.name)?;
        let frame = [("x", LEFT), ("y", upper), ("width", WIDTH - LEFT - RIGHT), ("height", lower - upper)];
        shape(w, "rect", "frame", &frame)?;
        if low > high {
            return text(w, "quiet", (WIDTH / 2.0, (upper + lower) / 2.0), "middle", "no value on the scene's bands");
        }
        let margin = 0.06 * (high - low).max(1e-3);
        let up = Axis { from: low - margin, until: high + margin, start: lower, end: upper };
        for tick in up.ticks(3.0) {
            let y = up.place(tick);
            shape(w, "line", "grid", &[("x1", LEFT), ("x2", WIDTH - RIGHT), ("y1", y), ("y2", y)])?;
            text(w, "quiet", (LEFT - 6.0, y + 4.0), "end", &format!("{}", (tick * 1e6).round() / 1e6))?;
        }
        for (class, points) in [("before", &self.before), ("after", &self.after)] {
            let path = path(points, across, &up);
            if !path.is_empty() {
                w.create_element("path").with_attributes([("class", class), ("d", path.as_str())]).write_empty()?;
            }
        }
        for &(nm, value) in self.after.iter().filter(|p| !p.1.is_nan()) {
            shape(w, "circle", "band", &[("cx", across.place(nm)), ("cy", up.place(value)), ("r", 1.6)])?;
        }
        Ok(())
    }
}

/// Lines between neighbouring points that exist.
fn path(points: &[(f64, f64)], across: &Axis, up: &Axis) -> String {
    let mut path = String::new();
    let mut pen = false;
    for &(nm, value) in points {
        if !value.is_nan() {
            let word = if pen { 'L' } else { 'M' };
            path.push_str(&format!("{word}{} {}", round(across.place(nm)), round(up.place(value))));
        }
        pen = !value.is_nan();
    }
    path
}

fn text(w: &mut Xml, class: &str, (x, y): (f64, f64), anchor: &str, said: &str) -> io::Result<()> {
    let (x, y) = (round(x), round(y));
    let attributes = [("class", class), ("x", &x), ("y", &y), ("text-anchor", anchor)];
    w.create_element("text").with_attributes(attributes).write_text_content(BytesText::new(said))?;
    Ok(())
}

fn shape(w: &mut Xml, element: &str, class: &str, numbers: &[(&str, f64)]) -> io::Result<()> {
    let numbers: Vec<(&str, String)> = numbers.iter().map(|(key, v)| (*key, round(*v))).collect();
    let attributes = std::iter::once(("class", class)).chain(numbers.iter().map(|(key, v)| (*key, v.as_str())));
    w.create_element(element).with_attributes(attributes).write_empty()?;
    Ok(())
}

/// A place on paper, to a hundredth.
fn round(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

//! Mean spectra of classes beside their library's, from `spectra.json`.

use std::path::Path;

use serde::Deserialize;

use super::figure::{Axis, Tick, line};
use super::text::{number, short};
use crate::error::{Error, Result};

/// Panels that are drawn; of further classes the numbers are told.
pub(super) const MOST: usize = 24;

/// Of one scene the spectra themselves, of a mosaic those of each scene.
#[derive(Debug, Deserialize)]
struct File {
    method: String,
    #[serde(flatten)]
    alone: Sampled,
    #[serde(default)]
    scenes: Vec<OfScene>,
}

#[derive(Debug, Deserialize)]
struct OfScene {
    name: String,
    #[serde(flatten)]
    sampled: Sampled,
}

/// The classes of a scene.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sampled {
    sampled: String,
    wavelengths_nm: Option<Vec<f64>>,
    classes: Vec<Class>,
}

/// Values that are no numbers are null in JSON.
#[derive(Debug, Deserialize)]
struct Class {
    value: u16,
    name: String,
    n: u64,
    mean: Vec<Option<f64>>,
    deviation: Vec<Option<f64>>,
    library: Vec<Option<f64>>,
}

/// What the report shows of spectra.
pub(super) struct Spectra {
    pub method: String,
    pub sampled: String,
    /// Whether every scene of a mosaic has its own.
    pub by_scene: bool,
    pub panels: Vec<Panel>,
    pub further: Vec<Further>,
}

/// A class as a chart.
pub(super) struct Panel {
    pub value: u16,
    pub name: String,
    /// Of a mosaic: the scene that the pixels are of.
    pub scene: String,
    pub n: u64,
    pub mean: String,
    pub spread: String,
    pub library: String,
    pub across: Vec<Tick>,
    pub up: Vec<Tick>,
    /// `wavelength, µm` or `band in use`.
    pub unit: &'static str,
    /// How far the mean lies from the library.
    pub apart: String,
}

/// A class in a line of a table.
pub(super) struct Further {
    pub value: u16,
    pub name: String,
    pub scene: String,
    pub n: u64,
    pub brightness: String,
    pub apart: String,
}

impl Spectra {
    /// Of a run's folder; nothing when the run left no spectra. Classes come in the order of `values`, and of each the scenes
    /// of a mosaic in which it has pixels.
    ///
    /// # Errors
    /// Refuses a file that is damaged.
    pub(super) fn of(folder: &Path, values: &[u16]) -> Result<Option<Self>> {
        let path = folder.join("spectra.json");
        let bytes = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| Error::unopened(&path, &e))?,
        };
        let refused = |what: String| Error::refused(path.display(), what).hint("make the map again");
        let file: File = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
        let scenes: Vec<(&str, &Sampled)> = match &file.scenes[..] {
            [] => vec![("", &file.alone)],
            scenes => scenes.iter().map(|scene| (scene.name.as_str(), &scene.sampled)).collect(),
        };
        let (by_scene, sampled) = match scenes[..] {
            [(_, alone)] => (false, alone.sampled.clone()),
            _ => (true, "windows of one line spread over each scene".to_owned()),
        };
        let scenes: Vec<(&str, Axed<'_>)> = scenes.into_iter().map(|(name, of)| (name, Axed::of(of))).collect();
        if scenes.iter().any(|(_, of)| of.classes.is_empty()) {
            return Err(refused("holds no classes".into()));
        }
        if let Some((_, of)) = scenes.iter().find(|(_, of)| !of.is_whole()) {
            return Err(refused(format!("a list has not {} values", of.axis.len())));
        }
        let chosen: Vec<(&str, &Axed<'_>, &Class)> = values.iter().flat_map(|v| of_value(&scenes, *v)).collect();
        let (drawn, told) = chosen.split_at(chosen.len().min(MOST));
        let further = |&(scene, _, class): &(&str, &Axed<'_>, &Class)| Further {
            value: class.value,
            name: short(&class.name),
            scene: short(scene),
            n: class.n,
            brightness: mean(&class.mean).map_or("–".into(), number),
            apart: apart(class),
        };
        Ok(Some(Self {
            method: file.method.clone(),
            sampled,
            by_scene,
            panels: drawn.iter().map(|(scene, of, class)| panel(scene, class, of)).collect(),
            further: told.iter().map(further).collect(),
        }))
    }
}

/// The scenes in which a class has pixels; the first where none has.
fn of_value<'a>(scenes: &'a [(&'a str, Axed<'a>)], value: u16) -> Vec<(&'a str, &'a Axed<'a>, &'a Class)> {
    let of = |(scene, of): &'a (&'a str, Axed<'a>)| {
        of.classes.iter().find(|c| c.value == value).map(|class| (*scene, of, class))
    };
    let all: Vec<_> = scenes.iter().filter_map(of).collect();
    let found: Vec<_> = all.iter().copied().filter(|(_, _, class)| class.n > 0).collect();
    if found.is_empty() { all.into_iter().take(1).collect() } else { found }
}

/// The classes of a scene on its axis.
struct Axed<'a> {
    classes: &'a [Class],
    axis: Vec<f64>,
    unit: &'static str,
}

impl<'a> Axed<'a> {
    fn of(sampled: &'a Sampled) -> Self {
        let bands = sampled.classes.first().map_or(0, |c| c.library.len());
        let (axis, unit) = match &sampled.wavelengths_nm {
            Some(nm) => (nm.iter().map(|nm| nm / 1000.0).collect(), "wavelength, µm"),
            None => ((1..=bands).map(|b| b as f64).collect(), "band in use"),
        };
        Self { classes: &sampled.classes, axis, unit }
    }

    /// Whether every list has a value for each band, or none.
    fn is_whole(&self) -> bool {
        let bands = self.axis.len();
        let lengths = |c: &Class| [c.mean.len(), c.deviation.len()].iter().all(|n| *n == 0 || *n == bands);
        self.classes.iter().all(|c| c.library.len() == bands && lengths(c))
    }
}

fn panel(scene: &str, class: &Class, of: &Axed<'_>) -> Panel {
    let axis = &of.axis[..];
    let value = |list: &[Option<f64>], i: usize| list.get(i).copied().flatten();
    let edge = |i: usize, sign: f64| Some(value(&class.mean, i)? + sign * value(&class.deviation, i)?);
    let all = (0..axis.len())
        .flat_map(|i| [value(&class.mean, i), value(&class.library, i), edge(i, -1.0), edge(i, 1.0)])
        .flatten();
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) };
    let margin = 0.06 * (high - low);
    let (from, until) = (axis.first().copied().unwrap_or(0.0), axis.last().copied().unwrap_or(1.0));
    let (across, up) = (Axis::across(from, until), Axis::up(low - margin, high + margin));
    let breaks = breaks(axis);
    let runs = |of: &dyn Fn(usize) -> Option<f64>| -> Vec<Vec<(f64, f64)>> {
        let mut runs = vec![Vec::new()];
        for (i, &x) in axis.iter().enumerate() {
            match of(i) {
                Some(v) if !breaks.contains(&i) => runs.last_mut().map(|r| r.push((across.place(x), up.place(v)))),
                Some(v) => {
                    runs.push(vec![(across.place(x), up.place(v))]);
                    None
                }
                None => {
                    runs.push(Vec::new());
                    None
                }
            };
        }
        runs.retain(|run| !run.is_empty());
        runs
    };
    // Around each run: its upper edge forwards, its lower one back.
    let spread = runs(&|i| edge(i, 1.0)).into_iter().zip(runs(&|i| edge(i, -1.0))).map(|(mut upper, lower)| {
        upper.extend(lower.into_iter().rev());
        line(&[upper]) + "z"
    });
    let step = (until - from) / 4.0;
    let places = if step > 0.0 { (-step.log10().floor()).clamp(0.0, 3.0) as usize } else { 0 };
    Panel {
        value: class.value,
        name: short(&class.name),
        scene: short(scene),
        n: class.n,
        mean: line(&runs(&|i| value(&class.mean, i))),
        spread: spread.collect(),
        library: line(&runs(&|i| value(&class.library, i))),
        across: across.ticks(4, |v| format!("{v:.places$}")),
        up: up.ticks(5, number),
        unit: of.unit,
        apart: apart(class),
    }
}

/// Bands before which there is a gap: four times as far from the one before as is usual.
fn breaks(axis: &[f64]) -> Vec<usize> {
    let mut steps: Vec<f64> = axis.windows(2).map(|p| p[1] - p[0]).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    (1..axis.len()).filter(|&i| axis[i] - axis[i - 1] > 4.0 * usual).collect()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The root mean square of mean less library, in reflectance.
fn apart(class: &Class) -> String {
    let squares = class.mean.iter().zip(&class.library).map(|(m, l)| Some((*m)? - (*l)?).map(|d| d * d));
    mean(&squares.collect::<Vec<_>>()).map_or("–".into(), |m| number(m.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axed(axis: &[f64]) -> Axed<'static> {
        Axed { classes: &[], axis: axis.to_vec(), unit: "wavelength, µm" }
    }

    #[test]
    fn a_class_stands_once_for_each_scene_that_has_pixels_of_it() {
        let class = |value: u16, n: u64| Class {
            value,
            name: "x".into(),
            n,
            mean: vec![],
            deviation: vec![],
            library: vec![Some(0.5); 3],
        };
        let [one, other] = [[class(1, 4), class(2, 0), class(3, 0)], [class(1, 2), class(2, 7), class(3, 0)]];
        let of = |classes| Axed { classes, ..axed(&[1.0, 2.0, 3.0]) };
        let scenes = [("one", of(&one)), ("other", of(&other))];
        let named = |value| of_value(&scenes, value).into_iter().map(|(name, _, c)| (name, c.n)).collect::<Vec<_>>();
        assert_eq!(
            [named(1), named(2), named(3)],
            [vec![("one", 4), ("other", 2)], vec![("other", 7)], vec![("one", 0)]]
        );
    }

    #[test]
    fn a_gap_between_bands_breaks_the_line() {
        assert_eq!(breaks(&[1.0, 1.1, 1.2, 2.0, 2.1]), [3]);
        let class = Class {
            value: 1,
            name: "Alunite".into(),
            n: 2,
            mean: [0.2, 0.3, 0.25, 0.4, 0.3].map(Some).to_vec(),
            deviation: [0.01; 5].map(Some).to_vec(),
            library: vec![Some(0.2), None, Some(0.25), Some(0.4), Some(0.4)],
        };
        let panel = panel("", &class, &axed(&[1.0, 1.1, 1.2, 2.0, 2.1]));
        assert_eq!([&panel.mean, &panel.library, &panel.spread].map(|p| p.matches('M').count()), [2, 3, 2]);
        assert_eq!(panel.apart, "0.05");
        assert!(panel.mean.ends_with(|c: char| c.is_ascii_digit()) && panel.spread.ends_with('z'));
    }

    #[test]
    fn a_class_without_pixels_shows_its_library_alone() {
        let none =
            Class { value: 1, name: "x".into(), n: 0, mean: vec![], deviation: vec![], library: vec![Some(0.5); 3] };
        let panel = panel("", &none, &axed(&[1.0, 2.0, 3.0]));
        assert!(panel.mean.is_empty() && panel.spread.is_empty() && panel.library.starts_with('M'));
        assert_eq!(panel.apart, "–");
    }
}

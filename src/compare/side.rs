//! One of the two that are compared: a finished run, or a raster of classes.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::matching::Named;
use crate::envi::find_pair;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::map::RasterReader;
use crate::map::crs;
use crate::methods;

/// Grids whose corners lie further apart than this share of a pixel are two grids: headers round what they say.
const APART: f64 = 1e-3;

/// What was compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideFacts {
    /// As the user named it.
    pub named: PathBuf,
    /// The raster of its classes.
    pub raster: PathBuf,
    /// The method, of a run.
    pub method: Option<String>,
}

pub(super) struct Side {
    pub(super) facts: SideFacts,
    pub(super) raster: RasterReader,
    pub(super) legend: Vec<Named>,
    pub(super) nodata: Option<i32>,
    /// The report of the run, of a folder.
    pub(super) report: Option<Value>,
}

impl Side {
    /// `side` is A or B; `method` names one of a run's.
    pub(super) fn open(path: &Path, method: Option<&str>) -> Result<Self> {
        let (raster, word, report) = if path.is_dir() {
            let report = read_report(path)?;
            let word = word_of(path, &report, method)?;
            (path.join(format!("{word}_classes.tif")), Some(word.to_owned()), Some(report))
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("hdr")) {
            (find_pair(path)?.0, None, None)
        } else if path.exists() {
            (path.to_owned(), None, None)
        } else {
            return Err(Error::refused(path.display(), "there is no such file or folder").hint("check the path"));
        };
        let classes = RasterReader::open_classes(&raster)?;
        let legend = (0..)
            .zip(classes.category_names())
            .filter(|(_, name)| !name.trim().is_empty())
            .map(|(value, name)| Named { value, name })
            .collect();
        let nodata = classes.nodata(0).filter(|v| v.fract() == 0.0).map(|v| v as i32);
        let facts = SideFacts { named: path.to_owned(), raster, method: word };
        Ok(Self { facts, raster: classes, legend, nodata, report })
    }

    /// Whether alunite wrote it.
    pub(super) fn is_map(&self) -> bool {
        self.report.is_some() || self.raster.metadata("ALUNITE_VERSION").is_some()
    }
}

/// Reads the report of a finished run.
///
/// # Errors
/// Refuses a folder that has none, and one that is not JSON.
pub fn read_report(folder: &Path) -> Result<Value> {
    let path = folder.join("run.json");
    let next = "name the folder of a finished `alunite map`";
    let refused = |what: String| Error::refused(path.display(), what).hint(next);
    let bytes = std::fs::read(&path).map_err(|e| refused(format!("cannot read the run's report: {e}")))?;
    let report: Value =
        serde_json::from_slice(&bytes).map_err(|e| refused(format!("is not the report of a run: {e}")))?;
    match (report["alunite"].as_str(), report["maps"].as_array()) {
        (Some(_), Some(_)) => Ok(report),
        _ => Err(refused("is not the report of a run: it has no version or no maps".to_owned())),
    }
}

/// The method that is meant, or the first that has classes.
fn word_of(folder: &Path, report: &Value, method: Option<&str>) -> Result<&'static str> {
    let has_classes = |map: &&Value| map["classes"].as_array().is_some_and(|c| !c.is_empty());
    let maps = || report["maps"].as_array().into_iter().flatten().filter(has_classes);
    let words: Vec<&str> = maps().filter_map(|map| map["method"].as_str()).collect();
    // Only words that methods have become parts of paths.
    let found = words.iter().find(|w| method.is_none_or(|m| m == **w)).and_then(|word| methods::find(word));
    found.map(|m| m.word()).ok_or_else(|| {
        let what = match (method, words.is_empty()) {
            (Some(word), _) => format!("the run has no classes of '{word}'; it has those of: {}", words.join(", ")),
            (None, true) => "the run has no class map: rx alone finds no minerals".to_owned(),
            (None, false) => format!("its maps are of methods that are none: {}", words.join(", ")),
        };
        Error::refused(folder.display(), what).hint("name another run, or another method with --method")
    })
}

/// Refuses rasters of different sizes, and of different places.
pub(super) fn same_grid(a: &Side, b: &Side, ignore_place: bool) -> Result<()> {
    let place = b.facts.raster.display();
    let [size, found] = [a, b].map(|side| (side.raster.map.samples, side.raster.map.lines));
    if size != found {
        let what = format!("has {} x {} pixels, expected A's {} x {}", found.0, found.1, size.0, size.1);
        return Err(Error::refused(place, what).hint("bring one onto the grid of the other (`gdalwarp -r near`)"));
    }
    if ignore_place {
        return Ok(());
    }
    match difference(&a.raster.map.grid, &b.raster.map.grid, size) {
        None => Ok(()),
        Some(what) => Err(Error::refused(place, what).hint(
            "bring one onto the grid of the other (`gdalwarp -r near`); --ignore-grid compares pixel by pixel wherever they lie",
        )),
    }
}

/// What differs between the places of two rasters of one size.
fn difference(a: &Grid, b: &Grid, (samples, lines): (usize, usize)) -> Option<String> {
    match (&a.crs_wkt, &b.crs_wkt) {
        (Some(a), Some(b)) if !crs::same(a, b) => {
            return Some(format!("its CRS is {}, expected A's {}", crs::name(b), crs::name(a)));
        }
        (Some(a), None) => return Some(format!("has no CRS, expected A's {}", crs::name(a))),
        (None, Some(b)) => return Some(format!("its CRS is {}, but A has none", crs::name(b))),
        _ => {}
    }
    match (&a.geotransform, &b.geotransform) {
        (None, None) => None,
        (Some(a), None) => Some(format!("has no geotransform, expected A's {a:?}")),
        (None, Some(b)) => Some(format!("its geotransform is {b:?}, but A has none")),
        (Some(a), Some(b)) => {
            let at = |g: &[f64; 6], (c, l): (f64, f64)| [g[0] + c * g[1] + l * g[2], g[3] + c * g[4] + l * g[5]];
            let (c, l) = (samples as f64, lines as f64);
            let pixel = a[1].hypot(a[4]).min(a[2].hypot(a[5]));
            let apart = [(0.0, 0.0), (c, 0.0), (0.0, l), (c, l)].map(|corner| {
                let ([ax, ay], [bx, by]) = (at(a, corner), at(b, corner));
                (ax - bx).hypot(ay - by) / pixel
            });
            // What is not a number is not near.
            let near = apart.iter().all(|d| *d <= APART);
            (!near).then(|| format!("its geotransform is {b:?}, expected A's {a:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_may_differ_by_what_headers_round() {
        let grid = |x: f64, step: f64| Grid { geotransform: Some([x, step, 0.0, 4e6, 0.0, -step]), crs_wkt: None };
        let apart = |other: &Grid| difference(&grid(5e5, 30.0), other, (1000, 1000));
        assert_eq!(apart(&grid(5e5 + 0.001, 30.0)), None);
        for other in [grid(5e5 + 1.0, 30.0), grid(5e5, 30.001), grid(f64::NAN, 30.0), Grid::default()] {
            assert!(apart(&other).is_some(), "{other:?}");
        }
    }
}

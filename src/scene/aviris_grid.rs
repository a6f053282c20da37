//! The grid of AVIRIS's netCDF files: `easting` and `northing` are the centres of the pixels, in metres; the variable
//! `transverse_mercator` has the CRS (`spatial_ref` or `crs_wkt`) and the outer corner and the sizes of a pixel, as GDAL
//! writes them (`GeoTransform`). The two must agree.

use gdal::spatial_ref::SpatialRef;

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::scene::gdal::recorded;
use crate::scene::multidim::{Array, File};

const MAPPING: &str = "transverse_mercator";
/// How far, in pixels, a centre may lie from where the grid has it.
const TOLERANCE: f64 = 0.1;

/// The grid of `lines` x `samples` pixels.
///
/// # Errors
/// Refuses files without coordinates or grid mapping, coordinates that are not evenly spaced, and those that contradict the
/// grid mapping.
pub(super) fn grid(file: &File, (lines, samples): (usize, usize), notes: &mut Vec<String>) -> Result<Grid> {
    let (x, y) = (Axis::read(file, "easting", samples)?, Axis::read(file, "northing", lines)?);
    let from_centres = [x.first - x.step / 2.0, x.step, 0.0, y.first - y.step / 2.0, 0.0, y.step];
    let mapping = file.array(MAPPING)?.ok_or_else(|| {
        Error::refused(file.place(MAPPING), "there is no such variable; expected the grid mapping, with the CRS")
    })?;
    let crs_wkt = Some(crs(&mapping)?);
    let Some(declared) = geotransform(&mapping)? else {
        notes.push("the grid mapping has no GeoTransform: the grid follows from easting and northing".to_owned());
        return Ok(Grid { geotransform: Some(from_centres), crs_wkt });
    };
    let at =
        |g: &[f64; 6], column: f64, line: f64| (g[0] + column * g[1] + line * g[2], g[3] + column * g[4] + line * g[5]);
    #[expect(clippy::cast_precision_loss, reason = "sides are at most a million")]
    let (right, bottom) = (samples as f64, lines as f64);
    for (column, line) in [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)] {
        let (a, b) = (at(&declared, column, line), at(&from_centres, column, line));
        let off = ((a.0 - b.0) / x.step).hypot((a.1 - b.1) / y.step);
        // A distance that is no number is refused too.
        if off.is_nan() || off > TOLERANCE {
            let what = format!(
                "GeoTransform puts the corner of column {column}, line {line} at {}, {}, but easting and northing, as \
                 centres of pixels, put it at {}, {}: {off:.2} pixels apart",
                a.0, a.1, b.0, b.1
            );
            return Err(Error::refused(mapping.place(), what)
                .hint("the file contradicts itself, and the map would lie elsewhere: fetch it again"));
        }
    }
    Ok(Grid { geotransform: Some(declared), crs_wkt })
}

/// Centres of pixels along one side.
struct Axis {
    first: f64,
    step: f64,
}

impl Axis {
    fn read(file: &File, name: &str, length: usize) -> Result<Self> {
        let mut array = file.required(name, &[name])?;
        let refused = |what: String| Err(Error::refused(file.place(name), what));
        if array.shape[0] != length {
            return refused(format!("holds {} values, expected {length}, one for each pixel", array.shape[0]));
        }
        if let Some(unit) = array.unit.as_deref().filter(|u| !["m", "metre", "meter", "metres", "meters"].contains(u)) {
            return refused(format!("its unit is '{unit}', expected 'm'"));
        }
        let mut centres = vec![0.0; length];
        array.read(&[0], &[length], &mut centres)?;
        if length < 2 {
            return refused("holds one value, expected two or more: the size of a pixel is not known".to_owned());
        }
        let first = centres[0];
        #[expect(clippy::cast_precision_loss, reason = "sides are at most a million")]
        let step = (centres[length - 1] - first) / (length - 1) as f64;
        if !step.is_finite() || step == 0.0 {
            return refused(format!("reaches from {first} to {}, expected centres of pixels", centres[length - 1]));
        }
        #[expect(clippy::cast_precision_loss, reason = "sides are at most a million")]
        let off = |(i, centre): (usize, &f64)| ((centre - first) / step - i as f64).abs();
        // A distance that is no number is found too.
        let odd = centres.iter().enumerate().position(|pair| off(pair).is_nan() || off(pair) > TOLERANCE);
        match odd {
            Some(i) => refused(format!(
                "value {} is {}, {:.2} pixels from its place among evenly spaced ones, of {step} each",
                i + 1,
                centres[i],
                off((i, &centres[i]))
            )),
            None => Ok(Self { first, step }),
        }
    }
}

fn crs(mapping: &Array) -> Result<String> {
    let text = |name: &str| mapping.words(name).and_then(|w| w.into_iter().next()).filter(|t| !t.trim().is_empty());
    let wkt = text("spatial_ref").or_else(|| text("crs_wkt")).ok_or_else(|| {
        Error::refused(mapping.place(), "has neither spatial_ref nor crs_wkt, expected the CRS as WKT")
    })?;
    match recorded(|| SpatialRef::from_wkt(&wkt)).0 {
        Ok(_) => Ok(wkt),
        Err(e) => Err(Error::refused(mapping.place(), format!("spatial_ref is '{wkt}', expected the CRS as WKT: {e}"))),
    }
}

/// Six numbers in GDAL's order, as one text or as a list; `None` where there are none.
fn geotransform(mapping: &Array) -> Result<Option<[f64; 6]>> {
    let Some(words) = mapping.words("GeoTransform") else { return Ok(None) };
    let numbers: Option<Vec<f64>> = words
        .iter()
        .flat_map(|w| w.split_whitespace())
        .map(|t| t.parse().ok().filter(|v: &f64| v.is_finite()))
        .collect();
    match numbers.and_then(|n| <[f64; 6]>::try_from(n).ok()) {
        Some(six) => Ok(Some(six)),
        None => Err(Error::refused(mapping.place(), format!("GeoTransform is {words:?}, expected six numbers"))),
    }
}

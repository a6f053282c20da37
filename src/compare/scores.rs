//! How far the scores of two runs lie apart.

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::map::RasterReader;

/// How two rasters of numbers differ in a band.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Apart {
    /// Pixels with data in both.
    pub compared: u64,
    /// Pixels with data in one alone.
    pub in_one: u64,
    /// Pixels whose numbers are not the same.
    pub differing: u64,
    /// The largest difference, absolute.
    pub largest: f64,
    /// Line and sample of it, from 1; the first of several. Nothing where all are the same.
    pub at: Option<[usize; 2]>,
    /// Mean of the absolute differences over the pixels with data in both; 0 without any.
    pub mean: f64,
}

/// Compares a band, from 0, of two GeoTIFFs of one size; NaN and each raster's own value for no data are no data.
///
/// # Errors
/// Refuses rasters of different sizes, and what is no GeoTIFF or has no such band.
pub fn apart(a: &Path, b: &Path, band: usize) -> Result<Apart> {
    let (one, other) = (RasterReader::open(a)?, RasterReader::open(b)?);
    let [size, found] = [&one, &other].map(|r| (r.map.samples, r.map.lines, r.bands.len()));
    if size != found || band >= size.2 {
        let what = format!(
            "has {} x {} pixels in {} bands, expected {} x {} in {}",
            found.0, found.1, found.2, size.0, size.1, size.2
        );
        return Err(Error::refused(b.display(), what).hint("compare maps of one scene"));
    }
    let nodata = [one.nodata(band), other.nodata(band)].map(|v| v.map(|v| v as f32));
    let missing = |value: f32, nodata: Option<f32>| value.is_nan() || nodata == Some(value);
    let (mut found, mut sum) = (Apart::default(), 0.0);
    for strip in one.strips() {
        let (a, b) = (one.read::<f32>(band, strip)?, other.read::<f32>(band, strip)?);
        for (i, (&a, &b)) in a.iter().zip(&b).enumerate() {
            match (missing(a, nodata[0]), missing(b, nodata[1])) {
                (true, true) => {}
                (false, false) => {
                    found.compared += 1;
                    // Equal infinities are no distance apart.
                    let distance = if a == b { 0.0 } else { (f64::from(a) - f64::from(b)).abs() };
                    found.differing += u64::from(a != b);
                    sum += distance;
                    if distance > found.largest {
                        found.largest = distance;
                        found.at = Some([strip.y + i / size.0 + 1, i % size.0 + 1]);
                    }
                }
                _ => found.in_one += 1,
            }
        }
    }
    found.mean = if found.compared > 0 { sum / found.compared as f64 } else { 0.0 };
    Ok(found)
}

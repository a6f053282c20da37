//! The geometric lookup table (GLT) of a swath: for each pixel of the map, the sample and line that it shows.
//!
//! EMIT's lies in `location/glt_x` (samples) and `location/glt_y` (lines), both `[ortho_y][ortho_x]`, counted from 1; 0 is
//! a pixel of the map that the swath does not reach. The map's place is the file's `geotransform` (six numbers in GDAL's
//! order) and `spatial_ref` (WKT).

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use gdal::spatial_ref::SpatialRef;

use crate::error::{Error, Result};
use crate::grid::{Grid, MapGrid};
use crate::scene::gdal::recorded;
use crate::scene::multidim::{Array, File};
use crate::scene::{LookupReader, NOWHERE};

const X: &str = "location/glt_x";
const Y: &str = "location/glt_y";
const DIMENSIONS: [&str; 2] = ["ortho_y", "ortho_x"];

/// The way out of a table that cannot be used.
const SWATH: &str = "pass --geometry swath for maps in the swath's own geometry, or fetch the file again";

/// The map that a file's table leads to; `None` when it has no table. Values are looked at only when they are read.
pub(super) fn describe(file: &File, swath: (usize, usize)) -> Option<Result<MapGrid>> {
    match (file.array(X), file.array(Y)) {
        (Ok(None), Ok(None)) => None,
        _ => Some(map_grid(file, swath).map_err(|e| e.hint(SWATH))),
    }
}

fn map_grid(file: &File, (lines, samples): (usize, usize)) -> Result<MapGrid> {
    let (x, y) = (file.required(X, &DIMENSIONS)?, file.required(Y, &DIMENSIONS)?);
    for array in [&x, &y] {
        if !matches!(array.type_name.as_str(), "Int32" | "UInt32" | "Int16" | "UInt16" | "Int64" | "UInt64") {
            return Err(Error::refused(array.place(), format!("holds {}, expected Int32", array.type_name)));
        }
    }
    if x.shape != y.shape {
        let what = format!("its shape is {:?}, expected {:?}, that of glt_x", y.shape, x.shape);
        return Err(Error::refused(y.place(), what));
    }
    x.check_sides()?;
    let [height, width] = [x.shape[0], x.shape[1]];
    // Both are at most a million.
    if samples * lines > NOWHERE as usize {
        let what = format!("leads to a swath of {lines} x {samples} pixels, expected {NOWHERE} at most");
        return Err(Error::refused(x.place(), what));
    }
    let grid = Grid { geotransform: Some(geotransform(file)?), crs_wkt: Some(crs(file)?) };
    Ok(MapGrid { samples: width, lines: height, grid })
}

fn geotransform(file: &File) -> Result<[f64; 6]> {
    let place = file.place("attribute geotransform");
    let texts = file
        .words("geotransform")
        .ok_or_else(|| Error::refused(&place, "there is none; expected the six numbers of the map's place"))?;
    let numbers: Option<Vec<f64>> =
        texts.iter().map(|t| t.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
    let six: Option<[f64; 6]> = numbers.and_then(|n| n.try_into().ok());
    let six = six.ok_or_else(|| Error::refused(&place, format!("is {texts:?}, expected six numbers")))?;
    if six[1] * six[5] - six[2] * six[4] == 0.0 {
        return Err(Error::refused(&place, format!("is {six:?}, expected pixels that cover some ground")));
    }
    Ok(six)
}

fn crs(file: &File) -> Result<String> {
    let place = file.place("attribute spatial_ref");
    let texts = file.words("spatial_ref").unwrap_or_default();
    let wkt = texts.first().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let wkt = wkt.ok_or_else(|| Error::refused(&place, "there is none; expected the map's CRS as WKT"))?;
    match recorded(|| SpatialRef::from_wkt(&wkt)).0 {
        Ok(_) => Ok(wkt),
        Err(e) => Err(Error::refused(&place, format!("is '{wkt}', expected the map's CRS as WKT: {e}"))),
    }
}

/// Pixels of the table that are read at once, more or less, and kept until others are asked for. The whole table of a
/// granule of EMIT: it takes a tenth of a second to inflate, is looked through before a run, and used at its end.
const PIXELS_AT_ONCE: usize = 4 << 20;

/// The table of a file, which readers share.
pub(super) struct Table {
    file: Arc<Mutex<File>>,
    /// Samples and lines.
    swath: (usize, usize),
    /// The lines that were read last, and their places.
    read: Range<usize>,
    places: Vec<u32>,
}

/// Reads the table piecewise.
pub(super) struct Reader(pub(super) Arc<Mutex<Table>>);

impl Table {
    pub(super) fn new(file: &Arc<Mutex<File>>, swath: (usize, usize)) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { file: Arc::clone(file), swath, read: 0..0, places: Vec::new() }))
    }

    /// Reads the rows of chunks around a line.
    fn read_around(&mut self, line: usize) -> Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut x, mut y) = (file.required(X, &DIMENSIONS)?, file.required(Y, &DIMENSIONS)?);
        if x.shape != y.shape {
            return Err(Error::refused(y.place(), "its shape is not that of glt_x").hint(SWATH));
        }
        let (height, width) = (x.shape[0], x.shape[1]);
        let chunk = x.block.first().map_or(1, |&lines| lines.clamp(1, height.max(1)));
        let step = chunk * (PIXELS_AT_ONCE / (chunk * width).max(1)).max(1);
        let lines = line / step * step..((line / step + 1) * step).min(height);
        if !lines.contains(&line) {
            return Err(Error::failed(x.place(), format!("line {line} of {height} was asked for")));
        }
        let ((samples, no_sample), (rows, no_row)) = (column(&mut x, &lines)?, column(&mut y, &lines)?);
        (self.read, self.places) = (0..0, Vec::with_capacity(samples.len()));
        for (i, (&sample, &row)) in samples.iter().zip(&rows).enumerate() {
            // As in the archive's own tools, a pixel is shown only where both say which.
            if sample == 0 || row == 0 || Some(sample) == no_sample || Some(row) == no_row {
                self.places.push(NOWHERE);
                continue;
            }
            let at = |array: &Array, value: i32, most: usize| match usize::try_from(value) {
                Ok(v) if (1..=most).contains(&v) => Ok(v - 1),
                _ => {
                    let (line, pixel) = (lines.start + i / width.max(1), i % width.max(1));
                    let what =
                        format!("is {value} at line {line}, sample {pixel}, expected 1 to {most}, or 0 for none");
                    Err(Error::refused(array.place(), what).hint(SWATH))
                }
            };
            let (sample, row) = (at(&x, sample, self.swath.0)?, at(&y, row, self.swath.1)?);
            self.places.push(u32::try_from(row * self.swath.0 + sample).unwrap_or(NOWHERE));
        }
        self.read = lines;
        Ok(())
    }
}

impl LookupReader for Reader {
    fn read(&mut self, lines: Range<usize>, places: &mut Vec<u32>) -> Result<()> {
        places.clear();
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = lines.start;
        while line < lines.end {
            if !table.read.contains(&line) {
                table.read_around(line)?;
            }
            let (first, width) = (table.read.start, table.places.len() / table.read.len());
            let end = lines.end.min(table.read.end);
            places.extend_from_slice(&table.places[(line - first) * width..(end - first) * width]);
            line = end;
        }
        Ok(())
    }
}

/// Some lines of one of the two arrays, and the value that is no place beside 0.
fn column(array: &mut Array, lines: &Range<usize>) -> Result<(Vec<i32>, Option<i32>)> {
    let width = array.shape[1];
    let mut values = vec![0_i32; lines.len() * width];
    // GDAL clamps what 32 bits cannot hold: no swath is so wide, so it stays out of bounds.
    array.read(&[lines.start, 0], &[lines.len(), width], &mut values)?;
    Ok((values, array.fill.map(|f| f as i32)))
}

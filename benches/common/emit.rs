//! Made ground as an EMIT L2A delivery: netCDF-4 in deflated chunks, in the geometry of the swath, with a lookup table that
//! turns it to the north.

use std::path::Path;

use alunite::tile::Interleave;

use super::ground::Ground;
use super::netcdf::{Netcdf, Variable};
use super::scene::{Shape, Stored as _, block};

/// Lines and samples of a chunk, which holds all bands.
const CHUNK: usize = 32;
/// The ground's bearing against the swath, as on an inclined orbit.
const BEARING: f64 = -35.0;
/// Degrees of a pixel of the map, as EMIT's 60 m.
const STEP: f64 = 0.000_542_232_520_256_367;
const WGS84: &str = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],\
                     PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]";

/// Writes the file, under its name when it is complete.
pub(crate) fn write(path: &Path, ground: &Ground, shape: Shape) {
    let part = path.with_extension("part.nc");
    create(&part, ground, shape);
    std::fs::rename(&part, path).expect("the same folder");
}

fn create(path: &Path, ground: &Ground, shape: Shape) {
    let Shape { lines, samples, .. } = shape;
    let bands = ground.bands.len();
    let mut file = Netcdf::create(path);
    let dimensions = &[("downtrack", lines), ("crosstrack", samples), ("bands", bands)];
    let chunk = [CHUNK.min(lines), CHUNK.min(samples), bands];
    let fill = Some(f64::from(f32::NODATA));
    let unit = Some("unitless");
    let cube = Variable { name: "reflectance", dimensions, chunk: Some(&chunk), fill, unit };
    let array = file.array::<f32>(cube);
    let of_bands = |name| Variable { name, dimensions: &dimensions[2..], unit: Some("nm"), ..Variable::default() };
    let nm = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    let centres = nm(ground.bands.centres.iter().map(|c| c.0).collect());
    file.numbers(of_bands("sensor_band_parameters/wavelengths"), &centres);
    let widths = nm(ground.bands.fwhm_or_spacing().iter().map(|c| c.0).collect());
    file.numbers(of_bands("sensor_band_parameters/fwhm"), &widths);
    file.numbers(of_bands("sensor_band_parameters/good_wavelengths"), &vec![1_u8; bands]);
    let (rows, columns, glt_x, glt_y) = table(lines, samples);
    for (name, values) in [("location/glt_x", &glt_x), ("location/glt_y", &glt_y)] {
        let dimensions = &[("ortho_y", rows), ("ortho_x", columns)];
        let chunk = [rows.min(512), columns.min(512)];
        file.numbers(Variable { name, dimensions, chunk: Some(&chunk), fill: Some(0.0), unit: None }, values);
    }
    file.list("geotransform", &[45.125, STEP, 0.0, 40.5, 0.0, -STEP]);
    file.text("spatial_ref", WGS84);
    file.text("title", "made ground for benches, not measured");
    let (made, to_write) = crossbeam_channel::bounded(1);
    std::thread::scope(|scope| {
        // The next row of chunks is made while this one is deflated.
        scope.spawn(move || {
            for first in (0..lines).step_by(CHUNK) {
                let range = first..(first + CHUNK).min(lines);
                let block = block::<f32>(ground, range.clone(), samples, Interleave::Bip);
                if made.send((range, block)).is_err() {
                    break;
                }
            }
        });
        for (range, block) in to_write {
            array.write(&[range.start, 0, 0], &[range.len(), samples, bands], &block);
        }
    });
}

/// Rows and columns of the map, and for each of its pixels the nearest sample and line of the swath, from 1; 0 for none.
fn table(lines: usize, samples: usize) -> (usize, usize, Vec<i32>, Vec<i32>) {
    let (sin, cos) = BEARING.to_radians().sin_cos();
    let side = |along: usize, across: usize| (along as f64 * cos.abs() + across as f64 * sin.abs()).ceil() as usize;
    let (rows, columns) = (side(lines, samples), side(samples, lines));
    let middle = |n: usize| (n as f64 - 1.0) / 2.0;
    let (mut glt_x, mut glt_y) = (vec![0; rows * columns], vec![0; rows * columns]);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column as f64 - middle(columns), row as f64 - middle(rows));
            let (sample, line) = (cos * x + sin * y + middle(samples), cos * y - sin * x + middle(lines));
            let (sample, line) = (sample.round(), line.round());
            if (0.0..samples as f64).contains(&sample) && (0.0..lines as f64).contains(&line) {
                let at = row * columns + column;
                (glt_x[at], glt_y[at]) = (sample as i32 + 1, line as i32 + 1);
            }
        }
    }
    (rows, columns, glt_x, glt_y)
}

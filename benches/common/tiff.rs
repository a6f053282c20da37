//! Made ground as a tiled GeoTIFF, band after band, by GDAL.

use std::path::Path;

use alunite::tile::{Interleave, SampleType};
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{DriverManager, Metadata as _};

use super::ground::Ground;
use super::scene::{ORIGIN, PIXEL, SCALE, Shape, Stored, block};

/// Width and height of a tile, as GDAL makes them by default.
const TILE: usize = 256;
/// WGS 84 / UTM zone 38N.
const EPSG: u32 = 32638;

/// Writes the file, under its name when it is complete.
pub(crate) fn write<T: Stored>(path: &Path, ground: &Ground, shape: Shape, compression: &str) {
    let part = path.with_extension("part");
    create::<T>(&part, ground, shape, compression).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    std::fs::rename(&part, path).expect("the same folder");
}

fn create<T: Stored>(path: &Path, ground: &Ground, shape: Shape, compression: &str) -> gdal::errors::Result<()> {
    let Shape { lines, samples, sample_type } = shape;
    let compress = format!("COMPRESS={compression}");
    let options = ["TILED=YES", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS", &compress];
    let options = RasterCreationOptions::from_iter(options);
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let bands = ground.bands.len();
    let mut dataset = driver.create_with_band_type_with_options::<T, _>(path, samples, lines, bands, &options)?;
    dataset.set_spatial_ref(&SpatialRef::from_epsg(EPSG)?)?;
    dataset.set_geo_transform(&[ORIGIN.0, PIXEL, 0.0, ORIGIN.1, 0.0, -PIXEL])?;
    let widths = ground.bands.fwhm_or_spacing();
    for (i, (centre, fwhm)) in ground.bands.centres.iter().zip(widths).enumerate() {
        let mut band = dataset.rasterband(i + 1)?;
        band.set_no_data_value(Some(T::NODATA.into()))?;
        if sample_type != SampleType::F32 {
            band.set_scale(1.0 / f64::from(SCALE))?;
        }
        band.set_metadata_item("wavelength", &format!("{:.4}", centre.0), "")?;
        band.set_metadata_item("fwhm", &format!("{:.4}", fwhm.0), "")?;
        band.set_metadata_item("wavelength_units", "Nanometers", "")?;
        band.set_metadata_item("bbl", "1", "")?;
    }
    let (made, to_write) = crossbeam_channel::bounded(1);
    std::thread::scope(|scope| {
        // The next row of tiles is made while this one is compressed.
        scope.spawn(move || {
            for first in (0..lines).step_by(TILE) {
                let range = first..(first + TILE).min(lines);
                let block = block::<T>(ground, range.clone(), samples, Interleave::Bsq);
                if made.send((range, block)).is_err() {
                    break;
                }
            }
        });
        for (range, block) in to_write {
            let size = (samples, range.len());
            for (i, values) in block.chunks_exact(samples * range.len()).enumerate() {
                let mut buffer = Buffer::new(size, values.to_vec());
                dataset.rasterband(i + 1)?.write((0, range.start as isize), size, &mut buffer)?;
            }
        }
        Ok::<(), gdal::errors::GdalError>(())
    })?;
    dataset.close()
}

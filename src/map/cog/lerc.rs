//! Tiles whose numbers may err a little, packed by GDAL.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use gdal::raster::RasterCreationOptions;
use gdal::{DriverManager, vsi};

use super::packer::Pixel;
use super::tags::Tags;
use crate::map::ffi;
use crate::map::verify::open;
use crate::tile::Window;

/// Packs the values of all bands of a tile of these samples and lines, so that no number errs by more than this and those without data stay as they are.
/// Gives the numbers that a reader will find too.
///
/// # Errors
/// When GDAL fails, or does not keep to it.
pub(super) fn pack<T: Pixel>(
    values: &[T],
    tile: (usize, usize),
    bands: usize,
    max_error: f64,
    nodata: f64,
) -> io::Result<(Vec<u8>, Vec<T>)> {
    let file = InMemory::new();
    let (packed, log) = ffi::recorded(|| through_gdal(&file.0, values, tile, bands, max_error));
    let wrong = |what: &str| io::Error::other(format!("LERC: {what} {}", log.errors.join("; ")));
    let (bytes, kept) = packed.map_err(|e| wrong(&e.to_string()))?;
    let packed = Tags::of(&bytes).and_then(|tags| bytes.get(tags.only_tile()?)).ok_or_else(|| wrong("no tile"))?;
    let all_near = kept.iter().zip(values).all(|(kept, value)| {
        let number = |value: &T| f32::from_bits(value.bits() as u32);
        near(number(kept), number(value), max_error, nodata as f32)
    });
    if all_near { Ok((packed.to_vec(), kept)) } else { Err(wrong(&format!("a number errs by more than {max_error}"))) }
}

/// A file in memory that goes with this.
struct InMemory(PathBuf);

impl InMemory {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("/vsimem/alunite-tile-{}-{count}.tif", std::process::id()).into())
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        drop(ffi::recorded(|| vsi::unlink_mem_file(&self.0)));
    }
}

/// The bytes of a file of one tile, and what is read from it.
fn through_gdal<T: Pixel>(
    path: &Path,
    values: &[T],
    tile: (usize, usize),
    bands: usize,
    max_error: f64,
) -> gdal::errors::Result<(Vec<u8>, Vec<T>)> {
    let (samples, lines) = tile;
    let options = [
        "TILED=YES".to_owned(),
        format!("BLOCKXSIZE={samples}"),
        format!("BLOCKYSIZE={lines}"),
        "INTERLEAVE=PIXEL".to_owned(),
        "BIGTIFF=YES".to_owned(),
        "ENDIANNESS=LITTLE".to_owned(),
        "COMPRESS=LERC_DEFLATE".to_owned(),
        format!("MAX_Z_ERROR={max_error}"),
        "ZLEVEL=1".to_owned(),
    ];
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let options = RasterCreationOptions::from_iter(options);
    let mut file = driver.create_with_band_type_with_options::<T, _>(path, samples, lines, bands, &options)?;
    let whole = Window { x: 0, y: 0, width: samples, height: lines };
    for (band, values) in file.rasterbands().zip(values.chunks_exact(whole.pixels())) {
        ffi::write_window(&band?, whole, values);
    }
    file.flush_cache()?;
    file.close()?;
    let file = open(path)?;
    let mut kept = Vec::with_capacity(values.len());
    for band in file.rasterbands() {
        kept.extend_from_slice(band?.read_as::<T>((0, 0), tile, tile, None)?.data());
    }
    file.close()?;
    Ok((vsi::get_vsi_mem_file_bytes_owned(path)?, kept))
}

/// Whether a number that was kept errs by no more than this and the rounding of its type, and one without data not at all.
fn near(kept: f32, value: f32, max_error: f64, nodata: f32) -> bool {
    match kept == nodata || value == nodata || !value.is_finite() {
        true => kept.to_bits() == value.to_bits(),
        false => f64::from(kept - value).abs() <= max_error * (1.0 + 1e-6) + f64::from(value.abs() * f32::EPSILON),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_differ_by_the_error_and_no_more() {
        for (kept, value, fine) in [
            (0.501, 0.5, true),
            (1.999, 2.0, true),
            (-9999.0, -9999.0, true),
            (0.502, 0.5, false),
            (f32::NAN, 2.0, false),
            (-9998.999, -9999.0, false),
            (-9999.0, 0.5, false),
        ] {
            assert_eq!(near(kept, value, 0.001, -9999.0), fine, "{kept} for {value}");
        }
    }
}

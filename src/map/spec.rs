//! What a raster is to hold, and the empty file that holds it.

use std::path::Path;

use gdal::raster::{ColorEntry, ColorTable, GdalDataType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata as _};

use super::compression::Compression;
use super::legend::Legend;
use super::{ffi, text};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Side of a tile in pixels. A tile of a rule image holds all bands: 40 bands of it are 10 MiB.
pub(super) const BLOCK: usize = 256;
/// Lines of a tile of the intermediate file. Parts of a wide scene are of fewer lines than a tile of the map, and GDAL's cache
/// must hold a row of tiles of all rasters, or it writes and reads them again for every part.
const LINES: usize = 64;

/// What a raster is to hold.
#[derive(Debug, Clone)]
pub struct RasterSpec<'a> {
    /// Samples (columns).
    pub width: usize,
    /// Lines (rows).
    pub height: usize,
    /// Place on the ground, written as it is; nothing is written for what is `None`.
    pub grid: &'a Grid,
    /// Classes or numbers.
    pub kind: RasterKind<'a>,
    /// One for each band.
    pub bands: Vec<BandSpec>,
    /// Names (letters, digits, `_`, `-`, `.`) and values. Put no dates here: the same input gives the same bytes.
    pub metadata: Vec<(String, String)>,
    /// How the pixels are compressed.
    pub compression: Compression,
}

/// What the values are.
#[derive(Debug, Clone, Copy)]
pub enum RasterKind<'a> {
    /// Values of a legend, in the legend's type.
    Classes(&'a Legend),
    /// f32 values; NaN is written as `nodata`.
    Floats {
        /// The value of pixels without data.
        nodata: f32,
    },
}

/// What a band is called.
#[derive(Debug, Clone, Default)]
pub struct BandSpec {
    /// The name that a GIS shows.
    pub description: String,
    /// The unit of the values, such as `radian`.
    pub unit: Option<String>,
}

pub(super) fn check_spec(path: &Path, spec: &RasterSpec<'_>) -> Result<()> {
    let refused = |what: String| Err(Error::refused(path.display(), what));
    let side = 1..=i32::MAX as usize;
    if !side.contains(&spec.width) || !side.contains(&spec.height) || !(1..=65_535).contains(&spec.bands.len()) {
        return refused(format!(
            "no raster has {} × {} pixels and {} bands",
            spec.width,
            spec.height,
            spec.bands.len()
        ));
    }
    if spec.grid.geotransform.is_some_and(|g| g.iter().any(|v| !v.is_finite())) {
        return refused(format!("the geotransform {:?} holds a value that is not a number", spec.grid.geotransform));
    }
    if let Some(wkt) = &spec.grid.crs_wkt {
        // GDAL takes any text here and leaves out what it does not understand.
        let (parsed, _) = ffi::recorded(|| SpatialRef::from_wkt(wkt));
        parsed
            .map_err(|e| Error::refused(path.display(), format!("the coordinate reference system is not WKT: {e}")))?;
    }
    let plain = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    match spec.metadata.iter().find(|(key, _)| key.is_empty() || !plain(key)) {
        Some((key, _)) => {
            refused(format!("the metadata name {key:?} has characters other than letters, digits, _ - ."))
        }
        None => Ok(()),
    }
}

pub(super) fn intermediate(
    file: &Path,
    spec: &RasterSpec<'_>,
    kind: GdalDataType,
    nodata: f64,
) -> gdal::errors::Result<Dataset> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let sides = [format!("BLOCKXSIZE={BLOCK}"), format!("BLOCKYSIZE={LINES}")];
    let options = ["TILED=YES", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER", &sides[0], &sides[1]];
    let options = RasterCreationOptions::from_iter(options);
    let (w, h, bands) = (spec.width, spec.height, spec.bands.len());
    let mut dataset = match kind {
        GdalDataType::UInt8 => driver.create_with_band_type_with_options::<u8, _>(file, w, h, bands, &options),
        GdalDataType::UInt16 => driver.create_with_band_type_with_options::<u16, _>(file, w, h, bands, &options),
        _ => driver.create_with_band_type_with_options::<f32, _>(file, w, h, bands, &options),
    }?;
    if let Some(geotransform) = &spec.grid.geotransform {
        dataset.set_geo_transform(geotransform)?;
    }
    if let Some(wkt) = &spec.grid.crs_wkt {
        dataset.set_projection(wkt)?;
    }
    if let (RasterKind::Floats { .. }, Some(error)) = (spec.kind, spec.compression.max_error()) {
        dataset.set_metadata_item("ALUNITE_MAX_ERROR", &error.to_string(), "")?;
    }
    for (key, value) in &spec.metadata {
        dataset.set_metadata_item(key, &text::several_lines(value), "")?;
    }
    for (index, named) in spec.bands.iter().enumerate() {
        let mut band = dataset.rasterband(index + 1)?;
        band.set_description(&text::one_line(&named.description))?;
        band.set_no_data_value(Some(nodata))?;
        if let Some(unit) = &named.unit {
            let unit = std::ffi::CString::new(text::one_line(unit))?;
            ffi::set_unit(&band, &unit);
        }
        // A TIFF has one colour table, that of its only band.
        if let (RasterKind::Classes(legend), 1) = (spec.kind, bands) {
            band.set_color_table(&color_table(legend));
        }
    }
    Ok(dataset)
}

pub(super) fn color_table(legend: &Legend) -> ColorTable<'static> {
    let mut table = ColorTable::default();
    for entry in &legend.entries {
        let [r, g, b] = entry.color.map(i16::from);
        // Unclassified is transparent where the format keeps that (a TIFF does not; the style does).
        let alpha = legend.alpha(entry.value).into();
        table.set_color_entry(entry.value, &ColorEntry::rgba(r, g, b, alpha));
    }
    let [r, g, b] = super::legend::NO_DATA.map(i16::from);
    table.set_color_entry(legend.nodata, &ColorEntry::rgba(r, g, b, 0));
    table
}

pub(super) fn cog_options(kind: GdalDataType, compression: Compression) -> Vec<String> {
    let mut options = compression.options(kind == GdalDataType::Float32);
    options.extend([format!("BLOCKSIZE={BLOCK}"), "BIGTIFF=IF_SAFER".into(), "NUM_THREADS=ALL_CPUS".into()]);
    options
}

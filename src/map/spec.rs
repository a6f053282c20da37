//! What a raster is to hold, and the empty file that holds it.

use std::path::Path;

use gdal::raster::{ColorEntry, ColorTable, GdalDataType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata as _};

use super::cog::Packing;
use super::compression::Compression;
use super::legend::Legend;
use super::{ffi, text};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Side in pixels of a tile, at most, and of the coarsest overview.
pub(super) const BLOCK: usize = 256;

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

/// Makes a file that says all that the finished one is to say, but holds no pixel.
pub(super) fn blank(
    file: &Path,
    spec: &RasterSpec<'_>,
    kind: GdalDataType,
    packing: Packing,
) -> gdal::errors::Result<Dataset> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let mut options = spec.compression.options(packing.numbers);
    options.extend(
        ["TILED=YES", "INTERLEAVE=PIXEL", "SPARSE_OK=TRUE", "BIGTIFF=YES", "ENDIANNESS=LITTLE"].map(str::to_owned),
    );
    options.extend([format!("BLOCKXSIZE={}", packing.tile.0), format!("BLOCKYSIZE={}", packing.tile.1)]);
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
        dataset.set_projection(&with_code(wkt).unwrap_or_else(|| wkt.clone()))?;
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
        band.set_no_data_value(Some(packing.nodata))?;
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

/// The system with the code that it has in EPSG's registry, if it says none: ENVI headers tell the projection alone, and readers
/// other than GDAL know systems by their codes.
fn with_code(wkt: &str) -> Option<String> {
    let identified = || {
        let given = SpatialRef::from_wkt(wkt).ok().filter(|given| given.auth_code().is_err())?;
        let mut found = given.clone();
        found.auto_identify_epsg().ok()?;
        let known = SpatialRef::from_epsg(u32::try_from(found.auth_code().ok()?).ok()?).ok()?;
        (known == given).then(|| known.to_wkt().ok())?
    };
    ffi::recorded(identified).0
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

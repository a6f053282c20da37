//! The names of classes inside a raster: category names and the attribute table. Both end in the `.aux.xml`.

use std::ffi::{CStr, CString};

use gdal::cpl::CslStringList;
use gdal::errors::{GdalError, Result};
use gdal::raster::RasterBand;

use super::ffi::{self, Column, Usage};
use super::legend::Legend;
use super::raster::ClassCount;
use super::text;

/// Writes names and table to a band; `counts` come in the order of the legend's entries.
pub(super) fn describe(band: &RasterBand<'_>, legend: &Legend, counts: Option<&[ClassCount]>) -> Result<()> {
    let sound = ffi::set_category_names(band, &category_names(legend)?) && {
        let columns = columns(legend, counts)?;
        ffi::set_attribute_table(band, legend.entries.len(), &columns)
    };
    if sound { Ok(()) } else { Err(GdalError::BadArgument("names or attribute table were not taken".into())) }
}

/// One name a class; the place in the list is the value. No data has no name: its value, 255, would need hundreds of empty
/// ones before it, which `gdalinfo` and GIS show.
fn category_names(legend: &Legend) -> Result<CslStringList> {
    let mut names = CslStringList::new();
    for entry in &legend.entries {
        names.add_string(&text::one_line(&entry.name))?;
    }
    Ok(names)
}

fn columns(legend: &Legend, counts: Option<&[ClassCount]>) -> Result<Vec<(&'static CStr, Usage, Column)>> {
    let channel = |i: usize| Column::Integers(legend.entries.iter().map(|e| i32::from(e.color[i])).collect());
    let names: std::result::Result<Vec<CString>, _> =
        legend.entries.iter().map(|e| CString::new(text::one_line(&e.name))).collect();
    let values = legend.entries.iter().map(|e| i32::from(e.value)).collect();
    let mut columns = vec![
        (c"Value", Usage::Value, Column::Integers(values)),
        (c"Class_Name", Usage::Name, Column::Texts(names?)),
        (c"Red", Usage::Red, channel(0)),
        (c"Green", Usage::Green, channel(1)),
        (c"Blue", Usage::Blue, channel(2)),
    ];
    if let Some(counts) = counts {
        if counts.len() != legend.entries.len() {
            let what = format!("{} counts for {} classes", counts.len(), legend.entries.len());
            return Err(GdalError::BadArgument(what));
        }
        // The table's integers have 32 bits; larger scenes count in f64, exactly up to 2⁵³.
        let small: std::result::Result<Vec<i32>, _> = counts.iter().map(|c| i32::try_from(c.pixels)).collect();
        let pixels =
            small.map_or_else(|_| Column::Reals(counts.iter().map(|c| c.pixels as f64).collect()), Column::Integers);
        columns.push((c"Count", Usage::Count, pixels));
        if let Some(km2) = counts.iter().map(|c| c.km2).collect::<Option<Vec<f64>>>() {
            columns.push((c"AreaKm2", Usage::Other, Column::Reals(km2)));
        }
    }
    Ok(columns)
}

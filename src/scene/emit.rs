//! EMIT L2A reflectance (netCDF-4), as it is delivered: in the geometry of the swath, with a table that leads to the map.
//!
//! Source: EMIT L2A Reflectance user guide (JPL D-104236) and LP DAAC's EMIT-Data-Resources. Read are `reflectance`
//! `[downtrack][crosstrack][bands]`; of the group `sensor_band_parameters` `wavelengths`, `fwhm` and `good_wavelengths`
//! (1 good, 0 in deep water vapour); of the group `location` `glt_x` and `glt_y`, with the file's `geotransform` and
//! `spatial_ref`. `lat`, `lon` and `elev` are not needed.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::scene::chunked::Chunked;
use crate::scene::multidim::File;
use crate::scene::product::Product;
use crate::scene::{Description, Quantity, Scene, SceneOptions, bands_csv, glt, note_order, noted, values};
use crate::spectrum::Bands;
use crate::tile::{Interleave, SampleType, Scaling};
use crate::wavelengths::Declared;

/// The group of what is known of the bands.
pub(super) const BANDS: &str = "sensor_band_parameters";
/// The cube, and its dimensions.
const REFLECTANCE: &str = "reflectance";
pub(super) const DIMENSIONS: [&str; 3] = ["downtrack", "crosstrack", "bands"];

/// Other EMIT products, by their variable, and what to do with them.
const OTHERS: [(&str, &str, &str); 5] = [
    ("radiance", "EMIT L1B radiance", "libraries are reflectance: name the L2A reflectance file (EMIT_L2A_RFL_….nc)"),
    ("reflectance_uncertainty", "the uncertainty of EMIT L2A reflectance", "name the EMIT_L2A_RFL_….nc file"),
    ("mask", "an EMIT L2A mask", "name the EMIT_L2A_RFL_….nc file, and pass this one with --mask"),
    ("obs", "EMIT L1B observation geometry", "name the EMIT_L2A_RFL_….nc file"),
    ("group_1_mineral_id", "EMIT L2B minerals, a map already", "name the EMIT_L2A_RFL_….nc file"),
];

/// Whether an HDF5 file is one of EMIT's: [`open`] refuses those that are not reflectance by name.
pub(super) fn recognise(path: &Path) -> bool {
    // What GDAL cannot open is refused as what it is.
    let Ok(file) = File::open_netcdf(path) else { return false };
    let arrays = file.arrays();
    let named = |name: &str| arrays.iter().any(|a| a == name);
    file.groups().iter().any(|g| g == BANDS) || named(REFLECTANCE) || OTHERS.iter().any(|(name, ..)| named(name))
}

/// Whether a file that was recognised holds the reflectance itself.
pub(super) fn is_reflectance(path: &Path) -> bool {
    File::open_netcdf(path).is_ok_and(|file| file.arrays().iter().any(|a| a == REFLECTANCE))
}

/// Opens a product.
///
/// # Errors
/// Refuses other products of EMIT by name, and files that lack a variable, or have one of another shape or type.
pub(super) fn open(path: &Path, options: &SceneOptions) -> Result<Scene> {
    let file = File::open_netcdf(path)?;
    let arrays = file.arrays();
    if !arrays.iter().any(|a| a == REFLECTANCE)
        && let Some((_, what, hint)) = OTHERS.iter().find(|(name, ..)| arrays.iter().any(|a| a == name))
    {
        return Err(Error::refused(path.display(), format!("is {what}, expected EMIT L2A reflectance")).hint(hint));
    }
    let cube = file.required(REFLECTANCE, &DIMENSIONS)?;
    let place = cube.place().to_owned();
    let [lines, samples, bands] = [cube.shape[0], cube.shape[1], cube.shape[2]];
    cube.check_sides()?;
    if cube.type_name != "Float32" {
        return Err(Error::refused(place, format!("holds {}, expected Float32", cube.type_name)));
    }
    let mut notes = Vec::new();
    let spectral = spectral(&file, bands, options, &mut notes)?;
    note_order(&spectral, &mut notes);
    let good_name = format!("{BANDS}/good_wavelengths");
    let good = values::good(&file.list(&good_name, bands)?, &file.place(&good_name))?;
    if cube.fill.is_none() && options.nodata.is_none() {
        notes.push("the file declares no _FillValue for reflectance, which EMIT's have: no value means no data".into());
    }
    let sample_type = SampleType::F32;
    // A fraction by the product's definition: 1 is reflectance 1.
    let declared = Some(Scaling::identity(bands));
    let scaling = values::scaling(declared, bands, sample_type, &place, options, &mut notes)?;
    let nodata = values::nodata(cube.fill, sample_type, options, &mut notes);
    let lookup = glt::describe(&file, (lines, samples)).transpose();
    if let Ok(None) = &lookup {
        notes.push("the file has no lookup table (location/glt_x, glt_y): maps lie in the swath".into());
    }
    // A length of 0 is one that is not cut.
    let chunk = |i: usize| match cube.block.get(i) {
        Some(&n) if n > 0 => Some(n.min(cube.shape[i])),
        _ => None,
    };
    let block = (chunk(1).unwrap_or(samples), chunk(0).unwrap_or(1));
    let chunk = [block.1, block.0, chunk(2).unwrap_or(bands)];
    let description = Description {
        path: path.to_path_buf(),
        companions: Vec::new(),
        product: Product::EmitL2a,
        format: "netCDF-4",
        lines,
        samples,
        bands,
        sample_type,
        interleave: Interleave::Bip,
        big_endian: false,
        block,
        // Of the swath there is none; the lookup table's is of the map.
        grid: Grid::default(),
        lookup,
        spectral,
        good,
        nodata,
        quality: Vec::new(),
        masked: None,
        quantity: Quantity::Reflectance,
        scaling,
        notes,
    };
    let file = Arc::new(Mutex::new(file));
    let source = Chunked {
        table: Some(glt::Table::new(&file, (samples, lines))),
        file,
        path: path.to_path_buf(),
        name: REFLECTANCE,
        dimensions: DIMENSIONS,
        axes: [0, 1, 2],
        lines,
        samples,
        chunk,
        direct: OnceLock::new(),
    };
    Ok(Scene { description, source: Box::new(source) })
}

fn spectral(file: &File, bands: usize, options: &SceneOptions, notes: &mut Vec<String>) -> Result<Result<Bands>> {
    if let Some(given) = bands_csv::instead(options, bands, notes)? {
        return Ok(Ok(given));
    }
    let [centres, fwhm] = ["wavelengths", "fwhm"].map(|name| format!("{BANDS}/{name}"));
    let place = file.place(&centres);
    let unit = file.required(&centres, &["bands"])?.unit.clone();
    let width_unit = file.required(&fwhm, &["bands"])?.unit.clone();
    let (centres, widths) = (file.list(&centres, bands)?, file.list(&fwhm, bands)?);
    if let (Some(a), Some(b)) = (&unit, &width_unit)
        && a != b
    {
        let what = format!("its unit is '{b}', expected '{a}', that of the wavelengths");
        return Err(Error::refused(file.place(&fwhm), what).hint("pass --bands-from CSV with the right values"));
    }
    let declared = Declared { place: &place, centres: Some(centres), fwhm: Some(widths), unit: unit.as_deref() };
    Ok(noted(declared.bands(options.wavelength_unit), notes))
}

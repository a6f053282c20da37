//! AVIRIS-NG, AVIRIS-3 and AVIRIS-5 Level 2A reflectance as netCDF-4: orthorectified, on a grid in UTM.
//!
//! Source: the readers of the instruments' own team (emit-sds/SpectralUtil, `open_airborne_rfl`) and of users of BioSCape and
//! AVIRIS-5. Read are, of the group `reflectance`, `reflectance` `[wavelength][northing][easting]` (its dimensions in any
//! order), `wavelength` and `fwhm`; and the grid, for which see `aviris_grid`. The older deliveries are ENVI cubes with
//! rotated grids, and read as such.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use crate::error::{Error, Result};
use crate::scene::chunked::{Axes, Chunked};
use crate::scene::multidim::{Array, File};
use crate::scene::product::Product;
use crate::scene::{Description, Quantity, Scene, SceneOptions, aviris_grid, bands_csv, note_order, noted, values};
use crate::spectrum::Bands;
use crate::tile::{Interleave, SampleType, Scaling};
use crate::wavelengths::Declared;

/// The cube, and its dimensions as the format has them.
const REFLECTANCE: &str = "reflectance/reflectance";
const DIMENSIONS: [&str; 3] = ["wavelength", "northing", "easting"];
const WAVELENGTH: &str = "reflectance/wavelength";
const FWHM: &str = "reflectance/fwhm";

/// Other products of the instruments, by a group or variable of theirs.
const OTHERS: [(&str, &str); 2] =
    [("radiance", "AVIRIS L1B radiance"), ("observation_parameters", "AVIRIS L1B observation geometry")];

/// Whether an HDF5 file is one of AVIRIS's: [`open`] refuses those that are not reflectance by name.
pub(super) fn recognise(path: &Path) -> bool {
    // What GDAL cannot open is refused as what it is.
    let Ok(file) = File::open_netcdf(path) else { return false };
    let groups = file.groups();
    groups.iter().any(|g| g == "reflectance" || OTHERS.iter().any(|(other, _)| g == other))
}

/// Opens a product.
///
/// # Errors
/// Refuses other products by name, files that lack a variable or have one of another shape or type, and grids that
/// contradict themselves.
pub(super) fn open(path: &Path, options: &SceneOptions) -> Result<Scene> {
    let file = File::open_netcdf(path)?;
    let groups = file.groups();
    if let Some((_, what)) = OTHERS.iter().find(|(other, _)| groups.iter().any(|g| g == other)) {
        return Err(Error::refused(path.display(), format!("is {what}, expected AVIRIS L2A reflectance"))
            .hint("libraries are reflectance: name the orthorectified reflectance file (…_RFL_ORT.nc)"));
    }
    let cube = file.required(REFLECTANCE, &DIMENSIONS)?;
    cube.check_sides()?;
    let axes = axes(&cube)?;
    let place = cube.place().to_owned();
    let [lines, samples, bands] = axes.map(|axis| cube.shape[axis]);
    if cube.type_name != "Float32" {
        return Err(Error::refused(place, format!("holds {}, expected Float32", cube.type_name)));
    }
    let mut notes = Vec::new();
    let spectral = spectral(&file, bands, options, &mut notes)?;
    note_order(&spectral, &mut notes);
    notes.push(
        "the file flags no bands: those in deep water vapour (about 1350-1430 and 1800-1970 nm) are used unless \
         --wavelengths leaves them out"
            .to_owned(),
    );
    if cube.fill.is_none() && options.nodata.is_none() {
        notes.push("the file declares no _FillValue for reflectance: no value means no data; pass --nodata".into());
    }
    let sample_type = SampleType::F32;
    // A fraction by the product's definition: 1 is reflectance 1.
    let declared = Some(Scaling::identity(bands));
    let scaling = values::scaling(declared, bands, sample_type, &place, options, &mut notes)?;
    let nodata = values::nodata(cube.fill, sample_type, options, &mut notes);
    let grid = aviris_grid::grid(&file, (lines, samples), &mut notes)?;
    // A length of 0 is one that is not cut.
    let chunk = |axis: usize| match cube.block.get(axis) {
        Some(&n) if n > 0 => Some(n.min(cube.shape[axis])),
        _ => None,
    };
    let [chunk_lines, chunk_samples, chunk_bands] = axes.map(chunk);
    let description = Description {
        path: path.to_path_buf(),
        companions: Vec::new(),
        product: Product::AvirisL2a,
        format: "netCDF-4",
        lines,
        samples,
        bands,
        sample_type,
        interleave: interleave(axes),
        big_endian: false,
        block: (chunk_samples.unwrap_or(samples), chunk_lines.unwrap_or(1)),
        grid,
        lookup: Ok(None),
        spectral,
        good: Vec::new(),
        nodata,
        quality: Vec::new(),
        masked: None,
        quantity: Quantity::Reflectance,
        scaling,
        notes,
    };
    let source = Chunked {
        file: Arc::new(Mutex::new(file)),
        path: path.to_path_buf(),
        name: REFLECTANCE,
        dimensions: DIMENSIONS,
        axes,
        lines,
        samples,
        // Without chunks a window is read at once: bands lie far apart where they are not the last dimension.
        chunk: [chunk_lines.unwrap_or(lines), chunk_samples.unwrap_or(samples), chunk_bands.unwrap_or(bands)],
        direct: OnceLock::new(),
        table: None,
    };
    Ok(Scene { description, source: Box::new(source) })
}

/// Which dimensions of the cube are lines, samples and bands, by their names.
fn axes(cube: &Array) -> Result<Axes> {
    let of = |name: &str| cube.dimensions.iter().position(|d| d == name);
    match ["northing", "easting", "wavelength"].map(of) {
        [Some(lines), Some(samples), Some(bands)] => Ok([lines, samples, bands]),
        _ => {
            let what = format!("its dimensions are {}, expected {}", cube.dimensions.join(", "), DIMENSIONS.join(", "));
            Err(Error::refused(cube.place(), what))
        }
    }
}

/// The order that the dimensions come nearest to.
fn interleave([lines, _, bands]: Axes) -> Interleave {
    match (bands, lines) {
        (0, _) => Interleave::Bsq,
        (2, _) => Interleave::Bip,
        _ => Interleave::Bil,
    }
}

fn spectral(file: &File, bands: usize, options: &SceneOptions, notes: &mut Vec<String>) -> Result<Result<Bands>> {
    if let Some(given) = bands_csv::instead(options, bands, notes)? {
        return Ok(Ok(given));
    }
    let place = file.place(WAVELENGTH);
    let unit = file.required(WAVELENGTH, &["wavelength"])?.unit.clone();
    let centres = file.list(WAVELENGTH, bands)?;
    let widths = match file.array(FWHM)? {
        None => {
            notes.push("the file gives no fwhm".to_owned());
            None
        }
        Some(array) => {
            if let (Some(a), Some(b)) = (&unit, &array.unit)
                && a != b
            {
                let what = format!("its unit is '{b}', expected '{a}', that of the wavelengths");
                return Err(Error::refused(array.place(), what).hint("pass --bands-from CSV with the right values"));
            }
            Some(file.list(FWHM, bands)?)
        }
    };
    let declared = Declared { place: &place, centres: Some(centres), fwhm: widths, unit: unit.as_deref() };
    Ok(noted(declared.bands(options.wavelength_unit), notes))
}

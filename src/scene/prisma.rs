//! PRISMA Level 2D: surface reflectance, orthorectified, as one HDF-EOS5 file with a VNIR and a SWIR cube.
//!
//! Facts of the PRISMA products specification (issue 2.3), where it leaves something open as the mission's users read it:
//! cubes of u16 in `[line][band][sample]`, north up; reflectance is `L2Scale…Min` + stored · (`L2Scale…Max` − `L2Scale…Min`)
//! / 65535; `List_Cw_…` and `List_Fwhm_…` in nanometres, falling, with zeros for bands that were not downlinked; the corner
//! attributes are the centres of the corner pixels, 30 m apart, in the projection `Epsg_Code`. Pixels without data are
//! zero in every band. The error matrices are not read.

use std::path::Path;

use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::scene::multidim::{Array, File};
use crate::scene::prisma_read::{Cubes, Place};
use crate::scene::product::Product;
use crate::scene::{Description, Quantity, Scene, SceneOptions, bands_csv, gdal as quiet, note_order, noted, values};
use crate::tile::{Interleave, SampleType, Scaling};
use crate::wavelengths::Declared;

const SWATH: &str = "HDFEOS/SWATHS/PRS_L2D_HCO";
/// The same of other levels: radiance, or not orthorectified.
const OTHERS: [(&str, &str); 4] = [("L1", "HCO"), ("L1", "HRC"), ("L2B", "HCO"), ("L2C", "HCO")];
/// The stored value of `L2Scale…Max`.
const FULL: f64 = 65535.0;
/// Metres between pixels.
const PIXEL: f64 = 30.0;

/// One of the two detectors.
struct Detector {
    /// Its name in arrays.
    cube: &'static str,
    /// Its name in attributes.
    name: &'static str,
}
const DETECTORS: [Detector; 2] =
    [Detector { cube: "VNIR_Cube", name: "Vnir" }, Detector { cube: "SWIR_Cube", name: "Swir" }];

/// Whether an HDF5 file is a PRISMA Level 2D product.
///
/// # Errors
/// Refuses other levels of PRISMA by name.
pub(super) fn recognise(path: &Path) -> Result<bool> {
    // What GDAL cannot open is refused as what it is.
    let Ok(file) = File::open_hdf5(path) else { return Ok(false) };
    if file.array(&name(DETECTORS[0].cube))?.is_some() {
        return Ok(true);
    }
    for (level, swath) in OTHERS {
        if file.array(&format!("HDFEOS/SWATHS/PRS_{level}_{swath}/Data Fields/VNIR_Cube"))?.is_some() {
            let what =
                format!("the processing level of this PRISMA product is {level}: not reflectance on a map's grid");
            return Err(Error::refused(path.display(), what).hint("get the product PRISMA L2D"));
        }
    }
    Ok(false)
}

fn name(cube: &str) -> String {
    format!("{SWATH}/Data Fields/{cube}")
}

/// What one detector adds to the scene, its bands by rising wavelength.
struct Listed {
    places: Vec<Place>,
    centres: Vec<f64>,
    fwhm: Vec<f64>,
    gain: f64,
    offset: f64,
    absent: usize,
}

/// Opens a product.
pub(super) fn open(path: &Path, options: &SceneOptions) -> Result<Scene> {
    let file = File::open_hdf5(path)?;
    let place = path.display().to_string();
    let arrays = [cube(&file, &place, &DETECTORS[0])?, cube(&file, &place, &DETECTORS[1])?];
    let [vnir, swir] = &arrays;
    if (vnir.shape[0], vnir.shape[2]) != (swir.shape[0], swir.shape[2]) {
        let what = format!("the cubes differ in lines and samples: {:?} and {:?}", vnir.shape, swir.shape);
        return Err(Error::refused(&place, what));
    }
    let (lines, samples) = (vnir.shape[0], vnir.shape[2]);
    let listed = [listed(&file, &place, 0, vnir.shape[1])?, listed(&file, &place, 1, swir.shape[1])?];
    let joined = |of: fn(&Listed) -> &Vec<f64>| listed.iter().flat_map(|l| of(l).iter().copied()).collect::<Vec<f64>>();
    let places: Vec<Place> = listed.iter().flat_map(|l| l.places.iter().copied()).collect();
    let bands = places.len();
    let mut notes = vec![format!(
        "bands 1-{} are VNIR, {}-{bands} SWIR, each by rising wavelength; {} bands of the file have no wavelength and are not counted",
        listed[0].places.len(),
        listed[0].places.len() + 1,
        listed.iter().map(|l| l.absent).sum::<usize>()
    )];
    let spectral = match bands_csv::instead(options, bands, &mut notes)? {
        Some(given) => Ok(given),
        None => {
            let (centres, fwhm) = (Some(joined(|l| &l.centres)), Some(joined(|l| &l.fwhm)));
            let declared = Declared { place: &place, centres, fwhm, unit: Some("nm") };
            noted(declared.bands(options.wavelength_unit), &mut notes)
        }
    };
    note_order(&spectral, &mut notes);
    let declared = Scaling {
        gain: listed.iter().flat_map(|l| vec![l.gain; l.places.len()]).collect(),
        offset: listed.iter().flat_map(|l| vec![l.offset; l.places.len()]).collect(),
    };
    let sample_type = SampleType::U16;
    let scaling = values::scaling(Some(declared), bands, sample_type, &place, options, &mut notes)?;
    let nodata = values::nodata(None, sample_type, options, &mut notes);
    notes.push("the error matrices are not read".to_owned());
    let grid = grid(&file, &place, (lines, samples), &mut notes)?;
    let chunk = |axis: usize| arrays.iter().filter_map(|a| a.block.get(axis).copied()).max().unwrap_or(0);
    let description = Description {
        path: path.to_path_buf(),
        companions: Vec::new(),
        product: Product::PrismaL2d,
        format: "HDF5",
        lines,
        samples,
        bands,
        sample_type,
        interleave: Interleave::Bil,
        big_endian: false,
        block: (samples, chunk(0).clamp(1, lines)),
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
    let names = DETECTORS.map(|detector| name(detector.cube));
    let source = Cubes { path: path.to_path_buf(), names, lines, samples, places };
    Ok(Scene { description, source: Box::new(source) })
}

/// A cube of u16 with three dimensions.
fn cube(file: &File, place: &str, detector: &Detector) -> Result<Array> {
    let name = name(detector.cube);
    let place = format!("{place}, {name}");
    let array = file.array(&name)?.ok_or_else(|| {
        Error::refused(&place, "is missing").hint("name a PRISMA L2D product; L1, L2B and L2C are not read")
    })?;
    if array.shape.len() != 3 || array.shape.contains(&0) {
        let what = format!("its shape is {:?}, not (lines, bands, samples)", array.shape);
        return Err(Error::refused(place, what));
    }
    if array.type_name != "UInt16" {
        return Err(Error::refused(place, "its values are not unsigned integers of 16 bits"));
    }
    Ok(array)
}

/// The bands of a detector that have a wavelength, and its scale.
fn listed(file: &File, place: &str, cube: usize, bands: usize) -> Result<Listed> {
    let name = DETECTORS[cube].name;
    let list = |attribute: String| {
        let values = required(file, place, &attribute)?;
        if values.len() == bands {
            return Ok(values);
        }
        let what = format!("{} values for the {bands} bands of {}", values.len(), DETECTORS[cube].cube);
        Err(Error::refused(format!("{place}, {attribute}"), what))
    };
    let (centres, fwhm) = (list(format!("List_Cw_{name}"))?, list(format!("List_Fwhm_{name}"))?);
    let flags = format!("List_Cw_{name}_Flags");
    let flags = if file.numbers(&flags).is_some() { list(flags)? } else { vec![1.0; bands] };
    let number = |attribute: String| {
        let values = required(file, place, &attribute)?;
        match values.as_slice() {
            [value] if value.is_finite() => Ok(*value),
            other => Err(Error::refused(format!("{place}, {attribute}"), format!("{other:?} is not one number"))),
        }
    };
    let (min, max) = (number(format!("L2Scale{name}Min"))?, number(format!("L2Scale{name}Max"))?);
    if min >= max {
        let what = format!("L2Scale{name}Min {min} is not below L2Scale{name}Max {max}");
        return Err(Error::refused(place, what).hint("pass --scale with the stored value that means reflectance 1"));
    }
    let mut present: Vec<usize> = (0..bands).filter(|&b| centres[b] != 0.0 && flags[b] != 0.0).collect();
    present.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]));
    if present.is_empty() {
        return Err(Error::refused(format!("{place}, List_Cw_{name}"), "no band has a wavelength"));
    }
    Ok(Listed {
        places: present.iter().map(|&b| (cube, b)).collect(),
        centres: present.iter().map(|&b| centres[b]).collect(),
        fwhm: present.iter().map(|&b| fwhm[b]).collect(),
        gain: (max - min) / FULL,
        offset: min,
        absent: bands - present.len(),
    })
}

fn required(file: &File, place: &str, attribute: &str) -> Result<Vec<f64>> {
    file.numbers(attribute).ok_or_else(|| {
        Error::refused(format!("{place}, {attribute}"), "the attribute is missing or holds no number")
            .hint("the file may be damaged: get the product again")
    })
}

/// The grid that the corner pixels span, which must be that of the geolocation fields.
fn grid(file: &File, place: &str, (lines, samples): (usize, usize), notes: &mut Vec<String>) -> Result<Grid> {
    let number = |attribute: &str| -> Result<f64> {
        let value = required(file, place, attribute)?;
        let refused = || Error::refused(format!("{place}, {attribute}"), format!("{value:?} is not one number"));
        value.first().copied().filter(|v| value.len() == 1 && v.is_finite()).ok_or_else(refused)
    };
    let (west, north) = (number("Product_ULcorner_easting")?, number("Product_ULcorner_northing")?);
    let (east, south) = (number("Product_LRcorner_easting")?, number("Product_LRcorner_northing")?);
    for (what, extent, count) in [("easting", east - west, samples), ("northing", north - south, lines)] {
        let expected = PIXEL * (count as f64 - 1.0);
        if (extent - expected).abs() > 0.1 * PIXEL {
            let what = format!(
                "the corners' {what} spans {extent} m, but {count} pixels of {PIXEL} m span {expected} m from centre to centre"
            );
            return Err(Error::refused(format!("{place}, Product_ULcorner and Product_LRcorner"), what)
                .hint("such a grid is not known of PRISMA L2D: the map would lie elsewhere"));
        }
    }
    let code = number("Epsg_Code")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in the same line")]
    let epsg = (code.fract() == 0.0 && (1024.0..=32767.0).contains(&code)).then_some(code as u32);
    let refused =
        || Error::refused(format!("{place}, Epsg_Code"), format!("{code} is not a projection that GDAL knows"));
    let (crs, _) = quiet::recorded(|| epsg.and_then(|epsg| SpatialRef::from_epsg(epsg).ok()));
    let crs = crs.ok_or_else(refused)?;
    let wkt = crs.to_wkt().map_err(|_| refused())?;
    let geotransform = [west - PIXEL / 2.0, PIXEL, 0.0, north + PIXEL / 2.0, 0.0, -PIXEL];
    check_geolocation(file, place, (lines, samples), crs, &geotransform, notes)?;
    Ok(Grid { geotransform: Some(geotransform), crs_wkt: Some(wkt) })
}

/// Compares the grid with the geolocation fields at the corner pixels: a transposed or shifted grid is refused.
fn check_geolocation(
    file: &File,
    place: &str,
    (lines, samples): (usize, usize),
    mut crs: SpatialRef,
    g: &[f64; 6],
    notes: &mut Vec<String>,
) -> Result<()> {
    let field = |name: &str| file.array(&format!("{SWATH}/Geolocation Fields/{name}"));
    let (Some(mut latitude), Some(mut longitude)) = (field("Latitude")?, field("Longitude")?) else {
        notes.push("there are no geolocation fields that the grid could be compared with".to_owned());
        return Ok(());
    };
    for (name, array) in [("Latitude", &latitude), ("Longitude", &longitude)] {
        if array.shape != [lines, samples] {
            let what =
                format!("its shape is {:?}, but the cubes have {lines} lines and {samples} samples", array.shape);
            return Err(Error::refused(format!("{place}, {SWATH}/Geolocation Fields/{name}"), what));
        }
    }
    let transform = SpatialRef::from_epsg(4326).and_then(|mut degrees| {
        degrees.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        CoordTransform::new(&degrees, &crs)
    });
    let transform =
        transform.map_err(|e| Error::failed(place, format!("GDAL cannot turn degrees into the projection: {e}")))?;
    let mut compared = 0;
    for (line, sample) in [(0, 0), (0, samples - 1), (lines - 1, 0), (lines - 1, samples - 1)] {
        let at = |array: &mut Array| {
            let mut value = [0.0_f64];
            array.read(&[line, sample], &[1, 1], &mut value).map(|()| value[0])
        };
        let (lat, lon) = (at(&mut latitude)?, at(&mut longitude)?);
        let told = lat.abs() <= 90.0 && lon.abs() <= 180.0 && (lat != 0.0 || lon != 0.0);
        let (mut x, mut y) = ([lon], [lat]);
        let (turned, _) = quiet::recorded(|| told && transform.transform_coords(&mut x, &mut y, &mut []).is_ok());
        if !turned {
            continue;
        }
        compared += 1;
        let expected = (g[0] + (sample as f64 + 0.5) * g[1], g[3] + (line as f64 + 0.5) * g[5]);
        let off = (x[0] - expected.0).hypot(y[0] - expected.1);
        if off > PIXEL {
            let what = format!(
                "line {}, sample {} lies at {lat} N, {lon} E, {off:.0} m from its place in the grid of the corners",
                line + 1,
                sample + 1
            );
            return Err(Error::refused(format!("{place}, {SWATH}/Geolocation Fields"), what)
                .hint("the file contradicts itself: the map would lie elsewhere"));
        }
    }
    notes.push(format!("the grid of the corners agrees with the geolocation fields at {compared} of 4 corner pixels"));
    Ok(())
}

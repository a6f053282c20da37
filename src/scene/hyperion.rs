//! Hyperion on EO-1, as USGS delivers it: Level 1 (`L1T`, `L1Gst`), at-sensor radiance as one GeoTIFF for each of 242 bands,
//! and a metadata file `…_MTL_….TXT`.
//!
//! Facts of the EO-1 user guide and of the USGS's archive: 198 bands are calibrated (8-57 of the VNIR and 77-224 of the SWIR
//! detector), others hold zeros; radiance in W/(m² sr µm) is stored / `SCALING_FACTOR_VNIR` (40) up to band 70 and
//! stored / `SCALING_FACTOR_SWIR` (80) above; fill is zero; centres and widths are those of the USGS's table.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::scene::mtl::Mtl;
use crate::scene::product::Product;
use crate::scene::stack::Stack;
use crate::scene::{Description, Quantity, Scene, SceneOptions, bands_csv, geotiff, kind, note_order, values};
use crate::spectrum::{Bands, Nanometers};
use crate::tile::{Interleave, Scaling};

pub(super) const BANDS: usize = 242;
/// Bands of the VNIR detector: the first.
const VNIR: usize = 70;
/// Stored values of radiance 1, unless the metadata says otherwise.
const FACTORS: [(&str, f64); 2] = [("SCALING_FACTOR_VNIR", 40.0), ("SCALING_FACTOR_SWIR", 80.0)];

/// Whether a file is the metadata of a Hyperion scene.
pub(super) fn recognise(file: &Path) -> Result<bool> {
    let mtl = Mtl::read(file)?;
    Ok(mtl.is_some_and(|mtl| mtl.word("SENSOR_ID").is_some_and(|s| s.eq_ignore_ascii_case("HYPERION"))))
}

/// Opens the scene that a metadata file describes.
pub(super) fn open(index: &Path, options: &SceneOptions) -> Result<Scene> {
    let place = index.display().to_string();
    let mtl = Mtl::read(index)?.ok_or_else(|| {
        Error::refused(&place, "is not the metadata of an EO-1 scene: it does not begin with GROUP")
            .hint("name the …_MTL_L1T.TXT of the delivery, or its folder")
    })?;
    let (bands, good) = published();
    let files = files(index, &mtl, &good)?;
    let first =
        files.iter().flatten().next().ok_or_else(|| Error::refused(&place, "no band's GeoTIFF is beside it"))?;
    let described = describe(first)?;
    for file in files.iter().flatten().skip(1) {
        check_same(&describe(file)?, &described)?;
    }
    let mut notes = vec![format!(
        "{} of {BANDS} bands are not calibrated and flagged bad",
        good.iter().filter(|good| !**good).count()
    )];
    let (declared, quantity) = scaling(&mtl, &mut notes)?;
    let given = bands_csv::instead(options, BANDS, &mut notes)?;
    if given.is_none() {
        notes.push("wavelengths and widths from the USGS's table of Hyperion's bands".to_owned());
    }
    let spectral = Ok(given.unwrap_or(bands));
    note_order(&spectral, &mut notes);
    let scaling = values::scaling(declared, BANDS, described.sample_type, &place, options, &mut notes)?;
    let nodata = values::nodata(described.nodata, described.sample_type, options, &mut notes);
    let source = Stack {
        files: files.clone(),
        lines: described.lines,
        samples: described.samples,
        sample_type: described.sample_type,
    };
    let description = Description {
        path: index.to_path_buf(),
        companions: files.into_iter().flatten().collect(),
        product: Product::Hyperion,
        bands: BANDS,
        interleave: Interleave::Bsq,
        spectral,
        good,
        nodata,
        quality: Vec::new(),
        quantity,
        scaling,
        notes,
        ..described
    };
    Ok(Scene { description, source: Box::new(source) })
}

/// Centres and widths of all bands, and which are calibrated.
fn published() -> (Bands, Vec<bool>) {
    let rows = include_str!("hyperion_bands.csv").lines().filter(|l| l.starts_with(|c: char| c.is_ascii_digit()));
    let (mut centres, mut fwhm, mut good) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let mut fields = row.split(',').skip(1).map(|f| f.parse::<f64>().unwrap_or(f64::NAN));
        centres.push(Nanometers(fields.next().unwrap_or(f64::NAN)));
        fwhm.push(Nanometers(fields.next().unwrap_or(f64::NAN)));
        good.push(fields.next() == Some(1.0));
    }
    (Bands { centres, fwhm: Some(fwhm) }, good)
}

/// The file of each band: by the name that the metadata gives, or by `_B001_` in a name beside it.
fn files(index: &Path, mtl: &Mtl, good: &[bool]) -> Result<Vec<Option<PathBuf>>> {
    let folder = index.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let failed = |e: std::io::Error| Error::io(folder, "cannot list the folder", &e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut files = Vec::with_capacity(BANDS);
    for (band, good) in (1..=BANDS).zip(good) {
        let named = mtl.word(&format!("BAND{band}_FILE_NAME"));
        let shaped = |name: &String| {
            let name = name.to_uppercase();
            name.contains(&format!("_B{band:03}_")) && (name.ends_with(".TIF") || name.ends_with(".TIFF"))
        };
        let file = names
            .iter()
            .find(|n| named.is_some_and(|named| n.eq_ignore_ascii_case(named)))
            .or_else(|| names.iter().find(|n| shaped(n)))
            .map(|name| folder.join(name));
        if file.is_none() && *good {
            let what = format!("the GeoTIFF of band {band} ({}) is missing", named.unwrap_or("…_B###_….TIF"));
            return Err(
                Error::refused(folder.display(), what).hint("get the delivery again: all calibrated bands are needed")
            );
        }
        files.push(file);
    }
    Ok(files)
}

/// What a band's file is.
fn describe(file: &Path) -> Result<Description> {
    let kind::Kind::Tiff { big_endian } = kind::of(file)? else {
        return Err(Error::refused(file.display(), "is not a TIFF").hint("the file may be damaged: get it again"));
    };
    Ok(geotiff::open(file, big_endian, &SceneOptions::default())?.description)
}

/// Bands must lie on one grid.
fn check_same(band: &Description, first: &Description) -> Result<()> {
    let shape = |d: &Description| (d.samples, d.lines, d.sample_type);
    if shape(band) != shape(first) || band.bands != 1 {
        let what = format!(
            "{} samples, {} lines of {} in {} bands, but {} has {}, {} of {}",
            band.samples,
            band.lines,
            band.sample_type.name(),
            band.bands,
            first.path.display(),
            first.samples,
            first.lines,
            first.sample_type.name()
        );
        return Err(Error::refused(band.path.display(), what));
    }
    if band.grid != first.grid {
        let what = format!("lies on another grid than {}", first.path.display());
        return Err(Error::refused(band.path.display(), what));
    }
    Ok(())
}

/// Stored values to radiance or, of a Level 2 product, to what the user says.
pub(super) fn scaling(mtl: &Mtl, notes: &mut Vec<String>) -> Result<(Option<Scaling>, Quantity)> {
    let level = mtl.word("PRODUCT_TYPE").unwrap_or("L1");
    if level.to_uppercase().starts_with("L2") {
        notes.push(format!("PRODUCT_TYPE {level} is taken as surface reflectance"));
        return Ok((None, Quantity::Reflectance));
    }
    let mut factors = [0.0; 2];
    for (factor, (key, usual)) in factors.iter_mut().zip(FACTORS) {
        *factor = match mtl.number(key)? {
            Some(told) => told,
            None => {
                notes.push(format!("{key} is not in the metadata: {usual} assumed, as of all Level 1 products"));
                usual
            }
        };
        values::check_factor(key, *factor)?;
    }
    notes.push(format!("radiance is stored / {} up to band {VNIR} and stored / {} above", factors[0], factors[1]));
    let gain = (0..BANDS).map(|band| 1.0 / factors[usize::from(band >= VNIR)]).collect();
    Ok((Some(Scaling { gain, offset: vec![0.0; BANDS] }), Quantity::Radiance))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_has_all_bands_of_which_198_are_calibrated() {
        let (bands, good) = super::published();
        assert_eq!((bands.len(), good.len()), (super::BANDS, super::BANDS));
        assert_eq!(good.iter().filter(|g| **g).count(), 198);
        assert_eq!((bands.centres[7].0, bands.centres[76].0, bands.centres[223].0), (426.82, 912.45, 2395.50));
        assert!(bands.centres.iter().chain(bands.fwhm.as_ref().unwrap()).all(|v| v.0.is_finite()));
    }
}

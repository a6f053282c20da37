//! ENVI cubes: raw numbers described by a text header. The header is read by our own strict parser and must agree with
//! the size of the data file and with GDAL, which gives the georeferencing.

use std::path::{Path, PathBuf};

use crate::envi::Header;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::scene::envi_read::Cube;
use crate::scene::{Description, Product, Quantity, Scene, SceneOptions, bands_csv, gdal, note_order, noted, values};
use crate::spectrum::Bands;
use crate::tile::Scaling;

/// Opens the cube in `data`, described by `header`.
pub(super) fn open(data: PathBuf, header_path: PathBuf, options: &SceneOptions) -> Result<Scene> {
    let header = Header::read(&header_path)?;
    check_file_type(&header)?;
    let [samples, lines, bands] = ["samples", "lines", "bands"].map(|key| header.required_usize(key));
    let (samples, lines, bands) = (samples?, lines?, bands?);
    let (sample_type, interleave, big_endian) = (header.sample_type()?, header.interleave()?, header.big_endian()?);
    header.check_size(&data, &[("lines", lines), ("samples", samples), ("bands", bands)])?;

    let mut notes = header.notes().to_vec();
    let spectral = spectral(&header, bands, options, &mut notes)?;
    let good = match header.list_of("bbl", bands)? {
        Some(list) => values::good(&list, &header.place("bbl"))?,
        None => Vec::new(),
    };
    let place = header.place("data gain values");
    let declared = declared_scaling(&header, bands, &mut notes)?;
    let scaling = values::scaling(declared, bands, sample_type, &place, options, &mut notes)?;
    let nodata = values::nodata(header.number("data ignore value")?, sample_type, options, &mut notes);
    check_map_info(&header)?;
    let grid = grid(&data, &header, (samples, lines, bands), &mut notes)?;
    note_order(&spectral, &mut notes);

    let source = Cube {
        path: data.clone(),
        offset: header.header_offset()?,
        lines,
        samples,
        bands,
        sample_type,
        interleave,
        swapped: big_endian != cfg!(target_endian = "big"),
    };
    let description = Description {
        path: data,
        companions: vec![header_path],
        product: Product::Envi,
        format: "ENVI",
        lines,
        samples,
        bands,
        sample_type,
        interleave,
        big_endian,
        block: (samples, 1),
        grid,
        lookup: Ok(None),
        spectral,
        good,
        nodata,
        quality: Vec::new(),
        masked: None,
        quantity: Quantity::Reflectance,
        scaling,
        notes,
    };
    Ok(Scene { description, source: Box::new(source) })
}

fn check_file_type(header: &Header) -> Result<()> {
    let Some(found) = header.text("file type") else { return Ok(()) };
    let refused = |hint: &str| {
        let what = format!("'{found}' is not a scene; a cube says 'ENVI Standard'");
        Err(Error::refused(header.place("file type"), what).hint(hint))
    };
    match found.to_lowercase().as_str() {
        "envi standard" => Ok(()),
        "envi spectral library" => refused("it holds spectra: pass it with --library"),
        "envi classification" => refused("it holds class numbers: name the cube that was classified"),
        "envi meta file" => refused("it only lists other files: name one of them"),
        _ => refused("name the file of that type itself, not its ENVI header; GeoTIFF is read, others need converting"),
    }
}

fn spectral(header: &Header, bands: usize, options: &SceneOptions, notes: &mut Vec<String>) -> Result<Result<Bands>> {
    if let Some(given) = bands_csv::instead(options, bands, notes)? {
        return Ok(Ok(given));
    }
    // Lists of another length mean that the header is not this file's: more than a question of units.
    header.list_of("wavelength", bands)?;
    header.list_of("fwhm", bands)?;
    Ok(noted(header.bands(bands, options.wavelength_unit), notes))
}

/// `reflectance scale factor` divides, `data gain values` multiply and `data offset values` add before that.
fn declared_scaling(header: &Header, bands: usize, notes: &mut Vec<String>) -> Result<Option<Scaling>> {
    let factor = header.number("reflectance scale factor")?;
    let gain = header.list_of("data gain values", bands)?;
    let offset = header.list_of("data offset values", bands)?;
    if let Some(factor) = factor {
        values::check_factor(&header.place("reflectance scale factor"), factor)?;
        notes.push(format!("scale {factor} from 'reflectance scale factor' (stored {factor} is reflectance 1)"));
    }
    if gain.is_some() || offset.is_some() {
        let then = if factor.is_some() { ", before the division by the scale factor" } else { "" };
        notes.push(format!("'data gain values' and 'data offset values' are applied{then}"));
    } else if factor.is_none() {
        return Ok(None);
    }
    let divided = |list: Option<Vec<f64>>, or: f64| -> Vec<f64> {
        list.unwrap_or_else(|| vec![or; bands]).iter().map(|v| v / factor.unwrap_or(1.0)).collect()
    };
    Ok(Some(Scaling { gain: divided(gain, 1.0), offset: divided(offset, 0.0) }))
}

/// GDAL passes over a `map info` that is cut short or holds words for numbers, and the maps would lie nowhere.
fn check_map_info(header: &Header) -> Result<()> {
    let text = header.text("map info").unwrap_or_default();
    let items = header.names("map info").unwrap_or_default();
    let number = |item: &String| item.parse::<f64>().is_ok_and(f64::is_finite);
    if items.is_empty() || (items.len() >= 7 && items[1..7].iter().all(number)) {
        return Ok(());
    }
    let what = format!(
        "found '{text}', expected the projection, the column and line of a pixel, its easting and northing, and the two \
         sizes of a pixel"
    );
    Err(Error::refused(header.place("map info"), what).hint("correct the line, or take it out of the header"))
}

/// The georeferencing from GDAL, which must see the same shape.
fn grid(data: &Path, header: &Header, shape: (usize, usize, usize), notes: &mut Vec<String>) -> Result<Grid> {
    let dataset = match gdal::open(data, "ENVI") {
        Ok((dataset, _)) => dataset,
        Err(error) if header.text("map info").is_some() => {
            return Err(error.hint(match header.has_byte_order_mark() {
                true => "the header begins with a byte order mark, with which GDAL cannot read its 'map info': save it without",
                false => "the 'map info' of the header cannot be read without GDAL",
            }));
        }
        Err(error) => {
            let why = match header.has_byte_order_mark() {
                true => "the header begins with a byte order mark, which GDAL does not read".to_owned(),
                false => error.to_string(),
            };
            notes.push(format!("no georeferencing ({why})"));
            return Ok(Grid::default());
        }
    };
    let (width, height) = dataset.raster_size();
    check_agreement(data, (width, height, dataset.raster_count()), shape)?;
    let grid = gdal::grid(&dataset, notes);
    // GDAL knows a key only with single spaces in it and none before it.
    if header.text("map info").is_some() && grid.geotransform.is_none() {
        return Err(Error::refused(header.place("map info"), "GDAL reads no georeferencing from it")
            .hint("correct the header: 'map info' with one space, and at least seven values in braces"));
    }
    Ok(grid)
}

/// A grid for another shape than ours would put every map in the wrong place.
fn check_agreement(data: &Path, seen: (usize, usize, usize), header: (usize, usize, usize)) -> Result<()> {
    if seen == header {
        return Ok(());
    }
    let what = format!(
        "GDAL sees {} samples, {} lines, {} bands where the header says {}, {} and {}",
        seen.0, seen.1, seen.2, header.0, header.1, header.2
    );
    Err(Error::refused(data.display(), what).hint("another header beside the file may be in the way"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gdal_must_see_the_same_shape() {
        assert!(check_agreement(Path::new("x"), (3, 2, 4), (3, 2, 4)).is_ok());
        let error = check_agreement(Path::new("x"), (3, 2, 4), (2, 3, 4)).unwrap_err();
        assert!(error.to_string().contains("3 samples, 2 lines, 4 bands where the header says 2, 3 and 4"));
    }
}

//! DESIS Level 2A: surface reflectance from 400 to 1000 nm, orthorectified, of the spectrometer on the ISS.
//!
//! Names and codes are those of the DESIS product specification (PAV-DLR-ICD-003), as open tools read them: of each `band`
//! its number, centre, width, gain and offset; the image's fill is -32768; `QL_QUALITY-2` has planes of 0 and 1 for
//! shadow, land, snow, haze over land and over water, cloud over land and over water, and water.

use crate::scene::dlr::Dialect;
use crate::scene::product::Product;
use crate::scene::quality::{Flagged, Layer, Planes, Quality};

pub(super) const DIALECT: Dialect = Dialect {
    product: Product::DesisL2a,
    band: "band",
    number: "bandNumber",
    centre: "wavelengthCenterOfBand",
    width: "wavelengthWidthOfBand",
    gain: "gainOfBand",
    offset: "offsetOfBand",
    background: -32768.0,
    layers: &[
        planes(Quality::Cloud, &[5, 6]),
        planes(Quality::Cloudshadow, &[0]),
        planes(Quality::Haze, &[3, 4]),
        planes(Quality::Snow, &[2]),
        planes(Quality::Water, &[7]),
    ],
};

const fn planes(quality: Quality, planes: &'static [usize]) -> Layer {
    Layer { quality, file: "QL_QUALITY-2", planes: Planes::Any(planes), flagged: Flagged::NonZero }
}

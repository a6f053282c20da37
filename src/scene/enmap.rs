//! `EnMAP` Level 2A: surface reflectance, orthorectified, VNIR and SWIR in one image.
//!
//! Names and codes are those of the product specification of the `EnMAP` ground segment (EN-PCV-ICD-2009-2), as the
//! mission's open tools read them: the root element `level_X`; of each band `bandID` its number, centre, width, gain and
//! offset; `specific/backgroundValue`; layers `QL_QUALITY_*` of 0 and 1, cirrus from 0 (none) to 3 (thick), classes
//! 1 land, 2 water, 3 background; `QL_PIXELMASK` with one plane a band, in which a defect is not zero.

use crate::scene::dlr::Dialect;
use crate::scene::product::Product;
use crate::scene::quality::{Flagged, Layer, Planes, Quality};

pub(super) const DIALECT: Dialect = Dialect {
    product: Product::EnmapL2a,
    band: "bandID",
    number: "number",
    centre: "wavelengthCenterOfBand",
    width: "FWHMOfBand",
    gain: "GainOfBand",
    offset: "OffsetOfBand",
    background: -32768.0,
    layers: &[
        plane(Quality::Cloud, "QL_QUALITY_CLOUD", Flagged::NonZero),
        plane(Quality::Cirrus, "QL_QUALITY_CIRRUS", Flagged::NonZero),
        plane(Quality::Cloudshadow, "QL_QUALITY_CLOUDSHADOW", Flagged::NonZero),
        plane(Quality::Haze, "QL_QUALITY_HAZE", Flagged::NonZero),
        plane(Quality::Snow, "QL_QUALITY_SNOW", Flagged::NonZero),
        plane(Quality::Water, "QL_QUALITY_CLASSES", Flagged::Value(2.0)),
        plane(Quality::Background, "QL_QUALITY_CLASSES", Flagged::Value(3.0)),
        Layer { quality: Quality::Pixelmask, file: "QL_PIXELMASK", planes: Planes::Read, flagged: Flagged::NonZero },
    ],
};

const fn plane(quality: Quality, file: &'static str, flagged: Flagged) -> Layer {
    Layer { quality, file, planes: Planes::Any(&[0]), flagged }
}

//! The bands of NASA's EMIT imaging spectrometer.

use crate::spectrum::{Bands, Nanometers, WavelengthRange};

/// Centres and widths as the EMIT L2A reflectance product lists them (Green et al. 2020; product EMITL2ARFL v001).
const EMIT: &str = include_str!("emit_bands.csv");

/// Where water vapour leaves nothing of the light: the product flags these bands and fills them with [`WATER_FILL`].
const WATER: [WavelengthRange; 2] = [
    WavelengthRange { start: Nanometers(1320.0), end: Nanometers(1440.0) },
    WavelengthRange { start: Nanometers(1770.0), end: Nanometers(1970.0) },
];

/// What EMIT's reflectance holds in the water-vapour bands.
pub const WATER_FILL: f32 = -0.01;

/// EMIT's 285 bands.
#[must_use]
pub fn emit() -> Bands {
    let rows = EMIT.lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',').skip(1).map(str::parse::<f64>);
        Some((Nanometers(cells.next()?.ok()?), Nanometers(cells.next()?.ok()?)))
    });
    let (centres, fwhm) = rows.unzip();
    Bands { centres, fwhm: Some(fwhm) }
}

/// One flag a band: false in the water-vapour regions.
#[must_use]
pub fn good(bands: &Bands) -> Vec<bool> {
    bands.centres.iter().map(|&c| !WATER.iter().any(|range| range.contains(c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emit_has_285_bands_from_381_to_2493_nm() {
        let bands = emit();
        assert_eq!((bands.len(), bands.fwhm.as_ref().unwrap().len()), (285, 285));
        let (first, last) = bands.extent().unwrap();
        assert_eq!((first, last), (Nanometers(381.0056), Nanometers(2492.9239)));
        assert_eq!(good(&bands).iter().filter(|g| !**g).count(), 44);
    }
}

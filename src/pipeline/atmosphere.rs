//! Wavelengths at which water vapour lets no light through the air: what a scene holds there is no reflectance.

use crate::spectrum::{Nanometers, WavelengthRange};

/// Closed wavelengths, as the `good_wavelengths` of EMIT's L2A product leave them out (Green et al. 2020, EMIT L2A algorithm
/// theoretical basis document).
pub(super) const CLOSED: [WavelengthRange; 2] = [
    WavelengthRange { start: Nanometers(1325.0), end: Nanometers(1435.0) },
    WavelengthRange { start: Nanometers(1770.0), end: Nanometers(1965.0) },
];

/// Why a band of this centre is not used; nothing where the air is open.
pub(super) fn closed(centre: Nanometers) -> Option<String> {
    let range = CLOSED.iter().find(|range| range.contains(centre))?;
    Some(format!("the air is closed from {} to {}", range.start, range.end))
}

/// What was assumed of so many bands, and how to override it.
pub(super) fn note(bands: usize) -> String {
    let ranges = CLOSED.map(|range| format!("{} to {}", range.start, range.end)).join(" and ");
    format!(
        "the scene has no list of bad bands: {bands} bands are left out where water vapour closes the air, {ranges} \
         (--keep-bands uses them)"
    )
}

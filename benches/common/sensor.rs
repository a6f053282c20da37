//! The sensors whose bands the made scenes have.

use alunite::spectrum::{Bands, Nanometers};

/// EnMAP's 224 bands, as its mission describes them (Guanter et al. 2015, Remote Sensing 7:8830): two spectrometers of
/// even steps, which overlap around 950 nm. Real steps waver by a nanometre.
pub(crate) fn enmap() -> Bands {
    /// First and last centre, number of bands, full width at half maximum; nm.
    const SPECTROMETERS: [(f64, f64, usize, f64); 2] = [(418.4, 993.3, 91, 8.1), (902.2, 2445.3, 133, 12.5)];
    let centres = SPECTROMETERS.iter().flat_map(|&(first, last, count, _)| {
        (0..count).map(move |i| Nanometers(first + (last - first) * i as f64 / (count - 1) as f64))
    });
    let widths = SPECTROMETERS.iter().flat_map(|&(.., count, fwhm)| std::iter::repeat_n(Nanometers(fwhm), count));
    Bands { centres: centres.collect(), fwhm: Some(widths.collect()) }
}

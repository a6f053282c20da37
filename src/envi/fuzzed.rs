//! What holds for the header in any text.

use std::path::Path;

use super::{Header, decoded, squeeze};
use crate::error::Result;
use crate::spectrum::{PLAUSIBLE_NM, WavelengthUnit};

/// Keys whose values are lists.
const LISTS: [&str; 6] = ["wavelength", "fwhm", "bbl", "data gain values", "data offset values", "map info"];

/// A header says the same when it is written again, its lists have the lengths that they are asked for, and its sizes
/// are those of exact arithmetic.
pub fn envi_header(data: &[u8]) {
    let Ok(header) = Header::parse(&decoded(data.to_vec()), Path::new("x.hdr")) else { return };
    written_again(&header);
    for key in LISTS {
        lists(&header, key);
    }
    for key in ["data ignore value", "reflectance scale factor"] {
        let _ = header.number(key);
    }
    let bands = header.required_usize("bands");
    if let Ok(bands) = bands {
        wavelengths(&header, bands);
    }
    let _ = (header.interleave(), header.big_endian(), header.names("spectra names"));
    let sizes = || -> Result<[usize; 3]> {
        Ok([header.required_usize("lines")?, header.required_usize("samples")?, header.required_usize("bands")?])
    };
    if let Ok([lines, samples, bands]) = sizes() {
        size(&header, [("lines", lines), ("samples", samples), ("bands", bands)]);
    }
}

/// Every entry, in braces where it came in braces, gives the same entries and no remark.
fn written_again(header: &Header) {
    let mut text = "ENVI\n".to_owned();
    for (key, value) in &header.entries {
        let braces = value.contains('\n') || value.starts_with('{');
        text += &if braces { format!("{key} = {{{value}}}\n") } else { format!("{key} = {value}\n") };
    }
    let again = Header::parse(&text, Path::new("x.hdr")).expect("what was read is read again");
    let said = |h: &Header| h.entries.iter().map(|(key, value)| (key.clone(), squeeze(value))).collect::<Vec<_>>();
    assert_eq!(said(&again), said(header));
    assert!(again.notes.is_empty(), "{:?}", again.notes);
}

fn lists(header: &Header, key: &str) {
    let Ok(Some(list)) = header.list(key) else { return };
    let n = list.len();
    assert_eq!(header.names(key).map(|names| names.len()), Some(n));
    assert!(header.list_of(key, n).is_ok() && header.list_of(key, n + 1).is_err());
}

/// Wavelengths that are given out are as many as bands, and can be wavelengths.
fn wavelengths(header: &Header, bands: usize) {
    for unit in [None, Some(WavelengthUnit::Nanometers), Some(WavelengthUnit::Micrometers)] {
        let Ok(spectral) = header.bands(bands, unit) else { continue };
        assert_eq!(spectral.bands.len(), bands);
        assert!(spectral.bands.centres.iter().all(|c| PLAUSIBLE_NM.contains(&c.0)));
        if let Some(fwhm) = &spectral.bands.fwhm {
            assert_eq!(fwhm.len(), bands);
            assert!(fwhm.iter().zip(&spectral.bands.centres).all(|(width, centre)| width.0 > 0.0 && width < centre));
        }
    }
}

/// A data file is right only when its size is offset + lines · samples · bands · bytes of a value, below 2^63.
fn size(header: &Header, dimensions: [(&str, usize); 3]) {
    let (Ok(sample_type), Ok(offset)) = (header.sample_type(), header.header_offset()) else { return };
    let start = Some(sample_type.size() as u128);
    let values = dimensions.iter().fold(start, |product, (_, n)| product?.checked_mul(*n as u128));
    let exact = values.and_then(|v| v.checked_add(u128::from(offset))).and_then(|v| i64::try_from(v).ok());
    let gaps = header.list("major frame offsets").map(|gaps| gaps.is_some_and(|gaps| gaps.iter().any(|g| *g != 0.0)));
    let plain = header.text("file compression").is_none_or(|t| t == "0") && gaps.is_ok_and(|gaps| !gaps);
    let fits = |found: u64| header.check_bytes(Path::new("x"), found, &dimensions).is_ok();
    match exact {
        Some(exact) => {
            assert_eq!(fits(exact as u64), plain);
            assert!(!fits(exact as u64 + 1));
        }
        None => assert!(!fits(u64::MAX) && !fits(0)),
    }
}

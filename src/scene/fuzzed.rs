//! What holds for the metadata of deliveries, and for wavelengths that are given apart, in any text.

use std::path::Path;

use super::mtl::Mtl;
use super::{Quantity, dlr, hyperion, xml};
use crate::spectrum::PLAUSIBLE_NM;

/// The XML of `EnMAP` and DESIS: as many centres, widths, gains and offsets as bands, all of them numbers.
pub fn dlr_metadata(data: &[u8]) {
    let (file, text) = (Path::new("x-METADATA.XML"), xml::decoded(data));
    let Ok(document) = xml::document(file, &text) else { return };
    let root = document.root_element();
    let _ = (dlr::product(file, root), dlr::background("x", root));
    for dialect in dlr::DIALECTS {
        let Ok(told) = dlr::bands("x", root, dialect) else { continue };
        let n = told.centres.len();
        assert!(n > 0);
        let columns = [&told.centres, &told.gain, &told.offset, told.fwhm.as_ref().expect("widths are required")];
        assert!(columns.iter().all(|column| column.len() == n && column.iter().all(|v| v.is_finite())));
    }
}

/// The MTL of Hyperion: a word is found as it stands, and radiance has a scale for every band.
pub fn mtl(data: &[u8]) {
    let Some(mtl) = Mtl::parse("x", &String::from_utf8_lossy(data)) else { return };
    for key in ["GROUP", "SENSOR_ID", "PRODUCT_TYPE", "BAND1_FILE_NAME"] {
        assert!(mtl.word(key).is_none_or(|word| !word.is_empty() && !word.contains('\n')));
    }
    let Ok((scaling, quantity)) = hyperion::scaling(&mtl, &mut Vec::new()) else { return };
    assert_eq!(scaling.is_some(), quantity == Quantity::Radiance);
    if let Some(scaling) = scaling {
        assert_eq!((scaling.gain.len(), scaling.offset.len()), (hyperion::BANDS, hyperion::BANDS));
    }
}

/// The table of `--bands-from`. The first byte is the number of bands.
pub fn bands_csv(data: &[u8]) {
    let Some((&bands, table)) = data.split_first() else { return };
    let bands = usize::from(bands);
    let Ok(read) = super::bands_csv::parse(Path::new("x.csv"), table, bands) else { return };
    assert_eq!(read.len(), bands);
    assert!(read.centres.iter().all(|c| PLAUSIBLE_NM.contains(&c.0)));
    let fwhm = read.fwhm.as_ref();
    assert!(fwhm.is_none_or(|fwhm| fwhm.len() == bands && fwhm.iter().all(|w| w.0 > 0.0)));
    let rows = (0..bands).map(|i| match fwhm {
        Some(fwhm) => format!("{},{},{}\n", i + 1, read.centres[i].0, fwhm[i].0),
        None => format!("{},{}\n", i + 1, read.centres[i].0),
    });
    let heading = if fwhm.is_some() { "channel,wavelength_nm,fwhm_nm\n" } else { "channel,wavelength_nm\n" };
    let again =
        super::bands_csv::parse(Path::new("x.csv"), (heading.to_owned() + &rows.collect::<String>()).as_bytes(), bands);
    assert_eq!(again.expect("what was written is read"), read);
}

//! `--bands-from CSV`: wavelengths that replace a scene's own.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::scene::SceneOptions;
use crate::spectrum::Bands;
use crate::wavelengths::Declared;

/// The bands that the user gives in place of a scene's own, with a note that he does.
///
/// # Errors
/// When the file cannot be read, or is no table of `bands` bands.
pub(super) fn instead(options: &SceneOptions, bands: usize, notes: &mut Vec<String>) -> Result<Option<Bands>> {
    let Some(csv) = &options.bands_from else { return Ok(None) };
    notes.push(format!("wavelengths from --bands-from {}", csv.display()));
    read(csv, bands).map(Some)
}

fn read(path: &Path, bands: usize) -> Result<Bands> {
    let file = std::fs::File::open(path).map_err(|e| {
        Error::refused(path.display(), format!("cannot open --bands-from: {e}"))
            .hint("check its name, and that you may read it")
    })?;
    parse(path, file, bands)
}

/// Reads the columns `channel`, `wavelength_nm` and, where there is one, `fwhm_nm`, for a scene of `bands` bands.
pub(super) fn parse(path: &Path, from: impl Read, bands: usize) -> Result<Bands> {
    let failed = |e: csv::Error| {
        Error::refused(path.display(), format!("not a table of bands: {e}"))
            .hint("the columns are channel,wavelength_nm,fwhm_nm, one line for each band of the scene")
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(from);
    let headings = reader.headers().map_err(failed)?.clone();
    let column = |name: &str| headings.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
    let required = |name: &str| {
        column(name).ok_or_else(|| {
            Error::refused(path.display(), format!("there is no column '{name}'"))
                .hint("the columns are channel,wavelength_nm,fwhm_nm")
        })
    };
    let (channel, wavelength, fwhm) = (required("channel")?, required("wavelength_nm")?, column("fwhm_nm"));
    let (mut centres, mut widths) = (Vec::new(), Vec::new());
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        let number = |column: usize| -> Result<f64> {
            let text = record.get(column).unwrap_or_default();
            text.parse().map_err(|_| {
                let place = format!("{}, band {}", path.display(), row + 1);
                Error::refused(place, format!("'{text}' in the column '{}' is not a number", &headings[column]))
                    .hint("one line for each band of the scene: channel,wavelength_nm,fwhm_nm")
            })
        };
        #[expect(clippy::cast_precision_loss, reason = "bands number a few thousand at most")]
        let expected = (row + 1) as f64;
        if number(channel)? != expected {
            let what = format!("channel {} stands where channel {expected} belongs", number(channel)?);
            return Err(
                Error::refused(path.display(), what).hint("one line a band, channels from 1 in the scene's order")
            );
        }
        centres.push(number(wavelength)?);
        fwhm.map(|column| number(column).map(|w| widths.push(w))).transpose()?;
    }
    if centres.len() != bands {
        let what = format!("{} channels for a scene of {bands} bands", centres.len());
        return Err(
            Error::refused(path.display(), what).hint("one line for each band of the scene, bad bands included")
        );
    }
    let place = path.display().to_string();
    let declared = Declared { place: &place, centres: Some(centres), fwhm: fwhm.map(|_| widths), unit: Some("nm") };
    Ok(declared.bands(None)?.bands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::Nanometers;

    fn table(text: &str, bands: usize) -> Result<Bands> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bands.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, bands)
    }

    #[test]
    fn centres_and_widths_in_order() {
        let bands = table("\u{feff}Channel, wavelength_nm, fwhm_nm\n1, 400.5, 10\r\n2, 390, 9\n", 2).unwrap();
        assert_eq!(bands.centres, [400.5, 390.0].map(Nanometers));
        assert_eq!(bands.fwhm, Some([10.0, 9.0].map(Nanometers).to_vec()));
        assert_eq!(table("channel,wavelength_nm\n1,400\n", 1).unwrap().fwhm, None);
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let cases = [
            ("channel,wavelength_nm\n1,400\n", 2, "1 channels for a scene of 2 bands"),
            ("channel,wavelength_um\n1,0.4\n", 1, "no column 'wavelength_nm'"),
            ("channel,wavelength_nm\n2,400\n", 1, "channel 2 stands where channel 1"),
            ("channel,wavelength_nm\n1,blue\n", 1, "'blue'"),
            ("channel,wavelength_nm\n1,400,3\n", 1, "not a table"),
            ("channel,wavelength_nm\n1,0.4\n", 1, "cannot be wavelengths in nm"),
            ("channel,wavelength_nm\n1,NaN\n", 1, "above zero"),
            ("", 1, "no column 'channel'"),
        ];
        for (text, bands, expected) in cases {
            let error = table(text, bands).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(read(Path::new("nowhere.csv"), 1).is_err());
    }
}

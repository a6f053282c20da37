//! The fields of a header as numbers, types and bands.

use std::path::Path;

use super::{Header, clip, items};
use crate::error::{Error, Result};
use crate::spectrum::WavelengthUnit;
use crate::tile::{Interleave, SampleType};
use crate::wavelengths::{Declared, Spectral};

/// The types that are read.
const TYPES: &str = "codes 1, 2, 3, 4, 5, 12, 13, 14 and 15";

impl Header {
    /// A required whole number above zero (`samples`, `lines`, `bands`).
    ///
    /// # Errors
    /// When the key is missing or its value is not such a number.
    pub fn required_usize(&self, key: &str) -> Result<usize> {
        let text = self.required(key)?;
        match text.parse::<usize>() {
            Ok(n) if n > 0 => Ok(n),
            _ => Err(Error::refused(self.place(key), format!("'{}' is not a whole number above zero", clip(text)))
                .hint("correct the header; the numbers must be those of the data file")),
        }
    }

    /// A single number, `nan` included; `None` when the key is missing.
    ///
    /// # Errors
    /// When the value is not a number.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.text(key).map(|text| self.parse_number(key, text)).transpose()
    }

    /// A list of numbers; `None` when the key is missing. One trailing comma is forgiven.
    ///
    /// # Errors
    /// When an item is not a number.
    pub fn list(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        if text.contains('{') {
            let what = "another '{' comes before the closing '}'";
            return Err(Error::refused(self.place(key), what).hint("a '}' is missing in the header"));
        }
        items(text).map(|item| self.parse_number(key, item.trim())).collect::<Result<_>>().map(Some)
    }

    /// A list that must have one number for each of `n` bands.
    ///
    /// # Errors
    /// When an item is not a number or the length is another.
    pub fn list_of(&self, key: &str, n: usize) -> Result<Option<Vec<f64>>> {
        let list = self.list(key)?;
        match &list {
            Some(values) if values.len() != n => {
                Err(Error::refused(self.place(key), format!("{} values for {n} bands", values.len()))
                    .hint("correct the header, or, for wavelengths, pass --bands-from CSV"))
            }
            _ => Ok(list),
        }
    }

    /// The type of the stored values.
    ///
    /// # Errors
    /// When `data type` is missing, complex, or not a code of ENVI's.
    pub fn sample_type(&self) -> Result<SampleType> {
        let code = self.required("data type")?;
        let refused = |what: String| {
            Err(Error::refused(self.place("data type"), what).hint(format!("real numbers are read: {TYPES}")))
        };
        Ok(match code {
            "1" => SampleType::U8,
            "2" => SampleType::I16,
            "3" => SampleType::I32,
            "4" => SampleType::F32,
            "5" => SampleType::F64,
            "12" => SampleType::U16,
            "13" => SampleType::U32,
            "14" => SampleType::I64,
            "15" => SampleType::U64,
            "6" => return refused("6 is complex (two float32), which alunite does not map".into()),
            "9" => return refused("9 is complex (two float64), which alunite does not map".into()),
            other => return refused(format!("'{}' is no type of ENVI's", clip(other))),
        })
    }

    /// The order of the stored values.
    ///
    /// # Errors
    /// When `interleave` is missing or not `bil`, `bip` or `bsq`.
    pub fn interleave(&self) -> Result<Interleave> {
        match self.required("interleave")?.to_lowercase().as_str() {
            "bil" => Ok(Interleave::Bil),
            "bip" => Ok(Interleave::Bip),
            "bsq" => Ok(Interleave::Bsq),
            other => Err(Error::refused(self.place("interleave"), format!("'{}' is not bil, bip or bsq", clip(other)))
                .hint("correct the header")),
        }
    }

    /// True when the values are stored with the high byte first.
    ///
    /// # Errors
    /// When `byte order` is not 0 or 1, or is missing for values of several bytes.
    pub fn big_endian(&self) -> Result<bool> {
        if self.text("byte order").is_none() && self.sample_type()?.size() == 1 {
            return Ok(false);
        }
        match self.required("byte order")? {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(Error::refused(self.place("byte order"), format!("'{}' is not 0 or 1", clip(other)))
                .hint("0 is little-endian (most files), 1 is big-endian")),
        }
    }

    /// Bytes before the first value; 0 when the header does not say.
    ///
    /// # Errors
    /// When the value is not a whole number.
    pub fn header_offset(&self) -> Result<u64> {
        let text = self.text("header offset").unwrap_or("0");
        text.parse().map_err(|_| {
            Error::refused(self.place("header offset"), format!("'{}' is not a whole number of bytes", clip(text)))
                .hint("correct the header")
        })
    }

    /// Wavelengths and widths of `n` bands in nanometres. `unit` is what the user says, for files that declare none.
    ///
    /// # Errors
    /// When there are none, a list has another length, or the unit is missing or cannot be right.
    pub fn bands(&self, n: usize, unit: Option<WavelengthUnit>) -> Result<Spectral> {
        let place = self.place("wavelength");
        let centres = self.list_of("wavelength", n)?;
        let fwhm = self.list_of("fwhm", n)?;
        Declared { place: &place, centres, fwhm, unit: self.text("wavelength units") }.bands(unit)
    }

    /// Checks that the data file holds exactly the values that the header announces, and is not compressed.
    ///
    /// # Errors
    /// When it does not, naming both sizes.
    pub fn check_size(&self, data: &Path, dimensions: &[(&str, usize)]) -> Result<()> {
        let found = std::fs::metadata(data).map_err(|e| Error::io(data, "cannot look at the data file", &e))?.len();
        self.check_bytes(data, found, dimensions)
    }

    /// As [`Header::check_size`], of a data file of `found` bytes.
    pub(crate) fn check_bytes(&self, data: &Path, found: u64, dimensions: &[(&str, usize)]) -> Result<()> {
        if let Some(found) = self.text("file compression").filter(|t| *t != "0") {
            let what = format!("found '{}', expected 0: the data file is compressed", clip(found));
            return Err(Error::refused(self.place("file compression"), what)
                .hint("unpack it (gunzip) and set 'file compression = 0'"));
        }
        if self.list("major frame offsets")?.is_some_and(|gaps| gaps.iter().any(|gap| *gap != 0.0)) {
            return Err(Error::refused(
                self.place("major frame offsets"),
                "there are gaps between the values of the file",
            )
            .hint("export the file from ENVI without them"));
        }
        let size = self.sample_type()?.size();
        let offset = self.header_offset()?;
        let named = dimensions.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(" x ");
        let announced = dimensions
            .iter()
            .try_fold(size as u64, |bytes, (_, n)| bytes.checked_mul(*n as u64))
            .and_then(|bytes| bytes.checked_add(offset))
            .filter(|&bytes| i64::try_from(bytes).is_ok())
            .ok_or_else(|| {
                let what = format!("{named} x {size} bytes is more than any file holds");
                Error::refused(self.path.display(), what).hint("correct the header")
            })?;
        if found == announced {
            return Ok(());
        }
        let what = format!(
            "the data file has {found} bytes, but the header announces {announced} \
             (offset {offset} + {named} x {size} bytes)"
        );
        let hint = if found < announced {
            "the data file is cut off, or samples, lines, bands, data type or header offset are wrong"
        } else {
            "samples, lines, bands, data type or header offset of the header are wrong"
        };
        Err(Error::refused(data.display(), what).hint(hint))
    }

    fn required(&self, key: &str) -> Result<&str> {
        self.text(key).ok_or_else(|| {
            let what = format!("missing in the header, expected {}", expected(key));
            let missing = Error::refused(self.place(key), what);
            match self.entries.iter().find(|(_, value)| value.contains('{')) {
                Some((open, _)) => missing.hint(format!("perhaps the '}}' of '{open}' is missing")),
                None => missing.hint("add it to the header"),
            }
        })
    }

    fn parse_number(&self, key: &str, text: &str) -> Result<f64> {
        text.parse().map_err(|_| {
            Error::refused(self.place(key), format!("'{}' is not a number", clip(text)))
                .hint("correct the header, or take the line out of it")
        })
    }
}

/// What a required key may hold, for messages.
fn expected(key: &str) -> &'static str {
    match key {
        "data type" => TYPES,
        "interleave" => "bil, bip or bsq",
        "byte order" => "0 (little-endian, most files) or 1 (big-endian)",
        _ => "a whole number above zero, that of the data file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(body: &str) -> Header {
        Header::parse(&format!("ENVI\n{body}"), Path::new("x.hdr")).unwrap()
    }

    #[test]
    fn dimensions_are_whole_and_above_zero() {
        for bad in ["0", "-3", "3.0", "", "99999999999999999999999", "{3, 4}", "three"] {
            let error = header(&format!("samples = {bad}")).required_usize("samples").unwrap_err();
            assert!(error.to_string().contains("x.hdr, 'samples'"), "{error}");
        }
        assert!(header("").required_usize("samples").unwrap_err().to_string().contains("missing"));
        let lost = header("description = {a\nsamples = 3\nwavelength = {1}").required_usize("samples").unwrap_err();
        assert!(lost.next_step().unwrap().contains("description"));
    }

    #[test]
    fn types_orders_and_offsets() {
        let codes = [("1", "uint8"), ("2", "int16"), ("3", "int32"), ("4", "float32"), ("5", "float64")];
        let more = [("12", "uint16"), ("13", "uint32"), ("14", "int64"), ("15", "uint64")];
        for (code, name) in codes.into_iter().chain(more) {
            assert_eq!(header(&format!("data type = {code}")).sample_type().unwrap().name(), name);
        }
        for (code, word) in [("6", "complex"), ("9", "complex"), ("7", "no type"), ("4.0", "no type"), ("", "no type")]
        {
            let error = header(&format!("data type = {code}")).sample_type().unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(header("interleave = BIL").interleave().unwrap(), Interleave::Bil);
        assert!(header("interleave = tile").interleave().is_err() && header("").interleave().is_err());
        assert!(header("byte order = 1\ndata type = 2").big_endian().unwrap());
        assert!(!header("data type = 1").big_endian().unwrap());
        assert!(header("data type = 2").big_endian().is_err() && header("byte order = 2").big_endian().is_err());
        assert_eq!(header("").header_offset().unwrap(), 0);
        assert!(header("header offset = -1").header_offset().is_err());
    }

    #[test]
    fn lists_are_numbers_of_the_right_count() {
        assert!(header("").list("fwhm").unwrap().is_none());
        assert!(header("fwhm = {1, x}").list("fwhm").is_err() && header("fwhm = {1,, 2}").list("fwhm").is_err());
        let error = header("fwhm = {1, 2}").list_of("fwhm", 3).unwrap_err();
        assert!(error.to_string().contains("2 values for 3 bands"));
        assert!(header("data ignore value = nan").number("data ignore value").unwrap().unwrap().is_nan());
    }
}

//! How the pixels of a raster are compressed.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use gdal::{DriverManager, Metadata as _};
use serde::{Serialize, Serializer};

use super::ffi;
use crate::error::{Error, Result};

/// A compression of GeoTIFF, written `deflate`, `zstd` or `lerc=ERROR`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Compression {
    /// Without loss; every reader of GeoTIFF knows it.
    #[default]
    Deflate,
    /// Without loss, faster; readers need a GDAL with ZSTD.
    Zstd,
    /// Numbers are rounded so that none errs by more than this, in their own unit, and deflated; readers need a GDAL with
    /// LERC. Classes are deflated without loss.
    Lerc(f64),
}

impl Compression {
    /// Refuses what this GDAL cannot write.
    ///
    /// # Errors
    /// When its driver of GeoTIFF does not have the compression.
    pub fn check(self) -> Result<()> {
        // The driver makes its list when it is first asked, and hands another thread that asks meanwhile an empty one.
        static OPTIONS: OnceLock<String> = OnceLock::new();
        let list = OPTIONS.get_or_init(|| {
            let ask = || DriverManager::get_driver_by_name("GTiff").ok()?.metadata_item("DMD_CREATIONOPTIONLIST", "");
            ffi::recorded(ask).0.unwrap_or_default()
        });
        self.check_with(list)
    }

    /// `options` is the driver's list of creation options, in XML.
    fn check_with(self, options: &str) -> Result<()> {
        let word = self.driver_word(true);
        if options.contains(&format!("<Value>{word}</Value>")) {
            return Ok(());
        }
        let gdal = gdal::version::version_info("RELEASE_NAME");
        let what = format!("the GeoTIFF driver of this GDAL ({gdal}) does not have {word}");
        Err(Error::refused(format!("--compress {self}"), what)
            .hint("leave --compress out for deflate, or install a GDAL that was built with it"))
    }

    /// How much a number may differ from what was computed; nothing where no bit is lost.
    #[must_use]
    pub fn max_error(self) -> Option<f64> {
        match self {
            Self::Lerc(error) => Some(error),
            Self::Deflate | Self::Zstd => None,
        }
    }

    /// What the driver calls it, for numbers or for classes.
    fn driver_word(self, numbers: bool) -> &'static str {
        match self {
            Self::Zstd => "ZSTD",
            Self::Lerc(_) if numbers => "LERC_DEFLATE",
            Self::Deflate | Self::Lerc(_) => "DEFLATE",
        }
    }

    /// Options of GDAL's driver of GeoTIFF, for numbers or for classes.
    pub(super) fn options(self, numbers: bool) -> Vec<String> {
        let mut options = vec![format!("COMPRESS={}", self.driver_word(numbers))];
        match self {
            Self::Lerc(error) if numbers => options.extend([format!("MAX_Z_ERROR={error}"), "ZLEVEL=1".into()]),
            // Differences of class numbers mean nothing: only numbers get a predictor, that of floating point.
            _ => options.push(format!("PREDICTOR={}", if numbers { 3 } else { 1 })),
        }
        options
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deflate => f.write_str("deflate"),
            Self::Zstd => f.write_str("zstd"),
            Self::Lerc(error) => write!(f, "lerc={error}"),
        }
    }
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = text.strip_prefix("lerc=").and_then(|number| number.parse().ok());
        match (text, error) {
            ("deflate", _) => Ok(Self::Deflate),
            ("zstd", _) => Ok(Self::Zstd),
            (_, Some(error)) if error > 0.0 && f64::is_finite(error) => Ok(Self::Lerc(error)),
            _ => Err(Error::refused(format!("compression '{text}'"), "is none of deflate, zstd and lerc=ERROR")
                .hint("write lerc=0.001 for scores that err by 0.001 at most, in their own unit")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for word in ["deflate", "zstd", "lerc=0.001", "lerc=2"] {
            assert_eq!(word.parse::<Compression>().unwrap().to_string(), word);
        }
        for bad in ["", "lerc", "lerc=", "lerc=0", "lerc=-1", "lerc=nan", "lerc=inf", "lzw", "deflate=1"] {
            let error = bad.parse::<Compression>().unwrap_err();
            assert!(error.to_string().contains("none of deflate"), "{error}");
        }
    }

    #[test]
    fn what_a_driver_lacks_is_refused() {
        let list = "<Option name='COMPRESS'><Value>DEFLATE</Value><Value>LERC</Value><Value>ZSTD</Value></Option>";
        assert!(Compression::Deflate.check_with(list).is_ok() && Compression::Zstd.check_with(list).is_ok());
        let refused = Compression::Lerc(0.5).check_with(list).unwrap_err();
        assert!(refused.to_string().contains("--compress lerc=0.5: the GeoTIFF driver of this GDAL"), "{refused}");
        assert!(refused.next_step().unwrap().contains("leave --compress out"));
    }
}

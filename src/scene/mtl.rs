//! Metadata as USGS writes it: lines of `KEY = VALUE` in groups, closed by `END`.

use std::path::Path;

use crate::error::{Error, Result};

/// Such a file has a few hundred lines; more than this is something else.
const MOST_BYTES: u64 = 1 << 20;

/// What a file says, key by key.
#[derive(Debug)]
pub(super) struct Mtl {
    place: String,
    entries: Vec<(String, String)>,
}

impl Mtl {
    /// The entries of a file, whatever group they stand in; `None` when it does not begin with a group.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let failed = |e: std::io::Error| Error::io(path, "cannot read the file", &e);
        if std::fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
            return Ok(None);
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(Self::parse(&path.display().to_string(), &text))
    }

    pub(super) fn parse(place: &str, text: &str) -> Option<Self> {
        let mut entries = Vec::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim().trim_matches('"').trim();
            entries.push((key.trim().to_uppercase(), value.to_owned()));
        }
        let begins = entries.first().is_some_and(|(key, _)| key == "GROUP");
        begins.then(|| Self { place: place.to_owned(), entries })
    }

    /// The value of a key; `None` where it is missing or empty.
    pub(super) fn word(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The number of a key.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>> {
        let number = |text: &str| {
            text.parse::<f64>()
                .map_err(|_| Error::refused(format!("{}, {key}", self.place), format!("'{text}' is not a number")))
        };
        self.word(key).map(number).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_their_group() {
        let text = "GROUP = L1_METADATA_FILE\n  GROUP = A\n    SENSOR_ID = \"HYPERION\"\n    X = 40.000000\n    Y = \"\"\n\
                    END_GROUP = A\nEND_GROUP = L1_METADATA_FILE\nEND\n";
        let mtl = Mtl::parse("x", text).unwrap();
        assert_eq!((mtl.word("SENSOR_ID"), mtl.word("Y"), mtl.word("Z")), (Some("HYPERION"), None, None));
        assert_eq!(mtl.number("X").unwrap(), Some(40.0));
        assert!(mtl.number("SENSOR_ID").unwrap_err().to_string().contains("x, SENSOR_ID: 'HYPERION'"));
        assert!(Mtl::parse("x", "wavelength = 1\n").is_none() && Mtl::parse("x", "").is_none());
    }
}

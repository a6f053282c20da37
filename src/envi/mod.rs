//! ENVI headers: the text file that says how the raw numbers beside it are to be read. Scenes and libraries share it.
//!
//! The parser is strict where a mistake would move pixels or wavelengths, and tolerant where vendors merely add words:
//! unknown keys are kept, and what was ignored is said in [`Header::notes`].

mod fields;
pub(crate) mod fuzzed;
mod pair;

pub use pair::find_pair;

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// No header of any sensor comes near this; a larger file is something else.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// Further remarks are only counted: a file that is no header could fill the memory with them.
const MOST_NOTES: usize = 100;

/// Keys that decide where values lie or what they mean: two different values for one of them are refused.
const DECISIVE: [&str; 21] = [
    "samples",
    "lines",
    "bands",
    "data type",
    "interleave",
    "byte order",
    "header offset",
    "wavelength",
    "wavelength units",
    "fwhm",
    "bbl",
    "data ignore value",
    "reflectance scale factor",
    "data gain values",
    "data offset values",
    "file type",
    "file compression",
    "major frame offsets",
    "map info",
    "projection info",
    "coordinate system string",
];

/// A parsed header: keys in lower case, values as text.
#[derive(Debug, Clone)]
pub struct Header {
    path: PathBuf,
    entries: Vec<(String, String)>,
    /// Where a key stands among the entries.
    places: HashMap<String, usize>,
    notes: Vec<String>,
    byte_order_mark: bool,
    /// Notes beyond the most that are kept.
    further: usize,
}

impl Header {
    /// Reads and parses a header file. Bytes that are not UTF-8 are taken as Latin-1.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Header::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| Error::io(path, "cannot read the ENVI header", &e);
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        let read = file.take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if read as u64 > MAX_HEADER_BYTES {
            return Err(Error::refused(path.display(), "too large for an ENVI header (more than 64 MiB)")
                .hint("name the header that was written with the data"));
        }
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(Error::refused(path.display(), "the header is in UTF-16, expected ASCII or UTF-8")
                .hint("save it as UTF-8 without a byte order mark"));
        }
        Self::parse(&decoded(bytes), path)
    }

    /// Parses the text of a header. `path` is for the messages.
    ///
    /// # Errors
    /// When the first line is not `ENVI`, a brace stays open, or a decisive key has two different values.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let byte_order_mark = text.starts_with('\u{feff}');
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        let mut lines = text.lines();
        if lines.next().map(str::trim) != Some("ENVI") {
            return Err(Error::refused(path.display(), "not an ENVI header: its first line is not 'ENVI'")
                .hint("restore the header that was written with the data; one of another format has to be converted"));
        }
        let (entries, places, notes) = (Vec::new(), HashMap::new(), Vec::new());
        let mut header = Self { path: path.to_path_buf(), entries, places, notes, further: 0, byte_order_mark };
        while let Some(line) = lines.next() {
            if is_comment(line) || line.trim().is_empty() {
                continue;
            }
            let Some((key, rest)) = line.split_once('=') else {
                header.note(format!("the line '{}' is not 'key = value' and was ignored", clip(line.trim())));
                continue;
            };
            let key = squeeze(key).to_lowercase();
            let value = match rest.trim().strip_prefix('{') {
                Some(first) => header.braces(&key, first, &mut lines)?,
                None => rest.trim().to_owned(),
            };
            header.insert(key, value)?;
        }
        if header.further > 0 {
            header.notes.push(format!("header: there are {} more remarks of this kind", header.further));
        }
        Ok(header)
    }

    /// Collects a value in braces, over as many lines as it takes.
    fn braces(&mut self, key: &str, first: &str, lines: &mut std::str::Lines<'_>) -> Result<String> {
        let mut value = String::new();
        let mut line = first;
        loop {
            if let Some((last, after)) = line.split_once('}') {
                value.push_str(last);
                if !after.trim().is_empty() {
                    self.note(format!("'{}' after the closing brace of '{key}' was ignored", clip(after.trim())));
                }
                return Ok(value.trim().to_owned());
            }
            value.push_str(line);
            value.push('\n');
            line = loop {
                match lines.next() {
                    Some(comment) if is_comment(comment) => {}
                    Some(next) => break next,
                    None => {
                        return Err(Error::refused(self.place(key), "the '{' is never closed by a '}'")
                            .hint("the header is cut off or a '}' is missing: restore it from its source"));
                    }
                }
            };
        }
    }

    fn insert(&mut self, key: String, value: String) -> Result<()> {
        let Some(first) = self.text(&key) else {
            self.places.insert(key.clone(), self.entries.len());
            self.entries.push((key, value));
            return Ok(());
        };
        if squeeze(first) == squeeze(&value) {
            return Ok(());
        }
        if DECISIVE.contains(&key.as_str()) {
            let what = format!("given twice, as '{}' and as '{}'", clip(first), clip(&value));
            return Err(Error::refused(self.place(&key), what).hint("keep the right one in the header"));
        }
        self.note(format!("'{key}' is given twice; the first value is used"));
        Ok(())
    }

    fn note(&mut self, note: String) {
        match self.notes.len() {
            0..MOST_NOTES => self.notes.push(format!("header: {note}")),
            _ => self.further += 1,
        }
    }

    /// The header file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the parser ignored: one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether the file begins with a byte order mark, which this parser passes over and GDAL does not.
    #[must_use]
    pub fn has_byte_order_mark(&self) -> bool {
        self.byte_order_mark
    }

    /// The text of a key (without braces), `None` when the header has no such key. Keys are given in lower case.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.places.get(key).and_then(|&place| self.entries.get(place)).map(|(_, value)| value.as_str())
    }

    /// The comma-separated items of a list, trimmed.
    #[must_use]
    pub fn names(&self, key: &str) -> Option<Vec<String>> {
        self.text(key).map(|text| items(text).map(squeeze).collect())
    }

    /// File and key, as errors name them.
    pub(crate) fn place(&self, key: &str) -> String {
        format!("{}, '{key}'", self.path.display())
    }
}

/// The text of some bytes: UTF-8, or else Latin-1.
fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|not_utf8| not_utf8.into_bytes().into_iter().map(char::from).collect())
}

/// The items of a list; nothing stands behind a comma at its end.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let list = (!text.is_empty()).then(|| text.strip_suffix(',').unwrap_or(text).split(','));
    list.into_iter().flatten()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(';')
}

/// Runs of white space become one space.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The start of a long text, for messages.
fn clip(text: &str) -> String {
    let text = squeeze(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Header> {
        Header::parse(text, Path::new("x.hdr"))
    }

    #[test]
    fn keys_are_case_blind_and_lists_run_over_lines() {
        let text = "\u{feff}ENVI\r\n; a comment\r\nSamples  = 3\r\nVendor  KEY = a = b\r\nWavelength = {1,\r\n; no\r\n 2.5 ,3}\r\nclass names = {a b,\r\n c\r\n d, }";
        let header = parse(text).unwrap();
        assert_eq!(header.required_usize("samples").unwrap(), 3);
        assert_eq!(header.text("vendor key"), Some("a = b"));
        assert_eq!(header.list("wavelength").unwrap(), Some(vec![1.0, 2.5, 3.0]));
        assert_eq!(header.names("class names").unwrap(), ["a b", "c d"]);
        assert!(header.notes().is_empty());
    }

    #[test]
    fn first_line_and_braces_are_checked() {
        assert!(parse("").is_err());
        assert!(parse("BYTEORDER I\nNROWS 4").unwrap_err().to_string().contains("first line"));
        let open = parse("ENVI\ndescription = {never\nsamples = 3\n").unwrap_err();
        assert!(open.to_string().contains("'description'") && open.to_string().contains("never closed"));
        let swallowed = parse("ENVI\nwavelength = {1, 2\nfwhm = {1, 2}\n").unwrap();
        assert!(swallowed.list("wavelength").unwrap_err().to_string().contains("'{'"));
    }

    #[test]
    fn a_decisive_key_has_one_value() {
        assert!(parse("ENVI\nlines = 3\nLINES = 3").is_ok());
        let twice = parse("ENVI\nlines = 3\nlines = 4").unwrap_err();
        assert!(twice.to_string().contains("'3' and as '4'"), "{twice}");
        let vendor = parse("ENVI\nsensor = a\nsensor = b\nstray line").unwrap();
        assert_eq!((vendor.text("sensor"), vendor.notes().len()), (Some("a"), 2));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin_1() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.hdr");
        std::fs::write(&path, b"ENVI\nwavelength units = \xb5m\n").unwrap();
        assert_eq!(Header::read(&path).unwrap().text("wavelength units"), Some("µm"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(tail in "(?s)[=, {};0-9a-z.\r\nµ-]{0,200}") {
            let words = ["samples = 3\n", "wavelength = {", "bbl = {1, 0}\n", "data type = 4\n", "interleave = bil\n"];
            for word in words {
                if let Ok(h) = parse(&format!("ENVI\n{word}{tail}")) {
                    let _ = (h.required_usize("samples"), h.list("wavelength"), h.names("bbl"), h.sample_type());
                    let _ = (h.interleave(), h.big_endian(), h.header_offset(), h.bands(3, None), h.number("bbl"));
                }
            }
        }
    }
}

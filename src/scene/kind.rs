//! What kind of file the user named, by its first bytes and not by its name.

use std::io::Read as _;
use std::path::Path;

use crate::error::{Error, Result};

/// The kinds that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Classic or big TIFF.
    Tiff {
        /// Stored with the high byte first.
        big_endian: bool,
    },
    /// HDF5, which netCDF-4 is.
    Hdf5,
    /// A known format that is not read; `certain` when raw numbers cannot begin like this by chance.
    Other { name: &'static str, certain: bool },
    /// Anything else: raw numbers, if a header lies beside.
    Raw,
}

/// The name of XML files: some describe a delivery.
pub(super) const XML: &str = "an XML file";

/// First bytes, the name of what begins with them, and whether they are long enough to be certain.
const OTHERS: [(&[u8], &str, bool); 14] = [
    (b"CDF\x01", "a netCDF file", false),
    (b"CDF\x02", "a netCDF file", false),
    (b"CDF\x05", "a netCDF file", false),
    (b"\x0e\x03\x13\x01", "an HDF4 file", false),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", true),
    (b"\xff\xd8\xff", "a JPEG picture", false),
    (b"\x00\x00\x00\x0cjP  \r\n", "a JPEG 2000 picture", true),
    (b"PK\x03\x04", "a ZIP archive", false),
    (b"\x1f\x8b", "a gzip archive", false),
    (b"<VRTDataset", "a GDAL virtual raster (VRT)", true),
    (b"<?xml", XML, false),
    (b"%PDF-", "a PDF", false),
    (b"NITF0", "a NITF file", false),
    (b"{", "a JSON file", false),
];

/// Looks at the first bytes of a file.
pub(super) fn of(path: &Path) -> Result<Kind> {
    let found = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::refused(path.display(), "there is no such file").hint("check the path"),
        _ => Error::io(path, "cannot look at the file", &e),
    })?;
    if found.is_dir() {
        return Err(Error::refused(path.display(), "is a folder, not a file").hint("name the data file or its header"));
    }
    if !found.is_file() {
        return Err(Error::refused(path.display(), "is not a regular file").hint("name the data file or its header"));
    }
    if found.len() == 0 {
        return Err(Error::refused(path.display(), "the file is empty").hint("fetch or write it again"));
    }
    let failed = |e: std::io::Error| Error::io(path, "cannot read the file", &e);
    let mut first = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(64).read_to_end(&mut first).map_err(failed)?;
    Ok(of_bytes(&first))
}

fn of_bytes(first: &[u8]) -> Kind {
    match first {
        [b'I', b'I', 42 | 43, 0, ..] => return Kind::Tiff { big_endian: false },
        [b'M', b'M', 0, 42 | 43, ..] => return Kind::Tiff { big_endian: true },
        [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1a, b'\n', ..] => return Kind::Hdf5,
        _ => {}
    }
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    let begins = |magic: &[u8]| first.starts_with(magic) || text.starts_with(magic);
    OTHERS
        .iter()
        .find(|(magic, ..)| begins(magic))
        .map_or(Kind::Raw, |&(_, name, certain)| Kind::Other { name, certain })
}

/// The refusal of a format that is known and not read.
pub(super) fn refuse(path: &Path, name: &str) -> Error {
    Error::refused(
        path.display(),
        format!("is {name}; alunite reads ENVI cubes, GeoTIFF, and the products that --product names"),
    )
    .hint(match name.ends_with("archive") {
        true => "unpack it, and name the scene in it",
        false => "convert it: gdal_translate -of ENVI -co INTERLEAVE=BIL INPUT OUTPUT.img",
    })
}

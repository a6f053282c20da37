//! The finished file: what it is, directories, and the tiles, those of the coarsest overview first.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::packer::Pixel;
use super::pyramid::{Place, Pyramid};
use super::tags::{TILE_BYTES, TILE_OFFSETS, Tag, Tags};
use crate::files::read_exact_at;

/// What GDAL and others read before the directories: that these come before all tiles, that tiles come line by line, and that
/// each lies between its length and its last four bytes once more. The last blank leaves room for a `YES` of whoever changes
/// the file (GDAL, COG driver, "Header ghost area").
const LAYOUT: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                      BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// Bytes before and behind each tile.
const LEADER: u64 = 4;
const TRAILER: u64 = 4;

/// The raster or an overview.
struct Image {
    tags: Tags,
    places: Vec<Place>,
}

/// Writes the tiles as a cloud-optimised GeoTIFF with the tags of `blank`, which GDAL wrote without pixels.
///
/// # Errors
/// When pixels are missing, `blank` is not as it should be, or the file cannot be written.
pub(in crate::map) fn write<T: Pixel>(to: &Path, blank: &[u8], pyramid: &Pyramid<T>) -> io::Result<()> {
    write_as(to, blank, pyramid, false)
}

/// As [`write()`]; a BigTIFF also where it need not be.
pub(super) fn write_as<T: Pixel>(to: &Path, blank: &[u8], pyramid: &Pyramid<T>, is_big: bool) -> io::Result<()> {
    let tags = Tags::of(blank).ok_or_else(|| io::Error::other("GDAL wrote tags that cannot be read"))?;
    let mut images = Vec::new();
    for (size, places) in pyramid.places() {
        let places = places.ok_or_else(|| io::Error::other("pixels are missing"))?;
        let tags = if images.is_empty() { tags.clone() } else { tags.of_overview(size) };
        images.push(Image { tags, places });
    }
    let mut file = BufWriter::with_capacity(1 << 20, File::create(to)?);
    file.write_all(&head(&mut images, is_big))?;
    let mut bytes = Vec::new();
    for place in images.iter().rev().flat_map(|image| &image.places) {
        bytes.resize(place.bytes as usize, 0);
        read_exact_at(pyramid.scratch(), &mut bytes, place.start)?;
        let last = bytes.last_chunk::<4>().ok_or_else(|| io::Error::other("a tile has no bytes"))?;
        file.write_all(&place.bytes.to_le_bytes())?;
        file.write_all(&bytes)?;
        file.write_all(last)?;
    }
    file.flush()
}

/// What comes before the tiles; a BigTIFF's where a TIFF cannot hold them, or anyway.
fn head(images: &mut [Image], is_big: bool) -> Vec<u8> {
    let tiles: u64 = images.iter().flat_map(|image| &image.places).map(|p| LEADER + u64::from(p.bytes) + TRAILER).sum();
    let mut whole = |big: bool| {
        // How long it is does not depend on where the tiles lie.
        set_places(images, big, 0);
        let length = directories(images, big).len() as u64;
        set_places(images, big, length);
        directories(images, big)
    };
    let small = whole(false);
    if !is_big && small.len() as u64 + tiles <= u32::MAX.into() { small } else { whole(true) }
}

/// Sets the tags that say where the tiles lie.
fn set_places(images: &mut [Image], big: bool, first: u64) {
    let mut end = first;
    for Image { tags, places } in images.iter_mut().rev() {
        let offsets = places.iter().map(|place| {
            let start = end + LEADER;
            end = start + u64::from(place.bytes) + TRAILER;
            start
        });
        tags.set(match big {
            true => Tag::longs8(TILE_OFFSETS, offsets),
            false => Tag::longs(TILE_OFFSETS, offsets.map(|start| start as u32)),
        });
        tags.set(Tag::longs(TILE_BYTES, places.iter().map(|place| place.bytes)));
    }
}

/// The header and all directories, each before its values (TIFF 6.0, section 2; BigTIFF).
fn directories(images: &[Image], big: bool) -> Vec<u8> {
    let ghost = format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{LAYOUT}", LAYOUT.len());
    // Bytes of an offset or a count of values, and of the number of a directory's tags.
    let (word, number) = if big { (8, 8) } else { (4, 2) };
    let mut file = if big { b"II\x2b\0\x08\0\0\0".to_vec() } else { b"II\x2a\0".to_vec() };
    let first = (file.len() + word + ghost.len()).next_multiple_of(2);
    put(&mut file, first as u64, word);
    file.extend_from_slice(ghost.as_bytes());
    file.resize(first, 0);
    for (i, Image { tags: Tags(tags), .. }) in images.iter().enumerate() {
        let behind = file.len() + number + tags.len() * (4 + 2 * word) + word;
        let mut values = Vec::new();
        put(&mut file, tags.len() as u64, number);
        for Tag { code, kind, count, value } in tags {
            put(&mut file, u64::from(*code), 2);
            put(&mut file, u64::from(*kind), 2);
            put(&mut file, *count, word);
            if value.len() <= word {
                let end = file.len() + word;
                file.extend_from_slice(value);
                file.resize(end, 0);
                continue;
            }
            put(&mut file, (behind + values.len()) as u64, word);
            values.extend_from_slice(value);
            values.resize(values.len().next_multiple_of(2), 0);
        }
        let next = if i + 1 < images.len() { behind + values.len() } else { 0 };
        put(&mut file, next as u64, word);
        file.extend_from_slice(&values);
    }
    file
}

/// Adds the lowest bytes of a number, the lowest first.
fn put(file: &mut Vec<u8>, number: u64, bytes: usize) {
    file.extend_from_slice(&number.to_le_bytes()[..bytes]);
}

//! The tags of a TIFF (TIFF 6.0; BigTIFF), as GDAL wrote them into a file without pixels.

use std::ops::Range;

/// Samples and lines of the raster, sides of its tiles, where these lie and how long they are; what a directory is.
pub(super) const WIDTH: u16 = 256;
pub(super) const LENGTH: u16 = 257;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTES: u16 = 325;
const KIND_OF_IMAGE: u16 = 254;

/// What an overview has of its raster's tags: how pixels are laid, compressed and coloured, no data, and what LERC needs. It lies
/// where the raster lies.
const OF_OVERVIEWS: [u16; 14] = [258, 259, 262, 277, 284, 317, 320, 322, 323, 338, 339, 42113, 50674, 274];

/// Types of values.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const LONG8: u16 = 16;

/// One tag: its code, the type and number of its values, and these, the lowest byte first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tag {
    pub code: u16,
    pub kind: u16,
    pub count: u64,
    pub value: Vec<u8>,
}

/// The tags of one image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tags(pub Vec<Tag>);

impl Tags {
    /// Those of the first image of a BigTIFF with the lowest byte first. `None` for what is none.
    pub(super) fn of(file: &[u8]) -> Option<Self> {
        let number = |at: usize, bytes: usize| {
            let mut value = [0; 8];
            value[..bytes].copy_from_slice(file.get(at..at.checked_add(bytes)?)?);
            Some(u64::from_le_bytes(value))
        };
        if file.get(..8)? != b"II\x2b\0\x08\0\0\0" {
            return None;
        }
        let at = usize::try_from(number(8, 8)?).ok()?;
        let tag = |i: usize| {
            let entry = at.checked_add(8)?.checked_add(i.checked_mul(20)?)?;
            let (code, kind, count) = (number(entry, 2)?, number(entry + 2, 2)?, number(entry + 4, 8)?);
            let (code, kind) = (u16::try_from(code).ok()?, u16::try_from(kind).ok()?);
            let bytes = usize::try_from(count).ok()?.checked_mul(size_of_kind(kind)?)?;
            let start = if bytes <= 8 { entry + 12 } else { usize::try_from(number(entry + 12, 8)?).ok()? };
            Some(Tag { code, kind, count, value: file.get(start..start.checked_add(bytes)?)?.to_vec() })
        };
        let mut tags: Vec<Tag> = (0..usize::try_from(number(at, 8)?).ok()?).map(tag).collect::<Option<_>>()?;
        tags.sort_by_key(|tag| tag.code);
        Some(Self(tags))
    }

    /// Where the only tile of the image lies.
    pub(super) fn only_tile(&self) -> Option<Range<usize>> {
        let number = |code: u16| {
            let tag = self.0.iter().find(|tag| tag.code == code && tag.count == 1)?;
            let mut value = [0; 8];
            value.get_mut(..tag.value.len())?.copy_from_slice(&tag.value);
            usize::try_from(u64::from_le_bytes(value)).ok()
        };
        let start = number(TILE_OFFSETS)?;
        Some(start..start.checked_add(number(TILE_BYTES)?)?)
    }

    /// Those of an overview of these samples and lines.
    pub(super) fn of_overview(&self, (samples, lines): (usize, usize)) -> Self {
        let kept = self.0.iter().filter(|tag| OF_OVERVIEWS.contains(&tag.code)).cloned();
        let mut tags = Self(kept.collect());
        // A reduced version of another image.
        tags.set(Tag::longs(KIND_OF_IMAGE, [1].into_iter()));
        tags.set(Tag::longs(WIDTH, [samples as u32].into_iter()));
        tags.set(Tag::longs(LENGTH, [lines as u32].into_iter()));
        tags
    }

    /// Sets a tag, in its place in the order of codes.
    pub(super) fn set(&mut self, tag: Tag) {
        match self.0.binary_search_by_key(&tag.code, |other| other.code) {
            Ok(at) => self.0[at] = tag,
            Err(at) => self.0.insert(at, tag),
        }
    }
}

impl Tag {
    pub(super) fn longs(code: u16, values: impl ExactSizeIterator<Item = u32>) -> Self {
        Self { code, kind: LONG, count: values.len() as u64, value: values.flat_map(u32::to_le_bytes).collect() }
    }

    pub(super) fn longs8(code: u16, values: impl ExactSizeIterator<Item = u64>) -> Self {
        Self { code, kind: LONG8, count: values.len() as u64, value: values.flat_map(u64::to_le_bytes).collect() }
    }
}

/// Bytes of a value of a type.
fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        SHORT | 8 => Some(2),
        LONG | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | LONG8 | 17 | 18 => Some(8),
        _ => None,
    }
}

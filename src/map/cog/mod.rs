//! Cloud-optimised GeoTIFFs, whose tiles are packed here while pixels come.
//!
//! GDAL's own driver copies a finished file, so that pixels would be written, read, halved and written again before the first
//! is compressed. Here a tile is packed by any core as soon as it is full and its overview follows from it. What GDAL knows
//! better stays its own: it writes a file without pixels, whose tags (place, colours, names, no data) are taken over, and reads
//! the finished file back.
//!
//! ```text
//! pixels -> Pyramid (tiles that fill, of the raster and its overviews) -> Packer (predictor, deflate) -> scratch file
//! blank of GDAL -> Tags -+
//! scratch file ----------+-> write -> COG
//! ```

mod layout;
mod lerc;
mod packer;
mod pyramid;
mod runs;
mod tags;
#[cfg(test)]
mod tests;

pub(super) use layout::write;
pub(super) use packer::{Packing, Pixel};
pub(super) use pyramid::{Pyramid, held_bytes, tile_of};

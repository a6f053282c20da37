//! Results out: class maps, rule images, legends, styles and the picture of a map.
//!
//! ```text
//! names -> Legend -+-> RasterWriter -> FinishedRaster -> publish   (COG and its .aux.xml)
//!                  +-> style::qml -> files::write_beside -> publish
//!                  +-> Preview -> quicklook::write                 (PNG)
//! two maps -> Preview -> difference::write                       (PNG)
//! grid  -> Ground -> Lattice -> PixelAreas -> counts and km² of the classes
//! grids -> Warp -> which pixel of a scene's map each pixel of a mosaic shows
//! grid  -> Footprint                                        (longitude and latitude)
//! files -> RasterReader, features::read, map_of             (for reports, areas and comparisons)
//! ```
//!
//! Everything is written beside its place and renamed into it as the last act: no half-written file ever stands under
//! a final name. The same input gives the same bytes; nothing here writes a date.

pub mod area;
mod canvas;
mod checksum;
mod cog;
mod color;
pub mod compression;
mod crop;
pub mod crs;
pub mod difference;
mod ellipsoid;
pub mod features;
mod ffi;
pub mod files;
mod footprint;
pub mod globe;
mod ground;
mod labels;
mod lattice;
pub mod legend;
pub mod polygons;
pub mod preview;
pub mod quicklook;
pub mod raster;
mod read;
pub mod resampled;
mod spec;
pub mod style;
pub(crate) mod text;
mod transformer;
pub mod vector;
mod verify;
pub mod warp;

pub use area::PixelAreas;
pub use compression::Compression;
pub use crop::{Picture, map_of};
pub use footprint::Footprint;
pub use legend::{ClassType, Legend, LegendEntry};
pub use preview::Preview;
pub use quicklook::Quicklook;
pub use raster::{BandSpec, ClassCount, FinishedRaster, RasterKind, RasterSpec, RasterWriter, set_cache_bytes};
pub use read::{BandFacts, RasterReader};
pub use warp::Warp;

//! The blocks of a GeoTIFF, read past GDAL, which copies each three times and keeps a row of them. It is asked once where each
//! block lies in the file and how it is packed; whoever reads them then has a decoder of its own.

use std::fs::File;
use std::path::Path;

use bytemuck::Pod;
use gdal::{Dataset, Metadata as _};
use libdeflater::Decompressor as Inflater;
use zstd::bulk::Decompressor as Zstd;

use crate::files::read_exact_at;
use crate::scene::scratch;
use crate::simd::wide;
use crate::tile::{SampleType, Tile, Window, lay, lay_pixels};
use crate::with_samples;

/// Most bytes of a block: a reader holds one twice.
const MOST_BYTES: usize = 64 << 20;

/// Most blocks of a file. GDAL tells of each by itself, in about a microsecond.
const MOST: usize = 1 << 17;

/// The blocks of a GeoTIFF.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    sample_type: SampleType,
    /// Samples and lines of the scene, and of a block; a block reaches out of the scene at its right and lower edges.
    size: (usize, usize),
    block: (usize, usize),
    pub(super) bands: usize,
    /// Bands whose values lie in one block, pixel by pixel: one, or all.
    depth: usize,
    /// Where each lies, line by line; of files with a band in each block band after band.
    places: Vec<Place>,
    codec: Codec,
    predictor: Predictor,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// First byte in the file.
    start: u64,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    None,
    Deflate,
    Zstd,
}

/// What was subtracted before a block was compressed (TIFF 6.0, section 14; Adobe's Technical Note 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Predictor {
    None,
    /// From each value the one before it.
    Horizontal,
    /// From each byte the one before it, where all first bytes of a row's values lie before all second ones.
    FloatingPoint,
}

/// What a reader keeps from block to block.
pub(super) struct Decoder {
    stored: Vec<u8>,
    unpacked: Vec<u64>,
    row: Vec<u8>,
    inflater: Inflater,
    zstd: Zstd<'static>,
}

impl Decoder {
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new() -> std::io::Result<Self> {
        let (inflater, zstd) = (Inflater::new(), Zstd::new()?);
        Ok(Self { stored: Vec::new(), unpacked: Vec::new(), row: Vec::new(), inflater, zstd })
    }
}

impl Blocks {
    /// Those of a dataset that was opened from this file. `None` for what only GDAL reads: other compressions, the other
    /// byte order, values of fewer bits than their type, blocks that were never written, very large and very many ones.
    pub(super) fn of(path: &Path, dataset: &Dataset, sample_type: SampleType) -> Option<Self> {
        let told = |key: &str| dataset.metadata_item(key, "IMAGE_STRUCTURE");
        let codec = match told("COMPRESSION").as_deref() {
            None => Codec::None,
            Some("DEFLATE") => Codec::Deflate,
            Some("ZSTD") => Codec::Zstd,
            Some(_) => return None,
        };
        let predictor = match told("PREDICTOR").as_deref() {
            None | Some("1") => Predictor::None,
            Some("2") => Predictor::Horizontal,
            Some("3") if matches!(sample_type, SampleType::F32 | SampleType::F64) => Predictor::FloatingPoint,
            Some(_) => return None,
        };
        let (size, bands) = (dataset.raster_size(), dataset.raster_count());
        let planes: Vec<_> = (1..=bands).map(|i| dataset.rasterband(i)).collect::<Result<_, _>>().ok()?;
        let block = planes.first()?.block_size();
        let (depth, planes) = match told("INTERLEAVE").as_deref() {
            Some("BAND") => (1, &planes[..]),
            Some("PIXEL") => (bands, &planes[..1]),
            _ => return None,
        };
        let bytes = block.0.checked_mul(block.1)?.checked_mul(depth * sample_type.size())?;
        let (across, down) = (size.0.div_ceil(block.0.max(1)), size.1.div_ceil(block.1.max(1)));
        let file = File::open(path).ok()?;
        let mut order = [0; 2];
        read_exact_at(&file, &mut order, 0).ok()?;
        let sound = order == if cfg!(target_endian = "big") { *b"MM" } else { *b"II" }
            && (1..=MOST_BYTES).contains(&bytes)
            && across.checked_mul(down)?.checked_mul(planes.len())? <= MOST
            && planes.iter().all(|plane| plane.metadata_item("NBITS", "IMAGE_STRUCTURE").is_none());
        if !sound {
            return None;
        }
        let end = file.metadata().ok()?.len();
        let mut places = Vec::with_capacity(across * down * planes.len());
        for plane in planes {
            for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
                let told = |what: &str| plane.metadata_item(&format!("BLOCK_{what}_{x}_{y}"), "TIFF");
                let place = Place { start: told("OFFSET")?.parse().ok()?, bytes: told("SIZE")?.parse().ok()? };
                // GDAL says what is wrong with others.
                if place.bytes > 2 * MOST_BYTES || place.start.checked_add(place.bytes as u64)? > end {
                    return None;
                }
                places.push(place);
            }
        }
        Some(Self { file, sample_type, size, block, bands, depth, places, codec, predictor })
    }

    pub(super) fn are_compressed(&self) -> bool {
        self.codec != Codec::None
    }

    /// Where one in the middle of the scene lies.
    pub(super) fn middle(&self) -> Window {
        let (x, y) = (self.size.0 / 2 / self.block.0 * self.block.0, self.size.1 / 2 / self.block.1 * self.block.1);
        let (width, height) = self.extent((x, y));
        Window { x, y, width, height }
    }

    /// Whether a window holds each block that it touches whole, as far as the scene reaches.
    pub(super) fn are_whole_in(&self, window: Window) -> bool {
        let whole = |start: usize, length: usize, block: usize, all: usize| {
            let end = start + length;
            start.is_multiple_of(block) && (end.is_multiple_of(block) || end == all)
        };
        whole(window.x, window.width, self.block.0, self.size.0)
            && whole(window.y, window.height, self.block.1, self.size.1)
    }

    /// Reads the blocks of the tile's window, in bands counted from 0, all of which there are. `None` where one cannot be
    /// read, or is not what it should be: GDAL may know better, or say why.
    pub(super) fn read(&self, decoder: &mut Decoder, bands: &[usize], tile: &mut Tile) -> Option<()> {
        let window = tile.window;
        for y in (window.y..window.y + window.height).step_by(self.block.1) {
            for x in (window.x..window.x + window.width).step_by(self.block.0) {
                if self.depth > 1 {
                    self.lay_block(self.unpack(decoder, 0, x, y)?, (x, y), bands, tile);
                    continue;
                }
                for (k, &band) in bands.iter().enumerate() {
                    self.lay_band(self.unpack(decoder, band, x, y)?, (x, y), k, tile);
                }
            }
        }
        Some(())
    }

    /// Samples and lines of a block from this pixel on that lie in the scene.
    fn extent(&self, (x, y): (usize, usize)) -> (usize, usize) {
        (self.block.0.min(self.size.0 - x), self.block.1.min(self.size.1 - y))
    }

    /// Lays a block of one band into the tile, as its band `k`.
    fn lay_band(&self, values: &[u8], (x, y): (usize, usize), k: usize, tile: &mut Tile) {
        let (window, bands, (width, height)) = (tile.window, tile.bands, self.extent((x, y)));
        with_samples!(&mut tile.samples, to => {
            let rows = bytemuck::cast_slice(values).chunks_exact(self.block.0).take(height);
            for (row, line) in rows.zip(y - window.y..) {
                lay(to, bands, k, line * window.width + x - window.x, &row[..width]);
            }
        });
    }

    /// Lays these bands of a block of whole pixels into the tile.
    fn lay_block(&self, pixels: &[u8], (x, y): (usize, usize), bands: &[usize], tile: &mut Tile) {
        let (window, (width, height)) = (tile.window, self.extent((x, y)));
        let pixel = self.depth * self.sample_type.size();
        let rows = pixels.chunks_exact(self.block.0 * pixel).take(height);
        with_samples!(&mut tile.samples, to => {
            for (row, line) in rows.zip(y - window.y..) {
                lay_pixels(to, bands, line * window.width + x - window.x, &row[..width * pixel], self.depth);
            }
        });
    }

    /// The values of the block that begins at this pixel.
    fn unpack<'a>(&self, decoder: &'a mut Decoder, plane: usize, x: usize, y: usize) -> Option<&'a [u8]> {
        let (across, down) = (self.size.0.div_ceil(self.block.0), self.size.1.div_ceil(self.block.1));
        let place = self.places[(plane * down + y / self.block.1) * across + x / self.block.0];
        let row = self.block.0 * self.depth * self.sample_type.size();
        let Decoder { stored, unpacked, row: copy, inflater, zstd } = decoder;
        let unpacked = scratch(unpacked, row * self.block.1);
        let length = match self.codec {
            Codec::None => {
                let length = place.bytes.min(unpacked.len());
                read_exact_at(&self.file, &mut unpacked[..length], place.start).ok()?;
                length
            }
            Codec::Deflate => inflater.zlib_decompress(self.packed(place, stored)?, unpacked).ok()?,
            Codec::Zstd => zstd.decompress_to_buffer(self.packed(place, stored)?, unpacked).ok()?,
        };
        // The last strip may end with the scene.
        let unpacked = unpacked[..length].get_mut(..self.extent((x, y)).1 * row)?;
        for row in unpacked.chunks_exact_mut(row) {
            match self.predictor {
                Predictor::None => break,
                Predictor::Horizontal => self.add_up(row),
                Predictor::FloatingPoint => {
                    add_up(row, self.depth, u8::wrapping_add);
                    copy.clear();
                    copy.extend_from_slice(row);
                    match self.sample_type.size() {
                        4 => join::<4>(copy, row),
                        _ => join::<8>(copy, row),
                    }
                }
            }
        }
        Some(unpacked)
    }

    /// A block as it lies in the file.
    fn packed<'a>(&self, place: Place, stored: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        stored.resize(place.bytes, 0);
        read_exact_at(&self.file, stored, place.start).ok()?;
        Some(stored)
    }

    /// Adds to each value of a row the one before it in its band, all as integers.
    fn add_up(&self, row: &mut [u8]) {
        match self.sample_type.size() {
            1 => add_up(row, self.depth, u8::wrapping_add),
            2 => add_up(row, self.depth, u16::wrapping_add),
            4 => add_up(row, self.depth, u32::wrapping_add),
            _ => add_up(row, self.depth, u64::wrapping_add),
        }
    }
}

/// The values of a row lie pixel by pixel, of `depth` bands.
fn add_up<T: Pod>(row: &mut [u8], depth: usize, add: impl Fn(T, T) -> T) {
    let row: &mut [T] = bytemuck::cast_slice_mut(row);
    if depth == 1 {
        let mut sum = T::zeroed();
        for value in row {
            sum = add(sum, *value);
            *value = sum;
        }
        return;
    }
    for end in (2 * depth..=row.len()).step_by(depth) {
        let (before, pixel) = row[end - 2 * depth..end].split_at_mut(depth);
        pixel.iter_mut().zip(before).for_each(|(value, before)| *value = add(*before, *value));
    }
}

/// Puts the bytes of each value together again: all highest ones come first.
fn join<const SIZE: usize>(planes: &[u8], values: &mut [u8]) {
    wide(
        (planes, values),
        #[inline(always)]
        |(planes, values)| {
            let (values, _) = values.as_chunks_mut::<SIZE>();
            for (k, plane) in planes.chunks_exact(values.len().max(1)).enumerate() {
                let byte = if cfg!(target_endian = "big") { k } else { SIZE - 1 - k };
                values.iter_mut().zip(plane).for_each(|(value, high)| value[byte] = *high);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use gdal::DriverManager;
    use gdal::raster::{Buffer, GdalType, RasterCreationOptions};

    use super::*;

    const SIZE: (usize, usize) = (37, 41);
    const BANDS: usize = 3;

    /// A file of values that are hard to predict, and its blocks.
    fn made<T: GdalType + Copy>(
        value: impl Fn(u32) -> T,
        sample_type: SampleType,
        options: &str,
    ) -> (tempfile::TempPath, Dataset, Option<Blocks>) {
        let path = tempfile::Builder::new().suffix(".tif").tempfile().unwrap().into_temp_path();
        let options = RasterCreationOptions::from_iter(options.split_whitespace());
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let (width, height) = SIZE;
        let mut dataset =
            driver.create_with_band_type_with_options::<T, _>(&path, width, height, BANDS, &options).unwrap();
        for band in 1..=BANDS {
            let count = (width * height) as u32;
            let values = (0..count).map(|i| value((i + count * band as u32).wrapping_mul(2_654_435_761))).collect();
            dataset.rasterband(band).unwrap().write((0, 0), SIZE, &mut Buffer::new(SIZE, values)).unwrap();
        }
        dataset.flush_cache().unwrap();
        dataset.close().unwrap();
        let dataset = Dataset::open(&path).unwrap();
        let blocks = Blocks::of(&path, &dataset, sample_type);
        (path, dataset, blocks)
    }

    /// Bands 3 and 1 as the blocks hold them and as GDAL reads them.
    fn both<T: GdalType + Copy + crate::tile::Sample>(
        blocks: &Blocks,
        dataset: &Dataset,
        window: Window,
    ) -> (Vec<u8>, Vec<u8>) {
        let zeros = || Tile::zeros(window, 2, blocks.sample_type);
        let (mut found, mut expected) = (zeros(), zeros());
        blocks.read(&mut Decoder::new().unwrap(), &[2, 0], &mut found).unwrap();
        for (k, band) in [3, 1].into_iter().enumerate() {
            let (at, size) = ((window.x as isize, window.y as isize), (window.width, window.height));
            let values = dataset.rasterband(band).unwrap().read_as::<T>(at, size, size, None).unwrap();
            lay(bytemuck::cast_slice_mut(expected.samples.as_bytes_mut()), 2, k, 0, values.data());
        }
        (found.samples.as_bytes().to_vec(), expected.samples.as_bytes().to_vec())
    }

    #[test]
    fn blocks_hold_what_gdal_reads() {
        let layouts = ["TILED=YES BLOCKXSIZE=16 BLOCKYSIZE=32", "BLOCKYSIZE=7", "BLOCKYSIZE=41"];
        let packings = ["COMPRESS=NONE", "COMPRESS=DEFLATE", "COMPRESS=ZSTD"];
        let whole = Window { x: 0, y: 0, width: SIZE.0, height: SIZE.1 };
        for layout in layouts {
            for packing in packings {
                for interleave in ["INTERLEAVE=BAND", "INTERLEAVE=PIXEL"] {
                    for predictor in ["PREDICTOR=1", "PREDICTOR=2"] {
                        let options = format!("{layout} {packing} {interleave} {predictor}");
                        let (_path, dataset, blocks) = made(|v| (v >> 18) as i16, SampleType::I16, &options);
                        let blocks = blocks.expect(&options);
                        let (found, expected) = both::<i16>(&blocks, &dataset, whole);
                        assert!(found == expected, "{options}");
                        let (found, expected) = both::<i16>(&blocks, &dataset, blocks.middle());
                        assert!(found == expected, "{options}, {:?}", blocks.middle());
                    }
                    let options = format!("{layout} {packing} {interleave} PREDICTOR=3");
                    let (_path, dataset, blocks) = made(|v| v as f32 * -1.7e-5, SampleType::F32, &options);
                    let (found, expected) = both::<f32>(&blocks.expect(&options), &dataset, whole);
                    assert!(found == expected, "{options}");
                    let (_path, dataset, blocks) = made(|v| f64::from(v).sqrt(), SampleType::F64, &options);
                    let (found, expected) = both::<f64>(&blocks.expect(&options), &dataset, whole);
                    assert!(found == expected, "{options}");
                }
            }
        }
    }

    #[test]
    fn what_only_gdal_reads_is_left_to_it() {
        for options in ["COMPRESS=LZW", "COMPRESS=LERC", "ENDIANNESS=BIG", "NBITS=12", "SPARSE_OK=TRUE"] {
            let zero = options.starts_with("SPARSE");
            let (_path, _dataset, blocks) = made(|v| if zero { 0 } else { (v >> 21) as u16 }, SampleType::U16, options);
            assert!(blocks.is_none(), "{options}");
        }
    }

    #[test]
    fn a_window_is_read_here_only_if_it_ends_where_blocks_end() {
        let options = "TILED=YES BLOCKXSIZE=16 BLOCKYSIZE=32";
        let blocks = made(|v| v, SampleType::U32, options).2.unwrap();
        let whole = |x, y, width, height| blocks.are_whole_in(Window { x, y, width, height });
        assert!(whole(0, 0, 37, 41) && whole(16, 32, 16, 9) && whole(32, 0, 5, 32));
        assert!(!whole(0, 0, 37, 40) && !whole(8, 0, 16, 32) && !whole(32, 0, 4, 32) && !whole(0, 1, 16, 31));
        assert_eq!(blocks.middle(), Window { x: 16, y: 0, width: 16, height: 32 });
    }

    #[test]
    fn damaged_blocks_are_nothing() {
        for packing in ["COMPRESS=DEFLATE", "COMPRESS=ZSTD"] {
            let (path, _dataset, blocks) = made(|v| v, SampleType::U32, &format!("{packing} BLOCKYSIZE=8"));
            let (blocks, mut decoder) = (blocks.unwrap(), Decoder::new().unwrap());
            let mut read = |y| {
                let mut tile = Tile::zeros(Window { x: 0, y, width: SIZE.0, height: 8 }, 1, SampleType::U32);
                blocks.read(&mut decoder, &[0], &mut tile)
            };
            assert!(read(0).is_some());
            let mut bytes = std::fs::read(&path).unwrap();
            let Place { start, bytes: length } = blocks.places[0];
            bytes[start as usize..][..length / 2].fill(0xff);
            std::fs::write(&path, &bytes).unwrap();
            assert!(read(0).is_none() && read(8).is_some(), "{packing}");
            let last = blocks.places.iter().map(|place| place.start).max().unwrap();
            std::fs::write(&path, &bytes[..last as usize]).unwrap();
            assert!(read(8).is_some(), "{packing}: the file is cut off after it");
            assert!(blocks.read(&mut decoder, &[0], &mut Tile::zeros(blocks.middle(), 1, SampleType::U32)).is_some());
        }
    }
}

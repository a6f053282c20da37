//! How a scene is cut: windows that follow the file's blocks and stay under the memory ceiling.

use std::ops::Range;

use crate::background::{Units, packed};
use crate::compute::{PIXELS_A_BLOCK, Task};
use crate::error::{Error, Result};
use crate::scene::Description;
use crate::tile::{Tile, Window};

/// What limits the size of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The ceiling on resident memory, in bytes.
    pub max_memory: usize,
    /// The largest tile that the device can bind, in bytes of samples.
    pub device_tile: usize,
    /// Tiles that are under way on the device at once.
    pub under_way: usize,
    /// Threads of the host, each with its scratch.
    pub threads: usize,
    /// Lines of a tile, when the user fixes them.
    pub tile_lines: Option<usize>,
}

/// Reads and dispatches are long enough at this size, and allocators reuse such blocks: from 32 MiB on, every tile is
/// mapped anew and its page faults cost more than the read (measured: 1.3 against 6.7 GB/s).
const LARGEST_TILE: usize = 16 << 20;

/// What the process takes before any tile: code, GDAL, a Vulkan driver (a software one holds a compiler).
const PROCESS: usize = 192 << 20;

/// GDAL's block cache while maps are written, and for compressed scenes beside one row of blocks.
pub(super) const GDAL_CACHE: usize = 16 << 20;

/// Copies of a tile's samples at one time: being read (with the reader's scratch), waiting, being mapped (with staging
/// and, on a software device, its memory).
const TILES_IN_FLIGHT: usize = 6;

/// Copies of a tile's results: ranked, scored, waiting, being written.
const RESULTS_IN_FLIGHT: usize = 4;

/// Copies of samples and of results that each further tile under way on the device adds: the tile itself, one that waits
/// to be next, its staging and, on a software device, its memory; its ranks on the device and on their way back.
const FURTHER: (usize, usize) = (4, 2);

/// What a pass needs beside its tiles.
pub(super) struct Load {
    /// Bands that are read.
    bands: usize,
    /// Bytes of results a pixel.
    result_bytes: usize,
    /// Bytes of scratch, of all threads, and of what the pass keeps.
    scratch: usize,
    /// Tiles are whole numbers of so many (samples, lines), or reach to the scene's edge.
    multiple: (usize, usize),
}

impl Load {
    /// Of the map stage.
    pub(super) fn of_map(task: &Task, threads: usize) -> Self {
        let (rows, features) = task.widest();
        // Values stored, scaled and as features in f32, rows in f64, ranks, and the packed weights; with rule images these
        // twice, and every key.
        let keys = if task.rules { 4 * rows * (PIXELS_A_BLOCK + features) } else { 0 };
        // Where bounds leave few targets to meet: these in rows, and the bounds of all.
        let is_narrowed = task.groups.iter().flatten().any(|a| a.is_narrowed(task));
        let narrowed = if is_narrowed { 4 * rows * (features + 128) } else { 0 };
        let blocks = PIXELS_A_BLOCK * (20 * features + 128) + 4 * rows * features + keys + narrowed;
        let products = task.groups.first().map_or(1, Vec::len).max(1);
        let rules: usize = task.methods.iter().map(|m| task.rules_of(*m)).sum();
        // Weights twice in f64 and once in f32, and the whitening, of every group of columns.
        let kept: usize = task.groups.iter().flatten().map(|a| a.product.rows() * a.product.features() * 20).sum();
        Self {
            bands: task.bands(),
            result_bytes: 48 * task.methods.len() + 4 * rules,
            scratch: threads * blocks * products + kept,
            multiple: (1, 1),
        }
    }

    /// With so many more bytes that the pass keeps.
    pub(super) fn keeping(self, bytes: usize) -> Self {
        Self { scratch: self.scratch + bytes, ..self }
    }

    /// Of the statistics; `mapped` when they map each tile first, to leave targets out.
    pub(super) fn of_statistics(units: &Units, bands: usize, threads: usize, mapped: Option<&Task>) -> Self {
        let sums = 8 * (packed(bands, 0) + 2 * bands);
        // A tree waits with two nodes a level; the units of a batch with one each; a merged pair is one more.
        let levels = units.count(0).next_power_of_two().trailing_zeros() as usize + 1;
        let trees = units.groups() * sums * 2 * levels.min(8) + sums * 32;
        let mapped = mapped.map(|task| Self::of_map(task, threads));
        Self {
            bands,
            // The integers of a pixel and their bytes, for a device.
            result_bytes: 7 * bands / RESULTS_IN_FLIGHT + mapped.as_ref().map_or(0, |m| m.result_bytes),
            scratch: threads * (sums * 2 + bands * 128 * 8) + trees + mapped.map_or(0, |m| m.scratch),
            multiple: (units.tile_samples(), units.unit_lines()),
        }
    }
}

/// Bytes of GDAL's cache that reading windows of this width needs, so that no block is decoded twice.
pub(super) fn block_cache(described: &Description, window_width: usize) -> usize {
    if described.format != "GeoTIFF" {
        return GDAL_CACHE;
    }
    let (width, height) = described.block;
    let blocks = window_width.div_ceil(width.max(1)) + 1;
    GDAL_CACHE + blocks * width * height * described.bands * described.sample_type.size()
}

/// Cuts the scene, or some lines of it. Depends on the scene, the load and the limits only.
pub(super) fn cut(described: &Description, load: &Load, limits: &Limits, lines: Range<usize>) -> Result<Vec<Window>> {
    let sample_bytes = load.bands * described.sample_type.size();
    let further = limits.under_way.saturating_sub(1);
    let tiles = (TILES_IN_FLIGHT + further * FURTHER.0) * sample_bytes;
    let pixel_bytes = tiles + (RESULTS_IN_FLIGHT + further * FURTHER.1) * load.result_bytes;
    let (multiple_x, multiple_y) = load.multiple;
    let block_width = described.block.0.clamp(1, described.samples).next_multiple_of(multiple_x).min(described.samples);
    let block_height = described.block.1.clamp(1, described.lines).next_multiple_of(multiple_y).min(described.lines);
    let tile_lines = limits.tile_lines.map(|n| n.next_multiple_of(multiple_y).min(described.lines));
    let row_of_blocks = tile_lines.unwrap_or(block_height);
    // One block is read whole, however large it is.
    let block = (block_width * block_height).next_multiple_of(Tile::ALIGN);
    let affordable = |width: usize| {
        let fixed = PROCESS + load.scratch + block_cache(described, width);
        let memory = limits.max_memory.saturating_sub(fixed) / pixel_bytes;
        let most = (LARGEST_TILE / sample_bytes).max(block).min(limits.device_tile / sample_bytes);
        memory.min(most) / Tile::ALIGN * Tile::ALIGN
    };
    // Whole lines when one row of blocks fits, else as many whole blocks as do.
    let mut width = described.samples;
    while affordable(width) < width * row_of_blocks && width > block_width {
        width = (width / 2).next_multiple_of(block_width).min(width - 1).max(block_width);
    }
    let affordable_lines = match affordable(width) / width {
        all if all >= described.lines => all,
        some => some / multiple_y * multiple_y,
    };
    if affordable_lines == 0 || affordable_lines < row_of_blocks.min(block_height) {
        let need = PROCESS
            + load.scratch
            + block_cache(described, width)
            + pixel_bytes * (width * row_of_blocks).next_multiple_of(Tile::ALIGN);
        let what = format!(
            "{} bytes are too few for one block of {width} x {row_of_blocks} pixels in {} bands",
            limits.max_memory, load.bands
        );
        return Err(
            Error::refused("--max-memory", what).hint(format!("pass at least --max-memory {}MiB", (need >> 20) + 1))
        );
    }
    let height = tile_lines.unwrap_or_else(|| match affordable_lines / block_height {
        0 => affordable_lines,
        blocks => blocks * block_height,
    });
    let height = height.min(described.lines);
    if height > affordable_lines {
        return Err(Error::refused("--tile-lines", format!("{height} lines do not fit; {affordable_lines} would"))
            .hint("raise --max-memory or lower --tile-lines"));
    }
    let mut windows = Vec::new();
    for y in lines.clone().step_by(height) {
        for x in (0..described.samples).step_by(width) {
            windows.push(Window { x, y, width: width.min(described.samples - x), height: height.min(lines.end - y) });
        }
    }
    Ok(windows)
}

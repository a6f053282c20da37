//! How a scene is cut: windows that follow the file's blocks and stay under the memory ceiling.

use crate::compute::Task;
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
pub(super) const GDAL_CACHE: usize = 64 << 20;

/// Copies of a tile's samples at one time: being read (with the reader's scratch), waiting, being mapped (with staging
/// and, on a software device, its memory).
const TILES_IN_FLIGHT: usize = 6;

/// Copies of a tile's results: ranked, scored, waiting, being written.
const RESULTS_IN_FLIGHT: usize = 4;

/// Bytes of GDAL's cache that reading needs, so that no block is decoded twice.
pub(super) fn block_cache(described: &Description, window_width: usize) -> usize {
    if described.format != "GeoTIFF" {
        return GDAL_CACHE;
    }
    let (width, height) = described.block;
    let blocks = window_width.div_ceil(width.max(1)) + 1;
    GDAL_CACHE + blocks * width * height * described.bands * described.sample_type.size()
}

/// Cuts the scene. Depends on the scene, the task and the limits only.
pub(super) fn cut(described: &Description, task: &Task, limits: &Limits) -> Result<Vec<Window>> {
    let (bands, targets) = (task.prepared.bands(), task.prepared.targets());
    let sample_bytes = bands * described.sample_type.size();
    let result_bytes = 48 + if task.rules { 8 * targets } else { 0 };
    let pixel_bytes = TILES_IN_FLIGHT * sample_bytes + RESULTS_IN_FLIGHT * result_bytes;
    let scratch = limits.threads * 512 * 4 * (bands + targets);
    let (block_width, block_height) =
        (described.block.0.clamp(1, described.samples), described.block.1.clamp(1, described.lines));
    let affordable = |width: usize| {
        let fixed = PROCESS + scratch + block_cache(described, width);
        let memory = limits.max_memory.saturating_sub(fixed) / pixel_bytes;
        let most = LARGEST_TILE.min(limits.device_tile) / sample_bytes;
        memory.min(most) / Tile::ALIGN * Tile::ALIGN
    };
    // Whole lines when one row of blocks fits, else as many whole blocks as do.
    let mut width = described.samples;
    let row_of_blocks = limits.tile_lines.unwrap_or(block_height);
    while affordable(width) < width * row_of_blocks && width > block_width {
        width = (width / 2).next_multiple_of(block_width).min(width - 1).max(block_width);
    }
    let affordable_lines = affordable(width) / width;
    if affordable_lines == 0 || affordable_lines < row_of_blocks.min(block_height) {
        let need = PROCESS
            + scratch
            + block_cache(described, width)
            + pixel_bytes * (width * row_of_blocks).next_multiple_of(Tile::ALIGN);
        let what = format!(
            "{} bytes are too few for one block of {width} x {row_of_blocks} pixels in {bands} bands",
            limits.max_memory
        );
        return Err(
            Error::refused("--max-memory", what).hint(format!("pass at least --max-memory {}MiB", (need >> 20) + 1))
        );
    }
    let height = limits.tile_lines.unwrap_or_else(|| match affordable_lines / block_height {
        0 => affordable_lines,
        blocks => blocks * block_height,
    });
    let height = height.min(described.lines);
    if height > affordable_lines {
        return Err(Error::refused("--tile-lines", format!("{height} lines do not fit; {affordable_lines} would"))
            .hint("raise --max-memory or lower --tile-lines"));
    }
    let mut windows = Vec::new();
    for y in (0..described.lines).step_by(height) {
        for x in (0..described.samples).step_by(width) {
            windows.push(Window {
                x,
                y,
                width: width.min(described.samples - x),
                height: height.min(described.lines - y),
            });
        }
    }
    Ok(windows)
}

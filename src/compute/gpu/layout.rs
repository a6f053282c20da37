//! What host and shader share: the layouts of buffers. `tests/shaders.rs` compares them with the WGSL.

use bytemuck::{Pod, Zeroable};

use ndarray::Array2;

use crate::compute::Task;
use crate::methods::{Product, Space};
use crate::tile::SampleType;

/// The uniform of one dispatch: `struct Task` in `shaders/project.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the shader, which a test compares field by field")]
pub struct TaskUniform {
    pub stride: u32,
    pub bands: u32,
    pub features: u32,
    pub targets: u32,
    pub first_row: u32,
    pub last_row: u32,
    pub sequence: u32,
    pub keep_keys: u32,
    pub groups_x: u32,
    pub begun: u32,
}

impl TaskUniform {
    /// Name and byte offset of every field, in order.
    pub const FIELDS: [(&str, usize); 10] = [
        ("stride", std::mem::offset_of!(Self, stride)),
        ("bands", std::mem::offset_of!(Self, bands)),
        ("features", std::mem::offset_of!(Self, features)),
        ("targets", std::mem::offset_of!(Self, targets)),
        ("first_row", std::mem::offset_of!(Self, first_row)),
        ("last_row", std::mem::offset_of!(Self, last_row)),
        ("sequence", std::mem::offset_of!(Self, sequence)),
        ("keep_keys", std::mem::offset_of!(Self, keep_keys)),
        ("groups_x", std::mem::offset_of!(Self, groups_x)),
        ("begun", std::mem::offset_of!(Self, begun)),
    ];
}

/// The uniform of one dispatch over units: `struct Sum` in `shaders/statistics.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the shader, which a test compares field by field")]
pub struct SumUniform {
    pub bands: u32,
    pub quads: u32,
    pub tiles: u32,
    pub padding: u32,
}

impl SumUniform {
    /// Name and byte offset of every field, in order.
    pub const FIELDS: [(&str, usize); 4] = [
        ("bands", std::mem::offset_of!(Self, bands)),
        ("quads", std::mem::offset_of!(Self, quads)),
        ("tiles", std::mem::offset_of!(Self, tiles)),
        ("padding", std::mem::offset_of!(Self, padding)),
    ];
}

/// Invocations of a workgroup: `@workgroup_size` in the shader.
pub const WORKGROUP: usize = 64;
/// Pixels of one invocation.
pub const QUAD: usize = 4;
/// Rows multiplied at once.
pub const ROW_BLOCK: usize = 8;
/// The binding numbers of the projection, by the shader's variable names.
pub const BINDINGS: [&str; 9] =
    ["task", "samples", "scaling", "weights", "constants", "ranking", "keys", "energies", "finished"];
/// The projection's entry point.
pub const ENTRY_POINT: &str = "project";
/// The shader's constant that tells how samples are packed.
pub const SAMPLE_TYPE: &str = "SAMPLE_TYPE";
/// The shader's constant that tells what becomes of a pixel first.
pub const SPACE: &str = "SPACE";

/// The binding numbers of the statistics, by the shader's variable names.
pub const SUM_BINDINGS: [&str; 3] = ["sum", "values", "sums"];
/// The statistics' entry point.
pub const SUM_ENTRY_POINT: &str = "statistics";
/// Side of a tile of pairs of bands.
pub const SUM_TILE: usize = 16;
/// Signed bytes of a value, from the lowest.
pub const SUM_BYTES: usize = 4;
/// Sums of a pair of bands: of the products whose weight is 2^0, 2^8 ... 2^48.
pub const SUM_WEIGHTS: usize = 7;

/// The value of [`SPACE`]. The background's mean is part of the scaling.
#[must_use]
pub fn space_code(space: Space) -> u32 {
    match space {
        Space::Reflectance | Space::Deviation => 0,
        Space::Contrast => 1,
        Space::Distribution => 2,
    }
}

/// How samples are uploaded: their own type, or f32 for the 64-bit types, which WGSL does not have.
#[must_use]
pub fn uploaded_type(sample_type: SampleType) -> SampleType {
    match sample_type {
        SampleType::U64 | SampleType::I64 | SampleType::F64 => SampleType::F32,
        native => native,
    }
}

/// The value of [`SAMPLE_TYPE`] for a sample type.
#[must_use]
pub fn sample_type_code(sample_type: SampleType) -> u32 {
    match uploaded_type(sample_type) {
        SampleType::U8 => 0,
        SampleType::I8 => 1,
        SampleType::U16 => 2,
        SampleType::I16 => 3,
        SampleType::U32 => 4,
        SampleType::I32 => 5,
        SampleType::F32 | SampleType::U64 | SampleType::I64 | SampleType::F64 => 6,
    }
}

/// Bytes of ranking for one pixel and ending: [`CANDIDATES`](crate::methods::CANDIDATES) indices and keys.
pub const RANKING_BYTES: usize = crate::methods::CANDIDATES * 8;

/// Rows rounded up to whole blocks.
#[must_use]
pub fn padded(rows: usize) -> usize {
    rows.next_multiple_of(ROW_BLOCK)
}

/// Weights as the shader reads them: `[row / 8][1 + feature][8]`; targets, then whitening, each padded with rows of zeros.
/// A row starts from its product with `missing`, one value a band: what the features lack on the device.
#[must_use]
pub fn pack_weights(product: &Product, missing: &[f64]) -> Vec<f32> {
    let features = product.features() + 1;
    let whitening = product.whitening.as_ref().map_or(0, Array2::nrows);
    let first = padded(product.targets());
    let mut packed = vec![0.0; (first + padded(whitening)) * features];
    let mut put = |row: usize, feature: usize, weight: f32| {
        packed[(row / ROW_BLOCK * features + feature) * ROW_BLOCK + row % ROW_BLOCK] = weight;
    };
    let rows = product.weights.rows().into_iter().enumerate();
    let whitening = product.whitening.iter().flat_map(|w| w.rows()).enumerate().map(|(row, w)| (first + row, w));
    for (row, weights) in rows.chain(whitening) {
        let lacks: f64 = weights.iter().zip(missing).map(|(w, m)| f64::from(*w) * m).sum();
        put(row, 0, lacks as f32);
        weights.iter().enumerate().for_each(|(f, &w)| put(row, f + 1, w));
    }
    packed
}

/// The largest tile in bytes of samples (of the scene's type) whose buffers all fit the limits.
#[must_use]
pub fn max_tile_bytes(limits: &wgpu::Limits, task: &Task) -> usize {
    let binding =
        usize::try_from(limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)).unwrap_or(usize::MAX);
    let (bands, endings) = (task.bands().max(1), task.methods.len().max(1));
    let uploaded = bands * uploaded_type(task.sample_type).size();
    let pixels = binding / uploaded.max(RANKING_BYTES * endings);
    // Indices in the shader are u32.
    let pixels = pixels.min(u32::MAX as usize / bands.max(8 * endings));
    let pixels = pixels / crate::tile::Tile::ALIGN * crate::tile::Tile::ALIGN;
    pixels * bands * task.sample_type.size()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_packed_by_eights() {
        let mut product = crate::methods::find("sam").unwrap().product(Array2::eye(9).view(), None).unwrap();
        product.weights = Array2::from_shape_fn((9, 9), |(t, b)| (10 * t + b) as f32);
        product.whitening = Some(Array2::from_shape_fn((9, 9), |(t, b)| (1000 + 10 * t + b) as f32));
        let mut missing = [0.0; 9];
        missing[2] = 0.5;
        let packed = pack_weights(&product, &missing);
        assert_eq!(packed.len(), 32 * 10);
        assert_eq!(packed[5], 26.0, "what target 5 starts from");
        assert_eq!(packed[2 * 8 + 5], 51.0, "feature 1, target 5");
        assert_eq!(packed[10 * 8 + 3 * 8], 82.0, "feature 2, target 8");
        assert_eq!(packed[10 * 8 + 8 + 1], 0.0, "padding");
        assert_eq!(packed[2 * 10 * 8 + 4 * 8 + 7], 1073.0, "feature 3, whitening row 7");
        assert_eq!(packed[3 * 10 * 8 + 8 + 1], 0.0, "padding of the whitening");
    }
}

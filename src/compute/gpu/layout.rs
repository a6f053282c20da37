//! What host and shader share: the layouts of buffers. `tests/shaders.rs` compares them with the WGSL.

use bytemuck::{Pod, Zeroable};

use crate::compute::Task;
use crate::tile::SampleType;

/// The uniform of one dispatch: `struct Task` in `shaders/project.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the shader, which a test compares field by field")]
pub struct TaskUniform {
    pub stride: u32,
    pub bands: u32,
    pub first_target: u32,
    pub last_target: u32,
    pub sequence: u32,
    pub keep_keys: u32,
    pub groups_x: u32,
    pub padding: u32,
}

impl TaskUniform {
    /// Name and byte offset of every field, in order.
    pub const FIELDS: [(&str, usize); 8] = [
        ("stride", std::mem::offset_of!(Self, stride)),
        ("bands", std::mem::offset_of!(Self, bands)),
        ("first_target", std::mem::offset_of!(Self, first_target)),
        ("last_target", std::mem::offset_of!(Self, last_target)),
        ("sequence", std::mem::offset_of!(Self, sequence)),
        ("keep_keys", std::mem::offset_of!(Self, keep_keys)),
        ("groups_x", std::mem::offset_of!(Self, groups_x)),
        ("padding", std::mem::offset_of!(Self, padding)),
    ];
}

/// Invocations of a workgroup: `@workgroup_size` in the shader.
pub const WORKGROUP: usize = 64;
/// Pixels of one invocation.
pub const QUAD: usize = 4;
/// Targets multiplied at once.
pub const TARGET_BLOCK: usize = 8;
/// The binding numbers, by the shader's variable names.
pub const BINDINGS: [&str; 7] = ["task", "samples", "scaling", "weights", "ranking", "keys", "finished"];
/// The shader's entry point.
pub const ENTRY_POINT: &str = "project";
/// The shader's constant that tells how samples are packed.
pub const SAMPLE_TYPE: &str = "SAMPLE_TYPE";

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

/// Bytes of ranking for one pixel: [`CANDIDATES`](crate::methods::CANDIDATES) indices and keys.
pub const RANKING_BYTES: usize = crate::methods::CANDIDATES * 8;

/// Targets rounded up to whole blocks.
#[must_use]
pub fn padded_targets(targets: usize) -> usize {
    targets.next_multiple_of(TARGET_BLOCK)
}

/// Weights as the shader reads them: `[target / 8][band][8]`, the last block padded with zeros.
#[must_use]
pub fn pack_weights(weights: &ndarray::Array2<f32>) -> Vec<f32> {
    let (targets, bands) = weights.dim();
    let mut packed = vec![0.0; padded_targets(targets) * bands];
    for ((target, band), &weight) in weights.indexed_iter() {
        let block = target / TARGET_BLOCK;
        packed[(block * bands + band) * TARGET_BLOCK + target % TARGET_BLOCK] = weight;
    }
    packed
}

/// The largest tile in bytes of samples (of the scene's type) whose buffers all fit the limits.
#[must_use]
pub fn max_tile_bytes(limits: &wgpu::Limits, task: &Task) -> usize {
    let binding =
        usize::try_from(limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)).unwrap_or(usize::MAX);
    let uploaded = task.prepared.bands() * uploaded_type(task.sample_type).size();
    let keys = if task.rules { task.prepared.targets() * 4 } else { 0 };
    let pixels = binding / uploaded.max(RANKING_BYTES).max(keys).max(1);
    // Indices in the shader are u32.
    let pixels = pixels.min(u32::MAX as usize / task.prepared.bands().max(task.prepared.targets()).max(1));
    let pixels = pixels / crate::tile::Tile::ALIGN * crate::tile::Tile::ALIGN;
    pixels * task.prepared.bands() * task.sample_type.size()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_packed_by_eights() {
        let weights = ndarray::Array2::from_shape_fn((9, 3), |(t, b)| (10 * t + b) as f32);
        let packed = pack_weights(&weights);
        assert_eq!(packed.len(), 16 * 3);
        assert_eq!(packed[8 + 5], 51.0, "band 1, target 5");
        assert_eq!(packed[3 * 8 + 2 * 8], 82.0, "band 2, target 8");
        assert_eq!(packed[3 * 8 + 1], 0.0, "padding");
    }
}

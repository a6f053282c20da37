//! Sums of products on the device. The host makes integers of the pixels and puts the sums of their bytes together.

use tracing::info_span;

use super::device::Gpu as Device;
use super::layout::{self, SUM_BYTES, SUM_TILE, SUM_WEIGHTS, SumUniform};
use super::{Host, STATISTICS};
use crate::background::{Differences, Moments, Quantised, Summands, Unit, packed};
use crate::compute::Summing;
use crate::error::Result;
use crate::simd::wide;

/// Values of one batch of units, in bytes: long enough to fill a device, short enough for any limit.
const BATCH: usize = 32 << 20;

/// Sums on a GPU.
pub struct GpuSums {
    device: Device,
    pipeline: wgpu::ComputePipeline,
    host: Host,
    buffers: Option<Buffers>,
}

struct Buffers {
    sizes: (usize, usize),
    staging: wgpu::Buffer,
    values: wgpu::Buffer,
    sums: wgpu::Buffer,
    back: wgpu::Buffer,
}

/// The shape of a batch.
#[derive(Clone, Copy)]
struct Shape {
    bands: usize,
    quads: usize,
    tiles: usize,
}

impl Shape {
    /// Words of a unit's values.
    fn values(self) -> usize {
        self.bands * SUM_BYTES * self.quads
    }

    fn pairs(self) -> usize {
        packed(self.tiles, 0)
    }

    /// Words of a unit's sums.
    fn sums(self) -> usize {
        self.pairs() * SUM_WEIGHTS * SUM_TILE * SUM_TILE
    }
}

impl GpuSums {
    /// On an opened device; `threads` host threads make integers of pixels (0: one for each core).
    ///
    /// # Errors
    /// When the device refuses the shader.
    pub fn new(device: Device, threads: usize) -> Result<Self> {
        Self::with_shader(device, threads, STATISTICS)
    }

    /// The same with a shader of the caller's: how tests show that a wrong kernel is found out.
    ///
    /// # Errors
    /// As [`GpuSums::new`].
    pub fn with_shader(device: Device, threads: usize, text: &str) -> Result<Self> {
        let pipeline = device.pipeline(Some("statistics"), text, layout::SUM_ENTRY_POINT, &[])?;
        Ok(Self { device, pipeline, host: Host::new(threads)?, buffers: None })
    }

    fn batch(&mut self, units: &[Quantised], shape: Shape) -> Result<Vec<Vec<i128>>> {
        let gpu = &self.device;
        let sizes = (units.len() * shape.values() * 4, units.len() * shape.sums() * 4);
        if !self.buffers.as_ref().is_some_and(|b| b.sizes.0 >= sizes.0 && b.sizes.1 >= sizes.1) {
            self.buffers = None; // Freed before the larger ones are made.
            self.buffers = Some(Buffers::new(gpu, sizes)?);
        }
        let Some(buffers) = &self.buffers else { unreachable!("made above") };
        let mut words = vec![0_u32; units.len() * shape.values()];
        info_span!("upload").in_scope(|| {
            self.host.each_chunk(&mut words, shape.values(), |i, words| pack(&units[i], shape, words));
            gpu.fill(&buffers.staging, bytemuck::cast_slice(&words))
        })?;
        let uniform =
            SumUniform { bands: shape.bands as u32, quads: shape.quads as u32, tiles: shape.tiles as u32, padding: 0 };
        let submitted = gpu.checked("summing statistics", || {
            let mut encoder = gpu.encoder();
            encoder.copy_buffer_to_buffer(&buffers.staging, 0, &buffers.values, 0, sizes.0 as u64);
            // A kernel that stops early must not pass off the sums of the batch before.
            encoder.clear_buffer(&buffers.sums, 0, None);
            let uniform = gpu.uniform("sum", bytemuck::bytes_of(&uniform));
            let bound = [&uniform, &buffers.values, &buffers.sums];
            gpu.dispatch(&mut encoder, &self.pipeline, &bound, (shape.pairs() as u32, units.len() as u32));
            encoder.copy_buffer_to_buffer(&buffers.sums, 0, &buffers.back, 0, sizes.1 as u64);
            gpu.submit(encoder, [(&buffers.back, wgpu::MapMode::Read), (&buffers.staging, wgpu::MapMode::Write)])
        })?;
        info_span!("device").in_scope(|| gpu.wait(submitted))?;
        let _span = info_span!("download").entered();
        let products = {
            let view = buffers.back.get_mapped_range(..sizes.1 as u64).map_err(|e| gpu.failed(e))?;
            let sums: &[i32] = bytemuck::cast_slice(&view);
            sums.chunks_exact(shape.sums()).map(|sums| unpack(sums, shape)).collect::<Vec<_>>()
        };
        buffers.back.unmap();
        for (unit, products) in units.iter().zip(&products) {
            check(unit, products).map_err(|what| gpu.failed(what))?;
        }
        Ok(products)
    }
}

impl Buffers {
    fn new(gpu: &Device, sizes: (usize, usize)) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        gpu.checked("making buffers for statistics", || {
            let (values, sums) = (sizes.0 as u64, sizes.1 as u64);
            Self {
                sizes,
                staging: gpu.buffer("staging", values, Usage::MAP_WRITE | Usage::COPY_SRC, true),
                values: gpu.buffer("values", values, Usage::STORAGE | Usage::COPY_DST, false),
                sums: gpu.buffer("sums", sums, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST, false),
                back: gpu.buffer("back", sums, Usage::MAP_READ | Usage::COPY_DST, false),
            }
        })
    }
}

impl Summing for GpuSums {
    fn label(&self) -> String {
        self.device.facts().to_string()
    }

    fn sum(&mut self, summands: &Summands, units: &[Unit], take: &(dyn Fn(&Unit, Moments) + Sync)) -> Result<()> {
        let (bands, mut next) = (summands.tile.bands, units);
        let mut batch = 1;
        while !next.is_empty() {
            let made = self.host.each(batch.min(next.len()), |unit: &mut Differences, i| {
                summands.write_differences(&next[i], unit);
                let moments = Moments { count: unit.count, sum: unit.sums(), ..Moments::default() };
                (moments, unit.quantised(), unit.stride)
            });
            // Units of one batch have one width on the device: the widest of them.
            let stride = made.iter().map(|(.., stride)| *stride).max().unwrap_or(0);
            let shape = Shape { bands, quads: stride / 4, tiles: bands.div_ceil(SUM_TILE) };
            let (moments, quantised): (Vec<Moments>, Vec<Quantised>) = made.into_iter().map(|(m, q, _)| (m, q)).unzip();
            let products = self.batch(&quantised, shape)?;
            let (these, rest) = next.split_at(moments.len());
            for (((unit, moments), quantised), products) in these.iter().zip(moments).zip(quantised).zip(products) {
                let complete = match moments.count {
                    0 => Moments::default(),
                    _ => in_reflectance(moments, &quantised, &products),
                };
                take(unit, complete);
            }
            next = rest;
            let limits = self.device.limits();
            let largest = (limits.max_storage_buffer_binding_size.min(BATCH as u64) as usize) / 4;
            batch = (largest / shape.values().max(shape.sums()).max(1)).clamp(1, 65_535);
        }
        Ok(())
    }
}

/// Integers times their steps. A step is a power of two: only what f64 cannot hold of an integer is rounded.
fn in_reflectance(moments: Moments, unit: &Quantised, products: &[i128]) -> Moments {
    let bands = unit.step.len();
    let sum = |band: &[i32]| band.iter().map(|&v| i64::from(v)).sum::<i64>() as f64;
    let quantised = unit.bands().zip(&unit.step).map(|(band, step)| sum(band) * step).collect();
    let mut scaled = vec![0.0; packed(bands, 0)];
    for i in 0..bands {
        (0..=i).for_each(|j| scaled[packed(i, j)] = products[packed(i, j)] as f64 * unit.step[i] * unit.step[j]);
    }
    Moments { quantised, products: scaled, ..moments }
}

/// The signed bytes of four pixels a word, `[band][byte][quad]`.
fn pack(unit: &Quantised, shape: Shape, words: &mut [u32]) {
    // Larger by 128, the lower three bytes are unsigned and carry; that taken away again, they are from −128 to 127.
    const MIDDLE: i32 = 0x0080_8080;
    wide(
        bytemuck::cast_slice_mut::<u32, u8>(words),
        #[inline(always)]
        |bytes| {
            for (values, bytes) in unit.bands().zip(bytes.chunks_exact_mut(SUM_BYTES * 4 * shape.quads)) {
                for (byte, bytes) in bytes.chunks_exact_mut(4 * shape.quads).enumerate() {
                    for (to, value) in bytes.iter_mut().zip(values) {
                        *to = (((value + MIDDLE) ^ MIDDLE) >> (8 * byte)) as u8;
                    }
                }
            }
        },
    );
    // The first of four pixels is a word's lowest byte.
    words.iter_mut().for_each(|word| *word = u32::from_le(*word));
}

/// The lower triangle, row by row, from the sums of bytes in tiles of pairs.
fn unpack(sums: &[i32], shape: Shape) -> Vec<i128> {
    let side = SUM_TILE * SUM_TILE;
    let mut out = vec![0; packed(shape.bands, 0)];
    for i in 0..shape.bands {
        for j in 0..=i {
            let pair = packed(i / SUM_TILE, j / SUM_TILE);
            let place = i % SUM_TILE * SUM_TILE + j % SUM_TILE;
            let weight = |w: usize| i128::from(sums[(pair * SUM_WEIGHTS + w) * side + place]) << (8 * w);
            out[packed(i, j)] = (0..SUM_WEIGHTS).map(weight).sum();
        }
    }
    out
}

/// A device that stopped early or lost a word is found out by the squares of the first and the last band, which the host
/// sums too.
fn check(unit: &Quantised, products: &[i128]) -> Result<(), String> {
    for (band, values) in unit.bands().enumerate().filter(|(band, _)| [0, unit.step.len() - 1].contains(band)) {
        let sum: i128 = values.iter().map(|&v| i128::from(v) * i128::from(v)).sum();
        let found = products[packed(band, band)];
        if found != sum {
            return Err(format!("it sums the squares of band {} to {found}, not {sum}", band + 1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_signed_bytes_hold_every_value() {
        let most = 1 << 29;
        let values =
            vec![0, 1, -1, 127, 128, -128, -129, 255, 256, most, -most, most - 1, 32_767, -32_768, 65_535, -8_388_609];
        let unit = Quantised { step: vec![1.0], values: values.clone() };
        let shape = Shape { bands: 1, quads: 4, tiles: 1 };
        let mut words = vec![0; shape.values()];
        pack(&unit, shape, &mut words);
        for (p, value) in values.iter().enumerate() {
            let byte = |b: usize| i32::from(words[b * 4 + p / 4].to_le_bytes()[p % 4] as i8) << (8 * b);
            assert_eq!((0..SUM_BYTES).map(byte).sum::<i32>(), *value);
        }
    }
}

// What the projection multiplies: the features of four pixels, from samples in the scene's own type.
//
// samples (groups, bands, 32 pixels), packed into words; reflectance = samples * gain + offset, less the background's mean where a
// method takes it away (the host puts it into the offset).

@group(0) @binding(1) var<storage, read> samples: array<u32>;
@group(0) @binding(2) var<storage, read> scaling: array<vec2<f32>>;

// 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32
override SAMPLE_TYPE: u32 = 6u;
// 0 reflectance, 1 less the pixel's mean, 2 shares of that and their logarithms
override SPACE: u32 = 0u;

// What the features of a pixel need that no single band tells: its mean, or one over it.
fn pixel_scalar(quad: u32) -> vec4<f32> {
    if SPACE == 0u {
        return vec4(0.0);
    }
    var sum = vec4(0.0);
    for (var band = 0u; band < task.bands; band++) {
        sum += reflectance(band, quad);
    }
    return select(f32(task.bands) / sum, sum / f32(task.bands), SPACE == 1u);
}

fn feature(index: u32, quad: u32, of_pixel: vec4<f32>) -> vec4<f32> {
    if SPACE == 1u {
        return reflectance(index, quad) - of_pixel;
    }
    if SPACE == 2u {
        if index < task.bands {
            return reflectance(index, quad) * of_pixel;
        }
        return log(reflectance(index - task.bands, quad) * of_pixel);
    }
    return reflectance(index, quad);
}

fn reflectance(band: u32, quad: u32) -> vec4<f32> {
    let at = ((quad / 8u) * task.bands + band) * 32u + (quad % 8u) * 4u;
    return four_pixels(at) * scaling[band].x + scaling[band].y;
}

fn four_pixels(at: u32) -> vec4<f32> {
    switch SAMPLE_TYPE {
        case 0u: {
            return vec4<f32>((vec4(samples[at / 4u]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u));
        }
        case 1u: {
            return vec4<f32>(bitcast<vec4<i32>>(vec4(samples[at / 4u]) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u));
        }
        case 2u: {
            let words = vec2(samples[at / 2u], samples[at / 2u + 1u]);
            return vec4<f32>((words.xxyy >> vec4(0u, 16u, 0u, 16u)) & vec4(65535u));
        }
        case 3u: {
            let words = vec2(samples[at / 2u], samples[at / 2u + 1u]);
            return vec4<f32>(bitcast<vec4<i32>>(words.xxyy << vec4(16u, 0u, 16u, 0u)) >> vec4(16u));
        }
        default: {
            let words = vec4(samples[at], samples[at + 1u], samples[at + 2u], samples[at + 3u]);
            if SAMPLE_TYPE == 4u {
                return vec4<f32>(words);
            }
            if SAMPLE_TYPE == 5u {
                return vec4<f32>(bitcast<vec4<i32>>(words));
            }
            return bitcast<vec4<f32>>(words);
        }
    }
}

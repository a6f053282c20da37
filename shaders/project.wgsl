// The projection core: the features of pixels times target weights, and the leading targets of every pixel.
//
//   key[e, t, p] = ending_e(sum over f of weights[t, f] * feature[f, p], constants[e, t])
//   energy[p]    = |whitening * feature[., p]|^2
//
// samples (bands, stride) in the scene's own type, packed into words; reflectance = samples * gain + offset (less the
// background's mean, where a method takes it away); weights (rows / 8, 1 + features, 8): targets, then the rows of the
// lower triangular whitening, each padded with zeros to whole eights, before each eight what its sums start from: what
// rounding took from gains and offsets; ranking: per four pixels and ending, CANDIDATES places of
// (four target indices, four keys), best first; keys (endings, targets, stride).
// One invocation takes four pixels through the rows from first_row to last_row, eight at a time. A run over many rows is
// cut into several dispatches that carry ranking and energy on: a software device stops a shader after 65,535 loop
// iterations without a word, and a real one has a watchdog. `finished` shows the host which groups came to their end.
// Before this stand the endings of the methods, and `ending`, which calls the e-th of ENDINGS.

struct Task {
    stride: u32,
    bands: u32,
    features: u32,
    targets: u32,
    first_row: u32,
    last_row: u32,
    sequence: u32,
    keep_keys: u32,
    groups_x: u32,
    begun: u32,
}

@group(0) @binding(0) var<uniform> task: Task;
@group(0) @binding(1) var<storage, read> samples: array<u32>;
@group(0) @binding(2) var<storage, read> scaling: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> ranking: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> keys: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> energies: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> finished: array<u32>;

// 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32
override SAMPLE_TYPE: u32 = 6u;
// 0 reflectance, 1 less the pixel's mean, 2 shares and their logarithms
override SPACE: u32 = 0u;

const NONE = 0xffffffffu;
const LEAST = -3.4028234e38;
const PLACES = max(1u, 4u * ENDINGS);

var<private> place_key: array<vec4<f32>, PLACES>;
var<private> place_target: array<vec4<u32>, PLACES>;

@compute @workgroup_size(64)
fn project(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group_index = group.y * task.groups_x + group.x;
    let quad = group_index * 64u + local;
    if quad * 4u >= task.stride {
        return;
    }
    for (var place = 0u; place < 4u * ENDINGS; place++) {
        place_target[place] = vec4(NONE);
        place_key[place] = vec4(LEAST);
        if task.begun > 0u {
            place_target[place] = ranking[(quad * PLACES + place) * 2u];
            place_key[place] = bitcast<vec4<f32>>(ranking[(quad * PLACES + place) * 2u + 1u]);
        }
    }
    var energy = vec4(0.0);
    if task.begun > 0u {
        energy = energies[quad];
    }
    let of_pixel = pixel_scalar(quad);
    let targets_end = (task.targets + 7u) / 8u * 8u;
    var row = task.first_row;
    while row < task.last_row {
        // A row of the whitening is zero after its own band.
        let end = select(task.features, min(task.features, row + 8u - targets_end), row >= targets_end);
        var weight = row / 8u * (task.features + 1u) * 2u;
        var sums = start(weights[weight], weights[weight + 1u]);
        weight += 2u;
        for (var f = 0u; f < end; f++) {
            let x = feature(f, quad, of_pixel);
            let w = weights[weight];
            let v = weights[weight + 1u];
            sums[0] = fma(vec4(w.x), x, sums[0]);
            sums[1] = fma(vec4(w.y), x, sums[1]);
            sums[2] = fma(vec4(w.z), x, sums[2]);
            sums[3] = fma(vec4(w.w), x, sums[3]);
            sums[4] = fma(vec4(v.x), x, sums[4]);
            sums[5] = fma(vec4(v.y), x, sums[5]);
            sums[6] = fma(vec4(v.z), x, sums[6]);
            sums[7] = fma(vec4(v.w), x, sums[7]);
            weight += 2u;
        }
        for (var i = 0u; i < 8u; i++) {
            if row >= targets_end {
                energy = rx(energy, sums[i]);
            } else if row + i < task.targets {
                end_target(sums[i], row + i, quad);
            }
        }
        row += 8u;
    }
    for (var place = 0u; place < 4u * ENDINGS; place++) {
        ranking[(quad * PLACES + place) * 2u] = place_target[place];
        ranking[(quad * PLACES + place) * 2u + 1u] = bitcast<vec4<u32>>(place_key[place]);
    }
    energies[quad] = energy;
    if local == 0u {
        let sound = task.begun == 0u || finished[group_index] == task.sequence - 1u;
        finished[group_index] = select(0u, task.sequence, sound && row >= task.last_row);
    }
}

fn start(w: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 8> {
    return array(vec4(w.x), vec4(w.y), vec4(w.z), vec4(w.w), vec4(v.x), vec4(v.y), vec4(v.z), vec4(v.w));
}

fn end_target(product: vec4<f32>, target_index: u32, quad: u32) {
    for (var e = 0u; e < ENDINGS; e++) {
        let key = ending(e, product, constants[e * task.targets + target_index]);
        rank(e * 4u, key, target_index);
        if task.keep_keys != 0u {
            keys[((e * task.targets + target_index) * task.stride) / 4u + quad] = key;
        }
    }
}

// One step of insertion sort for four pixels; equal keys keep the lower index first.
fn rank(first: u32, key: vec4<f32>, target_index: u32) {
    var k = key;
    var t = vec4(target_index);
    for (var place = first; place < first + 4u; place++) {
        let wins = k > place_key[place];
        let down = place_key[place];
        let down_target = place_target[place];
        place_key[place] = select(down, k, wins);
        place_target[place] = select(down_target, t, wins);
        k = select(k, down, wins);
        t = select(t, down_target, wins);
    }
}

// What the features of a pixel need that no single band tells: its mean, or one over its sum.
fn pixel_scalar(quad: u32) -> vec4<f32> {
    if SPACE == 0u {
        return vec4(0.0);
    }
    var sum = vec4(0.0);
    for (var band = 0u; band < task.bands; band++) {
        sum += reflectance(band, quad);
    }
    return select(1.0 / sum, sum / f32(task.bands), SPACE == 1u);
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
    return four_pixels(band * task.stride + quad * 4u) * scaling[band].x + scaling[band].y;
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

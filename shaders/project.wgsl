// The projection core: pixels times target weights, and the leading targets of every pixel.
//
//   key[t, p] = ending(Σ_b weights[t, b] · (samples[b, p] · gain[b] + offset[b]))
//
// samples (bands, stride) in the scene's own type, packed into words; weights (targets/8, bands, 8), padded with zeros;
// ranking: per four pixels, CANDIDATES places of (four target indices, four keys), best first; keys (targets, stride).
// One invocation takes four pixels through the targets from first_target to last_target, eight at a time. A run over
// many targets is cut into several dispatches that carry the ranking on: a software device stops a shader after 65,535
// loop iterations without a word, and a real one has a watchdog. `finished` shows the host which groups came to their end.

struct Task {
    stride: u32,
    bands: u32,
    first_target: u32,
    last_target: u32,
    sequence: u32,
    keep_keys: u32,
    groups_x: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> task: Task;
@group(0) @binding(1) var<storage, read> samples: array<u32>;
@group(0) @binding(2) var<storage, read> scaling: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> ranking: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> keys: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> finished: array<u32>;

// 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32
override SAMPLE_TYPE: u32 = 6u;

const NONE = 0xffffffffu;
const LEAST = -3.4028234e38;

var<private> place_key: array<vec4<f32>, 4>;
var<private> place_target: array<vec4<u32>, 4>;

@compute @workgroup_size(64)
fn project(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group_index = group.y * task.groups_x + group.x;
    let quad = group_index * 64u + local;
    if quad * 4u >= task.stride {
        return;
    }
    for (var place = 0u; place < 4u; place++) {
        place_target[place] = vec4(NONE);
        place_key[place] = vec4(LEAST);
        if task.first_target > 0u {
            place_target[place] = ranking[(quad * 4u + place) * 2u];
            place_key[place] = bitcast<vec4<f32>>(ranking[(quad * 4u + place) * 2u + 1u]);
        }
    }
    var target_index = task.first_target;
    while target_index < task.last_target {
        var sums = array<vec4<f32>, 8>();
        var weight = target_index / 8u * task.bands * 2u;
        for (var band = 0u; band < task.bands; band++) {
            let x = four_pixels(band * task.stride + quad * 4u) * scaling[band].x + scaling[band].y;
            let w = weights[weight];
            let v = weights[weight + 1u];
            sums[0] += w.x * x;
            sums[1] += w.y * x;
            sums[2] += w.z * x;
            sums[3] += w.w * x;
            sums[4] += v.x * x;
            sums[5] += v.y * x;
            sums[6] += v.z * x;
            sums[7] += v.w * x;
            weight += 2u;
        }
        for (var i = 0u; i < min(8u, task.last_target - target_index); i++) {
            let k = key(sums[i], target_index + i);
            rank(k, target_index + i);
            if task.keep_keys != 0u {
                keys[((target_index + i) * task.stride) / 4u + quad] = k;
            }
        }
        target_index += 8u;
    }
    for (var place = 0u; place < 4u; place++) {
        ranking[(quad * 4u + place) * 2u] = place_target[place];
        ranking[(quad * 4u + place) * 2u + 1u] = bitcast<vec4<u32>>(place_key[place]);
    }
    if local == 0u {
        let begun = task.first_target == 0u || finished[group_index] == task.sequence - 1u;
        finished[group_index] = select(0u, task.sequence, begun && target_index >= task.last_target);
    }
}

// One step of insertion sort for four pixels; equal keys keep the lower index first.
fn rank(key: vec4<f32>, target_index: u32) {
    var k = key;
    var t = vec4(target_index);
    for (var place = 0u; place < 4u; place++) {
        let wins = k > place_key[place];
        let down = place_key[place];
        let down_target = place_target[place];
        place_key[place] = select(down, k, wins);
        place_target[place] = select(down_target, t, wins);
        k = select(k, down, wins);
        t = select(t, down_target, wins);
    }
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

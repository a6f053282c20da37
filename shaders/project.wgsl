// The projection core: the features of pixels times target weights, and the leading targets of every pixel.
//
//   key[e, t, p] = ending_e(sum over f of weights[t, f] * feature[f, p], constants[e, t])
//   energy[p]    = |whitening * feature[., p]|^2
//
// Features come from samples.wgsl, ranks go to rank.wgsl. weights (rows / 8, 1 + features, 8): targets, then the rows of
// the lower triangular whitening, each padded with zeros to whole eights, before each eight what its sums start from:
// what rounding took from gains and offsets; keys (endings, targets, stride).
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
@group(0) @binding(3) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> keys: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> energies: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> finished: array<u32>;

const SEGMENT: u32 = 96u;

@compute @workgroup_size(64)
fn project(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group_index = group.y * task.groups_x + group.x;
    let quad = group_index * 64u + local;
    if quad * 4u >= task.stride {
        return;
    }
    begin_ranking(quad);
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
        var totals = spread(weights[weight], weights[weight + 1u]);
        weight += 2u;
        // Sums are cut into segments, which keeps their rounding small.
        for (var first = 0u; first < end; first += SEGMENT) {
            var sums = spread(vec4(0.0), vec4(0.0));
            for (var f = first; f < min(end, first + SEGMENT); f++) {
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
                totals[i] += sums[i];
            }
        }
        for (var i = 0u; i < 8u; i++) {
            if row >= targets_end {
                energy = rx(energy, totals[i]);
            } else if row + i < task.targets {
                end_target(totals[i], row + i, quad);
            }
        }
        row += 8u;
    }
    keep_ranking(quad);
    energies[quad] = energy;
    if local == 0u {
        let sound = task.begun == 0u || finished[group_index] == task.sequence - 1u;
        finished[group_index] = select(0u, task.sequence, sound && row >= task.last_row);
    }
}

fn spread(w: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 8> {
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

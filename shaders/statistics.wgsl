// Sums of products of integers, exactly: S[i, j] = sum over the pixels of a unit of q[i] q[j], i >= j.
//
// values (units, bands, 4, quads): q = b0 + 2^8 b1 + 2^16 b2 + 2^24 b3 in signed bytes; a word holds one byte of four
// pixels. sums (units, pairs of tiles, 7, 16, 16): for the weights 1, 2^8 ... 2^48. A product of two bytes is at most
// 2^14, a unit has 2,048 pixels at most, four products share a weight: nothing leaves 31 bits.
// A workgroup takes a tile of 16 x 16 pairs of bands; an invocation 2 x 2 of them. The host puts the weights together.

struct Sum {
    bands: u32,
    quads: u32,
    tiles: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> sum: Sum;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<i32>;

@compute @workgroup_size(8, 8)
fn statistics(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    // Pair of tiles (ti, tj), tj <= ti, from its number in the lower triangle.
    var ti = 0u;
    var tj = group.x;
    while tj > ti {
        ti += 1u;
        tj -= ti;
    }
    let unit = group.y;
    let row = ti * 16u + local.y * 2u;
    let column = tj * 16u + local.x * 2u;
    // Bands beyond the last read the last; the host does not look at their sums.
    let a = vec2(min(row, sum.bands - 1u), min(row + 1u, sum.bands - 1u));
    let b = vec2(min(column, sum.bands - 1u), min(column + 1u, sum.bands - 1u));
    let at_a = (vec2(unit * sum.bands) + a) * 4u * sum.quads;
    let at_b = (vec2(unit * sum.bands) + b) * 4u * sum.quads;
    var weighted = array<array<i32, 7>, 4>();
    for (var quad = 0u; quad < sum.quads; quad++) {
        var x = array(bytes(at_a.x + quad), bytes(at_a.y + quad));
        var y = array(bytes(at_b.x + quad), bytes(at_b.y + quad));
        for (var pair = 0u; pair < 4u; pair++) {
            let p = x[pair / 2u];
            let q = y[pair % 2u];
            weighted[pair][0] += dot4I8Packed(p.x, q.x);
            weighted[pair][1] += dot4I8Packed(p.x, q.y) + dot4I8Packed(p.y, q.x);
            weighted[pair][2] += dot4I8Packed(p.x, q.z) + dot4I8Packed(p.y, q.y) + dot4I8Packed(p.z, q.x);
            weighted[pair][3] += dot4I8Packed(p.x, q.w) + dot4I8Packed(p.y, q.z) + dot4I8Packed(p.z, q.y)
                + dot4I8Packed(p.w, q.x);
            weighted[pair][4] += dot4I8Packed(p.y, q.w) + dot4I8Packed(p.z, q.z) + dot4I8Packed(p.w, q.y);
            weighted[pair][5] += dot4I8Packed(p.z, q.w) + dot4I8Packed(p.w, q.z);
            weighted[pair][6] += dot4I8Packed(p.w, q.w);
        }
    }
    let pairs = sum.tiles * (sum.tiles + 1u) / 2u;
    for (var pair = 0u; pair < 4u; pair++) {
        let place = (local.y * 2u + pair / 2u) * 16u + local.x * 2u + pair % 2u;
        for (var weight = 0u; weight < 7u; weight++) {
            sums[((unit * pairs + group.x) * 7u + weight) * 256u + place] = weighted[pair][weight];
        }
    }
}

fn bytes(at: u32) -> vec4<u32> {
    return vec4(values[at], values[at + sum.quads], values[at + 2u * sum.quads], values[at + 3u * sum.quads]);
}

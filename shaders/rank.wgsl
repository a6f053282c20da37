// The leading targets of four pixels, for every ending of a projection.
//
// ranking: per four pixels and ending, CANDIDATES places of (four target indices, four keys), best first. It is carried
// from one dispatch over a tile to the next.

@group(0) @binding(5) var<storage, read_write> ranking: array<vec4<u32>>;

const NONE = 0xffffffffu;
const LEAST = -3.4028234e38;
const PLACES = max(1u, 4u * ENDINGS);

var<private> place_key: array<vec4<f32>, PLACES>;
var<private> place_target: array<vec4<u32>, PLACES>;

fn begin_ranking(quad: u32) {
    for (var place = 0u; place < 4u * ENDINGS; place++) {
        place_target[place] = vec4(NONE);
        place_key[place] = vec4(LEAST);
        if task.begun > 0u {
            place_target[place] = ranking[(quad * PLACES + place) * 2u];
            place_key[place] = bitcast<vec4<f32>>(ranking[(quad * PLACES + place) * 2u + 1u]);
        }
    }
}

fn keep_ranking(quad: u32) {
    for (var place = 0u; place < 4u * ENDINGS; place++) {
        ranking[(quad * PLACES + place) * 2u] = place_target[place];
        ranking[(quad * PLACES + place) * 2u + 1u] = bitcast<vec4<u32>>(place_key[place]);
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

// As many multiply-adds as a device can do: STEPS of CHAINS independent vectors in every invocation.

const STEPS = 1024u;
const CHAINS = 8u;

@group(0) @binding(0) var<storage, read_write> result: array<vec4<f32>>;

@compute @workgroup_size(64)
fn probe(@builtin(global_invocation_id) id: vec3<u32>) {
    // Not known when the shader is compiled.
    let a = vec4(0.999) + result[0];
    let b = vec4(1e-3) * f32(id.x & 7u);
    var sums = array<vec4<f32>, CHAINS>(a, b, a + b, a - b, a * b, b - a, a + a, b + b);
    for (var step = 0u; step < STEPS; step++) {
        sums[0] = fma(sums[0], a, b);
        sums[1] = fma(sums[1], a, b);
        sums[2] = fma(sums[2], a, b);
        sums[3] = fma(sums[3], a, b);
        sums[4] = fma(sums[4], a, b);
        sums[5] = fma(sums[5], a, b);
        sums[6] = fma(sums[6], a, b);
        sums[7] = fma(sums[7], a, b);
    }
    let sum = sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
    // Never true, which the compiler does not know.
    if sum.x > 1e30 {
        result[id.x & 63u] = sum;
    }
}

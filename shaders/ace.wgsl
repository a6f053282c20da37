// Adaptive coherence, the ending: ranked on s without the pixel's own energy, which is the same for all targets.
// Kraut & Scharf 1999, IEEE Trans. Signal Processing 47:2538.
//
//   s(x, t) = (t - mu)' S^-1 (x - mu) / sqrt((t - mu)' S^-1 (t - mu) * (x - mu)' S^-1 (x - mu))
//
// Its square, signed by s or (constant.y = 1) plain, is taken on the host, with the energy that rx.wgsl sums.

fn ace(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return select(product, abs(product), constant.y > 0.5);
}

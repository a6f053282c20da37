// Spectral information divergence, the ending. Chang 2000, IEEE Trans. Information Theory 46:1927.
//
//   SID(x, t) = sum p ln(p/q) + sum q ln(q/p), p = x / sum x, q = t / sum t
//
// The product is p . ln q + q . ln p, constant.y is -sum q ln q: together -SID, but for sum p ln p, which is the same
// for all targets.

fn sid(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product + constant.y;
}

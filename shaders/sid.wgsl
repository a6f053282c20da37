// Spectral information divergence, the ending. Chang 2000, IEEE Trans. Information Theory 46:1927.
//
//   SID(x, t) = sum p ln(p/q) + sum q ln(q/p), p = x / sum x, q = t / sum t
//
// Shares come as parts of the mean, n p and n q of n bands. The product is n p . ln n q + n q . ln n p, less what it is with
// the mean of all targets, constant.y is -sum n q ln n q: together -n SID, but for what is the same for all targets.

fn sid(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product + constant.y;
}

// Spectral correlation, the ending: ranked on r times the pixel's own deviation, which is the same for all targets.
// de Carvalho & Meneses 2000, JPL Publication 00-18.
//
//   r(x, t) = sum (x - mean x)(t - mean t) / sqrt(sum (x - mean x)^2 * sum (t - mean t)^2)
//
// Weights are t - mean t, of length 1; the core takes the pixel's mean away.

fn scm(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product;
}

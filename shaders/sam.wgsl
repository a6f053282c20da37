// Spectral angle, the ending: ranked on the cosine. Kruse et al. 1993, Remote Sensing of Environment 44:145.
//
//   cos(x, t) = x · t / (|x| |t|)
//
// Weights are t/|t| and |x| is the same for all targets, so the product ranks as it is. The host computes the angles
// of the leading targets in f64: WGSL allows acos an error of 6.8e-5 rad, which is more than many of them.

fn sam(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product;
}

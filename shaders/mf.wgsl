// Matched filter, the ending. Manolakis & Shaw 2002, IEEE Signal Processing Magazine 19:29.
//
//   MF(x, t) = (t - mu)' S^-1 (x - mu) / (t - mu)' S^-1 (t - mu)
//
// The product is in standard deviations of the background; constant.x makes abundance of it (or is 1).

fn mf(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product * constant.x;
}

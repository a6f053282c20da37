// RX anomaly: the energy of a pixel, summed over whitened bands. Reed & Yu 1990, IEEE Trans. ASSP 38:1760.
//
//   RX(x) = (x - mu)' S^-1 (x - mu) = |W (x - mu)|^2, W' W = S^-1
//
// One band of W (x - mu) at a time.

fn rx(energy: vec4<f32>, whitened: vec4<f32>) -> vec4<f32> {
    return energy + whitened * whitened;
}

// Constrained energy minimisation, the ending. Farrand & Harsanyi 1997, Remote Sensing of Environment 59:64.
//
//   CEM(x, t) = t' R^-1 x / t' R^-1 t
//
// Weights are R^-1 t / t' R^-1 t: the product is the score.

fn cem(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32> {
    return product;
}

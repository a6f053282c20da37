//! Sums over the features of one pixel, in f64.
//!
//! Every sum runs in sixteen interleaved partial sums and without fused multiply-add, so that it has the same bits on
//! every processor; `pulp` only picks the widest registers that the processor has.

const LANES: usize = 16;

/// Σ f(x, t) over the features.
#[inline(always)]
fn sum<X: Copy + Into<f64>>(x: &[X], t: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (xs, ts) = (x.chunks_exact(LANES), t.chunks_exact(LANES));
    let rest = xs.remainder().iter().zip(ts.remainder());
    for (x, t) in xs.zip(ts) {
        for lane in 0..LANES {
            lanes[lane] += f(x[lane].into(), t[lane]);
        }
    }
    for (lane, (&x, &t)) in lanes.iter_mut().zip(rest) {
        *lane += f(x.into(), t);
    }
    lanes.iter().sum()
}

/// x · t.
pub(super) fn dot<X: Copy + Into<f64>>(x: &[X], t: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || sum(x, t, |x, t| x * t),
    )
}

/// ‖x/norm − t‖² and ‖x/norm + t‖².
pub(super) fn chords(x: &[f32], norm: f64, t: &[f64]) -> (f64, f64) {
    let scale = 1.0 / norm;
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || (sum(x, t, |x, t| (x * scale - t).powi(2)), sum(x, t, |x, t| (x * scale + t).powi(2))),
    )
}

/// Σ (p − q)·(ln p − ln q), of p and ln p one after the other in `x`, and ln q and q in `t`.
pub(super) fn divergence(x: &[f32], t: &[f64]) -> f64 {
    let bands = x.len() / 2;
    let ((p, ln_p), (ln_q, q)) = (x.split_at(bands), t.split_at(bands));
    (0..bands).map(|b| (f64::from(p[b]) - q[b]) * (f64::from(ln_p[b]) - ln_q[b])).sum()
}

/// The Euclidean length of a pixel (one value a band). Zero only for a pixel of zeros; infinite or NaN when a value is.
#[must_use]
pub fn norm(x: &[f32]) -> f64 {
    pulp::Arch::new()
        .dispatch(
            #[inline(always)]
            || {
                let mut lanes = [0.0; LANES];
                let chunks = x.chunks_exact(LANES);
                let rest = chunks.remainder();
                for x in chunks {
                    for lane in 0..LANES {
                        lanes[lane] += f64::from(x[lane]) * f64::from(x[lane]);
                    }
                }
                for (lane, &x) in lanes.iter_mut().zip(rest) {
                    *lane += f64::from(x) * f64::from(x);
                }
                lanes.iter().sum::<f64>()
            },
        )
        .sqrt()
}

//! The methods: one file each, and the one list of them.
//!
//! A method is its formula. `product` turns target spectra into plain data (f64 work, done once): what pixels are
//! multiplied by, in which [`Space`]. Methods of one basis share a product. A backend multiplies and applies each
//! method's ending (its shader, or [`Method::key`]), which gives every target a *key*, larger is better. Keys are f32 and
//! rank: [`decide()`] computes scores from the pixel itself in f64, for every target whose key could still be first or
//! second. Where keys tell enough ([`keys_decide`], [`Method::scores_of_keys`]) the pixel is not asked. Neither depends on
//! the device that ranked.

pub mod ace;
pub mod cem;
mod decide;
mod filter;
pub(crate) mod lanes;
pub mod mf;
mod narrow;
mod numeric;
mod product;
pub mod rx;
pub mod sam;
pub mod scm;
pub mod sid;

pub(crate) use decide::Leaders;
pub use decide::{CANDIDATES, Candidates, Decision, MIN_RANKED, decide, decide_all, keys_decide};
pub use narrow::Narrow;
pub(crate) use numeric::LANES as PARTIAL_SUMS;
pub(crate) use product::padded;
pub use product::{Met, Prepared, Product, SEGMENT, Space};

use ndarray::{Array2, ArrayView2};

use crate::background::{Best, Factor};
use crate::error::Result;
use crate::simd::wide;

/// Every method, in the order in which help and docs list them.
pub static ALL: &[&dyn Method] = &[
    &sam::SpectralAngle,
    &mf::ABUNDANCE,
    &ace::SIGNED,
    &cem::EnergyMinimisation,
    &rx::Anomaly,
    &scm::Correlation,
    &sid::Divergence,
];

/// The method of the given command-line word.
#[must_use]
pub fn find(word: &str) -> Option<&'static dyn Method> {
    ALL.iter().copied().find(|m| m.word() == word)
}

/// Which statistics of the scene a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// None.
    Nothing,
    /// Mean and covariance.
    Covariance,
    /// The correlation matrix E[x xᵀ].
    Correlation,
}

/// A background that methods can use: its mean, and what they need factorised.
#[derive(Debug, Clone)]
pub struct Model {
    /// Mean spectrum, in the bands in use.
    pub mean: Vec<f64>,
    /// The factorised covariance.
    pub covariance: Option<Factor>,
    /// The factorised correlation matrix.
    pub correlation: Option<Factor>,
}

/// What the naive formulas take beside pixel and target: the same statistics, inverted the naive way.
#[derive(Debug, Clone, Copy)]
pub struct Naive<'a> {
    /// Mean spectrum.
    pub mean: &'a [f64],
    /// Inverse of the covariance, shape (bands, bands).
    pub inverse_covariance: &'a Array2<f64>,
    /// Inverse of the correlation matrix E[x xᵀ], shape (bands, bands).
    pub inverse_correlation: &'a Array2<f64>,
}

impl Naive<'_> {
    /// a ᵀ·M·b.
    fn form(a: &[f64], matrix: &Array2<f64>, b: &[f64]) -> f64 {
        matrix.indexed_iter().map(|((i, j), m)| a[i] * m * b[j]).sum()
    }

    fn centred(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(self.mean).map(|(x, m)| x - m).collect()
    }
}

/// One pixel as a method sees it before it meets a target.
#[derive(Debug, Clone, Copy)]
pub struct Pixel<'a> {
    /// What meets the targets, the same on every backend: its features, or its stored values when the product has weights
    /// for these. Zeros may follow.
    pub values: &'a [f64],
    /// The length of its features (of [`Space::Distribution`]: of its shares), good to 1e-8.
    pub norm: f64,
    /// Its features times [`Product::centre`], as good; 0 where the product has none.
    pub base: f64,
    /// A bound on the length of its features (of [`Space::Distribution`]: the largest magnitude of a logarithm).
    pub length: f64,
    /// Length of what was subtracted to come to the features.
    pub removed: f64,
    /// Whether f32 can multiply and sum the pixel without overflow and underflow.
    pub tame: bool,
    /// Squared length of the whitened features, as the device computed it; NaN where the product has no whitening.
    pub energy: f64,
}

impl Pixel<'_> {
    /// Of which nothing is known but what it met.
    pub(crate) const UNSEEN: Self = Self {
        values: &[],
        norm: f64::NAN,
        base: 0.0,
        length: f64::NAN,
        removed: f64::NAN,
        tame: false,
        energy: f64::NAN,
    };

    /// Without its values yet.
    #[inline]
    fn new(norm: f64, length: f64, removed: f64, tame: bool) -> Self {
        Self { values: &[], norm, base: 0.0, length, removed, tame, energy: f64::NAN }
    }
}

/// A mapping method. Implementations are stateless.
pub trait Method: Sync + Send {
    /// Its word on the command line; also the stem of its module, shader and files.
    fn word(&self) -> &'static str;
    /// Its name in the field.
    fn title(&self) -> &'static str;
    /// What `alunite explain` prints: the module's documentation.
    fn doc(&self) -> String;
    /// Formula and convention in one line, for the metadata of rasters.
    fn convention(&self) -> &'static str;
    /// Unit of the score; empty for a pure number.
    fn unit(&self) -> &'static str;
    /// The threshold taken when none is given: a pixel whose score is worse stays unclassified.
    fn default_threshold(&self) -> f64;
    /// Thresholds that make sense.
    fn threshold_range(&self) -> std::ops::RangeInclusive<f64>;
    /// WGSL of the ending, as `shaders/<word>.wgsl`: `fn <word>(product: vec4<f32>, constant: vec2<f32>) -> vec4<f32>` for
    /// the products of four pixels with a target, and the target's constants.
    fn shader(&self) -> &'static str;
    /// The naive formula in f64: the oracle of every kernel. `pixel` and `target` have one value a band.
    fn reference(&self, pixel: &[f64], target: &[f64], naive: &Naive) -> f64;

    /// Whether it looks for targets; otherwise it gives one score a pixel, and no classes.
    fn has_targets(&self) -> bool {
        true
    }
    /// Whether a pixel's score stays the same when all its values are multiplied by one number.
    fn ignores_brightness(&self) -> bool {
        false
    }
    /// The statistics that it needs.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }
    /// Whether it needs [`Pixel::energy`].
    fn whitens(&self) -> bool {
        false
    }
    /// Methods with the same basis have the same product.
    fn basis(&self) -> &'static str {
        self.word()
    }
    /// Prepares target spectra of shape (targets, bands), finite, on the bands in use.
    ///
    /// # Errors
    /// Refuses spectra that have no score, by index and reason.
    fn product(&self, spectra: ArrayView2<f64>, model: Option<&Model>) -> Result<Product>;
    /// The constants of its ending, two a target.
    fn constants(&self, product: &Product) -> Vec<[f64; 2]> {
        vec![[1.0, 0.0]; product.targets()]
    }
    /// The ending on the CPU, in place: products of pixels and one target become keys, larger is better.
    fn key(&self, _products: &mut [f32], _constant: [f32; 2]) {}
    /// Bound on the error of a key that any backend computes in f32.
    fn key_error(&self, prepared: &Prepared, pixel: &Pixel) -> f64 {
        prepared.product_error(pixel)
    }
    /// Whether keys tell scores, most of the time. Such keys are products as they are, of [`Prepared::product_error`].
    fn is_keyed(&self) -> bool {
        false
    }
    /// Turns keys of pixels of these bases and norms into scores, NaN where a key tells too little. Keys are here sums in one
    /// fixed order, the same on every backend.
    fn scores_of_keys(&self, _keys: &[f32], _bases: &[f64], _norms: &[f64], scores: &mut [f64]) {
        scores.fill(f64::NAN);
    }
    /// The score in f64 that [`Method::scores_of_keys`] leaves open.
    fn score_untold(&self, prepared: &Prepared, pixel: &Pixel, target: usize) -> f64 {
        let [met] = prepared.product.meet(pixel, [target as u32]);
        self.score(prepared, pixel, target, met)
    }
    /// The score in f64 of a pixel that met a target.
    fn score(&self, prepared: &Prepared, pixel: &Pixel, target: usize, met: Met) -> f64;
    /// The same of some pixels of which nothing is known but their products with a target.
    fn scores_of_products(&self, prepared: &Prepared, target: usize, products: &[f64], scores: &mut [f64]) {
        wide(
            (scores, products),
            #[inline(always)]
            |(scores, products)| {
                for (score, &product) in scores.iter_mut().zip(products) {
                    *score = self.score(prepared, &Pixel::UNSEEN, target, Met { product, ..Met::NONE });
                }
            },
        );
    }
    /// Where its scores are best.
    fn best(&self) -> Best {
        Best::Unbounded
    }
    /// Whether score `a` is better than score `b`.
    fn better(&self, a: f64, b: f64) -> bool {
        a > b
    }
}

impl std::fmt::Debug for dyn Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// The text of a module's `//!` lines.
fn module_doc(source: &str) -> String {
    let lines = source.lines().map_while(|l| l.strip_prefix("//!"));
    lines.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_docs_name_formula_range_and_source() {
        for (i, method) in ALL.iter().enumerate() {
            assert_eq!(find(method.word()).unwrap().title(), method.title());
            assert!(ALL[..i].iter().all(|m| m.word() != method.word() && m.title() != method.title()));
            for part in ["Formula", "Range", "Conventions", "Source"] {
                assert!(method.doc().contains(part), "explain {} lacks {part}", method.word());
            }
        }
    }

    /// As they share a product, which may be one of unscaled values.
    #[test]
    fn methods_of_one_basis_agree_on_brightness() {
        for (a, b) in ALL.iter().flat_map(|a| ALL.iter().map(move |b| (a, b))).filter(|(a, b)| a.basis() == b.basis()) {
            assert_eq!(a.ignores_brightness(), b.ignores_brightness(), "{} and {}", a.word(), b.word());
        }
    }
}

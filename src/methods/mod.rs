//! The methods: one file each, and the one list of them.
//!
//! A method is its formula. `prepare` turns target spectra into plain data (f64 work, done once), a backend multiplies
//! pixels by [`Prepared::weights`] and applies the method's ending (its shader, or [`Method::key`]), which gives every
//! target a *key*, larger is better. Keys are f32 and only rank: [`decide`] computes the scores that are reported from
//! the pixel itself in f64, for every target whose key could still be first or second. So the map does not depend on
//! the device that ranked.

mod decide;
mod numeric;
pub mod sam;

pub use decide::{CANDIDATES, Candidates, Decision, decide};
pub use numeric::norm;

use ndarray::{Array2, ArrayView2};

use crate::error::Result;

/// Every method, in the order in which help and docs list them.
pub static ALL: &[&dyn Method] = &[&sam::SpectralAngle];

/// The method of the given command-line word.
#[must_use]
pub fn find(word: &str) -> Option<&'static dyn Method> {
    ALL.iter().copied().find(|m| m.word() == word)
}

/// What a backend needs of a method and its targets: plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What pixels are multiplied by, of shape (targets, bands): [`Prepared::exact`] rounded to f32.
    pub weights: Array2<f32>,
    /// The same in f64, for the scores that are reported.
    pub exact: Array2<f64>,
}

impl Prepared {
    /// Rounds the weights of shape (targets, bands) for the backends.
    #[must_use]
    pub fn new(exact: Array2<f64>) -> Self {
        let exact = exact.as_standard_layout().into_owned();
        Self { weights: exact.mapv(|w| w as f32), exact }
    }

    /// Number of targets.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.exact.nrows()
    }

    /// Number of bands in use.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.exact.ncols()
    }

    /// The f64 weights of one target.
    fn target(&self, target: usize) -> &[f64] {
        let bands = self.bands();
        &self.exact.as_slice().unwrap_or(&[])[target * bands..][..bands]
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
    /// Unit of the score.
    fn unit(&self) -> &'static str;
    /// The threshold taken when none is given: a pixel whose score is worse stays unclassified.
    fn default_threshold(&self) -> f64;
    /// Thresholds that make sense.
    fn threshold_range(&self) -> std::ops::RangeInclusive<f64>;
    /// WGSL of the ending: `fn key(product: vec4<f32>, target_index: u32) -> vec4<f32>` (four pixels), as `shaders/<word>.wgsl`.
    fn shader(&self) -> &'static str;
    /// The naive formula in f64: the oracle of every kernel. `pixel` and `target` have one value a band.
    fn reference(&self, pixel: &[f64], target: &[f64]) -> f64;
    /// Prepares target spectra of shape (targets, bands), finite, on the bands in use.
    ///
    /// # Errors
    /// Refuses spectra that have no score, by index and reason.
    fn prepare(&self, spectra: ArrayView2<f64>) -> Result<Prepared>;
    /// The ending on the CPU, in place: products of pixels and weights become keys, larger is better.
    fn key(&self, products: &mut [f32]);
    /// Bound on the error of a key that any backend computes in f32, for a pixel of length `norm`.
    fn key_error(&self, prepared: &Prepared, norm: f64) -> f64;
    /// The score that is reported, in f64, of a pixel of length `norm`.
    fn score(&self, prepared: &Prepared, pixel: &[f32], norm: f64, target: usize) -> f64;
    /// A score for a rule image from a key: exact where the key is too coarse for it.
    fn rule(&self, prepared: &Prepared, pixel: &[f32], norm: f64, target: usize, key: f32) -> f64;
    /// Whether score `a` is better than score `b`.
    fn better(&self, a: f64, b: f64) -> bool;
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
            assert!(std::ptr::addr_eq(find(method.word()).unwrap(), *method), "{} is listed twice", method.word());
            assert!(ALL[..i].iter().all(|m| m.title() != method.title()));
            for part in ["Formula", "Range", "Conventions", "Source"] {
                assert!(method.doc().contains(part), "explain {} lacks {part}", method.word());
            }
        }
    }
}

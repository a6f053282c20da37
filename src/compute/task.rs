//! All that a backend needs to know of a run.

use std::sync::Arc;

use ndarray::ArrayView2;

use crate::error::Result;
use crate::methods::{Method, Model, Needs, Prepared, Product};
use crate::tile::{SampleType, Scaling};

/// A method's ending on a product.
#[derive(Clone)]
pub struct Ending {
    /// The method's place in [`Task::methods`].
    pub index: usize,
    /// The method.
    pub method: &'static dyn Method,
    /// The product with its constants.
    pub prepared: Prepared,
}

/// A product and the methods that share it.
#[derive(Clone)]
pub struct Assignment {
    /// The product.
    pub product: Arc<Product>,
    /// The endings, at least one; those of methods with targets first.
    pub endings: Vec<Ending>,
}

impl Assignment {
    /// Whether keys tell scores: of one method, which says so.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        matches!(self.endings.as_slice(), [one] if one.method.is_keyed())
    }

    /// Whether pixels meet only the targets within reach of their bounds, and keys are sums in lanes.
    #[must_use]
    pub fn is_narrowed(&self, task: &Task) -> bool {
        self.is_keyed() && self.product.narrow.is_some() && !task.rules
    }

    /// Whether every score comes of exact weights for stored values, of at most so many targets.
    #[must_use]
    pub fn is_direct(&self, task: &Task, most: usize) -> bool {
        let product = &self.product;
        let scores_targets = |e: &Ending| e.method.has_targets() && !e.method.whitens();
        product.precise
            && product.space.is_plain()
            && task.sample_type.fits_f32()
            && product.targets() <= most
            && self.endings.iter().all(scores_targets)
    }

    /// Number of endings that rank targets.
    #[must_use]
    pub fn ranked(&self) -> usize {
        self.endings.iter().filter(|e| e.method.has_targets()).count()
    }
}

/// The same for every tile.
#[derive(Clone)]
pub struct Task {
    /// The methods, in the order of [`Scores::maps`](super::Scores::maps).
    pub methods: Vec<&'static dyn Method>,
    /// Number of targets.
    pub targets: usize,
    /// What is computed, for each group of detector columns; nothing for a group without a background.
    pub groups: Vec<Vec<Assignment>>,
    /// Columns of a group; `None` when there is one group for the whole scene.
    pub columns: Option<usize>,
    /// Type of the samples in the tiles.
    pub sample_type: SampleType,
    /// Stored values to reflectance, one gain and offset a band in use. Fixed, as products were adapted to it.
    scaling: Scaling,
    /// Stored value that means no data.
    pub nodata: Option<f64>,
    /// Whether every target's score is wanted.
    pub rules: bool,
}

impl Task {
    /// Prepares methods and targets, of shape (targets, bands in use), for a scene of one background.
    ///
    /// # Errors
    /// Refuses targets for which a method has no score.
    pub fn new(
        methods: &[&'static dyn Method],
        spectra: ArrayView2<f64>,
        model: Option<&Model>,
        sample_type: SampleType,
        scaling: Scaling,
    ) -> Result<Self> {
        let one = std::slice::from_ref(&model);
        Self::grouped(methods, spectra, one, None, sample_type, scaling)
    }

    /// The same for a scene whose groups of so many columns have backgrounds of their own. A group without one has no
    /// products when any method needs it.
    pub(crate) fn grouped(
        methods: &[&'static dyn Method],
        spectra: ArrayView2<f64>,
        models: &[Option<&Model>],
        columns: Option<usize>,
        sample_type: SampleType,
        scaling: Scaling,
    ) -> Result<Self> {
        let alone = methods.iter().all(|m| m.needs() == Needs::Nothing);
        let mut shared = Vec::new();
        let of = |model: &Option<&Model>| match model {
            None if !alone && columns.is_some() => Ok(Vec::new()),
            model => assignments(methods, spectra, *model, (sample_type, &scaling), &mut shared),
        };
        let groups = models.iter().map(of).collect::<Result<_>>()?;
        let (methods, targets) = (methods.to_vec(), spectra.nrows());
        Ok(Self { methods, targets, groups, columns, sample_type, scaling, nodata: None, rules: false })
    }

    /// With the stored value that means no data.
    #[must_use]
    pub fn with_nodata(self, nodata: Option<f64>) -> Self {
        Self { nodata, ..self }
    }

    /// Whether every target's score is wanted.
    #[must_use]
    pub fn with_rules(self, rules: bool) -> Self {
        Self { rules, ..self }
    }

    /// Stored values to reflectance.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// Number of bands in use.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.scaling.gain.len()
    }

    /// Number of rule images of a method.
    #[must_use]
    pub fn rules_of(&self, method: &dyn Method) -> usize {
        if self.rules && method.has_targets() { self.targets } else { 0 }
    }

    /// The most rows and features that one pixel meets in one product.
    #[must_use]
    pub fn widest(&self) -> (usize, usize) {
        let products = self.groups.iter().flatten().map(|a| &a.product);
        products.fold((0, 0), |(rows, features), p| (rows.max(p.rows()), features.max(p.features())))
    }
}

/// The products of one group of pixels, each made once for all methods that share it; those that need no background once for
/// all groups, in `shared`.
fn assignments(
    methods: &[&'static dyn Method],
    spectra: ArrayView2<f64>,
    model: Option<&Model>,
    (sample_type, scaling): (SampleType, &Scaling),
    shared: &mut Vec<Arc<Product>>,
) -> Result<Vec<Assignment>> {
    let mut assignments: Vec<Assignment> = Vec::new();
    let as_they_are = Scaling::identity(scaling.gain.len());
    // Those that whiten first: their product serves the others of its basis too.
    let mut order: Vec<usize> = (0..methods.len()).collect();
    order.sort_by_key(|&i| !methods[i].whitens());
    for index in order {
        let method = methods[index];
        let at = assignments.iter().position(|a| a.product.basis == method.basis());
        let at = match at {
            Some(at) => at,
            None => {
                let product = match shared.iter().find(|product| product.basis == method.basis()) {
                    Some(product) => Arc::clone(product),
                    None => {
                        let mut product = method.product(spectra, model)?;
                        // Where brightness does not matter, values are taken as they are stored: nothing is rounded.
                        let is_ignored = method.ignores_brightness() && scaling.is_brightness();
                        let as_stored = is_ignored && sample_type.fits_f32();
                        product.adapt(if as_stored { &as_they_are } else { scaling });
                        let product = Arc::new(product);
                        if method.needs() == Needs::Nothing {
                            shared.push(Arc::clone(&product));
                        }
                        product
                    }
                };
                assignments.push(Assignment { product, endings: Vec::new() });
                assignments.len() - 1
            }
        };
        let product = Arc::clone(&assignments[at].product);
        let constants = method.constants(&product);
        assignments[at].endings.push(Ending { index, method, prepared: Prepared::new(product, &constants) });
    }
    assignments.iter_mut().for_each(|a| a.endings.sort_by_key(|e| !e.method.has_targets()));
    Ok(assignments)
}

//! The threshold that a pixel's class passed: the run's, or that of the scene of a mosaic that the pixel came from.

use std::collections::BTreeMap;
use std::path::Path;

use super::run::{Class, Map, Run};
use crate::error::Result;
use crate::map::RasterReader;

/// Thresholds by class value.
type Values = BTreeMap<u16, f64>;

/// The thresholds of a method.
pub(super) struct Thresholds {
    shared: Values,
    /// Where scenes have their own: which scene each pixel came from, and the thresholds of each.
    by_scene: Option<(RasterReader, Vec<Values>)>,
}

impl Thresholds {
    /// # Errors
    /// When the raster of sources cannot be opened.
    pub(super) fn open(folder: &Path, run: &Run, map: &Map) -> Result<Self> {
        let values = |classes: &[Class]| classes.iter().filter_map(|c| Some((c.value, c.threshold?))).collect();
        let own = |scene: &super::run::Scene| {
            let of_method = scene.thresholds.iter().find(|t| t.method == map.method);
            of_method.map_or_else(Values::new, |t| values(&t.classes))
        };
        let scenes: Vec<Values> = run.scenes.iter().map(own).collect();
        let by_scene = match scenes.iter().all(Values::is_empty) {
            true => None,
            false => Some((RasterReader::open_classes(&folder.join(format!("{}_source.tif", map.method)))?, scenes)),
        };
        Ok(Self { shared: values(&map.classes), by_scene })
    }

    /// The size of the raster of sources, where there is one.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        self.by_scene.as_ref().map(|(raster, _)| (raster.map.samples, raster.map.lines))
    }

    /// The scenes of the pixels of some lines; none where all have the same thresholds.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn sources(&self, y: usize, height: usize) -> Result<Vec<u16>> {
        self.by_scene.as_ref().map_or(Ok(Vec::new()), |(raster, _)| raster.read(0, raster.lines(y, height)))
    }

    /// The threshold of a class at a pixel; `sources` as of [`Self::sources`].
    pub(super) fn of(&self, class: u16, sources: &[u16], pixel: usize) -> Option<f64> {
        let own = || self.by_scene.as_ref()?.1.get(usize::from(*sources.get(pixel)?))?.get(&class);
        self.shared.get(&class).or_else(own).copied()
    }
}

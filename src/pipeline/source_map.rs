//! The raster that says which scene of a mosaic each pixel of a method's maps came from.

use std::path::{Path, PathBuf};

use super::cover::Cover;
use super::method_maps::{Job, Waiting};
use super::sheet::Sheet;
use crate::error::Result;
use crate::map::ClassCount;
use crate::map::files::write_beside;
use crate::map::legend::Legend;
use crate::map::raster::{BandSpec, RasterKind, RasterWriter};
use crate::map::style;
use crate::methods::Method;
use crate::tile::Window;

/// No scene, among sources: a pixel without data.
pub(super) const NO_SCENE: u16 = u16::MAX;

/// A class raster of the scenes, counted from 0 in their order.
pub(super) struct SourceMap {
    raster: RasterWriter,
    legend: Legend,
    cover: Cover,
}

impl SourceMap {
    pub(super) fn create(sheet: &Sheet<'_>, method: &dyn Method, folders: (&Path, &Path)) -> Result<Self> {
        let legend = Legend::of_scenes(sheet.sources)?;
        let band = BandSpec { description: "scene".to_owned(), unit: None };
        let kind = (RasterKind::Classes(&legend), sheet.compression);
        let raster = sheet.raster(method, "source", kind, vec![band], folders)?;
        Ok(Self { raster, cover: Cover::new(sheet.sources.len()), legend })
    }

    /// Adds a tile: of each pixel the index of its scene, or [`NO_SCENE`].
    pub(super) fn add(&mut self, window: Window, sources: &[u16], areas: &[u64]) -> Result<()> {
        self.cover.add(sources, areas);
        let nodata = self.legend.nodata;
        let values: Vec<u16> = sources.iter().map(|&s| if s == NO_SCENE { nodata } else { s }).collect();
        self.raster.write_classes(0, window, &values)
    }

    /// How much of the map came from each scene.
    pub(super) fn counts(&self, with_area: bool) -> Vec<ClassCount> {
        self.cover.counts(with_area)
    }

    /// What is left to do for its files, whose names begin with `stem`.
    pub(super) fn complete<'a>(self, stem: &Path, with_area: bool) -> Result<Vec<(PathBuf, Job<'a>)>> {
        let path = |ending: &str| {
            let mut path = stem.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let (qml, style) = (style::qml(&self.legend)?, path("source.qml"));
        let counts = self.cover.counts(with_area);
        let raster = self.raster;
        Ok(vec![
            (path("source.tif"), Box::new(move || raster.finish_counted(&counts).map(Waiting::Raster))),
            (style.clone(), Box::new(move || Ok(Waiting::Text(write_beside(&style, qml.as_bytes())?)))),
        ])
    }
}

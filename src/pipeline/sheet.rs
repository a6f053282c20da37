//! What all maps of a run have in common: those of one scene, and those of a mosaic.

use std::path::Path;

use super::plan::{Plan, PlannedMethod};
use super::zone_map::Zones;
use crate::error::Result;
use crate::grid::MapGrid;
use crate::map::Compression;
use crate::map::raster::{BandSpec, RasterKind, RasterSpec, RasterWriter};
use crate::methods::{Method, Needs};

/// What the maps show and where.
pub(super) struct Sheet<'a> {
    pub(super) version: &'static str,
    /// The raster that they all have.
    pub(super) map: &'a MapGrid,
    pub(super) methods: &'a [PlannedMethod],
    /// In the order of their class values.
    pub(super) targets: &'a [String],
    pub(super) rules: bool,
    pub(super) compression: Compression,
    /// The zones that are mapped.
    pub(super) zones: Option<&'a Zones>,
    /// The plans of a mosaic's scenes, where each has thresholds of its own; else none.
    pub(super) by_scene: Vec<&'a Plan>,
    /// Which pixels are the background of the methods that need one, in words.
    pub(super) background: Option<String>,
    /// The scenes of a mosaic, in their order; none for maps of one scene, which need not say where a pixel came from.
    pub(super) sources: &'a [String],
    /// Of the picture: what is below its heading, and which bands were used.
    pub(super) subtitle: String,
    pub(super) bands: String,
}

impl<'a> Sheet<'a> {
    /// Of the maps of one scene.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let scene = plan.inputs[0].path.file_stem();
        Self {
            version: plan.version,
            map: &plan.map,
            methods: &plan.methods,
            targets: &plan.targets,
            rules: plan.rules,
            compression: plan.compression,
            zones: plan.zones.as_ref().filter(|zones| zones.is_mapped()),
            by_scene: Vec::new(),
            background: plan.background.as_ref().map(|grounds| grounds.background.clone()),
            sources: &[],
            subtitle: scene.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
            bands: plan.bands_in_words(),
        }
    }

    /// Begins a raster of a method: `<word>_<name>.tif` in `out`, with its scratch file in `work`.
    pub(super) fn raster(
        &self,
        method: &dyn Method,
        name: &str,
        (kind, compression): (RasterKind<'_>, Compression),
        bands: Vec<BandSpec>,
        (out, work): (&Path, &Path),
    ) -> Result<RasterWriter> {
        let mut metadata = vec![
            ("ALUNITE_VERSION".to_owned(), self.version.to_owned()),
            ("ALUNITE_METHOD".to_owned(), method.word().to_owned()),
            ("ALUNITE_CONVENTION".to_owned(), method.convention().to_owned()),
        ];
        if let Some(background) = self.background.as_ref().filter(|_| method.needs() != Needs::Nothing) {
            metadata.push(("ALUNITE_BACKGROUND".to_owned(), background.clone()));
        }
        let MapGrid { samples: width, lines: height, grid } = self.map;
        let spec = RasterSpec { width: *width, height: *height, grid, kind, bands, metadata, compression };
        RasterWriter::create(&out.join(format!("{}_{name}.tif", method.word())), work, &spec)
    }
}

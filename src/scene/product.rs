//! What was delivered: kinds of products, told by what their files hold and not by what they are called.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::scene::kind::{self, Kind};
use crate::scene::{Scene, SceneOptions, aviris, dlr, emit, hdf5, hyperion, prisma};

/// A kind of product. Unless it is forced, it is recognised by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// An ENVI cube, or its header.
    Envi,
    /// One GeoTIFF by itself, also when it is part of a delivery.
    Geotiff,
    /// `EnMAP` Level 2A: folder, METADATA.XML or spectral image.
    EnmapL2a,
    /// DESIS Level 2A: folder, METADATA.xml or spectral image.
    DesisL2a,
    /// Hyperion, Level 1: folder or MTL file beside one GeoTIFF a band.
    Hyperion,
    /// PRISMA Level 2D: the `.he5` file.
    PrismaL2d,
    /// EMIT Level 2A: the reflectance file (netCDF-4).
    EmitL2a,
    /// AVIRIS-NG, AVIRIS-3 or AVIRIS-5 Level 2A: the orthorectified reflectance file (netCDF-4).
    AvirisL2a,
}

impl Product {
    /// Its name as users know it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Envi => "ENVI cube",
            Self::Geotiff => "GeoTIFF",
            Self::EnmapL2a => "EnMAP L2A",
            Self::DesisL2a => "DESIS L2A",
            Self::Hyperion => "EO-1 Hyperion",
            Self::PrismaL2d => "PRISMA L2D",
            Self::EmitL2a => "EMIT L2A",
            Self::AvirisL2a => "AVIRIS L2A",
        }
    }
}

/// A delivery: the product, and its file, or of several files the one that describes the others.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) product: Product,
    pub(super) index: PathBuf,
}

impl Delivery {
    pub(super) fn open(&self, options: &SceneOptions) -> Result<Scene> {
        let opened = match self.product {
            Product::Hyperion => self.without_layers(options, hyperion::open),
            Product::PrismaL2d => self.without_layers(options, prisma::open),
            Product::EmitL2a => self.without_layers(options, emit::open),
            Product::AvirisL2a => self.without_layers(options, aviris::open),
            product => dlr::open(&self.index, product, options),
        };
        opened.map_err(|e| match e.kind() {
            ErrorKind::Refused => {
                e.or_hint("it is damaged, or of a version that is not known: fetch the delivery again")
            }
            ErrorKind::Failed => e,
        })
    }

    /// Opens a product that has no quality layers.
    fn without_layers(
        &self,
        options: &SceneOptions,
        open: impl FnOnce(&Path, &SceneOptions) -> Result<Scene>,
    ) -> Result<Scene> {
        match options.quality.as_ref().filter(|list| !list.0.is_empty()) {
            Some(_) => {
                let what = format!("{} has no quality layers that --quality could name", self.product.title());
                let hint = match self.product {
                    Product::EmitL2a => "leave --quality out, and pass the mask of the same granule with --mask",
                    _ => "leave --quality out",
                };
                Err(Error::refused(self.index.display(), what).hint(hint))
            }
            None => open(&self.index, options),
        }
    }
}

const LEAVE_OUT: &str = "leave --product out: what a scene is follows from its content";

/// Refuses a file that cannot be what `--product` says.
pub(super) fn check_forced(path: &Path, kind: Kind, forced: Option<Product>) -> Result<()> {
    let found = match kind {
        Kind::Tiff { .. } => Some("a GeoTIFF"),
        Kind::Hdf5 => Some("a netCDF-4 or HDF5 file"),
        _ => None,
    };
    match (forced, found) {
        (Some(Product::Geotiff), _) if !matches!(kind, Kind::Tiff { .. }) => {
            Err(Error::refused(path.display(), "is not a GeoTIFF, which --product says it is").hint(LEAVE_OUT))
        }
        (Some(Product::Envi), Some(found)) => {
            let what = format!("is {found}, not the ENVI cube that --product says it is");
            Err(Error::refused(path.display(), what).hint(LEAVE_OUT))
        }
        _ => Ok(()),
    }
}

/// The delivery that the user named by its folder or one of its files; `None` for a file that stands by itself.
///
/// # Errors
/// Refuses a folder of several deliveries or of none, and a file that cannot be what `forced` says.
pub(super) fn delivery(path: &Path, forced: Option<Product>) -> Result<Option<Delivery>> {
    if matches!(forced, Some(Product::Envi | Product::Geotiff)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for index in candidates(path)? {
        if let Some(product) = recognise(&index, forced)? {
            found.push(Delivery { product, index });
        }
    }
    if found.len() > 1 {
        // EMIT's mask and uncertainties lie beside the reflectance, and only that is a scene.
        found.retain(|d| d.product != Product::EmitL2a || emit::is_reflectance(&d.index));
    }
    let names = |found: &[Delivery]| {
        let name = |d: &Delivery| d.index.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    match (found.len(), forced) {
        (0, None) if !path.is_dir() => Ok(None),
        (0, None) => Err(Error::refused(path.display(), "is a folder that holds no product that alunite knows")
            .hint("name the folder of one EnMAP, DESIS, EMIT, AVIRIS, Hyperion or PRISMA delivery, or a data file or its header")),
        (0, Some(product)) => {
            let what = format!("holds no metadata of {}, which --product says it is", product.title());
            Err(Error::refused(path.display(), what).hint("name the delivery's folder or its metadata file"))
        }
        (1, _) => Ok(found.pop()),
        _ => Err(Error::refused(path.display(), format!("holds several products: {}", names(&found)))
            .hint("name the metadata file of one of them")),
    }
}

/// The files that may describe a delivery: those of a folder, the file itself, or those that lie beside an image.
fn candidates(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        let failed = |e: std::io::Error| Error::io(path, "cannot list the folder", &e);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if describes(&file) && file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        return Ok(files);
    }
    if let Some(metadata) = dlr::beside_image(path) {
        return Ok(vec![metadata]);
    }
    Ok(vec![path.to_path_buf()])
}

/// Whether a file of this name may describe a delivery.
fn describes(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    name.ends_with("METADATA.XML")
        || name.contains("_MTL")
        || name.ends_with(".MTL")
        || [".HE5", ".NC"].iter().any(|e| name.ends_with(e))
}

/// The product that a file describes, by its content.
fn recognise(file: &Path, forced: Option<Product>) -> Result<Option<Product>> {
    match kind::of(file)? {
        Kind::Other { name: kind::XML, .. } => dlr::recognise(file, forced),
        Kind::Hdf5 => hdf5::recognise(file, forced),
        Kind::Raw => {
            let is = forced == Some(Product::Hyperion) || (forced.is_none() && hyperion::recognise(file)?);
            Ok(is.then_some(Product::Hyperion))
        }
        _ => Ok(None),
    }
}

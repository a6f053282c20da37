//! Deliveries of DLR's ground segments, as `EnMAP` and DESIS have them: an image in GeoTIFF, an XML file that describes its
//! bands, and quality layers on the same grid. The two differ in names only.

use std::path::{Path, PathBuf};

use roxmltree::Node;

use crate::error::{Error, Result};
use crate::scene::geotiff::Told;
use crate::scene::product::Product;
use crate::scene::quality::{self, Found, Layer, Layers};
use crate::scene::screen::screened;
use crate::scene::{Scene, SceneOptions, desis, enmap, geotiff, kind, xml};

/// How a product names what it says.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) product: Product,
    /// The element of one band in `specific/bandCharacterisation`.
    pub(super) band: &'static str,
    /// Its number from 1, as an attribute or as an element.
    pub(super) number: &'static str,
    /// Centre in nanometres.
    pub(super) centre: &'static str,
    /// Full width at half maximum in nanometres.
    pub(super) width: &'static str,
    /// Reflectance is stored · gain + offset.
    pub(super) gain: &'static str,
    pub(super) offset: &'static str,
    /// The stored value of no data where neither the XML nor the image gives one.
    pub(super) background: f64,
    pub(super) layers: &'static [Layer],
}

pub(super) const DIALECTS: [&Dialect; 2] = [&enmap::DIALECT, &desis::DIALECT];

/// Where bands are described, and where the processing level may stand.
const BANDS: &str = "specific/bandCharacterisation";
const LEVELS: [&str; 4] = ["base/level", "metadata/schema/processingLevel", "base/processingLevel", "specific/code"];
const BACKGROUNDS: [&str; 2] = ["specific/backgroundValue", "specific/noDataValue"];

/// The product that an XML file describes; `None` when it is none of these.
///
/// # Errors
/// Refuses other processing levels by name, unless the user says what it is.
pub(super) fn recognise(file: &Path, forced: Option<Product>) -> Result<Option<Product>> {
    let text = xml::text(file)?;
    let document = match xml::document(file, &text) {
        Ok(document) => document,
        // Another file that begins like XML is refused as what it is.
        Err(_) if forced.is_none() && metadata_stem(file).is_none() => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(forced) = forced {
        return Ok(DIALECTS.iter().map(|d| d.product).find(|p| *p == forced));
    }
    product(file, document.root_element())
}

/// The product that a document describes; see [`recognise`].
pub(super) fn product(file: &Path, root: Node<'_, '_>) -> Result<Option<Product>> {
    let Some(bands) = xml::at(root, BANDS) else { return Ok(None) };
    let Some(dialect) = DIALECTS.iter().find(|d| xml::at(bands, d.band).is_some()) else { return Ok(None) };
    let title = dialect.product.title();
    let hint = format!(
        "get the product {title}; --product says that it is one all the same, or geotiff to read an image by itself"
    );
    match level(file, root) {
        Some(level) if level == "L2A" => Ok(Some(dialect.product)),
        Some(level) => {
            let what = format!("the processing level is {level}: not the surface reflectance of {title}");
            Err(Error::refused(file.display(), what).hint(hint))
        }
        None => Err(Error::refused(file.display(), "nothing tells the processing level (L1B, L1C, L2A)").hint(hint)),
    }
}

/// The processing level, such as `L2A`, from the XML or else from the file's name.
fn level(file: &Path, root: Node<'_, '_>) -> Option<String> {
    let shaped = |text: &str| {
        let known = ["L0", "L1A", "L1B", "L1C", "L2A"].into_iter().find(|l| text.to_uppercase().contains(l));
        known.map(str::to_owned)
    };
    let told = LEVELS.iter().filter_map(|path| xml::word(root, path)).find_map(shaped);
    told.or_else(|| shaped(&file.file_name()?.to_string_lossy()))
}

/// What precedes `METADATA.XML` in a file's name.
fn metadata_stem(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    let at = name.to_uppercase().rfind("METADATA.XML")?;
    name.get(..at).map(str::to_owned)
}

/// The metadata beside a spectral image.
pub(super) fn beside_image(image: &Path) -> Option<PathBuf> {
    let name = image.file_name()?.to_string_lossy().into_owned();
    let stem = name.get(..name.to_uppercase().rfind("SPECTRAL_IMAGE")?)?.to_owned();
    ["METADATA.XML", "METADATA.xml"]
        .iter()
        .map(|end| image.with_file_name(format!("{stem}{end}")))
        .find(|p| p.is_file())
}

/// The GeoTIFF of a delivery with this word in its name, such as `SPECTRAL_IMAGE`; also where it is cloud-optimised.
fn part(index: &Path, word: &str) -> Option<PathBuf> {
    let stem = metadata_stem(index)?;
    let ends = ["TIF", "tif", "TIFF", "tiff", "GEOTIFF"];
    let names = ["", "_COG"].iter().flat_map(|cog| ends.iter().map(move |end| format!("{word}{cog}.{end}")));
    names.map(|name| index.with_file_name(format!("{stem}{name}"))).find(|p| p.is_file())
}

/// Opens the delivery that `index` describes.
pub(super) fn open(index: &Path, product: Product, options: &SceneOptions) -> Result<Scene> {
    let dialect = DIALECTS.iter().find(|d| d.product == product).copied().unwrap_or(&enmap::DIALECT);
    let text = xml::text(index)?;
    let document = xml::document(index, &text)?;
    let root = document.root_element();
    let image = part(index, "SPECTRAL_IMAGE").ok_or_else(|| {
        Error::refused(index.display(), "the spectral image (…SPECTRAL_IMAGE.TIF) is not beside it")
            .hint("order the product as GeoTIFF; of an ENVI delivery (BSQ, BIL, BIP), name the image's header")
    })?;
    let kind::Kind::Tiff { big_endian } = kind::of(&image)? else {
        return Err(Error::refused(image.display(), "is not a TIFF").hint("the file may be damaged: get it again"));
    };
    let place = index.display().to_string();
    let mut told = bands(&place, root, dialect)?;
    told.nodata = background(&place, root)?;
    let mut scene = geotiff::open_told(&image, big_endian, options, Some(&told))?;
    let described = &mut scene.description;
    if described.nodata.is_none() {
        described.nodata = Some(dialect.background);
        described.notes.push(format!("no-data value {} assumed, the product's", dialect.background));
    }
    described.product = product;
    described.companions.push(index.to_path_buf());
    let mut notes = Vec::new();
    let find = |layer: &Layer| part(index, layer.file);
    let mut layers = Vec::new();
    for (layer, file) in quality::choose(&place, dialect.layers, options.quality.as_ref(), find, &mut notes)? {
        let kind::Kind::Tiff { big_endian } = kind::of(&file)? else {
            return Err(Error::refused(file.display(), "is not a TIFF").hint("leave the layer out of --quality"));
        };
        let of = geotiff::open(&file, big_endian, &SceneOptions::default())?.description;
        layers.push(Found::new(layer, &of, described)?);
        if !described.companions.contains(&file) {
            described.companions.push(file);
        }
    }
    described.notes.extend(notes);
    described.quality = layers.iter().map(Found::quality).collect();
    Ok(if layers.is_empty() { scene } else { screened(scene, Layers(layers)) })
}

/// Centres, widths, gains and offsets, in the order of the bands' numbers.
pub(super) fn bands<'a>(place: &'a str, root: Node<'_, '_>, dialect: &Dialect) -> Result<Told<'a>> {
    let Some(list) = xml::at(root, BANDS) else {
        return Err(Error::refused(format!("{place}, {BANDS}"), "is missing: nothing describes the bands")
            .hint("the file may be damaged: get the delivery again"));
    };
    let mut rows = Vec::new();
    for (i, band) in list.children().filter(|c| c.is_element() && c.tag_name().name() == dialect.band).enumerate() {
        let number = band.attribute(dialect.number).or_else(|| xml::word(band, dialect.number));
        let number = match number.map(str::parse::<usize>) {
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                let what = format!("the number '{}' of a band is not a whole number", number.unwrap_or_default());
                return Err(Error::refused(format!("{place}, {BANDS}"), what));
            }
            None => i + 1,
        };
        let value = |field: &str| {
            let place = format!("{place}, band {number}, {field}");
            let text = xml::word(band, field).ok_or_else(|| Error::refused(&place, "is missing"))?;
            text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
                Error::refused(place, format!("'{text}' is not a number"))
                    .hint("the file may be damaged: get the delivery again")
            })
        };
        let row = [dialect.centre, dialect.width, dialect.gain, dialect.offset].map(value);
        let [centre, width, gain, offset] = row;
        rows.push((number, [centre?, width?, gain?, offset?]));
    }
    if rows.is_empty() {
        return Err(Error::refused(format!("{place}, {BANDS}"), format!("there is no element '{}'", dialect.band)));
    }
    rows.sort_by_key(|(number, _)| *number);
    if let Some(twice) = rows.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(Error::refused(format!("{place}, {BANDS}"), format!("band {} stands there twice", twice[0].0)));
    }
    let column = |k: usize| rows.iter().map(|(_, row)| row[k]).collect::<Vec<f64>>();
    Ok(Told { place, centres: column(0), fwhm: Some(column(1)), gain: column(2), offset: column(3), nodata: None })
}

pub(super) fn background(place: &str, root: Node<'_, '_>) -> Result<Option<f64>> {
    let Some((path, text)) = BACKGROUNDS.iter().find_map(|path| Some((path, xml::word(root, path)?))) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(Error::refused(format!("{place}, {path}"), format!("'{text}' is not a number"))),
    }
}

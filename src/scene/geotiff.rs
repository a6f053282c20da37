//! GeoTIFF scenes, through GDAL.

use std::path::Path;

use gdal::Dataset;
use gdal::Metadata as _;
use gdal::raster::RasterBand;

use crate::error::{Error, Result};
use crate::scene::geotiff_read::Tiff;
use crate::scene::{
    Description, Product, Quantity, Scene, SceneOptions, bands_csv, gdal as quiet, note_order, noted, values,
};
use crate::spectrum::Bands;
use crate::tile::{Interleave, SampleType, Scaling};
use crate::wavelengths::Declared;

/// What a file beside a TIFF says of its bands, in place of the TIFF's own tags.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// The file, for messages.
    pub(super) place: &'a str,
    /// Band centres in nanometres.
    pub(super) centres: Vec<f64>,
    /// Full widths at half maximum in nanometres.
    pub(super) fwhm: Option<Vec<f64>>,
    /// Reflectance is stored · gain + offset.
    pub(super) gain: Vec<f64>,
    pub(super) offset: Vec<f64>,
    /// Stored value that means no data.
    pub(super) nodata: Option<f64>,
}

/// Opens a TIFF whose first bytes say which byte order it has.
pub(super) fn open(path: &Path, big_endian: bool, options: &SceneOptions) -> Result<Scene> {
    open_told(path, big_endian, options, None)
}

/// Opens a TIFF that another file tells about.
pub(super) fn open_told(
    path: &Path,
    big_endian: bool,
    options: &SceneOptions,
    told: Option<&Told<'_>>,
) -> Result<Scene> {
    let (dataset, warnings) = quiet::open(path, "GTiff")?;
    let mut notes: Vec<String> = warnings.into_iter().take(3).map(|w| format!("GDAL warns: {w}")).collect();
    let ((samples, lines), bands) = (dataset.raster_size(), dataset.raster_count());
    if bands == 0 {
        let what = "it has no raster of its own, only subdatasets";
        return Err(
            Error::refused(path.display(), what).hint("extract one: gdal_translate GTIFF_DIR:1:INPUT OUTPUT.tif")
        );
    }
    let facts = (1..=bands).map(|i| Facts::read(path, &dataset, i)).collect::<Result<Vec<_>>>()?;
    let sample_type = same(path, "data type", facts.iter().map(|f| f.sample_type.name()))
        .map(|_| facts[0].sample_type)
        .map_err(|e| e.hint("put bands of one type into one file: gdal_translate -ot"))?;
    let place = path.display().to_string();
    if let Some(told) = told {
        check_told(&place, told, bands)?;
    }
    let spectral = match told {
        Some(told) if options.bands_from.is_none() => told.bands(options, &mut notes),
        _ => spectral(&place, &facts, options, &mut notes)?,
    };
    note_order(&spectral, &mut notes);
    let description = Description {
        path: path.to_path_buf(),
        companions: Vec::new(),
        product: Product::Geotiff,
        format: "GeoTIFF",
        lines,
        samples,
        bands,
        sample_type,
        interleave: interleave(&dataset),
        big_endian,
        block: facts[0].block,
        grid: quiet::grid(&dataset, &mut notes),
        lookup: Ok(None),
        spectral,
        good: good(&place, &facts)?,
        nodata: values::nodata(nodata(path, &facts, told, options)?, sample_type, options, &mut notes),
        quality: Vec::new(),
        masked: None,
        quantity: Quantity::Reflectance,
        scaling: scaling(&place, &facts, told, sample_type, options, &mut notes)?,
        notes,
    };
    let source = Box::new(Tiff::of(&description));
    Ok(Scene { description, source })
}

/// What GDAL says about one band.
struct Facts {
    sample_type: SampleType,
    block: (usize, usize),
    nodata: Option<f64>,
    scale: Option<f64>,
    offset: Option<f64>,
    wavelength: Option<String>,
    unit: Option<String>,
    fwhm: Option<String>,
    /// Centre and width of the `IMAGERY` domain, in micrometres, rounded by GDAL.
    imagery: (Option<String>, Option<String>),
    good: Option<String>,
}

impl Facts {
    fn read(path: &Path, dataset: &Dataset, index: usize) -> Result<Self> {
        let place = format!("{}, band {index}", path.display());
        let (band, said) = quiet::recorded(|| dataset.rasterband(index));
        let band = band.map_err(|_| Error::refused(&place, format!("GDAL cannot open it: {}", said.text())))?;
        let item = |key: &str| band.metadata_item(key, "").map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let imagery = |key: &str| band.metadata_item(key, "IMAGERY");
        let sample_type = sample_type(&place, &band)?;
        Ok(Self {
            sample_type,
            block: band.block_size(),
            nodata: declared_nodata(&band, sample_type),
            scale: band.scale(),
            offset: band.offset(),
            wavelength: item("wavelength"),
            unit: item("wavelength_units"),
            fwhm: item("fwhm"),
            imagery: (imagery("CENTRAL_WAVELENGTH_UM"), imagery("FWHM_UM")),
            good: item("bbl"),
        })
    }
}

/// GDAL's types by name: versions before 3.7 know signed bytes only as a remark on unsigned ones.
fn sample_type(place: &str, band: &RasterBand<'_>) -> Result<SampleType> {
    let signed = || band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE").is_some_and(|t| t == "SIGNEDBYTE");
    let name = quiet::type_name(band);
    Ok(match name.as_str() {
        "Byte" | "UInt8" => {
            if signed() {
                SampleType::I8
            } else {
                SampleType::U8
            }
        }
        "Int8" => SampleType::I8,
        "UInt16" => SampleType::U16,
        "Int16" => SampleType::I16,
        "UInt32" => SampleType::U32,
        "Int32" => SampleType::I32,
        "UInt64" => SampleType::U64,
        "Int64" => SampleType::I64,
        "Float32" => SampleType::F32,
        "Float64" => SampleType::F64,
        complex if complex.starts_with('C') => {
            return Err(Error::refused(place, format!("the type {complex} is complex, which alunite does not map"))
                .hint("real numbers are read: gdal_translate -ot Float32 INPUT OUTPUT.tif keeps the real part"));
        }
        other => {
            return Err(Error::refused(place, format!("the type {other} is not read"))
                .hint("convert it: gdal_translate -ot Float32 INPUT OUTPUT.tif"));
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "a fill beyond 2^53 is rounded as the sample it is compared with")]
fn declared_nodata(band: &RasterBand<'_>, sample_type: SampleType) -> Option<f64> {
    match sample_type {
        SampleType::I64 => band.no_data_value_i64().map(|v| v as f64),
        SampleType::U64 => band.no_data_value_u64().map(|v| v as f64),
        _ => band.no_data_value(),
    }
}

/// The value that all bands share.
fn same<T: PartialEq + std::fmt::Display>(
    path: &Path,
    what: &str,
    mut values: impl Iterator<Item = T>,
) -> Result<Option<T>> {
    let Some(first) = values.next() else { return Ok(None) };
    match values.enumerate().find(|(_, value)| *value != first) {
        Some((i, other)) => {
            let what = format!("bands differ in their {what}: {first} in band 1, {other} in band {}", i + 2);
            Err(Error::refused(path.display(), what))
        }
        None => Ok(Some(first)),
    }
}

/// The bands of the TIFF and of the file that tells about it must be the same.
fn check_told(place: &str, told: &Told<'_>, bands: usize) -> Result<()> {
    if told.centres.len() == bands {
        return Ok(());
    }
    let what = format!("describes {} bands, but the image {place} has {bands}", told.centres.len());
    Err(Error::refused(told.place, what)
        .hint("get the delivery again; or read the image by itself: --product geotiff, with --bands-from and --scale"))
}

impl Told<'_> {
    fn bands(&self, options: &SceneOptions, notes: &mut Vec<String>) -> Result<Bands> {
        let (centres, fwhm) = (Some(self.centres.clone()), self.fwhm.clone());
        let declared = Declared { place: self.place, centres, fwhm, unit: Some("nm") };
        noted(declared.bands(options.wavelength_unit), notes)
    }
}

fn nodata(path: &Path, facts: &[Facts], told: Option<&Told<'_>>, options: &SceneOptions) -> Result<Option<f64>> {
    if options.nodata.is_none() {
        // As text, so that NaN is the same as NaN.
        same(path, "no-data value", facts.iter().map(|f| f.nodata.map_or("none".to_owned(), |v| v.to_string())))
            .map_err(|e| e.hint("pass --nodata with the stored value that means no data"))?;
    }
    let own = facts[0].nodata;
    match told.and_then(|t| Some((t, t.nodata?))) {
        Some((told, value)) if options.nodata.is_none() && own.is_some_and(|own| own.to_bits() != value.to_bits()) => {
            let what = format!("no data is {value}, but {} in the image", own.unwrap_or_default());
            Err(Error::refused(told.place, what).hint("pass --nodata with the stored value that means no data"))
        }
        Some((_, value)) => Ok(Some(value)),
        None => Ok(own),
    }
}

fn interleave(dataset: &Dataset) -> Interleave {
    match dataset.metadata_item("INTERLEAVE", "IMAGE_STRUCTURE").as_deref() {
        Some("PIXEL") => Interleave::Bip,
        Some("LINE") => Interleave::Bil,
        _ => Interleave::Bsq,
    }
}

fn scaling(
    place: &str,
    facts: &[Facts],
    told: Option<&Told<'_>>,
    sample_type: SampleType,
    options: &SceneOptions,
    notes: &mut Vec<String>,
) -> Result<Scaling> {
    if let Some(told) = told {
        let declared = Scaling { gain: told.gain.clone(), offset: told.offset.clone() };
        if options.scale.is_none() {
            notes.push(format!("gain {} and offset {} from the metadata (band 1)", told.gain[0], told.offset[0]));
        }
        return values::scaling(Some(declared), facts.len(), sample_type, told.place, options, notes);
    }
    let declared = facts.iter().any(|f| f.scale.is_some() || f.offset.is_some()).then(|| Scaling {
        gain: facts.iter().map(|f| f.scale.unwrap_or(1.0)).collect(),
        offset: facts.iter().map(|f| f.offset.unwrap_or(0.0)).collect(),
    });
    if let (Some(Scaling { gain, offset }), None) = (&declared, options.scale) {
        notes.push(format!("gain {} and offset {} from the bands' scale and offset (band 1)", gain[0], offset[0]));
    }
    values::scaling(declared, facts.len(), sample_type, place, options, notes)
}

fn good(place: &str, facts: &[Facts]) -> Result<Vec<bool>> {
    if facts.iter().all(|f| f.good.is_none()) {
        return Ok(Vec::new());
    }
    values::good(&numbers(place, "bbl", facts.iter().map(|f| f.good.as_deref()))?, &format!("{place}, 'bbl'"))
}

fn spectral(place: &str, facts: &[Facts], options: &SceneOptions, notes: &mut Vec<String>) -> Result<Result<Bands>> {
    if let Some(given) = bands_csv::instead(options, facts.len(), notes)? {
        return Ok(Ok(given));
    }
    let own = facts.iter().any(|f| f.wavelength.is_some());
    let imagery = !own && facts.iter().any(|f| f.imagery.0.is_some());
    Ok(declared(place, facts, imagery).and_then(|declared| {
        let bands = noted(declared.bands(options.wavelength_unit), notes)?;
        if imagery {
            notes.push("wavelengths from GDAL's IMAGERY tags, which are rounded to about 1 nm".to_owned());
        }
        Ok(bands)
    }))
}

/// The bands' own tags, or those of the `IMAGERY` domain.
fn declared<'a>(place: &'a str, facts: &'a [Facts], imagery: bool) -> Result<Declared<'a>> {
    let centre = |f: &'a Facts| if imagery { f.imagery.0.as_deref() } else { f.wavelength.as_deref() };
    let width = |f: &'a Facts| if imagery { f.imagery.1.as_deref() } else { f.fwhm.as_deref() };
    let unit = |f: &'a Facts| if imagery { Some("um") } else { f.unit.as_deref() };
    if let Some(i) = facts.iter().position(|f| unit(f) != unit(&facts[0])) {
        let [first, other] = [0, i].map(|i| unit(&facts[i]).unwrap_or("none"));
        let what = format!("the wavelength unit is '{first}' in band 1 and '{other}' in band {}", i + 1);
        return Err(Error::refused(place, what).hint("pass --bands-from CSV with the right wavelengths"));
    }
    let list = |name: &str, of: &dyn Fn(&'a Facts) -> Option<&'a str>| {
        let any = facts.iter().any(|f| of(f).is_some());
        any.then(|| numbers(place, name, facts.iter().map(of))).transpose()
    };
    Ok(Declared { place, centres: list("wavelength", &centre)?, fwhm: list("fwhm", &width)?, unit: unit(&facts[0]) })
}

/// One number a band; a tag that only some bands have is refused.
fn numbers<'a>(place: &str, name: &str, texts: impl Iterator<Item = Option<&'a str>>) -> Result<Vec<f64>> {
    let number = |(i, text): (usize, Option<&str>)| {
        let refused = |what: String| {
            Error::refused(format!("{place}, band {}", i + 1), what)
                .hint("correct the band's tags, or pass --bands-from CSV with the right wavelengths")
        };
        let text = text.ok_or_else(|| refused(format!("no tag '{name}', which other bands have")))?;
        text.trim().parse().map_err(|_| refused(format!("the tag '{name}' is '{text}', not a number")))
    };
    texts.enumerate().map(number).collect()
}

//! GeoTIFF scenes, through GDAL.

use std::path::Path;

use gdal::Dataset;
use gdal::Metadata as _;
use gdal::raster::RasterBand;

use crate::error::{Error, Result};
use crate::scene::geotiff_read::Tiff;
use crate::scene::{Description, Scene, SceneOptions, bands_csv, gdal as quiet, note_order, values};
use crate::spectrum::Bands;
use crate::tile::{Interleave, SampleType, Scaling};
use crate::wavelengths::Declared;

/// Opens a TIFF whose first bytes say which byte order it has.
pub(super) fn open(path: &Path, big_endian: bool, options: &SceneOptions) -> Result<Scene> {
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
    let spectral = spectral(&place, &facts, options, &mut notes)?;
    note_order(&spectral, &mut notes);
    let description = Description {
        path: path.to_path_buf(),
        companions: Vec::new(),
        format: "GeoTIFF",
        lines,
        samples,
        bands,
        sample_type,
        interleave: interleave(&dataset),
        big_endian,
        block: facts[0].block,
        grid: quiet::grid(&dataset, &mut notes),
        spectral,
        good: good(&place, &facts)?,
        nodata: values::nodata(nodata(path, &facts, options)?, sample_type, options, &mut notes),
        scaling: scaling(&place, &facts, sample_type, options, &mut notes)?,
        notes,
    };
    let source = Tiff { path: path.to_path_buf(), lines, samples, sample_type };
    Ok(Scene { description, source: Box::new(source) })
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
            return Err(Error::refused(place, format!("the type {complex} is complex, which alunite does not map")));
        }
        other => return Err(Error::refused(place, format!("the type {other} is not read"))),
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

fn nodata(path: &Path, facts: &[Facts], options: &SceneOptions) -> Result<Option<f64>> {
    if options.nodata.is_none() {
        // As text, so that NaN is the same as NaN.
        same(path, "no-data value", facts.iter().map(|f| f.nodata.map_or("none".to_owned(), |v| v.to_string())))
            .map_err(|e| e.hint("pass --nodata with the stored value that means no data"))?;
    }
    Ok(facts[0].nodata)
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
    sample_type: SampleType,
    options: &SceneOptions,
    notes: &mut Vec<String>,
) -> Result<Scaling> {
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
    if let Some(csv) = &options.bands_from {
        notes.push(format!("wavelengths from --bands-from {}", csv.display()));
        return bands_csv::read(csv, facts.len()).map(Ok);
    }
    let own = facts.iter().any(|f| f.wavelength.is_some());
    let imagery = !own && facts.iter().any(|f| f.imagery.0.is_some());
    Ok(declared(place, facts, imagery).and_then(|declared| {
        let spectral = declared.bands(options.wavelength_unit)?;
        notes.extend(spectral.notes);
        if imagery {
            notes.push("wavelengths from GDAL's IMAGERY tags, which are rounded to about 1 nm".to_owned());
        }
        Ok(spectral.bands)
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

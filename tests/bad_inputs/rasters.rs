//! GeoTIFF that cannot be mapped, and pictures and archives for scenes.

use std::path::Path;

use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata as _};

use super::Case;
use super::cli::{BANDS, LINES, SAMPLES, reflectance, wavelength};

/// Writes the plain scene as GeoTIFF of so many bands, lets `tag` add to it.
fn tiff(path: &Path, bands: usize, tag: impl Fn(&mut Dataset)) {
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let options = RasterCreationOptions::from_iter(["INTERLEAVE=BAND"]);
    let mut dataset =
        driver.create_with_band_type_with_options::<f32, _>(path, SAMPLES, LINES, bands, &options).unwrap();
    for band in 0..bands {
        let values = (0..LINES * SAMPLES).map(|p| reflectance(p % 3, band) as f32).collect();
        let mut raster = dataset.rasterband(band + 1).unwrap();
        raster.write((0, 0), (SAMPLES, LINES), &mut Buffer::new((SAMPLES, LINES), values)).unwrap();
    }
    tag(&mut dataset);
    dataset.close().unwrap();
}

/// Tags every band with a wavelength and a unit.
fn wavelengths(dataset: &mut Dataset, unit: &str) {
    for band in 0..dataset.raster_count() {
        let mut raster = dataset.rasterband(band + 1).unwrap();
        raster.set_metadata_item("wavelength", &wavelength(band).to_string(), "").unwrap();
        raster.set_metadata_item("wavelength_units", unit, "").unwrap();
    }
}

/// A GeoTIFF with all tags, and another tag of one band.
fn tagged(name: &str, band: usize, key: &'static str, value: &'static str, words: &[&str]) -> Case {
    Case::new(name, &[&["cube.tif"], words].concat(), move |w| {
        tiff(&w.path("cube.tif"), BANDS, |dataset| {
            wavelengths(dataset, "Nanometers");
            dataset.rasterband(band).unwrap().set_metadata_item(key, value, "").unwrap();
        });
    })
    .scene("cube.tif")
}

/// A file of another kind.
fn other(name: &str, file: &'static str, bytes: &'static [u8], words: &[&str]) -> Case {
    Case::new(name, &[&[file], words].concat(), move |w| w.write(file, bytes)).scene(file)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("a GeoTIFF without wavelengths", &["cube.tif", "no wavelengths", "--bands-from"], |w| {
            tiff(&w.path("cube.tif"), BANDS, |_| {});
        })
        .scene("cube.tif"),
        Case::new("a GeoTIFF of one band", &["cube.tif", "1 of 1 bands", "one band has no spectrum"], |w| {
            tiff(&w.path("cube.tif"), 1, |dataset| wavelengths(dataset, "Nanometers"));
        })
        .scene("cube.tif"),
        Case::new("a GeoTIFF in furlongs", &["cube.tif", "'Furlongs'", "2000 to 2220", "--wavelength-unit"], |w| {
            tiff(&w.path("cube.tif"), BANDS, |dataset| wavelengths(dataset, "Furlongs"));
        })
        .scene("cube.tif"),
        tagged("a wavelength in words in a tag", 4, "wavelength", "red", &["band 4", "'red'", "not a number"]),
        tagged(
            "a unit that changes among bands",
            4,
            "wavelength_units",
            "Micrometers",
            &["'Nanometers'", "'Micrometers'", "band 4"],
        ),
        tagged("a width in one band of twelve", 4, "fwhm", "20", &["'fwhm'", "band 1"]),
        tagged("a flag in one band of twelve", 4, "bbl", "bad", &["band 1", "'bbl'", "other bands have"]),
        Case::new("a GeoTIFF that is cut off", &["cube.tif", "cut off or damaged"], |w| {
            tiff(&w.path("cube.tif"), BANDS, |dataset| wavelengths(dataset, "Nanometers"));
            let bytes = std::fs::read(w.path("cube.tif")).unwrap();
            w.write("cube.tif", &bytes[..100]);
        })
        .scene("cube.tif"),
        Case::new("a GeoTIFF of complex numbers", &["cube.tif", "CFloat32 is complex"], |w| {
            let vrt = "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\">\
                       <VRTRasterBand dataType=\"CFloat32\" band=\"1\"/></VRTDataset>";
            let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
            let source = Dataset::open(vrt).unwrap();
            let copied = source.create_copy(&driver, w.path("cube.tif"), &RasterCreationOptions::default()).unwrap();
            copied.close().unwrap();
        })
        .scene("cube.tif"),
        other("eight bytes of a TIFF", "cube.tif", b"II*\0\x08\0\0\0", &["GDAL cannot open it as GTiff"]),
        other("a JPEG", "other.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", &["JPEG", "ENVI cubes, GeoTIFF"]),
        other("a PNG", "other.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &["PNG", "ENVI cubes, GeoTIFF"]),
        other("a JPEG 2000", "other.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", &["JPEG 2000", "gdal_translate"]),
        other(
            "a virtual raster",
            "other.vrt",
            b"<VRTDataset rasterXSize=\"6\" rasterYSize=\"8\"/>",
            &["VRT", "gdal_translate"],
        ),
        other("an archive", "other.zip", b"PK\x03\x04\x14\0", &["ZIP archive", "unpack"]),
        other("a classic netCDF", "other.nc", b"CDF\x01\0\0\0\0\0\0\0\0", &["netCDF", "gdal_translate"]),
        other("an HDF4", "other.hdf", b"\x0e\x03\x13\x01\0\0", &["HDF4", "gdal_translate"]),
        other("a PDF", "other.pdf", b"%PDF-1.4\n", &["PDF", "ENVI cubes"]),
        other("a text", "notes.txt", b"to do: map it\n", &["no ENVI header", "notes.txt.hdr"]),
    ]
}

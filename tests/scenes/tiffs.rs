//! GeoTIFF: every block layout, interleave and compression reads to the same tiles; tags are understood.

use std::path::{Path, PathBuf};

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Aligned, Interleave, SampleType, Samples, Tile};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata as _};

use crate::cube::{Cube, assert_same};

/// Writes a cube as TIFF, lets `tag` add to it, and gives its path.
fn write(cube: Cube, folder: &Path, options: &[&str], tag: impl FnOnce(&mut Dataset)) -> PathBuf {
    fn fill<T: GdalType + Copy>(cube: Cube, path: &Path, options: &[&str], values: &[T], tile: &Tile) -> Dataset {
        let options = RasterCreationOptions::from_iter(options.iter().copied());
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let shape = (cube.samples, cube.lines);
        let dataset =
            driver.create_with_band_type_with_options::<T, _>(path, shape.0, shape.1, cube.bands, &options).unwrap();
        for band in 0..cube.bands {
            let values = tile.band(values, band).copied().collect();
            dataset.rasterband(band + 1).unwrap().write((0, 0), shape, &mut Buffer::new(shape, values)).unwrap();
        }
        dataset
    }
    let path = folder.join("cube.tif");
    let mut tile = cube.tile(cube.full(), &(0..cube.bands).collect::<Vec<_>>());
    let samples = match std::mem::replace(&mut tile.samples, Samples::U8(Aligned::default())) {
        Samples::I8(values) => Samples::U8(bytemuck::cast_slice(&values).to_vec().into()),
        other => other,
    };
    let mut dataset = match &samples {
        Samples::I8(_) => unreachable!("turned into bytes above"),
        Samples::U8(v) => fill(cube, &path, options, v, &tile),
        Samples::U16(v) => fill(cube, &path, options, v, &tile),
        Samples::I16(v) => fill(cube, &path, options, v, &tile),
        Samples::U32(v) => fill(cube, &path, options, v, &tile),
        Samples::I32(v) => fill(cube, &path, options, v, &tile),
        Samples::U64(v) => fill(cube, &path, options, v, &tile),
        Samples::I64(v) => fill(cube, &path, options, v, &tile),
        Samples::F32(v) => fill(cube, &path, options, v, &tile),
        Samples::F64(v) => fill(cube, &path, options, v, &tile),
    };
    tag(&mut dataset);
    dataset.close().unwrap();
    path
}

fn open(path: &Path) -> Scene {
    Scene::open(path, &SceneOptions::default()).unwrap()
}

fn check(cube: Cube, options: &[&str]) {
    let what = format!("{:?} {options:?}", cube.sample_type);
    let dir = tempfile::tempdir().unwrap();
    let scene = open(&write(cube, dir.path(), options, |_| {}));
    let d = &scene.description;
    assert_eq!((d.lines, d.samples, d.bands, d.sample_type), (cube.lines, cube.samples, cube.bands, cube.sample_type));
    assert_eq!(d.interleave == Interleave::Bip, options.contains(&"INTERLEAVE=PIXEL"), "{what}");
    assert_eq!(d.big_endian, options.contains(&"ENDIANNESS=BIG"), "{what}");
    for bands in cube.selections() {
        let mut reader = scene.reader(&bands).unwrap();
        for window in cube.windows() {
            assert_same(&reader.read(window).unwrap(), &cube.tile(window, &bands), &what);
        }
    }
}

#[test]
fn every_type_reads_to_the_same_tiles() {
    for sample_type in SampleType::ALL {
        let cube = Cube::new(37, 41, 5, sample_type);
        let signed = if sample_type == SampleType::I8 { "PIXELTYPE=SIGNEDBYTE" } else { "TILED=NO" };
        check(cube, &["INTERLEAVE=BAND", signed]);
        check(cube, &["INTERLEAVE=PIXEL", "COMPRESS=DEFLATE", signed]);
        check(cube, &["INTERLEAVE=BAND", "COMPRESS=ZSTD", "PREDICTOR=2", signed]);
    }
}

#[test]
fn every_block_layout_reads_to_the_same_tiles() {
    let cube = Cube::new(37, 41, 5, SampleType::I16);
    let tiled = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"];
    for interleave in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND"] {
        for compress in ["COMPRESS=NONE", "COMPRESS=DEFLATE", "COMPRESS=ZSTD", "COMPRESS=LZW"] {
            for more in [&tiled[..], &["BLOCKYSIZE=7"], &["BIGTIFF=YES"], &["ENDIANNESS=BIG"]] {
                check(cube, &[&[interleave, compress], more].concat());
            }
        }
    }
}

#[test]
fn blocks_grid_and_tags_are_described() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16"];
    let path = write(Cube::new(40, 50, 2, SampleType::I16), dir.path(), &options, |dataset| {
        dataset.set_geo_transform(&[10.0, 2.0, 0.5, 20.0, 0.25, -3.0]).unwrap();
        for (i, (nm, good)) in [("450.5", "1"), ("440", "0")].into_iter().enumerate() {
            let mut band = dataset.rasterband(i + 1).unwrap();
            for (key, value) in [("wavelength", nm), ("wavelength_units", "nm"), ("fwhm", "9"), ("bbl", good)] {
                band.set_metadata_item(key, value, "").unwrap();
            }
            band.set_scale(0.001).unwrap();
            band.set_offset(-0.5).unwrap();
            band.set_no_data_value(Some(-7.0)).unwrap();
        }
    });
    let d = open(&path).description;
    assert_eq!((d.block, d.nodata, d.good), ((32, 16), Some(-7.0), vec![true, false]));
    assert_eq!(d.grid.geotransform, Some([10.0, 2.0, 0.5, 20.0, 0.25, -3.0]));
    assert_eq!((d.scaling.gain, d.scaling.offset), (vec![0.001; 2], vec![-0.5; 2]));
    let bands = d.spectral.unwrap();
    assert_eq!((bands.centres[0].0, bands.centres[1].0, bands.fwhm.unwrap()[1].0), (450.5, 440.0, 9.0));
    assert!(d.notes.iter().any(|n| n.contains("rising order")), "{:?}", d.notes);
}

#[test]
fn imagery_tags_are_a_last_resort_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(Cube::new(4, 4, 1, SampleType::I16), dir.path(), &[], |dataset| {
        let mut band = dataset.rasterband(1).unwrap();
        band.set_metadata_item("CENTRAL_WAVELENGTH_UM", "0.411", "IMAGERY").unwrap();
        band.set_metadata_item("FWHM_UM", "0.008", "IMAGERY").unwrap();
    });
    let d = open(&path).description;
    assert_eq!(d.spectral.unwrap().centres[0].0, 411.0);
    assert!(d.notes.iter().any(|n| n.contains("rounded")), "{:?}", d.notes);
}

#[test]
fn bands_that_contradict_each_other_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let cube = Cube::new(4, 4, 2, SampleType::I16);
    let tagged = |tags: &[(usize, &str, &str)]| {
        let path = write(cube, dir.path(), &[], |dataset| {
            for &(band, key, value) in tags {
                dataset.rasterband(band).unwrap().set_metadata_item(key, value, "").unwrap();
            }
        });
        open(&path).description.spectral.unwrap_err().to_string()
    };
    assert!(tagged(&[(1, "wavelength", "400")]).contains("band 2: no tag 'wavelength'"));
    assert!(tagged(&[(1, "wavelength", "blue"), (2, "wavelength", "500")]).contains("'blue'"));
    let units = [(1, "wavelength", "400"), (2, "wavelength", "500"), (1, "wavelength_units", "nm")];
    assert!(tagged(&units).contains("'nm' in band 1 and 'none' in band 2"));
    assert!(tagged(&[]).contains("no wavelengths"));

    // TIFF has one no-data value for all bands; another one can only come from the file beside it.
    let path = write(cube, dir.path(), &[], |dataset| {
        dataset.rasterband(1).unwrap().set_no_data_value(Some(-1.0)).unwrap();
    });
    let beside = "<PAMDataset><PAMRasterBand band=\"2\"><NoDataValue>-2</NoDataValue></PAMRasterBand></PAMDataset>";
    std::fs::write(dir.path().join("cube.tif.aux.xml"), beside).unwrap();
    let error = Scene::open(&path, &SceneOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no-data value") && error.next_step().unwrap().contains("--nodata"));
    let options = SceneOptions { nodata: Some(-2.0), ..SceneOptions::default() };
    assert_eq!(Scene::open(&path, &options).unwrap().description.nodata, Some(-2.0));
}

#[test]
fn complex_and_cut_off_files_are_errors_in_gdals_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(Cube::new(64, 64, 3, SampleType::F32), dir.path(), &["COMPRESS=DEFLATE"], |_| {});
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length * 6 / 10).unwrap();
    let cut = Scene::open(&path, &SceneOptions::default())
        .and_then(|scene| scene.reader(&[0, 1, 2])?.read(Cube::new(64, 64, 3, SampleType::F32).full()));
    let error = cut.unwrap_err();
    assert!(error.to_string().contains("GDAL") && error.next_step().unwrap().contains("cut off"), "{error}");

    // A TIFF of complex numbers, through GDAL's virtual raster: the safe API cannot create one.
    let vrt = "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><VRTRasterBand dataType=\"CFloat32\" band=\"1\"/></VRTDataset>";
    let complex = dir.path().join("complex.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let source = Dataset::open(vrt).unwrap();
    source.create_copy(&driver, &complex, &RasterCreationOptions::default()).unwrap().close().unwrap();
    let error = Scene::open(&complex, &SceneOptions::default()).err().unwrap();
    assert!(error.to_string().contains("CFloat32 is complex"), "{error}");
}

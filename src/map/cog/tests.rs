//! What GDAL reads of a file is what was added, and what follows from it.

use std::path::Path;

use gdal::raster::GdalDataType;

use super::packer::{Packing, Pixel};
use super::pyramid::{Pyramid, tile_of};
use super::tags::Tags;
use crate::grid::Grid;
use crate::map::spec::{self, BLOCK};
use crate::map::verify::open;
use crate::map::{BandSpec, Compression, Legend, RasterKind, RasterSpec};
use crate::tile::Window;

/// A number that is hard to foresee, below 1000.
fn noise(seed: usize) -> usize {
    (seed.wrapping_mul(2_654_435_761) ^ (seed >> 7)).wrapping_mul(40_503) / 97 % 1000
}

/// The tags of a raster of two classes or of numbers.
fn blank(folder: &Path, size: (usize, usize), kind: GdalDataType, packing: Packing) -> Vec<u8> {
    let legend = Legend::new(&["Alunite".to_owned()]).unwrap();
    let spec = RasterSpec {
        width: size.0,
        height: size.1,
        grid: &Grid::default(),
        kind: match packing.numbers {
            true => RasterKind::Floats { nodata: packing.nodata as f32 },
            false => RasterKind::Classes(&legend),
        },
        bands: vec![BandSpec::default(); packing.bands],
        metadata: Vec::new(),
        compression: packing.compression,
    };
    let path = folder.join("blank.tif");
    spec::blank(&path, &spec, kind, packing).unwrap().close().unwrap();
    std::fs::read(path).unwrap()
}

/// The pixels of each band, as [band][line][sample].
fn pixels<T>(size: (usize, usize), bands: usize, value: impl Fn(usize) -> T) -> Vec<Vec<T>> {
    let count = size.0 * size.1;
    (0..bands).map(|band| (0..count).map(|p| value(noise(p + band * count))).collect()).collect()
}

/// Adds bands in windows of these sides, in an order of no rhyme.
fn add<T: Pixel>(pyramid: &mut Pyramid<T>, size: (usize, usize), bands: &[Vec<T>], step: (usize, usize)) {
    let mut windows: Vec<Window> = (0..size.1)
        .step_by(step.1)
        .flat_map(|y| (0..size.0).step_by(step.0).map(move |x| (x, y)))
        .map(|(x, y)| Window { x, y, width: step.0.min(size.0 - x), height: step.1.min(size.1 - y) })
        .collect();
    windows.sort_by_key(|window| noise(window.y * size.0 + window.x));
    for window in windows {
        for (band, values) in bands.iter().enumerate() {
            let lines = (window.y..window.y + window.height).map(|y| &values[y * size.0 + window.x..][..window.width]);
            pyramid.add(band, window, &lines.collect::<Vec<_>>().concat()).unwrap();
        }
    }
}

/// Of a band its overviews, by the plain formula.
fn overviews<T: Pixel>(band: &[T], size: (usize, usize), nodata: T) -> Vec<Vec<T>> {
    let (mut finer, mut size, mut found) = (band.to_vec(), size, Vec::new());
    while size.0.max(size.1) > BLOCK {
        let half = (size.0.div_ceil(2), size.1.div_ceil(2));
        let value = |x: usize, y: usize| {
            let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| (2 * x + dx, 2 * y + dy));
            let inside = four.into_iter().filter(|(x, y)| *x < size.0 && *y < size.1);
            T::merged(&inside.map(|(x, y)| finer[y * size.0 + x]).collect::<Vec<_>>(), nodata)
        };
        let coarser: Vec<T> =
            (0..half.1).flat_map(|y| (0..half.0).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        found.push(coarser.clone());
        (finer, size) = (coarser, half);
    }
    found
}

fn comes_back<T: Pixel>(
    size: (usize, usize),
    (kind, packing): (GdalDataType, Packing),
    nodata: T,
    value: impl Fn(usize) -> T,
    step: (usize, usize),
) {
    let folder = tempfile::tempdir().unwrap();
    let what = format!("{size:?} {kind} {packing:?} {step:?}");
    let bands = pixels(size, packing.bands, value);
    let mut pyramid = Pyramid::new(size, packing, nodata, folder.path()).unwrap();
    add(&mut pyramid, size, &bands, step);
    let tags = blank(folder.path(), size, kind, packing);
    for is_big in [false, true] {
        let path = folder.path().join("map.tif");
        super::layout::write_as(&path, &tags, &pyramid, is_big).unwrap();
        let file = open(&path).unwrap();
        assert_eq!((file.raster_size(), file.raster_count()), (size, packing.bands), "{what}");
        for (band, values) in file.rasterbands().zip(&bands) {
            let (band, expected) = (band.unwrap(), overviews(values, size, nodata));
            assert!(band.read_band_as::<T>().unwrap().data() == values, "{what}");
            assert_eq!(band.overview_count().unwrap() as usize, expected.len(), "{what}");
            for (i, values) in expected.iter().enumerate() {
                let overview = band.overview(i).unwrap();
                assert!(overview.read_band_as::<T>().unwrap().data() == values, "{what}, overview {i}");
            }
        }
    }
}

fn packing(compression: Compression, tile: (usize, usize), bands: usize, numbers: bool) -> Packing {
    Packing { compression, tile, bands, numbers, nodata: if numbers { -9999.0 } else { 255.0 } }
}

#[test]
fn classes_come_back_with_their_overviews() {
    let class = |v: usize| if v.is_multiple_of(13) { 255 } else { u8::from(v % 5 > 2) };
    for (size, tile, step) in [
        ((1, 1), (256, 256), (1, 1)),
        ((256, 256), (256, 256), (256, 100)),
        ((257, 255), (256, 256), (100, 100)),
        ((600, 530), (256, 256), (600, 9)),
        ((600, 530), (256, 64), (77, 300)),
        ((33, 700), (16, 16), (33, 17)),
    ] {
        for compression in [Compression::Deflate, Compression::Zstd] {
            let packing = packing(compression, tile, 1, false);
            comes_back(size, (GdalDataType::UInt8, packing), 255, class, step);
        }
    }
    let packing = Packing { nodata: 65_535.0, ..packing(Compression::Deflate, (256, 256), 1, false) };
    let wide = |v: usize| if v.is_multiple_of(17) { 65_535 } else { (v % 300) as u16 };
    comes_back((300, 300), (GdalDataType::UInt16, packing), 65_535, wide, (300, 31));
}

#[test]
fn numbers_come_back_with_every_bit() {
    let value = |v: usize| if v.is_multiple_of(11) { -9999.0 } else { v as f32 * 1.234_567e-4 - 0.01 };
    for (size, tile, bands, step) in [
        ((1, 1), (256, 256), 1, (1, 1)),
        ((300, 270), (256, 256), 2, (300, 50)),
        ((300, 523), (256, 32), 5, (64, 64)),
        ((17, 15), (16, 16), 3, (17, 4)),
    ] {
        for compression in [Compression::Deflate, Compression::Zstd] {
            let packing = packing(compression, tile, bands, true);
            comes_back(size, (GdalDataType::Float32, packing), -9999.0, value, step);
        }
    }
}

#[test]
fn a_row_of_tiles_takes_no_more_than_it_may() {
    assert_eq!(tile_of(1500, 2, 4), (256, 256));
    assert_eq!(tile_of(4100, 2, 4), (256, 64));
    assert_eq!(tile_of(4100, 1, 1), (256, 256));
    assert_eq!(tile_of(4100, 38, 4), (256, 16));
    assert_eq!((tile_of(1 << 20, 500, 4), tile_of(usize::MAX, 2, 4)), ((256, 16), (256, 16)));
}

#[test]
fn pixels_that_are_missing_or_come_twice_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (size, packing) = ((40, 40), packing(Compression::Deflate, (32, 16), 1, false));
    let tags = blank(folder.path(), size, GdalDataType::UInt8, packing);
    let mut pyramid = Pyramid::new(size, packing, 255_u8, folder.path()).unwrap();
    let whole = Window { x: 0, y: 0, width: 40, height: 40 };
    pyramid.add(0, Window { height: 39, ..whole }, &[1; 40 * 39]).unwrap();
    let path = folder.path().join("map.tif");
    let error = super::write(&path, &tags, &pyramid).unwrap_err().to_string();
    assert!(error.contains("pixels are missing") && !path.exists(), "{error}");
    pyramid.add(0, Window { y: 39, height: 1, ..whole }, &[1; 40]).unwrap();
    pyramid.add(0, whole, &[0; 1600]).unwrap();
    super::write(&path, &tags, &pyramid).unwrap();
    let file = open(&path).unwrap();
    assert!(file.rasterband(1).unwrap().read_band_as::<u8>().unwrap().data().iter().all(|v| *v == 1));
    assert!(super::write(&path, &tags[..100], &pyramid).is_err());
}

#[test]
fn tags_of_no_file_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let packing = packing(Compression::Deflate, (256, 256), 1, false);
    let file = blank(folder.path(), (500, 400), GdalDataType::UInt8, packing);
    let tags = Tags::of(&file).unwrap();
    assert!(tags.0.iter().any(|tag| tag.code == 256 && tag.value[..2] == 500_u16.to_le_bytes()));
    assert!((0..file.len()).all(|end| Tags::of(&file[..end]).is_none_or(|cut| cut == tags)));
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0xff;
        drop(Tags::of(&damaged));
    }
    assert!(tags.of_overview((250, 200)).0.iter().all(|tag| !(33_550..=34_737).contains(&tag.code)));
}

//! AVIRIS L2A in netCDF: every order of dimensions and every chunking reads to the same tiles; what contradicts itself is
//! refused by field.

use std::path::{Path, PathBuf};

use alunite::error::{Error, ErrorKind};
use alunite::scene::{Product, Scene, SceneOptions};
use alunite::tile::{Interleave, SampleType, Samples, Tile, Window};
use gdal::spatial_ref::SpatialRef;

use crate::netcdf::{Netcdf, Variable};

const FILL: f32 = -9999.0;
const METRES: f64 = 4.0;
const CORNER: (f64, f64) = (565_000.0, 4_012_000.0);
const ORDERS: [[&str; 3]; 3] = [
    ["wavelength", "northing", "easting"],
    ["northing", "easting", "wavelength"],
    ["northing", "wavelength", "easting"],
];

/// A delivery of the published format; tests change a part and look at what is said.
#[derive(Clone)]
struct Aviris {
    lines: usize,
    samples: usize,
    bands: usize,
    order: [&'static str; 3],
    chunk: Option<[usize; 3]>,
    wavelengths: Vec<f32>,
    unit: Option<&'static str>,
    width_unit: Option<&'static str>,
    easting: Vec<f64>,
    northing: Vec<f64>,
    metre: &'static str,
    mapping: Vec<(&'static str, String)>,
    omitted: &'static str,
}

impl Aviris {
    fn new(lines: usize, samples: usize, bands: usize) -> Self {
        let centres = |n: usize, from: f64, step: f64| (0..n).map(|i| from + step * (i as f64 + 0.5)).collect();
        Self {
            lines,
            samples,
            bands,
            order: ORDERS[0],
            chunk: Some([2, 4, 3]),
            wavelengths: (0..bands).map(|b| 2000.0 + 7.4 * b as f32).collect(),
            unit: Some("nanometers"),
            width_unit: Some("nanometers"),
            easting: centres(samples, CORNER.0, METRES),
            northing: centres(lines, CORNER.1, -METRES),
            metre: "m",
            mapping: vec![
                ("spatial_ref", SpatialRef::from_epsg(32611).unwrap().to_wkt().unwrap()),
                ("GeoTransform", format!("{} {METRES} 0.0 {} 0.0 -{METRES}", CORNER.0, CORNER.1)),
            ],
            omitted: "",
        }
    }

    fn value(&self, line: usize, sample: usize, band: usize) -> f32 {
        match (line, sample) {
            (0, 0) => FILL,
            _ => (line * 1_000 + sample * 20 + band) as f32 * 1e-4,
        }
    }

    /// Writes the file, and gives a copy of it: a child that another test starts meanwhile inherits HDF5's lock on the file
    /// that is being written.
    fn write(&self, path: &Path) -> PathBuf {
        let locked = path.with_extension("locked");
        self.write_locked(&locked);
        std::fs::copy(&locked, path).unwrap();
        path.to_owned()
    }

    fn write_locked(&self, path: &Path) {
        let mut file = Netcdf::create(path);
        let of = |name: &str, [line, sample, band]: [usize; 3]| match name {
            "northing" => line,
            "easting" => sample,
            _ => band,
        };
        let size = [self.lines, self.samples, self.bands];
        let dimensions = self.order.map(|name| (name, of(name, size)));
        let [a, b, c] = dimensions.map(|(_, n)| n);
        let mut cube = Vec::with_capacity(a * b * c);
        for i in 0..a * b * c {
            let at = [i / (b * c), i / c % b, i % c];
            let place =
                |axis: &str| at[self.order.iter().position(|name| of(name, [0, 1, 2]) == of(axis, [0, 1, 2])).unwrap()];
            cube.push(self.value(place("northing"), place("easting"), place("wavelength")));
        }
        let chunk = self.chunk.map(|chunk| self.order.map(|name| of(name, [chunk[1], chunk[2], chunk[0]])));
        let chunk = chunk.as_ref().map(|c| &c[..]);
        let fill = Some(f64::from(FILL));
        if self.omitted != "reflectance" {
            let v = Variable { name: "reflectance/reflectance", dimensions: &dimensions, chunk, fill, unit: None };
            file.numbers(v, &cube);
        }
        let list = |n: usize| [if n == self.bands { ("wavelength", n) } else { ("others", n) }];
        if self.omitted != "wavelength" {
            let (name, dimensions) = ("reflectance/wavelength", &list(self.wavelengths.len()));
            file.numbers(Variable { name, dimensions, unit: self.unit, ..Variable::default() }, &self.wavelengths);
        }
        if self.omitted != "fwhm" {
            let (name, dimensions) = ("reflectance/fwhm", &list(self.bands));
            let widths = vec![8.0_f32; self.bands];
            file.numbers(Variable { name, dimensions, unit: self.width_unit, ..Variable::default() }, &widths);
        }
        for (name, values) in [("easting", &self.easting), ("northing", &self.northing)] {
            if self.omitted != name {
                let dimension = if values.len() == of(name, size) { name } else { "others" };
                let unit = Some(self.metre);
                let v = Variable { name, dimensions: &[(dimension, values.len())], unit, ..Variable::default() };
                file.numbers(v, values);
            }
        }
        if self.omitted != "transverse_mercator" {
            let mapping = file.array::<u8>(Variable { name: "transverse_mercator", ..Variable::default() });
            self.mapping.iter().for_each(|(name, text)| mapping.text(name, text));
        }
    }

    fn tile(&self, window: Window, bands: &[usize]) -> Tile {
        let mut tile = Tile::zeros(window, bands.len(), SampleType::F32);
        for pixel in 0..window.pixels() {
            let (line, sample) = (window.y + pixel / window.width, window.x + pixel % window.width);
            for (k, &band) in bands.iter().enumerate() {
                let at = tile.index(k, pixel);
                let Samples::F32(values) = &mut tile.samples else { panic!("f32") };
                values[at] = self.value(line, sample, band);
            }
        }
        tile
    }
}

fn open(path: &Path) -> Scene {
    Scene::open(path, &SceneOptions::default()).unwrap()
}

/// Message and hint of what must be refused.
fn refusal<T>(result: Result<T, Error>) -> String {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    format!("{error} -> {}", error.next_step().expect("a next step"))
}

#[test]
fn every_order_and_chunking_reads_to_the_same_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let chunks = [None, Some([5, 4, 3]), Some([12, 1, 41]), Some([1, 37, 41]), Some([12, 16, 16]), Some([3, 7, 2])];
    for (i, order) in ORDERS.into_iter().enumerate() {
        for (j, chunk) in chunks.into_iter().enumerate() {
            let made = Aviris { order, chunk, ..Aviris::new(37, 41, 12) };
            let scene = open(&made.write(&folder.path().join(format!("{i}-{j}.nc"))));
            let d = &scene.description;
            assert_eq!((d.lines, d.samples, d.bands, d.product), (37, 41, 12, Product::AvirisL2a));
            assert_eq!(d.interleave, [Interleave::Bsq, Interleave::Bip, Interleave::Bil][i]);
            assert_eq!(d.block, chunk.map_or((41, 1), |[_, y, x]| (x, y)), "whole chunks");
            for bands in [(0..12).collect::<Vec<_>>(), (0..12).rev().collect(), vec![11, 2, 3], vec![7, 7, 0]] {
                let mut reader = scene.reader(&bands).unwrap();
                let mut spent = None;
                for (x, y, width, height) in
                    [(0, 0, 41, 37), (0, 4, 41, 8), (3, 8, 11, 9), (40, 36, 1, 1), (0, 0, 41, 1)]
                {
                    let window = Window { x, y, width, height };
                    let (read, expected) = (reader.read_over(spent.take(), window).unwrap(), made.tile(window, &bands));
                    assert_eq!((read.window, read.bands), (expected.window, expected.bands));
                    let same = read.samples.as_bytes() == expected.samples.as_bytes();
                    assert!(same, "{order:?} {chunk:?} {window:?} {bands:?}");
                    spent = Some(read);
                }
            }
        }
    }
}

#[test]
fn a_delivery_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = Aviris::new(6, 5, 4).write(&folder.path().join("anything.at.all"));
    let d = open(&path).description;
    assert_eq!((d.nodata, d.sample_type), (Some(f64::from(FILL)), SampleType::F32));
    assert_eq!(d.grid.geotransform, Some([CORNER.0, METRES, 0.0, CORNER.1, 0.0, -METRES]));
    assert!(d.grid.crs_wkt.unwrap().contains("32611"));
    assert_eq!(d.spectral.unwrap().fwhm.unwrap()[3].0, 8.0);
    assert!(d.notes.iter().any(|n| n.contains("flags no bands") && n.contains("water vapour")), "{:?}", d.notes);
    // Without the corner of the grid mapping, the centres tell where the pixels lie; without widths, that is said.
    let mut made = Aviris { omitted: "fwhm", ..Aviris::new(6, 5, 4) };
    made.mapping.truncate(1);
    let d = open(&made.write(&folder.path().join("less.nc"))).description;
    assert_eq!(d.grid.geotransform, Some([CORNER.0, METRES, 0.0, CORNER.1, 0.0, -METRES]));
    assert!(d.notes.iter().any(|n| n.contains("no GeoTransform")) && d.notes.iter().any(|n| n.contains("no fwhm")));
}

/// The refusal of a delivery with a change.
fn refused(change: impl FnOnce(&mut Aviris)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut made = Aviris::new(6, 5, 4);
    change(&mut made);
    let opened = Scene::open(&made.write(&folder.path().join("x.nc")), &SceneOptions::default());
    refusal(opened.and_then(|scene| scene.description.spectral.map(drop)))
}

/// A change of a delivery, and the words of its refusal.
type Spoilt<'a> = (&'a dyn Fn(&mut Aviris), &'a [&'a str]);

#[test]
fn what_is_missing_or_contradicts_itself_is_refused_by_field() {
    let cases: [Spoilt<'_>; 16] = [
        (&|a| a.omitted = "wavelength", &["x.nc, reflectance/wavelength", "no such variable"]),
        (&|a| a.omitted = "reflectance", &["x.nc, reflectance/reflectance", "[wavelength][northing][easting]"]),
        (&|a| a.omitted = "easting", &["x.nc, easting", "no such variable"]),
        (&|a| a.omitted = "northing", &["x.nc, northing", "no such variable"]),
        (&|a| a.omitted = "transverse_mercator", &["x.nc, transverse_mercator", "no such variable", "CRS"]),
        (&|a| a.unit = None, &["x.nc, reflectance/wavelength", "no unit is declared", "--wavelength-unit"]),
        (&|a| (a.unit, a.width_unit) = (Some("um"), Some("um")), &["2000 to 2022.1", "in um", "--wavelength-unit nm"]),
        (&|a| a.width_unit = Some("um"), &["x.nc, reflectance/fwhm", "'um'", "'nanometers'", "--bands-from"]),
        (&|a| a.wavelengths.truncate(3), &["x.nc, reflectance/wavelength", "3 values, expected 4"]),
        (
            &|a| a.order = ["northing", "easting", "layer"],
            &["northing, easting, layer", "expected wavelength, northing"],
        ),
        (&|a| a.easting[2] += 0.5 * METRES, &["x.nc, easting", "value 3", "0.50 pixels from its place"]),
        (&|a| a.northing[1] = f64::NAN, &["x.nc, northing", "value 2 is NaN"]),
        (&|a| a.northing.fill(1.0), &["x.nc, northing", "from 1 to 1", "centres of pixels"]),
        (&|a| a.metre = "km", &["x.nc, easting", "'km', expected 'm'"]),
        (&|a| a.mapping[0].1 = "UTM 11".into(), &["x.nc, transverse_mercator", "'UTM 11'", "WKT"]),
        (&|a| a.mapping[1].1 = "1 2 3".into(), &["x.nc, transverse_mercator", "1 2 3", "six numbers"]),
    ];
    for (change, words) in cases {
        let said = refused(change);
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    }
}

#[test]
fn coordinates_that_are_corners_or_a_rotated_grid_are_refused() {
    let corners = refused(|a| {
        a.easting.iter_mut().for_each(|x| *x -= METRES / 2.0);
        a.northing.iter_mut().for_each(|y| *y += METRES / 2.0);
    });
    assert!(corners.contains("column 0, line 0") && corners.contains("0.71 pixels apart"), "{corners}");
    let rotated = refused(|a| a.mapping[1].1 = format!("{} 3.9 0.9 {} 0.9 -3.9", CORNER.0, CORNER.1));
    assert!(rotated.contains("GeoTransform") && rotated.contains("pixels apart"), "{rotated}");
    let shrunk = refused(|a| a.mapping[1].1 = format!("{} 4.4 0.0 {} 0.0 -4.4", CORNER.0, CORNER.1));
    assert!(shrunk.contains("column 5, line 0"), "{shrunk}");
}

#[test]
fn other_products_and_files_that_are_cut_off_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| refusal(Scene::open(path, &SceneOptions::default()));
    for (group, what) in [("radiance", "L1B radiance"), ("observation_parameters", "observation geometry")] {
        let path = folder.path().join(format!("{group}.nc"));
        let name = format!("{group}/{group}");
        let dimensions = [("wavelength", 2), ("line", 2), ("sample", 2)];
        Netcdf::create(&path)
            .numbers(Variable { name: &name, dimensions: &dimensions, ..Variable::default() }, &[0.0_f32; 8]);
        let said = open(&path);
        assert!(said.contains(what) && said.contains("RFL_ORT.nc"), "{said}");
    }
    let whole = Aviris::new(40, 40, 12).write(&folder.path().join("whole.nc"));
    let bytes = std::fs::read(whole).unwrap();
    let cut = folder.path().join("cut.nc");
    for length in [100, bytes.len() / 3, bytes.len() - 1] {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let said = open(&cut);
        assert!(said.contains("cut.nc") && said.contains("cut off or damaged"), "{length}: {said}");
    }
}

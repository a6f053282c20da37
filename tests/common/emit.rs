//! A small EMIT L2A delivery, made of the published format: the dimensions, groups, variables, attributes and fill values
//! of LP DAAC's EMIT-Data-Resources and of the user guide (JPL D-104236). Tests change a part and look at what is said.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};

use super::netcdf::{Netcdf, Variable};

/// The CRS as EMIT's files write it.
pub(crate) const WGS84: &str = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],\
    AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
    UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AXIS[\"Latitude\",NORTH],AXIS[\"Longitude\",EAST],\
    AUTHORITY[\"EPSG\",\"4326\"]]";
pub(crate) const FILL: f32 = -9999.0;
/// The bands of version 1 of the mask, in their order, as its files write them.
pub(crate) const MASK_BANDS: [&str; 8] = [
    "Cloud flag",
    "Cirrus flag",
    "Water flag",
    "Spacecraft Flag",
    "Dilated Cloud Flag",
    "AOD550",
    "H2O (g cm-2)",
    "Aggregate Flag",
];

#[derive(Clone)]
pub(crate) struct Emit {
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    pub(crate) bands: usize,
    /// None for one contiguous piece.
    pub(crate) chunk: Option<[usize; 3]>,
    pub(crate) reflectance: Vec<f32>,
    pub(crate) fill: Option<f64>,
    pub(crate) wavelengths: Vec<f32>,
    pub(crate) fwhm: Vec<f32>,
    pub(crate) unit: Option<&'static str>,
    pub(crate) good: Vec<u8>,
    /// Lines and samples of the map.
    pub(crate) ortho: (usize, usize),
    pub(crate) glt_x: Vec<i32>,
    pub(crate) glt_y: Vec<i32>,
    pub(crate) geotransform: Vec<f64>,
    pub(crate) spatial_ref: String,
    /// Variables and attributes that are left out.
    pub(crate) omitted: Vec<&'static str>,
}

impl Emit {
    /// A scene of three kinds of spectra at several brightnesses, the second band in water vapour, one pixel of fill, and
    /// a lookup table that is not at all smooth, with fill in a corner.
    pub(crate) fn new(lines: usize, samples: usize, bands: usize) -> Self {
        let value = |i: usize| {
            let (pixel, band) = (i / bands, i % bands);
            match (pixel, band) {
                (0, _) => FILL,
                (_, 1) => -0.01,
                _ => spectrum(kind_of(pixel), band) * (0.8 + 0.01 * (pixel % 31) as f32),
            }
        };
        let ortho = (lines + 3, samples + 5);
        let corner = |i: usize| i / ortho.1 + i % ortho.1 < 3;
        let place = |i: usize, a: usize, b: usize, most: usize| match corner(i) {
            true => 0,
            false => ((i / ortho.1 * a + i % ortho.1 * b) % most + 1) as i32,
        };
        let pixels = ortho.0 * ortho.1;
        Self {
            lines,
            samples,
            bands,
            chunk: Some([4, 3, 5]),
            reflectance: (0..lines * samples * bands).map(value).collect(),
            fill: Some(f64::from(FILL)),
            wavelengths: (0..bands).map(|b| wavelength(b) as f32).collect(),
            fwhm: vec![8.5; bands],
            unit: Some("nm"),
            good: (0..bands).map(|b| u8::from(b != 1)).collect(),
            ortho,
            glt_x: (0..pixels).map(|i| place(i, 3, 7, samples)).collect(),
            glt_y: (0..pixels).map(|i| place(i, 5, 2, lines)).collect(),
            geotransform: vec![44.5, 0.000542232520256367, 0.0, 40.25, 0.0, -0.000542232520256367],
            spatial_ref: WGS84.to_owned(),
            omitted: Vec::new(),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> PathBuf {
        let mut file = Netcdf::create(path);
        let kept = |name: &str| !self.omitted.contains(&name);
        let cube = [("downtrack", self.lines), ("crosstrack", self.samples), ("bands", self.bands)];
        // A list of another length has a dimension of its own.
        let list = |n: usize| [if n == self.bands { ("bands", n) } else { ("others", n) }];
        let unit = self.unit;
        if kept("reflectance") {
            let chunk = self.chunk.as_ref().map(|c| &c[..]);
            let v = Variable { name: "reflectance", dimensions: &cube, chunk, fill: self.fill, unit: Some("unitless") };
            file.numbers(v, &self.reflectance);
        }
        for (name, values) in [("wavelengths", &self.wavelengths), ("fwhm", &self.fwhm)] {
            let full = format!("sensor_band_parameters/{name}");
            if kept(name) {
                let dimensions = &list(values.len());
                file.numbers(Variable { name: &full, dimensions, unit, ..Variable::default() }, values);
            }
        }
        if kept("good_wavelengths") {
            let (name, dimensions) = ("sensor_band_parameters/good_wavelengths", &list(self.good.len()));
            file.numbers(Variable { name, dimensions, ..Variable::default() }, &self.good);
        }
        for (name, values) in [("glt_x", &self.glt_x), ("glt_y", &self.glt_y)] {
            let full = format!("location/{name}");
            let height = values.len() / self.ortho.1;
            let y = if height == self.ortho.0 { "ortho_y" } else { "other_y" };
            let dimensions = &[(y, height), ("ortho_x", self.ortho.1)];
            if kept(name) {
                let v = Variable { name: &full, dimensions, chunk: Some(&[6, 5]), fill: Some(0.0), unit: None };
                file.numbers(v, values);
            }
        }
        if kept("geotransform") {
            file.list("geotransform", &self.geotransform);
        }
        if kept("spatial_ref") {
            file.text("spatial_ref", &self.spatial_ref);
        }
        file.text("title", "EMIT L2A Surface Reflectance 60 m V001");
        path.to_owned()
    }

    /// Writes a mask of the same swath; `flag` of (line, sample, band).
    pub(crate) fn write_mask(&self, path: &Path, flag: impl Fn(usize, usize, usize) -> f32) -> PathBuf {
        let mut file = Netcdf::create(path);
        let bands = MASK_BANDS.len();
        let cube = [("downtrack", self.lines), ("crosstrack", self.samples), ("bands", bands)];
        let at = |i: usize| flag(i / bands / self.samples, i / bands % self.samples, i % bands);
        let values: Vec<f32> = (0..self.lines * self.samples * bands).map(at).collect();
        let fill = Some(f64::from(FILL));
        let chunk = Some(&[4, 3, 8][..]);
        file.numbers(Variable { name: "mask", dimensions: &cube, chunk, fill, unit: Some("unitless") }, &values);
        let name = "sensor_band_parameters/mask_bands";
        file.texts(Variable { name, dimensions: &cube[2..], ..Variable::default() }, &MASK_BANDS);
        path.to_owned()
    }

    /// A library of the three kinds of spectra, on the scene's bands.
    pub(crate) fn library(&self) -> String {
        let rows = (0..self.bands).map(|b| {
            let [one, two, three] = [0, 1, 2].map(|k| spectrum(k, b));
            format!("{},8.5,{one},{two},{three}\n", f64::from(self.wavelengths[b]))
        });
        std::iter::once("wavelength_nm,fwhm_nm,One,Two,Three\n".to_owned()).chain(rows).collect()
    }
}

pub(crate) fn wavelength(band: usize) -> f64 {
    2000.0 + 7.4 * band as f64
}

/// Which spectrum a pixel of the swath has.
pub(crate) fn kind_of(pixel: usize) -> usize {
    (pixel / 3 + pixel % 7) % 3
}

fn spectrum(kind: usize, band: usize) -> f32 {
    let distance = (band as f32 - 3.0 - 2.5 * kind as f32) / 1.5;
    0.5 + 0.01 * band as f32 - 0.3 * (-distance * distance).exp()
}

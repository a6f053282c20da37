//! Made-up deliveries: what their kinds share, and where their pixels must lie.

use std::path::{Path, PathBuf};

use alunite::error::{Error, ErrorKind};
use alunite::pipeline::{Plan, Request, plan};
use alunite::scene::{Description, Scene, SceneOptions};
use alunite::spectrum::WavelengthRange;
use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
use serde::Deserialize;

/// A made-up delivery's place, and where its pixels lie by pyproj: see `tests/golden/product_grids.py`.
#[derive(Clone, Deserialize)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) epsg: u32,
    /// Easting and northing of the first pixel: of its outer corner, or of its centre where the format says so.
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    pub(crate) places: std::collections::BTreeMap<String, [f64; 4]>,
}

impl Place {
    /// The two sizes of a kind of delivery.
    pub(crate) fn of(kind: &str) -> [Self; 2] {
        #[derive(Deserialize)]
        struct Golden {
            deliveries: Vec<Place>,
        }
        let golden: Golden = serde_json::from_str(include_str!("../golden/product_grids.json")).unwrap();
        ["small", "large"].map(|size| {
            let name = format!("{kind} {size}");
            golden.deliveries.iter().find(|p| p.name == name).unwrap().clone()
        })
    }

    pub(crate) fn pixels(&self) -> usize {
        self.lines * self.samples
    }

    /// Asserts that corners and centres lie where pyproj has them, to a tenth of a pixel, on the map and on the ground.
    pub(crate) fn assert_grid(&self, d: &Description) {
        const PIXEL: f64 = 30.0;
        const METRES_A_DEGREE: f64 = 111_320.0;
        let g = d.grid.geotransform.unwrap();
        let wkt = d.grid.crs_wkt.as_deref().unwrap();
        let (mut map, mut degrees) = (SpatialRef::from_wkt(wkt).unwrap(), SpatialRef::from_epsg(4326).unwrap());
        for crs in [&mut map, &mut degrees] {
            crs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        }
        let to_degrees = CoordTransform::new(&map, &degrees).unwrap();
        let (w, h) = (self.samples as f64, self.lines as f64);
        let (mw, mh) = ((self.samples / 2) as f64 + 0.5, (self.lines / 2) as f64 + 0.5);
        let at = [
            ("upper_left", 0.0, 0.0),
            ("upper_right", w, 0.0),
            ("lower_left", 0.0, h),
            ("lower_right", w, h),
            ("first", 0.5, 0.5),
            ("middle", mw, mh),
            ("last", w - 0.5, h - 0.5),
        ];
        for (name, column, line) in at {
            let [x, y, longitude, latitude] = self.places[name];
            let found = (g[0] + column * g[1] + line * g[2], g[3] + column * g[4] + line * g[5]);
            let (mut lon, mut lat) = ([found.0], [found.1]);
            to_degrees.transform_coords(&mut lon, &mut lat, &mut [0.0]).unwrap();
            let east = (lon[0] - longitude) * METRES_A_DEGREE * latitude.to_radians().cos();
            let north = (lat[0] - latitude) * METRES_A_DEGREE;
            let off = [found.0 - x, found.1 - y, east, north].map(f64::abs);
            assert!(off.iter().all(|d| *d < 0.1 * PIXEL), "{} {name}: off by {off:?} m", self.name);
        }
    }
}

/// Writes a GeoTIFF of `values[band][pixel]` with its outer corner at the place.
pub(crate) fn write_tiff<T: GdalType + Copy>(
    path: &Path,
    place: &Place,
    values: &[Vec<T>],
    options: &[&str],
    nodata: Option<f64>,
) {
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let options = RasterCreationOptions::from_iter(options.iter().copied());
    let shape = (place.samples, place.lines);
    let mut dataset =
        driver.create_with_band_type_with_options::<T, _>(path, shape.0, shape.1, values.len(), &options).unwrap();
    dataset.set_geo_transform(&[place.x, 30.0, 0.0, place.y, 0.0, -30.0]).unwrap();
    dataset.set_spatial_ref(&SpatialRef::from_epsg(place.epsg).unwrap()).unwrap();
    for (i, band) in values.iter().enumerate() {
        let mut raster = dataset.rasterband(i + 1).unwrap();
        raster.write((0, 0), shape, &mut Buffer::new(shape, band.clone())).unwrap();
        if nodata.is_some() {
            raster.set_no_data_value(nodata).unwrap();
        }
    }
    dataset.close().unwrap();
}

pub(crate) fn open(path: &Path) -> Scene {
    Scene::open(path, &SceneOptions::default()).unwrap()
}

/// What is said when a scene is refused, with the hint.
pub(crate) fn refusal(path: &Path, options: &SceneOptions) -> String {
    let error = Scene::open(path, options).err().unwrap_or_else(|| panic!("{} is opened", path.display()));
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    said(&error)
}

pub(crate) fn said(error: &Error) -> String {
    format!("{error} -> {}", error.next_step().unwrap_or_default())
}

/// The plan of a run that needs no library, with the scene opened as said.
pub(crate) fn planned(scene: &Path, change: impl FnOnce(&mut Request)) -> Plan {
    let mut request = Request { scene: scene.to_path_buf(), methods: vec!["rx".into()], ..Request::default() };
    change(&mut request);
    plan(&request).unwrap().draft().clone()
}

/// The numbers, from 1, of the bands whose reason to be left out has these words.
pub(crate) fn dropped(plan: &Plan, words: &str) -> Vec<usize> {
    plan.dropped.iter().filter(|d| d.reason.contains(words)).map(|d| d.band).collect()
}

/// Every band, also where the air is closed.
pub(crate) fn keep_all(request: &mut Request) {
    request.keep_bands = vec![WavelengthRange::ALL];
}

/// Asserts that bands are left out where water vapour closes the air, and only there; gives their number.
pub(crate) fn assert_closed(plan: &Plan) -> usize {
    let closed = |nm: f64| (1325.0..=1435.0).contains(&nm) || (1770.0..=1965.0).contains(&nm);
    let left_out: Vec<_> = plan.dropped.iter().filter(|d| d.reason.starts_with("the air is closed from")).collect();
    assert!(left_out.iter().all(|d| closed(d.wavelength_nm.unwrap().0)));
    let facts = plan.band_facts.as_ref().unwrap();
    assert!(facts.centres.iter().all(|c| !closed(c.0)), "{:?}", facts.centres);
    let note = format!("{} bands are left out where water vapour closes the air, 1325.00 nm", left_out.len());
    assert!(plan.notes.iter().any(|n| n.contains(&note) && n.contains("--keep-bands")), "{:?}", plan.notes);
    left_out.len()
}

/// Asserts that the bands in use are sorted by wavelength, each used once.
pub(crate) fn assert_sorted(plan: &Plan) {
    let centres = &plan.band_facts.as_ref().unwrap().centres;
    assert!(centres.windows(2).all(|w| w[0] < w[1]), "{centres:?}");
    assert_eq!(plan.bands.len(), centres.len());
}

/// Runs `alunite map` with a library of two minerals that the tests' scenes hold; the folder of maps.
pub(crate) fn map(scene: &Path, library: &str, out: &Path, more: &[&str]) -> PathBuf {
    let csv = out.with_extension("csv");
    std::fs::write(&csv, library).unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.arg("map").arg(scene).arg("--library").arg(&csv).arg("--out").arg(out);
    command.args(["--backend", "cpu", "--threshold", "0.3"]).args(more).assert().success();
    out.to_path_buf()
}

/// A library of a flat and a rising spectrum, from 300 to 2700 nm, as CSV.
pub(crate) fn library() -> String {
    let rows = (0..=240).map(|i| format!("{},0.3,{}\n", 300 + 10 * i, 0.1 + 0.002 * f64::from(i)));
    format!("wavelength_nm,Flat,Rising\n{}", rows.collect::<String>())
}

/// The classes of a map, pixel after pixel.
pub(crate) fn classes(maps: &Path) -> Vec<u8> {
    let dataset = gdal::Dataset::open(maps.join("sam_classes.tif")).unwrap();
    dataset.rasterband(1).unwrap().read_band_as::<u8>().unwrap().data().to_vec()
}

/// `run.json` of a map.
pub(crate) fn report(maps: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(maps.join("run.json")).unwrap()).unwrap()
}

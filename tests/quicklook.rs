//! The picture of a map: always the same, and drawn whatever it is given.
#![expect(clippy::unwrap_used, reason = "clippy spares only the test functions, not their helpers")]

use std::fs;
use std::path::Path;

use alunite::grid::Grid;
use alunite::map::{ClassCount, Legend, PixelAreas, Preview, Quicklook, quicklook};
use alunite::tile::Window;
use gdal::spatial_ref::SpatialRef;

/// An alteration system as a geologist would draw it: cores of advanced argillic alteration in wide halos.
fn fake_scene(size: (usize, usize)) -> (Legend, Vec<u16>, Vec<f32>) {
    let minerals = [
        "Alunite GDS84 Na03",
        "Kaolinite KGa-1 (well crystallised)",
        "Dickite NMNH106242",
        "Pyrophyllite PYS1A",
        "Muscovite GDS113 Ruby",
        "Illite IMt-1",
        "Montmorillonite SWy-1",
        "Chlorite SMR-13",
        "Epidote GDS26",
        "Jarosite GDS99",
        "Goethite WS222",
        "Hematite GDS27",
        "Calcite WS272",
        "Buddingtonite NHB2301",
        "Opal TM8896",
        "Chalcedony CU91-6A",
        "Kaolinite CM9",
        "Alunite AL706 Na",
    ];
    let legend = Legend::new(&minerals.map(str::to_owned)).unwrap();
    let hash = |x: i64, y: i64, s: i64| {
        let h = (x.wrapping_mul(374_761_393) ^ y.wrapping_mul(668_265_263) ^ s.wrapping_mul(982_451_653)) as u64;
        let h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177_000_003);
        ((h ^ (h >> 29)) % 65_536) as f64 / 65_536.0
    };
    let noise = |x: f64, y: f64, seed: i64| -> f64 {
        (0..6)
            .map(|octave| {
                let f = f64::from(1 << octave) / 160.0;
                let (u, v) = (x * f, y * f);
                let (i, j) = (u.floor() as i64, v.floor() as i64);
                let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
                let (a, b) = (smooth(u.fract()), smooth(v.fract()));
                let h = |dx, dy| hash(i + dx, j + dy, seed + octave * 17);
                let top = h(0, 0) * (1.0 - a) + h(1, 0) * a;
                let low = h(0, 1) * (1.0 - a) + h(1, 1) * a;
                (top * (1.0 - b) + low * b) / f64::from(1 << octave)
            })
            .sum::<f64>()
            / 1.97
    };
    let centres = [(0.36, 0.40, 0.26), (0.68, 0.62, 0.20), (0.72, 0.22, 0.11), (0.22, 0.80, 0.10)];
    let (mut classes, mut grey) = (Vec::new(), Vec::new());
    for y in 0..size.1 {
        for x in 0..size.0 {
            let (u, v) = (x as f64 * 640.0 / size.0 as f64, y as f64 * 640.0 / size.0 as f64);
            let slope = noise(u + 2.0, v + 1.5, 3) - noise(u - 2.0, v - 1.5, 3);
            let light = 0.5 + 3.4 * slope + 0.5 * (noise(u, v, 9) - 0.5);
            let warp = 0.9 * (noise(u, v, 5) - 0.5);
            let distance = centres
                .iter()
                .map(|&(cx, cy, r)| ((x as f64 / size.0 as f64 - cx).hypot(y as f64 / size.0 as f64 - cy)) / r + warp)
                .fold(f64::MAX, f64::min);
            let speckle = noise(u * 3.0, v * 3.0, 21);
            let zone = match distance {
                d if d < 0.18 => {
                    if speckle > 0.55 {
                        16
                    } else {
                        15
                    }
                }
                d if d < 0.42 => {
                    if speckle > 0.60 {
                        18
                    } else {
                        1
                    }
                }
                d if d < 0.52 => {
                    if speckle > 0.55 {
                        3
                    } else {
                        4
                    }
                }
                d if d < 0.72 => {
                    if speckle > 0.62 {
                        17
                    } else {
                        2
                    }
                }
                d if d < 0.95 => {
                    if speckle > 0.60 {
                        5
                    } else {
                        6
                    }
                }
                d if d < 1.05 => 7,
                d if d < 1.5 => {
                    if speckle > 0.57 {
                        8
                    } else if speckle < 0.36 {
                        9
                    } else {
                        0
                    }
                }
                _ => {
                    if speckle > 0.70 {
                        13
                    } else {
                        0
                    }
                }
            };
            let iron = noise(u * 1.7, v * 1.7, 33);
            let class = match (zone, iron) {
                (0 | 5 | 6, i) if i > 0.67 => 11,
                (0 | 2, i) if i > 0.645 => 10,
                (0, i) if i < 0.30 => 12,
                (7, i) if i < 0.36 => 14,
                _ => zone,
            };
            // A swath that the sensor did not see.
            let outside = (x as f64) < 0.06 * (size.1 - y) as f64 || (size.0 - x) as f64 <= 0.06 * y as f64;
            classes.push(if outside { legend.nodata } else { class });
            grey.push(if outside { f32::NAN } else { light as f32 });
        }
    }
    (legend, classes, grey)
}

#[test]
fn a_picture_of_a_map_is_the_same_every_time() {
    let size = (1500, 1300);
    let (legend, classes, grey) = fake_scene(size);
    let wkt = SpatialRef::from_epsg(32638).unwrap().to_wkt().unwrap();
    let grid = Grid { geotransform: Some([5e5, 30.0, 0.0, 4e6, 0.0, -30.0]), crs_wkt: Some(wkt) };
    let areas = PixelAreas::of(&grid, size.1, size.0).unwrap().unwrap();
    let mut counts = vec![ClassCount { pixels: 0, km2: Some(0.0) }; legend.entries.len()];
    for (line, values) in classes.chunks_exact(size.0).enumerate() {
        for count in values.iter().filter_map(|&v| Some(v).filter(|&v| v != legend.nodata)) {
            let count = &mut counts[usize::from(count)];
            (count.pixels, count.km2) = (count.pixels + 1, count.km2.map(|k| k + areas.side_m(line, 0).powi(2) / 1e6));
        }
    }
    let whole = Window { x: 0, y: 0, width: size.0, height: size.1 };
    let mut preview = Preview::new(size.0, size.1, Preview::MAX_SIDE, legend.nodata).unwrap();
    preview.add_classes(whole, &classes).unwrap();
    preview.add_grey(whole, &grey).unwrap();
    let look = |preview: &Preview, counts: &[ClassCount]| {
        quicklook::png(&Quicklook {
            title: "Alteration minerals, synthetic porphyry".into(),
            subtitle: "Spectral angle, 2.08 to 2.40 µm, best match below 0.08 rad".into(),
            width: preview.width(),
            height: preview.height(),
            classes: preview.classes(),
            grey: preview.grey(),
            legend: &legend,
            counts,
            captions: vec!["Grey: band 31, 2.165 µm. EPSG:32638, 30 m.".into()],
            metres_per_pixel: Some(30.0 * preview.step() as f64),
        })
        .unwrap()
    };
    let png = look(&preview, &counts);
    assert_eq!(png, look(&preview, &counts));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quicklook.png");
    fs::write(&path, &png).unwrap();
    let (width, height) =
        (u32::from_be_bytes(png[16..20].try_into().unwrap()), u32::from_be_bytes(png[20..24].try_into().unwrap()));
    assert!((900..1800).contains(&width) && (500..1500).contains(&height), "{width} × {height}");
}

#[test]
fn a_picture_of_anything_is_drawn_without_a_panic() {
    let many: Vec<String> = (0..60).map(|i| format!("{} {i}", "long name ".repeat(20))).collect();
    let legend = Legend::new(&many).unwrap();
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (40, 30), (1151, 7)] {
        let pixels = width * height;
        let classes: Vec<u16> = (0..pixels).map(|p| (p % 70) as u16).collect();
        for grey in [f32::NAN, f32::INFINITY, 0.0] {
            let look = Quicklook {
                title: "🪨\0 title ".repeat(500),
                subtitle: String::new(),
                width,
                height,
                classes: &classes,
                grey: &vec![grey; pixels],
                legend: &legend,
                counts: &vec![ClassCount { pixels: 7, km2: None }; 61],
                captions: vec![String::new(), "caption ".repeat(500)],
                metres_per_pixel: Some(-1.0),
            };
            let png = quicklook::png(&look).unwrap();
            fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("odd-{width}x{height}.png")), png).unwrap();
        }
    }
}

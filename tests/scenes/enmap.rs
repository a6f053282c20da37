//! `EnMAP` L2A deliveries, made up after the product specification EN-PCV-ICD-2009-2 and what the mission's open tools read
//! and write (EnPT's L2A writer, the EnMAP-Box importers, SNAP's reader): file names, the XML's elements, int16 reflectance
//! of gain 0.0001, fill -32768, 224 bands of two detectors of which 131 to 135 hold nothing, quality layers of 8 bits.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alunite::scene::{Product, Quality, QualityList, SceneOptions};
use alunite::spectrum::WavelengthRange;
use alunite::tile::{Samples, Window};

use crate::common::data;
use crate::deliveries::{
    Place, assert_closed, assert_sorted, classes, dropped, keep_all, library, map, open, planned, refusal, report,
    write_tiff,
};

const STEM: &str = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z-";
const VNIR: usize = 91;
const BANDS: usize = 224;
const FILL: i16 = -32768;
/// Bands, from 0, that the atmosphere leaves empty.
const EMPTY: std::ops::Range<usize> = 130..135;

/// Centres as the sensor has them, but evenly spaced: VNIR 418.24 to 993.34 nm, SWIR 902.25 to 2446.65 nm.
fn centre(band: usize) -> f64 {
    if band < VNIR { 418.24 + 6.39 * band as f64 } else { 902.25 + 11.7 * (band - VNIR) as f64 }
}

fn width(band: usize) -> f64 {
    if band < VNIR { 6.5 + 0.01 * band as f64 } else { 8.0 + 0.02 * (band - VNIR) as f64 }
}

/// Stored reflectance: a flat or a rising mineral, at a brightness of its own; the first pixel is fill.
fn value(band: usize, pixel: usize) -> i16 {
    if pixel == 0 || EMPTY.contains(&band) {
        return FILL;
    }
    let shade = 1.0 + 0.05 * (pixel % 5) as f64;
    let mineral = if pixel.is_multiple_of(2) { 0.3 } else { 0.1 + 0.0002 * (centre(band) - 300.0) };
    (shade * mineral * 1e4).round() as i16
}

/// The metadata, as the ground segment writes it; what the tests need of it.
fn metadata(level: &str, bands: usize) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<level_X xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
         <metadata><schema><processingLevel>{level}</processingLevel></schema></metadata>\n\
         <base><format>GeoTIFF+Metadata</format><level>{level}</level></base>\n\
         <specific><backgroundValue>{FILL}</backgroundValue><bandCharacterisation>\n"
    );
    for band in 0..bands {
        writeln!(
            xml,
            "<bandID number=\"{}\"><wavelengthCenterOfBand>{:.3}</wavelengthCenterOfBand><FWHMOfBand>{:.4}</FWHMOfBand>\
             <GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID>",
            band + 1,
            centre(band),
            width(band)
        )
        .unwrap();
    }
    xml + "</bandCharacterisation></specific>\n</level_X>\n"
}

/// Which pixel each layer flags, and the value that stands there.
const FLAGS: [(&str, usize, u8); 6] = [
    ("QL_QUALITY_CLOUD", 1, 1),
    ("QL_QUALITY_CIRRUS", 2, 3),
    ("QL_QUALITY_CLOUDSHADOW", 3, 1),
    ("QL_QUALITY_HAZE", 4, 1),
    ("QL_QUALITY_SNOW", 5, 1),
    ("QL_QUALITY_CLASSES", 6, 2),
];
/// The pixel and the band, from 0, of a defect.
const DEFECT: (usize, usize) = (7, 200);

/// Writes a delivery into a folder of its own; the folder.
fn deliver(at: &Path, place: &Place) -> PathBuf {
    let folder = at.join(STEM.trim_end_matches('-'));
    std::fs::create_dir(&folder).unwrap();
    let file = |name: &str| folder.join(format!("{STEM}{name}"));
    std::fs::write(file("METADATA.XML"), metadata("L2A", BANDS)).unwrap();
    let cube: Vec<Vec<i16>> = (0..BANDS).map(|b| (0..place.pixels()).map(|p| value(b, p)).collect()).collect();
    write_tiff(&file("SPECTRAL_IMAGE.TIF"), place, &cube, &["INTERLEAVE=BAND"], Some(FILL.into()));
    for (layer, pixel, flag) in FLAGS {
        let clear = u8::from(layer.ends_with("CLASSES"));
        let mut plane = vec![clear; place.pixels()];
        plane[pixel] = flag;
        write_tiff(&file(&format!("{layer}.TIF")), place, &[plane], &[], None);
    }
    let mut defects = vec![vec![0_u8; place.pixels()]; BANDS];
    defects[DEFECT.1][DEFECT.0] = 1;
    write_tiff(&file("QL_PIXELMASK.TIF"), place, &defects, &[], None);
    folder
}

fn quality(words: &str) -> SceneOptions {
    SceneOptions { quality: Some(words.parse::<QualityList>().unwrap()), ..SceneOptions::default() }
}

#[test]
fn folder_metadata_and_image_open_the_same_scene() {
    for place in Place::of("enmap") {
        let dir = tempfile::tempdir().unwrap();
        let folder = deliver(dir.path(), &place);
        for name in ["", "METADATA.XML", "SPECTRAL_IMAGE.TIF"] {
            let path = if name.is_empty() { folder.clone() } else { folder.join(format!("{STEM}{name}")) };
            let d = open(&path).description;
            assert_eq!((d.product, d.format), (Product::EnmapL2a, "GeoTIFF"));
            assert_eq!((d.lines, d.samples, d.bands), (place.lines, place.samples, BANDS));
            assert_eq!(d.path, folder.join(format!("{STEM}SPECTRAL_IMAGE.TIF")));
            assert_eq!(d.companions.len(), 4, "metadata and three quality layers: {:?}", d.companions);
            assert_eq!((d.nodata, &d.quality[..]), (Some(f64::from(FILL)), &Quality::DEFAULT[..]));
            assert!(d.scaling.gain.iter().all(|g| *g == 1e-4) && d.scaling.offset.iter().all(|o| *o == 0.0));
            let bands = d.spectral.as_ref().unwrap();
            for band in 0..BANDS {
                assert!((bands.centres[band].0 - centre(band)).abs() < 0.01);
                assert!((bands.fwhm.as_ref().unwrap()[band].0 - width(band)).abs() < 0.01);
            }
            place.assert_grid(&d);
        }
        let d = open(&folder).description;
        assert!(d.notes.iter().any(|n| n.contains("cloud, cloudshadow, snow (the default")), "{:?}", d.notes);
    }
}

#[test]
fn values_are_the_files_and_flagged_pixels_are_no_data() {
    for place in Place::of("enmap") {
        let dir = tempfile::tempdir().unwrap();
        let folder = deliver(dir.path(), &place);
        let bands = [0, 90, 91, 200, 223];
        let window = Window { x: 0, y: 0, width: place.samples, height: place.lines };
        let cases = [
            ("none", vec![]),
            ("cloud", vec![1]),
            ("cloud,cirrus,cloudshadow,haze,snow", vec![1, 2, 3, 4, 5]),
            ("water,pixelmask", vec![6, 7]),
            ("background", vec![]),
        ];
        for (words, flagged) in cases {
            let scene = alunite::scene::Scene::open(&folder, &quality(words)).unwrap();
            let tile = scene.reader(&bands).unwrap().read(window).unwrap();
            let Samples::I16(values) = &tile.samples else { panic!("int16 expected") };
            for pixel in 0..place.pixels() {
                for (k, &band) in bands.iter().enumerate() {
                    let expected = if flagged.contains(&pixel) { FILL } else { value(band, pixel) };
                    assert_eq!(values[tile.index(k, pixel)], expected, "{words}: band {band}, pixel {pixel}");
                }
            }
        }
        // A defect counts in the bands that are read.
        let scene = alunite::scene::Scene::open(&folder, &quality("pixelmask")).unwrap();
        let tile = scene.reader(&[0, 1]).unwrap().read(window).unwrap();
        assert_eq!(tile.valid(Some(FILL.into())).iter().filter(|v| !**v).count(), 1);
        // Part of a line, as when a scene is wider than a tile.
        let part = Window { x: 1, y: 0, width: 3, height: 2 };
        let tile = open(&folder).reader(&[10]).unwrap().read(part).unwrap();
        assert_eq!(tile.valid(Some(FILL.into())), [false, true, false, true, true, true]);
    }
}

#[test]
fn detectors_are_sorted_and_cut_in_the_middle_of_their_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let folder = deliver(dir.path(), &Place::of("enmap")[0]);
    let plan = planned(&folder, keep_all);
    // Both see 902.25 to 993.34 nm: cut at 947.795 nm, which is VNIR band 83.9 and SWIR band 4.9.
    assert_eq!(dropped(&plan, "two detectors overlap from 902.25 to 993.34 nm"), (84..=95).collect::<Vec<_>>());
    assert_eq!(dropped(&plan, "no data in every pixel"), (131..=135).collect::<Vec<_>>());
    assert_eq!(plan.bands.len(), BANDS - 12 - 5);
    assert_sorted(&plan);
    assert!(plan.notes.iter().any(|n| n.contains("cut at 947.80 nm, 12 bands")), "{:?}", plan.notes);

    let kept = planned(&folder, |r| {
        keep_all(r);
        r.keep_overlap = true;
    });
    assert_eq!(kept.bands.len(), BANDS - 5);
    assert_sorted(&kept);
    assert!(kept.bands.windows(2).any(|w| w[1] < w[0]), "bands of both detectors take turns");

    // The product flags no bands: of those without data all but one lie where the air is closed.
    let open = planned(&folder, |_| {});
    let dead = dropped(&open, "no data in every pixel").len();
    assert_eq!(open.bands.len(), BANDS - 12 - assert_closed(&open) - dead);
    let some = planned(&folder, |r| r.keep_bands = vec!["1.77um-1.8um".parse().unwrap()]);
    assert!(some.bands.len() > open.bands.len() && some.bands.len() < plan.bands.len());

    // The wavelengths asked for do not move the cut.
    let range: WavelengthRange = "900nm-960nm".parse().unwrap();
    let some = planned(&folder, |r| r.wavelengths = vec![range]);
    assert_eq!(dropped(&some, "two detectors"), [84, 85, 92, 93, 94, 95]);
}

#[test]
fn the_measured_crops_are_cut_likewise() {
    let Some(folder) = data() else { return };
    let plan = planned(&folder.join("enmap_l2a_potsdam_128_128.tif"), |_| {});
    assert_eq!(dropped(&plan, "two detectors overlap from 902.26 to 993.08 nm"), (86..=96).collect::<Vec<_>>());
    assert_sorted(&plan);
    let centres = &plan.band_facts.as_ref().unwrap().centres;
    let widest = centres.windows(2).take(100).map(|w| w[1].0 - w[0].0).fold(0.0, f64::max);
    assert!(widest < 15.0, "the cut leaves no gap: {widest} nm");
}

#[test]
fn the_joins_of_aviris_are_cut_too() {
    let Some(folder) = data() else { return };
    let plan = planned(&folder.join("cuprite97_pixels.hdr"), |_| {});
    assert_eq!(dropped(&plan, "two detectors overlap from 664.14 to 675.62 nm"), [32, 33]);
    assert_eq!(dropped(&plan, "two detectors overlap from 1254.32 to 1269.06 nm"), [96, 97]);
    assert_sorted(&plan);
}

#[test]
fn a_map_tells_product_and_layers_and_leaves_flagged_pixels_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = deliver(dir.path(), &Place::of("enmap")[0]);
    let maps = map(&folder, &library(), &dir.path().join("maps"), &["--quality", "cloud,haze"]);
    let found = classes(&maps);
    let expected: Vec<u8> = (0..found.len())
        .map(|p| match p {
            0 | 1 | 4 => 255,
            p if p % 2 == 0 => 1,
            _ => 2,
        })
        .collect();
    assert_eq!(found, expected);
    let report = report(&maps);
    assert_eq!(report["product"], "enmap-l2a");
    assert_eq!(report["quality"], serde_json::json!(["cloud", "haze"]));
    let inputs: Vec<&str> = report["inputs"].as_array().unwrap().iter().map(|i| i["path"].as_str().unwrap()).collect();
    for file in ["METADATA.XML", "QL_QUALITY_CLOUD.TIF", "QL_QUALITY_HAZE.TIF"] {
        assert!(inputs.iter().any(|i| i.ends_with(file)), "{inputs:?}");
    }
    let reasons = report["bands_dropped"].to_string();
    assert!(reasons.contains("two detectors overlap"), "{reasons}");
    let info = assert_cmd::Command::new(env!("CARGO_BIN_EXE_alunite")).arg("info").arg(&folder).assert().success();
    let text = String::from_utf8_lossy(&info.get_output().stdout).into_owned();
    assert!(text.contains("product      EnMAP L2A") && text.contains("flagged: cloud, cloudshadow, snow"), "{text}");
}

#[test]
fn a_delivery_that_contradicts_itself_is_refused() {
    let place = &Place::of("enmap")[0];
    let dir = tempfile::tempdir().unwrap();
    let folder = deliver(dir.path(), place);
    let xml = folder.join(format!("{STEM}METADATA.XML"));
    let sound = metadata("L2A", BANDS);
    let band3 = format!("<wavelengthCenterOfBand>{:.3}<", centre(2));
    let changed = |from: &str, to: &str| {
        assert!(sound.contains(from), "{from}");
        sound.replacen(from, to, 1)
    };
    let cases: Vec<(String, Vec<&str>)> = vec![
        (metadata("L1C", BANDS), vec!["METADATA.XML", "level is L1C", "EnMAP L2A"]),
        (metadata("L2A", BANDS - 1), vec!["METADATA.XML", "describes 223 bands", "SPECTRAL_IMAGE.TIF has 224"]),
        (changed(&band3, "<wavelengthCenterOfBand>blue<"), vec!["band 3, wavelengthCenterOfBand", "'blue'"]),
        (changed(&band3, "<wavelengthCenterOfBand>NaN<"), vec!["band 3, wavelengthCenterOfBand", "'NaN'"]),
        (changed("<GainOfBand>0.0001</GainOfBand>", ""), vec!["band 1, GainOfBand", "missing"]),
        (changed("<GainOfBand>0.0001<", "<GainOfBand>0<"), vec!["METADATA.XML", "gain 0", "band 1"]),
        (changed("number=\"2\"", "number=\"1\""), vec!["bandCharacterisation", "band 1 stands there twice"]),
        (changed("number=\"2\"", "number=\"two\""), vec!["bandCharacterisation", "'two'"]),
        (changed("<backgroundValue>-32768<", "<backgroundValue>0<"), vec!["no data is 0, but -32768", "--nodata"]),
        (changed("<backgroundValue>-32768<", "<backgroundValue>none<"), vec!["backgroundValue", "'none'"]),
        (sound[..sound.len() / 2].to_owned(), vec!["METADATA.XML", "not well-formed XML"]),
        (String::new(), vec!["METADATA.XML", "empty"]),
    ];
    for (text, words) in cases {
        std::fs::write(&xml, text).unwrap();
        let said = refusal(&xml, &SceneOptions::default());
        assert!(words.iter().all(|w| said.contains(w)), "{words:?}: {said}");
    }
    // Wrong wavelengths leave a scene that says why, as with any file.
    std::fs::write(&xml, changed(&band3, "<wavelengthCenterOfBand>0.43<")).unwrap();
    assert!(open(&xml).description.spectral.unwrap_err().to_string().contains("cannot be wavelengths in nm"));
    std::fs::write(&xml, changed(&band3, "<wavelengthCenterOfBand>-1<")).unwrap();
    assert!(open(&xml).description.spectral.unwrap_err().to_string().contains("band 3 is -1"));
    std::fs::write(&xml, &sound).unwrap();

    // Layers.
    let cloud = folder.join(format!("{STEM}QL_QUALITY_CLOUD.TIF"));
    let other = Place { lines: place.lines - 1, ..place.clone() };
    write_tiff(&cloud, &other, &[vec![0_u8; other.pixels()]], &[], None);
    let said = refusal(&folder, &SceneOptions::default());
    assert!(said.contains("QL_QUALITY_CLOUD.TIF") && said.contains("8 lines, but the image has 7 and 9"), "{said}");
    let moved = Place { x: place.x + 30.0, ..place.clone() };
    write_tiff(&cloud, &moved, &[vec![0_u8; place.pixels()]], &[], None);
    assert!(refusal(&folder, &SceneOptions::default()).contains("another grid"));
    assert!(alunite::scene::Scene::open(&folder, &quality("snow")).is_ok());
    std::fs::remove_file(&cloud).unwrap();
    let said = refusal(&folder, &quality("cloud"));
    assert!(said.contains("QL_QUALITY_CLOUD is missing"), "{said}");
    assert!(open(&folder).description.notes.iter().any(|n| n.contains("no quality layer 'cloud'")));
    std::fs::write(&cloud, "no TIFF").unwrap();
    assert!(refusal(&folder, &SceneOptions::default()).contains("is not a TIFF"));

    // The image.
    std::fs::remove_file(folder.join(format!("{STEM}SPECTRAL_IMAGE.TIF"))).unwrap();
    let said = refusal(&folder, &SceneOptions::default());
    assert!(said.contains("the spectral image") && said.contains("GeoTIFF"), "{said}");
}

#[test]
fn the_product_can_be_forced() {
    let dir = tempfile::tempdir().unwrap();
    let folder = deliver(dir.path(), &Place::of("enmap")[0]);
    let as_product = |product| SceneOptions { product: Some(product), ..SceneOptions::default() };
    let image = folder.join(format!("{STEM}SPECTRAL_IMAGE.TIF"));
    let plain = alunite::scene::Scene::open(&image, &as_product(Product::Geotiff)).unwrap().description;
    assert_eq!(plain.product, Product::Geotiff);
    assert!(plain.spectral.is_err() && plain.quality.is_empty());
    assert!(refusal(&image, &as_product(Product::Envi)).contains("is a GeoTIFF, not the ENVI cube"));
    let xml = folder.join(format!("{STEM}METADATA.XML"));
    std::fs::write(&xml, metadata("unknown", BANDS)).unwrap();
    let unnamed = folder.join("METADATA.XML");
    std::fs::rename(&xml, &unnamed).unwrap();
    assert!(refusal(&unnamed, &SceneOptions::default()).contains("nothing tells the processing level"));
    std::fs::rename(&image, folder.join("SPECTRAL_IMAGE.TIF")).unwrap();
    let forced = alunite::scene::Scene::open(&unnamed, &as_product(Product::EnmapL2a)).unwrap();
    assert_eq!(forced.description.product, Product::EnmapL2a);
    let said = refusal(&unnamed, &as_product(Product::DesisL2a));
    assert!(said.contains("no element 'band'"), "{said}");
    let plain = SceneOptions { product: Some(Product::Geotiff), ..quality("cloud") };
    assert!(refusal(&folder.join("SPECTRAL_IMAGE.TIF"), &plain).contains("no quality layers"));
}

#[test]
fn folders_of_nothing_or_of_too_much_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(refusal(dir.path(), &SceneOptions::default()).contains("holds no product"));
    let folder = deliver(dir.path(), &Place::of("enmap")[0]);
    let copy = folder.join("ENMAP01-____L2A-OTHER-METADATA.XML");
    std::fs::copy(folder.join(format!("{STEM}METADATA.XML")), &copy).unwrap();
    let said = refusal(&folder, &SceneOptions::default());
    assert!(said.contains("several products") && said.contains("OTHER-METADATA.XML"), "{said}");
}

//! Measured scenes, whole runs of the binary: read right, and mapped or refused for the reason their README gives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/measured.rs"]
mod measured;

use measured::{Run, refused, scene, text};

/// Pixels of each Cuprite region (1 to 4) by the spectrum they resemble most, and how many have an angle up to 0.1.
struct Regions {
    found: [BTreeMap<String, usize>; 4],
    total: [usize; 4],
    within: [usize; 4],
}

const REGIONS: [&str; 4] = ["alunite", "kaolinite", "montmorillonite", "hydrated silica"];

impl Regions {
    /// Maps Cuprite with a threshold that takes every pixel.
    fn of(folder: &Path, targets: &[&str]) -> Self {
        let library = folder.join(measured::BECKMAN);
        let mut arguments = vec!["--library", text(&library), "--wavelengths", measured::SWIR, "--threshold", "3"];
        let targets = targets.join(",");
        if !targets.is_empty() {
            arguments.extend(["--targets", &targets]);
        }
        let run = Run::of(&folder.join("cuprite95_swir_rois.img"), &arguments);
        let names: Vec<&str> =
            run.report["maps"][0]["classes"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        // Its own header says that it is no scene: read as the bytes that it is.
        let regions = std::fs::read(folder.join("cuprite95_swir_rois_regions.img")).unwrap();
        let mut of = Self { found: Default::default(), total: [0; 4], within: [0; 4] };
        for ((&region, class), angle) in regions.iter().zip(run.classes()).zip(run.angles()) {
            assert_eq!(region == 0, class == 255.0, "the labelled pixels are those with data");
            if region > 0 {
                let region = usize::from(region) - 1;
                *of.found[region].entry(names[class as usize - 1].trim().to_owned()).or_default() += 1;
                of.total[region] += 1;
                of.within[region] += usize::from(angle as f32 <= 0.1);
            }
        }
        assert_eq!(of.total, [229, 120, 119, 89]);
        of
    }

    /// Percent of a region's pixels that got a spectrum whose name begins with one of these words.
    fn share(&self, region: usize, words: &[&str]) -> f64 {
        let found = self.found[region].iter().filter(|(name, _)| words.iter().any(|w| name.starts_with(w)));
        100.0 * found.map(|(_, n)| n).sum::<usize>() as f64 / self.total[region] as f64
    }

    fn print(&self, title: &str) {
        eprintln!("{title}");
        for (r, region) in REGIONS.iter().enumerate() {
            let mut found: Vec<_> = self.found[r].iter().collect();
            found.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            let within = 100.0 * self.within[r] as f64 / self.total[r] as f64;
            eprintln!("  {region}: {} pixels, {within:.1} % within 0.1 rad", self.total[r]);
            found.iter().for_each(|(name, n)| eprintln!("    {n:>4}  {name}"));
        }
    }
}

#[test]
fn cuprite_regions_get_their_minerals() {
    let Some(folder) = common::data() else { return };
    let regions = Regions::of(&folder, &measured::CUPRITE_TARGETS);
    regions.print("Cuprite regions, 13 spectra:");
    let alunite = regions.share(0, &["Alunite"]);
    let montmorillonite = regions.share(2, &["Montmorillonite"]);
    let silica = regions.share(3, &["Chalcedony", "Opal"]);
    eprintln!("alunite {alunite:.1} %, montmorillonite {montmorillonite:.1} %, silica {silica:.1} %");
    assert!(alunite >= 95.0, "{alunite}");
    assert!(montmorillonite >= 98.0, "{montmorillonite}");
    assert!(silica >= 98.0, "{silica}");
}

/// What the README warns of: with spectra of minerals that are not there, the best angle is often theirs.
#[test]
fn cuprite_with_every_spectrum_still_finds_alunite() {
    let Some(folder) = common::data() else { return };
    let regions = Regions::of(&folder, &[]);
    regions.print("Cuprite regions, all 38 spectra:");
    assert!(regions.share(0, &["Alunite"]) >= 90.0);
    // Were this to rise, the README's warning would be out of date.
    assert!(regions.share(3, &["Chalcedony", "Opal"]) < 50.0);
}

/// Spectral Python 0.25 reads these sums of stored values (each times its place from 1, so that order counts).
#[test]
fn envi_scenes_are_read_as_spectral_python_reads_them() {
    let Some(folder) = common::data() else { return };
    for (name, band, sum) in EXPECTED_SUMS {
        let values = measured::band(&folder.join(name), band);
        let got = values.iter().zip(1..).map(|(v, place)| v * f64::from(place)).sum::<f64>() / values.len() as f64;
        assert!((got - sum).abs() <= 1e-9 * sum.abs(), "{name}, band {band}: {got} for {sum}");
    }
}

/// File, band from 0, and the sum divided by the number of pixels.
const EXPECTED_SUMS: [(&str, usize, f64); 12] = [
    ("cuprite95_swir_rois.img", 0, -184_264_316.585_118_3),
    ("cuprite95_swir_rois.img", 41, -184_291_617.040_441_2),
    ("cuprite97_pixels.img", 40, 715_906.174_904_943),
    ("cuprite97_pixels.img", 200, 832_398.889_733_840_4),
    ("jasper_ridge_f224.img", 40, 6_090_866.423_4),
    ("jasper_ridge_f224.img", 200, 3_784_947.214_4),
    ("emit20250324t221005_jpl_unmix_ex", 40, 6.287_151_924_371_719),
    ("emit20250324t221005_jpl_unmix_ex", 250, 8.487_592_831_626_534),
    ("ang20140912t192359_corr_v1c_img_2580-2590_540-550.img", 40, 4.341_174_288_839_102),
    ("ang20140912t192359_corr_v1c_img_2580-2590_540-550.img", 380, 9.538_490_290_790_797),
    ("fenix_outcrop.dat", 40, 8_049_052.232_265_446),
    ("fenix_outcrop.dat", 400, 6_286_128.770_022_883),
];

#[test]
fn enmap_tiles_are_mapped_without_their_empty_bands() {
    let Some(folder) = common::data() else { return };
    for (tile, column) in [("enmap_l2a_potsdam_128_128.tif", 0.0), ("enmap_l2a_potsdam_160_128.tif", 32.0)] {
        let path = folder.join(tile);
        let scene = scene(&path);
        let all: Vec<usize> = (0..224).collect();
        assert_eq!(scene.dead_bands(&all).unwrap(), (129..135).collect::<Vec<_>>(), "{tile}");
        assert_eq!(scene.description.nodata, Some(-32768.0));
        assert!(scene.description.scaling.gain.iter().all(|g| (g - 1e-4).abs() < 1e-12));
        let transform = scene.description.grid.geotransform.unwrap();
        let first = self::scene(&folder.join("enmap_l2a_potsdam_128_128.tif")).description.grid.geotransform.unwrap();
        assert_eq!(transform[0], first[0] + 30.0 * column, "the second tile lies 32 pixels east");

        for library in [measured::BECKMAN, "usgs_splib07a_alteration_asd.csv"] {
            let library = folder.join(library);
            let run = Run::of(&path, &["--library", text(&library), "--wavelengths", measured::SWIR]);
            run.is_a_swir_map(38);
            assert!(run.said.contains("the wavelengths are not in rising order (at band 92)"), "{}", run.said);
            let map = self::scene(&run.file("sam_classes.tif")).description;
            assert_eq!(map.grid.geotransform, Some(transform));
            assert!(map.grid.crs_wkt.is_some_and(|wkt| wkt.contains("32633")));
            // Some lakes are zero in all of these bands, and have no angle.
            assert_eq!(run.nodata_pixels(), run.pixels_without_data(&path, -32768.0));
            assert!(run.nodata_pixels() > 200);
        }
        // The empty bands lie within the whole range, where they would cost every pixel.
        let library = folder.join("usgs_splib07a_alteration_asd.csv");
        let run = Run::of(&path, &["--library", text(&library), "--threshold", "3"]);
        assert_eq!(run.dropped("flagged bad"), (130..=135).collect::<Vec<_>>());
        assert_eq!(run.nodata_pixels(), run.pixels_without_data(&path, -32768.0));
        assert!(run.nodata_pixels() <= 1, "{}", run.nodata_pixels());
    }
}

#[test]
fn a_scene_in_which_nothing_is_found_ends_with_one_and_has_its_maps() {
    let Some(folder) = common::data() else { return };
    let library = folder.join(measured::BECKMAN);
    let out = tempfile::tempdir().unwrap();
    // Woods and lakes, over the whole range: no mineral comes near.
    let scene = folder.join("enmap_l2a_potsdam_128_128.tif");
    let output = measured::map(&scene, out.path(), &["--library", text(&library), "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["maps"][0]["unclassified_pixels"], 1023);
    assert!(measured::band(&out.path().join("sam_classes.tif"), 0).iter().all(|class| [0.0, 255.0].contains(class)));
    assert!(
        measured::band(&out.path().join("sam_scores.tif"), 0).iter().all(|angle| *angle == -9999.0 || *angle > 0.1)
    );
}

#[test]
fn emit_is_mapped_once_its_unit_is_given() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("emit20250324t221005_jpl_unmix_ex");
    let library = folder.join(measured::BECKMAN);
    let arguments = ["--library", text(&library), "--wavelengths", measured::SWIR];
    let said = refused(&path, &arguments);
    assert!(said.contains("no unit is declared") && said.contains("pass --wavelength-unit nm"), "{said}");
    let said = refused(&path, &[&arguments[..], &["--wavelength-unit", "um"]].concat());
    assert!(said.contains("um"), "{said}");
    let run = Run::of(&path, &[&arguments[..], &["--wavelength-unit", "nm"]].concat());
    run.is_a_swir_map(43);
    assert_eq!(run.nodata_pixels(), 0);
    // The other windows between the water bands, which hold -0.01 and are flagged, and all of them at once.
    for (range, bands) in [("0.4um-1.3um", 105), ("1.4um-1.8um", 45), ("0.4um-2.5um", 225)] {
        let run = Run::of(
            &path,
            &["--library", text(&library), "--wavelength-unit", "nm", "--wavelengths", range, "--threshold", "3"],
        );
        assert_eq!((run.centres().len(), run.nodata_pixels()), (bands, 0), "{range}");
    }
}

#[test]
fn a_rotated_grid_is_carried_over_exactly() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("ang20140912t192359_corr_v1c_img_2580-2590_540-550.img");
    let library = folder.join(measured::BECKMAN);
    let run = Run::of(&path, &["--library", text(&library), "--wavelengths", measured::SWIR]);
    run.is_a_swir_map(64);
    let grid = scene(&path).description.grid;
    let transform = grid.geotransform.unwrap();
    // map info: pixels of 3.1 m, rotation=53.
    let (sin, cos) = 53_f64.to_radians().sin_cos();
    let expected = [277_811.628, 3.1 * cos, 3.1 * sin, 4_483_607.425, 3.1 * sin, -3.1 * cos];
    assert!(transform.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{transform:?}");
    for name in ["sam_classes.tif", "sam_scores.tif", "sam_runner_up.tif"] {
        let map = scene(&run.file(name)).description.grid;
        assert_eq!(map.geotransform, Some(transform), "{name}");
        assert!(map.crs_wkt.is_some(), "{name}");
    }
    let area: f64 =
        run.report["maps"][0]["classes"].as_array().unwrap().iter().map(|c| c["km2"].as_f64().unwrap()).sum();
    let pixels = 100 - run.report["maps"][0]["unclassified_pixels"].as_u64().unwrap();
    // UTM's scale at this place is within 0.1 % of 1.
    assert!((area / (pixels as f64 * 9.61e-6) - 1.0).abs() < 2e-3, "{area} km2 for {pixels} pixels");
}

#[test]
fn jasper_ridge_is_mapped_by_index_or_with_a_table_of_bands() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("jasper_ridge_f224.img");
    let library = folder.join(measured::BECKMAN);
    let said = refused(&path, &["--library", text(&library)]);
    assert!(said.contains("there are no wavelengths") && said.contains("--bands-from"), "{said}");
    let said = refused(&path, &["--library", text(&library), "--match-bands-by-index"]);
    assert!(said.contains("480 channels, but the scene has 224 bands"), "{said}");

    // Two of its own pixels as targets.
    let own = tempfile::tempdir().unwrap();
    let table = own.path().join("own.csv");
    let pixels = [100 * 20 + 30, 100 * 77 + 5];
    let mut lines = String::from("channel,First,Second\n");
    for (channel, values) in (1..).zip(measured::bands(&path, &(0..224).collect::<Vec<_>>())) {
        let [first, second] = pixels.map(|p| values[p] / 10_000.0);
        lines.push_str(&format!("{channel},{first},{second}\n"));
    }
    std::fs::write(&table, lines).unwrap();
    let said = refused(&path, &["--library", text(&table)]);
    assert!(said.contains("no wavelengths"), "{said}");
    let run = Run::of(&path, &["--library", text(&table), "--match-bands-by-index"]);
    assert_eq!(run.report["bands_in_use"].as_array().unwrap().len(), 198);
    let (classes, angles) = (run.classes(), run.angles());
    for (pixel, class) in pixels.into_iter().zip([1.0, 2.0]) {
        assert_eq!(classes[pixel], class);
        assert!(angles[pixel] < 1e-6, "{} is not the angle of a spectrum with itself", angles[pixel]);
    }

    let bands = folder.join("sensors/aviris_1995.csv");
    let run = Run::of(
        &path,
        &[
            "--library",
            text(&library),
            "--wavelengths",
            measured::SWIR,
            "--bands-from",
            text(&bands),
            "--scale",
            "10000",
        ],
    );
    run.is_a_swir_map(33);
    assert!(run.said.contains("wavelengths from --bands-from"), "{}", run.said);
}

#[test]
fn a_fenix_outcrop_is_read_with_its_scale_and_nodata() {
    let Some(folder) = common::data() else { return };
    let path = folder.join("fenix_outcrop.dat");
    let described = scene(&path).description;
    assert_eq!((described.nodata, described.scaling.gain[0]), (Some(0.0), 1.0 / 65535.0));
    let library = folder.join(measured::BECKMAN);
    let run = Run::of(&path, &["--library", text(&library), "--wavelengths", measured::SWIR]);
    run.is_a_swir_map(58);
    assert_eq!(run.nodata_pixels(), 0);
    // No data in one band is enough: a value that occurs, declared as no data, takes its pixels out.
    let value = measured::band(&path, 420)[111];
    let run =
        Run::of(&path, &["--library", text(&library), "--wavelengths", measured::SWIR, "--nodata", &value.to_string()]);
    assert!(run.nodata_pixels() > 0);
    assert_eq!(run.nodata_pixels(), run.pixels_without_data(&path, value));
    assert_eq!(run.classes()[111], 255.0);
}

#[test]
fn wavelengths_out_of_order_are_sorted_and_detectors_cut() {
    let Some(folder) = common::data() else { return };
    let library = folder.join(measured::BECKMAN);
    // A line of single pixels; detector joins at three places, all within the whole range.
    let path = folder.join("cuprite97_pixels.img");
    let run = Run::of(&path, &["--library", text(&library), "--wavelengths", measured::SWIR]);
    run.is_a_swir_map(32);
    assert!(run.said.contains("not in rising order (at band 33 and 2 more)"), "{}", run.said);
    let asd = folder.join("usgs_splib07a_alteration_asd.sli");
    let run = Run::of(&path, &["--library", text(&asd), "--threshold", "3"]);
    let centres = run.centres();
    assert!(centres.windows(2).all(|pair| pair[0] < pair[1]), "bands in use go on rising");
    let both = Run::of(&path, &["--library", text(&asd), "--threshold", "3", "--keep-overlap"]);
    assert_eq!(both.centres().len() - centres.len(), 4, "two bands at each of two joins");
    assert_eq!(run.dropped("flagged bad").len(), 41);
}

#[test]
fn what_is_no_scene_is_refused() {
    let Some(folder) = common::data() else { return };
    let library = folder.join(measured::BECKMAN);
    for extra in [&[][..], &["--wavelengths", measured::SWIR]] {
        let arguments = [&["--library", text(&library)], extra].concat();
        let said = refused(&folder.join("cuprite95_tm_bands.tif"), &arguments);
        assert!(said.contains("there are no wavelengths") && said.contains("try:"), "{said}");
        for name in ["cuprite95_swir_rois_regions.img", "cuprite95_swir_rois_regions.hdr"] {
            let said = refused(&folder.join(name), &arguments);
            assert!(said.contains("'ENVI Classification' is not a scene"), "{said}");
        }
        let said = refused(&library, &arguments);
        assert!(said.contains("ENVI Spectral Library"), "{said}");
    }
}

/// Radians: a rule image may take the arc cosine of a f32 cosine where that is good to this.
const RULE: f64 = 1e-5;

#[test]
fn the_gpu_makes_the_same_maps() {
    let Some(folder) = common::data() else { return };
    let Some(device) = gpu::device() else { return };
    let adapter = device.facts().name.clone();
    let library = folder.join(measured::BECKMAN);
    for name in [
        "cuprite95_swir_rois.img",
        "cuprite97_pixels.img",
        "fenix_outcrop.dat",
        "enmap_l2a_potsdam_160_128.tif",
        "ang20140912t192359_corr_v1c_img_2580-2590_540-550.img",
    ] {
        let arguments = ["--library", text(&library), "--wavelengths", measured::SWIR, "--threshold", "3", "--rules"];
        let cpu = Run::of(&folder.join(name), &arguments);
        let gpu = Run::of(&folder.join(name), &[&arguments[..], &["--adapter", &adapter]].concat());
        assert!(gpu.report["backend"].as_str().unwrap().contains(&adapter), "{}", gpu.report["backend"]);
        assert_eq!(cpu.report["maps"][0]["classes"], gpu.report["maps"][0]["classes"], "{name}");
        for map in ["sam_classes.tif", "sam_scores.tif", "sam_runner_up.tif"] {
            let [a, b] = [&cpu, &gpu].map(|run| std::fs::read(run.file(map)).unwrap());
            assert!(a == b, "{map} of {name}");
        }
        let all: Vec<usize> = (0..38).collect();
        let [a, b] = [&cpu, &gpu].map(|run| measured::bands(&run.file("sam_rules.tif"), &all).concat());
        let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        eprintln!("{name}: rules differ by {largest:.1e} rad at most");
        assert!(largest <= RULE, "{name}: {largest}");
    }
}

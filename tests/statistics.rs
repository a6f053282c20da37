//! Statistics of a scene: the same bits however they are made, right against the textbook, and usable where scenes are
//! degenerate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use alunite::background::{Background, Statistics, Summands, Units};
use alunite::compute::Summing;
use alunite::compute::cpu::CpuSums;
use alunite::compute::gpu::{GpuSums, STATISTICS};
use alunite::tile::{SampleType, Samples, Scaling, Tile, Window};

mod common;
#[path = "common/cube.rs"]
mod cube;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/naive.rs"]
mod naive;

use cube::{alunite, done};

const BANDS: usize = 37;

/// Arguments that choose a backend; nothing where the policy allows to go without a GPU.
fn backends() -> Vec<Vec<String>> {
    let of = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    let mut all = vec![of(&["--backend", "cpu"])];
    if let Some(device) = gpu::device() {
        all.push(of(&["--backend", "gpu", "--adapter", &device.facts().name]));
    }
    all
}

/// `alunite stats SCENE --out FILE` with further arguments; the bytes of the file.
fn stats(scene: &Path, out: &Path, backend: &[String], more: &[&str]) -> Vec<u8> {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
        vec![&"stats", &scene, &"--out", &out, &"--overwrite", &"--quiet"];
    backend.iter().for_each(|a| arguments.push(a));
    more.iter().for_each(|a| arguments.push(a));
    done(&arguments);
    let left: Vec<_> = std::fs::read_dir(out.parent().unwrap()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(!left.iter().any(|f| f.to_string_lossy().ends_with("-parts")), "{left:?}");
    std::fs::read(out).unwrap()
}

/// Shapes with one strip and with several, with units of one line and of many.
fn scenes(folder: &Path) -> Vec<(PathBuf, usize)> {
    [(70, 90), (23, 300), (300, 3), (9, 2500)]
        .into_iter()
        .map(|(lines, samples)| {
            let values = cube::ground(lines, samples, BANDS);
            (cube::write(folder, &format!("scene-{samples}"), (lines, samples, BANDS), &values), lines)
        })
        .collect()
}

#[test]
fn tile_heights_threads_and_shards_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    for (scene, lines) in scenes(folder.path()) {
        for backend in backends() {
            let once = stats(&scene, &out.join("whole.stats"), &backend, &[]);
            let whole = lines.to_string();
            for height in ["1", "7", "64", &whole] {
                for threads in ["1", "2", "7"] {
                    let more = ["--tile-lines", height, "--threads", threads];
                    let found = stats(&scene, &out.join("cut.stats"), &backend, &more);
                    assert!(found == once, "{}, {backend:?}, {more:?}", scene.display());
                }
            }
            let small = stats(&scene, &out.join("small.stats"), &backend, &["--max-memory", "300MiB"]);
            assert!(small == once, "{}, {backend:?}, a small ceiling", scene.display());
            let shards: Vec<PathBuf> = (1..=5).map(|i| out.join(format!("shard-{i}.stats"))).collect();
            for (i, shard) in shards.iter().enumerate() {
                stats(
                    &scene,
                    shard,
                    &backend,
                    &["--shard", &format!("{}/5", i + 1), "--tile-lines", &(i + 1).to_string()],
                );
            }
            let merged = out.join("merged.stats");
            for order in [[0, 1, 2, 3, 4], [3, 0, 4, 2, 1]] {
                let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
                    vec![&"stats", &"--out", &merged, &"--overwrite", &"--merge"];
                order.iter().for_each(|&i: &usize| arguments.push(&shards[i]));
                done(&arguments);
                assert!(std::fs::read(&merged).unwrap() == once, "{}, {backend:?}, shards {order:?}", scene.display());
            }
        }
    }
}

#[test]
fn shards_that_overlap_or_are_missing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, _) = scenes(folder.path()).remove(0);
    let cpu = &backends()[0];
    let file = |name: &str| folder.path().join(name);
    for i in 1..=3 {
        stats(&scene, &file(&format!("{i}.stats")), cpu, &["--shard", &format!("{i}/3")]);
    }
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let twice = alunite(&[&"stats", &"--out", &file("x.stats"), &"--merge", &file("1.stats"), &file("1.stats")]);
    assert!(twice.status.code() == Some(2) && said(&twice).contains("holds pixels that another"), "{}", said(&twice));
    done(&[&"stats", &"--out", &file("part.stats"), &"--merge", &file("1.stats"), &file("3.stats")]);
    let library = cube::library(folder.path(), BANDS);
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 10] = [
        &"map",
        &scene,
        &"--library",
        &library,
        &"--method",
        &"mf",
        &"--out",
        &file("maps"),
        &"--stats",
        &file("part.stats"),
    ];
    let part = alunite(&arguments);
    assert!(part.status.code() == Some(2) && said(&part).contains("a part of the scene"), "{}", said(&part));
    assert!(!file("maps").join("mf_classes.tif").exists());
}

/// The moments of pixels of one column, which are one unit, on a device.
fn background(device: &mut dyn Summing, pixels: &[Vec<f32>]) -> alunite::error::Result<Background> {
    let (count, bands) = (pixels.len(), pixels[0].len());
    let mut tile = Tile::zeros(Window { x: 0, y: 0, width: 1, height: count }, bands, SampleType::F32);
    for (p, x) in pixels.iter().enumerate() {
        for (b, &v) in x.iter().enumerate() {
            let at = tile.index(b, p);
            let Samples::F32(values) = &mut tile.samples else { unreachable!() };
            values[at] = v;
        }
    }
    let about: Vec<f64> = pixels[0].iter().map(|&v| f64::from(v)).collect();
    let units = Units::new(count, 1, None);
    let units = units.within(tile.window).unwrap();
    let (counts, scaling) = (vec![true; count], Scaling::identity(bands).less(&about));
    let (summands, sums) =
        (Summands { tile: &tile, counts: &counts, nodata: None, scaling: &scaling }, Mutex::default());
    device.sum(&summands, &units, &|_, moments| Vec::push(&mut sums.lock().unwrap(), moments))?;
    let sums = sums.into_inner().unwrap();
    assert_eq!(sums.len(), 1);
    Ok(Background::new(&about, &sums[0]).unwrap())
}

/// Mean within 1e-9, covariance within 2e-8 of its largest entry, as asked; how far they are is far less.
fn close(found: &Background, mean: &[f64], covariance: &ndarray::Array2<f64>) -> Result<(f64, f64), String> {
    let relative = found.mean.iter().zip(mean).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
    let largest = covariance.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let worst = (&found.covariance - covariance).iter().fold(0.0_f64, |m, v| m.max(v.abs())) / largest;
    if relative <= 1e-9 && worst <= 2e-8 {
        Ok((relative, worst))
    } else {
        Err(format!("mean {relative:e}, covariance {worst:e}"))
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    pixels: Vec<Vec<f64>>,
    mean: Vec<f64>,
    covariance: Vec<Vec<f64>>,
}

#[test]
fn statistics_are_those_of_numpy() {
    let golden: Golden = serde_json::from_str(include_str!("golden/background_methods.json")).unwrap();
    let pixels: Vec<Vec<f32>> = golden.pixels.iter().map(|x| x.iter().map(|&v| v as f32).collect()).collect();
    let bands = golden.mean.len();
    let covariance = ndarray::Array2::from_shape_vec((bands, bands), golden.covariance.concat()).unwrap();
    let mut devices: Vec<(&str, Box<dyn Summing>)> = vec![("CPU", Box::new(CpuSums::new(2).unwrap()))];
    devices.extend(gpu::device().map(|d| ("GPU", Box::new(GpuSums::new(d, 2).unwrap()) as Box<dyn Summing>)));
    for (name, device) in &mut devices {
        let (mean, worst) = close(&background(&mut **device, &pixels).unwrap(), &golden.mean, &covariance).unwrap();
        eprintln!("{name} against numpy: mean {mean:.1e}, covariance {worst:.1e} of its largest entry");
    }
}

/// One product of bytes, and one value of a thousand, off by 1 %: found by the check of every batch, or by the comparison.
#[test]
fn a_wrong_sum_is_found_out() {
    let mut random = cube::Random(5);
    let pixels: Vec<Vec<f32>> = (0..704).map(|_| (0..BANDS).map(|_| random.unit() as f32).collect()).collect();
    let wide: Vec<Vec<f64>> = pixels.iter().map(|x| x.iter().map(|&v| f64::from(v)).collect()).collect();
    let exact = naive::Statistics::of(&wide, [0.5, 0.5]);
    let mut wrong = pixels.clone();
    wrong[350][11] *= 1.01;
    let found = background(&mut CpuSums::new(1).unwrap(), &wrong).unwrap();
    assert!(close(&found, &exact.mean, &exact.covariance).is_err(), "a wrong value passes");
    let Some(device) = gpu::device() else { return };
    for (from, to) in [
        ("weighted[pair][6] += dot4I8Packed(p.w, q.w);", "weighted[pair][6] += dot4I8Packed(p.w, q.w) * 101 / 100;"),
        ("quad < sum.quads", "quad < sum.quads - 1u"),
        ("dot4I8Packed(p.y, q.z)", "0"),
    ] {
        assert!(STATISTICS.contains(from), "'{from}' is no longer in the shader");
        let mut sums = GpuSums::with_shader(device.clone(), 1, &STATISTICS.replacen(from, to, 1)).unwrap();
        let passes = background(&mut sums, &pixels).is_ok_and(|b| close(&b, &exact.mean, &exact.covariance).is_ok());
        assert!(!passes, "'{to}' passes");
    }
}

/// Statistics of measured scenes through the program, against two passes in f64 over the values that were read.
#[test]
fn statistics_of_measured_scenes_are_those_of_the_textbook() {
    let Some(data) = common::data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [
        ("jasper_ridge_f224.img", &["--scale", "10000"][..]),
        ("cuprite95_swir_rois.img", &[]),
        ("enmap_l2a_potsdam_128_128.tif", &[]),
    ] {
        for backend in backends() {
            let file = folder.path().join("scene.stats");
            stats(&data.join(name), &file, &backend, more);
            let statistics = Statistics::read(&file).unwrap();
            let found = statistics.backgrounds(name).unwrap().remove(0).unwrap();
            let scale = if name.starts_with("jasper") {
                1e-4
            } else if name.starts_with("cup") {
                1e-3
            } else {
                1e-4
            };
            let bands = measured::bands(&data.join(name), &statistics.origin.bands);
            let nodata = if name.starts_with("enmap") { -32768.0 } else { -9999.0 };
            let valid = (0..bands[0].len())
                .filter(|&p| bands.iter().all(|b| b[p] != nodata) && bands.iter().any(|b| b[p] != 0.0));
            let pixels: Vec<Vec<f64>> = valid.map(|p| bands.iter().map(|b| b[p] * scale).collect()).collect();
            assert_eq!(found.count, pixels.len() as u64, "{name}");
            let exact = naive::Statistics::of(&pixels, [1.0, 1.0]);
            let (mean, worst) = close(&found, &exact.mean, &exact.covariance).unwrap();
            eprintln!("{name}, {}: mean {mean:.1e}, covariance {worst:.1e} of its largest entry", backend[1]);
        }
    }
}

/// Every value of every raster in a folder is finite.
fn assert_finite(out: &Path) {
    let mut rasters = 0;
    for file in std::fs::read_dir(out).unwrap().map(|f| f.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "tif") {
            let scene = alunite::scene::Scene::open(&file, &alunite::scene::SceneOptions::default()).unwrap();
            for band in 0..scene.description.bands {
                let values = measured::band(&file, band);
                assert!(values.iter().all(|v| v.is_finite()), "{}, band {band}", file.display());
            }
            rasters += 1;
        }
    }
    assert!(rasters > 0);
}

/// Scenes from which no covariance can be had as they are: a result that says how it was shrunk, or a refusal that says why.
#[test]
fn degenerate_scenes_have_results_or_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let library = cube::library(folder.path(), BANDS);
    let (lines, samples) = (20, 30);
    let natural = cube::ground(lines, samples, BANDS);
    let change = |change: &dyn Fn(usize, usize, f32) -> f32| -> Vec<f32> {
        natural.iter().enumerate().map(|(i, &v)| change(i / BANDS, i % BANDS, v)).collect()
    };
    let few = cube::ground(4, 5, BANDS);
    type Case = (&'static str, (usize, usize), Vec<f32>, Option<&'static str>);
    let cases: [Case; 8] = [
        ("few", (4, 5), few, None),
        ("constant-bands", (lines, samples), change(&|_, b, v| if b == 5 || b == 20 { 0.4 } else { v }), None),
        (
            "duplicated-bands",
            (lines, samples),
            natural.iter().enumerate().map(|(i, &v)| if i % BANDS == 9 { natural[i - 1] } else { v }).collect(),
            None,
        ),
        ("zero-band", (lines, samples), change(&|_, b, v| if b == 7 { 0.0 } else { v }), None),
        ("two-valid", (lines, samples), change(&|p, _, v| if p == 17 || p == 18 { v } else { -9999.0 }), None),
        ("one-valid", (lines, samples), change(&|p, _, v| if p == 17 { v } else { -9999.0 }), Some("no band varies")),
        ("none-valid", (lines, samples), vec![-9999.0; lines * samples * BANDS], Some("no data")),
        ("constant-scene", (lines, samples), vec![0.25; lines * samples * BANDS], Some("no band varies")),
    ];
    for (name, (lines, samples), values, refusal) in cases {
        let scene = cube::write(folder.path(), name, (lines, samples, BANDS), &values);
        for backend in backends() {
            let out = folder.path().join(format!("{name}-{}", backend[1]));
            let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![
                &"map",
                &scene,
                &"--library",
                &library,
                &"--method",
                &"sam,mf,ace,cem,rx",
                &"--rules",
                &"--out",
                &out,
            ];
            backend.iter().for_each(|a| arguments.push(a));
            let output = alunite(&arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("panicked"), "{name}: {said}");
            match refusal {
                Some(reason) => {
                    assert_eq!(output.status.code(), Some(2), "{name}: {said}");
                    assert!(said.contains(reason), "{name}: {said}");
                    assert!(!out.join("mf_scores.tif").exists());
                }
                None => {
                    assert!([Some(0), Some(1)].contains(&output.status.code()), "{name}: {said}");
                    assert_finite(&out);
                    let report: serde_json::Value =
                        serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap();
                    let factors = report["background"]["factors"].as_array().unwrap();
                    assert_eq!(factors.len(), 2, "covariance and correlation matrix");
                    assert!(said.contains("shrinkage") && said.contains("effective rank"), "{said}");
                    let shrunk = factors[0]["shrinkage"].as_f64().unwrap() > 0.0;
                    assert_eq!(
                        shrunk,
                        name == "few" || name == "duplicated-bands" || name == "two-valid",
                        "{name}: {factors:?}"
                    );
                    let constant = factors[0]["constant_bands"].as_array().unwrap().len();
                    assert_eq!(
                        constant,
                        match name {
                            "constant-bands" => 2,
                            "zero-band" => 1,
                            _ => 0,
                        },
                        "{name}"
                    );
                }
            }
        }
        // A singular covariance is not used as it is.
        if name == "duplicated-bands" {
            let out = folder.path().join("none");
            let output = alunite(&[
                &"map",
                &scene,
                &"--library",
                &library,
                &"--method",
                &"mf",
                &"--shrinkage",
                &"none",
                &"--out",
                &out,
                &"--backend",
                &"cpu",
            ]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains("singular"), "{said}");
        }
    }
}

//! The ceiling on memory: as the plan counts it, and as the system does.

use alunite::map::set_cache_bytes;
use alunite::pipeline::{self, Limits, Pass, Processor, Silent};
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{DriverManager, Metadata as _};

#[path = "common/cli.rs"]
mod cli;

use cli::World;

/// A line, which is a tile here, is a whole number of vectors.
const SAMPLES: usize = 64;

#[test]
fn every_tile_under_way_is_counted() {
    let world = World::sized(8, SAMPLES);
    let planned = world.planned();
    let limits = |max_memory: usize, under_way: usize| Limits {
        max_memory,
        device_tile: usize::MAX,
        under_way,
        threads: 1,
        tile_lines: Some(1),
    };
    let pass = Pass {
        processor: &Processor::cpu(1),
        limits: &limits(1 << 30, 1),
        folder: &world.path("parts"),
        observer: &Silent,
    };
    let (task, _) = pipeline::prepare(&planned, &pass).expect("a task");
    // The least ceiling that a plan fits under, to the byte.
    let least = |under_way: usize| {
        let fits = |bytes: usize| planned.cut(&task, None, &limits(bytes, under_way)).is_ok();
        let (mut refused, mut fit) = (0, 1 << 30);
        assert!(fits(fit));
        while fit - refused > 1 {
            let middle = (refused + fit) / 2;
            if fits(middle) { fit = middle } else { refused = middle }
        }
        fit
    };
    let samples = SAMPLES * cli::BANDS * 4;
    for (fewer, more) in [(1, 2), (2, 3)] {
        // In memory, in staging, on a software device.
        assert!(least(more) >= least(fewer) + 3 * samples, "{} and {} bytes", least(fewer), least(more));
    }
}

/// A row of this scene's blocks takes more than the ceiling when several are under way; a block does not. Also the blocks that
/// were read are not kept: they were, up to half the ceiling.
#[test]
fn a_wide_scene_of_compressed_blocks_stays_under_the_ceiling() {
    const BANDS: usize = 48;
    let (samples, lines, block) = (4096, 512, 256);
    let world = World::new();
    let path = world.path("wide.tif");
    // What this process holds counts as the child's when it starts.
    set_cache_bytes(8 << 20);
    let options = RasterCreationOptions::from_iter(["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "INTERLEAVE=BAND"]);
    let driver = DriverManager::get_driver_by_name("GTiff").expect("GTiff");
    let dataset =
        driver.create_with_band_type_with_options::<i16, _>(&path, samples, lines, BANDS, &options).expect("a file");
    let (names, near) = (["Alunite", "Kaolinite"], |band: usize, at: f64| (-((band as f64 - at) / 4.0).powi(2)).exp());
    let mut csv = format!("wavelength_nm,fwhm_nm,{}\n", names.join(","));
    for band in 0..BANDS {
        let nm = 2000.0 + 10.0 * band as f64;
        csv += &format!("{nm},10,{:.6},{:.6}\n", 0.6 - 0.3 * near(band, 16.0), 0.6 - 0.3 * near(band, 30.0));
        let mut raster = dataset.rasterband(band + 1).expect("a band");
        raster.set_scale(1e-4).expect("a scale");
        for (key, value) in [("wavelength", nm.to_string()), ("fwhm", "10".into()), ("wavelength_units", "nm".into())] {
            raster.set_metadata_item(key, &value, "").expect("an item");
        }
        for y in (0..lines).step_by(block) {
            for x in (0..samples).step_by(block) {
                let value = |p: usize| {
                    let (x, y) = (x + p % block, y + p / block);
                    let noise = (x * 31 + y * 17 + band * (7 + (x * y) % 5)) % 97;
                    (4000.0 - 1500.0 * near(band, (x / 64 % BANDS) as f64) + noise as f64) as i16
                };
                let mut buffer = Buffer::new((block, block), (0..block * block).map(value).collect());
                raster.write((x as isize, y as isize), (block, block), &mut buffer).expect("room on the disk");
            }
        }
    }
    dataset.close().expect("room on the disk");
    world.write("library.csv", csv);
    let mut command = world.alunite();
    command.args(["map", "wide.tif", "--library", "library.csv", "--method", "sam,mf", "--out", "maps"]);
    command.args(["--backend", "cpu", "--threads", "2", "--max-memory", "288MiB"]).assert().success();
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes the structure that it is given, which is of plain numbers.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let mib = usage.ru_maxrss as usize * unit / (1 << 20);
    assert!((50..=288).contains(&mib), "{mib} MiB");
}

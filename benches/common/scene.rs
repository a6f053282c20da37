//! Writes made ground as scenes: raw ENVI in any interleave, tiled GeoTIFF, and EMIT's netCDF.
//!
//! Scenes are large and always the same, so one that is there is used again: `ALUNITE_BENCH_DIR`, default `target/bench`,
//! holds them. The memory is that of some lines for each thread.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use alunite::spectrum::{Bands, Nanometers};
use alunite::tile::{Interleave, SampleType};

use super::ground::Ground;
use super::machine::cores;
use super::{emit, tiff};

/// Another number makes all scenes anew: raise it when the ground changes.
const EDITION: &str = "scenes-1";
/// Lines that a thread makes and writes at once.
const LINES: usize = 16;

/// UTM zone 38N over the Lesser Caucasus: west and north edge, and pixels of EnMAP's 30 m.
pub(crate) const ORIGIN: (f64, f64) = (520_000.0, 4_440_000.0);
pub(crate) const PIXEL: f64 = 30.0;
/// Stored value of reflectance 1 in integer scenes.
pub(crate) const SCALE: f32 = 10_000.0;

/// How a scene lies on disk.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Format {
    Envi(Interleave),
    /// GDAL's word for the compression.
    Tiff(&'static str),
    /// EMIT's netCDF-4, always f32.
    Emit,
}

impl Format {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Envi(interleave) => format!("ENVI {interleave:?}").to_uppercase(),
            Self::Tiff(compression) => format!("GeoTIFF {compression}"),
            Self::Emit => "EMIT netCDF".to_owned(),
        }
    }
}

/// A scene to make.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    pub(crate) sample_type: SampleType,
}

impl Shape {
    pub(crate) fn pixels(self) -> usize {
        self.lines * self.samples
    }
}

/// Where scenes are kept.
pub(crate) fn folder() -> PathBuf {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let folder = std::env::var_os("ALUNITE_BENCH_DIR").map_or_else(here, PathBuf::from).join(EDITION);
    std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    folder
}

/// A type that scenes store.
pub(crate) trait Stored: bytemuck::Pod + gdal::raster::GdalType + Into<f64> + std::fmt::Debug + Send {
    const NODATA: Self;
    /// ENVI's number for it.
    const ENVI: u8;
    /// A reflectance; NaN is no data.
    fn of(reflectance: f32) -> Self;
}

impl Stored for f32 {
    const NODATA: Self = -9999.0;
    const ENVI: u8 = 4;
    fn of(reflectance: f32) -> Self {
        if reflectance.is_nan() { Self::NODATA } else { reflectance }
    }
}

impl Stored for i16 {
    const NODATA: Self = Self::MIN;
    const ENVI: u8 = 2;
    fn of(reflectance: f32) -> Self {
        if reflectance.is_nan() { Self::NODATA } else { (reflectance * SCALE + 0.5) as Self }
    }
}

/// The scene in a folder, made if it is not there.
pub(crate) fn scene(folder: &Path, ground: &Ground, shape: Shape, format: Format) -> PathBuf {
    let Shape { lines, samples, sample_type } = shape;
    let (kind, bands) = (format.name().replace(' ', "-").to_lowercase(), ground.bands.len());
    let border = if ground.bordered { "-bordered" } else { "" };
    let path = folder.join(format!("{kind}-{}-{samples}x{lines}x{bands}{border}", sample_type.name()));
    match sample_type {
        SampleType::F32 => written::<f32>(&path, ground, shape, format),
        SampleType::I16 => written::<i16>(&path, ground, shape, format),
        _ => unreachable!("made scenes are f32 or i16"),
    }
}

fn written<T: Stored>(path: &Path, ground: &Ground, shape: Shape, format: Format) -> PathBuf {
    // The file that is written last, or renamed, says that all is there.
    let (cube, last) = match format {
        Format::Envi(_) => (path.with_extension("img"), path.with_extension("hdr")),
        Format::Tiff(_) => (path.with_extension("tif"), path.with_extension("tif")),
        Format::Emit => (path.with_extension("nc"), path.with_extension("nc")),
    };
    if !last.exists() {
        println!("making {}", cube.display());
        match format {
            Format::Envi(interleave) => {
                envi::<T>(&cube, ground, shape, interleave);
                std::fs::write(&last, header::<T>(&ground.bands, shape, interleave)).expect("a header");
            }
            Format::Tiff(compression) => tiff::write::<T>(&cube, ground, shape, compression),
            Format::Emit => emit::write(&cube, ground, shape),
        }
    }
    cube
}

/// Some lines as they lie in a file of this interleave.
pub(crate) fn block<T: Stored>(ground: &Ground, lines: Range<usize>, samples: usize, interleave: Interleave) -> Vec<T> {
    let (bands, height) = (ground.bands.len(), lines.len());
    let mut values = vec![0.0; bands * samples];
    let mut block = vec![T::NODATA; height * bands * samples];
    for (line, y) in lines.enumerate() {
        ground.reflectance(y, samples, &mut values);
        for (band, row) in values.chunks_exact(samples).enumerate() {
            let (first, step) = match interleave {
                Interleave::Bil => ((line * bands + band) * samples, 1),
                Interleave::Bip => (line * samples * bands + band, bands),
                Interleave::Bsq => ((band * height + line) * samples, 1),
            };
            block[first..].iter_mut().step_by(step).zip(row).for_each(|(to, from)| *to = T::of(*from));
        }
    }
    block
}

fn envi<T: Stored>(path: &Path, ground: &Ground, shape: Shape, interleave: Interleave) {
    let file = File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (bands, samples) = (ground.bands.len(), shape.samples);
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let first = next.fetch_add(LINES, Ordering::Relaxed);
            if first >= shape.lines {
                break;
            }
            let lines = first..(first + LINES).min(shape.lines);
            let block = block::<T>(ground, lines.clone(), samples, interleave);
            // Of BSQ a piece for each band, else one for all.
            let (pieces, step) = match interleave {
                Interleave::Bsq => (bands, shape.lines * samples),
                _ => (1, 0),
            };
            let start = if pieces == 1 { first * bands * samples } else { first * samples };
            for (i, piece) in block.chunks_exact(block.len() / pieces).enumerate() {
                let at = (start + i * step) * size_of::<T>();
                file.write_all_at(bytemuck::cast_slice(piece), at as u64).expect("room on the disk");
            }
        }
    };
    std::thread::scope(|scope| (0..cores()).for_each(|_| drop(scope.spawn(work))));
}

fn header<T: Stored>(bands: &Bands, shape: Shape, interleave: Interleave) -> String {
    let Shape { lines, samples, sample_type } = shape;
    let list = |values: &[Nanometers]| values.iter().map(|v| format!("{:.4}", v.0)).collect::<Vec<_>>().join(", ");
    let scale = match sample_type {
        SampleType::F32 => String::new(),
        _ => format!("reflectance scale factor = {SCALE}\n"),
    };
    format!(
        "ENVI\ndescription = {{made ground for benches, not measured}}\nsamples = {samples}\nlines = {lines}\n\
         bands = {}\nheader offset = 0\nfile type = ENVI Standard\ndata type = {}\ninterleave = {}\nbyte order = 0\n\
         data ignore value = {:?}\n{scale}wavelength units = Nanometers\nwavelength = {{{}}}\nfwhm = {{{}}}\n\
         bbl = {{{}}}\n\
         map info = {{UTM, 1, 1, {}, {}, {PIXEL}, {PIXEL}, 38, North, WGS-84, units=Meters}}\n",
        bands.len(),
        T::ENVI,
        format!("{interleave:?}").to_lowercase(),
        T::NODATA,
        list(&bands.centres),
        list(&bands.fwhm_or_spacing()),
        // All are used, whatever the air does: the kernels' bands are counted.
        vec!["1"; bands.len()].join(", "),
        ORIGIN.0,
        ORIGIN.1,
    )
}

//! ENVI cubes and libraries of made-up values, for tests that need a shape of their own.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The centre of a band in nanometres.
pub(crate) fn wavelength(band: usize) -> f64 {
    2000.0 + 7.0 * band as f64
}

/// Reproducible numbers from 0 to 1.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A mineral's reflectance: a slope with one absorption at a place of its own.
pub(crate) fn mineral(which: usize, band: usize, bands: usize) -> f64 {
    let at = band as f64 / bands as f64;
    0.6 + 0.1 * at - 0.35 * (-((at - 0.2 - 0.25 * which as f64) / 0.07).powi(2)).exp()
}

/// Natural ground: three shaded covers in changing shares, and noise; a tenth of a mineral in every 29th pixel.
pub(crate) fn ground(lines: usize, samples: usize, bands: usize) -> Vec<f32> {
    let mut random = Random(3);
    let mut values = vec![0.0; lines * samples * bands];
    for p in 0..lines * samples {
        let (a, b, light) = (random.unit(), random.unit(), 0.5 + 0.6 * random.unit());
        let planted = if p % 29 == 7 { 0.1 } else { 0.0 };
        for band in 0..bands {
            let at = band as f64 / bands as f64;
            let cover = 0.2 + 0.2 * a * at + 0.15 * b * (3.0 * at).sin() + 0.05 * a * b * (9.0 * at).cos();
            let mixed = (1.0 - planted) * cover + planted * mineral(p % 3, band, bands);
            values[p * bands + band] = (mixed * light + 0.004 * random.normal()) as f32;
        }
    }
    values
}

/// Writes float32 BIL from `[pixel][band]`; nothing is declared as no data but −9999.
pub(crate) fn write(
    folder: &Path,
    name: &str,
    (lines, samples, bands): (usize, usize, usize),
    values: &[f32],
) -> PathBuf {
    std::fs::create_dir_all(folder).expect("folder");
    let mut bytes = Vec::with_capacity(values.len() * 4);
    for line in 0..lines {
        for band in 0..bands {
            (0..samples).for_each(|s| bytes.extend(values[(line * samples + s) * bands + band].to_le_bytes()));
        }
    }
    let list = |f: &dyn Fn(usize) -> f64| (0..bands).map(|b| f(b).to_string()).collect::<Vec<_>>().join(", ");
    let header = format!(
        "ENVI\nsamples = {samples}\nlines = {lines}\nbands = {bands}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = 4\ninterleave = bil\nbyte order = 0\ndata ignore value = -9999\nwavelength units = Nanometers\n\
         wavelength = {{{}}}\nfwhm = {{{}}}\n",
        list(&wavelength),
        list(&|_| 7.0)
    );
    std::fs::write(folder.join(format!("{name}.hdr")), header).expect("header");
    let path = folder.join(format!("{name}.img"));
    std::fs::write(&path, bytes).expect("cube");
    path
}

/// A library of three minerals on the bands of the cubes.
pub(crate) fn library(folder: &Path, bands: usize) -> PathBuf {
    std::fs::create_dir_all(folder).expect("folder");
    let mut text = "wavelength_nm,fwhm_nm,one,two,three\n".to_owned();
    for band in 0..bands {
        let values: Vec<String> = (0..3).map(|m| format!("{:.6}", mineral(m, band, bands))).collect();
        text += &format!("{},7,{}\n", wavelength(band), values.join(","));
    }
    let path = folder.join("library.csv");
    std::fs::write(&path, text).expect("library");
    path
}

/// The program.
pub(crate) fn alunite(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
    command.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    for argument in arguments {
        command.arg(argument);
    }
    command.output().expect("run")
}

/// The program, which must succeed; gives what it said on standard error.
pub(crate) fn done(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let output = alunite(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

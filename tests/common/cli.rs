//! A small world for tests of the program: a scene, a library and an output folder in a folder of their own.
//!
//! The scene is an ENVI cube (BIL, float32, nanometres) of three minerals at several brightnesses, and one pixel of no
//! data. Tests change its header or its bytes and look at what the program says.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};

use alunite::pipeline::{Planned, Request, plan};
use assert_cmd::Command;
use tempfile::TempDir;

pub(crate) const BANDS: usize = 12;
pub(crate) const LINES: usize = 8;
pub(crate) const SAMPLES: usize = 6;
pub(crate) const NAMES: [&str; 3] = ["Alunite GDS84", "Kaolinite KGa-1", "Calcite WS272"];
pub(crate) const NODATA: f32 = -9999.0;

/// What a run of the default method may leave, besides rules.
pub(crate) const MAPS: [&str; 10] = [
    "sam_classes.tif",
    "sam_classes.qml",
    "sam_scores.tif",
    "sam_runner_up.tif",
    "sam_runner_up.qml",
    "alteration.tif",
    "alteration.qml",
    "targets.gpkg",
    "quicklook.png",
    "run.json",
];

/// The centre of a band in nanometres.
pub(crate) fn wavelength(band: usize) -> f64 {
    2000.0 + 20.0 * band as f64
}

/// A mineral's reflectance: a slope with one absorption, at a place of its own.
pub(crate) fn reflectance(mineral: usize, band: usize) -> f64 {
    let distance = (band as f64 - 2.5 - 3.0 * mineral as f64) / 1.5;
    0.5 + 0.01 * band as f64 - 0.3 * (-distance * distance).exp()
}

/// A header of ENVI's for float32 BIL, with wavelengths.
fn header(lines: usize, samples: usize) -> String {
    let list = |value: &dyn Fn(usize) -> f64| (0..BANDS).map(|b| value(b).to_string()).collect::<Vec<_>>().join(", ");
    format!(
        "ENVI\nsamples = {samples}\nlines = {lines}\nbands = {BANDS}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = 4\ninterleave = bil\nbyte order = 0\ndata ignore value = {NODATA}\n\
         wavelength units = Nanometers\nwavelength = {{ {} }}\nfwhm = {{ {} }}\n",
        list(&wavelength),
        list(&|_| 20.0)
    )
}

/// Float32 BIL from the value of (line, sample, band).
pub(crate) fn bil(lines: usize, samples: usize, value: impl Fn(usize, usize, usize) -> f32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines * samples * BANDS * 4);
    for line in 0..lines {
        for band in 0..BANDS {
            for sample in 0..samples {
                bytes.extend(value(line, sample, band).to_le_bytes());
            }
        }
    }
    bytes
}

/// A library as CSV: a column for each name, on channels at `wavelength(i)` nm; `None` is a deleted channel.
pub(crate) fn csv(
    names: &[&str],
    wavelength: impl Fn(usize) -> f64,
    value: impl Fn(usize, usize) -> Option<f64>,
) -> String {
    let mut text = format!("wavelength_nm,fwhm_nm,{}\n", names.join(","));
    for band in 0..BANDS {
        let cell = |i: usize| value(i, band).map_or(String::new(), |v| format!("{v:.6}"));
        let cells: Vec<String> = (0..names.len()).map(cell).collect();
        text.push_str(&format!("{},20,{}\n", wavelength(band), cells.join(",")));
    }
    text
}

pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// The small scene and its library.
    pub(crate) fn new() -> Self {
        Self::sized(LINES, SAMPLES)
    }

    /// A scene of another size.
    pub(crate) fn sized(lines: usize, samples: usize) -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let data = bil(lines, samples, |line, sample, band| match (line, sample) {
            (0, 0) => NODATA,
            _ => (reflectance((line + sample) % 3, band) * (1.0 + 0.1 * (line % 7) as f64)) as f32,
        });
        world.write("scene.img", data);
        world.write("scene.hdr", header(lines, samples));
        world.write("library.csv", csv(&NAMES, wavelength, |i, band| Some(reflectance(i, band))));
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A map of the scene with the spectral angle, planned by the library's own function.
    pub(crate) fn planned(&self) -> Planned {
        let request = Request {
            scene: self.path("scene.img"),
            libraries: vec![self.path("library.csv")],
            methods: vec!["sam".into()],
            ..Request::default()
        };
        plan(&request).expect("a plan")
    }

    /// The output folder of [`World::map`].
    pub(crate) fn out(&self) -> PathBuf {
        self.path("maps")
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).expect("the file can be written");
    }

    /// Replaces a line of the scene's header, removes it (`None`), or adds it.
    pub(crate) fn set(&self, key: &str, value: Option<&str>) {
        let path = self.path("scene.hdr");
        let text = std::fs::read_to_string(&path).expect("the header can be read");
        let mut kept: Vec<String> =
            text.lines().filter(|l| !l.starts_with(&format!("{key} = "))).map(str::to_owned).collect();
        kept.extend(value.map(|v| format!("{key} = {v}")));
        self.write("scene.hdr", kept.join("\n") + "\n");
    }

    /// The program, in this folder.
    pub(crate) fn alunite(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alunite"));
        self.prepare(&mut command);
        command
    }

    /// A shell in this folder that runs `script` with the program as `$0`.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_alunite")]);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("XDG_RUNTIME_DIR", self.folder.path());
    }

    /// The arguments of a plain run on the CPU.
    pub(crate) fn plain() -> [&'static str; 8] {
        ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--backend", "cpu"]
    }

    /// A plain run on the CPU with further arguments.
    pub(crate) fn map(&self, more: &[&str]) -> Command {
        let mut command = self.alunite();
        command.args(Self::plain()).args(more);
        command
    }

    /// All files under a folder, hidden ones too; none when the folder is not there.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, found),
                    path => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(folder), &mut found);
        found.sort();
        found
    }

    /// Asserts that two folders hold all maps with the same bytes; `run.json` tells of the run and differs.
    pub(crate) fn assert_same_maps(&self, one: &str, other: &str) {
        for name in MAPS.iter().filter(|n| **n != "run.json") {
            let [a, b] = [one, other].map(|f| std::fs::read(self.path(f).join(name)).ok());
            // Targets without the name of a mineral make no zones; areas are the command's, which not every test runs.
            assert!(a.is_some() || ["alteration", "targets"].iter().any(|w| name.starts_with(w)), "{name} is missing");
            if *name == "targets.gpkg" && (a.is_none() || b.is_none()) {
                continue;
            }
            assert!(a == b, "{name} is not the same in {one} and {other}");
        }
    }
}

//! The process that runs the rivals: `benches/peers/worker.py`, which holds the arrays in its memory.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use alunite::tile::Samples;
use ndarray::Array2;
use tempfile::TempDir;

use crate::common::arrays::Arrays;
use crate::common::machine::python;
use crate::contests::Rival;

/// Rivals that wait for orders.
pub(crate) struct Worker {
    folder: TempDir,
    /// Nobody, where there is no Python.
    process: Option<Process>,
    /// Of each module that is there.
    versions: BTreeMap<String, String>,
}

struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(scene: &Arrays, threads: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("pixels.f32"), by_pixel(scene)).expect("the pixels");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/worker.py");
        let samples = scene.tiles[0].window.width;
        let shape = [scene.pixels() / samples, samples, scene.bands(), threads].map(|n| n.to_string());
        let started = Command::new(python())
            .arg(script)
            .arg(folder.path())
            .args(shape)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut worker = Self { folder, process: None, versions: BTreeMap::new() };
        match started {
            Ok(mut child) => {
                let orders = child.stdin.take().expect("a pipe");
                let answers = BufReader::new(child.stdout.take().expect("a pipe"));
                worker.process = Some(Process { child, orders, answers });
                worker.versions = serde_json::from_str(&worker.line()).expect("versions");
            }
            Err(e) => println!("no rivals: {} does not start ({e}); `make bench` makes it", python().display()),
        }
        worker
    }

    /// The version of a rival, if it is there.
    pub(crate) fn version(&self, rival: &Rival) -> Option<String> {
        self.versions.get(rival.function.split('.').next()?).cloned()
    }

    pub(crate) fn give_targets(&self, targets: &Array2<f64>) {
        let bytes: Vec<u8> = targets.iter().flat_map(|v| v.to_le_bytes()).collect();
        let file = self.folder.path().join(format!("targets-{}.f64", targets.nrows()));
        std::fs::write(file, bytes).expect("the targets");
    }

    /// Runs a function once; gives the seconds that it took.
    pub(crate) fn run(&mut self, function: &str, targets: usize) -> f64 {
        let process = self.process.as_mut().expect("a worker, as it has versions");
        writeln!(process.orders, "{function} {targets}").expect("the worker's ear");
        self.line().trim().parse().unwrap_or_else(|_| panic!("{function} failed; the worker has said why"))
    }

    /// What the last run gave.
    pub(crate) fn answer(&self) -> Vec<f32> {
        let bytes = std::fs::read(self.folder.path().join("answer.f32")).expect("an answer");
        bytemuck::pod_collect_to_vec(&bytes)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let process = self.process.as_mut().expect("a worker");
        process.answers.read_line(&mut line).expect("the worker's voice");
        line
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends when it hears nothing more.
        if let Some(Process { mut child, orders, .. }) = self.process.take() {
            drop(orders);
            drop(child.wait());
        }
    }
}

/// The pixels as `[pixel][band]`, which is what products in numpy want.
fn by_pixel(scene: &Arrays) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(scene.bytes());
    for tile in &scene.tiles {
        let Samples::F32(values) = &tile.samples else { unreachable!("rivals take f32") };
        for p in 0..tile.window.pixels() {
            (0..tile.bands).for_each(|b| bytes.extend(values[tile.index(b, p)].to_le_bytes()));
        }
    }
    bytes
}

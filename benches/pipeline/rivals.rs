//! What people would run instead, from the same file to a class map.

use std::path::{Path, PathBuf};
use std::process::Command;

use alunite::pipeline::Planned;
use ndarray::Array2;

use crate::common::machine::{cores, python, said};
use crate::common::run::classes;

/// Share of the pixels that a rival must class as we do: f32 in another order decides near ties otherwise.
const SHARE: f64 = 0.999;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// `benches/peers/disk_to_map.py`.
    Numpy,
    /// Orfeo ToolBox's `SpectralAngleClassification`.
    Otb,
}

const OTB: &str = "otbcli_SpectralAngleClassification";

/// A scene, and targets on its bands in the forms that rivals read.
pub(crate) struct Job {
    scene: PathBuf,
    lines: usize,
    bands: usize,
    samples: usize,
    /// Raw f64, `[target][band]`.
    targets: PathBuf,
    /// An image of one line, a target a pixel.
    endmembers: PathBuf,
    out: PathBuf,
}

impl Job {
    pub(crate) fn new(planned: &Planned, folder: &Path) -> Self {
        let (described, spectra) = (&planned.scene.description, in_file_order(planned));
        let (targets, endmembers) = (folder.join("targets.f64"), folder.join("endmembers.img"));
        let bytes: Vec<u8> = spectra.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(&targets, bytes).expect("the targets");
        let bytes: Vec<u8> = spectra.t().iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(&endmembers, bytes).expect("the endmembers");
        let header = format!(
            "ENVI\nsamples = {}\nlines = 1\nbands = {}\nheader offset = 0\nfile type = ENVI Standard\ndata type = 5\n\
             interleave = bsq\nbyte order = 0\n",
            spectra.nrows(),
            spectra.ncols()
        );
        std::fs::write(endmembers.with_extension("hdr"), header).expect("the endmembers");
        Self {
            scene: described.path.clone(),
            lines: described.lines,
            bands: described.bands,
            samples: described.samples,
            targets,
            endmembers,
            out: folder.join("theirs"),
        }
    }

    /// A rival's classes, which it has written, are ours.
    pub(crate) fn check(&self, rival: Rival, ours: &[u8]) {
        let theirs = match rival {
            Rival::Numpy => {
                // Its first target is 0, ours 1.
                let raw = std::fs::read(self.out.with_extension("classes")).expect("classes");
                raw.into_iter().map(|class| class + 1).collect()
            }
            Rival::Otb => classes(&self.out.with_extension("tif")),
        };
        let equal = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
        let who = rival.who();
        assert!(equal as f64 >= SHARE * ours.len() as f64, "{who} has {equal} of {} classes as we do", ours.len());
    }
}

/// The targets, `[target][band]`, on the bands as they lie in the file: those in use rise with the wavelength.
fn in_file_order(planned: &Planned) -> Array2<f64> {
    let (bands, spectra) = (&planned.draft().bands, planned.spectra());
    assert_eq!(bands.len(), planned.scene.description.bands, "rivals use all bands");
    let mut of_file = Array2::zeros(spectra.raw_dim());
    bands.iter().zip(spectra.columns()).for_each(|(&band, values)| of_file.column_mut(band).assign(&values));
    of_file
}

impl Rival {
    pub(crate) fn who(self) -> &'static str {
        match self {
            Self::Numpy => "numpy f32 script",
            Self::Otb => "OTB",
        }
    }

    /// Its version; `None` where it is not there, which is said.
    pub(crate) fn version(self) -> Option<String> {
        let version = match self {
            Self::Numpy => said(&python().to_string_lossy(), &["-c", "import numpy; print(numpy.__version__)"]),
            Self::Otb => {
                let help = said("sh", &["-c", &format!("{OTB} -help 2>&1")]);
                let after = help.split_once("version ").and_then(|(_, version)| version.lines().next());
                after.unwrap_or_default().to_owned()
            }
        };
        if version.is_empty() {
            println!("left out: {} is not there; `make bench` installs it", self.who());
        }
        Some(version).filter(|v| !v.is_empty())
    }

    pub(crate) fn command(self, job: &Job) -> Command {
        match self {
            Self::Numpy => {
                let mut command = Command::new(python());
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/disk_to_map.py");
                command.arg(script).arg(&job.scene).args([job.lines, job.bands, job.samples].map(|n| n.to_string()));
                command.arg(&job.targets).arg(&job.out).arg(cores().to_string());
                command
            }
            Self::Otb => {
                let mut command = Command::new(OTB);
                command.args(["-mode", "sam", "-progress", "false", "-in"]).arg(&job.scene);
                command.arg("-ie").arg(&job.endmembers).arg("-out").arg(job.out.with_extension("tif")).arg("uint8");
                command
            }
        }
    }
}

//! Which machine this is, and what is run on it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What rows say of where and when they were measured.
pub(crate) struct Machine {
    /// Short name of the processor and number of cores, such as `epyc-2-cores`; `ALUNITE_BENCH_MACHINE` names another.
    pub(crate) name: String,
    /// `ALUNITE_BENCH_DATE`, which keeps a run beyond midnight in one file, or today.
    pub(crate) date: String,
    /// With a + where the working tree has changes.
    pub(crate) commit: String,
}

/// Words in a processor's name that do not tell it from another.
const COMMON: [&str; 5] = ["amd", "intel", "cpu", "processor", "virtual"];

/// Number of cores that threads may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Machine {
    pub(crate) fn here() -> Self {
        let set = |name: &str| std::env::var(name).ok();
        Self {
            name: set("ALUNITE_BENCH_MACHINE").unwrap_or_else(|| format!("{}-{}-cores", processor(), cores())),
            date: set("ALUNITE_BENCH_DATE").unwrap_or_else(|| said("date", &["+%F"])),
            commit: said("git", &["describe", "--always", "--exclude=*", "--dirty=+"]),
        }
    }
}

/// The Python of the rivals: `ALUNITE_BENCH_PYTHON`, or that of the environment that `make bench` makes.
pub(crate) fn python() -> PathBuf {
    let made = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/python");
    std::env::var_os("ALUNITE_BENCH_PYTHON").map_or_else(made, PathBuf::from)
}

/// What a program says on standard output; empty where there is no such program.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

fn processor() -> String {
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = facts.lines().find_map(|line| line.strip_prefix("model name")).map(str::to_owned);
    short(&model.unwrap_or_else(|| said("sysctl", &["-n", "machdep.cpu.brand_string"])))
}

/// `: Intel(R) Xeon(R) Platinum 8480C CPU @ 2.00GHz` becomes `xeon-platinum-8480c`.
fn short(model: &str) -> String {
    let model = model.split('@').next().unwrap_or_default().to_lowercase().replace("(r)", "").replace("(tm)", "");
    let words = model.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !COMMON.contains(w));
    let name = words.collect::<Vec<_>>().join("-");
    if name.is_empty() { std::env::consts::ARCH.to_owned() } else { name }
}

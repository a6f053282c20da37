//! What a bench was asked for on its command line.

/// The arguments after `cargo bench --bench NAME --`.
pub(crate) struct Arguments {
    /// `cargo bench` says --bench; `cargo test --benches` does not, and only wants to know that everything runs.
    pub(crate) timing: bool,
    /// Whether rows are kept in `benches/results`.
    pub(crate) record: bool,
    /// Parts of the names of the cases wanted; none for all.
    wanted: Vec<String>,
}

/// Times that a case is run: an odd number has a middle.
const REPEATS: usize = 7;

impl Arguments {
    pub(crate) fn new() -> Self {
        let (flags, wanted): (Vec<String>, _) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
        let given = |flag: &str| flags.iter().any(|f| f == flag);
        Self { timing: given("--bench"), record: given("--record"), wanted }
    }

    /// Whether a case is wanted.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|part| case.contains(part))
    }

    pub(crate) fn repeats(&self) -> usize {
        if self.timing { REPEATS } else { 1 }
    }
}

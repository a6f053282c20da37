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
/// Seconds from which it is run less often, the longest first.
const SLOW: [(f64, usize); 2] = [(30.0, 3), (1.0, 5)];

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
        self.repeats_of(0.0)
    }

    /// Times that something is run which takes so many seconds.
    pub(crate) fn repeats_of(&self, seconds: f64) -> usize {
        let repeats = SLOW.iter().find(|(at_least, _)| seconds >= *at_least).map_or(REPEATS, |(_, repeats)| *repeats);
        if self.timing { repeats } else { 1 }
    }
}

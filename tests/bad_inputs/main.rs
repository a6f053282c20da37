//! Bad inputs, each by name: the program refuses them, or warns, in words that say file, field, found and expected.
//!
//! A case spoils the small world of `common/cli.rs`, or the command. A refusal ends with exit code 2, says what to do next
//! and leaves no file; a warning is a note of a run that ends well. Nothing may panic or hang. With `ALUNITE_SHOW` set, all
//! that is said is printed.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::time::Duration;

#[path = "../common/cli.rs"]
mod cli;
mod deliveries;
#[path = "../common/emit.rs"]
mod emit;
mod headers;
mod libraries;
#[path = "../common/netcdf.rs"]
mod netcdf;
mod options;
mod rasters;
mod releases;

use cli::World;

/// A run takes a fraction of a second, of a debug build on a loaded machine a few: this only ends what hangs.
const HANGS: Duration = Duration::from_secs(60);

/// One bad input.
struct Case {
    /// What is wrong.
    name: String,
    spoil: Box<dyn Fn(&World)>,
    /// The arguments that replace those of the plain run.
    scene: &'static str,
    library: &'static str,
    more: Vec<String>,
    outcome: Outcome,
    words: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Refused,
    Noted,
}

impl Case {
    /// The plain run in a spoilt world, which is refused with all of the words.
    fn new(name: &str, words: &[&str], spoil: impl Fn(&World) + 'static) -> Self {
        Self {
            name: name.to_owned(),
            spoil: Box::new(spoil),
            scene: "scene.img",
            library: "library.csv",
            more: Vec::new(),
            outcome: Outcome::Refused,
            words: words.iter().map(|w| (*w).to_owned()).collect(),
        }
    }

    /// The plain run with further arguments.
    fn option(name: &str, more: &[&str], words: &[&str]) -> Self {
        Self::new(name, words, |_| {}).with(more)
    }

    /// Another scene.
    fn scene(self, scene: &'static str) -> Self {
        Self { scene, ..self }
    }

    /// Another library.
    fn library(self, library: &'static str) -> Self {
        Self { library, ..self }
    }

    /// Another name.
    fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Further arguments.
    fn with(mut self, more: &[&str]) -> Self {
        self.more.extend(more.iter().map(|m| (*m).to_owned()));
        self
    }

    /// The run ends well, and the words are in its notes.
    fn noted(self) -> Self {
        Self { outcome: Outcome::Noted, ..self }
    }

    /// What the program does otherwise than it should.
    fn wrong(&self) -> Option<String> {
        let world = World::new();
        (self.spoil)(&world);
        let before = world.files("maps");
        let mut command = world.alunite();
        command.args(["map", self.scene, "--library", self.library, "--out", "maps", "--backend", "cpu"]);
        // A child that another test starts while this one writes a fixture inherits HDF5's lock on it.
        let output = command.args(&self.more).env("HDF5_USE_FILE_LOCKING", "FALSE").timeout(HANGS).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut wrong: Vec<String> = Vec::new();
        let code = if self.outcome == Outcome::Refused { 2 } else { 0 };
        if output.status.code() != Some(code) {
            wrong.push(format!("{}, expected exit code {code}", output.status));
        }
        let next = match self.outcome {
            // Of the command's own syntax the help is the next step.
            Outcome::Refused if !said.contains("try:") && !said.contains("--help") => Some("a next step"),
            Outcome::Noted if !said.contains("note:") => Some("a note"),
            _ => None,
        };
        wrong.extend(next.map(|what| format!("does not give {what}")));
        let missing = self.words.iter().filter(|w| !said.contains(w.as_str()));
        wrong.extend(missing.map(|word| format!("does not say '{word}'")));
        if said.contains("panicked") {
            wrong.push("panics".to_owned());
        }
        if self.outcome == Outcome::Refused && (world.files("maps") != before || !output.stdout.is_empty()) {
            wrong.push(format!("leaves {:?}", world.files("maps")));
        }
        if std::env::var_os("ALUNITE_SHOW").is_some() {
            eprintln!("== {}\n{said}", self.name);
        }
        (!wrong.is_empty()).then(|| format!("{}: {}\n{said}", self.name, wrong.join("; ")))
    }
}

/// Runs all cases of a table, and tells of all that are not as they should be.
fn check(cases: &[Case]) {
    let wrong: Vec<String> = cases.iter().filter_map(Case::wrong).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn headers_and_the_numbers_beside_them() {
    check(&headers::cases());
}

#[test]
fn libraries_in_one_file() {
    check(&libraries::cases());
}

#[test]
fn spectra_of_releases_and_folders() {
    check(&releases::cases());
}

#[test]
fn geotiffs_and_pictures() {
    check(&rasters::cases());
}

#[test]
fn folders_and_files_of_missions() {
    check(&deliveries::cases());
}

#[test]
fn options_of_the_command() {
    check(&options::cases());
}

/// What the other tests say of a refusal is worth nothing if the world that they spoil were refused anyway.
#[test]
fn the_plain_run_is_neither_refused_nor_noted() {
    let world = World::new();
    let output = world.map(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let plain = Case::new("the plain run", &["a word that is not said"], |_| {});
    let told = plain.wrong().unwrap();
    assert!(
        told.contains("expected exit code 2") && told.contains("does not say"),
        "a sound run passes for refused: {told}"
    );
}

#[test]
fn there_are_many_and_each_has_a_name_of_its_own() {
    let tables = [
        headers::cases(),
        libraries::cases(),
        releases::cases(),
        rasters::cases(),
        deliveries::cases(),
        options::cases(),
    ];
    let mut names: Vec<&str> = tables.iter().flatten().map(|case| case.name.as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    let twice: Vec<&[&str]> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(count >= 60, "{count}");
    let short: Vec<&str> =
        tables.iter().flatten().filter(|case| case.words.len() < 2).map(|case| case.name.as_str()).collect();
    assert!(short.is_empty(), "name no place, or not what was found: {short:?}");
}

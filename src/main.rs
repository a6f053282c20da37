//! The `alunite` program: parse, run, print the error and its hint.

use std::io::Write as _;
use std::process::ExitCode;

use alunite::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    alunite::memory::one_arena();
    match cli::run(&Cli::parse()) {
        Ok(code) => code.into(),
        Err(error) => {
            // Whether anybody reads it or not, the exit code is the error's.
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "error: {error}");
            if let Some(step) = error.next_step() {
                let _ = writeln!(stderr, "  try: {step}");
            }
            cli::Exit::of(&error).into()
        }
    }
}

//! The `alunite` program: parse, run, print the error and its hint.

use std::process::ExitCode;

use alunite::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(&Cli::parse()) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(step) = error.next_step() {
                eprintln!("  try: {step}");
            }
            cli::Exit::of(&error).into()
        }
    }
}

//! The command line's entry: parse, call, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use rxdrop::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // What clap prints goes where it belongs; a closed pipe is nobody's fault.
            let _ = error.print();
            return if usage { cli::ExitStatus::Unable.into() } else { cli::ExitStatus::Done.into() };
        }
    };
    cli::run(cli).into()
}

//! The hidden command by which the program reads a workbook in a process of its own.

use std::io;
use std::path::PathBuf;

use anyhow::Result;

use super::ExitStatus;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The workbook; how it is to be read comes on standard input
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus> {
    crate::table::serve(&args.file, io::stdin().lock(), io::stdout().lock())?;
    Ok(ExitStatus::Done)
}

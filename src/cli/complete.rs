//! `completions` and `schema`.

use anyhow::Result;
use clap::{CommandFactory as _, ValueEnum};

use super::{Cli, ExitStatus, out};

#[derive(Debug, clap::Args)]
pub(super) struct CompletionArgs {
    /// Which shell
    shell: clap_complete::Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Config,
    Mapping,
    Receipt,
    Issue,
}

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// Which format
    format: Format,
}

pub(super) fn completions(args: &CompletionArgs) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rxdrop", &mut script);
    out::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitStatus::Done)
}

pub(super) fn schema(args: &SchemaArgs) -> Result<ExitStatus> {
    let schema = match args.format {
        Format::Config => crate::config::json_schema(),
        Format::Mapping => crate::mapping::json_schema(),
        Format::Receipt => crate::report::json_schema(),
        Format::Issue => super::check::issue_schema(),
    };
    out::line(&serde_json::to_string_pretty(&schema)?)?;
    Ok(ExitStatus::Done)
}

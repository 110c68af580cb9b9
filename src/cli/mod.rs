//! One file per command: flags and one call. Only here are the clock and the terminal.

mod backup;
mod check;
mod complete;
mod convert;
mod decide;
mod demo;
mod doctor;
mod explain;
mod init;
mod inspect;
mod one_off;
mod out;
mod pass;
mod read_workbook;
mod retry;
mod sandbox;
mod status;
mod trace;
mod verify;
mod takeover;
mod what;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::Config;
use crate::model::Lang;

/// Reports rows of dropped CSV and Excel files to national medicines systems, row by row.
#[derive(Debug, Parser)]
#[command(
    name = "rxdrop",
    version,
    arg_required_else_help = true,
    after_help = "Begin with `rxdrop demo`: it does the whole job with nothing configured.\n\
        Exit codes: 0 done · 1 rows wait for a person · 3 rows wait or are unknown · 2 the program could not work."
)]
pub struct Cli {
    /// Configuration file
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Do the whole job with nothing configured: samples, sandbox, reports
    Demo(demo::Args),
    /// Write a commented rxdrop.toml, folders and an example mapping
    Init(init::Args),
    /// One pass: take what is ready, send what is due, write reports
    Run(pass::RunArgs),
    /// The same, woken by folder events and a timer, until stopped
    Watch,
    /// Read, map and judge files; send and remember nothing
    Check(check::Args),
    /// The records as JSON lines, exactly the members that would be sent
    Convert(convert::Args),
    /// What the reader sees in a file: format, columns, what is suspicious
    Inspect(inspect::Args),
    /// Files, batches and rows by state; with FILE why it isn't taken
    Status(status::Args),
    /// Judge the refused and held rows of a file anew, without a new drop
    Retry(retry::Args),
    /// Let go what is held
    Release(decide::ReleaseArgs),
    /// Say what became of an unknown outcome
    Resolve(decide::ResolveArgs),
    /// The whole way of a row, from its cell to the system's answer and back
    Trace(trace::Args),
    /// Whether the evidence is as it was left: chain of events, books, kept copies, receipts
    Verify(verify::Args),
    /// Go on with a folder or ledger that somebody else had; shows first what may have been sent
    Takeover(takeover::Args),
    /// A consistent copy of ledger, spool and marks, also while they are in use
    Backup(backup::Args),
    /// What a code means, why it matters, how to repair it
    Explain(explain::Args),
    /// What is wrong before a file is dropped: config, folders, ledger, clock, TLS, login
    Doctor(doctor::Args),
    /// The built-in stand-in for the national systems
    Sandbox(sandbox::Args),
    /// Shell completions
    Completions(complete::CompletionArgs),
    /// JSON Schema of a format
    Schema(complete::SchemaArgs),
    /// Not for people: reads a workbook for this program
    #[command(name = crate::table::SERVE_COMMAND, hide = true)]
    ReadWorkbook(read_workbook::Args),
}

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done; nobody has to do anything.
    Done,
    /// Rows are refused or held and wait for a person.
    People,
    /// The program could not work.
    Unable,
    /// Rows are waiting or unknown.
    Open,
}

impl ExitStatus {
    /// Which of several holds: could not work, then waiting, then people.
    pub fn of(unable: bool, open: bool, people: bool) -> Self {
        match (unable, open, people) {
            (true, ..) => Self::Unable,
            (_, true, _) => Self::Open,
            (.., true) => Self::People,
            _ => Self::Done,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::People => 1,
            ExitStatus::Unable => 2,
            ExitStatus::Open => 3,
        })
    }
}

/// A language of messages.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LangArg {
    Bg,
    En,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Self {
        match arg {
            LangArg::Bg => Self::Bg,
            LangArg::En => Self::En,
        }
    }
}

/// Runs a command; what it could not do is told on standard error.
pub fn run(cli: Cli) -> ExitStatus {
    match dispatch(cli) {
        Ok(status) => status,
        Err(error) if out::is_closed_pipe(&error) => ExitStatus::Done,
        Err(error) => {
            out::tell(&format!("error: {error:#}"));
            ExitStatus::Unable
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitStatus> {
    #[cfg(debug_assertions)]
    world::arm()?;
    let config = cli.config;
    match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Run(args) => pass::run(config, &args),
        Command::Watch => pass::watch(config),
        Command::Check(args) => check::run(config, &args),
        Command::Convert(args) => convert::run(config, &args),
        Command::Inspect(args) => inspect::run(config, &args),
        Command::Status(args) => status::run(config, &args),
        Command::Retry(args) => retry::run(config, &args),
        Command::Release(args) => decide::release(config, &args),
        Command::Resolve(args) => decide::resolve(config, &args),
        Command::Trace(args) => trace::run(config, &args),
        Command::Verify(args) => verify::run(config, &args),
        Command::Takeover(args) => takeover::run(config, &args),
        Command::Backup(args) => backup::run(config, &args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(config, &args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Completions(args) => complete::completions(&args),
        Command::Schema(args) => complete::schema(&args),
        Command::ReadWorkbook(args) => read_workbook::run(&args),
    }
}

/// The configuration named, or `./rxdrop.toml`.
fn load_config(path: Option<PathBuf>) -> anyhow::Result<Config> {
    let path = path.unwrap_or_else(|| PathBuf::from("rxdrop.toml"));
    if !path.exists() {
        anyhow::bail!(
            "{} does not exist; name a configuration with -c, or write one with `rxdrop init`",
            path.display()
        );
    }
    crate::config::load(&path).map_err(|problems| {
        out::tell(problems.render(Lang::En, out::colours()).trim_end());
        let count = problems.iter().count();
        anyhow::anyhow!("{}: {count} mistake(s) in the configuration; nothing was done", path.display())
    })
}

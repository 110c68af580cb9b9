//! `run` against the sandbox on this machine, each in a process of its own: processor time, flushes, rows a second.
//!
//! `cargo bench --bench night`; flushes are counted where `strace` is installed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    unreachable_pub,
    reason = "a measurement, not the product: it may end where something is amiss"
)]

mod measure;
mod sandbox;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use measure::{Run, mib, ms, rate};
use rxdrop::sandbox::samples::nightly_csv;
use sandbox::Sandbox;

const NIGHT: usize = 2_000;
const NIGHTS: u32 = 20;
const MANY: usize = 100_000;
const MAPPING: &str = include_str!("../mappings/sespa/deliveries.toml");

fn main() {
    a_night();
    many();
}

fn a_night() {
    let sandbox = Sandbox::start();
    let mut cpu = Duration::ZERO;
    let mut best = Run { wall: Duration::MAX, ..Run::default() };
    for night in 0..NIGHTS {
        let run = run(&fresh(&sandbox, NIGHT, night));
        cpu += run.cpu;
        if run.wall < best.wall {
            best = run;
        }
    }
    println!("a night of {NIGHT} rows on a fresh ledger; mean of {NIGHTS}");
    println!("  processor time  {:>10}  (at most 100 ms)", ms(cpu / NIGHTS));
    println!("  shortest        {:>10}  {}", ms(best.wall), mib(best.peak_kib));
    flushes(&fresh(&sandbox, NIGHT, NIGHTS), 60);
}

fn many() {
    let sandbox = Sandbox::start();
    let run = run(&fresh(&sandbox, MANY, 0));
    println!("{MANY} rows from file to reports on a fresh ledger");
    println!("  wall            {:>10}  {}", ms(run.wall), rate(MANY as u64, run.wall));
    println!("  processor time  {:>10}  {}", ms(run.cpu), mib(run.peak_kib));
    for (thread, spent) in &run.threads {
        println!("    {thread:<14}{:>10}", ms(*spent));
    }
    let sandbox = Sandbox::start();
    flushes(&fresh(&sandbox, MANY, 1), MANY);
}

/// A folder with a configuration, a drop of so many rows, and no ledger.
fn fresh(sandbox: &Sandbox, rows: usize, seed: u32) -> PathBuf {
    let folder = measure::folder("night");
    let yesterday = today() - Days::new(1);
    // The sandbox refuses to register the same twice only by our numbers: nights may be equal.
    let config = sandbox.configuration(1 + seed);
    for below in ["drop", "mappings"] {
        fs::create_dir(folder.join(below)).expect("a folder");
    }
    fs::write(folder.join("rxdrop.toml"), config).expect("the configuration");
    fs::write(folder.join("mappings/deliveries.toml"), MAPPING).expect("the mapping");
    fs::write(folder.join("drop/nightly.csv"), nightly_csv(yesterday, rows)).expect("the rows");
    folder
}

/// The sandbox judges by the day it is.
fn today() -> NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Europe::Sofia).date_naive()
}

fn run(folder: &Path) -> Run {
    let run = measure::run(folder, &["run", "--settle", "0s"]);
    assert_eq!(run.code, Some(1), "five rows are wrong on purpose");
    run
}

/// Runs once more under `strace` and counts what goes to disk, by file.
fn flushes(folder: &Path, most: usize) {
    let trace = folder.join("flushes");
    let status = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o"])
        .arg(&trace)
        .args([measure::PROGRAM, "run", "--settle", "0s"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    if status.is_err() {
        println!("  flushes         not counted: strace is not installed");
        return;
    }
    let trace = fs::read_to_string(trace).expect("what strace saw");
    let mut by_file: BTreeMap<&str, usize> = BTreeMap::new();
    for line in trace.lines().filter(|line| line.contains("sync") && !line.contains("resumed>")) {
        let path = line.split(['<', '>']).nth(1).unwrap_or_default();
        *by_file.entry(path.rsplit('/').next().unwrap_or_default()).or_default() += 1;
    }
    let all: usize = by_file.values().sum();
    println!("  flushes         {all:>10}  (at most {most})");
    println!("    of them commits {:>8}", by_file.get("rxdrop.db-wal").copied().unwrap_or_default());
}

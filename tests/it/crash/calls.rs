//! The disk says no, or the program is killed, at the n-th call of a kind: `strace` injects it into the real binary.
//!
//! `n` counts the calls of each thread by itself; the first thread that comes there is hit, and with an error every
//! other one that comes so far too.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use super::life::{FOUR, Life, ROWS, survived};
use super::{each, ended, has};

/// Kinds of calls by which something gets onto the disk.
const CALLS: [&str; 6] =
    ["write", "pwrite64", "fsync,fdatasync", "rename,renameat,renameat2", "ftruncate", "unlink"];

/// What happens at the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Error(&'static str),
    /// From that call on.
    ErrorForGood(&'static str),
    Kill,
}

const DEEDS: [Deed; 4] =
    [Deed::Error("EIO"), Deed::Error("ENOSPC"), Deed::ErrorForGood("ENOSPC"), Deed::Kill];

#[derive(Debug, Clone, Copy)]
struct Trial {
    calls: &'static str,
    deed: Deed,
    at: usize,
}

/// A command run by another one that stands before it, in the same folder and with the same environment.
pub(super) fn within(outer: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(outer[0]);
    command.args(&outer[1..]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(inner.get_current_dir().unwrap());
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The program with `what` injected into the calls of a kind; where files are named, only of calls on these.
pub(super) fn injected(inner: &Command, calls: &str, what: &str, files: &[String]) -> Command {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{what}"));
    let mut strace =
        vec!["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    strace.extend(files.iter().flat_map(|file| ["-P", file]));
    within(&strace, inner)
}

/// Files that a kind of call may be refused on; none where on any. A `write` is also how the runtime wakes itself,
/// and a kernel that refuses that is none: the reports have it alone.
fn refused_on(life: &Life, calls: &str) -> Vec<String> {
    if calls != "write" {
        return Vec::new();
    }
    let kinds = ["result.csv", "errors.csv", "errors.xlsx", "receipt.json", "notice.txt"];
    let path = |intake, kind| life.place.path(&format!("drop/.rxdrop-{intake}-{kind}.tmp"));
    let paths = (0..=2).flat_map(|intake| kinds.map(|kind| path(intake, kind)));
    paths.map(|path| path.display().to_string()).collect()
}

/// Whether calls can be injected here: `strace` is there and may trace.
pub(super) fn can_inject() -> bool {
    let traces = || {
        let tried =
            Command::new("strace").args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "true"]).output();
        tried.is_ok_and(|ran| ran.status.success())
    };
    let can = has("strace") && traces();
    if !can {
        eprintln!(
            "SKIPPED: calls can't be injected here, so neither kills at calls nor failing calls were tried"
        );
    }
    can
}

fn prepared(at: usize) -> Life {
    let mut life = Life::new(FOUR[at % FOUR.len()], "");
    life.drop("day.csv", ROWS, true);
    std::fs::write(life.place.path("drop/empty.csv"), "").unwrap();
    life
}

fn hold(trial: Trial) -> Result<(), String> {
    let mut life = prepared(trial.at);
    let what = match trial.deed {
        Deed::Error(error) => format!("error={error}:when={}", trial.at),
        Deed::ErrorForGood(error) => format!("error={error}:when={}+", trial.at),
        Deed::Kill => format!("signal=KILL:when={}", trial.at),
    };
    // Rows that could not be settled are asked about by people afterwards, not waited for.
    let run = life.place.command(&["run", "--wait", "2s"]);
    let files = refused_on(&life, trial.calls);
    let ran = ended(&mut injected(&run, trial.calls, &what, &files));
    honest(&life, &ran)?;
    life.live_out()
}

/// It died as it should, or said how it went and that was so.
fn honest(life: &Life, ran: &Output) -> Result<(), String> {
    let told = String::from_utf8_lossy(&ran.stderr);
    if told.contains("panicked") {
        return Err(format!("a panic: {told}"));
    }
    if ran.status.signal() == Some(9) {
        return Ok(());
    }
    match ran.status.code() {
        Some(0 | 1) => {
            let lacks = |file: &&str| !life.place.path(&format!("drop/{file}.receipt.json")).exists();
            let missing = ["day.csv", "empty.csv"].into_iter().find(lacks);
            missing.map_or(Ok(()), |file| {
                Err(format!("says that all is done, and {file} has no receipt: {told}"))
            })
        }
        Some(2 | 3) => Ok(()),
        other => Err(format!("ended by {other:?}: {told}")),
    }
}

/// Most calls of each kind that one thread of a run makes.
fn most_calls() -> BTreeMap<&'static str, usize> {
    let life = prepared(0);
    let (trace, all) = (life.place.path("trace"), format!("trace={}", CALLS.join(",")));
    let run = life.place.command(&["run"]);
    let traced = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &all];
    survived(&ended(&mut within(&traced, &run)));
    let text = std::fs::read_to_string(&trace).unwrap();
    let most = |calls: &'static str| {
        let mut by_thread: BTreeMap<&str, usize> = BTreeMap::new();
        for (thread, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
            let called = rest.trim_start().split('(').next().unwrap_or_default();
            if calls.split(',').any(|call| call == called) {
                *by_thread.entry(thread).or_default() += 1;
            }
        }
        (calls, by_thread.into_values().max().unwrap_or_default())
    };
    CALLS.map(most).into()
}

fn trials() -> Vec<Trial> {
    let most = most_calls();
    assert!(most["fsync,fdatasync"] > 10 && most["pwrite64"] > 50, "nothing is traced: {most:?}");
    let mut trials = Vec::new();
    for (deed, calls) in DEEDS.into_iter().flat_map(|deed| CALLS.map(|calls| (deed, calls))) {
        trials.extend((1..=most[calls]).map(|at| Trial { calls, deed, at }));
    }
    trials
}

#[test]
fn a_disk_that_says_no_now_and_then_loses_nothing_and_sends_nothing_twice() {
    if can_inject() {
        let all = trials();
        let step = all.len() / 24;
        each("failing calls", all.into_iter().step_by(step), hold);
    }
}

#[test]
#[ignore = "long: every call of every kind, with every error and with a kill"]
fn a_disk_that_says_no_at_any_call() {
    if can_inject() {
        each("failing calls", trials(), hold);
    }
}

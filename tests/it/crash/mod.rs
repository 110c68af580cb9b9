//! The real program under the knife: killed, cut off, out of space, its files moved away under it.
//!
//! Every test here has a short form in the normal run and, where there is more to try than a minute allows, a long
//! form: `cargo test crash -- --ignored`. States are waited for by asking until a deadline, never by sleeping for a
//! time that should be enough.

#![cfg_attr(not(unix), allow(dead_code, unused_imports, reason = "most of it speaks of signals and mounts"))]

#[cfg(unix)]
mod calls;
#[cfg(unix)]
mod full;
#[cfg(unix)]
mod life;
#[cfg(unix)]
mod movement;
#[cfg(unix)]
mod points;
mod processes;
#[cfg(unix)]
mod random;
#[cfg(unix)]
mod stopping;
#[cfg(unix)]
mod wire;

pub(crate) use processes::{drop_day, place, receipt_state, statuses, submits};

use std::collections::VecDeque;
use std::process::{Child, Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Longest wait for a state; a loaded machine may need most of it.
const DEADLINE: Duration = Duration::from_mins(1);
/// Lives that go on at the same time; most of their time is the program's start and the disk's flushes.
const AT_ONCE: usize = 6;

/// Asks until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !so() {
        assert!(Instant::now() < end, "{what}: not within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Runs to the end, or fails the test that has to end it: nothing may hang.
#[track_caller]
fn ended(command: &mut Command) -> Output {
    let mut child = command.spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (out, err) = (gather(out), gather(err));
    let end = Instant::now() + 2 * DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

fn gather(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Tries all of them, several at once, and tells of all that failed. `RXDROP_TRIAL=part` tries those whose name, as
/// it stands before a failure, contains it.
fn each<T: Send + std::fmt::Debug + Clone + std::panic::UnwindSafe>(
    about: &str,
    trials: impl IntoIterator<Item = T>,
    hold: impl Fn(T) -> Result<(), String> + Sync + std::panic::RefUnwindSafe,
) {
    let wanted = std::env::var("RXDROP_TRIAL").unwrap_or_default();
    all(about, trials.into_iter().filter(|trial| format!("{trial:?}").contains(&wanted)), hold);
}

/// The same, whatever is wanted.
fn all<T: Send + std::fmt::Debug + Clone + std::panic::UnwindSafe>(
    about: &str,
    trials: impl IntoIterator<Item = T>,
    hold: impl Fn(T) -> Result<(), String> + Sync + std::panic::RefUnwindSafe,
) {
    let left: Mutex<VecDeque<T>> = Mutex::new(trials.into_iter().collect());
    let count = left.lock().unwrap().len();
    let (failed, began) = (Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(|| {
                while let Some(trial) = next(about, &left) {
                    let name = format!("{trial:?}");
                    let came = std::panic::catch_unwind(|| hold(trial));
                    if let Err(told) = came.unwrap_or_else(|panic| Err(words(&*panic))) {
                        failed.lock().unwrap().push(format!("{name}: {told}"));
                    }
                }
            });
        }
    });
    eprintln!("{about}: {count} trials in {} s", began.elapsed().as_secs());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{about}: {} of {count} failed\n\n{}", failed.len(), failed.join("\n\n"));
}

/// The next one; long forms tell how far they are.
fn next<T>(about: &str, left: &Mutex<VecDeque<T>>) -> Option<T> {
    let mut left = left.lock().unwrap();
    if !left.is_empty() && left.len().is_multiple_of(100) {
        eprintln!("{about}: {} left", left.len());
    }
    left.pop_front()
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned()
}

/// Whether a tool is there; where it is not, the test says so and proves nothing.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !there {
        eprintln!("SKIPPED: `{tool}` is not on this machine");
    }
    there
}

/// Whether the program under test has its points; a release has none.
fn has_points() -> bool {
    if !cfg!(debug_assertions) {
        eprintln!("SKIPPED: a release build can't be stopped at its points");
    }
    cfg!(debug_assertions)
}

/// Small random numbers that can be drawn again: splitmix64.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `sides`.
    fn throw(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.throw(of.len() as u64)).unwrap()]
    }
}

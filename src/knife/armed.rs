//! What is done at a point: one order a process.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{ORDER, Point};

/// How often a paused program looks whether its gate is open.
const LOOK: Duration = Duration::from_millis(1);

static ARMED: OnceLock<Order> = OnceLock::new();

enum Order {
    /// Something happens at one passage.
    At { point: Point, passage: u64, passed: AtomicU64, deed: Deed },
    /// Each passage becomes a line of a file.
    Trace(PathBuf),
}

enum Deed {
    Kill,
    /// `GATE.reached` appears, and the program waits until `GATE` does.
    Pause(PathBuf),
}

/// Takes the order of this process; the first one counts.
///
/// # Errors
/// When it is not one: a test that misspells a point must not pass.
pub fn arm(order: &str) -> Result<(), String> {
    let order = parse(order).ok_or_else(|| format!("{ORDER}: `{order}` is no order"))?;
    ARMED.set(order).map_err(|_| format!("{ORDER}: there is an order already"))
}

fn parse(order: &str) -> Option<Order> {
    if let Some(path) = order.strip_prefix("trace:") {
        return Some(Order::Trace(path.into()));
    }
    let (place, deed) = order.split_once('=')?;
    let (name, passage) = place.split_once(':')?;
    let point = Point::ALL.iter().copied().find(|point| point.name() == name)?;
    let deed = match deed.split_once(':') {
        None if deed == "kill" => Deed::Kill,
        Some(("pause", gate)) => Deed::Pause(gate.into()),
        _ => return None,
    };
    Some(Order::At { point, passage: passage.parse().ok()?, passed: AtomicU64::new(0), deed })
}

pub(super) fn pass(here: Point) {
    match ARMED.get() {
        Some(Order::Trace(path)) => trace(path, here),
        Some(Order::At { point, passage, passed, deed })
            if *point == here && passed.fetch_add(1, Ordering::SeqCst) + 1 == *passage =>
        {
            carry_out(deed);
        }
        _ => {}
    }
}

fn carry_out(deed: &Deed) {
    match deed {
        Deed::Kill => kill(),
        Deed::Pause(gate) => {
            let mut reached = gate.clone().into_os_string();
            reached.push(".reached");
            let made = File::create(reached);
            while made.is_ok() && !gate.exists() {
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// As a power cut or `kill -9` would end it: nothing is tidied up.
fn kill() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

fn trace(path: &Path, here: Point) {
    let line = format!("{}\n", here.name());
    let file = OpenOptions::new().append(true).create(true).open(path);
    // A trace that lacks a line fails the test that reads it.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_point_a_passage_and_a_deed() {
        for order in ["claimed:1=kill", "copy-grows:12=pause:/gate", "trace:/file"] {
            assert!(parse(order).is_some(), "{order}");
        }
        for order in ["", "claimed", "claimed=kill", "claimed:x=kill", "claimed:1=bite", "elsewhere:1=kill"] {
            assert!(parse(order).is_none(), "{order}");
        }
    }
}

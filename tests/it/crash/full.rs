//! The disk is full: ledger and spool, or the drop folder, on a small file system of their own.
//!
//! It lives in a mount namespace that ends with the process; what lies on it is copied out before, and the second
//! half of the life goes on where there is room.

use std::path::Path;
use std::process::Command;

use super::calls::within;
use super::life::{FOUR, Life, ROWS, survived};
use super::{each, ended, has};

/// Step of the sizes, in KiB: a page.
const STEP: usize = 4;

/// What is on the small disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Small {
    State,
    Drop,
}

impl Small {
    fn folder(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Drop => "drop",
        }
    }

    /// A size at which everything fits, in KiB.
    fn enough(self) -> usize {
        match self {
            Self::State => 2_400,
            Self::Drop => 120,
        }
    }

    /// A size at which the inputs still fit, in KiB.
    fn least(self) -> usize {
        match self {
            Self::State => STEP,
            Self::Drop => 4 * STEP,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    small: Small,
    kib: usize,
}

/// Mounts `$2` of `$1` KiB with what lies there, runs the rest, copies what came of it to `$2.out`.
const SCRIPT: &str = r#"
size=$1; folder=$2; shift 2
cp -a "$folder" "$folder.in" && mount -t tmpfs -o size="${size}k" none "$folder" || exit 99
cp -a "$folder.in/." "$folder/" || exit 99
"$@"; told=$?
cp -a "$folder" "$folder.out" || exit 99
exit $told
"#;

fn can_mount() -> bool {
    let tried = || Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let can = has("unshare") && tried().is_ok_and(|ran| ran.status.success());
    if !can {
        eprintln!("SKIPPED: no file system can be mounted here (needs root), so a full disk was not tried");
    }
    can
}

fn hold(trial: Trial) -> Result<(), String> {
    let mut life = Life::new(FOUR[trial.kib / STEP % FOUR.len()], "");
    life.drop("day.csv", ROWS, true);
    std::fs::create_dir_all(life.place.path("state")).unwrap();
    let (size, folder) = (trial.kib.to_string(), trial.small.folder());
    let small = ["unshare", "-m", "sh", "-c", SCRIPT, "sh", &size, folder];
    let ran = ended(&mut within(&small, &life.place.command(&["run", "--wait", "2s"])));
    survived(&ran);
    let told = String::from_utf8_lossy(&ran.stderr);
    brought_out(&life.place.path(folder));
    if ran.status.code() == Some(1) && !life.place.path("drop/day.csv.receipt.json").exists() {
        return Err(format!("says that all is done, and there is no receipt: {told}"));
    }
    if ran.status.code() == Some(2) && !told.contains("error") {
        return Err(format!("does not say why: {told}"));
    }
    life.live_out()
}

/// What lay on the small disk lies in its place again.
fn brought_out(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::rename(folder.with_extension("out"), folder).unwrap();
    std::fs::remove_dir_all(folder.with_extension("in")).unwrap();
}

fn trials() -> Vec<Trial> {
    let sizes = |small: Small| (small.least()..small.enough()).step_by(STEP);
    let of = |small: Small| sizes(small).map(move |kib| Trial { small, kib });
    of(Small::State).chain(of(Small::Drop)).collect()
}

#[test]
fn a_full_disk_stops_the_work_and_room_lets_it_go_on() {
    if can_mount() {
        let some = |small: Small| {
            let step = (small.enough() - small.least()) / 4;
            (0..5).map(move |turn| Trial { small, kib: small.least() + turn * step / STEP * STEP })
        };
        each("full disks", some(Small::State).chain(some(Small::Drop)), hold);
    }
}

#[test]
#[ignore = "long: every size up to the one at which everything fits, a page at a time"]
fn a_disk_that_is_full_at_any_size() {
    if can_mount() {
        each("full disks", trials(), hold);
    }
}

//! The drop folder as a life leaves it, as far as names and bytes decide: our own reports are never taken for inputs,
//! and what a person put there is never taken for a report (I12). Names and rules are the product's.
//!
//! Not here: when a file rests, attributes of a file system, whether a name may be written there, and what `publish.rs`
//! does to a report that a person changed or has open; the cases and its own tests hold those.

use std::collections::{BTreeMap, BTreeSet};

use super::broken::Bug;
use super::check::Broken;
use super::memory::{File, Memory, id};
use super::random::Random;
use crate::intake::names::{Named, Own, changed_name, named};
use crate::intake::{Report, parse_report_name, report_name};
use crate::ledger::core::FileState;

/// Names that people give to exports; some look like ours.
const INPUTS: [&str; 6] =
    ["доставки.csv", "a.2.csv", "day.errors.csv", "day.result.csv", "~1.csv", "x.20260831-0001.csv"];
/// Characters of the folder's path: short, and so long that names are cut.
const PATHS: [usize; 3] = [20, 120, 190];
const CHANGED: u64 = 1;

/// What lies there.
#[derive(Default)]
struct Folder {
    /// Bytes under each name; what is of ours, and is not for people to repair, must never be taken.
    files: BTreeMap<String, (u64, bool)>,
    /// What the ledger knows that it wrote.
    written: BTreeMap<String, u64>,
    /// Names and bytes in the receipts.
    named: BTreeSet<(String, u64)>,
}

pub(super) fn own_reports_are_no_inputs(memory: &Memory, seed: u64) -> Result<(), Broken> {
    let mut random = Random::seeded(!seed);
    let mut folder = Folder::default();
    let path = *random.pick(&PATHS);
    for (at, file) in memory.files.iter().enumerate() {
        folder.lay(id(at), file, path, &mut random);
    }
    if memory.bug == Some(Bug::ReportsAreForgotten) {
        folder.written.clear();
    }
    for (name, (bytes, ours)) in &folder.files {
        if folder.takes(name, *bytes) == *ours {
            let told = if *ours { "ours is taken" } else { "a person's file is not taken" };
            return Err(format!("I12: {name}: {told}"));
        }
    }
    Ok(())
}

impl Folder {
    /// An input with its reports, and what a person did to them.
    fn lay(&mut self, intake: i64, file: &File, path: usize, random: &mut Random) {
        if file.state != FileState::Taken || file.retry_of.is_some() || file.superseded {
            return;
        }
        // Files of one name in the life are files of one name here.
        let number: usize =
            file.name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
        let input = format!("{number}{}", INPUTS[number % INPUTS.len()]);
        self.files.insert(input.clone(), (0, false));
        let period = file.aside.then(|| format!("20260831-{intake:04}"));
        for kind in Report::ALL {
            let number = random.percent(10).then_some(2);
            let name = report_name(&input, kind, number, period.as_deref(), path);
            let bytes = u64::try_from(intake).unwrap() * 2;
            self.written.insert(name.clone(), bytes);
            self.named.insert((name.clone(), bytes));
            self.files.insert(name.clone(), (bytes, true));
            self.disturb(&name, kind, bytes, random);
        }
    }

    fn disturb(&mut self, name: &str, kind: Report, bytes: u64, random: &mut Random) {
        match random.below(12) {
            // Open in a program.
            0 => drop(self.files.insert(format!("~${name}"), (9, true))),
            1 => drop(self.files.insert(format!(".~lock.{name}#"), (9, true))),
            // Saved: of an errors file that is its repair.
            2 => drop(self.files.insert(name.to_owned(), (bytes + CHANGED, !kind.is_errors()))),
            3 => {
                let report = parse_report_name(name).filter(|report| report.period.is_none());
                if let Some(report) = report {
                    self.files.insert(changed_name(&report, "20260901-1000"), (bytes + CHANGED, true));
                }
            }
            // A copy has a name of its own: whoever made it wants it read; its rows name theirs.
            4 => self.copy(name, " - Copy"),
            5 => self.copy(name, " (1)"),
            _ => {}
        }
    }

    fn copy(&mut self, name: &str, mark: &str) {
        let (stem, ending) = name.rsplit_once('.').unwrap();
        self.files.insert(format!("{stem}{mark}.{ending}"), (8, false));
    }

    /// Whether it would be taken, as `run` puts the question.
    fn takes(&self, name: &str, bytes: u64) -> bool {
        let Named::Candidate(ours) = named(name) else { return false };
        let Some(report) = ours else { return true };
        let ours = match Own::of(&report, self.written.contains_key(name)) {
            Own::Ours => true,
            Own::Input => false,
            Own::WhileUnchanged => self.written.get(name) == Some(&bytes),
            Own::IfNamed => self.named.contains(&(name.to_owned(), bytes)),
        };
        !ours
    }
}

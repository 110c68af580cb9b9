//! What moved, apart from the number of the document it came under: whoever repairs a row may find that the number was
//! mistaken, and the row is about the same movement all the same.

use std::collections::HashMap;

use super::files::{Drawer, Line};
use super::memory::Rec;
use super::random::Random;
use crate::ledger::codes;
use crate::ledger::core::{RecordState, Way};

/// Somebody who puts numbers of documents right.
#[derive(Debug)]
pub(super) struct Renumbering {
    /// Apart from the life's own stream: one in which nobody does is what it would be without this.
    random: Random,
    /// Of a hundred repaired rows.
    often: usize,
    /// Rows of the file that is being written, and whether whoever repairs them was told of another row of their key.
    found: Vec<(usize, bool)>,
}

impl Renumbering {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0x00c0_ffee);
        let often = *random.pick(&[0, 0, 0, 10, 50]);
        Self { random, often, found: Vec::new() }
    }

    /// A row is repaired, the so many-th of its file; `stands` is what its report shows.
    pub(super) fn look_at(&mut self, row: usize, stands: &Rec) {
        // What was never to be reported is nobody's fact, whatever becomes of its key. Of what waits a report says to do
        // nothing.
        let was_to_go = stands.state != RecordState::Ignored || !stands.reason.is_empty();
        if self.random.percent(self.often) && was_to_go && !stands.state.is_open() {
            self.found.push((row, is_told_of_another(stands)));
        }
    }
}

/// Whether a row is held because another has its key: another number is an answer to that. To a question about the row
/// that it names, it is none.
fn is_told_of_another(rec: &Rec) -> bool {
    let code = rec.reason.first().map(|issue| issue.code.as_str());
    let asks = [&codes::CHANGE, &codes::DOUBLE, &codes::TWICE].iter().any(|one| Some(one.code) == code);
    asks && !matches!(rec.way, Some(Way::Named | Way::Movement))
}

impl Drawer {
    /// Rows get the right numbers of their documents.
    pub(super) fn renumber(&mut self, rows: &mut [Line], allowed: &mut HashMap<String, u32>) {
        for (at, told) in std::mem::take(&mut self.renumbering.found) {
            // Of two rows about the same, untold, nobody can tell which is right.
            if !told && rows.iter().filter(|row| row.movement == rows[at].movement).count() > 1 {
                continue;
            }
            rows[at].delivery = self.deliveries;
            self.deliveries += 1;
            *allowed.entry(self.text(rows[at].delivery)).or_default() += 1;
            *allowed.entry(self.movement(&rows[at])).or_default() += u32::from(told);
        }
    }

    /// What moved, where a key tells it from all else that did.
    pub(super) fn movement(&self, line: &Line) -> String {
        if self.keyed { format!("m{}", line.movement) } else { String::new() }
    }
}

//! Lists of what the system has, with our numbers: as `ledger/sqlite/reconcile.rs` lays them beside the books, and as
//! people fetch them.
//!
//! Not here: lists without our numbers, and batches that were to be sent again and are listed, which no life has: what
//! the model's system says of not having received a request is true.

use chrono::TimeDelta;

use super::book::{Book, Op, SECTION, Shown};
use super::broken::Bug;
use super::check::Broken;
use super::life::Life;
use super::memory::{Memory, index};
use crate::ledger::core::follow::documents_of_records;
use crate::ledger::core::store::told;
use crate::ledger::core::{Known, RecordState, Store as _, TransactionState, decide};

use crate::ledger::{Decision, Error, Listed, Matching, What, codes};

/// The file that every list of a life comes as: its first, whatever that is.
pub(super) const INTAKE: i64 = 1;
/// What is compared.
const FIELDS: [&str; 3] = ["p_quantity", "p_available_qty", "p_batch_no"];

pub(super) fn matching() -> Matching {
    Matching {
        sections: vec![SECTION.into()],
        fields: FIELDS.iter().map(|name| ((*name).to_owned(), false)).collect(),
        by_content: false,
        day: "p_report_date".into(),
        registration: "p_actor_reg_no".into(),
        by_row: Vec::new(),
    }
}

/// The rows as the ledger is told them.
pub(super) fn listed(rows: &[Shown]) -> Vec<Listed> {
    let content = |members: &str| {
        let members: serde_json::Value = serde_json::from_str(members).unwrap();
        let part = |name: &&str| members[*name].as_str().map_or(members[*name].to_string(), str::to_owned);
        FIELDS.iter().map(part).collect()
    };
    let row = |(row, one): (u32, &Shown)| Listed {
        row,
        section: SECTION.into(),
        id: one.id.clone(),
        elsewhere: false,
        registration: None,
        number: Some(one.number.clone()),
        day: None,
        content: content(&one.members),
    };
    (1..).zip(rows).map(row).collect()
}

impl Memory {
    pub(super) fn reconcile(&mut self, rows: &[Shown]) -> Result<(), Error> {
        let name = self.file(INTAKE).name.clone();
        let mut shown: Vec<(Known, usize)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            shown.extend(self.under_number(&row.number).map(|known| (known, at)));
        }
        shown.sort_by_key(|(known, _)| known.id);
        let mut moved = Vec::new();
        for (known, at) in &shown {
            let Some(known) = self.record(known.id)? else { continue };
            let (transaction, _) = self.transaction(known.id)?;
            let missing = self.transactions[index(transaction)].state == TransactionState::NotReceived;
            if missing && self.bug != Some(Bug::ListsAreNotBelieved) {
                let why = told(&codes::CONTRADICTED, [name.clone(), (at + 1).to_string()]);
                decide::contradict(self, &known, &why, &mut moved)?;
            }
        }
        documents_of_records(self, &moved)?;
        shown.sort_by_key(|(_, at)| *at);
        let mut settled = decide::Settled::default();
        for (known, at) in shown {
            let row = &rows[at];
            let once = rows.iter().filter(|one| one.number == row.number).count() == 1;
            let Some(known) = self.record(known.id)?.filter(|known| known.state == RecordState::Unknown)
            else {
                continue;
            };
            if once && known.members.as_ref() == Some(&row.members) {
                let why = told(&codes::IN_LIST, [name.clone(), (at + 1).to_string()]);
                let any = self.bug == Some(Bug::ListsProveAnything);
                let id = if any { &rows[0].id } else { &row.id };
                decide::prove_one(self, &known, Some(id), &why, &mut settled)?;
            }
        }
        decide::follow(self, &settled)
    }

    /// The record that goes, or went last, under a number.
    fn under_number(&self, number: &str) -> Option<Known> {
        let at = self.transactions.iter().rposition(|trn| trn.number == number)?;
        let known = self.record(self.transactions[at].record).ok().flatten()?;
        (index(self.rec(known.id)?.transaction?) == at).then_some(known)
    }
}

impl<B: Book> Life<'_, B> {
    /// Somebody fetches the portal's list; perhaps the one who was just wrong about a row.
    pub(super) fn fetch_list(&mut self) -> Result<(), Broken> {
        let comes_as = self.book.memory().files.first();
        if comes_as.is_none_or(|file| file.name.is_empty()) {
            return Ok(());
        }
        if self.random.percent(50) {
            self.err_about_one()?;
        }
        // What becomes final has a moment of its own.
        self.pass(TimeDelta::seconds(1));
        self.check.step(self.book.memory_mut(), &mut self.server)?;
        let shown = |(id, one): (usize, &super::server::Registered)| Shown {
            number: one.number.clone(),
            id: (id + 1).to_string(),
            members: one.members.clone(),
        };
        let rows = self.server.books.iter().enumerate().map(shown).collect();
        self.here(Op::List(rows)).map(drop)
    }

    /// Somebody calls a row not received that the system has.
    fn err_about_one(&mut self) -> Result<(), Broken> {
        let memory = self.book.memory();
        let number = |id: &i64| {
            let transaction = memory.rec(*id)?.transaction?;
            Some(memory.transactions[index(transaction)].number.clone())
        };
        let unknown: Vec<String> = self.in_state(RecordState::Unknown).iter().filter_map(number).collect();
        let found = unknown.into_iter().find(|number| self.server.look(number).is_some());
        match found {
            Some(number) => self.here(Op::Resolve(What::Number(number), Decision::NotReceived)).map(drop),
            None => Ok(()),
        }
    }
}

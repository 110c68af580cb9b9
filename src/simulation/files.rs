//! The files of a life: new ones, the same again, grown, cut, changed, repaired.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::book::{LEDGER, SECTION};
use super::check::EXCHANGED;
use super::days::{Dated, Days};
use super::memory::Memory;
use super::movements::Renumbering;
use super::numbers::Numbers;
use super::random::Random;
use crate::ledger::core::{FileState, RecordState};
use crate::ledger::{Accept, FactKey, MappingRef, Own, Plan, StagedRecord, StagedRow, StoredIssue};

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    row: u32,
    /// Which delivery it is about.
    pub(super) delivery: usize,
    /// What moved. Whoever names a row means what that one is about, under whatever number it comes now.
    pub(super) movement: usize,
    quantity: u32,
    stock: u32,
    /// What validation leaves of it; none: a rule says that it makes no record.
    own: Option<Own>,
    reference: Option<String>,
    /// A person has to vouch for it.
    doubted: bool,
    dated: Dated,
    number: Option<String>,
}

/// A file as somebody dropped it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) rows: Vec<Line>,
}

/// Makes a life's files.
#[derive(Debug)]
pub(super) struct Drawer {
    /// Files still to come.
    pub(super) left: usize,
    /// Rows of one request, and of one commit of staging.
    pub(super) batch: usize,
    pub(super) chunk: usize,
    pub(super) keyed: bool,
    pub(super) days: Days,
    numbers: Numbers,
    pub(super) renumbering: Renumbering,
    /// What day it is.
    pub(super) today: NaiveDate,
    accept: Accept,
    many: bool,
    pub(super) deliveries: usize,
    /// By intake, the newest last.
    made: Vec<(i64, Made)>,
}

impl Drawer {
    pub(super) fn new(seed: u64, today: NaiveDate, random: &mut Random) -> Self {
        Self {
            left: 1 + random.below(5),
            batch: *random.pick(&[1, 2, 3, 5, 250]),
            chunk: *random.pick(&[1, 3, 40, 1000]),
            keyed: random.percent(70),
            accept: *random.pick(&[
                Accept::GoodRows,
                Accept::GoodRows,
                Accept::WholeDocument,
                Accept::WholeFile,
            ]),
            many: random.percent(1),
            days: Days::new(seed),
            numbers: Numbers::new(seed),
            renumbering: Renumbering::new(seed),
            today,
            deliveries: 0,
            made: Vec::new(),
        }
    }

    pub(super) fn keep(&mut self, intake: i64, made: &Made) {
        self.made.push((intake, made.clone()));
    }

    /// Files after the first so many ids, which the ledger does not know any more. They lie there still.
    pub(super) fn forget(&mut self, files: usize) -> Vec<Made> {
        let known = |(intake, _): &(i64, Made)| usize::try_from(*intake).unwrap() <= files;
        let (known, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut self.made).into_iter().partition(known);
        self.made = known;
        lost.into_iter().map(|(_, made)| made).collect()
    }

    /// The content of a file that was dropped.
    pub(super) fn content(&self, intake: i64) -> Option<Made> {
        self.made.iter().find(|(one, _)| *one == intake).map(|(_, made)| made.clone())
    }

    pub(super) fn plan(&self, intake: i64) -> Plan {
        Plan {
            identity: crate::mapping::Identity::default(),
            intake,
            mapping: MappingRef { name: "m".into(), version: 1, sha256: "s".into() },
            scope: "m".into(),
            layout: self.days.layout(self.made.len()),
            keyed: self.keyed,
            ignore: vec!["p_available_qty".into(), "notes".into()],
            sections: vec![SECTION.into()],
            accept: self.accept,
        }
    }

    /// The next file.
    pub(super) fn make(
        &mut self,
        random: &mut Random,
        memory: &Memory,
        allowed: &mut HashMap<String, u32>,
    ) -> Made {
        let new_name = format!("f{}.csv", self.made.len());
        let Some((_, former)) = self.made.last().cloned() else {
            return self.fresh(new_name, Vec::new(), random, allowed);
        };
        match random.below(8) {
            0 => Made { name: new_name, ..former },
            1 => {
                // Month to date: all of the former, the stock column counted anew, and some more.
                let mut rows = former.rows;
                for row in &mut rows {
                    row.stock += 1;
                }
                self.fresh(former.name, rows, random, allowed)
            }
            2 => {
                // A nightly export of one name: some of the former are gone.
                let rows = former.rows.into_iter().filter(|_| random.percent(50)).collect();
                self.fresh(former.name, rows, random, allowed)
            }
            // Without a key a row with another quantity is another delivery, which "fresh" makes.
            3 if self.keyed => {
                let mut rows = former.rows;
                rows.iter_mut().filter(|_| random.percent(30)).for_each(|row| row.quantity += 1);
                let name = if random.percent(50) { former.name } else { new_name };
                self.fresh(name, rows, random, allowed)
            }
            4 => self.repaired(new_name, random, memory, allowed),
            5 => {
                // A row twice: without a key, two equal deliveries.
                let mut rows = former.rows;
                rows.extend(rows.first().cloned());
                if let (Some(row), false) = (rows.first(), self.keyed) {
                    *allowed.entry(self.text(row.delivery)).or_default() += 1;
                }
                self.fresh(new_name, rows, random, allowed)
            }
            3 | 6 => self.fresh(new_name, former.rows, random, allowed),
            _ => self.fresh(new_name, Vec::new(), random, allowed),
        }
    }

    /// Rows that are there already, and new deliveries.
    fn fresh(
        &mut self,
        name: String,
        mut rows: Vec<Line>,
        random: &mut Random,
        allowed: &mut HashMap<String, u32>,
    ) -> Made {
        let count = if self.many { random.below(500 / 5) } else { random.below(6) };
        for _ in 0..count + usize::from(rows.is_empty()) {
            // Without a key another delivery of the same content is nothing unusual.
            let again = !self.keyed && self.deliveries > 0 && random.percent(20);
            let delivery = if again { random.below(self.deliveries) } else { self.deliveries };
            self.deliveries = self.deliveries.max(delivery + 1);
            let own = match random.below(20) {
                0 | 1 => Some(Own::Refused),
                2 => Some(Own::BeforeStart),
                3 => None,
                _ => Some(Own::Ready),
            };
            *allowed.entry(self.text(delivery)).or_default() += 1;
            if self.keyed {
                *allowed.entry(format!("m{delivery}")).or_default() += 1;
            }
            rows.push(Line {
                row: 0,
                delivery,
                movement: delivery,
                quantity: 1,
                stock: 0,
                own,
                reference: None,
                doubted: random.percent(4),
                dated: self.days.of_row(self.today),
                number: self.numbers.of_row(),
            });
        }
        made(name, rows)
    }

    /// A repaired errors file: rows that name those they repair.
    fn repaired(
        &mut self,
        name: String,
        random: &mut Random,
        memory: &Memory,
        allowed: &mut HashMap<String, u32>,
    ) -> Made {
        let mut rows = Vec::new();
        // Only a report tells how to name a row.
        let is_reported = |intake: i64| memory.file(intake).state == FileState::Taken;
        for (intake, made) in self.made.iter().filter(|(intake, _)| is_reported(*intake)) {
            for line in &made.rows {
                let record = memory.file(*intake).rows.get(&line.row).copied().flatten();
                let Some(rec) = record.and_then(|id| memory.rec(id)) else { continue };
                let bad =
                    matches!(rec.state, RecordState::Refused | RecordState::Rejected | RecordState::Held);
                // Without a key two equal rows of one file are two deliveries: nobody repairs one twice at once.
                let twice = !self.keyed && rows.iter().any(|row: &Line| row.delivery == line.delivery);
                if !twice && (bad || random.percent(5)) {
                    let reference = Some(format!("{LEDGER}-{intake}-{}", line.row));
                    let own = if random.percent(85) { Some(Own::Ready) } else { Some(Own::Refused) };
                    rows.push(Line { own, reference, ..line.clone() });
                    if self.keyed {
                        self.renumbering.look_at(rows.len() - 1, memory.newest(rec));
                    }
                }
            }
        }
        self.renumber(&mut rows, allowed);
        if self.keyed && random.percent(10) {
            rows.extend(rows.first().cloned());
        }
        if self.keyed && rows.len() > 1 && random.percent(20) {
            exchange(&mut rows, random);
            allowed.insert(EXCHANGED.to_owned(), 1);
            // Whoever names one row and bears another's number means either: nobody can tell which.
            for row in &rows {
                *allowed.entry(self.movement(row)).or_default() += 1000;
            }
        }
        if rows.is_empty() { self.fresh(name, rows, random, allowed) } else { made(name, rows) }
    }

    pub(super) fn text(&self, delivery: usize) -> String {
        format!("{}{delivery}", if self.keyed { 'k' } else { 'w' })
    }

    /// A row as validation hands it to the ledger.
    pub(super) fn staged(&self, line: &Line) -> StagedRow {
        let text = self.text(line.delivery);
        let (quantity, stock) = (line.quantity, line.stock);
        // What identifies a row without a key is all of it.
        let base = if self.keyed { text.clone() } else { format!("{text}x{quantity}") };
        let members = (line.own == Some(Own::Ready)).then(|| {
            let movement = self.movement(line);
            format!(
                r#"{{"p_quantity":{quantity},"p_available_qty":{stock},"p_batch_no":"{text}","notes":"{movement}"}}"#
            )
        });
        let fact = if self.keyed { Some(FactKey::Strong(base)) } else { Some(FactKey::Weak(base)) };
        let record = line.own.map(|own| StagedRecord {
            section: Some(0),
            own,
            report_from: None,
            doubt: (line.doubted && line.own == Some(Own::Ready)).then(|| StoredIssue {
                code: "T029".to_owned(),
                column: None,
                args: Vec::new(),
            }),
            fact: fact.filter(|_| self.keyed || members.is_some()),
            members,
            day: line.dated.day,
            until: line.dated.until,
            reverse_until: None,
            document: Some(format!("d{}", line.delivery / 3)),
            number: line.number.clone(),
            reference: line.reference.clone(),
        });
        StagedRow { row: line.row, issues: Vec::new(), record }
    }

    /// A second reading under mended lists: some rows that were refused are good now.
    pub(super) fn read_anew(&self, intake: i64, random: &mut Random) -> Option<Made> {
        let mut made = self.content(intake)?;
        for line in &mut made.rows {
            if line.own == Some(Own::Refused) && random.percent(70) {
                line.own = Some(Own::Ready);
            }
        }
        Some(made)
    }
}

/// Somebody exchanged, or renumbered, the deliveries of rows: each still names the row it stood for.
fn exchange(rows: &mut [Line], random: &mut Random) {
    let first = random.below(rows.len() - 1);
    let some = &mut rows[first..];
    let count = 2 + random.below(some.len() - 1);
    let mut deliveries: Vec<_> = some[..count].iter().map(|row| (row.delivery, row.quantity)).collect();
    deliveries.rotate_left(1);
    for (row, (delivery, quantity)) in some.iter_mut().zip(deliveries) {
        (row.delivery, row.quantity) = (delivery, quantity);
    }
}

/// Rows are numbered as a sheet numbers them; equal rows make an equal file.
fn made(name: String, mut rows: Vec<Line>) -> Made {
    for (row, line) in (2..).zip(&mut rows) {
        line.row = row;
    }
    Made { name, sha256: format!("{rows:?}"), rows }
}

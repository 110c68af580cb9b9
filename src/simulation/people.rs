//! People: they look before they speak, and say what they saw.

use chrono::TimeDelta;

use super::book::{Book, Got, Op, SECTION};
use super::check::{Broken, delivery, movement};
use super::life::Life;
use super::memory::{Memory, index};
use super::server::LATEST_M;
use crate::ledger::core::decide::DOUBTS;
use crate::ledger::core::{RecordState, TransactionState};
use crate::ledger::{Decision, Double, FileState, What, codes};

/// One person does one thing.
pub(super) fn act<B: Book>(life: &mut Life<'_, B>) -> Result<(), Broken> {
    match life.random.below(5) {
        0 => {
            if life.random.percent(50) {
                // Whoever looks waits first: a request that nobody answered may still be under way.
                life.pass(TimeDelta::minutes(LATEST_M + 1));
                life.check.step(life.book.memory_mut(), &mut life.server)?;
                resolve_one(life)?;
            }
            Ok(())
        }
        1 | 2 => release_one(life),
        3 => life.fetch_list(),
        _ => retry_one(life),
    }
}

/// Everybody's unknown outcomes are looked up. False where there are none.
pub(super) fn resolve_all<B: Book>(life: &mut Life<'_, B>) -> Result<bool, Broken> {
    let mut any = false;
    life.pass(TimeDelta::minutes(LATEST_M + 1));
    life.check.step(life.book.memory_mut(), &mut life.server)?;
    while resolve_one(life)? {
        any = true;
    }
    Ok(any)
}

fn resolve_one<B: Book>(life: &mut Life<'_, B>) -> Result<bool, Broken> {
    let unknown = life.in_state(RecordState::Unknown);
    if unknown.is_empty() {
        return Ok(false);
    }
    let record = *life.random.pick(&unknown);
    let memory = life.book.memory();
    let trn = memory.rec(record).and_then(|rec| rec.transaction).unwrap();
    let trn = memory.transactions[usize::try_from(trn).unwrap() - 1].clone();
    let batch = &memory.batches[usize::try_from(trn.batch).unwrap() - 1];
    let one_left = batch.transactions.len() == 1;
    // Under a mapped number another movement may stand there.
    let members = memory.rec(record).and_then(|rec| rec.members.clone()).unwrap_or_default();
    let registered = life.server.look(&trn.number);
    let another = registered.is_some() && !life.server.shows(&trn.number, &members);
    let none_of_it = |of: &i64| {
        let one = &memory.transactions[usize::try_from(*of).unwrap() - 1];
        one.state != TransactionState::Unknown || life.server.look(&one.number).is_none()
    };
    let none = batch.transactions.iter().all(none_of_it);
    // Whoever takes a batch of the portal for one of ours compares all of its rows.
    let numbers: Vec<String> =
        batch.transactions.iter().map(|of| memory.transactions[index(*of)].number.clone()).collect();
    if !one_left && none && life.random.percent(30) {
        let got = life.here(Op::Resolve(What::Batch(trn.batch), Decision::NotReceived))?;
        return Ok(!matches!(got, Got::Decided(0, _)));
    }
    if batch.state == crate::ledger::core::BatchState::Unknown
        && let Some(remote) = life
            .server
            .batch_with(&numbers)
            .filter(|_| !another)
            .filter(|_| one_left || life.random.percent(70))
    {
        let remote = remote.to_string();
        let tickets = vec![(SECTION.to_owned(), serde_json::json!({ "batch": remote }))];
        let what = What::Batch(trn.batch);
        match life.here(Op::Resolve(what, Decision::AskAbout { remote, tickets }))? {
            // The number is another batch's: somebody decides row by row.
            Got::Decided(0, 1..) => {}
            got => return Ok(got != Got::Decided(0, 0)),
        }
    }
    let decision = match registered.filter(|_| !another) {
        Some(id) => Decision::Accepted((id + 1).to_string()),
        None => Decision::NotReceived,
    };
    let what = What::Number(trn.number);
    // What stands there under the number is another row's: this one is missing.
    let mut got = life.here(Op::Resolve(what.clone(), decision))?;
    if matches!(got, Got::Decided(0, 1..)) {
        got = life.here(Op::Resolve(what, Decision::NotReceived))?;
    }
    Ok(!matches!(got, Got::Decided(0, _)))
}

/// Somebody looks at a held row and answers what is asked.
fn release_one<B: Book>(life: &mut Life<'_, B>) -> Result<(), Broken> {
    let held = life.in_state(RecordState::Held);
    if held.is_empty() {
        return Ok(());
    }
    let record = *life.random.pick(&held);
    let memory = life.book.memory();
    let rec = memory.rec(record).unwrap();
    let file = memory.file(rec.intake);
    if file.state != FileState::Taken {
        return Ok(());
    }
    let what = What::Row(file.name.clone().into(), rec.row);
    // The name may mean another file by now: people answer about the row that it means.
    let Some(record) = memory.held_by(&what) else { return Ok(()) };
    let rec = memory.rec(record).unwrap().clone();
    let code = rec.reason.first().map(|issue| issue.code.clone()).unwrap_or_default();
    if code == codes::DOUBTFUL.code {
        // Whoever else sent it may have done so a moment ago.
        life.pass(TimeDelta::minutes(LATEST_M + 1));
        life.check.step(life.book.memory_mut(), &mut life.server)?;
    }
    let answer = if is_doubt(&rec) {
        Some(truth(
            life,
            record,
            [&codes::CHANGE, &codes::REPORTED_BEFORE].iter().any(|one| one.code == code),
        ))
    } else {
        None
    };
    if rec.members.is_some() || answer.is_some() {
        life.here(Op::Release(what, answer))?;
    }
    Ok(())
}

/// Whether a doubtful row is a delivery, and a movement, that is not reported yet.
fn truth<B: Book>(life: &mut Life<'_, B>, record: i64, change: bool) -> Double {
    let memory = life.book.memory();
    let members = memory.rec(record).and_then(|rec| rec.members.clone()).unwrap_or_default();
    let names = [Some(delivery(&members)), movement(&members)];
    let names: Vec<String> = names.into_iter().flatten().map(str::to_owned).collect();
    if change && life.random.percent(50) {
        // A correction that is sent as a transaction of its own, knowingly.
        for text in names {
            *life.check.allowed.entry(text).or_default() += 1;
        }
        return Double::Send;
    }
    let is_left =
        |text: &String| reported(life, text) < life.check.allowed.get(text).copied().unwrap_or_default();
    let is_left = names.iter().all(is_left) && !is_repaired_already(life.book.memory(), record, &names);
    // Equal rows without a key tell nobody which delivery they are: people send no doubtful one.
    if is_left && life.drawer.keyed { Double::Send } else { Double::Drop }
}

/// Whether somebody repairs the other one of two rows of a file that are about the same: that repair is to be reported, once
/// it is good.
fn is_repaired_already(memory: &Memory, record: i64, names: &[String]) -> bool {
    let Some(rec) = memory.rec(record) else { return false };
    let is_about = |members: &str| {
        names.iter().any(|text| delivery(members) == text || movement(members) == Some(text.as_str()))
    };
    memory.records.iter().flatten().any(|twin| {
        let newest = memory.newest(twin);
        let repaired = twin.intake == rec.intake && newest.intake != rec.intake && newest.state.gives_way();
        repaired && twin.members.as_deref().is_some_and(is_about)
    })
}

/// How often a delivery, or a movement, is registered or on its way.
fn reported<B: Book>(life: &Life<'_, B>, text: &str) -> u32 {
    let memory = life.book.memory();
    let is_it = |members: &str| delivery(members) == text || movement(members) == Some(text);
    let registered = life.server.books.iter().filter(|one| is_it(&one.members)).count();
    let listed = |rec: &super::memory::Rec| {
        let number = rec.transaction.map(|trn| memory.transactions[index(trn)].number.as_str());
        number.is_some_and(|number| life.server.look(number).is_some())
    };
    let about = |rec: &&super::memory::Rec| {
        rec.newer.is_none() && rec.members.as_deref().is_some_and(is_it) && !listed(rec)
    };
    // What is held with its document alone goes one day too.
    let goes = |rec: &&super::memory::Rec| rec.state.is_open() || (rec.is_held() && !is_doubt(rec));
    let open = memory.records.iter().flatten().filter(about).filter(goes);
    u32::try_from(registered + open.count()).unwrap()
}

/// Somebody mended the lists and has a file read again.
fn retry_one<B: Book>(life: &mut Life<'_, B>) -> Result<(), Broken> {
    let memory = life.book.memory();
    let taken: Vec<i64> = (1..=i64::try_from(memory.files.len()).unwrap())
        .filter(|id| memory.file(*id).state == FileState::Taken && memory.file(*id).retry_of.is_none())
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let target = *life.random.pick(&taken);
    let Some(made) = life.drawer.read_anew(target, &mut life.random) else { return Ok(()) };
    if let Got::Id(intake) = life.here(Op::Retry(target))? {
        life.come(intake, made);
    }
    Ok(())
}

/// Whether a row is held because it may be a double.
fn is_doubt(rec: &super::memory::Rec) -> bool {
    rec.reason.first().is_some_and(|why| DOUBTS.iter().any(|one| one.code == why.code))
}

//! Whole lives of the ledger, each from one seed: files come, rows go out, lines break, processes die, clocks jump,
//! people decide; and after every step what must hold is looked at (`check.rs`).
//!
//! The rules are the product's: [`crate::ledger::core`] moves every record, and [`crate::submit::read_again`] with
//! the real codec reads every answer. Only what lies around them is a model: the tables (`memory.rs`), the
//! system (`server.rs`), the files (`files.rs`), the people (`people.rs`), the questions by our number (`looks.rs`),
//! the lists that show our numbers (`lists.rs`), the copies put in the ledger's place (`backup.rs`) what days bring
//! (`days.rs`), numbers that a mapping gives (`numbers.rs`) and numbers of documents that were mistaken (`movements.rs`).
//! `bridge.rs` lets the same lives happen to the ledger on SQLite too and compares both after each commit, so that the
//! tables are no guess either.
//!
//! ```text
//! cargo test --lib simulation                                  a few thousand lives, with every test run
//! RXDROP_LIVES=1000000 cargo test --release --lib a_long_run -- --ignored --nocapture
//! RXDROP_SEED=4711 cargo test --lib one_life -- --ignored --nocapture     one life again, each commit told
//! ```
//!
//! What is taken for granted: the system's books do not lie, no request is registered later than half an hour after
//! it was sent, and whoever says "not received" looked after that, or finds out by a list before anything is sent. Whoever lets a row of a file go knows which file of
//! that name is meant: the newest with something to decide in that row. A process is not frozen between the commit
//! that states the intent and the first byte. Without a key nobody sends a doubtful row: equal rows tell nobody which
//! delivery they are. Whoever names a row has it from a report of a file that was taken, and gives no other document number
//! to one that waits, that was never to be reported, or that stands twice in the repaired file without having been asked
//! about. Where rows of a file were exchanged, what each is about is left open, for the rest of that life.

mod backup;
mod book;
mod bridge;
mod broken;
mod check;
mod days;
mod files;
mod folder;
mod life;
mod lists;
mod looks;
mod memory;
mod movements;
mod numbers;
mod people;
mod random;
mod server;

use std::sync::LazyLock;
use std::time::Instant;

use book::Book as _;
use broken::{BUGS, Bug};
use life::Life;
use memory::Memory;

use crate::destinations::{self, Destination, Late, Section, SespaWire};
use crate::model::Environment;

/// The first number that is issued.
const FIRST_NUMBER: i64 = 260_831_000_000;
/// Lives of an ordinary test run.
const LIVES: u64 = 2_000;

static SESPA: LazyLock<Box<dyn Destination>> = LazyLock::new(|| {
    let section = Section {
        name: book::SECTION.to_owned(),
        system: "sespa".to_owned(),
        environment: Environment::Sandbox,
        base_url: "http://127.0.0.1:1/".to_owned(),
        client_id: None,
        client_secret: None,
        actor_reg_no: None,
        report_from: None,
        ca_file: None,
        proxy: None,
        catalogue: None,
        submit_window_days: Vec::new(),
        reverse_window_days: Vec::new(),
        late: Late::Hold,
        wire: SespaWire::default(),
    };
    destinations::open(&section, None).unwrap()
});

/// A life in which everything held.
struct Lived {
    seed: u64,
    rows: usize,
    /// [`Memory::kept_at_the_door`].
    kept_at_the_door: usize,
}

/// One life, or what did not hold.
fn live(seed: u64, bug: Option<Bug>, trace: bool) -> Result<Lived, String> {
    let memory = Memory::new(FIRST_NUMBER, bug);
    let mut life = Life::new(seed, memory, SESPA.as_ref(), trace);
    life.live().map_err(|broken| format!("seed {seed}: {broken}"))?;
    told_again(&life).map_err(|broken| format!("seed {seed}: {broken}"))?;
    folder::own_reports_are_no_inputs(&life.book, seed).map_err(|broken| format!("seed {seed}: {broken}"))?;
    Ok(Lived { seed, rows: life.rows(), kept_at_the_door: life.book.kept_at_the_door })
}

/// I11: what was committed, told again from nothing, gives the same.
fn told_again(life: &Life<'_, Memory>) -> Result<(), String> {
    let mut again = Memory::new(FIRST_NUMBER, life.book.bug);
    for (process, op, now) in &life.log {
        again.apply(*process, op, *now);
    }
    if again.dump() == life.book.dump() { Ok(()) } else { Err("I11: told again it is another".to_owned()) }
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test that is asked for by hand")]
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_must_hold_holds_in_every_life() {
    for seed in 0..LIVES {
        live(seed, None, false).unwrap();
    }
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (bug, rule) in BUGS {
        let told = |seed| live(seed, Some(bug), false).err().filter(|told| told.contains(rule));
        let found = (0..LIVES).find_map(told);
        println!("{bug:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{bug:?} is not found");
    }
}

#[test]
#[ignore = "takes minutes: as many lives as RXDROP_LIVES says, from RXDROP_SEED on, on two threads"]
fn a_long_run() {
    let (first, lives) =
        (number("RXDROP_SEED").unwrap_or(1 << 20), number("RXDROP_LIVES").unwrap_or(100_000));
    let begun = Instant::now();
    let run = |odd: u64| {
        let mut told = Told::default();
        (first..first + lives)
            .filter(|seed| seed % 2 == odd)
            .for_each(|seed| told.take(live(seed, None, false)));
        told
    };
    let halves = std::thread::scope(|scope| {
        [scope.spawn(|| run(0)), scope.spawn(|| run(1))].map(|half| half.join().unwrap())
    });
    let s = begun.elapsed().as_secs_f64();
    let [one, two] = &halves;
    let sum = |slot: usize| one.sizes[slot] + two.sizes[slot];
    println!("{lives} lives in {s:.0} s, of up to 10 rows {}, up to 50 {}, more {}", sum(0), sum(1), sum(2));
    println!("{} rows in all", one.rows + two.rows);
    let kept: Vec<u64> = halves.iter().flat_map(|half| &half.kept).copied().collect();
    println!(
        "in {} lives the last look kept a row from going: {:?}",
        kept.len(),
        kept.iter().take(10).collect::<Vec<_>>()
    );
    let broken: Vec<&String> = halves.iter().flat_map(|half| &half.broken).collect();
    assert!(broken.is_empty(), "{} lives broke a rule:\n{broken:#?}", broken.len());
}

/// What many lives came to.
#[derive(Default)]
struct Told {
    /// Lives of up to 10 rows, up to 50, and more.
    sizes: [usize; 3],
    rows: usize,
    /// Seeds of lives in which rules before the last look were wrong.
    kept: Vec<u64>,
    broken: Vec<String>,
}

impl Told {
    fn take(&mut self, life: Result<Lived, String>) {
        match life {
            Ok(Lived { seed, rows, kept_at_the_door }) => {
                self.sizes[usize::from(rows > 10) + usize::from(rows > 50)] += 1;
                self.rows += rows;
                self.kept.extend((kept_at_the_door > 0).then_some(seed));
            }
            Err(told) => self.broken.push(told),
        }
    }
}

#[test]
#[ignore = "one life again: RXDROP_SEED"]
fn one_life() {
    live(number("RXDROP_SEED").unwrap_or_default(), None, true).unwrap();
}

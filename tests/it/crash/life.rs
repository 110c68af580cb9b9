//! A life of the program: files are dropped, it runs, something happens to it, it runs again, people answer for
//! what is unknown, and the books are laid beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rxdrop::knife::ORDER;
use serde_json::Value;

use super::{ended, signal, until};
use crate::balance;
use crate::place::{Place, Ran, root};
use crate::sheet::Sheet;

const HEADER: &str = "Док;Ред;Дата;Вид;Код;Партида;Колич;Налич;Склад;Обект;Бележка\r\n";
/// Rows of one export; of them one is refused by us and one is not to be reported.
pub(super) const ROWS: usize = 12;
const REFUSED: usize = 5;
const IGNORED: usize = 9;
/// Rows of one request, so that an export makes three.
const MAX_BATCH: usize = 4;
/// Rounds of running and answering after which nothing may be open any more.
const ROUNDS: usize = 12;

/// How the system behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behaviour {
    pub(super) name: &'static str,
    /// Rules of the sandbox.
    pub(super) rules: &'static str,
    /// Batches of more rows are answered later.
    pub(super) async_above: Option<usize>,
    /// All that arrives is registered, if not at once: who looks it up has to wait for that.
    pub(super) late: bool,
    /// What was sent may stay in work for ever.
    pub(super) never_final: bool,
    /// What got no answer is asked about by our number.
    pub(super) looks: bool,
}

impl Behaviour {
    pub(super) const fn new(name: &'static str, rules: &'static str) -> Self {
        Self { name, rules, async_above: None, late: false, never_final: false, looks: false }
    }
}

/// The four that every point is tried under.
pub(super) const FOUR: [Behaviour; 4] = [
    Behaviour::new("good", ""),
    Behaviour::new("apply then cut", r#"{"on":"submit","every":2,"do":"apply_then_drop"}"#),
    Behaviour::new("cut before applying", r#"{"on":"submit","every":2,"do":"drop_before_apply"}"#),
    Behaviour { async_above: Some(1), ..Behaviour::new("answered later", "") },
];

/// One life.
pub(super) struct Life {
    pub(super) place: Place,
    pub(super) behaviour: Behaviour,
    /// Files dropped so far.
    files: usize,
    /// How often a person said of a number that it was not received.
    said: BTreeMap<String, u64>,
}

impl Life {
    pub(super) fn new(behaviour: Behaviour, settings: &str) -> Self {
        let mut settings = format!("{settings}\n[destination.sespa.wire]\nmax_batch = {MAX_BATCH}\n");
        if behaviour.looks {
            settings += "lookup_path = \"/transaction/{number}\"\ntimeout = \"1s\"\nquiet = \"1s\"\n";
        }
        let place = Place::answering(&toml::from_str(&settings).unwrap(), behaviour.async_above);
        let mapping = std::fs::read_to_string(root().join("tests/cases/mapping.toml")).unwrap();
        let rule = "\n[[rule]]\nwhen = [{ column = \"Бележка\", starts = [\"вътрешен\"] }]\n\
                    report = false\nreason = \"вътрешно движение\"\n";
        std::fs::write(place.path("mappings/usual.toml"), mapping + rule).unwrap();
        let life = Self { place, behaviour, files: 0, said: BTreeMap::new() };
        life.behave();
        life
    }

    /// From now on over another address, in batches of another size.
    pub(super) fn settle_over(&self, base_url: &str, max_batch: usize) {
        let settings = format!(
            "[destination.sespa]\nbase_url = \"{base_url}\"\n[destination.sespa.wire]\nmax_batch = {max_batch}"
        );
        self.place.configure(&toml::from_str(&settings).unwrap());
    }

    /// States of all records, in their order.
    pub(super) fn states(&self) -> Vec<String> {
        let ledger = self.place.ledger().unwrap();
        let mut all = ledger.prepare("SELECT state FROM records ORDER BY id").unwrap();
        let rows = all.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub(super) fn behave(&self) {
        self.place.faults(&format!("{{\"rules\":[{}]}}", self.behaviour.rules));
    }

    /// Drops another export: documents and lots that no other one has.
    pub(super) fn drop(&mut self, name: &str, rows: usize, flawed: bool) {
        std::fs::write(self.place.path("drop").join(name), self.export(rows, flawed)).unwrap();
    }

    /// The bytes of the next export.
    pub(super) fn export(&mut self, rows: usize, flawed: bool) -> String {
        self.files += 1;
        let file = self.files;
        let row = |row: usize| {
            let code = if flawed && row == REFUSED { "X" } else { "2415" };
            let note = if flawed && row == IGNORED { "вътрешен" } else { "" };
            format!("{file};{row};31.08.2026;приход;{code};L{file}-{row};10;4000;1532;;{note}\r\n")
        };
        HEADER.to_owned() + &(1..=rows).map(row).collect::<String>()
    }

    /// The program with an order of the knife.
    pub(super) fn under(&self, order: &str, args: &[&str]) -> Command {
        let mut command = self.place.command(args);
        command.env(ORDER, order);
        command
    }

    /// Runs until killed at a point; false where it never came there.
    #[track_caller]
    pub(super) fn killed_at(&self, order: &str) -> bool {
        let ran = ended(&mut self.under(&format!("{order}=kill"), &["run"]));
        survived(&ran);
        ran.status.signal() == Some(9)
    }

    /// Nothing disturbs any more: runs, checks, answers what is unknown, until nothing is open. Then the books.
    pub(super) fn live_out(&mut self) -> Result<(), String> {
        self.place.faults("{}");
        for _ in 0..ROUNDS {
            let ran = Ran::of(ended(&mut self.place.command(&["run", "--wait", self.patience()])));
            if ran.exit == 2 {
                return Err(format!("can't work again: {}{}", ran.stdout, ran.stderr));
            }
            self.check()?;
            if self.resolve()? == 0 && (ran.exit != 3 || self.behaviour.never_final) {
                return self.final_check();
            }
        }
        Err(format!("something stays open: {}", self.place.run(&["status"]).stdout))
    }

    fn patience(&self) -> &'static str {
        if self.behaviour.never_final { "2s" } else { "60s" }
    }

    /// People look into the system's books and say what they see there. Gives how many rows were unknown.
    fn resolve(&mut self) -> Result<usize, String> {
        let unknown = self.numbers("t.state = 'unknown'");
        if self.behaviour.late {
            until("what arrived late is registered", || {
                let registered = self.registered();
                self.arrivals().keys().all(|number| registered.contains_key(number))
            });
        }
        let registered = self.registered();
        for number in &unknown {
            let what = format!("no:{number}");
            let mut args = vec!["resolve", &what, "--by", "Мария", "--reason", "видяно в портала"];
            if let Some(id) = registered.get(number) {
                args.extend(["--accepted", id]);
            } else {
                args.push("--not-received");
                *self.said.entry(number.clone()).or_default() += 1;
            }
            let ran = self.place.run(&args);
            if ran.exit == 2 {
                return Err(format!("{args:?}: {}", ran.stderr));
            }
        }
        Ok(unknown.len())
    }

    /// Everything that must hold at any moment at which nobody works.
    pub(super) fn check(&self) -> Result<(), String> {
        balance::check(&self.place)?;
        self.arrived_once()?;
        balance::store(&self.place)
    }

    /// Everything that must hold when all is answered: nothing lost, nothing twice.
    fn final_check(&self) -> Result<(), String> {
        self.tidy()?;
        let good = self.numbers("r.state IN ('accepted', 'pending')").len();
        let lots = self.lots();
        if let Some((lot, ids)) = lots.iter().find(|(_, ids)| ids.len() > 1) {
            return Err(format!("{lot} is registered as {ids:?}"));
        }
        if lots.len() != good {
            return Err(format!("{good} accepted here, {} registered there", lots.len()));
        }
        let dropped = self.dropped();
        let known: BTreeSet<String> = lots.into_keys().collect();
        if let Some(lost) = dropped.iter().find(|lot| !known.contains(*lot)) {
            return Err(format!("{lost} was dropped and is not registered"));
        }
        Ok(())
    }

    /// Lots of every export that was copied or still lies there, as far as they are to be reported and the writer
    /// had not stopped in the middle of a row.
    fn dropped(&self) -> BTreeSet<String> {
        let mut lots = BTreeSet::new();
        for path in balance::files(&self.place.path("drop"))
            .into_iter()
            .chain(balance::files(&self.place.path("state/spool")))
        {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).unwrap();
            let export = bytes.starts_with(HEADER.trim_end().as_bytes()) && bytes.ends_with(b"\n");
            if !export || name.contains(".result.") || name.contains(".errors.") {
                continue;
            }
            let sheet = Sheet::read(&path);
            let due =
                |row: &&Vec<String>| sheet.cell(row, "Код") != "X" && sheet.cell(row, "Бележка").is_empty();
            lots.extend(sheet.rows.iter().filter(due).map(|row| sheet.cell(row, "Партида").to_owned()));
        }
        lots
    }

    /// Nothing unfinished lies beside the inputs or in the spool.
    fn tidy(&self) -> Result<(), String> {
        let mut all = balance::files(&self.place.path("drop"));
        all.extend(balance::files(&self.place.path("state/spool")));
        let left = all.into_iter().find(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let unfinished = path.extension().is_some_and(|kind| kind == "part" || kind == "tmp");
            unfinished || name.contains("changed-")
        });
        left.map_or(Ok(()), |path| Err(format!("{} is left", path.display())))
    }

    /// Each number arrived once, and once more for each proof that it had not been received before.
    fn arrived_once(&self) -> Result<(), String> {
        let proofs = self.proofs();
        for (number, times) in self.arrivals() {
            let said = self.said.get(&number).unwrap_or(&0);
            let proven = proofs.get(&number).unwrap_or(&0);
            if times > 1 + said + proven {
                return Err(format!(
                    "{number} arrived {times} times; {proven} answers and {said} words of people allow no more"
                ));
            }
        }
        Ok(())
    }

    /// Answers that prove of a number that it was not received (contract: 401 and 429 on the whole request).
    fn proofs(&self) -> BTreeMap<String, u64> {
        let Some(ledger) = self.place.ledger() else { return BTreeMap::new() };
        let mut asked = ledger
            .prepare(
                "SELECT t.number, count(*) FROM transactions t JOIN attempts a ON a.batch_id = t.batch_id
                 WHERE a.kind = 'submit' AND a.http_status IN (401, 429) GROUP BY t.number",
            )
            .unwrap();
        let rows = asked.query_map([], |row| Ok((row.get(0)?, u64::from(row.get::<_, u32>(1)?)))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Numbers by the state of their record or transaction.
    fn numbers(&self, that: &str) -> Vec<String> {
        let Some(ledger) = self.place.ledger() else { return Vec::new() };
        let asked = format!(
            "SELECT t.number FROM records r JOIN transactions t ON t.id = r.transaction_id WHERE {that} ORDER BY t.id"
        );
        let mut asked = ledger.prepare(&asked).unwrap();
        let rows = asked.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn arrivals(&self) -> BTreeMap<String, u64> {
        let books = self.place.books();
        let arrivals = books["arrivals"].as_object().unwrap().iter();
        arrivals.map(|(number, times)| (number.clone(), times.as_u64().unwrap())).collect()
    }

    /// Number → the system's id.
    fn registered(&self) -> BTreeMap<String, String> {
        let books = self.place.books();
        let one = |entry: &Value| (entry["number"].as_str().unwrap().to_owned(), entry["id"].to_string());
        books["transactions"].as_array().unwrap().iter().map(one).collect()
    }

    /// How many rows of each document are registered.
    pub(super) fn lots_by_document(&self) -> BTreeMap<String, usize> {
        let mut documents = BTreeMap::new();
        for lot in self.lots().into_keys() {
            *documents.entry(lot.split('-').next().unwrap().to_owned()).or_default() += 1;
        }
        documents
    }

    /// Lot → ids it is registered under.
    fn lots(&self) -> BTreeMap<String, Vec<u64>> {
        let books = self.place.books();
        let mut lots: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for entry in books["transactions"].as_array().unwrap() {
            let lot = entry["payload"]["p_batch_no"].as_str().unwrap().to_owned();
            lots.entry(lot).or_default().push(entry["id"].as_u64().unwrap());
        }
        lots
    }
}

/// Lets a command of a life come to a point and tells it to stop there: what it printed and how it ended, and how
/// long it took to end once it was told.
#[track_caller]
pub(super) fn stopped_at(life: &Life, point: &str, args: &[&str]) -> (Output, Duration) {
    let gate = life.place.path("gate");
    let child = life.under(&format!("{point}=pause:{}", gate.display()), args).spawn().unwrap();
    until("it came there", || gate.with_extension("reached").exists());
    let told = Instant::now();
    signal(&child, "TERM");
    std::fs::write(&gate, "").unwrap();
    let ran = child.wait_with_output().unwrap();
    survived(&ran);
    (ran, told.elapsed())
}

/// Whatever became of a run, it neither panicked nor ended as programs should not.
#[track_caller]
pub(super) fn survived(ran: &Output) {
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(!told.contains("panicked"), "{told}");
    let usual = [Some(0), Some(1), Some(2), Some(3), None].contains(&ran.status.code());
    assert!(usual, "{:?} {told}", ran.status);
}

#[test]
fn the_books_tell_what_is_lost_and_what_is_sent_twice() {
    let mut life = Life::new(FOUR[0], "");
    life.drop("day.csv", ROWS, true);
    life.live_out().unwrap();
    life.drop("left.csv", 1, false);
    let lost = life.final_check().unwrap_err();
    assert!(lost.contains("L2-1 was dropped and is not registered"), "{lost}");
    life.live_out().unwrap();
    // Under another scope of the key the same rows are new ones.
    let mapping = life.place.path("mappings/usual.toml");
    let scope = std::fs::read_to_string(&mapping)
        .unwrap()
        .replace("name        = \"usual\"", "name        = \"other\"");
    std::fs::write(mapping, scope).unwrap();
    life.files = 0;
    life.drop("again.csv", ROWS + 1, true);
    let twice = life.live_out().unwrap_err();
    assert!(twice.contains("registered"), "{twice}");
}

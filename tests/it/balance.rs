//! The books balance: rows of the report = receipt = `status` = ledger = what the system registered.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::read::DeflateDecoder;
use regex::bytes::Regex;
use rxdrop::sandbox::CREDENTIALS;
use serde_json::Value;

use super::place::{Place, SECRET, sha256};
use super::sheet::Sheet;

const STATUSES: [&str; 8] =
    ["accepted", "refused", "duplicate", "waiting", "unknown", "held", "reversed", "ignored"];

/// Checks all books of a place against each other.
pub(crate) fn check(place: &Place) -> Result<(), String> {
    let mut by_file = BTreeMap::new();
    for path in receipts(&place.path("drop")) {
        let receipt: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let told = |what: String| format!("{}: {what}", path.display());
        one(&path, &receipt).map_err(told)?;
        by_file.insert(path, receipt);
    }
    if place.ledger().is_none() {
        return Ok(());
    }
    status(place, &by_file)?;
    verified(place)?;
    system(place)?;
    untold(place)
}

/// What is secret in some bytes: our client secret, as such or in a login's header, or a token of the sandbox.
pub(crate) fn secret(bytes: &[u8]) -> Option<&'static str> {
    static SECRETS: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
        let basic = BASE64_STANDARD.encode(format!("{CREDENTIALS}:{SECRET}"));
        [("secret", SECRET), ("login", basic.as_str()), ("token", "sbx[0-9a-f]{16}")]
            .map(|(what, pattern)| (what, Regex::new(pattern).unwrap()))
    });
    SECRETS.iter().find(|(_, pattern)| pattern.is_match(bytes)).map(|(what, _)| *what)
}

/// No file but the configuration holds a secret, and nothing that the ledger keeps packed.
fn untold(place: &Place) -> Result<(), String> {
    for path in files(place.dir()).into_iter().filter(|path| !path.ends_with("rxdrop.toml")) {
        if let Some(what) = std::fs::read(&path).ok().and_then(|bytes| secret(&bytes)) {
            return Err(format!("{} holds a {what}", path.display()));
        }
    }
    let ledger = place.ledger().unwrap();
    let mut all = ledger.prepare(PACKED).unwrap();
    for packed in all.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(Result::unwrap) {
        let mut bytes = Vec::new();
        DeflateDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        if let Some(what) = secret(&bytes) {
            return Err(format!("a request or an answer in the ledger holds a {what}"));
        }
    }
    Ok(())
}

const PACKED: &str = "SELECT body FROM batches UNION ALL SELECT raw FROM attempts WHERE raw IS NOT NULL";

/// The evidence is as the program left it, whatever the case did.
fn verified(place: &Place) -> Result<(), String> {
    let ran = place.run(&["verify"]);
    if ran.exit == 0 { Ok(()) } else { Err(format!("verify: {}{}", ran.stdout, ran.stderr)) }
}

fn receipts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().ends_with(".receipt.json")).collect()
}

/// A receipt with the reports that it names.
fn one(path: &Path, receipt: &Value) -> Result<(), String> {
    let totals: BTreeMap<&str, u64> = STATUSES
        .iter()
        .map(|status| (*status, receipt["totals"][status].as_u64().unwrap_or(u64::MAX)))
        .collect();
    if totals.values().sum::<u64>() != receipt["rows"].as_u64().unwrap() {
        return Err(format!("rows {} are not the sum of {totals:?}", receipt["rows"]));
    }
    for report in receipt["reports"].as_array().unwrap() {
        let name = report["name"].as_str().unwrap();
        let file = path.with_file_name(name);
        // What a person has open is theirs until they close it.
        if path.with_file_name(format!(".~lock.{name}#")).exists() {
            continue;
        }
        let bytes = std::fs::read(&file).map_err(|error| format!("names {name}: {error}"))?;
        let hash = sha256(&bytes);
        if report["sha256"] != hash {
            return Err(format!("{name} has other bytes than the receipt says"));
        }
        if name.contains(".result.") {
            let counted = counted(&Sheet::read(&file));
            if STATUSES.iter().any(|status| counted.get(*status).unwrap_or(&0) != &totals[status]) {
                return Err(format!("{name} has {counted:?}, the receipt {totals:?}"));
            }
        }
    }
    Ok(())
}

fn counted(sheet: &Sheet) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for row in &sheet.rows {
        *counted.entry(sheet.cell(row, "rx_status").to_owned()).or_default() += 1;
    }
    counted
}

/// `status --json` tells the same of every file whose receipt lies under its plain name.
fn status(place: &Place, receipts: &BTreeMap<PathBuf, Value>) -> Result<(), String> {
    let ran = place.run(&["status", "--json"]);
    let told: Value =
        serde_json::from_str(&ran.stdout).map_err(|error| format!("status: {error}: {}", ran.stderr))?;
    let mut seen = BTreeSet::new();
    for file in told["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let receipt = receipts.get(&PathBuf::from(format!("{name}.receipt.json")));
        let newest = seen.insert(name.to_owned()) && file["state"] != "withdrawn";
        if let Some(receipt) = receipt.filter(|_| newest)
            && (receipt["totals"] != file["totals"] || receipt["rows"] != file["rows"])
        {
            return Err(format!(
                "status says {}, the receipt {} of {name}",
                file["totals"], receipt["totals"]
            ));
        }
    }
    Ok(())
}

/// A number is registered at most once, and the ledger knows of all that is; what it holds for accepted, is.
fn system(place: &Place) -> Result<(), String> {
    let books = place.books();
    let (mut registered, mut cancelled) = (BTreeSet::new(), BTreeSet::new());
    for one in books["transactions"].as_array().unwrap() {
        let number = one["number"].as_str().unwrap().to_owned();
        if !one["reversed_at"].is_null() {
            cancelled.insert(number);
        } else if !registered.insert(number.clone()) {
            return Err(format!("{number} is registered twice"));
        }
    }
    let states = states(place);
    for (number, state) in &states {
        // What somebody cancels in the portal is not known here.
        if state == "accepted" && !registered.contains(number) && !cancelled.contains(number) {
            return Err(format!("{number} is accepted here and not registered there"));
        }
    }
    for number in &registered {
        let state = states.get(number).map_or("absent", String::as_str);
        if !["accepted", "unknown", "pending", "sending"].contains(&state) {
            return Err(format!("{number} is registered there and {state} here"));
        }
    }
    Ok(())
}

/// Newest state of each number.
fn states(place: &Place) -> BTreeMap<String, String> {
    let ledger = place.ledger().unwrap();
    let mut all = ledger.prepare("SELECT number, state FROM transactions ORDER BY id").unwrap();
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The ledger is whole, each row of it stands in one state, and each copy in the spool is what its name says.
pub(crate) fn store(place: &Place) -> Result<(), String> {
    let Some(ledger) = place.ledger() else { return Ok(()) };
    let one = |sql: &str| ledger.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let whole = one("PRAGMA integrity_check");
    if whole != "ok" {
        return Err(format!("the ledger is damaged: {whole}"));
    }
    for (what, found) in [
        ("rows without a state", one(STATELESS)),
        ("numbers in two open batches", one(IN_TWO_BATCHES)),
        ("live facts that no accepted file has", one(STRAY_FACTS)),
    ] {
        if found != "0" {
            return Err(format!("{found} {what}"));
        }
    }
    copies(place, &ledger)
}

const STATELESS: &str = "SELECT CAST(count(*) AS TEXT) FROM rows w JOIN intakes i ON i.id = w.intake_id
    LEFT JOIN records r ON r.id = w.record_id
    WHERE i.state = 'taken' AND w.ignored = 0 AND r.id IS NULL";
const IN_TWO_BATCHES: &str = "SELECT CAST(count(*) AS TEXT) FROM (SELECT t.number FROM transactions t
    JOIN batches b ON b.id = t.batch_id WHERE b.state IN ('sending', 'retry', 'pending')
    GROUP BY t.number HAVING count(DISTINCT b.id) > 1)";
const STRAY_FACTS: &str =
    "SELECT CAST(count(*) AS TEXT) FROM facts f LEFT JOIN records r ON r.id = f.record_id
    JOIN intakes i ON i.id = f.intake_id WHERE f.live = 1 AND i.state = 'taken' AND r.id IS NULL";

fn copies(place: &Place, ledger: &rusqlite::Connection) -> Result<(), String> {
    let spool = place.path("state/spool");
    for path in files(&spool) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let unfinished = path.extension().is_some_and(|kind| kind == "part");
        if !unfinished && name != sha256(&std::fs::read(&path).unwrap()) {
            return Err(format!("the copy {name} has other bytes"));
        }
    }
    let mut taken = ledger.prepare("SELECT DISTINCT sha256 FROM intakes").unwrap();
    let taken = taken.query_map([], |row| row.get::<_, String>(0)).unwrap();
    match taken.map(Result::unwrap).find(|sha256| !spool.join(sha256).exists()) {
        Some(sha256) => Err(format!("the copy {sha256} is missing")),
        None => Ok(()),
    }
}

/// Files of a folder and those below it; none where it is away.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_is_secret_is_found() {
    assert_eq!(secret(format!("secret: {SECRET}").as_bytes()), Some("secret"));
    assert_eq!(secret(BASE64_STANDARD.encode(format!("{CREDENTIALS}:{SECRET}")).as_bytes()), Some("login"));
    assert_eq!(secret(b"authorization: Bearer sbx00112233445566ff"), Some("token"));
    assert_eq!(secret(CREDENTIALS.as_bytes()), None);
}

//! `verify` finds whatever is changed by hand, and nothing where nothing was.

use std::collections::BTreeSet;

use super::place::{Place, root};

/// A place where a file of good and bad rows was reported, one row of it unknown and then decided by a person.
fn reported() -> Place {
    let place = Place::new(&toml::Table::new());
    std::fs::copy(root().join("mappings/sespa/deliveries.toml"), place.path("mappings/deliveries.toml"))
        .unwrap();
    std::fs::copy(root().join("samples/deliveries.csv"), place.path("drop/deliveries.csv")).unwrap();
    place.run(&["run"]).exits(1);
    place
}

fn verified(place: &Place, exit: i32) -> BTreeSet<String> {
    let told = place.run(&["verify", "--json"]).exits(exit).json();
    assert_eq!(told["intact"], exit == 0, "{told}");
    let codes = told["findings"].as_array().unwrap().iter();
    codes.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// Without the guard, as somebody would who wants to change events or moves unseen.
const UNGUARDED: &str = "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed;
     DROP TRIGGER moves_are_not_changed; DROP TRIGGER moves_are_not_removed;";
const GUARDED: &str =
    "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'no'); END;
     CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'no'); END;
     CREATE TRIGGER moves_are_not_changed BEFORE UPDATE ON moves BEGIN SELECT RAISE(ABORT, 'no'); END;
     CREATE TRIGGER moves_are_not_removed BEFORE DELETE ON moves BEGIN SELECT RAISE(ABORT, 'no'); END;";

/// What is done to the ledger, and what `verify` must find at least.
const BY_HAND: &[(&str, &[&str])] = &[
    ("UPDATE events SET data = replace(data, 'a', 'b') WHERE kind = 'received'", &["L101"]),
    ("UPDATE events SET at = '2020-01-01T00:00:00.000Z' WHERE kind = 'settled'", &["L101", "L115"]),
    ("DELETE FROM events WHERE id IN (3, 4)", &["L102", "L124"]),
    ("DELETE FROM events WHERE id > 5", &["L103"]),
    ("DROP TRIGGER events_are_not_changed", &["L104"]),
    ("DELETE FROM rows WHERE row_no = (SELECT max(row_no) FROM rows)", &["L108", "L109", "L118"]),
    ("UPDATE rows SET record_id = NULL WHERE row_no = (SELECT min(row_no) FROM rows)", &["L109"]),
    ("UPDATE records SET state = 'accepted' WHERE state = 'rejected'", &["L110", "L118"]),
    ("UPDATE records SET state = 'ignored' WHERE state = 'refused'", &["L118", "L120"]),
    ("UPDATE batches SET state = 'unknown' WHERE state = 'settled'", &["L120"]),
    ("UPDATE intakes SET state = 'withdrawn'", &["L120", "L122"]),
    (
        "INSERT INTO attempts (batch_id, kind, state, began_at) SELECT batch_id, 'ask', 'applied', began_at FROM attempts",
        &["L121"],
    ),
    ("DELETE FROM attempts WHERE id = (SELECT max(id) FROM attempts)", &["L117", "L122"]),
    ("UPDATE moves SET state = 'ready' WHERE noun = 'records' AND state = 'rejected'", &["L120", "L123"]),
    ("DELETE FROM moves WHERE noun = 'transactions'", &["L121", "L123"]),
    (
        "INSERT INTO moves (event, noun, first, last, state) VALUES (999999, 'records', 1, 1, 'ready')",
        &["L124", "L125"],
    ),
    ("UPDATE transactions SET state = 'refused' WHERE state = 'accepted'", &["L110", "L114"]),
    ("UPDATE transactions SET remote_id = '999' WHERE state = 'accepted'", &["L114"]),
    ("UPDATE transactions SET remote_id = NULL WHERE state = 'accepted'", &["L111", "L114"]),
    (
        "DROP INDEX facts_live; UPDATE facts SET key = (SELECT key FROM facts WHERE live = 1 LIMIT 1)",
        &["L112"],
    ),
    ("UPDATE transactions SET number = (SELECT min(number) FROM transactions)", &["L113"]),
    ("UPDATE meta SET value = '1' WHERE key = 'next_number'", &["L113"]),
    ("UPDATE transactions SET settled_at = '2020-01-01T00:00:00.000Z'", &["L114", "L115"]),
    ("UPDATE batches SET body_sha256 = body_sha256 || '0'", &["L116"]),
    ("UPDATE batches SET body = (SELECT raw FROM attempts LIMIT 1)", &["L116"]),
    ("UPDATE attempts SET raw = (SELECT body FROM batches LIMIT 1)", &["L117"]),
    ("UPDATE attempts SET sha256 = sha256 || '0'", &["L117"]),
];

#[test]
fn whatever_is_changed_by_hand_in_the_ledger_is_found() {
    let place = reported();
    assert_eq!(verified(&place, 0), BTreeSet::new());
    let kept = place.path("state/kept.db");
    place.ledger().unwrap().execute("VACUUM INTO ?1", [kept.to_string_lossy()]).unwrap();
    for (statement, wanted) in BY_HAND {
        put_back(&place);
        let ledger = place.ledger().unwrap();
        let guarded = ["events SET", "FROM events", "moves SET", "FROM moves"];
        let guarded = guarded.iter().any(|part| statement.contains(part));
        let whole =
            if guarded { format!("{UNGUARDED}{statement};{GUARDED}") } else { (*statement).to_owned() };
        ledger.execute_batch(&whole).unwrap();
        assert!(ledger.total_changes() > 0 || statement.starts_with("DROP"), "{statement} changes nothing");
        drop(ledger);
        let found = verified(&place, 1);
        for code in *wanted {
            assert!(found.contains(*code), "{statement}: {code} is not among {found:?}");
        }
    }
    put_back(&place);
    assert_eq!(verified(&place, 0), BTreeSet::new(), "put back as it was");
}

/// The ledger as it was kept.
fn put_back(place: &Place) {
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(place.path(&format!("state/rxdrop.db{ending}")));
    }
    std::fs::copy(place.path("state/kept.db"), place.path("state/rxdrop.db")).unwrap();
}

#[test]
fn events_are_neither_changed_nor_removed_while_the_guard_stands() {
    let place = reported();
    let ledger = place.ledger().unwrap();
    for statement in [
        "UPDATE events SET data = '{}' WHERE id = 1",
        "DELETE FROM events WHERE id = 1",
        "UPDATE moves SET state = 'accepted'",
        "DELETE FROM moves",
    ] {
        let refused = ledger.execute_batch(statement).unwrap_err().to_string();
        assert!(refused.contains("are only ever added"), "{refused}");
    }
}

#[test]
fn a_damaged_ledger_is_told_and_not_begun_anew() {
    let place = reported();
    place.ledger().unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = place.path("state/rxdrop.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // The pages of tables, not the first ones with the schema: their cells' counts are overwritten.
    let pages = bytes.len() / 4096;
    for page in (pages / 2)..pages {
        bytes[page * 4096 + 3..page * 4096 + 40].fill(0xff);
    }
    std::fs::write(&path, bytes).unwrap();
    let ran = place.run(&["verify"]);
    assert!(ran.exit == 2 || ran.exit == 1 && ran.stdout.contains("L105"), "{}{}", ran.stdout, ran.stderr);
    let ran = place.run(&["verify"]);
    assert_ne!(ran.exit, 0, "it is still damaged");
}

#[test]
fn every_kept_copy_is_looked_at() {
    let place = reported();
    let copy = std::fs::read_dir(place.path("state/spool")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&copy).unwrap();
    let writable = || {
        let mut rights = std::fs::metadata(&copy).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a copy of a test's own")]
        rights.set_readonly(false);
        std::fs::set_permissions(&copy, rights).unwrap();
    };
    writable();
    std::fs::write(&copy, [&bytes[..], b" "].concat()).unwrap();
    assert_eq!(verified(&place, 1), BTreeSet::from(["L107".to_owned()]));
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(verified(&place, 1), BTreeSet::from(["L106".to_owned()]));
    std::fs::write(&copy, bytes).unwrap();
    assert_eq!(verified(&place, 0), BTreeSet::new());
}

#[test]
fn what_a_person_may_change_is_told_and_no_fault() {
    let place = reported();
    let report = place.path("drop/deliveries.csv.result.csv");
    let mut text = std::fs::read(&report).unwrap();
    text.extend_from_slice(b"\r\n");
    std::fs::write(&report, text).unwrap();
    let told = place.run(&["verify", "--json"]).exits(0).json();
    assert_eq!(told["notes"][0]["code"], "W504");
    assert!(place.run(&["verify", "--lang", "bg"]).exits(0).stdout.contains("непокътнато"));
}

//! How soon a program that is started again on a large ledger sends: processor time and wall clock of a `run` that
//! takes a small file, on a ledger of a million rows.
//!
//! `cargo bench --bench restart`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a measurement, not the product: it may end where something is amiss"
)]

mod measure;
mod sandbox;

use std::fs;
use std::path::Path;

use chrono::{Days, Utc};
use measure::{Run, mib, ms};
use rxdrop::sandbox::samples::nightly_csv;
use sandbox::Sandbox;

const ROWS: u32 = 1_000_000;
/// Rows of one earlier file.
const FILE_ROWS: u32 = 2_000;
const MAPPING: &str = include_str!("../mappings/sespa/deliveries.toml");

fn main() {
    let sandbox = Sandbox::start();
    let folder = measure::folder("restart");
    for below in ["drop", "mappings"] {
        fs::create_dir(folder.join(below)).unwrap();
    }
    fs::write(folder.join("rxdrop.toml"), sandbox.configuration(1)).unwrap();
    fs::write(folder.join("mappings/deliveries.toml"), MAPPING).unwrap();
    measure::run(&folder, &["run", "--settle", "0s"]);
    println!("a `run` with one small file; with the start of the process, the reports and its end");
    tell("on an empty ledger", &night(&folder, 0));
    fill(&folder.join("state/rxdrop.db"));
    for night_no in 1..4 {
        tell(&format!("on {ROWS} rows"), &night(&folder, night_no));
    }
}

/// Drops a small file and runs.
fn night(folder: &Path, number: u32) -> Run {
    let yesterday = Utc::now().with_timezone(&chrono_tz::Europe::Sofia).date_naive() - Days::new(1);
    let rows = 20 + number as usize;
    fs::write(folder.join(format!("drop/nightly-{number}.csv")), nightly_csv(yesterday, rows)).unwrap();
    measure::run(folder, &["run", "--settle", "0s"])
}

fn tell(what: &str, run: &Run) {
    println!("  {what:<22} wall {:>9}  processor {:>9}  {}", ms(run.wall), ms(run.cpu), mib(run.peak_kib));
}

/// Writes what a long time leaves: files of accepted rows with facts, transactions, batches and events.
fn fill(path: &Path) {
    let ledger = rusqlite::Connection::open(path).unwrap();
    ledger.pragma_update(None, "synchronous", "OFF").unwrap();
    ledger
        .execute_batch(&format!(
            "BEGIN;
            CREATE TEMP TABLE n (x INTEGER PRIMARY KEY);
            INSERT INTO n WITH RECURSIVE up (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM up WHERE x < {ROWS})
                SELECT x FROM up;
            INSERT INTO intakes (id, kind, folder, name, sha256, bytes, received_at, state, language, realm_id,
                    changed, reported)
                SELECT 1000 + x, 'drop', (SELECT folder FROM intakes LIMIT 1), 'old-' || x || '.csv',
                    printf('%064x', x), 1, '2026-01-01T00:00:00.000Z', 'taken', 'bg', 1, 1, 1
                FROM n WHERE x <= {ROWS} / {FILE_ROWS};
            INSERT INTO sightings (folder, name, bytes, mtime_ns, intake_id)
                SELECT folder, name, 1, 1, id FROM intakes WHERE id > 1000;
            INSERT INTO records (id, intake_id, row_no, realm_id, section, state, valid, until, reverse_until,
                    transaction_id)
                SELECT 1000 + x, 1001 + (x - 1) / {FILE_ROWS}, 2 + (x - 1) % {FILE_ROWS}, 1, 'sespa', 'accepted', 1,
                    '2026-01-11', '2026-01-15', 1000 + x FROM n;
            INSERT INTO rows (intake_id, row_no, record_id) SELECT intake_id, row_no, id FROM records WHERE id > 1000;
            INSERT INTO contents (record_id, members)
                SELECT id, '{{\"p_trn_type\":3,\"p_quantity\":' || id || '}}' FROM records WHERE id > 1000;
            INSERT INTO facts (intake_id, row_no, part, scope_id, key, record_id, live)
                SELECT intake_id, row_no, 0, 1, 'old' || id, id, 1 FROM records WHERE id > 1000;
            INSERT INTO batches (id, realm_id, section, state, rows, body, body_sha256, owner_epoch)
                SELECT 1000 + x, 1, 'sespa', 'settled', 250, x'00', '', 1 FROM n WHERE x <= {ROWS} / 250;
            INSERT INTO attempts (batch_id, kind, state, began_at)
                SELECT id, 'submit', 'applied', '2026-01-01T00:00:00.000Z' FROM batches WHERE id > 1000;
            INSERT INTO transactions (id, record_id, number, state, batch_id, position, remote_id)
                SELECT 1000 + x, 1000 + x, '9' || x, 'accepted', 1001 + (x - 1) / 250, (x - 1) % 250, 'r' || x FROM n;
            INSERT INTO reports (folder, name, sha256, kind, intake_id)
                SELECT folder, name || '.result.csv', sha256, 'result.csv', id FROM intakes WHERE id > 1000;
            COMMIT;
            PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
}

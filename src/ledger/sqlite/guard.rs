//! In tests and debug builds every change of a state is held against the rules' tables, whatever statement makes it.

use rusqlite::Connection;

use crate::ledger::Error;
use crate::ledger::core::{AttemptState, BatchState, FileState, Life, RecordState, TransactionState, moves};

/// From here on this connection refuses a move that no rule allows.
pub(super) fn watch(conn: &Connection) -> Result<(), Error> {
    let triggers = [
        trigger::<RecordState>(),
        trigger::<TransactionState>(),
        trigger::<BatchState>(),
        trigger::<AttemptState>(),
        trigger::<FileState>(),
    ];
    Ok(conn.execute_batch(&triggers.concat())?)
}

fn trigger<L: Life>() -> String {
    let lawful: Vec<String> = moves::<L>()
        .into_iter()
        .map(|(from, to)| format!("(OLD.state = '{}' AND NEW.state = '{}')", from.word(), to.word()))
        .collect();
    format!(
        "CREATE TEMP TRIGGER lawful_{table} BEFORE UPDATE OF state ON {table}
           WHEN OLD.state <> NEW.state AND NOT ({lawful})
          BEGIN SELECT RAISE(ABORT, 'internal: {table} ' || OLD.id || ' from ' || OLD.state || ' to ' || NEW.state); END;",
        table = L::TABLE,
        lawful = lawful.join(" OR "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_that_no_rule_allows_is_refused() {
        let conn = Connection::open_in_memory().unwrap();
        for table in ["records", "transactions", "batches", "attempts", "intakes"] {
            conn.execute_batch(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, state TEXT)"))
                .unwrap();
        }
        watch(&conn).unwrap();
        conn.execute_batch("INSERT INTO records (id, state) VALUES (1, 'ready')").unwrap();
        conn.execute_batch("UPDATE records SET state = 'sending'; UPDATE records SET state = 'unknown'")
            .unwrap();
        let refused = conn.execute_batch("UPDATE records SET state = 'sending'").unwrap_err().to_string();
        assert!(refused.contains("from unknown to sending"), "{refused}");
    }
}

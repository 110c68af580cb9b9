//! Many rows with one statement: to open a table with its indexes costs more than to write a row.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params_from_iter};

use crate::ledger::Error;

/// Rows of one statement. With more of them little is gained, and to prepare the statement costs as much again.
pub(super) const MANY: usize = 25;

/// Runs a statement that takes a list of rows where it says `{rows}`, once for every [`MANY`] rows. `row` is the
/// text of one row, with a `?` for each of its cells. Gives how many rows the statements changed.
pub(super) fn run<'a, T, const CELLS: usize>(
    conn: &Connection,
    statement: &str,
    row: &str,
    rows: &'a [T],
    cells: impl Fn(&'a T) -> [ToSqlOutput<'a>; CELLS],
) -> Result<usize, Error> {
    let mut changed = 0;
    for some in rows.chunks(MANY) {
        let list = vec![row; some.len()].join(",");
        changed += conn
            .prepare_cached(&statement.replace("{rows}", &list))?
            .execute(params_from_iter(some.iter().flat_map(&cells)))?;
    }
    Ok(changed)
}

/// A cell of a text that may be missing.
pub(super) fn text(text: Option<&str>) -> ToSqlOutput<'_> {
    text.map_or_else(|| rusqlite::types::Null.into(), ToSqlOutput::from)
}

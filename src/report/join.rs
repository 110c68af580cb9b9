//! A file's rows and what became of them, side by side, streaming both.

use super::Error;
use crate::ledger::RowView;
use crate::table::Row;

/// What went wrong in a source the caller gave.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Calls `each` for every data row with its story, in row order.
///
/// `rows` reads the next data row into the buffer and says whether there was one. `pages` gives the stories of
/// the next rows behind a row number, ascending; an empty page ends them. A row without a story or a story
/// without a row is an error: the books must balance.
pub fn join<R, S, P, L>(
    mut rows: R,
    pages: P,
    mut each: impl FnMut(&Row, &RowView) -> Result<(), Error>,
) -> Result<(), Error>
where
    R: FnMut(&mut Row) -> Result<bool, S>,
    S: Into<Cause>,
    P: FnMut(u32) -> Result<Vec<RowView>, L>,
    L: Into<Cause>,
{
    let mut stories = Stories { pages, page: Vec::new().into_iter(), after: 0 };
    let mut row = Row::new();
    while rows(&mut row).map_err(|cause| Error::Snapshot(cause.into()))? {
        match stories.next()? {
            Some(view) if view.row == row.number() => each(&row, &view)?,
            Some(view) if view.row < row.number() => return Err(Error::StoryWithoutRow(view.row)),
            _ => return Err(Error::RowWithoutStory(row.number())),
        }
    }
    stories.next()?.map_or(Ok(()), |view| Err(Error::StoryWithoutRow(view.row)))
}

/// The stories of a file, page by page.
struct Stories<P> {
    pages: P,
    page: std::vec::IntoIter<RowView>,
    after: u32,
}

impl<P, L> Stories<P>
where
    P: FnMut(u32) -> Result<Vec<RowView>, L>,
    L: Into<Cause>,
{
    fn next(&mut self) -> Result<Option<RowView>, Error> {
        if self.page.len() == 0 {
            self.page = (self.pages)(self.after).map_err(|cause| Error::Ledger(cause.into()))?.into_iter();
        }
        let Some(view) = self.page.next() else { return Ok(None) };
        if view.row <= self.after {
            return Err(Error::StoryWithoutRow(view.row));
        }
        self.after = view.row;
        Ok(Some(view))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::super::samples::view;
    use super::join;
    use crate::model::Status;
    use crate::report::Error;
    use crate::table::{CellKind, Row};

    fn joined(rows: &[u32], stories: &[u32], page: usize) -> Result<Vec<u32>, Error> {
        let mut next = rows.iter();
        let mut met = Vec::new();
        join(
            |row: &mut Row| {
                let Some(number) = next.next() else { return Ok::<_, Infallible>(false) };
                row.start(*number);
                row.push("x", CellKind::Text);
                Ok(true)
            },
            |after| {
                let later = stories.iter().filter(|row| **row > after).take(page);
                Ok::<_, Infallible>(later.map(|row| view(*row, Status::Accepted)).collect())
            },
            |row, view| {
                assert_eq!(row.number(), view.row);
                met.push(view.row);
                Ok(())
            },
        )?;
        Ok(met)
    }

    #[test]
    fn books_that_do_not_balance_are_told() {
        assert!(matches!(joined(&[2, 3], &[2], 9), Err(Error::RowWithoutStory(3))));
        assert!(matches!(joined(&[2], &[2, 3], 9), Err(Error::StoryWithoutRow(3))));
        assert!(matches!(joined(&[3], &[2, 3], 9), Err(Error::StoryWithoutRow(2))));
        assert!(matches!(joined(&[2, 3], &[3], 9), Err(Error::RowWithoutStory(2))));
    }

    #[test]
    fn a_page_that_repeats_a_row_is_told() {
        let mut left = 1;
        let rows = |row: &mut Row| {
            row.start(2);
            left -= 1;
            Ok::<_, Infallible>(left >= 0)
        };
        let pages = |_| Ok::<_, Infallible>(vec![view(2, Status::Accepted)]);
        assert!(matches!(join(rows, pages, |_, _| Ok(())), Err(Error::StoryWithoutRow(2))));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(numbers in proptest::collection::btree_set(1u32..500, 0..60), page in 1usize..9) {
            let rows: Vec<u32> = numbers.into_iter().collect();
            prop_assert_eq!(joined(&rows, &rows, page).unwrap(), rows);
        }

        #[test]
        fn different_books_never_pass(
            rows in proptest::collection::btree_set(1u32..20, 0..12),
            stories in proptest::collection::btree_set(1u32..20, 0..12),
        ) {
            let same = rows == stories;
            let rows: Vec<u32> = rows.into_iter().collect();
            let stories: Vec<u32> = stories.into_iter().collect();
            prop_assert_eq!(joined(&rows, &stories, 3).is_ok(), same);
        }
    }
}

//! Bytes in, rows of text cells with places out.
//!
//! Cells stay text until [`mapping`](crate::mapping) converts them under a field's kind. Memory does not
//! grow with the number of rows.

mod row;

pub use row::{Cell, CellKind, Header, Row};

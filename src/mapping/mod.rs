//! The user's columns become a system's fields.

mod draft;

pub use draft::Draft;

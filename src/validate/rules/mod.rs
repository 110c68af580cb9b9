//! The general rules, one file each. A new rule is a file here and a line in [`ALL`].

mod allowed;
mod bounds;
mod future;
mod invisible;
mod known_type;
mod registration;
mod required;

use super::Rule;

pub use allowed::W301;
pub use bounds::V004;
pub use future::V005;
pub use invisible::{V006, W302, shown};
pub use known_type::{V001, V002};
pub use registration::{V007, registration_mismatch};
pub use required::V003;

/// Every general rule, in the order in which their issues are told.
pub(super) static ALL: &[Rule] =
    &[known_type::RULE, required::RULE, allowed::RULE, bounds::RULE, future::RULE, invisible::RULE];

//! SESPA, the Bulgarian system that follows medicines of the Positive Drug List.

pub mod sandbox;

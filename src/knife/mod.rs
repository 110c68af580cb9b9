//! Points at which a build for tests can be stopped, to see what a stop right there leaves behind.
//!
//! All points stand in one list, in the order of a file's way. Release builds hold nothing of it: there [`pass`]
//! is empty and the order ([`ORDER`]) is not read. `tests/it/crash/` kills the program at each of them.

#[cfg(debug_assertions)]
mod armed;

#[cfg(debug_assertions)]
pub use armed::arm;

/// The variable that bears a test's order: `POINT:N=kill`, `POINT:N=pause:GATE` (N counts passages from 1) or
/// `trace:FILE`. Release builds do not read it.
pub const ORDER: &str = "RXDROP_KNIFE";

macro_rules! points {
    ($($point:ident $name:literal,)*) => {
        /// A moment between two durable steps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $(#[doc = $name] $point,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// As an order names it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    CopyBegun "copy-begun",
    CopyGrows "copy-grows",
    CopyWritten "copy-written",
    CopyFlushed "copy-flushed",
    CopyNamed "copy-named",
    CopyKept "copy-kept",
    Received "received",
    Planned "planned",
    RowsStaged "rows-staged",
    Reconciled "reconciled",
    Accepted "accepted",
    SetAside "set-aside",
    Recovered "recovered",
    ReadAgain "read-again",
    TokenWanted "token-wanted",
    TokenHeld "token-held",
    Claiming "claiming",
    Claimed "claimed",
    Resent "resent",
    Answered "answered",
    AnswerKept "answer-kept",
    Settled "settled",
    Asked "asked",
    AskKept "ask-kept",
    AskSettled "ask-settled",
    LookKept "look-kept",
    LookSettled "look-settled",
    ReportWritten "report-written",
    ReportsRemembered "reports-remembered",
    ReportNamed "report-named",
    ReportMovedAside "report-moved-aside",
    Published "published",
    Reported "reported",
    FileArchived "file-archived",
}

/// The program comes to a point.
#[inline]
pub fn pass(point: Point) {
    #[cfg(debug_assertions)]
    armed::pass(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

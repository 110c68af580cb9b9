//! Rules broken on purpose: a simulation that finds none of them would prove nothing.

/// What the model does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A request without an answer is sent again.
    LostIsCalledUnsent,
    /// A request that a crash cut is sent again.
    ACrashIsCalledUnsent,
    /// A row never meets the earlier one of its fact.
    FactsAreForgotten,
    /// Our numbers are issued again.
    NumbersComeAgain,
}

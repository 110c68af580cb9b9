//! Rules broken on purpose: a simulation that finds none of them would prove nothing.

/// What the model does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A row of a second reading gets into no file.
    ARowIsLost,
    /// A request without an answer is sent again.
    LostIsCalledUnsent,
    /// A request that a crash cut is sent again.
    ACrashIsCalledUnsent,
    /// A row never meets the earlier one of its fact.
    FactsAreForgotten,
    /// The first row of an answer gets the outcome of the last one.
    OutcomesAreMixed,
    /// A request without an answer is called not received.
    LostIsCalledAbsent,
    /// "Not there" is believed of a query that does not find what surely is there.
    NobodyVouches,
    /// A batch is called settled while rows of it are unknown.
    UnknownIsSettled,
    /// An attempt that did not go out stays open.
    AttemptsStayOpen,
    /// What was accepted is unknown after a restart.
    TheEndIsForgotten,
    /// Our numbers are issued again.
    NumbersComeAgain,
    /// That a file was set aside is not among what was committed.
    ACommitIsUntold,
    /// Rows that waited are not judged when the one before them is answered.
    FollowersAreForgotten,
    /// The ledger does not know the reports it wrote.
    ReportsAreForgotten,
    /// A list does not keep back what it shows and was to be sent again.
    ListsAreNotBelieved,
    /// Whoever is without an answer is found in any list.
    ListsProveAnything,
    /// A copy put in the ledger's place is taken for the ledger, which went on.
    CopiesAreBelieved,
    /// What is past its last day goes as if it were not.
    DaysPassUnseen,
    /// A mapped number goes out with each row that has it.
    MappedNumbersComeAgain,
    /// A row that names another is taken for one that does not.
    NamesAreNotRead,
}

/// Each with the rule that must find it.
pub(super) const BUGS: [(Bug, &str); 20] = [
    (Bug::ARowIsLost, "I1:"),
    (Bug::LostIsCalledUnsent, "I2:"),
    (Bug::ACrashIsCalledUnsent, "I2:"),
    (Bug::FactsAreForgotten, "I2:"),
    (Bug::OutcomesAreMixed, "I3:"),
    (Bug::LostIsCalledAbsent, "I4:"),
    (Bug::NobodyVouches, "I2:"),
    (Bug::UnknownIsSettled, "I5:"),
    (Bug::AttemptsStayOpen, "I6:"),
    (Bug::TheEndIsForgotten, "I7:"),
    (Bug::NumbersComeAgain, "I8:"),
    (Bug::ACommitIsUntold, "I11:"),
    (Bug::FollowersAreForgotten, "G5:"),
    (Bug::ReportsAreForgotten, "I12:"),
    (Bug::ListsAreNotBelieved, "I2:"),
    (Bug::ListsProveAnything, "I3:"),
    (Bug::CopiesAreBelieved, "I2:"),
    (Bug::DaysPassUnseen, "late:"),
    (Bug::MappedNumbersComeAgain, "I8:"),
    (Bug::NamesAreNotRead, "I2:"),
];

//! Why an input does not move a row. Not here: when (`transition`).

/// The input makes no sense in this state; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The time has not come.
    #[error("it is too early to look at this row again")]
    TooEarly,
    /// A run is under way; say it again when it has ended.
    #[error("a step is running right now")]
    Busy,
    /// A report without a run.
    #[error("no step was running")]
    NothingRan,
    /// The row has settled.
    #[error("the row has settled")]
    Settled,
    /// A goal of the same or an older revision.
    #[error("a newer revision is in force")]
    Stale,
    /// The current step leaves something that later steps need.
    #[error("this step cannot be skipped: later ones need what it leaves")]
    Unskippable,
    /// The row does not wait for anybody's word.
    #[error("nothing here waits for somebody's word")]
    Unconfirmable,
    /// Access is to end here, and not everything that this takes was seen to be done.
    #[error(
        "access ends here, and only a deletion can be called off: what was done by hand is a step to skip"
    )]
    StillOpen,
    /// The row has its account already.
    #[error("the row has its account already")]
    HasAccount,
    /// There is no account whose first password carepass could hand over.
    #[error("no first password is handed over here")]
    NoFirstPassword,
}

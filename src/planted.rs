//! Bugs on purpose: each takes away one thing that a promise rests on. A campaign that does not fail with its bug planted proves nothing
//! (`caught`). Release builds hold nothing of it. Not here: the campaigns; each names its bugs itself.

/// Whether a bug is planted in this thread. In release builds never.
#[cfg(debug_assertions)]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is_planted($crate::planted::Bug::$bug)
    };
}

/// Never.
#[cfg(not(debug_assertions))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

pub(crate) use planted;

#[cfg(debug_assertions)]
pub use garden::{Bug, caught, here, is_planted, number, plant};

/// None: nothing is planted in release builds.
#[cfg(not(debug_assertions))]
pub(crate) fn number() -> u64 {
    0
}

#[cfg(debug_assertions)]
mod garden {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// The list, with what each bug does.
    macro_rules! bugs {
        ($($(#[doc = $what:literal])+ $bug:ident,)+) => {
            /// A bug on purpose.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Bug {
                $($(#[doc = $what])+ $bug,)+
            }

            impl Bug {
                /// All of them.
                pub const ALL: &[Self] = &[$(Self::$bug),+];

                /// How it is written in code.
                pub fn name(self) -> &'static str {
                    match self {
                        $(Self::$bug => stringify!($bug),)+
                    }
                }
            }
        };
    }

    bugs! {
        /// A button of the dashboard works without the proof of its session.
        FormNotProven,
        /// A button of the dashboard works from another page.
        OriginNotAsked,
        /// An event is acknowledged before it is stored.
        AcksBeforeCommit,
        /// How far outcomes are told is noted before they are.
        BookmarkBeforeOutcomes,
        /// An outcome that is told again has another id.
        OutcomeIdByChance,
        /// A step whose worker is lost counts as done.
        LostWorkerIsDone,
        /// A role of which nobody knows whether it was given counts as given.
        UnansweredIsDone,
        /// An account that an unanswered insert has made is not looked for.
        NeverLooksForItsOwn,
        /// What passes by itself is given up at once.
        TransientIsForever,
        /// A letter that is sent again has another id.
        LetterIdByChance,
        /// A leaver's account stays open.
        LeavesAccountOpen,
        /// A leaver keeps the role.
        KeepsTheRole,
        /// A commit does not ask whether the row was moved meanwhile.
        VersionNotCompared,
        /// An event is taken twice.
        ReceivedTwice,
        /// Two engineers get one username.
        NameHeldByTwo,
        /// An account is written to whoever's marker it carries.
        MarkerNotCompared,
        /// An account is known by an alias.
        AliasPasses,
        /// An account that somebody suspended is written to.
        SuspendedPasses,
        /// A super administrator's account is written to.
        SuperAdministratorPasses,
        /// An administrator of something else gets the role.
        AdministratorPasses,
        /// Another customer's account is written to.
        CustomerNotCompared,
        /// An account that was read long ago is written to.
        OldLookCounts,
        /// A role may do more than was approved.
        RoleMayDoMore,
        /// The super administrator's role is given.
        SuperRolePasses,
        /// A paid licence stays.
        PaidLicenceStays,
        /// Values stand in addresses as they are.
        PathUnguarded,
        /// An older word displaces a newer one.
        OlderWordWins,
        /// Whoever comes back after the end is let in without a question.
        ReturnUnasked,
        /// Nobody counts grants.
        GrantsUncounted,
        /// The store answers before the ledger is on disk.
        AnswersBeforeSync,
        /// The names of new data keys are not brought to disk.
        NamesNotSynced,
        /// A frame need not continue the one before.
        ChainNotCompared,
        /// A frame's hash is not compared.
        HashNotCompared,
        /// A frame counts whoever wrote it.
        CodeNotCompared,
        /// A batch whose answer was lost is written again.
        LostAnswerMeansLost,
        /// A batch whose answer was lost counts as written.
        LostAnswerMeansDone,
        /// Any token may do anything.
        RoleNotAsked,
        /// The API answers to any name.
        HostNotAsked,
        /// A time may have any form that our reader takes, which others read otherwise.
        TimesOfAnyForm,
        /// A formula is a mail address.
        FormulaIsAddress,
        /// A formula has a line in the map of addresses.
        FormulaIsMapped,
        /// What nobody sees may stand in a name.
        UnseenInNames,
        /// The machine's clock is believed whatever Google says.
        AnyClockBelieved,
        /// A new holder of a duty gets the number of the one before.
        EpochStays,
        /// A commit does not ask whether its duty has another holder by now.
        FenceNotCompared,
        /// Whose lease is over writes to Google all the same.
        WritesAfterTheLease,
        /// What is under way is cut off when a lease runs out, though nobody else has the duty.
        LapsedIsCut,
        /// Nobody hears that a duty is free.
        FreedUnheard,
        /// What the last holder of a duty left running is not taken over.
        LeftRunning,
        /// A name is chosen while accounts have not been looked at.
        NamesAtOnce,
    }

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }

    /// Another number each time, for what must not differ.
    pub fn number() -> u64 {
        NUMBER.set(NUMBER.get() + 1);
        NUMBER.get()
    }

    /// Whether the bug is planted in this thread.
    pub fn is_planted(bug: Bug) -> bool {
        here() == Some(bug)
    }

    /// What is planted in this thread, for one that it starts.
    pub fn here() -> Option<Bug> {
        PLANTED.get()
    }

    /// Plants a bug in this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Runs a campaign with the bug.
    ///
    /// # Panics
    /// If the campaign passes.
    pub fn caught(bug: Bug, campaign: impl FnOnce()) {
        plant(Some(bug));
        let passed = catch_unwind(AssertUnwindSafe(campaign)).is_ok();
        plant(None);
        assert!(!passed, "{bug:?} was planted, and the campaign did not notice");
    }
}

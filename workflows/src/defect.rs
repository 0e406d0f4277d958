//! Faults that are planted on purpose, to see that the tools find them: who checks the checkers?
//!
//! Exists only with the feature `seeded-defects`, which nothing that is shipped turns on. Those of the heart are made
//! by a wrapper around `decide` (`saga/planted`), those of participants in the explorer's model of them
//! (`check/participant/planted`); the code that is shipped knows of none.
//!
//! A fault is planted for one thread and as long as its guard lives. Planted is a fault of everything that decides on
//! this thread: the explorer, the simulator, a test.

use std::cell::Cell;

thread_local! {
    static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defect {
    /// When a saga turns around, a step whose answer is out is taken for one that never ran.
    InFlightNotUndone,
    /// A step that failed for good is taken for one without an effect.
    FailedCloses,
    /// A compensation whose attempts ran out counts as done.
    UndoTimeoutIsSuccess,
    /// A success that arrives on the way back turns the saga forward again.
    LateSuccessRevives,
    /// Compensations do not wait for those of later steps.
    UndoOrderIgnored,
    /// A cancel past the pivot is followed.
    CancelIgnoresPivot,
    /// A cancel does not wait for the pivot's answer.
    CancelForestallsPivot,
    /// Tasks are sent forward again after a loss of the broker, though the saga is on its way back.
    ForwardOnTheWayBack,
    /// A forward task that met its own undoing ends the undoing.
    RefusedEndsUndo,
    /// An operator's retry asks under a new key though the old one is not closed.
    RetryTakesNewKey,
    /// A pivot whose attempts ran out is given up, not asked about.
    PivotGivenUp,
    /// A participant's no is passed over.
    RejectionSkipped,
    /// Steps do not wait for what they need.
    NeedsIgnored,
    /// A success that arrives after the end is undone by a saga that has ended.
    EndMoves,
    /// That something is undone is not heard.
    UndoneNotHeard,
    /// An answer that comes twice is an error.
    SecondAnswerRefused,
    /// A heartbeat on the way back is a panic.
    HeartbeatPanics,
    /// A participant undoes what never ran, and leaves no tombstone.
    NoTombstone,
    /// A participant forgets that it said no.
    RejectionForgotten,
    /// A participant acts on every delivery.
    ActsTwice,
    /// A participant undoes on every delivery.
    UndoesTwice,
    /// A participant says no to a duplicate, instead of the result that it has.
    DuplicateRejected,
    /// A participant says that it has undone something when it has begun to.
    UndoAnsweredEarly,
}

impl Defect {
    /// All of them.
    pub const ALL: [Defect; 23] = [
        Defect::InFlightNotUndone,
        Defect::FailedCloses,
        Defect::UndoTimeoutIsSuccess,
        Defect::LateSuccessRevives,
        Defect::UndoOrderIgnored,
        Defect::CancelIgnoresPivot,
        Defect::CancelForestallsPivot,
        Defect::ForwardOnTheWayBack,
        Defect::RefusedEndsUndo,
        Defect::RetryTakesNewKey,
        Defect::PivotGivenUp,
        Defect::RejectionSkipped,
        Defect::NeedsIgnored,
        Defect::EndMoves,
        Defect::UndoneNotHeard,
        Defect::SecondAnswerRefused,
        Defect::HeartbeatPanics,
        Defect::NoTombstone,
        Defect::RejectionForgotten,
        Defect::ActsTwice,
        Defect::UndoesTwice,
        Defect::DuplicateRejected,
        Defect::UndoAnsweredEarly,
    ];
}

/// As long as it lives, the fault is there.
#[derive(Debug)]
#[must_use = "the fault is gone when this is dropped"]
pub struct Planted(());

/// Plants a fault on this thread.
pub fn plant(defect: Defect) -> Planted {
    PLANTED.set(Some(defect));
    Planted(())
}

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(None);
    }
}

/// The fault of this thread.
pub(crate) fn planted() -> Option<Defect> {
    PLANTED.get()
}

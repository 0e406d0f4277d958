//! Every rule that can be broken: a name for people, and the invariant of `docs/verify.md` that it belongs to.

use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($rule:ident: $invariant:literal, $name:literal;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Rule { $($rule),* }

        impl Rule {
            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name),* }
            }

            /// The invariants that it is a part of.
            pub(crate) fn invariant(self) -> &'static str {
                match self { $(Rule::$rule => $invariant),* }
            }
        }
    };
}

rules! {
    SeatOnce: "I1", "a seat once";
    SeatHoldExists: "I1", "a seat's hold exists";
    SoldToCompleted: "I1", "sold to the completed";
    NothingHeldAfterEnd: "I1", "no seat held after the end";
    HoldsFitEnd: "I1", "holds fit the end";
    BooksBalance: "I2", "books balance";
    BooksFitEnd: "I2", "books fit the end";
    MoneyFitsEnd: "I2 I3", "money fits the end";
    AuthorizationsEndOnce: "I3", "authorizations end once";
    OnceAKey: "I3", "once an effect key";
    EffectsFitEnd: "I4", "effects fit the end";
    ClosedStaysClosed: "I4", "closed stays closed";
    EffectLogAgrees: "I4", "the effect log is the barrier";
    BookingsOfCompleted: "I4", "bookings of the completed";
    BookingsArePaid: "I4", "bookings are paid";
    TicketOnce: "I4", "a ticket once";
    TicketForEachSeat: "I4", "a ticket for each seat";
    UndoneInOrder: "I5", "undone in reverse order";
    NoPhantom: "I6", "no phantom";
    AcknowledgedExists: "I7", "acknowledged exists";
    OneSagaAKey: "I7", "one saga a key";
    IdIsDerived: "I7", "the id is the key's";
    InputIsKept: "I7", "the input is what was asked for";
    EverySagaEnds: "I8", "every saga ends";
    NoSilentOrphan: "I8", "no silent orphan";
    EndStays: "I9", "an end stays";
    ReadsGoOn: "I9", "reads go on";
    CancelIsHonest: "I9", "cancel is honest";
    NeverIsNever: "I9", "never is never";
    NoOddAnswers: "I9", "no odd answers";
    NodesAreBack: "I9", "every node answers after the last fault";
    StuckHasReason: "I10", "stuck has a reason";
    JournalGapless: "I11", "journal gapless";
    OneRowACommit: "I11", "one row a commit";
    PinnedDefinition: "I12", "pinned definition";
    StoredIsFolded: "I12", "stored is folded";
    EventsAreDecided: "I12", "events are decided";
    EndIsComplete: "I12", "an end is complete";
    AnswersWereAskedFor: "I12", "answers were asked for";
    NoForwardAfterTurn: "I13", "no forward after the turn";
    UndoAfterTurn: "I13", "undo after the turn";
    UndoWhatWasAskedFor: "I13", "undo what was asked for";
    UndoInReverseOrder: "I13 I5", "undo in reverse order";
    OrderOfGraph: "I13", "order of the graph";
    NoWayBackPastPivot: "I13", "no way back past the pivot";
    AttemptsAreBounded: "I14", "attempts are bounded";
    BackoffIsKept: "I14", "backoff is kept";
    NoSuccessInvented: "I15", "no success is invented";
    EffectsWereAskedFor: "I15", "effects were asked for";
    OutboxEmpty: "I18", "outbox empty";
    QueuesEmpty: "I18", "queues empty";
    EndedSleep: "I18", "ended sagas sleep";
    NoStorm: "I19", "no storm of deliveries";
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

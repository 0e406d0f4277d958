//! The catalogue of problems. A code is never given a new meaning; `docs/definitions.md` explains each.

/// A stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub &'static str);

// The file itself.
pub(crate) const UNKNOWN_KEY: Code = Code("SG001");
pub(crate) const DUPLICATE_KEY: Code = Code("SG002");
pub(crate) const YAML: Code = Code("SG003");
pub(crate) const NOT_IN_SUBSET: Code = Code("SG004");
pub(crate) const WRONG_VALUE: Code = Code("SG005");
pub(crate) const MISSING_KEY: Code = Code("SG006");
pub(crate) const NAME: Code = Code("SG007");
pub(crate) const LIMIT: Code = Code("SG008");
pub(crate) const POINTLESS_KEY: Code = Code("SG009");

// The graph, and what steps read of each other.
pub(crate) const CYCLE: Code = Code("SG010");
pub(crate) const UNKNOWN_NEED: Code = Code("SG011");
pub(crate) const NOT_BEFORE: Code = Code("SG012");
pub(crate) const UNKNOWN_INPUT: Code = Code("SG014");
pub(crate) const UNKNOWN_OUTPUT: Code = Code("SG013");
pub(crate) const MAYBE_MISSING: Code = Code("SG015");
pub(crate) const UNKNOWN_STEP: Code = Code("SG016");
pub(crate) const NOT_READABLE: Code = Code("SG017");
pub(crate) const TWO_KINDS: Code = Code("SG018");

// Undoing, and the point of no return.
pub(crate) const NO_UNDO: Code = Code("SG020");
pub(crate) const UNDO_AFTER_PIVOT: Code = Code("SG021");
pub(crate) const TWO_PIVOTS: Code = Code("SG022");
pub(crate) const BOUNDED_AFTER_PIVOT: Code = Code("SG023");
pub(crate) const BESIDE_PIVOT: Code = Code("SG024");
pub(crate) const UNDO_READS_OUTPUT: Code = Code("SG025");
pub(crate) const NO_RECONCILE: Code = Code("SG026");
pub(crate) const PIVOT_UNKNOWN: Code = Code("SG027");
pub(crate) const PIVOT_KIND: Code = Code("SG028");
pub(crate) const ONCE_IN_DOUBT: Code = Code("SG029");

// Expressions.
pub(crate) const EXPRESSION: Code = Code("SG030");
pub(crate) const EXPRESSION_TOO_LONG: Code = Code("SG031");
pub(crate) const MUST_BE_QUOTED: Code = Code("SG032");

// Time and habits: warnings.
pub(crate) const PAST_DEADLINE: Code = Code("SG040");
pub(crate) const UNBOUNDED: Code = Code("SG041");
pub(crate) const UNUSED_RECONCILE: Code = Code("SG042");
pub(crate) const ODD_POOL: Code = Code("SG051");

// What must be true at the end. The number before these is the engine's: a version exists with other content.
pub(crate) const UNKNOWN_EFFECT: Code = Code("SG061");
pub(crate) const INVARIANT: Code = Code("SG062");

// What other definitions must be.
pub(crate) const CHILD_PAST_PIVOT: Code = Code("SG063");

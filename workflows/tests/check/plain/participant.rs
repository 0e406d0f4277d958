//! A participant, one effect key, one state at a time.

use impresario_workflows::saga::{Operation, Outcome, Problem};
use serde_json::Value;

/// What it keeps, and what is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kept {
    Untouched,
    /// Its provider has the request.
    Asked,
    /// Its provider has the request and has forgotten the key.
    Forgotten,
    There,
    /// It was there, and went by itself.
    Expired,
    Refused,
    /// The provider has the request, and an undoing is at work.
    Closing,
    /// The effect is there, and an undoing is at work.
    Undoing,
    Undone,
    Buried,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Said {
    Succeeded,
    Rejected,
    Refused,
    Failed,
    Unknown,
    Applied,
    Closed,
    StillOpen,
}

impl Said {
    pub(crate) fn outcome(self) -> Outcome {
        let problem = Problem::new("said", "so");
        match self {
            Said::Succeeded => Outcome::Succeeded(Value::Null),
            Said::Rejected => Outcome::Rejected(problem),
            Said::Refused => Outcome::Refused,
            Said::Failed => Outcome::Failed(problem),
            Said::Unknown => Outcome::Unknown(problem),
            Said::Applied => Outcome::Applied(Value::Null),
            Said::Closed => Outcome::Closed(problem),
            Said::StillOpen => Outcome::StillOpen(problem),
        }
    }

    /// Whether it says something for good.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Said::Succeeded | Said::Rejected | Said::Refused | Said::Applied | Said::Closed => true,
            Said::Failed | Said::Unknown | Said::StillOpen => false,
        }
    }
}

/// Everything that a delivery may do: what is kept then, and what is said, if anything.
pub(crate) fn delivered(kept: Kept, operation: Operation) -> Vec<(Kept, Option<Said>)> {
    let mut ways = match operation {
        Operation::Forward => act(kept),
        Operation::Compensate => undo(kept),
        Operation::Reconcile => look(kept),
    };
    // Whatever it did, it may die before it has said so, or say that it failed, or that it does not know.
    let quiet: Vec<Kept> = ways.iter().map(|(kept, _)| *kept).collect();
    for kept in quiet {
        ways.push((kept, None));
        ways.push((kept, Some(Said::Failed)));
        ways.push((kept, Some(Said::Unknown)));
    }
    ways.sort_unstable();
    ways.dedup();
    ways
}

fn act(kept: Kept) -> Vec<(Kept, Option<Said>)> {
    match kept {
        Kept::Untouched | Kept::Asked => vec![
            (Kept::There, Some(Said::Succeeded)),
            (Kept::Refused, Some(Said::Rejected)),
            (Kept::Asked, None),
        ],
        Kept::Forgotten => vec![(Kept::Forgotten, None)],
        Kept::There => vec![(Kept::There, Some(Said::Succeeded))],
        Kept::Expired => vec![(Kept::Expired, Some(Said::Succeeded))],
        Kept::Refused => vec![(Kept::Refused, Some(Said::Rejected))],
        Kept::Closing | Kept::Undoing | Kept::Undone | Kept::Buried => {
            vec![(kept, Some(Said::Refused))]
        }
    }
}

fn undo(kept: Kept) -> Vec<(Kept, Option<Said>)> {
    match kept {
        Kept::Untouched => vec![(Kept::Buried, Some(Said::Succeeded))],
        Kept::Asked | Kept::Closing => {
            vec![(Kept::Closing, None), (Kept::Buried, Some(Said::Succeeded))]
        }
        Kept::Forgotten => vec![(Kept::Forgotten, None)],
        Kept::There | Kept::Undoing => {
            vec![(Kept::Undoing, None), (Kept::Undone, Some(Said::Succeeded))]
        }
        Kept::Expired => vec![(Kept::Undone, Some(Said::Succeeded))],
        Kept::Refused | Kept::Undone | Kept::Buried => vec![(kept, Some(Said::Succeeded))],
    }
}

fn look(kept: Kept) -> Vec<(Kept, Option<Said>)> {
    match kept {
        Kept::Untouched | Kept::Asked => vec![
            (kept, Some(Said::StillOpen)),
            (Kept::Buried, Some(Said::Closed)),
        ],
        Kept::Forgotten | Kept::Closing | Kept::Undoing => vec![(kept, Some(Said::StillOpen))],
        Kept::There | Kept::Expired => vec![(kept, Some(Said::Applied))],
        Kept::Refused | Kept::Undone | Kept::Buried => vec![(kept, Some(Said::Closed))],
    }
}

/// What time alone may do.
pub(crate) fn by_itself(kept: Kept, expires: bool) -> Vec<Kept> {
    match kept {
        Kept::Asked => vec![Kept::There, Kept::Forgotten],
        Kept::Forgotten => vec![Kept::There],
        Kept::Closing => vec![Kept::Undoing],
        Kept::There if expires => vec![Kept::Expired],
        Kept::Untouched
        | Kept::There
        | Kept::Expired
        | Kept::Refused
        | Kept::Undoing
        | Kept::Undone
        | Kept::Buried => Vec::new(),
    }
}

/// Whether the effect is in the world.
pub(crate) fn is_there(kept: Kept) -> bool {
    match kept {
        Kept::There | Kept::Undoing => true,
        Kept::Untouched
        | Kept::Asked
        | Kept::Forgotten
        | Kept::Expired
        | Kept::Refused
        | Kept::Closing
        | Kept::Undone
        | Kept::Buried => false,
    }
}

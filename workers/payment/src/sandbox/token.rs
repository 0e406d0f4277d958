//! What a payment token makes go wrong, and at which operation.
//!
//! `tok_<behaviour>` misbehaves where it usually does; `tok_<behaviour>@<operation>` moves that elsewhere.

/// The customer pays a request by itself, soon.
pub(crate) const PAYS: &str = "tok_pays";
/// The customer pays a request by itself, as soon as it was cancelled.
pub(crate) const PAYS_LATE: &str = "tok_pays_late";

/// What is asked of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Authorize,
    Capture,
    Void,
    Refund,
    Request,
    CancelRequest,
    Collect,
}

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Operation::Authorize => "authorize",
            Operation::Capture => "capture",
            Operation::Void => "void",
            Operation::Refund => "refund",
            Operation::Request => "request",
            Operation::CancelRequest => "cancel-request",
            Operation::Collect => "collect",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [
            Operation::Authorize,
            Operation::Capture,
            Operation::Void,
            Operation::Refund,
            Operation::Request,
            Operation::CancelRequest,
            Operation::Collect,
        ];
        all.into_iter().find(|operation| operation.as_str() == word)
    }
}

/// How an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Well.
    Good,
    /// A business no.
    Declined,
    /// Acts late, and answers then.
    Slow,
    /// Acts, and never answers.
    TimeoutActed,
    /// Neither acts nor answers.
    TimeoutIdle,
    /// Fails twice for technical reasons, then goes well.
    Flaky,
    /// Fails until the sandbox is healed.
    Failing,
}

/// How `operation` goes with `token`; `None` for a token that does not exist.
pub(crate) fn behaviour(token: &str, operation: Operation) -> Option<Behaviour> {
    let (name, place) = match token.split_once('@') {
        Some((name, place)) => (name, Some(Operation::parse(place)?)),
        None => (token, None),
    };
    let (behaviour, usual): (Behaviour, &[Operation]) = match name {
        "tok_ok" | PAYS | PAYS_LATE => (Behaviour::Good, &[]),
        "tok_declined" => (Behaviour::Declined, &[Operation::Authorize]),
        "tok_slow" => (Behaviour::Slow, &[Operation::Authorize]),
        "tok_timeout_charged" => (Behaviour::TimeoutActed, &[Operation::Capture]),
        "tok_timeout_uncharged" => (Behaviour::TimeoutIdle, &[Operation::Capture]),
        "tok_flaky" => (Behaviour::Flaky, &[Operation::Authorize]),
        "tok_refund_fails" => (Behaviour::Failing, &[Operation::Void, Operation::Refund]),
        _ => return None,
    };
    let here = match place {
        Some(place) => place == operation,
        None => usual.contains(&operation),
    };
    Some(if here { behaviour } else { Behaviour::Good })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_moves_the_behaviour() {
        let at = |token: &str| {
            [
                Operation::Authorize,
                Operation::Capture,
                Operation::Void,
                Operation::Refund,
            ]
            .map(|operation| behaviour(token, operation))
        };
        let good = Some(Behaviour::Good);
        let acted = Some(Behaviour::TimeoutActed);
        let failing = Some(Behaviour::Failing);
        assert_eq!(at("tok_ok"), [good; 4]);
        assert_eq!(at("tok_timeout_charged"), [good, acted, good, good]);
        assert_eq!(
            at("tok_timeout_charged@authorize"),
            [acted, good, good, good]
        );
        assert_eq!(at("tok_refund_fails"), [good, good, failing, failing]);
        assert_eq!(at("tok_refund_fails@refund"), [good, good, good, failing]);
        assert_eq!(at("4242424242424242"), [None; 4]);
        assert_eq!(at("tok_ok@lunch"), [None; 4]);
    }
}

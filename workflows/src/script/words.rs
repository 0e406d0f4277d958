//! The words of a table: how a task fares, and when somebody orders something.
//!
//! ```text
//! outcome  = word [ "(" code ")" ] [ " but acted" ] [ " after " duration ] [ " x " number | " always" ]
//! word     = succeeded | rejected | failed | unknown | timeout | expired          of a step and of its undoing
//!          | answered | still open | failed | unknown | timeout | expired         of its reconciling
//! child    = word of a step: succeeded | rejected, or stuck                      of a step that is another saga
//! signal   = "comes" | "comes early" | "foreign" | "nothing"                       of a step that waits for one
//! decision = "approved" | "denied" | "nothing"                                     of a step that a person decides
//! cancel   = "at the start" | "while " step | "after " step | "at " duration
//! retry    = "when stuck"
//! ```

use crate::definition::Definition;
use crate::rehearse::{Comes, Coming, Fate, Says, TAKES, Times, Turn, When, problem};
use crate::saga::Operation;
use crate::simulate::Span;

/// Tasks that one outcome can be planned for, unless it is `always`: more than any retry budget.
const TIMES_MAX: u32 = 10_000;

/// An outcome; what is wrong with it otherwise.
pub(super) fn turn(operation: Operation, text: &str) -> Result<Turn, String> {
    let (rest, times) = times(text)?;
    let (rest, takes) = takes(rest)?;
    let (rest, acted) = match rest.strip_suffix(" but acted") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (word, code) = code(rest)?;
    let (acts, says) = said(operation, word, code)?;
    let may_act = matches!(says, Says::Failed(_) | Says::Unknown(_) | Says::Nothing);
    if acted && (!may_act || operation == Operation::Reconcile) {
        return Err(format!("`{word}` says by itself whether it acted"));
    }
    let fate = Fate {
        acts: acts || acted,
        says,
        lag: 0,
        takes,
    };
    Ok(Turn { fate, times })
}

/// How a child saga ends; what is wrong with the word otherwise.
pub(super) fn child(operation: Operation, text: &str) -> Result<Turn, String> {
    let all = "succeeded, rejected(code), stuck";
    let Operation::Forward = operation else {
        return turn(operation, text);
    };
    let (rest, _) = times(text)?;
    let (rest, _) = takes(rest)?;
    match code(rest)? {
        ("succeeded" | "rejected", _) => turn(operation, text),
        ("stuck", None) => turn(operation, &text.replacen("stuck", "timeout", 1)),
        (word, _) => Err(none(word, all)),
    }
}

/// What comes to a step that waits for a signal.
pub(super) fn signal(text: &str) -> Result<(Coming, Times), String> {
    coming(
        text,
        "comes, comes early, foreign, nothing",
        |word| match word {
            "comes" => Some(Comes::Signal),
            "comes early" => Some(Comes::Early),
            "foreign" => Some(Comes::Foreign),
            "nothing" => Some(Comes::Nothing),
            _ => None,
        },
    )
}

/// What a person decides.
pub(super) fn decision(text: &str) -> Result<(Coming, Times), String> {
    coming(text, "approved, denied, nothing", |word| match word {
        "approved" => Some(Comes::Approved),
        "denied" => Some(Comes::Denied),
        "nothing" => Some(Comes::Nothing),
        _ => None,
    })
}

fn coming(
    text: &str,
    all: &str,
    known: impl Fn(&str) -> Option<Comes>,
) -> Result<(Coming, Times), String> {
    let (rest, times) = times(text)?;
    let (word, after) = takes(rest)?;
    let what = known(word).ok_or_else(|| none(word, all))?;
    let instant = matches!(what, Comes::Early | Comes::Nothing);
    if instant && word != rest {
        return Err(format!("`{word}` has no time of its own"));
    }
    Ok((Coming { what, after }, times))
}

fn times(text: &str) -> Result<(&str, Times), String> {
    if let Some(rest) = text.strip_suffix(" always") {
        return Ok((rest, Times::Always));
    }
    let Some((rest, count)) = text.rsplit_once(" x ") else {
        return Ok((text, Times::Count(1)));
    };
    match count.parse() {
        Ok(count @ 1..=TIMES_MAX) => Ok((rest, Times::Count(count))),
        Ok(_) | Err(_) => Err(format!(
            "`x {count}` is not a number of times from 1 to {TIMES_MAX}"
        )),
    }
}

fn takes(text: &str) -> Result<(&str, u64), String> {
    let Some((rest, span)) = text.rsplit_once(" after ") else {
        return Ok((text, TAKES));
    };
    let span: Span = span.parse().map_err(|error| format!("{error}"))?;
    Ok((rest, span.micros()))
}

fn code(text: &str) -> Result<(&str, Option<&str>), String> {
    let Some((word, rest)) = text.split_once('(') else {
        return Ok((text, None));
    };
    match rest.strip_suffix(')') {
        Some(code) if !code.is_empty() && !code.contains(['(', ')', ' ']) => Ok((word, Some(code))),
        Some(_) | None => Err(format!("`{text}`: write `{word}(code)`")),
    }
}

/// Whether it acts, and what it says.
fn said(operation: Operation, word: &str, code: Option<&str>) -> Result<(bool, Says), String> {
    let why = |default: &str| problem(code.unwrap_or(default));
    let plain = |acts, says| match code {
        None => Ok((acts, says)),
        Some(_) => Err(format!("`{word}` has no code")),
    };
    match (word, operation) {
        ("succeeded", Operation::Forward | Operation::Compensate)
        | ("answered", Operation::Reconcile) => plain(true, Says::Truth),
        ("rejected", Operation::Forward) if code.is_some() => {
            Ok((false, Says::Rejected(why("rejected"))))
        }
        ("rejected", Operation::Forward) => {
            Err("a rejection has a reason: `rejected(code)`".to_owned())
        }
        ("failed", _) => Ok((false, Says::Failed(why("failed")))),
        ("unknown", _) => Ok((false, Says::Unknown(why("unknown")))),
        ("timeout", _) => plain(false, Says::Nothing),
        ("expired", _) => plain(false, Says::Expired),
        ("still open", Operation::Reconcile) => Ok((false, Says::StillOpen(why("still_open")))),
        (_, Operation::Forward) => Err(none(
            word,
            "succeeded, rejected(code), failed, unknown, timeout, expired",
        )),
        (_, Operation::Compensate) => {
            Err(none(word, "succeeded, failed, unknown, timeout, expired"))
        }
        (_, Operation::Reconcile) => Err(none(
            word,
            "answered, still open, failed, unknown, timeout, expired",
        )),
    }
}

fn none(word: &str, all: &str) -> String {
    format!("`{word}` is not an outcome here; there are: {all}")
}

/// The moment of a cancel.
pub(super) fn cancel(definition: &Definition, text: &str) -> Result<When, String> {
    let step = |id: &str| {
        let found = definition.step_index(id);
        found.ok_or_else(|| format!("there is no step `{id}`"))
    };
    if text == "at the start" {
        return Ok(When::At(0));
    }
    match text.split_once(' ') {
        Some(("while", id)) => step(id).map(When::While),
        Some(("after", id)) => step(id).map(When::After),
        Some(("at", span)) => {
            let span: Span = span.parse().map_err(|error| format!("{error}"))?;
            Ok(When::At(span.micros()))
        }
        Some(_) | None => Err(format!(
            "`{text}` is not a moment; there are: at the start, while STEP, after STEP, at DURATION"
        )),
    }
}

/// The moment of a retry.
pub(super) fn retry(text: &str) -> Result<When, String> {
    if text == "when stuck" {
        return Ok(When::Stuck);
    }
    Err(format!("`{text}` is not a moment; there is: when stuck"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(text: &str) -> Result<Turn, String> {
        turn(Operation::Forward, text)
    }

    #[test]
    fn an_outcome_says_how_often_when_and_whether_it_acted() {
        let turn = forward("failed(busy) but acted after 3s x 5").unwrap();
        assert_eq!(turn.times, Times::Count(5));
        let fate = Fate {
            acts: true,
            says: Says::Failed(problem("busy")),
            lag: 0,
            takes: 3_000_000,
        };
        assert_eq!(turn.fate, fate);
        assert_eq!(forward("timeout always").unwrap().times, Times::Always);
        assert!(forward("succeeded after 8s").unwrap().fate.acts);
    }

    #[test]
    fn what_comes_from_outside_has_words_of_its_own() {
        let after = |what, after| Coming { what, after };
        assert_eq!(
            signal("comes after 5m x 2").unwrap(),
            (after(Comes::Signal, 300_000_000), Times::Count(2))
        );
        assert_eq!(
            decision("denied").unwrap(),
            (after(Comes::Denied, TAKES), Times::Count(1))
        );
        for text in [
            "comes soon",
            "approved",
            "nothing after 3s",
            "comes early after 3s",
        ] {
            assert!(signal(text).is_err(), "{text}");
        }
        let stuck = child(Operation::Forward, "stuck").unwrap();
        assert_eq!(stuck.fate.says, Says::Nothing);
        assert!(child(Operation::Forward, "failed").is_err());
        assert!(child(Operation::Compensate, "failed always").is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "",
            "rejected",
            "rejected()",
            "rejected(no",
            "rejected(no) but acted",
            "succeeded but acted",
            "succeeded(x)",
            "still open",
            "failed x 0",
            "failed x many",
            "failed after soon",
            "Failed",
        ] {
            assert!(forward(text).is_err(), "{text}");
        }
        assert!(turn(Operation::Compensate, "rejected(no)").is_err());
        assert!(turn(Operation::Reconcile, "succeeded").is_err());
        assert!(turn(Operation::Reconcile, "unknown but acted").is_err());
    }
}

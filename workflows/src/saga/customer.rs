//! What a customer may read about a saga: a sentence and facts from the definition, no engine words.
//!
//! A saga in front of a human reads as `needs_attention`; attempts, pools and error texts never leave.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Cause, Forward, Phase, State, Status, Undoing};
use crate::definition::Definition;

/// The customer's view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomerView {
    /// `processing`, `confirmed`, `declined`, `cancelled`, `undoing` or `needs_attention`.
    pub status: &'static str,
    /// One sentence.
    pub sentence: String,
    /// Stable reason, when it did not work out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Steps done, and not undone since.
    pub done: usize,
    /// Steps in all.
    pub of: usize,
    /// Facts that the definition lets customers see, as far as they exist.
    pub facts: BTreeMap<String, Value>,
}

/// The customer's view of a saga.
pub fn customer_view(definition: &Definition, state: &State) -> CustomerView {
    let status = state.status(definition);
    let cause = match &state.phase {
        Phase::Compensating { cause } | Phase::Compensated { cause } => Some(cause),
        Phase::New | Phase::Forward { .. } | Phase::Completed { .. } => None,
    };
    let reason = cause.map(|cause| cause.code().to_owned());
    CustomerView {
        status: word(status, cause),
        sentence: sentence(definition, state, status, reason.as_deref()),
        reason,
        done: state
            .set_of(|step| step.is_done() && step.undoing != Undoing::Done)
            .len(),
        of: definition.steps.len(),
        facts: facts(definition, state),
    }
}

fn word(status: Status, cause: Option<&Cause>) -> &'static str {
    match status {
        Status::Running | Status::Waiting => "processing",
        Status::Compensating => "undoing",
        Status::Completed => "confirmed",
        Status::Compensated if matches!(cause, Some(Cause::Cancelled { .. })) => "cancelled",
        Status::Compensated => "declined",
        Status::Stuck => "needs_attention",
    }
}

/// The most specific sentence that the definition has.
fn sentence(
    definition: &Definition,
    state: &State,
    status: Status,
    reason: Option<&str>,
) -> String {
    let detail = match status {
        Status::Running | Status::Waiting => under_way(definition, state),
        Status::Compensating | Status::Compensated => reason.map(str::to_owned),
        Status::Completed | Status::Stuck => None,
    };
    let sentences = &definition.customer.sentences;
    detail
        .and_then(|detail| sentences.get(&format!("{}.{detail}", status.as_str())))
        .or_else(|| sentences.get(status.as_str()))
        .or_else(|| sentences.get(general(status)))
        .cloned()
        .unwrap_or_else(|| fallback(status).to_owned())
}

/// The situation whose sentence also fits, when there is none for this one: who waits is under way.
fn general(status: Status) -> &'static str {
    match status {
        Status::Waiting => Status::Running.as_str(),
        Status::Running
        | Status::Compensating
        | Status::Completed
        | Status::Compensated
        | Status::Stuck => status.as_str(),
    }
}

/// The first step that is under way.
fn under_way(definition: &Definition, state: &State) -> Option<String> {
    let open = state.steps.iter().position(|step| {
        matches!(
            (&step.forward, &step.undoing),
            (
                Forward::Open { .. } | Forward::Waiting { .. },
                Undoing::NotStarted
            )
        )
    })?;
    Some(definition.steps[state.step_of(open)].id.clone())
}

fn fallback(status: Status) -> &'static str {
    match status {
        Status::Running | Status::Waiting => "We are working on it.",
        Status::Compensating => "It did not work out; we are undoing what was done.",
        Status::Completed => "Done.",
        Status::Compensated => "It did not work out; everything was undone.",
        Status::Stuck => "This takes longer than usual; we are looking into it.",
    }
}

fn facts(definition: &Definition, state: &State) -> BTreeMap<String, Value> {
    definition
        .customer
        .facts
        .iter()
        .filter_map(|(name, mapping)| {
            let value = state
                .with_scope(definition, |scope| mapping.evaluate(scope))
                .ok()?;
            (!value.is_null()).then(|| (name.clone(), value))
        })
        .collect()
}

//! What people read: the sentence for support staff and the customer's view, in the situations that matter.

use std::fmt::Write as _;

use impresario_workflows::saga::{Outcome, Status, customer_view, explain};

use crate::bench::definitions::{booking, diamond};
use crate::bench::outcomes::{failed, rejected, succeeded, unknown};
use crate::bench::{Bench, MINUTE, SECOND};
use crate::table::inputs::booking_input;

fn begun() -> Bench {
    Bench::started_with(booking(), booking_input())
}

fn out(step: &str) -> Bench {
    let mut saga = begun();
    saga.until_out(step);
    saga
}

/// Each situation by its name.
fn situations() -> Vec<(&'static str, Bench)> {
    let mut all = vec![("nobody has started it", Bench::unborn(booking()))];
    let mut add = |name, saga| all.push((name, saga));

    let mut saga = begun();
    saga.now += 340;
    add("the seats are asked for", saga);

    let mut saga = out("authorize");
    saga.answer("authorize", failed());
    add("the card is asked again soon", saga);

    let mut saga = out("capture");
    saga.now += 90 * SECOND;
    saga.cancel();
    add("cancelled while the money is on its way", saga);

    let mut saga = out("capture");
    saga.passes(2 * SECOND);
    saga.wakes();
    saga.answer("capture", unknown());
    add("nobody knows whether the money was taken", saga);
    add(
        "nobody could tell whether the money was taken",
        asked_in_vain(),
    );

    let mut saga = out("confirm");
    saga.now += 3 * MINUTE;
    add("the tickets are printed", saga);

    saga = out("confirm");
    saga.answer("confirm", rejected("printer_on_fire"));
    add("the tickets cannot be printed", saga);

    saga = out("notify");
    add("the message is out", saga);
    saga = out("notify");
    saga.answer("notify", succeeded());
    saga.answer("sell", succeeded());
    add("all went well", saga);

    saga = begun();
    saga.answer("hold", rejected("seats_taken"));
    add("somebody was faster", saga);

    saga = out("authorize");
    saga.answer("authorize", rejected("card_declined"));
    add("the card was declined, the seats are given back", saga);

    saga = out("authorize");
    saga.answer("authorize", rejected("never_heard_of_it"));
    saga.answer("hold", succeeded());
    add(
        "undone for a reason that the definition has no sentence for",
        saga,
    );

    saga = out("authorize");
    saga.cancel();
    add("cancelled", saga);
    saga = out("authorize");
    saga.cancel();
    saga.answer("authorize", succeeded());
    saga.answer("hold", succeeded());
    add("cancelled and undone", saga);

    saga = out("authorize");
    saga.now += 15 * MINUTE;
    saga.looks();
    add("its time ran out", saga);

    saga = begun();
    saga.engine_fault();
    add("the engine could not decide it", saga);
    all
}

fn asked_in_vain() -> Bench {
    let mut saga = out("capture");
    while saga.status() != Status::Stuck {
        saga.wakes();
    }
    saga
}

#[test]
fn what_people_read() {
    let mut text = String::new();
    for (name, saga) in situations() {
        let view = customer_view(&saga.definition, &saga.state);
        let customer = serde_json::to_string(&view).expect("a view is JSON");
        let said = explain(&saga.definition, &saga.state, saga.now);
        writeln!(text, "# {name}\n  staff: {said}\n  customer: {customer}\n").ok();
    }
    insta::assert_snapshot!("what_people_read", text);
}

#[test]
fn customers_read_no_engine_words_and_no_error_texts() {
    for (name, saga) in situations() {
        let view = customer_view(&saga.definition, &saga.state);
        for word in [
            "saga",
            "step",
            "attempt",
            "pool",
            "compensat",
            "pivot",
            "it is ",
        ] {
            assert!(!view.sentence.contains(word), "{name}: {}", view.sentence);
        }
    }
}

#[test]
fn without_sentences_of_its_own_a_definition_has_honest_ones() {
    let mut saga = Bench::started(diamond());
    let mut sentences = vec![customer_view(&saga.definition, &saga.state).sentence];
    saga.until_out("left").cancel();
    sentences.push(customer_view(&saga.definition, &saga.state).sentence);
    saga.answer("left", failed());
    sentences.push(customer_view(&saga.definition, &saga.state).sentence);
    saga.late(
        "left",
        impresario_workflows::saga::Operation::Compensate,
        1,
        succeeded(),
    );
    saga.answer("right", succeeded());
    saga.answer("base", succeeded());
    sentences.push(customer_view(&saga.definition, &saga.state).sentence);
    let mut saga = Bench::started(diamond());
    saga.until_out("join").answer("join", succeeded());
    sentences.push(customer_view(&saga.definition, &saga.state).sentence);
    assert_eq!(
        sentences,
        [
            "We are working on it.",
            "It did not work out; we are undoing what was done.",
            "This takes longer than usual; we are looking into it.",
            "It did not work out; everything was undone.",
            "Done.",
        ],
    );
}

#[test]
fn only_who_cancelled_reads_that_it_was_cancelled() {
    let mut saga = begun();
    saga.answer("hold", rejected("cancelled"));
    assert_eq!(
        customer_view(&saga.definition, &saga.state).status,
        "declined"
    );
}

#[test]
fn staff_read_everything_that_is_out() {
    let mut saga = Bench::started(diamond());
    saga.until_out("join").answer("join", rejected("no"));
    saga.now += 2 * SECOND;
    saga.answer("left", Outcome::Expired);
    assert_eq!(
        explain(&saga.definition, &saga.state, saga.now),
        "Undoing, because `join` was rejected (no); the undoing of `left` is tried again in 500 ms; \
         the undoing of `right` waits for an answer to attempt 1 (2.0 s).",
    );
    saga.answer("right", failed());
    assert_eq!(
        explain(&saga.definition, &saga.state, saga.now),
        "Stuck at the undoing of `right` (broken: it is broken): look at the participant, then retry \
         the step.",
    );
}

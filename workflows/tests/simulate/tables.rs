//! The tables that come with the shipped definitions: every case holds, and every single and double fault is reviewed.

use impresario_workflows::definition::SHIPPED;
use impresario_workflows::script::{definition_named, enumerate};

use crate::fixture::{shipped, table};

/// By definition; each has one.
pub(crate) const TABLES: [(&str, &str); 7] = [
    ("booking", include_str!("../../sagas/booking.test.yaml")),
    (
        "booking-by-transfer",
        include_str!("../../sagas/booking-by-transfer.test.yaml"),
    ),
    (
        "event-cancellation",
        include_str!("../../sagas/event-cancellation.test.yaml"),
    ),
    (
        "group-booking",
        include_str!("../../sagas/group-booking.test.yaml"),
    ),
    ("refund", include_str!("../../sagas/refund.test.yaml")),
    ("trivial", include_str!("../../sagas/trivial.test.yaml")),
    (
        "waitlist-promotion",
        include_str!("../../sagas/waitlist-promotion.test.yaml"),
    ),
];

#[test]
fn every_shipped_definition_has_a_table() {
    let mut shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    shipped.sort_unstable();
    let tables: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(shipped, tables);
}

#[test]
fn every_case_holds() {
    let mut failed = Vec::new();
    for (name, text) in TABLES {
        let definition = shipped(name);
        let named = definition_named(name, text).unwrap();
        assert_eq!(named, format!("{name}.yaml"));
        let cases = table(&definition, text).run(&definition).unwrap();
        assert!(!cases.is_empty(), "{name}");
        failed.extend(cases.iter().filter(|case| !case.passed()).map(|case| {
            format!(
                "{name}: {} ({}): {:?}\n{:?}",
                case.name, case.line, case.mismatches, case.found
            )
        }));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Every single and double fault of a definition, as a text for review.
fn is_reviewed(name: &str) {
    let (_, text) = TABLES.iter().find(|(of, _)| *of == name).unwrap();
    let definition = shipped(name);
    let enumerated = enumerate(&definition, &table(&definition, text)).unwrap();
    insta::assert_snapshot!(name, enumerated);
}

#[test]
fn every_fault_of_a_booking_is_reviewed() {
    is_reviewed("booking");
}

#[test]
fn every_fault_of_a_booking_by_transfer_is_reviewed() {
    is_reviewed("booking-by-transfer");
}

#[test]
fn every_fault_of_an_event_cancellation_is_reviewed() {
    is_reviewed("event-cancellation");
}

#[test]
fn every_fault_of_a_group_booking_is_reviewed() {
    is_reviewed("group-booking");
}

#[test]
fn every_fault_of_a_refund_is_reviewed() {
    is_reviewed("refund");
}

#[test]
fn every_fault_of_the_trivial_saga_is_reviewed() {
    is_reviewed("trivial");
}

#[test]
fn every_fault_of_a_waitlist_promotion_is_reviewed() {
    is_reviewed("waitlist-promotion");
}

//! The definitions that come with the program.
//!
//! A saga that others run as a child comes before them, so that an engine that takes them in this order never has a
//! parent without its child.

use super::model::Definition;

/// Name and text of each.
pub const SHIPPED: &[(&str, &str)] = &[
    ("booking", include_str!("../../sagas/booking.yaml")),
    (
        "booking-by-transfer",
        include_str!("../../sagas/booking-by-transfer.yaml"),
    ),
    (
        "group-booking",
        include_str!("../../sagas/group-booking.yaml"),
    ),
    ("refund", include_str!("../../sagas/refund.yaml")),
    (
        "event-cancellation",
        include_str!("../../sagas/event-cancellation.yaml"),
    ),
    (
        "waitlist-promotion",
        include_str!("../../sagas/waitlist-promotion.yaml"),
    ),
    ("trivial", include_str!("../../sagas/trivial.yaml")),
];

/// Whether the one with this name has a pivot; none when there is none.
pub(crate) fn has_pivot(name: &str) -> Option<bool> {
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    let checked = Definition::check_among(name, text, &|_| None);
    Some(checked.definition?.pivot.is_some())
}

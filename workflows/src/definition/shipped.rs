//! The definitions that come with the program.

/// Name and text of each.
pub const SHIPPED: &[(&str, &str)] = &[
    ("booking", include_str!("../../sagas/booking.yaml")),
    ("trivial", include_str!("../../sagas/trivial.yaml")),
];

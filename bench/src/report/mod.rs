//! The figures: as tables while they come, as JSON for comparisons, as Markdown for the documentation.

mod goal;
mod goals;
mod json;
mod markdown;
mod table;

pub(crate) use json::write as write_json;
pub(crate) use markdown::markdown;
pub(crate) use table::{
    print_balance, print_costs, print_heading, print_level, print_limits, print_machine,
    print_not_stored, print_stored, print_stored_heading,
};

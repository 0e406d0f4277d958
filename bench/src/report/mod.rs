//! The figures: as tables while they come, as JSON for comparisons, as Markdown for the documentation.

mod goal;
mod goals;
mod json;
mod markdown;
mod table;

use crate::options::Options;
use crate::results::Results;
use crate::{Outcome, plot};

pub(crate) use markdown::markdown;
pub(crate) use table::{
    print_balance, print_costs, print_heading, print_level, print_limits, print_machine,
    print_not_stored, print_stored, print_stored_heading,
};

/// Writes what has been measured so far to where the options want it: a long run that is broken off leaves that.
pub(crate) fn keep(options: &Options, results: &Results) -> Outcome {
    if let Some(path) = &options.json {
        json::write(path, results)?;
    }
    if let Some(folder) = &options.plots {
        plot::write(folder, results)?;
        let (path, tables) = (folder.join("tables.md"), markdown(results));
        std::fs::write(&path, tables)
            .map_err(|e| format!("could not write {}: {e}", path.display()))?;
    }
    Ok(())
}

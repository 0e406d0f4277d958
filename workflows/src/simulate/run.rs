//! One simulation, from the options to the report.

use super::dice::Dice;
use super::hold::{HoldReport, HoldTally, HoldWatch, holds};
use super::matrix::{MatrixRow, matrix};
use super::profile::Profile;
use super::tally::{EndReport, ReasonReport, Tally};
use super::units::Share;
use crate::definition::Definition;
use crate::rehearse::{End, Limits, Reason, Stage, start};
use crate::saga::{Input, Unfoldable};

/// Most sagas of one simulation: their latencies are kept, eight bytes each.
pub const SAGAS_MAX: u64 = 100_000_000;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where all chances come from.
    pub seed: u64,
    /// So many sagas, at most [`SAGAS_MAX`].
    pub sagas: u64,
    /// So many for each fault of the matrix; none leaves the matrix out.
    pub matrix_sagas: u64,
}

/// A simulation that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The heart refused one of its own facts.
    #[error("a simulated saga cannot be folded")]
    Unfoldable(#[from] Unfoldable),
    /// Nothing goes wrong, and still it does not complete.
    #[error(
        "without any fault a saga of {definition} ends {end} ({code}{at}): \
         its conditions and mappings need an input or outputs that mean something"
    )]
    Placeholders {
        /// The definition.
        definition: String,
        /// How it ends.
        end: &'static str,
        /// Why.
        code: String,
        /// At which step.
        at: String,
    },
}

/// What a simulation has shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Name of the definition.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub hash: String,
    /// Where all chances came from.
    pub seed: u64,
    /// So many sagas.
    pub sagas: u64,
    /// Inputs that were decided, over all of them.
    pub inputs: u64,
    /// How they ended.
    pub ends: Vec<EndReport>,
    /// Sagas that a human has to look at.
    pub needs_human: Share,
    /// Why sagas did not complete, the commonest first.
    pub reasons: Vec<ReasonReport>,
    /// Effects that expire.
    pub holds: Vec<HoldReport>,
    /// What each fault at each step leads to.
    pub matrix: Vec<MatrixRow>,
    /// Digest of how every saga ended and when.
    pub digest: String,
}

/// Simulates sagas of a definition.
pub fn simulate(
    definition: &Definition,
    profile: &Profile,
    options: Options,
) -> Result<Report, Error> {
    let mut run = Run::new(definition, profile);
    run.completes_without_faults()?;
    let holds = holds(definition, profile);
    let mut dice = Dice::new(definition, profile, HoldWatch::new(&holds));
    let mut tallies = vec![HoldTally::default(); holds.len()];
    let mut tally = Tally::default();
    for number in 0..options.sagas.min(SAGAS_MAX) {
        dice.begin(options.seed, number, None);
        let input = &run.inputs[number as usize % run.inputs.len()];
        let ended = run.stage.run(&mut dice, input, run.limits)?;
        tally.add(definition, &run.stage.seat.state, &ended);
        for (hold, holds) in holds.iter().zip(&mut tallies) {
            holds.add(hold, &dice.holds, &run.stage.participants, &ended);
        }
    }
    let matrix = matrix(&mut run, options)?;
    Ok(Report {
        definition: definition.name.clone(),
        version: definition.version,
        hash: definition.hash.clone(),
        seed: options.seed,
        sagas: tally.sagas(),
        inputs: tally.inputs(),
        needs_human: Share::of(tally.count(End::Stuck), tally.sagas()),
        reasons: tally.reasons(),
        ends: tally.ends(),
        holds: holds
            .iter()
            .zip(tallies)
            .map(|(hold, tally)| tally.report(hold, definition))
            .collect(),
        matrix,
        digest: tally.digest(),
    })
}

/// What all sagas of a simulation share.
pub(crate) struct Run<'d> {
    pub(crate) definition: &'d Definition,
    pub(crate) profile: &'d Profile,
    pub(crate) stage: Stage<'d>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) limits: Limits,
}

impl<'d> Run<'d> {
    pub(crate) fn new(definition: &'d Definition, profile: &'d Profile) -> Run<'d> {
        Run {
            definition,
            profile,
            stage: Stage::new(definition),
            inputs: profile.inputs.iter().cloned().map(start).collect(),
            limits: Limits::of(definition),
        }
    }

    /// Placeholders may not fit what a definition's conditions look at; then every figure would be nonsense.
    pub(crate) fn completes_without_faults(&mut self) -> Result<(), Error> {
        let calm = self.profile.calm();
        let holds = [];
        let mut dice = Dice::new(self.definition, &calm, HoldWatch::new(&holds));
        for input in &self.inputs {
            dice.begin(0, 0, None);
            let ended = self.stage.run(&mut dice, input, self.limits)?;
            if ended.end != End::Completed {
                let reason = Reason::of(self.definition, &self.stage.seat.state);
                return Err(Error::Placeholders {
                    definition: self.definition.name.clone(),
                    end: ended.end.as_str(),
                    code: reason.code,
                    at: reason
                        .step
                        .map_or_else(String::new, |step| format!(" at `{step}`")),
                });
            }
        }
        Ok(())
    }
}

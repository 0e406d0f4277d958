//! The outcome matrix: each fault at each step, for good, and where sagas end then.
//!
//! Nothing else goes wrong, or every row would show the faults of all others; tasks take as long as the profile says,
//! and what depends on that (a deadline, a hold) makes a row a distribution. A row that does not end is cut short:
//! what it has to say is said.

use super::dice::Dice;
use super::hold::{HoldWatch, holds};
use super::run::{Error, Options, Run};
use super::units::Share;
use crate::rehearse::{End, PlacedFault, Plan};

/// A row stops after this many inputs: a step that is tried without end costs thousands in each saga.
const ROW_INPUTS_MAX: u64 = 50_000;

/// What one fault leads to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MatrixRow {
    /// The step that goes wrong; `step:0` when it is one of its items.
    pub step: String,
    /// How.
    pub fault: &'static str,
    /// So many sagas were simulated with it.
    pub sagas: u64,
    /// Shares of them.
    pub completed: Share,
    /// Undone.
    pub compensated: Share,
    /// In front of a human.
    pub stuck: Share,
    /// Still trying when they were left.
    pub endless: Share,
}

/// All rows, in the order of the steps.
pub(crate) fn matrix(run: &mut Run<'_>, options: Options) -> Result<Vec<MatrixRow>, Error> {
    if options.matrix_sagas == 0 {
        return Ok(Vec::new());
    }
    let faultless = run.profile.faultless();
    let holds = holds(run.definition, &faultless);
    PlacedFault::of(run.definition)
        .into_iter()
        .map(|placed| {
            let mut plan = Plan::default();
            placed.plan(run.definition, &mut plan);
            let dice = Dice::new(run.definition, &faultless, HoldWatch::new(&holds));
            row(run, dice, options, placed, &plan)
        })
        .collect()
}

fn row<'p>(
    run: &mut Run<'_>,
    mut dice: Dice<'p>,
    options: Options,
    placed: PlacedFault,
    plan: &'p Plan,
) -> Result<MatrixRow, Error> {
    let (mut sagas, mut inputs, mut ends) = (0, 0, [0; End::ALL.len()]);
    while sagas < options.matrix_sagas && inputs < ROW_INPUTS_MAX {
        dice.begin(options.seed, sagas, Some(plan));
        let input = &run.inputs[sagas as usize % run.inputs.len()];
        let ended = run.stage.run(&mut dice, input, run.limits)?;
        sagas += 1;
        inputs += u64::from(ended.inputs);
        for (end, count) in End::ALL.iter().zip(&mut ends) {
            *count += u64::from(*end == ended.end);
        }
    }
    let [completed, compensated, stuck, endless] = ends.map(|count| Share::of(count, sagas));
    Ok(MatrixRow {
        step: placed.place(run.definition),
        fault: placed.fault.as_str(),
        sagas,
        completed,
        compensated,
        stuck,
        endless,
    })
}

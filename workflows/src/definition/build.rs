//! From the checked file to the definition that the engine runs.

use super::file::{CompensateFile, SagaFile, StepFile, Template, UndoFile};
use super::input_schema::InputSchema;
use super::model::{Compensate, Customer, Definition, Reconcile, Step, StepIndex, StepSet, Undo};
use super::plan::Plan;
use super::policy;
use crate::expression::Mapping;

/// The definition; `None` only when something needed is missing, which has been reported by then.
pub(crate) fn definition(
    plan: &Plan<'_>,
    schema: InputSchema,
    canonical: String,
) -> Option<Definition> {
    let file = plan.file;
    let steps = plan
        .each()
        .map(|(at, step)| self::step(plan, at, step))
        .collect::<Option<_>>()?;
    Some(Definition {
        name: file.saga.as_ref()?.value.clone(),
        version: file.version.as_ref()?.value,
        hash: super::canonical::hash(&canonical),
        canonical,
        description: file
            .description
            .as_ref()
            .map(|at| at.value.clone())
            .unwrap_or_default(),
        owner: file.owner.as_ref().map(|at| at.value.clone()),
        runbook: file.runbook.as_ref().map(|at| at.value.clone()),
        key: file.key.as_ref().map(|key| key.mapping.clone()),
        attributes: file
            .attributes
            .iter()
            .map(|(name, template)| (name.value.clone(), template.mapping.clone()))
            .collect(),
        deadline_ms: file.deadline.as_ref().map(|at| at.value),
        input_schema: schema.into_value(),
        steps,
        pivot: plan.pivot,
        invariants: file
            .invariants
            .iter()
            .map(|invariant| invariant.value.clone())
            .collect(),
        output: mapping(file.output.as_ref()),
        rest: file.rest.as_ref().map(|at| at.value.clone()),
        customer: customer(file),
    })
}

fn step(plan: &Plan<'_>, at: StepIndex, step: &StepFile) -> Option<Step> {
    let defaults = plan.file.defaults.clone().unwrap_or_default();
    let timeout_ms = policy::timeout_ms(step, &defaults);
    let only_forward = plan.is_only_forward(at);
    let reconcile = match &step.reconcile {
        None => None,
        Some(reconcile) => Some(Reconcile {
            task: reconcile.value.task.as_ref()?.value.clone(),
            timeout_ms: reconcile
                .value
                .timeout
                .as_ref()
                .map_or(timeout_ms, |at| at.value),
            retry: policy::reconcile(reconcile.value.retry.as_ref()),
        }),
    };
    Some(Step {
        id: step.id.value.clone(),
        task: step.task.as_ref()?.value.clone(),
        needs: plan.shape.needs[at],
        ancestors: plan.shape.ancestors[at],
        descendants: plan.shape.descendants[at],
        input: mapping(step.input.as_ref()),
        when: step.when.as_ref().map(|when| when.value.clone()),
        timeout_ms,
        retry: policy::forward(step, &defaults),
        undo: undo(step, only_forward, timeout_ms)?,
        on_unknown: policy::on_unknown(step, only_forward),
        reconcile,
        pivot: plan.pivot == Some(at),
        after_pivot: plan.is_after_pivot(at),
        effect: step.effect.as_ref().map(|at| at.value.clone()),
        describe: step
            .describe
            .as_ref()
            .map(|template| template.mapping.clone()),
        expires_ms: step.expires.as_ref().map(|at| at.value),
        pins: step
            .pins
            .iter()
            .filter_map(|pinned| plan.find(&pinned.value))
            .fold(StepSet::EMPTY, StepSet::with),
    })
}

fn undo(step: &StepFile, only_forward: bool, timeout_ms: u64) -> Option<Undo> {
    if only_forward {
        return Some(Undo::OnlyForward);
    }
    if step.is_readonly() {
        return Some(Undo::Readonly);
    }
    match &step.compensate.as_ref()?.value {
        CompensateFile::None => Some(Undo::Nothing {
            reason: step.reason.as_ref()?.value.clone(),
        }),
        CompensateFile::By(by) => compensate(by, timeout_ms).map(Undo::Compensate),
    }
}

fn compensate(by: &UndoFile, timeout_ms: u64) -> Option<Compensate> {
    Some(Compensate {
        task: by.task.as_ref()?.value.clone(),
        input: mapping(by.input.as_ref()),
        timeout_ms: by.timeout.as_ref().map_or(timeout_ms, |at| at.value),
        retry: policy::undo(by.retry.as_ref()),
        describe: by
            .describe
            .as_ref()
            .map(|template| template.mapping.clone()),
    })
}

fn mapping(template: Option<&Template>) -> Mapping {
    template.map_or_else(Mapping::null, |template| template.mapping.clone())
}

fn customer(file: &SagaFile) -> Customer {
    let Some(customer) = &file.customer else {
        return Customer::default();
    };
    Customer {
        sentences: customer
            .sentences
            .iter()
            .map(|(situation, sentence)| (situation.value.clone(), sentence.clone()))
            .collect(),
        facts: customer
            .facts
            .iter()
            .map(|(name, template)| (name.value.clone(), template.mapping.clone()))
            .collect(),
    }
}

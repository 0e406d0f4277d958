//! From the checked file to the definition that the engine runs.

use super::file::{CompensateFile, SagaFile, StepFile, Template, UndoFile};
use super::input_schema::InputSchema;
use super::model::{
    Compensate, Customer, Definition, Each, Importance, Kind, PARALLEL_DEFAULT, Reconcile,
    SAGA_POOL, Step, StepIndex, StepSet, TaskName, Undo, WaitFor,
};
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
        kind: kind(step)?,
        each: step.each.as_ref().map(|list| each(step, list)),
        needs: plan.shape.needs[at],
        ancestors: plan.shape.ancestors[at],
        descendants: plan.shape.descendants[at],
        input: mapping(step.input.as_ref()),
        when: step.when.as_ref().map(|when| when.value.clone()),
        timeout_ms,
        queue_timeout_ms: step.queue_timeout.as_ref().map(|at| at.value),
        step_timeout_ms: step.step_timeout.as_ref().map(|at| at.value),
        heartbeat_ms: step.heartbeat.as_ref().map(|at| at.value),
        retry: policy::forward(step, &defaults),
        once: step.dispatch.is_some(),
        on_failure: step.on_failure(),
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
        importance: step
            .importance
            .as_ref()
            .map_or(Importance::Normal, |at| at.value),
        output_schema: step.output.as_ref().map(super::node::Node::to_json),
        pins: step
            .pins
            .iter()
            .filter_map(|pinned| plan.find(&pinned.value))
            .fold(StepSet::EMPTY, StepSet::with),
    })
}

fn kind(step: &StepFile) -> Option<Kind> {
    if let Some(task) = &step.task {
        return Some(Kind::Task(task.value.clone()));
    }
    if let Some(saga) = &step.saga {
        return Some(Kind::Saga(child(&saga.value)));
    }
    if let Some(sleep) = &step.sleep {
        return Some(Kind::Sleep {
            for_ms: sleep.value,
        });
    }
    if let Some(wait) = &step.wait {
        let wait = &wait.value;
        return Some(Kind::Wait(WaitFor {
            signal: wait.signal.as_ref()?.value.clone(),
            matches: wait.matches.as_ref().map(|at| at.value.clone()),
            within_ms: wait.timeout.as_ref()?.value,
        }));
    }
    let approve = &step.approve.as_ref()?.value;
    Some(Kind::Approve {
        roles: approve.roles.iter().map(|at| at.value.clone()).collect(),
        within_ms: approve.timeout.as_ref()?.value,
    })
}

/// Whom a child saga is asked of.
fn child(saga: &str) -> TaskName {
    TaskName {
        pool: SAGA_POOL.to_owned(),
        task: saga.to_owned(),
    }
}

fn each(step: &StepFile, list: &Template) -> Each {
    Each {
        list: list.mapping.clone(),
        max_parallel: step
            .max_parallel
            .as_ref()
            .map_or(PARALLEL_DEFAULT, |at| at.value),
        tolerate: step.tolerate.as_ref().map_or(0, |at| at.value),
    }
}

fn undo(step: &StepFile, only_forward: bool, timeout_ms: u64) -> Option<Undo> {
    if only_forward {
        return Some(Undo::OnlyForward);
    }
    if step.is_readonly() || !step.asks() {
        return Some(Undo::Readonly);
    }
    if let (Some(saga), None) = (&step.saga, &step.compensate) {
        return Some(Undo::Compensate(Compensate {
            task: child(&saga.value),
            input: Mapping::null(),
            timeout_ms,
            retry: policy::undo(None),
            describe: None,
        }));
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

//! Random definitions: graphs of up to six steps, with or without a pivot, with every way to be undone and
//! every policy. They are written as files and read like files, so they are ones that authors can write.

use std::fmt;
use std::fmt::Write as _;

use impresario_workflows::Definition;
use proptest::prelude::*;

use crate::bench::definitions::parsed;

/// What a step is drawn with; what does not fit its place in the graph is made to fit.
#[derive(Clone, Debug)]
struct Drawn {
    /// Which of the steps before it needs: one bit each.
    needs: u8,
    undo: u8,
    on_unknown: u8,
    attempts: u8,
    conditional: bool,
    reads: bool,
    kind: Kind,
    /// Whether it is done for each of two items; one of them may fail.
    each: Option<bool>,
    on_failure: u8,
    timeouts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Task,
    Saga,
    Sleep,
    Wait,
    Approve,
}

impl Kind {
    fn asks(self) -> bool {
        matches!(self, Kind::Task | Kind::Saga)
    }
}

impl Drawn {
    /// Whether others can rely on its output.
    fn has_output(&self) -> bool {
        !self.conditional && self.each.is_none() && self.kind.asks() && self.on_failure == 0
    }
}

/// A random definition, as a file.
#[derive(Clone)]
pub(crate) struct Written(String);

impl Written {
    pub(crate) fn definition(&self) -> Definition {
        parsed(&self.0)
    }
}

/// A failing example is read as a file.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Any definition.
pub(crate) fn any_definition() -> impl Strategy<Value = Written> {
    let kind = prop_oneof![
        12 => Just(Kind::Task),
        1 => Just(Kind::Saga),
        1 => Just(Kind::Sleep),
        1 => Just(Kind::Wait),
        1 => Just(Kind::Approve),
    ];
    let more = (
        kind,
        prop::option::weighted(0.15, any::<bool>()),
        prop_oneof![8 => Just(0_u8), 1 => Just(1), 1 => Just(2)],
        prop::bool::weighted(0.2),
    );
    let step = (
        any::<u8>(),
        0..4_u8,
        0..4_u8,
        1..4_u8,
        prop::bool::weighted(0.2),
        any::<bool>(),
        more,
    )
        .prop_map(
            |(needs, undo, on_unknown, attempts, conditional, reads, more)| Drawn {
                needs,
                undo,
                on_unknown,
                attempts,
                conditional,
                reads,
                kind: more.0,
                each: more.1,
                on_failure: more.2,
                timeouts: more.3,
            },
        );
    let steps = prop::collection::vec(step, 1..=6);
    let pivot = prop::option::weighted(0.7, 0..6_usize);
    (steps, pivot, any::<bool>()).prop_map(|(steps, pivot, deadline)| {
        let pivot = pivot.filter(|pivot| *pivot < steps.len());
        Written(write(&steps, pivot, deadline))
    })
}

fn write(steps: &[Drawn], pivot: Option<usize>, deadline: bool) -> String {
    let mut text = String::from("saga: random\nversion: 1\n");
    if deadline {
        text.push_str("deadline: 1m\n");
    }
    text.push_str(
        "input: { type: object, required: [go], properties: { go: { type: boolean } } }
defaults: { timeout: 5s }
steps:
",
    );
    let befores = befores(steps);
    for (index, step) in steps.iter().enumerate() {
        let place = match pivot {
            Some(pivot) if pivot == index => Place::Pivot,
            Some(pivot) if befores[index] & (1 << pivot) != 0 => Place::After,
            Some(pivot) if befores[pivot] & (1 << index) == 0 => Place::Beside,
            Some(_) | None => Place::Before,
        };
        let reads = (0..index).find(|&before| {
            step.reads && needs(step, index) & (1 << before) != 0 && steps[before].has_output()
        });
        if place == Place::Pivot || step.kind == Kind::Task {
            one(&mut text, index, step, place, reads);
        } else {
            other(&mut text, index, step);
        }
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Beside,
    Pivot,
    After,
}

fn needs(step: &Drawn, index: usize) -> u8 {
    step.needs & ((1 << index) - 1)
}

/// For each step all that come before it.
fn befores(steps: &[Drawn]) -> Vec<u8> {
    let mut befores: Vec<u8> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let direct = needs(step, index);
        let all = (0..index).filter(|before| direct & (1 << before) != 0);
        befores.push(all.fold(direct, |set, before| set | befores[before]));
    }
    befores
}

/// Writing to a String cannot fail, hence the `ok()`s.
fn one(text: &mut String, index: usize, step: &Drawn, place: Place, reads: Option<usize>) {
    let needs: Vec<String> = (0..index)
        .filter(|before| needs(step, index) & (1 << before) != 0)
        .map(|before| format!("s{before}"))
        .collect();
    writeln!(
        text,
        "  s{index}:\n    task: pool{}/do\n    needs: [{}]",
        index % 2,
        needs.join(", ")
    )
    .ok();
    if step.conditional {
        text.push_str("    when: input.go\n");
    }
    if let Some(tolerates) = step.each.filter(|_| place != Place::Pivot) {
        let tolerate = u8::from(tolerates);
        writeln!(
            text,
            "    each: [one, two, three]\n    max_parallel: 2\n    tolerate: {tolerate}"
        )
        .ok();
    }
    let may_fail = place != Place::Pivot && step.on_failure != 0;
    if may_fail {
        on_failure(text, step);
    }
    if let Some(before) = reads {
        writeln!(
            text,
            "    input: {{ hold: \"${{{{ steps.s{before}.output.hold_id }}}}\" }}"
        )
        .ok();
    }
    let forward_only = matches!(place, Place::Pivot | Place::After);
    let on_unknown = match step.on_unknown {
        0 => "retry",
        1 => "reconcile",
        2 if !forward_only => "compensate",
        _ => "operator",
    };
    let ends = matches!(place, Place::Before | Place::Beside) || may_fail;
    if step.timeouts && ends && on_unknown != "retry" {
        text.push_str("    timeout: { attempt: 4s, queue: 15s, step: 20s, heartbeat: 2s }\n");
    }
    let unbounded =
        (place == Place::After && !may_fail) || (place == Place::Pivot && on_unknown == "retry");
    let attempts = if unbounded {
        "unlimited".to_owned()
    } else {
        step.attempts.to_string()
    };
    writeln!(text, "    on_unknown: {on_unknown}").ok();
    writeln!(
        text,
        "    retry: {{ max_attempts: {attempts}, initial: 1s, max: 8s }}"
    )
    .ok();
    if on_unknown == "reconcile" {
        text.push_str(
            "    reconcile: { task: pool0/ask, timeout: 3s, retry: { max_attempts: 2 } }\n",
        );
    }
    match (place, step.undo) {
        (Place::Pivot, _) => text.push_str("    pivot: true\n"),
        (Place::After, _) => {}
        (Place::Before | Place::Beside, 0) => text.push_str("    readonly: true\n"),
        (Place::Before, 1 | 2) => {
            let attempts = step.attempts;
            writeln!(
                text,
                "    compensate: {{ task: pool1/undo, retry: {{ max_attempts: {attempts} }} }}"
            )
            .ok();
        }
        (Place::Before | Place::Beside, _) => {
            text.push_str("    compensate: none\n    reason: nobody minds\n");
        }
    }
}

fn on_failure(text: &mut String, step: &Drawn) {
    let word = if step.on_failure == 1 {
        "continue"
    } else {
        "park"
    };
    writeln!(text, "    on_failure: {word}").ok();
}

/// A step that is no task.
fn other(text: &mut String, index: usize, step: &Drawn) {
    let needs: Vec<String> = (0..index)
        .filter(|before| needs(step, index) & (1 << before) != 0)
        .map(|before| format!("s{before}"))
        .collect();
    let what = match step.kind {
        Kind::Task | Kind::Saga => "saga: child",
        Kind::Sleep => "sleep: 7s",
        Kind::Wait if step.reads => "wait: { signal: go.on, match: signal.n == 1, timeout: 9s }",
        Kind::Wait => "wait: { signal: go.on, timeout: 9s }",
        Kind::Approve => "approve: { roles: [finance], timeout: 9s }",
    };
    writeln!(
        text,
        "  s{index}:\n    {what}\n    needs: [{}]",
        needs.join(", ")
    )
    .ok();
    if step.conditional {
        text.push_str("    when: input.go\n");
    }
    if step.on_failure != 0 {
        on_failure(text, step);
    }
}

//! How many states there are, and that it is not too many for an editor.

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Verdict, explore};

/// So many steps side by side, each with an effect of its own.
fn side_by_side(steps: usize) -> Definition {
    let mut text = "saga: wide\nversion: 1\ndeadline: 15m\nsteps:\n".to_owned();
    for step in 0..steps {
        text.push_str(&format!(
            "  s{step}: {{ task: p/do, effect: e{step}, compensate: {{ task: p/undo }} }}\n"
        ));
    }
    text.push_str(&format!("invariants:\n  - e0 implies e{}\n", steps - 1));
    Definition::parse("wide", &text).unwrap()
}

fn states(steps: usize) -> usize {
    let begun = std::time::Instant::now();
    let report = explore(&side_by_side(steps), Limits::default());
    println!(
        "{steps} side by side: {} states, {:?}",
        report.states,
        begun.elapsed()
    );
    assert!(
        matches!(report.verdict, Verdict::Proved),
        "{:?}",
        report.verdict
    );
    report.states
}

#[test]
fn each_step_beside_others_makes_it_some_times_as_many() {
    assert_eq!([1, 2, 3].map(states), [14, 108, 896]);
}

#[test]
#[ignore = "a minute in a debug build; two seconds in a release build"]
fn five_steps_side_by_side() {
    assert_eq!(states(5), 56_424);
}

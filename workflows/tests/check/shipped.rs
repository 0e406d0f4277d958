//! The definitions that come with the program are proved, and these are all the ways in which they end.

use std::fmt::Write as _;

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Report, Verdict, explore};
use impresario_workflows::definition::SHIPPED;

fn report(text: &str) -> Report {
    explore(&Definition::parse("test", text).unwrap(), Limits::default())
}

#[test]
fn shipped_definitions_are_proved() {
    for (name, text) in SHIPPED {
        let begun = std::time::Instant::now();
        let report = report(text);
        println!("{name}: {} states, {:?}", report.states, begun.elapsed());
        assert!(
            matches!(report.verdict, Verdict::Proved),
            "{name}: {:?}",
            report.verdict
        );
        insta::assert_snapshot!(*name, told(&report));
    }
}

fn told(report: &Report) -> String {
    let mut text = format!("{} states, {} steps\n", report.states, report.steps);
    for end in &report.ends {
        let parked: Vec<String> = end
            .parked
            .iter()
            .map(|at| format!("{} {}", at.operation, at.step))
            .collect();
        writeln!(
            text,
            "{} [{}] there: [{}] perhaps: [{}] faults: {}",
            end.status,
            parked.join(", "),
            end.there.join(", "),
            end.open.join(", "),
            end.faults
        )
        .unwrap();
    }
    text
}

#[test]
fn the_same_is_found_every_time() {
    let (_, text) = SHIPPED[0];
    assert_eq!(told(&report(text)), told(&report(text)));
}

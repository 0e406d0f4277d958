//! The definitions that come with the program are proved.

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Verdict, explore};
use impresario_workflows::definition::SHIPPED;

#[test]
fn every_shipped_definition_is_proved() {
    for (name, text) in SHIPPED {
        let definition = Definition::parse(name, text).unwrap();
        let begun = std::time::Instant::now();
        let report = explore(&definition, Limits::default());
        println!(
            "{name}: {} states, {} steps, {:?}, {} ends",
            report.states,
            report.steps,
            begun.elapsed(),
            report.ends.len()
        );
        for end in &report.ends {
            println!("  {end:?}");
        }
        if let Verdict::Disproved(found) = &report.verdict {
            println!("{:?}: {}", found.property, found.said);
            for line in &found.story.lines {
                println!(
                    "  {:<12} {} {}",
                    line.who.name(),
                    line.to.as_ref().map_or("", |to| to.name()),
                    line.text
                );
            }
        }
        assert!(matches!(report.verdict, Verdict::Proved), "{name}");
    }
}

//! The diagram as Mermaid text.

use std::fmt::Write as _;

use crate::check::report::Counterexample;
use crate::check::story::Actor;

/// The counterexample as a Mermaid `sequenceDiagram`.
pub fn mermaid(found: &Counterexample) -> String {
    let cast = found.story.cast();
    let alias = |actor: &Actor| {
        let at = cast.iter().position(|known| known == actor);
        format!("a{}", at.unwrap_or(cast.len()))
    };
    let mut text = String::from("sequenceDiagram\n");
    // Writing to a String cannot fail, hence the `ok()`s.
    for actor in &cast {
        let kind = match actor {
            Actor::Customer | Actor::Operator => "actor",
            Actor::Engine | Actor::Pool(_) => "participant",
        };
        let name = escaped(actor.name());
        writeln!(text, "  {kind} {} as {name}", alias(actor)).ok();
    }
    for line in &found.story.lines {
        let (who, said) = (alias(&line.who), escaped(&line.text));
        match &line.to {
            Some(to) => writeln!(text, "  {who}->>{}: {said}", alias(to)).ok(),
            None => writeln!(text, "  Note over {who}: {said}").ok(),
        };
    }
    if let (Some(first), Some(last)) = (cast.first(), cast.last()) {
        let said = escaped(&found.said);
        writeln!(
            text,
            "  Note over {},{}: ✘ {said}",
            alias(first),
            alias(last)
        )
        .ok();
    }
    text
}

/// `;` would end the line and `#` begin an entity.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '#' => "#35;".to_owned(),
            ';' => "#59;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

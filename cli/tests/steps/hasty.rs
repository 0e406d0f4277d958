//! The shipped definitions with shorter patience: the same steps, tasks, pivots and undoing.
//!
//! Two of them exist a second time under another name, with a wait of a second: for stories in which nothing comes.

use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;

/// What all of them are made of.
const SHORTER: [(&str, &str); 7] = [
    ("timeout: 5s", "timeout: 1s"),
    ("timeout: 2s", "timeout: 1s"),
    ("initial: 500ms, max: 30s", "initial: 50ms, max: 200ms"),
    (
        "max_attempts: 5, backoff: exponential, initial: 200ms, max: 5s",
        "max_attempts: 3, backoff: exponential, initial: 20ms, max: 100ms",
    ),
    (
        "task: catalog/release-seats\n",
        "task: catalog/release-seats\n      retry: { max_attempts: 3, initial: 20ms, max: 100ms }\n",
    ),
    (
        "task: payment/void\n",
        "task: payment/void\n      retry: { max_attempts: 3, initial: 20ms, max: 100ms }\n",
    ),
    // 100.00 instead of 5,000.00: a few seats are much money here.
    ("> 500000", "> 10000"),
];

pub(crate) fn definitions() -> Vec<Definition> {
    let again = [
        ("booking-by-transfer", "impatient-transfer", "timeout: 30m"),
        ("waitlist-promotion", "impatient-promotion", "timeout: 10m"),
    ];
    let shipped = SHIPPED
        .iter()
        .filter(|(name, _)| *name != "trivial")
        .map(|(_, text)| shorter(text));
    let impatient = again.map(|(name, alias, wait)| {
        let text = shorter(text_of(name));
        assert!(text.contains(wait), "{name} waits for something");
        text.replace(wait, "timeout: 1s")
            .replace(&format!("saga: {name}\n"), &format!("saga: {alias}\n"))
            .replace("\nrest: ", &format!("\nrest: {alias}-"))
    });
    shipped
        .chain(impatient)
        .map(|text| Definition::parse("hasty", &text).unwrap())
        .collect()
}

fn text_of(name: &str) -> &'static str {
    let shipped = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
    shipped.unwrap().1
}

fn shorter(text: &str) -> String {
    SHORTER.iter().fold(text.to_owned(), |text, (long, short)| {
        text.replace(long, short)
    })
}

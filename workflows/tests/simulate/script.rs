//! Test tables: the shipped one holds, a wrong one fails with what came, and what is no table is refused.

use impresario_workflows::script::{Table, definition_named};

use crate::fixture::{BOOKING_TABLE, changed, rendered, shipped, table};

#[test]
fn the_shipped_table_holds() {
    let booking = shipped("booking");
    assert_eq!(
        definition_named("booking.test.yaml", BOOKING_TABLE).unwrap(),
        "booking.yaml"
    );
    let cases = table(&booking, BOOKING_TABLE).run(&booking).unwrap();
    let failed: Vec<String> = cases
        .iter()
        .filter(|case| !case.passed())
        .map(|case| {
            format!(
                "{} ({}): {:?}\n{:?}",
                case.name, case.line, case.mismatches, case.found
            )
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(cases.len() > 50, "{}", cases.len());
}

#[test]
fn a_definition_that_forgets_to_give_the_money_back_fails_the_table() {
    let careless = changed(
        "booking",
        "    compensate:
      task: payment/void
      timeout: 5s
      describe: give back the authorization of ${{ steps.hold.output.price.amount }}
        ${{ steps.hold.output.price.currency }} (in minor units)
",
        "    compensate: none
    reason: it runs out by itself
",
    );
    let refused = Table::parse(&careless, "booking.test.yaml", BOOKING_TABLE).unwrap_err();
    assert!(
        refused
            .iter()
            .all(|problem| problem.message.contains("no such task")),
        "{refused:?}"
    );
    let one = "definition: booking.yaml
cases:
  - name: the hold is lost
    given: { pin: rejected(hold_lost) }
    expect: { end: compensated, undone: [authorize, hold], effects: [] }
";
    let cases = table(&careless, one).run(&careless).unwrap();
    let wrong: Vec<String> = cases[0]
        .mismatches
        .iter()
        .map(|wrong| format!("{}: {} and not {}", wrong.key, wrong.found, wrong.expected))
        .collect();
    assert_eq!(
        wrong,
        [
            r#"undone: ["hold"] and not ["authorize","hold"]"#,
            r#"effects: ["authorization"] and not []"#
        ]
    );
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    let booking = shipped("booking");
    let case = |case: &str| format!("definition: booking.yaml\ncases:\n  - name: one\n{case}");
    let end = "    expect: { end: compensated }\n";
    let refused: Vec<String> = [
        "definition: booking.yaml\ncase: []\n".to_owned(),
        case("    expect: { end: finished }\n"),
        case(&format!("    given: {{ hodl: failed }}\n{end}")),
        case(&format!("    given: {{ hold: faild }}\n{end}")),
        case(&format!("    given:\n      hold:\n        - failed x 2\n        - rejected\n{end}")),
        case(&format!("    given: {{ pin.undo: failed, hold.redo: failed, cancel: whenever }}\n{end}")),
        case("    expect: { end: compensated, effects: [seats], undone: [hodl], stuck: [pin.undo] }\n"),
        case("    expect: { end: compensated, attempts: { hold: many } }\n"),
        case(&format!("{end}  - name: one\n{end}")),
        "definition: booking.yaml\ncases: &all []\n".to_owned(),
    ]
    .iter()
    .map(|text| {
        let problems = Table::parse(&booking, "booking.test.yaml", text).unwrap_err();
        rendered(&problems, "booking.test.yaml", text)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n---\n\n"));
}

//! `impresario demo` tells its four stories and every check holds.

use crate::program::{postgres_is_missing, run, text};

#[test]
fn demo_tells_four_stories_that_hold() {
    if postgres_is_missing() {
        return;
    }
    let output = run(&["demo"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for story in [
        "1. A booking that confirms",
        "2. A card that is declined",
        "3. A charge whose answer never comes",
        "4. kill -9 in the middle of a payment",
        "The books",
    ] {
        assert!(out.contains(story), "no `{story}` in\n{out}");
    }
    assert_eq!(out.matches("exactly one charge, of").count(), 3, "{out}");
    assert!(
        out.contains("kill -9") && out.contains("started again as"),
        "{out}"
    );
    assert!(!out.contains('✘'), "{out}");
}

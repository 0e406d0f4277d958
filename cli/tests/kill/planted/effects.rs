//! Defects in what the participants remember, and in what is left over.

use serde_json::{Value, json};

use super::Defect;

pub(super) const DEFECTS: &[Defect] = &[
    Defect(
        "the participants undid in the wrong order",
        "undone in reverse order",
        |world| {
            let undone = |row: &Value, step: &str| {
                let effect = row["effect"].as_str().unwrap_or_default();
                row["state"] == "compensated" && effect.contains(step)
            };
            let authorized: Vec<String> = world
                .rows("barrier")
                .iter()
                .filter(|row| undone(row, "/authorize/"))
                .map(|row| row["saga"].as_str().unwrap().to_owned())
                .collect();
            let hold = |row: &Value| {
                let saga = row["saga"].as_str().unwrap().to_owned();
                undone(row, "/hold/") && authorized.contains(&saga)
            };
            world.find("barrier", hold)["at_us"] = json!(1);
        },
    ),
    Defect(
        "a success that the participant does not know",
        "no success is invented",
        |world| {
            let effect = world.find("barrier", |row| row["state"] == "succeeded")["effect"].clone();
            world.keep("barrier", |row| row["effect"] != effect);
        },
    ),
    Defect(
        "an effect that was never undone",
        "effects fit the end",
        |world| {
            world.find("barrier", |row| row["state"] == "compensated")["state"] =
                json!("succeeded");
        },
    ),
    Defect(
        "a late task acts after its tombstone",
        "closed stays closed",
        |world| {
            let mut late = world
                .find("effect", |row| row["now"] == "tombstone")
                .clone();
            (late["id"], late["was"], late["now"]) =
                (json!(i64::MAX), json!("tombstone"), json!("succeeded"));
            world.rows("effect").push(late);
        },
    ),
    Defect("a row stays in the outbox", "outbox empty", |world| {
        world
            .rows("outbox")
            .push(json!({ "pool": "payment", "tries": 3 }));
    }),
    Defect(
        "an effect under another task",
        "effects were asked for",
        |world| {
            world.rows("barrier")[0]["task"] = json!("something-else");
        },
    ),
    Defect(
        "an effect that the log does not know",
        "the effect log is the barrier",
        |world| {
            let effect = world.rows("barrier")[0]["effect"].clone();
            world.keep("effect", |row| row["effect"] != effect);
        },
    ),
    Defect("a message stays in a queue", "queues empty", |world| {
        world.rows("queue")[0]["messages"] = json!(1);
    }),
    Defect(
        "one task, delivered again and again",
        "no storm of deliveries",
        |world| {
            let effect = world.rows("barrier")[0]["effect"].clone();
            for starts in 2..60 {
                world
                    .rows("redelivery")
                    .push(json!({ "at_us": 1, "effect": effect,
                "operation": "forward", "attempt": 1, "starts": starts }));
            }
        },
    ),
];

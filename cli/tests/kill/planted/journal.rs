//! Defects in journals and in what is stored beside them.

use serde_json::{Value, json};

use super::{Defect, Records, drop_fact, fact_of, place, scheduled, undone_early};

pub(super) const DEFECTS: &[Defect] = &[
    Defect("a saga is left open", "every saga ends", |world| {
        let id = world.saga("completed");
        world.keep("journal", |row| {
            row["saga_id"] != id.as_str() || row["seq"] == 1
        });
        world.one("saga", "id", &id)["status"] = json!("running");
    }),
    Defect("nothing wakes an open saga", "no silent orphan", |world| {
        let id = world.saga("completed");
        world.keep("journal", |row| {
            row["saga_id"] != id.as_str() || row["seq"] == 1
        });
        world.one("saga", "id", &id)["status"] = json!("running");
    }),
    Defect("stuck for nothing", "stuck has a reason", |world| {
        let id = world.saga("completed");
        world.keep("journal", |row| {
            row["saga_id"] != id.as_str() || row["seq"] == 1
        });
        world.one("saga", "id", &id)["status"] = json!("stuck");
    }),
    Defect("a journal row is missing", "journal gapless", |world| {
        let id = world.saga("completed");
        world.keep("journal", |row| {
            row["saga_id"] != id.as_str() || row["seq"] != 2
        });
    }),
    Defect("two rows of one commit", "one row a commit", |world| {
        let id = world.saga("completed");
        let of = |world: &mut Records, seq| world.row(&id, seq)["body"]["c"].clone();
        let first = of(world, 1);
        world.row(&id, 2)["body"]["c"] = first;
    }),
    Defect(
        "a definition was changed in place",
        "pinned definition",
        |world| {
            let row = world.find("definition", |row| row["name"] == "booking");
            let changed = row["canonical"].as_str().unwrap().replace("5000", "6000");
            let changed = changed.replace("catalog/pin-hold", "catalog/sell-seats");
            row["canonical"] = json!(changed);
        },
    ),
    Defect(
        "the stored status is another one",
        "stored is folded",
        |world| {
            let id = world.saga("completed");
            world.one("saga", "id", &id)["status"] = json!("compensated");
        },
    ),
    Defect(
        "a fact that nobody could decide",
        "events are decided",
        |world| {
            let first = |row: &Value| row["body"]["ev"][1]["event"] == "dispatched";
            let row = world.find("journal", first);
            row["body"]["ev"][1]["until"] =
                json!(row["body"]["ev"][1]["until"].as_u64().unwrap() + 7);
        },
    ),
    Defect(
        "a success that was dropped from the journal's words",
        "events are decided",
        |world| {
            let words = |row: &Value| row["body"]["by"][0].as_str().unwrap().contains("succeeded");
            world.find("journal", words)["body"]["by"][0] = json!("timer");
        },
    ),
    Defect(
        "a forward dispatch after the turn",
        "no forward after the turn",
        |world| {
            let id = world.saga("compensated");
            let first = world.row(&id, 1)["body"]["ev"][1].clone();
            let turned =
                |row: &Value| row["saga_id"] == id.as_str() && place(row, "turned").is_some();
            let row = world.find("journal", turned);
            let at = place(row, "turned").unwrap();
            row["body"]["ev"]
                .as_array_mut()
                .unwrap()
                .insert(at + 1, first);
        },
    ),
    Defect(
        "undone in the wrong order",
        "undo in reverse order",
        undone_early,
    ),
    Defect("an attempt too many", "attempts are bounded", |world| {
        let event = scheduled(world);
        event["spent"] = json!(1000);
    }),
    Defect("an attempt too soon", "backoff is kept", |world| {
        let event = scheduled(world);
        event["until"] = json!(1);
    }),
    Defect(
        "an undone step that was not undone",
        "an end is complete",
        |world| {
            drop_fact(world, "undone", "hold");
        },
    ),
    Defect(
        "an answer to a question that nobody asked",
        "answers were asked for",
        |world| {
            let id = world.saga("completed");
            let first = world.row(&id, 1)["body"]["ev"].as_array_mut().unwrap();
            first.truncate(1);
        },
    ),
    Defect(
        "undone without having turned",
        "undo after the turn",
        |world| {
            let sent = fact_of(world, "dispatched", "compensate");
            let turned =
                |row: &Value| row["saga_id"] == sent.as_str() && place(row, "turned").is_some();
            let row = world.find("journal", turned);
            let at = place(row, "turned").unwrap();
            row["body"]["ev"].as_array_mut().unwrap().remove(at);
        },
    ),
    Defect(
        "an undoing of what never ran",
        "undo what was asked for",
        |world| {
            let sent = fact_of(world, "dispatched", "compensate");
            let turned =
                |row: &Value| row["saga_id"] == sent.as_str() && place(row, "turned").is_some();
            let row = world.find("journal", turned);
            let at = place(row, "turned").unwrap();
            let fact = json!({ "event": "dispatched", "step": "sell", "operation": "compensate",
            "attempt": 1, "at": row["body"]["at"], "until": row["body"]["at"] });
            row["body"]["ev"]
                .as_array_mut()
                .unwrap()
                .insert(at + 1, fact);
        },
    ),
    Defect(
        "a step before what it needs",
        "order of the graph",
        |world| {
            let first = |row: &Value| row["body"]["ev"][1]["step"] == "hold";
            world.find("journal", first)["body"]["ev"][1]["step"] = json!("authorize");
        },
    ),
    Defect(
        "a way back past the pivot",
        "no way back past the pivot",
        |world| {
            let row = world.find("journal", |row| place(row, "completed").is_some());
            let at = place(row, "completed").unwrap();
            let turned = json!({ "event": "turned", "cause": { "cause": "deadline" } });
            row["body"]["ev"].as_array_mut().unwrap().insert(at, turned);
        },
    ),
    Defect(
        "an ended saga that is still woken",
        "ended sagas sleep",
        |world| {
            let id = world.saga("completed");
            world.one("saga", "id", &id)["wake_at_us"] = json!(1);
        },
    ),
];

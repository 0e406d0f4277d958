//! Defects in what was started and in what clients were told.

use serde_json::{Value, json};

use super::{Defect, started};

pub(super) const DEFECTS: &[Defect] = &[
    Defect(
        "an acknowledged booking is lost",
        "acknowledged exists",
        |world| {
            let id = world.saga("completed");
            world.keep("saga", |row| row["id"] != id.as_str());
            world.keep("journal", |row| row["saga_id"] != id.as_str());
            world.keep("saga_key", |row| row["saga_id"] != id.as_str());
        },
    ),
    Defect("a booking that nobody asked for", "no phantom", |world| {
        let key = world.rows("saga_key")[0]["key"].clone();
        world.keep("ops", |row| row["key"] != key);
    }),
    Defect("two sagas for one key", "one saga a key", |world| {
        let rows = world.rows("saga_key");
        let mut other = rows[1].clone();
        other["key"] = rows[0]["key"].clone();
        rows.push(other);
    }),
    Defect(
        "a saga under another key's id",
        "the id is the key's",
        |world| {
            let rows = world.rows("saga_key");
            let (one, two) = (rows[0]["key"].clone(), rows[1]["key"].clone());
            (rows[0]["key"], rows[1]["key"]) = (two, one);
        },
    ),
    Defect(
        "another input than was sent",
        "the input is what was asked for",
        |world| {
            started(world)["input"]["customer_email"] = json!("someone@example.org");
        },
    ),
    Defect(
        "an end that a customer read is another one",
        "an end stays",
        |world| {
            let read = world.find("ops", |row| row["status"] == "confirmed");
            read["status"] = json!("declined");
        },
    ),
    Defect("somebody reads what was before", "reads go on", |world| {
        let mut early = world
            .find("ops", |row| row["version"].as_i64() > Some(3))
            .clone();
        early["time_us"] = json!(early["time_us"].as_i64().unwrap() + 60_000_000);
        early["process"] = json!("somebody else");
        early["version"] = json!(1);
        world.rows("ops").push(early);
    }),
    Defect(
        "a card that never pays has paid",
        "never is never",
        |world| {
            let key = world.key_of("completed");
            let wish = |row: &Value| row["key"] == key.as_str() && row["type"] == "invoke";
            world.find("ops", wish)["never"] = json!(["completed"]);
        },
    ),
    Defect("a right request is refused", "no odd answers", |world| {
        let answer = world.find("ops", |row| row["op"] == "look" && row["type"] == "ok");
        (answer["type"], answer["http"]) = (json!("fail"), json!(404));
    }),
    Defect(
        "a replica never came back",
        "every node answers after the last fault",
        |world| {
            world.rows("faults")[0]["from_us"] = json!(i64::MAX / 2);
        },
    ),
    Defect(
        "a cancelled booking was refused its cancel",
        "cancel is honest",
        |world| {
            let taken = |row: &Value| row["op"] == "cancel" && row["http"] == 202;
            let row = world.find("ops", taken);
            (row["type"], row["http"]) = (json!("fail"), json!(409));
            let key = row["key"].clone();
            let saga = world.find("saga_key", |row| row["key"] == key)["saga_id"].clone();
            world.find("saga", |row| row["id"] == saga)["status"] = json!("compensated");
        },
    ),
];

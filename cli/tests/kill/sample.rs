//! The records of some sagas out of many: everything that is about them, and nothing else.
//!
//! Planting a defect into a thousand sagas shows no more than planting it into forty.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::planted::Records;

/// So many of each end, and of each thing that some defect needs.
const OF_EACH: usize = 12;

pub(crate) fn take(all: &Path, some: &Path) {
    let mut world = Records::read(all);
    let sagas = choose(&mut world);
    let chosen = |id: &Value| id.as_str().is_some_and(|id| sagas.contains(id));
    let parts: HashSet<String> = sagas.iter().map(|id| part(id)).collect();
    let of_part = |effect: &Value| {
        let part = effect.as_str().and_then(|effect| effect.split('/').next());
        part.is_some_and(|part| parts.contains(part))
    };
    world.keep("saga_key", |row| chosen(&row["saga_id"]));
    let keys: HashSet<String> = texts(world.rows("saga_key"), "key");
    world.keep("ops", |row| {
        row["key"].as_str().is_some_and(|key| keys.contains(key))
    });
    world.keep("saga", |row| chosen(&row["id"]));
    world.keep("journal", |row| chosen(&row["saga_id"]));
    for file in [
        "barrier", "effect", "hold", "transfer", "booking", "delivery",
    ] {
        world.keep(file, |row| chosen(&row["saga"]));
    }
    for (file, column) in [
        ("provider", "key"),
        ("redelivery", "effect"),
        ("entry", "transfer_id"),
    ] {
        world.keep(file, |row| of_part(&row[column]));
    }
    let bookings = texts(world.rows("booking"), "booking_ref");
    world.keep("ticket", |row| {
        bookings.contains(row["booking_ref"].as_str().unwrap())
    });
    seats(&mut world, &keys);
    world.write(all, some);
}

/// Seats that these sagas have, or wanted.
fn seats(world: &mut Records, keys: &HashSet<String>) {
    let holds = texts(world.rows("hold"), "hold_id");
    let asked = world
        .rows("ops")
        .iter()
        .filter(|row| row["type"] == "invoke");
    let asked = asked.filter(|row| row["key"].as_str().is_some_and(|key| keys.contains(key)));
    let wanted: HashSet<(String, String)> = asked
        .flat_map(|row| {
            let event = row["body"]["event_id"].to_string();
            let seats = row["body"]["seats"].as_array().cloned().unwrap_or_default();
            seats
                .into_iter()
                .map(move |seat| (event.clone(), seat.to_string()))
        })
        .collect();
    world.keep("seat", |row| match row["hold_id"].as_str() {
        Some(hold) => holds.contains(hold),
        None => wanted.contains(&(row["event_id"].to_string(), row["seat"].to_string())),
    });
}

fn choose(world: &mut Records) -> HashSet<String> {
    let mut sagas = HashSet::new();
    let mut add = |rows: &[Value], column: &str, wanted: &dyn Fn(&Value) -> bool| {
        let found = rows.iter().filter(|row| wanted(row)).take(OF_EACH);
        sagas.extend(found.map(|row| row[column].as_str().unwrap().to_owned()));
    };
    for end in ["completed", "compensated"] {
        add(world.rows("saga"), "id", &|row| row["status"] == end);
    }
    add(world.rows("barrier"), "saga", &|row| {
        row["state"] == "compensated" && row["effect"].to_string().contains("/authorize/")
    });
    add(world.rows("effect"), "saga", &|row| {
        row["now"] == "tombstone"
    });
    add(world.rows("journal"), "saga_id", &|row| {
        let facts = row["body"]["ev"].as_array().unwrap();
        let put_off = |fact: &Value| fact["event"] == "retry_scheduled";
        facts
            .iter()
            .any(|fact| put_off(fact) && fact["step"] == "authorize")
    });
    // The last answers of each node: what shows that it came back.
    for node in ["serve-0", "serve-1"] {
        let mut last = world.rows("ops").clone();
        last.reverse();
        add(&last, "saga", &|row| {
            row["node"] == node && row["saga"].is_string()
        });
    }
    sagas
}

fn texts(rows: &[Value], column: &str) -> HashSet<String> {
    let texts = rows.iter().filter_map(|row| row[column].as_str());
    texts.map(str::to_owned).collect()
}

/// The part of a saga's id that effect keys carry: without the day.
fn part(id: &str) -> String {
    let digits = id.replace('-', "");
    digits[6..].to_owned()
}

//! Defects in seats, money and tickets.

use serde_json::{Value, json};

use super::{Defect, Records};

pub(super) const DEFECTS: &[Defect] = &[
    Defect("charged twice", "money fits the end", |world| {
        let mut again = world
            .find("provider", |row| row["operation"] == "capture")
            .clone();
        again["charge_id"] = json!("ch_again");
        world.rows("provider").push(again);
    }),
    Defect("a refund nobody asked for", "money fits the end", |world| {
        let mut refund = world
            .find("provider", |row| row["operation"] == "capture")
            .clone();
        refund["operation"] = json!("refund");
        world.rows("provider").push(refund);
    }),
    Defect("a transfer out of balance", "books balance", |world| {
        let entry = &mut world.rows("entry")[0];
        entry["amount"] = json!(entry["amount"].as_i64().unwrap() + 1);
    }),
    Defect(
        "a sold seat is free again",
        "sold to the completed",
        |world| {
            let seat = world.find("seat", |row| row["sold"] == true);
            (seat["sold"], seat["hold_id"]) = (json!(false), Value::Null);
        },
    ),
    Defect(
        "an undone booking keeps its seat",
        "no seat held after the end",
        |world| {
            let hold = world.find("hold", |row| row["state"] == "released")["hold_id"].clone();
            world.find("seat", |row| row["hold_id"].is_null())["hold_id"] = hold;
        },
    ),
    Defect("a ticket is missing", "a ticket for each seat", |world| {
        world.rows("ticket").pop();
    }),
    Defect("a seat that two have paid for", "a seat once", |world| {
        let key = |world: &mut Records, place: usize| {
            let saga = world.rows("booking")[place]["saga"].clone();
            world.find("saga_key", |row| row["saga_id"] == saga)["key"].clone()
        };
        let (one, two) = (key(world, 0), key(world, 1));
        let of = |key: Value| move |row: &Value| row["key"] == key && row["body"].is_object();
        let body = world.find("ops", of(one))["body"].clone();
        for row in world.rows("ops") {
            if row["key"] == two && row["body"].is_object() {
                row["body"] = body.clone();
            }
        }
    }),
    Defect(
        "a hold that does not exist has a seat",
        "a seat's hold exists",
        |world| {
            world.rows("seat")[0]["hold_id"] = json!("nobody's");
        },
    ),
    Defect(
        "a completed booking's hold was released",
        "holds fit the end",
        |world| {
            world.find("hold", |row| row["state"] == "sold")["state"] = json!("released");
        },
    ),
    Defect(
        "taken, and not in the books",
        "books fit the end",
        |world| {
            let transfer =
                world.find("transfer", |row| row["kind"] == "capture")["transfer_id"].clone();
            world.keep("entry", |row| row["transfer_id"] != transfer);
        },
    ),
    Defect(
        "an authorization that was never given back",
        "authorizations end once",
        |world| {
            let key = world.find("provider", |row| row["operation"] == "void")["key"].clone();
            world.keep("provider", |row| {
                row["operation"] != "void" || row["key"] != key
            });
        },
    ),
    Defect(
        "captured twice under one key",
        "once an effect key",
        |world| {
            let again = world
                .find("provider", |row| row["operation"] == "capture")
                .clone();
            world.rows("provider").push(again);
        },
    ),
    Defect(
        "a customer who gets no message",
        "bookings of the completed",
        |world| {
            world.rows("delivery").pop();
        },
    ),
    Defect(
        "a booking that nobody paid for",
        "bookings are paid",
        |world| {
            world.rows("booking")[0]["charge_id"] = json!("ch_of_nobody");
        },
    ),
    Defect("two tickets for one seat", "a ticket once", |world| {
        let mut again = world.rows("ticket")[0].clone();
        again["booking_ref"] = json!("another");
        world.rows("ticket").push(again);
    }),
];

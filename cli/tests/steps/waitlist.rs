//! A free seat is offered to the first of the waitlist, who takes it or lets it pass.

use impresario_workflows::saga::Message;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hall::{Counts, Hall};
use crate::world::{World, story};

async fn join(world: &World, hall: &Hall, email: &str) -> String {
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into catalog.waitlist (entry_id, event_id, customer_email, seats)
         values ($1, $2::uuid, $3, 1)",
    )
    .bind(id)
    .bind(&hall.event)
    .bind(email)
    .execute(&world.pool)
    .await
    .unwrap();
    id.to_string()
}

async fn entry(world: &World, id: &str) -> (String, i32) {
    sqlx::query_as("select state, offers from catalog.waitlist where entry_id::text = $1")
        .bind(id)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

fn order(hall: &Hall) -> Value {
    json!({ "event_id": hall.event, "seats": ["A1"] })
}

fn accepted(entry: &str, token: &str) -> Message {
    Message {
        key: format!("accept {entry}"),
        name: "offer.accepted".into(),
        payload: json!({ "entry_id": entry, "payment_token": token }),
    }
}

#[test]
fn the_first_takes_the_offer_and_has_the_seat() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let first = join(world, &hall, "ada@example.org").await;
        let second = join(world, &hall, "bob@example.org").await;
        let saga = world
            .start("waitlist-promotion", &hall.event, order(&hall))
            .await;
        world.until_waiting(saga, "accepted").await;
        let taken = world.output(saga, "take").await;
        assert_eq!(taken["entry_id"], first);
        // Somebody else's answer is not meant.
        let other = accepted(&second, "tok_ok");
        world.engine.signal(saga, other).await.unwrap();
        let ours = accepted(&first, "tok_ok");
        world.engine.signal(saga, ours).await.unwrap();
        world.wait(saga, "completed").await;
        let sold = Counts {
            sold: 1,
            paid: 4_200,
        };
        world.assert_hall(&hall, &[saga], sold).await;
        assert_eq!(entry(world, &first).await, ("booked".into(), 0));
        assert_eq!(entry(world, &second).await, ("waiting".into(), 0));
    });
}

#[test]
fn an_offer_that_nobody_takes_frees_the_seat_and_the_next_one_is_asked() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let first = join(world, &hall, "ada@example.org").await;
        let second = join(world, &hall, "bob@example.org").await;
        let saga = world
            .start("impatient-promotion", &hall.event, order(&hall))
            .await;
        world.wait(saga, "compensated").await;
        let nothing = Counts { sold: 0, paid: 0 };
        world.assert_hall(&hall, &[saga], nothing).await;
        assert_eq!(entry(world, &first).await, ("waiting".into(), 1));
        // An answer that comes now changes nothing.
        let late = accepted(&first, "tok_ok");
        world.engine.signal(saga, late).await.unwrap();
        let next = world
            .start("waitlist-promotion", &hall.event, order(&hall))
            .await;
        let taken = world.output(next, "take").await;
        assert_eq!(taken["entry_id"], second);
        // A card that is declined is no booking either.
        let ours = accepted(&second, "tok_declined");
        world.engine.signal(next, ours).await.unwrap();
        world.wait(next, "compensated").await;
        let nothing = Counts { sold: 0, paid: 0 };
        world.assert_hall(&hall, &[saga, next], nothing).await;
    });
}

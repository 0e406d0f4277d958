//! An event of a story's own, and everything about it counted to the cent: seats, tickets, money at the provider and in
//! the books.

use std::time::{Duration, Instant};

use impresario_workflows::SagaId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

/// Slow machines are slow; what does not come in this time does not come.
const PATIENCE: Duration = Duration::from_secs(90);

/// An event with a few seats.
pub(crate) struct Hall {
    pub(crate) event: String,
    id: Uuid,
}

/// What must be true of a hall in the end.
pub(crate) struct Counts {
    /// Seats that are sold, each with a live ticket.
    pub(crate) sold: i64,
    /// What customers have paid and not got back.
    pub(crate) paid: i64,
}

impl World {
    /// An event with these seats at these prices.
    pub(crate) async fn hall(&self, currency: &str, seats: &[(&str, i64)]) -> Hall {
        let id = Uuid::new_v4();
        sqlx::query(
            "insert into catalog.event (event_id, title, venue, starts_at, currency)
             values ($1, 'A story', 'Here', now() + interval '30 days', $2)",
        )
        .bind(id)
        .bind(currency)
        .execute(&self.pool)
        .await
        .unwrap();
        for (seat, price) in seats {
            sqlx::query(
                "insert into catalog.seat (event_id, seat, section, price_amount)
                 values ($1, $2, 'front', $3)",
            )
            .bind(id)
            .bind(seat)
            .bind(price)
            .execute(&self.pool)
            .await
            .unwrap();
        }
        Hall {
            event: id.to_string(),
            id,
        }
    }

    /// Books a seat of a hall; the booking's reference.
    pub(crate) async fn booked_in(&self, hall: &Hall, seat: &str, token: &str) -> String {
        let key = format!("{} {seat} {token}", hall.event);
        let saga = self.start("booking", &key, hall.order(seat, token)).await;
        self.wait(saga, "completed").await;
        let output = self.output(saga, "confirm").await;
        output["booking_ref"].as_str().unwrap().to_owned()
    }

    /// Waits until a step waits for a signal or a person.
    pub(crate) async fn until_waiting(&self, saga: SagaId, step: &str) {
        self.fact(saga, "waiting", step).await;
    }

    /// The output of a step, once it is there.
    pub(crate) async fn output(&self, saga: SagaId, step: &str) -> Value {
        self.fact(saga, "succeeded", step).await["output"].clone()
    }

    /// A fact about a step, once it is in the journal.
    pub(crate) async fn fact(&self, saga: SagaId, event: &str, step: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let facts = self.facts(saga).await;
            let found = facts
                .iter()
                .find(|fact| fact["event"] == event && fact["step"] == step);
            if let Some(found) = found {
                return found.clone();
            }
            assert!(Instant::now() < until, "no {event} {step}: {facts:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything about a hall, and the money of these sagas besides those that it knows: the provider's log and the
    /// books say the same, and nothing is left open.
    pub(crate) async fn assert_hall(&self, hall: &Hall, sagas: &[SagaId], counts: Counts) {
        let (sold, held): (i64, i64) = sqlx::query_as(
            "select count(*) filter (where sold_at is not null),
                    count(*) filter (where sold_at is null and hold_id is not null)
               from catalog.seat where event_id = $1",
        )
        .bind(hall.id)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        assert_eq!((sold, held), (counts.sold, 0), "seats sold and held");
        let tickets: i64 = sqlx::query_scalar(
            "select count(*) from booking.ticket t join booking.booking b using (booking_ref)
              where t.event_id = $1 and t.state = 'live' and b.state = 'confirmed'",
        )
        .bind(&hall.event)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        assert_eq!(tickets, counts.sold, "live tickets");
        let mut all = self.sagas_of(hall).await;
        all.extend(sagas.iter().map(ToString::to_string));
        all.sort();
        all.dedup();
        assert_eq!(
            self.at_the_provider(&all).await,
            counts.paid,
            "the provider's log"
        );
        assert_eq!(
            self.in_the_books(&all, "provider").await,
            counts.paid,
            "the books"
        );
        assert_eq!(self.in_the_books(&all, "authorized").await, 0, "promises");
        self.assert_books_balance().await;
    }

    /// Whoever held, booked or refunded something of it.
    async fn sagas_of(&self, hall: &Hall) -> Vec<String> {
        sqlx::query_scalar(
            "select saga from catalog.hold where event_id = $1
             union select saga from booking.booking where event_id = $2
             union select refund_saga from booking.booking
                    where event_id = $2 and refund_saga is not null",
        )
        .bind(hall.id)
        .bind(&hall.event)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn at_the_provider(&self, sagas: &[String]) -> i64 {
        let parts: Vec<String> = sagas
            .iter()
            .map(|saga| saga.parse::<SagaId>().unwrap().effect_part())
            .collect();
        sqlx::query_scalar(
            "select coalesce(sum(case operation when 'capture' then amount when 'settle' then amount
                                                when 'refund' then -amount else 0 end), 0)::int8
               from provider.log where split_part(key, '/', 1) = any($1)",
        )
        .bind(parts)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn in_the_books(&self, sagas: &[String], account: &str) -> i64 {
        sqlx::query_scalar(
            "select coalesce(sum(e.amount), 0)::int8
               from payment.transfer t join payment.entry e using (transfer_id)
              where t.saga = any($1) and e.account = $2",
        )
        .bind(sagas)
        .bind(account)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

impl Hall {
    /// What a customer orders.
    pub(crate) fn order(&self, seat: &str, token: &str) -> Value {
        json!({
            "event_id": self.event,
            "seats": [seat],
            "customer_email": "ana@example.org",
            "payment_token": token,
        })
    }
}

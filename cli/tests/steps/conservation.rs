//! Seats and money, counted: what the world looks like after a story, to the cent.

use impresario_workflows::SagaId;

use crate::world::World;

impl World {
    /// A completed booking: seat sold, one charge of the price, one booking, one ticket.
    pub(crate) async fn assert_booked(&self, saga: SagaId) {
        let id = saga.to_string();
        let (sold, price): (i64, i64) = sqlx::query_as(
            "select count(*), coalesce(sum(s.price_amount), 0)::bigint
             from catalog.seat s join catalog.hold h using (hold_id)
             where h.saga = $1 and s.sold_at is not null",
        )
        .bind(&id)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        assert_eq!(sold, 1, "seats sold");
        assert_eq!(
            self.captured(saga).await,
            vec![price],
            "charges at the provider"
        );
        assert_eq!(self.ledger(&id, "sales").await, -price, "the books' sales");
        let tickets: i64 = self
            .count(
                "select count(*) from booking.booking b join booking.ticket t using (booking_ref)
                 where b.saga = $1 and b.state = 'confirmed' and t.state = 'live'",
                &id,
            )
            .await;
        assert_eq!(tickets, 1, "live tickets");
        self.assert_books_balance().await;
    }

    /// An undone booking: no seat, no money, nothing promised, no ticket.
    pub(crate) async fn assert_nothing_left(&self, saga: SagaId) {
        let id = saga.to_string();
        let seats = self
            .count(
                "select count(*) from catalog.seat s join catalog.hold h using (hold_id) where h.saga = $1",
                &id,
            )
            .await;
        assert_eq!(seats, 0, "seats held or sold");
        assert!(
            self.captured(saga).await.is_empty(),
            "charges at the provider"
        );
        assert_eq!(
            self.open_authorizations(saga).await,
            0,
            "authorizations left open"
        );
        assert_eq!(self.ledger(&id, "sales").await, 0, "the books' sales");
        assert_eq!(
            self.ledger(&id, "authorized").await,
            0,
            "the books' promises"
        );
        assert_eq!(
            self.count("select count(*) from booking.booking where saga = $1", &id)
                .await,
            0,
            "bookings"
        );
        self.assert_books_balance().await;
    }

    /// Amounts captured at the provider for this saga, whatever the engine believes.
    pub(crate) async fn captured(&self, saga: SagaId) -> Vec<i64> {
        sqlx::query_scalar(
            "select amount from provider.log where operation = 'capture' and key like $1",
        )
        .bind(format!("{}/%", saga.effect_part()))
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn open_authorizations(&self, saga: SagaId) -> i64 {
        let pattern = format!("{}/%", saga.effect_part());
        self.count(
            "select count(*) from provider.log a
             where a.operation = 'authorize' and a.key like $1
               and not exists (select from provider.log e where e.authorization_id = a.authorization_id
                                  and e.operation in ('void', 'capture'))",
            &pattern,
        )
        .await
    }

    async fn ledger(&self, saga: &str, account: &str) -> i64 {
        sqlx::query_scalar(
            "select coalesce(sum(e.amount), 0)::bigint
             from payment.transfer t join payment.entry e using (transfer_id)
             where t.saga = $1 and e.account = $2",
        )
        .bind(saga)
        .bind(account)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    pub(crate) async fn assert_books_balance(&self) {
        let wrong: Vec<(String, i64)> = sqlx::query_as(
            "select currency, sum(amount)::bigint from payment.entry group by currency having sum(amount) <> 0",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        assert!(
            wrong.is_empty(),
            "the ledger does not sum to zero: {wrong:?}"
        );
    }

    async fn count(&self, sql: &'static str, argument: &str) -> i64 {
        sqlx::query_scalar(sql)
            .bind(argument)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

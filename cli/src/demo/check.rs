//! What must hold after a story: nobody pays without seats, nobody holds seats without paying, nothing twice.

use serde::Serialize;

use super::stage::Stage;
use crate::client::{Booking, Money, Order, ProviderEntry, Saga};

/// One statement, and whether it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) holds: bool,
    pub(super) what: String,
}

impl Check {
    pub(super) fn of(holds: bool, what: impl Into<String>) -> Check {
        Check {
            holds,
            what: what.into(),
        }
    }
}

/// How a story must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Sold,
    Undone,
}

/// Status, money and seats of one booking.
pub(super) async fn conserved(
    stage: &mut Stage,
    order: &Order,
    booking: &Booking,
    saga: &Saga,
    end: End,
) -> anyhow::Result<Vec<Check>> {
    let (word, status, seats) = match end {
        End::Sold => ("confirmed", "completed", "sold"),
        End::Undone => ("declined", "compensated", "free"),
    };
    let moved = stage.moved().await?;
    let map = stage.server().seats(&order.event_id).await?;
    let states: Vec<String> = order
        .seats
        .iter()
        .map(|name| {
            let seat = map.iter().find(|seat| seat.seat == *name);
            seat.map_or_else(|| "gone".to_owned(), |seat| seat.status.clone())
        })
        .collect();
    let price = booking.price();
    if let (End::Sold, Some(price)) = (end, &price) {
        stage.paid.push(price.clone());
    }
    Ok(vec![
        Check::of(
            booking.status == word && saga.status == status,
            format!(
                "the customer reads: {} ({}); the saga is {}",
                booking.sentence, booking.status, saga.status
            ),
        ),
        money(&moved, price.as_ref(), end),
        Check::of(
            states.iter().all(|state| state == seats),
            format!("seats {}: {}", order.seats.join(", "), states.join(", ")),
        ),
    ])
}

/// What the provider did for one booking.
fn money(moved: &[ProviderEntry], price: Option<&Money>, end: End) -> Check {
    let count = |operation: &str| {
        moved
            .iter()
            .filter(|entry| entry.operation == operation)
            .count()
    };
    let charges: Vec<i64> = moved
        .iter()
        .filter(|entry| entry.operation == "capture")
        .map(|entry| entry.amount)
        .collect();
    let given_back = moved
        .iter()
        .filter(|entry| entry.operation == "authorize")
        .all(|entry| {
            moved.iter().any(|other| {
                other.operation == "void" && other.authorization_id == entry.authorization_id
            })
        });
    let told = format!(
        "the provider's log: {} authorized, {} charged, {} voided, {} refunded",
        count("authorize"),
        charges.len(),
        count("void"),
        count("refund")
    );
    match (end, price) {
        (End::Sold, Some(price)) => {
            let once = charges == [price.amount] && count("refund") == 0;
            Check::of(once, format!("{told}; exactly one charge, of {price}"))
        }
        (End::Sold, None) => Check::of(false, format!("{told}; the booking has no price")),
        (End::Undone, _) => Check::of(
            charges.is_empty() && given_back,
            format!("{told}; nothing is charged"),
        ),
    }
}

/// All stories together: what customers paid, what the provider charged, what our ledger says.
pub(super) async fn books(stage: &Stage) -> anyhow::Result<Vec<Check>> {
    let paid: i64 = stage.paid.iter().map(|price| price.amount).sum();
    let entries = stage.all_moved().await?;
    let total = |operation: &str| -> i64 {
        let of = entries.iter().filter(|entry| entry.operation == operation);
        of.map(|entry| entry.amount).sum()
    };
    let charged = total("capture") - total("refund");
    let ledger = stage.server().balances().await?;
    let balance = |account: &str| -> i64 {
        ledger
            .iter()
            .filter(|row| row.account == account)
            .map(|row| row.money.amount)
            .sum()
    };
    let promised = balance("authorized");
    Ok(vec![
        Check::of(
            charged == paid,
            format!(
                "confirmed bookings cost {} in all; the provider charged {}",
                cents(paid),
                cents(charged)
            ),
        ),
        Check::of(
            balance("provider") == charged && balance("sales") == -charged,
            format!(
                "our ledger agrees: {} at the provider, {} in sales",
                cents(balance("provider")),
                cents(-balance("sales"))
            ),
        ),
        Check::of(
            promised == 0,
            format!("no authorization is left over: {}", cents(promised)),
        ),
    ])
}

fn cents(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", amount.abs() / 100, amount.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(&str, &str)]) -> Vec<ProviderEntry> {
        let entry = |(operation, id): &(&str, &str)| {
            serde_json::from_value(serde_json::json!({
                "id": 1, "operation": operation, "authorization_id": id, "amount": 8400,
            }))
            .unwrap()
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn money_is_conserved_or_it_is_told() {
        let price = Money {
            amount: 8400,
            currency: "EUR".to_owned(),
        };
        let sold = |entries: &[(&str, &str)]| money(&log(entries), Some(&price), End::Sold).holds;
        assert!(sold(&[("authorize", "a"), ("capture", "a")]));
        assert!(!sold(&[
            ("authorize", "a"),
            ("capture", "a"),
            ("capture", "b")
        ]));
        assert!(!sold(&[
            ("authorize", "a"),
            ("capture", "a"),
            ("refund", "a")
        ]));
        assert!(!sold(&[("authorize", "a")]));
        let undone = |entries: &[(&str, &str)]| money(&log(entries), None, End::Undone).holds;
        assert!(undone(&[]));
        assert!(undone(&[("authorize", "a"), ("void", "a")]));
        assert!(!undone(&[("authorize", "a"), ("void", "b")]));
        assert!(!undone(&[
            ("authorize", "a"),
            ("capture", "a"),
            ("void", "a")
        ]));
    }

    #[test]
    fn amounts_read_as_money() {
        assert_eq!(
            [cents(8405), cents(-5), cents(0)],
            ["84.05", "-0.05", "0.00"]
        );
    }
}

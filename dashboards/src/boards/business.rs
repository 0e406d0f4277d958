//! For whoever sells: how many bookings, how much money, and where customers are lost.

use impresario_metrics::table::{
    DELIVERIES, EVENTS_ON_SALE, MONEY_MOVED, MONEY_MOVEMENTS, SAGA_COMPLETED, SAGA_REJECTED,
    SAGA_STARTED, SEATS, SEATS_CHANGED, STEP_ATTEMPTS, TICKETS,
};

use crate::panel::{Board, Draw, Panel, Row, Scale, panel};

pub(super) fn board() -> Board {
    Board {
        uid: "impresario-business",
        title: "Business",
        description: "How many bookings, how much money, and where are customers lost?",
        traces: None,
        rows: vec![
            Row {
                title: "Sales",
                panels: sales(),
            },
            Row {
                title: "Where customers are lost",
                panels: losses(),
            },
            Row {
                title: "Seats, tickets, messages",
                panels: house(),
            },
        ],
    }
}

fn sales() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::PerMinute,
            "Bookings",
            "Confirmed, of every kind of booking.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~".*booking.*",outcome="completed"}}[$__rate_interval])) * 60"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::MinorUnits,
            "Revenue, a minute",
            "Taken less given back, in minor units of each currency.",
            "{{currency}}",
            format!(
                r#"60 * (sum by (currency) (rate({MONEY_MOVED}{{movement=~"capture|settle"}}[$__rate_interval])) - (sum by (currency) (rate({MONEY_MOVED}{{movement="refund"}}[$__rate_interval])) or sum by (currency) (rate({MONEY_MOVED}{{movement=~"capture|settle"}}[$__rate_interval])) * 0))"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::PerMinute,
            "Movements of money",
            "The settlement ledger by movement: what is authorized is captured or voided soon.",
            "{{movement}}",
            format!("sum by (movement) (rate({MONEY_MOVEMENTS}[$__rate_interval])) * 60"),
        ),
    ]
}

fn losses() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::PerMinute,
            "Funnel of a booking",
            "Started, seats held, money promised, money taken, tickets given.",
            "1 started",
            format!(r#"sum(rate({SAGA_STARTED}{{saga_type="booking"}}[$__rate_interval])) * 60"#),
        )
        .and("2 held", funnel("hold"))
        .and("3 authorized", funnel("authorize"))
        .and("4 charged", funnel("capture"))
        .and("5 confirmed", funnel("confirm")),
        panel(
            Draw::Stacked,
            Scale::PerMinute,
            "Declines, by reason",
            "A no of the bank, of the house, of the clock.",
            "{{code}}",
            format!("sum by (code) (rate({SAGA_REJECTED}[$__rate_interval])) * 60"),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Bookings that come about",
            "Completed, of those that came to rest.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~".*booking.*",outcome="completed"}}[$__rate_interval])) / (sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~".*booking.*"}}[$__rate_interval])) > 0)"#
            ),
        ),
    ]
}

fn funnel(step: &str) -> String {
    format!(
        r#"sum(rate({STEP_ATTEMPTS}{{saga_type="booking",step="{step}",result="succeeded"}}[$__rate_interval])) * 60"#
    )
}

fn house() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::Count,
            "Seats of the next events",
            "Of the next 100 on sale.",
            "{{state}}",
            format!("max by (state) ({SEATS})"),
        )
        .and("events", format!("max({EVENTS_ON_SALE})")),
        panel(
            Draw::Lines,
            Scale::PerMinute,
            "What becomes of seats",
            "expired: held, and not paid in time.",
            "{{change}}",
            format!("sum by (change) (rate({SEATS_CHANGED}[$__rate_interval])) * 60"),
        ),
        panel(
            Draw::Lines,
            Scale::PerMinute,
            "Tickets and webhooks",
            "Tickets issued and voided; messages to receivers of webhooks.",
            "tickets {{change}}",
            format!("sum by (change) (rate({TICKETS}[$__rate_interval])) * 60"),
        )
        .and(
            "webhooks {{result}}",
            format!("sum by (result) (rate({DELIVERIES}[$__rate_interval])) * 60"),
        ),
    ]
}

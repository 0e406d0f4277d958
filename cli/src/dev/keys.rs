//! What a person presses while `dev` runs, and what follows.
//!
//! Bookings run beside the keys, so that one can be killed half-way. Without a terminal there are no keys, and
//! this only waits for the end.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::banner::seconds;
use super::buyer::{self, Buyer};
use super::platform::Platform;
use crate::client::{Filter, Server};
use crate::output::{Ink, tame};
use crate::saga;
use crate::terminal::Keys;

const HELP: &str = "b book a seat   f failing cards   k kill -9 the engine   p provider down/up   s sagas   q quit";

/// What goes wrong, by turns, once `f` was pressed; `docs/sandbox-provider.md` describes them.
const FAILING: [&str; 5] = [
    "tok_declined",
    "tok_flaky",
    "tok_slow",
    "tok_timeout_charged",
    "tok_timeout_uncharged",
];

/// Sagas on the screen.
const SHOWN: &str = "10";

/// How often we look whether the node still runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

struct Desk<'p> {
    platform: &'p mut Platform,
    buyer: &'p mut Buyer,
    ink: Ink,
    /// Which failing token comes next, when they do.
    failing: Option<usize>,
}

/// Serves keys until the end is wanted, or the node ends by itself.
pub(super) async fn serve(
    platform: &mut Platform,
    buyer: &mut Buyer,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut keys = Keys::open();
    let ink = Ink::stderr();
    match &keys {
        Some(_) => eprintln!("  {}", ink.dim(HELP)),
        None => eprintln!("  {}", ink.dim("Ctrl-C ends")),
    }
    let mut desk = Desk {
        platform,
        buyer,
        ink,
        failing: None,
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            key = next(&mut keys) => {
                if !desk.press(key).await? {
                    return Ok(());
                }
            }
            _ = look.tick() => {
                if let Some(fault) = desk.platform.node_fault() {
                    return Err(fault);
                }
            }
        }
    }
}

/// The next key; never, when there are none.
async fn next(keys: &mut Option<Keys>) -> char {
    if let Some(open) = keys {
        if let Some(key) = open.next().await {
            return key;
        }
        *keys = None;
    }
    std::future::pending().await
}

impl Desk<'_> {
    /// Whether to go on.
    async fn press(&mut self, key: char) -> anyhow::Result<bool> {
        match key {
            'b' => self.book().await,
            'f' => self.fail(),
            'k' => self.kill().await?,
            'p' => self.provider(),
            's' => self.sagas().await,
            // Ctrl-D too: the terminal sends it as it is.
            'q' | '\u{4}' => return Ok(false),
            _ => self.say(&self.ink.dim(HELP)),
        }
        Ok(true)
    }

    async fn book(&mut self) {
        let token = match &mut self.failing {
            Some(turn) => {
                let token = FAILING[*turn % FAILING.len()];
                *turn += 1;
                token
            }
            None => "tok_ok",
        };
        let order = match self.buyer.order(token, 1).await {
            Ok(order) => order,
            Err(error) => return self.say(&self.ink.bad(&format!("{error:#}"))),
        };
        self.say(&self.ink.dim(&format!(
            "… booking {} with {token}",
            order.seats.join(", ")
        )));
        let (server, ink) = (self.platform.server().clone(), self.ink);
        tokio::spawn(async move {
            let begun = Instant::now();
            let key = Uuid::new_v4().to_string();
            let text = match buyer::buy(&server, &order, &key).await {
                Ok(made) => tame(&buyer::told(&made.booking)),
                Err(error) => ink.bad(&anyhow::Error::from(error).to_string()),
            };
            eprintln!("  ● {text}  {}", ink.dim(&seconds(begun.elapsed())));
        });
    }

    fn fail(&mut self) {
        self.failing = match self.failing {
            Some(_) => None,
            None => Some(0),
        };
        self.say(match self.failing {
            Some(_) => {
                "cards fail by turns: declined, flaky, slow, charged without an answer, lost"
            }
            None => "cards are good again",
        });
    }

    async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.platform.kill_node() else {
            return Ok(());
        };
        self.say(
            &self
                .ink
                .bad(&format!("✘ kill -9 {pid}: engine and workers are gone")),
        );
        let begun = Instant::now();
        self.platform.start_node().await?;
        let took = seconds(begun.elapsed());
        self.say(
            &self
                .ink
                .good(&format!("✔ back after {took}; what was under way goes on")),
        );
        Ok(())
    }

    fn provider(&self) {
        if self.platform.toggle_provider() {
            self.say(&self.ink.good("✔ the payment provider answers again"));
        } else {
            self.say(&self.ink.bad("✘ the payment provider is down"));
        }
    }

    async fn sagas(&self) {
        match listed(self.platform.server()).await {
            Ok(table) => eprintln!("{table}"),
            Err(error) => self.say(&self.ink.bad(&format!("{error:#}"))),
        }
    }

    fn say(&self, text: &str) {
        eprintln!("  {text}");
    }
}

async fn listed(server: &Server) -> anyhow::Result<String> {
    let filter = Filter {
        pairs: vec![("limit".to_owned(), SHOWN.to_owned())],
    };
    Ok(saga::table(&server.sagas(&filter).await?.data))
}

//! Where the stories happen: the platform, a customer, and the witness (the provider's log).

use crate::client::{Money, Provider, ProviderEntry, Server};
use crate::dev::buyer::Buyer;
use crate::dev::platform::Platform;

/// Lines of the node's log that are told when something does not hold.
const LOG_LINES: usize = 20;

/// The stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) platform: Platform,
    pub(super) buyer: Buyer,
    provider: Provider,
    /// The last entry of the provider's log that belongs to an earlier story.
    seen: i64,
    /// What customers have paid in the stories so far.
    pub(super) paid: Vec<Money>,
}

impl Stage {
    pub(super) fn new(platform: Platform) -> anyhow::Result<Stage> {
        Ok(Stage {
            buyer: Buyer::new(platform.server().clone()),
            provider: Provider::new(platform.provider_url())?,
            platform,
            seen: 0,
            paid: Vec::new(),
        })
    }

    pub(super) fn server(&self) -> &Server {
        self.platform.server()
    }

    /// What moved at the provider since this was asked the last time.
    pub(super) async fn moved(&mut self) -> anyhow::Result<Vec<ProviderEntry>> {
        let entries = self.provider.log_after(self.seen).await?;
        self.seen = entries.last().map_or(self.seen, |entry| entry.id);
        Ok(entries)
    }

    /// Everything that ever moved.
    pub(super) async fn all_moved(&self) -> anyhow::Result<Vec<ProviderEntry>> {
        Ok(self.provider.log_after(0).await?)
    }

    /// The end of the node's log.
    pub(super) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(self.platform.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.platform.stop().await
    }
}

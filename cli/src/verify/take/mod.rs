//! Taking the records of a platform at rest: database, provider, queues, each by its own door.
//!
//! All tables are read in one snapshot. A part that is not named, or whose tables do not exist, leaves no file.

mod provider;
mod queues;
mod tables;

use std::path::Path;

use impresario_protocol::Queues;

/// Where the parts of a platform are.
pub(super) struct Platform<'p> {
    pub(super) database: &'p str,
    pub(super) provider: Option<&'p str>,
    pub(super) amqp: Option<&'p str>,
    pub(super) prefix: &'p Queues,
}

/// Fills the folder.
pub(super) async fn take(platform: &Platform<'_>, folder: &Path) -> anyhow::Result<()> {
    let names = tables::take(platform.database, folder).await?;
    if let Some(url) = platform.provider {
        provider::take(url, folder).await?;
    }
    if let Some(url) = platform.amqp {
        queues::take(url, &names.behind(platform.prefix), folder).await?;
    }
    Ok(())
}

//! `impresario saga export`: sagas with their journals, one a line, for `simulate --learn` and `replay --from`.

use crate::client::Server;
use crate::output;

use super::list::{self, ListOptions};

/// Writes everything about every saga that is found, newest first, as it is fetched.
pub(super) async fn run(server: &Server, options: &ListOptions) -> anyhow::Result<()> {
    let (found, has_more) = list::fetch(server, options).await?;
    for item in &found {
        let (_, document) = server.saga(&item.id).await?;
        output::json_line(&document)?;
    }
    eprintln!("exported {} sagas", found.len());
    if has_more {
        eprintln!("there are more: narrow the search or raise --limit");
    }
    Ok(())
}

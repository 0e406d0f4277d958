//! A base backup: made under another name, verified, then named. What is older than is kept goes after that, never before.

use std::fs;

use anyhow::Context;

use super::store::{Base, Store};
use super::tools::{Tools, run};
use crate::exit::{Code, coded};

pub(super) async fn take(
    tools: &Tools,
    store: &Store,
    database_url: &str,
    keep: u16,
) -> anyhow::Result<Base> {
    let part = store.base().join(format!("{}.part", std::process::id()));
    let mut backup = tools.command("pg_basebackup");
    backup
        .args(["--wal-method=stream", "--checkpoint=fast", "--no-password"])
        .arg("--dbname")
        .arg(database_url)
        .arg("--pgdata")
        .arg(&part);
    let made = async {
        run(&mut backup).await?;
        tools.verify(&part).await
    };
    if let Err(error) = made.await {
        let _disk_only = fs::remove_dir_all(&part);
        return Err(error);
    }
    let name = Store::name_now();
    let path = store.base().join(&name);
    fs::rename(&part, &path).with_context(|| format!("name {}", path.display()))?;
    let bases = store.bases()?;
    forget(tools, store, &bases, usize::from(keep)).await?;
    let made = bases.into_iter().find(|base| base.name == name);
    made.ok_or_else(|| coded(Code::Failed, "the base backup is gone"))
}

async fn forget(tools: &Tools, store: &Store, bases: &[Base], keep: usize) -> anyhow::Result<()> {
    let (old, kept) = bases.split_at(bases.len().saturating_sub(keep));
    for base in old {
        fs::remove_dir_all(&base.path).with_context(|| format!("drop {}", base.path.display()))?;
    }
    if let (false, Some(oldest)) = (old.is_empty(), kept.first()) {
        let mut cleanup = tools.command("pg_archivecleanup");
        run(cleanup.arg(store.wal()).arg(&oldest.first)).await?;
    }
    Ok(())
}

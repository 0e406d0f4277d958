//! How often a second the disk makes something durable.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Outcome;

/// A page of Postgres: the least that a commit writes.
const PAGE: [u8; 8192] = [7; 8192];

pub(super) fn syncs(folder: &Path, time: Duration) -> Outcome<f64> {
    let path = folder.join("syncs");
    let problem = |e: std::io::Error| format!("could not write {}: {e}", path.display());
    let mut file = File::create(&path).map_err(problem)?;
    let began = Instant::now();
    let mut syncs = 0_u32;
    while began.elapsed() < time {
        file.write_all(&PAGE).map_err(problem)?;
        file.sync_data().map_err(problem)?;
        syncs += 1;
    }
    let per_second = f64::from(syncs) / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(problem)?;
    Ok(per_second)
}

//! What sagas that ended long ago cost those that run now: the tables are filled, and the same load is measured again.
//!
//! The rows are copies of sagas that really ran here, journal and all, under ids and keys of their own. Without `--days` all
//! of them are in the partition of today, where the new sagas go; with it they are spread over the days that are kept, as
//! on a platform that has run for so long. Not here: open sagas, which cost memory and timers, not table size.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::database::Database;

/// Sagas that are copied.
const SAMPLE: usize = 1000;

/// Sagas in a transaction: small enough for the working memory, large enough for the disk.
const CHUNK: u64 = 50_000;

/// Filling stops where the disk would be fuller than this after it.
const DISK_SHARE: f64 = 0.5;

/// What became of filling up.
#[derive(Debug)]
pub(crate) enum Filled {
    Done,
    /// Too large for this machine or for the time; why.
    Refused(String),
}

/// Fills the tables up to so many ended sagas, unless that takes too much of the disk or too long.
pub(crate) fn fill(
    database: Database<'_>,
    sagas: u64,
    days: u32,
    patience: Duration,
    free_bytes: u64,
) -> Outcome<Filled> {
    let there = database.count("select count(*) from impresario.saga")?;
    let missing = sagas.saturating_sub(there);
    if missing == 0 {
        return Ok(Filled::Done);
    }
    let size = database.count(SIZE)?;
    // Their rows are written once more into the WAL, of which Postgres keeps a bounded part.
    let needed = size as f64 / there.max(1) as f64 * missing as f64;
    if needed > free_bytes as f64 * DISK_SHARE {
        return Ok(Filled::Refused(format!(
            "{:.0} GB more would be needed, and {:.0} GB of disk are free",
            needed / 1e9,
            free_bytes as f64 / 1e9
        )));
    }
    database.execute(&take_sample())?;
    let began = Instant::now();
    let mut done = 0;
    while done < missing {
        let chunk = CHUNK.min(missing - done);
        database.execute(&copies(chunk, there + done, days))?;
        done += chunk;
        let expected = began.elapsed().mul_f64(missing as f64 / done as f64);
        if expected > patience {
            return Ok(Filled::Refused(format!(
                "filling would take {} minutes; {} sagas are stored",
                expected.as_secs() / 60,
                there + done
            )));
        }
    }
    database.execute("analyze impresario.saga, impresario.journal, impresario.saga_key")?;
    database.execute("checkpoint")?;
    Ok(Filled::Done)
}

/// Gives the tables the partitions of so many days before yesterday, as they are when days are kept. They are empty: what is
/// asked about is how many there are.
pub(crate) fn keep_days(database: Database<'_>, days: u32) -> Outcome {
    if days == 0 {
        return Ok(());
    }
    database.execute(&format!(
        "do $$
         declare
             today integer := extract(epoch from now())::bigint / 86400;
             low uuid;
             high uuid;
         begin
             for day in today - 1 - {days} .. today - 2 loop
                 low := rpad(lpad(to_hex(day), 6, '0'), 32, '0');
                 high := rpad(lpad(to_hex(day + 1), 6, '0'), 32, '0');
                 execute format('create table impresario.saga_%s partition of impresario.saga
                                 for values from (%L) to (%L) with (fillfactor = 80)', day, low, high);
                 execute format('create table impresario.journal_%s partition of impresario.journal
                                 for values from (%L) to (%L)', day, low, high);
                 -- Each locks what it makes: hundreds in one transaction are more than the server has room for.
                 commit;
             end loop;
         end $$"
    ))
}

/// So many sagas are stored, whoever put them there.
pub(crate) fn stored(database: Database<'_>) -> Outcome<u64> {
    database.count("select count(*) from impresario.saga")
}

/// Bytes of the engine's tables and their indexes, in all partitions.
const SIZE: &str = "select sum(pg_total_relation_size(c.oid))::bigint
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'impresario' and c.relkind = 'r'";

fn take_sample() -> String {
    format!(
        "drop table if exists bench_sample;
         create table bench_sample as
         select row_number() over () - 1 as place, s.id, d.name as definition, k.body_hash
           from (select * from impresario.saga where status = 'completed' limit {SAMPLE}) s
           join impresario.definition d on d.id = s.definition_id
           join impresario.saga_key k on k.saga_id = s.id"
    )
}

/// Copies so many sagas, all of one day. The head of an id is its day, the rest a hash: both are kept in kind. `from` makes the
/// ids and keys differ from those of other chunks.
fn copies(chunk: u64, from: u64, days: u32) -> String {
    // Today, or the next of the days that are kept: they end the day before yesterday.
    let back = match days {
        0 => 0,
        days => from / CHUNK % u64::from(days) + 2,
    };
    format!(
        "begin;
         create temporary table copy on commit drop as
         select b.id as old, b.definition, b.body_hash, 'stored-' || n as key,
                (lpad(to_hex(('x' || left(b.id::text, 6))::bit(24)::int - {back}), 6, '0') || left(h, 2) || '-' || substr(h, 3, 4) || '-8' || substr(h, 7, 3)
                 || '-8' || substr(h, 10, 3) || '-' || substr(h, 13, 12))::uuid as new
           from generate_series({from} + 1, {from} + {chunk}) as n
           cross join lateral (select md5(n::text)) as m (h)
           join bench_sample b on b.place = n % (select count(*) from bench_sample);
         analyze copy;
         insert into impresario.saga_key (tenant, definition, key, saga_id, body_hash)
         select s.tenant, c.definition, c.key, c.new, c.body_hash
           from copy c join impresario.saga s on s.id = c.old;
         insert into impresario.saga (id, tenant, definition_id, partition, status, business_key, attributes,
                                      started_at, ended_at, wake_at)
         select c.new, s.tenant, s.definition_id, s.partition, s.status, c.key, s.attributes,
                s.started_at - interval '{back} days', s.ended_at - interval '{back} days', s.wake_at
           from copy c join impresario.saga s on s.id = c.old;
         insert into impresario.journal (saga_id, seq, body)
         select c.new, j.seq, j.body
           from copy c join impresario.journal j on j.saga_id = c.old;
         commit"
    )
}

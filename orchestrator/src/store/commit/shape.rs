//! The text of the commit's statement: the parts that this batch needs, on the tables of its day.
//!
//! It inserts the journal rows that win (row n+1 with n at the head; a first row with its key new) and writes,
//! from what that insert returned, the saga rows that change and one outbox row per queue: a loser's commands
//! never ship. When the feed is on it also says which rows are to be told.
//!
//! What is left out costs nothing: starting up a part that finds no rows is most of what a batch of one saga would take.
//! And a statement about all days opens and locks each of them, with its indexes, for hundreds of days
//! (`docs/decisions/0028-a-commit-names-its-day.md`). Parameters keep their numbers in every shape, so that there is one way to bind them.
//! Each shape is prepared once for a connection; there are sixteen of a day, and few are in use.

use impresario_workflows::SagaId;

use super::Batch;

/// Whether somebody else is known to write the same rows at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rivals {
    /// Nearly always: whoever lost already is left out by looking, and the unique keys stand behind it. A row that
    /// somebody inserts between our look and our insert fails the whole statement; then [`Rivals::Seen`] decides the
    /// same batch. `on conflict` in the first place would cost each row another descent of the index, a lock and a log
    /// record (`docs/decisions/0017-plain-inserts.md`).
    Unlikely,
    /// The unique keys decide row by row.
    Seen,
}

/// Which parts a batch needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The day of all its sagas, when it is one.
    day: Option<u32>,
    starts: bool,
    changes: bool,
    tasks: bool,
    delivered: bool,
    rivals: Rivals,
}

impl Shape {
    pub(super) fn of(batch: &Batch, rivals: Rivals) -> Shape {
        Shape {
            day: only_day(batch),
            starts: !batch.starts.saga.is_empty(),
            changes: !batch.changes.saga.is_empty(),
            tasks: !batch.tasks.saga.is_empty(),
            delivered: !batch.delivered.is_empty(),
            rivals,
        }
    }

    /// The same, about every day there is.
    pub(super) fn about_all_days(self) -> Shape {
        Shape { day: None, ..self }
    }

    /// The same, for when somebody else is known to write the same rows.
    pub(super) fn with_rivals(self) -> Shape {
        Shape {
            rivals: Rivals::Seen,
            ..self
        }
    }

    pub(super) fn sql(self) -> String {
        let (saga, journal) = match self.day {
            Some(day) => (format!("saga_{day}"), format!("journal_{day}")),
            None => ("saga".to_owned(), "journal".to_owned()),
        };
        let mut sql = String::with_capacity(USUAL_LENGTH);
        sql.push_str("with ");
        if self.starts {
            self.push_keys(&mut sql);
        }
        self.push_rows(&mut sql, &journal);
        if self.starts {
            push_starts(&mut sql, &saga);
        }
        if self.changes {
            push_changes(&mut sql, &saga);
        }
        if self.tasks {
            sql.push_str(SENT);
        }
        if self.delivered {
            sql.push_str(DELIVERED);
        }
        sql.push_str(TOLD);
        sql.push_str(WINNERS);
        if self.tasks {
            sql.push_str(ROWS_SENT);
        }
        sql
    }

    fn push_keys(self, sql: &mut String) {
        sql.push_str(KEYS);
        sql.push_str(match self.rivals {
            Rivals::Unlikely => KEY_IS_NEW,
            Rivals::Seen => CONFLICT,
        });
        sql.push_str(" returning saga_id),\n");
    }

    fn push_rows(self, sql: &mut String, journal: &str) {
        // Scalar subqueries, so that each is an index look-up whatever the planner believes of the table.
        let (head, conflict) = match self.rivals {
            Rivals::Unlikely => (
                format!(
                    "(select p.seq from {journal} p where p.saga_id = j.saga_id order by p.seq desc limit 1) = j.seq - 1"
                ),
                "",
            ),
            Rivals::Seen => (
                format!(
                    "(select p.seq from {journal} p where p.saga_id = j.saga_id and p.seq = j.seq - 1) is not null"
                ),
                CONFLICT,
            ),
        };
        let wins = if self.starts {
            format!(
                "case when j.seq = 1 then j.saga_id in (select saga_id from key_won) else {head} end"
            )
        } else {
            head
        };
        sql.push_str(&format!(
                "won as (
    insert into {journal} (saga_id, seq, body)
    select j.saga_id, j.seq, j.body from unnest($6::uuid[], $7::int[], $8::bytea[]) as j (saga_id, seq, body)
    where {wins}{conflict}
    returning saga_id)"
            ));
    }
}

/// Ids begin with their day, and rows are sorted: the first and the last say it.
fn only_day(batch: &Batch) -> Option<u32> {
    let first = SagaId(*batch.rows.saga.first()?).day();
    let last = SagaId(*batch.rows.saga.last()?).day();
    (first == last).then_some(first)
}

/// About as long as the whole of it.
const USUAL_LENGTH: usize = 3_072;

const KEYS: &str = "key_won as (
    insert into saga_key (tenant, definition, key, saga_id, body_hash)
    select s.tenant, s.definition, s.key, s.saga_id, s.body_hash
    from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[])
         as s (tenant, definition, key, saga_id, body_hash)";

const KEY_IS_NEW: &str = "
    where (select k.saga_id from saga_key k
           where k.tenant = s.tenant and k.definition = s.definition and k.key = s.key) is null";

const CONFLICT: &str = " on conflict do nothing";

fn push_starts(sql: &mut String, saga: &str) {
    sql.push_str(&format!(
            ",
new_saga as (
    insert into {saga} (id, tenant, definition_id, partition, status, business_key, attributes,
                        started_at, ended_at, wake_at)
    select n.id, n.tenant, n.definition_id, n.partition, n.status, n.business_key, n.attributes::jsonb,
           n.started_at, n.ended_at, n.wake_at
    from unnest($4::uuid[], $1::text[], $9::int[], $10::smallint[], $11::text[], $12::text[], $13::text[],
                $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
         as n (id, tenant, definition_id, partition, status, business_key, attributes,
               started_at, ended_at, wake_at)
    where n.id in (select saga_id from won))"
        ));
}

fn push_changes(sql: &mut String, saga: &str) {
    sql.push_str(&format!(
        ",
changed as (
    update {saga} as saga
    set status = c.status, ended_at = c.ended_at, wake_at = c.wake_at,
        definition_id = coalesce(c.definition_id, saga.definition_id)
    from unnest($17::uuid[], $18::text[], $19::timestamptz[], $20::timestamptz[], $27::int[])
         as c (id, status, ended_at, wake_at, definition_id)
    where saga.id = c.id and c.id in (select saga_id from won))"
    ));
}

const SENT: &str = ",
sent as (
    insert into outbox (pool, partition, tasks, nonce)
    select t.pool, t.part, array_agg(t.body order by t.place), $25
    from unnest($21::uuid[], $22::text[], $23::smallint[], $24::bytea[])
         with ordinality as t (saga_id, pool, part, body, place)
    where t.saga_id in (select saga_id from won)
    group by t.pool, t.part
    returning id, pool, partition)";

const DELIVERED: &str = ",
delivered as (delete from outbox where id = any($26::bigint[]))";

/// Asked once, before anything else of it: off, it costs nothing.
const TOLD: &str = ",
told as (
    insert into feed (partition, sagas, seqs)
    select f.part, array_agg(f.saga_id order by f.place), array_agg(f.seq order by f.place)
    from unnest($6::uuid[], $7::int[], $28::smallint[]) with ordinality as f (saga_id, seq, part, place)
    where (select is_on from feed_switch where only_row) and f.saga_id in (select saga_id from won)
    group by f.part)";

const WINNERS: &str = "
select saga_id, null::bigint as outbox, null::text as pool, null::smallint as part from won";

const ROWS_SENT: &str = "
union all select null, id, pool, partition from sent";

#[cfg(test)]
mod tests {
    use super::*;

    fn batch_of(days: &[u32]) -> Batch {
        let mut batch = Batch::default();
        batch.rows.saga = days.iter().map(|day| SagaId::first_of_day(*day)).collect();
        batch
    }

    #[test]
    fn a_batch_of_one_day_names_its_tables_and_no_other() {
        let mut batch = batch_of(&[20_000, 20_000]);
        batch.starts.saga.push(batch.rows.saga[0]);
        batch.changes.saga.push(batch.rows.saga[1]);
        for rivals in [Rivals::Unlikely, Rivals::Seen] {
            let sql = Shape::of(&batch, rivals).sql();
            for table in ["saga", "journal"] {
                let day = format!("{table}_20000 ");
                assert!(sql.contains(&day), "{sql}");
                for verb in ["into", "from", "update"] {
                    assert!(!sql.contains(&format!("{verb} {table} ")), "{sql}");
                }
            }
        }
    }

    #[test]
    fn a_batch_of_two_days_is_about_all() {
        let sql = Shape::of(&batch_of(&[19_999, 20_000]), Rivals::Unlikely).sql();
        assert!(
            sql.contains("insert into journal (") && sql.contains("from journal p"),
            "{sql}"
        );
    }

    #[test]
    fn parts_without_rows_are_left_out() {
        let sql = Shape::of(&batch_of(&[20_000]), Rivals::Unlikely).sql();
        for part in ["key_won", "new_saga", "changed", "sent", "delivered"] {
            assert!(!sql.contains(part), "{part}: {sql}");
        }
    }
}

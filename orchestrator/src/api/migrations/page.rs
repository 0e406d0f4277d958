//! One page of sagas: found, judged where they stand, and moved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use impresario_workflows::SagaId;
use impresario_workflows::saga::{self, Stamp};
use serde_json::json;

use super::super::problem::{Code, Problem};
use super::super::reads::{detached, no_such_saga};
use super::super::sagas::{COMMAND_WAIT, LIMIT_MAX, Query, Scope};
use super::super::schema::Schema;
use super::super::{Api, TENANT};
use super::answer::Table;
use super::order::Order;
use crate::lane::CommandError;
use crate::migrations::Prospect;
use crate::store::audit::{self, Deed};
use crate::store::definitions::Stored;
use crate::store::listing::{self, Filter, Page, Position};
use crate::store::sagas::{self, Loaded};

/// A page ends where it has got to by then, so that its answer comes before the caller gives up: explorations take
/// seconds, and what they found is remembered for the next page.
const PAGE_TIME: Duration = Duration::from_secs(10);

/// A saga that moves on between being judged and being moved is judged again so often; then it is left for next time.
const ROUNDS_MAX: usize = 3;

/// What is ordered, with everything that it names found.
pub(super) struct Migration {
    pub(super) api: Api,
    pub(super) from: Stored,
    pub(super) to: Stored,
    /// What sagas of the other version are started with.
    pub(super) input: Schema,
    /// Who orders it; nobody when it is only looked at.
    pub(super) stamp: Option<Stamp>,
}

/// A saga at its place.
struct Judged {
    id: SagaId,
    seq: i32,
    place: String,
    prospect: Arc<Prospect>,
}

/// Sagas in the order of the list, and where the next page begins.
struct Found {
    ids: Vec<(SagaId, Option<Position>)>,
    scope: Option<Scope>,
    has_more: bool,
}

impl Migration {
    pub(super) async fn page(&self, name: &str, order: Order) -> Result<Table, Problem> {
        let dry_run = order.dry_run;
        let found = self.find(name, order).await?;
        let begun = Instant::now();
        let mut table = Table::new(&self.from, &self.to, dry_run);
        let ids: Vec<SagaId> = found.ids.iter().map(|(id, _)| *id).collect();
        let mut loaded = self.load(&ids).await?;
        if let Some(stamp) = &self.stamp
            && !ids.is_empty()
        {
            self.record(stamp, &ids).await?;
        }
        let mut last = None;
        let mut cut_short = false;
        for (id, position) in found.ids {
            if begun.elapsed() > PAGE_TIME {
                cut_short = true;
                break;
            }
            last = position;
            let saga = loaded.iter().position(|saga| saga.id == id);
            let Some(saga) = saga.map(|place| loaded.swap_remove(place)) else {
                continue;
            };
            let Some(judged) = self.judge(saga).await else {
                continue;
            };
            let (judged, moved) = self.follow(judged).await?;
            table.add(&judged.place, &judged.prospect, judged.id, moved);
        }
        let next = match (found.scope, last) {
            (Some(scope), Some(last)) if found.has_more || cut_short => Some(scope.seal(last)),
            (_, _) => None,
        };
        Ok(table.ends_at(next))
    }

    async fn find(&self, name: &str, order: Order) -> Result<Found, Problem> {
        if let Some(id) = order.saga {
            return Ok(Found {
                ids: vec![(id, None)],
                scope: None,
                has_more: false,
            });
        }
        let mut pairs: Vec<(String, String)> = order.filters.into_iter().collect();
        let limit = order.limit.map_or(LIMIT_MAX, i64::from);
        pairs.push(("definition".to_owned(), name.to_owned()));
        pairs.push(("limit".to_owned(), limit.to_string()));
        pairs.extend(order.cursor.map(|cursor| ("cursor".to_owned(), cursor)));
        let query = Query::read(TENANT, pairs)?;
        let filter = Filter {
            definition_id: Some(self.from.id),
            open: true,
            ..query.filter
        };
        let (pool, after) = (self.api.engine.database().pool.clone(), query.after);
        let page =
            detached(async move { listing::page(&pool, TENANT, &filter, after, limit + 1).await });
        let Page::Rows(rows) = page.await? else {
            let detail = "Narrow the search, for example with started[gte] and started[lt].";
            return Err(Problem::new(Code::SearchTooWide, detail));
        };
        let limit = usize::try_from(limit).unwrap_or_default();
        let has_more = rows.len() > limit;
        let ids = rows.into_iter().take(limit).map(|row| {
            let position = Position {
                started_at: row.started_at,
                id: row.id,
            };
            (row.id, Some(position))
        });
        Ok(Found {
            ids: ids.collect(),
            scope: Some(query.scope),
            has_more,
        })
    }

    /// Those of the tenant that can be read; one that a newer engine has written is left to that.
    async fn load(&self, ids: &[SagaId]) -> Result<Vec<Loaded>, Problem> {
        let (engine, wanted) = (self.api.engine.clone(), ids.to_vec());
        let found = detached(async move {
            sagas::load(&engine.database().pool, engine.catalogue(), &wanted).await
        });
        let found = found.await?;
        if ids.len() == 1 && found.is_empty() {
            return Err(no_such_saga());
        }
        let readable = found.into_values().filter_map(Result::ok);
        Ok(readable
            .filter(|saga| saga.tenant == TENANT && saga.seq > 0)
            .collect())
    }

    /// Where a saga stands, and what is to be expected; nothing when it has ended, or is of another version by now.
    async fn judge(&self, saga: Loaded) -> Option<Judged> {
        let (from, to) = (&self.from.definition, &self.to.definition);
        let ended = saga.state.status(&saga.definition).is_final();
        if ended || saga.definition.hash != from.hash {
            return None;
        }
        let (place, prospect) = if self.input.check(&saga.state.input).is_ok() {
            self.api.prospects.of(from, to, &saga.state).await
        } else {
            let why = format!(
                "cannot migrate: what it was started with is not what version {} takes",
                to.version
            );
            let place = saga::position(from, &saga.state);
            (place, Arc::new(Prospect::Refused { why }))
        };
        Some(Judged {
            id: saga.id,
            seq: saga.seq,
            place,
            prospect,
        })
    }

    /// Moves a saga that was judged well, as it was when it was judged; whether it was moved.
    async fn follow(&self, mut judged: Judged) -> Result<(Judged, bool), Problem> {
        let Some(stamp) = &self.stamp else {
            return Ok((judged, false));
        };
        for _ in 0..ROUNDS_MAX {
            if !judged.prospect.is_good() {
                return Ok((judged, false));
            }
            let order = saga::Migration {
                to: Arc::clone(&self.to.definition),
                stamp: stamp.clone(),
            };
            let given = self.api.engine.migrate(judged.id, order, Some(judged.seq));
            match tokio::time::timeout(COMMAND_WAIT, given).await {
                Ok(Ok(answer)) => return Ok((judged, answer.changed)),
                Ok(Err(CommandError::Stale { .. })) => {}
                Ok(Err(CommandError::Refused(refusal))) => {
                    let why = refusal.to_string();
                    judged.prospect = Arc::new(Prospect::Refused { why });
                    return Ok((judged, false));
                }
                Ok(Err(CommandError::NotFound(_))) => return Ok((judged, false)),
                Ok(Err(CommandError::Unavailable)) | Err(_) => return Err(unavailable()),
            }
            let again = self.load(&[judged.id]).await?.pop();
            match again {
                Some(saga) => match self.judge(saga).await {
                    Some(anew) => judged = anew,
                    None => return Ok((judged, false)),
                },
                None => return Ok((judged, false)),
            }
        }
        let why = "it keeps moving on: try again".to_owned();
        judged.prospect = Arc::new(Prospect::Refused { why });
        Ok((judged, false))
    }

    /// Who wants which sagas moved, before the first one is: what becomes of each is in its journal.
    async fn record(&self, stamp: &Stamp, ids: &[SagaId]) -> Result<(), Problem> {
        let (from, to) = (&self.from.definition, &self.to.definition);
        let subject = format!("{} v{} -> v{}", from.name, from.version, to.version);
        let detail = json!({
            "from": from.hash, "to": to.hash, "key": stamp.key, "sagas": ids,
        });
        let (pool, stamp) = (self.api.engine.database().pool.clone(), stamp.clone());
        detached(async move {
            let deed = Deed {
                tenant: TENANT,
                who: &stamp.by,
                action: "sagas.migrated",
                subject: &subject,
                reason: &stamp.reason,
                detail: &detail,
            };
            audit::record_alone(&pool, &deed).await
        })
        .await
    }
}

fn unavailable() -> Problem {
    Problem::unavailable(
        "It is not known whether all were migrated. Send the same with the same key again.",
    )
}

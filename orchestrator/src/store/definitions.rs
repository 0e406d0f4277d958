//! Stored definitions: immutable, content-addressed, loaded once per process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use impresario_workflows::Definition;
use sqlx::{PgConnection, PgPool};

use super::Error;
use super::audit::{self, Deed};

/// Definitions loaded in one look for new ones: a platform has tens of them.
const LOOK_MAX: i64 = 100;

/// Which version of a definition is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The number that its file declares.
    Number(u32),
    /// The hash of its content.
    Hash(String),
}

/// A definition and its row.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Row id; what saga rows carry.
    pub id: i32,
    /// The definition.
    pub definition: Arc<Definition>,
}

/// The definitions that this process has compiled. Immutable content, so a cache without expiry is right; a
/// platform has tens of them.
#[derive(Debug, Default)]
pub struct Catalogue {
    by_id: RwLock<HashMap<i32, Arc<Definition>>>,
    current: RwLock<HashMap<String, Stored>>,
    /// Moves whenever new sagas of some name use another definition.
    generation: AtomicU64,
}

impl Catalogue {
    /// Stores `definition` unless its content is stored already; new sagas use it unless there is a newer version.
    pub async fn register(&self, pool: &PgPool, definition: Definition) -> Result<Stored, Error> {
        let (id, _) = find_or_insert(pool, &definition, None).await?;
        let stored = Stored {
            id,
            definition: Arc::new(definition),
        };
        self.take(stored.clone());
        Ok(stored)
    }

    /// The same for what somebody uploads; tells whether it is new, and records what was done beside the rules.
    pub async fn upload(
        &self,
        pool: &PgPool,
        definition: Definition,
        deed: Option<&Deed<'_>>,
    ) -> Result<(Stored, bool), Error> {
        let (id, is_new) = find_or_insert(pool, &definition, deed).await?;
        let stored = Stored {
            id,
            definition: Arc::new(definition),
        };
        self.take(stored.clone());
        Ok((stored, is_new))
    }

    /// Takes what other processes have stored since the last look; a definition that this binary cannot read is
    /// left to newer ones.
    pub async fn look_for_new(&self, pool: &PgPool) -> Result<(), Error> {
        let known = read(&self.by_id).keys().copied().collect::<Vec<i32>>();
        let found: Vec<(i32, String)> = sqlx::query_as(
            "select id, canonical from definition d
             where id <> all($1) and not exists (
                 select from definition newer where newer.name = d.name and newer.version > d.version
             )
             order by id limit $2",
        )
        .bind(known)
        .bind(LOOK_MAX)
        .fetch_all(pool)
        .await
        .map_err(Error::doing("look for new definitions"))?;
        for (id, canonical) in found {
            match Definition::from_canonical(&canonical) {
                Ok(definition) => self.take(Stored {
                    id,
                    definition: Arc::new(definition),
                }),
                Err(error) => tracing::debug!(definition = id, %error, "left to newer binaries"),
            }
        }
        Ok(())
    }

    /// Keeps a definition, and makes it the one for new sagas unless a newer version is.
    fn take(&self, stored: Stored) {
        write(&self.by_id).insert(stored.id, Arc::clone(&stored.definition));
        let mut current = write(&self.current);
        let name = &stored.definition.name;
        let newer = current.get(name).is_none_or(|known| {
            known.id != stored.id && known.definition.version < stored.definition.version
        });
        if newer {
            current.insert(name.clone(), stored);
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A number that moves whenever new sagas of some name use another definition.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The definition that new sagas of this name use.
    pub fn current(&self, name: &str) -> Option<Stored> {
        read(&self.current).get(name).cloned()
    }

    /// Every definition that new sagas use, by name.
    pub fn all_current(&self) -> Vec<Stored> {
        let mut all: Vec<Stored> = read(&self.current).values().cloned().collect();
        all.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
        all
    }

    /// Every pool that they name.
    pub fn pools(&self) -> Vec<String> {
        let mut pools: Vec<String> = self
            .all_current()
            .iter()
            .flat_map(|stored| stored.definition.pools())
            .collect();
        pools.sort();
        pools.dedup();
        pools
    }

    /// The definition of a row id, if this process has it.
    pub fn cached(&self, id: i32) -> Option<Arc<Definition>> {
        read(&self.by_id).get(&id).cloned()
    }

    /// The row of the content with this hash, if this process has it.
    pub fn row_of(&self, hash: &str) -> Option<i32> {
        let known = read(&self.by_id);
        let found = known.iter().find(|(_, definition)| definition.hash == hash);
        found.map(|(id, _)| *id)
    }

    /// A version of a definition, by its number or the hash of its content.
    pub async fn find(
        &self,
        pool: &PgPool,
        name: &str,
        version: &Version,
    ) -> Result<Option<Stored>, Error> {
        let (number, hash) = match version {
            Version::Number(number) => (Some(i32::try_from(*number).unwrap_or(i32::MAX)), None),
            Version::Hash(hash) => (None, Some(hash.as_str())),
        };
        let id: Option<i32> = sqlx::query_scalar(
            "select id from definition where name = $1 and (version = $2 or hash = $3)",
        )
        .bind(name)
        .bind(number)
        .bind(hash)
        .fetch_optional(pool)
        .await
        .map_err(Error::doing("look a version of a definition up"))?;
        let Some(id) = id else { return Ok(None) };
        let definition = self.get(pool, id).await?;
        Ok(Some(Stored { id, definition }))
    }

    /// The definition whose content has this hash, which a journal names.
    pub async fn of_hash(&self, pool: &PgPool, hash: &str) -> Result<Arc<Definition>, Error> {
        if let Some(found) = self.row_of(hash).and_then(|id| self.cached(id)) {
            return Ok(found);
        }
        let id: i32 = sqlx::query_scalar("select id from definition where hash = $1")
            .bind(hash)
            .fetch_one(pool)
            .await
            .map_err(Error::doing("look up the definition that a journal names"))?;
        self.get(pool, id).await
    }

    /// The definition that a running saga is pinned to.
    pub async fn get(&self, pool: &PgPool, id: i32) -> Result<Arc<Definition>, Error> {
        if let Some(found) = self.cached(id) {
            return Ok(found);
        }
        let canonical: String =
            sqlx::query_scalar("select canonical from definition where id = $1")
                .bind(id)
                .fetch_one(pool)
                .await
                .map_err(Error::doing("load a definition"))?;
        let definition =
            Definition::from_canonical(&canonical).map_err(|problems| Error::Definition {
                id,
                reason: format!("{problems:?}"),
            })?;
        let definition = Arc::new(definition);
        write(&self.by_id).insert(id, Arc::clone(&definition));
        Ok(definition)
    }
}

/// A version by its name and the first digits of the hash of its content, as the database has it now. What is cached may
/// be of a database that has gone back since.
pub async fn of_version(
    connection: &mut PgConnection,
    name: &str,
    digits: &str,
) -> Result<Option<Stored>, Error> {
    let found: Option<(i32, String)> = sqlx::query_as(
        "select id, canonical from definition where name = $1 and starts_with(hash, $2)",
    )
    .bind(name)
    .bind(digits)
    .fetch_optional(connection)
    .await
    .map_err(Error::doing("look a version of a definition up"))?;
    let Some((id, canonical)) = found else {
        return Ok(None);
    };
    let definition =
        Definition::from_canonical(&canonical).map_err(|problems| Error::Definition {
            id,
            reason: format!("{problems:?}"),
        })?;
    Ok(Some(Stored {
        id,
        definition: Arc::new(definition),
    }))
}

/// The row of this content, and whether it is new.
async fn find_or_insert(
    pool: &PgPool,
    definition: &Definition,
    deed: Option<&Deed<'_>>,
) -> Result<(i32, bool), Error> {
    let found: Option<i32> = sqlx::query_scalar("select id from definition where hash = $1")
        .bind(&definition.hash)
        .fetch_optional(pool)
        .await
        .map_err(Error::doing("look a definition up"))?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    let mut transaction = pool
        .begin()
        .await
        .map_err(Error::doing("begin to store a definition"))?;
    let id = insert(&mut transaction, definition).await?;
    if let Some(deed) = deed {
        audit::record(&mut transaction, deed).await?;
    }
    // An answer that is lost here is asked for again: the content is its own key.
    transaction
        .commit()
        .await
        .map_err(Error::doing("store a definition"))?;
    Ok((id, true))
}

async fn insert(connection: &mut PgConnection, definition: &Definition) -> Result<i32, Error> {
    let version = i32::try_from(definition.version).unwrap_or(i32::MAX);
    let inserted: Result<Option<i32>, sqlx::Error> = sqlx::query_scalar(
        "insert into definition (hash, name, version, canonical) values ($1, $2, $3, $4)
         on conflict (hash) do nothing returning id",
    )
    .bind(&definition.hash)
    .bind(&definition.name)
    .bind(version)
    .bind(&definition.canonical)
    .fetch_optional(&mut *connection)
    .await;
    match inserted {
        Ok(Some(id)) => Ok(id),
        // Another replica was faster.
        Ok(None) => sqlx::query_scalar("select id from definition where hash = $1")
            .bind(&definition.hash)
            .fetch_one(connection)
            .await
            .map_err(Error::doing("look a definition up")),
        Err(error) if constraint(&error) == Some("definition_name_version") => {
            Err(Error::VersionTaken {
                name: definition.name.clone(),
                version: definition.version,
            })
        }
        Err(error) => Err(Error::Statement {
            doing: "store a definition",
            source: error,
        }),
    }
}

fn constraint(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()
        .and_then(|database| database.constraint())
}

/// The maps hold plain values: a panic elsewhere while one was locked cannot have left them half-changed.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

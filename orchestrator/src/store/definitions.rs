//! Stored definitions: immutable, content-addressed, loaded once per process.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use impresario_workflows::Definition;
use sqlx::PgPool;

use super::Error;

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
}

impl Catalogue {
    /// Stores `definition` unless its content is stored already, and makes it the one that new sagas use.
    pub async fn register(&self, pool: &PgPool, definition: Definition) -> Result<Stored, Error> {
        let doing = Error::doing;
        let found: Option<i32> = sqlx::query_scalar("select id from definition where hash = $1")
            .bind(&definition.hash)
            .fetch_optional(pool)
            .await
            .map_err(doing("look a definition up"))?;
        let id = match found {
            Some(id) => id,
            None => insert(pool, &definition).await?,
        };
        let stored = Stored {
            id,
            definition: Arc::new(definition),
        };
        write(&self.by_id).insert(id, Arc::clone(&stored.definition));
        write(&self.current).insert(stored.definition.name.clone(), stored.clone());
        Ok(stored)
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

    /// The definition of a row id, if this process has it.
    pub fn cached(&self, id: i32) -> Option<Arc<Definition>> {
        read(&self.by_id).get(&id).cloned()
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

async fn insert(pool: &PgPool, definition: &Definition) -> Result<i32, Error> {
    let version = i32::try_from(definition.version).unwrap_or(i32::MAX);
    let inserted: Result<Option<i32>, sqlx::Error> = sqlx::query_scalar(
        "insert into definition (hash, name, version, canonical) values ($1, $2, $3, $4)
         on conflict (hash) do nothing returning id",
    )
    .bind(&definition.hash)
    .bind(&definition.name)
    .bind(version)
    .bind(&definition.canonical)
    .fetch_optional(pool)
    .await;
    match inserted {
        Ok(Some(id)) => Ok(id),
        // Another replica was faster.
        Ok(None) => sqlx::query_scalar("select id from definition where hash = $1")
            .bind(&definition.hash)
            .fetch_one(pool)
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

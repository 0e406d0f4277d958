//! A database of its own for each test, made from `DATABASE_URL` and dropped at the end.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh database.
#[derive(Debug)]
pub struct TestDatabase {
    admin: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Creates one on the server of `DATABASE_URL`.
    pub async fn create() -> Self {
        let admin = std::env::var("DATABASE_URL").unwrap_or_else(|_| {
            panic!("DATABASE_URL is not set: these tests need a real PostgreSQL (xtask sets it)")
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("worker_test_{}_{number}_{}", std::process::id(), nanos());
        execute(&admin, &format!("create database {name}"))
            .await
            .expect("create database");
        let (server, options) = match admin.split_once('?') {
            Some((server, options)) => (server, format!("?{options}")),
            None => (admin.as_str(), String::new()),
        };
        let server = server
            .rsplit_once('/')
            .map_or(server, |(server, _)| server)
            .to_owned();
        let url = format!("{server}/{name}{options}");
        TestDatabase { admin, name, url }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn nanos() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|since| since.subsec_nanos()).unwrap_or_default()
}

async fn execute(url: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let admin = self.admin.clone();
        let statement = format!("drop database if exists {} with (force)", self.name);
        // A thread of its own: the test's runtime may be gone, and must not be blocked if it is not.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(execute(&admin, &statement)))
        });
        if !matches!(dropped.join(), Ok(Ok(Ok(())))) {
            tracing::warn!(database = self.name, "a test database was left behind");
        }
    }
}

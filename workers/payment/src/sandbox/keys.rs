//! Keys as things of their own: search, cancel; and healing.
//!
//! Cancelling makes "never" permanent, unless the key has acted already: then the answer is what it did. These
//! always answer, whatever the token says: they are how an unknown outcome is resolved.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::json;

use super::Sandbox;
use super::answer::Answer;
use super::store::{self, KeyState};

pub(super) async fn find(State(sandbox): State<Sandbox>, Path(key): Path<String>) -> Answer {
    match search(&sandbox, &key).await {
        Ok(answer) => answer,
        Err(error) => error.into(),
    }
}

async fn search(sandbox: &Sandbox, key: &str) -> Result<Answer, sqlx::Error> {
    let mut connection = sandbox.database.pool().acquire().await?;
    let found = store::key_find(&mut connection, key, sandbox.config.key_life).await?;
    Ok(match found {
        Some(state) => Answer::done(describe(state)),
        // The key is forgotten, what was made under it is not.
        None => match store::object_by_key(&mut connection, key).await? {
            Some(object) => Answer::done(json!({ "status": "acted", "object": object })),
            None => Answer::problem(
                StatusCode::NOT_FOUND,
                "key_not_found",
                "nothing under this key",
            ),
        },
    })
}

fn describe(state: KeyState) -> serde_json::Value {
    match state {
        KeyState::Open => json!({ "status": "open" }),
        KeyState::Acted(answer) => json!({ "status": "acted", "object": answer.body }),
        KeyState::Refused(answer) => json!({ "status": "refused", "problem": answer.body }),
        KeyState::Cancelled => json!({ "status": "cancelled" }),
    }
}

pub(super) async fn cancel(State(sandbox): State<Sandbox>, Path(key): Path<String>) -> Answer {
    if key.is_empty() || key.len() > 255 {
        let sentence = "a key has 1 to 255 characters";
        return Answer::problem(StatusCode::BAD_REQUEST, "bad_key", sentence);
    }
    // In a task of its own: a client that hangs up must not leave a transaction behind.
    match tokio::spawn(async move { close(&sandbox, &key).await }).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => error.into(),
        Err(_) => {
            let sentence = "the provider's code panicked";
            Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "panic", sentence)
        }
    }
}

async fn close(sandbox: &Sandbox, key: &str) -> Result<Answer, sqlx::Error> {
    let mut tx = sandbox.database.begin().await?;
    let found = store::key_lock(&mut tx, key, None, sandbox.config.key_life).await?;
    let state = match found.state {
        KeyState::Open => {
            store::key_cancel(&mut tx, key).await?;
            KeyState::Cancelled
        }
        state @ (KeyState::Acted(_) | KeyState::Refused(_) | KeyState::Cancelled) => state,
    };
    tx.commit().await?;
    Ok(Answer::done(describe(state)))
}

pub(super) async fn heal(State(sandbox): State<Sandbox>) -> Answer {
    let healed = sqlx::query(
        "insert into healed (at) values (clock_timestamp())
         on conflict (only_row) do update set at = excluded.at",
    )
    .execute(sandbox.database.pool())
    .await;
    match healed {
        Ok(_) => Answer::done(json!({ "healed": true })),
        Err(error) => error.into(),
    }
}

//! Effects at somebody else's: intents, closed keys, late calls, forgotten keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::{Outcome, Problem};
use impresario_worker_sdk::testing::{TestSaga, compensation, forward, reconcile};
use impresario_worker_sdk::{
    Closing, External, ExternalNames, HandlerError, Happened, TaskContext, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;

use crate::fixture::{Fixture, code, fixture_with, input, succeeded};

/// What a provider knows under a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Known {
    Acted,
    Cancelled,
    Undone,
}

/// A provider in memory, and how it behaves now.
#[derive(Clone, Default)]
pub(crate) struct Provider {
    keys: Arc<Mutex<HashMap<String, Known>>>,
    behaviour: Arc<Mutex<&'static str>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    life: Arc<Mutex<Duration>>,
    /// Effects that each call to the books was about.
    pub(crate) booked: Arc<Mutex<Vec<usize>>>,
}

impl Provider {
    pub(crate) fn behave(&self, how: &'static str) {
        *self.behaviour.lock().unwrap() = how;
    }

    fn known(&self, saga: &TestSaga) -> Option<Known> {
        let key = forward(saga, "s", "x", json!({})).effect.to_string();
        self.keys.lock().unwrap().get(&key).copied()
    }

    fn called(&self, what: &'static str) -> &'static str {
        self.calls.lock().unwrap().push(what);
        *self.behaviour.lock().unwrap()
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

#[derive(Deserialize)]
pub(crate) struct Input {
    name: String,
    then: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    id: String,
}

fn problem(code: &str) -> Problem {
    Problem::new(code, code)
}

async fn count(tx: &mut PgConnection, name: &str, by: i64) -> Result<(), HandlerError> {
    sqlx::query(
        "insert into counter as c (name, count) values ($1, $2)
         on conflict (name) do update set count = c.count + $2",
    )
    .bind(name)
    .bind(by)
    .execute(tx)
    .await?;
    Ok(())
}

#[async_trait]
impl External for Provider {
    type Input = Input;
    type Output = Output;

    fn key_life(&self) -> Duration {
        *self.life.lock().unwrap()
    }

    async fn act(&self, task: &TaskContext, _input: &Input) -> Verdict<Output> {
        let key = task.effect().to_string();
        let behaviour = self.called("act");
        if behaviour == "slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        if behaviour == "answer late" {
            self.keys.lock().unwrap().insert(key.clone(), Known::Acted);
            tokio::time::sleep(Duration::from_millis(300)).await;
            return Verdict::Done(Output { id: key });
        }
        let mut keys = self.keys.lock().unwrap();
        match (keys.get(&key), behaviour) {
            (Some(Known::Cancelled | Known::Undone), _) => {
                Verdict::rejected("key_cancelled", "the key is cancelled")
            }
            (_, "decline") => Verdict::rejected("declined", "no"),
            (_, "silent") => Verdict::Unknown(problem("timeout")),
            (_, "act and be silent") => {
                keys.insert(key, Known::Acted);
                Verdict::Unknown(problem("timeout"))
            }
            (_, _) => {
                keys.insert(key.clone(), Known::Acted);
                Verdict::Done(Output { id: key })
            }
        }
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Output>],
    ) -> Result<(), HandlerError> {
        self.booked.lock().unwrap().push(effects.len());
        for effect in effects {
            if effect.input.then == "break" {
                sqlx::query("select 1 / 0").execute(&mut *tx).await?;
            }
            count(tx, &effect.input.name, 1).await?;
        }
        Ok(())
    }

    async fn close(&self, task: &TaskContext, _input: &Input) -> Closing<Output> {
        let key = task.forward_effect().to_string();
        if self.called("close") == "unreachable" {
            return Closing::StillOpen(problem("unreachable"));
        }
        match *self
            .keys
            .lock()
            .unwrap()
            .entry(key.clone())
            .or_insert(Known::Cancelled)
        {
            Known::Acted => Closing::Applied(Output { id: key }),
            Known::Cancelled | Known::Undone => Closing::Closed(problem("cancelled")),
        }
    }

    async fn find(&self, task: &TaskContext, _input: &Input) -> Closing<Output> {
        let key = task.forward_effect().to_string();
        self.called("find");
        match self.keys.lock().unwrap().get(&key) {
            Some(Known::Acted) => Closing::Applied(Output { id: key }),
            Some(Known::Cancelled | Known::Undone) => Closing::Closed(problem("cancelled")),
            None => Closing::Closed(problem("nothing found")),
        }
    }

    async fn undo(&self, task: &TaskContext, _input: &Input, output: &Output) -> Undo {
        if self.called("undo") == "undo fails" {
            return Undo::Failed(problem("undo_fails"));
        }
        assert_eq!(output.id, task.forward_effect().to_string());
        self.keys
            .lock()
            .unwrap()
            .insert(output.id.clone(), Known::Undone);
        Undo::Undone(json!({ "undone": true }))
    }

    async fn record_undo(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Output>],
    ) -> Result<(), HandlerError> {
        for effect in effects {
            count(tx, &effect.input.name, -1).await?;
        }
        Ok(())
    }
}

pub(crate) async fn external() -> (Fixture, Provider) {
    let provider = Provider::default();
    *provider.life.lock().unwrap() = Duration::from_secs(3600);
    let handler = provider.clone();
    let names = ExternalNames {
        forward: "buy",
        undo: "return",
        reconcile: "ask",
    };
    (
        fixture_with(|pool| pool.external(names, handler)).await,
        provider,
    )
}

fn buy(saga: &TestSaga) -> impl Fn() -> impresario_protocol::Task {
    let saga = saga.clone();
    move || forward(&saga, "s", "buy", input("a", ""))
}

#[tokio::test]
async fn an_answer_is_stored_and_the_provider_is_not_asked_again() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    let first = test.run(buy(&saga)()).await;
    assert!(matches!(first, Outcome::Succeeded { .. }));
    assert_eq!(test.run(buy(&saga)()).await, first);
    assert_eq!(provider.calls(), ["act"]);
    assert_eq!(test.count("a").await, 1);
    provider.behave("decline");
    let saga = TestSaga::new(2);
    let rejected = test.run(buy(&saga)()).await;
    assert_eq!(code(&rejected), "declined");
    provider.behave("");
    assert_eq!(test.run(buy(&saga)()).await, rejected);
    let undone = test.run(compensation(&saga, "s", "return")).await;
    assert_eq!(undone, succeeded(json!({ "null": true })));
}

#[tokio::test]
async fn an_unknown_that_happened_is_found_by_reconcile_and_by_the_next_attempt() {
    let (test, provider) = external().await;
    for (number, how) in [(1, "reconcile"), (2, "attempt")] {
        let saga = TestSaga::new(number);
        provider.behave("act and be silent");
        let unknown = test.run(buy(&saga)()).await;
        assert_eq!(code(&unknown), "timeout");
        provider.behave("");
        let found = match how {
            "reconcile" => test.run(reconcile(&saga, "s", "ask")).await,
            _ => test.run(buy(&saga)()).await,
        };
        assert!(
            matches!(found, Outcome::Applied { .. } | Outcome::Succeeded { .. }),
            "{found:?}"
        );
        assert!(
            matches!(test.run(buy(&saga)()).await, Outcome::Succeeded { .. }),
            "{how}"
        );
        assert_eq!(
            test.count("a").await,
            i64::from(number),
            "recorded once: {how}"
        );
    }
}

#[tokio::test]
async fn an_unknown_that_did_not_happen_is_closed_and_a_late_call_does_nothing() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("silent");
    test.run(buy(&saga)()).await;
    provider.behave("");
    let closed = test.run(reconcile(&saga, "s", "ask")).await;
    assert!(matches!(closed, Outcome::Closed(_)), "{closed:?}");
    assert_eq!(test.run(buy(&saga)()).await, Outcome::Refused);
    assert_eq!(provider.known(&saga), Some(Known::Cancelled));
    assert_eq!(test.count("a").await, 0);
}

#[tokio::test]
async fn h09b_compensation_of_an_intent_closes_the_key_first_and_undoes_what_it_did() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("act and be silent");
    test.run(buy(&saga)()).await;
    provider.calls();
    let undone = test.run(compensation(&saga, "s", "return")).await;
    assert_eq!(undone, succeeded(json!({ "undone": true })));
    assert_eq!(provider.calls(), ["close", "undo"]);
    assert_eq!(provider.known(&saga), Some(Known::Undone));
    assert_eq!(test.count("a").await, 0);
    assert_eq!(test.run(compensation(&saga, "s", "return")).await, undone);
    assert_eq!(test.run(buy(&saga)()).await, Outcome::Refused);
    assert!(provider.calls().is_empty());
}

#[tokio::test]
async fn an_undo_that_fails_is_tried_again_from_where_it_was() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    test.run(buy(&saga)()).await;
    provider.behave("undo fails");
    for _ in 0..2 {
        let failed = test.run(compensation(&saga, "s", "return")).await;
        assert_eq!(code(&failed), "undo_fails");
    }
    let meanwhile = test.run(buy(&saga)()).await;
    assert_eq!(code(&meanwhile), "being_undone");
    provider.behave("");
    let undone = test.run(compensation(&saga, "s", "return")).await;
    assert_eq!(undone, succeeded(json!({ "undone": true })));
    assert_eq!(test.count("a").await, 0);
}

#[tokio::test]
async fn a_key_that_cannot_be_closed_keeps_the_question_open() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("silent");
    test.run(buy(&saga)()).await;
    provider.behave("unreachable");
    let open = test.run(reconcile(&saga, "s", "ask")).await;
    assert!(matches!(open, Outcome::StillOpen(_)), "{open:?}");
    let failed = test.run(compensation(&saga, "s", "return")).await;
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");
    provider.behave("");
    let undone = test.run(compensation(&saga, "s", "return")).await;
    assert_eq!(undone, succeeded(json!({ "null": true })));
}

#[tokio::test]
async fn a_call_that_is_late_for_its_compensation_does_nothing() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("slow");
    let call = test.run(buy(&saga)());
    let undo = async {
        // After the intent, before the provider has acted.
        tokio::time::sleep(Duration::from_millis(100)).await;
        test.run(compensation(&saga, "s", "return")).await
    };
    let (called, undone) = tokio::join!(call, undo);
    assert_eq!(undone, succeeded(json!({ "null": true })));
    assert_eq!(called, Outcome::Refused);
    assert_eq!(provider.known(&saga), Some(Known::Cancelled));
    assert_eq!(test.count("a").await, 0);
}

#[tokio::test]
async fn a_late_answer_about_an_undone_effect_changes_nothing() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("answer late");
    let call = test.run(buy(&saga)());
    let undo = async {
        // After the provider has acted, before it has answered.
        tokio::time::sleep(Duration::from_millis(100)).await;
        test.run(compensation(&saga, "s", "return")).await
    };
    let (called, undone) = tokio::join!(call, undo);
    assert_eq!(undone, succeeded(json!({ "undone": true })));
    assert_eq!(called, Outcome::Refused);
    assert_eq!(provider.known(&saga), Some(Known::Undone));
    assert_eq!(
        test.count("a").await,
        0,
        "the books know of both or of neither"
    );
    assert_eq!(test.run(compensation(&saga, "s", "return")).await, undone);
}

#[tokio::test]
async fn h09b_past_the_key_s_life_nothing_is_repeated_or_cancelled() {
    let (test, provider) = external().await;
    let saga = TestSaga::new(1);
    provider.behave("silent");
    test.run(buy(&saga)()).await;
    *provider.life.lock().unwrap() = Duration::ZERO;
    provider.behave("");
    provider.calls();
    for answer in [
        test.run(buy(&saga)()).await,
        test.run(reconcile(&saga, "s", "ask")).await,
        test.run(compensation(&saga, "s", "return")).await,
    ] {
        assert!(matches!(answer, Outcome::Unknown(_)), "{answer:?}");
    }
    assert_eq!(provider.calls(), ["find", "find", "find"]);
    assert_eq!(provider.known(&saga), None);
}

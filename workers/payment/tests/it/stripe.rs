//! The Stripe adapter against a fake that checks what Stripe's documentation asks of requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use impresario_payment::ledger::Money;
use impresario_payment::provider::stripe::StripeProvider;
use impresario_payment::provider::{AuthorizeRequest, Provider, Purpose};
use impresario_worker_sdk::{Closing, Undo, Verdict};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(2);

/// Path and form of a request.
type Sent = (String, HashMap<String, String>);

/// Intents, and the answers by idempotency key.
#[derive(Clone, Default)]
struct Fake {
    state: Arc<Mutex<HashMap<String, &'static str>>>,
    answers: Arc<Mutex<HashMap<String, (u16, Value)>>>,
    forms: Arc<Mutex<Vec<Sent>>>,
}

fn form(body: &Bytes) -> HashMap<String, String> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let hex = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let text = std::str::from_utf8(body).unwrap();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn intent(id: &str, status: &str) -> Value {
    let charge = (status == "succeeded").then(|| format!("ch_{id}"));
    json!({ "id": id, "object": "payment_intent", "amount": 12_000, "currency": "eur",
            "status": status, "latest_charge": charge })
}

impl Fake {
    /// The answer stored under the request's key, or `make`'s, stored.
    fn keyed(
        &self,
        headers: &HeaderMap,
        path: &str,
        body: &Bytes,
        make: impl FnOnce() -> (u16, Value),
    ) -> Response {
        assert_eq!(headers["authorization"], "Bearer sk_test_1");
        assert!(headers.contains_key("stripe-version"));
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        assert!(key.len() <= 255);
        self.forms
            .lock()
            .unwrap()
            .push((path.to_owned(), form(body)));
        let (status, body) = self
            .answers
            .lock()
            .unwrap()
            .entry(key)
            .or_insert_with(make)
            .clone();
        (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
    }

    fn last_form(&self) -> Sent {
        self.forms.lock().unwrap().last().unwrap().clone()
    }
}

fn card_error() -> (u16, Value) {
    let error = json!({ "type": "card_error", "code": "card_declined", "message": "Declined." });
    (402, json!({ "error": error }))
}

fn unexpected_state(id: &str, status: &str) -> (u16, Value) {
    let error = json!({ "type": "invalid_request_error", "code": "payment_intent_unexpected_state",
                        "message": "not now", "payment_intent": intent(id, status) });
    (400, json!({ "error": error }))
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = form(&body);
    fake.keyed(&headers, "/v1/payment_intents", &body, || {
        if asked["payment_method"] == "pm_declined" {
            return card_error();
        }
        let id = format!("pi_{}", fake.state.lock().unwrap().len());
        fake.state
            .lock()
            .unwrap()
            .insert(id.clone(), "requires_capture");
        (200, intent(&id, "requires_capture"))
    })
}

async fn act(
    State(fake): State<Fake>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("/v1/payment_intents/{id}/{verb}");
    fake.keyed(&headers, &path, &body, || {
        let mut intents = fake.state.lock().unwrap();
        let state = intents.get_mut(&id).unwrap();
        if *state != "requires_capture" {
            return unexpected_state(&id, state);
        }
        *state = if verb == "capture" {
            "succeeded"
        } else {
            "canceled"
        };
        (200, intent(&id, state))
    })
}

async fn refund(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    fake.keyed(&headers, "/v1/refunds", &body, || {
        (200, json!({ "id": "re_1", "status": "succeeded" }))
    })
}

async fn look(State(fake): State<Fake>, Path(id): Path<String>, uri: Uri) -> Response {
    if id == "search" {
        assert_eq!(
            uri.query().unwrap(),
            "query=metadata%5B%27effect_key%27%5D%3A%27a%2F1%27"
        );
        return Json(json!({ "data": [] })).into_response();
    }
    let state = fake.state.lock().unwrap()[&id];
    Json(intent(&id, state)).into_response()
}

async fn stripe() -> (StripeProvider, Fake) {
    let fake = Fake::default();
    let router = Router::new()
        .route("/v1/payment_intents", post(create))
        .route("/v1/payment_intents/{id}", get(look))
        .route("/v1/payment_intents/{id}/{verb}", post(act))
        .route("/v1/refunds", post(refund))
        .with_state(fake.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (StripeProvider::new(url, "sk_test_1").unwrap(), fake)
}

fn request(token: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        money: Money {
            amount: 12_000,
            currency: "EUR".into(),
        },
        token: token.into(),
        reference: Some("order 7".into()),
    }
}

#[tokio::test]
async fn requests_are_what_stripe_documents() {
    let (stripe, fake) = stripe().await;
    let Verdict::Done(authorized) = stripe.authorize("a/1", &request("pm_card"), WITHIN).await
    else {
        panic!("not authorized");
    };
    let (_, form) = fake.last_form();
    let expected = [
        ("amount", "12000"),
        ("currency", "eur"),
        ("payment_method", "pm_card"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("off_session", "true"),
        ("metadata[effect_key]", "a/1"),
        ("description", "order 7"),
    ];
    assert_eq!(
        form,
        expected
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    );
    let again = stripe.authorize("a/1", &request("pm_card"), WITHIN).await;
    assert_eq!(again, Verdict::Done(authorized.clone()));
    let id = &authorized.authorization_id;
    let Verdict::Done(charge) = stripe.capture("c/1", id, WITHIN).await else {
        panic!("not captured");
    };
    assert_eq!(
        charge.money,
        Money {
            amount: 12_000,
            currency: "EUR".into()
        }
    );
    assert_eq!(charge.charge_id, format!("ch_{id}"));
    assert_eq!(
        stripe.refund("r/1", &charge.charge_id, WITHIN).await,
        Undo::done()
    );
    let (path, form) = fake.last_form();
    assert_eq!(
        (path.as_str(), form["charge"].as_str()),
        ("/v1/refunds", charge.charge_id.as_str())
    );
    let late = stripe.void("v/1", id, WITHIN).await;
    assert!(matches!(late, Undo::Failed(_)), "{late:?}");
}

#[tokio::test]
async fn a_declined_card_is_a_business_no() {
    let (stripe, _) = stripe().await;
    let declined = stripe
        .authorize("a/1", &request("pm_declined"), WITHIN)
        .await;
    assert_eq!(declined, Verdict::rejected("card_declined", "Declined."));
    let closed = stripe
        .close_authorization("a/1", &request("pm_declined"), Purpose::Reconcile, WITHIN)
        .await;
    assert!(matches!(closed, Closing::Closed(_)), "{closed:?}");
}

#[tokio::test]
async fn a_capture_is_closed_by_repeating_or_by_cancelling_its_intent() {
    let (stripe, _) = stripe().await;
    let mut ids = Vec::new();
    for key in ["a/1", "a/2", "a/3"] {
        let Verdict::Done(made) = stripe.authorize(key, &request("pm_card"), WITHIN).await else {
            panic!("not authorized");
        };
        ids.push(made.authorization_id);
    }
    let wanted = stripe
        .close_capture("c/1", &ids[0], Purpose::Reconcile, WITHIN)
        .await;
    assert!(matches!(wanted, Closing::Applied(_)), "{wanted:?}");
    let unwanted = stripe
        .close_capture("c/2", &ids[1], Purpose::Compensate, WITHIN)
        .await;
    assert!(matches!(unwanted, Closing::Closed(_)), "{unwanted:?}");
    let late = stripe.capture("c/2", &ids[1], WITHIN).await;
    assert!(matches!(late, Verdict::Rejected(_)), "{late:?}");
    stripe.capture("c/3", &ids[2], WITHIN).await;
    let happened = stripe
        .close_capture("c/3", &ids[2], Purpose::Compensate, WITHIN)
        .await;
    assert!(matches!(happened, Closing::Applied(_)), "{happened:?}");
    let found = stripe.find_capture("c/3", &ids[2], WITHIN).await;
    assert!(matches!(found, Closing::Applied(_)), "{found:?}");
}

#[tokio::test]
async fn a_search_without_a_hit_proves_nothing() {
    let (stripe, _) = stripe().await;
    let found = stripe.find_authorization("a/1", WITHIN).await;
    assert!(matches!(found, Closing::Unknown(_)), "{found:?}");
}

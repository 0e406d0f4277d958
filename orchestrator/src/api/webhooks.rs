//! `POST /v1/webhooks/payments`: the payment provider tells what became of a payment.
//!
//! The body is signed: `Impresario-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. A signature that does
//! not fit, or is older than five minutes, is refused before the body is looked at. What the event says becomes a
//! signal of the saga that it names; the event's id is the idempotency key, so a provider may repeat it.
//!
//! Subtle: an event about a saga that has ended is answered with success. The provider has done its part; money that
//! came too late is found by the saga's own undoing, which cancels the request at the provider.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Limited};
use impresario_workflows::SagaId;
use impresario_workflows::saga::Message;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use super::problem::{Code, Problem};
use super::{Api, body, json, reads, signals};
use crate::clock;

/// The header that carries instant and signature.
const SIGNATURE: &str = "impresario-signature";

/// A signature is good for so long in either direction: clocks differ, and a recorded request must not be good for
/// ever.
const TOLERANCE_S: u64 = 300;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    saga: String,
    #[serde(default)]
    data: Value,
}

pub(super) async fn payments(
    State(api): State<Api>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(secret) = api.webhook_secret.clone() else {
        return Err(Problem::new(
            Code::NotFound,
            "Webhooks are off: no secret is set (IMPRESARIO_WEBHOOK_SECRET).",
        ));
    };
    let (parts, content) = request.into_parts();
    let bytes = Limited::new(content, body::BYTES_MAX)
        .collect()
        .await
        .map_err(|_| Problem::new(Code::BodyTooLarge, "A body has at most 262144 bytes."))?
        .to_bytes();
    verify(&secret, &parts.headers, &bytes, clock::now() / 1_000)?;
    let value = json::read(&bytes)
        .map_err(|malformed| Problem::new(Code::MalformedJson, malformed.detail))?;
    let event: Event = serde_json::from_value(value).map_err(|_| {
        Problem::new(
            Code::InvalidInput,
            "An event has `id`, `type`, `saga`, `data`.",
        )
    })?;
    let id: SagaId = event.saga.parse().map_err(|_| reads::no_such_saga())?;
    api.load(id).await?;
    let message = Message {
        key: event.id,
        name: event.kind,
        payload: event.data,
    };
    signals::send(&api, id, message).await
}

/// Whether the header proves that somebody with the secret sent these bytes just now.
fn verify(secret: &str, headers: &HeaderMap, bytes: &[u8], now_s: u64) -> Result<(), Problem> {
    let refuse = || {
        Problem::new(
            Code::SignatureRefused,
            "The signature does not fit the body.",
        )
    };
    let header = headers
        .get(SIGNATURE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(refuse)?;
    let field = |name: &str| {
        header
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(at), Some(signature)) = (field("t"), field("v1")) else {
        return Err(refuse());
    };
    let signed_at: u64 = at.parse().map_err(|_| refuse())?;
    if now_s.abs_diff(signed_at) > TOLERANCE_S {
        return Err(refuse());
    }
    let signature = unhex(signature).ok_or_else(refuse)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(Problem::internal)?;
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(bytes);
    // Compares in constant time.
    mac.verify_slice(&signature).map_err(|_| refuse())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// `printf 1700000000.body | openssl dgst -sha256 -hmac secret`
    const SIGNED: &str = "t=1700000000,v1=MAC";

    fn headers(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, HeaderValue::from_str(text).unwrap());
        headers
    }

    fn good() -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(b"1700000000.body");
        let hex: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        SIGNED.replace("MAC", &hex)
    }

    #[test]
    fn only_these_bytes_with_this_secret_at_about_this_time() {
        let now = 1_700_000_100;
        assert!(verify("secret", &headers(&good()), b"body", now).is_ok());
        assert!(verify("other", &headers(&good()), b"body", now).is_err());
        assert!(verify("secret", &headers(&good()), b"bodY", now).is_err());
        assert!(verify("secret", &headers(&good()), b"body", now + 300).is_err());
        assert!(verify("secret", &HeaderMap::new(), b"body", now).is_err());
        for bad in [
            "",
            "t=1",
            "v1=00",
            "t=x,v1=00",
            "t=1700000000,v1=zz",
            "t=1700000000,v1=0",
        ] {
            assert!(
                verify("secret", &headers(bad), b"body", now).is_err(),
                "{bad}"
            );
        }
    }
}

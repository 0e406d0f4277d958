//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Headers `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`. The timestamp is that of the
//! attempt, so a receiver may refuse old ones.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The secret shared with the receiver; prints as stars.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// A text that is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The usual form is `whsec_` and base64.
    #[error("a webhook secret is `whsec_` followed by base64")]
    Form,
    /// Standard Webhooks asks for 24 to 64 bytes.
    #[error("a webhook secret has 24 to 64 bytes, this one {0}")]
    Length(usize),
}

impl Secret {
    /// Reads `whsec_<base64>`.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(SecretError::Form)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Form)?;
        match bytes.len() {
            24..=64 => Ok(Secret(bytes)),
            other => Err(SecretError::Length(other)),
        }
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        // HMAC takes keys of every length, so there is nothing to fail.
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mac) => mac,
            Err(error) => unreachable!("HMAC refused a key: {error}"),
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example_is_signed_the_same() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn other_texts_are_no_secrets() {
        for bad in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!",
            "whsec_MfKQ",
        ] {
            assert!(Secret::parse(bad).is_err(), "{bad}");
        }
    }
}

//! Sealing what may be about people: AES-256-GCM-SIV, under a key that the readers who may see it have.
//!
//! What is told again must be the same bytes, so nothing here is drawn by lot: the nonce is made of what the secret
//! belongs to. Should that ever come with other content (a database that has lost its tail), this mode gives away
//! nothing but whether two contents are equal; plain GCM would give away both.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A secret, and the name of the key that opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Name of the key.
    pub key: String,
    /// Base64.
    pub value: String,
}

/// A named key. Cheap to clone.
#[derive(Clone)]
pub struct Key {
    name: Arc<str>,
    key: Arc<LessSafeKey>,
}

impl Key {
    /// Reads `name:base64`, with 32 bytes after the colon.
    pub fn parse(text: &str) -> Result<Key, Error> {
        let wrong = |what| Error::Key { what };
        let (name, bytes) = text
            .split_once(':')
            .ok_or_else(|| wrong("without a name"))?;
        let bytes = STANDARD
            .decode(bytes.trim())
            .map_err(|_| wrong("no base64"))?;
        let key = UnboundKey::new(&AES_256_GCM_SIV, &bytes)
            .map_err(|_| wrong("too short or too long"))?;
        Ok(Key {
            name: name.into(),
            key: Arc::new(LessSafeKey::new(key)),
        })
    }

    /// Seals what belongs to `about`; it opens only together with it.
    pub fn seal(&self, about: &str, secret: &[u8]) -> Result<Sealed, Error> {
        let mut text = secret.to_vec();
        self.key
            .seal_in_place_append_tag(nonce(about), Aad::from(about.as_bytes()), &mut text)
            .map_err(|_| self.failed())?;
        Ok(Sealed {
            key: self.name.to_string(),
            value: STANDARD.encode(text),
        })
    }

    /// Opens what was sealed with this key for the same thing.
    pub fn open(&self, about: &str, sealed: &Sealed) -> Result<Vec<u8>, Error> {
        if *sealed.key != *self.name {
            return Err(Error::Sealed {
                key: sealed.key.clone(),
            });
        }
        let mut text = STANDARD.decode(&sealed.value).map_err(|_| self.failed())?;
        let secret = self
            .key
            .open_in_place(nonce(about), Aad::from(about.as_bytes()), &mut text)
            .map_err(|_| self.failed())?;
        Ok(secret.to_vec())
    }

    fn failed(&self) -> Error {
        Error::Sealed {
            key: self.name.to_string(),
        }
    }
}

fn nonce(about: &str) -> Nonce {
    let hash = Sha256::digest(about.as_bytes());
    let mut bytes = [0; NONCE_LEN];
    bytes.copy_from_slice(&hash[..NONCE_LEN]);
    Nonce::assume_unique_for_key(bytes)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::parse(&format!("k1:{}", STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn a_secret_is_sealed_the_same_way_twice_and_opens_only_with_its_key_and_its_place() {
        let sealed = key(1).seal("saga.1", b"ada@example.org").unwrap();
        assert_eq!(key(1).seal("saga.1", b"ada@example.org").unwrap(), sealed);
        assert_eq!(key(1).open("saga.1", &sealed).unwrap(), b"ada@example.org");
        assert!(key(2).open("saga.1", &sealed).is_err());
        assert!(key(1).open("saga.2", &sealed).is_err());
        let other = key(1).seal("saga.2", b"ada@example.org").unwrap();
        assert_ne!(other.value, sealed.value);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "k1", "k1:AAAA", "k1:not base64"] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }
}

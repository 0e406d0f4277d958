//! The words of the catalogue: money, holds and their states.

use std::str::FromStr;

use impresario_worker_sdk::HandlerError;
use serde::{Deserialize, Serialize};

/// An amount in minor units (cents) of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Money {
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

/// What has become of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoldState {
    Held,
    Pinned,
    Sold,
    Released,
    Expired,
}

impl HoldState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            HoldState::Held => "held",
            HoldState::Pinned => "pinned",
            HoldState::Sold => "sold",
            HoldState::Released => "released",
            HoldState::Expired => "expired",
        }
    }
}

impl FromStr for HoldState {
    type Err = HandlerError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [
            HoldState::Held,
            HoldState::Pinned,
            HoldState::Sold,
            HoldState::Released,
            HoldState::Expired,
        ];
        all.into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| HandlerError::Broken(format!("hold state `{word}`")))
    }
}

//! The addresses of one broker, which may be a cluster: its nodes, separated by commas.
//!
//! Whoever connects takes one after another and begins at a place of its own, so that the processes of a platform
//! spread over the nodes. What stands in an address is AMQP's business, and not looked at here.

use std::str::FromStr;

/// Nodes of a cluster that are named. More than this few clusters have, and a process tries each before it pauses.
pub const BROKERS_MAX: usize = 8;

/// One to [`BROKERS_MAX`] addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Brokers {
    urls: Vec<String>,
}

impl Brokers {
    /// The addresses, each tried once, the one at `place` (counted around) first.
    pub fn beginning_at(&self, place: usize) -> impl Iterator<Item = &str> {
        let count = self.urls.len();
        (0..count).map(move |step| self.urls[(place % count + step) % count].as_str())
    }
}

impl std::fmt::Debug for Brokers {
    /// An address has a password in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brokers({})", self.urls.len())
    }
}

/// A text that is no list of brokers. It does not repeat the text, which has passwords in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BrokersError {
    /// One of them begins otherwise.
    #[error(
        "address {0} of the broker begins with neither amqp:// nor amqps:// (a comma in a password is %2C)"
    )]
    Scheme(usize),
    /// Too many.
    #[error("{0} addresses of the broker; at most {BROKERS_MAX} of its nodes are named")]
    TooMany(usize),
}

impl FromStr for Brokers {
    type Err = BrokersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let urls: Vec<String> = text.split(',').map(|url| url.trim().to_owned()).collect();
        if urls.len() > BROKERS_MAX {
            return Err(BrokersError::TooMany(urls.len()));
        }
        let known = |url: &String| url.starts_with("amqp://") || url.starts_with("amqps://");
        match urls.iter().position(|url| !known(url)) {
            Some(place) => Err(BrokersError::Scheme(place + 1)),
            None => Ok(Brokers { urls }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_tried_once_wherever_one_begins() {
        let brokers: Brokers = "amqp://a, amqps://b,amqp://c/%2f".parse().unwrap();
        let from = |place| brokers.beginning_at(place).collect::<Vec<_>>();
        assert_eq!(from(0), ["amqp://a", "amqps://b", "amqp://c/%2f"]);
        assert_eq!(from(2), ["amqp://c/%2f", "amqp://a", "amqps://b"]);
        assert_eq!(from(usize::MAX).len(), 3);
        let one: Brokers = "amqp://a".parse().unwrap();
        assert_eq!(one.beginning_at(7).collect::<Vec<_>>(), ["amqp://a"]);
    }

    #[test]
    fn what_is_no_list_is_refused_without_its_passwords() {
        let many = ["amqp://u:secret@h"; BROKERS_MAX + 1].join(",");
        let refused = [
            ("", BrokersError::Scheme(1)),
            ("postgres://u:secret@h", BrokersError::Scheme(1)),
            ("amqp://a,", BrokersError::Scheme(2)),
            ("amqp://u:sec,ret@h", BrokersError::Scheme(2)),
            (many.as_str(), BrokersError::TooMany(BROKERS_MAX + 1)),
        ];
        for (text, wanted) in refused {
            let error = text.parse::<Brokers>().unwrap_err();
            assert_eq!(error, wanted, "{text}");
            assert!(!error.to_string().contains("sec"), "{error}");
        }
        let brokers: Brokers = "amqp://u:secret@h".parse().unwrap();
        assert!(!format!("{brokers:?}").contains("secret"));
    }
}

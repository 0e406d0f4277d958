//! What a reader remembers of each key: how far it is, so that it drops what comes again and notices a gap.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::reader::Told;

/// What an event is to somebody who has seen those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The next one of its key.
    New,
    /// One that has been seen, with the same content.
    Again,
    /// One that has been seen, with other content: the database behind the feed has lost its tail.
    Differs,
    /// Not the next one: these are missing.
    Gap {
        /// The one that should have come.
        expected: i64,
    },
}

/// The keys of one topic. Its memory grows with what it has seen: 8 bytes for each event.
#[derive(Debug, Default)]
pub struct Sequences {
    keys: HashMap<String, Key>,
    /// Whether a key may begin in its middle: it was there before the feed was, or the topic has forgotten its beginning.
    from_the_middle: bool,
}

#[derive(Debug)]
struct Key {
    first: i64,
    /// The beginning of a hash of each event.
    contents: Vec<u64>,
}

impl Sequences {
    /// For a topic that holds each key from its first event on.
    pub fn whole() -> Sequences {
        Sequences::default()
    }

    /// For a topic of which the beginning is missing.
    pub fn from_the_middle() -> Sequences {
        Sequences {
            from_the_middle: true,
            ..Sequences::default()
        }
    }

    /// Looks at an event; only one that is new is remembered.
    pub fn see(&mut self, told: &Told) -> Seen {
        let content = content(told);
        let begins_here = if self.from_the_middle {
            told.sequence
        } else {
            1
        };
        let key = self.keys.entry(told.key.clone()).or_insert_with(|| Key {
            first: begins_here,
            contents: Vec::new(),
        });
        let expected = key.first + i64::try_from(key.contents.len()).unwrap_or(i64::MAX);
        if told.sequence > expected {
            return Seen::Gap { expected };
        }
        if told.sequence == expected {
            key.contents.push(content);
            return Seen::New;
        }
        let place = usize::try_from(told.sequence - key.first).ok();
        match place.and_then(|place| key.contents.get(place)) {
            Some(known) if *known == content => Seen::Again,
            Some(_) => Seen::Differs,
            // Before the middle in which we came in.
            None => Seen::Again,
        }
    }

    /// The keys, with the sequence of the last event of each.
    pub fn last(&self) -> impl Iterator<Item = (&str, i64)> {
        self.keys.iter().map(|(key, seen)| {
            let many = i64::try_from(seen.contents.len()).unwrap_or(i64::MAX);
            (key.as_str(), seen.first + many - 1)
        })
    }
}

fn content(told: &Told) -> u64 {
    let mut hash = Sha256::new();
    hash.update(told.kind.as_bytes());
    hash.update([0]);
    hash.update(&told.data);
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .fold(0, |all, byte| (all << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &str, sequence: i64, data: &str) -> Told {
        Told {
            topic: "topic".into(),
            partition: 0,
            offset: 0,
            kind: "kind".into(),
            key: key.into(),
            sequence,
            at: String::new(),
            data: data.as_bytes().to_vec(),
        }
    }

    #[test]
    fn what_comes_again_is_told_from_what_is_new_and_a_gap_from_both() {
        let mut seen = Sequences::whole();
        assert_eq!(seen.see(&told("a", 1, "x")), Seen::New);
        assert_eq!(seen.see(&told("b", 2, "x")), Seen::Gap { expected: 1 });
        assert_eq!(seen.see(&told("a", 2, "y")), Seen::New);
        assert_eq!(seen.see(&told("a", 1, "x")), Seen::Again);
        assert_eq!(seen.see(&told("a", 2, "z")), Seen::Differs);
        assert_eq!(seen.see(&told("a", 4, "z")), Seen::Gap { expected: 3 });
        assert_eq!(seen.last().find(|(key, _)| *key == "a"), Some(("a", 2)));
    }

    #[test]
    fn in_the_middle_a_key_begins_where_it_is_first_seen() {
        let mut seen = Sequences::from_the_middle();
        assert_eq!(seen.see(&told("a", 5, "x")), Seen::New);
        assert_eq!(seen.see(&told("a", 4, "w")), Seen::Again);
        assert_eq!(seen.see(&told("a", 7, "y")), Seen::Gap { expected: 6 });
    }
}

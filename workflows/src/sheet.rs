//! What people write beside definitions: simulation profiles and test tables.
//!
//! The same strict subset of YAML as definitions have, read into types: an unknown or duplicate key, a value of the
//! wrong shape, a word that is none is refused with its place, and drawn under the line like every problem of a
//! definition. Reading stops at the first of these; what a sheet says about a definition is checked as a whole.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use crate::definition::{Diagnostic, Severity, TEXT_BYTES_MAX, nearest};

/// It cannot be read: syntax, keys, shapes, words.
const UNREADABLE: &str = "SH001";

/// It names what the definition does not have.
const UNKNOWN: &str = "SH002";

/// It says what cannot be.
const IMPOSSIBLE: &str = "SH003";

/// Deepest nesting, as in definitions.
const DEPTH_MAX: usize = 48;

/// Reads a sheet; `name` names it in what people read.
pub(crate) fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Diagnostic> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("it has more than {TEXT_BYTES_MAX} bytes");
        return Err(at(UNREADABLE, name, Location::UNKNOWN, message));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
            max_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| refused(name, &error))
}

/// The parser's commonest complaints in the words that definitions use; the others as they are.
fn refused(name: &str, error: &Error) -> Diagnostic {
    let place = error.location().unwrap_or(Location::UNKNOWN);
    let say = |message: String| at(UNREADABLE, name, place, message);
    match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let mut diagnostic = say(format!("unknown key `{field}`"));
            diagnostic.help = Some(meant(field, expected.iter().copied()));
            diagnostic
        }
        Error::SerdeMissingField { field, .. } => say(format!("`{field}` is missing here")),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            say(format!("`{key}` stands here twice"))
        }
        Error::UnknownAnchor { .. }
        | Error::Budget {
            breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. },
            ..
        } => say("anchors and aliases (`&a`, `*a`) are not part of the language".to_owned()),
        other => {
            let whole = other.to_string();
            // The parser appends the place, which is reported by itself.
            say(whole.split(" at line ").next().unwrap_or(&whole).to_owned())
        }
    }
}

/// What was probably meant, or everything that there is.
fn meant<'c>(word: &str, known: impl IntoIterator<Item = &'c str> + Clone) -> String {
    nearest(word, known.clone()).map_or_else(
        || {
            let all: Vec<&str> = known.into_iter().collect();
            format!("there are: {}", all.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    )
}

/// A name that the definition does not have, with what was probably meant.
pub(crate) fn unknown<'c>(
    name: &str,
    word: &Spanned<String>,
    what: &str,
    known: impl IntoIterator<Item = &'c str> + Clone,
) -> Diagnostic {
    let message = format!("there is no {what} `{}`", word.value);
    let mut diagnostic = at(UNKNOWN, name, word.referenced, message);
    diagnostic.help = Some(meant(&word.value, known));
    diagnostic
}

/// Something that cannot be, in its place.
pub(crate) fn impossible(name: &str, place: Location, message: impl Into<String>) -> Diagnostic {
    at(IMPOSSIBLE, name, place, message.into())
}

fn at(code: &'static str, name: &str, place: Location, message: String) -> Diagnostic {
    let number = |of: u64| u32::try_from(of).unwrap_or(u32::MAX);
    Diagnostic {
        code,
        severity: Severity::Error,
        message,
        source_name: name.to_owned(),
        line: number(place.line()),
        column: number(place.column()),
        length: 1,
        help: None,
    }
}

/// A map with free keys, in the order of the file, each key with its place.
#[derive(Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(std::marker::PhantomData))
    }
}

struct EntriesVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            entries.push((key, access.next_value()?));
        }
        Ok(Entries(entries))
    }
}

/// Implements `Deserialize` for a type that is written as one text, with `$parse: fn(&str) -> Option<Self>` and a
/// sentence that says what it must be.
macro_rules! written_as_text {
    ($type:ty, $parse:expr, $wanted:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                let parse: fn(&str) -> Option<$type> = $parse;
                parse(&text)
                    .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not {}", $wanted)))
            }
        }
    };
}

pub(crate) use written_as_text;

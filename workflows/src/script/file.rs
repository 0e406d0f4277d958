//! A test table as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::rehearse::End;
use crate::sheet::{Entries, written_as_text};
use crate::simulate::Span;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    /// Path of the definition, from the table's folder.
    pub(super) definition: String,
    pub(super) input: Option<Value>,
    #[serde(default)]
    pub(super) outputs: Entries<Value>,
    pub(super) cases: Vec<CaseFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    pub(super) name: Spanned<String>,
    pub(super) input: Option<Value>,
    #[serde(default)]
    pub(super) outputs: Entries<Value>,
    #[serde(default)]
    pub(super) given: Entries<Words>,
    pub(super) expect: ExpectFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectFile {
    pub(super) end: EndWord,
    pub(super) because: Option<String>,
    pub(super) undone: Option<Vec<Spanned<String>>>,
    pub(super) effects: Option<Vec<Spanned<String>>>,
    pub(super) stuck: Option<Vec<Spanned<String>>>,
    pub(super) skipped: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) attempts: Entries<u32>,
    pub(super) output: Option<Value>,
    pub(super) within: Option<Span>,
}

/// The word for an end.
#[derive(Clone, Copy)]
pub(super) struct EndWord(pub(super) End);

fn end(text: &str) -> Option<EndWord> {
    let ends: BTreeMap<&str, End> = End::ALL.iter().map(|end| (end.as_str(), *end)).collect();
    ends.get(text).map(|end| EndWord(*end))
}

written_as_text!(
    EndWord,
    end,
    "an end: `completed`, `compensated`, `stuck` or `endless`"
);

/// One text, or a list of texts, each in its place.
pub(super) struct Words(pub(super) Vec<Spanned<String>>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words: Spanned<TextOrTexts> = Spanned::deserialize(deserializer)?;
        Ok(match words.value {
            TextOrTexts::Text(text) => {
                Words(vec![Spanned::new(text, words.referenced, words.defined)])
            }
            TextOrTexts::Texts(texts) => Words(texts),
        })
    }
}

enum TextOrTexts {
    Text(String),
    Texts(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for TextOrTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTextsVisitor)
    }
}

struct TextOrTextsVisitor;

impl<'de> Visitor<'de> for TextOrTextsVisitor {
    type Value = TextOrTexts;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an outcome, or a list of outcomes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TextOrTexts, E> {
        Ok(TextOrTexts::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<TextOrTexts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = access.next_element()? {
            texts.push(text);
        }
        Ok(TextOrTexts::Texts(texts))
    }
}

//! YAML text to a tree of nodes: a strict subset of YAML 1.2.
//!
//! No anchors, aliases, merge keys and tags; one document; `no`, `on` and `010` are text. JSON is accepted as it
//! is. The parser stops at its first error, so at most one problem comes from here; what keys mean, and all
//! problems with that, come later (`read`).
//!
//! Not here: the parser's complaints in our words (`yaml_error`).

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::code;
use super::diagnostic::Diagnostic;
use super::node::{Content, Entry, Node, Place};
use super::yaml_error;

/// Longest text of a definition.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Deepest nesting: the walk over the tree recurses.
pub(super) const DEPTH_MAX: usize = 48;

/// Parses `text`.
pub(crate) fn parse(text: &str) -> Result<Node, Diagnostic> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the file has {} bytes: at most {TEXT_BYTES_MAX} are allowed",
            text.len()
        );
        return Err(Diagnostic::error(
            code::LIMIT,
            Place {
                line: 1,
                column: 1,
                length: 1,
            },
            message,
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
            max_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| yaml_error::explain(text, &error))?;
    let node = node(text, tree);
    let lines: Vec<&str> = text.lines().collect();
    match oddity(&lines, &node) {
        Some(diagnostic) => Err(diagnostic),
        None => Ok(node),
    }
}

/// What the parser hands over.
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Tree::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key()? {
            entries.push((key, access.next_value()?));
        }
        Ok(Tree::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

fn node(text: &str, tree: Spanned<Tree>) -> Node {
    let place = place(text, tree.referenced);
    let content = match tree.value {
        Tree::Scalar(value) => Content::Scalar(value),
        Tree::List(items) => {
            Content::List(items.into_iter().map(|item| node(text, item)).collect())
        }
        Tree::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    place: self::place(text, key.referenced),
                    key: key.value,
                    value: node(text, value),
                })
                .collect(),
        ),
    };
    Node { place, content }
}

/// The place of a parser's location; what is underlined ends with the line, however long the value is.
pub(super) fn place(text: &str, location: Location) -> Place {
    let span = location.span();
    let spanned = span
        .byte_offset()
        .zip(span.byte_len())
        .and_then(|(start, length)| {
            let start = usize::try_from(start).ok()?;
            text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
        });
    let length = spanned
        .and_then(|spanned| spanned.lines().next())
        .map_or(1, |line| line.trim_end().chars().count());
    Place {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX),
        length: u32::try_from(length.max(1)).unwrap_or(u32::MAX),
    }
}

/// The first value that the parser accepts and the language does not: with a tag of YAML's own before it (the
/// parser refuses the others), or a whole number with more digits than a number can keep.
fn oddity(lines: &[&str], node: &Node) -> Option<Diagnostic> {
    let (before, value) = around(lines, node.place)?;
    if before
        .split_whitespace()
        .next_back()
        .is_some_and(|word| word.starts_with('!'))
    {
        return Some(yaml_error::refused(
            node.place,
            "tags (`!!str`) are not part of the language",
        ));
    }
    match &node.content {
        Content::Scalar(Value::Number(number)) if number.is_f64() && is_whole(value) => {
            let message = "this number has more digits than can be kept";
            let diagnostic = Diagnostic::error(code::WRONG_VALUE, node.place, message);
            Some(diagnostic.with_help("put it in quotes"))
        }
        Content::Scalar(_) => None,
        Content::List(items) => items.iter().find_map(|item| oddity(lines, item)),
        Content::Map(entries) => entries.iter().find_map(|entry| oddity(lines, &entry.value)),
    }
}

/// The text of a line before a place, and at the place.
fn around<'t>(lines: &[&'t str], place: Place) -> Option<(&'t str, &'t str)> {
    let line = lines.get(usize::try_from(place.line).ok()?.checked_sub(1)?)?;
    let characters = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let length = usize::try_from(place.length).ok()?;
    let at = line
        .char_indices()
        .nth(characters)
        .map_or(line.len(), |(at, _)| at);
    let end = line[at..]
        .char_indices()
        .nth(length)
        .map_or(line.len(), |(end, _)| at + end);
    Some((&line[..at], &line[at..end]))
}

fn is_whole(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

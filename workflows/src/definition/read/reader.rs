//! The reader: where problems are noted, and how maps are walked.

use serde_json::Value;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::node::{Content, Entry, Node, Place};
use super::super::source::Source;
use super::super::suggest;

/// Notes problems while a tree is read.
pub(crate) struct Reader<'t> {
    pub source: Source<'t>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The keys of one map. Whatever was not asked for when it is closed is an unknown key.
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    pub place: Place,
    /// What the map is, for sentences: ``step `hold` ``.
    what: String,
    asked: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(source: Source<'t>) -> Reader<'t> {
        Reader {
            source,
            diagnostics: Vec::new(),
        }
    }

    /// Notes a problem.
    pub(crate) fn note(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Notes that a value is not what its key wants.
    pub(super) fn wrong(&mut self, node: &Node, key: &str, wanted: &str) {
        let message = format!("`{key}` must be {wanted}, and is {}", node.kind());
        self.note(Diagnostic::error(code::WRONG_VALUE, node.place, message));
    }

    /// Opens a map; `None` (and a note) when it is something else.
    pub(super) fn open<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        what: impl Into<String>,
    ) -> Option<Fields<'n>> {
        match &node.content {
            Content::Map(entries) => Some(Fields {
                entries,
                place: node.place,
                what: what.into(),
                asked: Vec::new(),
            }),
            Content::Scalar(_) | Content::List(_) => {
                self.wrong(node, key, "a map");
                None
            }
        }
    }

    /// Closes a map: whatever was not asked for is unknown.
    pub(super) fn close(&mut self, fields: Fields<'_>) {
        for entry in fields.entries {
            if fields.asked.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("unknown key `{}` in {}", entry.key, fields.what);
            let help = suggest::nearest(&entry.key, fields.asked.iter().copied()).map_or_else(
                || format!("there are: {}", fields.asked.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.note(Diagnostic::error(code::UNKNOWN_KEY, entry.place, message).with_help(help));
        }
    }

    /// The node of a key that must be there.
    pub(super) fn required<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        key: &'static str,
    ) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() {
            let message = format!("`{key}` is missing in {}", fields.what);
            self.note(Diagnostic::error(code::MISSING_KEY, fields.place, message));
        }
        found
    }

    /// Notes every key that stands twice in one map, everywhere in the tree.
    pub(crate) fn duplicates(&mut self, node: &Node) {
        match &node.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter().for_each(|item| self.duplicates(item)),
            Content::Map(entries) => {
                let mut seen = std::collections::HashMap::new();
                for entry in entries {
                    if let Some(first) = seen.insert(entry.key.as_str(), entry.place) {
                        let message = format!("`{}` stands here twice", entry.key);
                        let help = format!("the first one is on line {}", first.line);
                        self.note(
                            Diagnostic::error(code::DUPLICATE_KEY, entry.place, message)
                                .with_help(help),
                        );
                    }
                    self.duplicates(&entry.value);
                }
            }
        }
    }
}

impl<'n> Fields<'n> {
    /// The node of a key.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }
}

/// The entries of a map with free keys, without those that stand twice.
pub(super) fn entries(node: &Node) -> Option<Vec<&Entry>> {
    let Content::Map(entries) = &node.content else {
        return None;
    };
    let mut seen = std::collections::HashSet::new();
    Some(
        entries
            .iter()
            .filter(|entry| seen.insert(entry.key.as_str()))
            .collect(),
    )
}

/// The text of a node, when it is text.
pub(super) fn text_of(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Value::String(text)) => Some(text),
        Content::Scalar(_) | Content::List(_) | Content::Map(_) => None,
    }
}

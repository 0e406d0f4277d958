//! A parsed file as a tree that knows where each piece stood.
//!
//! What comes between YAML (or the stored JSON) and the typed file: order and duplicates of keys are kept here,
//! so that both can be judged, and nothing else is interpreted yet.

use serde_json::{Map, Value};

/// A place in the text: line and column from 1, in characters. Line 0 is "nowhere" (content that was not text).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: u32,
    pub column: u32,
    /// Characters to underline, on this line.
    pub length: u32,
}

/// A value in its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Null, boolean, number or text.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// The tree of a JSON value, standing nowhere.
    pub(crate) fn from_json(value: &Value) -> Node {
        let content = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Content::Scalar(value.clone())
            }
            Value::Array(items) => Content::List(items.iter().map(Node::from_json).collect()),
            Value::Object(fields) => Content::Map(
                fields
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        place: Place::default(),
                        value: Node::from_json(value),
                    })
                    .collect(),
            ),
        };
        Node {
            place: Place::default(),
            content,
        }
    }

    /// The content as JSON. Of a key that stands twice, the last counts; that is reported elsewhere.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The place of the node that a JSON pointer leads to; as far as it leads.
    pub(crate) fn place_of(&self, pointer: &str) -> Place {
        let mut node = self;
        for name in pointer.split('/').skip(1) {
            let name = name.replace("~1", "/").replace("~0", "~");
            let next = match &node.content {
                Content::Scalar(_) => None,
                Content::List(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
                Content::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == name)
                    .map(|entry| &entry.value),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.place
    }

    /// What is in it: the values of a map with their keys, the items of a list without.
    pub(crate) fn children(&self) -> Vec<(Option<&str>, &Node)> {
        match &self.content {
            Content::Scalar(_) => Vec::new(),
            Content::List(items) => items.iter().map(|item| (None, item)).collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| (Some(entry.key.as_str()), &entry.value))
                .collect(),
        }
    }

    /// What it is, for sentences.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Value::Null) => "nothing",
            Content::Scalar(value) => crate::expression::kind_of(value),
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

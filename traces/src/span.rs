//! A span: something that is over.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Context, SpanId};

/// Nanoseconds since the Unix epoch, by this machine's clock.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// What part a span has in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Inside one service.
    Internal,
    /// Answers a request.
    Server,
    /// Makes one.
    Client,
    /// Leaves a message for somebody.
    Producer,
    /// Takes one.
    Consumer,
}

/// What is said of a span.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Value {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Cow::Owned(text))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(i64::from(number))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Number(i64::from(number))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

/// Another span that this one has to do with, and in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub to: Context,
    /// `retries`, `undoes`, `asks_about`, `repeats`.
    pub why: &'static str,
}

/// Something that is over. What is said of it is words of definitions and of ours, ids and numbers; never what a
/// customer has given.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its trace and its id.
    pub context: Context,
    /// The span that it is a part of.
    pub parent: Option<SpanId>,
    /// Who tells it.
    pub service: Arc<str>,
    /// One of few: names are searched for.
    pub name: Cow<'static, str>,
    /// Its part in a conversation.
    pub kind: Kind,
    /// When it began; see [`now`].
    pub start: u64,
    /// When it was over.
    pub end: u64,
    /// What is said of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Others that it has to do with.
    pub links: Vec<Link>,
    /// The code of what went wrong, if something did.
    pub error: Option<Cow<'static, str>>,
}

impl Span {
    /// A span that is over now, of which nothing else is known yet.
    pub fn new(
        service: &Arc<str>,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        context: Context,
        parent: Option<SpanId>,
        start: u64,
    ) -> Span {
        Span {
            context,
            parent,
            service: Arc::clone(service),
            name: name.into(),
            kind,
            start,
            end: now().max(start),
            attributes: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }

    /// Says something of it.
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Span {
        self.attributes.push((key, value.into()));
        self
    }

    /// Names another one.
    pub fn linked(mut self, to: Context, why: &'static str) -> Span {
        self.links.push(Link { to, why });
        self
    }

    /// Something went wrong.
    pub fn failed(mut self, code: impl Into<Cow<'static, str>>) -> Span {
        self.error = Some(code.into());
        self
    }
}

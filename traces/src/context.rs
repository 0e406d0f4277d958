//! Where in a trace something is: W3C's `traceparent`, as requests, journals and tasks carry it.

use std::fmt;

use crate::id::digits;
use crate::{SpanId, TraceId};

/// Bytes of a `traceparent`.
const LENGTH: usize = 55;

/// A span to be the parent of what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether the trace is told at all.
    pub sampled: bool,
}

impl Context {
    /// Reads a `traceparent`; none when it is not one. What a later version of the standard adds is left out.
    pub fn parse(text: &str) -> Option<Context> {
        let mut fields = text.split('-');
        let version: [u8; 1] = digits(fields.next()?)?;
        let trace = TraceId::parse(fields.next()?)?;
        let span = SpanId::parse(fields.next()?)?;
        let flags: [u8; 1] = digits(fields.next()?)?;
        if version == [0xff] || (version == [0] && text.len() != LENGTH) {
            return None;
        }
        Some(Context {
            trace,
            span,
            sampled: flags[0] & 1 == 1,
        })
    }

    /// Reads one of a trace that is told.
    pub fn sampled(text: &str) -> Option<Context> {
        Context::parse(text).filter(|context| context.sampled)
    }

    /// The same trace, in another span.
    pub fn at(self, span: SpanId) -> Context {
        Context { span, ..self }
    }

    /// The same trace, in a part of the span.
    pub fn part(self, name: &str) -> Context {
        self.at(self.span.part(name))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context {
            trace,
            span,
            sampled,
        } = self;
        write!(f, "00-{trace}-{span}-0{}", u8::from(*sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written_back() {
        let context = Context::sampled(ONE).unwrap();
        assert_eq!(context.to_string(), ONE);
        let quiet = ONE.replace("-01", "-00");
        assert_eq!(Context::parse(&quiet).unwrap().to_string(), quiet);
        assert_eq!(Context::sampled(&quiet), None);
        // Level 2 has a second flag.
        assert_eq!(Context::parse(&ONE.replace("-01", "-03")), Some(context));
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for text in [
            "",
            "hello",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c8031ü-b7ad6b7169203331-01",
        ] {
            assert_eq!(Context::parse(text), None, "{text}");
        }
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
        assert!(Context::parse(later).is_some());
    }
}

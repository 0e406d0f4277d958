//! Text with `${{ }}` in it, cut into pieces.

use super::{ExpressionProblem, ProblemKind};

/// A piece of text, borrowed from the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Literal(&'a str),
    /// What stands between `${{` and `}}`.
    Expression(&'a str),
}

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// Cuts `text` at its `${{ }}`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ExpressionProblem> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(OPEN) {
        let body = &rest[open + OPEN.len()..];
        let Some(close) = close_of(body) else {
            let start: String = rest[open..].chars().take(40).collect();
            let message = format!("`{start}` is not closed");
            return Err(ExpressionProblem::new(ProblemKind::Syntax, &start, message)
                .with_help("close it with `}}`"));
        };
        if open > 0 {
            pieces.push(Piece::Literal(&rest[..open]));
        }
        pieces.push(Piece::Expression(body[..close].trim()));
        rest = &body[close + CLOSE.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

/// Where the closing `}}` is: not inside quotes, and not the end of an object literal.
fn close_of(body: &str) -> Option<usize> {
    let mut quote: Option<u8> = None;
    let mut depth = 0usize;
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, _) => {}
        }
        at += 1;
    }
    None
}

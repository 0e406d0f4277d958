//! What must be true at the end of a saga, over its effects: `charge implies seat or refund`.
//!
//! A small language: names of effects, `not`, `and`, `or`, `implies` (in this order of binding, `implies` to the
//! right) and parentheses. It says nothing about values and nothing about how an effect came about; the explorer
//! evaluates it at every end that a saga can come to (`check`).

use std::collections::BTreeSet;

/// Longest text of one invariant.
pub(crate) const INVARIANT_CHARACTERS_MAX: usize = 400;

/// Most invariants of a definition.
pub(crate) const INVARIANTS_MAX: usize = 64;

/// Most effects in one invariant: where it cannot be told whether they are there, each doubles the work.
pub(crate) const EFFECTS_MAX: usize = 12;

/// Deepest nesting of parentheses and `not`: parsing recurses.
const DEPTH_MAX: usize = 32;

/// What must be true at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    text: String,
    formula: Formula,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Formula {
    Effect(String),
    Not(Box<Formula>),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
    Implies(Box<Formula>, Box<Formula>),
}

/// What is wrong with a text, and where: `at` and `length` count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub message: String,
    pub at: usize,
    pub length: usize,
}

impl Invariant {
    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Result<Invariant, Slip> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            end: text.chars().count(),
        };
        let formula = parser.implies(0)?;
        match parser.peek() {
            None => Ok(Invariant {
                text: text.to_owned(),
                formula,
            }),
            Some(token) => Err(token.slip("`and`, `or` or `implies` is missing before")),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The effects that it speaks of.
    pub fn effects(&self) -> BTreeSet<&str> {
        let mut effects = BTreeSet::new();
        self.formula.collect(&mut effects);
        effects
    }

    /// Whether it holds when exactly the effects are there for which `is_there`.
    pub fn holds(&self, is_there: &dyn Fn(&str) -> bool) -> bool {
        self.formula.holds(is_there)
    }
}

impl Formula {
    fn collect<'f>(&'f self, effects: &mut BTreeSet<&'f str>) {
        match self {
            Formula::Effect(name) => drop(effects.insert(name)),
            Formula::Not(inner) => inner.collect(effects),
            Formula::And(one, other) | Formula::Or(one, other) | Formula::Implies(one, other) => {
                one.collect(effects);
                other.collect(effects);
            }
        }
    }

    fn holds(&self, is_there: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Formula::Effect(name) => is_there(name),
            Formula::Not(inner) => !inner.holds(is_there),
            Formula::And(one, other) => one.holds(is_there) && other.holds(is_there),
            Formula::Or(one, other) => one.holds(is_there) || other.holds(is_there),
            Formula::Implies(one, other) => !one.holds(is_there) || other.holds(is_there),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    word: Word,
    text: String,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Effect,
    Not,
    And,
    Or,
    Implies,
    Open,
    Close,
}

impl Token {
    fn slip(&self, before: &str) -> Slip {
        Slip {
            message: format!("{before} `{}`", self.text),
            at: self.at,
            length: self.text.chars().count(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Slip> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = characters.get(at) {
        let in_word = |c: &char| c.is_alphanumeric() || *c == '-' || *c == '_';
        let length = characters[at..].iter().take_while(|c| in_word(c)).count();
        let text: String = characters[at..at + length.max(1)].iter().collect();
        let word = match text.as_str() {
            "not" => Some(Word::Not),
            "and" => Some(Word::And),
            "or" => Some(Word::Or),
            "implies" => Some(Word::Implies),
            "(" => Some(Word::Open),
            ")" => Some(Word::Close),
            _ if length > 0 => Some(Word::Effect),
            _ if first.is_whitespace() => None,
            _ => {
                let message = format!("`{first}` cannot be here");
                return Err(Slip {
                    message,
                    at,
                    length: 1,
                });
            }
        };
        if let Some(word) = word {
            tokens.push(Token { word, text, at });
        }
        at += length.max(1);
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    /// Takes the next token when it is this word.
    fn takes(&mut self, word: Word) -> bool {
        let is = self.peek().is_some_and(|token| token.word == word);
        self.next += usize::from(is);
        is
    }

    fn implies(&mut self, depth: usize) -> Result<Formula, Slip> {
        let one = self.or(depth)?;
        if self.takes(Word::Implies) {
            let other = self.implies(depth + 1)?;
            return Ok(Formula::Implies(Box::new(one), Box::new(other)));
        }
        Ok(one)
    }

    fn or(&mut self, depth: usize) -> Result<Formula, Slip> {
        let mut formula = self.and(depth)?;
        while self.takes(Word::Or) {
            formula = Formula::Or(Box::new(formula), Box::new(self.and(depth)?));
        }
        Ok(formula)
    }

    fn and(&mut self, depth: usize) -> Result<Formula, Slip> {
        let mut formula = self.not(depth)?;
        while self.takes(Word::And) {
            formula = Formula::And(Box::new(formula), Box::new(self.not(depth)?));
        }
        Ok(formula)
    }

    fn not(&mut self, depth: usize) -> Result<Formula, Slip> {
        let Some(token) = self.peek().cloned() else {
            return Err(Slip {
                message: "it ends where an effect should be".to_owned(),
                at: self.end,
                length: 1,
            });
        };
        if depth > DEPTH_MAX {
            return Err(token.slip("too deeply nested at"));
        }
        self.next += 1;
        match token.word {
            Word::Effect => Ok(Formula::Effect(token.text)),
            Word::Not => Ok(Formula::Not(Box::new(self.not(depth + 1)?))),
            Word::Open => {
                let inner = self.implies(depth + 1)?;
                if self.takes(Word::Close) {
                    Ok(inner)
                } else {
                    Err(token.slip("never closed:"))
                }
            }
            Word::And | Word::Or | Word::Implies | Word::Close => {
                Err(token.slip("an effect is missing before"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, there: &[&str]) -> bool {
        let invariant = Invariant::parse(text).unwrap();
        invariant.holds(&|effect| there.contains(&effect))
    }

    #[test]
    fn words_bind_as_people_read_them() {
        let cases: [(&str, &[&str], bool); 9] = [
            ("charge implies seat or refund", &["charge"], false),
            ("charge implies seat or refund", &["charge", "refund"], true),
            ("charge implies seat or refund", &[], true),
            ("not (charge and refund)", &["charge", "refund"], false),
            ("not charge and refund", &["refund"], true),
            ("a or b and c", &["a"], true),
            ("a implies b implies c", &["a", "b"], false),
            ("a implies b implies c", &["a"], true),
            ("e-mail implies not not a_b", &["e-mail"], false),
        ];
        for (text, there, expected) in cases {
            assert_eq!(holds(text, there), expected, "{text} with {there:?}");
        }
    }

    #[test]
    fn slips_are_found_where_they_are() {
        let slip = |text: &str| {
            let slip = Invariant::parse(text).unwrap_err();
            (slip.message, slip.at, slip.length)
        };
        let cases = [
            (
                "charge seat",
                "`and`, `or` or `implies` is missing before `seat`",
                7,
                4,
            ),
            ("charge implies", "it ends where an effect should be", 14, 1),
            ("", "it ends where an effect should be", 0, 1),
            ("(a or b", "never closed: `(`", 0, 1),
            ("a && b", "`&` cannot be here", 2, 1),
            ("a and or b", "an effect is missing before `or`", 6, 2),
            ("a)", "`and`, `or` or `implies` is missing before `)`", 1, 1),
        ];
        for (text, message, at, length) in cases {
            assert_eq!(slip(text), (message.to_owned(), at, length), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        assert!(slip(&deep).0.starts_with("too deeply nested"));
    }
}

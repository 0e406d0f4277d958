//! Mappings: JSON templates with `${{ }}` in their texts.
//!
//! A text that is nothing but one `${{ }}` becomes the value itself with its JSON type; otherwise the values are
//! written into the text (text as it is, everything else as JSON). Everything around stays as it stands.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::expr::Expr;
use super::text::{self, Piece};
use super::{EvaluateError, ExpressionProblem, Reference, Scope};

/// A compiled JSON template. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mapping {
    root: Arc<Template>,
}

#[derive(Debug)]
pub(super) enum Template {
    Literal(Value),
    Expression(Expr),
    Text(Vec<Part>),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

#[derive(Debug)]
pub(super) enum Part {
    Literal(String),
    Expression(Expr),
}

/// A reference in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// What is read.
    pub reference: Reference,
    /// Where in the template: a JSON pointer.
    pub pointer: String,
    /// Whether the expression says what to do when the value is missing.
    pub guarded: bool,
}

impl Use {
    pub(super) fn of(expr: &Expr, pointer: &str) -> Vec<Use> {
        let guarded = expr.guards_missing();
        let at = |reference: &Reference| Use {
            reference: reference.clone(),
            pointer: pointer.to_owned(),
            guarded,
        };
        expr.references().iter().map(at).collect()
    }
}

impl Mapping {
    /// Compiles a template; every problem in it is reported.
    pub fn compile(template: &Value) -> Result<Mapping, Vec<ExpressionProblem>> {
        let (mapping, problems) = Mapping::compile_what_can_be(template);
        if problems.is_empty() {
            Ok(mapping)
        } else {
            Err(problems)
        }
    }

    /// Compiles a template with null where something is wrong, so that the rest of it can be looked at.
    pub(crate) fn compile_what_can_be(template: &Value) -> (Mapping, Vec<ExpressionProblem>) {
        let mut problems = Vec::new();
        let root = compile(template, &mut String::new(), &mut problems);
        let root = Arc::new(root);
        (Mapping { root }, problems)
    }

    /// The template that is null.
    pub fn null() -> Mapping {
        Mapping {
            root: Arc::new(Template::Literal(Value::Null)),
        }
    }

    /// The template that is nothing but this value.
    pub(crate) fn reading(reference: Reference) -> Mapping {
        Mapping {
            root: Arc::new(Template::Expression(Expr::Path(reference))),
        }
    }

    /// The place that it reads, when it is nothing but that place.
    pub(crate) fn as_path(&self) -> Option<&Reference> {
        match &*self.root {
            Template::Expression(Expr::Path(reference)) => Some(reference),
            Template::Expression(_)
            | Template::Literal(_)
            | Template::Text(_)
            | Template::Object(_)
            | Template::Array(_) => None,
        }
    }

    /// Whether it can be evaluated whatever happens, given that values are there of which `promised` says so.
    pub(crate) fn reads_safely(&self, promised: &dyn Fn(&Reference) -> bool) -> bool {
        reads_safely(&self.root, promised)
    }

    pub(super) fn root(&self) -> &Template {
        &self.root
    }

    /// Whether it is null whatever the scope.
    pub fn is_null(&self) -> bool {
        matches!(*self.root, Template::Literal(Value::Null))
    }

    /// The value in this scope.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
        evaluate(&self.root, scope)
    }

    /// What it reads, in the order of the template.
    pub fn references(&self) -> Vec<Reference> {
        self.uses()
            .into_iter()
            .map(|found| found.reference)
            .collect()
    }

    /// What it reads, with where and how.
    pub(crate) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        collect(&self.root, &mut String::new(), &mut uses);
        uses
    }
}

fn compile(value: &Value, at: &mut String, problems: &mut Vec<ExpressionProblem>) -> Template {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Template::Literal(value.clone()),
        Value::String(text) => compile_text(text).unwrap_or_else(|problem| {
            problems.push(problem.at(at));
            Template::Literal(Value::Null)
        }),
        Value::Array(items) => {
            let items: Vec<Template> = items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    below(at, &index.to_string(), |at| compile(item, at, problems))
                })
                .collect();
            if items.iter().all(Template::is_literal) {
                return Template::Literal(value.clone());
            }
            Template::Array(items)
        }
        Value::Object(fields) => {
            let fields: Vec<(String, Template)> = fields
                .iter()
                .map(|(name, field)| {
                    (
                        name.clone(),
                        below(at, name, |at| compile(field, at, problems)),
                    )
                })
                .collect();
            if fields.iter().all(|(_, field)| field.is_literal()) {
                return Template::Literal(value.clone());
            }
            Template::Object(fields)
        }
    }
}

fn compile_text(text: &str) -> Result<Template, ExpressionProblem> {
    let pieces = text::pieces(text)?;
    match pieces.as_slice() {
        [] | [Piece::Literal(_)] => Ok(Template::Literal(Value::from(text))),
        [Piece::Expression(source)] => Ok(Template::Expression(Expr::compile(source)?)),
        several => several
            .iter()
            .map(compile_part)
            .collect::<Result<_, _>>()
            .map(Template::Text),
    }
}

fn compile_part(piece: &Piece<'_>) -> Result<Part, ExpressionProblem> {
    match piece {
        Piece::Literal(text) => Ok(Part::Literal((*text).to_owned())),
        Piece::Expression(source) => Expr::compile(source).map(Part::Expression),
    }
}

fn evaluate(template: &Template, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
    match template {
        Template::Literal(value) => Ok(value.clone()),
        Template::Expression(expr) => expr.evaluate(scope),
        Template::Text(parts) => interpolate(parts, scope).map(Value::String),
        Template::Array(items) => items
            .iter()
            .map(|item| evaluate(item, scope))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Template::Object(fields) => fields
            .iter()
            .map(|(name, field)| Ok((name.clone(), evaluate(field, scope)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
    }
}

fn interpolate(parts: &[Part], scope: &Scope<'_>) -> Result<String, EvaluateError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Expression(expr) => match expr.evaluate(scope)? {
                Value::String(value) => text.push_str(&value),
                // JSON, so that `true` is `true` and numbers keep all their digits.
                other => write!(text, "{other}").map_err(|_| EvaluateError::Failed {
                    expression: expr.source(),
                    reason: "it cannot be written as text".to_owned(),
                })?,
            },
        }
    }
    Ok(text)
}

fn reads_safely(template: &Template, promised: &dyn Fn(&Reference) -> bool) -> bool {
    match template {
        Template::Literal(_) => true,
        Template::Expression(expr) => expr.reads_safely(promised),
        Template::Text(parts) => parts.iter().all(|part| match part {
            Part::Literal(_) => true,
            Part::Expression(expr) => expr.reads_safely(promised),
        }),
        Template::Array(items) => items.iter().all(|item| reads_safely(item, promised)),
        Template::Object(fields) => fields
            .iter()
            .all(|(_, field)| reads_safely(field, promised)),
    }
}

fn collect(template: &Template, at: &mut String, uses: &mut Vec<Use>) {
    match template {
        Template::Literal(_) => {}
        Template::Expression(expr) => uses.extend(Use::of(expr, at)),
        Template::Text(parts) => {
            for part in parts {
                if let Part::Expression(expr) = part {
                    uses.extend(Use::of(expr, at));
                }
            }
        }
        Template::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(at, &index.to_string(), |at| collect(item, at, uses));
            }
        }
        Template::Object(fields) => {
            for (name, field) in fields {
                below(at, name, |at| collect(field, at, uses));
            }
        }
    }
}

/// Goes one name down in a JSON pointer for the time of `visit`.
fn below<T>(at: &mut String, name: &str, visit: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
    let result = visit(at);
    at.truncate(length);
    result
}

impl Template {
    fn is_literal(&self) -> bool {
        matches!(self, Template::Literal(_))
    }
}

//! Values of single keys: texts, names, durations, templates, conditions.

use serde_json::Value;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::duration;
use super::super::file::{At, Attempts, RetryFile, Template};
use super::super::node::{Content, Node};
use super::super::suggest;
use super::reader::{Fields, Reader, entries, text_of};
use crate::Millis;
use crate::definition::{ITEMS_MAX, SAGA_POOL, TaskName};
use crate::expression::{Condition, ExpressionProblem, Mapping, ProblemKind};

/// Longest name of anything.
const NAME_CHARACTERS_MAX: usize = 63;

/// Most attempts that can be asked for: beyond it, `unlimited` is meant.
const ATTEMPTS_MAX: u64 = 1000;

/// Longest text of one human sentence or description.
const TEXT_CHARACTERS_MAX: usize = 4000;

impl Reader<'_> {
    pub(super) fn text(&mut self, node: Option<&Node>, key: &str) -> Option<At<String>> {
        let node = node?;
        let Some(text) = text_of(node) else {
            self.wrong(node, key, "text");
            return None;
        };
        if text.chars().count() > TEXT_CHARACTERS_MAX {
            let message = format!("`{key}` is longer than {TEXT_CHARACTERS_MAX} characters");
            self.note(Diagnostic::error(code::LIMIT, node.place, message));
            return None;
        }
        Some(At {
            value: text.trim_end().to_owned(),
            place: node.place,
        })
    }

    pub(super) fn flag(&mut self, node: Option<&Node>, key: &str) -> Option<At<bool>> {
        let node = node?;
        match &node.content {
            Content::Scalar(Value::Bool(value)) => Some(At {
                value: *value,
                place: node.place,
            }),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => {
                self.wrong(node, key, "`true` or `false`");
                None
            }
        }
    }

    /// A name that ends up in routes, queues and keys.
    pub(super) fn name(&mut self, node: Option<&Node>, key: &str) -> Option<At<String>> {
        let at = self.text(node, key)?;
        self.checked_name(&at, key, "").then_some(at)
    }

    /// A name with dots in it: signals are named by what happened where.
    pub(super) fn dotted_name(&mut self, node: Option<&Node>, key: &str) -> Option<At<String>> {
        let at = self.text(node, key)?;
        self.checked_name(&at, key, ".").then_some(at)
    }

    /// Whether a name is one; `also` are characters allowed beside letters, digits and hyphens.
    pub(super) fn checked_name(&mut self, name: &At<String>, key: &str, also: &str) -> bool {
        if is_name(&name.value, also) {
            return true;
        }
        let message = format!("`{}` cannot be a name for `{key}`", name.value);
        let rule = match also {
            "" => "hyphens",
            "." => "hyphens and dots",
            _ => "hyphens and underscores",
        };
        let help = format!(
            "lower-case letters, digits, {rule}; a letter first; at most {NAME_CHARACTERS_MAX} characters"
        );
        self.note(Diagnostic::error(code::NAME, name.place, message).with_help(help));
        false
    }

    pub(super) fn task(&mut self, node: Option<&Node>, key: &str) -> Option<At<TaskName>> {
        let at = self.text(node, key)?;
        match at.value.split_once('/') {
            Some((SAGA_POOL, _)) => {
                let message = format!("the pool `{SAGA_POOL}` is the engine's own");
                let help = "write `saga: name` for a child saga";
                self.note(Diagnostic::error(code::NAME, at.place, message).with_help(help));
                None
            }
            Some((pool, task)) if is_name(pool, "") && is_name(task, "") => Some(At {
                value: TaskName {
                    pool: pool.to_owned(),
                    task: task.to_owned(),
                },
                place: at.place,
            }),
            Some(_) | None => {
                let message = format!("`{}` is not a task", at.value);
                let help = "write `pool/task`, for example `catalog/hold-seats`";
                self.note(Diagnostic::error(code::NAME, at.place, message).with_help(help));
                None
            }
        }
    }

    pub(super) fn duration(&mut self, node: Option<&Node>, key: &str) -> Option<At<Millis>> {
        let node = node?;
        let Some(millis) = text_of(node).and_then(duration::parse) else {
            let message = format!("`{key}` must be a duration");
            let help = "write `500ms`, `5s`, `15m`, `2h` or `7d`";
            self.note(Diagnostic::error(code::WRONG_VALUE, node.place, message).with_help(help));
            return None;
        };
        Some(At {
            value: millis,
            place: node.place,
        })
    }

    /// A number of items of an `each` step.
    pub(super) fn items(&mut self, node: Option<&Node>, key: &str, least: u64) -> Option<At<u32>> {
        let node = node?;
        let number = match &node.content {
            Content::Scalar(value) => value.as_u64(),
            Content::List(_) | Content::Map(_) => None,
        };
        let fits = number
            .filter(|number| *number >= least && *number <= ITEMS_MAX as u64)
            .and_then(|number| u32::try_from(number).ok());
        if fits.is_none() {
            let message = format!("`{key}` must be a number from {least} to {ITEMS_MAX}");
            self.note(Diagnostic::error(code::WRONG_VALUE, node.place, message));
        }
        fits.map(|value| At {
            value,
            place: node.place,
        })
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: Option<&Node>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<At<T>> {
        let node = node?;
        let text = text_of(node).unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(At {
                value: *value,
                place: node.place,
            });
        }
        let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let message = format!("`{key}` must be {}", all.join(" or "));
        let help = suggest::nearest(text, words.iter().map(|(word, _)| *word))
            .map(|near| format!("did you mean `{near}`?"));
        self.note(Diagnostic::error(code::WRONG_VALUE, node.place, message).with_help_if(help));
        None
    }

    pub(super) fn texts(&mut self, node: Option<&Node>, key: &str) -> Option<Vec<At<String>>> {
        let node = node?;
        let Content::List(items) = &node.content else {
            self.wrong(node, key, "a list of texts");
            return None;
        };
        Some(
            items
                .iter()
                .filter_map(|item| self.text(Some(item), key))
                .collect(),
        )
    }

    pub(super) fn template(&mut self, node: Option<&Node>) -> Option<Template> {
        let node = node?;
        let (mapping, problems) = Mapping::compile_what_can_be(&node.to_json());
        for problem in problems {
            self.note_expression(node, problem);
        }
        Some(Template {
            mapping,
            node: node.clone(),
        })
    }

    /// A template that must be text: sentences for people, keys.
    pub(super) fn text_template(&mut self, node: Option<&Node>, key: &str) -> Option<Template> {
        self.text(node, key)?;
        self.template(node)
    }

    /// Templates under free names.
    pub(super) fn templates(
        &mut self,
        node: Option<&Node>,
        key: &str,
    ) -> Option<Vec<(At<String>, Template)>> {
        let node = node?;
        let Some(entries) = entries(node) else {
            self.wrong(node, key, "a map");
            return None;
        };
        let mut templates = Vec::new();
        for entry in entries {
            let name = At {
                value: entry.key.clone(),
                place: entry.place,
            };
            if let Some(template) = self.template(Some(&entry.value))
                && self.checked_name(&name, key, "_")
            {
                templates.push((name, template));
            }
        }
        Some(templates)
    }

    pub(super) fn condition(&mut self, node: Option<&Node>, key: &str) -> Option<At<Condition>> {
        let node = node?;
        let source = match &node.content {
            Content::Scalar(Value::String(text)) => text.clone(),
            Content::Scalar(Value::Bool(value)) => value.to_string(),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => {
                self.wrong(node, key, "an expression");
                return None;
            }
        };
        match Condition::compile(&source) {
            Ok(value) => Some(At {
                value,
                place: node.place,
            }),
            Err(problem) => {
                self.note_expression(node, problem);
                None
            }
        }
    }

    pub(super) fn retry(&mut self, node: Option<&Node>) -> Option<RetryFile> {
        let node = node?;
        let mut fields = self.open(node, "retry", "`retry`")?;
        let retry = RetryFile {
            place: node.place,
            max_attempts: self.attempts(&mut fields),
            backoff: self.word(fields.get("backoff"), "backoff", &[("exponential", ())]),
            initial: self.duration(fields.get("initial"), "initial"),
            max: self.duration(fields.get("max"), "max"),
            unless: self
                .texts(fields.get("unless"), "unless")
                .map(|codes| codes.into_iter().map(|code| code.value).collect()),
        };
        self.close(fields);
        Some(retry)
    }

    fn attempts(&mut self, fields: &mut Fields<'_>) -> Option<At<Attempts>> {
        let node = fields.get("max_attempts")?;
        let number = match &node.content {
            Content::Scalar(value) => value.as_u64(),
            Content::List(_) | Content::Map(_) => None,
        };
        let value = match (number, text_of(node)) {
            (Some(count @ 1..=ATTEMPTS_MAX), _) => u32::try_from(count).ok().map(Attempts::Bounded),
            (_, Some("unlimited")) => Some(Attempts::Unlimited),
            (_, _) => None,
        };
        if value.is_none() {
            let message =
                format!("`max_attempts` must be a number from 1 to {ATTEMPTS_MAX}, or `unlimited`");
            self.note(Diagnostic::error(code::WRONG_VALUE, node.place, message));
        }
        value.map(|value| At {
            value,
            place: node.place,
        })
    }

    fn note_expression(&mut self, node: &Node, problem: ExpressionProblem) {
        let code = match problem.kind {
            ProblemKind::Syntax => code::EXPRESSION,
            ProblemKind::TooLong => code::EXPRESSION_TOO_LONG,
            ProblemKind::UnknownName => code::NOT_READABLE,
        };
        let place = self
            .source
            .narrow(node.place_of(&problem.pointer), &problem.expression);
        self.note(Diagnostic::error(code, place, problem.message).with_help_if(problem.help));
    }
}

/// Whether `text` is a name; `also` are characters allowed beside letters, digits and hyphens.
pub(super) fn is_name(text: &str, also: &str) -> bool {
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || also.contains(c);
    text.len() <= NAME_CHARACTERS_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(fits)
}

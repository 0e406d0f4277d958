//! A mapping read backwards: from what it has made to what it was made of.
//!
//! For a saga that was lost, of which only remains what its steps were asked with. A path tells its value; what was
//! computed or written into a text tells nothing.

use serde_json::Value;

use super::expr::Expr;
use super::mapping::{Mapping, Template};
use super::path::Reference;

impl Mapping {
    /// Tells each place that this mapping has read to make `made`, with its value, to `told`, which says whether that can
    /// be. False when it cannot, or when this mapping cannot have made it.
    pub fn read_back(
        &self,
        made: &Value,
        told: &mut dyn FnMut(&Reference, &Value) -> bool,
    ) -> bool {
        read_back(self.root(), made, told)
    }
}

fn read_back(
    template: &Template,
    made: &Value,
    told: &mut dyn FnMut(&Reference, &Value) -> bool,
) -> bool {
    match (template, made) {
        (Template::Literal(literal), made) => literal == made,
        (Template::Expression(Expr::Path(reference)), made) => told(reference, made),
        // The default may stand there because nothing did.
        (Template::Expression(Expr::PathOr(reference, default)), made) => {
            made == default || told(reference, made)
        }
        (Template::Expression(Expr::Compiled(_)), _) => true,
        (Template::Text(_), Value::String(_)) => true,
        (Template::Array(templates), Value::Array(values)) => {
            templates.len() == values.len()
                && templates
                    .iter()
                    .zip(values)
                    .all(|(template, value)| read_back(template, value, told))
        }
        (Template::Object(fields), Value::Object(values)) => {
            fields.len() == values.len()
                && fields.iter().all(|(name, field)| {
                    values
                        .get(name)
                        .is_some_and(|value| read_back(field, value, told))
                })
        }
        (Template::Text(_) | Template::Array(_) | Template::Object(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(template: &Value, made: &Value) -> (bool, Vec<(String, Value)>) {
        let mapping = Mapping::compile(template).unwrap();
        let mut places = Vec::new();
        let fits = mapping.read_back(made, &mut |reference, value| {
            places.push((reference.to_string(), value.clone()));
            true
        });
        (fits, places)
    }

    #[test]
    fn paths_tell_their_values_and_nothing_else_does() {
        let template = json!({
            "to": "${{ input.to }}",
            "deep": [{ "amount": "${{ steps.hold.output.price }}" }, 3],
            "text": "for ${{ input.name }}",
            "sum": "${{ input.a + 1 }}",
            "or": "${{ input.b | default(7) }}",
        });
        let made = json!({
            "to": "ana", "deep": [{ "amount": { "n": 1 } }, 3], "text": "for Ana", "sum": 2, "or": 7,
        });
        let (fits, mut places) = told(&template, &made);
        places.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("input.to".to_owned(), json!("ana")),
            ("steps.hold.output.price".to_owned(), json!({ "n": 1 })),
        ];
        assert!(fits);
        assert_eq!(places, expected);
    }

    #[test]
    fn what_it_cannot_have_made_is_told() {
        let template = json!({ "a": "${{ input.a }}", "b": 1, "c": ["x"] });
        for other in [
            json!({ "a": 1, "b": 2, "c": ["x"] }),
            json!({ "a": 1, "b": 1 }),
            json!({ "a": 1, "b": 1, "c": ["x"], "d": 1 }),
            json!({ "a": 1, "b": 1, "c": ["x", "y"] }),
            json!("text"),
        ] {
            assert!(!told(&template, &other).0, "{other}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_ends_it() {
        let mapping = Mapping::compile(&json!(["${{ input.a }}", "${{ input.a }}"])).unwrap();
        let mut first = None;
        let mut agree =
            |_: &Reference, value: &Value| *first.get_or_insert(value.clone()) == *value;
        assert!(!mapping.read_back(&json!([1, 2]), &mut agree));
    }
}

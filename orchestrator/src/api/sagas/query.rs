//! The query of a list: filters, page size, cursor.
//!
//! A filter that is not known is refused, never ignored: what follows a search may be a repair of everything
//! that it found.

use chrono::{DateTime, Utc};
use impresario_workflows::saga::Status;

use super::super::problem::{Code, Problem};
use super::cursor;
use crate::store::listing::{Filter, Position};

/// Rows on a page when the request does not say.
const LIMIT_DEFAULT: i64 = 50;

/// Rows on a page at most.
pub(in super::super) const LIMIT_MAX: i64 = 200;

/// Longest text that is looked for: no key or attribute is longer.
const TEXT_MAX: usize = 1024;

/// A list that is asked for.
#[derive(Debug)]
pub(in super::super) struct Query {
    pub(in super::super) filter: Filter,
    pub(in super::super) limit: i64,
    pub(in super::super) after: Option<Position>,
    /// What a cursor of this list is bound to.
    pub(in super::super) scope: cursor::Scope,
}

impl Query {
    /// Reads name and value pairs; each name comes once.
    pub(in super::super) fn read(
        tenant: &str,
        mut pairs: Vec<(String, String)>,
    ) -> Result<Query, Problem> {
        pairs.sort();
        if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(refused(format!("`{}` is given twice.", shown(&twice[0].0))));
        }
        let scope = cursor::Scope::new(tenant, pairs.iter().filter(|(name, _)| !is_paging(name)));
        let mut query = Query {
            filter: Filter::default(),
            limit: LIMIT_DEFAULT,
            after: None,
            scope,
        };
        for (name, value) in pairs {
            query.take(&name, value)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Problem> {
        if value.is_empty() || value.len() > TEXT_MAX || value.contains('\0') {
            return Err(refused(format!(
                "`{}` takes 1 to {TEXT_MAX} bytes of text.",
                shown(name)
            )));
        }
        match name {
            "limit" => self.limit = limit(&value)?,
            "cursor" => self.after = Some(self.scope.open(&value)?),
            "status" => self.filter.status = Some(status(&value)?),
            "definition" => self.filter.definition = Some(value),
            "business_key" => self.filter.business_key = Some(value),
            "started[gte]" => self.filter.started_from = Some(instant(name, &value)?),
            "started[lt]" => self.filter.started_before = Some(instant(name, &value)?),
            other => match other.strip_prefix("attribute.") {
                Some(attribute) if !attribute.is_empty() && !attribute.contains('\0') => {
                    self.filter.attributes.push((attribute.to_owned(), value));
                }
                Some(_) | None => {
                    return Err(refused(format!(
                        "`{}` is no filter of this list.",
                        shown(other)
                    )));
                }
            },
        }
        Ok(())
    }
}

fn is_paging(name: &str) -> bool {
    name == "limit" || name == "cursor"
}

fn limit(value: &str) -> Result<i64, Problem> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let limit = digits.then(|| value.parse().ok()).flatten();
    limit
        .filter(|limit| (1..=LIMIT_MAX).contains(limit))
        .ok_or_else(|| refused(format!("`limit` takes a number from 1 to {LIMIT_MAX}.")))
}

fn status(value: &str) -> Result<Status, Problem> {
    let known = Status::ALL
        .into_iter()
        .find(|status| status.as_str() == value);
    known.ok_or_else(|| {
        let words = Status::ALL.map(Status::as_str).join(", ");
        refused(format!("`status` takes one of {words}."))
    })
}

fn instant(name: &str, value: &str) -> Result<DateTime<Utc>, Problem> {
    // A plus sign that was not escaped arrives as a space; no instant has one.
    DateTime::parse_from_rfc3339(&value.replace(' ', "+"))
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            refused(format!(
                "`{name}` takes an instant such as 2026-11-22T23:20:00Z."
            ))
        })
}

fn refused(detail: String) -> Problem {
    Problem::new(Code::MalformedQuery, detail)
}

/// A name from the query as far as it can be repeated.
fn shown(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_control())
        .take(60)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Query, Problem> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Query::read("main", pairs.collect())
    }

    #[test]
    fn every_filter_is_understood() {
        let query = read(&[
            ("status", "stuck"),
            ("definition", "booking"),
            ("business_key", "b-1"),
            ("started[gte]", "2026-11-22T00:00:00Z"),
            ("started[lt]", "2026-11-23T00:00:00 01:00"),
            ("attribute.event_id", "e1"),
            ("limit", "200"),
        ])
        .unwrap();
        assert_eq!(query.filter.status, Some(Status::Stuck));
        assert_eq!(
            query.filter.attributes,
            [("event_id".to_owned(), "e1".to_owned())]
        );
        assert_eq!(query.limit, 200);
        assert_eq!(read(&[]).unwrap().limit, 50);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            ("statsu", "stuck"),
            ("status", "paused"),
            ("status", ""),
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "-1"),
            ("limit", "+5"),
            ("attribute.", "x"),
            ("business_key", "a\0b"),
            ("started[gte]", "10000-01-01T00:00:00Z"),
            ("started[lt]", "2026-02-30T00:00:00Z"),
            ("cursor", "AAAA"),
            ("tenant", "other"),
        ] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
        assert!(read(&[("limit", "1"), ("limit", "2")]).is_err());
    }
}

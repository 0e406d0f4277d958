//! The answer: each lost saga with its verdict.

use impresario_workflows::SagaId;
use serde::Serialize;

use crate::orphans::Judged;

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    dry_run: bool,
    /// Sagas of the page that the database knows.
    known: usize,
    orphans: Vec<Orphan>,
}

#[derive(Debug, Serialize)]
struct Orphan {
    id: SagaId,
    verdict: &'static str,
    why: Option<String>,
    /// The units that are, or would be, undone, last first.
    undoes: Vec<String>,
    /// Whether it was made anew, to be undone: from here on it is a saga like any other.
    made_anew: bool,
}

impl Answer {
    pub(super) fn new(dry_run: bool, known: usize) -> Answer {
        Answer {
            dry_run,
            known,
            orphans: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, saga: Judged, made_anew: bool) {
        self.orphans.push(Orphan {
            id: saga.id,
            verdict: saga.verdict.as_str(),
            why: saga.why,
            undoes: saga.undoes,
            made_anew,
        });
    }
}

//! Refunds at Stripe, as effects of their own. Each carries its effect key as metadata.
//!
//! A refund cannot be cancelled by its key: repeating the request under the key gives the first answer, or makes the
//! refund now, which is what was wanted. A charge has few refunds, so past the key's life they are simply read.

use std::time::Duration;

use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Verdict};
use serde::Deserialize;

use super::stripe::{Answer, StripeError, StripeProvider};
use super::{Refund, Unanswered, path_segment};
use crate::ledger::Money;

/// Refunds of one charge that are looked through.
const REFUNDS_MAX: u32 = 100;

#[derive(Deserialize)]
struct Made {
    amount: i64,
    currency: String,
    charge: String,
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Made>,
}

impl Made {
    fn refund(self) -> Refund {
        Refund {
            charge_id: self.charge,
            money: Money {
                amount: self.amount,
                currency: self.currency.to_uppercase(),
            },
            already: false,
        }
    }
}

/// Somebody else gave it back before.
fn is_already(error: &StripeError) -> bool {
    error.code.as_deref() == Some("charge_already_refunded")
}

fn already(charge_id: &str, money: &Money) -> Refund {
    Refund {
        charge_id: charge_id.to_owned(),
        money: money.clone(),
        already: true,
    }
}

async fn ask(
    stripe: &StripeProvider,
    key: &str,
    charge_id: &str,
    money: &Money,
    within: Duration,
) -> Result<Answer<Made>, Unanswered> {
    let form = [
        ("charge", charge_id.to_owned()),
        ("amount", money.amount.to_string()),
        ("metadata[effect_key]", key.to_owned()),
    ];
    let request = stripe.post("/v1/refunds", key).form(&form);
    stripe.send(request, within).await
}

pub(super) async fn make(
    stripe: &StripeProvider,
    key: &str,
    charge_id: &str,
    money: &Money,
    within: Duration,
) -> Verdict<Refund> {
    match ask(stripe, key, charge_id, money, within).await {
        Ok(Answer::Done(made)) => Verdict::Done(made.refund()),
        Ok(Answer::Refused(error)) if is_already(&error) => {
            Verdict::Done(already(charge_id, money))
        }
        Ok(Answer::Refused(error)) => Verdict::Rejected(error.problem()),
        Ok(Answer::TryAgain(problem)) => Verdict::Failed(problem),
        Ok(Answer::Unclear(problem)) => Verdict::Unknown(problem),
        Err(unanswered) => unanswered.verdict(),
    }
}

pub(super) async fn close(
    stripe: &StripeProvider,
    key: &str,
    charge_id: &str,
    money: &Money,
    within: Duration,
) -> Closing<Refund> {
    match ask(stripe, key, charge_id, money, within).await {
        Ok(Answer::Done(made)) => Closing::Applied(made.refund()),
        Ok(Answer::Refused(error)) if is_already(&error) => {
            Closing::Applied(already(charge_id, money))
        }
        Ok(Answer::Refused(error)) => Closing::Closed(error.problem()),
        Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
        Err(unanswered) => unanswered.closing(),
    }
}

pub(super) async fn find(
    stripe: &StripeProvider,
    key: &str,
    charge_id: &str,
    within: Duration,
) -> Closing<Refund> {
    let charge = path_segment(charge_id);
    let path = format!("/v1/refunds?charge={charge}&limit={REFUNDS_MAX}");
    match stripe.send::<Listed>(stripe.get(&path), within).await {
        Ok(Answer::Done(listed)) => {
            let ours = |made: &Made| {
                made.metadata.get("effect_key").and_then(|is| is.as_str()) == Some(key)
            };
            match listed.data.into_iter().find(ours) {
                Some(made) => Closing::Applied(made.refund()),
                None => {
                    let sentence = "no refund with this effect key was found";
                    Closing::Unknown(Problem::new("key_not_found", sentence))
                }
            }
        }
        Ok(Answer::Refused(error)) => Closing::Unknown(error.problem()),
        Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
        Err(unanswered) => unanswered.closing(),
    }
}

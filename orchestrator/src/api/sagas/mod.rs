//! `/v1/sagas`: every saga, for support staff.
//!
//! - `GET /v1/sagas` finds sagas (`list`, with `query` and `cursor`);
//! - `GET /v1/sagas/{id}` tells everything about one (`one`, with `steps`);
//! - `POST /v1/sagas/{id}/commands` repairs one (`command`).

mod command;
mod cursor;
mod list;
mod one;
mod query;
mod steps;

pub(super) use command::{
    COMMAND_WAIT, OPERATOR_HEADER, operator, refused, schema as command_schema,
};
pub(super) use cursor::Scope;
pub(super) use query::{LIMIT_MAX, Query};
pub(super) use steps::STATES as STEP_STATES;

use axum::Router;
use axum::routing::{get, post};

use super::Api;

pub(super) fn routes(api: Api) -> Router {
    Router::new()
        .route("/v1/sagas", get(list::list))
        .route("/v1/sagas/{id}", get(one::one))
        .route("/v1/sagas/{id}/commands", post(command::command))
        .with_state(api)
}

//! The trivial saga as a Restate workflow: reserve, charge, confirm; when confirm says no, refund and release.
//!
//! The same work as the pool `echo` does for Impresario: each step returns a small JSON and does nothing else.
//! It listens on the address in its only argument; Restate's server calls it there.

use std::net::SocketAddr;

use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Input {
    id: String,
    #[serde(default)]
    fail: bool,
}

#[derive(Serialize, Deserialize)]
struct Done {
    id: String,
    step: String,
    code: u32,
}

#[derive(Serialize, Deserialize)]
struct End {
    id: String,
    status: String,
}

async fn step(id: String, name: &'static str, fail: bool) -> HandlerResult<Json<Done>> {
    if fail {
        Err(TerminalError::new("the input asked for a failure"))?;
    }
    Ok(Json(Done {
        id,
        step: name.to_owned(),
        code: 200,
    }))
}

struct Trivial;

#[restate_sdk::workflow]
impl Trivial {
    #[handler]
    async fn run(
        &self,
        ctx: WorkflowContext<'_>,
        input: Json<Input>,
    ) -> Result<Json<End>, HandlerError> {
        let Input { id, fail } = input.into_inner();
        let forward: Result<(), TerminalError> = async {
            ctx.run(|| step(id.clone(), "reserve", false)).name("reserve").await?;
            ctx.run(|| step(id.clone(), "charge", false)).name("charge").await?;
            ctx.run(|| step(id.clone(), "confirm", fail)).name("confirm").await?;
            Ok(())
        }
        .await;
        let status = match forward {
            Ok(()) => "completed",
            Err(_) => {
                ctx.run(|| step(id.clone(), "refund", false)).name("refund").await?;
                ctx.run(|| step(id.clone(), "release", false)).name("release").await?;
                "compensated"
            }
        };
        Ok(Json(End {
            id,
            status: status.to_owned(),
        }))
    }
}

#[tokio::main]
async fn main() {
    let address = std::env::args()
        .nth(1)
        .and_then(|word| word.parse::<SocketAddr>().ok())
        .expect("say where to listen: 127.0.0.1:9080");
    HttpServer::new(Endpoint::builder().bind(Trivial).build())
        .listen_and_serve(address)
        .await;
}

//! How long answers take, for every router of ours: by method and class of status, nothing of the address.
//!
//! An answer is there when its head is: event streams and long waits count until they begin to speak.

use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use impresario_metrics::table::HTTP_DURATION;

/// Asked by machines that look after us: they would only hide what people see.
pub(super) const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The router, measured.
pub fn measured(router: Router) -> Router {
    router.layer(middleware::from_fn(measure))
}

async fn measure(request: Request, next: Next) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let method = match *request.method() {
        Method::GET => "GET",
        // Nothing else is taken: what asks for it is answered 405.
        _ => "POST",
    };
    let begun = Instant::now();
    let response = next.run(request).await;
    let took = begun.elapsed().as_secs_f64();
    HTTP_DURATION
        .with([method, class(response.status())])
        .record(took);
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

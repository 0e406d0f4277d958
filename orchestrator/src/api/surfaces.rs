//! The surfaces of all definitions, made anew when the definitions change.
//!
//! Routes of our own are fixed; whatever they do not know is looked for here. A definition that is uploaded while the
//! process runs has its plural at once, and the OpenAPI document has it too.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use tower::{Service, ServiceExt};

use super::surface::Surface;
use super::{Api, RESERVED, create, method_not_allowed, not_found, openapi, view, watch};

/// What is served for the definitions of one generation.
struct Made {
    generation: u64,
    routes: Router,
    document: Bytes,
}

/// The routes of every definition; cheap to clone.
#[derive(Clone)]
pub(super) struct Surfaces {
    api: Api,
    made: Arc<RwLock<Arc<Made>>>,
}

impl Surfaces {
    pub(super) fn new(api: Api) -> Surfaces {
        let made = Arc::new(Made::of(&api));
        Surfaces {
            api,
            made: Arc::new(RwLock::new(made)),
        }
    }

    /// The OpenAPI document for the definitions that there are now.
    pub(super) fn document(&self) -> Bytes {
        self.now().document.clone()
    }

    fn now(&self) -> Arc<Made> {
        let made = Arc::clone(&self.made.read().unwrap_or_else(PoisonError::into_inner));
        if made.generation == self.api.engine.catalogue().generation() {
            return made;
        }
        let made = Arc::new(Made::of(&self.api));
        *self.made.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&made);
        made
    }
}

impl Made {
    fn of(api: &Api) -> Made {
        // Read first: a definition that comes meanwhile makes it all anew.
        let generation = api.engine.catalogue().generation();
        let current = api.engine.catalogue().all_current();
        let document = openapi::document(current.iter().map(|stored| &*stored.definition));
        let routes = surfaces(api)
            .into_iter()
            .map(surface_routes)
            .fold(Router::new(), Router::merge)
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed);
        Made {
            generation,
            routes,
            document: Bytes::from(document.to_string()),
        }
    }
}

impl Service<Request> for Surfaces {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let routes = self.now().routes.clone();
        Box::pin(async move { Ok(routes.oneshot(request).await.into_response()) })
    }
}

fn surface_routes(surface: Surface) -> Router {
    let all = format!("/v1/{}", surface.plural);
    let one = format!("{all}/{{id}}");
    Router::new()
        .route(&all, post(create::create))
        .route(&one, get(view::read))
        .route(&format!("{one}/events"), get(watch::watch))
        .with_state(Arc::new(surface))
}

/// One surface for each plural. A plural that is taken is told and left out: the definition still runs.
fn surfaces(api: &Api) -> Vec<Surface> {
    let mut taken: BTreeSet<String> = RESERVED.map(str::to_owned).into();
    let mut surfaces = Vec::new();
    for stored in api.engine.catalogue().all_current() {
        let Some(plural) = stored.definition.rest.clone() else {
            continue;
        };
        if !taken.insert(plural.clone()) {
            tracing::error!(
                definition = stored.definition.name,
                plural,
                "the plural is taken"
            );
            continue;
        }
        match Surface::new(api.clone(), plural, stored.clone()) {
            Ok(surface) => surfaces.push(surface),
            Err(error) => {
                tracing::error!(definition = stored.definition.name, %error, "no input can be checked");
            }
        }
    }
    surfaces
}

//! The stand-in on the wire: routes, labels, limits.

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::LABEL;
use super::faults::{Action, Faults, Hit, On};
use super::line::{Door, Orders};
use super::mischief::{conduct, plain};
use super::service::{Answer, Ask, Service};

/// Most bytes of one request.
const MOST_BYTES: usize = 64 << 20;

/// Serves until told to close.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>, closing: CancellationToken) {
    let at_the_door = Arc::clone(&service);
    let cut = move || match at_the_door.draw(On::Connection) {
        Some(Hit { action: Action::ResetRequestAtByte { n }, .. }) => Some(n),
        _ => None,
    };
    let door = Door::new(listener, closing.clone(), cut);
    let app = Router::new()
        .route("/_sandbox", get(about))
        .route("/_sandbox/books", get(books))
        .route("/_sandbox/list.csv", get(list))
        .route("/_sandbox/faults", get(faults).post(set_faults).delete(clear_faults))
        .fallback(system)
        .layer(map_response(label))
        .with_state(service)
        .into_make_service_with_connect_info::<Orders>();
    let served = axum::serve(door, app).with_graceful_shutdown(closing.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the sandbox stopped");
    }
}

async fn label(mut response: Response) -> Response {
    response.headers_mut().insert("x-rxdrop-sandbox", HeaderValue::from_static(LABEL));
    response
}

/// Every endpoint of the system.
async fn system(
    State(service): State<Arc<Service>>,
    ConnectInfo(line): ConnectInfo<Orders>,
    request: Request,
) -> Response {
    let Some(ask) = Ask::of(request.method(), request.uri().path()) else {
        return plain(&Answer::fault(404, "SBX-404", "Няма такава услуга."));
    };
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
        return plain(&Answer::fault(413, "SBX-413", "Заявката е твърде голяма или прекъсната."));
    };
    let call = service.receive(ask, authorization, body.into());
    let hit = service.draw(call.ask.on());
    conduct(&service, call, hit, &line).await
}

async fn about() -> Response {
    Json(json!({
        "sandbox": LABEL,
        "systems": ["/sespa"],
        "books": "/_sandbox/books?after=ID",
        "list": "/_sandbox/list.csv",
        "faults": "/_sandbox/faults",
    }))
    .into_response()
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
}

async fn books(State(service): State<Arc<Service>>, Query(page): Query<Page>) -> Response {
    match service.books(page.after) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn list(State(service): State<Arc<Service>>) -> Response {
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], service.list()).into_response()
}

async fn faults(State(service): State<Arc<Service>>) -> Response {
    Json(service.faults().to_json()).into_response()
}

async fn set_faults(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    match Faults::parse(&body) {
        Ok(faults) => {
            *service.faults() = faults;
            Json(service.faults().to_json()).into_response()
        }
        Err(error) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "sandbox": LABEL, "error": error }))).into_response()
        }
    }
}

async fn clear_faults(State(service): State<Arc<Service>>) -> Response {
    *service.faults() = Faults::default();
    Json(service.faults().to_json()).into_response()
}

//! The HTTP side: a request is recorded, then answered.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header::LOCATION, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    Shared,
    request::IssuerRequest,
    routes::{Answer, answer},
};
use crate::testing::http::json_response;

pub(super) async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| respond(request, shared.clone()));
    // An error is a client that went away.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> hyper::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = IssuerRequest::new(parts, String::from_utf8_lossy(&body).into_owned());
    let answer = {
        let mut state = shared.state();
        state.requests.push(request.clone());
        // Inside of the lock, so that whoever is woken up finds the request and what it changed.
        shared.arrived.send_replace(());
        answer(&mut state, &request)
    };
    Ok(match answer {
        Answer::Json(status, body) => json_response(status, &body),
        Answer::Redirect(location) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, location);
            response
        }
    })
}

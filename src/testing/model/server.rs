//! The HTTP side: connections, routes, and bodies that stop where a test holds them.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Shared,
    hold::HoldPoint,
    reply::{Content, Reply},
    request::ModelRequest,
    script::{Script, Step},
    socket::{Flush, Socket},
};
use crate::testing::http::json_response;

pub(super) async fn serve_connection<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (socket, flush) = Socket::new(stream);
    let service = service_fn(|request| {
        let (shared, flush) = (shared.clone(), flush.clone());
        async move { respond(request, &shared, flush).await }
    });
    // An error is a client that went away, or a disconnect that the script asked for.
    let _ = http1::Builder::new().serve_connection(socket, service).await;
}

type ModelResponse = Response<Either<Full<Bytes>, EventStream>>;

/// An error closes the connection without a response.
async fn respond(
    request: Request<Incoming>,
    shared: &Shared,
    flush: Flush,
) -> io::Result<ModelResponse> {
    let (parts, body) = request.into_parts();
    // Before any answer: a connection with unread bytes is reset, which can lose the answer.
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path();
    match parts.method {
        Method::POST if path.ends_with("/responses") => {}
        Method::GET if path.ends_with("/models") => {
            // `data` is OpenAI's own list, `models` the one that the runtime knows.
            let models = json!({ "object": "list", "data": [], "models": [] });
            return Ok(json_response(StatusCode::OK, &models).map(Either::Left));
        }
        method => return Ok(refusal(StatusCode::NOT_FOUND, &format!("no {method} {path} here"))),
    }
    let Ok(body) = serde_json::from_slice(&body) else {
        return Ok(refusal(StatusCode::BAD_REQUEST, "the body is not JSON"));
    };
    let (number, reply) = shared.answer(&ModelRequest::new(parts, body));
    let Some(reply) = reply else {
        let message = format!("no reply for request {number}; push one more or set a fallback");
        return Ok(refusal(StatusCode::BAD_REQUEST, &message));
    };
    play(reply, number, flush).await
}

async fn play(reply: Reply, number: usize, flush: Flush) -> io::Result<ModelResponse> {
    let mut response = match reply.content {
        Content::Events(events) => {
            let stream = EventStream { script: events.script(number), flush, waiting: None };
            let mut response = Response::new(Either::Right(stream));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            response
        }
        Content::Error { status, body, holds } => {
            pass_all(holds).await;
            json_response(status, &body).map(Either::Left)
        }
        Content::Nothing { holds } => {
            pass_all(holds).await;
            return Err(disconnect());
        }
    };
    response.headers_mut().extend(reply.headers);
    Ok(response)
}

async fn pass_all(holds: Vec<HoldPoint>) {
    for hold in holds {
        hold.pass().await;
    }
}

/// What the server says for itself. With a 400 the runtime shows the whole body to its user, and
/// never tries again; after a 500 it would do neither.
fn refusal(status: StatusCode, message: &str) -> ModelResponse {
    let mut response = Response::new(Either::Left(Full::from(format!("mock model: {message}"))));
    *response.status_mut() = status;
    response
}

fn disconnect() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the script disconnects here")
}

/// The body of a streamed reply. Nothing is rendered before the client has room for it.
struct EventStream {
    script: Script,
    flush: Flush,
    waiting: Option<Waiting>,
}

/// Ends with an error where the script disconnects.
type Waiting = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl Body for EventStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let outcome = ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
                if let Err(error) = outcome {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let flush = self.flush.clone();
            self.waiting = match self.script.next() {
                None => return Poll::Ready(None),
                Some(Step::Event(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Hold(point)) => Some(Box::pin(async move {
                    flush.done().await;
                    point.pass().await;
                    Ok(())
                })),
                // The events before are part of the script: hyper would throw away what it has
                // not written yet.
                Some(Step::Disconnect) => Some(Box::pin(async move {
                    flush.done().await;
                    Err(disconnect())
                })),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// More than the pipe holds and less than hyper's own buffer does.
    const BODY: usize = 100_000;
    const PIPE: usize = 64;

    #[tokio::test]
    async fn a_disconnect_waits_for_a_slow_reader() {
        let mut client = ask(Reply::bare().raw(vec![b'x'; BODY]).disconnected()).await;
        let mut response = Vec::new();
        client.read_to_end(&mut response).await.unwrap();
        assert_eq!(body_length(&response), BODY);
    }

    #[tokio::test]
    async fn a_hold_is_reached_when_a_slow_reader_has_all_before_it() {
        let (reply, hold) = Reply::bare().raw(vec![b'x'; BODY]).hold();
        let mut client = ask(reply).await;
        let mut response = Vec::new();
        loop {
            tokio::select! {
                biased;
                reached = hold.reached() => break reached.unwrap(),
                read = client.read_buf(&mut response) => assert_ne!(read.unwrap(), 0),
            }
        }
        assert!(body_length(&response) + PIPE >= BODY, "{} bytes", response.len());
    }

    async fn ask(reply: Reply) -> DuplexStream {
        let shared = Arc::new(Shared::default());
        shared.state().queue.push_back(reply);
        let (mut client, server) = duplex(PIPE);
        tokio::spawn(serve_connection(server, shared));
        let request = b"POST /responses HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
        client.write_all(request).await.unwrap();
        client
    }

    /// The longest run of the byte that bodies are made of.
    fn body_length(response: &[u8]) -> usize {
        response.split(|byte| *byte != b'x').map(<[u8]>::len).max().unwrap()
    }
}

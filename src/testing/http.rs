//! What the embedded HTTP servers have in common: a port of their own, and how they stop.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// A server on a free port of `127.0.0.1`. Dropping it ends the server and its connections.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Gives each connection to `serve`.
    pub(super) async fn start<F>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> io::Result<Server>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, serve)).abort_handle();
        Ok(Server { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Accepts connections until the task is aborted, which ends all of them.
async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    // Declared after the connections so that it is closed before them: whoever sees a connection
    // end finds nobody listening.
    let listener = listener;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    // Without this a delta waits for the acknowledgement of the one before. Where
                    // it fails the replies are slower and still right.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                } else {
                    // Most likely out of file descriptors: the end of a connection gives one back.
                    connections.join_next().await;
                    tokio::task::yield_now().await;
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

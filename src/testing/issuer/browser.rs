//! A browser that goes wherever it is sent, as long as it stays on this machine.

use std::{io, net::Ipv4Addr};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, StatusCode, Uri,
    client::conn::http1,
    header::{HOST, LOCATION},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// More than a login takes, so that a circle ends.
const REDIRECTS: usize = 8;

/// No error shows an address in full: its query may hold a token.
pub(super) async fn visit(url: &str) -> io::Result<(u16, String)> {
    let mut page: Uri = url.parse().map_err(|_| invalid("this is no URL that can be opened"))?;
    for _ in 0..=REDIRECTS {
        let (status, headers, body) = get(&page).await?;
        if !status.is_redirection() {
            return Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()));
        }
        page = target(&headers)?;
    }
    Err(invalid("the page leads to ever more redirects"))
}

fn target(headers: &HeaderMap) -> io::Result<Uri> {
    let location = headers.get(LOCATION).and_then(|it| Uri::try_from(it.as_bytes()).ok());
    location.ok_or_else(|| invalid("the page redirects to no URL that can be opened"))
}

async fn get(page: &Uri) -> io::Result<(StatusCode, HeaderMap, Bytes)> {
    let host = page.host().unwrap_or_default();
    if page.scheme_str() != Some("http") || !matches!(host, "127.0.0.1" | "localhost") {
        let place = format!("{}://{host}", page.scheme_str().unwrap_or_default());
        let help = "only http pages of 127.0.0.1 and localhost can be";
        return Err(invalid(&format!("cannot open `{place}`: {help}")));
    }
    let port = page.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot reach port {port} of {host}: {error}"))
    })?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    let request = Request::get(page.path_and_query().map_or("/", |it| it.as_str()))
        .header(HOST, page.authority().map_or(host, |it| it.as_str()))
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok((head.status, head.headers, body.collect().await?.to_bytes()))
    };
    // The exchange owns the sender, and with that ends the connection.
    let (outcome, _) = tokio::join!(exchange, connection);
    outcome.map_err(|error: hyper::Error| io::Error::other(error))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

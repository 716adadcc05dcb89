//! What the issuer was asked.

use std::{fmt, sync::Arc};

use hyper::{HeaderMap, header::HeaderName, http::request::Parts};

/// A request to the issuer or the backend. `Clone` is cheap.
///
/// Its `Debug` output names the headers without their values and leaves the query and the body
/// out: all of them may carry secrets.
#[derive(Clone)]
pub struct IssuerRequest {
    inner: Arc<Inner>,
}

struct Inner {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl IssuerRequest {
    pub(super) fn new(parts: Parts, body: String) -> Self {
        let method = parts.method.to_string();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Self { inner: Arc::new(Inner { method, path, query, headers: parts.headers, body }) }
    }

    /// The HTTP method.
    pub fn method(&self) -> &str {
        &self.inner.method
    }

    /// The path without a query, for example `/oauth/token`.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The first parameter of that name in the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        parameter(&self.inner.query, name)
    }

    /// The first field of that name in a body that is a form, decoded.
    pub fn form(&self, name: &str) -> Option<String> {
        parameter(&self.inner.body, name)
    }

    /// The value of a header, looked up without regard to case. The first one if it was repeated,
    /// `None` if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.get(name)?.to_str().ok()
    }

    /// The whole body: a form, JSON, or nothing.
    pub fn body(&self) -> &str {
        &self.inner.body
    }
}

impl fmt::Debug for IssuerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.inner.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("IssuerRequest")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("header_names", &header_names)
            .finish_non_exhaustive()
    }
}

fn parameter(encoded: &str, name: &str) -> Option<String> {
    let mut parameters = form_urlencoded::parse(encoded.as_bytes());
    parameters.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

//! What the model was asked.

use std::{fmt, sync::Arc};

use hyper::{HeaderMap, http::request::Parts};
use serde_json::Value;

/// A request that the runtime sent to the model. `Clone` is cheap.
///
/// Its `Debug` output names the headers without their values and leaves the body out: both may
/// carry secrets.
#[derive(Clone)]
pub struct ModelRequest {
    inner: Arc<Inner>,
}

struct Inner {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Value,
}

impl ModelRequest {
    pub(super) fn new(parts: Parts, body: Value) -> Self {
        let method = parts.method.to_string();
        let path = parts.uri.path().to_owned();
        Self { inner: Arc::new(Inner { method, path, headers: parts.headers, body }) }
    }

    /// The HTTP method.
    pub fn method(&self) -> &str {
        &self.inner.method
    }

    /// The path without a query, for example `/v1/responses`.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The value of a header, looked up without regard to case. The first one if it was repeated,
    /// `None` if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.get(name)?.to_str().ok()
    }

    /// All headers in the order of their arrival, names in lower case. A value that is not text
    /// reads as empty.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inner
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
    }

    /// The whole JSON body.
    pub fn body(&self) -> &Value {
        &self.inner.body
    }

    /// The model that was asked for.
    pub fn model(&self) -> Option<&str> {
        self.body()["model"].as_str()
    }

    /// The conversation so far: the items of `input`.
    pub fn input(&self) -> &[Value] {
        array(&self.body()["input"])
    }

    /// The texts of all messages of a role (`"user"`, `"developer"`, `"assistant"`), in order.
    ///
    /// The runtime adds messages of its own: the environment as `"user"`, its rules as
    /// `"developer"`. What the user typed last is the last text of `"user"`.
    pub fn input_texts(&self, role: &str) -> Vec<&str> {
        self.contents(role).filter_map(|content| content["text"].as_str()).collect()
    }

    /// The URLs of all images in messages, in order. The runtime sends local images as `data:` URLs.
    pub fn image_urls(&self) -> Vec<&str> {
        let messages = self.messages().flat_map(|message| array(&message["content"]));
        messages.filter_map(|content| content["image_url"].as_str()).collect()
    }

    /// The names of the offered tools, in order. A tool without a name counts by its type, for
    /// example `"web_search"`.
    pub fn tool_names(&self) -> Vec<&str> {
        let tools = array(&self.body()["tools"]).iter();
        tools.filter_map(|tool| tool["name"].as_str().or(tool["type"].as_str())).collect()
    }

    /// What a function call or custom tool call gave back to the model: its text, joined if it
    /// came in several pieces. `None` if this request has no output for `call_id`.
    pub fn tool_output(&self, call_id: &str) -> Option<String> {
        let is_output = |item: &&Value| item["call_id"] == call_id && item.get("output").is_some();
        match &self.input().iter().find(is_output)?["output"] {
            Value::String(text) => Some(text.clone()),
            pieces => Some(array(pieces).iter().filter_map(|it| it["text"].as_str()).collect()),
        }
    }

    fn messages(&self) -> impl Iterator<Item = &Value> {
        self.input().iter().filter(|item| item["type"] == "message")
    }

    fn contents<'a>(&'a self, role: &str) -> impl Iterator<Item = &'a Value> {
        self.messages()
            .filter(move |message| message["role"] == role)
            .flat_map(|message| array(&message["content"]))
    }
}

impl fmt::Debug for ModelRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("ModelRequest")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("header_names", &header_names)
            .field("model", &self.model())
            .field("input_items", &self.input().len())
            .finish_non_exhaustive()
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

//! A scripted app-server in memory.

use std::fmt;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use crate::protocol::{self, Notification, Request};
use crate::{Codex, CodexBuilder, Result};

/// How many bytes either side may be ahead of the other, as in a pipe.
const PIPE: usize = 64 * 1024;

/// The server's side of a connection in memory, which says exactly what a test tells it to: for
/// what the real runtime cannot be made to do.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> codexkit::Result<()> {
/// use codexkit::protocol::ThreadLoadedListParams;
/// use codexkit::testing::FakeServer;
/// use serde_json::json;
///
/// let (codex, mut server) = FakeServer::start().await?;
/// let (reply, ()) = tokio::join!(codex.request(ThreadLoadedListParams::default()), async {
///     let id = server.expect("thread/loaded/list").await.id;
///     server.reply(&id, json!({"data": ["t1"]})).await;
/// });
/// assert_eq!(reply?.data, ["t1"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FakeServer {
    from_client: BufReader<DuplexStream>,
    to_client: DuplexStream,
}

/// A message that the client sent. `Debug` leaves out what may be a key or a token: the params of a
/// login, and answers.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// The id of a request or an answer; `null` for a notification.
    pub id: Value,
    /// The method; empty for an answer.
    pub method: String,
    /// The params, or the whole message if it is an answer.
    pub params: Value,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut received = f.debug_struct("Received");
        received.field("id", &self.id).field("method", &self.method);
        if self.method.is_empty() || self.method == protocol::LoginAccountParams::METHOD {
            return received.finish_non_exhaustive();
        }
        received.field("params", &self.params).finish()
    }
}

impl FakeServer {
    /// A client with default settings, connected to a new server, the handshake done.
    ///
    /// # Errors
    ///
    /// The handshake failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends both sides.
    pub async fn start() -> Result<(Codex, FakeServer)> {
        FakeServer::start_with(Codex::builder()).await
    }

    /// The same with the settings of `builder`.
    ///
    /// # Errors
    ///
    /// The handshake failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends both sides.
    pub async fn start_with(builder: CodexBuilder) -> Result<(Codex, FakeServer)> {
        FakeServer::start_as(crate::RUNTIME_VERSION, builder).await
    }

    /// The same with a server that says that it is this version of the runtime, or any other text.
    ///
    /// # Errors
    ///
    /// The handshake failed, or the client refuses that version.
    ///
    /// # Panics
    ///
    /// If the client sends something else than a handshake.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends both sides.
    pub async fn start_as(version: &str, builder: CodexBuilder) -> Result<(Codex, FakeServer)> {
        let (mut server, reader, writer) = FakeServer::pipes();
        let (codex, ()) = tokio::join!(builder.connect(reader, writer), async {
            server.answer_initialize(version).await;
            // A client that does not like the version says no more.
            if let Some(next) = server.receive().await {
                assert_eq!(next.method, protocol::ClientNotification::Initialized.method());
            }
        });
        Ok((codex?, server))
    }

    /// A server, and what to give [`CodexBuilder::connect`]; no handshake yet.
    pub fn pipes() -> (FakeServer, DuplexStream, DuplexStream) {
        let (reader, to_client) = tokio::io::duplex(PIPE);
        let (writer, from_client) = tokio::io::duplex(PIPE);
        let from_client = BufReader::new(from_client);
        (FakeServer { from_client, to_client }, reader, writer)
    }

    /// Answers `initialize` as the pinned runtime does, and takes in `initialized`.
    ///
    /// # Panics
    ///
    /// If the client sends something else.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was received or sent of the handshake when the future is dropped is not
    /// repeated.
    pub async fn shake_hands(&mut self) {
        self.answer_initialize(crate::RUNTIME_VERSION).await;
        self.expect(protocol::ClientNotification::Initialized.method()).await;
    }

    async fn answer_initialize(&mut self, version: &str) {
        let initialize = self.expect(protocol::InitializeParams::METHOD).await;
        let name = initialize.params["clientInfo"]["name"].as_str().unwrap_or_default().to_owned();
        let result = json!({
            "userAgent": format!("{name}/{version} (Debian 12.0.0; x86_64) unknown ({name}; 0)"),
            "codexHome": "/home/user/.codex",
            "platformFamily": "unix",
            "platformOs": "linux",
        });
        self.reply(&initialize.id, result).await;
    }

    /// The next message of the client; `None` when it has closed its end.
    ///
    /// # Panics
    ///
    /// If the client sends something that is not JSON.
    ///
    /// # Cancel safety
    ///
    /// A message that was half read when the future is dropped is lost.
    pub async fn receive(&mut self) -> Option<Received> {
        let mut line = String::new();
        if self.from_client.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let mut message: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let id = message["id"].clone();
        match message.get("method").and_then(Value::as_str).map(str::to_owned) {
            Some(method) => Some(Received { id, method, params: message["params"].take() }),
            None => Some(Received { id, method: String::new(), params: message }),
        }
    }

    /// The next message of the client, which must be of this method.
    ///
    /// # Panics
    ///
    /// If it is of another, or the client has closed its end.
    ///
    /// # Cancel safety
    ///
    /// A message that was half read when the future is dropped is lost, as with
    /// [`receive`](Self::receive).
    pub async fn expect(&mut self, method: &str) -> Received {
        let received = self.receive().await;
        match received {
            Some(received) if received.method == method => received,
            other => panic!("expected `{method}` from the client, got {other:?}"),
        }
    }

    /// Sends one message. A client that is gone is not an error.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn send(&mut self, message: Value) {
        self.send_bytes(format!("{message}\n").as_bytes()).await;
    }

    /// Sends bytes as they are: broken lines, parts of lines, anything.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, any first part of the bytes may have been sent.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.to_client.write_all(bytes).await;
    }

    /// Answers a request.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn reply(&mut self, id: &Value, result: Value) {
        self.send(json!({"id": id, "result": result})).await;
    }

    /// Answers a request with a JSON-RPC error.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn reply_error(&mut self, id: &Value, code: i64, message: &str) {
        self.send(json!({"error": {"code": code, "message": message}, "id": id})).await;
    }

    /// Sends a notification.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"method": method, "params": params, "emittedAtMs": 1})).await;
    }

    /// Answers the client's next message, which must be `thread/start`, with a thread of this id.
    ///
    /// # Panics
    ///
    /// If it is another message.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the request may have been received and never be
    /// answered, or its answer be half sent.
    pub async fn accept_thread(&mut self, thread: &str) -> Received {
        let request = self.expect(protocol::ThreadStartParams::METHOD).await;
        self.reply(&request.id, started_thread(thread)).await;
        request
    }

    /// Answers the client's next message, which must be `turn/start`, with a turn of this id.
    ///
    /// # Panics
    ///
    /// If it is another message.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the request may have been received and never be
    /// answered, or its answer be half sent.
    pub async fn accept_turn(&mut self, turn: &str) -> Received {
        let request = self.expect(protocol::TurnStartParams::METHOD).await;
        self.reply(&request.id, json!({"turn": a_turn(turn, "inProgress")})).await;
        request
    }

    /// Sends `item/agentMessage/delta`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn delta(&mut self, thread: &str, turn: &str, text: &str) {
        let params = json!({"threadId": thread, "turnId": turn, "itemId": "m1", "delta": text});
        self.notify(protocol::AgentMessageDeltaNotification::METHOD, params).await;
    }

    /// Sends `item/completed` with a message of the agent.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn message(&mut self, thread: &str, turn: &str, text: &str) {
        let item = json!({"type": "agentMessage", "id": "m1", "text": text});
        let params = json!({"item": item, "threadId": thread, "turnId": turn, "completedAtMs": 1});
        self.notify(protocol::ItemCompletedNotification::METHOD, params).await;
    }

    /// Sends `turn/started`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn start_turn(&mut self, thread: &str, turn: &str) {
        let params = json!({"threadId": thread, "turn": a_turn(turn, "inProgress")});
        self.notify(protocol::TurnStartedNotification::METHOD, params).await;
    }

    /// Sends `turn/completed` with a status such as `completed`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a message that was half sent when the future is dropped stays half sent, as
    /// with [`send_bytes`](Self::send_bytes).
    pub async fn complete_turn(&mut self, thread: &str, turn: &str, status: &str) {
        let params = json!({"threadId": thread, "turn": a_turn(turn, status)});
        self.notify(protocol::TurnCompletedNotification::METHOD, params).await;
    }
}

fn started_thread(id: &str) -> Value {
    let thread = json!({
        "id": id,
        "sessionId": id,
        "cliVersion": crate::RUNTIME_VERSION,
        "createdAt": 1,
        "updatedAt": 1,
        "cwd": "/home/user/project",
        "ephemeral": false,
        "modelProvider": "mock",
        "preview": "",
        "projectId": null,
        "source": "cli",
        "status": {"type": "idle"},
        "turns": [],
    });
    json!({
        "thread": thread,
        "approvalPolicy": "never",
        "approvalsReviewer": "user",
        "cwd": "/home/user/project",
        "model": "gpt-5.5",
        "modelProvider": "mock",
        "sandbox": {"type": "readOnly"},
    })
}

fn a_turn(id: &str, status: &str) -> Value {
    json!({"id": id, "items": [], "status": status, "itemsView": "notLoaded"})
}

//! A server that asks, and those who answer.

use std::sync::Arc;
use std::time::Duration;

use codexkit::protocol::{RawMessage, ServerNotification, ThreadLoadedListParams};
use codexkit::testing::FakeServer;
use codexkit::{
    Attestation, Codex, CodexBuilder, CommandApproval, ConnectionEvent, CurrentTime, Elicitation,
    FileChangeApproval, HandlerResult, LegacyCommandApproval, LegacyPatchApproval, Notifications,
    PermissionsApproval, ServerRequest, ServerRequestHandler, Thread, TokenRefresh, ToolCall,
    TurnEvent, TurnHandle, UserInput,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::kinds::each_kind;

pub(crate) use crate::waiting::{Waiting, without_nulls};

/// Longer than anything takes that ends at all. The clock of these tests only goes on when nothing
/// else can.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const COMMAND: &str = "item/commandExecution/requestApproval";
pub(crate) const FILES: &str = "item/fileChange/requestApproval";
pub(crate) const PERMISSIONS: &str = "item/permissions/requestApproval";
pub(crate) const USER_INPUT: &str = "item/tool/requestUserInput";
pub(crate) const ELICITATION: &str = "mcpServer/elicitation/request";
pub(crate) const TOOL: &str = "item/tool/call";
pub(crate) const TOKENS: &str = "account/chatgptAuthTokens/refresh";
pub(crate) const TIME: &str = "currentTime/read";
pub(crate) const ATTESTATION: &str = "attestation/generate";
pub(crate) const LEGACY_COMMAND: &str = "execCommandApproval";
pub(crate) const LEGACY_PATCH: &str = "applyPatchApproval";

/// Waits for what has to come.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    timeout(HOUR, future.into_future()).await.expect("it never came")
}

/// A client, its server and a thread `t1`.
pub(crate) struct Scene {
    pub(crate) codex: Codex,
    pub(crate) server: FakeServer,
    pub(crate) thread: Thread,
}

pub(crate) async fn scene() -> Scene {
    scene_with(Codex::builder()).await
}

pub(crate) async fn scene_with(builder: CodexBuilder) -> Scene {
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let start = codex.thread_start().into_future();
    let (thread, _) = tokio::join!(start, server.accept_thread("t1"));
    Scene { codex, server, thread: thread.unwrap() }
}

impl Scene {
    /// A turn that parks what it is asked.
    pub(crate) async fn parking_turn(&mut self, id: &str) -> TurnHandle {
        let start = self.thread.turn("go").park_requests().into_future();
        let (turn, _) = tokio::join!(start, self.server.accept_turn(id));
        turn.unwrap()
    }

    pub(crate) async fn turn_with(
        &mut self,
        id: &str,
        handler: impl ServerRequestHandler,
    ) -> TurnHandle {
        let start = self.thread.turn("go").handler(handler).into_future();
        let (turn, _) = tokio::join!(start, self.server.accept_turn(id));
        turn.unwrap()
    }

    /// Whatever was sent before has arrived on the other side when this returns.
    pub(crate) async fn sync(&mut self) {
        sync(&self.codex, &mut self.server).await;
    }
}

pub(crate) async fn sync(codex: &Codex, server: &mut FakeServer) {
    let request = codex.request(ThreadLoadedListParams::default()).into_future();
    let (answer, ()) = tokio::join!(request, async {
        let id = within(server.expect("thread/loaded/list")).await.id;
        server.reply(&id, json!({"data": []})).await;
    });
    answer.unwrap();
}

/// Fails if the client says anything within the next minute.
pub(crate) async fn silence(server: &mut FakeServer) {
    let next = timeout(Duration::from_secs(60), server.receive()).await;
    assert!(next.is_err(), "{next:?}");
}

/// Params of a request about the turn `turn` of the thread `t1`, of any kind that has these.
pub(crate) fn params(method: &str, turn: &str) -> Value {
    let of_item = |more: Value| {
        let mut params = json!({
            "threadId": "t1", "turnId": turn, "itemId": "i1", "startedAtMs": 1,
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    match method {
        COMMAND => of_item(json!({
            "command": "ls",
            "cwd": "/",
            "availableDecisions": ["accept", "acceptForSession", "cancel"],
        })),
        FILES => of_item(json!({})),
        PERMISSIONS => of_item(json!({
            "cwd": "/",
            "permissions": {"network": {"enabled": true}},
        })),
        USER_INPUT => of_item(json!({
            "isBlocking": true,
            "questions": [{"id": "q1", "header": "h", "question": "?", "options": null}],
        })),
        ELICITATION => of_item(json!({
            "serverName": "s",
            "mode": "form",
            "message": "?",
            "requestedSchema": {"type": "object", "properties": {}},
        })),
        TOOL => of_item(json!({"callId": "c1", "namespace": null, "tool": "x", "arguments": {}})),
        TOKENS => json!({"reason": "unauthorized", "previousAccountId": "a1"}),
        TIME => json!({"threadId": "t1"}),
        ATTESTATION => json!({}),
        LEGACY_COMMAND => json!({
            "conversationId": "t1", "callId": "c1", "command": ["ls"], "cwd": "/", "parsedCmd": [],
        }),
        LEGACY_PATCH => json!({"conversationId": "t1", "callId": "c1", "fileChanges": {}}),
        other => panic!("{other}"),
    }
}

/// All kinds of requests.
pub(crate) const KINDS: [&str; 11] = [
    COMMAND,
    FILES,
    PERMISSIONS,
    USER_INPUT,
    ELICITATION,
    TOOL,
    TOKENS,
    TIME,
    ATTESTATION,
    LEGACY_COMMAND,
    LEGACY_PATCH,
];

pub(crate) fn request(id: impl Into<Value>, method: &str, params: &Value) -> Value {
    let id: Value = id.into();
    json!({"method": method, "id": id, "params": params})
}

pub(crate) async fn ask(
    server: &mut FakeServer,
    id: impl Into<Value>,
    method: &str,
    params: &Value,
) {
    server.send(request(id, method, params)).await;
}

/// Asks whether a command of the turn may run.
pub(crate) async fn ask_command(server: &mut FakeServer, id: impl Into<Value>, turn: &str) {
    ask(server, id, COMMAND, &params(COMMAND, turn)).await;
}

/// The next that the client says, which has to be an answer.
pub(crate) async fn answer(server: &mut FakeServer) -> Value {
    let answer = within(server.receive()).await.expect("the client has closed its end");
    assert_eq!(answer.method, "", "{answer:?}");
    answer.params
}

/// The answer that lets a command run, or not.
pub(crate) fn decision(id: impl Into<Value>, decision: &str) -> Value {
    let id: Value = id.into();
    json!({"id": id, "result": {"decision": decision}})
}

pub(crate) async fn resolve_elsewhere(server: &mut FakeServer, id: impl Into<Value>) {
    let id: Value = id.into();
    let params = json!({"threadId": "t1", "requestId": id});
    server.notify("serverRequest/resolved", params).await;
}

/// Sends all of this in one write.
pub(crate) async fn send_at_once(server: &mut FakeServer, messages: &[Value]) {
    let lines: Vec<_> = messages.iter().map(|message| format!("{message}\n")).collect();
    server.send_bytes(lines.concat().as_bytes()).await;
}

pub(crate) fn notification(method: &str, params: &Value) -> Value {
    json!({"method": method, "params": params, "emittedAtMs": 1})
}

/// What is said of a request that was refused: the request, the problem, the error of the handler.
pub(crate) type Refusal = (RawMessage, Option<String>, Option<String>);

/// The next that the feed says, which has to be a refusal.
pub(crate) async fn refusal(feed: &mut Notifications) -> Refusal {
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::RequestRefused { request, problem, source, .. } => {
            (request, problem, source.map(|it| it.to_string()))
        }
        other => panic!("{other:?}"),
    }
}

/// The problem of the next refusal.
pub(crate) async fn problem(feed: &mut Notifications) -> Option<String> {
    refusal(feed).await.1
}

/// Fails if the feed has anything else than this notification.
pub(crate) async fn nothing_but(feed: &mut Notifications, method: &str) {
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => {
            assert_eq!(notification.method(), method);
        }
        other => panic!("{other:?}"),
    }
}

/// Fails if the feed has got something so far.
pub(crate) async fn quiet(feed: &mut Notifications, server: &mut FakeServer) {
    server.notify("test/last", json!({})).await;
    nothing_but(feed, "test/last").await;
}

/// Gives away what it is asked, and says who it is.
pub(crate) struct Forward {
    pub(crate) name: &'static str,
    to: UnboundedSender<(&'static str, ServerRequest)>,
    pub(crate) deadline: Option<Duration>,
    /// What is dropped with this.
    pub(crate) guard: Option<Box<dyn Send + Sync>>,
}

/// What handlers were asked.
pub(crate) struct Asked {
    from: UnboundedReceiver<(&'static str, ServerRequest)>,
    to: UnboundedSender<(&'static str, ServerRequest)>,
}

impl Asked {
    pub(crate) fn new() -> Asked {
        let (to, from) = unbounded_channel();
        Asked { from, to }
    }

    /// A handler that gives to this.
    pub(crate) fn handler(&self, name: &'static str) -> Forward {
        Forward { name, to: self.to.clone(), deadline: None, guard: None }
    }

    /// Who was asked next, and what.
    pub(crate) async fn next(&mut self) -> (&'static str, ServerRequest) {
        within(self.from.recv()).await.unwrap()
    }

    /// What is asked next, which has to be about a command.
    pub(crate) async fn command(&mut self) -> CommandApproval {
        command_of(self.next().await.1)
    }

    /// Who was asked, and what, if somebody was so far.
    pub(crate) fn try_next(&mut self) -> Option<(&'static str, ServerRequest)> {
        self.from.try_recv().ok()
    }

    #[track_caller]
    pub(crate) fn assert_empty(&mut self) {
        let next = self.from.try_recv();
        assert!(next.is_err(), "{next:?}");
    }
}

#[track_caller]
pub(crate) fn command_of(request: ServerRequest) -> CommandApproval {
    match request {
        ServerRequest::CommandApproval(request) => request,
        other => panic!("{other:?}"),
    }
}

macro_rules! forward {
    ($($method:ident $name:ident,)*) => {
        impl ServerRequestHandler for Forward {
            $(async fn $method(&self, request: $name) -> HandlerResult {
                let sent = self.to.send((self.name, ServerRequest::$name(request)));
                sent.map_err(|_| "nobody takes it".into())
            })*

            fn deadline(&self, _request: &ServerRequest) -> Option<Duration> {
                self.deadline
            }
        }
    };
}

each_kind!(forward);

/// The next event of a turn, which has to be a request.
pub(crate) async fn parked(turn: &mut TurnHandle) -> ServerRequest {
    match within(turn.next()).await.unwrap().unwrap() {
        TurnEvent::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

/// The next event of a turn, which has to be a notification.
pub(crate) async fn notified(turn: &mut TurnHandle) -> ServerNotification {
    within(turn.next()).await.unwrap().unwrap().into_notification().unwrap()
}

/// Tells when it is dropped.
pub(crate) struct Guard(Option<tokio::sync::oneshot::Sender<()>>);

impl Guard {
    pub(crate) fn new() -> (Guard, tokio::sync::oneshot::Receiver<()>) {
        let (sender, dropped) = tokio::sync::oneshot::channel();
        (Guard(Some(sender)), dropped)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

/// Runs this when it is dropped.
pub(crate) struct OnDrop<F: FnOnce()>(pub(crate) Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0.take().unwrap()();
    }
}

/// Waits until what is dropped in the background is gone: the clock of these tests only goes on when
/// nothing is at work any more.
pub(crate) async fn let_go() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Something of which the tests have one more handle, to see when all others are gone.
pub(crate) fn counted() -> (Arc<()>, Arc<()>) {
    let it = Arc::new(());
    (Arc::clone(&it), it)
}

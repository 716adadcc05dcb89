//! What the server asks, and what it is answered, with secrets in both.

use std::sync::mpsc::{Receiver, channel};

use codexkit::protocol::{
    AttestationGenerateResponse, ChatgptAuthTokensRefreshResponse, DynamicToolCallResponse,
    McpServerElicitationRequestResponse,
};
use codexkit::testing::FakeServer;
use codexkit::{
    Codex, CommandApproval, ConnectionEvent, Error, Handlers, PendingRequest, RequestPolicy,
    Resolution, ServerRequest, Tool, ToolCall, ToolNamespace, ToolOutput, TurnEvent, TurnHandle,
};
use serde_json::{Value, json};

use crate::kinds::each_kind;
use crate::written::Written;
use crate::{KEY, MARK, NEW_TOKEN, OTHER, TOKEN};

/// Requests of all kinds, with secrets wherever there can be some.
fn requests() -> Vec<(&'static str, Value)> {
    let of_item = |more: Value| {
        let mut params =
            json!({"threadId": "t1", "turnId": "u1", "itemId": "i1", "startedAtMs": 1, "new": KEY});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let question = |is_secret: bool| {
        let options = json!([{"label": "A", "description": OTHER}]);
        json!({
            "id": format!("q{is_secret}"), "header": "h", "question": KEY, "isOther": false,
            "isSecret": is_secret, "options": options,
        })
    };
    let form = json!({
        "type": "object",
        "properties": {"f": {"type": "string", "maxLength": 3, "description": KEY}},
    });
    vec![
        (
            "item/commandExecution/requestApproval",
            of_item(json!({"command": format!("export KEY={KEY}"), "reason": OTHER})),
        ),
        ("item/fileChange/requestApproval", of_item(json!({"reason": KEY}))),
        (
            "item/permissions/requestApproval",
            of_item(json!({"cwd": "/", "reason": KEY, "permissions": {"new": OTHER}})),
        ),
        (
            "item/tool/requestUserInput",
            of_item(json!({"isBlocking": true, "questions": [question(true), question(false)]})),
        ),
        (
            "mcpServer/elicitation/request",
            of_item(json!({
                "serverName": "s", "mode": "form", "message": KEY, "_meta": {"key": OTHER},
                "requestedSchema": form,
            })),
        ),
        (
            "item/tool/call",
            of_item(json!({"callId": "c1", "tool": "other", "arguments": {"key": KEY}})),
        ),
        ("account/chatgptAuthTokens/refresh", json!({"reason": "unauthorized", "new": TOKEN})),
        ("currentTime/read", json!({"threadId": "t1", "new": KEY})),
        ("attestation/generate", json!({"new": KEY})),
        (
            "execCommandApproval",
            json!({
                "conversationId": "t1", "callId": "c1", "command": ["sh", KEY], "cwd": "/",
                "parsedCmd": [],
            }),
        ),
        (
            "applyPatchApproval",
            json!({"conversationId": "t1", "callId": "c1", "fileChanges": {}, "reason": KEY}),
        ),
    ]
}

/// A client that gives away what it is asked, apart from what it fails with.
async fn a_client() -> (Codex, FakeServer, Receiver<ServerRequest>) {
    let (sender, asked) = channel();
    macro_rules! giving {
        ($($method:ident $name:ident,)*) => {
            Handlers::new()$(.$method({
                let sender = sender.clone();
                move |request| {
                    let _ = sender.send(ServerRequest::$name(request));
                    std::future::ready(Ok::<_, Error>(()))
                }
            }))*
        };
    }
    let handlers = each_kind!(giving);
    let (codex, server) = FakeServer::start_with(Codex::builder().handler(handlers)).await.unwrap();
    (codex, server, asked)
}

/// Whatever was sent before has arrived when this returns.
async fn sync(codex: &Codex, server: &mut FakeServer) {
    let call = codex.request(codexkit::protocol::ThreadLoadedListParams::default()).into_future();
    let (reply, ()) = tokio::join!(call, async {
        let id = server.expect("thread/loaded/list").await.id;
        server.reply(&id, json!({"data": []})).await;
    });
    reply.unwrap();
}

pub(crate) async fn of_all_kinds(written: &mut Written) {
    let (codex, mut server, asked) = a_client().await;
    let mut feed = codex.notifications();
    for (id, (method, params)) in requests().into_iter().enumerate() {
        server.send(json!({"id": id, "method": method, "params": params})).await;
        sync(&codex, &mut server).await;
        let request = asked.try_recv().unwrap();
        assert_eq!(request.method(), method);
        written.debug(&request);
        of_one(written, &request);
        written.debug(&request.resolution().unwrap_or(Resolution::Elsewhere));
        let answer = server.receive().await.unwrap();
        assert_eq!(answer.id, id);
        written.debug(&answer);
        written.debug(&request);
        // It comes again, although it was answered.
        server.send(json!({"id": id, "method": method, "params": params})).await;
        let event = feed.next().await.unwrap().unwrap();
        assert!(matches!(event, ConnectionEvent::RequestRepeated { .. }), "{event:?}");
        written.debug(&event);
    }
}

/// Answers one request with secrets, first in a way that is invalid, if there is one, and again when
/// that is too late.
fn of_one(written: &mut Written, request: &ServerRequest) {
    let late = match request {
        ServerRequest::UserInput(it) => {
            written.debug(it);
            let wrong = [("qtrue", KEY), ("qfalse", "A")];
            assert!(matches!(written.failure(it.answer(wrong)), Error::InvalidInput(_)));
            let wrong = [("qtrue", "A"), ("qfalse", KEY)];
            assert!(matches!(written.failure(it.answer(wrong)), Error::InvalidInput(_)));
            it.answer([("qtrue", "A"), ("qfalse", "A")]).unwrap();
            it.answer([("qtrue", KEY)])
        }
        ServerRequest::Elicitation(it) => {
            written.debug(it);
            for wrong in [json!({"f": KEY}), json!({"f": [KEY]}), json!(KEY), json!([KEY])] {
                assert!(matches!(written.failure(it.accept_with(wrong)), Error::InvalidInput(_)));
            }
            let says: McpServerElicitationRequestResponse =
                serde_json::from_value(json!({"action": "decline", "content": {"f": KEY}}))
                    .unwrap();
            assert!(matches!(written.failure(it.respond(says)), Error::InvalidInput(_)));
            it.decline().unwrap();
            it.accept_with(json!({"f": KEY}))
        }
        ServerRequest::ToolCall(it) => {
            written.debug(it);
            let output = |text: &str| {
                let item =
                    json!({"contentItems": [{"type": "inputText", "text": text}], "success": true});
                serde_json::from_value::<DynamicToolCallResponse>(item).unwrap()
            };
            it.respond(output(KEY)).unwrap();
            it.respond(output(OTHER))
        }
        ServerRequest::TokenRefresh(it) => {
            written.debug(it);
            let tokens = || ChatgptAuthTokensRefreshResponse::new("a1", NEW_TOKEN);
            it.respond(tokens()).unwrap();
            it.respond(tokens())
        }
        ServerRequest::Attestation(it) => {
            written.debug(it);
            it.respond(AttestationGenerateResponse::new(KEY)).unwrap();
            it.answer(OTHER)
        }
        other => {
            other.refuse().unwrap();
            other.refuse()
        }
    };
    assert!(matches!(written.failure(late), Error::RequestResolved { .. }));
}

/// Handlers and tools whose errors and panics have secrets in them, which are for the user alone.
pub(crate) async fn of_failures(written: &mut Written) {
    let handlers = Handlers::new()
        .command_approval(async |_| Err::<(), _>(std::io::Error::other(KEY)))
        .file_change_approval(async |_| {
            Err::<(), Box<dyn std::error::Error + Send + Sync>>(KEY.into())
        });
    written.debug(&handlers);
    let keeps = KEY.to_owned();
    let policy = RequestPolicy::deny_all()
        .allow_commands_if(move |it| it.command.as_deref() == Some(&keeps))
        .pass_the_rest();
    written.debug(&policy);
    let builder = Codex::builder().handler(handlers);
    written.debug(&builder);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    for (id, (method, params)) in requests().into_iter().take(2).enumerate() {
        server.send(json!({"id": id, "method": method, "params": params})).await;
        let answer = server.receive().await.unwrap();
        assert!(!answer.params.to_string().contains(MARK), "{answer:?}");
        let event = feed.next().await.unwrap().unwrap();
        written.debug(&event);
        match event {
            ConnectionEvent::RequestRefused { request, problem, source: Some(source), .. } => {
                assert!(request.params.to_string().contains(MARK));
                assert!(!problem.unwrap().contains(MARK));
                // This is what the user said.
                assert!(source.to_string().contains(MARK));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A place that a tool is told of.
#[derive(serde::Deserialize)]
struct Place {
    #[allow(dead_code, reason = "it only has to be there")]
    city: u32,
}

pub(crate) async fn of_tools(written: &mut Written) {
    let tool =
        Tool::with_schema("x", OTHER, json!({"description": KEY}), async |_: Place, call| {
            let call: ToolCall = call;
            assert!(call.arguments.to_string().contains(MARK));
            Err::<String, _>(std::io::Error::other(KEY))
        });
    written.debug(&tool);
    written.debug(&ToolNamespace::new("n", "d").tool(tool.clone()));
    written.debug(&ToolOutput::text(KEY).and(ToolOutput::image("image/png", KEY)));
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.thread_start().tool(tool);
    written.debug(&start);
    let (thread, _) = tokio::join!(start.into_future(), server.accept_thread("t1"));
    let _thread = thread.unwrap();
    for (id, arguments) in
        [json!({"city": KEY}), json!({"city": 1, "new": KEY})].into_iter().enumerate()
    {
        let params = json!({
            "threadId": "t1", "turnId": "u1", "callId": "c1", "tool": "x", "arguments": arguments,
        });
        server.send(json!({"id": id, "method": "item/tool/call", "params": params})).await;
        // The model is told why.
        let answer = server.receive().await.unwrap();
        assert!(answer.params.to_string().contains(MARK));
        written.debug(&answer);
    }
}

/// A turn that parks what it is asked.
pub(crate) async fn of_parked(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    let start = thread.turn("go").park_requests();
    written.debug(&start);
    let (turn, _) = tokio::join!(start.into_future(), server.accept_turn("u1"));
    let mut turn: TurnHandle = turn.unwrap();
    for (id, (method, params)) in requests().into_iter().take(6).enumerate() {
        server.send(json!({"id": id, "method": method, "params": params})).await;
        let event = turn.next().await.unwrap().unwrap();
        written.debug(&event);
        let TurnEvent::Request(request) = event else { panic!("{event:?}") };
        if let ServerRequest::CommandApproval(request) = &request {
            let request: &CommandApproval = request;
            let pending: &PendingRequest<_> = request;
            assert!(pending.params().command.as_deref().unwrap().contains(MARK));
            written.debug(pending);
        }
    }
    written.debug(&turn);
}

//! What the other side does wrong harms nothing but itself, and everyone is told when it is gone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use codexkit::protocol::{
    SERVER_REQUEST_METHODS, ServerNotification, ThreadLoadedListParams, TurnStatus,
};
use codexkit::testing::FakeServer;
use codexkit::{CloseReason, Codex, ConnectionEvent, Error, Result, TurnHandle};
use serde_json::{Value, json};

async fn loaded(codex: &Codex) -> Result<Vec<String>> {
    codex.request(ThreadLoadedListParams::default()).await.map(|response| response.data)
}

async fn turn(codex: &Codex, server: &mut FakeServer) -> TurnHandle {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    let (turn, _) = tokio::join!(thread.turn("go").into_future(), server.accept_turn("u1"));
    turn.unwrap()
}

/// Shows that the connection still works.
async fn answers(codex: &Codex, server: &mut FakeServer) {
    let (data, ()) = tokio::join!(loaded(codex), async {
        let id = server.expect("thread/loaded/list").await.id;
        server.reply(&id, json!({"data": ["alive"]})).await;
    });
    assert_eq!(data.unwrap(), ["alive"]);
}

#[tokio::test]
async fn replies_find_their_requests_in_any_order() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let codex = codex.clone();
            tokio::spawn(async move { loaded(&codex).await })
        })
        .collect();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(server.expect("thread/loaded/list").await.id);
    }
    for id in ids.iter().rev() {
        server.reply(id, json!({"data": [id.to_string()]})).await;
    }
    let mut answers = Vec::new();
    for request in requests {
        answers.extend(request.await.unwrap().unwrap());
    }
    answers.sort();
    let mut sent: Vec<_> = ids.iter().map(Value::to_string).collect();
    sent.sort();
    assert_eq!(answers, sent);
}

#[tokio::test]
async fn a_second_reply_and_a_reply_to_nothing_are_reported_and_harm_nobody() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (data, ()) = tokio::join!(loaded(&codex), async {
        let id = server.expect("thread/loaded/list").await.id;
        server.reply(&json!(987_654), json!({})).await;
        server.reply(&json!("a string"), json!({})).await;
        server.reply(&id, json!({"data": ["first"]})).await;
        server.reply(&id, json!({"data": ["second"]})).await;
    });
    assert_eq!(data.unwrap(), ["first"]);
    answers(&codex, &mut server).await;
    for expected in [json!(987_654), json!("a string"), json!(1)] {
        match feed.next().await.unwrap().unwrap() {
            ConnectionEvent::UnmatchedResponse { id, .. } if expected != json!(1) => {
                assert_eq!(id, expected);
            }
            ConnectionEvent::UnmatchedResponse { id, .. } => assert!(id.is_i64(), "{id}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_reply_ends_at_its_deadline() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let call = codex.request(ThreadLoadedListParams::default()).timeout(Duration::from_secs(5));
    let (answer, _) = tokio::join!(call.into_future(), server.expect("thread/loaded/list"));
    match answer.unwrap_err() {
        Error::Timeout { what, after, .. } => {
            assert_eq!((what, after), ("thread/loaded/list", Duration::from_secs(5)));
        }
        other => panic!("{other:?}"),
    }
    answers(&codex, &mut server).await;
}

#[tokio::test]
async fn malformed_lines_are_counted_and_reported_and_skipped() {
    let lines: [&[u8]; 9] = [
        b"not json\n",
        b"{\"method\":\n",
        b"[]\n",
        b"42\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"{\"method\":\"warning\",\"params\":{\"message\":\"cut\n",
        b"{\"method\":\"item/agentMessage/delta\",\"params\":{\"threadId\":\"x\",\"turnId\":\"y\",\"oops\n",
        b"{\"jsonrpc\":\"2.0\"}\n",
    ];
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    for line in lines {
        server.send_bytes(line).await;
    }
    server.send_bytes(b"\n\r\n").await;
    answers(&codex, &mut server).await;
    assert_eq!(codex.malformed_lines(), 9);
    for _ in lines {
        let event = feed.next().await.unwrap().unwrap();
        assert!(matches!(event, ConnectionEvent::Malformed { .. }), "{event:?}");
    }
}

#[tokio::test]
async fn a_broken_event_is_one_error_and_the_turn_goes_on() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    let broken =
        r#"{"method":"item/agentMessage/delta","params":{"threadId":"t1","turnId":"u1","de"#;
    server.send_bytes(format!("{broken}\n").as_bytes()).await;
    server.delta("t1", "u1", "fine").await;
    server
        .notify("item/agentMessage/delta", json!({"threadId": "t1", "turnId": "u1", "delta": 7}))
        .await;
    server.complete_turn("t1", "u1", "completed").await;
    assert!(matches!(turn.next().await, Some(Err(Error::Decode { .. }))));
    match turn.next().await.unwrap().unwrap().into_notification().unwrap() {
        ServerNotification::AgentMessageDelta(delta) => assert_eq!(delta.delta, "fine"),
        other => panic!("{other:?}"),
    }
    match turn.next().await.unwrap().unwrap().into_notification().unwrap() {
        ServerNotification::Unrecognized(raw) => assert_eq!(raw.params["delta"], json!(7)),
        other => panic!("{other:?}"),
    }
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
    assert_eq!(codex.malformed_lines(), 1);
}

#[tokio::test]
async fn messages_with_their_keys_in_another_order_are_understood() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    let lines = [
        r#"{"emittedAtMs":7,"params":{"delta":"a","itemId":"m","turnId":"u1","threadId":"t1"},"method":"item/agentMessage/delta"}"#,
        r#" { "method" : "item\/agentMessage\/delta" , "params" : {"threadId":"t1","turnId":"\u0075\u0031","itemId":"m","delta":"b"} }"#,
        r#"{"params":{"turn":{"status":"completed","items":[],"id":"u1"},"threadId":"t1"},"method":"turn/completed","new":[{}]}"#,
    ];
    for line in lines {
        server.send_bytes(format!("{line}\r\n").as_bytes()).await;
    }
    let first = turn.next().await.unwrap().unwrap();
    assert_eq!(first.emitted_at_ms(), Some(7));
    let second = turn.next().await.unwrap().unwrap();
    for (event, text) in [(first, "a"), (second, "b")] {
        match event.into_notification().unwrap() {
            ServerNotification::AgentMessageDelta(delta) => assert_eq!(delta.delta, text),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
}

#[tokio::test]
async fn a_line_of_100_megabytes_is_delivered() {
    const SIZE: usize = 100 * 1024 * 1024;
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let turn = turn(&codex, &mut server).await;
    server.message("t1", "u1", &"x".repeat(SIZE)).await;
    server.complete_turn("t1", "u1", "completed").await;
    let result = turn.result().await.unwrap();
    assert_eq!(result.final_response.map(|text| text.len()), Some(SIZE));
    answers(&codex, &mut server).await;
}

#[tokio::test]
async fn deep_nesting_harms_only_its_own_line() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server.send_bytes(format!("{{\"method\":\"x\",\"params\":{deep}}}\n").as_bytes()).await;
    answers(&codex, &mut server).await;
    let event = codex.notifications().next().await.unwrap().unwrap();
    assert!(matches!(event, ConnectionEvent::Malformed { .. }), "{event:?}");
    assert_eq!(codex.malformed_lines(), 1);
}

#[tokio::test]
async fn an_unknown_request_of_the_server_is_refused_and_visible() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    server.send(json!({"method": "no/such/request", "id": "s-1", "params": {"a": 1}})).await;
    let answer = server.receive().await.unwrap();
    assert_eq!(answer.id, json!("s-1"));
    assert_eq!(answer.params["error"]["code"], json!(-32601));
    match feed.next().await.unwrap().unwrap() {
        ConnectionEvent::RequestRefused { request, problem, .. } => {
            assert_eq!((&*request.method, &request.params), ("no/such/request", &json!({"a": 1})));
            assert!(problem.is_some());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_undecodable_request_of_the_server_is_refused_with_the_place() {
    let (_codex, mut server) = FakeServer::start().await.unwrap();
    let params = json!({"threadId": 7, "turnId": "u", "itemId": "i", "startedAtMs": 1});
    let request = json!({"method": "item/fileChange/requestApproval", "id": 3, "params": params});
    server.send(request).await;
    let answer = server.receive().await.unwrap();
    assert_eq!((answer.id, &answer.params["error"]["code"]), (json!(3), &json!(-32602)));
    let message = answer.params["error"]["message"].as_str().unwrap();
    assert!(message.contains("`threadId`: expected a string"), "{message}");
}

#[tokio::test]
async fn every_known_request_of_the_server_is_refused_by_default() {
    let (_codex, mut server) = FakeServer::start().await.unwrap();
    let scope = json!({"threadId": "t", "turnId": "u", "itemId": "i", "startedAtMs": 1});
    let with = |more: Value| {
        let mut params = scope.clone();
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let cases = [
        (
            "item/commandExecution/requestApproval",
            with(json!({"kind": "command"})),
            json!({"decision": "decline"}),
        ),
        ("item/fileChange/requestApproval", with(json!({})), json!({"decision": "decline"})),
        (
            "item/permissions/requestApproval",
            with(json!({"cwd": "/", "permissions": {}})),
            json!({"permissions": {}}),
        ),
        (
            "item/tool/requestUserInput",
            with(json!({"questions": [], "isBlocking": true})),
            json!({"answers": {}}),
        ),
        (
            "item/tool/call",
            with(json!({"callId": "c", "tool": "x", "arguments": {}})),
            json!({
                "success": false,
                "contentItems": [{"type": "inputText", "text": "the tool gave no result"}],
            }),
        ),
    ];
    let denied = json!({"decision": {"denied": {"rejection": "the client does not grant it"}}});
    let legacy = json!({"callId": "c", "conversationId": "t", "fileChanges": {}});
    let legacy_command = json!({"callId": "c", "conversationId": "t", "command": ["ls"], "cwd": "/", "parsedCmd": []});
    let elicitation = json!({
        "threadId": "t", "serverName": "s", "mode": "form", "message": "m",
        "requestedSchema": {"type": "object", "properties": {}},
    });
    let more = [
        ("mcpServer/elicitation/request", elicitation, json!({"action": "decline"})),
        ("applyPatchApproval", legacy, denied.clone()),
        ("execCommandApproval", legacy_command, denied),
    ];
    let refused_as_errors = [
        ("account/chatgptAuthTokens/refresh", json!({"reason": "unauthorized"})),
        ("attestation/generate", json!({})),
        ("currentTime/read", json!({"threadId": "t"})),
    ];
    let answered = cases
        .into_iter()
        .chain(more)
        .map(|(method, params, expected)| (method, params, json!({"result": expected})));
    let failed = refused_as_errors.into_iter().map(|(method, params)| {
        let message = format!("the client does not provide `{method}`");
        (method, params, json!({"error": {"code": -32000, "message": message}}))
    });
    let all: Vec<_> = answered.chain(failed).collect();
    let methods: BTreeSet<_> = all.iter().map(|(method, ..)| *method).collect();
    assert_eq!(methods, SERVER_REQUEST_METHODS.iter().copied().collect());
    for (n, (method, params, mut expected)) in all.into_iter().enumerate() {
        server.send(json!({"method": method, "id": n, "params": params})).await;
        let answer = server.receive().await.unwrap();
        expected["id"] = json!(n);
        assert_eq!(answer.params, expected, "{method}");
    }
}

#[tokio::test]
async fn a_request_of_the_server_is_answered_wherever_its_id_is() {
    let (_codex, mut server) = FakeServer::start().await.unwrap();
    let params = r#"{"threadId":"t","turnId":"u","itemId":"i","startedAtMs":1}"#;
    let method = "item/fileChange/requestApproval";
    let line = format!("{{\"method\":\"{method}\",\"params\":{params},\"id\":9}}\n");
    server.send_bytes(line.as_bytes()).await;
    assert_eq!(server.receive().await.unwrap().id, json!(9));
}

#[tokio::test]
async fn a_turn_whose_end_is_broken_ends_with_an_error() {
    for broken in [
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"u1","ite"#.to_owned(),
        format!(
            r#"{{"method":"turn/completed","params":{{"threadId":"t1","turn":{{"id":"u1","items":{}{}}}}},"emittedAtMs":1}}"#,
            "[".repeat(500),
            "]".repeat(500)
        ),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let turn = turn(&codex, &mut server).await;
        server.send_bytes(format!("{broken}\n").as_bytes()).await;
        match turn.result().await.unwrap_err() {
            Error::Decode { method, .. } => assert_eq!(method, "turn/completed"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_odd_time_stamp_harms_nothing() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    for (stamp, expected) in [(json!(null), None), (json!(1.5), None), (json!(7), Some(7))] {
        let params = json!({"threadId": "t1", "turnId": "u1", "itemId": "m", "delta": "x"});
        let method = "item/agentMessage/delta";
        server.send(json!({"method": method, "params": params, "emittedAtMs": stamp})).await;
        let event = turn.next().await.unwrap().unwrap();
        let notification = event.notification().unwrap();
        assert!(matches!(notification, ServerNotification::AgentMessageDelta(_)));
        assert_eq!(event.emitted_at_ms(), expected);
    }
}

#[tokio::test]
async fn the_last_line_needs_no_newline() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let turn = turn(&codex, &mut server).await;
    let params =
        json!({"threadId": "t1", "turn": {"id": "u1", "items": [], "status": "completed"}});
    let line = json!({"method": "turn/completed", "params": params}).to_string();
    server.send_bytes(line.as_bytes()).await;
    drop(server);
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
}

#[tokio::test]
async fn everyone_gets_the_same_reason_when_the_connection_ends() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    let mut feed = codex.notifications();
    server.delta("t1", "u1", "the last words").await;
    let pending = tokio::spawn({
        let codex = codex.clone();
        async move { loaded(&codex).await }
    });
    server.expect("thread/loaded/list").await;
    drop(server);
    assert!(matches!(codex.closed().await, CloseReason::Eof));
    assert!(matches!(pending.await.unwrap(), Err(Error::Closed(CloseReason::Eof))));
    assert!(matches!(loaded(&codex).await, Err(Error::Closed(CloseReason::Eof))));
    assert!(matches!(codex.close_reason(), Some(CloseReason::Eof)));
    // What had arrived is delivered first.
    assert!(matches!(turn.next().await, Some(Ok(_))));
    assert!(matches!(turn.next().await, Some(Err(Error::Closed(CloseReason::Eof)))));
    assert!(turn.next().await.is_none());
    assert!(matches!(turn.interrupt().await, Err(Error::Closed(CloseReason::Eof))));
    loop {
        match feed.next().await.unwrap() {
            Ok(_) => (),
            Err(error) => {
                assert!(error.is_closed());
                break;
            }
        }
    }
}

#[tokio::test]
async fn who_waits_for_a_place_is_told_when_the_connection_ends() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let spawn = || {
        let codex = codex.clone();
        tokio::spawn(
            async move { codex.request(ThreadLoadedListParams::default()).no_timeout().await },
        )
    };
    let (first, second) = (spawn(), spawn());
    server.expect("thread/loaded/list").await;
    codex.close().await;
    assert!(first.await.unwrap().unwrap_err().is_closed());
    assert!(second.await.unwrap().unwrap_err().is_closed());
}

#[tokio::test]
async fn what_came_before_the_end_can_still_be_asked_for() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    server.notify("warning", json!({"message": "m"})).await;
    drop(server);
    codex.closed().await;
    let mut feed = codex.notifications();
    assert!(matches!(feed.next().await, Some(Ok(ConnectionEvent::Notification { .. }))));
    assert!(feed.next().await.unwrap().unwrap_err().is_closed());
    assert!(feed.next().await.is_none());
}

#[test]
fn a_client_whose_async_runtime_is_gone_is_closed() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (codex, mut turn, server) = first.block_on(async {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let turn = turn(&codex, &mut server).await;
        (codex, turn, server)
    });
    drop(first);
    runtime().block_on(async {
        assert!(turn.next().await.unwrap().unwrap_err().is_closed());
        assert!(loaded(&codex).await.unwrap_err().is_closed());
        codex.close().await;
    });
    drop(server);
}

#[tokio::test]
async fn settings_of_any_size_are_taken() {
    let builder = Codex::builder()
        .max_in_flight(usize::MAX)
        .request_timeout(Duration::MAX)
        .start_timeout(Duration::MAX);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    answers(&codex, &mut server).await;
    let call = codex.request(ThreadLoadedListParams::default()).timeout(Duration::MAX);
    let dropped = tokio::spawn(call.into_future());
    server.expect("thread/loaded/list").await;
    dropped.abort();
    answers(&codex, &mut server).await;
}

#[tokio::test]
async fn a_closed_client_refuses_at_once_and_can_be_closed_again() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let turn = turn(&codex, &mut server).await;
    codex.close().await;
    codex.close().await;
    assert!(server.receive().await.is_none());
    assert!(matches!(loaded(&codex).await, Err(Error::Closed(CloseReason::Local))));
    assert!(matches!(turn.result().await, Err(Error::Closed(CloseReason::Local))));
}

#[tokio::test]
async fn the_last_handle_ends_the_connection_whatever_it_is() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let turn = turn(&codex, &mut server).await;
    drop(codex);
    server.delta("t1", "u1", "still there").await;
    let control = turn.control();
    drop(turn);
    let ((), interrupted) = tokio::join!(
        async {
            let id = server.expect("turn/interrupt").await.id;
            server.reply(&id, json!({})).await;
        },
        control.interrupt()
    );
    interrupted.unwrap();
    drop(control);
    assert!(server.receive().await.is_none());
}

#[tokio::test]
async fn a_request_that_cannot_be_queued_waits_and_is_never_sent_when_dropped() {
    let (codex, mut server) =
        FakeServer::start_with(Codex::builder().max_in_flight(2)).await.unwrap();
    let spawn = || {
        let codex = codex.clone();
        tokio::spawn(async move { loaded(&codex).await })
    };
    let (first, second) = (spawn(), spawn());
    let (one, two) = (
        server.expect("thread/loaded/list").await.id,
        server.expect("thread/loaded/list").await.id,
    );
    let third = spawn();
    tokio::task::yield_now().await;
    third.abort();
    assert!(third.await.unwrap_err().is_cancelled());
    server.reply(&one, json!({"data": []})).await;
    server.reply(&two, json!({"data": []})).await;
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    answers(&codex, &mut server).await;
    drop(codex);
    assert!(server.receive().await.is_none(), "the dropped request was sent");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_64_requests_are_in_flight_by_default() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let codex = codex.clone();
            tokio::spawn(async move { loaded(&codex).await })
        })
        .collect();
    let mut ids = Vec::new();
    for _ in 0..64 {
        ids.push(server.expect("thread/loaded/list").await.id);
    }
    // The clock only goes on when nothing else can.
    let more = tokio::time::timeout(Duration::from_secs(1), server.receive()).await;
    assert!(more.is_err(), "{more:?}");
    for _ in 64..100 {
        server.reply(&ids.remove(0), json!({"data": []})).await;
        ids.push(server.expect("thread/loaded/list").await.id);
    }
    for id in ids {
        server.reply(&id, json!({"data": []})).await;
    }
    for request in requests {
        request.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_keeps_its_place_until_it_is_answered_or_its_time_is_over() {
    let builder = Codex::builder().max_in_flight(1).request_timeout(Duration::from_secs(60));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let dropped = tokio::spawn({
        let codex = codex.clone();
        async move { loaded(&codex).await }
    });
    let id = server.expect("thread/loaded/list").await.id;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    let begin = tokio::time::Instant::now();
    let next = tokio::spawn({
        let codex = codex.clone();
        async move { codex.request(ThreadLoadedListParams::default()).no_timeout().await }
    });
    let next_id = server.expect("thread/loaded/list").await.id;
    assert!(begin.elapsed() >= Duration::from_secs(59), "{:?}", begin.elapsed());
    server.reply(&id, json!({"data": ["too late"]})).await;
    server.reply(&next_id, json!({"data": ["mine"]})).await;
    assert_eq!(next.await.unwrap().unwrap().data, ["mine"]);
}

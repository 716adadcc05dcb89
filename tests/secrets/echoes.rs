//! A server that repeats what it was given wherever nobody expects it.

use codexkit::ConnectionEvent;
use codexkit::testing::FakeServer;
use serde_json::json;

use crate::written::Written;
use crate::{KEY, MARK, TOKEN};

pub(crate) async fn of_lines_and_requests(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let key = json!(KEY);
    let lines = [
        format!("login with {KEY}"),
        key.to_string(),
        format!("[{key}]"),
        format!("{{\"key\":{key}}}"),
        format!("{{\"method\":{{{key}:{key}}}}}"),
        format!("{{\"method\":[{key}],\"params\":{key}}}"),
        format!("{{\"id\":{key},\"params\":{key}}}"),
        format!("{{\"method\":\"warning\",\"params\":{{\"message\":{key}"),
        format!("{{\"method\":\"warning\",\"params\":{{\"message\":\"{TOKEN}"),
    ];
    for line in &lines {
        server.send_bytes(format!("{line}\n").as_bytes()).await;
    }
    for line in &lines {
        let event = feed.next().await.unwrap().unwrap();
        written.debug(&event);
        match event {
            ConnectionEvent::Malformed { head, .. } => assert!(head.contains(MARK)),
            other => panic!("{other:?} of {line}"),
        }
    }
    let command = format!("export OPENAI_API_KEY={KEY}");
    let requests = [
        ("secret/ask", json!({"key": KEY})),
        ("secret/ask", json!(KEY)),
        ("item/commandExecution/requestApproval", json!({"threadId": 7, "command": command})),
        (
            "item/commandExecution/requestApproval",
            json!({
                "threadId": "t1",
                "turnId": "u1",
                "itemId": "i1",
                "startedAtMs": 1,
                "command": command,
            }),
        ),
        ("item/tool/requestUserInput", json!({"threadId": "t1", "questions": [KEY]})),
        ("account/chatgptAuthTokens/refresh", json!({"reason": [TOKEN]})),
    ];
    for (id, (method, params)) in requests.into_iter().enumerate() {
        server.send(json!({"id": id, "method": method, "params": params})).await;
        let answer = server.receive().await.unwrap();
        assert_eq!(answer.id, id);
        assert!(!answer.params.to_string().contains(MARK), "{answer:?}");
        let event = feed.next().await.unwrap().unwrap();
        written.debug(&event);
        match event {
            ConnectionEvent::RequestRefused { request, .. } => {
                assert!(request.params.to_string().contains(MARK));
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn of_answers_and_notifications(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    server.send(json!({"id": 987, "result": {"key": KEY}})).await;
    server.send(json!({"id": 988, "error": {"code": -1, "message": KEY, "data": KEY}})).await;
    server.notify("secret/news", json!({"key": KEY})).await;
    server.notify("warning", json!({"message": "well known", "new": {"key": KEY}})).await;
    server.notify("warning", json!({"message": {"key": KEY}})).await;
    for _ in 0..5 {
        let event = feed.next().await.unwrap().unwrap();
        assert!(!matches!(event, ConnectionEvent::Malformed { .. }), "{event:?}");
        written.debug(&event);
    }
    written.debug(&feed);
}

//! Each id is answered once, and as it came.

use codexkit::testing::FakeServer;
use codexkit::{Codex, ConnectionEvent, Resolution};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use crate::support::{
    ATTESTATION, Asked, COMMAND, Scene, answer, ask, ask_command, decision, params, problem, quiet,
    refusal, scene_with, silence, within,
};

/// A server whose lines are read as they are.
struct Raw {
    lines: BufReader<DuplexStream>,
    to_client: DuplexStream,
    codex: Codex,
}

impl Raw {
    async fn start() -> Raw {
        let (reader, mut to_client) = tokio::io::duplex(1 << 16);
        let (writer, from_client) = tokio::io::duplex(1 << 16);
        let mut lines = BufReader::new(from_client);
        let (codex, ()) = tokio::join!(Codex::connect(reader, writer), async {
            let mut line = String::new();
            lines.read_line(&mut line).await.unwrap();
            let request: Value = serde_json::from_str(&line).unwrap();
            let result = json!({
                "userAgent": format!("codexkit/{} (x; x) x", codexkit::RUNTIME_VERSION),
                "codexHome": "/", "platformFamily": "unix", "platformOs": "linux",
            });
            let reply = format!("{}\n", json!({"id": request["id"], "result": result}));
            to_client.write_all(reply.as_bytes()).await.unwrap();
            lines.read_line(&mut line).await.unwrap();
        });
        Raw { lines, to_client, codex: codex.unwrap() }
    }

    /// What goes back for a request with this as its id.
    async fn answer_to(&mut self, id: &str, method: &str) -> String {
        let params = json!({});
        let line = format!("{{\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n");
        self.to_client.write_all(line.as_bytes()).await.unwrap();
        let mut line = String::new();
        within(self.lines.read_line(&mut line)).await.unwrap();
        line
    }
}

#[tokio::test(start_paused = true)]
async fn ids_go_back_as_they_came() {
    let mut raw = Raw::start().await;
    let ids = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        r#""""#,
        r#""0""#,
        r#""a\"\\\/b""#,
        r#""\u0041\u00e9\ud83d\ude00""#,
        r#""\u0000\n\t""#,
        "\"é😀\"",
    ];
    for id in ids {
        let answer = raw.answer_to(id, ATTESTATION).await;
        assert!(
            answer.starts_with(&format!("{{\"id\":{id},\"error\":{{\"code\":-32000,")),
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_no_text_and_no_integer_is_an_invalid_request() {
    let mut raw = Raw::start().await;
    let mut feed = raw.codex.notifications();
    let ids = [
        "null",
        "1.5",
        "1.0",
        "1e3",
        "-0",
        "true",
        "false",
        "{}",
        r#"{"id":1}"#,
        "[1]",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e400",
    ];
    for id in ids {
        for method in [ATTESTATION, "new/ask"] {
            let answer = raw.answer_to(id, method).await;
            let error = "the id of a request is a string or an integer";
            let expected =
                format!("{{\"id\":{id},\"error\":{{\"code\":-32600,\"message\":\"{error}\"}}}}\n");
            assert_eq!(answer, expected);
            let (request, problem, source) = refusal(&mut feed).await;
            assert_eq!(request.method, method);
            assert_eq!((problem.as_deref(), source), (Some(error), None));
        }
    }
    // The next one is understood.
    let answer = raw.answer_to("1", ATTESTATION).await;
    assert!(answer.starts_with("{\"id\":1,\"error\":{\"code\":-32000,"), "{answer}");
}

async fn asked_scene() -> (Scene, Asked) {
    let asked = Asked::new();
    let scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    (scene, asked)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_while_it_waits_is_the_same_one() {
    let (mut scene, mut asked) = asked_scene().await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 7, "u1").await;
    let request = asked.command().await;
    for _ in 0..3 {
        ask_command(&mut scene.server, 7, "u1").await;
    }
    quiet(&mut feed, &mut scene.server).await;
    asked.assert_empty();
    request.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(7, "accept"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_answered_is_not_answered_again() {
    let (mut scene, mut asked) = asked_scene().await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 7, "u1").await;
    asked.command().await.decline().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(7, "decline"));
    // Also if it is about something else now.
    for (method, params) in
        [(COMMAND, params(COMMAND, "u1")), ("new/ask", json!({})), (COMMAND, json!({}))]
    {
        ask(&mut scene.server, 7, method, &params).await;
        match within(feed.next()).await.unwrap().unwrap() {
            ConnectionEvent::RequestRepeated { request, .. } => {
                assert_eq!((&*request.method, request.params), (method, params));
            }
            other => panic!("{other:?}"),
        }
    }
    asked.assert_empty();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_refused_or_resolved_is_not_answered_again() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    for (id, method, params) in
        [(1, "new/ask", json!({})), (2, COMMAND, json!({})), (3, COMMAND, params(COMMAND, "u1"))]
    {
        ask(&mut server, id, method, &params).await;
        assert_eq!(answer(&mut server).await["id"], id);
        refusal(&mut feed).await;
        ask(&mut server, id, method, &params).await;
        let event = within(feed.next()).await.unwrap().unwrap();
        assert!(matches!(event, ConnectionEvent::RequestRepeated { .. }), "{event:?}");
    }
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_number_and_a_text_that_look_alike_are_two_ids() {
    let (mut scene, mut asked) = asked_scene().await;
    let mut requests = Vec::new();
    for id in [json!(1), json!("1"), json!("01"), json!(" 1"), json!("1.0")] {
        ask_command(&mut scene.server, id.clone(), "u1").await;
        requests.push((id, asked.command().await));
    }
    for (id, request) in requests.into_iter().rev() {
        assert_eq!(serde_json::to_value(request.id()).unwrap(), id);
        request.accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_written_in_two_ways_is_one_id() {
    let (mut scene, mut asked) = asked_scene().await;
    let params = params(COMMAND, "u1");
    for id in [r#""A/b""#, r#""\u0041\/b""#] {
        let line = format!("{{\"id\":{id},\"method\":\"{COMMAND}\",\"params\":{params}}}\n");
        scene.server.send_bytes(line.as_bytes()).await;
    }
    asked.command().await.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision("A/b", "accept"));
    scene.sync().await;
    asked.assert_empty();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn all_handles_of_a_request_are_one() {
    let (mut scene, mut asked) = asked_scene().await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    let other = request.clone();
    assert_eq!(request, other);
    other.accept().unwrap();
    assert_eq!(request.resolution(), Some(Resolution::Answered));
    for late in [request.accept(), other.decline(), other.refuse(), request.cancel()] {
        match late {
            Err(codexkit::Error::RequestResolved { method, resolution, .. }) => {
                assert_eq!((&*method, resolution), (COMMAND, Resolution::Answered));
            }
            late => panic!("{late:?}"),
        }
    }
    // To hand it on is of no use any more, and does no harm.
    request.pass();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_has_to_be_there_for_an_answer() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    ask_command(&mut server, 1, "u1").await;
    assert_eq!(answer(&mut server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await, None);
}

//! What the client tells of what it does, and what it keeps to itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/told.rs"]
mod told;

use std::time::Duration;

use codexkit::protocol::{ApiKeyLoginAccountParams, LoginAccountParams, ModelListParams};
use codexkit::testing::{FakeServer, MockModel, Reply, TestHome};
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use self::told::Told;

#[tokio::test]
async fn requests_turns_and_the_end_are_told_without_what_is_in_them() {
    let told = Told::default();
    let listening = told.listen(LevelFilter::TRACE);
    let (home, model) = (TestHome::new().unwrap(), MockModel::start().await.unwrap());
    let command = json!({"cmd": "echo secret-of-the-command"});
    model.extend([
        Reply::new().function_call("call_1", "exec_command", command),
        Reply::new().deltas(["secret-of-", "the-answer"]),
    ]);
    let builder = home.builder(&model).env("SECRET", "secret-of-the-environment");
    let codex = builder.config("secret", "secret-of-the-config").start().await.unwrap();
    let key = ApiKeyLoginAccountParams::new("secret-of-the-account");
    codex.request(LoginAccountParams::ApiKey(key)).await.unwrap();
    let thread = codex.thread_start().base_instructions("secret-of-the-thread").await.unwrap();
    let result = thread.run("secret-of-the-user").await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("secret-of-the-answer"));
    codex.thread_resume("secret-of-the-request").await.unwrap_err();
    codex.close().await;
    drop(listening);
    let text = told.text();
    for wanted in [
        "request{method=\"thread/start\"}: codexkit: answered",
        "request{method=\"thread/resume\"}: codexkit: failed",
        "kind=\"refused\"",
        &format!("turn{{thread=\"{}\" turn=\"{}\"}}", thread.id(), result.id),
        "completed status=completed",
        "notification method=item/agentMessage/delta",
        "connection closed by this side",
        "the runtime ended by itself",
    ] {
        assert!(text.contains(wanted), "`{wanted}` is missing in:\n{text}");
    }
    assert!(!text.contains("secret-of-"), "{text}");
}

#[tokio::test]
async fn what_is_refused_skipped_or_lost_is_told() {
    let told = Told::default();
    let listening = told.listen(LevelFilter::DEBUG);
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let ask = json!({"id": 1, "method": "secret/ask", "params": {"it": "secret-of-the-question"}});
    server.send(ask).await;
    server.receive().await.unwrap();
    server.send_bytes(b"{\"method\": secret-of-the-line}\n").await;
    for n in 0..300 {
        server.delta("t1", "u1", &format!("secret-of-delta-{n}")).await;
    }
    let (timed_out, _) = tokio::join!(
        codex.request(ModelListParams::default()).timeout(Duration::from_millis(1)).into_future(),
        server.expect("model/list")
    );
    timed_out.unwrap_err();
    feed.next().await.unwrap().unwrap();
    drop(server);
    codex.closed().await;
    drop(listening);
    let text = told.text();
    for wanted in [
        "a request of the server was not understood method=secret/ask id=\"1\"",
        "skipped a line that is no message",
        "events were lost that nobody read in time count=",
        "kind=\"timed out\"",
        "connection closed by the other side",
    ] {
        assert!(text.contains(wanted), "`{wanted}` is missing in:\n{text}");
    }
    assert!(!text.contains("secret-of-"), "{text}");
}

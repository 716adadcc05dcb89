//! Threads, turns and the rest, with secrets wherever a user may put some.

use codexkit::protocol::ThreadListParams;
use codexkit::testing::FakeServer;
use codexkit::{
    ApprovalMode, Codex, Error, ExternalMessage, Input, ItemView, Sandbox, Thread, TurnInput,
    TurnView,
};
use serde_json::{Value, json};

use crate::written::Written;
use crate::{KEY, OTHER, TOKEN};

async fn a_thread() -> (Codex, FakeServer, Thread) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.thread_start().config("token", TOKEN).into_future();
    let (thread, request) = tokio::join!(start, server.accept_thread("t1"));
    assert_eq!(request.params["config"]["token"], TOKEN);
    (codex, server, thread.unwrap())
}

pub(crate) async fn of_threads(written: &mut Written) {
    let (codex, mut server, thread) = a_thread().await;
    written.debug(&thread);
    written.debug(thread.opened().unwrap());
    written.debug(&codex.thread_start().config("key", KEY).base_instructions(OTHER));
    written.debug(&codex.thread_resume("t1").config("key", KEY));
    written.debug(&codex.thread_fork("t1").config("key", KEY).developer_instructions(OTHER));
    written.debug(&(ApprovalMode::DenyAll, Sandbox::ReadOnly));
    written.debug(&ApprovalMode::DenyAll);
    written.debug(&Sandbox::ReadOnly);
    let search = || ThreadListParams::default().search_term(OTHER);
    written.debug(&codex.list(search()));
    let mut items = codex.list(search()).all();
    let (failed, ()) = tokio::join!(items.next(), async {
        let request = server.expect("thread/list").await;
        server.reply(&request.id, json!({"data": [{"preview": OTHER}]})).await;
    });
    written.debug(&failed);
    written.debug(&items);
    let start = codex.thread_start().config("key", KEY).into_future();
    let (failed, ()) = tokio::join!(start, async {
        let request = server.expect("thread/start").await;
        server.reply(&request.id, json!({"thread": request.params})).await;
    });
    assert!(matches!(written.failure(failed), Error::Decode { .. }));
}

pub(crate) async fn of_turns(written: &mut Written) {
    let (_codex, mut server, thread) = a_thread().await;
    let input = || Input::text(KEY);
    let message = || ExternalMessage::new("call", OTHER);
    written.debug(&input());
    written.debug(&message());
    written.debug(&TurnInput::User(input()));
    written.debug(&TurnInput::External(message()));
    written.debug(&thread.turn(input()).client_message_id(OTHER));
    let (turn, _) = tokio::join!(thread.turn(input()).into_future(), server.accept_turn("u1"));
    let mut turn = turn.unwrap();
    written.debug(&turn);
    written.debug(&turn.control());
    written.debug(&turn.text_deltas());
    written.debug(&turn.completed_items());
    // What is not understood of an event, and what is added to one that is.
    let item = json!({"type": "agentMessage", "id": "m1", "text": "", "new": {"key": KEY}});
    let params = json!({"item": item, "threadId": "t1", "turnId": "u1", "startedAtMs": 1});
    server.notify("item/started", params).await;
    let params = json!({"threadId": "t1", "turnId": "u1", "delta": [KEY]});
    server.notify("item/agentMessage/delta", params).await;
    let mut view = TurnView::default();
    for _ in 0..2 {
        let event = turn.next().await.unwrap().unwrap();
        view.apply(&event);
        written.debug(&event);
    }
    written.debug(&view);
    let [item]: &[ItemView; 1] = view.items().try_into().unwrap();
    written.debug(item);
    let completed = json!({"id": "u1", "items": [], "status": "completed", "new": KEY});
    server.notify("turn/completed", json!({"threadId": "t1", "turn": completed})).await;
    written.debug(&turn.result().await.unwrap());
    let (failed, ()) = tokio::join!(thread.run(input()).into_future(), async {
        server.accept_turn("u2").await;
        let error = json!({"message": "it failed", "new": KEY});
        let failed = json!({"id": "u2", "items": [], "status": "failed", "error": error});
        server.notify("turn/completed", json!({"threadId": "t1", "turn": failed})).await;
    });
    match written.failure(failed) {
        Error::TurnFailed(failure) => written.debug(&*failure),
        other => panic!("{other:?}"),
    }
}

fn goal(status: &str) -> Value {
    json!({
        "threadId": "t1",
        "objective": "Finish.",
        "status": status,
        "tokensUsed": 0,
        "timeUsedSeconds": 0,
        "createdAt": 1,
        "updatedAt": 1,
        "new": KEY,
    })
}

pub(crate) async fn of_goals(written: &mut Written) {
    let (_codex, mut server, thread) = a_thread().await;
    written.debug(&thread.goal_run(OTHER));
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        let read = server.expect("thread/read").await;
        let idle = crate::threads::a_thread("idle");
        server.reply(&read.id, json!({"thread": idle})).await;
        let get = server.expect("thread/goal/get").await;
        server.reply(&get.id, json!({"goal": null})).await;
        let set = server.expect("thread/goal/set").await;
        server.reply(&set.id, json!({"goal": goal("active")})).await;
        for (method, params) in [
            ("thread/goal/updated", json!({"threadId": "t1", "goal": goal("active")})),
            ("turn/started", json!({"threadId": "t1", "turn": a_turn("inProgress")})),
            ("thread/goal/updated", json!({"threadId": "t1", "goal": goal("complete")})),
            ("turn/completed", json!({"threadId": "t1", "turn": a_turn("completed")})),
        ] {
            server.notify(method, params).await;
        }
    });
    let run = run.unwrap();
    written.debug(&run);
    written.debug(&run.control());
    written.debug(&run.result().await.unwrap());
}

fn a_turn(status: &str) -> Value {
    json!({"id": "g1", "items": [], "status": status, "new": KEY})
}

pub(crate) async fn of_commands_and_files(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let command = || codex.command(["login", KEY]).env("TOKEN", TOKEN);
    written.debug(&command());
    let mut spawned = command().spawn().await.unwrap();
    let request = server.expect("command/exec").await;
    assert_eq!(request.params["env"]["TOKEN"], TOKEN);
    let process = &request.params["processId"];
    let output = "aHVzaA==";
    let params = json!({
        "processId": process,
        "stream": "stdout",
        "deltaBase64": output,
        "capReached": false,
    });
    server.notify("command/exec/outputDelta", params).await;
    let output = spawned.next().await.unwrap().unwrap();
    assert_eq!(output.bytes, b"hush");
    written.debug(&output);
    // Bytes that would show what they are.
    assert!(!format!("{output:?}").contains("104"));
    written.debug(&spawned);
    written.debug(&spawned.control());
    server.reply(&request.id, json!({"exitCode": [TOKEN]})).await;
    written.failure(spawned.wait().await);
    let fs = codex.fs();
    written.debug(&fs);
    let (watch, ()) = tokio::join!(fs.watch("/project"), async {
        let request = server.expect("fs/watch").await;
        server.reply(&request.id, json!({"path": "/project", "new": KEY})).await;
    });
    written.debug(&watch.unwrap());
    server.expect("fs/unwatch").await;
    let (failed, ()) = tokio::join!(fs.write("/project/.env", KEY), async {
        let request = server.expect("fs/writeFile").await;
        server.send(json!({"id": request.id, "error": {"code": [KEY]}})).await;
    });
    assert!(matches!(written.failure(failed), Error::Decode { .. }));
    let (failed, ()) = tokio::join!(fs.read("/project/.env"), async {
        let request = server.expect("fs/readFile").await;
        server.reply(&request.id, json!({"dataBase64": KEY})).await;
    });
    assert!(matches!(written.failure(failed), Error::Decode { .. }));
}

#[cfg(feature = "schemars")]
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Answer {
    #[allow(dead_code, reason = "it is only printed")]
    minutes: u32,
}

#[cfg(feature = "schemars")]
pub(crate) async fn of_typed_turns(written: &mut Written) {
    let (_codex, mut server, thread) = a_thread().await;
    for (answer, fits) in [(r#"{"minutes":7}"#, true), (r#"{"minutes":"seven"}"#, false)] {
        let turn = thread.run_typed::<Answer>(Input::text(KEY)).into_future();
        let (typed, ()) = tokio::join!(turn, async {
            server.accept_turn("u1").await;
            server.message("t1", "u1", answer).await;
            server.complete_turn("t1", "u1", "completed").await;
        });
        match typed {
            Ok(typed) => written.debug(&typed),
            Err(error) if fits => panic!("{error:?}"),
            Err(error) => {
                written.error(&error);
                let Error::Output(error) = error else { panic!("{error:?}") };
                written.debug(&*error);
            }
        }
    }
}

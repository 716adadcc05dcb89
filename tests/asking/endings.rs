//! What needs no answer any more says so, and whoever works on an answer is told.

use std::time::Duration;

use codexkit::{Codex, Error, PendingRequest, Resolution, protocol};
use serde_json::json;

use crate::support::{
    Asked, COMMAND, Guard, HOUR, KINDS, Scene, TIME, TOOL, answer, ask, ask_command, command_of,
    decision, params, parked, quiet, resolve_elsewhere, scene_with, silence, within,
};

/// How it comes that a request needs no answer any more.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Turn,
    ThreadClosed,
    ThreadArchived,
    ThreadDeleted,
    Elsewhere,
    ServerGone,
    Closed,
}

const ENDS: [End; 7] = [
    End::Turn,
    End::ThreadClosed,
    End::ThreadArchived,
    End::ThreadDeleted,
    End::Elsewhere,
    End::ServerGone,
    End::Closed,
];

impl End {
    fn resolution(self) -> Resolution {
        match self {
            End::Turn | End::ThreadClosed | End::ThreadArchived | End::ThreadDeleted => {
                Resolution::TurnEnded
            }
            End::Elsewhere => Resolution::Elsewhere,
            End::ServerGone | End::Closed => Resolution::Closed,
        }
    }

    /// Lets it come, and checks what the server then gets for the request 1.
    async fn come(self, scene: Scene) {
        let Scene { codex, mut server, thread: _thread } = scene;
        let of_thread = json!({"threadId": "t1"});
        match self {
            End::Turn => server.complete_turn("t1", "u1", "interrupted").await,
            End::ThreadClosed => server.notify("thread/closed", of_thread).await,
            End::ThreadArchived => server.notify("thread/archived", of_thread).await,
            End::ThreadDeleted => server.notify("thread/deleted", of_thread).await,
            End::Elsewhere => resolve_elsewhere(&mut server, 1).await,
            End::ServerGone => {
                drop(server);
                within(codex.closed()).await;
                return;
            }
            End::Closed => {
                within(codex.close()).await;
                assert!(server.receive().await.is_none());
                return;
            }
        }
        if self != End::Elsewhere {
            assert_eq!(answer(&mut server).await, decision(1, "decline"));
        }
        silence(&mut server).await;
    }
}

#[track_caller]
fn assert_too_late(late: codexkit::Result<()>, resolution: Resolution) {
    match late {
        Err(Error::Closed(_)) if resolution == Resolution::Closed => (),
        Err(Error::RequestResolved { method, resolution: found, .. }) => {
            assert_eq!((&*method, found), (COMMAND, resolution));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_keeps_a_request_is_told_and_answers_too_late() {
    for end in ENDS {
        let mut asked = Asked::new();
        let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
        ask_command(&mut scene.server, 1, "u1").await;
        let request = asked.command().await;
        let waiting = [request.clone(), request.clone()]
            .map(|it| tokio::spawn(async move { within(it.resolved()).await }));
        scene.sync().await;
        assert_eq!(request.resolution(), None);
        end.come(scene).await;
        assert_eq!(request.resolution(), Some(end.resolution()), "{end:?}");
        assert_eq!(within(request.resolved()).await, end.resolution());
        for waiting in waiting {
            assert_eq!(within(waiting).await.unwrap(), end.resolution(), "{end:?}");
        }
        assert_too_late(request.accept(), end.resolution());
        assert_too_late(request.refuse(), end.resolution());
        assert_eq!(request.resolution(), Some(end.resolution()), "{end:?}");
        request.pass();
        asked.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_at_work_is_dropped() {
    for end in ENDS {
        let (guard, dropped) = Guard::new();
        let guard = std::sync::Mutex::new(Some(guard));
        let handlers = codexkit::Handlers::new().command_approval(move |request| {
            let guard = guard.lock().unwrap().take();
            async move {
                tokio::time::sleep(HOUR * 100).await;
                drop(guard);
                request.accept()
            }
        });
        let mut scene = scene_with(Codex::builder().handler(handlers)).await;
        let mut feed = scene.codex.notifications();
        ask_command(&mut scene.server, 1, "u1").await;
        scene.sync().await;
        let started = tokio::time::Instant::now();
        let ((), dropped) = tokio::join!(end.come(scene), async {
            within(dropped).await.unwrap();
            started.elapsed()
        });
        assert_eq!(dropped.as_secs(), 0, "{end:?}");
        // Nothing went wrong.
        while let Some(Ok(event)) = within(feed.next()).await {
            let is_notification = matches!(event, codexkit::ConnectionEvent::Notification { .. });
            assert!(is_notification, "{end:?}: {event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_request_is_told_as_well() {
    for end in ENDS {
        let mut scene = scene_with(Codex::builder()).await;
        let mut turn = scene.parking_turn("u1").await;
        ask_command(&mut scene.server, 1, "u1").await;
        let request = command_of(parked(&mut turn).await);
        end.come(scene).await;
        assert_eq!(within(request.resolved()).await, end.resolution(), "{end:?}");
        assert_too_late(request.accept(), end.resolution());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_turn_has_ended_before_it_came_is_asked_farther_out() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let turn = scene.turn_with("u1", asked.handler("turn")).await;
    scene.server.complete_turn("t1", "u1", "completed").await;
    scene.sync().await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "client");
    request.pass();
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    scene.thread.set_handler(asked.handler("thread"));
    ask_command(&mut scene.server, 2, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(2, "accept"));
    turn.result().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_what_is_about_a_turn_ends_with_it() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask(&mut scene.server, 1, TIME, &params(TIME, "")).await;
    ask_command(&mut scene.server, 2, "u1").await;
    ask_command(&mut scene.server, 3, "u2").await;
    ask(&mut scene.server, 4, TOOL, &params(TOOL, "u1")).await;
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(asked.next().await.1);
    }
    requests.sort_by_key(|it| serde_json::to_value(it.id()).unwrap().as_u64());
    scene.server.complete_turn("t1", "u1", "completed").await;
    let mut refused = [answer(&mut scene.server).await, answer(&mut scene.server).await];
    refused.sort_by_key(|it| it["id"].as_u64());
    assert_eq!(refused[0], decision(2, "decline"));
    assert_eq!((&refused[1]["id"], &refused[1]["result"]["success"]), (&json!(4), &json!(false)));
    let ended = Some(Resolution::TurnEnded);
    let resolutions = || requests.iter().map(codexkit::ServerRequest::resolution);
    assert!(resolutions().eq([None, ended, None, ended]));
    scene.server.notify("thread/closed", json!({"threadId": "t1"})).await;
    let mut refused = [answer(&mut scene.server).await, answer(&mut scene.server).await];
    refused.sort_by_key(|it| it["id"].as_u64());
    assert_eq!(refused[0]["error"]["code"], -32000);
    assert_eq!(refused[1], decision(3, "decline"));
    assert!(resolutions().all(|it| it == ended));
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_each_kind_says_no_in_its_way() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let refusal = |method: &str| {
        let answer = |it| ("result", it);
        match method {
            COMMAND | crate::support::FILES => answer(json!({"decision": "decline"})),
            crate::support::PERMISSIONS => answer(json!({"permissions": {}})),
            crate::support::USER_INPUT => answer(json!({"answers": {}})),
            crate::support::ELICITATION => answer(json!({"action": "decline"})),
            TOOL => answer(json!({
                "contentItems": [{"type": "inputText", "text": "the tool gave no result"}],
                "success": false,
            })),
            crate::support::LEGACY_COMMAND | crate::support::LEGACY_PATCH => {
                let denied = json!({"rejection": "the client does not grant it"});
                answer(json!({"decision": {"denied": denied}}))
            }
            method => {
                let message = format!("the client does not provide `{method}`");
                ("error", json!({"code": -32000, "message": message}))
            }
        }
    };
    for (n, method) in KINDS.into_iter().enumerate() {
        let (key, expected) = refusal(method);
        for (id, way) in [(10 * n, "refuse"), (10 * n + 1, "drop"), (10 * n + 2, "pass")] {
            ask(&mut scene.server, id, method, &params(method, "u1")).await;
            let request = asked.next().await.1;
            match way {
                "refuse" => request.refuse().unwrap(),
                "drop" => drop(request),
                _ => request.pass(),
            }
            let mut answer = answer(&mut scene.server).await;
            crate::support::without_nulls(&mut answer);
            assert_eq!(answer["id"], id);
            assert_eq!(answer[key], expected, "{method}: {answer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn resolutions_of_what_was_never_asked_or_is_over_do_nothing() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    for id in [json!(1), json!("1"), json!(99), json!(null), json!({}), json!(1.5)] {
        resolve_elsewhere(&mut scene.server, id).await;
    }
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    for id in [json!("1"), json!(2), json!(null), json!([1]), json!(1.5)] {
        resolve_elsewhere(&mut scene.server, id).await;
    }
    scene.server.notify("serverRequest/resolved", json!({"threadId": "t1"})).await;
    scene.server.notify("serverRequest/resolved", json!(null)).await;
    scene.sync().await;
    assert_eq!(request.resolution(), None);
    request.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    // As after every answer.
    resolve_elsewhere(&mut scene.server, 1).await;
    scene.sync().await;
    assert_eq!(request.resolution(), Some(Resolution::Answered));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn a_resolution_is_still_told_to_whoever_reads_notifications() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    resolve_elsewhere(&mut scene.server, 1).await;
    crate::support::nothing_but(&mut feed, "serverRequest/resolved").await;
    assert_eq!(request.resolution(), Some(Resolution::Elsewhere));
    quiet(&mut feed, &mut scene.server).await;
}

async fn unsubscribe(scene: &mut Scene) {
    let (status, ()) = tokio::join!(scene.thread.unsubscribe(), async {
        let request = within(scene.server.expect("thread/unsubscribe")).await;
        scene.server.reply(&request.id, json!({"status": "unsubscribed"})).await;
    });
    status.unwrap();
}

/// The runtime goes on waiting, and takes the answer.
#[tokio::test(start_paused = true)]
async fn what_waits_when_its_thread_is_unsubscribed_can_still_be_answered() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder()).await;
    let mut turn = scene.parking_turn("u1").await;
    scene.thread.set_handler(asked.handler("thread"));
    for id in [1, 2] {
        ask_command(&mut scene.server, id, "u1").await;
    }
    ask(&mut scene.server, 3, TIME, &params(TIME, "")).await;
    let (_, time) = asked.next().await;
    let first = command_of(parked(&mut turn).await);
    unsubscribe(&mut scene).await;
    let second = command_of(parked(&mut turn).await);
    assert!(matches!(within(turn.next()).await, Some(Err(Error::Detached { .. }))));
    for (id, request) in [(2, second), (1, first)] {
        assert_eq!(request.resolution(), None);
        request.accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    time.refuse().unwrap();
    assert_eq!(answer(&mut scene.server).await["id"], 3);
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_just_before_the_end_is_written() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    request.accept().unwrap();
    scene.codex.close().await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    assert!(scene.server.receive().await.is_none());
    assert_eq!(request.resolution(), Some(Resolution::Answered));
    assert_too_late(request.decline(), Resolution::Answered);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_keep_the_connection_open() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request: PendingRequest<protocol::CommandExecutionRequestApprovalParams> =
        asked.command().await;
    let Scene { codex, mut server, thread } = scene;
    drop((codex, thread));
    assert!(within(server.receive()).await.is_none());
    assert_eq!(within(request.resolved()).await, Resolution::Closed);
    assert!(request.codex().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_client_can_be_used_from_a_request() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    let codex = request.codex().unwrap();
    assert_eq!(codex.runtime().version, codexkit::RUNTIME_VERSION);
    crate::support::sync(&codex, &mut scene.server).await;
    let Scene { codex: first, mut server, thread } = scene;
    drop((first, thread));
    // It is a handle as any other.
    crate::support::sync(&codex, &mut server).await;
    request.accept().unwrap();
    assert_eq!(answer(&mut server).await, decision(1, "accept"));
    drop(codex);
    assert!(within(server.receive()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn to_wait_for_the_resolution_can_be_given_up_and_begun_again() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (_, request) = asked.next().await;
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_secs(1), request.resolved()).await;
        waited.unwrap_err();
    }
    resolve_elsewhere(&mut scene.server, 1).await;
    assert_eq!(within(request.resolved()).await, Resolution::Elsewhere);
}
